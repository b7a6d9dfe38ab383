"""How the starter MCP server ends, which is started again whenever its code changes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import wait_for
from tests.support import render

CALL = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def listening(template: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The starter in a socket that stays open, as docker/mcp-reload.py starts it, and the socket's port."""
    answers = {"stack": "mcp", "services": [], "package_name": "starter"}
    folder = render(template, tmp_path / "shop", answers) / "src"
    with socket.socket() as shared:
        shared.bind(("127.0.0.1", 0))
        number, port = shared.fileno(), int(shared.getsockname()[1])
        environment = {
            **os.environ,
            "MCP_SOCKET": str(number),
            "MCP_TRANSPORT": "streamable-http",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "-m", "starter.server"]
        with subprocess.Popen(command, cwd=folder, env=environment, pass_fds=[number], stderr=subprocess.DEVNULL) as server:
            wait_for(lambda: shared.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) or None)
            yield server, port
            server.kill()


def test_a_call_that_comes_in_while_it_ends_is_answered(listening: tuple[subprocess.Popen[bytes], int]) -> None:
    server, port = listening
    with socket.create_connection(("127.0.0.1", port), timeout=20) as kept, socket.create_connection(("127.0.0.1", port)) as late:
        kept.sendall(CALL)
        answer = kept.makefile("rb").read().decode()
        assert re.search(r"^connection: close\r$", answer, re.M | re.I), "no client uses it again while it may be closed"
        server.send_signal(signal.SIGTERM)
        # uvicorn looks for the signal ten times a second.
        time.sleep(0.2)
        late.sendall(CALL)
        assert late.makefile("rb").read().startswith(b"HTTP/1.1 200 ")
    assert server.wait(timeout=20) in (0, -signal.SIGTERM)
