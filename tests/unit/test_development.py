"""What development needs besides the dependencies is found where a project declares it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import Files, pyproject, write

POETRY = '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\nflask = "^3"\n'
SHAPES: dict[str, tuple[Files, list[str], list[str]]] = {
    "a group": (
        {"pyproject.toml": pyproject("", '[dependency-groups]\ndev = ["ipdb"]\ntest = ["pytest"]\n')},
        ["--group dev"],
        ["pyproject.toml"],
    ),
    "uv's default groups": (
        {
            "pyproject.toml": pyproject(
                "", '[dependency-groups]\ndev = ["ipdb"]\nlint = ["ruff"]\n[tool.uv]\ndefault-groups = ["dev", "lint"]\n'
            )
        },
        ["--group dev", "--group lint"],
        ["pyproject.toml"],
    ),
    "an extra": (
        {"pyproject.toml": pyproject("", '[project.optional-dependencies]\ndev = ["ipdb"]\n')},
        ["-r pyproject.toml", "--extra dev"],
        ["pyproject.toml"],
    ),
    "a file": (
        {"requirements-dev.txt": "-r requirements.txt\nipdb\n", "requirements.txt": "flask\n"},
        ["-r requirements-dev.txt"],
        ["requirements-dev.txt", "requirements.txt"],
    ),
    "a file of a folder": (
        {"requirements/local.txt": "-r base.txt\nipdb\n", "requirements/base.txt": "django\n"},
        ["-r requirements/local.txt"],
        ["requirements/local.txt", "requirements/base.txt"],
    ),
    "a file with the project": ({"requirements-dev.txt": "-e .\nipdb\n"}, ["-r requirements-dev.txt"], ["."]),
    "Poetry's group": (
        {"pyproject.toml": POETRY + '[tool.poetry.group.dev.dependencies]\nipdb = "^0.13"\n'},
        ["ipdb<0.14,>=0.13"],
        [],
    ),
    "Pipenv's packages": ({"Pipfile": '[dev-packages]\nipdb = "*"\n'}, ["--group dev"], []),
    "tests alone": ({"requirements-test.txt": "pytest\n"}, [], []),
    "environments of tools": (
        {"tox.ini": "[testenv]\ndeps = pytest\n", "pyproject.toml": '[tool.hatch.envs.default]\ndependencies = ["ruff"]\n'},
        [],
        [],
    ),
    "nothing": ({}, [], []),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_development_needs_is_found(name: str, tmp_path: Path) -> None:
    files, requirements, sources = SHAPES[name]
    found = write(tmp_path, files)
    assert (found.dev_requirements(), found.dev_sources()) == (requirements, sources)


COMMON = {"libs/common/pyproject.toml": pyproject(name="common")}
FOLDERS: dict[str, tuple[Files, str, list[str]]] = {
    "editable": ({"requirements.txt": "flask\n-e ./libs/common[redis]\n", **COMMON}, "requirements.txt", ["-e libs/common"]),
    "an archive": ({"requirements.txt": "./vendor/a-1.whl\n", "vendor/a-1.whl": ""}, "requirements.txt", ["vendor/a-1.whl"]),
    "a URL of a file": ({"requirements.txt": "common @ file:libs/common\n", **COMMON}, "requirements.txt", ["libs/common"]),
    "from git": ({"requirements.txt": "-e git+https://example.org/a.git#egg=a\n"}, "requirements.txt", []),
    "outside": ({"requirements.txt": "-e ../common\n"}, "requirements.txt", []),
    "the project": ({"requirements.txt": "flask\n-e .\n"}, "requirements.txt", []),
    "a source of uv's": (
        {"pyproject.toml": pyproject('"common"', '[tool.uv.sources]\ncommon = {path = "libs/common"}\n'), **COMMON},
        "pyproject.toml",
        ["libs/common"],
    ),
    "members": (
        {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\nexclude = ["libs/x"]\n', "uv.lock": "", **COMMON},
        "uv.lock",
        ["-e libs/common"],
    ),
    "Pipenv's": (
        {"Pipfile": '[packages]\ncommon = {path = "./libs/common", editable = true}\n', **COMMON},
        "Pipfile",
        ["-e libs/common"],
    ),
    "Poetry's": (
        {"pyproject.toml": POETRY + 'common = {path = "libs/common"}\n', "poetry.lock": "", **COMMON},
        "poetry.lock",
        ["libs/common"],
    ),
    "conda's": (
        {"environment.yml": "dependencies:\n- numpy\n- pip:\n  - flask\n  - -e libs/common\n", **COMMON},
        "environment.yml",
        ["-e libs/common"],
    ),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_packages_of_own_folders_are_found_beside_what_is_installed(name: str, tmp_path: Path) -> None:
    files, source, packages = FOLDERS[name]
    found = write(tmp_path, files)
    assert (found.dependencies.source, found.local_packages()) == (source, packages)
    assert found.outside_packages == (["../common"] if name == "outside" else [])


def test_what_pip_takes_otherwise_than_uv_is_found(tmp_path: Path) -> None:
    assert not write(tmp_path, {"requirements.txt": "flask\n"}).as_pip
    assert write(tmp_path, {"requirements.txt": "-r more.txt\n", "more.txt": "-e git+https://example.org/a.git#egg=a\n"}).as_pip
    assert write(tmp_path, {"requirements.txt": "--extra-index-url https://example.org/simple\nflask\n"}).as_pip


def test_a_module_that_a_build_writes_is_found(tmp_path: Path) -> None:
    hatch = '[tool.hatch.build.hooks.vcs]\nversion-file = "src/shop/_version.py"\n'
    assert write(tmp_path, {"pyproject.toml": pyproject("", hatch)}).metadata.written_by_build == ("src/shop/_version.py",)


BUILT = '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n'


@pytest.mark.parametrize(
    ("files", "adds"),
    [
        ({"pyproject.toml": pyproject("", f'{BUILT}[tool.setuptools_scm]\nversion_file = "shop/_version.py"\n')}, True),
        ({"setup.py": "from setuptools import setup\nsetup(use_scm_version={'write_to': 'shop/version.py'})\n"}, True),
        ({"setup.py": "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('a', ['a.c'])])\n"}, True),
        ({"setup.py": "from setuptools import setup\nsetup(cffi_modules=['build.py:ffi'])\n"}, True),
        ({"pyproject.toml": '[build-system]\nrequires = ["setuptools", "Cython>=3"]\n[project]\nname = "shop"\n'}, True),
        ({"pyproject.toml": '[project]\nname = "shop"\n[tool.setuptools_scm]\nversion_file = "shop/_version.py"\n'}, False),
        ({"pyproject.toml": pyproject("", f"{BUILT}[tool.setuptools_scm]\n")}, False),
        ({"setup.py": "from setuptools import setup\nsetup(name='shop')\n"}, False),
    ],
)
def test_modules_that_a_build_adds_to_a_checkout_are_found(files: dict[str, str], adds: bool, tmp_path: Path) -> None:
    found = write(tmp_path, files)
    assert (found.metadata.build_adds_modules, found.needs_install("pytest")) == (adds, adds)
