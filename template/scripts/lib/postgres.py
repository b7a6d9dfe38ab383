# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the scripts for the production database share: SQL, streams, complete files."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, Any

from .common import PROGRAM, ROOT, Problem, run, say
from .production import check_data, check_secrets, compose, ids, inspect

USER = "app"
# By this name the server knows what we do there, and no other run of a script.
WORK = f"{PROGRAM} {time.time_ns()}"
EXEC = ("docker", "exec", "-i", "--env", f"PGAPPNAME={WORK}")
# It hears of our end by that of its input, whatever ends us.
ATTEND = f"""read -r done && exit
for _ in 1 2 3; do
    psql -XAt -U {USER} -d postgres -c "SELECT pg_terminate_backend(pid)
        FROM pg_stat_activity WHERE application_name = '{WORK}'" | grep t && exit
    sleep 0.5
done
"""


def now() -> str:
    """Return the time in UTC, fit for names of files and of databases."""
    return time.strftime("%Y%m%d_%H%M%S", time.gmtime())


def database(*, start: bool = False) -> str:
    """Return the container that runs the database, started if it may be."""
    # One that is refused, and tries again, runs for moments.
    if start and not ids("db", "health=healthy", running=True):
        check_secrets()
        check_data()
        compose("up", "--detach", "--wait", "--no-recreate", "--no-deps", "db")
    found = inspect(ids("db", running=True))
    if not found:
        raise Problem("the database is not running: `scripts/deploy VERSION` starts it")
    return str(found[0]["Name"][1:])


def psql(container: str, sql: str, name: str = "postgres") -> str:
    """Run SQL in a database, up to what fails, a Problem; return what it answers."""
    strict = ("psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", USER, "-d", name)
    return run(*EXEC, container, *strict, input=sql).stdout.strip()


@contextmanager
def attended(container: str) -> Iterator[None]:
    """End what we do in a database with the block, and with us where we are killed."""
    command = ("docker", "exec", "-i", container, "sh", "-c", ATTEND)
    # In a session of its own, which no Ctrl-C reaches.
    pipes: dict[str, Any] = {"stdin": PIPE, "stdout": DEVNULL, "stderr": DEVNULL}
    with Popen(command, start_new_session=True, **pipes) as process:
        yield
        with suppress(OSError):
            process.communicate(b"done\n")


def last_words(said: IO[bytes]) -> str:
    """Return the end of what a program said, in one line."""
    said.seek(0)
    return " ".join(said.read().decode(errors="replace").strip().splitlines()[-3:])


def stream(failure: str, *command: str, source: Any = None, target: Any = None) -> None:
    """Run a command in a container, from a file or into one; tell why it fails."""
    with tempfile.TemporaryFile() as said:
        in_container = [*EXEC, *command]
        pipes: dict[str, Any] = {"stdin": source or DEVNULL, "stderr": said}
        with Popen(in_container, stdout=PIPE, **pipes) as process:
            try:
                # By ourselves, because Docker's client does not tell of a full disk.
                output: Any = process.stdout
                shutil.copyfileobj(output, target or io.BytesIO(), 1 << 20)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise Problem(f"{failure}: {last_words(said)}")


def backup(name: str, kind: str) -> Path:
    """Return a path in backups/, which is for its owner alone; it has the time."""
    (ROOT / "backups").mkdir(mode=0o700, exist_ok=True)
    # Of one that was killed.
    for left in (ROOT / "backups").glob("*.part"):
        left.unlink()
    # One of the same second has its name already.
    while (path := ROOT / "backups" / f"{name}-{now()}.{kind}").exists():
        time.sleep(0.1)
    return path


@contextmanager
def complete_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for its owner, which gets its name when the block has ended well."""
    if not path.parent.is_dir():
        raise Problem(f"there is no folder {path.parent}: make it first")
    if path.is_dir():
        raise Problem(f"{path} is a folder: say the name of a file")
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        number = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(number, "w+b") as file:
                yield file
                file.flush()
                os.fsync(number)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Problem(f"{path} can't be written: {error.strerror}") from None
    say(f"wrote {os.path.relpath(path)}, {path.stat().st_size / 1e6:,.2f} MB")
