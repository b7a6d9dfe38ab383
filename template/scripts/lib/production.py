# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the scripts for production share: Compose, containers, and one at a time."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from . import common
from .common import PROGRAM, ROOT, Done, Problem, run, say, warn
from .environments import PROJECT, check_folder
from .settings import PAGES, PORT, POSTGRES, SECRETS, SERVICES, SLUG

FILE = "docker-compose.prod.yml"
LOCK = f"/tmp/{PROJECT}.lock"
# Ctrl-C, a pipeline that gives up, and a closed terminal.
STOPPING = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
READY = f"""
import http.client as h
c = h.HTTPConnection("127.0.0.1", {PORT}, timeout=3)
ask = lambda page: c.close() or c.request("GET", page) or c.getresponse().status
raise SystemExit(all(ask(page) >= 500 for page in {PAGES}))
"""
FILLED = '[ -s "$PGDATA/PG_VERSION" ]'
LOOK = f"{FILLED} && echo filled || echo empty"
# Whether there is a row, but for those of migrations' own.
ROWS = """
SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND nspname !~ '^(pg_|information_schema$)'
AND relname !~ '(migrations?|alembic_version|content_type|auth_permission)$'
AND query_to_xml(format('SELECT FROM %I.%I LIMIT 1', nspname, relname),
    false, true, '')::text <> '' LIMIT 1
"""
# What logs in with the password that it reads: the file that a container has mounted may
# be another one by now. Not from 127.0.0.1, because Postgres asks nobody there.
LOG_IN = {
    "db": r"""
export PGPASSWORD="$(head -n 1 | tr -d '\r')"
psql -X -h db -U app -d postgres -c 'SELECT 1' </dev/null
""",
    "redis": r"""
export REDISCLI_AUTH="$(head -n 1 | tr -d '\r')"
$(command -v redis-cli || command -v valkey-cli) ping | grep PONG
""",
}
SET_PASSWORD = r"""
export PASSWORD="$(head -n 1 | tr -d '\r')"
psql -qX -v ON_ERROR_STOP=1 -U app -d postgres <<'SQL'
\getenv password PASSWORD
ALTER ROLE app PASSWORD :'password';
SQL
"""
# A variable in `.env.production`: what single or double quotes hold, or what stands there
# to the letter. A comment has a blank behind its #.
LINE = r"""(?msx)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*?
(?:'((?:\\'|[^'])*)'|"((?:\\.|[^"\\])*)"|([^\n]*?))(?:[ \t]+\#(?:[ ][^\n]*)?)?\r?$"""
Container = dict[str, Any]


class WrongUse(Problem):
    """Arguments that make no sense."""


def compose(*arguments: str, version: str = "", **options: Any) -> Done[str]:
    """Run `docker compose` on production, with a version of the app or the deployed."""
    command = ["docker", "compose", "-p", PROJECT]
    for name in (".env", ".env.production", FILE, "docker-compose.prod.override.yml"):
        if (ROOT / name).exists():
            command += ["-f" if name.endswith(".yml") else "--env-file", name]
    # What this shell has for Compose is meant for another project.
    others = {one for one in os.environ if one.startswith("COMPOSE_")} | {"VERSION"}
    env = {name: os.environ[name] for name in os.environ.keys() - others}
    if version:
        env["VERSION"] = version
    return run(*command, *arguments, env=env, **options)


def changed(text: str, told: dict[str, str]) -> Iterator[str]:
    """Say which values of `.env.production` Compose does not tell the app as written."""
    found = re.findall(LINE, text)
    for name, single, double, plain in found:
        quoted = single.replace("\\'", "'") or re.sub(r'\\(["\\$])', r"\1", double)
        value = quoted or plain
        others = {*re.findall(r"\$\{?(\w+)", value)} - {one for one, *_ in found}
        same = told.get(name, value) == value or not value.strip()
        if same or "$" in value and not others:
            continue
        way = f"write {name} in single quotes in .env.production"
        if "'" in value:
            way = f"write {name} in double quotes in .env.production, each \\ as \\\\"
        why = "reads quotes and backslashes in it otherwise"
        if others:
            why = f"takes ${others.pop()} for a variable"
        elif re.search(r"\s#", plain):
            why = "takes what follows # for a comment"
        elif plain != plain.strip():
            why = "leaves out the blanks at its ends"
        yield f"{way}: Compose {why}"


def ids(
    service: str, *only: str, running: bool = False, once: bool = False
) -> list[str]:
    """Return a service's containers, newest first, as filters of `docker ps` say.

    Or those of `docker compose run`, which work once.
    """
    which = ("--filter", "status=running") if running else ("--all",)
    command = ["docker", "ps", "--quiet", "--no-trunc", *which]
    labels = (f"project={PROJECT}", f"service={service}", f"oneoff={once}")
    for one in (*only, *(f"label=com.docker.compose.{label}" for label in labels)):
        command += ["--filter", one]
    return run(*command).stdout.split()


def inspect(names: Collection[str]) -> list[Container]:
    """Return what the engine knows of containers."""
    return [*json.loads(run("docker", "inspect", *names).stdout)] if names else []


def remove(names: Collection[str]) -> None:
    """Remove containers, also while they run; what is left is said."""
    if names:
        result = run("docker", "rm", "--force", "--volumes", *names, check=False)
        for line in result.stderr.splitlines():
            if not re.search("No such container|already in progress", line):
                warn(f"a container is left, remove it: {line}")


def last_words(name: str, count: int) -> str:
    """Return the end of a container's log."""
    logs = ("docker", "logs", "--tail", str(count), name)
    return run(*logs, check=False, stderr=subprocess.STDOUT).stdout.strip()


def wait_until_ready(names: list[str], seconds: float = 180) -> None:
    """Wait until replicas are healthy and ready; a Problem says why one is not.

    Within the time one may be unhealthy, because it takes long to start.
    """
    end, late = time.monotonic() + seconds, set(names)
    while late:
        for replica in inspect(late):
            name, state = replica["Id"], replica["State"]
            health = state.get("Health", {}).get("Status", "healthy")
            alive = state["Status"] == "running"
            # One that was started again has ended by itself.
            if not alive or replica["RestartCount"] or time.monotonic() > end:
                words = last_words(name, 20)
                what = f"{state['Status']}, {health}, exit code {state['ExitCode']}"
                reason = f"{replica['Name'][1:]} is {what}. Its log ends:\n{words}"
                raise Problem(f"not all replicas are ready: {reason}")
            ask = ("docker", "exec", name, "python", "-c", READY)
            # 127: an image without Python, which has no such page.
            if health == "healthy" and run(*ask, check=False).returncode in (0, 127):
                late.remove(name)
                say(f"  {len(names) - len(late)} of {len(names)} ready")
        time.sleep(0.3)


def check_secrets() -> None:
    """Raise a Problem if a mounted file is missing: Docker's words are hard to read."""
    for name in (*SECRETS, "tls/fullchain.pem", "tls/privkey.pem"):
        path = ROOT / "secrets" / name
        if not path.is_file() or not path.stat().st_size:
            what = "empty" if path.exists() else "missing"
            raise Problem(f"secrets/{name} is {what}: add it, or run scripts/setup")


def volumes() -> dict[int, str]:
    """Return the volumes of the database, by the major version of their Postgres."""
    listed = run("docker", "volume", "ls", "--quiet").stdout
    found = re.findall(rf"^({PROJECT}_postgres-(\d+))$", listed, re.MULTILINE)
    return {int(major): name for name, major in found}


def in_volume(script: str) -> str:
    """Run a script of the shell on the database's volume, made if need be."""
    once = ("run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "db")
    return compose(*once, "-ec", script).stdout.strip()


def check_data() -> None:
    """Let a first database be made; a Problem if there is one of another Postgres."""
    if not POSTGRES:
        return
    known = volumes()
    current = known.pop(int(POSTGRES), "")
    running = ids("db", f"volume={current}", running=True) if current else []
    # By what it holds: Compose makes an empty volume for whatever it is told to start.
    ask = ("docker", "exec", *running[:1], "sh", "-c", FILLED)
    if running and not run(*ask, check=False).returncode:
        return
    if current and in_volume(LOOK) == "filled":
        return
    if known:
        where = ", ".join(known.values())
        raise Problem(f"the data are in {where}: run scripts/upgrade-postgres first")
    # One that was refused waits ever longer to try again.
    remove(ids("db"))
    in_volume('touch "${PGDATA%/*/docker}/may-initialise"')


def check_rows(version: str) -> None:
    """Raise a Problem if the database has no row, and there is one of an older Postgres.

    Up to 0.5.0 a start could make an empty one beside it.
    """
    older = [name for major, name in volumes().items() if major < int(POSTGRES)]
    ask = ("exec", "-T", "db", "psql", "-XAtU", "app", "-d", SLUG.replace("-", "_"))
    if older and not compose(*ask, input=ROWS, version=version).stdout.strip():
        what = f"the database has no row, and {', '.join(older)} may hold the data"
        advice = "`scripts/upgrade-postgres --overwrite` takes them along"
        raise Problem(f"{what}: {advice}")


def password(service: str) -> str:
    return common.read(ROOT / "secrets" / f"{service}_password")


def check_passwords(version: str, serving: list[Container]) -> None:
    """Give the services the passwords in secrets/, if no app works with other ones.

    The files are this checkout's, and the volume of the database is the machine's.
    """
    for service in SERVICES:
        given: dict[str, Any] = {"input": password(service), "version": version}
        ask = ("exec", "-T", service, "sh", "-ec")
        if not compose(*ask, LOG_IN[service], check=False, **given).returncode:
            continue
        secret = f"secrets/{service}_password"
        if serving:
            what = f"put {secret} back, or stop the app, then deploy again"
            raise Problem(f"{what}: {service} has another password")
        if service == "db":
            compose(*ask, SET_PASSWORD, **given)
        else:
            again = ("up", "--detach", "--wait", "--no-deps", "--force-recreate")
            compose(*again, service, version=version)
        say(f"{service} has the password of {secret} now")


def open_lock() -> int:
    """Open the file of the lock, which those can use who can use Docker, else nobody.

    For the whole machine: a second checkout deploys to the same containers.
    """
    try:
        number = os.open(LOCK, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        number = os.open(LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CREAT, 0o600)
    # Whoever has made it; to others it is given already.
    with suppress(OSError):
        os.fchmod(number, 0o600)
        os.fchown(number, -1, os.stat("/var/run/docker.sock").st_gid)
        os.fchmod(number, 0o640)
    return number


@contextmanager
def lock(seconds: float = 0) -> Iterator[None]:
    """Be the only script for production; another one gets so long to end."""
    with os.fdopen(open_lock()) as file:
        if not common.lock(file.fileno(), seconds):
            other = f"another deployment, backup or restore of {PROJECT}"
            raise Problem(f"{other} is running: nothing was done")
        yield


def ignore_signals() -> None:
    """Ignore from now on who wants to stop us: what follows can't be left half done."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def interrupt(*_: object) -> None:
    """End what is being done, once: what puts it in order is not interrupted again."""
    ignore_signals()
    sys.exit(f"{PROGRAM}: interrupted")


def deploy_there(host: str, rest: list[str]) -> None:
    """Deploy on another host, over ssh."""
    host, _, folder = host.partition(":")
    if not re.fullmatch(r"\w[\w.@-]*", host) or ":" in folder:
        sys.exit(f"{PROGRAM}: name a host as USER@HOST: {host!r} is none")
    # It begins in the user's home there.
    where = shlex.quote(re.sub(r"^~/", "", folder) or f"/srv/{SLUG}")
    command = f"cd {where} && exec scripts/deploy {shlex.join(rest)}"
    # With a terminal, so that the deployment hears of our end.
    ssh = ["ssh", "-tt", host, command]
    try:
        if sys.platform == "win32":  # which has no other process take its place
            sys.exit(subprocess.run(ssh, check=False).returncode)
        os.execvp("ssh", ssh)
    except OSError as error:
        sys.exit(f"{PROGRAM}: install OpenSSH's client: {error.strerror}")


def arguments(about: str) -> ArgumentParser:
    """Return a parser that shows a script's docstring for --help."""
    formatter = RawDescriptionHelpFormatter
    return ArgumentParser(PROGRAM, None, about, formatter_class=formatter)


def main(
    work: Callable[[Any], None],
    parser: ArgumentParser,
    wait: float = 0,
    alone: bool = True,
    then: Callable[[Any], None] = lambda options: None,
) -> None:
    """Do a script's work, with its options; a failure is one sentence.

    Alone: while no other script for production works, for which it waits. Then: what
    keeps no other one from its work.
    """
    options = parser.parse_args()
    if sys.platform == "win32":
        sys.exit(f"{PROGRAM}: run it on the Linux host of production, or in WSL")
    for number in STOPPING:
        # What nohup has switched off stays so. Ctrl-C would end Docker's clients alone.
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
            signal.signal(number, interrupt)

    def begin() -> None:
        try:
            if not alone:
                check_folder()
                work(options)
                return
            with lock(wait):
                start = time.monotonic()
                check_folder()
                work(options)
                say(f"done in {time.monotonic() - start:.0f} s")
            then(options)
        except WrongUse as problem:
            parser.exit(2, f"{PROGRAM}: {problem}\n")

    common.main(begin)
