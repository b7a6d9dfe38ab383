"""How the starter MCP server is served: over standard input and output, or over HTTP. Yours to change."""

import argparse
import asyncio
import logging
import os
import socket
import tomllib
from pathlib import Path

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from uvicorn.config import LOGGING_CONFIG

PROJECT = Path(__file__).parents[0] / "pyproject.toml"


def version() -> str:
    """Return the project's version, for clients."""
    try:
        return tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    except (OSError, KeyError):
        return "0"


def known_hosts() -> TransportSecuritySettings:
    """Return the names that the server answers to: no web page gets in by its own."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    names += os.environ.get("MCP_ALLOWED_HOSTS", "").split()
    hosts = [host for name in names for host in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def name_refused(record: logging.LogRecord) -> bool:
    """Let the log say which name is missing where a request is refused."""
    header, _, value = record.getMessage().partition(" header: ")
    if value:
        name = value.rpartition("//")[2]
        record.msg = f"{header} header: add {name} to MCP_ALLOWED_HOSTS to let it in"
    return True


class Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and read the calls that have just come in."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0.3)
        await super().shutdown(sockets)


def serve(app: MCPServer, host: str, port: int) -> None:
    """Serve over HTTP at /mcp, without sessions: clients go on after a restart."""
    LOGGING_CONFIG["handlers"]["access"]["stream"] = "ext://sys.stderr"
    logging.getLogger(TransportSecuritySettings.__module__).addFilter(name_refused)
    # What ends answers the calls that it has.
    AppStatus.disable_automatic_graceful_drain()
    security = known_hosts()
    http = app.streamable_http_app(stateless_http=True, transport_security=security)
    # In development a socket stays open while a change of the code is loaded.
    taken = os.environ.get("MCP_SOCKET")
    sockets = [socket.socket(fileno=int(taken))] if taken else None
    # A connection that is kept could be used by a client while it is closed.
    headers = [("Connection", "close")] if taken else []
    config = uvicorn.Config(http, host=host, port=port, headers=headers)
    Server(config).run(sockets)


def main(app: MCPServer) -> None:
    about = "An MCP server, over standard input and output or over HTTP."
    parser = argparse.ArgumentParser(description=about)
    transport = os.environ.get("MCP_TRANSPORT", "stdio")
    choices = ["stdio", "streamable-http"]
    parser.add_argument("--transport", choices=choices, default=transport)
    parser.add_argument("--host", default=os.environ.get("MCP_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=os.environ.get("MCP_PORT", "8000"))
    options = parser.parse_args()
    if options.transport == "stdio":
        app.run("stdio")
    else:
        serve(app, options.host, options.port)
