"""Postgres and Redis that projects of one machine share: each has its own there, and gets at nothing else."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.clients import servers, use
from tests.e2e.conftest import MakeStack
from tests.e2e.network_client import everything
from tests.e2e.shared import (
    NETWORK,
    QUERY,
    inside,
    make_hub,
    make_project,
    network_exists,
    own,
    projects,
    redis_as,
    sentence,
    setup,
    sql_as,
)
from tests.e2e.stack import Stack, fetch
from tests.support import commit_all, preset, render


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    """No network of the name before, and none after."""
    # One that an interrupted run has left has no containers; that of a developer's own hub has, and stays.
    subprocess.run(["docker", "network", "rm", NETWORK], capture_output=True)
    if network_exists():
        reason = "shared services of somebody else's run on this machine"
        (pytest.fail if os.environ.get("CHORA_E2E") == "required" else pytest.skip)(reason)
    yield
    assert not network_exists()


def test_two_projects_have_their_own_and_get_at_nothing_else(make_stack: MakeStack) -> None:
    hub = make_hub(make_stack)
    shop, books = make_project(make_stack), make_project(make_stack, "mcp")
    shop.up()
    books.up()
    assert shop.get_json()["database"].startswith("PostgreSQL 17.")
    assert shop.get_json()["redis"].startswith("Redis 8.")
    # Else each start would leave a volume without a name behind.
    once = [hub.inspect("secrets"), shop.inspect("postgres-access"), shop.inspect("redis-access")]
    mounts = [mount for container in once for mount in container["Mounts"] if mount["Type"] == "volume"]
    assert {mount["Name"] for mount in mounts} == {f"{hub.slug}_postgres-data"}
    status = use(f"{books.url('mcp-server')}/mcp", everything)["status://services"]
    assert {key: text.split()[0] for key, text in status.items()} == {
        "server": books.slug,
        "database": "PostgreSQL",
        "redis": "Redis",
    }
    for stack, other in ((shop, books), (books, shop)):
        assert sql_as(stack, "SELECT current_user, current_database()") == [(stack.slug, stack.slug)]
        assert sql_as(stack, "CREATE TABLE mine (); SELECT 1") == [(1,)]
        assert redis_as(stack, "SET", f"of-{stack.slug}", "secret") in {"True", "OK"}
        for database in (other.slug, "postgres", "template1"):
            assert "permission denied for database" in sql_as(stack, "SELECT 1", database)
        assert "permission denied" in sql_as(stack, "CREATE DATABASE more")
        assert "permission denied" in sql_as(stack, "COPY (SELECT 1) TO PROGRAM 'true'")
    for stack, other in ((shop, books), (books, shop)):
        number = own(other)["REDIS_DB"]
        assert redis_as(stack, "KEYS", "*") == f"[b'of-{stack.slug}']"
        script = f"redis.call('SELECT', {number}) return redis.call('KEYS', '*')"
        commands = [
            ["GET", "x"],
            ["FLUSHALL"],
            ["SWAPDB", own(stack)["REDIS_DB"], number],
            ["CONFIG", "GET", "*"],
            ["ACL", "LIST"],
        ]
        commands += [["MOVE", f"of-{stack.slug}", number], ["COPY", f"of-{stack.slug}", "x", "DB", number], ["EVAL", script, "0"]]
        commands += [["MONITOR"], ["CLIENT", "LIST"], ["FUNCTION", "LIST"], ["SUBSCRIBE", f"{other.slug}:news"]]
        for words in commands:
            refused = redis_as(stack, *words, number=number if words[0] == "GET" else "")
            assert "permission" in refused.lower() or "can't run this command" in refused, words
        for words in (["PUBLISH", f"{stack.slug}:news", "x"], ["INFO"], ["SCAN", "0"], ["SELECT", own(stack)["REDIS_DB"]]):
            assert "permission" not in redis_as(stack, *words), words
    passwords = [line.split("=")[1] for line in (hub.folder / "secrets/hub.env").read_text().splitlines()[1:]]
    for stack in (shop, books):
        resolve = "import socket, sys; print(socket.getaddrinfo(sys.argv[1], 0))"
        assert inside(stack, resolve, "shared-postgres").stdout
        assert [name for name in ("db", "redis") if inside(stack, resolve, name, check=False).returncode == 0] == []
        hidden = (
            "import os, pathlib; print(pathlib.Path('secrets/shared-admin.env').read_text(), *os.environ, *os.environ.values())"
        )
        words = inside(stack, hidden).stdout.split()
        assert "REDIS_URL" in words
        assert not {"REDISCLI_AUTH", *passwords} & set(words), "the app has the password of its own role alone"
    started = shop.run("docker", "ps", "--all", "--no-trunc", "--format", "{{.Command}}").stdout
    assert not [password for password in [*passwords, *own(shop).values()] if len(password) > 40 and password in started]
    rows = [line.split() for line in projects(hub, "list").stdout.splitlines()]
    assert rows[0] == ["PROJECT", "DATABASE", "REDIS", "KEYS", "FOLDER"]
    assert sorted((row[0], row[3], row[4], row[5]) for row in rows[1:]) == sorted(
        (stack.slug, own(stack)["REDIS_DB"], "1", str(stack.folder)) for stack in (shop, books)
    )


@pytest.mark.parametrize("versions", [("15", "7"), ("17", "valkey-8")], ids=["oldest", "valkey"])
def test_what_a_project_has_outlives_a_restart_and_new_containers(make_stack: MakeStack, versions: tuple[str, str]) -> None:
    hub = make_hub(make_stack, postgres_version=versions[0], redis_version=versions[1])
    shop = make_project(make_stack)
    shop.up()
    sql_as(shop, "CREATE TABLE kept AS SELECT 7 AS n; SELECT 1")
    redis_as(shop, "SET", "kept", "7")
    shop.compose("down")
    for again in (["restart"], ["down"]):
        hub.compose(*again)
        hub.up()
        # Without those that would make it again.
        shop.compose("up", "--detach", "--wait", "--no-deps", "app")
        assert shop.get_json()["database"].startswith(f"PostgreSQL {versions[0]}.")
        assert sql_as(shop, "SELECT n FROM kept") == [(7,)]
        assert redis_as(shop, "GET", "kept") == "b'7'"
        assert "permission" in redis_as(shop, "KEYS", "*", number="9")
        shop.compose("down")


@pytest.mark.oldest
@pytest.mark.podman
def test_a_second_start_changes_nothing_and_another_password_reaches_both_ends(make_stack: MakeStack) -> None:
    make_hub(make_stack)
    shop = make_project(make_stack)
    shop.up()
    sql_as(shop, "CREATE TABLE kept AS SELECT 7 AS n; SELECT 1")
    before = own(shop)
    assert setup(shop).returncode == 0
    shop.up()
    assert own(shop) == before
    assert sql_as(shop, "SELECT n FROM kept") == [(7,)]
    secrets = shop.folder / "secrets" / "shared.env"
    secrets.write_text(
        secrets.read_text().replace(before["POSTGRES_PASSWORD"], "new").replace(before["REDIS_PASSWORD"], "new-too")
    )
    shop.up()
    assert setup(shop).returncode == 0
    assert own(shop)["POSTGRES_PASSWORD"] == "new"
    assert sql_as(shop, "SELECT n FROM kept") == [(7,)]
    assert redis_as(shop, "DBSIZE") == "0"
    assert shop.get_json()["redis"].startswith("Redis")
    secrets.write_text(secrets.read_text().replace("=new", "=old"))
    assert "password authentication failed" in sql_as(shop, "SELECT 1")
    (shop.folder / ".env.local").write_text("POSTGRES_USER=postgres\n")
    assert shop.compose("up", "--wait", check=False).returncode != 0
    assert sentence(shop, "postgres-access") == "POSTGRES_USER=postgres is the administrator: take another name in .env.local"


def test_channels_of_a_librarys_own_are_allowed_on_demand(make_stack: MakeStack) -> None:
    make_hub(make_stack)
    shop = make_project(make_stack)
    with (shop.folder / ".env.defaults").open("a") as file:
        file.write("REDIS_CHANNELS=&*\n")
    shop.up()
    assert redis_as(shop, "PUBLISH", "anything", "x") == "0"


def test_three_of_an_app_run_side_by_side(make_stack: MakeStack) -> None:
    make_hub(make_stack)
    shop = make_project(make_stack)
    shop.ports["APP_PORT"] = "0"
    shop.up("--scale", "app=3")
    ports = shop.run("docker", "ps", "--filter", f"name=^{shop.slug}-app-", "--format", "{{.Ports}}").stdout.split()
    published = [address.split("->")[0] for address in ports]
    assert len(set(published)) == 3
    assert all(fetch(f"http://{address}/")[0] == 200 for address in published)


def test_each_start_without_the_shared_services_ends_in_a_sentence_that_says_how_to_start_them(make_stack: MakeStack) -> None:
    hub = make_hub(make_stack)
    shop = make_project(make_stack)
    shop.up()
    hub.compose("stop")
    start = f"start them with `cd {hub.folder} && docker compose up --wait`"
    result = setup(shop)
    assert (result.returncode, result.stderr.strip()) == (1, f"scripts/setup: the shared services do not run: {start}")
    shop.compose("down")
    assert shop.compose("up", "--wait", check=False, timeout=40).returncode != 0
    for service in ("postgres-access", "redis-access"):
        assert sentence(shop, service) == f"the shared services do not answer: {start}"
    hub.up()
    shop.up()
    assert shop.get_json()["redis"].startswith("Redis")


def test_without_its_secrets_the_hub_says_what_to_run_and_opens_nothing(make_stack: MakeStack) -> None:
    hub = make_stack(preset("07-shared-services"))
    rendered = hub.folder
    hub.go_on_in_a_clone()
    result = hub.compose("up", check=False, timeout=60)
    assert result.returncode != 0
    say = "secrets/hub.env is missing or lacks a value: run scripts/setup, then docker compose up --wait"
    assert say in result.stdout + result.stderr
    assert not hub.compose("ps", "--quiet").stdout
    # One folder of a machine runs them, and that is the one which was rendered.
    refused = setup(hub)
    assert refused.returncode == 1
    assert f"the shared services of this machine are in {rendered}" in refused.stderr


def test_without_its_secrets_or_with_old_ones_a_project_says_what_to_run(make_stack: MakeStack) -> None:
    hub = make_hub(make_stack)
    shop = make_project(make_stack)
    shop.go_on_in_a_clone()
    assert shop.compose("up", "--build", "--wait", check=False).returncode != 0
    say = "secrets/shared-admin.env is missing: run scripts/setup, then docker compose up --wait"
    assert sentence(shop, "postgres-access") == sentence(shop, "redis-access") == say
    assert not (shop.folder / "secrets").exists(), "nothing of root's is in the way of scripts/setup"
    assert setup(shop).returncode == 0
    shop.up()
    assert shop.get_json()["database"].startswith("PostgreSQL")

    # Other passwords of the administrator's count from the next start, for a project after its scripts/setup.
    (hub.folder / "secrets" / "hub.env").unlink()
    hub.run("scripts/setup")
    hub.up()
    assert shop.compose("up", "--wait", check=False).returncode != 0
    say = "the shared services refuse the password in secrets/shared-admin.env: run scripts/setup, then docker compose up --wait"
    for service in ("postgres-access", "redis-access"):
        assert sentence(shop, service) == say
    assert setup(shop).returncode == 0
    shop.up()


def test_without_a_hub_on_this_machine_setup_says_how_to_make_one(make_stack: MakeStack) -> None:
    shop = make_project(make_stack)
    result = setup(shop)
    assert result.returncode == 1
    assert "this machine has no shared services: render them with `copier copy --trust -d stack=shared-services" in result.stderr
    assert (shop.folder / ".env.local").exists()


def test_a_number_that_is_another_projects_is_refused_and_setup_takes_a_free_one(make_stack: MakeStack) -> None:
    hub = make_hub(make_stack)
    shop, books = make_project(make_stack), make_project(make_stack, services=["redis"])
    shop.up()
    # The registry was lost, and what is in Redis counts.
    for path in Path(os.environ["XDG_STATE_HOME"]).glob("*/*.jsonl"):
        path.write_text("\n".join(line for line in path.read_text().splitlines() if '"redis"' not in line.split('"ports"')[0]))
    secrets = books.folder / "secrets" / "shared.env"
    mine = own(shop)["REDIS_DB"]
    secrets.write_text(secrets.read_text().replace(f"REDIS_DB={own(books)['REDIS_DB']}", f"REDIS_DB={mine}"))
    assert books.compose("up", "--build", "--wait", check=False).returncode != 0
    say = f"number {mine} of the shared Redis is another project's: run scripts/setup, then docker compose up --wait"
    assert sentence(books, "redis-access") == say
    assert setup(books).returncode == 0
    assert own(books)["REDIS_DB"] != mine
    books.up()
    assert setup(shop).returncode == 0
    assert own(shop)["REDIS_DB"] == mine
    assert len(projects(hub, "list").stdout.splitlines()) == 3


FILL = """
import os, redis
client = redis.from_url(os.environ["REDIS_URL"])
for number in range(3000):
    client.set(f"key-{number}", os.urandom(40))
client.set(b"\\x00\\xff\\r\\n", b"\\xfe\\x00\\r\\n" * 50000)
client.set("for a while", "x", px=3600_000)
client.hset("hash", "field", b"\\x80")
client.xadd("stream", {"field": "value"})
"""
CONTENT = """
import os, redis
client = redis.from_url(os.environ["REDIS_URL"])
print(sorted((key, client.dump(key), client.pexpiretime(key)) for key in client.scan_iter()))
"""
TABLES = (
    "CREATE TABLE book (id serial PRIMARY KEY, title text); CREATE VIEW titles AS SELECT title FROM book; "
    "INSERT INTO book (title) SELECT 'Ä''\\n' || n FROM generate_series(1, 1000) n; SELECT 1"
)


def test_a_project_that_leaves_takes_its_rows_and_keys_along(make_stack: MakeStack, template: Path) -> None:
    hub = make_hub(make_stack)
    shop, other = make_project(make_stack), make_project(make_stack)
    for stack in (shop, other):
        stack.up()
        assert sql_as(stack, TABLES) == [(1,)]
    inside(shop, FILL)
    redis_as(other, "SET", "stays", "x")
    books, keys = sql_as(shop, "SELECT * FROM book"), inside(shop, CONTENT).stdout

    not_yet = projects(hub, "copy", shop.slug, str(shop.folder), check=False)
    assert (not_yet.returncode, "has no db and no redis of its own" in not_yet.stderr) == (1, True)
    # The commands of the guide.
    shop.compose("down")
    commit_all(shop.folder, "Before")
    render(template, shop.folder, {"isolation": "own"}, hook=True, overwrite=True, state=Path(os.environ["XDG_STATE_HOME"]))
    hub.environment = shop.ports
    copied = projects(hub, "copy", shop.slug, str(shop.folder))
    assert "copied 3004 keys" in copied.stdout
    shop.up()
    url = f"postgresql://dev:dev@db/{shop.slug.replace('-', '_')}"
    assert ast.literal_eval(inside(shop, QUERY, url, "SELECT * FROM book").stdout) == books
    inside(shop, QUERY, url, "INSERT INTO book (title) VALUES ('one more') RETURNING id")
    assert shop.sql("SELECT max(id), (SELECT count(*) FROM titles) FROM book") == "1001|1001"
    assert inside(shop, CONTENT).stdout == keys

    again = projects(hub, "copy", shop.slug, str(shop.folder), check=False)
    assert (again.returncode, "is not empty: --replace deletes what it holds" in again.stderr) == (1, True)
    assert shop.sql("SELECT count(*) FROM book") == "1001"
    projects(hub, "copy", "--replace", shop.slug, str(shop.folder))
    assert shop.sql("SELECT count(*) FROM book") == "1000"
    assert inside(shop, CONTENT).stdout == keys

    asked = projects(hub, "remove", shop.slug, input="n\n", check=False)
    assert (asked.returncode, "nothing was removed" in asked.stderr) == (1, True)
    projects(hub, "remove", "--yes", shop.slug)
    gone = projects(hub, "remove", "--yes", shop.slug, check=False)
    assert (gone.returncode, f"no project {shop.slug} is here" in gone.stderr) == (1, True)
    assert [line.split()[0] for line in projects(hub, "list").stdout.splitlines()[1:]] == [other.slug]
    roles = hub.compose("exec", "-T", "shared-postgres", "psql", "-U", "postgres", "-Atc", "SELECT rolname FROM pg_roles").stdout
    assert shop.slug not in roles
    assert shop.slug not in hub.compose("exec", "-T", "shared-redis", "redis-cli", "ACL", "LIST").stdout
    assert sql_as(other, "SELECT count(*) FROM book") == [(1000,)]
    assert redis_as(other, "KEYS", "*") == "[b'stays']"
    assert projects(hub, "remove", check=False).returncode == 2


def test_five_clients_at_once_all_work_although_the_project_was_down(make_stack: MakeStack) -> None:
    make_hub(make_stack)
    books = make_project(make_stack, "mcp", services=["postgres"])
    books.compose("build")
    (server,) = servers(books, ".mcp.json").values()
    for _ in range(2):
        books.compose("down")
        with ThreadPoolExecutor(5) as pool:
            found = list(pool.map(lambda _: use(server, everything), range(5)))
        assert all(one["status://services"]["database"].startswith("PostgreSQL") for one in found)
    # What has ended well is not run again.
    ended = books.inspect("postgres-access")["State"]["FinishedAt"]
    use(server, everything)
    assert books.inspect("postgres-access")["State"]["FinishedAt"] == ended


def test_each_branch_has_its_own_there_which_can_be_copied_and_goes_with_the_branch(make_stack: MakeStack) -> None:
    hub = make_hub(make_stack)
    main = make_stack(preset("10-branches") | {"isolation": "shared"}, own_ports=True)
    commit_all(main.folder, "Render the set-up")
    folder = main.folder.with_name("worktree")
    main.run("git", "worktree", "add", "-b", "topic", str(folder))
    topic = Stack(folder, main.slug)
    for stack in (main, topic):
        stack.up()
        assert stack.get_json()["database"].startswith("PostgreSQL")
    assert own(topic)["POSTGRES_DB"] == f"{main.slug}-topic"
    assert {own(main)["REDIS_DB"], own(topic)["REDIS_DB"]} == {"1", "2"}
    listed = main.run("scripts/branch-env", "list").stdout
    assert "partly" not in listed
    assert listed.count("  running  ") == 2

    assert sql_as(main, "CREATE TABLE note (text text); INSERT INTO note VALUES ('main') RETURNING text") == [("main",)]
    assert "does not exist" in sql_as(topic, "SELECT text FROM note")
    assert "permission denied for database" in sql_as(topic, "SELECT text FROM note", own(main)["POSTGRES_DB"])
    topic.run("scripts/branch-env", "copy-data", "main")
    assert sql_as(topic, "INSERT INTO note VALUES ('topic') RETURNING text") == [("topic",)], "it is the branch's own now"
    assert sql_as(main, "SELECT text FROM note") == [("main",)]

    # A copy of the whole folder gets no access, also where the app's image is none of ours.
    copied = Stack(main.folder.with_name("copy"), main.slug)
    subprocess.run(["cp", "-a", main.folder, copied.folder], check=True)
    for service in ("postgres-access", "redis-access"):
        refused = copied.compose("run", "--rm", "--no-deps", "-T", service, check=False)
        assert (refused.returncode, f"This checkout is a copy of {main.folder}, with" in refused.stderr) == (1, True)

    # In one checkout that switches, what it has there follows, and comes back.
    number = own(main)["REDIS_DB"]
    main.run("git", "checkout", "-q", "-b", "other")
    assert (own(main)["POSTGRES_DB"], own(main)["REDIS_DB"]) == (f"{main.slug}-other", "3")
    main.run("git", "checkout", "-q", "main")
    assert (own(main)["POSTGRES_DB"], own(main)["REDIS_DB"]) == (main.slug, number)

    main.run("git", "worktree", "remove", "--force", str(folder))
    main.run("git", "branch", "-D", "topic", "other")
    asked = main.run("scripts/branch-env", "prune", stdin=subprocess.DEVNULL)
    assert f"Delete what {main.slug}-topic has in the shared services for good?" in asked.stderr
    assert f"{main.slug}-topic" in projects(hub, "list").stdout
    main.run("scripts/branch-env", "prune", "--yes")
    assert f"{main.slug}-topic" not in projects(hub, "list").stdout
    assert sql_as(main, "SELECT text FROM note") == [("main",)]
    main.compose("down")
