"""MCP servers over HTTP while their code changes, as a connected client sees it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import anyio
from mcp import ClientSession

from tests.e2e.clients import servers, use
from tests.e2e.conftest import MakeStack
from tests.e2e.stack import wait_for
from tests.support import preset

TOOLS = """

@app.tool()
def environment() -> dict[str, str]:
    return dict(os.environ)


@app.tool()
async def slow(seconds: float) -> str:
    import asyncio

    await asyncio.sleep(seconds)
    return "late"

"""
AGAIN = "The code has changed: starting again."


def edit(file: Path, old: str, new: str) -> None:
    """Save a change of a file."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


async def status(session: ClientSession, tool: str) -> dict[str, str]:
    """Return what the tool says, which must not be an error."""
    result = await session.call_tool(tool, {})
    assert not result.is_error, result.content
    return result.structured_content or {}


def test_a_connected_client_goes_on_while_the_code_changes_and_the_next_session_has_it_too(make_stack: MakeStack) -> None:
    stack = make_stack(preset("04-mcp") | {"services": [], "mcp_client_env": ["API_KEY", "LOG_LEVEL"]})
    (file,) = stack.folder.glob("src/*/server.py")
    edit(file, "\nif __name__ ==", f"{TOOLS}\nif __name__ ==")
    tool = f"{stack.slug.replace('-', '_')}_status"
    stack.up()

    async def use_it(session: ClientSession) -> None:
        late: list[str] = []

        async def call_slow() -> None:
            late.append(str((await session.call_tool("slow", {"seconds": 8})).content))

        async with anyio.create_task_group() as group:
            group.start_soon(call_slow)
            await anyio.sleep(0.5)
            for number in range(3):
                edit(file, '"server": NAME', f'"x{number}": "", "server": NAME')
                with anyio.fail_after(30):
                    while f"x{number}" not in await status(session, tool):
                        pass
            edit(file, "import os\n", "import os)(\n")
            await anyio.sleep(1)
            edit(file, "import os)(\n", "import os\n")
            with anyio.fail_after(30):
                assert "x2" in await status(session, tool)
        assert "late" in late[0], "a call that was going on is answered"

    started = stack.inspect("mcp-server")["State"]["StartedAt"]
    use(f"{stack.url('mcp-server')}/mcp", use_it)
    assert stack.inspect("mcp-server")["State"]["StartedAt"] == started, "in the same container"
    (server,) = servers(stack, ".mcp.json").values()
    server.env = {**(server.env or {}), "API_KEY": "a 'secret' $HOME", "OTHER": "no"}
    assert "x2" in use(server, lambda session: status(session, tool))
    # Of a client's environment it has what the project names, where the client has it.
    found = use(server, lambda session: status(session, "environment"))
    assert found["API_KEY"] == "a 'secret' $HOME"
    assert not found.keys() & {"OTHER", "LOG_LEVEL", "MCP_SOCKET"}


def test_each_of_several_servers_is_started_again_for_its_own_code(make_stack: MakeStack) -> None:
    stack = make_stack(preset("05-mcp-multi") | {"gateway": "none", "mcp_servers": ["tasks", "docs"]})
    stack.up()
    edit(stack.folder / "servers" / "tasks" / "server.py", '"status": "ok"', '"status": "changed"')
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/health').read())"

    def answer(name: str) -> str:
        return stack.compose("exec", "-T", name, "python", "-c", ask, check=False).stdout

    wait_for(lambda: "changed" in answer("tasks") or None)
    assert "ok" in answer("docs")
    assert AGAIN not in stack.run("docker", "logs", f"{stack.slug}-docs-1").stderr


def test_an_existing_server_that_keeps_sessions_is_started_again_and_takes_new_ones(make_stack: MakeStack) -> None:
    answers = {"app_command": "tides-mcp --transport http --port 9000", "app_port": 9000, "services": []}
    stack = make_stack(preset("04-mcp") | answers, onto="mcp-tides")
    stack.up()
    edit(stack.folder / "src" / "tides" / "cli.py", "high water in", "low water in")
    wait_for(lambda: AGAIN in stack.run("docker", "logs", f"{stack.slug}-mcp-server-1").stderr or None)
    stack.compose("up", "--wait")

    async def low_water(session: ClientSession) -> str:
        return str((await session.call_tool("high_water", {"port": "Emden"})).content)

    def answer() -> str | None:
        with suppress(Exception):
            return use(f"{stack.url('mcp-server')}/mcp", low_water)
        return None

    assert "low water in Emden" in wait_for(answer)
