"""What a project declares that it depends on, file by file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .folder import Folder
from .metadata import Metadata

# Files of requirements, the one that is installed first: of several for a folder, the most complete.
FILES = (
    "requirements.txt",
    *(f"requirements/{name}.txt" for name in ("production", "prod", "requirements", "base", "common", "main", "default", "app")),
    *(f"requirements{joint}{name}.txt" for name in ("production", "prod", "base", "common") for joint in "-_"),
    "requirements.in",
    *(f"requirements/{name}.in" for name in ("production", "prod", "requirements", "base", "main")),
)


@dataclass(frozen=True)
class Declared:
    """What one file declares as run-time dependencies."""

    source: str
    """The file's name."""
    names: frozenset[str]
    """Canonical names of the packages, extras as `name[extra]` besides."""
    complete: bool
    """False where the list can't be read without the code: computed, or in further files."""


@dataclass(frozen=True)
class Listed:
    """What a requirements file and those that it includes list."""

    lines: tuple[str, ...]
    """Requirements and options; no constraints, no paths."""
    files: tuple[str, ...]
    """The paths of the files, that of the first one first."""
    needs_code: bool
    """Whether one of them names a folder, such as the project's own."""


def requirement_names(lines: Iterable[str]) -> frozenset[str]:
    """Return the canonical names in requirement lines; what is not a requirement is passed over."""
    names = set()
    for line in lines:
        text = re.split(r"\s#|\s--hash", line.strip())[0].strip().rstrip("\\")
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        names |= {name} | {f"{name}[{extra}]" for extra in requirement.extras}
    return frozenset(names)


def listed(folder: Folder, name: str) -> Listed:
    """Read a requirements file and those that it includes; a missing one lists nothing."""
    lines: list[str] = []
    files, needs_code = [name], False
    constraints = set()
    for file in files:
        for line in folder.read(file).splitlines():
            text = line.split(" #")[0].strip()
            if include := re.match(r"(-r|--requirement|-c|--constraint)[\s=]*([^\s=]\S*)", text):
                path = os.path.normpath(PurePosixPath(file).parent / include[2])
                if include[1] in {"-c", "--constraint"}:
                    constraints.add(path)
                if path not in files:
                    files.append(path)
            elif re.match(r"(-e|--editable)\b|\.{1,2}(/|$|\[)|file:|/|[^#]*@\s*file:", text):
                needs_code = True
            elif file not in constraints and text and not text.startswith("#"):
                lines.append(text)
    return Listed(tuple(lines), tuple(files), needs_code)


class Requirements:
    """Which files declare dependencies, and which ones.

    Args:
        folder: the project's.
        metadata: what it says about itself.
    """

    def __init__(self, folder: Folder, metadata: Metadata) -> None:
        self._folder = folder
        self._metadata = metadata

    @cached_property
    def declared(self) -> tuple[Declared, ...]:
        """What each file declares, in the order in which they are preferred."""
        return tuple(self._declared())

    @cached_property
    def names(self) -> frozenset[str]:
        """Canonical names of everything that any file declares."""
        return frozenset().union(*(declared.names for declared in self.declared))

    def _declared(self) -> Iterator[Declared]:
        has_file, metadata = self._folder.has_file, self._metadata
        project, poetry = metadata.table("project"), metadata.table("tool", "poetry")
        computed = "dependencies" in metadata.computed
        in_pyproject = self._in_project() | self._in_poetry()
        if computed:
            in_pyproject |= self._in_setup()
        if project and has_file("uv.lock"):
            yield Declared("uv.lock", in_pyproject, True)
        if (project or poetry) and has_file("poetry.lock"):
            yield Declared("poetry.lock", in_pyproject, True)
        if name := next(filter(has_file, FILES), ""):
            yield self._in_requirements(name)
        if project or poetry:
            yield Declared("pyproject.toml", in_pyproject, bool(project) and not computed)
            return
        if has_file("setup.py"):
            yield Declared("setup.py", self._in_setup(), False)
        if has_file("setup.cfg") and self._in_setup():
            yield Declared("setup.cfg", self._in_setup(), False)

    def _in_project(self) -> frozenset[str]:
        """Return what `[project] dependencies` lists."""
        lines = self._metadata.table("project").get("dependencies")
        return requirement_names(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else frozenset()

    def _in_poetry(self) -> frozenset[str]:
        """Return what Poetry's table of dependencies holds, but for Python itself."""
        names: set[str] = set()
        for name, value in self._metadata.table("tool", "poetry", "dependencies").items():
            names.add(canonicalize_name(name))
            if isinstance(value, dict) and isinstance(value.get("extras"), list):
                names |= {f"{canonicalize_name(name)}[{extra}]" for extra in value["extras"]}
        return frozenset(names - {"python"})

    def _in_requirements(self, name: str) -> Declared:
        """Read a requirements file and what it includes; it needs the code where it includes or names a path."""
        found = listed(self._folder, name)
        complete = len(found.files) == 1 and not found.needs_code
        names = requirement_names(found.lines)
        if not complete:
            names |= self._in_project() | self._in_setup()
        return Declared(name, names, complete)

    def _in_setup(self) -> frozenset[str]:
        """Return what setup.cfg and setup.py require, as far as they say it in plain text."""
        lines = self._metadata.setup_cfg.get("options", "install_requires", fallback="").splitlines()
        blocks = re.findall(r"(?:install_requires|requirements|requires)\s*=\s*\[(.*?)\]", self._metadata.setup_py, re.DOTALL)
        for block in blocks:
            lines += [first or second for first, second in re.findall(r"\"([^\"\n]+)\"|'([^'\n]+)'", block)]
        return requirement_names(lines)
