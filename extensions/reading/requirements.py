"""What a project declares that it depends on, file by file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .folder import Folder
from .local import Local, local_word
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
    local: tuple[str, ...]
    """The folders and archives that they name, as words of `local_word`."""


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


def table_names(table: Mapping[str, object]) -> frozenset[str]:
    """Return the canonical names in a table of Poetry's or Pipenv's, extras as `name[extra]` besides."""
    names: set[str] = set()
    for name, value in table.items():
        names.add(canonicalize_name(name))
        if isinstance(value, dict) and isinstance(value.get("extras"), list):
            names |= {f"{canonicalize_name(name)}[{extra}]" for extra in value["extras"]}
    return frozenset(names)


def listed(folder: Folder, name: str) -> Listed:
    """Read a requirements file and those that it includes; a missing one lists nothing."""
    lines: list[str] = []
    local: list[str] = []
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
                local += [local_word(text)] if file not in constraints else []
            elif file not in constraints and text and not text.startswith("#"):
                lines.append(text)
    return Listed(tuple(lines), tuple(files), needs_code, tuple(dict.fromkeys(filter(None, local))))


@dataclass(frozen=True)
class Environment:
    """What an environment of conda's declares."""

    name: str
    """The file's name, empty where there is none."""
    pip: tuple[str, ...]
    """Lines of requirements, which pip is told."""
    conda: tuple[str, ...]
    """The names of conda's own packages, but for Python and pip."""


def environment(folder: Folder, base: str = "") -> Environment:
    """Read the file of an environment of conda's, in the folder that the app has of its own."""
    name = next(filter(folder.has_file, (f"{base}environment.yml", f"{base}environment.yaml")), "")
    if not name:
        return Environment("", (), ())
    # Here, because few projects have one.
    import yaml

    try:
        loaded = yaml.safe_load(folder.read(name))
    except (yaml.YAMLError, RecursionError, ValueError):
        loaded = None
    entries = loaded.get("dependencies") if isinstance(loaded, dict) else None
    pip: list[str] = []
    conda: list[str] = []
    for entry in entries if isinstance(entries, list) else []:
        lines = entry.get("pip") if isinstance(entry, dict) else None
        pip += [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
        if isinstance(entry, str) and (found := re.match(r"(?:[\w.-]+::)?([\w.-]+)", entry)):
            conda.append(found[1])
    return Environment(name, tuple(pip), tuple(one for one in conda if one not in {"python", "pip"}))


def is_exported(folder: Folder, base: str) -> bool:
    """Tell whether the PDM of today makes a list of pdm.lock: of one with markers, and with the hash that it knows (2.16)."""
    metadata = folder.toml(f"{base}pdm.lock").get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    version = tuple(map(int, re.findall(r"\d+", str(said.get("lock_version")))))
    return version >= (4, 4, 2) and "inherit_metadata" in str(said.get("strategy"))


class Requirements:
    """Which files declare dependencies, and which ones.

    Args:
        folder: the project's.
        metadata: what it says about itself.
        local: the packages of its own folders.
    """

    def __init__(self, folder: Folder, metadata: Metadata, local: Local) -> None:
        self._folder = folder
        self._metadata = metadata
        self._local = local

    @cached_property
    def declared(self) -> tuple[Declared, ...]:
        """What each file declares, in the order in which they are preferred."""
        return tuple(self._declared())

    @cached_property
    def environment(self) -> Environment:
        """What an environment of conda's declares."""
        return environment(self._folder, self._metadata.base)

    @property
    def base(self) -> str:
        """The folder that the app has of its own, ending in `/`; empty where that is the project."""
        return self._metadata.base

    @cached_property
    def names(self) -> frozenset[str]:
        """Canonical names of everything that any file declares."""
        return frozenset().union(*(declared.names for declared in self.declared))

    def _declared(self) -> Iterator[Declared]:
        has_file, metadata = self._folder.has_file, self._metadata
        base = metadata.base
        project, poetry = metadata.table("project"), metadata.table("tool", "poetry")
        computed = "dependencies" in metadata.computed
        in_pyproject = self._in_project() | self._in_poetry()
        if computed:
            in_pyproject |= self._in_setup()
        if (project or self._local.is_workspace) and has_file(f"{base}uv.lock"):
            yield Declared(f"{base}uv.lock", in_pyproject | self._in_members(), True)
        if (project or poetry) and has_file(f"{base}poetry.lock"):
            yield Declared(f"{base}poetry.lock", in_pyproject, True)
        if project and has_file(f"{base}pdm.lock") and is_exported(self._folder, base):
            yield Declared(f"{base}pdm.lock", in_pyproject, True)
        if name := next(filter(has_file, (f"{base}{file}" for file in FILES)), ""):
            yield self._in_requirements(name)
        if has_file(f"{base}Pipfile"):
            locked = has_file(f"{base}Pipfile.lock")
            yield Declared(f"{base}Pipfile.lock" if locked else f"{base}Pipfile", self._in_pipfile(), True)
        of_conda = []
        if self.environment.name and self.environment.pip:
            of_conda = [Declared(self.environment.name, requirement_names(self.environment.pip), True)]
        packaged = list(self._packaged(in_pyproject, computed))
        # What a package declares of itself is what it needs: conda's file beside it is for those who work on it.
        known = any(one.names for one in packaged)
        yield from (packaged + of_conda) if known else (of_conda + packaged)

    def _packaged(self, in_pyproject: frozenset[str], computed: bool) -> Iterator[Declared]:
        """Yield what declares a package's own dependencies."""
        has_file, metadata, base = self._folder.has_file, self._metadata, self.base
        project = metadata.table("project")
        if project or metadata.table("tool", "poetry"):
            plain = bool(project) and not computed and not self._local.in_pyproject
            yield Declared(f"{base}pyproject.toml", in_pyproject, plain)
            return
        if has_file(f"{base}setup.py"):
            yield Declared(f"{base}setup.py", self._in_setup(), False)
        if has_file(f"{base}setup.cfg") and self._in_setup():
            yield Declared(f"{base}setup.cfg", self._in_setup(), False)

    def _in_project(self) -> frozenset[str]:
        """Return what `[project] dependencies` lists."""
        lines = self._metadata.table("project").get("dependencies")
        return requirement_names(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else frozenset()

    def _in_members(self) -> frozenset[str]:
        """Return what the members of a workspace depend on."""
        lines: list[object] = []
        for path in self._local.members:
            project = self._folder.toml(f"{self._metadata.base}{path}/pyproject.toml").get("project")
            listed = project.get("dependencies") if isinstance(project, dict) else None
            lines += listed if isinstance(listed, list) else []
        return requirement_names(line for line in lines if isinstance(line, str))

    def _in_pipfile(self) -> frozenset[str]:
        """Return the packages that Pipfile names, with their extras."""
        packages = self._metadata.pipfile.get("packages")
        return table_names(packages if isinstance(packages, dict) else {})

    def _in_poetry(self) -> frozenset[str]:
        """Return what Poetry's table of dependencies holds, but for Python itself and what is optional."""
        table = self._metadata.table("tool", "poetry", "dependencies")
        # What is optional belongs to an extra, which nobody has asked for.
        asked = {name: said for name, said in table.items() if not (isinstance(said, dict) and said.get("optional") is True)}
        return table_names(asked) - {"python"}

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
