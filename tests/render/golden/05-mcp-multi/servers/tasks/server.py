"""The starter MCP server: two tools and a resource that show what it works with. Yours to change."""

import argparse
import logging
import os
import socket

import psycopg
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from services import TIMEOUT, reached
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

DEFAULT = "tasks"
NAME = os.environ.get("MCP_SERVER_NAME", DEFAULT)
NAMESPACE = os.environ.get("MCP_NAMESPACE", "tasks")
app = MCPServer(NAME, version="0.1.0")


@app.tool(name=f"{NAMESPACE}_status")
def status() -> dict[str, str]:
    """Say which server this is, and what it reached."""
    return {"server": NAME} | reached()[0]


@app.tool(name=f"{NAMESPACE}_add_note")
def add_note(text: str) -> list[str]:
    """Keep a note, and return the ten newest."""
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, connect_timeout=TIMEOUT) as connection:
        # One at a time: Postgres refuses two that make the same table at once.
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        columns = "id bigserial PRIMARY KEY, text text NOT NULL"
        connection.execute(f"CREATE TABLE IF NOT EXISTS note ({columns})")
        connection.execute("INSERT INTO note (text) VALUES (%s)", [text])
        newest = "SELECT text FROM note ORDER BY id DESC LIMIT 10"
        return [row[0] for row in connection.execute(newest)]


@app.resource("status://services", mime_type="application/json")
def services() -> dict[str, str]:
    """Say what this server reached."""
    return status()


@app.custom_route("/health", methods=["GET"])
async def health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@app.custom_route("/", methods=["GET"])
async def index(_: Request) -> JSONResponse:
    return JSONResponse(await run_in_threadpool(status))


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


def serve(host: str, port: int) -> None:
    """Serve over HTTP at /mcp, without sessions: clients go on after a restart."""
    import uvicorn
    from sse_starlette.sse import AppStatus

    uvicorn.config.LOGGING_CONFIG["handlers"]["access"]["stream"] = "ext://sys.stderr"
    logging.getLogger(TransportSecuritySettings.__module__).addFilter(name_refused)
    # What ends answers the calls that it has.
    AppStatus.disable_automatic_graceful_drain()
    http = app.streamable_http_app(
        stateless_http=True, transport_security=known_hosts()
    )
    # In development a socket stays open while a change of the code is loaded.
    taken = os.environ.get("MCP_SOCKET")
    sockets = [socket.socket(fileno=int(taken))] if taken else None
    uvicorn.Server(uvicorn.Config(http, host=host, port=port)).run(sockets)


def main() -> None:
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
        serve(options.host, options.port)


if __name__ == "__main__":
    main()
