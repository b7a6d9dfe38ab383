"""The environments of this machine: their names, their ports, and the registry that keeps them apart.

An environment is a Compose project of its own: a project as such, which its default branch works in, or one of its other
branches. The template looks here for a free port_slot, scripts/setup and scripts/branch-env for everything else.
Python 3.9 or newer, and no package.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Published port of each service for slot 0 and offset 0, and the variable that overrides it.
BASES = {"app": 8000, "db": 5432, "redis": 6379, "gateway": 5678}
VARIABLES = {"app": "APP_PORT", "db": "POSTGRES_PORT", "redis": "REDIS_PORT", "gateway": "N8N_PORT"}
# Ports that browsers refuse, from 1024 on (the Fetch standard, "port blocking").
REFUSED = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)
SLOTS = 10
OFFSETS = 2400
# A label of a host name (RFC 1123), which is also what Compose takes at most.
NAME_MAX = 63
# `<slug>-test` and `<slug>-prod` are Compose projects that every project may have.
RESERVED = frozenset({"test", "prod"})
FORMAT = 1
LOCK_SECONDS = 20
BEGIN = "# >>> scripts/branch-env: the environment of this checkout; lines of your own stay outside"
END = "# <<< scripts/branch-env"

Entry = dict[str, Any]


class Problem(Exception):  # noqa: N818 - what a user reads about
    """What a user has to know: one sentence that says what to do."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# Names and ports: the same on every machine.


def port(service: str, slot: int = 0, offset: int = 0) -> int:
    """Return the port that a service is published on: `base + slot + 10 * offset`.

    Args:
        service: `app`, `db`, `redis` or `gateway`.
        slot: the project's slot on the machine, 0 to 9.
        offset: the environment's offset, 0 for the default branch, at most 2400.

    Returns:
        A TCP port below 32768; no two triples of the same service share one.

    Raises:
        ValueError: for a service, a slot or an offset that does not exist, and for a port that browsers refuse.
    """
    if service not in BASES:
        raise ValueError(f"no service {service!r}: ports are known for {', '.join(BASES)}")
    if not 0 <= slot < SLOTS:
        raise ValueError(f"port_slot {slot} is not a whole number from 0 to {SLOTS - 1}")
    if not 0 <= offset <= OFFSETS:
        raise ValueError(f"offset {offset} is not a whole number from 0 to {OFFSETS}")
    result = BASES[service] + slot + SLOTS * offset
    if result in REFUSED:
        raise ValueError(f"browsers refuse port {result}: take another offset")
    return result


def ports(slot: int, offset: int = 0) -> dict[str, int]:
    """Return the port of each service; `port` says what is raised."""
    return {service: port(service, slot, offset) for service in BASES}


# What the default branches of projects have, in whatever slot: no other branch gets one of these.
OWN_PORTS = frozenset(number for slot in range(SLOTS) for number in ports(slot).values())


def digest(*parts: str) -> bytes:
    """Return a hash of some texts, which is the same on every machine."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).digest()


def environment_name(slug: str, branch: str, salt: str = "") -> str:
    """Return the Compose project of a branch: `<slug>-<branch slug>`, and a hash where that alone would be ambiguous.

    Args:
        slug: the project's slug.
        branch: the branch, as Git names it.
        salt: what tells two environments apart that would have the same name, such as two clones of one project.

    Returns:
        At most 63 characters of `[a-z0-9-]`, neither the first nor the last a hyphen; another one for every other branch.
    """
    ascii_name = unicodedata.normalize("NFKD", branch).encode("ascii", "ignore").decode()
    text = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    name = f"{slug}-{text}"
    # A branch that ends like a hash gets one too: it could be that of another.
    plain = text == branch and len(name) <= NAME_MAX and text not in RESERVED and not re.search(r"(^|-)[0-9a-f]{8}$", text)
    if plain and not salt:
        return name
    end = digest(branch, salt).hex()[:8]
    return f"{name[: NAME_MAX - len(end) - 1].rstrip('-')}-{end}"


def preferred_offset(slug: str, branch: str) -> int:
    """Return the offset, 1 to 2400, that a branch has unless somebody else was there before."""
    return 1 + int.from_bytes(digest(slug, branch)[:8], "big") % OFFSETS


def choose_offset(
    slug: str,
    branch: str,
    slot: int,
    taken: Collection[int],
    usable: Callable[[int], bool] = lambda _: True,
    services: Collection[str] = tuple(BASES),
) -> int:
    """Return the offset of a new environment: the preferred one, else the next whose ports nobody has.

    Args:
        slug: the project's slug.
        branch: the branch, as Git names it.
        slot: the project's slot.
        taken: every port that an environment of this machine holds.
        usable: tells whether a port is free of other programs.
        services: the services that are published, whose ports are therefore asked for.

    Raises:
        Problem: all 2400 are taken.
    """
    first = preferred_offset(slug, branch)
    for step in range(OFFSETS):
        offset = 1 + (first - 1 + step) % OFFSETS
        try:
            wanted = ports(slot, offset)
        except ValueError:
            continue
        if any(number in taken or number in OWN_PORTS for number in wanted.values()):
            continue
        if all(usable(wanted[service]) for service in services):
            return offset
    raise Problem("all 2400 ports for branches are taken on this machine: run `scripts/branch-env prune` in a project or two")


def is_free(number: int) -> bool:
    """Tell whether no program listens on a port of this machine's loopback."""
    with socket.socket() as probe:
        if sys.platform == "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # what has just been closed is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


# Where a project is, read from its files: also where git is not installed.


def is_kind(path: Path, kind: Callable[[int], bool] = stat.S_ISDIR) -> bool:
    """Tell whether a path is a folder, or of another kind; what can't be looked at is taken to be there."""
    try:
        return kind(path.stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def text_of(path: Path) -> str:
    """Return the text of a file, bytes that are none included."""
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def git_folder(top: Path) -> Path | None:
    """Return the folder that git keeps for the worktree whose top a folder is; None where it is none."""
    dot_git = top / ".git"
    if is_kind(dot_git):
        return dot_git
    if is_kind(dot_git, stat.S_ISREG):
        with suppress(OSError, IndexError):
            return top / text_of(dot_git).split("gitdir:")[1].strip()
    return None


def repository_of(folder: Path) -> tuple[str, str]:
    """Return the repository that a folder belongs to, and the folder's path inside it.

    All worktrees of a repository have the same: the folder with its branches. A folder outside any gets the `.git` that
    `git init` would make.
    """
    folder = Path(os.path.realpath(folder))
    for parent in (folder, *folder.parents):
        own = git_folder(parent)
        if own == parent / ".git":
            return str(own), _inside(folder, parent)
        if own:
            with suppress(OSError):
                common = own / "commondir"
                shared = own / common.read_text(encoding="utf-8").strip() if common.is_file() else own
                return os.path.realpath(shared), _inside(folder, parent)
    return str(folder / ".git"), ""


def _inside(folder: Path, parent: Path) -> str:
    inside = folder.relative_to(parent).as_posix()
    return "" if inside == "." else inside


def checkouts(repository: str, prefix: str) -> list[Path]:
    """Return the folders that a project has in the worktrees of its repository, given as by `repository_of`."""
    found = [Path(repository).parent / prefix] if Path(repository).name == ".git" else []
    with suppress(OSError, ValueError):
        for back in sorted(Path(repository).glob("worktrees/*/gitdir")):
            found.append(Path(back.read_text(encoding="utf-8").strip()).parent / prefix)
    return found


def branch_exists(repository: str, branch: str, folder: str) -> bool:
    """Tell whether a repository has a branch, also one without a commit that is checked out in the folder."""
    git = Path(repository)
    if is_kind(git / "refs" / "heads" / branch, stat.S_ISREG) or is_kind(git / "reftable"):
        return True
    with suppress(OSError):
        if f" refs/heads/{branch}\n" in text_of(git / "packed-refs"):
            return True
    for parent in (Path(folder), *Path(folder).parents):
        own = git_folder(parent)
        if own:
            with suppress(OSError):
                return text_of(own / "HEAD").strip() == f"ref: refs/heads/{branch}"
    return False


def answers_of(folder: Path) -> dict[str, str]:
    """Return the answers of a rendered project that are plain words or numbers; empty where it is none."""
    for name in (".copier-answers.chora-compose.yml", ".copier-answers.yml"):
        with suppress(OSError):
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            found = {key: value.strip("'\"") for key, value in re.findall(r"^(\w+): *([^\s#]+) *$", text, re.MULTILINE)}
            if "project_slug" in found and "port_slot" in found:
                return found
    return {}


def variables(text: str) -> dict[str, str]:
    """Return the variables that a text in the form of `.env` sets; of one that is there twice the last value, as Compose does."""
    found = re.findall(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(.*?)[ \t]*\r?$", text, re.MULTILINE)
    return {name: unquote(value) for name, value in found}


def quote(value: str) -> str:
    """Return a value as Compose reads it back from `.env`, whatever it holds but a line break."""
    if re.fullmatch(r"[\w./+@%:-]+", value, re.ASCII):
        return value
    if not re.search(r"['\\]", value):
        return f"'{value}'"
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def unquote(value: str) -> str:
    """Return what a value in `.env` stands for."""
    quoted = re.match(r"""(['"])((?:\\.|(?!\1).)*)\1""", value)
    if quoted:  # in single quotes a backslash is one, but before a quote
        return re.sub(r"\\(.)" if quoted[1] == '"' else r"\\(')", r"\1", quoted[2])
    return re.sub(r"\s+#.*$", "", value)


def ports_in(found: dict[str, str]) -> dict[str, int]:
    """Return the ports that variables set, by service."""
    return {service: int(found[name]) for service, name in VARIABLES.items() if re.fullmatch("[0-9]{1,5}", found.get(name, ""))}


def split_block(text: str, name: str = ".env") -> tuple[str, str, str]:
    """Return what stands before our block in a text, the block's lines, and what stands after it.

    Raises:
        Problem: the block has no end.
    """
    found = re.search(f"^{re.escape(BEGIN)}[ \\t]*\\r?\\n", text, re.MULTILINE)
    if not found:
        return text, "", ""
    rest = text[found.end() :]
    end = re.search(f"^{re.escape(END)}[ \\t]*(?:\\r?\\n|$)", rest, re.MULTILINE)
    if not end:
        raise Problem(f"{name}: the line {END!r} is missing; put it back or remove the line {BEGIN!r}, then try again")
    return text[: found.start()], rest[: end.start()], rest[end.end() :]


def block_of(folder: Path) -> dict[str, str]:
    """Return the variables in the block of a checkout's `.env`; empty where there is none."""
    with suppress(OSError, Problem):
        return variables(split_block(text_of(folder / ".env"))[1])
    return {}


# The registry: one file of lines, one environment a line, so that of a half-written one the whole lines can be read.


def state_folder() -> Path:
    """Return the folder of the registry: one for each user of the machine (XDG Base Directory Specification)."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    if given.is_absolute():
        return given / "chora-compose-template"
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "chora-compose-template"
    try:
        home = Path.home()
    except RuntimeError:  # there is none: the root can't be written, and a warning will say so
        home = Path("/")
    return home / ".local" / "state" / "chora-compose-template"


def is_running(pid: object) -> bool:
    """Tell whether a process of this machine runs."""
    if not isinstance(pid, int) or pid <= 0 or sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def is_text(value: object) -> bool:
    """Tell whether a value is a text that a system can have as the name of a file."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeError:
        return False


def is_entry(item: object) -> bool:
    """Tell whether a line of the registry is an environment, with all that is read of it."""
    return (
        isinstance(item, dict)
        and all(is_text(item.get(key)) for key in ("repository", "prefix", "folder", "slug", "name"))
        and (item.get("branch", 0) is None or is_text(item.get("branch")))
        and all(isinstance(item.get(key, 0), int) for key in ("slot", "offset", "redis"))
        and item.get("slot", 0) in range(SLOTS)
        and isinstance(item.get("ports"), dict)
        and all(isinstance(number, int) for number in item["ports"].values())
        and (bool(item.get("past")) or set(BASES) <= set(item["ports"]))
    )


def is_there(entry: Entry) -> bool:
    """Tell whether an environment's folder, and its branch, still exist."""
    folder, branch = entry["folder"], entry["branch"]
    if "pid" in entry:  # a project that is being rendered
        return is_running(entry["pid"]) or bool(answers_of(Path(folder)))
    if branch is None:
        return is_kind(Path(folder)) or (not entry["prefix"] and is_kind(Path(entry["repository"])))
    if not is_kind(Path(folder)):
        return False
    return branch.startswith(":") or branch_exists(entry["repository"], branch, folder)


def key_of(entry: Entry) -> tuple[str, str, str | None]:
    """Return what tells an environment from all others: the repository, the project's folder in it, and the branch."""
    return entry["repository"], entry["prefix"], entry["branch"]


class Machine:
    """The environments of this machine, as long as the registry is locked.

    Attributes:
        entries: what holds ports. `branch` is None for a project as such, `:` and the folder for a worktree without branch.
        past: environments whose branch or folder is gone. They hold no port; their containers and data may still be there.
    """

    def __init__(self, items: list[Entry]) -> None:
        self.other = [item for item in items if not is_entry(item)]
        known = [item for item in items if is_entry(item)]
        self.entries: list[Entry] = []
        self.past: list[Entry] = []
        for entry in known:
            if not entry.get("past") and is_there(entry):
                self.entries.append(entry)
            elif entry["branch"] is not None and is_kind(Path(entry["repository"])):
                self.past.append({**entry, "past": True, "ports": {}})

    @property
    def items(self) -> list[Entry]:
        return [*self.other, *self.entries, *self.past]

    def find(self, folder: Path, branch: str | None) -> Entry | None:
        """Return the environment of a branch, None for the project as such."""
        key = (*repository_of(folder), branch)
        return next((entry for entry in self.entries if key_of(entry) == key), None)

    def _find_past(self, folder: Path, branch: str | None) -> Entry | None:
        key = (*repository_of(folder), branch)
        return next((entry for entry in self.past if key_of(entry) == key), None)

    def of_project(self, folder: Path, past: bool = True) -> list[Entry]:
        """Return the environments of the project that a folder is a checkout of."""
        key = repository_of(folder)
        listed = [*self.entries, *self.past] if past else self.entries
        return [entry for entry in listed if (entry["repository"], entry["prefix"]) == key]

    def taken(self, but: Entry | None = None) -> set[int]:
        """Return every port that an environment holds, but for those of one of them."""
        return {number for entry in self.entries if entry is not but for number in entry["ports"].values()}

    def owner(self, number: int, but: Entry | None = None) -> Entry | None:
        """Return the environment that holds a port."""
        return next((entry for entry in self.entries if entry is not but and number in entry["ports"].values()), None)

    def namesake(self, name: str, folder: Path) -> Entry | None:
        """Return the environment of another project or clone that has a name."""
        own = repository_of(folder)
        listed = [*self.entries, *self.past]
        return next((one for one in listed if one["name"] == name and (one["repository"], one["prefix"]) != own), None)

    def _name(self, folder: Path, branch: str | None, plain: str, other: str) -> str:
        """Return the name that an environment has, also when a namesake has left; a new one has the plain one if it is free."""
        known = self.find(folder, branch) or self._find_past(folder, branch)
        before = known["name"] if known else block_of(folder).get("COMPOSE_PROJECT_NAME")
        held = {one["name"] for one in [*self.entries, *self.past] if one is not known}
        if before in {plain, other} - held:
            return str(before)
        return other if plain in held else plain

    def add(self, folder: Path, branch: str | None, **values: Any) -> Entry:
        """Note an environment, or what is new about it, and return it."""
        entry = self.find(folder, branch)
        if entry is None:
            repository, prefix = repository_of(folder)
            entry = {"repository": repository, "prefix": prefix, "branch": branch}
            before = self._find_past(folder, branch)
            if before:  # made again: it has its data, and its number in Redis
                entry = {**before, **entry}
                self.past.remove(before)
            entry.pop("past", None)
            self.entries.append(entry)
        entry.update(values, folder=os.path.realpath(folder))
        return entry

    def free_slot(self, folder: Path) -> int | None:
        """Return the lowest slot that no other project holds; None where all are held."""
        own = self.find(folder, None)
        taken = self.taken(own)
        free = (slot for slot in range(SLOTS) if not taken & set(ports(slot).values()))
        return next(free, None)

    def settle_project(
        self,
        folder: Path,
        slug: str,
        slot: int,
        given: dict[str, int] | None = None,
        movable: bool = False,
        usable: Callable[[int], bool] = lambda _: True,
        services: Collection[str] = (),
    ) -> Entry:
        """Note a project as such, with the ports of its slot.

        Args:
            folder: a checkout of the project.
            slug: the project's slug, which is its name unless a namesake has it and it is movable.
            slot: its port_slot.
            given: ports that the user has set, by service.
            movable: whether its ports can move where somebody else has them; else it has those of its slot in any case.
            usable: tells whether a port is free of other programs.
            services: the services that are published, whose ports are therefore asked for.
        """
        entry = self.find(folder, None)
        taken, given = self.taken(entry), given or {}

        def fits(numbers: dict[str, int]) -> bool:
            free = {service for service in numbers if service not in given}
            return not taken & {numbers[service] for service in free} and all(
                usable(numbers[service]) for service in services if service in free
            )

        wanted = ports(slot)
        if movable and not fits(wanted):
            stays = entry is not None and entry.get("slot") == slot and fits(entry["ports"])
            others = (ports(other) for other in range(SLOTS) if other != slot)
            wanted = entry["ports"] if entry and stays else next((numbers for numbers in others if fits(numbers)), {})
            wanted = wanted or ports(slot, choose_offset(slug, "", slot, taken, usable, services))
        name = self._name(folder, None, slug, environment_name(slug, "", "/".join(repository_of(folder)))) if movable else slug
        entry = self.add(folder, None, slug=slug, name=name, slot=slot, ports={**wanted, **given})
        entry.pop("pid", None)
        return entry

    def settle_branch(
        self,
        folder: Path,
        slug: str,
        slot: int,
        branch: str,
        usable: Callable[[int], bool] = lambda _: True,
        services: Collection[str] = (),
    ) -> Entry:
        """Note the environment of a branch, with ports that nobody else has. The other arguments are those of a project.

        It keeps the ports that it has, or had, as long as they are usable: as the registry says or, where that was lost, the
        checkout's `.env`.
        """
        entry = self.find(folder, branch)
        taken = self.taken(entry)
        name = environment_name(slug, branch)
        if branch.startswith(":"):
            name = environment_name(slug, f"detached/{Path(folder).name}", salt=branch)
        name = self._name(folder, branch, name, environment_name(slug, branch, "/".join(repository_of(folder))))

        def fits(offset: int) -> bool:
            try:
                numbers = ports(slot, offset)
            except ValueError:
                return False
            free = not taken & set(numbers.values()) and not OWN_PORTS & set(numbers.values())
            return free and all(usable(numbers[service]) for service in services)

        known = entry or self._find_past(folder, branch)
        offset = (known.get("offset") if known else offset_in(block_of(folder), name, slot)) or 0
        if not fits(offset):
            offset = choose_offset(slug, branch, slot, taken, usable, services)
        return self.add(folder, branch, slug=slug, name=name, slot=slot, offset=offset, ports=ports(slot, offset))

    def here(self, folder: Path, slug: str, slot: int) -> Entry:
        """Return the environment that a checkout's `.env` names, else the project as such."""
        name = block_of(folder).get("COMPOSE_PROJECT_NAME")
        for entry in self.of_project(folder, past=False):
            if entry["name"] == name:
                return entry
        return self.find(folder, None) or self.settle_project(folder, slug, slot)

    def hub_entry(self) -> Entry | None:
        """Return the environment of this machine's shared services."""
        return next((entry for entry in self.entries if entry.get("hub")), None)

    def hub(self) -> Path | None:
        """Return the folder of this machine's shared services."""
        entry = self.hub_entry()
        return Path(entry["folder"]) if entry else None

    def register_hub(self, folder: Path, slug: str) -> None:
        """Note where the shared services are.

        Raises:
            Problem: they are somewhere else already.
        """
        hub = self.hub()
        if hub and os.path.realpath(hub) != os.path.realpath(folder):
            raise Problem(f"the shared services of this machine are in {hub}: use those, or remove that folder first")
        slot = int(answers_of(folder).get("port_slot", 0))
        entry = self.find(folder, None) or self.settle_project(folder, slug, slot)
        entry["hub"] = True

    def redis_number(self, entry: Entry, taken: Collection[int] = (), databases: int = 1024) -> int:
        """Return the number of an environment's logical database, from 1 on; it keeps the one that it has.

        Args:
            entry: the environment.
            taken: numbers that belong to others, as Redis itself says.
            databases: how many there are.

        Raises:
            Problem: there is none left.
        """
        # Two clones of one project that have one name are one user for Redis, and so have one number.
        rest = [one for one in [*self.entries, *self.past] if one is not entry and one["name"] != entry["name"]]
        others = {one.get("redis") for one in rest} | set(taken)
        if entry.get("redis") in others or not entry.get("redis"):
            free = (number for number in range(1, databases) if number not in others)
            number = next(free, None)
            if number is None:
                raise Problem(f"all {databases - 1} logical databases of Redis are taken: remove a project that has left")
            entry["redis"] = number
        return int(entry["redis"])


def offset_in(block: dict[str, str], name: str, slot: int) -> int | None:
    """Return the offset that the ports in a block have, where it is that of the environment."""
    if block.get("COMPOSE_PROJECT_NAME") == name:
        for service, variable in VARIABLES.items():
            with suppress(ValueError):
                offset, rest = divmod(int(block[variable]) - BASES[service] - slot, SLOTS) if variable in block else (0, 1)
                if not rest:
                    return offset
    return None


def _read(path: Path) -> tuple[list[Entry], bool]:
    """Return the lines of a registry that can be read, and whether that is all of them."""
    items: list[Entry] = []
    whole, ended = True, False
    for line in path.read_bytes().split(b"\n"):
        try:
            item = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            whole = False
            continue
        if item is None:
            continue
        whole = whole and not ended and isinstance(item, dict)
        if isinstance(item, dict) and "format" in item:
            if item["format"] != FORMAT:
                raise Problem(f"{path} is of a newer version of chora-compose-template: bring this project up to date")
        elif isinstance(item, dict) and "lines" in item:
            ended = True
            whole = whole and item["lines"] == len(items)
        elif isinstance(item, dict):
            items.append(item)
    return items, whole and ended


def _write(path: Path, items: list[Entry]) -> None:
    """Replace a registry by another, of which nobody ever sees a half."""
    lines = [{"format": FORMAT}, *items, {"lines": len(items)}]
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    with new.open("w", encoding="utf-8") as file:
        file.write("".join(f"{json.dumps(line, sort_keys=True)}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _found(items: list[Entry]) -> list[Entry]:
    """Return environments that a lost registry had: those in the lines that are left, and of the projects that Docker knows."""
    known = {key_of(item): item for item in items if is_entry(item)}
    folders = {item["folder"] for item in known.values()}
    with suppress(OSError, subprocess.SubprocessError):
        where = "{" * 2 + '.Label "com.docker.compose.project.working_dir"' + "}" * 2
        command = ["docker", "ps", "--all", "--filter", "label=com.docker.compose.project", "--format", where]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL).stdout
        folders |= set(listed.splitlines())
    places = {(item["repository"], item["prefix"]) for item in known.values()}
    for place in places | {repository_of(Path(folder)) for folder in folders}:  # and of their other worktrees
        folders |= {str(folder) for folder in checkouts(*place)}
    found = [entry for entry in map(_described, sorted(folders)) if entry]
    # What is in a line is newer than what is in a file, and of no other branch are the ports of a project.
    for entry in sorted(found, key=lambda one: one["branch"] is not None):
        taken = {number for one in known.values() if not one.get("past") for number in one["ports"].values()}
        if entry["branch"] is None or not taken & set(entry["ports"].values()):
            known.setdefault(key_of(entry), entry)
    return [*[item for item in items if not is_entry(item)], *known.values()]


def _described(folder: str) -> Entry | None:
    """Return the environment that a checkout's files tell of; None where they tell of none."""
    answers, block, env = answers_of(Path(folder)), block_of(Path(folder)), {}
    if answers.get("port_slot") not in {str(slot) for slot in range(SLOTS)}:
        return None
    with suppress(OSError):
        env = variables(text_of(Path(folder) / ".env"))
    slug, slot = answers["project_slug"], int(answers["port_slot"])
    repository, prefix = repository_of(Path(folder))
    name = block.get("COMPOSE_PROJECT_NAME", slug)
    entry: Entry = {"repository": repository, "prefix": prefix, "folder": folder, "slug": slug, "slot": slot}
    if name in {slug, environment_name(slug, "", f"{repository}/{prefix}")}:
        numbers = {**ports(slot), **ports_in(env)}
        return {**entry, "branch": None, "name": env.get("COMPOSE_PROJECT_NAME", slug), "ports": numbers}
    try:
        offset = offset_in(block, name, slot) or 0
        numbers = {**ports(slot, offset), **ports_in(block)}
    except ValueError:
        return None
    return {**entry, "branch": block.get("BRANCH") or f":{folder}", "name": name, "offset": offset, "ports": numbers}


def _lock(file: Any) -> None:
    """Wait until nobody else has a file locked.

    Raises:
        OSError: it can't be locked, or somebody has it for too long.
    """
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            if sys.platform == "win32":
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except (BlockingIOError, PermissionError):
            if time.monotonic() > end:
                raise OSError(f"another process has had it locked for {LOCK_SECONDS} seconds") from None
            time.sleep(0.01)


@contextmanager
def registry(warn: Callable[[str], None] = say) -> Iterator[Machine]:
    """Lock the registry of this machine, and save at the end what has changed.

    Where it can't be locked or written, a warning says so, and what is known is all there is. One that is damaged is set
    aside, and made anew from what can be found.

    Args:
        warn: takes each warning, one sentence.
    """
    path = state_folder() / "environments.jsonl"
    lock, writable = None, True
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.with_name("lock").open("a")
        _lock(lock)
    except OSError as error:
        writable = False
        warn(f"the registry of environments in {path.parent} can't be used ({error.strerror or error}): ports may be another's")
    try:
        items: list[Entry] = []
        before: list[Entry] | None = None
        try:
            items, whole = _read(path)
            if whole:
                before = items
            elif writable:
                names = (path.with_name(f"{path.name}.broken-{number}") for number in itertools.count(1))
                aside = next(name for name in names if not name.exists())
                path.replace(aside)
                warn(f"the registry of environments was damaged: it is now {aside}, and made anew from what can be found")
        except (FileNotFoundError, NotADirectoryError):
            before = []
        except Problem as problem:
            writable = False
            warn(f"{problem}; until then ports may be another's")
        except OSError as error:
            if writable:  # else it has been said already
                warn(f"the registry of environments {path} can't be read ({error.strerror}): ports may be another's")
            writable = False
        machine = Machine(items if before is not None else _found(items))
        # Copied, because entries change in place.
        old = json.dumps(before, sort_keys=True)
        yield machine
        if writable and json.dumps(machine.items, sort_keys=True) != old:
            try:
                _write(path, machine.items)
            except OSError as error:
                warn(f"the registry of environments {path} can't be written ({error.strerror}): ports may be another's")
    finally:
        if lock:
            lock.close()
