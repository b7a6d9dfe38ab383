"""An MCP server that was there before, and keeps sessions, in production with several replicas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.e2e.clients import INITIALIZE
from tests.e2e.production import Answer, Production, in_production
from tests.e2e.stack import wait_for
from tests.e2e.test_mcp_production import HEADERS, connected, tokens
from tests.support import existing_project

ANSWERS = {"stack": "mcp", "services": [], "app_command": "tides-mcp --transport http"}
TOOLS = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
CLIENTS, CALLS = 6, 20


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    def write(folder: Path) -> None:
        existing_project("mcp-tides", folder)

    with in_production(template, tmp_path_factory.mktemp("sessions"), ANSWERS, write) as made:
        made.build("1")
        yield made


def post(production: Production, message: object, session: str = "") -> Answer:
    """Send a message, in a session or none."""
    token = tokens(production)["default"]
    headers = HEADERS | {"Authorization": f"Bearer {token}"} | ({"Mcp-Session-Id": session} if session else {})
    return production.ask("/mcp", "POST", json.dumps(message).encode(), headers)


def begin(production: Production) -> str:
    """Begin a session, and return its name."""
    answer = post(production, INITIALIZE)
    assert answer.status == 200
    name = answer.headers["mcp-session-id"]
    assert post(production, {"jsonrpc": "2.0", "method": "notifications/initialized"}, name).status == 202
    return name


def test_a_server_that_lets_in_whoever_has_made_up_a_token_is_not_deployed(production: Production) -> None:
    settings = production.folder / ".env.production"
    settings.write_text("MCP_OAUTH_ISSUER=https://id.example.com\nMCP_OAUTH_AUDIENCE=https://mcp.example.com/mcp\n")
    result = production.deploy("1", check=False)
    assert result.returncode == 1 and production.containers("mcp-server") == {}
    assert "let the server verify tokens, or take MCP_OAUTH_ISSUER out of .env.production" in result.stderr


def test_a_session_stays_with_the_replica_that_began_it(production: Production) -> None:
    (production.folder / ".env.production").write_text("APP_REPLICAS=3\nDRAIN=1\n")
    production.deploy("1")
    assert len(production.containers("mcp-server")) == 3
    token = tokens(production)["default"]
    answered = []

    async def client() -> None:
        async with connected(production, token) as session:
            for _ in range(CALLS):
                result = await session.call_tool("high_water", {"port": "Kiel"})
                answered.append("high water in Kiel" in str(result.content))

    async def all_clients() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(CLIENTS):
                group.start_soon(client)

    anyio.run(all_clients)
    assert answered == [True] * CLIENTS * CALLS
    names = [begin(production)]
    while len({name.partition("-")[0] for name in names}) < 3:
        names.append(begin(production))
        assert len(names) < 100, "a replica is asked for no session"
    # Nor does nginx forget one.
    production.prod("restart", "nginx")
    wait_for(lambda: post(production, TOOLS, names[0]).status == 200 or None)
    assert [post(production, TOOLS, name).status for name in names] == [200] * len(names)


def test_a_name_that_a_client_makes_up_leads_nowhere(production: Production) -> None:
    address, _, own = begin(production).partition("-")
    net, _, (last) = address.rpartition(".")
    other = "9.9." + ".".join(address.split(".")[2:])
    for name in (f"{other}-{own}", f"{net}.{int(last) % 200 + 50}-{own}", f"{address}-other", f"{address}-", "x" * 1000):
        assert post(production, TOOLS, name).status in (400, 404), name
    log = production.prod("logs", "--no-log-prefix", "nginx").stdout
    assert f'"upstream":"{other}' not in log


def test_a_session_ends_with_its_replica_and_the_client_is_told_so(production: Production) -> None:
    name = begin(production)
    production.deploy("1")
    answer = post(production, TOOLS, name)
    assert answer.status == 404 and json.loads(answer.text)["error"]["message"] == "Session not found"
    assert post(production, TOOLS, begin(production)).status == 200
