"""Backup, restore and the next major version of Postgres: no row is lost, and what fails changes nothing."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.production import Production, in_production
from tests.e2e.stack import wait_for
from tests.support import render

ANSWERS = {"stack": "full", "services": ["postgres"], "postgres_version": "15"}
REFUSED = "Run scripts/deploy for a first database, scripts/upgrade-postgres for that of an older Postgres."
DATA = """
DROP SCHEMA IF EXISTS shop CASCADE;
DROP TABLE IF EXISTS "Odd name; --";
CREATE SCHEMA shop;
CREATE TABLE shop.customers (
    id serial PRIMARY KEY, name text NOT NULL, born date, note text, photo bytea, tags text[], attributes jsonb, height float
);
INSERT INTO shop.customers (name, born, note, photo, tags, attributes, height)
SELECT
    format(E'Zo\\u00eb %s \\U0001F6B2 "\\\\N" \\t\\r\\n ''; --', n),
    date '1970-02-28' + n,
    CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE '\\.' END,
    decode(md5(n::text) || '00ff', 'hex'),
    ARRAY['a,b', NULL, '{}'],
    jsonb_build_object('n', n, 'text', E'\\u6771\\u4eac'),
    sqrt(n)
FROM generate_series(1, 500) n;
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3), customer int REFERENCES shop.customers, at timestamptz NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE shop.orders_2025 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.orders_later PARTITION OF shop.orders DEFAULT;
INSERT INTO shop.orders (customer, at)
SELECT 1 + n % 500, timestamptz '2025-12-01 12:00+02' + n * interval '1 hour' FROM generate_series(1, 2000) n;
CREATE TABLE "Odd name; --" ("Column é" text);
INSERT INTO "Odd name; --" VALUES ('CREATE ROLE app;'), (E'\\\\connect postgres'), (NULL), (repeat('x', 100000));
CREATE MATERIALIZED VIEW shop.sums AS SELECT customer, count(*) FROM shop.orders GROUP BY customer;
CREATE FUNCTION shop.answer() RETURNS int LANGUAGE sql AS 'SELECT 42';
SELECT lo_from_bytea(0, decode(repeat('00deadbeef', 1000), 'hex'));
"""
CONTENT = """
SELECT format('SELECT %L, t::text FROM %s t ORDER BY 2', c.oid::regclass, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'm') AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND relname NOT IN ('one', 'two')
ORDER BY 1
\\gexec
SELECT 'sequence', schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2, 3;
SELECT 'large object', oid, encode(lo_get(oid), 'hex') FROM pg_largeobject_metadata ORDER BY oid;
"""


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The full starter with Postgres 15, deployed; the tests of upgrades come last."""
    with in_production(template, tmp_path_factory.mktemp("backups"), ANSWERS) as made:
        made.environment["APP_REPLICAS"] = "1"
        made.build("1")
        made.deploy("1")
        yield made


def name(production: Production) -> str:
    """The database."""
    return production.slug.replace("-", "_")


def psql(production: Production, sql: str, database: str = "", container: str = "", user: str = "app") -> str:
    """Run SQL in a container that runs Postgres, without one in that of production."""
    container = container or f"{production.project}-db-1"
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database or name(production)]
    return production.run("docker", "exec", "-i", container, *command, input=sql).stdout


def content(production: Production, database: str = "", container: str = "") -> list[str]:
    """Return the rows of every table, the sequences and the large objects of a database."""
    return psql(production, CONTENT, database, container).splitlines()


def served(production: Production) -> str:
    """Return the database that the app reaches, once it answers through nginx."""

    def ask() -> str | None:
        found = production.ask("/")
        return str(json.loads(found.text)["database"]) if found.status == 200 else None

    return wait_for(ask)


def databases(production: Production) -> set[str]:
    return set(psql(production, "SELECT datname FROM pg_database WHERE NOT datistemplate").split()) - {"postgres"}


def fails(production: Production, *command: str, **options: Any) -> str:
    """Run a script that has to fail, and return the one sentence that it says, in one line."""
    result = production.run(*command, check=False, **options)
    assert result.returncode == 1, result.stdout + result.stderr
    sentence, _, rest = result.stderr.partition("\n")
    assert sentence.startswith(f"{command[0]}: ") and not rest, result.stderr
    return sentence


def back_up(production: Production) -> Path:
    """Make a backup under its own name."""
    said = production.run("scripts/backup").stdout
    file = re.search(r"backups/\S+\.dump", said)
    assert file, said
    return production.folder / file[0]


def replaced(production: Production) -> str:
    """Return the database that a restored one has replaced."""
    (before,) = (found for found in databases(production) if "_before_" in found)
    return before


def drop_replaced(production: Production) -> None:
    for found in databases(production) - {name(production)}:
        psql(production, f'DROP DATABASE "{found}"', "postgres")


def test_a_restored_backup_has_every_row_and_what_was_there_before_is_kept(production: Production) -> None:
    psql(production, DATA)
    for setting in ("lock_timeout = '7s'", "search_path = public, shop"):
        psql(production, f"ALTER DATABASE {name(production)} SET {setting}")
    before = content(production)
    assert sum("東京" in line for line in before) == 500 and sum(line.startswith("orders_") for line in before) == 2000
    file = back_up(production)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    psql(production, 'DELETE FROM shop.orders; DROP TABLE "Odd name; --"; SELECT lo_unlink(oid) FROM pg_largeobject_metadata')
    damaged = content(production)
    assert "holds data: with --overwrite" in fails(production, "scripts/restore", str(file))
    assert content(production) == damaged

    said = production.run("scripts/restore", str(file), "--overwrite").stdout
    assert content(production) == before
    assert content(production, replaced(production)) == damaged
    assert psql(production, "SHOW lock_timeout; SHOW search_path").split("\n")[:2] == ["7s", "public, shop"]
    assert served(production).startswith("PostgreSQL 15.")
    assert psql(production, "INSERT INTO shop.customers (name) VALUES ('next') RETURNING id").strip() == "501"
    drop = re.search(r"don't need it: docker (.*)", said)
    assert drop, said
    production.run("docker", *drop[1].replace(" exec ", " exec -T ").split())
    assert databases(production) == {name(production)}


def test_what_is_no_complete_dump_changes_nothing(production: Production, tmp_path: Path) -> None:
    psql(production, DATA)
    before = content(production)
    whole = back_up(production).read_bytes()
    wrong = tmp_path / "wrong.dump"
    for broken, sentence in (
        (whole[: len(whole) * 2 // 3], "can't be restored, and the database is as it was"),
        (
            whole[: len(whole) // 2] + bytes(2000) + whole[len(whole) // 2 + 2000 :],
            "can't be restored, and the database is as it was",
        ),
        (b"-- PostgreSQL database dump\n", "no dump in pg_dump's custom format"),
        (b"", "no dump in pg_dump's custom format"),
    ):
        wrong.write_bytes(broken)
        assert sentence in fails(production, "scripts/restore", str(wrong), "--overwrite")
        assert databases(production) == {name(production)}
    assert "missing.dump can't be used (No such file" in fails(production, "scripts/restore", "missing.dump", "--overwrite")
    assert content(production) == before


def test_a_backup_that_fails_leaves_no_file_and_none_is_overwritten(production: Production, tmp_path: Path) -> None:
    psql(production, DATA)
    file = tmp_path / "mine.dump"
    file.write_text("mine")
    assert "mine.dump exists" in fails(production, "scripts/backup", str(file))
    assert file.read_text() == "mine"
    assert "there is no folder" in fails(production, "scripts/backup", str(tmp_path / "missing" / "a.dump"))

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    sentence = fails(production, "scripts/backup", str(file), "--overwrite", preexec_fn=little_room)
    assert "mine.dump can't be written: File too large" in sentence
    assert file.read_text() == "mine"

    blocked = ["docker", "exec", "-i", f"{production.project}-db-1", "psql", "-U", "app", "-d", name(production)]
    with subprocess.Popen(blocked, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as blocking:
        assert blocking.stdin and blocking.stdout
        blocking.stdin.write(b"BEGIN;\nLOCK TABLE shop.customers;\n")
        blocking.stdin.flush()
        next(line for line in blocking.stdout if line == b"LOCK TABLE\n")
        command = ["scripts/backup", str(file), "--overwrite"]
        with subprocess.Popen(command, cwd=production.folder, stderr=subprocess.PIPE) as running:
            wait_for(lambda: next(tmp_path.glob("*.part"), None))
            running.send_signal(signal.SIGTERM)
            assert running.communicate()[1] == b"scripts/backup: interrupted\n"
        blocking.stdin.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.dump"] and file.read_text() == "mine"

    production.run("scripts/backup", str(file), "--overwrite")
    assert file.read_bytes().startswith(b"PGDMP") and file.stat().st_mode & 0o777 == 0o600
    production.prod("stop", "db")
    try:
        assert "the database is not running" in fails(production, "scripts/backup")
    finally:
        production.prod("start", "db")
        served(production)


@contextmanager
def writing(production: Production) -> Iterator[list[int]]:
    """Write numbers into two tables all the time, each in a connection of its own, and tell those that were committed."""
    psql(production, "DROP TABLE IF EXISTS one, two; CREATE TABLE one (n int); CREATE TABLE two (n int)")
    committed: list[int] = []
    stop = threading.Event()
    command = ["docker", "exec", f"{production.project}-db-1", "psql", "-X", "-q", "-U", "app", "-d", name(production), "-c"]

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            sql = f"BEGIN; INSERT INTO one VALUES ({number}); INSERT INTO two VALUES ({number}); COMMIT"
            if subprocess.run([*command, sql], capture_output=True).returncode == 0:
                committed.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait_for(lambda: committed or None)
        yield committed
    finally:
        stop.set()
        thread.join()


def numbers(production: Production, table: str, database: str = "") -> set[int]:
    return {int(line) for line in psql(production, f"SELECT n FROM {table}", database).split()}


def test_a_backup_during_writes_is_one_state_and_starts_a_new_machine(
    production: Production, template: Path, tmp_path: Path
) -> None:
    psql(production, DATA)
    before = content(production)
    with writing(production) as committed:
        file = back_up(production)
        written = len(committed)
        production.run("scripts/restore", str(file), "--overwrite")
        wait_for(lambda: len(committed) > written or None)
    # What was said to be committed is in the one or in the other.
    kept = numbers(production, "one", replaced(production)) | numbers(production, "one")
    assert set(committed) <= kept
    drop_replaced(production)

    with in_production(template, tmp_path, ANSWERS) as fresh:
        # Before one of the scripts no command makes a database, and none is in the way of one.
        fresh.prod("up", "--detach", "db")
        wait_for(lambda: REFUSED in fresh.prod("logs", "db").stdout or None)
        said = fresh.run("scripts/restore", str(file)).stdout
        assert "restored" in said and "before" not in said
        assert databases(fresh) == {name(fresh)}
        assert content(fresh) == before
        assert numbers(fresh, "one") == numbers(fresh, "two") != set()


def state(production: Production) -> list[str]:
    """What an upgrade that fails has to leave as it was: containers, volumes, and who runs."""
    ids = [f"{found} {known['Id']} {known['State']['Status']}" for found, known in production.containers().items()]
    volumes = production.run("docker", "volume", "ls", "--quiet", "--filter", f"name={production.project}").stdout.split()
    ours = production.run("docker", "ps", "--all", "--quiet", "--filter", f"name={production.project}-upgrade").stdout.split()
    return sorted(ids) + sorted(volumes) + ours


@contextmanager
def as_it_was(production: Production) -> Iterator[None]:
    """See that the old version goes on with everything that it had."""
    before, rows = state(production), content(production)
    yield
    assert state(production) == before
    assert content(production) == rows
    assert served(production).startswith("PostgreSQL 15.")


@pytest.fixture
def answer(production: Production, template: Path) -> Callable[[str], None]:
    """A function that changes the answer `postgres_version`, as an update does."""

    def change(version: str) -> None:
        answers = {**ANSWERS, "production": True, "project_slug": production.slug, "postgres_version": version}
        render(template, production.folder, answers, overwrite=True)

    return change


def test_an_upgrade_that_fails_leaves_the_old_version_serving(production: Production, answer: Callable[[str], None]) -> None:
    psql(production, DATA)
    answer("18")
    with as_it_was(production):
        # There is no image of it on this engine, and no registry.
        assert "docker pull" in fails(production, "scripts/upgrade-postgres")
    answer("17")
    with as_it_was(production):
        assert "copier update --trust -d postgres_version=16" in fails(production, "scripts/upgrade-postgres", "16")
        assert "run scripts/upgrade-postgres first" in fails(production, "scripts/deploy", "1")
    # Postgres 17 has no such column any more.
    psql(production, "CREATE VIEW shop.written AS SELECT buffers_backend FROM pg_stat_bgwriter")
    with as_it_was(production):
        sentence = fails(production, "scripts/upgrade-postgres")
        assert "Postgres 17 does not take the dump" in sentence and "buffers_backend" in sentence


def test_an_upgrade_that_is_interrupted_leaves_the_old_version_serving(
    production: Production, answer: Callable[[str], None]
) -> None:
    psql(production, DATA)
    answer("17")
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with as_it_was(production), subprocess.Popen(["scripts/upgrade-postgres"], cwd=production.folder, **pipes) as running:
        assert running.stdout
        for stage in ("reading", "going back"):
            next(line for line in running.stdout if line.startswith(stage))
            # As from a keyboard, to all that it has started too; and once more, by somebody who can't wait.
            os.killpg(running.pid, signal.SIGINT)
        assert running.communicate()[1] == "scripts/upgrade-postgres: interrupted\n"


def test_no_command_makes_an_empty_database_beside_an_older_one(production: Production, answer: Callable[[str], None]) -> None:
    psql(production, DATA)
    before = content(production)
    answer("17")
    production.prod("up", "--detach", "db")
    wait_for(lambda: REFUSED in production.prod("logs", "db").stdout or None)
    assert "run scripts/upgrade-postgres first" in fails(production, "scripts/deploy", "1")
    fails(production, "scripts/backup")
    answer("15")
    production.prod("up", "--detach", "--wait", "db")
    assert content(production) == before
    production.run("docker", "volume", "rm", f"{production.project}_postgres-17")


def test_an_empty_database_is_not_backed_up_over_the_history_of_a_full_one(
    production: Production, answer: Callable[[str], None]
) -> None:
    answer("15")
    psql(production, DATA)
    before = content(production)
    file = back_up(production)
    # As a deployment leaves a new database: the tables are there, without a row but that of the migrations.
    psql(production, 'DROP TABLE IF EXISTS one, two; TRUNCATE shop.customers, shop.orders, "Odd name; --" CASCADE')
    assert f"{file.name} may hold some: --empty" in fails(production, "scripts/backup")
    assert f"{file.name} may hold some: --empty" in fails(production, "scripts/backup", str(file), "--overwrite")
    older = f"{production.project}_postgres-14"
    production.run("docker", "volume", "create", older)
    try:
        assert f"{older} may hold the data" in fails(production, "scripts/deploy", "1")
    finally:
        production.run("docker", "volume", "rm", older)
    psql(production, "DROP SCHEMA shop, public CASCADE; CREATE SCHEMA public")
    assert f"{file.name} may hold some: --empty backs it up all the same" in fails(production, "scripts/backup")
    production.run("scripts/backup", "empty.dump", "--empty")
    production.run("scripts/restore", str(file), "--overwrite")
    assert content(production) == before
    drop_replaced(production)
    file.unlink()


@pytest.mark.parametrize("moment", ["made", "read"])
def test_an_upgrade_that_is_killed_leaves_no_second_server_on_the_old_volume(
    production: Production, answer: Callable[[str], None], moment: str
) -> None:
    psql(production, DATA)
    before = content(production)
    answer("17")
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True}
    ours = ["docker", "ps", "--all", "--quiet", "--filter", f"name={production.project}-upgrade"]
    with subprocess.Popen(["scripts/upgrade-postgres"], cwd=production.folder, **pipes) as running:
        assert running.stdout
        if moment == "made":
            # The program that makes the new server's database does not end at the first signal.
            new = ("docker", "top", f"{production.project}-upgrade-new")
            wait_for(lambda: "initdb" in production.run(*new, check=False).stdout or None)
        else:
            next(line for line in running.stdout if line.startswith("reading"))
        running.kill()
    wait_for(lambda: production.run(*ours).stdout == "" or None)
    assert "run scripts/upgrade-postgres first" in fails(production, "scripts/deploy", "1")
    answer("15")
    production.deploy("1")
    assert served(production).startswith("PostgreSQL 15.")
    assert content(production) == before


def test_an_upgrade_takes_along_every_row_of_every_database_and_role(
    production: Production, answer: Callable[[str], None]
) -> None:
    psql(production, DATA)
    psql(production, "CREATE DATABASE other", "postgres")
    psql(production, f"{DATA}; CREATE ROLE reader LOGIN PASSWORD 'reads'; GRANT USAGE ON SCHEMA shop TO reader", "other")
    # As an administrator of old may have left it: the app's password is that of the file, whatever the database has.
    psql(production, "SET password_encryption = md5; ALTER ROLE app PASSWORD 'another'")
    before = {database: content(production, database) for database in (name(production), "other")}
    answer("17")

    said = production.run("scripts/upgrade-postgres").stdout
    assert {database: content(production, database) for database in before} == before
    assert databases(production) == set(before)
    assert served(production).startswith("PostgreSQL 17.")
    assert psql(production, "INSERT INTO shop.customers (name) VALUES ('next') RETURNING id").strip() == "501"
    assert psql(production, "INSERT INTO shop.orders (at) VALUES ('2030-01-01') RETURNING id").strip() == str(7 + 3 * 2000)
    log_in = 'PGPASSWORD=reads psql -h db -U reader -d other -Atc "SELECT current_user"'
    assert production.prod("exec", "-T", "db", "sh", "-c", log_in).stdout == "reader\n"
    dump = max((production.folder / "backups").glob("all-before-postgres-17-*.sql"))
    assert dump.stat().st_mode & 0o777 == 0o600
    back_up(production)

    # The same command once more, as after a kill in its last moment, changes nothing, and says what would.
    assert "holds data: --overwrite" in production.run("scripts/upgrade-postgres").stdout
    assert served(production).startswith("PostgreSQL 17.")

    old = f"{production.project}_postgres-15"
    assert f"docker volume rm {old}" in said
    reader = f"{production.project}-reads-the-old-volume"
    volume = f"{old}:/var/lib/postgresql/data"
    production.run("docker", "run", "--detach", "--name", reader, "--user", "postgres", "--volume", volume, "postgres:15-alpine")
    try:
        ready = ["docker", "exec", reader, "pg_isready", "-q", "-h", "127.0.0.1"]
        wait_for(lambda: production.run(*ready, check=False).returncode == 0 or None)
        assert {database: content(production, database, reader) for database in before} == before
    finally:
        production.run("docker", "rm", "--force", "--volumes", reader)
