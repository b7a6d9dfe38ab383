"""What the tests of a project that exists need, and where that is declared."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from tests.unit.shapes import SETUP, Files, pyproject, reading, write

POETRY = """
[tool.poetry]
name = "shop"
[tool.poetry.group.{}.dependencies]
pytest = "^8.1"
asyncer = "^0.0.8"
responses = "~0.25"
tool = {{ path = "../tool" }}
other = {{ git = "https://example.com/other.git" }}
httpx = {{ version = "*", extras = ["http2"], python = "^3.11" }}
numpy = [{{ version = "<2", python = "<3.12" }}, {{ version = ">=2", python = ">=3.12" }}]
odd = "^1 || ^2"
"""
FROM_POETRY = [
    "pytest<9,>=8.1",
    "asyncer<0.0.9,>=0.0.8",
    "responses~=0.25.0",
    "httpx[http2]; python_full_version >= '3.11' and python_full_version < '4'",
    "numpy<2; python_full_version < '3.12'",
    "numpy>=2; python_full_version >= '3.12'",
    "odd",
]
NEEDED: dict[str, tuple[Files, list[str], list[str], bool]] = {
    "nothing": ({"requirements.txt": "flask\n"}, [], [], False),
    "a group": (
        {"pyproject.toml": pyproject(more='[dependency-groups]\ndev = ["ruff"]\ntests = ["pytest"]\n')},
        ["--group tests"],
        ["pyproject.toml"],
        False,
    ),
    "a group with capitals": (
        {"pyproject.toml": pyproject(more='[dependency-groups]\nCI_Test = ["pytest"]\n')},
        ["--group CI_Test"],
        ["pyproject.toml"],
        False,
    ),
    "the group for development": (
        {"pyproject.toml": pyproject(more='[dependency-groups]\ndev = [{include-group = "a"}]\na = ["pytest"]\n')},
        ["--group dev"],
        ["pyproject.toml"],
        False,
    ),
    "a group without a project": (
        {"pyproject.toml": '[dependency-groups]\ntest = ["pytest"]\n'},
        ["--group test"],
        ["pyproject.toml"],
        False,
    ),
    "a group that includes itself": (
        {"pyproject.toml": pyproject(more='[dependency-groups]\ndev = [{include-group = "dev"}, "pytest"]\n')},
        ["--group dev"],
        ["pyproject.toml"],
        False,
    ),
    "an empty group": (
        {"pyproject.toml": pyproject(more="[dependency-groups]\ntest = []\n"), "requirements-dev.txt": "pytest\n"},
        ["-r requirements-dev.txt"],
        ["requirements-dev.txt"],
        False,
    ),
    "a group with the project itself": (
        {
            "pyproject.toml": pyproject(
                more='[dependency-groups]\ntest = ["pytest", {include-group = "all"}]\nall = ["Shop[web]"]\n'
            )
        },
        ["--group test", "-e ."],
        ["pyproject.toml"],
        True,
    ),
    "a group, and a folder beside": (
        {"pyproject.toml": pyproject(more='[dependency-groups]\ntest = ["a"]\n[tool.uv.sources]\na = {path = "libs/a"}\n')},
        ["--group test"],
        ["pyproject.toml"],
        True,
    ),
    "a group, and a package from elsewhere": (
        {"pyproject.toml": pyproject(more='[dependency-groups]\ntest = ["a"]\n[tool.uv.sources]\na = [{index = "b"}]\n')},
        ["--group test"],
        ["pyproject.toml"],
        False,
    ),
    "uv's table from before groups": (
        {"pyproject.toml": pyproject(more='[tool.uv]\ndev-dependencies = ["pytest"]\n')},
        ["--group dev"],
        ["pyproject.toml"],
        False,
    ),
    "an extra": (
        {"pyproject.toml": pyproject(more='[project.optional-dependencies]\ntest = ["pytest"]\ndev = ["shop[test]"]\n')},
        ["-r pyproject.toml", "--extra test"],
        ["pyproject.toml"],
        False,
    ),
    "an extra for tests before a group for development": (
        {"pyproject.toml": pyproject(more='[project.optional-dependencies]\ntest = ["a"]\n[dependency-groups]\ndev = ["b"]\n')},
        ["-r pyproject.toml", "--extra test"],
        ["pyproject.toml"],
        False,
    ),
    "an extra, and a computed version": (
        {"pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n[project.optional-dependencies]\ntest = ["pytest"]\n'},
        ["-r pyproject.toml", "--extra test"],
        ["pyproject.toml"],
        False,
    ),
    "an extra, and computed dependencies": (
        {
            "pyproject.toml": '[project]\nname = "a"\ndynamic = ["dependencies"]\n'
            '[project.optional-dependencies]\ntest = ["pytest"]\n'
        },
        ["-r pyproject.toml", "--extra test"],
        ["pyproject.toml"],
        True,
    ),
    "a computed extra": (
        {
            "pyproject.toml": '[project]\nname = "a"\ndynamic = ["optional-dependencies"]\n'
            '[tool.setuptools.dynamic.optional-dependencies]\ntest = {file = "t.txt"}\n'
        },
        ["-r pyproject.toml", "--extra test"],
        ["pyproject.toml"],
        True,
    ),
    "an extra in setup.py": (
        {"setup.py": SETUP + "setup(extras_require={'dev': [], 'test': ['pytest']})\n"},
        ["-r setup.py", "--extra test"],
        ["setup.py"],
        True,
    ),
    "an extra that setup.py keeps in a name": (
        {"setup.py": SETUP + "extras = {'testing': tests}\nsetup(extras_require=extras)\n"},
        ["-r setup.py", "--extra testing"],
        ["setup.py"],
        True,
    ),
    "an extra among collected arguments": (
        {"setup.py": SETUP + "extras = {'test': tests}\narguments['extras_require'] = extras\nsetup(**arguments)\n"},
        ["-r setup.py", "--extra test"],
        ["setup.py"],
        True,
    ),
    "an extra in setup.cfg": (
        {"setup.py": SETUP + "setup()\n", "setup.cfg": "[options.extras_require]\ntest =\n    pytest\n"},
        ["-r setup.cfg", "--extra test"],
        ["setup.cfg"],
        True,
    ),
    "an extra that nothing can build": ({"setup.cfg": "[options.extras_require]\ntest =\n    pytest\n"}, [], [], False),
    "tests_require in setup.py": (
        {"setup.py": SETUP + "tests = ['pytest', 'mock>=1', computed]\nsetup(tests_require=tests)\n"},
        ["pytest", "mock>=1"],
        [],
        False,
    ),
    "tests_require in setup.cfg": (
        {"setup.cfg": "[options]\ntests_require =\n    pytest\n    mock\n"},
        ["pytest", "mock"],
        [],
        False,
    ),
    **{
        name: ({name: "pytest\n", "requirements-dev.txt": "ruff\n"}, [f"-r {name}"], [name], False)
        for name in (
            *("requirements-test.txt", "requirements-tests.txt", "requirements_test.txt", "test-requirements.txt"),
            *(
                "requirements/test.txt",
                "requirements/tests.txt",
                "requirements/testing.txt",
                "tests/requirements.txt",
                "requirements/test/requirements.txt",
            ),
        )
    },
    **{
        name: ({name: "pytest\n"}, [f"-r {name}"], [name], False)
        for name in (
            *("requirements-dev.txt", "dev-requirements.txt", "requirements_dev.txt"),
            *("requirements/dev.txt", "requirements/development.txt", "requirements/local.txt"),
        )
    },
    "a file that includes others": (
        {
            "requirements/test.txt": "-r base.txt  # the app\n-c ../limits.txt\n--requirement ../missing.txt\npytest\n",
            "requirements/base.txt": "-r test.txt\nflask\n",
            "limits.txt": "flask<4\n",
        },
        ["-r requirements/test.txt"],
        ["requirements/test.txt", "requirements/base.txt", "limits.txt"],
        False,
    ),
    "a file that only includes": (
        {"requirements-test.txt": "-r requirements.txt\n", "requirements.txt": "pytest\n"},
        ["-r requirements-test.txt"],
        ["requirements-test.txt", "requirements.txt"],
        False,
    ),
    "a file that includes what lies outside": (
        {"requirements-test.txt": "-r ../../etc/passwd\n"},
        ["-r requirements-test.txt"],
        ["requirements-test.txt"],
        False,
    ),
    "a file with the project itself": (
        {"requirements-dev.txt": "-e .[web]\npytest\n"},
        ["-r requirements-dev.txt"],
        ["requirements-dev.txt"],
        True,
    ),
    "a file that includes one with a folder": (
        {"requirements-dev.txt": "-r a.txt\n", "a.txt": "./libs/a\n"},
        ["-r requirements-dev.txt"],
        ["requirements-dev.txt", "a.txt"],
        True,
    ),
    "a file with a folder by name": (
        {"requirements-dev.txt": "a @ file:libs/a\n"},
        ["-r requirements-dev.txt"],
        ["requirements-dev.txt"],
        True,
    ),
    "an empty file": (
        {"requirements-test.txt": "# nothing\n\n", "requirements-dev.txt": "pytest\n"},
        ["-r requirements-dev.txt"],
        ["requirements-dev.txt"],
        False,
    ),
    "a file as uv reads none": (
        {"requirements-test.txt": "-ra.txt\npytest\n", "a.txt": "flask\n"},
        ["pytest", "flask"],
        [],
        False,
    ),
    "a group of poetry's": ({"pyproject.toml": POETRY.format("test")}, FROM_POETRY, [], False),
    "poetry's group for development": ({"pyproject.toml": POETRY.format("dev")}, FROM_POETRY, [], False),
    "poetry's old table": (
        {"pyproject.toml": '[tool.poetry.dev-dependencies]\npytest = "8.1"\nmock = "~1"\n'},
        ["pytest==8.1.*", "mock~=1.0"],
        [],
        False,
    ),
    "pdm": (
        {"pyproject.toml": '[tool.pdm.dev-dependencies]\ntest = ["pytest>=7", "-e file:///${PROJECT_ROOT}/a#egg=a"]\n'},
        ["pytest>=7"],
        [],
        False,
    ),
    "an environment of hatch's": (
        {"pyproject.toml": '[tool.hatch.envs.test]\ndependencies = ["pytest"]\nextra-dependencies = ["mock"]\n'},
        ["pytest", "mock"],
        [],
        False,
    ),
    "hatch test": ({"pyproject.toml": '[tool.hatch.envs.hatch-test]\nextra-dependencies = ["mock"]\n'}, ["mock"], [], False),
    "hatch's default environment": (
        {"pyproject.toml": '[tool.hatch.envs.default]\ndependencies = ["pytest"]\n'},
        ["pytest"],
        [],
        False,
    ),
    "tox": (
        {
            "tox.ini": "[testenv]\ndeps =\n    pytest>=7  # this\n    # that\n    py39: old\n    .[web]\n    {[base]deps}\n"
            "    -r{toxinidir}/t.txt\n    -r {toxinidir}/missing.txt\n",
            "t.txt": "mock\n",
        },
        ["pytest>=7", "-r t.txt"],
        ["t.txt"],
        False,
    ),
    "Pipfile": (
        {
            "Pipfile": '[dev-packages]\npytest = "*"\n'
            'mock = {version = "==5.1", markers = "python_version < \'3.12\'"}\na = {path = "."}\n'
        },
        ["pytest", "mock==5.1; python_version < '3.12'"],
        [],
        False,
    ),
    "a requirement that a shell would read": (
        {"tox.ini": '[testenv]\ndeps =\n    a; platform_version == "$(id)"\n    b; platform_version == "`id`"\n    c\n'},
        ["c"],
        [],
        False,
    ),
}


@pytest.mark.parametrize("name", NEEDED)
def test_what_the_tests_need_is_found(name: str, tmp_path: Path) -> None:
    files, *expected = NEEDED[name]
    found = write(tmp_path, files)
    assert [found.test_requirements, found.test_sources, found.test_needs_code] == expected


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), st.text(max_size=12) | st.from_regex(r"[\^~=<>]{0,2}\d\.\d"))
)
def test_what_poetry_says_becomes_requirements_whatever_it_says(table: dict[str, str]) -> None:
    for text in reading.needs.from_table(table):
        assert shlex.split(f'"{text}"') == [text]
        assert Requirement(text).name in table
