# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Copies of backups elsewhere, encrypted: restic makes, checks and forgets them."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from .common import ROOT, Done, Problem, read, run, say, variables, warn, write
from .environments import PROJECT
from .production import compose

PASSWORD = ROOT / "secrets" / "backup_password"
# Where copies were begun, a line for each place; when the last one was made.
PLACES, COPIED = ROOT / "secrets" / "backup_places", ROOT / "backups" / "copied"
# How many of the last days, weeks and months are kept.
KEEP = "7,5,12"
# restic's exit codes.
INCOMPLETE, MISSING, LOCKED, REFUSED = 3, 10, 11, 12
# Addresses that need nothing but the image and secrets/backup.env.
ADDRESS = r"(?:s3|rest|b2|azure|gs|swift):"
# Root's own rights on files of others, which its container has given up.
RIGHTS = ("DAC_OVERRIDE", "CHOWN", "FOWNER")
WAIT = "--retry-lock=10m"


class Place:
    """Where copies are: a folder, or an address of restic's such as `s3:…`."""

    def __init__(self, target: str) -> None:
        # Without the password that it may hold.
        self.shown = re.sub(r"//[^/@]*@", "//", target)
        self.mounts: list[str] = []
        where = target
        if not re.match(ADDRESS, target):
            folder = Path(target).expanduser().resolve()
            if not folder.is_dir():
                kinds = "s3:, rest:, b2:, azure:, gs: or swift:"
                what = f"a folder that exists, or an address that begins with {kinds}"
                raise Problem(f"give {what}: {self.shown} is neither")
            self.shown, where = str(folder), "/elsewhere"
            self.mounts.append(f"{folder}:{where}")
        # For the container, by its name alone.
        os.environ["RESTIC_REPOSITORY"] = where

    def restic(
        self, *arguments: str, mounts: Iterable[str] = (), **options: Any
    ) -> Done[str]:
        """Run restic as our own user, who can read dumps."""
        name = f"{PROJECT}-copies-{os.getpid()}"
        once = ["--progress", "quiet", "run", "--rm", "--no-deps", "-T", "--name", name]
        once += ["--user", f"{os.getuid()}:{os.getgid()}", "--env", "RESTIC_REPOSITORY"]
        once += [f"--cap-add={one}" for one in RIGHTS if not os.getuid()]
        once += [f"--volume={one}" for one in (*self.mounts, *mounts)]
        try:
            return compose(*once, "backup_copies", *arguments, check=False, **options)
        except BaseException as error:
            # Docker's client has been ended, and it alone. restic takes its lock away.
            time.sleep(1)  # Docker may be about to start it
            run("docker", "stop", name, check=False)
            run("docker", "rm", "--force", "--volumes", name, check=False)
            if isinstance(error, TimeoutExpired):
                why = f"it did not answer for {error.timeout:.0f} s"
                raise Problem(f"look at {self.shown}, then try again: {why}") from None
            raise

    def must(self, *arguments: str, **options: Any) -> str:
        """Run restic, and return what it printed; a Problem says why it failed."""
        done = self.restic(*arguments, **options)
        if not done.returncode:
            return done.stdout
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        said = lines[-1]
        if done.returncode == REFUSED:
            where = f"secrets/backup_password is not the one of {self.shown}"
            raise Problem(f"put the password of the copies in its place: {where}")
        if done.returncode == LOCKED:
            said = "another backup has it, or one that was killed, for half an hour"
        if done.returncode == INCOMPLETE:
            said = " ".join(line for line in lines if "error" in line.lower()) or said
        raise Problem(f"look at {self.shown}, then try again: {said}")

    def open(self, begin: bool) -> None:
        """See whether there are copies; begin where there were none, if that may be."""
        compose("pull", "--quiet", "--policy", "missing", "backup_copies", check=False)
        # Alone, restic would try for a quarter of an hour.
        look = ("cat", "config", "--quiet", "--no-lock")
        if self.restic(*look, timeout=60).returncode != MISSING:
            self.must(*look)
            return
        places = read(PLACES).splitlines()
        if self.shown in places or not begin:
            what = "there are no copies; is it mounted?"
            raise Problem(f"look at {self.shown}: {what}")
        self.must("init")
        write(PLACES, "".join(f"{one}\n" for one in [*places, self.shown]), 0o600)
        say(f"began copies at {self.shown}")


def put(target: str, paths: Iterable[Path]) -> None:
    """Copy dumps, settings and secrets, but the copies' own, and forget old copies."""
    place = Place(target)
    if not PASSWORD.exists():
        write(PASSWORD, secrets.token_hex(32), 0o444)
        PASSWORD.chmod(0o444)
        what = "without it nobody reads the copies"
        warn(f"keep secrets/backup_password in another place too: {what}")
    keep = variables(read(ROOT / ".env.production")).get("BACKUP_KEEP") or KEEP
    numbers = re.fullmatch(r"(\d+),(\d+),(\d+)", keep)
    if not numbers:
        what = "days, weeks and months, such as"
        raise Problem(f"write BACKUP_KEEP in .env.production as {what} {KEEP}")
    place.open(begin=True)
    # Stale locks of those that were killed.
    place.must("unlock", "--quiet")
    names = [f"backups/{path.name}" for path in paths]
    own = [ROOT / one for one in ("secrets", ".env", ".env.production")]
    parts = {f"/project/{name}": ROOT / name for name in names}
    parts |= {f"/project/{path.name}": path for path in own if path.exists()}
    # What a link leads to, not the link.
    mounts = [f"{os.path.realpath(path)}:{name}:ro" for name, path in parts.items()]
    backup = ["backup", WAIT, "--host", PROJECT]
    backup += ["--exclude", "/project/secrets/backup[._]*"]
    place.must(*backup, *parts, mounts=mounts)
    periods = zip(("daily", "weekly", "monthly"), numbers.groups())
    kept = [f"--keep-{period}={number}" for period, number in periods]
    forget = ["forget", WAIT, "--host", PROJECT, "--group-by", "host", "--prune"]
    place.must(*forget, *kept)
    place.must("check", WAIT, "--read-data-subset=5%")
    write(COPIED, f"{place.shown}\n")
    say(f"copied {' and '.join(names)} to {place.shown}, and checked the copies")


def fetch(target: str, copy: str, folder: Path) -> list[Path]:
    """Bring a copy into a folder, the newest or one by its ID; return its dumps."""
    place = Place(target)
    if not PASSWORD.exists():
        what = f"put the password of {place.shown}"
        raise Problem(f"{what} into secrets/backup_password")
    place.open(begin=False)
    copies = json.loads(place.must("snapshots", "--json", "--no-lock"))
    ours = [one for one in copies if one["hostname"] == PROJECT]
    if not ours:
        names = ", ".join(sorted({one["hostname"] for one in copies})) or "nothing"
        what = f"{place.shown} has no copy of {PROJECT}, but of {names}"
        raise Problem(f"write ENVIRONMENT in .env.production as it was: {what}")
    newest = max(ours, key=lambda one: str(one["time"]))["short_id"]
    ids = {one["short_id"]: one["time"][:19] for one in ours}
    if (copy or newest) not in ids:
        all_of = ", ".join(f"{one} ({time})" for one, time in ids.items())
        raise Problem(f"name one of these copies: {all_of}")
    restore = [
        "restore",
        "--no-lock",
        f"{copy or newest}:/project",
        "--target",
        "/into",
    ]
    place.must(*restore, mounts=[f"{folder}:/into"])
    found = sorted((folder / "backups").glob("*.dump"))
    if not found:
        raise Problem(f"name another copy: that at {place.shown} has no dump")
    say(f"fetched {', '.join(path.name for path in found)}")
    return found
