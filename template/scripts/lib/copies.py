# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Copies of backups elsewhere, encrypted: restic makes, checks and forgets them."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from .common import ROOT, Done, Problem, read, say, variables, warn, write
from .production import PROJECT, compose

PASSWORD = ROOT / "secrets" / "backup_password"
# How many of the last days, weeks and months are kept.
KEEP = "7,5,12"
MISSING, REFUSED = 10, 12  # restic's exit codes: no repository, another password


class Place:
    """Where copies are: a folder, or an address of restic's such as `s3:…`."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.options = ["--env", f"RESTIC_REPOSITORY={target}"]
        if not re.match(r"(?!sftp)[a-z0-9]+:", target):
            folder = Path(target).expanduser().resolve()
            if not folder.is_dir():
                what = "a folder that exists, or an address such as rest:https://…"
                raise Problem(f"give {what}: {target} is neither")
            self.options = ["--env", "RESTIC_REPOSITORY=/elsewhere"]
            self.options += ["--volume", f"{folder}:/elsewhere"]

    def restic(self, *arguments: str, mount: str = "", check: bool = True) -> Done[str]:
        """Run restic as our own user, who can read dumps; its failure is a Problem."""
        once = ["--progress", "quiet", "run", "--rm", "--no-deps", "-T"]
        once += ["--user", f"{os.getuid()}:{os.getgid()}", *self.options]
        once += ["--volume", mount] if mount else []
        done = compose(*once, "backup_copies", *arguments, check=False)
        if done.returncode == REFUSED:
            where = f"secrets/backup_password is not the one of {self.target}"
            raise Problem(f"put the password of the copies in its place: {where}")
        if check and done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise Problem(f"look at {self.target}, then try again: {''.join(said)}")
        return done

    def open(self) -> None:
        """Begin where there are no copies yet."""
        known = self.restic("cat", "config", "--quiet", check=False)
        if known.returncode == MISSING:
            self.restic("init")
            say(f"began copies at {self.target}")
        elif known.returncode:
            self.restic("cat", "config")
        # Left by one that was killed, and old.
        self.restic("unlock", "--quiet")


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
    place.open()
    names = [str(path.relative_to(ROOT)) for path in paths]
    ours = [one for one in ("secrets", ".env", ".env.production") if (ROOT / one).exists()]
    backup = ["backup", "--host", PROJECT, "--exclude", "/project/secrets/backup[._]*"]
    files = [f"/project/{name}" for name in (*names, *ours)]
    place.restic(*backup, *files, mount=f"{ROOT}:/project:ro")
    periods = zip(("daily", "weekly", "monthly"), numbers.groups())
    kept = [f"--keep-{period}={number}" for period, number in periods]
    place.restic("forget", "--host", PROJECT, "--group-by", "host", "--prune", *kept)
    place.restic("check", "--read-data-subset=5%")
    say(f"copied {' and '.join(names)} to {target}, and checked the copies")


def fetch(target: str, folder: Path) -> list[Path]:
    """Bring the newest copy into a folder, and return its dumps."""
    if not PASSWORD.exists():
        raise Problem(f"put the password of {target} into secrets/backup_password")
    place = Place(target)
    newest = ["restore", "latest:/project", "--host", PROJECT, "--target", "/into"]
    place.restic(*newest, mount=f"{folder}:/into")
    found = sorted((folder / "backups").glob("*.dump"))
    if not found:
        raise Problem(f"name another place: the newest copy at {target} has no dump")
    what = "with secrets and settings, which you may need and remove afterwards"
    say(f"fetched {', '.join(path.name for path in found)} to {folder}, {what}")
    return found
