"""Scripts of 0.5.0, which 0.6.0 has rewritten and moved: no update from there meets a conflict, and none loses an edit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT, commit_all, files, git, machine, run_copier
from tests.update.projects import assert_fresh, conflicts, fresh, generated, update, update_by_command
from tests.update.versions import preset_of

pytestmark = pytest.mark.thorough

OLD = "v0.5.0"
MINE = b"# a line of my own\n"


def edited(content: bytes, place: float) -> bytes:
    """Return a script with a line more: 0 is below its first line, 1 its end."""
    lines = content.splitlines(keepends=True)
    lines.insert(1 + round(place * (len(lines) - 1)), MINE)
    return b"".join(lines)


@pytest.mark.parametrize("place", [0, 0.3, 0.7, 1])
@pytest.mark.parametrize("name", ["10-branches", "12-production"])
def test_an_edit_in_a_script_is_carried_over_or_kept_aside(name: str, place: float, released: Path, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset_of(released, OLD, name), hook=False, version=OLD)
    mine = {path: edited(content, place) for path, content in files(project).items() if path.startswith("scripts/")}
    for path, content in mine.items():
        (project / path).write_bytes(content)
    commit_all(project, "My changes")
    update(project)
    after = files(project)
    for path, content in mine.items():
        carried = MINE in after.get(path, b"").splitlines(keepends=True)
        assert carried != (after.get(f"{path}.orig") == content), path
    newest = files(fresh(released, tmp_path / "fresh", project))
    scripts = {path: content.replace(MINE, b"") for path, content in after.items() if not path.endswith(".orig")}
    assert {path: content for path, content in scripts.items() if path.startswith("scripts/")} == {
        path: content for path, content in newest.items() if path.startswith("scripts/")
    }
    assert git(project, "diff", "--cached", "--name-only") == "", "what is in the index is the last commit"


def test_an_edit_where_the_script_is_as_before_is_carried_over(released: Path, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset_of(released, OLD, "08-github-actions"), hook=False, version=OLD)
    script = project / "scripts" / "ci"
    script.write_bytes(script.read_bytes().replace(b"logs()", b"# a line of my own\nlogs()"))
    commit_all(project, "My changes")
    update(project)
    assert MINE + b"logs()" in script.read_bytes()
    assert not list(project.rglob("*.orig"))


def test_what_is_kept_aside_is_said_in_one_sentence(released: Path, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset_of(released, OLD, "02-full"), hook=False, version=OLD)
    (project / "scripts" / "setup").write_text("#!/bin/sh\nmake mine\n")
    commit_all(project, "My changes")
    with machine():
        output = update_by_command(project)
    sentence = "Note: carry your changes over from scripts/setup.orig and remove what you no longer need: "
    assert output.count(sentence) == 1
    assert (project / "scripts" / "setup.orig").read_text() == "#!/bin/sh\nmake mine\n"
    assert "mine" not in (project / "scripts" / "setup").read_text()


def test_an_answer_that_is_refused_costs_no_edit(released: Path, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset_of(released, OLD, "02-full"), hook=False, version=OLD)
    script = project / "scripts" / "setup"
    script.write_text("#!/bin/sh\nmake mine\n")
    commit_all(project, "My changes")
    done = run_copier("update", "--trust", "--defaults", "-d", "port_slot=99", cwd=project)
    assert (done.returncode, git(project, "status", "--porcelain")) == (1, "")
    assert script.read_text() == "#!/bin/sh\nmake mine\n"
    update(project)
    assert (project / "scripts" / "setup.orig").read_text() == "#!/bin/sh\nmake mine\n"


def test_a_project_without_edits_is_a_fresh_rendering_and_nothing_is_left_behind(released: Path, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset_of(released, OLD, "12-production"), hook=False, version=OLD)
    assert_fresh(update(project), released, tmp_path / "fresh")
    assert {path for path in files(project) if path.startswith("scripts/")} == {
        path for path in files(tmp_path / "fresh") if path.startswith("scripts/")
    }
    assert not (project / ".git" / "chora-compose-template-0.6.0").exists()


def test_a_project_below_the_top_of_its_repository_keeps_edits_too(released: Path, tmp_path: Path) -> None:
    """Without what Copier itself has rendered the migration renders the old release again."""
    project = generated(released, tmp_path / "shop", preset_of(released, OLD, "02-full"), hook=False, version=OLD)
    script = project / "scripts" / "setup"
    mine = script.read_text() + "# mine\n"
    script.write_text(mine)
    commit_all(project, "My changes")
    migration = [sys.executable, str(ROOT / "migrations" / "v0_6_0.py")]
    with machine():
        subprocess.run([*migration, "before", ".copier-answers.yml"], cwd=project, check=True)
    assert git(project, "status", "--porcelain") == "", "an answer may still be refused"
    script.unlink()
    subprocess.run([*migration, "after", ".copier-answers.yml"], cwd=project, check=True)
    assert (project / "scripts" / "setup.orig").read_text() == mine
    assert conflicts(project) == [] and yaml.safe_load((project / ".copier-answers.yml").read_text())["_commit"] == OLD
