"""A wrong answer: one sentence, and nothing is written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bad_input.cases import CASES, OF_COPIER
from tests.support import existing_project, files, render, run_copier


def refused(template: Path, destination: Path, answers: Mapping[str, object]) -> str:
    """Return what is said of answers that are refused, whatever kind of exception says it."""
    with pytest.raises(Exception, match=r"\S") as raised:
        render(template, destination, dict(answers))
    return str(raised.value)


@pytest.mark.parametrize(("answers", "sentence"), CASES.values(), ids=CASES)
def test_a_wrong_answer_writes_nothing_and_its_message_stands_alone(
    answers: Mapping[str, object], sentence: str, template: Path, tmp_path: Path
) -> None:
    message = refused(template, tmp_path / "new", answers)

    # The second one where it is a choice that is refused.
    question = [*answers][-1]
    assert message in {
        f"Validation error for question '{question}': {sentence}",
        f"Invalid choice for '{question}': {sentence}",
    }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("answers", "words"), OF_COPIER.values(), ids=OF_COPIER)
def test_what_copier_refuses_itself_is_one_line_too(
    answers: Mapping[str, object], words: str, template: Path, tmp_path: Path
) -> None:
    message = refused(template, tmp_path / "new", answers)

    assert words in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


# One of each kind; that the others' message is the last line, too, follows from their all being exceptions.
@pytest.mark.parametrize(
    "name",
    ["project_name-line-break", "package_name-keyword", "app_port-0", "services-full", "mcp_servers-digits", "extras-host"],
)
def test_the_last_line_of_the_command_line_is_the_message(name: str, template: Path, tmp_path: Path) -> None:
    answers, sentence = CASES[name]
    given = [part for key, value in answers.items() for part in ("-d", f"{key}={value}")]

    done = run_copier("copy", "--trust", "--defaults", *given, str(template), "new", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"{[*answers][-1]}: {sentence}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["project_slug-capital", "app_port-65536", "app_command-open-quote", "python_version-unknown"])
def test_a_wrong_answer_leaves_an_existing_project_as_it_was(name: str, template: Path, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    before = files(project)
    answers, _ = {**CASES, **OF_COPIER}[name]

    with pytest.raises(ValueError, match=next(iter(answers))):
        render(template, project, dict(answers))

    assert files(project) == before


def test_a_text_where_a_list_belongs_is_named(template: Path, tmp_path: Path) -> None:
    # Copier reads the type before any validator runs, and does not name the question.
    given = ["-d", "stack=full", "-d", "services=redis"]

    done = run_copier("copy", "--trust", "--defaults", *given, str(template), "new", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Give services a list, such as -d 'services=[redis]'."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("servers", "sentence"),
    [("tasks,docs", "Give a list, like [tasks, docs]."), ("[tasks, no]", "Quote words such as no and null.")],
)
def test_a_command_line_whose_servers_are_no_names_is_refused(
    servers: str, sentence: str, template: Path, tmp_path: Path
) -> None:
    given = ["-d", "stack=mcp-multi", "-d", f"mcp_servers={servers}"]

    done = run_copier("copy", "--trust", "--defaults", *given, str(template), "new", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"mcp_servers: {sentence}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["pytest", "python manage.py test"])
def test_what_coverage_is_of_is_one_word_whatever_it_holds(command: str, template: Path, tmp_path: Path) -> None:
    source = "a: 'b' \"c\" # - $d 😀"
    answers = {"ci": ["github"], "test_command": command, "coverage_source": source}

    script = (render(template, tmp_path / "new", answers) / "docker/report-tests.sh").read_text()

    line = next(line for line in script.splitlines() if line.strip().startswith("set -- ") and source[:2] in line)
    assert f"{'--cov' if command == 'pytest' else '--source'}={source}" in shlex.split(line)
