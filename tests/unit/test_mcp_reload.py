"""docker/mcp-reload.py, which serves over HTTP and starts the server again when its code changes, with servers of a few lines."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import ROOT

PROGRAM = ROOT / "template" / "docker" / "mcp-reload.py"
# What is served, and how long a call takes, are in the code that changes.
SERVER = """
import http.server, os, socket, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(float(self.path[1:] or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"first")

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["MCP_PORT"])), Handler, not SHARED)
if SHARED:
    server.socket.close()
    server.socket = socket.socket(fileno=int(os.environ["MCP_SOCKET"]))
    server.server_activate()
server.daemon_threads = False
import signal, threading
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""


class Served:
    """A server of this test, and its client."""

    def __init__(self, folder: Path, text: str, program: Path = PROGRAM) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.file = folder / "code" / "server.py"
        self.file.parent.mkdir()
        self.file.write_text(text)
        variables = {"MCP_HOST": "127.0.0.1", "MCP_PORT": str(self.port), "MCP_RELOAD": "code", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-IS", str(program), sys.executable, "code/server.py"]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ask(self, path: str = "/") -> str:
        """Return what the server answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as response:
            return str(response.read().decode())

    def answers(self, text: str) -> None:
        """Wait for an answer; a refused connection is none."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if self.ask() == text:
                    return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.02)
        raise AssertionError(f"{text} was never answered")

    def edit(self, old: str, new: str) -> None:
        """Save a change of the code."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def children(self) -> list[str]:
        """Return the numbers of the processes that it has started."""
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def holds_one_ready(self) -> bool:
        """Tell whether a process that it has started waits for the next change."""
        for child in self.children():
            with suppress(OSError):  # it may have ended by now
                if b"MCP_WAIT=" in Path(f"/proc/{child}/environ").read_bytes():
                    return True
        return False

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it as Docker does, and return its exit code and what it printed."""
        self.process.send_signal(number)
        said = self.process.communicate(timeout=20)[0]
        return self.process.returncode, said


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    one = Served(tmp_path, SERVER.replace("SHARED", str(request.param)))
    one.answers("first")
    yield one
    if one.process.poll() is None:
        one.end()


shared = pytest.mark.parametrize("served", [True], indirect=True)
either = pytest.mark.parametrize("served", [True, False], indirect=True, ids=["MCP_SOCKET", "a-port-of-its-own"])


@shared
def test_no_call_is_refused_or_lost_while_the_code_changes(served: Served) -> None:
    late: list[str] = []
    # It begins with the code of before, and ends when that of two changes later is served.
    slow = threading.Thread(target=lambda: late.append(served.ask("/3")))
    slow.start()
    time.sleep(0.3)
    for old, new in (("first", "second"), ("second", "third")):
        served.edit(old, new)
        answers = [served.ask()]
        while answers[-1] != new:
            assert answers[-1] == old
            answers.append(served.ask())
    slow.join()
    assert late == ["first"]


@either
def test_a_mistake_ends_nothing_and_the_code_is_served_once_it_is_mended(served: Served) -> None:
    served.edit("first", "second")
    served.answers("second")
    served.edit("\nserver =", "\n)(\nserver =")
    time.sleep(1)
    assert served.process.poll() is None
    served.edit("\n)(\n", "\n")
    served.edit("second", "third")
    served.answers("third")
    code, said = served.end()
    assert (code, said.count("SyntaxError")) == (0, 1)
    assert "The code has changed: starting again." in said


@either
def test_it_ends_with_all_that_it_has_started(served: Served) -> None:
    served.edit("import http", "import subprocess; subprocess.Popen(['sleep', '876'])\nimport http")
    served.edit("first", "second")
    served.answers("second")
    served.end()
    assert subprocess.run(["pgrep", "-f", "sleep 876"], capture_output=True).returncode == 1


@shared
def test_only_code_of_the_project_counts(served: Served) -> None:
    folder = served.file.parent
    for name in (".git/a.py", "node_modules/a.py", "venv/pyvenv.cfg", "venv/lib/a.py", "notes.txt", "gone.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1")
    # As an editor saves: no file is there for a moment, or a link that leads nowhere.
    (folder / "link.py").symlink_to("nowhere")
    time.sleep(0.6)
    (folder / "more").mkdir()
    assert "starting again" not in served.end()[1]


def test_after_a_change_the_next_server_is_held_ready_with_its_libraries(tmp_path: Path) -> None:
    (tmp_path / "preload").mkdir()
    shutil.copy(PROGRAM.with_name("mcp-preload.py"), tmp_path / "preload" / "sitecustomize.py")
    program = tmp_path / "reload.py"
    program.write_text(PROGRAM.read_text().replace("/mcp-preload/", f"{tmp_path}/preload/"))
    left = 'sorted({"uvicorn", "mcp"} & {*sys.modules}), sorted(name for name in os.environ if "WAIT" in name)'
    one = Served(tmp_path, SERVER.replace("SHARED", "True").replace('b"first"', f'repr(("first", {left})).encode()'), program)
    try:
        cold = "('first', [], [])"
        one.answers(cold)
        one.edit("first", "second")
        one.answers(cold.replace("first", "second"))
        end = time.monotonic() + 20
        while not one.holds_one_ready():
            assert time.monotonic() < end
        one.edit("second", "third")
        one.answers("('third', ['mcp', 'uvicorn'], [])")
    finally:
        one.end()


@pytest.mark.parametrize(("text", "code"), [("raise SystemExit(3)", 3), ("import nowhere", 1), ("", 0)])
def test_code_that_ends_by_itself_at_the_start_ends_the_container(text: str, code: int, tmp_path: Path) -> None:
    one = Served(tmp_path, text)
    assert one.process.wait(timeout=20) == code
