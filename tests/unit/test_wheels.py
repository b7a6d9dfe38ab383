"""Which Python fits to the versions that a project pins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.shapes import FLASK, VERSIONS, pyproject, reading, write

UV = '[[package]]\nname = "numpy"\nversion = "1.26.4"\n[[package]]\nname = "numpy"\nversion = "2.2.0"\n'
PIPFILE = '{"default": {"numpy": {"version": "==1.24.4"}, "odd": []}}'


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"requirements.txt": "flask==1.0\nnumpy\n"}, "3.13"),
        ({"requirements.txt": "numpy==1.26.4\n"}, "3.12"),
        ({"requirements.txt": "NumPy == 1.24.4 --hash=sha256:00\n"}, "3.11"),
        ({"requirements.txt": "numpy<2\n"}, "3.12"),
        ({"requirements.txt": "numpy<2.2\n"}, "3.13"),
        ({"requirements.txt": "pandas~=1.5.0  # old\n"}, "3.11"),
        ({"requirements.txt": "pandas==2.1.*\n"}, "3.12"),
        ({"requirements.txt": "-r base.txt\n", "base.txt": "psycopg2-binary==2.9.9\n"}, "3.12"),
        ({"requirements.txt": "psycopg2-binary==2.8.6\n"}, "3.11"),
        ({"requirements.txt": "numpy==1.26.4; python_version < '3.10'\nnumpy==2.1.0; python_version >= '3.10'\n"}, "3.13"),
        ({"requirements.txt": "celery==5.2.6\n"}, "3.11"),
        ({"requirements.txt": "numpy==1.26.4\n", ".python-version": "3.11\n"}, "3.11"),
        ({"requirements.txt": "numpy==1.26.4\n", ".python-version": "3.13\n"}, "3.13"),
        ({"pyproject.toml": pyproject('"django>=3.2,<4"')}, "3.11"),
        (
            {"pyproject.toml": '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\npython = "^3.11"\nlxml = "~4.9.3"\n'},
            "3.12",
        ),
        ({"pyproject.toml": pyproject('"numpy"'), "uv.lock": UV}, "3.13"),
        ({"pyproject.toml": pyproject('"numpy"'), "uv.lock": UV.split("[[")[1].join(["[[", ""])}, "3.12"),
        ({"Pipfile": "[packages]\nnumpy = '*'\n", "Pipfile.lock": PIPFILE}, "3.11"),
        ({"pyproject.toml": pyproject('"numpy"'), "uv.lock": 'package = [1, {name = "numpy"}]'}, "3.13"),
    ],
)
def test_the_python_is_the_newest_that_pinned_versions_have_wheels_for(
    files: dict[str, str | bytes], version: str, tmp_path: Path
) -> None:
    found = write(tmp_path, files)
    assert reading.versions.python_version(found.requires_python(), found.wheels.pythons(VERSIONS), "3.13") == version
    # Those of an app with a folder of its own are read as those at the top.
    inner = write(tmp_path / "outer", {f"backend/{path}": text for path, text in files.items()} | {"backend/app.py": ""})
    assert reading.versions.python_version(inner.requires_python(), inner.wheels.pythons(VERSIONS), "3.13") == version


def test_what_has_no_wheel_at_all_is_compiled(tmp_path: Path) -> None:
    found = write(tmp_path, {"requirements.txt": "psycopg2-binary==2.8.6\n"})
    assert (found.packages.runs, found.packages.builds) == (["libpq5"], ["gcc", "libc6-dev", "libpq-dev"])


@given(st.tuples(st.integers(0, 9), st.integers(0, 30)), st.sampled_from(["==", "<=", "~=", "<"]))
def test_an_exact_version_reaches_what_is_not_newer(numbers: tuple[int, int], operator: str) -> None:
    specifier = reading.versions.SpecifierSet(f"{operator}{numbers[0]}.{numbers[1]}")
    version = f"{numbers[0]}.{numbers[1]}"
    assert reading.wheels.reaches(specifier, version) == (operator != "<")
    assert reading.wheels.reaches(specifier, f"{numbers[0]}.{numbers[1]}.1") == (operator == "~=")
    assert not reading.wheels.reaches(specifier, f"{numbers[0] + 1}.0")


@pytest.mark.parametrize(
    ("lines", "extra"),
    [
        ("flask==2.0\ngunicorn==20.1.0\n", ["setuptools<81"]),
        ("flask\ngunicorn==21.2.0\n", []),
        ("flask\ngunicorn==20.1.0\nsetuptools==60.0\n", []),
        ("flask\ngunicorn\n", []),
    ],
)
def test_a_pinned_release_that_imports_pkg_resources_gets_it(lines: str, extra: list[str], tmp_path: Path) -> None:
    found = write(tmp_path, {"app.py": FLASK, "requirements.txt": lines})
    assert found.extra_packages("gunicorn --bind 0.0.0.0:8000 app:app", "gunicorn") == extra
