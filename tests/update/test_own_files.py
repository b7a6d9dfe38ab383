"""Existing files with the names of template files, which an answer or a later version brings: they stay, and are named."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import commit_all, files, git, preset, render, run_copier
from tests.update.projects import answers_of, assert_fresh, generated, update, update_by_command
from tests.update.versions import WORKING_TREE, with_next

pytestmark = pytest.mark.thorough

MINE = "# Mine, since adoption.\n"
# One answer of each kind, the files that it brings, and others that are written beside them.
BROUGHT = {
    "ci": (
        {"ci": ["github", "gitlab"]},
        [".github/workflows/test.yml", ".gitlab-ci.yml", "docker-compose.test.yml", "scripts/ci"],
    ),
    "production": ({"production": True}, ["docker-compose.prod.yml", "nginx/nginx.conf.template", "scripts/deploy"]),
    "branches": ({"branch_environments": True}, ["scripts/branch-env", "scripts/setup", "scripts/lib/common.py"]),
    "stack": ({"stack": "full"}, [".env.services", "scripts/setup"]),
    "servers": ({"stack": "mcp-multi"}, ["docker/databases.sh", ".env.services.tasks", "scripts/mcp-stdio"]),
}


@pytest.fixture
def project(working_tree: Path, tmp_path: Path) -> Path:
    return generated(working_tree, tmp_path / "shop", preset("01-minimal"), hook=False)


def write(project: Path, *names: str) -> None:
    """Write files as their user does."""
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(MINE)


@pytest.mark.parametrize(("answer", "names"), BROUGHT.values(), ids=BROUGHT)
def test_what_an_answer_would_replace_stays_and_is_named(
    answer: dict[str, Any],
    names: list[str],
    project: Path,
    tmp_path: Path,
    working_tree: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    *mine, _ = names
    write(project, *mine)
    commit_all(project, "My own")

    update(project, hook=True, **answer)

    after = files(project)
    assert {after[name] for name in mine} == {MINE.encode()}
    assert names[-1] in after
    assert f"kept your own {', '.join(sorted(mine))}" in capfd.readouterr().err
    assert answers_of(project)["keep_files"] == sorted(mine)
    assert_fresh(project, working_tree, tmp_path / "fresh")
    commit_all(project, "Update")
    update(project, python_version="3.12")
    assert {files(project)[name] for name in mine} == {MINE.encode()}


def test_who_asks_for_the_templates_files_gets_them(project: Path) -> None:
    write(project, ".gitlab-ci.yml")
    commit_all(project, "My own")
    update(project, ci=["gitlab"])
    # As the note says.
    git(project, "mv", ".gitlab-ci.yml", "mine.yml")
    commit_all(project, "Update")

    update(project, keep_files=[])

    assert (project / "mine.yml").read_text() == MINE

    assert "Managed by" in (project / ".gitlab-ci.yml").read_text()
    assert answers_of(project)["keep_files"] == []


def test_what_the_template_has_written_is_not_taken_for_the_users(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("01-minimal") | {"ci": ["github"]}, hook=False)
    workflow = project / ".github" / "workflows" / "test.yml"
    workflow.write_text("".join(workflow.read_text().splitlines(keepends=True)[4:]))
    commit_all(project, "Our files have no headers")

    update(project, python_version="3.12")

    assert answers_of(project)["keep_files"] == []
    assert "3.12" in (project / "Dockerfile").read_text()


def test_a_file_that_a_later_version_brings_stays_the_users(working_tree: Path, tmp_path: Path) -> None:
    def bring(template: Path) -> None:
        table = template / "files.yml"
        row = "later.yml:\n  comes: all\n  whose: template\n  since: 2000.0.0\n  for: a test\n"
        table.write_text(f"{table.read_text()}{row}")
        (template / "template" / "later.yml").write_text("# Managed by chora-compose-template\nours: 1\n")

    project = generated(working_tree, tmp_path / "shop", preset("01-minimal"), hook=False)
    newer = with_next(working_tree, tmp_path / "newer", bring)
    write(project, "later.yml")
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(working_tree), str(newer)))
    commit_all(project, "My own")

    update(project)

    assert (project / "later.yml").read_text() == MINE
    assert answers_of(project)["keep_files"] == ["later.yml"]
    assert git(project, "status", "--porcelain") == " M .copier-answers.yml\n"


def test_lost_answers_make_no_template_file_the_users_and_can_be_had_back(
    project: Path, working_tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = files(project)
    git(project, "rm", "--quiet", ".copier-answers.yml")
    commit_all(project, "Lose the answers")

    render(working_tree, project, preset("02-full"), vcs_ref=WORKING_TREE, hook=True, overwrite=True)

    assert answers_of(project)["keep_files"] == ["pyproject.toml"], "which is written once"
    said = capfd.readouterr().err
    assert "git has your old ones" in said
    for command in (word for word in said.split("`") if word.startswith("git stash") or word.startswith("git checkout")):
        subprocess.run(shlex.split(command), cwd=project, check=True, capture_output=True)
    assert {name: files(project)[name] for name in before} == before


def test_a_renamed_compose_file_is_said_to_get_no_updates(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    git(project, "mv", "docker-compose.yml", "compose.yaml")
    commit_all(project, "Rename")
    update(project, hook=True)
    said = capfd.readouterr().err
    assert "rename compose.yaml to docker-compose.yml, commit, and update again" in said
    assert "prefers" not in said


def test_an_answer_that_all_others_depend_on_is_asked_for_where_its_line_is_gone(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    text = answers.read_text()
    answers.write_text(text.replace("stack: minimal\n", ""))
    commit_all(project, "Remove a line")
    done = run_copier("update", "--trust", "--defaults", cwd=project)
    assert done.returncode == 1
    assert "Restore the line `stack: …` in .copier-answers.yml" in done.stderr
    assert "Traceback" not in done.stderr
    assert git(project, "status", "--porcelain") == ""
    update_by_command(project, "-d", "stack=minimal")
    assert answers.read_text().count("\nstack: minimal\n") == 1
