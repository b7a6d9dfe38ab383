"""What the destination already has: other templates' answers, dependencies, packages, an app that can be started.

What is found becomes a saved answer, because an update renders into empty temporary folders.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from copier.errors import UserMessageError
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context


def load(path: Path) -> ModuleType:
    """Return a file, or a folder with an `__init__.py`, as this version's own module.

    An update runs the extensions of two versions in one process. So the name in `sys.modules` holds a hash of the code: the other
    version's is another module, and so are those of its package. Each extension that needs this has a copy.

    Raises:
        OSError: where there is no such file.
        ImportError: where it is no Python file.
    """
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    code = b"".join(file.name.encode() + b"\0" + file.read_bytes() for file in files)
    name = f"{path.stem}_{hashlib.sha256(code).hexdigest()}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path / "__init__.py" if path.is_dir() else path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


HERE = Path(__file__).resolve().parent
if TYPE_CHECKING:
    from reading import Destination, answers, versions
else:
    answers, versions = (load(HERE / "reading" / name) for name in ("answers.py", "versions.py"))


def check_destination(destination: Path) -> str:
    """Refuse a destination that can't be written to, before anything is asked.

    Returns:
        An empty text, so that it can stand in a message of copier.yml.

    Raises:
        UserMessageError: with a sentence that says what to do; Copier prints it and exits with 1.
    """
    folder = destination
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise UserMessageError(f"The destination {destination} can't be a folder, because {folder} is a file: name another one.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserMessageError(f"The destination {destination} can't be written to: name another one, or change {folder}.")
    return ""


@lru_cache(maxsize=8)
def _destination(root: Path, _stamp: tuple[int, ...]) -> Destination:
    # Here, because an update has most of it saved, and would load what reads a project for both versions.
    found: Destination = load(HERE / "reading").Destination(root)
    return found


def destination(root: Path) -> Destination:
    """Return what a folder holds; read again only after one of its files at the top has come, gone or changed."""
    stamp = []
    for name in (".", "src", "tests", "pyproject.toml", "requirements.txt", "setup.py", "uv.lock", "poetry.lock"):
        try:
            stamp.append((root / name).stat().st_mtime_ns)
        except OSError:
            stamp.append(0)
    return _destination(root, tuple(stamp))


def root_of(context: Context) -> Path:
    """Return the folder that is rendered into, as an absolute path."""
    return Path(os.path.abspath(str(context["_copier_conf"]["dst_path"])))


@pass_context
def earlier_servers(context: Context) -> list[str] | None:
    """Return the MCP servers of the project that is updated; None in the temporary folders of an update, which hold none."""
    root = root_of(context)
    return None if "copier._main." in str(root) else answers.earlier_servers(root)


@pass_context
def found(context: Context, key: str, *args: Any) -> Any:
    """Return an attribute of this rendering's destination, such as `a.b`, or what its method returns for the arguments."""
    value = attrgetter(key)(destination(root_of(context)))
    return value(*args) if callable(value) else value


class DestinationExtension(Extension):
    """Globals that look at the destination, and `newest_python`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["found"] = found
        # Copier asks for it with each path that it renders. What a rendering writes doesn't change it.
        answers_file_name = cache(answers.answers_file_name)
        environment.globals["answers_file_name"] = pass_context(lambda context: answers_file_name(root_of(context)))
        environment.globals["check_destination"] = pass_context(lambda context: check_destination(root_of(context)))
        environment.globals["earlier_servers"] = earlier_servers
        environment.globals["use_own_answers_only"] = pass_context(lambda context: answers.use_own_answers_only(root_of(context)))
        environment.globals["exists"] = pass_context(lambda context, name: os.path.lexists(root_of(context) / name))
        # What would change a project that runs is found at its adoption alone.
        environment.globals["at_adoption"] = pass_context(
            lambda context: not os.path.lexists(root_of(context) / str(context["_copier_conf"]["answers_file"]))
        )
        environment.globals["newest_python"] = versions.python_version
