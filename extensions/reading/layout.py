"""Where a project's code lies: its packages, and the folder that imports start from."""

from __future__ import annotations

import keyword
import shlex
import sys
from functools import cached_property
from pathlib import PurePosixPath

from .folder import Folder
from .metadata import Metadata

# Modules in which a server is looked for first.
STEMS = ("server", "main", "app", "asgi", "wsgi", "__init__", "api", "application", "web", "core", "run", "__main__")


class Layout:
    """The layout of a project's code.

    Args:
        folder: the project's.
        metadata: what it says about itself.
    """

    def __init__(self, folder: Folder, metadata: Metadata) -> None:
        self._sources = folder.sources
        self._folder_name = folder.root.name
        self._metadata = metadata

    @property
    def has_app(self) -> bool:
        """Whether there is Python code that may be an app."""
        return bool(self._sources)

    @property
    def name(self) -> str:
        """The folder's name, cut to what a project's name may be."""
        return "".join(char for char in self._folder_name if char.isprintable()).strip()[:60].strip() or "app"

    @cached_property
    def source_folder(self) -> str:
        """The folder that imports start from: `src` in a src layout, else `.`."""
        in_src = [source for source in self._sources if source.startswith("src/")]
        if not in_src or "src/__init__.py" in in_src:
            return "."
        outside = [source for source in self._sources if source.endswith("/__init__.py") and not source.startswith("src/")]
        return "." if outside and not any(source.endswith("/__init__.py") for source in in_src) else "src"

    @cached_property
    def prefix(self) -> str:
        """What the paths of importable files begin with: `src/` in a src layout, else nothing."""
        return "" if self.source_folder == "." else f"{self.source_folder}/"

    def module_of(self, path: str) -> str:
        """Return the dotted name under which a file is imported from the source folder."""
        parts = PurePosixPath(path.removeprefix(self.prefix)).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The name of the main package, empty where there is none."""
        return self.packages[0] if self.packages else ""

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """Names of the top-level packages, the project's namesake first, then those that hold more modules."""
        size: dict[str, int] = {}
        inits = set()
        for source in self._sources:
            if source.startswith(self.prefix) and "/" in (rest := source.removeprefix(self.prefix)):
                top = rest.split("/")[0]
                size[top] = size.get(top, 0) + 1
                if rest == f"{top}/__init__.py":
                    inits.add(top)
        namesakes = {name.lower().replace("-", "_").replace(".", "_") for name in self._metadata.names()}
        # The rest can't be a package_name: a package that hides a module of the standard library, say.
        names = [
            name for name in size if name.isidentifier() and not keyword.iskeyword(name) and name not in sys.stdlib_module_names
        ]
        return tuple(sorted(names, key=lambda name: (name.lower() not in namesakes, name not in inits, -size[name], name)))

    def plain_command(self, package: str) -> str:
        """Return the command that most likely starts an app without a known framework, as shell words.

        Args:
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        sources = set(self._sources)
        for module in ("server", "__main__", "main", "app"):
            if f"{self.prefix}{package}/{module}.py" in sources:
                return f"python -m {package}" if module == "__main__" else f"python -m {package}.{module}"
        for script in self._metadata.scripts:
            if script.replace("-", "_") == package or script.endswith(("server", "serve")):
                return shlex.quote(script)
        for name in ("server.py", "main.py", "app.py", "run.py", "wsgi.py", "__main__.py"):
            if name in sources:
                return f"python {name}"
        top = [source for source in self._sources if "/" not in source]
        return f"python {shlex.quote(top[0])}" if len(top) == 1 and not self.packages else f"python -m {package}.server"
