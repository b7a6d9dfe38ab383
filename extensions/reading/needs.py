"""What the tests and the development of a project need besides its run-time dependencies, and where that is declared."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .folder import Folder, section
from .metadata import Metadata, setup_argument, setup_extras
from .requirements import listed, requirement_names
from .source import parse
from .versions import caret_to_pep440

# What groups, extras and files of requirements for tests are called, and those that hold other tools as well.
TEST_NAMES = ("test", "tests", "testing", "pytest", "ci-test", "ci-tests", "test-ci")
DEV_NAMES = ("dev", "develop", "development", "local")
REQUIREMENTS = (
    *("requirements-{}.txt", "requirements_{}.txt", "{}-requirements.txt", "{}_requirements.txt"),
    *("requirements/{}.txt", "requirements/requirements-{}.txt", "requirements/{}/requirements.txt", "{}/requirements.txt"),
)


@dataclass(frozen=True)
class Needed:
    """What tests or development need besides the run-time dependencies."""

    arguments: tuple[str, ...] = ()
    """Of `uv pip install`: options with their value, and requirements."""
    sources: tuple[str, ...] = ()
    """The files that these name, relative to the project, with `/`."""
    code: bool = False
    """Whether the files don't do without the project's code."""


def named(table: Mapping[str, object], names: Collection[str]) -> list[str]:
    """Return a table's keys that are one of the names, in the order of these; `Test_CI` is `test-ci`."""
    return [key for name in names for key in table if canonicalize_name(key) == name and re.fullmatch(r"[\w.-]+", key)]


def plain_requirements(lines: object) -> tuple[str, ...]:
    """Return the requirements in a list, fit for double quotation marks of a shell; paths, URLs and options are left out."""
    requirements = []
    for line in lines if isinstance(lines, list | tuple) else ():
        try:
            requirement = Requirement(line if isinstance(line, str) else "")
        except InvalidRequirement:
            continue
        text = str(requirement).replace('"', "'")
        if not requirement.url and not re.search(r"[$`\\]", text):
            requirements.append(text)
    return tuple(requirements)


def from_table(table: Mapping[str, object]) -> tuple[str, ...]:
    """Return the requirements in a table of Poetry's or Pipenv's; those from paths, repositories and URLs are left out."""
    requirements: list[str] = []
    for name, value in table.items():
        for entry in value if isinstance(value, list) else [value]:
            said = entry if isinstance(entry, dict) else {"version": entry}
            if name == "python" or {"path", "file", "git", "url"} & said.keys():
                continue
            extras = ",".join(map(str, given)) if isinstance(given := said.get("extras"), list) else ""
            # Of alternatives there is no marker.
            python = "" if "|" in (python := str(said.get("python", ""))) else caret_to_pep440(python)
            pythons = re.findall(r"([<>=!~]+)\s*([\d.*]+)", python)
            markers = [f"python_full_version {operator} '{version}'" for operator, version in pythons]
            markers += [f"({said['markers']})"] if said.get("markers") else []
            text = f"{name}[{extras}]{caret_to_pep440(str(said.get('version', '*')))}"
            text += f" ; {' and '.join(markers)}" if markers else ""
            requirements += plain_requirements([text]) or plain_requirements([name])
    return tuple(requirements)


def joined(places: Iterable[Needed]) -> Needed:
    """Return what several places need together."""
    every = list(places)
    arguments = dict.fromkeys(word for needed in every for word in needed.arguments)
    sources = dict.fromkeys(path for needed in every for path in needed.sources)
    return Needed(tuple(arguments), tuple(sources), any(needed.code for needed in every))


class Needs:
    """What a project's tests and its development need.

    Args:
        folder: the project's.
        metadata: what it says about itself.
    """

    def __init__(self, folder: Folder, metadata: Metadata) -> None:
        self._folder = folder
        self._metadata = metadata

    @cached_property
    def needed(self) -> Needed:
        """What tests need, from the first place that is named for tests, else for development."""
        for names in (TEST_NAMES, DEV_NAMES):
            for needed in self._places(names):
                if needed.arguments:
                    return needed
        return Needed()

    def development(self, source: str) -> Needed:
        """Return what development needs, from the first place that is named for it.

        Of uv's groups it is those that uv installs by default. A lock file that is not uv's holds groups of its own tool too.

        Args:
            source: the file that the project is installed from.
        """
        if locked := self._locked_groups(source):
            return Needed((f"--group {locked[0]}",))
        defaults = self._metadata.table("tool", "uv").get("default-groups")
        names = [canonicalize_name(name) for name in defaults if isinstance(name, str)] if isinstance(defaults, list) else []
        if found := [needed for name in names for needed in self._groups((name,))]:
            return joined(found)
        return next((needed for needed in self._places(DEV_NAMES, environments=False) if needed.arguments), Needed())

    def names(self, *places: Needed) -> frozenset[str]:
        """Return the canonical names of what is needed, those in files and in groups among them."""
        lines: list[str] = []
        table = self._metadata.table
        for word in joined(places).arguments:
            option, _, value = word.partition(" ")
            name = value.rpartition(":")[2]
            if option == "-r":
                lines += listed(self._folder, value).lines if value.endswith((".txt", ".in")) else []
            elif option == "--extra":
                lines += plain_requirements(table("project", "optional-dependencies").get(name))
            elif option == "--group":
                lines += plain_requirements(table("dependency-groups").get(name))
                lines += from_table(table("tool", "poetry", "group", name, "dependencies"))
            else:
                lines.append(word)
        return requirement_names(lines)

    def _locked_groups(self, source: str) -> list[str]:
        """Return the groups for development in a lock file of Poetry's, PDM's or Pipenv's."""
        table = self._metadata.table
        groups = dict.fromkeys(table("dependency-groups"), True)
        lock = source.rpartition("/")[2]
        if lock == "poetry.lock":
            groups |= table("tool", "poetry", "group") | ({"dev": True} if table("tool", "poetry", "dev-dependencies") else {})
        elif lock == "pdm.lock":
            groups |= table("tool", "pdm", "dev-dependencies")
        elif lock.startswith("Pipfile"):
            groups = {"dev": True} if self._metadata.pipfile.get("dev-packages") else {}
        else:
            return []
        return named(groups, DEV_NAMES)

    def _places(self, names: tuple[str, ...], environments: bool = True) -> Iterator[Needed]:
        """Yield what tests need, from each place that has one of the names.

        Args:
            names: what the place may be called.
            environments: whether the environments of tools such as tox and Hatch are places too.
        """
        table = self._metadata.table
        yield from self._groups(names)
        yield from self._extras(names)
        for file in (form.format(name) for name in names for form in REQUIREMENTS):
            yield self._file(f"{self._metadata.base}{file}")
        groups = table("tool", "poetry", "group")
        for name in named(groups, names):
            yield Needed(from_table(table("tool", "poetry", "group", name, "dependencies")))
        if names is DEV_NAMES:
            yield Needed(from_table(table("tool", "poetry", "dev-dependencies")))
        pdm = table("tool", "pdm", "dev-dependencies")
        for name in named(pdm, names):
            yield Needed(plain_requirements(pdm[name]))
        hatch = ("hatch-test", *names) if names is TEST_NAMES else ("default", *names)
        for name in hatch if environments else ():
            env = table("tool", "hatch", "envs", name)
            yield Needed(plain_requirements(env.get("dependencies")) + plain_requirements(env.get("extra-dependencies")))
        if names is DEV_NAMES:
            yield self._tox() if environments else Needed()
            pipfile = self._metadata.pipfile.get("dev-packages")
            yield Needed(from_table(pipfile if isinstance(pipfile, dict) else {}))

    @property
    def _refers_to_folders(self) -> bool:
        """Whether pyproject.toml takes packages from folders beside it."""
        sources = self._metadata.table("tool", "uv", "sources").values()
        tables = [table for source in sources for table in (source if isinstance(source, list) else [source])]
        return any(isinstance(table, dict) and {"path", "workspace"} & table.keys() for table in tables)

    def _groups(self, names: tuple[str, ...]) -> Iterator[Needed]:
        """Yield what dependency groups list, with those that they include."""
        groups = self._metadata.table("dependency-groups")
        # uv's own table from before there were groups is its group dev.
        groups = {"dev": self._metadata.table("tool", "uv").get("dev-dependencies")} | groups
        for name in named(groups, names):
            entries, included = [], [name]
            for group in included:
                for entry in groups[group] if isinstance(groups[group], list) else []:
                    if isinstance(entry, str):
                        entries.append(entry)
                    elif isinstance(entry, dict) and isinstance(entry.get("include-group"), str):
                        more = named(groups, (canonicalize_name(entry["include-group"]),))
                        included += [one for one in more if one not in included]
            if not entries:
                continue
            base = self._metadata.base
            arguments, code = [f"--group {base}pyproject.toml:{name}" if base else f"--group {name}"], self._refers_to_folders
            # uv would take the project itself from PyPI.
            if canonicalize_name(str(self._metadata.table("project").get("name"))) in requirement_names(entries):
                arguments, code = [*arguments, "-e ."], True
            yield Needed(tuple(arguments), (f"{base}pyproject.toml",), code)

    def _extras(self, names: tuple[str, ...]) -> Iterator[Needed]:
        """Yield what extras list, those of setup.py and setup.cfg where pyproject.toml does not replace them."""
        metadata = self._metadata
        computed = bool(metadata.computed & {"dependencies", "optional-dependencies"})
        extras = metadata.table("project", "optional-dependencies")
        extras = extras | metadata.table("tool", "setuptools", "dynamic", "optional-dependencies") if computed else extras
        for name in named(extras, names):
            if extras[name]:
                code = computed or self._refers_to_folders
                file = f"{metadata.base}pyproject.toml"
                yield Needed((f"-r {file}", f"--extra {name}"), (file,), code)
        if metadata.table("project") and not computed:
            return
        # uv asks setuptools for the list, which reads whatever setup.py and setup.cfg name.
        in_cfg = section(metadata.setup_cfg, "options.extras_require")
        for file, legacy in (("setup.py", setup_extras(parse(metadata.setup_py))), ("setup.cfg", in_cfg)):
            for name in named(legacy, names) if metadata.installable else []:
                yield Needed((f"-r {metadata.base}{file}", f"--extra {name}"), (f"{metadata.base}{file}",), True)
        if names is TEST_NAMES:
            lines = metadata.setup_cfg.get("options", "tests_require", fallback="").splitlines()
            yield Needed(plain_requirements(setup_argument(parse(metadata.setup_py), "tests_require") or lines))

    def _file(self, file: str) -> Needed:
        """Return what a requirements file needs, nothing where it is missing or lists nothing."""
        found = listed(self._folder, file)
        if not found.lines and len(found.files) == 1 and not found.needs_code:
            return Needed()
        # uv reads no `-rFILE` without a blank.
        if any(re.search(r"^-[rc][^\s=]", self._folder.read(path), re.MULTILINE) for path in found.files):
            return Needed(plain_requirements(found.lines))
        inside = tuple(path for path in found.files if not path.startswith(("..", "/")) and self._folder.has(path))
        return Needed((f"-r {file}",), inside, found.needs_code)

    def _tox(self) -> Needed:
        """Return the dependencies of tox's environment: requirements, and files of them."""
        needed = Needed()
        for line in self._folder.ini("tox.ini").get("testenv", "deps", fallback="").splitlines():
            text = line.split(" #")[0].strip().replace("{toxinidir}/", "").replace("{tox_root}/", "")
            if include := re.fullmatch(r"-r\s*([\w./-]+)", text):
                more = self._file(os.path.normpath(include[1]))
            else:
                more = Needed(plain_requirements([text]))
            needed = Needed(needed.arguments + more.arguments, needed.sources + more.sources, needed.code or more.code)
        return needed
