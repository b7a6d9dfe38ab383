"""Which files of a project run when one of them is started."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from .folder import Folder
from .source import imports

MAX_REACHED = 200


class Imports:
    """Which files of a project import which.

    Args:
        folder: the project's.
        prefix: what the paths of importable files begin with.
        at_import: whether only what is imported together with a file counts, and nothing inside functions.
    """

    def __init__(self, folder: Folder, prefix: str, *, at_import: bool = False) -> None:
        self._folder = folder
        self._prefix = prefix
        self._at_import = at_import
        self._by_source: dict[str, list[str]] = {}

    def file(self, module: str, *folders: str) -> str:
        """Return the first file that a module is imported from, relative to one of the folders; empty where there is none."""
        for folder in folders:
            stem = os.path.normpath(PurePosixPath(folder, *module.split(".")))
            # Of a module and a package of one name Python takes the package.
            for file in (f"{stem}/__init__.py", f"{stem}.py"):
                if not file.startswith("..") and self._folder.has(file):
                    return file
        return ""

    def of(self, source: str) -> list[str]:
        """Return the files of the project that a source imports."""
        if source not in self._by_source:
            folder = str(PurePosixPath(source).parent)
            self._by_source[source] = [
                self.file(name, *([folder + "/.." * (level - 1)] if level else [self._prefix, "", folder]))
                for level, name in imports(self._folder.read(source), at_import=self._at_import)
            ]
        return self._by_source[source]

    def files(self, path: str) -> list[str]:
        """Return a source, and all those of the project that are imported on the way."""
        files = [path]
        for source in files:
            new = [file for file in dict.fromkeys(self.of(source)) if file and file not in files]
            files += new[: MAX_REACHED - len(files)]
        return files

    def reached(self, path: str) -> tuple[str, ...]:
        """Return the text of a source, and of all those of the project that are imported on the way."""
        return tuple(map(self._folder.read, self.files(path)))
