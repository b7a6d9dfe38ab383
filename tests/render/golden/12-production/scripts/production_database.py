# Managed by chora-compose-template: `copier update` rewrites this file.
"""What the scripts for the production database share: which container runs it, questions to it, and complete files."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from production import POSTGRES, PROJECT, ROOT, Problem, check_secrets, compose, containers, run  # noqa: E402

USER = "app"


def now() -> str:
    """Return the time in UTC, fit for names of files and of databases."""
    return datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")  # noqa: UP017 - Python 3.9 has no datetime.UTC


def volumes() -> dict[int, str]:
    """Return the volumes that hold the database, by the major version of Postgres that they belong to."""
    start = f"{PROJECT}_postgres-"
    found = run("docker", "volume", "ls", "--quiet", "--filter", f"name={start}").stdout.split()
    return {int(name[len(start) :]): name for name in found if re.fullmatch(re.escape(start) + r"\d+", name)}


def database() -> str:
    """Return the name of the container that runs the database.

    Raises:
        Problem: none does.
    """
    if found := containers("db", running=True):
        return found[-1]["Name"].lstrip("/")
    raise Problem("the database is not running: `scripts/deploy VERSION` starts it")


def start_database() -> str:
    """Return the name of the container that runs the database, which is started where none does.

    Raises:
        Problem: it does not start, or its data are of an older Postgres.
    """
    if not containers("db", running=True):
        check_secrets()
        if (found := volumes()) and int(POSTGRES) not in found:
            raise Problem(f"{', '.join(found.values())} is not of Postgres {POSTGRES}: run scripts/upgrade-postgres first")
        compose("up", "--detach", "--wait", "--no-recreate", "--no-deps", "db")
    return database()


def psql(container: str, sql: str, name: str = "postgres", *options: str) -> str:
    """Run SQL, and return what it answers.

    Args:
        container: where.
        sql: statements, each by itself; the first that fails is the last.
        name: the database.
        options: further ones of psql.

    Raises:
        Problem: a statement failed.
    """
    strict = ("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", USER, "-d", name)
    return run("docker", "exec", "-i", container, *strict, *options, stdin=None, input=sql).stdout.strip()


def last_words(text: str) -> str:
    """Return the end of what a program said, in one line."""
    return " ".join(text.strip().splitlines()[-3:])


def backups() -> Path:
    """Return the folder of dumps, which is made if it is missing, for its owner alone."""
    folder = ROOT / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def complete_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write and to read, for its owner alone, which gets its name when the block has ended well.

    Raises:
        Problem: it can't be written.
    """
    if not path.parent.is_dir():
        raise Problem(f"there is no folder {path.parent}: make it first")
    if path.is_dir():
        raise Problem(f"{path} is a folder: say the name of a file")
    try:
        number, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(number, "w+b") as file:
                yield file
                file.flush()
                os.fsync(number)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise Problem(f"{path} can't be written: {error.strerror}") from None


def write(file: BinaryIO, *command: str) -> None:
    """Write what a command prints into a file.

    Raises:
        Problem: the command failed; holds what it said last.
    """
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stderr=said, **pipes) as process:
        try:
            # By ourselves, because Docker's client does not tell of a full disk.
            shutil.copyfileobj(process.stdout, file, 1 << 20)
        except BaseException:
            process.kill()
            raise
        if process.wait():
            said.seek(0)
            raise Problem(f"there is no dump: {last_words(said.read().decode(errors='replace'))}")


def size(path: Path) -> str:
    """Return how large a file is, for people."""
    count = path.stat().st_size
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
