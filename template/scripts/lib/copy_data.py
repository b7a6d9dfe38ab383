# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The data of one environment's database for that of another."""

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from . import checkouts
from .common import Problem, run

LOGIN = '-U "${POSTGRES_USER:-postgres}" -d "$0"'
PSQL = f"exec psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 {LOGIN}"
DUMP = f"pg_dump {LOGIN}"
QUERY = f'exec psql --no-psqlrc -qtA {LOGIN} -c "$1"'
# Its standard input is ours: it ends when we do, as two on one volume would destroy it.
SERVE = """exec 3<&0; ( (cat <&3 >/dev/null; while kill -INT $$; do sleep 1; done) & )
exec docker-entrypoint.sh postgres"""
ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"
DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate"
TABLES = "SELECT count(*) FROM pg_stat_user_tables"
EMPTY = r"""SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
WHERE nspname !~ '^(pg_|information_schema$)' \gexec
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


def query(container: str, database: str, statement: str) -> str:
    """Return what a database of a container answers."""
    command = ("docker", "exec", container, "sh", "-c", QUERY, database, statement)
    return run(*command).stdout.strip()


@contextmanager
def running_database(project: str, target: str) -> Iterator[str]:
    """Give the container of a project's database, started like a target's if need be."""
    if container := checkouts.running(project, "db"):
        yield container
        return
    volume = checkouts.volumes(project).get("postgres-data")
    if not volume:
        raise Problem(f"{project} has no database: it was never started, or removed")
    facts = json.loads(run("docker", "inspect", target).stdout)[0]
    mounts = (one for one in facts["Mounts"] if one.get("Type") == "volume")
    image, name = facts["Config"]["Image"], f"{project}-copy-data"
    options = [f"--name={name}", f"--volume={volume}:{next(mounts)['Destination']}"]
    env = (one for one in facts["Config"]["Env"] if re.match("POSTGRES_|PGDATA=", one))
    options += [f"--env={one}" for one in env]
    options += ["--network=none", "--entrypoint=sh", image, "-c", SERVE]
    for _ in range(50):
        run("docker", "rm", name, check=False)  # one that was killed before it started
        made = run("docker", "create", "--rm", "--interactive", *options, check=False)
        if not made.returncode:
            break
        time.sleep(0.2)  # that of a copy that was killed is about to end
    else:
        raise Problem(f"{project}'s database can't be started: {made.stderr.strip()}")
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
                    raise Problem(f"{project} can't be read with {image}: {reason}")
                time.sleep(0.2)
            yield name


def copy(source: str, target: str, there: str, here: str, owner: str = "") -> None:
    """Replace a container's database by another's, all of it or nothing, for a role."""
    theirs = {*query(source, there, ROLES).split("\n")}
    same = there == here and theirs <= {*query(target, here, ROLES).split("\n")}
    # Input that ends without COMMIT, as of a client that is killed or interrupted, changes nothing.
    program = f"{DUMP}{'' if same else ' --no-owner --no-privileges'} && echo 'COMMIT;'"
    with tempfile.TemporaryFile(buffering=0) as dump:
        role = f'SET ROLE "{owner}";\n' if owner else ""
        dump.write(f"BEGIN;{EMPTY}{role}".encode())
        exec_in = ("docker", "exec", "-i")
        run(*exec_in, source, "sh", "-c", program, there, stdout=dump, stderr=None)
        dump.seek(0)
        run(*exec_in, target, "sh", "-c", PSQL, here, stdin=dump, stdout=DEVNULL)


def copy_to(here: str, there: str, agreed: Callable[[], bool]) -> bool:
    """Replace the data of this environment by another one's; False if not agreed."""
    up = ("docker", "compose", "up", "--detach", "--wait", "db")
    run(*up, stdout=DEVNULL, stderr=None)
    if "postgres_access" in run("docker", "compose", "config", "--services").stdout:
        run("docker", "compose", "run", "--rm", "-T", "postgres_access")
    target = checkouts.running(here, "db")
    with running_database(there, target) as source:
        show = ("sh", "-c", 'printf %s "$POSTGRES_DB"')
        two = (source, target)
        names = [run("docker", "exec", one, *show).stdout for one in two]
        found = ({*query(one, "postgres", DATABASES).split()} for one in two)
        both = set.intersection(*found) - {"postgres", *names}
        copied = [names, *zip(both, both)]
        held = {query(target, own, TABLES) for _, own in copied}
        if held != {"0"} and not agreed():
            return False
        for theirs, own in copied:
            copy(source, target, theirs, own)
    return True
