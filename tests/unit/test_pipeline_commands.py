"""Commands of a pipeline: how tests are run and reported, what is copied and installed for them."""

from __future__ import annotations

import ast
import json
import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support import extension

commands, lists = extension("facts/commands"), extension("context").facts.app.lists
word = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12) | st.text("a$ '\"\\#{}<&", max_size=8)
lists_of_words = st.lists(word, min_size=1, max_size=6).filter(lambda words: bool(words[0]))


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
        (
            *(["--group dev", "hypothesis"], [], True),
            [
                "uv sync --active --frozen --no-install-project --no-default-groups --inexact --group dev",
                'uv pip install "hypothesis"',
            ],
        ),
        (["-e ."], [], True, ["uv pip install -e ."]),
        (["-r pyproject.toml"], [], True, ["uv pip install -r pyproject.toml"]),
    ],
)
def test_what_tests_need_is_installed_by_one_command_or_none(
    requirements: list[str], packages: list[str], locked: bool, expected: list[str]
) -> None:
    assert lists.further_install_commands(requirements, packages, locked) == expected


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
    sync, *more = lists.further_install_commands(requirements, packages, True)
    assert sync == f"uv sync --active --frozen --no-install-project --no-default-groups --inexact {chosen}"
    assert more == (['uv pip install "pytest"'] if packages else [])


def test_those_of_an_app_in_a_folder_are_in_its_lock_file() -> None:
    requirements = ["--group backend/pyproject.toml:dev", "-r backend/pyproject.toml", "--extra test"]
    assert lists.further_install_commands(requirements, [], True, folder="backend/") == [
        "uv sync --project backend --active --frozen --no-install-project --no-default-groups --inexact --group dev --extra test"
    ]


@given(st.lists(option | requirement, unique=True), st.lists(requirement, unique=True), st.booleans())
def test_nothing_that_tests_need_is_forgotten(requirements: list[str], packages: list[str], locked: bool) -> None:
    said = lists.further_install_commands(requirements, packages, locked)
    assert bool(said) == bool(requirements or packages)
    assert all(command.startswith(("uv sync --active --frozen ", "uv pip install ")) for command in said)
    # What the lock file knows anyway: the project's own dependencies, and the project.
    known = {"-r pyproject.toml", "-e ."} if any(command.startswith("uv sync") for command in said) else set()
    wanted = [word for item in [*requirements, *packages] if item not in known for word in commands.uv_words([item]).split(" ")]
    assert {*wanted} <= {*" ".join(said).split(" ")}


@pytest.mark.parametrize("command", ["pytest -x", "python -m pytest", "python manage.py test", "python3 -m unittest", "python"])
def test_coverage_measures_pytest_and_other_programs_of_python(command: str) -> None:
    assert commands.is_measured(command)


@pytest.mark.parametrize(
    "command", ["python -u manage.py test", "python -X dev -m pytest", "python -W error run.py", "make check"]
)
def test_options_of_pythons_own_are_not_handed_to_coverage(command: str) -> None:
    assert not commands.is_measured(command)


@given(st.text(st.characters(exclude_categories=["Cs"]).filter(lambda sign: sign != "\0")))
def test_a_word_for_a_shell_is_one_word(text: str) -> None:
    assert shlex.split(commands.shell_text(text)) == [text]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_in_python_is_the_text_in_the_quotes_that_need_fewer_escapes(text: str) -> None:
    written = commands.python_text(text)
    assert ast.literal_eval(written) == text
    assert written[0] == ("'" if text.count('"') > text.count("'") else '"')
