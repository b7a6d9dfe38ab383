"""The post-generation hook on an update: it warns of what it can't do, and never fails one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import commit_all, existing_project, files, git, need_tool, preset, render, without_privileges
from tests.update.projects import adopt, answers_of, generated, update_by_command, update_saying
from tests.update.versions import WORKING_TREE, substitute, with_next

OTHERS = "# Changes here will be overwritten by Copier\n_commit: v3\n_src_path: gh:somebody/else\nproject_name: Not This One\n"
OURS_BESIDE = ".copier-answers.chora-compose.yml"


def test_a_broken_setup_is_a_warning(working_tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def change(template: Path) -> None:
        # In the template: a user's own edits are back in place only after the hook.
        [setup] = template.glob("template/*scripts*/*setup*")
        substitute(setup, r"^new = not .*", r"raise SystemExit('no room for .env.local')")

    template = with_next(working_tree, tmp_path / "template", change)
    project = generated(template, tmp_path / "shop", preset("02-full"), version=WORKING_TREE)

    output = update_saying(project, capfd)

    assert "Note: scripts/setup failed" in output
    assert "no room for .env.local" in output
    assert output.count("Next:") == 1


def test_an_env_local_that_cannot_be_read_is_a_warning_and_kept(
    changed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need_tool("docker")  # scripts/setup of a hybrid project asks Compose
    project = generated(changed, tmp_path / "shop", preset("03-hybrid"), version=WORKING_TREE)
    local = project / ".env.local"
    broken = local.read_bytes().replace(b"# <<<", b"# \xff<")
    local.write_bytes(broken)

    output = update_saying(project, capfd)

    assert "Note: scripts/setup failed" in output
    assert ".env.local: the line '# <<< scripts/setup' is missing; put it back" in output
    assert "Traceback" not in output
    assert local.read_bytes() == broken


def test_a_gitignore_that_cannot_be_written_is_a_warning(changed: Path, tmp_path: Path) -> None:
    project = generated(changed, tmp_path / "shop", preset("02-full"), version=WORKING_TREE)
    gitignore = project / ".gitignore"
    gitignore.write_text(".env.local\n")
    gitignore.chmod(0o444)
    commit_all(project, "Without the block")
    (project / ".env.local").unlink()

    output = update_by_command(project, prefix=without_privileges())

    assert "Note: " in output
    assert ".gitignore" in output
    assert "Traceback" not in output
    assert gitignore.read_text() == ".env.local\n"
    assert output.count("Next:") == 1, "the rest of the hook still runs"
    assert (project / ".env.local").exists()


def test_a_setup_script_of_the_users_own_is_not_run(changed: Path, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    (project / "scripts").mkdir()
    (project / "scripts" / "setup").write_text("open('ran', 'w').close()\n")
    commit_all(project, "My own set-up")

    adopt(changed, project, preset("02-full"), vcs_ref=WORKING_TREE)

    assert "scripts/setup" in answers_of(project)["keep_files"]
    assert not (project / "ran").exists()


def test_a_project_in_a_folder_of_a_repository_is_updated_there(changed: Path, tmp_path: Path) -> None:
    root = existing_project("plain-script", tmp_path / "monorepo")
    project = root / "services" / "shop"
    render(changed, project, preset("02-full"), hook=True, vcs_ref=WORKING_TREE)
    assert not (project / ".git").exists()
    commit_all(root, "Generate")
    before = files(root)

    output = update_by_command(project)

    assert output.count("Next:") == 1
    assert (project / "new.cfg").exists()
    outside = {name for name in before if not name.startswith("services/")}
    assert {name: files(root)[name] for name in outside} == {name: before[name] for name in outside}
    assert not (project / ".git").exists()
    assert {line[:2] for line in git(root, "status", "--porcelain").splitlines()} == {" M", "??"}


def test_the_answers_of_another_template_stay_beside_ours(changed: Path, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    (project / ".copier-answers.yml").write_text(OTHERS)
    commit_all(project, "Another template's")
    adopt(changed, project, preset("01-minimal"), vcs_ref=WORKING_TREE)
    assert f"copier update --trust -a {OURS_BESIDE}" in (project / "COMPOSE.md").read_text()

    update_by_command(project, "-a", OURS_BESIDE)

    assert (project / ".copier-answers.yml").read_text() == OTHERS
    ours = answers_of(project, OURS_BESIDE)
    assert ours["project_name"] == "shop"
    assert "retries: 25" in (project / "docker-compose.yml").read_text()


def test_what_was_kept_is_said_at_adoption_and_not_at_each_update(
    changed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    (project / "Dockerfile").write_text("FROM scratch\n")
    commit_all(project, "A Dockerfile of my own")
    adopt(changed, project, preset("01-minimal"), vcs_ref=WORKING_TREE)

    output = update_saying(project, capfd)

    assert "kept your own" not in output
    assert output.count("Next:") == 1
    assert (project / "Dockerfile").read_text() == "FROM scratch\n"
