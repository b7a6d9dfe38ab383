"""The starter MCP server: one of each thing that a server can offer. Yours to change."""

import os
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from mcp import MCPDeprecationWarning
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from notes import Note, Notes, open_notes
from pydantic import Field
from services import reached
from serving import main, version
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

NAME = os.environ.get("MCP_SERVER_NAME", "docs")
# With it the names of tools begin, so that those of two servers differ.
NAMESPACE = os.environ.get("MCP_NAMESPACE", "docs")
# From 2026-07-28 on clients read a log elsewhere; those of before get it as they did.
warnings.filterwarnings("ignore", category=MCPDeprecationWarning)


@asynccontextmanager
async def lifespan(_: MCPServer) -> AsyncIterator[Notes]:
    """Open what all calls share when the server starts, and close it when it ends."""
    async with open_notes() as notes:
        yield notes


app = MCPServer(NAME, version=version(), lifespan=lifespan)


@app.tool(name=f"{NAMESPACE}_status")
def status() -> dict[str, str]:
    """Say which server this is, and what it reached."""
    return {"server": NAME} | reached()[0]


@app.tool(name=f"{NAMESPACE}_add_note")
async def add_note(
    text: Annotated[str, Field(description="One line or several", max_length=9999)],
    context: Context[Notes],
) -> list[Note]:
    """Keep each line as a note, and return the ten newest."""
    notes = context.request_context.lifespan_context
    lines = text.splitlines()
    for done, line in enumerate(lines, start=1):
        await notes.add(line)
        await context.report_progress(done, len(lines), f"Kept: {line}")
    await context.info(f"{len(lines)} of {len(lines)} lines are kept")
    return await notes.newest()


@app.resource("status://services", mime_type="application/json")
def services() -> dict[str, str]:
    """Say what this server reached."""
    return status()


@app.resource("note://{number}", mime_type="application/json")
async def note(number: int, context: Context[Notes]) -> Note:
    """Return one note."""
    found = await context.request_context.lifespan_context.find(number)
    if found is None:
        raise ResourceNotFoundError(f"There is no note {number}.")
    return found


@app.prompt()
def report(reader: str = "an engineer") -> str:
    """Ask for a report on what the server works with."""
    return f"Read status://services, and tell {reader} in two sentences if all is well."


@app.custom_route("/health", methods=["GET"])
async def health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@app.custom_route("/", methods=["GET"])
async def index(_: Request) -> JSONResponse:
    return JSONResponse(await run_in_threadpool(status))


if __name__ == "__main__":
    main(app)
