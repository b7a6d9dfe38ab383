"""Commands: shell words, and what each file format makes of them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support import extension

commands = extension("commands")
word = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12) | st.text("a$ '\"\\#{}<&", max_size=8)
lists_of_words = st.lists(word, min_size=1, max_size=6).filter(lambda words: bool(words[0]))


@given(lists_of_words)
def test_words_come_back_from_a_line(words: list[str]) -> None:
    assert commands.words(shlex.join(words)) == words


@given(lists_of_words)
def test_a_dockerfiles_exec_form_holds_the_words(words: list[str]) -> None:
    assert json.loads(commands.exec_form(shlex.join(words))) == words


@given(lists_of_words)
def test_a_compose_file_holds_the_words_with_each_dollar_doubled(words: list[str]) -> None:
    # A YAML 1.1 list in one line, to which Compose then applies its interpolation.
    in_file = yaml.safe_load(f"command: {commands.compose_form(shlex.join(words))}\n")["command"]
    assert in_file == [text.replace("$", "$$") for text in words]
    assert "$" not in "".join(text.replace("$$", "") for text in in_file)


def test_nothing_is_done_to_a_command_that_a_shell_would_do() -> None:
    command = """python -m app --cost $5 --home '$HOME' --list *.py --a `id` ; rm && x | y > z ~"""
    assert commands.words(command) == [
        *("python", "-m", "app", "--cost", "$5", "--home", "$HOME", "--list", "*.py", "--a", "`id`", ";", "rm", "&&", "x", "|"),
        *("y", ">", "z", "~"),
    ]
    assert '"$$5"' in commands.compose_form(command)
    assert '"$5"' in commands.exec_form(command)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("''", "empty"),
        ("python 'a", "not closed"),
        ('python "a', "not closed"),
        ("python\nrm", "one line"),
        ("python \x00", "one line"),
    ],
)
def test_a_wrong_command_is_refused_in_one_sentence(command: str, says: str) -> None:
    error = commands.command_error(command)
    assert says in error
    assert error.startswith("app_command ")
    assert len(error.splitlines()) == 1


def test_a_wrong_command_is_refused_under_the_name_of_its_question() -> None:
    wrong = commands.command_error("", "test_command", "runs the tests, like pytest tests")
    assert wrong == "test_command is empty: give the command that runs the tests, like pytest tests."
    assert commands.command_error("pytest '", "test_command").startswith('test_command "pytest \'" has a quotation mark')
    assert commands.command_error("pytest\n", "test_command") == "test_command must be one line of text."
    assert commands.command_error("pytest tests", "test_command", "pytest tests") == ""


@given(st.text(max_size=30))
def test_a_command_is_refused_or_can_be_split(command: str) -> None:
    if not commands.command_error(command):
        assert commands.words(command)[0]


@given(lists_of_words)
def test_a_good_command_is_accepted(words: list[str]) -> None:
    assert commands.command_error(shlex.join(words)) == ""


@pytest.mark.parametrize(
    ("command", "on_host"),
    [
        ("uvicorn a.b:app --host 0.0.0.0 --port 8000", "uvicorn a.b:app --host 127.0.0.1 --port 8003"),
        ("gunicorn --bind 0.0.0.0:8000 'shop:create_app()'", "gunicorn --bind 127.0.0.1:8003 'shop:create_app()'"),
        ("python manage.py runserver 0.0.0.0:8000", "python manage.py runserver 127.0.0.1:8003"),
        ("uvicorn a:app --port=8000 --host=0.0.0.0", "uvicorn a:app --port=8003 --host=127.0.0.1"),
        ("python server.py --workers 80000", "python server.py --workers 80000"),
        ("python server.py --timeout 18000:80001", "python server.py --timeout 18000:80001"),
    ],
)
def test_on_the_host_the_app_listens_on_loopback_and_its_own_port(command: str, on_host: str) -> None:
    assert commands.on_host(command, 8000, 8003) == on_host


@given(lists_of_words, st.integers(1, 65535), st.integers(1, 65535))
def test_on_the_host_there_are_as_many_words(words: list[str], app_port: int, host_port: int) -> None:
    assert len(commands.words(commands.on_host(shlex.join(words), app_port, host_port))) == len(words)


# Development


@pytest.mark.parametrize(
    ("command", "folder", "reloads"),
    [
        ("uvicorn a:app --port 1", "src", "uvicorn a:app --port 1 --reload --reload-dir src"),
        ("uvicorn a:app --port 1", ".", "uvicorn a:app --port 1 --reload"),
        (
            "gunicorn --bind 0.0.0.0:8000 'a:create_app()'",
            ".",
            "flask --app 'a:create_app()' run --debug --host 0.0.0.0 --port 8000",
        ),
        ("flask --app a run --host 0.0.0.0", ".", "flask --app a run --debug --host 0.0.0.0"),
        ("python manage.py runserver 0.0.0.0:8000", ".", "python manage.py runserver 0.0.0.0:8000"),
    ],
)
def test_a_server_that_can_reload_is_told_to(command: str, folder: str, reloads: str) -> None:
    assert commands.reload_form(command, folder) == reloads


@pytest.mark.parametrize(
    "command",
    [
        "python -m shop.server --host 0.0.0.0 --port 8000",
        "python manage.py runserver --noreload",
        "gunicorn --workers 4 shop:app",
        "gunicorn --bind 0.0.0.0:8000 --workers 4 shop:app",
        "hypercorn shop:app",
        "sh -c 'uvicorn a:app'",
    ],
)
def test_a_command_that_can_not_reload_has_no_form_that_does(command: str) -> None:
    assert commands.reload_form(command, ".") == ""


@given(lists_of_words, st.sampled_from([".", "src", "my code"]))
def test_what_uvicorn_was_told_it_is_told_still(words: list[str], folder: str) -> None:
    found = commands.words(commands.reload_form(shlex.join(["uvicorn", *words]), folder))
    assert found[: len(words) + 2] == ["uvicorn", *words, "--reload"]
    assert found[len(words) + 2 :] == ([] if folder == "." else ["--reload-dir", folder])


@given(lists_of_words)
def test_under_a_debugger_a_command_stays_as_it_is(words: list[str]) -> None:
    assert commands.words(commands.under_debugger(shlex.join(words))) == ["env", "DEBUG_LISTEN=5678", *words]


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("python -m shop.server --port 1", {"module": "shop.server", "args": ["--port", "1"]}),
        ("python3 -m shop", {"module": "shop", "args": []}),
        ("python run.py --x 'a b'", {"program": "run.py", "args": ["--x", "a b"]}),
        ("uvicorn a:app", {"module": "uvicorn", "args": ["a:app"]}),
        ("inventory serve", {"program": ".venv/bin/inventory", "args": ["serve"]}),
    ],
)
def test_a_debugger_starts_the_same(command: str, target: dict[str, object]) -> None:
    found = commands.debug_target(command)
    assert shlex.split(found.pop("parameters")) == target["args"]
    assert found == target


@given(lists_of_words)
def test_a_debugger_gets_every_argument(words: list[str]) -> None:
    args = commands.debug_target(shlex.join(words))["args"]
    assert words[len(words) - len(args) :] == args


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60))
def test_a_name_is_the_same_in_python_json_toml_and_yaml(text: str) -> None:
    literal = commands.to_json_text(text)
    assert json.loads(literal) == text
    assert tomllib.loads(f"a = {literal}")["a"] == text
    assert yaml.safe_load(f"a: {literal}")["a"] == text
    assert eval(literal, {"__builtins__": {}}) == text


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60))
def test_a_name_is_the_same_in_an_xml_attribute(text: str) -> None:
    assert ElementTree.fromstring(f"<a b={commands.xml_attribute(text)}/>").attrib["b"] == text


# The transport of an MCP server


@pytest.mark.parametrize(
    ("command", "over_stdio"),
    [
        ("python -m shop.server --transport http", "python -m shop.server --transport stdio"),
        ("shop-mcp --transport=streamable-http --port 8000", "shop-mcp --transport=stdio --port 8000"),
        ("shop-mcp -t sse", "shop-mcp -t stdio"),
        ("shop-mcp --mode streamable_http", "shop-mcp --mode stdio"),
        ("shop-mcp serve --http --port 8000", "shop-mcp serve --port 8000"),
        ("fastmcp run 'my server.py:mcp' --transport http", "fastmcp run 'my server.py:mcp' --transport stdio"),
    ],
)
def test_a_command_that_speaks_http_has_a_form_that_speaks_over_stdio(command: str, over_stdio: str) -> None:
    assert commands.speaks_http(command)
    assert shlex.split(commands.stdio_form(command)) == shlex.split(over_stdio)
    assert not commands.speaks_http(over_stdio)


@pytest.mark.parametrize(
    "command",
    [
        "python -m shop.server",
        "shop-mcp --transport stdio",
        "shop-mcp --transport=stdio",
        "shop-mcp http",
        "shop-mcp --host http --name=sse",
        "shop-mcp --https",
        "python http.py --log 'http'",
    ],
)
def test_another_command_is_left_as_it_is(command: str) -> None:
    assert not commands.speaks_http(command)
    assert shlex.split(commands.stdio_form(command)) == shlex.split(command)


@pytest.mark.parametrize("option", ["--transport http", "--transport=sse", "-t streamable-http", "--http"])
@given(lists_of_words, lists_of_words)
def test_only_the_transport_changes(option: str, before: list[str], after: list[str]) -> None:
    found = commands.words(commands.stdio_form(f"{shlex.join(before)} {option} {shlex.join(after)}"))
    assert found[: len(before)] == before
    assert found[len(found) - len(after) :] == after
    assert (
        found[len(before) : len(found) - len(after)]
        == {
            "--transport http": ["--transport", "stdio"],
            "--transport=sse": ["--transport=stdio"],
            "-t streamable-http": ["-t", "stdio"],
            "--http": [],
        }[option]
    )


# The ENTRYPOINT of an image of the user's own


@pytest.mark.parametrize(
    ("command", "entrypoint", "after", "whole"),
    [
        ("shop serve", [], "shop serve", "shop serve"),
        ("shop serve", ["shop"], "serve", "shop serve"),
        ("shop serve", ["/opt/venv/bin/shop"], "serve", "/opt/venv/bin/shop serve"),
        ("/opt/venv/bin/shop serve", ["shop"], "serve", "shop serve"),
        ("shop serve", ["tini", "--", "shop"], "serve", "tini -- shop serve"),
        ("tini -- shop serve", ["tini", "--"], "shop serve", "tini -- shop serve"),
        ("shop serve", ["tini", "--"], "shop serve", "tini -- shop serve"),
        ("serve", ["shop"], "serve", "shop serve"),
        ("shop", ["shop"], "", "shop"),
        ("python -m shop 'a b'", ["python", "-m", "shop"], "'a b'", "python -m shop 'a b'"),
    ],
)
def test_what_an_entrypoint_says_is_not_said_twice(command: str, entrypoint: list[str], after: str, whole: str) -> None:
    assert commands.after_entrypoint(command, entrypoint) == after
    assert commands.with_entrypoint(command, entrypoint) == whole


@given(lists_of_words, st.lists(word, max_size=3))
def test_a_command_begins_with_the_entrypoint_and_ends_as_it_was(words: list[str], entrypoint: list[str]) -> None:
    whole = commands.words(commands.with_entrypoint(shlex.join(words), entrypoint))
    assert whole[: len(entrypoint)] == entrypoint
    rest = whole[len(entrypoint) :]
    assert words[len(words) - len(rest) :] == rest


# Tests in a pipeline

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


@pytest.mark.parametrize("value", ["pytest", {"a": "b"}, [1], [""], [" a"], ["a\nb"], ['a"b'], ["$a"], ["`a`"], ["a\\b"], None])
def test_words_that_a_shell_or_a_dockerfile_would_change_are_none(value: object) -> None:
    assert not commands.are_words(value)
    assert commands.are_words(["--group test", "a[b]>=1,<2; python_version < '3.12'", "a b.txt"])
