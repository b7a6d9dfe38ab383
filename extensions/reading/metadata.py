"""What a project says about itself in pyproject.toml, setup.py and setup.cfg."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from .folder import Folder, section
from .source import assigned_to, called_name
from .versions import caret_to_pep440

# What a project that compiles modules is built with.
COMPILERS = {"cython", "pybind11", "nanobind", "scikit-build", "scikit-build-core", "meson-python"}
# What names a project's code to setuptools, in setup.cfg and setup.py, and folders that it takes for no package.
CODE_NAMES = frozenset({"packages", "py_modules", "package_dir"})
SETUP_NAMES = re.compile(r"\b(?:packages|py_modules|package_dir)\s*=")
ASIDE = frozenset(
    {"test", "tests", "docs", "doc", "example", "examples", "scripts", "tools", "util", "utils", "benchmarks", "bin", "ci"}
)


def setup_keyword(tree: ast.Module, keyword: str) -> ast.expr | None:
    """Return a keyword argument of the call of `setup` in setup.py."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and called_name(node) == "setup")
    given = [one.value for node in calls for one in node.keywords if one.arg == keyword]
    # Some collect them first, for `setup(**arguments)`.
    value = given[0] if given else assigned_to(tree, keyword)
    return assigned_to(tree, value.id) if isinstance(value, ast.Name) else value


def setup_argument(tree: ast.Module, keyword: str) -> list[str]:
    """Return the texts in a list that setup.py hands to `setup`, none where it is computed."""
    node = setup_keyword(tree, keyword)
    items = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]


def setup_extras(tree: ast.Module) -> dict[str, object]:
    """Return the names of the extras in setup.py, as keys."""
    node = setup_keyword(tree, "extras_require")
    keys = node.keys if isinstance(node, ast.Dict) else []
    return {key.value: True for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


class Metadata:
    """The three files, read once.

    Args:
        folder: the project's.
        base: the folder that the app has of its own, ending in `/`; empty where that is the project.
    """

    def __init__(self, folder: Folder, base: str = "") -> None:
        self._folder = folder
        self.base = base
        self.pyproject = folder.toml(f"{base}pyproject.toml")
        self.setup_py = folder.read(f"{base}setup.py")
        self.setup_cfg = folder.ini(f"{base}setup.cfg")
        self._has_setup_py = folder.has_file(f"{base}setup.py")

    def table(self, *keys: str) -> dict[str, Any]:
        """Return a table of pyproject.toml, empty where it is missing or no table."""
        table: Any = self.pyproject
        for key in keys:
            table = table.get(key) if isinstance(table, dict) else None
        return table if isinstance(table, dict) else {}

    @cached_property
    def pipfile(self) -> dict[str, Any]:
        """What Pipfile says."""
        return self._folder.toml(f"{self.base}Pipfile")

    @cached_property
    def computed(self) -> frozenset[str]:
        """What `[project]` leaves to the build backend: `dependencies`, say."""
        dynamic = self.table("project").get("dynamic")
        return frozenset(map(str, dynamic)) if isinstance(dynamic, list) else frozenset()

    def names(self) -> Iterator[str]:
        """Yield the names that the project gives itself, empty ones among them."""
        yield str(self.table("project").get("name", ""))
        yield str(self.table("tool", "poetry").get("name", ""))
        found = re.search(r"\bname\s*=\s*[\"']([^\"']+)[\"']", self.setup_py)
        yield found[1] if found else ""

    @property
    def installable(self) -> bool:
        """Whether the project can be installed, and its console scripts with it."""
        built = bool(self.table("build-system")) or self._has_setup_py
        return not self.base and built and not self._moves_code

    @property
    def _moves_code(self) -> bool:
        """Whether setuptools asks a module for the version that is not here: something moves the code before it is built."""
        table = self.table("tool", "setuptools", "dynamic", "version")
        top, elsewhere = str(table.get("attr", "")).split(".")[0], self.table("tool", "setuptools", "package-dir")
        places = (f"{folder}{top}{end}" for folder in ("", "src/", "lib/") for end in ("", ".py"))
        return bool(top) and not elsewhere and not any(map(self._folder.has, places))

    @cached_property
    def scripts(self) -> dict[str, str]:
        """The console scripts that the project installs, and what each calls, as in `package.module:function`."""
        legacy = self.setup_cfg.get("options.entry_points", "console_scripts", fallback="")
        found = re.search(r"console_scripts[\"']?\s*[:=]\s*\[(.*?)\]", self.setup_py, re.DOTALL)
        legacy += "\n" + (found[1] if found else "")
        tables = self.table("project", "scripts") | self.table("tool", "poetry", "scripts")
        named = {name: target if isinstance(target, str) else "" for name, target in tables.items()}
        return named | dict(re.findall(r"([\w.-]+)\s*=\s*([\w.]+:\w+)", legacy))

    @cached_property
    def found_package(self) -> str:
        """The one package that setuptools finds at the top by itself: it refuses to choose, once there is another folder."""
        said = self.table("tool", "setuptools")
        backend = str(self.table("build-system").get("build-backend", "setuptools"))
        named = {"packages", "py-modules", "package-dir"} & said.keys() or section(self.setup_cfg, "options").keys() & CODE_NAMES
        if (
            self.base
            or not self.installable
            or named
            or not backend.startswith("setuptools")
            or SETUP_NAMES.search(self.setup_py)
        ):
            return ""
        tops = {path.split("/")[0] for path in self._folder.sources if path.count("/") and path.endswith("/__init__.py")}
        found = [name for name in sorted(tops - ASIDE) if self._folder.has(f"{name}/__init__.py")]
        return found[0] if len(found) == 1 and not self._folder.has("src") else ""

    @property
    def written_by_build(self) -> tuple[str, ...]:
        """The paths of the modules that a build writes the version into."""
        said = [
            self.table("tool", "hatch", "build", "hooks", "vcs").get("version-file"),
            *(self.table("tool", "setuptools_scm").get(key) for key in ("version_file", "write_to")),
            self.table("tool", "pdm", "version").get("write_to"),
            self.table("tool", "versioningit", "write").get("file"),
            *re.findall(r"(?:write_to|version_file)[\"']?\s*[:=]\s*[\"']([\w./-]+\.py)[\"']", self.setup_py),
        ]
        return tuple(f"{self.base}{path}" for path in dict.fromkeys(said) if isinstance(path, str) and path.endswith(".py"))

    @property
    def compiles(self) -> bool:
        """Whether the project can be installed, and a build compiles modules of it, in C or what becomes C."""
        requires = self.table("build-system").get("requires")
        names = {re.split(r"[^\w.-]", word, maxsplit=1)[0].lower() for word in requires or [] if isinstance(word, str)}
        declared = self.table("tool", "setuptools").get("ext-modules") or re.search(r"\b(?:ext|cffi)_modules\b", self.setup_py)
        return self.installable and bool(declared or names & COMPILERS)

    @property
    def build_adds_modules(self) -> bool:
        """Whether a build writes modules into the package that a checkout lacks."""
        return self.compiles or (self.installable and self.written_by_build != ())

    def pinned_python(self) -> str:
        """Return the version of Python that a file pins, such as `3.12`; empty where none does."""
        first = r"^\s*(?:cpython-|python-)?(3\.\d+)"
        for file, form in (
            (".python-version", first),
            ("runtime.txt", first),
            (".tool-versions", r"^python\s+(3\.\d+)"),
            ("mise.toml", r"^python\s*=\s*[\"'](3\.\d+)"),
            ("Pipfile", r"^python_(?:full_)?version\s*=\s*[\"'](3\.\d+)"),
        ):
            if found := re.search(form, self._folder.read(file) or self._folder.read(f"{self.base}{file}"), re.MULTILINE):
                return found[1]
        return ""

    def requires_python(self) -> str:
        """Return the version specifier for Python, empty where none is declared; a pinned version is one of its own."""
        if pinned := self.pinned_python():
            return f"=={pinned}.*"
        declared = self.table("project").get("requires-python")
        if isinstance(declared, str):
            return declared
        poetry = self.table("tool", "poetry", "dependencies").get("python")
        if isinstance(poetry, str):
            return caret_to_pep440(poetry)
        if declared := self.setup_cfg.get("options", "python_requires", fallback=""):
            return declared
        found = re.search(r"python_requires\s*=\s*[\"']([^\"']+)[\"']", self.setup_py)
        return found[1] if found else ""
