"""An MCP server in production: real clients through nginx and TLS, while tokens, versions and replicas come and go."""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.clients import FASTMCP, INITIALIZE, NODE
from tests.e2e.production import PAUSE, TLS, Answer, Production, in_production, kill
from tests.e2e.stack import wait_for
from tests.support import need_tool, render

CLIENTS = 4
ANSWERS = {"stack": "mcp", "services": ["postgres"], "postgres_version": "15"}
USE_FASTMCP = """
import asyncio, sys
from fastmcp import Client
async def use(url, token, tool):
    async with Client(url, auth=token) as client:
        print((await client.call_tool(tool)).structured_content["server"])
asyncio.run(use(*sys.argv[1:]))
"""
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The starter in production, in version 1."""
    with in_production(template, tmp_path_factory.mktemp("mcp"), ANSWERS) as made:
        made.build("1")
        made.deploy("1")
        made.build_from("2", "1")
        yield made


def tokens(production: Production) -> dict[str, str]:
    """Return the tokens by their names."""
    lines = (production.folder / "secrets/mcp_tokens").read_text().splitlines()
    return dict(line.split(":") for line in lines if not line.startswith("#"))


def post(production: Production, token: str | None, message: dict[str, Any] = INITIALIZE, path: str = "/mcp") -> Answer:
    """Send a message as a client does that has a token, or none."""
    headers = HEADERS | ({"Authorization": f"Bearer {token}"} if token is not None else {})
    return production.ask(path, "POST", json.dumps(message).encode(), headers)


@asynccontextmanager
async def connected(production: Production, token: str, path: str = "/mcp") -> AsyncIterator[ClientSession]:
    """Connect with the official SDK's client."""
    url = f"https://127.0.0.1:{production.ports['HTTPS_PORT']}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(verify=TLS, headers=headers, timeout=20) as client,
        streamable_http_client(url, http_client=client) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        yield session


@dataclass
class Calls:
    """What clients did: the notes that were added, how often one was sent again, and what was lost for good."""

    added: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@contextmanager
def calling(production: Production, token: str) -> Iterator[Calls]:
    """Let clients add notes all the time; one whose call fails reconnects, and retries it once."""
    calls, stop = Calls(), threading.Event()
    tool = f"{production.slug.replace('-', '_')}_add_note"

    async def client(number: int) -> None:
        turn, failed = 0, 0
        while not stop.is_set():
            try:
                async with connected(production, token) as session:
                    while not stop.is_set():
                        text = f"{number}.{turn}"
                        result = await session.call_tool(tool, {"text": text})
                        assert not result.is_error and text in json.dumps(result.structured_content), result
                        calls.added.append(text)
                        turn, failed = turn + 1, 0
                        await anyio.sleep(PAUSE)
            except Exception as error:
                failed += 1
                (calls.again if failed == 1 else calls.lost).append(f"{number}.{turn}: {error!r}")

    threads = [threading.Thread(target=anyio.run, args=(client, number)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(calls.added) > 2 * CLIENTS or None)
        yield calls
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def log_of_nginx(production: Production) -> str:
    return production.prod("logs", "--no-log-prefix", "nginx").stdout


def notes(production: Production) -> set[str]:
    return {*production.prod_sql("SELECT text FROM note").split()}


def test_a_client_with_a_token_is_answered_over_tls_and_nobody_else(production: Production) -> None:
    token = tokens(production)["default"]
    namespace = production.slug.replace("-", "_")

    async def use() -> None:
        async with connected(production, token) as session:
            assert {tool.name for tool in (await session.list_tools()).tools} >= {f"{namespace}_status", f"{namespace}_add_note"}
            status = await session.call_tool(f"{namespace}_status", {})
            assert status.structured_content and status.structured_content["database"].startswith("PostgreSQL 15.")

    anyio.run(use)
    assert post(production, token).status == 200
    for wrong, challenge in (
        (None, 'Bearer realm="mcp"'),
        (token[:-1], 'Bearer realm="mcp", error="invalid_token"'),
        (token.upper(), 'Bearer realm="mcp", error="invalid_token"'),
        (f"{token}x", 'Bearer realm="mcp", error="invalid_token"'),
    ):
        answer = post(production, wrong)
        assert (answer.status, answer.headers.get("www-authenticate")) == (401, challenge)
    assert "www-authenticate" not in post(production, token).headers
    # Other pages of the server's are for nobody.
    assert {post(production, token, path=path).status for path in ("/", "/health", "/mcpx")} == {404}
    log = log_of_nginx(production)
    assert token not in log and '"caller":"default"' in log and '"caller":"","uri":"/mcp","status":401' in log
    # Refused by nginx: no replica has heard of it.
    refused = [line for line in log.splitlines() if '"status":401' in line]
    assert len(refused) >= 4 and all('"upstream":""' in line for line in refused)


def test_other_clients_call_over_tls_with_a_token(production: Production, tmp_path: Path) -> None:
    token, url = tokens(production)["default"], f"https://127.0.0.1:{production.ports['HTTPS_PORT']}/mcp"
    tool = f"{production.slug.replace('-', '_')}_status"
    trusted = str(production.folder / "secrets/tls/fullchain.pem")
    call = ["mcp-inspector", "--cli", url, "--transport", "http", "--header", f"Authorization: Bearer {token}"]
    need_tool("npx")
    inspector = production.run(
        "env", f"NODE_EXTRA_CA_CERTS={trusted}", *NODE, *call, "--method", "tools/call", "--tool-name", tool
    )
    assert json.loads(inspector.stdout)["structuredContent"]["server"] == production.slug
    # With the packages of the tests, but for its own.
    production.run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path))
    (packages,) = tmp_path.glob("lib/*/site-packages")
    (packages / "tests.pth").write_text(str(Path(anyio.__file__).parents[1]))
    python = str(tmp_path / "bin/python")
    production.run(python, "-m", "pip", "install", "--quiet", FASTMCP)
    fastmcp = production.run("env", f"SSL_CERT_FILE={trusted}", python, "-c", USE_FASTMCP, url, token, tool)
    assert fastmcp.stdout.strip() == production.slug


def test_no_call_is_lost_while_a_version_is_deployed_a_replica_is_killed_and_tokens_come_and_go(production: Production) -> None:
    nginx = {one["Id"]: one["State"]["StartedAt"] for one in production.containers("nginx").values()}
    with calling(production, tokens(production)["default"]) as calls:
        production.deploy("2")
        # What a deployment, or another client's token, costs the others.
        for name in ("laptop", "ci"):
            shown = production.run("scripts/token", "add", name).stdout.split()[-1]
            assert shown == tokens(production)[name] and post(production, shown).status == 200
        assert production.run("scripts/token", "list").stdout.split() == ["default", "laptop", "ci"]
        revoked = tokens(production)["laptop"]
        production.run("scripts/token", "revoke", "laptop")
        assert post(production, revoked).status == 401 and [*tokens(production)] == ["default", "ci"]
        before_kill = [*calls.again]
        kill(next(iter(production.containers("mcp-server").values())))
        done = len(calls.added)
        wait_for(lambda: len(calls.added) > done + 20 * CLIENTS or None)
    assert calls.lost == [] and before_kill == [], (calls.lost, calls.again)
    # A call that the killed replica had: its client makes it again, as the protocol allows.
    assert len(calls.again) <= CLIENTS, calls.again
    assert len(calls.added) > 100 and {*calls.added} <= notes(production)
    assert {one["Config"]["Image"] for one in production.containers("mcp-server").values()} == {production.image("2")}
    assert nginx == {one["Id"]: one["State"]["StartedAt"] for one in production.containers("nginx").values()}
    log = log_of_nginx(production)
    assert not [token for token in (revoked, *tokens(production).values()) if token in log]


def test_a_thousand_sessions_that_clients_have_left_take_no_memory(production: Production) -> None:
    def healthy() -> dict[str, Any] | None:
        """One may be about to come back, after it was killed."""
        found = production.containers("mcp-server").values()
        return next((one for one in found if one["State"]["Health"]["Status"] == "healthy"), None)

    replica = wait_for(healthy)
    address = next(network["IPAddress"] for network in replica["NetworkSettings"]["Networks"].values())

    def begin(sessions: int) -> int:
        """Begin sessions that nobody ends, and return the memory of the replica's processes after that, in kB."""
        for _ in range(sessions):
            connection = http.client.HTTPConnection(address, 8000, timeout=15)
            connection.request("POST", "/mcp", json.dumps(INITIALIZE), HEADERS | {"Host": "127.0.0.1"})
            response = connection.getresponse()
            assert response.status == 200 and b"protocolVersion" in response.read()
            connection.close()
        children = Path(f"/proc/{replica['State']['Pid']}/task/{replica['State']['Pid']}/children").read_text().split()
        of_each = [re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in children]
        return sum(int(kilobytes) for found in of_each for kilobytes in found)

    before = begin(200)
    after = begin(1000)
    # A session that a server keeps takes some 40 kB in the SDK.
    assert before > 10_000 and after - before < 10_000, (before, after)


def test_without_any_token_nothing_is_deployed_and_the_version_before_stays(production: Production) -> None:
    for name in tokens(production):
        production.run("scripts/token", "revoke", name)
    result = production.deploy("1", check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "scripts/deploy: add a token first: `scripts/token add NAME`, or set MCP_OAUTH_ISSUER in .env.production; "
        "without either nobody may call\n"
    )
    token = production.run("scripts/token", "add", "again").stdout.split()[-1]
    assert post(production, token).status == 200


def test_what_clients_have_said_is_backed_up_restored_and_taken_along(production: Production, template: Path) -> None:
    token = next(iter(tokens(production).values()))

    async def add(text: str) -> None:
        async with connected(production, token) as session:
            result = await session.call_tool(f"{production.slug.replace('-', '_')}_add_note", {"text": text})
            assert not result.is_error, result

    anyio.run(add, "before")
    production.run("scripts/backup", "notes.dump")
    kept = notes(production)
    anyio.run(add, "after")
    assert notes(production) == {*kept, "after"}
    production.run("scripts/restore", "notes.dump", "--overwrite")
    assert notes(production) == kept and "before" in kept
    answers = {**ANSWERS, "project_slug": production.slug, "production": True, "postgres_version": "17"}
    render(template, production.folder, answers, overwrite=True)
    assert "the app runs again" in production.run("scripts/upgrade-postgres").stdout
    assert notes(production) == kept and production.prod_sql("SHOW server_version").startswith("17.")
    wait_for(lambda: post(production, token).status == 200 or None)
    anyio.run(add, "later")


def test_calls_are_limited_by_number_and_by_size(production: Production) -> None:
    (production.folder / ".env.production").write_text("MCP_RATE=2\nCLIENT_MAX_BODY_SIZE=2k\n")
    files = ["--env-file", ".env", "--env-file", ".env.production", "-f", "docker-compose.prod.yml"]
    production.run("docker", "compose", "-p", production.project, *files, "up", "--detach", "--wait", "--no-deps", "nginx")
    token = next(iter(tokens(production).values()))
    other = production.run("scripts/token", "add", "other").stdout.split()[-1]
    # The script itself has asked, under the new one.
    time.sleep(2)
    answers = [post(production, token).status for _ in range(10)]
    assert answers[0] == 200 and {*answers} == {200, 429}
    assert post(production, other).status == 200
    assert post(production, other, {"text": "x" * 3000}).status == 413
