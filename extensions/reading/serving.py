"""How an MCP server is started: as an existing Dockerfile says, or as the code does; and over HTTP where one evidently can."""

from __future__ import annotations

import re
import shlex
from functools import cached_property

from .folder import Folder
from .image import Image
from .listens import named_port
from .mcp import MCP_SERVER, Mcp
from .reach import Imports

# Programs that serve what is made for them, and speak no MCP over stdio; and what makes an MCP server ready for them.
WEB_SERVERS = {"uvicorn", "gunicorn", "hypercorn", "granian", "daphne", "flask", "fastapi"}
WEB_APP = re.compile(r"\b(?:streamable_)?http_app\(")


class Serving:
    """How a project's MCP server is started.

    Args:
        folder: the project's.
        prefix: what the paths of importable files begin with.
        mcp: what its code says.
        image: what its Dockerfile says.
    """

    def __init__(self, folder: Folder, prefix: str, mcp: Mcp, image: Image) -> None:
        self._mcp = mcp
        self._image = image
        self._imports = Imports(folder, prefix)
        self._prefix = prefix

    def command(self, package: str) -> str:
        """Return the command that starts the MCP server inside a container, as shell words.

        That of an existing Dockerfile, whatever it is called there; else one over stdio that is found in the code.

        Args:
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        return shlex.join(self._in_image) or self._mcp.command(package)

    def over_http(self, package: str, port: int) -> str:
        """Return the command that serves over HTTP where one evidently does, else that which is found.

        Args:
            package: as for `command`.
            port: where it shall listen, if nothing else says that.
        """
        command = self.command(package)
        if not self._in_image and not self._web_server and command.startswith("fastmcp run "):
            return f"{command} --transport http --host 0.0.0.0 --port {port}"
        return shlex.join(self._web_server) or command

    def port(self, given: str = "") -> int:
        """Return the port over HTTP: of a command that is given, an existing Dockerfile, else the usual one."""
        said = self._image.port() if self._in_image or self._web_server else None
        return named_port(given) or said or 8000

    @property
    def switched(self) -> bool:
        """Whether MCP_TRANSPORT=streamable-http evidently switches that command to HTTP, where others can reach it."""
        return self._mcp.http and "stdio" not in " ".join(self._in_image)

    @cached_property
    def _in_image(self) -> list[str]:
        """The words by which an existing Dockerfile starts what may be the MCP server, none where they start something else."""
        words = self._image.started()
        program = words[0].rpartition("/")[2] if words else ""
        idle = len(words) == 1 and program in {"sh", "bash", "python", "python3"}
        return [] if idle or program in WEB_SERVERS else words

    @cached_property
    def _web_server(self) -> list[str]:
        """The words by which an existing Dockerfile lets a web server serve the MCP server, none where it serves another app."""
        words = [] if self._in_image else self._image.started()
        for module in (word.partition(":")[0] for word in words if re.fullmatch(r"[\w.]+:[\w.]+", word)):
            texts = self._imports.reached(self._imports.file(module, self._prefix, ""))
            if any(map(MCP_SERVER.search, texts)) and any(map(WEB_APP.search, texts)):
                return words
        return []
