# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The data of one environment's database for that of another."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from . import docker
from .common import Problem, run

LOGIN = '-U "${POSTGRES_USER:-postgres}" -d "$0"'
PSQL = f"exec psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 {LOGIN}"
DUMP = f"exec pg_dump {LOGIN}"
QUERY = f'exec psql --no-psqlrc -qtA {LOGIN} -c "$1"'
# Its standard input is ours: it ends when we do, as two on one volume would destroy it.
SERVE = """
exec 3<&0
( (cat <&3 >/dev/null; while kill -INT $$; do sleep 1; done) & )
exec docker-entrypoint.sh postgres
"""
ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"
DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate"
TABLES = """
SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND nspname !~ '^(pg_|information_schema)'
"""
EMPTY = """
DO $$
DECLARE found text;
BEGIN
  FOR found IN SELECT nspname FROM pg_namespace
  WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', found);
  END LOOP;
  CREATE SCHEMA public;
  GRANT USAGE ON SCHEMA public TO PUBLIC;
  IF current_setting('server_version_num')::int >= 150000
  THEN ALTER SCHEMA public OWNER TO pg_database_owner;
  ELSE GRANT ALL ON SCHEMA public TO PUBLIC; END IF;
END $$;
"""


def query(container: str, database: str, statement: str) -> str:
    """Return what a database of a container answers."""
    command = ("docker", "exec", container, "sh", "-c", QUERY, database, statement)
    return run(*command).stdout.strip()


@contextmanager
def running_database(project: str, target: str) -> Iterator[str]:
    """Give the container of a project's database, started like a target's if need be."""
    container = docker.running(project, "db")
    if container:
        yield container
        return
    volume = docker.volumes(project).get("postgres-data")
    if not volume:
        why = "it was never started, or its volumes were deleted"
        raise Problem(f"{project} has no database: {why}")
    facts = json.loads(run("docker", "inspect", target).stdout)[0]
    image, variables = facts["Config"]["Image"], facts["Config"]["Env"]
    mounts = (one for one in facts["Mounts"] if one.get("Type") == "volume")
    name = f"{project}-copy-data"
    options = ["--name", name, "--volume", f"{volume}:{next(mounts)['Destination']}"]
    for variable in variables:
        if variable.startswith(("POSTGRES_", "PGDATA=")):
            options += ["--env", variable]
    options += ["--network", "none", "--entrypoint", "sh", image, "-c", SERVE]
    for _ in range(50):
        run("docker", "rm", name, check=False)  # one that was killed before it started
        made = run("docker", "create", "--rm", "--interactive", *options, check=False)
        if not made.returncode:
            break
        time.sleep(0.2)  # that of a copy that was killed is about to end
    else:
        what = f"the database of {project} can't be started"
        raise Problem(f"{what}: {made.stderr.strip()}")
    command = ("docker", "start", "--attach", "--interactive", name)
    ready = ("docker", "exec", name, "pg_isready", "-q", "-h", "127.0.0.1")
    with tempfile.TemporaryFile("w+") as said:
        pipes: dict[str, Any] = {"stdin": PIPE, "stdout": said, "stderr": said}
        # In a session of its own, which no Ctrl-C reaches.
        with Popen(command, start_new_session=True, **pipes) as process:
            while run(*ready, check=False).returncode:
                if process.poll() is not None:
                    said.seek(0)
                    reason = " ".join(said.read().strip().splitlines()[-3:])
                    what = f"the database of {project} does not start with {image}"
                    raise Problem(f"{what}: {reason}")
                time.sleep(0.2)
            yield name


def copy(source: str, target: str, there: str, here: str, owner: str = "") -> None:
    """Replace a target's database by another of a source, all of it or nothing.

    Both are containers. The owner is a role, if not the administrator.
    """
    theirs = {*query(source, there, ROLES).split("\n")}
    same = there == here and theirs <= {*query(target, here, ROLES).split("\n")}
    program = DUMP if same else f"{DUMP} --no-owner --no-privileges"
    with tempfile.TemporaryFile() as dump:
        role = f'SET ROLE "{owner}";\n' if owner else ""
        dump.write(f"BEGIN;{EMPTY}{role}".encode())
        dump.flush()
        dump_it = ("docker", "exec", source, "sh", "-c", program, there)
        run(*dump_it, stdout=dump, stderr=None)
        # Input that ends without it, as of a client that is killed, changes nothing.
        dump.seek(0, os.SEEK_END)
        dump.write(b"COMMIT;\n")
        dump.seek(0)
        command = ("docker", "exec", "-i", target, "sh", "-c", PSQL, here)
        run(*command, stdin=dump, stdout=DEVNULL)


def pairs(*containers: str) -> list[tuple[str, str]]:
    """Return the databases to copy, each with its name there and here."""
    show = ("sh", "-c", 'printf %s "$POSTGRES_DB"')
    there, here = (run("docker", "exec", one, *show).stdout for one in containers)
    found = [{*query(one, "postgres", DATABASES).split()} for one in containers]
    both = set.intersection(*found) - {"postgres", there, here}
    return [(there, here), *((one, one) for one in sorted(both))]


def copy_to(here: str, there: str, agreed: Callable[[], bool]) -> bool:
    """Replace the data of this environment by another one's; False if not agreed."""
    up = ("docker", "compose", "up", "--detach", "--wait", "db")
    run(*up, stdout=DEVNULL, stderr=None)
    if "postgres_access" in run("docker", "compose", "config", "--services").stdout:
        run("docker", "compose", "run", "--rm", "-T", "postgres_access")
    target = docker.running(here, "db")
    with running_database(there, target) as source:
        copied = pairs(source, target)
        held = {query(target, own, TABLES) for _, own in copied}
        if held != {"0"} and not agreed():
            return False
        for theirs, own in copied:
            copy(source, target, theirs, own)
    return True
