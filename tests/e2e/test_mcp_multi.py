"""Several MCP servers with a database each, and n8n in front of them."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.clients import CLIENT_FILES, servers, use
from tests.e2e.conftest import MakeStack
from tests.e2e.n8n import N8n
from tests.e2e.network_client import everything
from tests.e2e.stack import Stack
from tests.support import ROOT, commit_all, preset, render

NAMES = ["billing", "my-search", "no"]
WORKFLOW = "chora0000example"


def without_gateway(make_stack: MakeStack, **answers: object) -> Stack:
    return make_stack(preset("05-mcp-multi") | {"gateway": "none", "mcp_servers": NAMES} | answers)


def database(name: str) -> str:
    return name.replace("-", "_")


def notes(stack: Stack, name: str) -> list[str]:
    """Return the notes of a server, read as its own role."""
    script = 'PGPASSWORD="$0-dev" psql --no-psqlrc -v ON_ERROR_STOP=1 -qtA -h db -U "$0" -d "$0" -c "SELECT text FROM note"'
    return stack.compose("exec", "-T", "db", "sh", "-c", script, database(name)).stdout.split("\n")[:-1]


def refused(stack: Stack, role: str, name: str, password: str = "") -> str:
    """Return why a server's role can't connect to a database over the network, empty where it can."""
    script = 'PGPASSWORD="$2" psql --no-psqlrc -qtA -h db -U "$0" -d "$1" -c "SELECT 1"'
    words = (database(role), database(name), password or f"{database(role)}-dev")
    result = stack.compose("exec", "-T", "db", "sh", "-c", script, *words, check=False)
    return result.stderr if result.returncode else ""


def logs(stack: Stack, service: str) -> str:
    """Return what a service has printed; Compose itself would add control characters."""
    result = stack.run("docker", "logs", stack.compose("ps", "--all", "--quiet", service).stdout.strip())
    return result.stdout + result.stderr


def update(stack: Stack, template: Path, **answers: object) -> None:
    """Render the project with other answers, as `copier update` does where the template's version has not changed."""
    commit_all(stack.folder, "Before")
    render(template, stack.folder, answers, hook=True, overwrite=True)


def test_every_server_is_used_from_every_client_file_and_has_a_database_of_its_own(make_stack: MakeStack) -> None:
    stack = without_gateway(make_stack)
    for file in CLIENT_FILES:
        found = servers(stack, file)
        assert list(found) == NAMES
        # A client starts all its servers at once, also when nothing is running yet.
        with ThreadPoolExecutor(len(NAMES)) as pool:
            answers = dict(zip(NAMES, pool.map(lambda server: use(server, everything), found.values()), strict=True))
        for name, answer in answers.items():
            assert set(answer) == {f"{database(name)}_status", f"{database(name)}_add_note", "status://services"}
            assert answer["status://services"]["server"] == name
            assert answer["status://services"]["database"].startswith("PostgreSQL 17.")
    assert stack.compose("ps", "--services").stdout.split() == ["db"], "a session needs no server over HTTP"
    for name in NAMES:
        assert notes(stack, name) == [f"from {database(name)}_add_note"] * len(CLIENT_FILES)
        for other in NAMES:
            assert bool(refused(stack, name, other)) == (name != other)
        assert "password authentication failed" in refused(stack, name, name, "wrong")


def test_over_http_each_is_there_for_the_others_and_published_is_the_database_alone(make_stack: MakeStack) -> None:
    stack = without_gateway(make_stack)
    stack.up()
    (stack.folder / "servers" / "no" / "client.py").write_text((ROOT / "tests/e2e/network_client.py").read_text())
    for name in NAMES:
        command = ["exec", "-T", "no", "python", "client.py", f"http://{name}:8000/mcp"]
        answer = json.loads(stack.compose(*command).stdout)
        assert answer["status://services"]["server"] == name
        environment = stack.compose("exec", "-T", name, "env").stdout
        assert f"POSTGRES_USER={database(name)}\n" in environment
        others = {f"{database(other)}-dev" for other in NAMES if other != name}
        assert not [secret for secret in (*others, "=dev\n") if secret in environment]
    published = re.findall(r"\S+->", stack.compose("ps", "--format", "{{.Service}} {{.Ports}}").stdout)
    assert published == [f"127.0.0.1:{stack.ports['POSTGRES_PORT']}->"]


def test_a_server_that_comes_later_gets_its_database_on_the_same_volume(make_stack: MakeStack, template: Path) -> None:
    stack = without_gateway(make_stack, mcp_servers=["billing"])
    use(servers(stack, ".mcp.json")["billing"], everything)
    stack.sql("CREATE TABLE mine (); ALTER DATABASE billing CONNECTION LIMIT 50")

    update(stack, template, mcp_servers=["billing", "late-comer"])
    found = use(servers(stack, ".mcp.json")["late-comer"], everything)
    assert found["late_comer_status"]["database"].startswith("PostgreSQL")
    assert notes(stack, "late-comer") == ["from late_comer_add_note"]
    assert notes(stack, "billing") == ["from billing_add_note"], "what was there stays"
    assert stack.sql("SELECT datconnlimit FROM pg_database WHERE datname = 'billing'") == "50"

    update(stack, template, mcp_servers=["late-comer"])
    stack.up("--remove-orphans")
    assert set(stack.compose("ps", "--services").stdout.split()) == {"db", "late-comer"}
    assert notes(stack, "billing") == ["from billing_add_note"], "a server that has gone leaves its data"


def test_another_password_reaches_the_database_and_the_server_alike(make_stack: MakeStack) -> None:
    stack = without_gateway(make_stack, mcp_servers=["billing"])
    use(servers(stack, ".mcp.json")["billing"], everything)
    with (stack.folder / ".env.local").open("a") as local:
        local.write("MCP_BILLING_PASSWORD='s3 cret'\n")
        local.write("MCP_BILLING_DATABASE_URL=postgresql://billing:s3%20cret@db:5432/billing\n")
    found = use(servers(stack, ".mcp.json")["billing"], everything)
    assert found["billing_status"]["database"].startswith("PostgreSQL")
    assert "password authentication failed" in refused(stack, "billing", "billing")
    assert not refused(stack, "billing", "billing", "s3 cret")


def test_what_a_server_writes_belongs_to_the_owner_of_the_folder(make_stack: MakeStack) -> None:
    stack = without_gateway(make_stack, mcp_servers=["billing"])
    server = stack.folder / "servers" / "billing" / "server.py"
    server.write_text(server.read_text().replace("    return {", '    open("written", "w").close()\n    return {', 1))
    stack.run("chown", "--recursive", "1234:1234", ".")
    use(servers(stack, ".mcp.json")["billing"], everything)
    written = server.with_name("written").stat()
    assert (written.st_uid, written.st_gid) == (1234, 1234)


def test_n8n_runs_the_example_workflow_against_a_server(make_stack: MakeStack) -> None:
    stack = make_stack(preset("05-mcp-multi") | {"mcp_servers": NAMES})
    stack.up()
    login = dict(line.split("=", 1) for line in (stack.folder / "secrets" / "gateway.env").read_text().splitlines()[1:])
    n8n = N8n(stack.url("gateway"), login["GATEWAY_EMAIL"], login["GATEWAY_PASSWORD"])
    assert n8n.user["role"] == "global:owner"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        N8n(stack.url("gateway"), login["GATEWAY_EMAIL"], "admin")

    # The command of the guide, twice: the workflow is replaced, not doubled.
    (command,) = re.findall(r"^docker compose (exec gateway n8n import:workflow .*)$", guide(stack), re.MULTILINE)
    for _ in range(2):
        stack.compose(*command.replace("exec", "exec -T").split())
    assert [workflow["id"] for workflow in n8n.call("/rest/workflows")] == [WORKFLOW]
    (item,) = n8n.run(WORKFLOW)
    assert item["structuredContent"]["server"] == NAMES[0]
    assert item["structuredContent"]["database"].startswith("PostgreSQL 17.")

    published = stack.compose("ps", "--format", "{{.Service}} {{.Ports}}").stdout
    assert sorted(re.findall(r"(\S+) .*127\.0\.0\.1:\d+->", published)) == ["db", "gateway"]
    assert "0.0.0.0:" not in published
    assert stack.sql("SELECT count(*) FROM pg_database WHERE datname = 'gateway'") == "1"
    assert refused(stack, NAMES[0], "gateway")
    log = logs(stack, "gateway")
    assert not re.findall(r"^.*(?:ENOTFOUND|EACCES|permissions|ECONNREFUSED).*$", log, re.MULTILINE | re.IGNORECASE)

    # All of it is still there in a new container, and another password in the file is the one that counts.
    secrets = stack.folder / "secrets" / "gateway.env"
    secrets.write_text(secrets.read_text().replace(login["GATEWAY_PASSWORD"], "Another-Passw0rd"))
    stack.compose("down")
    stack.up()
    n8n = N8n(stack.url("gateway"), login["GATEWAY_EMAIL"], "Another-Passw0rd")
    assert n8n.run(WORKFLOW)[0]["structuredContent"]["server"] == NAMES[0]
    stack.compose("stop", "--timeout", "60", "gateway")
    assert stack.inspect("gateway")["State"]["ExitCode"] != 137


def guide(stack: Stack) -> str:
    return (stack.folder / "COMPOSE.md").read_text(encoding="utf-8")


@pytest.mark.oldest
@pytest.mark.podman
def test_without_secrets_the_gateway_says_what_to_do_and_the_servers_run(make_stack: MakeStack) -> None:
    stack = make_stack(preset("05-mcp-multi"))
    stack.go_on_in_a_clone()
    result = stack.compose("up", "--build", "--detach", "--wait", check=False)
    assert result.returncode != 0
    log = logs(stack, "gateway")
    assert log.splitlines() == [
        "secrets/gateway.env is missing or lacks a value: run scripts/setup, then docker compose up --wait"
    ]
    assert set(stack.compose("ps", "--services").stdout.split()) == {"db", "tasks", "docs"}
    subprocess.run(["scripts/setup"], cwd=stack.folder, check=True, capture_output=True)
    stack.up()
    assert "gateway" in stack.compose("ps", "--services").stdout.split()


def test_in_another_clone_the_gateway_says_how_to_take_the_key_of_its_data_over(make_stack: MakeStack) -> None:
    stack = make_stack(preset("05-mcp-multi") | {"mcp_servers": ["tasks"]})
    stack.up()
    secrets = stack.folder / "secrets" / "gateway.env"
    form = r"^N8N_ENCRYPTION_KEY=(.*)$"
    (old,) = re.findall(form, secrets.read_text(), re.MULTILINE)
    secrets.unlink()
    subprocess.run(["scripts/setup"], cwd=stack.folder, check=True, capture_output=True)
    assert stack.compose("up", "--detach", "--wait", check=False).returncode != 0
    said = stack.compose("logs", "--no-log-prefix", "--tail", "1", "gateway").stdout
    assert said.startswith("n8n's data were made with another key than secrets/gateway.env has")
    (command,) = re.findall("`docker (.*?)`", said)
    assert old not in said
    shown = stack.run("docker", *command.split()).stdout
    (key,) = re.findall(r'"encryptionKey": *"(.*?)"', shown)
    assert key == old
    secrets.write_text(re.sub(form, f"N8N_ENCRYPTION_KEY={key}", secrets.read_text(), flags=re.MULTILINE))
    stack.up()
