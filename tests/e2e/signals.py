"""Scripts that are ended at any moment."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.stack import Stack
from tests.support import WIDE

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOMENTS = 20 if WIDE else 2
"""How often each script is ended."""


def has_begun(process: subprocess.Popen[str]) -> bool:
    """Tell whether a script has started a command: what ends it earlier ends Python while it starts.

    Before it is Python it may be `env`, or a shell that looks for Python.
    """
    try:
        program = Path(f"/proc/{process.pid}/exe").readlink().name
        # A program in Go starts others from any of its threads.
        children = [file.read_text() for file in Path(f"/proc/{process.pid}/task").glob("*/children")]
        return program not in {"env", "bash"} and any(children)
    except OSError:
        return True


def end(stack: Stack, moment: float, number: int, *command: str) -> bool:
    """Start a script, end it some seconds after it has begun, and wait until it has ended; tell whether it had before.

    A signal of the keyboard, or of a terminal that is closed, reaches all that it has started too.
    """
    environment: dict[str, Any] = {**os.environ, **stack.ports, **stack.environment}
    pipes: dict[str, Any] = {"stdout": -1, "stderr": -1, "text": True, "start_new_session": True}
    with subprocess.Popen(command, cwd=stack.folder, env=environment, **pipes) as process:
        while process.poll() is None and not has_begun(process):
            time.sleep(0.005)
        try:
            said = process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            if number in (signal.SIGINT, signal.SIGHUP):
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            said = process.communicate(timeout=90)
            assert "Traceback" not in said[1], said[1]
            return False
    assert process.returncode == 0, said
    return True


def moments(seconds: float) -> Iterator[tuple[float, int]]:
    """Return when a script that takes so long is ended, and by what."""
    return zip((seconds * (number + 0.5) / MOMENTS for number in range(MOMENTS)), itertools.cycle(SIGNALS), strict=False)


def seconds_of(stack: Stack, *command: str) -> float:
    """Return how long a script takes."""
    start = time.monotonic()
    stack.run(*command)
    return time.monotonic() - start
