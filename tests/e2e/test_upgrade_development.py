"""Another major version of Postgres in development: one sentence at the start, one command, and every row is there."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.signals import end, moments, seconds_of
from tests.e2e.stack import Stack, free_port, wait_for
from tests.e2e.test_backups import CONTENT, DATA
from tests.support import ROOT, commit_all, git, load, preset, render

FULL = {"stack": "full", "services": ["postgres", "redis"]}
STACKS = {
    "full": FULL,
    "hybrid": {"stack": "hybrid", "services": ["postgres"]},
    "mcp": {"stack": "mcp", "services": ["postgres"]},
    "mcp-multi": preset("05-mcp-multi"),
    "shared-services": preset("07-shared-services"),
    "with production": {**FULL, "production": True},
}
OTHERS = """
CREATE EXTENSION hstore;
CREATE ROLE "Odd role" LOGIN PASSWORD 'odd' VALID UNTIL '2100-01-01';
CREATE ROLE reader CREATEDB ROLE "Odd role";
CREATE DATABASE other OWNER "Odd role";
ALTER DATABASE other SET lock_timeout = '7s';
"""
# Shared services set the password of the role postgres at each start.
ROLES = """
SELECT rolname, rolsuper, rolcreatedb, rolvaliduntil, rolpassword FROM pg_authid WHERE rolname !~ '^(pg_|postgres$)' ORDER BY 1
"""

# Of which version a volume is, and in which folders the next one is.
STATE = "cd /v; cat PG_VERSION || echo none; ls | grep -xE 'upgrading|upgraded|moving' || true"


class Project:
    """A project with its Postgres, whichever stack it has."""

    def __init__(self, template: Path, stack: Stack, answers: dict[str, Any]) -> None:
        self.template, self.stack, self.answers = template, stack, answers
        self.service = "shared-postgres" if answers["stack"] == "shared-services" else "db"
        self.volume = f"{stack.slug}_postgres-data"
        self.command = ["scripts/upgrade-postgres", *(["--development"] if answers.get("production") else [])]

    def answer(self, version: str) -> None:
        """Change the answer `postgres_version`, as an update does, and commit."""
        answers = {**self.answers, "project_slug": self.stack.slug, "postgres_version": version}
        render(self.template, self.stack.folder, answers, overwrite=True)
        commit_all(self.stack.folder, f"Postgres {version}")

    def sql(self, statements: str, database: str = "postgres") -> str:
        program = 'psql -XqAt -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "$0"'
        return self.stack.compose("exec", "-T", self.service, "sh", "-c", program, database, input=statements).stdout

    def fill(self) -> None:
        """Start Postgres alone, with data of every kind."""
        self.stack.compose("up", "--wait", self.service)
        self.sql(DATA + OTHERS)
        self.sql(f"{DATA}; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader", "other")

    def content(self) -> dict[str, list[str]]:
        rows = {database: self.sql(CONTENT, database).splitlines() for database in ("postgres", "other")}
        settings = (
            "SELECT d.datname, r.rolname, s.setconfig FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = setdatabase"
        )
        more = f"{ROLES}; {settings} LEFT JOIN pg_roles r ON r.oid = setrole; SELECT extname FROM pg_extension ORDER BY 1"
        return {**rows, "others": self.sql(more).splitlines()}

    def version(self) -> str:
        return self.sql("SHOW server_version").split(".")[0]

    def upgrade(self, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.stack.run(*self.command, check=check)

    def listed(self, kind: str) -> set[str]:
        """The project's volumes, or the containers that the script makes, by name."""
        commands = {"volume": ["volume", "ls", "-q"], "container": ["ps", "-a", "--format", "{{.Names}}"]}
        names = subprocess.run(["docker", *commands[kind]], check=True, capture_output=True, text=True).stdout.split()
        wanted = {"volume": f"{self.stack.slug}_", "container": f"{self.volume}-upgrade"}[kind]
        return {name for name in names if name.startswith(wanted)}

    def without_names(self) -> set[str]:
        """All volumes on the machine that have no name."""
        command = ["docker", "volume", "ls", "-q", "--filter", "label=com.docker.volume.anonymous"]
        return {*subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()}

    def put(self, volume: str) -> None:
        """Give the project a volume of another service, with a file."""
        labels = ["--label", f"com.docker.compose.project={self.stack.slug}", "--label", f"com.docker.compose.volume={volume}"]
        self.stack.run("docker", "volume", "create", *labels, f"{self.stack.slug}_{volume}")
        self.in_volume(volume, "echo mine >/v/file")

    def in_volume(self, volume: str, script: str) -> str:
        mount = f"{self.stack.slug}_{volume}:/v"
        command = [
            "run",
            "--rm",
            "--network=none",
            "--volume",
            mount,
            "--entrypoint",
            "bash",
            "postgres:17-alpine",
            "-ec",
            script,
        ]
        return self.stack.run("docker", *command).stdout


@pytest.fixture
def make_project(make_stack: MakeStack, template: Path) -> Iterator[Any]:
    """A function that renders a project with Postgres 15; the kept volumes are removed in the end."""
    made: list[Project] = []

    def make(answers: dict[str, Any]) -> Project:
        stack = make_stack({**answers, "postgres_version": "15"})
        stack.ports |= {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT")}
        made.append(Project(template, stack, answers))
        return made[-1]

    yield make
    for project in made:
        project.stack.compose("down", "--volumes", "--timeout", "3", check=False)
        for name in project.listed("container"):
            subprocess.run(["docker", "rm", "--force", name], check=False, capture_output=True)
        for name in project.listed("volume"):
            subprocess.run(["docker", "volume", "rm", name], check=False, capture_output=True)


@pytest.mark.parametrize("answers", STACKS.values(), ids=STACKS)
def test_the_data_move_by_the_command_that_the_start_names(make_project: Any, answers: dict[str, Any]) -> None:
    project = make_project(answers)
    stack = project.stack
    command = " ".join(project.command)
    project.fill()
    for volume in ("redis-data", "n8n-data"):
        project.put(volume)
    before, volumes, unnamed = project.content(), project.listed("volume"), project.without_names()
    files = "stat -c '%n %Y %i' /v /v/*"
    others = [project.in_volume(volume, files) for volume in ("redis-data", "n8n-data")]

    project.answer("17")
    sentence = (
        f"The data are of Postgres 15, this is 17: run {command}, or go back with copier update --trust -d postgres_version=15."
    )
    # Shared services ask before they start, so that none starts again and again.
    services = [] if answers["stack"] == "shared-services" else [project.service]
    start = stack.compose("up", *services, check=False).stderr
    assert sentence in start and start.count("Postgres") == 1, start
    waiting = stack.compose("up", "--wait", project.service, check=False)
    assert waiting.returncode == 1 and "exit" in waiting.stderr.splitlines()[-1]

    said = project.upgrade()
    remove = f"docker volume rm {project.volume}-15"
    assert said.stdout == f"the data are of Postgres 17; {remove} deletes those of Postgres 15\n" and not said.stderr
    assert project.version() == "17" and project.content() == before
    assert project.listed("volume") == volumes | {f"{project.volume}-15"} and project.without_names() <= unnamed
    assert not project.listed("container")
    assert [project.in_volume(volume, files) for volume in ("redis-data", "n8n-data")] == others
    assert git(stack.folder, "status", "--porcelain") == ""
    assert f"```sh\n{command}" in (stack.folder / "COMPOSE.md").read_text()
    assert stack.compose("up", "--wait", project.service).returncode == 0

    assert project.upgrade().stdout == said.stdout
    assert project.content() == before
    # The old version still reads what was kept.
    mount = f"{project.volume}-15:/var/lib/postgresql/data"
    old = stack.run("docker", "run", "--rm", "--detach", "--network=none", "--volume", mount, "postgres:15-alpine").stdout.strip()
    try:
        ready = ("docker", "exec", old, "pg_isready", "-q", "-h", "127.0.0.1")
        wait_for(lambda: stack.run(*ready, check=False).returncode == 0 or None)
        user = project.sql("SELECT current_user").strip()
        kept = stack.run("docker", "exec", "-i", old, "psql", "-XqAt", "-U", user, "-d", "other", input=CONTENT)
        assert kept.stdout.splitlines() == before["other"]
    finally:
        stack.run("docker", "stop", old)


def test_what_can_not_be_done_is_one_sentence_and_changes_nothing(make_project: Any) -> None:
    project = make_project(FULL)
    stack = project.stack
    prefix = "scripts/upgrade-postgres: "

    def refuses(sentence: str) -> None:
        result = project.upgrade(check=False)
        assert result.returncode == 1 and result.stderr.count("\n") == 1, result.stderr
        assert result.stderr.startswith(prefix) and sentence in result.stderr
        assert not project.listed("container")

    assert project.upgrade().stdout == "db has no volume with data\n"
    project.fill()
    before, volumes = project.content(), project.listed("volume")
    assert project.upgrade().stdout == "the data are of Postgres 15\n"
    # Postgres 17 has no such column any more.
    project.sql("CREATE VIEW written AS SELECT buffers_backend FROM pg_stat_bgwriter")
    project.answer("17")
    refuses("column pg_stat_bgwriter.buffers_backend does not exist")
    assert project.listed("volume") == volumes
    stack.run("docker", "volume", "create", f"{project.volume}-15")
    refuses(f"{project.volume}-15 is in the way")
    stack.run("docker", "volume", "rm", f"{project.volume}-15")

    project.answer("15")
    stack.compose("up", "--wait", "db")
    assert project.content() == before
    project.sql("DROP VIEW written")
    project.answer("17")
    environment = {**os.environ, **stack.ports}
    with subprocess.Popen(project.command, cwd=stack.folder, env=environment, stdout=subprocess.DEVNULL) as first:
        wait_for(lambda: project.listed("container") or None)
        second = project.upgrade(check=False)
        assert second.stderr == f"{prefix}another upgrade is at work: nothing was done\n" or first.wait() == 0
        assert first.wait() == 0
    assert project.version() == "17" and project.content() == before

    project.answer("15")
    start = stack.compose("up", "db", check=False).stderr
    assert "The data are of Postgres 17, this is 15" in start
    refuses("the data are newer: answer postgres_version=17")


def test_ended_at_any_moment_it_goes_on_with_every_row(make_project: Any) -> None:
    """The next moment comes upon what the one before has left; each end by the keyboard leaves nothing."""
    project = make_project(FULL)
    stack = project.stack
    project.fill()
    before = project.content()
    kept = f"{project.volume}-15"

    def taken_up(state: list[str]) -> str:
        return "gone on: " if state[1:] and state[0] != "17" else ""

    removes = f"the data are of Postgres 17; docker volume rm {kept} deletes those of Postgres 15\n"
    project.answer("17")
    seconds = seconds_of(stack, *project.command)
    took_up = 0
    state = project.in_volume("postgres-data", STATE).split()
    for moment, number in moments(seconds):
        if state[:1] != ["15"]:
            # It was far enough: all is there, and another one begins with the old data.
            said = project.upgrade().stdout
            assert said == taken_up(state) + removes
            assert project.version() == "17" and project.content() == before
            took_up += 1
            stack.compose("stop", "db")
            copy = "find /v -mindepth 1 -delete; cp -a /kept/. /v; rm -rf /kept/*; test -e /v/PG_VERSION"
            mounts = ["--volume", f"{project.volume}:/v", "--volume", f"{kept}:/kept"]
            stack.run("docker", "run", "--rm", *mounts, "--entrypoint", "sh", "postgres:17-alpine", "-ec", copy)
            stack.run("docker", "volume", "rm", kept)
        end(stack, moment, number, *project.command)
        wait_for(lambda: project.listed("container") == set() or None, 30)
        state = project.in_volume("postgres-data", STATE).split()
        if number == signal.SIGINT and state == ["15"]:
            assert kept not in project.listed("volume")
    # Whichever was the last: what it has left is taken up.
    assert project.upgrade().stdout == taken_up(state) + removes
    assert took_up and project.version() == "17" and project.content() == before
    assert project.upgrade().stdout == removes
    assert project.listed("volume") == {f"{stack.slug}_{name}" for name in ("postgres-data", "postgres-data-15")}
    assert git(stack.folder, "status", "--porcelain") == ""


@pytest.mark.parametrize("layout", [".", "18/docker"])
def test_the_exchange_goes_on_from_each_of_its_steps(layout: str) -> None:
    script = load(ROOT / "template" / "scripts" / "lib" / "upgrade_development.py", "upgrade_development").FINISH
    old = "mkdir base; echo old | tee base/1 kept.conf >PG_VERSION"
    new = f"mkdir -p upgraded/{layout}/base; cd upgraded/{layout}; echo new | tee base/1 base/2 >a; echo 18 >PG_VERSION"
    finish = 'bash -ec \'trap "((n++ == $count)) && kill -9 \\$\\$" DEBUG; eval "$FINISH"\''
    loop = f"""
for count in $(seq 0 30); do
  export count; rm -rf /data; mkdir /data; cd /data; ({old}; {new})
  {finish} >/dev/null 2>&1 && echo whole
  bash -ec "$FINISH" >/dev/null
  find . -type f | sort | xargs grep -H . | tr '\\n' ' '; ls -d upgraded moving 2>/dev/null; echo
done
"""
    command = ["docker", "run", "--rm", "--network=none", "--env=FINISH", "--tmpfs=/var/lib/postgresql/data", "--entrypoint=bash"]
    done = subprocess.run(
        [*command, "postgres:17-alpine", "-c", loop],
        env={**os.environ, "FINISH": script},
        capture_output=True,
        text=True,
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    root = "" if layout == "." else f"{layout}/"
    files = sorted({f"{root}PG_VERSION": "18", f"{root}a": "new", f"{root}base/1": "new", f"{root}base/2": "new"}.items())
    assert {*lines} - {"whole", ""} == {" ".join(f"./{path}:{text}" for path, text in files)}, done.stdout + done.stderr
    assert 5 < 31 - lines.count("whole") < 31
