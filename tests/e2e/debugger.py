"""An editor that attaches to debugpy: as much of the Debug Adapter Protocol as that takes."""

from __future__ import annotations

import itertools
import json
import queue
import re
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

SECONDS = 30
Message = dict[str, Any]


class Editor:
    """Attaches to a process and, as an editor does, to each of its children that debugpy reports.

    Args:
        folder: the project, whose launch.json says where to attach.
        port: where the debugger is published.
        breakpoints: lines by file, relative to the project.
    """

    def __init__(self, folder: Path, port: int, breakpoints: dict[str, list[int]]) -> None:
        text = re.sub(r"^\s*//.*$", "", (folder / ".vscode" / "launch.json").read_text(), flags=re.MULTILINE)
        [configuration] = json.loads(text.replace("${workspaceFolder}", str(folder)))["configurations"]
        self.configuration = {**configuration, "connect": {"host": "127.0.0.1", "port": port}}
        self.breakpoints = {str(folder / name): lines for name, lines in breakpoints.items()}
        self.stops: queue.Queue[tuple[Session, Message]] = queue.Queue()
        self.sessions: list[Session] = []

    def __enter__(self) -> Editor:
        self.attach(self.configuration)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for session in self.sessions:
            session.close()

    def attach(self, configuration: Message) -> None:
        """Attach to one more process."""
        session = Session(self, configuration)
        self.sessions.append(session)
        session.start(configuration)

    def next_stop(self, seconds: float = SECONDS) -> tuple[str, int]:
        """Wait until a breakpoint is hit, let the program go on, and return the file and the line.

        Raises:
            queue.Empty: none was hit in time.
        """
        session, stopped = self.stops.get(timeout=seconds)
        frame = session.request("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
        session.request("continue", threadId=stopped["threadId"])
        return frame["source"]["path"], frame["line"]


class Session:
    """One connection of an editor, to one process."""

    def __init__(self, editor: Editor, configuration: Message) -> None:
        self.editor = editor
        where = configuration["connect"]
        self.socket = socket.create_connection((where["host"], where["port"]), timeout=SECONDS)
        self.socket.settimeout(None)
        self.numbers = itertools.count(1)
        self.answers: dict[int, queue.Queue[Message]] = {}
        self.ready, self.ended = threading.Event(), threading.Event()
        threading.Thread(target=self.read, daemon=True).start()

    def start(self, configuration: Message) -> None:
        """Shake hands, and set the editor's breakpoints."""
        self.request("initialize", adapterID="debugpy", pathFormat="path")
        attached = self.send("attach", **configuration)
        assert self.ready.wait(SECONDS)
        for path, lines in self.editor.breakpoints.items():
            self.request("setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines])
        self.request("configurationDone")
        self.answer(attached)

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request, and return its number."""
        number = next(self.numbers)
        self.answers[number] = queue.Queue()
        body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return number

    def answer(self, number: int) -> Any:
        """Wait for the answer to a request."""
        answer = self.answers[number].get(timeout=SECONDS)
        assert answer["success"], answer
        return answer.get("body")

    def request(self, command: str, **arguments: Any) -> Any:
        """Send a request, and return what is answered."""
        return self.answer(self.send(command, **arguments))

    def read(self) -> None:
        """Take what debugpy says, until it hangs up."""
        with self.socket.makefile("rb") as stream:
            while head := stream.readline():
                stream.readline()
                message = json.loads(stream.read(int(head.split(b":")[1])))
                if message["type"] == "response":
                    self.answers[message["request_seq"]].put(message)
                else:
                    self.take(message["event"], message.get("body", {}))

    def take(self, event: str, body: Message) -> None:
        """React to an event."""
        if event == "initialized":
            self.ready.set()
        elif event == "terminated":
            self.ended.set()
        elif event == "stopped":
            self.editor.stops.put((self, body))
        elif event == "debugpyAttach":
            threading.Thread(target=self.editor.attach, args=[body], daemon=True).start()

    def close(self) -> None:
        """Leave the program running, and hang up."""
        if not self.ended.is_set():
            self.request("disconnect", terminateDebuggee=False)
        self.socket.shutdown(socket.SHUT_RDWR)
