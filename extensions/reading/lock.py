"""What a lock of uv's is older than: the project's own version, or what it depends on today."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from .folder import Folder, read
from .metadata import Metadata

# What has a place of its own is taken in whichever version.
PLACED = frozenset({"git", "url", "path", "editable", "directory", "virtual"})
MAX_BYTES = 20_000_000
OWN = re.compile(r"^source = \{ (?:editable|virtual|directory) = \"\.\" \}", re.MULTILINE)


@dataclass(frozen=True)
class Stale:
    """What a lock does not know, as far as its text and pyproject.toml say."""

    version: str = ""
    """The version of the project itself that it names; empty where that is the one of today, or none."""
    lacks: tuple[str, ...] = ()
    """What the project depends on and the lock has not, or not so."""


def own_package(lock: str) -> dict[str, Any]:
    """Return what a lock says of the project itself; empty where it says nothing."""
    part = next((part for part in lock.split("[[package]]\n")[1:] if OWN.search(part)), "")
    try:
        loaded = tomllib.loads(f"[[package]]\n{part}")["package"][0]
    except (tomllib.TOMLDecodeError, RecursionError, LookupError):
        return {}
    return dict(loaded)


def asked(said: object) -> tuple[str, SpecifierSet] | None:
    """Return the name and the versions of a requirement, of pyproject.toml's or as a lock has it; None for what is none."""
    try:
        if isinstance(said, str):
            requirement = Requirement(said)
            return canonicalize_name(requirement.name), requirement.specifier
        if isinstance(said, dict):
            return canonicalize_name(str(said.get("name"))), SpecifierSet(str(said.get("specifier", "")))
    except (InvalidRequirement, InvalidSpecifier):
        pass
    return None


def listed(table: object, key: str) -> list[Any]:
    found = table.get(key) if isinstance(table, dict) else None
    return found if isinstance(found, list) else []


def plain(version: str) -> str:
    """Return a version as uv writes it: without zeros before a number."""
    return re.sub(r"\b0+(?=\d)", "", version.lower())


class Lock:
    """The uv.lock of a project.

    Args:
        folder: the project's.
        metadata: what it says about itself.
    """

    def __init__(self, folder: Folder, metadata: Metadata) -> None:
        self._folder = folder
        self._metadata = metadata

    @cached_property
    def stale(self) -> Stale:
        """What it is older than; nothing where that is not known."""
        metadata = self._metadata
        own = own_package(read(self._folder.root / f"{metadata.base}uv.lock", MAX_BYTES))
        if not own:
            return Stale()
        project = metadata.table("project")
        was, now = (str(one.get("version", "")) for one in (own, project))
        entries = listed(own.get("metadata"), "requires-dist")
        locked = [*map(asked, entries)]
        placed = {canonicalize_name(str(one["name"])) for one in entries if isinstance(one, dict) and PLACED & one.keys()}
        declared = [] if "dependencies" in metadata.computed else listed(project, "dependencies")
        extras = {} if "optional-dependencies" in metadata.computed else metadata.table("project", "optional-dependencies")
        # What an extra takes of another one is no dependency to uv.
        placed.add(canonicalize_name(str(project.get("name", ""))))
        declared = [*declared, *(text for extra in extras for text in listed(extras, extra))]
        lacks = [text for text in declared if (one := asked(text)) and one not in locked and one[0] not in placed]
        return Stale(was if was and now and plain(was) != plain(now) else "", tuple(lacks))

    @property
    def checks(self) -> bool:
        """Whether uv refuses an older one: not where pyproject.toml can't tell, or only the project's own version is another."""
        computed = self._metadata.computed & {"dependencies", "optional-dependencies"}
        return not computed and (not self.stale.version or bool(self.stale.lacks))
