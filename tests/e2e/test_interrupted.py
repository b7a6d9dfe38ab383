"""Scripts of production that are ended at any moment: the next one ends well, and nothing is lost or left."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.production import Production, in_production
from tests.e2e.signals import end, moments, seconds_of
from tests.e2e.stack import wait_for
from tests.support import render

ANSWERS = {"stack": "full", "services": ["postgres"], "postgres_version": "15"}
# Each migration tells when it starts, and when it ends.
MIGRATE = """

import time

from {package}.services import connect

for word in ("start", "end"):
    with connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS told (at serial, word text)")
        connection.execute("INSERT INTO told (word) VALUES (%s)", [word])
    time.sleep(0.7 if word == "start" else 0)
"""
ROWS = "CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, 200000) n"
COUNT = "SELECT count(*), sum(n) FROM kept"


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The starter with Postgres 15 in production, one replica of version 1; version 2 is built."""
    with in_production(template, tmp_path_factory.mktemp("interrupted"), ANSWERS) as made:
        made.environment["APP_REPLICAS"] = "1"
        made.add_routes()
        package = made.slug.replace("-", "_")
        with (made.folder / "src" / package / "migrate.py").open("a") as file:
            file.write(MIGRATE.format(package=package))
        made.build("1")
        made.build_from("2", "1")
        made.deploy("1")
        made.prod_sql(ROWS)
        yield made


def sessions(production: Production) -> str:
    """Return what works in the database."""
    return production.prod_sql("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'scripts/%'")


def once(production: Production) -> list[str]:
    """Return the containers that work once, such as a migration."""
    label = f"label=com.docker.compose.project={production.project}"
    ps = ["docker", "ps", "--quiet", "--filter", label, "--filter", "label=com.docker.compose.oneoff=True"]
    return production.run(*ps).stdout.split()


def test_a_deployment_is_ended_at_any_moment(production: Production) -> None:
    seconds = seconds_of(production, "scripts/deploy", "2")
    told = production.prod_sql("SELECT count(*) FROM told")
    versions = itertools.cycle("12")
    for (moment, number), version in zip(moments(seconds), versions, strict=False):
        end(production, moment, number, "scripts/deploy", version)
        if number != signal.SIGKILL:
            assert once(production) == [], "a migration goes on"
        assert production.ask("/ready").status in (200, 404)
    production.deploy("1")
    assert {production.ask("/version").text for _ in range(10)} == {'"1"'}
    services = sorted(known["Config"]["Labels"]["com.docker.compose.service"] for known in production.containers().values())
    assert services == ["app", "db", "nginx"]
    words = production.prod_sql(f"SELECT word FROM told ORDER BY at OFFSET {told}").split()
    assert words[-2:] == ["start", "end"]
    assert ["end", "end"] not in [words[at : at + 2] for at in range(len(words))], "two migrations at once"


def test_a_backup_is_ended_at_any_moment(production: Production) -> None:
    seconds = seconds_of(production, "scripts/backup", "first.dump", "--overwrite")
    size = (production.folder / "first.dump").stat().st_size
    for moment, number in moments(seconds):
        end(production, moment, number, "scripts/backup")
        wait_for(lambda: sessions(production) == "" or None, 5)
    production.run("scripts/backup")
    assert not [*(production.folder / "backups").glob("*.part")]
    assert {file.stat().st_size for file in (production.folder / "backups").glob("*.dump")} == {size}


def test_a_restore_is_ended_at_any_moment(production: Production) -> None:
    production.run("scripts/backup", "first.dump", "--overwrite")
    command = ("scripts/restore", "first.dump", "--overwrite")
    seconds = seconds_of(production, *command)
    expected = production.prod_sql(COUNT)
    for moment, number in moments(seconds):
        end(production, moment, number, *command)
        wait_for(lambda: sessions(production) == "" or None, 5)
        # One that has begun to take over comes to its end.
        assert wait_for(lambda: production.prod_sql(COUNT) or None) == expected
    production.run(*command)
    assert production.prod_sql(COUNT) == expected
    assert production.prod_sql("SELECT count(*) FROM pg_database WHERE datname LIKE '%restoring'") == "0"
    assert production.ask("/").status == 200


def test_an_upgrade_is_ended_at_any_moment(production: Production, template: Path) -> None:
    expected = production.prod_sql(COUNT)
    answers = {**ANSWERS, "production": True, "project_slug": production.slug, "postgres_version": "17"}
    render(template, production.folder, answers, overwrite=True)
    ours = ["docker", "ps", "--all", "--quiet", "--filter", f"name={production.project}-upgrade"]
    for moment, number in moments(16):
        if end(production, moment, number, "scripts/upgrade-postgres"):
            break
        wait_for(lambda: production.run(*ours).stdout == "" or None, 30)
        if number != signal.SIGKILL:
            assert wait_for(lambda: production.ask("/ready").status in (200, 404) or None)
            assert production.prod_sql(COUNT) == expected
    else:
        production.run("scripts/upgrade-postgres")
    assert production.prod_sql("SHOW server_version").startswith("17.")
    assert production.prod_sql(COUNT) == expected
    assert wait_for(lambda: production.ask("/ready").status in (200, 404) or None)
