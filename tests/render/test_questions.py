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

import pytest

from tests.render.questions import Questions
from tests.support import ROOT, existing_project, files, render

MARK = "🎤"


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
    assert set(asked) <= {question["help"] for question in Questions(ROOT).all.values()}
    assert (folder / "docker-compose.yml").exists()


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
