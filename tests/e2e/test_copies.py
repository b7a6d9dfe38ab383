"""Copies of backups elsewhere: what is in them, who can read them, and what an empty host makes of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.production import Production, in_production
from tests.e2e.stack import free_port, wait_for

SQL = "SELECT count(*) FROM example"


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The starter with Postgres in production, and rows."""
    answers = {"stack": "full", "services": ["postgres"]}
    with in_production(template, tmp_path_factory.mktemp("copies"), answers) as made:
        made.environment["APP_REPLICAS"] = "1"
        made.build("1")
        made.deploy("1")
        made.prod_sql("INSERT INTO example SELECT FROM generate_series(1, 500)")
        yield made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


def test_a_copy_is_encrypted_checked_and_kept_as_long_as_said(production: Production, place: Path) -> None:
    first = production.run("scripts/backup", "--to", str(place))
    assert "keep secrets/backup_password in another place too" in first.stderr and f"to {place}, and checked" in first.stdout
    for _ in range(2):
        again = production.run("scripts/backup", "--to", str(place))
    assert again.stderr == "" and "began" not in again.stdout
    secret = (production.folder / "secrets" / "app_secret_key").read_bytes()
    assert not any(secret in path.read_bytes() or b"PGDMP" in path.read_bytes() for path in place.rglob("*") if path.is_file())
    assert len([*(place / "snapshots").iterdir()]) == 2, "the last of the day, and the oldest"
    settings = production.folder / ".env.production"
    settings.write_text("BACKUP_KEEP=many\n")
    wrong = production.run("scripts/backup", "--to", str(place), check=False)
    settings.unlink()
    assert wrong.returncode == 1 and "scripts/backup: write BACKUP_KEEP in .env.production as days, weeks" in wrong.stderr


@pytest.mark.parametrize("target", ["/nowhere/at/all", "sftp:ann@host:/x", "local:/x", "elsewhere"])
def test_a_place_that_is_none_is_said(production: Production, target: str) -> None:
    done = production.run("scripts/backup", "--to", target, check=False)
    assert done.returncode == 1 and "scripts/backup: give a folder that exists, or an address that begins with s3:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dump_and_a_copy_are_tried_without_a_change(production: Production, place: Path) -> None:
    before = production.prod_sql("SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database")
    for words in ([], ["--from", str(place)]):
        said = production.run("scripts/restore", "--check", *words).stdout
        assert "can be restored: " in said and " tables of " in said
    assert production.prod_sql("SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database") == before
    assert not [*production.folder.glob("backups/copy-*")], "secrets stay where they are"
    newest = max(production.folder.glob("backups/*.dump"))
    broken = production.folder / "backups" / f"{newest.name[:-20]}20991231_000000.dump"
    broken.write_bytes(newest.read_bytes()[:-600])
    failed = production.run("scripts/restore", "--check", check=False)
    broken.unlink()
    assert failed.returncode == 1 and "can't be restored" in failed.stderr


def test_a_disk_that_is_not_mounted_gets_no_new_copies(production: Production, place: Path) -> None:
    away = place.with_name("away")
    place.rename(away)
    place.mkdir()
    refused = production.run("scripts/backup", "--to", str(place), check=False)
    assert refused.returncode == 1 and "there are no copies; is it mounted?" in refused.stderr
    assert not [*place.iterdir()]
    place.rmdir()
    away.rename(place)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_that_was_ended_keeps_no_later_one_from_its_work(production: Production, place: Path, number: signal.Signals) -> None:
    def containers() -> str:
        return production.run("docker", "ps", "--all", "--quiet", "--filter", f"name={production.project}-copies-").stdout

    command = ["scripts/backup", "--to", str(place)]
    environment = {**os.environ, **production.ports, **production.environment}
    for seconds in (0.5, 1.5, 2.5):
        with subprocess.Popen(command, cwd=production.folder, env=environment, start_new_session=True) as process:
            wait_for(lambda: containers() or None)
            time.sleep(seconds)
            process.send_signal(number)
        assert not containers()
    assert "can be restored" in production.run("scripts/restore", "--check", "--from", str(place)).stdout
    assert "and checked the copies" in production.run(*command).stdout


def test_copies_of_before_can_be_named(production: Production, place: Path) -> None:
    known = production.run("scripts/restore", "--check", "--from", str(place), "--copy", "none", check=False)
    assert known.returncode == 1 and "scripts/restore: name one of these copies: " in known.stderr
    first = re.findall(r"([0-9a-f]{8}) \(", known.stderr)[0]
    assert "can be restored" in production.run("scripts/restore", "--check", "--from", str(place), "--copy", first).stdout


def test_a_server_takes_copies_too(production: Production) -> None:
    name = f"{production.slug}-rclone"
    serve = ["rclone/rclone:latest", "serve", "restic", "--addr", ":8080", "/tmp"]
    network = ["--network", f"{production.project}_frontend", "--network-alias", "copies"]
    production.run("docker", "run", "--detach", "--name", name, *network, *serve)
    try:
        address = "rest:http://copies:8080/"
        wait_for(lambda: production.run("scripts/backup", "--to", address, check=False).returncode == 0 or None)
        assert "can be restored" in production.run("scripts/restore", "--check", "--from", address).stdout
        production.run("docker", "stop", "--time", "1", name)
        gone = production.run("scripts/backup", "--to", address.replace("//", "//ann:secret@"), check=False)
        assert gone.returncode == 1 and f"scripts/backup: look at {address}" in gone.stderr and "ann:secret" not in gone.stderr
    finally:
        production.run("docker", "rm", "--force", "--volumes", name)


def test_an_empty_host_has_everything_again(production: Production, place: Path, tmp_path: Path) -> None:
    rows, key = production.prod_sql(SQL), (production.folder / "secrets" / "app_secret_key").read_text()
    password = (production.folder / "secrets" / "backup_password").read_bytes()
    production.run("scripts/backup", "--to", str(place))
    production.prod("down", "--volumes", "--timeout", "5")
    own = shutil.ignore_patterns("secrets", "backups", ".env", ".env.production", "run.log")
    shutil.copytree(production.folder, tmp_path / "new", ignore=own)
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT")}
    new = Production(tmp_path / "new", production.slug, ports, {"APP_REPLICAS": "1"})
    new.run("scripts/setup")
    unknown = new.run("scripts/restore", "--from", str(place), check=False)
    assert unknown.returncode == 1 and "into secrets/backup_password" in unknown.stderr
    secret = new.folder / "secrets" / "backup_password"
    secret.write_text("another")
    wrong = new.run("scripts/restore", "--from", str(place), check=False)
    assert wrong.returncode == 1 and "scripts/restore: put the password of the copies in its place" in wrong.stderr
    secret.write_bytes(password)
    said = new.run("scripts/restore", "--from", str(place)).stdout
    assert "fetched " in said and "restored " in said
    assert "settings and secrets of then are in" in said
    (kept,) = new.folder.glob("backups/copy-*/secrets/app_secret_key")
    assert kept.read_text() == key
    new.deploy("1")
    assert new.prod_sql(SQL) == rows and new.ask("/").status == 200
