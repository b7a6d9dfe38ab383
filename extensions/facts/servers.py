"""What follows for MCP servers that were there before: how each is started, and what speaks over stdio."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import commands
from .app import App


@dataclass(frozen=True)
class Server:
    """An MCP server in servers/, see `own_servers` in docs/reference/questions.md; by itself one as the starter is."""

    name: str
    own: bool = False
    """Whether its own Dockerfile says how it is started."""
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    python: bool = True
    """Whether its image has Python."""
    mount: bool = True
    """Whether its folder can be mounted into the container, at `workdir`."""
    workdir: str = "/workspace"
    speaks: str = ""
    """`stdio` or `http`, where neither MCP_TRANSPORT nor its command changes that."""

    @property
    def mounted(self) -> bool:
        """Whether a change of its code is there without another image."""
        return self.python and self.mount

    @property
    def words(self) -> list[str]:
        """What starts it; nothing where only its image knows that."""
        return [*self.entrypoint, *self.command] or (["python", "server.py"] if self.python else [])

    @property
    def stdio_only(self) -> bool:
        """Whether only a client can start it."""
        return self.speaks == "stdio" and not commands.speaks_http(shlex.join(self.words))


def server(name: str, said: Mapping[str, Any]) -> Server:
    """Return a server of that name by what was found of it."""
    return Server(name, own=bool(said), **said)


@dataclass(frozen=True)
class Servers(App):
    """How MCP servers are started."""

    @cached_property
    def is_listed(self) -> bool:
        """Whether there is what the MCP registry can be told of: a server with an image in production."""
        return self.answers.stack == "mcp" and self.has_production

    @cached_property
    def registry_name(self) -> str:
        """The server's name in the MCP registry: below its owner on GitHub, if the image is there; OWNER is to be replaced."""
        owner = re.match(r"ghcr\.io/([a-zA-Z0-9.-]+)/", self.answers.image_name) if self.is_listed else None
        return f"io.github.{owner[1] if owner else 'OWNER'}/{self.answers.project_slug}"

    @cached_property
    def servers(self) -> list[Server]:
        """The MCP servers that live in servers/."""
        return [server(name, self.answers.own_servers.get(name, {})) for name in self.server_names]

    @cached_property
    def mounted_servers(self) -> list[Server]:
        """Those whose folder is mounted into the container in development."""
        return [one for one in self.servers if one.mounted]

    @cached_property
    def built_servers(self) -> list[Server]:
        """Those that run as their image is built."""
        return [one for one in self.servers if not one.mounted]

    @cached_property
    def has_own_servers(self) -> bool:
        """Whether there are servers that their own Dockerfile starts."""
        return any(one.own for one in self.servers)

    @cached_property
    def started_servers(self) -> list[str]:
        """The names of the servers that `up` starts."""
        return [one.name for one in self.servers if not one.stdio_only]

    @cached_property
    def listens_in_production(self) -> bool:
        """Whether there is a port that nginx can ask."""
        app_listens = not self.stdio_only and self.answers.app_command != "" and self.answers.app_port != 0
        return self.started_servers != [] if self.server_names else app_listens

    @cached_property
    def tested_servers(self) -> list[str]:
        """The names of the servers in whose images pytest can be installed."""
        return [one.name for one in self.servers if one.python]

    @cached_property
    def stdio_commands(self) -> dict[str, list[str]]:
        """What speaks over stdio in place of a service's own command, which speaks over HTTP: words, by the service."""
        wholes = {one.name: shlex.join(one.words) for one in self.servers}
        if self.answers.stack == "mcp":
            wholes = {"mcp-server": commands.with_entrypoint(self.answers.app_command, self.answers.image_entrypoint)}
        over_http = {name: whole for name, whole in wholes.items() if commands.speaks_http(whole)}
        return {
            # A server of web apps serves an object, and does nothing else.
            name: commands.words(commands.stdio_form(self._found if commands.is_web_server(commands.words(whole)) else whole))
            for name, whole in over_http.items()
        }

    @cached_property
    def _found(self) -> str:
        """The command that was found for the one MCP server, in an image of one's own; empty where there are several."""
        if self.answers.stack != "mcp":
            return ""
        found, entrypoint = self.answers.default_command, self.answers.image_entrypoint
        return found if commands.is_web_server(entrypoint) else commands.with_entrypoint(found, entrypoint)
