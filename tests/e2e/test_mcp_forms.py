"""MCP servers of other makes, each as its own Dockerfile starts it: over HTTP, and over standard input and output."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession

from tests.e2e.clients import servers, sessions_left, use
from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack, wait_for
from tests.support import PROJECTS, need_tool

CALLS = {
    # In TypeScript, on an image without Python.
    "search": ("find", {"word": "tides"}, "found tides over {}"),
    # On version 1 of the SDK, with options that only one transport takes.
    "pinned": ("sdk", {}, "mcp 1."),
    # `fastmcp run` with an object in a file.
    "weather": ("forecast", {"place": "Emden"}, "rain in Emden"),
    # Over standard input and output alone.
    "local": ("here", {}, "here"),
}


def calling(name: str) -> Callable[[ClientSession], Coroutine[Any, Any, str]]:
    tool, arguments, _ = CALLS[name]

    async def call(session: ClientSession) -> str:
        return str((await session.call_tool(tool, arguments)).content)

    return call


def published(stack: Stack) -> None:
    """Publish each server that speaks HTTP, as docs/how-to/mcp-clients.md says."""
    lines = [f'  {name}:\n    ports: ["127.0.0.1::8000"]\n' for name in CALLS if name != "local"]
    (stack.folder / "docker-compose.override.yml").write_text("services:\n" + "".join(lines))


def test_servers_of_other_makes_are_started_as_their_dockerfiles_say_and_called_over_both_transports(
    make_stack: MakeStack,
) -> None:
    def write(folder: Path) -> None:
        shutil.copytree(PROJECTS / "mcp-forms", folder, dirs_exist_ok=True)
        # Here, because the image has no npm. A committed lock would name the registry that it was made with.
        install = [need_tool("npm"), "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
        subprocess.run(install, cwd=folder / "servers" / "search", check=True, capture_output=True)

    stack = make_stack({"stack": "mcp-multi", "gateway": "none", "mcp_servers": [*CALLS]}, write=write)
    published(stack)
    stack.up()
    assert {*stack.compose("ps", "--services").stdout.split()} == {"db", "search", "pinned", "weather"}
    for name, server in servers(stack, ".mcp.json").items():
        said = CALLS[name][2]
        assert said.format("stdio") in use(server, calling(name)), "over stdio"
        if name != "local":
            url = "http://" + stack.compose("port", name, "8000").stdout.strip()
            assert said.format("streamable-http") in use(f"{url}/mcp", calling(name)), "over HTTP"
    wait_for(lambda: None if sessions_left(stack) else True, 20)
    # What is mounted is started again for a change; what is in an image is not.
    code = stack.folder / "servers" / "weather" / "weather.py"
    code.write_text(code.read_text().replace("rain in", "sun in"))
    url = "http://" + stack.compose("port", "weather", "8000").stdout.strip()

    def sun() -> bool | None:
        try:
            return "sun in Emden" in use(f"{url}/mcp", calling("weather")) or None
        except BaseExceptionGroup:
            return None

    assert wait_for(sun)


APP = "from weather import mcp\n\napp = mcp.http_app()\n"
UVICORN = '["uvicorn", "web:app", "--host", "0.0.0.0", "--port", "9000"]'
WEATHER = PROJECTS / "mcp-forms" / "servers" / "weather"


def with_uvicorn(folder: Path) -> None:
    """Write a project whose own image serves the object by uvicorn; its first layers are those of the test before."""
    shutil.copytree(WEATHER, folder, dirs_exist_ok=True)
    (folder / "web.py").write_text(APP)
    dockerfile = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(f"{dockerfile[: dockerfile.index('CMD')]}CMD {UVICORN}\n")


def with_an_object(folder: Path) -> None:
    """Write a project that has a server in a file, and nothing that starts it."""
    for name in ("weather.py", "requirements.txt"):
        shutil.copy(WEATHER / name, folder)


@pytest.mark.parametrize("write", [with_an_object, with_uvicorn])
def test_without_an_answer_a_server_is_up_over_http_and_its_sessions_speak_over_stdio(
    write: Callable[[Path], None], make_stack: MakeStack
) -> None:
    stack = make_stack({}, write=write)
    stack.up()
    assert "rain in Emden" in use(f"{stack.url('mcp-server')}/mcp", calling("weather"))
    (server,) = servers(stack, ".mcp.json").values()
    assert "rain in Emden" in use(server, calling("weather"))
