"""What is found about the tests of a project that exists: how they start, and what they measure."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.shapes import SETUP, Files, pyproject, reading, write

TEST = "def test_it():\n    pass\n"
CASE = "import unittest\nclass Shop(unittest.TestCase):\n    def test_it(self): pass\n"
DJANGO_CASE = "from django.test import TestCase\nclass Shop(TestCase):\n    pass\n"
MANAGE = "import django\n"
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


COMMANDS: dict[str, tuple[Files, str]] = {
    "none": ({"shop/app.py": TEST}, ""),
    "a folder": ({"tests/test_a.py": TEST}, "pytest"),
    "a runner of Django's": (
        {"tests/test_a.py": DJANGO_CASE, "runtests.py": "import os\nfrom django.core import management\n"},
        "python runtests.py",
    ),
    "tox runs Django's": (
        {
            "tests/test_a.py": DJANGO_CASE,
            "tox.ini": "[testenv]\nsetenv =\n    DJANGO_SETTINGS_MODULE = tests.settings\n"
            "commands = python -b -m coverage run -m django test -v2 {posargs:tests}\n",
        },
        "python -m django test --settings=tests.settings tests",
    ),
    "tox says which folders": (
        {
            "tests/a/test_a.py": TEST,
            "tests/slow/test_b.py": TEST,
            "tox.ini": "[testenv]\ncommands =\n    pytest --cov=shop/a {posargs} tests/a tests/gone\n",
        },
        "pytest tests/a",
    ),
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
    "a name that pytest does not look for": ({"shop/tests.py": CASE}, "pytest shop/tests.py"),
    "tests.py": ({"tests.py": CASE, "app.py": ""}, "pytest tests.py"),
    "tests.py beside another's": ({"tests.py": CASE, "examples/test_a.py": TEST}, "pytest tests.py"),
    "unittest's own names": (
        {"tests/testcart.py": CASE, "tests/cart_tests.py": TEST},
        "pytest tests/cart_tests.py tests/testcart.py",
    ),
    "many of unittest's own names": (
        {f"tests/test{name}.py": CASE for name in "abcde"},
        "pytest -o 'python_files=test*.py *_tests.py' tests",
    ),
    "helpers for tests": ({"shop/testing.py": "class TestClient:\n    pass\n", "shop/testclient.py": "import unittest\n"}, ""),
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
    files: Files = {f"test_{number:03}.py": "" for number in range(reading.tests.MAX_TESTS_READ)}
    assert write(tmp_path, files | {"zoo/test_a.py": TEST}).test_command == ""


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
    assert about_tests(reading.Destination(tmp_path / "new")) == NOTHING


def test_folders_with_the_names_of_files_say_nothing(tmp_path: Path) -> None:
    for name in PLACES:
        (tmp_path / name).mkdir(parents=True)
    assert about_tests(reading.Destination(tmp_path)) == NOTHING
