"""The files of a project: which there are, and what is in them.

Everything is only read, nothing is imported or run, and a file that can't be read counts as a missing one.
"""

from __future__ import annotations

import configparser
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from .shown import Shown

# Folders and files with Python that is no part of an app.
IGNORED_FOLDERS = frozenset(
    {"node_modules", "venv", "env", "virtualenv", "site-packages", "build", "dist", "tests", "test", "testing"}
    | {"scripts", "tools", "migrations", "alembic", "ci", "bin", "typings", "stubs", "vendor", "third_party"}
    | {"ansible", "deploy", "hooks"}
)
IGNORED_FILES = frozenset({"setup.py", "conftest.py", "noxfile.py", "fabfile.py", "versioneer.py", "hatch_build.py"})
# Invoke's tasks have the name that Celery's have.
INVOKE = re.compile(r"^\s*(?:from|import)\s+invoke\b", re.MULTILINE)
# What no answer can hold: control characters, bytes that are no UTF-8, and what YAML has no place for.
NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
MAX_FILES = 3000
MAX_FOLDERS = 5000
MAX_BYTES = 400_000


def read(path: Path, most: int = MAX_BYTES) -> str:
    """Return a file's text; empty where it is missing, unreadable, no plain file or larger than a source file is."""
    try:
        facts = path.stat()
        # Opening a pipe would wait for ever.
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > most:
            return ""
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except (OSError, ValueError):
        return ""


def section(config: configparser.ConfigParser, name: str) -> dict[str, str]:
    """Return a section of an INI file, empty where it has none."""
    return dict(config[name]) if config.has_section(name) else {}


def is_app_file(name: str) -> bool:
    """Tell whether a file of that name may be part of an app."""
    tests = name.startswith("test_") or name.endswith("_test.py")
    return name.endswith(".py") and name not in IGNORED_FILES and not tests


class Folder:
    """A project's folder.

    Args:
        root: the folder; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    def read(self, name: str) -> str:
        """Return a file's text, empty where it can't be read; once read it is remembered, as several parts look for their own."""
        if name not in self._texts:
            self._texts[name] = read(self.root / name)
        return self._texts[name]

    def has(self, name: str) -> bool:
        """Tell whether there is a file, folder or link of that name."""
        return os.path.lexists(self.root / name)

    def has_file(self, name: str) -> bool:
        """Tell whether there is a file of that name."""
        return (self.root / name).is_file()

    def names(self, path: str) -> list[str]:
        """Return the names of what is in a folder below, in order; none where it can't be read."""
        try:
            return sorted(os.listdir(self.root / path))
        except OSError:
            return []

    @cached_property
    def repository(self) -> Path | None:
        """The top of the Git repository that the folder is in; None outside of one, and where it is the home folder."""
        found = next((folder for folder in (self.root, *self.root.parents) if os.path.lexists(folder / ".git")), None)
        return None if found == Path.home() else found

    def toml(self, name: str) -> dict[str, Any]:
        """Return a TOML file's content, empty where it is missing or broken."""
        try:
            return tomllib.loads(self.read(name))
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def ini(self, name: str) -> configparser.ConfigParser:
        """Return an INI file's content, empty where it is missing or broken."""
        config = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            config.read_string(self.read(name))
        except configparser.Error:
            return configparser.ConfigParser()
        return config

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The paths of the Python files that may be part of the app, nearest first, with `/`."""
        found = self.files(
            lambda name: name not in IGNORED_FOLDERS and not name.endswith((".egg-info", "_tests")),
            is_app_file,
        )
        own = [path for path in found if not (path.endswith("tasks.py") and INVOKE.search(self.read(path)))]
        return Shown(self.read, own).sources

    def files(self, enters: Callable[[str], bool], takes: Callable[[str], bool]) -> Iterator[str]:
        """Yield the paths of files, nearest first, outside hidden folders and environments.

        Args:
            enters: whether a folder of that name is looked into.
            takes: whether a file of that name is yielded.
        """
        level, found, seen = [self.root], 0, 0
        while level and found < MAX_FILES:
            deeper: list[Path] = []
            for folder in level[: MAX_FOLDERS - seen]:
                seen += 1
                try:
                    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
                except OSError:
                    continue
                names = {entry.name for entry in entries}
                if folder != self.root and names & {"pyvenv.cfg", "conda-meta"}:
                    continue
                for entry in entries:
                    if entry.name.startswith(".") or NO_NAME.search(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if enters(entry.name):
                            deeper.append(Path(entry.path))
                    elif takes(entry.name) and found < MAX_FILES:
                        found += 1
                        yield Path(entry.path).relative_to(self.root).as_posix()
            level = deeper
