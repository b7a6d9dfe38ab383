# Managed by chora-compose-template: `copier update` rewrites this file.
"""Serve over HTTP: `mcp-reload.py COMMAND...`, and start it again when code changes.

The code are the Python files below MCP_RELOAD. MCP_SOCKET is the number of a socket that
stays open, so that clients wait in it. A server that listens there answers its last calls
beside the next one; any other listens by itself, and ends before the next one starts.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

# Seconds until a server is made to end: one that is in the way, and one that is not.
SOON, LATER = 1, 60
# Where the sitecustomize is that imports what takes long, see mcp-preload.py.
PRELOAD = "/mcp-preload/sitecustomize.py"


def state_of(top: str) -> dict[str, tuple[int, int]]:
    """Return of each Python file below a folder when it was changed, and its size."""
    found = {}
    for folder, folders, files in os.walk(top):
        # A virtual environment is nobody's code.
        ours = [] if "pyvenv.cfg" in files else folders
        folders[:] = [one for one in ours if one[0] != "." and one != "node_modules"]
        for path in (os.path.join(folder, one) for one in files if one[-3:] == ".py"):
            try:
                status = os.stat(path)
            except OSError:  # gone meanwhile
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def kill(server: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a server and to all that it has started."""
    try:
        os.killpg(server.pid, number)
    except ProcessLookupError:
        pass


class Servers:
    """The server, and those before it that have calls to answer."""

    def __init__(self, command: list[str]) -> None:
        host, port = os.environ["MCP_HOST"], int(os.environ["MCP_PORT"])
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Nobody listens yet, so that a server which knows nothing of it can.
        self.socket.bind((host, port))
        self.command = command
        self.ending: list[tuple[subprocess.Popen[bytes], float]] = []
        self.ready: tuple[subprocess.Popen[bytes], int] | None = None
        self.server = self.start()

    def start(self, *waits_at: int, **variables: str) -> subprocess.Popen[bytes]:
        """Start a server, in a group of processes of its own."""
        number = self.socket.fileno()
        environment = {**os.environ, "MCP_SOCKET": str(number), **variables}
        group = {"pass_fds": [number, *waits_at], "start_new_session": True}
        return subprocess.Popen(self.command, env=environment, **group)

    def hold_ready(self) -> None:
        """Start the next server so far that only the project's code is to be read."""
        try:
            with open(f"/proc/{self.server.pid}/cmdline") as file:
                program, option = (file.read().split("\0") + ["", ""])[:2]
        except OSError:  # it ends at this moment
            return
        # Python itself, which reads its environment unless an option forbids that.
        reads = option[:1] != "-" or option in ("-m", "-u", "-c")
        is_python = "python" in os.path.basename(program) and reads
        if self.ready or not is_python or not os.path.exists(PRELOAD):
            return
        path = os.environ.get("PYTHONPATH", "")
        waits_at, word = os.pipe()
        variables = {"MCP_WAIT": str(waits_at), "MCP_PYTHONPATH": path}
        first = os.path.dirname(PRELOAD)
        variables["PYTHONPATH"] = f"{first}{os.pathsep}{path}" if path else first
        self.ready = (self.start(waits_at, **variables), word)
        os.close(waits_at)

    def start_again(self) -> None:
        kill(self.server, signal.SIGTERM)
        shared = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        latest = time.monotonic() + (LATER if shared else SOON)
        self.ending.append((self.server, latest))
        while self.end() and not shared:
            time.sleep(0.02)
        server, self.ready = self.ready, None
        if server and server[0].poll() is None:
            self.server = server[0]
            os.write(server[1], b"!")
            os.close(server[1])
        else:
            self.server = self.start()

    def end(self) -> bool:
        """Make those end that have had their time; tell whether one is left."""
        for server, latest in self.ending:
            if time.monotonic() > latest:
                kill(server, signal.SIGKILL)
        self.ending = [one for one in self.ending if one[0].poll() is None]
        return bool(self.ending)

    def stop(self) -> int:
        """End all of them, and return the exit code of the last one."""
        self.ending = [(one, 0) for one, _ in self.ending]
        self.ending += [(self.ready[0], 0)] if self.ready else []
        kill(self.server, signal.SIGTERM)
        try:
            self.server.wait(5)
        except subprocess.TimeoutExpired:
            pass
        kill(self.server, signal.SIGKILL)
        self.end()
        code = self.server.wait()
        return code if code >= 0 else 128 - code


def watch(command: list[str], top: str) -> int:
    """Serve until the end, or until the code that was there first ends by itself."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    state, changed, pause = state_of(top), 0.0, 0.2
    servers = Servers(command)
    try:
        while changed or servers.server.poll() is None:
            time.sleep(pause)
            servers.end()
            began = time.monotonic()
            before, state = state, state_of(top)
            # A twentieth of a processor at most, however many files there are.
            pause = max(0.2, 20 * (time.monotonic() - began))
            if state != before:
                changed = began
                print("The code has changed: starting again.", file=sys.stderr)
                servers.start_again()
            # Only where somebody works on it, because it takes memory.
            elif changed and began > changed + SOON and servers.server.poll() is None:
                servers.hold_ready()
    except (SystemExit, KeyboardInterrupt):
        pass
    return servers.stop()


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1:], os.environ["MCP_RELOAD"]))
