"""Which variables the app can't start without: its code asks for them while it is imported, and has no default."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator

from .dotenv import SET
from .folder import Folder
from .reach import Imports
from .required import read_without_default, text_of
from .settings import SYSTEMS, Settings
from .source import called_name, parse
from .variables import ALWAYS

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+")
MAY_LACK = r"\b(?:Optional|None|Any|ClassVar)\b"


def at_import(text: str) -> Iterator[str]:
    """Yield what a source asks for while it is imported; what may fail is within `try`."""
    if not re.search(r"\benviron\b|\bconfig\(|\benv[.(]", text):
        return
    tree = ast.Module([node for node in parse(text).body if not isinstance(node, ast.Try)], [])
    # What gives None in place of an error, and what is set by the code itself.
    mild = {
        text_of(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and called_name(node) in {"get", "getenv", "setdefault", "pop"}
    }
    mild |= {
        text_of(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    yield from (name for name, _ in read_without_default(tree) if name not in mild)


def in_settings(settings: Settings, reached: Collection[str]) -> Iterator[str]:
    """Yield the fields of settings by pydantic that have no default, by the variables that they are read from."""
    for path, variable, kind, default in settings.fields:
        given = default is not None and not (
            isinstance(default, ast.Call)
            and called_name(default) in {"Field", "SettingsField"}
            and not any(option.arg in {"default", "default_factory"} for option in default.keywords)
            and (not default.args or (isinstance(default.args[0], ast.Constant) and default.args[0].value is ...))
        )
        if path in reached and not given and not re.search(MAY_LACK, ast.unparse(kind)):
            yield variable


def given(folder: Folder, settings: Settings) -> frozenset[str]:
    """Return the names that a container has anyway: its system's, those of services, and what the project itself sets."""
    texts = [folder.read(name) for name in (".env", ".env.defaults", ".env.local")]
    texts.append(re.sub(r"(?m)^\s*ENV\s+(\w+)[\s=]", r"\1=", folder.read("Dockerfile")))
    return ALWAYS | SYSTEMS | {"HOST", "PORT", *settings.names} | {name for text in texts for name in SET.findall(text)}


def demanded(folder: Folder, starts: Iterable[str], prefix: str, settings: Settings) -> list[str]:
    """Return the variables that the app can't start without and that nothing gives, sorted.

    Args:
        folder: the project's.
        starts: the sources that are started.
        prefix: what the paths of importable files begin with.
        settings: the project's.
    """
    imports = Imports(folder, prefix, at_import=True)
    reached = {path for start in starts for path in imports.files(start)}
    names = {name for path in reached for name in at_import(folder.read(path))} | {*in_settings(settings, reached)}
    return sorted(name for name in names - given(folder, settings) if VARIABLE.fullmatch(name))
