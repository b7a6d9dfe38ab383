# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The environments of this machine, no two with a name or a port in common.

Each is a Compose project: of a project as such, which its default branch works in, or
of another branch. Their registry has a line for each, so that half of it can be read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from . import checkouts, common, names
from .checkouts import answers_of, block_of, is_folder, name_in, repository_of
from .names import BASES, SLOTS, Free, Ports, environment_name, ports

FORMAT = 1
LOCK_SECONDS = 20
# `branch` is None for a project as such, `:` and the folder for a worktree without one.
# What is `past` holds no port, but its containers and data may still be there.
Entry = dict[str, Any]
TEXTS = ("repository", "prefix", "folder", "slug", "name")


def is_entry(item: Entry) -> bool:
    """Tell whether a line is an environment, of whatever version with what services."""
    with suppress(AttributeError, KeyError, TypeError, UnicodeError):
        branch, own = item["branch"], item["ports"]
        texts = [*(item[one] for one in TEXTS), "" if branch is None else branch]
        numbers = [item.get(one, 0) for one in ("slot", "offset", "redis", "pid")]
        sound = numbers[0] in range(SLOTS) and b"\0" not in os.fsencode("".join(texts))
        sound = sound and all(isinstance(one, int) for one in [*numbers, *own.values()])
        return sound and bool(item.get("past") or BASES.keys() & own.keys())
    return False


def is_there(entry: Entry) -> bool:
    """Tell whether an environment's folder, and its branch, still exist."""
    folder, branch = Path(entry["folder"]), entry["branch"]
    if "pid" in entry and not answers_of(folder):  # a project that is being rendered
        with suppress(AttributeError, OSError, OverflowError):  # Windows can't tell
            return os.getpgid(entry["pid"] or -1) >= 0
        return False
    if branch is None and not entry["prefix"] and is_folder(Path(entry["repository"])):
        return True
    known = branch is None or branch.startswith(":")
    known = known or checkouts.branch_exists(entry["repository"], branch, str(folder))
    return known and is_folder(folder)


def names_of(folder: Path, slug: str, branch: str | None) -> tuple[str, str]:
    """Return an environment's name, and the one for where another has that."""
    other = environment_name(slug, branch or "", "/".join(repository_of(folder)))
    if branch is None:
        return slug, other
    salt = branch if branch.startswith(":") else ""
    plain = f"detached/{folder.name}" if salt else branch
    return environment_name(slug, plain, salt), other


class Machine:
    """The environments of this machine, as long as the registry is locked."""

    def __init__(self, items: list[Entry]) -> None:
        self.other = [item for item in items if not is_entry(item)]
        self.all: list[Entry] = []
        for entry in filter(is_entry, items):
            if not entry.get("past") and is_there(entry):
                self.all.append(entry)
            elif entry["branch"] is not None and is_folder(Path(entry["repository"])):
                self.all.append({**entry, "past": True, "ports": {}})
        # A line of an older version lacks services: they are where the others have moved.
        taken = set(self.held())
        for own in (entry["ports"] for entry in self.entries):
            with suppress(ValueError):
                place = ports(*names.place(own)).items()
                own |= {one: n for one, n in place if one not in own and n not in taken}
                taken.update(own.values())

    @property
    def entries(self) -> list[Entry]:
        """What holds ports: all but what is past."""
        return [entry for entry in self.all if not entry.get("past")]

    def find(self, folder: Path, branch: str | None) -> Entry | None:
        """Return the environment of a branch, None for the project as such."""
        mine = self.of_project(folder)
        return next((entry for entry in mine if entry["branch"] == branch), None)

    def of_project(self, folder: Path) -> list[Entry]:
        """Return the environments of the project that a folder is a checkout of."""
        key = repository_of(folder)
        return [one for one in self.all if (one["repository"], one["prefix"]) == key]

    def held(self, but: Entry | None = None) -> dict[int, Entry]:
        """Return who holds each port, but for one environment."""
        others = [entry for entry in self.entries if entry is not but]
        return {number: one for one in others for number in one["ports"].values()}

    def settle(
        self,
        folder: Path,
        slug: str,
        slot: int,
        branch: str | None = None,
        given: Ports | None = None,
        movable: bool = False,
        usable: Free = lambda _: True,
    ) -> Entry:
        """Note an environment, with the name and ports that it has, or had, or gets."""
        # Given are ports that the user has set; others have to be usable. Unless it is
        # movable, a project as such has those of its slot, whoever else has them.
        entry, given = self.find(folder, branch) or {}, given or {}
        block = block_of(folder)  # for what the registry has lost
        held, both = set(), (slug, slug)
        if movable or branch is not None:
            held, both = set(self.held(entry)), names_of(folder, slug, branch)
        taken = {one["name"] for one in self.all if one is not entry}
        wanted = (entry.get("name") or name_in(block), *both)
        free_names = (one for one in wanted if one in both and one not in taken)
        name, offset = next(free_names, both[1]), entry.get("offset", 0)
        if not entry and name_in(block) == name:
            _, offset = names.place(names.ports_in(block))

        def free(numbers: Ports) -> bool:
            asked = {one: numbers[one] for one in numbers if one not in given}
            return held.isdisjoint(asked.values()) and usable(asked)

        old = entry.get("ports", {}) if entry.get("slot") == slot else {}
        choices = [ports(slot), {**ports(slot), **old}, *map(ports, range(SLOTS))]
        numbers = next(filter(free, choices if branch is None else []), None)
        if numbers is None:
            offset = names.choose_offset(slug, branch or "", slot, free, offset)
            numbers = ports(slot, offset)
        if not entry:
            self.all.append(entry)
        for mark in ("past", "pid"):
            entry.pop(mark, None)
        repository, prefix = repository_of(folder)
        entry.update(repository=repository, prefix=prefix, branch=branch, slug=slug)
        entry.update(name=name, slot=slot, offset=offset, ports={**numbers, **given})
        entry["folder"] = os.path.realpath(folder)
        return entry


def state_folder() -> Path:
    """Return the folder of the registry, one for each user (XDG Base Directory)."""
    windows = os.environ.get("LOCALAPPDATA", "") if sys.platform == "win32" else ""
    home = os.path.expanduser("~/.local/state")
    places = (os.environ.get("XDG_STATE_HOME", ""), windows, home)
    # Without a home a warning will say that / can't be written.
    return Path(next(filter(os.path.isabs, places), "/")) / "chora-compose-template"


def _read(path: Path) -> tuple[list[Entry], bool]:
    """Return what can be read of a registry, and whether that is all of it."""
    lines = [*filter(bytes.strip, path.read_bytes().split(b"\n"))]
    known: list[Entry] = []
    for line in lines:
        with suppress(ValueError, RecursionError, TypeError):  # which is no object
            known.append({**json.loads(line)})
    if any(line.get("format", FORMAT) != FORMAT for line in known):
        raise OSError("it is of a newer version: bring this project up to date")
    items = [line for line in known if not line.keys() & {"format", "lines"}]
    ended = bool(known) and known[-1].get("lines") == len(items)
    return items, ended and len(known) == len(lines)


def _recover(machine: Machine) -> None:
    """Note again what the checkouts of known projects tell of a lost registry."""
    folders = {entry["folder"] for entry in machine.all}
    folders |= {one["project.working_dir"] for one in checkouts.containers() or []}
    places = {(one["repository"], one["prefix"]) for one in machine.all}
    places |= {repository_of(Path(folder)) for folder in folders}
    folders |= {str(one) for place in places for one in checkouts.checkouts(*place)}
    for is_project in (True, False):  # in this order: nobody has the ports of a project
        for folder in map(Path, sorted(folders)):
            answers, block, branch = answers_of(folder), block_of(folder), None
            if answers is None:
                continue
            if (name_in(block) or answers[0]) not in names_of(folder, answers[0], None):
                branch = block.get("BRANCH") or f":{folder}"
            if is_project == (branch is None) and not machine.find(folder, branch):
                env = block_of(folder, whole=True) if is_project else {}
                entry = machine.settle(folder, *answers, branch, names.ports_in(env))
                entry["name"] = name_in(env) or entry["name"]


@contextmanager
def registry(warn: Callable[[str], None] = common.warn) -> Iterator[Machine]:
    """Lock this machine's registry, and save its changes; one warning says if not."""
    # Then what is known is all there is. What was damaged is found again, as if lost.
    path, what = state_folder() / "environments.jsonl", "the registry of environments"
    items: list[Entry] = []
    whole = failed = False

    @contextmanager
    def said(where: str) -> Iterator[None]:
        nonlocal failed
        try:
            yield
        except OSError as error:
            why = f"({error.strerror or error}): ports may be another's"
            if not failed:
                warn(f"{what} {where} {why}")
            failed = True

    with ExitStack() as stack:
        with said(f"in {path.parent} can't be used"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = stack.enter_context(path.with_name("lock").open("a"))
            if not common.lock(file.fileno(), LOCK_SECONDS):
                raise OSError(f"another process has had it for {LOCK_SECONDS} seconds")
        with said(f"{path} can't be read"), suppress(FileNotFoundError):
            items, whole = _read(path)
            if not whole and not failed:
                aside = path.replace(f"{path}.broken-{os.urandom(4).hex()}")
                warn(f"{what} was damaged: it is now {aside}, and made again")
        old = json.dumps(items, sort_keys=True)  # a copy: entries change in place
        machine = Machine(items)
        if not whole and not failed:
            _recover(machine)
        yield machine
        items = [*machine.other, *machine.all]
        if not failed and not (whole and json.dumps(items, sort_keys=True) == old):
            with said(f"{path} can't be written"):
                lines = [{"format": FORMAT}, *items, {"lines": len(items)}]
                texts = (json.dumps(line, sort_keys=True) for line in lines)
                common.write(path, "".join(f"{text}\n" for text in texts))
