"""The script that runs a project's tests in their container: what it reports, and what it ends with."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.test_rendered_answers import QUESTIONS, rendered

FAILING = """\
import shop
import unittest


class TestShop(unittest.TestCase):
    def test_price(self):
        self.assertEqual(shop.price(2), {expected})
"""


def run_tests(command: str, source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, as the script in the container does, with this environment's programs.

    The settings of the tests that this is one of stay behind. The reports are in the folder `reports` of it.
    """
    pytest.importorskip("pytest_cov", reason="pytest-cov is not installed")
    answers = QUESTIONS.resolve({"ci": ["github"], "test_command": command, "coverage_source": source})
    script = rendered("docker/report-tests.sh", answers)
    assert script.count("reports=/tmp/reports") == 1
    script = script.replace("reports=/tmp/reports", f"reports={shlex.quote(str(folder / 'reports'))}")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), mine["PATH"]])
    env = {**mine, "PATH": path, "COVERAGE_FILE": str(folder / ".measured"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(["sh", "-c", script, "-", *shlex.split(command)], cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(("expected", "status"), [(4, 0), (5, 1)], ids=["passes", "fails"])
@pytest.mark.parametrize(
    ("command", "source"),
    [
        ("pytest", "shop"),
        ("python -m pytest -q", "."),
        ("python -m unittest", "shop"),
        ("python 'run tests.py' --name 'a b;c'", "."),
    ],
)
def test_a_run_that_reports_ends_as_without_and_leaves_its_reports(
    command: str, source: str, expected: int, status: int, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text("def price(count):\n    return 2 * count\n")
    (tmp_path / "test_shop.py").write_text(FAILING.format(expected=expected))
    (tmp_path / "run tests.py").write_text(
        "import sys, unittest\nassert sys.argv[1:] == ['--name', 'a b;c']\nunittest.main('test_shop', argv=['x'])\n"
    )
    reports = tmp_path / "reports"

    done = run_tests(command, source, tmp_path)

    assert done.returncode == status, done.stdout + done.stderr
    names = {path.name for path in reports.iterdir()}
    assert names == {"coverage.xml", *(["junit.xml"] if "pytest" in command else [])}
    measured = {item.get("filename") for item in ElementTree.parse(reports / "coverage.xml").iter("class")}
    assert "shop.py" in measured
    assert "TOTAL" in done.stdout, "the line in which GitLab looks for the coverage"
    if "pytest" in command:
        assert len(list(ElementTree.parse(reports / "junit.xml").iter("testcase"))) == 1


SHOP = {
    "shop.py": "def price(count):\n    if count > 9:\n        count -= 1\n    return 2 * count\n",
    "test_shop.py": FAILING.format(expected=4),
}
GATES = {
    ".coveragerc": "[run]\nsource = shop\n[report]\nfail_under = 100\n",
    "pyproject.toml": '[tool.coverage.run]\nsource = ["shop"]\n[tool.coverage.report]\nfail_under = 100\n',
    "setup.cfg": "[coverage:run]\nsource = shop\n[coverage:report]\nfail_under = 100\n",
    "tox.ini": "[coverage:run]\nsource = shop\n[coverage:report]\nfail_under = 100\n",
}


def run_in(folder: Path, files: dict[str, str], command: str, source: str = "") -> subprocess.CompletedProcess[str]:
    """Write a project, and run its tests as the pipeline does."""
    for name, text in files.items():
        (folder / name).write_text(text)
    return run_tests(command, source, folder)


@pytest.mark.parametrize("command", ["pytest", pytest.param("python -m unittest", marks=pytest.mark.wide)])
@pytest.mark.parametrize("name", GATES)
def test_a_declared_fail_under_fails_tests_that_pass_wherever_it_is_declared(name: str, command: str, tmp_path: Path) -> None:
    done = run_in(tmp_path, {**SHOP, name: GATES[name]}, command)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].startswith("Coverage failure: total of 75"), "for scripts/ci"
    done = run_in(tmp_path, {name: GATES[name].replace("100", "70")}, command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_options_of_pytest_ask_of_coverage_holds(tmp_path: Path) -> None:
    options = "[pytest]\naddopts = --cov=shop --cov-report=html:page --cov-fail-under={}\n"
    assert run_in(tmp_path, {**SHOP, "pytest.ini": options.format(100)}, "pytest").returncode == 1
    assert run_in(tmp_path, {"pytest.ini": options.format(50)}, "pytest").returncode == 0
    assert (tmp_path / "page/index.html").exists() and (tmp_path / "reports/coverage.xml").exists()


HARMLESS = {
    "a plugin that is not there": {".coveragerc": "[run]\nplugins = no_such_plugin\n"},
    "settings that cannot be read": {".coveragerc": "[run\n"},
    "nothing to report": {".coveragerc": "[run]\nomit = *\n"},
    "a file for each process": {".coveragerc": "[run]\nsource = shop\nparallel = true\n[report]\nfail_under = 50\n"},
    "a source that is not there": {".coveragerc": "[run]\nsource = nowhere\n"},
    "code that is gone": {
        "test_shop.py": "import unittest\n\n\nclass TestIt(unittest.TestCase):\n"
        "    def test_it(self):\n        exec(compile('x = 1', 'gone.py', 'exec'), {})\n"
    },
    "a choice that is ignored": {"pytest.ini": "[pytest]\nfilterwarnings = error\n", ".coveragerc": "[run]\ninclude = shop*\n"},
    "warnings that are errors": {"pytest.ini": "[pytest]\nfilterwarnings = error\n", ".coveragerc": "[run]\nsource = x, shop\n"},
}


@pytest.mark.parametrize("command", ["pytest", pytest.param("python -m unittest", marks=pytest.mark.wide)])
@pytest.mark.parametrize("name", HARMLESS)
def test_nothing_else_about_coverage_fails_tests_that_pass(name: str, command: str, tmp_path: Path) -> None:
    done = run_in(tmp_path, {**SHOP, **HARMLESS[name]}, command, "" if ".coveragerc" in HARMLESS[name] else ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout or "Ran 1 test" in done.stderr
    failing = {"test_shop.py": FAILING.format(expected=5)}
    assert run_in(tmp_path, failing, command).returncode == 1


def test_a_run_without_a_test_ends_as_pytest_says(tmp_path: Path) -> None:
    done = run_tests("pytest", ".", tmp_path)
    assert done.returncode == 5, "which scripts/ci knows"


def test_a_run_that_can_not_start_is_no_success(tmp_path: Path) -> None:
    # Also where nothing can be measured, because coverage is not there at all.
    done = run_tests("python -m no_such_module", "shop", tmp_path)
    assert done.returncode != 0
