# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The services that projects of this machine share, as the registry knows them."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from .checkouts import answers_of, block_of, name_in
from .common import Problem
from .registry import Entry, Machine


def hub_entry(machine: Machine) -> Entry | None:
    """Return the environment of this machine's shared services."""
    return next((entry for entry in machine.entries if entry.get("hub")), None)


def environment_here(machine: Machine, folder: Path, slug: str, slot: int) -> Entry:
    """Return the environment that a checkout's `.env` names, else the project."""
    name = name_in(block_of(folder))
    for entry in machine.of_project(folder):
        if entry["name"] == name and not entry.get("past"):
            return entry
    return machine.find(folder, None) or machine.settle(folder, slug, slot)


def folder_of(machine: Machine) -> Path | None:
    """Return the folder of this machine's shared services."""
    entry = hub_entry(machine)
    return Path(entry["folder"]) if entry else None


def register(machine: Machine, folder: Path, slug: str) -> None:
    """Note where the shared services are.

    Raises:
        Problem: they are somewhere else already.
    """
    hub = folder_of(machine)
    if hub and os.path.realpath(hub) != os.path.realpath(folder):
        advice = "use those, or remove that folder first"
        raise Problem(f"the shared services of this machine are in {hub}: {advice}")
    _, slot = answers_of(folder) or (slug, 0)
    entry = machine.find(folder, None) or machine.settle(folder, slug, slot)
    entry["hub"] = True


def redis_number(
    machine: Machine, entry: Entry, taken: Collection[int] = (), databases: int = 1024
) -> int:
    """Return the number of an environment's logical database; it keeps the one it has.

    Args:
        machine: the registry.
        entry: the environment.
        taken: numbers that belong to others, as Redis itself says.
        databases: how many there are.

    Raises:
        Problem: there is none left.
    """
    # Two clones of one project that have one name are one user for Redis, too.
    rest = (one for one in machine.all if one is not entry)
    others = {one.get("redis") for one in rest if one["name"] != entry["name"]}
    others.update(taken)
    if entry.get("redis") in others or not entry.get("redis"):
        free = (number for number in range(1, databases) if number not in others)
        entry["redis"] = next(free, None)
        if entry["redis"] is None:
            all_of = f"all {databases - 1} logical databases of Redis are taken"
            raise Problem(f"{all_of}: remove a project that has left")
    return int(entry["redis"])
