"""MCP clients: the official SDK, started with what a client file says, or speaking to an address over HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.stack import Stack

T = TypeVar("T")
CLIENT_FILES = (".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json", "claude_desktop_config.json")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
# Both need Node 22, which the package brings. Together, so that npx installs them once.
NODE = ["npx", "--yes", "-p", "node@22.23.3", "-p", "@modelcontextprotocol/conformance@0.2.0-alpha.12"]
NODE += ["-p", "@modelcontextprotocol/inspector@0.17.5"]
FASTMCP = "fastmcp-slim[client]==4.2.3"
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def servers(stack: Stack, file: str) -> dict[str, StdioServerParameters]:
    """Return what a client reads in its file: the command of each server, by its name.

    A client that knows a variable for the project's folder, or has an absolute path, is started somewhere else; any other one in
    a folder of the project that is not its top.
    """
    text = (stack.folder / file).read_text(encoding="utf-8").replace("${workspaceFolder}", str(stack.folder))
    assert not re.search(r"\$\{", text), "a variable that no client knows"
    content = tomllib.loads(text) if file.endswith(".toml") else json.loads(text)
    (section,) = content.values()
    folder = Path("/") if str(stack.folder) in text else stack.folder / "docker"
    return {
        name: StdioServerParameters(
            command=entry["command"], args=entry["args"], cwd=folder, env={**os.environ, **stack.ports, **stack.environment}
        )
        for name, entry in section.items()
    }


def process(server: StdioServerParameters) -> subprocess.Popen[str]:
    """Start a server as a client does, in a process group of its own, to speak to it by hand."""
    return subprocess.Popen(
        [server.command, *server.args],
        cwd=server.cwd,
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def send(session: subprocess.Popen[str], *messages: dict[str, Any] | str) -> None:
    """Send messages, one a line; a text as it is."""
    assert session.stdin
    for message in messages:
        session.stdin.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
    session.stdin.flush()


def receive(session: subprocess.Popen[str]) -> Any:
    """Return the next message; whatever else stands in standard output is an error."""
    assert session.stdout
    line = session.stdout.readline()
    message = json.loads(line) if line else None
    assert message and message["jsonrpc"] == "2.0", line
    return message


@asynccontextmanager
async def connected(server: StdioServerParameters | str, log: Path | None = None) -> AsyncIterator[ClientSession]:
    """Connect over stdio, or to an URL over streamable HTTP."""
    if isinstance(server, str):
        async with streamable_http_client(server) as streams, ClientSession(*streams[:2]) as session:
            await session.initialize()
            yield session
    else:
        with log.open("w+", encoding="utf-8") if log else tempfile.TemporaryFile("w+", encoding="utf-8") as stderr:
            try:
                async with stdio_client(server, errlog=stderr) as streams, ClientSession(*streams) as session:
                    await session.initialize()
                    yield session
            except BaseExceptionGroup as error:
                stderr.seek(0)
                error.add_note(f"The server's standard error:\n{stderr.read()}")
                raise


def use(server: StdioServerParameters | str, what: Callable[[ClientSession], Awaitable[T]], log: Path | None = None) -> T:
    """Connect, do something, disconnect, and return the result."""

    async def run() -> T:
        async with connected(server, log) as session:
            return await what(session)

    return anyio.run(run)


def sessions_left(stack: Stack) -> list[str]:
    """Return the containers of sessions, also of those that have ended."""
    labels = [f"label=com.docker.compose.project={stack.slug}", "label=com.docker.compose.oneoff=True"]
    filters = [word for label in labels for word in ("--filter", label)]
    return stack.run("docker", "ps", "--all", "--quiet", *filters).stdout.split()
