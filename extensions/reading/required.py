"""Which variables settings ask for that have no default, and values with which they can be read in development."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .source import called_name

# What reads a variable: decouple's `config`, and `env` of environs and django-environ, also as `env.bool` and the like.
READERS = frozenset({"config", "env", "getenv"})
KINDS = {
    "bool": "false",
    "int": "0",
    "float": "0",
    "list": "",
    "tuple": "",
    "Csv": "",
    "json": "{}",
    "dict": "",
    "url": "http://localhost",
}
BY_NAME = (
    (re.compile(r"DEBUG"), "true"),
    (re.compile(r"ALLOWED_HOSTS"), "*"),
    (re.compile(r"SECRET|KEY|TOKEN|SALT|PASSWORD"), "for-development"),
)
SQLITE = "sqlite:///db.sqlite3"


def text_of(node: ast.AST | None) -> str:
    """Return a text that stands in the source, empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def reader_of(call: ast.Call) -> tuple[bool, str]:
    """Return whether a call reads a variable, and what it makes of it: `bool` for `env.bool(…)` and `config(…, cast=bool)`."""
    function = call.func
    cast = next((option.value for option in call.keywords if option.arg == "cast"), None)
    kind = called_name(cast) or (cast.id if isinstance(cast, ast.Name) else "")
    if isinstance(function, ast.Name):
        return function.id in READERS, kind
    if isinstance(function, ast.Attribute):
        base = function.value
        name = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
        if name == "env":
            return True, function.attr
        return (name == "environ" and function.attr == "get") or function.attr == "getenv", kind
    return False, ""


def always_read(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what a source evaluates whenever it is imported: nothing below `if`, and of no function."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if isinstance(node, ast.If):
            yield from ast.walk(node.test)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.IfExp):
            yield from always_read(node)


def read_without_default(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the variables that a source asks for, and what it makes of them: one that is missing is an error."""
    schema = {
        option.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called_name(node) in {"Env", "FileAwareEnv"}
        for option in node.keywords
        if option.arg and isinstance(option.value, ast.Tuple)
    }
    for node in always_read(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and "environ" in ast.unparse(node.value):
            yield text_of(node.slice), ""
        elif isinstance(node, ast.Call) and reader_of(node)[0]:
            kind = reader_of(node)[1]
            name = text_of(node.args[0]) if node.args else "DATABASE_URL" if kind in {"db", "db_url", "dj_db_url"} else ""
            given = len(node.args) > 1 or name in schema or any(option.arg == "default" for option in node.keywords)
            # These give None, which Django refuses for its key alone.
            mild = called_name(node) in {"get", "getenv"} and not re.search(r"SECRET_KEY$", name)
            if not given and not mild:
                yield name, kind


def required(trees: list[ast.Module], known: set[str]) -> dict[str, str]:
    """Return the variables that settings can't be read without, each with a value for development.

    Args:
        trees: the sources of the settings.
        known: names that have a value already.
    """
    found: dict[str, str] = {}
    for name, kind in (one for tree in trees for one in read_without_default(tree)):
        if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and name not in known:
            plain = next((value for form, value in BY_NAME if form.search(name)), "")
            value = plain if kind in {"", "str", "list", "Csv"} or (kind == "bool" and plain == "true") else KINDS.get(kind, "")
            found.setdefault(name, SQLITE if kind in {"db", "db_url", "dj_db_url"} or name == "DATABASE_URL" else value)
    return found
