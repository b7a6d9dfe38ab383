"""Versions of Python that a project allows, and Poetry's way to write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from tests.unit.shapes import VERSIONS, reading, write


@pytest.mark.parametrize(
    ("specifier", "version"),
    [
        ("", "3.13"),
        (">=3.9", "3.13"),
        (">=3.10,<3.12", "3.11"),
        ("<3.13", "3.12"),
        (">=3.14", "3.14"),
        ("==3.12.*", "3.12"),
        ("~=3.11", "3.13"),
        ("~=3.11.2", "3.11"),
        ("==3.12.4", "3.12"),
        (">=3.11.3,<3.12", "3.11"),
        ("!=3.13.*", "3.14"),
        ("<3.11", "3.11"),
        ("==3.9.*", "3.11"),
        # Images have the newest patch, and that is above.
        (">=3.9,<=3.13", "3.12"),
        (">=4", "3.13"),
        ("nonsense", "3.13"),
    ],
)
def test_the_newest_python_that_is_allowed_is_the_default(specifier: str, version: str) -> None:
    assert reading.versions.python_version(specifier, VERSIONS, "3.13") == version


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({".python-version": "3.11\n"}, "3.11"),
        ({".python-version": "# ours\n3.12.4\n3.11.1\n"}, "3.12"),
        ({".python-version": "cpython-3.11.2-linux\n", "pyproject.toml": '[project]\nrequires-python = ">=3.9"\n'}, "3.11"),
        ({".python-version": "my-environment\n"}, "3.13"),
        ({".python-version": "3.8\n"}, "3.11"),
        ({"runtime.txt": "python-3.11.5"}, "3.11"),
        ({".tool-versions": "nodejs 22.1.0\npython 3.12.1 3.11.0\n"}, "3.12"),
        ({"mise.toml": '[tools]\npython = "3.12"\n'}, "3.12"),
        ({"Pipfile": '[requires]\npython_version = "3.11"\n'}, "3.11"),
    ],
)
def test_a_version_that_a_file_pins_is_the_default(files: dict[str, str | bytes], version: str, tmp_path: Path) -> None:
    assert reading.versions.python_version(write(tmp_path, files).requires_python(), VERSIONS, "3.13") == version


@pytest.mark.parametrize(
    ("poetry", "version"),
    [
        ("^3.10", "3.13"),
        ("^3", "3.13"),
        ("^3.14", "3.14"),
        ("~3.11", "3.11"),
        ("~3.12.1", "3.12"),
        ("3.12", "3.12"),
        ("3.12.*", "3.12"),
        (">=3.10,<3.12", "3.11"),
        (">=3.10, <3.12", "3.11"),
        (">= 3.10, < 3.12", "3.11"),
        (">=3.10 <3.12", "3.11"),
        ("*", "3.13"),
        ("", "3.13"),
    ],
)
def test_poetrys_versions_of_python_are_understood(poetry: str, version: str, tmp_path: Path) -> None:
    found = write(tmp_path, {"pyproject.toml": f'[tool.poetry.dependencies]\npython = "{poetry}"\n'})
    assert reading.versions.python_version(found.requires_python(), VERSIONS, "3.13") == version


@given(st.text(max_size=20) | st.from_regex(r"[\^~]?\d(\.\d{1,2}){0,2}", fullmatch=True))
def test_any_version_text_gives_a_choice(text: str) -> None:
    assert reading.versions.python_version(reading.versions.caret_to_pep440(text), VERSIONS, "3.13") in VERSIONS


@given(st.from_regex(r"\^[0-9]\.[0-9]{1,2}(\.[0-9])?", fullmatch=True))
def test_a_caret_allows_what_it_names(text: str) -> None:
    assert SpecifierSet(reading.versions.caret_to_pep440(text)).contains(text[1:])
