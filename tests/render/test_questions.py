"""What somebody is asked who runs `copier copy` in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import copier
import pytest

from tests.render.questions import Questions
from tests.support import ROOT, existing_project, files, machine, render

MARK = "🎤"
QUESTIONS = Questions(ROOT)
# What brings the most questions with it, beside each stack.
EVERYTHING = {
    "services": ["postgres", "redis"],
    "ci": ["github", "gitlab"],
    "production": True,
    "branch_environments": True,
    "extras": ["dependabot", "pre-commit", "mail", "devcontainer"],
}


def prompts(template: Path, folder: Path, *options: str) -> list[str]:
    """Return the questions that Copier shows in a terminal where somebody accepts each default."""
    command = [
        str(Path(sys.executable).parent / "copier"),
        "copy",
        "--trust",
        "--skip-tasks",
        *options,
        str(template),
        str(folder),
    ]
    master, slave = pty.openpty()
    # Wide enough that no question is broken.
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    environment = {**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    output, answered, deadline = "", 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            try:
                output += os.read(master, 65536).decode("utf-8", "replace")
            except OSError:  # the other end is closed: Copier has ended
                break
        elif answered < len(shown(output)):
            answered = len(shown(output))
            os.write(master, b"\r")
    assert process.wait(timeout=60) == 0, output
    os.close(master)
    return shown(output)


def questionnaire(template: Path, folder: Path, given: dict[str, object]) -> dict[str, str]:
    """Return what Copier asks somebody who gives some answers and accepts the other defaults: the text by the question."""
    asked: dict[str, str] = {}

    def prompt(questions: list[dict[str, Any]], answers: dict[str, object]) -> dict[str, object]:
        [question] = questions
        name = question["name"]
        if not question["when"]({}):
            return answers
        asked[name] = question["message"].strip()
        return {name: given.get(name, answers[name])}

    with pytest.MonkeyPatch.context() as patch, machine():
        patch.setattr("copier._main.unsafe_prompt", prompt)
        copier.run_copy(str(template), folder, unsafe=True, skip_tasks=True, pretend=True, quiet=True)
    return asked


def shown(output: str) -> list[str]:
    """Return each question once, in the order in which they appear."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output)
    return list(dict.fromkeys(text.strip() for text in re.findall(rf"{MARK} (.+?)(?:\r|\n|$)", plain)))


@pytest.mark.parametrize(
    ("project", "options"),
    [
        (None, []),
        ("flask-app", []),
        ("mcp-tides", ["-d", "stack=mcp"]),
        (None, ["-d", "stack=mcp-multi"]),
    ],
    ids=["new", "existing", "mcp", "mcp-multi"],
)
def test_at_most_twelve_questions_are_asked_when_defaults_are_taken(
    project: str | None, options: list[str], template: Path, tmp_path: Path
) -> None:
    folder = existing_project(project, tmp_path / "my-project") if project else tmp_path / "my-project"
    asked = prompts(template, folder, *options)
    assert 0 < len(asked) <= 12
    known = {question["help"].partition(" {{")[0] for question in QUESTIONS.all.values()}
    assert all(any(text.startswith(help_text) for help_text in known) for text in asked)
    assert (folder / "docker-compose.yml").exists()


@pytest.mark.parametrize("stack", QUESTIONS.choices("stack"))
@pytest.mark.parametrize("project", [None, "flask-app", "fastapi-src", "mcp-tides", "plain-script"])
@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_no_path_has_more_than_twelve_questions(
    options: dict[str, object], project: str | None, stack: str, template: Path, tmp_path: Path
) -> None:
    folder = existing_project(project, tmp_path / "my-project") if project else tmp_path / "my-project"
    asked = questionnaire(template, folder, {**options, "stack": stack})
    assert 3 <= len(asked) <= 12, asked
    assert not [text for text in asked.values() if "pattern" in text or "?" not in text]
    # What is found, or nobody needs to choose.
    known = {"isolation", "python_version", "postgres_version", "redis_version"}
    known |= {"package_name", "web_framework", "hot_reload"} if project else {"app_command", "app_port"}
    assert not known & asked.keys()
    assert ("package_name" in asked) == (project is None and stack not in {"mcp-multi", "shared-services"})


def test_somebody_who_accepts_every_default_has_few_keys_to_press(template: Path, tmp_path: Path) -> None:
    assert len(questionnaire(template, tmp_path / "shop", {})) <= 10
    assert len(questionnaire(template, existing_project("flask-app", tmp_path / "flask"), {})) <= 9


def test_a_slot_is_shown_with_its_ports(template: Path, tmp_path: Path) -> None:
    asked = questionnaire(template, tmp_path / "shop", {"stack": "full", "services": ["postgres"]})
    assert asked["port_slot"] == "Which slot of ports, 0 to 9? 0 is app 8000, db 5432; 1 is app 8001, db 5433; …"
    asked = questionnaire(template, tmp_path / "agents", {"stack": "mcp-multi"})
    assert "0 is n8n 5678, db 5432;" in asked["port_slot"]
    # A server that a client starts publishes nothing.
    tides = existing_project("mcp-tides", tmp_path / "tides")
    assert "port_slot" not in questionnaire(template, tides, {"stack": "mcp", "services": []})


# As from a preset, where another stack is named beside it.
@pytest.mark.parametrize(
    ("stack", "idle"),
    [
        ("minimal", {"services": ["postgres", "redis"], "mcp_servers": ["tasks"], "gateway": "n8n"}),
        ("mcp", {"mcp_servers": ["tasks"], "gateway": "n8n"}),
        ("mcp-multi", {"services": ["redis"]}),
    ],
)
def test_an_answer_to_a_question_that_is_not_asked_changes_nothing(
    stack: str, idle: dict[str, object], template: Path, tmp_path: Path
) -> None:
    first = render(template, tmp_path / "first" / "my-project", {"stack": stack})
    second = render(template, tmp_path / "second" / "my-project", {"stack": stack, **idle})
    assert files(second) == files(first)
