# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The data of branches in the services that projects of this machine share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from . import checkouts, copy_data
from .common import Problem, run, warn
from .hub import hub_entry
from .registry import registry


def running() -> tuple[Path, str]:
    """Return the folder of the shared services, and the container of their Postgres.

    Raises:
        Problem: they do not run.
    """
    with registry() as machine:
        entry = hub_entry(machine)
    if entry is None:
        advice = "scripts/setup says how to make them"
        raise Problem(f"this machine has no shared services: {advice}")
    container = checkouts.running(entry["name"], "shared-postgres")
    if not container:
        command = f"cd {shlex.quote(entry['folder'])} && docker compose up --wait"
        advice = f"start them with `{command}`"
        raise Problem(f"the shared services do not run: {advice}")
    return Path(entry["folder"]), container


def projects(folder: Path, *arguments: str) -> str:
    """Run scripts/projects of the shared services in a folder."""
    script = str(folder / "scripts" / "projects")
    return run(sys.executable, script, *arguments).stdout


def held_in(folder: Path) -> set[str]:
    """Return the projects and branches that have something in the shared services."""
    return {line.split()[0] for line in projects(folder, "list").splitlines()[1:]}


def held() -> set[str]:
    """Return the same, or nothing where the shared services do not run."""
    try:
        return held_in(running()[0])
    except Problem:
        return set()


def remove(name: str, agreed: Callable[[str], bool]) -> bool:
    """Remove what an environment has, after a question; tell whether nothing is left."""
    folder = running()[0]
    if name not in held_in(folder):
        return True
    if not agreed(f"Delete what {name} has in the shared services for good?"):
        advice = "`scripts/branch-env prune --yes` deletes them"
        warn(f"kept the data of {name} in the shared services: {advice}")
        return False
    projects(folder, "remove", name, "--yes")
    warn(f"removed {name} from the shared services")
    return True


def copy_to(here: str, there: str, agreed: Callable[[], bool]) -> bool:
    """Replace the data of a branch by those of another one; False if not agreed."""
    _, container = running()
    exists = f"SELECT 1 FROM pg_database WHERE datname = '{there}'"
    if not copy_data.query(container, "postgres", exists):
        why = "it was never started, or it was removed"
        raise Problem(f"{there} has no database: {why}")
    run(sys.executable, "scripts/setup", "--no-branch-env")
    run("docker", "compose", "run", "--rm", "-T", "postgres-access")
    held = copy_data.query(container, here, copy_data.TABLES)
    if held != "0" and not agreed():
        return False
    copy_data.copy(container, container, there, here, owner=here)
    return True
