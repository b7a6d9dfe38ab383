"""Where a project's code lies: its packages, and the folder that imports start from."""

from __future__ import annotations

import keyword
import shlex
import sys
from functools import cached_property
from pathlib import PurePosixPath

from .folder import Folder
from .metadata import Metadata
from .nested import import_root
from .source import runs

# Modules in which a server is looked for first.
STEMS = ("server", "main", "app", "asgi", "wsgi", "__init__", "api", "application", "web", "core", "run", "__main__")


class Layout:
    """The layout of a project's code.

    Args:
        folder: the project's.
        metadata: what it says about itself.
        declared: the packages that it depends on.
    """

    def __init__(self, folder: Folder, metadata: Metadata, declared: frozenset[str] = frozenset()) -> None:
        self._declared = declared
        self._folder = folder
        self._sources = folder.sources
        self._folder_name = folder.root.name
        self._metadata = metadata

    @property
    def base(self) -> str:
        """The folder that the app has of its own, ending in `/`; empty where that is the project."""
        return self._metadata.base

    @property
    def has_app(self) -> bool:
        """Whether there is Python code that may be an app."""
        # A library may be of modules in C alone.
        return bool(self._sources) or self._metadata.compiles

    @property
    def name(self) -> str:
        """The folder's name, cut to what a project's name may be."""
        return "".join(char for char in self._folder_name if char.isprintable()).strip()[:60].strip() or "app"

    @cached_property
    def source_folder(self) -> str:
        """The folder that imports start from: `src` in a src layout, `.`, or the one that the code imports from."""
        if base := self._metadata.base:
            inner = [source for source in self._sources if source.startswith(f"{base}src/")]
            return f"{base}src" if inner and f"{base}src/__init__.py" not in inner else base[:-1]
        in_src = [source for source in self._sources if source.startswith("src/")]
        if not in_src or "src/__init__.py" in in_src:
            return import_root(self._folder, self._declared)[:-1] or "."
        outside = [source for source in self._sources if source.endswith("/__init__.py") and not source.startswith("src/")]
        if outside and not any(source.endswith("/__init__.py") for source in in_src):
            return "."
        return import_root(self._folder, self._declared)[:-1] or "src"

    def started_there(self, command: str) -> str:
        """Return a command so that it runs in the folder that the app has of its own, with paths as they are there."""
        if not (base := self._metadata.base) or not command:
            return command
        return shlex.join(["env", f"--chdir={base[:-1]}", *(word.removeprefix(base) for word in shlex.split(command))])

    @cached_property
    def prefix(self) -> str:
        """What the paths of importable files begin with: `src/` in a src layout, else nothing."""
        return "" if self.source_folder == "." else f"{self.source_folder}/"

    def module_of(self, path: str) -> str:
        """Return the dotted name under which a file is imported from the source folder."""
        parts = PurePosixPath(path.removeprefix(self.prefix)).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def file_command(self, path: str) -> str:
        """Return the command that runs a file: as a module in a package, else by its path."""
        module = self.module_of(path)
        packaged = "." in module and all(map(str.isidentifier, module.split(".")))
        return f"python -m {module.removesuffix('.__main__')}" if packaged else f"python {shlex.quote(path)}"

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

    @property
    def scripts(self) -> dict[str, str]:
        """The console scripts that an installation brings, and what each calls."""
        return self._metadata.scripts if self._metadata.installable else {}

    def plain_command(self, package: str) -> str:
        """Return the command that most likely starts an app without a known framework, as shell words.

        Args:
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        sources = set(self._sources)
        for module in ("server", "__main__", "main", "app"):
            path = f"{self.prefix}{package}/{module}.py"
            if path in sources and (module == "__main__" or runs(self._folder.read(path))):
                return f"python -m {package}" if module == "__main__" else f"python -m {package}.{module}"
        for script in self._metadata.scripts:
            if script.replace("-", "_") == package or script.endswith(("server", "serve")):
                return shlex.quote(script)
        for name in ("server.py", "main.py", "app.py", "run.py", "wsgi.py", "__main__.py"):
            if name in sources:
                return f"python {name}"
        top = [source for source in self._sources if "/" not in source]
        return f"python {shlex.quote(top[0])}" if len(top) == 1 and not self.packages else f"python -m {package}.server"
