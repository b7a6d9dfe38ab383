# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The environments of this machine, no two with a name or a port in common.

An environment is a Compose project of its own: a project as such, which its default
branch works in, or one of its other branches. All projects share one file, the
registry. It has a line for each, so that of a half-written one those can be read.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from . import checkouts, common, docker, names
from .checkouts import answers_of, block_of, is_folder, name_in, repository_of
from .names import BASES, SLOTS, Free, Ports, environment_name, ports

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FORMAT = 1
LOCK_SECONDS = 20
# What the registry notes. `branch` is None for a project as such, `:` and the folder
# for a worktree without a branch. `past` are those whose branch or folder is gone: they
# hold no port, but their containers and data may still be there.
Entry = dict[str, Any]
TEXTS = ("repository", "prefix", "folder", "slug", "name")


def is_entry(item: Entry) -> bool:
    """Tell whether a line is an environment, of whatever version with what services."""
    try:
        branch, own = item["branch"], item["ports"]
        texts = [item[one] for one in TEXTS]
        whole = os.fsencode("".join([*texts, "" if branch is None else branch]))
        numbers = [item.get(one, 0) for one in ("slot", "offset", "redis", "pid")]
        numbers += own.values()
    except (AttributeError, KeyError, TypeError, UnicodeError):
        return False
    sound = b"\0" not in whole and all(isinstance(one, int) for one in numbers)
    services = item.get("past") or BASES.keys() & own.keys()
    return sound and numbers[0] in range(SLOTS) and bool(services)


def is_there(entry: Entry) -> bool:
    """Tell whether an environment's folder, and its branch, still exist."""
    folder, branch = Path(entry["folder"]), entry["branch"]
    if "pid" in entry and not answers_of(folder):  # a project that is being rendered
        if entry["pid"] <= 0 or sys.platform == "win32":
            return False
        try:
            os.kill(entry["pid"], 0)
        except (OSError, OverflowError) as error:
            return isinstance(error, PermissionError)
        return True
    if branch is None:
        repository = not entry["prefix"] and is_folder(Path(entry["repository"]))
        return repository or is_folder(folder)
    known = checkouts.branch_exists(entry["repository"], branch, entry["folder"])
    return is_folder(folder) and (known or branch.startswith(":"))


def names_of(folder: Path, slug: str, branch: str | None) -> tuple[str, str]:
    """Return an environment's name, and the one for where another has that."""
    other = environment_name(slug, branch or "", "/".join(repository_of(folder)))
    if branch is None:
        return slug, other
    if branch.startswith(":"):
        return environment_name(slug, f"detached/{folder.name}", branch), other
    return environment_name(slug, branch), other


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
        # A line of an older version lacks services: their ports are as of its place,
        # which is not its own slot where it has moved.
        taken = {number for one in self.all for number in one["ports"].values()}
        for own in (entry["ports"] for entry in self.entries):
            with suppress(ValueError):
                place = ports(*names.place(own)).items()
                new = {one: n for one, n in place if one not in own and n not in taken}
                own.update(new)
                taken.update(new.values())

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

    def free_slot(self, folder: Path, usable: Free = names.are_free) -> int | None:
        """Return the lowest slot that nobody holds or listens on; None without one."""
        held = self.held(self.find(folder, None)).keys()
        for slot, numbers in ((one, ports(one)) for one in range(SLOTS)):
            if held.isdisjoint(numbers.values()) and usable(numbers):
                return slot
        return None

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
        """Note an environment, with the name and ports that it has, or had, or gets.

        What the registry has lost is read in the checkout's `.env`. A branch is None
        for the project as such, which has its name and the ports of its slot whoever
        else has them, unless it is movable. Given are ports that the user has set, and
        usable are those that no other program has.
        """
        entry, given = self.find(folder, branch) or {}, given or {}
        block = block_of(folder)
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

        numbers = None
        if branch is None:
            choices = [ports(slot), *map(ports, range(SLOTS))]
            old = entry.get("ports", {})
            if entry.get("slot") == slot and old.keys() >= BASES.keys():
                choices.insert(1, old)
            numbers = next(filter(free, choices), None)
        if numbers is None:
            offset = names.choose_offset(slug, branch or "", slot, free, offset)
            numbers = ports(slot, offset)
        if not entry:
            repository, prefix = repository_of(folder)
            entry.update(repository=repository, prefix=prefix, branch=branch)
            self.all.append(entry)
        for mark in ("past", "pid"):
            entry.pop(mark, None)
        entry.update({"offset": offset} if branch is not None else {})
        entry.update(slug=slug, name=name, slot=slot, folder=os.path.realpath(folder))
        entry["ports"] = {**numbers, **given}
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
    parsed: list[Any] = []
    for line in lines:
        with suppress(ValueError, RecursionError):
            parsed.append(json.loads(line))
    known = [line for line in parsed if isinstance(line, dict)]
    if any(line.get("format", FORMAT) != FORMAT for line in known):
        newer = "it is of a newer version of chora-compose-template"
        raise OSError(f"{newer}: bring this project up to date")
    items = [line for line in known if not line.keys() & {"format", "lines"}]
    ended = bool(known) and known[-1].get("lines") == len(items)
    return items, ended and len(known) == len(lines)


def _lock(file: IO[str]) -> None:
    """Wait until nobody else has a file locked, or raise an OSError."""
    end = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < end:
        with suppress(BlockingIOError, PermissionError):
            if sys.platform == "win32":
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.01)
    raise OSError(f"another process has had it locked for {LOCK_SECONDS} seconds")


def _recover(machine: Machine) -> None:
    """Note again what checkouts tell of a lost registry.

    They are those of the projects that it still has, and of those that Docker knows.
    """
    folders = {entry["folder"] for entry in machine.all}
    folders |= {one["project.working_dir"] for one in docker.containers() or []}
    places = {(one["repository"], one["prefix"]) for one in machine.all}
    places |= {repository_of(Path(folder)) for folder in folders}
    folders |= {str(one) for place in places for one in checkouts.checkouts(*place)}
    for is_project in (True, False):  # in this order: nobody has the ports of a project
        for folder in map(Path, sorted(folders)):
            answers, block, env, branch = answers_of(folder), block_of(folder), {}, None
            if answers is None:
                continue
            with suppress(OSError):
                env = common.variables(common.read(folder / ".env"))
            if (name_in(block) or answers[0]) not in names_of(folder, answers[0], None):
                branch = block.get("BRANCH") or f":{folder}"
            if is_project == (branch is None) and not machine.find(folder, branch):
                given = names.ports_in(env) if is_project else None
                entry = machine.settle(folder, *answers, branch, given)
                if is_project:
                    entry["name"] = name_in(env) or answers[0]


@contextmanager
def registry(warn: Callable[[str], None] = common.warn) -> Iterator[Machine]:
    """Lock the registry of this machine, and save at the end what has changed.

    Where it can't be locked, read or written, one warning, which is one sentence, says
    so, and what is known is all there is. One that is damaged is set aside, and what
    can be found is noted again, as where there is none.
    """
    path, what = state_folder() / "environments.jsonl", "the registry of environments"
    items: list[Entry] = []
    whole = failed = False

    @contextmanager
    def said(where: str) -> Iterator[None]:
        nonlocal failed
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            if not failed:
                warn(f"{what} {where} ({reason}): ports may be another's")
            failed = True

    with ExitStack() as stack:
        with said(f"in {path.parent} can't be used"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _lock(stack.enter_context(path.with_name("lock").open("a")))
        with said(f"{path} can't be read"), suppress(FileNotFoundError):
            items, whole = _read(path)
            if not whole and not failed:
                others = (f"{path.name}.broken-{n}" for n in itertools.count(1))
                free = (one for one in map(path.with_name, others) if not one.exists())
                now = f"it is now {path.replace(next(free))}"
                warn(f"{what} was damaged: {now}, and what can be found is noted again")
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
                common.replace(path, "".join(f"{text}\n" for text in texts), 0o600)
