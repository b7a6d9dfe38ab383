"""Several MCP servers and n8n in production: real clients through nginx and TLS, while versions and replicas come and go."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import ClientSession

from tests.e2e.n8n import N8n
from tests.e2e.production import PAUSE, TLS, Answer, Production, in_production, kill
from tests.e2e.stack import wait_for
from tests.e2e.test_mcp_production import connected as connect
from tests.e2e.test_mcp_production import post as send
from tests.support import render

# The last one has code of its own, in one file.
NAMES = ["tasks", "my-docs", "tides"]
ANSWERS = {"stack": "mcp-multi", "mcp_servers": NAMES, "postgres_version": "15"}
SETTINGS = "APP_REPLICAS=2\nMCP_ALLOWED_HOSTS=mcp.example.com\nDRAIN=5\n"
TIDES = """
import os
from pathlib import Path

import psycopg
from mcp.server.transport_security import TransportSecuritySettings
from mcp.server.mcpserver import MCPServer
from starlette.responses import JSONResponse

app = MCPServer("tides")


def password():
    file = os.environ.get("DB_PASSWORD_FILE")
    return Path(file).read_text() if file else None


@app.tool()
def tides_add_note(text: str) -> dict[str, str]:
    "Keep a note."
    with psycopg.connect(os.environ["DATABASE_URL"], password=password()) as connection:
        # One at a time, because Postgres refuses two that make the same table at once.
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])
    return {"kept": text}


@app.custom_route("/health", methods=["GET"])
async def health(_):
    return JSONResponse({"status": "ok"})


if __name__ == "__main__":
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app.run("streamable-http", host="0.0.0.0", port=8000, stateless_http=True, transport_security=security)
"""
DOCKERFILE = """
FROM python:3.13-slim
WORKDIR /workspace
RUN pip install --quiet --root-user-action=ignore "mcp>=2,<3" "psycopg[binary]>=3,<4" uvicorn
COPY . .
CMD ["python", "server.py"]
"""
# A page of n8n's that calls a tool, and answers what the tool has.
HOOK: dict[str, Any] = {
    "name": "Hook",
    "type": "n8n-nodes-base.webhook",
    "typeVersion": 2,
    "position": [0, 0],
    "id": "hook",
    "webhookId": "chora",
    "parameters": {"path": "status", "responseMode": "lastNode", "httpMethod": "GET"},
}


def database(name: str) -> str:
    return name.replace("-", "_")


def build(production: Production, version: str) -> None:
    """Build the images of a version, all at once."""

    def one(name: str) -> None:
        (production.folder / f"servers/{name}/version.txt").write_text(version)
        production.run("docker", "build", "--quiet", "--tag", image(production, name, version), f"servers/{name}")

    with ThreadPoolExecutor(len(NAMES)) as pool:
        [*pool.map(one, NAMES)]


def image(production: Production, name: str, version: str) -> str:
    return f"registry.example.com/{production.slug}-{name}:{version}"


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """Two starters, a server that was there before, and n8n, in version 1."""

    def write(folder: Path) -> None:
        server = folder / "servers" / "tides"
        server.mkdir(parents=True)
        (server / "server.py").write_text(TIDES)
        (server / "Dockerfile").write_text(DOCKERFILE)

    with in_production(template, tmp_path_factory.mktemp("multi"), ANSWERS, write) as made:
        (made.folder / ".env.production").write_text(SETTINGS)
        try:
            build(made, "1")
            made.deploy("1")
            yield made
        finally:
            made.prod("down", "--volumes", "--timeout", "1", check=False)
            form = f"reference=registry.example.com/{made.slug}-*"
            images = made.run("docker", "image", "ls", "--quiet", "--filter", form, check=False).stdout.split()
            made.run("docker", "image", "rm", "--force", *{*images}, check=False)


def token(production: Production) -> str:
    lines = (production.folder / "secrets/mcp_tokens").read_text().splitlines()
    return lines[-1].split(":")[1]


def post(production: Production, name: str, given: str | None) -> Answer:
    """Send a client's first message to a server, with a token or none."""
    return send(production, given, path=f"/{name}/mcp")


def connected(production: Production, name: str) -> AbstractAsyncContextManager[ClientSession]:
    """Connect with the official SDK's client."""
    return connect(production, token(production), f"/{name}/mcp")


def add_note(production: Production, name: str, text: str) -> None:
    async def add() -> None:
        async with connected(production, name) as session:
            result = await session.call_tool(f"{database(name)}_add_note", {"text": text})
            assert not result.is_error, result

    anyio.run(add)


def sql(production: Production, name: str, statement: str) -> str:
    """Run SQL in a server's database."""
    words = ("psql", "-X", "-qtA", "-v", "ON_ERROR_STOP=1", "-U", "app", "-d", database(name), "-c", statement)
    return production.prod("exec", "-T", "db", *words).stdout.strip()


def notes(production: Production, name: str) -> set[str]:
    return {*sql(production, name, "SELECT text FROM note").split()}


def n8n(production: Production) -> N8n:
    """Log in at n8n, through nginx."""
    lines = (production.folder / "secrets/gateway.env").read_text().splitlines()
    login = dict(line.split("=", 1) for line in lines if "=" in line)
    url = f"https://127.0.0.1:{production.ports['HTTPS_PORT']}/n8n"
    return N8n(url, login["GATEWAY_EMAIL"], login["GATEWAY_PASSWORD"], urllib.request.HTTPSHandler(context=TLS))


@dataclass
class Calls:
    """What clients did: the notes that were added, what was sent again, and what was lost for good."""

    added: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})
    again: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    hooks: list[int] = field(default_factory=list)


@contextmanager
def calling(production: Production) -> Iterator[Calls]:
    """Let a client of each server add notes all the time, and somebody ask n8n; a call that fails is retried once."""
    calls, stop = Calls(), threading.Event()

    async def client(name: str) -> None:
        turn, failed = 0, 0
        while not stop.is_set():
            try:
                async with connected(production, name) as session:
                    while not stop.is_set():
                        text = f"turn-{turn}"
                        result = await session.call_tool(f"{database(name)}_add_note", {"text": text})
                        assert not result.is_error and text in json.dumps(result.structured_content), result
                        calls.added[name].append(text)
                        turn, failed = turn + 1, 0
                        await anyio.sleep(PAUSE)
            except Exception as error:
                failed += 1
                (calls.again if failed == 1 else calls.lost).append(f"{name} {turn}: {error!r}")

    def hook() -> None:
        while not stop.is_set():
            calls.hooks.append(production.ask("/n8n/webhook/status").status)
            # Each is a workflow, which takes n8n a good part of a second.
            stop.wait(0.5)

    threads = [threading.Thread(target=anyio.run, args=(client, name)) for name in NAMES]
    threads.append(threading.Thread(target=hook))
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: all(calls.added.values()) or None)
        yield calls
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def images(production: Production) -> set[str]:
    return {one["Config"]["Image"] for name in NAMES for one in production.containers(name).values()}


def test_each_server_answers_a_client_with_a_token_and_nobody_else(production: Production) -> None:
    for name in NAMES:
        assert post(production, name, token(production)).status == 200
        for wrong, challenge in ((None, 'Bearer realm="mcp"'), ("x" * 64, 'Bearer realm="mcp", error="invalid_token"')):
            answer = post(production, name, wrong)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, challenge)
        add_note(production, name, f"of-{name}")
        assert notes(production, name) == {f"of-{name}"}
        owner = "SELECT datdba::regrole, has_database_privilege('public', oid, 'CONNECT') FROM pg_database WHERE datname = "
        assert sql(production, name, f"{owner}'{database(name)}'") == f"{database(name)}|f"
        # Its password is in no environment.
        (one, *_) = production.containers(name).values()
        secret = (production.folder / f"secrets/{database(name)}_password").read_text()
        assert secret not in json.dumps(one["Config"]) and len(production.containers(name)) == 2
    for path in ("/mcp", "/other/mcp", "/tasks/health", "/tasksx/mcp"):
        assert production.ask(path, headers={"Authorization": f"Bearer {token(production)}"}).status == 404
    log = production.prod("logs", "--no-log-prefix", "nginx").stdout
    assert '"caller":"default","uri":"/my-docs/mcp","status":200' in log and token(production) not in log


def test_n8n_has_its_own_login_and_its_pages_and_webhooks_are_under_its_path(production: Production) -> None:
    page = production.ask("/n8n/")
    assert page.status == 200 and 'src="/n8n/' in page.text and "www-authenticate" not in page.headers
    assert "/n8n/" in production.ask("/n8n").headers["location"]
    assert production.ask("/n8n/rest/workflows").status == 401
    session = n8n(production)
    assert session.user["role"] == "global:owner"
    settings = session.call("/rest/settings")
    assert settings["urlBaseWebhook"] == f"https://mcp.example.com:{production.ports['HTTPS_PORT']}/n8n/"
    text = (production.folder / "workflows/call-a-tool.json").read_text()
    (tool,) = [node for node in json.loads(text)["nodes"] if "mcp" in node["type"].lower()]
    content = {"name": "Status", "nodes": [HOOK, tool], "settings": {}}
    content["connections"] = {"Hook": {"main": [[{"node": tool["name"], "type": "main", "index": 0}]]}}
    made = session.call("/rest/workflows", content)
    session.call(f"/rest/workflows/{made['id']}/activate", {"versionId": made["versionId"]})
    answer = wait_for(lambda: a if (a := production.ask("/n8n/webhook/status")).status == 200 else None)
    assert "PostgreSQL 15" in answer.text and '"tasks"' in answer.text
    config = json.dumps(next(iter(production.containers("gateway").values()))["Config"])
    lines = (production.folder / "secrets/gateway.env").read_text().splitlines()
    assert not [line for line in lines if "_" in line and "=" in line and "EMAIL" not in line and line.split("=", 1)[1] in config]


def test_no_call_is_lost_while_a_version_is_deployed_and_a_replica_is_killed(production: Production) -> None:
    build(production, "2")
    n8n_before = {one["Id"]: one["State"]["StartedAt"] for one in production.containers("gateway").values()}
    with calling(production) as calls:
        production.deploy("2")
        before_kill = [*calls.again]
        kill(next(iter(production.containers("my-docs").values())))
        done = len(calls.added["my-docs"])
        wait_for(lambda: len(calls.added["my-docs"]) > done + 20 or None)
    assert calls.lost == [] and before_kill == [], (calls.lost, calls.again)
    # A call that the killed replica had: its client makes it again, as the protocol allows.
    assert len(calls.again) <= 1 and all(one.startswith("my-docs") for one in calls.again), calls.again
    for name in NAMES:
        assert len(calls.added[name]) > 10 and {*calls.added[name]} <= notes(production, name)
    assert {*calls.hooks} == {200} and len(calls.hooks) > 3
    assert images(production) == {image(production, name, "2") for name in NAMES}
    assert n8n_before == {one["Id"]: one["State"]["StartedAt"] for one in production.containers("gateway").values()}


def test_a_server_that_cannot_be_there_is_named_and_leaves_every_server_as_it_is(production: Production) -> None:
    for name in NAMES[:2]:
        production.run("docker", "tag", image(production, name, "2"), image(production, name, "3"))
    before = {name: [*production.containers(name)] for name in NAMES}
    missing = production.deploy("3", check=False)
    assert missing.returncode == 1 and f"there is no {image(production, 'tides', '3')}" in missing.stderr
    text = f'FROM {image(production, "tides", "2")}\nCMD ["python", "-c", "raise SystemExit(3)"]\n'
    production.run("docker", "build", "--quiet", "--tag", image(production, "tides", "3"), "-", input=text)
    broken = production.deploy("3", check=False)
    assert (
        broken.returncode == 1
        and f"{production.project}-tides-" in broken.stderr
        and "not all replicas are ready" in broken.stderr
    )
    assert {name: [*production.containers(name)] for name in NAMES} == before
    assert images(production) == {image(production, name, "2") for name in NAMES}
    for name in NAMES:
        assert post(production, name, token(production)).status == 200


def test_what_servers_hold_is_backed_up_restored_and_taken_along(production: Production, template: Path) -> None:
    production.run("scripts/backup")
    dumps = sorted(path.name for path in (production.folder / "backups").iterdir())
    (end,) = {name.partition("-")[2] for name in dumps}
    assert [name.partition("-")[0] for name in dumps] == sorted([*map(database, NAMES), "gateway"])
    kept = {name: notes(production, name) for name in NAMES}
    for name in NAMES:
        add_note(production, name, "later")
    (production.folder / "again.dump").write_bytes((production.folder / f"backups/tasks-{end}").read_bytes())
    twice = production.run("scripts/restore", f"backups/tasks-{end}", "again.dump", check=False)
    assert "give one dump of each database" in twice.stderr
    assert "holds data" in production.run("scripts/restore", f"backups/tasks-{end}", check=False).stderr
    production.run("scripts/restore", *(f"backups/{name}" for name in dumps if "gateway" not in name), "--overwrite")
    for name in NAMES:
        assert notes(production, name) == kept[name]
        # As its own role, which owns it again.
        add_note(production, name, "after")
    answers = {**ANSWERS, "project_slug": production.slug, "production": True, "postgres_version": "17"}
    render(template, production.folder, answers, overwrite=True)
    assert "the servers run again" in production.run("scripts/upgrade-postgres").stdout
    for name in NAMES:
        assert notes(production, name) == {*kept[name], "after"}
        add_note(production, name, "newer")
    answer = wait_for(lambda: a if (a := production.ask("/n8n/webhook/status")).status == 200 else None)
    assert "PostgreSQL 17" in answer.text
    assert n8n(production).user["role"] == "global:owner"
