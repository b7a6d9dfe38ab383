"""Destinations and machines that can't work: an exit code, one sentence, and nothing is written or changed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import copier
import pytest

from tests.support import existing_project, extension, files, render, run, run_copier, without_privileges

HELD = "{folder} has that of slot 0, and all ten slots are held."


@pytest.mark.parametrize("destination", ["taken", "taken/below", "taken/far/below"])
def test_a_destination_at_or_below_a_file_is_refused(destination: str, template: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine\n")

    done = run_copier("copy", "--trust", "--defaults", str(template), destination, cwd=tmp_path)

    assert done.returncode == 1
    file = tmp_path / "taken"
    assert done.stderr.splitlines()[-1].endswith(f"can't be a folder, because {file} is a file: name another one.")
    assert files(tmp_path) == {"taken": b"mine\n"}


@pytest.mark.parametrize("destination", ["shop", "shop/new"])
def test_a_destination_that_cannot_be_written_to_is_refused(destination: str, template: Path, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    before = files(project)
    project.chmod(0o555)

    done = run_copier("copy", "--trust", "--defaults", str(template), destination, cwd=tmp_path, prefix=without_privileges())

    project.chmod(0o755)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith(f"The destination {tmp_path / destination} can't be written to: ")
    assert message.endswith(".")
    assert str(project) in message
    assert files(project) == before


@pytest.mark.parametrize("name", ["dockerfile", "compose.md", ".Dockerignore", "Scripts/setup"])
def test_a_file_that_is_one_of_ours_in_other_letters_is_refused(name: str, template: Path, tmp_path: Path) -> None:
    """On macOS and Windows it would be the same file."""
    project = existing_project("flask-app", tmp_path / "shop")
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("FROM scratch\n")
    before = files(project)

    done = run_copier("copy", "--trust", "--defaults", str(template), "shop", cwd=tmp_path)

    if "/" in name:  # a folder in other letters holds no file that is written
        assert done.returncode == 0 and (project / name).read_text() == "FROM scratch\n"
        return
    assert done.returncode == 1
    [message] = [line for line in done.stderr.splitlines() if line.startswith("Rename")]
    assert message.startswith(f"Rename {name}, to ") and message.endswith("on macOS and Windows both are one file.")
    assert files(project) == before


def test_without_git_a_copy_works_and_says_what_is_missing(template: Path, tmp_path: Path, path_without_git: str) -> None:
    # From a folder of templates Copier needs no git; the update that is to follow does.
    done = run_copier("copy", "--trust", "--defaults", str(template), "new", cwd=tmp_path, env={"PATH": path_without_git})

    assert done.returncode == 0
    [note] = [line for line in done.stderr.splitlines() if line.startswith("Note: ")]
    assert note.startswith("Note: missing on this machine: git, which `copier update` needs")
    assert not (tmp_path / "new" / ".git").exists()


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        ({"hook": True}, f"Note: set APP_PORT in .env to a free port: {HELD}"),
        (
            {"hook": True, "answers": {"branch_environments": True}},
            f"Note: scripts/branch-env has put other ports into .env: {HELD}",
        ),
        (
            {},
            "All ten port slots of this machine are held: this one gets slot 0, set other ports in .env.",
        ),
    ],
    ids=["hook", "branches", "no-hook"],
)
def test_where_projects_hold_all_ten_slots_a_new_one_gets_slot_0_and_one_warning(
    options: dict[str, Any], warning: str, template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = Path(os.environ["XDG_STATE_HOME"])
    with extension("ports").registry() as machine:
        for slot in range(10):
            (tmp_path / f"p{slot}").mkdir()
            machine.settle(tmp_path / f"p{slot}", f"p{slot}", slot)

    render(template, tmp_path / "new", state=state, **options)

    assert "port_slot: 0\n" in (tmp_path / "new" / ".copier-answers.yml").read_text()
    said = [line for line in capfd.readouterr().err.splitlines() if " slot" in line]
    assert said == [warning.format(folder=tmp_path / "p0")]

    shutil.rmtree(tmp_path / "p6")
    render(template, tmp_path / "another", state=state, **options)

    assert "port_slot: 6\n" in (tmp_path / "another" / ".copier-answers.yml").read_text()
    assert " slot" not in capfd.readouterr().err


@pytest.mark.parametrize("missing", ["jinja2_time", "copier_template_extensions"])
def test_a_missing_extension_is_named_with_a_hint(missing: str, template: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    for entry in Path(copier.__file__).parent.parent.iterdir():
        if not entry.name.startswith(missing):
            (installed / entry.name).symlink_to(entry)

    # -S: the packages of this environment are seen through that folder alone.
    command = [sys.executable, "-S", "-m", "copier", "copy", "--trust", "--defaults", str(template), "new"]
    done = run(command, cwd=tmp_path, env={"PYTHONPATH": str(installed)})

    assert done.returncode == 1
    assert f"No module named '{missing}'" in done.stderr
    assert "Make sure to install these extensions alongside Copier itself." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()
