"""The table of files: what is in it, what is found of it in a folder, and that nothing of template/ is missing in it."""

from __future__ import annotations

import re
from pathlib import Path

import pathspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT, extension

files = extension("file_table")
TEMPLATE = ROOT / "template"
OWNERS = {"template", "once", "missing", "copier", "yours", "never rendered", "never committed"}
ANSWERS_FILE = "{{ _copier_conf.answers_file }}"


def in_a_project(path: Path) -> str:
    """Return the name that a file of template/ has in a project, as the table writes it."""
    name = path.relative_to(TEMPLATE).as_posix().removesuffix(".jinja")
    name = re.sub(r"{% yield (\w+) from \w+ %}(.*?){% endyield %}", r"\2", name)
    return re.sub(r"{{ (\w+) }}", r"<\1>", name)


NAMES = sorted(
    in_a_project(path)
    for path in TEMPLATE.rglob("*")
    if path.is_file() and "__pycache__" not in path.parts and ANSWERS_FILE not in path.name
)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_template_has_a_row_of_its_own_or_of_its_folder(name: str) -> None:
    row = files.row_of(name.replace("<package_name>", "shop").replace("<server>", "tasks"))
    assert row is not None and row.rendered


@pytest.mark.parametrize("row", [row for row in files.table() if row.rendered], ids=lambda row: row.path)
def test_every_row_that_is_rendered_has_a_file_in_the_template(row: object) -> None:
    path = row.path  # type: ignore[attr-defined]
    assert any(name == path or (path[-1] == "/" and name.startswith(path)) for name in NAMES)


def test_every_row_says_whose_the_file_is_and_what_for() -> None:
    for row in files.table():
        assert row.whose in OWNERS, row.path
        assert row.purpose and row.comes, row.path
        assert "\n" not in row.purpose


@pytest.mark.parametrize("path", NAMES)
def test_paths_of_the_template_hold_no_condition(path: str) -> None:
    assert "{%" not in path, "a condition is a line of files.yml"


def test_names_in_the_template_are_legal_on_windows_but_for_the_loop_of_servers() -> None:
    for path in TEMPLATE.rglob("*"):
        assert not re.search(r'[<>:"|?*\\]', path.relative_to(TEMPLATE).as_posix()), path


def test_everything_that_the_template_would_write_is_found(tmp_path: Path) -> None:
    rows = [row.path for row in files.table() if row.rendered]
    names = sorted(path.replace("<server>", "tasks") for path in rows if not re.search(r"/$|<package_name>", path))
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "README.md").write_text("")
    assert files.existing(tmp_path) == names


def test_a_link_is_the_users_too_wherever_it_goes(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").symlink_to("missing")
    assert files.existing(tmp_path) == ["Dockerfile"]
    assert files.existing(tmp_path / "new" / "project") == []


@given(st.text("ab*?[]!#\\ /.", min_size=1, max_size=12))
def test_an_escaped_path_matches_itself_alone(text: str) -> None:
    path = text.strip("/ ").replace("//", "/")
    if path and ".." not in path and "./" not in path and "/." not in path and path != ".":
        spec = pathspec.PathSpec.from_lines("gitignore", [extension("files").escaped(path)])
        assert spec.match_file(path)
        assert not spec.match_file(f"other/{path}")
