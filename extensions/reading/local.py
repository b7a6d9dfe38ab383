"""The packages that a project takes from folders beside its code: path dependencies, editable ones, members of a workspace."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from .folder import NO_NAME, Folder
from .metadata import Metadata

# What a path may hold beside letters, as words of a Dockerfile's shell.
PLAIN = re.compile(r"[\w./+@-]+")
MAX_MEMBERS = 100


def local_word(line: str) -> str:
    """Return a line of requirements that names a folder or an archive of the project's, as `-e libs/common` or `libs/common`.

    A path starts at the project's folder, and is `.` for that. The text is empty for what is no path, or an absolute one.
    """
    found = re.match(r"(-e|--editable)[\s=]+(.*)", line)
    text = found[2] if found else line
    text = re.sub(r"^[\w.-]+(\[.*?\])?\s*@\s*(?=file:)", "", text.split(" ;")[0].strip().strip("\"'"))
    text = re.sub(r"^file:(?://)?(?:/?\$\{PROJECT_ROOT\}/|/?\{root:uri\}/)?", "", text)
    text = re.sub(r"(#egg=.*|\[[\w, .-]*\])$", "", text)
    if not text or text.startswith(("/", "-", "$")) or re.match(r"\w+\+?\w*://|git\+", text):
        return ""
    path = os.path.normpath(text)
    return f"{'-e ' if found else ''}{path}" if PLAIN.fullmatch(path) else ""


def below(base: str, word: str) -> str:
    """Return such a word for a path that starts at a folder such as `backend/`."""
    return f"{'-e ' if word.startswith('-e ') else ''}{os.path.normpath(base + path_of(word))}"


def path_of(word: str) -> str:
    """Return the path in such a word."""
    return word.removeprefix("-e ")


class Local:
    """The packages of a project's own folders.

    Args:
        folder: the project's.
        metadata: what it says about itself.
    """

    def __init__(self, folder: Folder, metadata: Metadata) -> None:
        self._folder = folder
        self._metadata = metadata

    @cached_property
    def in_pyproject(self) -> tuple[str, ...]:
        """Those that pyproject.toml names for uv, Poetry and PDM, each as a word of `local_word`."""
        table = self._metadata.table
        lines = table("project").get("dependencies")
        words = [
            local_word(line) for line in (lines if isinstance(lines, list) else []) if isinstance(line, str) and "file:" in line
        ]
        for source in table("tool", "uv", "sources").values():
            words += [self._from_table(one, "editable") for one in (source if isinstance(source, list) else [source])]
        words += [self._from_table(one, "develop") for one in table("tool", "poetry", "dependencies").values()]
        words += [f"-e {path}" for path in self.members]
        return tuple(dict.fromkeys(below(self._metadata.base, word) for word in words if word))

    @cached_property
    def in_pipfile(self) -> tuple[str, ...]:
        """Those that Pipfile names."""
        packages = self._metadata.pipfile.get("packages")
        words = [self._from_table(one, "editable") for one in packages.values()] if isinstance(packages, dict) else []
        return tuple(dict.fromkeys(below(self._metadata.base, word) for word in words if word))

    @property
    def is_workspace(self) -> bool:
        """Whether pyproject.toml is the root of a workspace of uv's."""
        return bool(self._metadata.table("tool", "uv", "workspace"))

    @property
    def needs_workspace(self) -> bool:
        """Whether pyproject.toml takes packages from a workspace whose root lies above."""
        sources = self._metadata.table("tool", "uv", "sources").values()
        return not self.is_workspace and any(isinstance(one, dict) and one.get("workspace") is True for one in sources)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The folders of the members of a workspace of uv's."""
        workspace = self._metadata.table("tool", "uv", "workspace")
        found = {path: None for pattern in _texts(workspace.get("members")) for path in self._matching(pattern)}
        excluded = {path for pattern in _texts(workspace.get("exclude")) for path in self._matching(pattern)}
        return tuple(path for path in found if path not in excluded)

    def _matching(self, pattern: str) -> list[str]:
        """Return the folders with a pyproject.toml that a pattern names, in order."""
        root = self._folder.root / self._metadata.base
        try:
            found = sorted(
                path.relative_to(root).as_posix() for path in root.glob(pattern) if (path / "pyproject.toml").is_file()
            )
        except (ValueError, NotImplementedError, OSError, IndexError):
            return []
        return [path for path in found if PLAIN.fullmatch(path) and not NO_NAME.search(path) and path != "."][:MAX_MEMBERS]

    def _from_table(self, said: Any, editable: str) -> str:
        """Return the word for a dependency's table, empty where that names no path."""
        path = said.get("path") or said.get("file") if isinstance(said, dict) else None
        if not isinstance(path, str):
            return ""
        return local_word(f"-e {path}" if said.get(editable) is True else path)


def _texts(items: Any) -> Iterator[str]:
    yield from (item for item in items if isinstance(item, str)) if isinstance(items, list) else ()
