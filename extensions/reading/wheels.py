"""Which Pythons the versions run on that a project pins: a compiled package has wheels for the Pythons of its time."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .first_wheels import FIRST
from .folder import Folder
from .metadata import Metadata
from .requirements import listed
from .versions import allows, caret_to_pep440

PYTHONS = ("3.11", "3.12", "3.13")
# What has imported pkg_resources until the release before, which setuptools brings no more.
PKG_RESOURCES = {
    "apscheduler": "3.10.2",
    "djangorestframework-simplejwt": "5.3",
    "drf-yasg": "1.21.8",
    "flask-restx": "1.1",
    "google-api-core": "2.0",
    "gunicorn": "21.0",
    "razorpay": "1.4.2",
}
LOCKS = frozenset({"uv.lock", "poetry.lock", "pdm.lock"})


def bound(specifier: str) -> tuple[Version, bool] | None:
    """Return the highest version that a specifier allows, and whether it allows that version itself; None without a limit."""
    found = re.fullmatch(r"(==|===|<=|<|~=)\s*([\w.!+]+?)(\.\*)?", specifier.strip())
    if not found:
        return None
    operator, text, star = found.groups()
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    if operator == "~=" or star:
        kept = version.release if star else version.release[:-1]
        return (Version(".".join(map(str, [*kept[:-1], kept[-1] + 1]))), False) if kept else None
    return version, operator != "<"


def reaches(specifier: SpecifierSet, first: str) -> bool:
    """Tell whether a specifier allows a release from the first one on."""
    bounds = [found for one in specifier if (found := bound(str(one)))]
    return all(highest > Version(first) or (itself and highest == Version(first)) for highest, itself in bounds)


class Wheels:
    """What is known of the versions that a project pins.

    Args:
        folder: the project's.
        metadata: what it says about itself.
        source: the file that it is installed from.
    """

    def __init__(self, folder: Folder, metadata: Metadata, source: str) -> None:
        self._folder = folder
        self._metadata = metadata
        self._source = source

    def lacking(self, python: str) -> dict[str, str]:
        """Return the pinned packages that have no wheel for a Python such as `3.13`, each as a requirement, by name."""
        # Nothing is known of a newer one.
        python = python if python in PYTHONS else PYTHONS[-1]
        # A lock has a package once for each Python that needs a version of its own.
        fits: dict[str, bool] = {}
        said: dict[str, str] = {}
        for requirement in self._known:
            marker = requirement.marker
            if marker and not marker.evaluate({"python_version": python, "python_full_version": f"{python}.0"}):
                continue
            name = canonicalize_name(requirement.name)
            first = FIRST[name][PYTHONS.index(python)]
            fits[name] = fits.get(name, False) or reaches(requirement.specifier, first)
            said[name] = f"{name}{requirement.specifier}"
        return {name: said[name] for name, good in fits.items() if not good}

    def newer(self, python: str) -> tuple[str, ...]:
        """Return the Pythons after one of which something is known, and which the project allows itself."""
        return tuple(one for one in self._allowed(PYTHONS) if Version(one) > Version(python))

    def pythons(self, choices: list[str]) -> list[str]:
        """Return those of the choices for which everything that is pinned has a wheel; without any, the oldest allowed."""
        allowed = self._allowed(choices) or choices
        return [python for python in allowed if not self.lacking(python)] or allowed[:1]

    def _allowed(self, choices: Sequence[str]) -> list[str]:
        try:
            specifier = SpecifierSet(self._metadata.requires_python())
        except InvalidSpecifier:
            return [*choices]
        return [python for python in choices if allows(specifier, python)]

    @cached_property
    def compiled(self) -> frozenset[str]:
        """The names of the pinned packages that have no wheel for any Python that is allowed."""
        return frozenset(self.lacking(self.pythons([*PYTHONS])[-1]))

    def is_before(self, name: str, first: str) -> bool:
        """Tell whether a package is pinned to a release from before the first one."""
        return any(canonicalize_name(one.name) == name and not reaches(one.specifier, first) for one in self._requirements)

    def older_packages(self, declared: Collection[str]) -> list[str]:
        """Return the requirements without which something that is pinned fails today, as far as they are not declared."""
        imported = any(self.is_before(name, first) for name, first in PKG_RESOURCES.items())
        return ["setuptools<81"] if imported and "setuptools" not in declared else []

    @property
    def _known(self) -> tuple[Requirement, ...]:
        return tuple(one for one in self._requirements if canonicalize_name(one.name) in FIRST)

    @cached_property
    def _requirements(self) -> tuple[Requirement, ...]:
        found = []
        for line in self._lines():
            try:
                found.append(Requirement(re.split(r"\s#|\s--|\\$", line.strip())[0].strip()))
            except (InvalidRequirement, InvalidSpecifier):
                continue
        return tuple(found)

    def _lines(self) -> Iterator[str]:
        """Yield what is installed, as lines of requirements."""
        source = self._source
        name = source.rpartition("/")[2]
        if name in LOCKS:
            packages = self._folder.toml(source).get("package")
            for package in packages if isinstance(packages, list) else []:
                if isinstance(package, dict):
                    yield f"{package.get('name')}=={package.get('version')}"
        elif name == "Pipfile.lock":
            yield from self._pipfile_lock()
        elif name == "pyproject.toml":
            lines = self._metadata.table("project").get("dependencies")
            yield from (line for line in lines if isinstance(line, str)) if isinstance(lines, list) else ()
            for package, value in self._metadata.table("tool", "poetry", "dependencies").items():
                version = value.get("version") if isinstance(value, dict) else value
                yield f"{package}{caret_to_pep440(version)}" if isinstance(version, str) else package
        elif source.endswith((".txt", ".in")):
            yield from listed(self._folder, source).lines

    def _pipfile_lock(self) -> Iterator[str]:
        try:
            locked = json.loads(self._folder.read(self._source))["default"].items()
            yield from (f"{name}{said.get('version', '')}" for name, said in locked)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return
