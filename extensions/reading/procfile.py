"""What a Procfile says: the processes of a project, as Heroku and its like start them."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile

from .folder import Folder

PORT = re.compile(r"\$(?:PORT\b|\{PORT(?::?-[^}]*)?\})")
# What a shell does with a line before it starts a program.
NEEDS_SHELL = re.compile(r"[$`|&;<>()*?~\n]")


class Procfile:
    """The processes by their names.

    Args:
        folder: the project's.
    """

    def __init__(self, folder: Folder) -> None:
        found = re.findall(r"^([\w-]+)[ \t]*:[ \t]*(\S.*?)[ \t]*$", folder.read("Procfile"), re.MULTILINE)
        self.lines: dict[str, str] = dict(reversed(found))

    def command(self, name: str, port: int = 0) -> str:
        """Return a process's command as shell words, listening where others reach it; empty where there is none.

        Args:
            name: the process, such as `web`.
            port: what the variable PORT is; 0 for a process without a port.
        """
        line = self.lines.get(name, "")
        plain = PORT.sub(str(port), line) if port else line
        try:
            words = shlex.split(plain)
        except ValueError:
            return ""
        variable = f"PORT={port}"
        if not words:
            return ""
        if NEEDS_SHELL.search(plain):
            return shlex.join([*(["env", variable] if port else []), "sh", "-c", f"exec {line}" if is_one(line) else line])
        given = [*takewhile(lambda word: re.match(r"\w+=", word), words)]
        rest = words[len(given) :]
        if port and rest and (reachable := listening(rest, port)):
            rest = reachable
        elif port and variable not in given:
            given = [variable, *given]
        return shlex.join(["env", *given, *rest] if given else rest)


def is_one(line: str) -> bool:
    """Tell whether a line for a shell is one command, which can take the shell's place."""
    return not re.search(r"[|&;]", line)


def listening(words: list[str], port: int) -> list[str]:
    """Return the words of a server's command that listens on all addresses; none for a program that is not known."""
    text = " ".join(words)
    if words[0] == "gunicorn":
        bound = re.search(r"(?:^|\s)(?:-b|--bind)[\s=]*\S", text)
        return words if bound else ["gunicorn", "--bind", f"0.0.0.0:{port}", *words[1:]]
    if words[0] == "uvicorn":
        host = [] if re.search(r"\s--host[\s=]", text) else ["--host", "0.0.0.0"]
        return [*words, *host, *([] if re.search(r"\s--port[\s=]", text) else ["--port", str(port)])]
    return []
