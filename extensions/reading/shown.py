"""Folders that show how something is used, such as examples: a library's are no app, and what imports one has it for a part."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from .source import imports

# What a folder with documentation, examples or measurements is called.
SHOWING = frozenset(
    {"docs", "doc", "docs_src", "example", "examples", "sample", "samples", "benchmark", "benchmarks", "bench", "notebooks"}
    # What a command makes a new project of, as Django's does.
    | {"project_template", "app_template"}
)
# The same in a library; an app may be called so.
DEMOS = frozenset({"demo", "demos", "tutorial", "tutorials", "showcase", "cookbook", "playground"})
# Files that say what a project is, and what starts it.
SAYING = ("Procfile", "Dockerfile", "pyproject.toml", "setup.py", "setup.cfg", "manage.py")
APPS = re.compile(r"\bINSTALLED_APPS\b")


def folders_in(path: str, names: Iterable[str]) -> list[str]:
    """Return the folders of a path that have one of the names, the outermost first."""
    parts = PurePosixPath(path).parts[:-1]
    return ["/".join(parts[: number + 1]) for number, part in enumerate(parts) if part in names]


class Shown:
    """Which files of such folders are a part of a project.

    Args:
        read: returns the text of a file.
        found: the paths of the sources, those of such folders among them.
    """

    def __init__(self, read: Callable[[str], str], found: Sequence[str]) -> None:
        self._read = read
        self._found = found
        self._imports: dict[str, list[tuple[int, str]]] = {}
        said = read("pyproject.toml")
        library = bool(read("setup.py") or re.search(r"^\[build-system\]", said, re.MULTILINE))
        names = SHOWING | DEMOS if library else SHOWING
        self._inside = {path: folders for path in found if (folders := folders_in(path, names))}

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources without those that only show something; these where there are no others."""
        if not self._inside:
            return (*self._found,)
        own = [path for path in self._found if path not in self._inside]
        if not own:
            least = min(map(len, self._inside.values()))
            # Sphinx has its settings in Python, whatever the project is written in.
            return tuple(path for path in self._found if len(self._inside[path]) == least and not path.endswith("/conf.py"))
        used = {folder for folder in {one for folders in self._inside.values() for one in folders} if self._is_used(folder, own)}
        return tuple(path for path in self._found if used.issuperset(self._inside.get(path, ())))

    def _is_used(self, folder: str, own: Iterable[str]) -> bool:
        """Tell whether the project's own code imports something of a folder, or a file of the project says that it is an app."""
        parts = folder.split("/")
        # Imports start at the top, or from a folder that is no package itself, such as `src`.
        tops = [0, *([1] if len(parts) > 1 and f"{parts[0]}/__init__.py" not in self._found else [])]
        modules = tuple(".".join(parts[top:]) for top in tops)
        if any(self._is_said(file, folder, modules) for file in SAYING):
            return True
        word = re.compile(rf"\b{re.escape(parts[-1])}\b")
        return any(self._is_imported(path, folder, modules) for path in own if word.search(self._read(path)))

    def _is_imported(self, path: str, folder: str, modules: tuple[str, ...]) -> bool:
        """Tell whether a source imports a module of the folder, or names one for Django."""
        if path not in self._imports:
            self._imports[path] = [*imports(self._read(path))]
        below = tuple(f"{module}." for module in modules)
        for level, name in self._imports[path]:
            place = PurePosixPath(path).parent.joinpath(*[".."] * (level - 1), *name.split("."))
            if f"{os.path.normpath(place)}/".startswith(f"{folder}/") if level else f"{name}.".startswith(below):
                return True
        text = self._read(path)
        quoted = re.findall(r"[\"']([A-Za-z_]\w*(?:\.\w+)*)(?::\w+)?[\"']", text)
        # An app of Django's is named by its package alone.
        as_app = APPS.search(text) is not None and not {*modules}.isdisjoint(quoted)
        return as_app or any(self._is_module(name, folder, modules) for name in quoted)

    def _is_module(self, name: str, folder: str, modules: Iterable[str]) -> bool:
        """Tell whether a name is that of a module in the folder."""
        for module in modules:
            rest = name.removeprefix(f"{module}.")
            inner = f"{folder}/{rest.split('.')[0]}"
            if rest != name and any(path in self._found for path in (f"{inner}.py", f"{inner}/__init__.py")):
                return True
        return False

    def _is_said(self, file: str, folder: str, modules: tuple[str, ...]) -> bool:
        """Tell whether a file names a module of the folder, or the project by it."""
        text = self._read(file)
        if not text:
            return False
        if file in {"Procfile", "Dockerfile"}:
            names = re.findall(r"[\w./-]+", text)
            return any(self._is_module(re.sub(r"\.py$", "", name).replace("/", "."), folder, modules) for name in names)
        if any(re.search(rf"\bname\s*=\s*[\"']?{re.escape(module)}[\"'\s]", text) for module in modules):
            return True
        targets = re.findall(r"[\"'=\s]([A-Za-z_]\w*(?:\.\w+)*):\w+", text)
        return any(self._is_module(name, folder, modules) for name in targets)
