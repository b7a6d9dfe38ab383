"""`make new` with what can't work: it fails with one sentence, without a traceback, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.make import last_line, make_new
from tests.support import ROOT, Done, existing_project, files, without_privileges


def assert_refused(done: Done, sentence: str) -> None:
    assert done.returncode != 0
    assert sentence in last_line(done)
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("variables", [(), ("DEST=",), ("DEST= ",)], ids=["none", "empty", "blank"])
def test_a_destination_has_to_be_said(variables: tuple[str, ...]) -> None:
    assert_refused(make_new(*variables), "Say where the project is, or shall be: make new DEST=../myproj")


@pytest.mark.parametrize("dest", [".", "docs", "../{}/new"])
def test_a_destination_in_the_templates_own_folder_is_refused(dest: str) -> None:
    assert_refused(make_new(f"DEST={dest.format(ROOT.name)}"), f"Say a folder outside the template's own, {ROOT}")
    assert not (ROOT / "new").exists()


def test_an_unknown_preset_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    done = make_new(f"DEST={tmp_path / 'new'}", "PRESET=13-lucky")
    assert_refused(done, "There is no preset '13-lucky': choose one of 01-minimal, 02-full, 03-hybrid")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("-d app_port=65536", "'app_port': Give a port from 1 to 65535."),
        ("-d app_port=text", "'app_port': Give a port from 1 to 65535."),
        ("-d stack=full -d services=redis", "services must be a list"),
        ("-d stack=full -d 'services=['", "services must be "),
        ("-d stack=mcp-multi -d 'mcp_servers=['", "mcp_servers must be "),
        ("-d stack=mcp-multi -d 'mcp_servers=[my tasks]'", "'mcp_servers': Use a-z, 0-9 and inner hyphens."),
        ("-d stack=mcp -d package_name=mcp", "'package_name': Give another name than mcp."),
        ("-d 'project_name=My Shop", "ARGS has a quotation mark that is not closed"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(arguments: str, sentence: str, tmp_path: Path) -> None:
    assert_refused(make_new(f"DEST={tmp_path / 'new'}", f"ARGS={arguments}"), sentence)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--no-such-option", "--data-file=/nowhere.yml"])
def test_a_wrong_option_is_named_before_the_help_on_options(option: str, tmp_path: Path) -> None:
    done = make_new(f"DEST={tmp_path / 'new'}", f"ARGS={option}")
    assert done.returncode != 0
    first = done.stdout.splitlines()[0]
    assert first.startswith("Error: ")
    assert option.split("=")[-1] in first
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine\n")
    done = make_new(f"DEST={tmp_path / 'taken'}")
    assert_refused(done, f"can't be a folder, because {tmp_path / 'taken'} is a file: name another one.")
    assert files(tmp_path) == {"taken": b"mine\n"}


def test_a_read_only_project_is_refused(tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    before = files(project)
    project.chmod(0o555)
    done = make_new(f"DEST={project}", prefix=without_privileges())
    project.chmod(0o755)
    assert_refused(done, f"The destination {project} can't be written to: ")
    assert files(project) == before


def test_a_machine_without_git_is_told_to_install_it(tmp_path: Path, path_without_git: str) -> None:
    done = make_new(f"DEST={tmp_path / 'new'}", env={"PATH": path_without_git})
    assert_refused(done, "git is not installed, and Copier needs it: install git and try again.")
    assert not (tmp_path / "new").exists()
