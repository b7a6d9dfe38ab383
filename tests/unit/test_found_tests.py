"""What is found about the tests of a project that exists: how they start, what they need, and what they measure."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from tests.unit.test_destination import module, pyproject, write

Files = dict[str, str | bytes]

TEST = "def test_it():\n    pass\n"
CASE = "import unittest\nclass Shop(unittest.TestCase):\n    def test_it(self): pass\n"
DJANGO_CASE = "from django.test import TestCase\nclass Shop(TestCase):\n    pass\n"
MANAGE = "import django\n"
SETUP = "from setuptools import setup\n"
OTHER: Files = {"pyproject.toml": pyproject(), "tests/test_a.py": TEST}


def about_tests(found: Any) -> dict[str, Any]:
    """Return all that is found about tests."""
    return {
        "command": found.test_command,
        "requirements": found.test_requirements,
        "sources": found.test_sources,
        "needs_code": found.test_needs_code,
        "coverage": found.coverage_configured,
        "target": found.test_target,
    }


# How they start

COMMANDS: dict[str, tuple[Files, str]] = {
    "none": ({"shop/app.py": TEST}, ""),
    "a folder": ({"tests/test_a.py": TEST}, "pytest"),
    "a folder with the other name": ({"test/a_test.py": TEST}, "pytest"),
    "unittest's": ({"tests/test_a.py": CASE}, "pytest"),
    "an async one": ({"tests/test_a.py": "async def test_it(): ...\n"}, "pytest"),
    "a class": ({"tests/test_a.py": "class TestShop:\n    def test_it(self): ...\n"}, "pytest"),
    "in the package": ({"shop/tests/test_a.py": TEST}, "pytest"),
    "in the package of a src layout": ({"src/shop/tests/test_a.py": TEST}, "pytest"),
    "at the top": ({"test_a.py": TEST}, "pytest"),
    "beside what they test": ({"shop/cart_test.py": TEST}, "pytest"),
    "deep in a folder": ({"tests/unit/cart/test_a.py": TEST}, "pytest"),
    "files without a test": ({"tests/test_a.py": "import shop\n", "tests/conftest.py": TEST, "tests/helpers.py": TEST}, ""),
    "a name that pytest does not look for": ({"shop/tests.py": CASE}, ""),
    "a name that the project has pytest look for": (
        {"shop/tests.py": CASE, "pytest.ini": "[pytest]\npython_files = tests.py\n"},
        "pytest",
    ),
    "an environment's": ({"myenv/pyvenv.cfg": "", "myenv/lib/test_a.py": TEST, "node_modules/a/test_a.py": TEST}, ""),
    "examples alone": ({"examples/test_a.py": TEST, "docs/tutorial/test_b.py": TEST}, ""),
    "examples beside": ({"examples/test_a.py": TEST, "tests/test_a.py": TEST}, "pytest tests"),
    "examples beside, without a test": ({"examples/test_a.py": "", "tests/test_a.py": TEST}, "pytest"),
    "examples among the tests": ({"tests/examples/test_a.py": TEST}, "pytest"),
    "examples beside two folders": (
        {"examples/test_a.py": TEST, "tests/test_a.py": TEST, "shop/cart/tests/test_b.py": TEST},
        "pytest tests shop/cart/tests",
    ),
    "examples beside many folders": (
        {"docs/test_a.py": TEST, "test_top.py": TEST, **{f"shop/{name}/tests/test_a.py": TEST for name in "abcde"}},
        "pytest test_top.py shop",
    ),
    "a folder with blanks": ({"examples/test_a.py": TEST, "my shop/tests/test_a.py": TEST}, "pytest 'my shop/tests'"),
    "another project beside": (OTHER | {"client/pyproject.toml": "", "client/tests/test_a.py": TEST}, "pytest tests"),
    "a project in a folder": ({"backend/pyproject.toml": "", "backend/tests/test_a.py": TEST}, "pytest"),
    "testpaths in pyproject": (
        {"pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n', "tests/test_a.py": TEST, "docs/test_a.py": TEST},
        "pytest",
    ),
    "testpaths in pytest.ini": ({"pytest.ini": "[pytest]\ntestpaths = t/unit/\n", "t/unit/test_a.py": TEST}, "pytest"),
    "testpaths in pytest.toml": ({"pytest.toml": '[pytest]\ntestpaths = ["docs"]\n', "docs/test_a.py": TEST}, "pytest"),
    "testpaths in setup.cfg": ({"setup.cfg": "[tool:pytest]\ntestpaths =\n    docs\n", "docs/test_a.py": TEST}, "pytest"),
    "testpaths in tox.ini": ({"tox.ini": "[pytest]\ntestpaths = docs\n", "docs/test_a.py": TEST}, "pytest"),
    "testpaths with a star": (
        {"tox.ini": "[pytest]\ntestpaths = scripts/*/tests\n", "scripts/a/tests/test_a.py": TEST},
        "pytest",
    ),
    "everything by testpaths": ({"tox.ini": "[pytest]\ntestpaths = .\n", "docs/test_a.py": TEST}, "pytest"),
    "testpaths without tests": ({"tox.ini": "[pytest]\ntestpaths = t\n", "tests/test_a.py": TEST}, "pytest tests"),
    "django": ({"manage.py": MANAGE, "shop/tests.py": DJANGO_CASE}, "python manage.py test"),
    "django without tests": ({"manage.py": MANAGE, "shop/tests.py": "# Create your tests here.\n"}, ""),
    "django with functions alone": ({"manage.py": MANAGE, "tests/test_a.py": TEST}, "pytest"),
    "django with pytest.ini": (
        {"manage.py": MANAGE, "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = shop.settings\n", "tests/test_a.py": DJANGO_CASE},
        "pytest",
    ),
    "django with an option of pytest's": (
        {"manage.py": MANAGE, "tox.ini": "[pytest]\naddopts = --ds=shop.settings\n", "tests/test_a.py": DJANGO_CASE},
        "pytest",
    ),
    "django with conftest.py": (
        {
            "manage.py": MANAGE,
            "conftest.py": "os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'\n",
            "tests/test_a.py": DJANGO_CASE,
        },
        "pytest",
    ),
    "django with a pytest that knows no settings": (
        {"manage.py": MANAGE, "pytest.ini": "[pytest]\naddopts = -x\n", "tests/test_a.py": DJANGO_CASE},
        "python manage.py test",
    ),
    "a manage.py of another framework": ({"manage.py": "import flask\n", "tests/test_a.py": CASE}, "pytest"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_starts_the_tests_is_found(name: str, tmp_path: Path) -> None:
    files, command = COMMANDS[name]
    assert write(tmp_path, files).test_command == command


def test_a_huge_tree_of_tests_is_not_read_to_its_end(tmp_path: Path) -> None:
    files: Files = {f"test_{number:03}.py": "" for number in range(module.MAX_TESTS_READ)}
    assert write(tmp_path, files | {"zoo/test_a.py": TEST}).test_command == ""


# What they need

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
            *("requirements/test.txt", "requirements/tests.txt", "requirements/testing.txt", "tests/requirements.txt"),
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
    for text in module.from_table(table):
        assert shlex.split(f'"{text}"') == [text]
        assert Requirement(text).name in table


# What is measured, and where


@pytest.mark.parametrize(
    ("files", "configured"),
    [
        ({}, False),
        ({"pyproject.toml": '[tool.coverage.run]\nsource = ["shop"]\n'}, True),
        ({"pyproject.toml": '[tool.coverage.run]\nsource_pkgs = ["shop"]\n'}, True),
        ({"pyproject.toml": "[tool.coverage.run]\nbranch = true\n"}, False),
        ({".coveragerc": "[run]\nsource = shop\n"}, True),
        ({".coveragerc": "[report]\nsource = shop\n"}, False),
        ({"setup.cfg": "[coverage:run]\nsource = shop\n"}, True),
        ({"tox.ini": "[coverage:run]\nsource = shop\n"}, True),
        ({"pytest.ini": "[pytest]\naddopts = -q --cov=shop\n"}, True),
        ({"pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--cov", "shop"]\n'}, True),
        ({"pytest.ini": "[pytest]\naddopts = --cov-report=xml\n"}, False),
    ],
)
def test_whether_the_project_says_what_is_measured_is_found(files: Files, configured: bool, tmp_path: Path) -> None:
    assert write(tmp_path, files).coverage_configured is configured


@pytest.mark.parametrize(
    ("dockerfile", "target"),
    [
        ("FROM python\n", ""),
        ("FROM python AS base\nFROM base AS run\n", ""),
        ("FROM python AS dev\nFROM dev as Test\nFROM dev AS run\n", "Test"),
        ("FROM python AS dev\nFROM python AS ci\n", "ci"),
        ("FROM python \\\n  AS development\n", "development"),
        ("# FROM python AS test\nFROM python AS tester\n", ""),
    ],
)
def test_the_stage_for_tests_of_an_existing_dockerfile_is_found(dockerfile: str, target: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).test_target == target


# What stands in the way

NOTHING = {"command": "", "requirements": [], "sources": [], "needs_code": False, "coverage": False, "target": ""}
PLACES = (
    *("pyproject.toml", "pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "setup.py", ".coveragerc", "Pipfile", "manage.py"),
    *("requirements-test.txt", "tests/test_a.py", "conftest.py", "Dockerfile"),
)
BROKEN: dict[str, Files] = {
    "tables of odd types": {
        "pyproject.toml": "dependency-groups = 1\nproject = 2\n[tool]\n"
        "pytest = 1\ncoverage = 2\nhatch = 3\npoetry = 4\npdm = []\nuv = 5\n"
    },
    "values of odd types": {
        "pyproject.toml": "[project]\nname = 1\ndynamic = 2\noptional-dependencies = 3\n"
        "[dependency-groups]\ntest = 4\ndev = [5, {a = 6}]\n"
        "[tool.uv]\nsources = {a = 1, b = [2]}\n"
        "[tool.poetry.group]\ntest = 1\ndev = {dependencies = 2}\n[tool.pdm.dev-dependencies]\n"
        "test = 1\ndev = [{}]\n[tool.hatch.envs]\ntest = 1\ndefault = {dependencies = 1}\n[tool.coverage]\nrun = 1\n"
    },
    "broken files": dict.fromkeys(PLACES, "[a\n= (\n\x00"),
    "empty files": dict.fromkeys(PLACES, ""),
    "bytes that are no text": dict.fromkeys(PLACES, b"\xff\xfe\x00"),
    "requirements": {"requirements-test.txt": "-r \n-c\n-r\n--\n# a\n"},
    "an extra that is no name": {"setup.py": SETUP + "setup(extras_require={'test; id': [], **more})\n"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_says_nothing_about_tests(name: str, tmp_path: Path) -> None:
    found = about_tests(write(tmp_path, BROKEN[name]))
    if "requirements-test.txt" not in BROKEN[name]:
        assert found == NOTHING


@given(st.dictionaries(st.sampled_from(PLACES), st.binary() | st.text("-rc ./[]=\"'\\\ntestdepsab{}:#").map(str.encode)))
def test_any_bytes_are_read_without_failing(files: Files) -> None:
    with tempfile.TemporaryDirectory() as folder:
        about_tests(write(Path(folder), files))


def test_long_names_and_loops_end(tmp_path: Path) -> None:
    long = "a" * 5000
    found = write(
        tmp_path, {"requirements-test.txt": f"-r {long}\n-r requirements-test.txt\n-r a\x00b\n", "tests/test_a.py": TEST}
    )
    (tmp_path / "tests" / "again").symlink_to(tmp_path)
    (tmp_path / "tests" / "test_loop.py").symlink_to("test_loop.py")
    os.mkfifo(tmp_path / "tests" / "test_0.py")
    assert (found.test_command, found.test_sources) == ("pytest", ["requirements-test.txt"])


def test_a_folder_that_does_not_exist_has_no_tests(tmp_path: Path) -> None:
    assert about_tests(module.Destination(tmp_path / "new")) == NOTHING


def test_folders_with_the_names_of_files_say_nothing(tmp_path: Path) -> None:
    for name in PLACES:
        (tmp_path / name).mkdir(parents=True)
    assert about_tests(module.Destination(tmp_path)) == NOTHING
