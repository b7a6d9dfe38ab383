"""Commands of a pipeline: how tests are run and reported, what is copied and installed for them."""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support import extension

commands = extension("facts/commands")
word = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12) | st.text("a$ '\"\\#{}<&", max_size=8)
lists_of_words = st.lists(word, min_size=1, max_size=6).filter(lambda words: bool(words[0]))


FAILING = """\
import shop
import unittest


class TestShop(unittest.TestCase):
    def test_price(self):
        self.assertEqual(shop.price(2), {expected})
"""


@pytest.mark.parametrize(
    "command",
    ["pytest", "py.test", "pytest -k 'a b' tests", "python -m pytest", "python3 -m pytest -x", "'pytest'"],
)
def test_pytest_is_known_under_its_names(command: str) -> None:
    assert commands.runs_pytest(command)


@pytest.mark.parametrize(
    "command",
    [
        "python manage.py test",
        "python -m unittest",
        "python pytest",
        "python -m pytest_cov",
        "make pytest",
        "tox -e pytest",
        "''",
    ],
)
def test_another_command_is_not_taken_for_pytest(command: str) -> None:
    assert not commands.runs_pytest(command)


@given(lists_of_words)
def test_pytest_gets_its_words_and_after_them_what_it_reports(words: list[str]) -> None:
    command = ["pytest", *words]
    found = commands.with_reports(shlex.join(command), "/tmp/reports", "shop", "-tasks")
    assert found[: len(command)] == command
    assert found[len(command) :] == [
        "--cov=shop",
        "--cov-report=term",
        "--cov-report=xml:/tmp/reports/coverage-tasks.xml",
        "--junitxml=/tmp/reports/junit-tasks.xml",
    ]


@pytest.mark.parametrize("command", ["pytest", "python -m pytest", "python -m unittest"])
def test_where_the_projects_settings_say_what_is_measured_no_option_does(command: str) -> None:
    words = " ".join(commands.with_reports(command, "/tmp/reports", ""))
    assert "--source" not in words
    assert "--cov=" not in words


@given(lists_of_words.filter(lambda words: words[0] not in {"pytest", "py.test", "python", "python3"}))
def test_a_program_that_is_no_python_is_left_as_it_is(words: list[str]) -> None:
    assert commands.with_reports(shlex.join(words), "/tmp/reports", "shop") == words


def run_tests(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run words with this environment's programs, without the settings of the tests that this is one of."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), mine["PATH"]])
    env = {**mine, "PATH": path, "COVERAGE_FILE": str(folder / ".measured"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)


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
    pytest.importorskip("pytest_cov", reason="pytest-cov is not installed")
    (tmp_path / "shop.py").write_text("def price(count):\n    return 2 * count\n")
    (tmp_path / "test_shop.py").write_text(FAILING.format(expected=expected))
    (tmp_path / "run tests.py").write_text(
        "import sys, unittest\nassert sys.argv[1:] == ['--name', 'a b;c']\nunittest.main('test_shop', argv=['x'])\n"
    )
    reports = tmp_path / "reports"

    done = run_tests(commands.with_reports(command, str(reports), source, "-tasks"), tmp_path)

    assert done.returncode == status, done.stdout + done.stderr
    names = {path.name for path in reports.iterdir()}
    assert names == {"coverage-tasks.xml", *(["junit-tasks.xml"] if "pytest" in command else [])}
    measured = {item.get("filename") for item in ElementTree.parse(reports / "coverage-tasks.xml").iter("class")}
    assert "shop.py" in measured
    assert "TOTAL" in done.stdout, "the line in which GitLab looks for the coverage"
    if "pytest" in command:
        assert len(list(ElementTree.parse(reports / "junit-tasks.xml").iter("testcase"))) == 1


def test_a_run_without_a_test_ends_as_pytest_says(tmp_path: Path) -> None:
    pytest.importorskip("pytest_cov", reason="pytest-cov is not installed")
    done = run_tests(commands.with_reports("pytest", str(tmp_path / "reports"), "."), tmp_path)
    assert done.returncode == 5, "which scripts/ci knows"


def test_a_run_that_can_not_start_is_no_success(tmp_path: Path) -> None:
    # Also where nothing can be measured, because coverage is not there at all.
    done = run_tests(commands.with_reports("python -m no_such_module", str(tmp_path / "reports"), "shop"), tmp_path)
    assert done.returncode != 0


# Lists of names


@given(lists_of_words)
def test_a_compose_file_holds_a_list_of_words_with_each_dollar_doubled(words: list[str]) -> None:
    in_file = yaml.safe_load(f"command: {commands.compose_list(words)}\n")["command"]
    assert in_file == [text.replace("$", "$$") for text in words]


@given(st.lists(st.from_regex(r"\.env\.[a-z]{1,8}(\.[a-z][a-z-]{0,5}[a-z])?|[a-z][a-z-]{0,8}[a-z]", fullmatch=True), max_size=4))
def test_names_in_one_line_are_a_list_to_yaml(names: list[str]) -> None:
    # A word such as `no` or `on` is no server's name.
    names = [name for name in names if name not in {"no", "on", "off", "yes", "true", "false", "null"}]
    assert yaml.safe_load(f"a: {commands.flow(names)}\n")["a"] == names


@pytest.mark.parametrize(
    ("sources", "lines"),
    [
        ([], []),
        (["."], ["COPY --chown=app . ."]),
        (["pyproject.toml"], ["COPY pyproject.toml ./"]),
        (
            ["requirements/test.txt", "requirements.txt", "requirements/base.txt", "setup.cfg"],
            ["COPY requirements/test.txt requirements/base.txt requirements/", "COPY requirements.txt setup.cfg ./"],
        ),
        (["a/b/c.txt"], ["COPY a/b/c.txt a/b/"]),
        (["my tests.txt", "setup.cfg"], ['COPY ["my tests.txt", "setup.cfg", "./"]']),
        (["my tests/a.txt"], ['COPY ["my tests/a.txt", "my tests/"]']),
        (["a#b.txt"], ['COPY ["a#b.txt", "./"]']),
    ],
)
def test_files_are_copied_each_into_its_folder(sources: list[str], lines: list[str]) -> None:
    assert commands.copy_lines(sources) == lines


path = st.lists(word.filter(lambda text: text and "/" not in text and text != "."), min_size=1, max_size=3).map("/".join)


@given(st.lists(path, unique=True, max_size=5))
def test_every_file_is_copied_once(sources: list[str]) -> None:
    copied = []
    for line in commands.copy_lines(sources):
        assert len(line.splitlines()) == 1
        rest = line.removeprefix("COPY ")
        *names, folder = json.loads(rest) if rest.startswith("[") else rest.split(" ")
        assert folder.endswith("/")
        assert {name.rpartition("/")[0] or "." for name in names} == {folder.removesuffix("/")}
        copied += names
    assert sorted(copied) == sorted(sources)


# What tests need

requirement = st.from_regex(
    r"[a-z]{1,8}(\[[a-z]{1,4}\])?([<>=~]=[0-9]\.[0-9](,<[0-9])?)?( ; python_version < '3\.[0-9]')?", fullmatch=True
)
option = st.sampled_from(
    ["--group test", "--group dev", "--extra test", "-r pyproject.toml", "-r tests/requirements.txt", "-e ."]
)


@given(st.lists(option), st.lists(requirement))
def test_a_shell_hands_uv_each_requirement_as_one_word_and_options_as_several(options: list[str], names: list[str]) -> None:
    assert shlex.split(commands.uv_words([*options, *names])) == [*" ".join(options).split(), *names]


@pytest.mark.parametrize(
    ("requirements", "packages", "locked", "expected"),
    [
        ([], [], False, []),
        ([], [], True, []),
        ([], ["pytest", "pytest-cov"], False, ['uv pip install "pytest" "pytest-cov"']),
        (["--group dev"], [], False, ["uv pip install --group dev"]),
        (["-r requirements-dev.txt"], ["pytest"], False, ['uv pip install -r requirements-dev.txt "pytest"']),
        (["hypothesis>=6"], ["pytest"], True, ['uv pip install "hypothesis>=6" "pytest"']),
        (["-r requirements-dev.txt"], [], True, ["uv pip install -r requirements-dev.txt"]),
        (["--group dev", "hypothesis"], [], True, ['uv pip install --group dev "hypothesis"']),
        (["-e ."], [], True, ["uv pip install -e ."]),
        (["-r pyproject.toml"], [], True, ["uv pip install -r pyproject.toml"]),
    ],
)
def test_what_tests_need_is_installed_by_one_command_or_none(
    requirements: list[str], packages: list[str], locked: bool, expected: list[str]
) -> None:
    assert commands.test_install_commands(requirements, packages, locked) == expected


@pytest.mark.parametrize(
    ("requirements", "chosen"),
    [
        (["--group test"], "--group test"),
        (["--group test", "-e ."], "--group test"),
        (["-r pyproject.toml", "--extra dev"], "--extra dev"),
        (["-r pyproject.toml", "--extra dev", "--group test"], "--extra dev --group test"),
    ],
)
@pytest.mark.parametrize("packages", [[], ["pytest"]])
def test_locked_groups_and_extras_have_the_versions_of_the_lock_file(
    requirements: list[str], chosen: str, packages: list[str]
) -> None:
    sync, *more = commands.test_install_commands(requirements, packages, True)
    assert sync == f"uv sync --active --frozen --no-install-project --no-default-groups --inexact {chosen}"
    assert more == (['uv pip install "pytest"'] if packages else [])


@given(st.lists(option | requirement, unique=True), st.lists(requirement, unique=True), st.booleans())
def test_nothing_that_tests_need_is_forgotten(requirements: list[str], packages: list[str], locked: bool) -> None:
    said = commands.test_install_commands(requirements, packages, locked)
    assert bool(said) == bool(requirements or packages)
    assert all(command.startswith(("uv sync --active --frozen ", "uv pip install ")) for command in said)
    # What the lock file knows anyway: the project's own dependencies, and the project.
    known = {"-r pyproject.toml", "-e ."} if any(command.startswith("uv sync") for command in said) else set()
    wanted = [word for item in [*requirements, *packages] if item not in known for word in commands.uv_words([item]).split(" ")]
    assert {*wanted} <= {*" ".join(said).split(" ")}


@pytest.mark.parametrize("command", ["python -u manage.py test", "python -X dev -m pytest", "python -W error run.py"])
def test_options_of_pythons_own_are_not_handed_to_coverage(command: str) -> None:
    assert commands.with_reports(command, "/tmp/reports", "") == command.split()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_in_python_is_the_text_in_the_quotes_that_need_fewer_escapes(text: str) -> None:
    written = commands.python_text(text)
    assert ast.literal_eval(written) == text
    assert written[0] == ("'" if text.count('"') > text.count("'") else '"')
