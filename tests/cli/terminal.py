"""A terminal in which a person answers Copier's questions."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ENTER, DOWN, EMPTY_LINE = "\r", "\x1b[B", "\x15"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")
QUESTION = re.compile(r"🎤 (.+?\?)")


@dataclass(frozen=True)
class Session:
    """What a command did in a terminal."""

    questions: list[str]
    """Each question that was asked, once, in order."""
    output: str
    """Everything that was printed, without control sequences."""
    returncode: int


def answer_questions(
    command: Sequence[str],
    answers: Mapping[str, str],
    *,
    cwd: Path,
    corrections: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> Session:
    """Run a command in a terminal and answer each question as soon as it is asked.

    Args:
        command: its questions start with Copier's microphone.
        answers: the keys to press, by a part of the question's text; Enter alone for all others.
        cwd: the folder that it runs in.
        corrections: the keys to press when a complaint appears, by a part of its text.
        timeout: seconds after which the test fails, if the command still runs.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (60, 200))
    # Without it the prompt asks the terminal where its cursor is, and no terminal is there to answer.
    env = {**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "PWD": str(cwd)}
    process = subprocess.Popen(command, cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    printed, asked, pending, end = b"", list[str](), dict(corrections or {}), time.monotonic() + timeout
    try:
        while select.select([master], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # Linux says so when the last process has closed its end
                chunk = b""
            if not chunk:
                break
            printed += chunk
            text = CONTROL.sub("", printed.decode(errors="ignore"))
            for complaint in [part for part in pending if part in text]:
                os.write(master, f"{pending.pop(complaint)}{ENTER}".encode())
            for question in QUESTION.findall(text):
                if question not in asked:
                    asked.append(question)
                    keys = next((keys for part, keys in answers.items() if part in question), "")
                    os.write(master, f"{keys}{ENTER}".encode())
        else:
            raise TimeoutError(f"still running after {timeout} s: {printed.decode(errors='replace')}")
        returncode = process.wait(timeout=timeout)
    finally:
        os.close(master)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return Session(asked, CONTROL.sub("", printed.decode(errors="replace")).replace("\r\n", "\n"), returncode)
