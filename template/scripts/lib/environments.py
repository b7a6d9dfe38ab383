# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Which production this folder is, on a machine that may have several."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from . import common
from .common import ROOT, Marks, Problem, run
from .settings import SLUG

MARKS = Marks("# >>> scripts/deploy: what runs in production", "# <<< scripts/deploy")


def deployed(folder: Path = ROOT) -> dict[str, str]:
    """Return what our block in .env says: what runs, what ran before, what is kept."""
    text = common.read(folder / ".env")
    return common.variables(common.split_block(text, MARKS, ".env")[1])


def environment() -> str:
    """Return what this production is called; what was deployed here keeps its name."""
    try:
        named = deployed()
        if "VERSION" not in named:
            named = common.variables(common.read(ROOT / ".env.production"))
    except (OSError, Problem):  # said by what needs it
        return "prod"
    # Until 0.11.0 there was no other.
    return named.get("ENVIRONMENT") or "prod"


PROJECT = f"{SLUG}-{environment()}"


def known(*states: str) -> Iterator[tuple[str, Path, bool]]:
    """Yield the Compose projects of the app with containers, in some states or in any.

    Each with its folder, and whether it is one of production.
    """
    label = "com.docker.compose.project"
    names = (label, f"{label}.working_dir", f"{label}.config_files")
    form = "\t".join("{" * 2 + f'.Label "{name}"' + "}" * 2 for name in names)
    ps = ["docker", "ps", "--all", "--filter", f"label={label}", "--format", form]
    ps += [f"--filter=status={state}" for state in states]
    rows = {tuple(line.split("\t")) for line in run(*ps).stdout.splitlines()}
    for name, folder, files in sorted(row for row in rows if len(row) == 3):
        if name.startswith(f"{SLUG}-") and folder:
            yield name, Path(folder), "docker-compose.prod.yml" in files


def is_here(folder: Path) -> bool:
    """Tell whether a folder is this one, or was before it was moved."""
    try:
        return os.path.samefile(folder, ROOT)
    except FileNotFoundError:
        return True
    except PermissionError:
        return False


def check_folder() -> None:
    """Raise a Problem if this folder can't be the production that it is called."""
    name = environment()
    if not re.fullmatch(r"(?!test(-|$))[a-z0-9][a-z0-9-]{0,19}", name):
        what = "small letters, digits and -, at most 20, and not as test"
        raise Problem(f"write ENVIRONMENT in .env.production with {what}: {name!r}")
    for project, folder, is_production in known("running", "restarting", "paused"):
        if project == PROJECT and not is_production:
            what = f"{PROJECT} is a branch's environment in {folder}"
            raise Problem(f"write another ENVIRONMENT in .env.production: {what}")
        if project == PROJECT and not is_here(folder):
            first = f"run it there, or after `docker compose -p {PROJECT} down`"
            if "VERSION" not in deployed():
                first += ", or name this one by ENVIRONMENT in .env.production"
            raise Problem(f"{first}: {PROJECT} runs from {folder}")
        if project != PROJECT and is_production and folder == ROOT:
            what = "another one needs a folder of its own"
            name = project[len(SLUG) + 1 :]
            raise Problem(f"write ENVIRONMENT={name} in .env.production: {what}")
