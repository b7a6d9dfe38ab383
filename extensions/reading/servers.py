"""MCP servers that are in servers/ before the stack knows of them: how their own Dockerfile starts each."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .folder import Folder
from .image import Image

# What the stack starts where nothing says otherwise, and where.
STARTER, WORKDIR = {("python", "server.py"), ("python3", "server.py")}, "/workspace"
SOURCES = (".py", ".ts", ".mts", ".js", ".mjs", ".cjs", ".go", ".rs")
NO_SOURCES = frozenset({"node_modules", "venv", "dist", "build", "test", "tests", "target", "vendor"})
MAX_FILES = 300
# How a command says that it shall be HTTP, or stdio.
NAMES_TRANSPORT = re.compile(r"(?:--\w+=|--)?(?:http|streamable[-_]http|sse|stdio)", re.IGNORECASE)
# What serves over HTTP, and over standard input and output, by the SDKs for TypeScript, Go and Python.
HTTP = re.compile(r"Streamable_?HTTP|streamable[-_]http|httpStream|\bhttp_app\b")
STDIO = re.compile(r"Stdio(?:Server)?Transport|\bstdio\b", re.IGNORECASE)


def texts_of(folder: Folder) -> Iterator[str]:
    """Yield the sources of a server, in whichever language."""
    left = MAX_FILES
    for top, folders, files in os.walk(folder.root):
        folders[:] = sorted(one for one in folders if one[0] != "." and one not in NO_SOURCES)
        for name in sorted(one for one in files if one.endswith(SOURCES))[:left]:
            left -= 1
            yield folder.read(os.path.relpath(os.path.join(top, name), folder.root))


class Servers:
    """The servers of a project.

    Args:
        folder: the project's.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def own(self, names: object, saved: object, earlier: Collection[str] | None) -> dict[str, dict[str, Any]]:
        """Return how the servers that were there are started, where that is not as the starter is.

        Args:
            names: those of all servers.
            saved: what was returned before. It stays, so that no update changes how a server is started.
            earlier: the names of the servers so far; None where nobody can tell.
        """
        known = saved if isinstance(saved, Mapping) else {}
        wanted = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        found = {name: known.get(name) if earlier is None or name in earlier else self._found(name) for name in wanted}
        return {name: dict(said) for name, said in found.items() if said}

    def _found(self, name: str) -> dict[str, Any]:
        """Return how a server's own Dockerfile starts it; nothing where that is as the starter is."""
        folder = Folder(self._folder.root / "servers" / name)
        if not (text := folder.read("Dockerfile")):
            return {}
        image = Image(text, folder=folder)
        python, entrypoint, command, workdir = image.has_python, image.entrypoint(), image.command(), image.workdir()
        whole = (*entrypoint, *command)
        if python and (not whole or (whole in STARTER and workdir == WORKDIR)):
            return {}
        # Elsewhere the programs are missing that drop to the owner of a mounted folder.
        mounted = python and not image.hides_by_mount() and "alpine" not in image.base
        said = {
            "entrypoint": entrypoint,
            "command": command,
            "python": None if python else False,
            "mount": False if python and not mounted else None,
            "workdir": workdir if mounted and workdir != WORKDIR else "",
            "speaks": "" if any(map(NAMES_TRANSPORT.fullmatch, whole)) else self._speaks(folder),
        }
        return {key: value for key, value in said.items() if value or value is False}

    def _speaks(self, folder: Folder) -> str:
        """Return what a server evidently speaks alone, `http` or `stdio`; empty for one that MCP_TRANSPORT tells."""
        texts = [*texts_of(folder)]
        if any("MCP_TRANSPORT" in text for text in texts):
            return ""
        http, stdio = (any(map(form.search, texts)) for form in (HTTP, STDIO))
        return "http" if http and not stdio else "stdio"
