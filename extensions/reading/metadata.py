"""What a project says about itself in pyproject.toml, setup.py and setup.cfg."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from .folder import Folder
from .source import assigned_to, called_name
from .versions import caret_to_pep440


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
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.pyproject = folder.toml("pyproject.toml")
        self.setup_py = folder.read("setup.py")
        self.setup_cfg = folder.ini("setup.cfg")
        self._has_setup_py = folder.has_file("setup.py")

    def table(self, *keys: str) -> dict[str, Any]:
        """Return a table of pyproject.toml, empty where it is missing or no table."""
        table: Any = self.pyproject
        for key in keys:
            table = table.get(key) if isinstance(table, dict) else None
        return table if isinstance(table, dict) else {}

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
        return bool(self.table("build-system")) or self._has_setup_py

    @cached_property
    def scripts(self) -> dict[str, str]:
        """The console scripts that the project installs, and what each calls, as in `package.module:function`."""
        legacy = self.setup_cfg.get("options.entry_points", "console_scripts", fallback="")
        found = re.search(r"console_scripts[\"']?\s*[:=]\s*\[(.*?)\]", self.setup_py, re.DOTALL)
        legacy += "\n" + (found[1] if found else "")
        tables = self.table("project", "scripts") | self.table("tool", "poetry", "scripts")
        named = {name: target if isinstance(target, str) else "" for name, target in tables.items()}
        return named | dict(re.findall(r"([\w.-]+)\s*=\s*([\w.]+:\w+)", legacy))

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
            if found := re.search(form, self._folder.read(file), re.MULTILINE):
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
