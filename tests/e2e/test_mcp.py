"""One MCP server, as its clients use it: over standard input and output, and over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.shared.exceptions import MCPError

from tests.e2e.clients import (
    CLIENT_FILES,
    INITIALIZE,
    INITIALIZED,
    process,
    receive,
    send,
    servers,
    sessions_left,
    use,
)
from tests.e2e.conftest import MakeStack
from tests.e2e.network_client import everything
from tests.e2e.stack import Stack, fetch, wait_for
from tests.support import PROJECTS, ROOT, WIDE, preset

SLOW_TOOL = """

@app.tool()
def slow() -> str:
    import time

    time.sleep(600)
    return "late"


if __name__ == "__main__":
"""


@pytest.fixture
def stack(make_stack: MakeStack) -> Stack:
    return make_stack(preset("04-mcp"))


def server_of(stack: Stack, file: str = ".mcp.json") -> StdioServerParameters:
    """Return the only server in a client's file, which is called as the project is."""
    ((name, server),) = servers(stack, file).items()
    assert name == stack.slug
    return server


def none_is_left(stack: Stack, seconds: float = 20) -> bool:
    return wait_for(lambda: None if sessions_left(stack) else True, seconds)


def with_slow_tool(stack: Stack) -> None:
    (path,) = stack.folder.glob("src/*/server.py")
    text = path.read_text()
    assert text.count('\n\nif __name__ == "__main__":\n') == 1
    path.write_text(text.replace('\n\nif __name__ == "__main__":\n', SLOW_TOOL))


@pytest.mark.oldest
@pytest.mark.podman
def test_each_client_file_starts_the_server_and_all_of_it_works(make_stack: MakeStack) -> None:
    stack = make_stack(preset("04-mcp") | {"mcp_clients": ["codex"]})
    namespace = stack.slug.replace("-", "_")
    client_files = [*CLIENT_FILES, ".codex/config.toml"]
    for file in client_files:
        found = use(server_of(stack, file), everything)
        assert set(found) == {f"{namespace}_status", f"{namespace}_add_note", "status://services"}
        assert found[f"{namespace}_status"] == found["status://services"]
        assert found["status://services"]["server"] == stack.slug
        assert found["status://services"]["database"].startswith("PostgreSQL 17.")
    assert stack.sql("SELECT count(*), min(text) FROM note") == f"{len(client_files)}|from {namespace}_add_note"
    assert none_is_left(stack)


def test_nothing_but_the_protocol_is_on_standard_output_when_image_and_services_are_missing(stack: Stack) -> None:
    stack.go_on_in_a_clone()
    session = process(server_of(stack))
    send(session, INITIALIZE)
    assert receive(session)["result"]["serverInfo"]["name"] == stack.slug
    rest, log = session.communicate(timeout=60)
    assert (rest, session.returncode) == ("", 0)
    assert "Traceback" not in log
    assert none_is_left(stack)


def test_five_clients_at_once_all_work_although_the_services_were_down(stack: Stack) -> None:
    stack.compose("build")
    server = server_of(stack)
    for _ in range(2):
        stack.compose("down")
        with ThreadPoolExecutor(5) as pool:
            found = list(pool.map(lambda _: use(server, everything), range(5)))
        assert all(one["status://services"]["database"].startswith("PostgreSQL") for one in found)
    assert stack.sql("SELECT count(*) FROM note") == "10"
    assert len(stack.run("docker", "network", "ls", "--quiet", "--filter", f"name=^{stack.slug}_").stdout.split()) == 1
    assert none_is_left(stack)


def test_a_container_of_another_project_that_ends_while_a_session_starts_does_no_harm(stack: Stack, tmp_path: Path) -> None:
    """The engine's list of containers may be old by the time they are looked at: seen with two busy projects."""
    docker = tmp_path / "docker"
    end_one = '[ "$1" != ps ] || echo 0123456789ab'
    docker.write_text(f'#!/bin/sh\n{shutil.which("docker")} "$@" || exit\n{end_one}\n')
    docker.chmod(0o755)
    stack.up()
    server = server_of(stack)
    server.env = {**(server.env or {}), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    assert use(server, everything)["status://services"]["database"].startswith("PostgreSQL")


def test_errors_are_answered_as_errors_and_the_session_goes_on(stack: Stack) -> None:
    async def wrong(session: ClientSession) -> None:
        namespace = stack.slug.replace("-", "_")
        assert (await session.call_tool("no_such_tool", {})).is_error
        assert (await session.call_tool(f"{namespace}_add_note", {})).is_error
        with pytest.raises(MCPError):
            await session.read_resource("status://nowhere")
        assert not (await session.call_tool(f"{namespace}_status", {})).is_error

    server = server_of(stack)
    use(server, wrong)
    session = process(server)
    send(session, INITIALIZE)
    receive(session)
    send(session, INITIALIZED, {"jsonrpc": "2.0", "id": 2, "method": "no/such/method"})
    assert receive(session)["error"]["code"] == -32601
    send(session, {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": 5}})
    answer = receive(session)
    assert (answer["id"], answer["error"]["code"]) == (3, -32602)
    send(session, "{broken", {"jsonrpc": "2.0", "id": 4, "method": "ping"})
    # A server may answer that it could not read a line; it must go on.
    while (answer := receive(session)).get("id") != 4:
        assert answer.get("error") or answer.get("method"), answer
    assert answer["result"] == {}
    session.communicate(timeout=30)
    assert none_is_left(stack)


def test_a_database_that_is_away_is_an_answer_and_not_the_end(stack: Stack) -> None:
    async def without_database(session: ClientSession) -> str:
        await session.list_tools()
        stack.compose("stop", "db")
        assert (await session.call_tool(f"{stack.slug.replace('-', '_')}_add_note", {"text": "x"})).is_error
        status = await session.call_tool(f"{stack.slug.replace('-', '_')}_status", {})
        assert status.structured_content
        return str(status.structured_content["database"])

    assert use(server_of(stack), without_database).startswith("unreachable: ")


def test_no_container_is_left_after_many_sessions(stack: Stack) -> None:
    async def ping(session: ClientSession) -> None:
        await session.send_ping()

    server = server_of(stack)
    for _ in range(20 if WIDE else 6):
        use(server, ping)
    assert none_is_left(stack, 5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("call", ["", "slow"], ids=["idle", "in-mid-call"])
def test_no_container_is_left_when_the_client_is_killed(stack: Stack, number: signal.Signals, call: str) -> None:
    with_slow_tool(stack)
    script = (
        "import sys, anyio\n"
        "from mcp import ClientSession\n"
        "from mcp.client.stdio import StdioServerParameters, stdio_client\n"
        "async def main():\n"
        "    server = StdioServerParameters.model_validate_json(sys.argv[1])\n"
        "    async with stdio_client(server) as streams, ClientSession(*streams) as session:\n"
        "        await session.initialize()\n"
        "        async with anyio.create_task_group() as group:\n"
        "            if sys.argv[2]:\n"
        "                group.start_soon(session.call_tool, sys.argv[2], {})\n"
        "                await session.send_ping()\n"
        "            print('connected', flush=True)\n"
        "            await anyio.sleep(600)\n"
        "anyio.run(main)\n"
    )
    command = [sys.executable, "-c", script, server_of(stack).model_dump_json(), call]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert client.stdout and client.stdout.readline() == "connected\n"
    assert len(sessions_left(stack)) == 1
    client.send_signal(number)
    client.wait(timeout=30)
    assert none_is_left(stack)


def test_no_container_is_left_when_the_whole_process_group_is_killed_in_mid_call(stack: Stack) -> None:
    with_slow_tool(stack)
    session = process(server_of(stack))
    send(session, INITIALIZE)
    receive(session)
    send(session, INITIALIZED, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "slow", "arguments": {}}})
    # An answer to a later request shows that the call has begun.
    send(session, {"jsonrpc": "2.0", "id": 3, "method": "ping"})
    assert receive(session)["id"] == 3
    os.killpg(session.pid, signal.SIGKILL)
    session.communicate(timeout=30)
    assert none_is_left(stack)


def test_a_session_lives_as_long_as_its_client_is_silent(stack: Stack) -> None:
    async def wait(session: ClientSession) -> None:
        # Longer than what a session has left when its client goes.
        await anyio.sleep(12)
        await session.send_ping()

    use(server_of(stack), wait)


def test_over_http_the_same_is_there_on_the_published_port_and_for_another_container(stack: Stack) -> None:
    stack.up()
    namespace = stack.slug.replace("-", "_")
    found = use(f"{stack.url('mcp-server')}/mcp", everything)
    assert set(found) == {f"{namespace}_status", f"{namespace}_add_note", "status://services"}
    assert json.loads(fetch(stack.url("mcp-server") + "/")[1]) == found["status://services"]
    assert fetch(stack.url("mcp-server") + "/health") == (200, '{"status":"ok"}')
    # The same client, in a container of its own, which has the SDK because it is made from the same image.
    shutil.copy(ROOT / "tests" / "e2e" / "network_client.py", stack.folder / "client.py")
    command = ["run", "--rm", "-T", "--no-deps", "mcp-server", "python", "client.py", "http://mcp-server:8000/mcp"]
    assert set(json.loads(stack.compose(*command).stdout)) == set(found)
    assert stack.sql("SELECT count(*) FROM note") == "2"


def test_over_http_a_page_that_calls_itself_something_else_is_refused(stack: Stack) -> None:
    stack.up()
    for headers in ({"Host": "evil.example.com"}, {"Origin": "http://evil.example.com"}):
        request = urllib.request.Request(f"{stack.url('mcp-server')}/mcp", json.dumps(INITIALIZE).encode(), headers)
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json, text/event-stream")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code in {403, 421}


def test_it_logs_to_standard_error_alone(stack: Stack, tmp_path: Path) -> None:
    stack.up()
    use(f"{stack.url('mcp-server')}/mcp", everything)
    logged = stack.run("docker", "logs", f"{stack.slug}-mcp-server-1")
    assert "POST /mcp" in logged.stderr
    assert logged.stdout == ""
    log = tmp_path / "log"
    use(server_of(stack), everything, log)
    assert "unreachable" not in log.read_text()


@pytest.mark.parametrize(
    ("services", "reached"),
    [(["redis"], {"redis"}), (["postgres", "redis"], {"database", "redis"}), ([], set())],
    ids=["redis", "both", "none"],
)
def test_it_works_with_the_services_that_were_chosen(make_stack: MakeStack, services: list[str], reached: set[str]) -> None:
    stack = make_stack(preset("04-mcp") | {"services": services, "python_version": "3.11"})
    found = use(server_of(stack), everything)
    status = found.pop("status://services")
    assert set(status) == {"server", *reached}
    assert not [text for text in status.values() if text.startswith("unreachable")]
    notes = next(answer["result"] for name, answer in found.items() if name.endswith("_add_note"))
    assert len(notes) == 1
    stack.up()
    assert set(use(f"{stack.url('mcp-server')}/mcp", everything)["status://services"]) == set(status)


def test_a_name_and_a_namespace_of_ones_own_are_used(stack: Stack) -> None:
    (stack.folder / "docker-compose.override.yml").write_text(
        "services: {mcp-server: {environment: {MCP_SERVER_NAME: library, MCP_NAMESPACE: lib}}}\n"
    )
    session = process(server_of(stack, ".vscode/mcp.json"))
    send(session, INITIALIZE)
    assert receive(session)["result"]["serverInfo"]["name"] == "library"
    session.communicate(timeout=30)
    assert "lib_status" in use(server_of(stack, "claude_desktop_config.json"), everything)


def test_a_session_works_as_the_owner_of_the_folder(stack: Stack) -> None:
    with_slow_tool(stack)
    (path,) = stack.folder.glob("src/*/server.py")
    path.write_text(path.read_text().replace("time.sleep(600)", 'open("written", "w").close()'))
    stack.run("chown", "--recursive", "1234:1234", ".")

    async def call(session: ClientSession) -> None:
        assert not (await session.call_tool("slow", {})).is_error

    use(server_of(stack), call)
    written = (stack.folder / "written").stat()
    assert (written.st_uid, written.st_gid) == (1234, 1234)


def test_a_changed_password_reaches_the_next_session(stack: Stack) -> None:
    assert use(server_of(stack), everything)
    stack.sql("ALTER ROLE dev PASSWORD 'new'")
    with (stack.folder / ".env.local").open("a") as local:
        local.write("POSTGRES_PASSWORD=new\n")
    found = use(server_of(stack), everything)
    assert found["status://services"]["database"].startswith("PostgreSQL")


async def high_water(session: ClientSession) -> str:
    return str((await session.call_tool("high_water", {"port": "Emden"})).content)


def test_an_existing_server_is_adopted_as_it_is_beside_the_servers_in_its_clients_file(make_stack: MakeStack) -> None:
    stack = make_stack(preset("04-mcp") | {"services": []}, onto="mcp-tides")
    assert list(servers(stack, ".mcp.json")) == ["weather", stack.slug]
    assert "high water in Emden" in use(servers(stack, ".mcp.json")[stack.slug], high_water)
    assert none_is_left(stack)


def test_an_existing_server_whose_command_speaks_http_is_brought_up_and_used_over_stdio_too(make_stack: MakeStack) -> None:
    answers = {"app_command": "tides-mcp --transport http --port 9000", "app_port": 9000}
    stack = make_stack(preset("04-mcp") | answers, onto="mcp-tides")
    stack.up()
    assert "high water in Emden" in use(f"{stack.url('mcp-server')}/mcp", high_water)
    assert "high water in Emden" in use(servers(stack, ".mcp.json")[stack.slug], high_water)
    assert none_is_left(stack)


# Another spelling of its console script, which takes no word more.
STARTS = 'ENTRYPOINT ["python", "-c", "from tides.cli import main; main()"]'


def test_a_session_works_although_a_port_of_the_services_is_taken(stack: Stack, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", int(stack.ports["POSTGRES_PORT"]))):
        assert use(server_of(stack), everything, log)["status://services"]["database"].startswith("PostgreSQL")
        advice = "set another one in .env, as COMPOSE.md says"
        said = f"scripts/mcp-stdio: a port is taken, so that the services have none: {advice}"
        assert log.read_text().splitlines().count(said) == 1
        # The next one finds them.
        assert use(server_of(stack), everything, log)
        assert said not in log.read_text()
    assert not stack.inspect("db")["NetworkSettings"]["Ports"].get("5432/tcp")
    stack.up()
    assert stack.inspect("db")["NetworkSettings"]["Ports"]["5432/tcp"]
    assert stack.sql("SELECT count(*) FROM note") == "2", "in the same volume"


def test_with_a_dockerfile_of_ones_own_that_image_is_used(make_stack: MakeStack) -> None:
    def write(folder: Path) -> None:
        shutil.copytree(PROJECTS / "mcp-tides", folder, dirs_exist_ok=True)
        dockerfile = f"FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\nRUN pip install .\nUSER nobody\n{STARTS}\n"
        (folder / "Dockerfile").write_text(dockerfile)

    stack = make_stack(preset("04-mcp"), write=write)
    assert "high water in Emden" in use(servers(stack, ".vscode/mcp.json")[stack.slug], high_water)
    session = process(servers(stack, ".mcp.json")[stack.slug])
    send(session, INITIALIZE)
    receive(session)
    assert stack.run("docker", "top", sessions_left(stack)[0], "-o", "pid,user,args").stdout.count("nobody") >= 1
    session.kill()
    session.communicate()
    assert none_is_left(stack)
