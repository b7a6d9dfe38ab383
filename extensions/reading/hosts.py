"""Under which names an app of Django's answers in development, as far as its settings say."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .required import reader_of
from .source import assignments, called_name, module_level

NAME = "ALLOWED_HOSTS"
LOOPBACK = "127.0.0.1"
OFF = frozenset({"", "0", "false", "no", "off", "none"})


@dataclass(frozen=True)
class Hosts:
    """What a setting allows."""

    names: frozenset[str]
    known: bool = True
    """Whether these are all of them."""

    def __or__(self, other: Hosts) -> Hosts:
        return Hosts(self.names | other.names, self.known and other.known)


def default_of(call: ast.Call) -> ast.expr | None:
    """Return the default of a variable that is read, None where it has none."""
    return next((one.value for one in call.keywords if one.arg == "default"), call.args[1] if len(call.args) > 1 else None)


def hosts_in(node: ast.expr | None, names: Mapping[str, ast.expr], depth: int = 0) -> Hosts:
    """Return the hosts that an expression lists where no variable says others.

    Args:
        node: the expression.
        names: what is assigned to names.
        depth: how many names were followed on the way.
    """
    parts: list[ast.expr] = []
    match node:
        case ast.Constant(value=str(text)):
            return Hosts(frozenset(re.split(r"[,\s]+", text.strip())) - {""})
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts):
            pass
        case ast.Starred(value=value):
            parts = [value]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [left, right]
        case ast.IfExp(body=body, orelse=orelse):
            parts = [body, orelse]
        case ast.ListComp(generators=[ast.comprehension(iter=value)]):
            parts = [value]
        case ast.Name(id=name) if name in names and depth < 3:
            return hosts_in(names[name], names, depth + 1)
        case ast.Call() if reader_of(node)[0]:
            default = default_of(node)
            # Without one it is an error, or got a value: see required.py. `get` gives None.
            given = called_name(node) in {"get", "getenv"} or default is not None
            return hosts_in(default, names, depth) if default is not None else Hosts(frozenset() if given else frozenset({"*"}))
        case ast.Call(func=ast.Attribute(value=value, attr="split" | "strip")):
            parts = [value]
        case _:
            return Hosts(frozenset(), known=False)
    found = Hosts(frozenset())
    for part in parts:
        found |= hosts_in(part, names, depth)
    return found


def allowed(tree: ast.Module) -> Hosts | None:
    """Return what the settings in a source allow; None where they don't say it."""
    names, found = dict(assignments(tree)), None
    for node in module_level(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        if any(isinstance(one, ast.Name) and one.id == NAME for one in targets) and isinstance(node, ast.Assign | ast.AugAssign):
            said = hosts_in(node.value, {name: value for name, value in names.items() if name != NAME})
            found = found | said if found else said
    return found


def is_off(node: ast.expr | None) -> bool:
    """Tell whether a setting such as DEBUG is evidently off where no variable switches it on."""
    if isinstance(node, ast.Constant):
        return str(node.value).lower() in OFF
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.In):
        return is_off(node.left)
    if isinstance(node, ast.Call) and reader_of(node)[0]:
        default = default_of(node)
        return is_off(default) if default is not None else called_name(node) in {"get", "getenv"}
    if isinstance(node, ast.Call):
        function = node.func
        inner = [function.value] if isinstance(function, ast.Attribute) and not node.args else node.args[:1]
        return any(map(is_off, inner))
    return False


def refuses(tree: ast.Module, text: str) -> str:
    """Return how an app of such settings is asked in development; empty where 127.0.0.1 is answered, or nothing is known.

    Args:
        tree: the source of the settings.
        text: the same as it is written.

    Returns:
        `localhost` for that name, `perhaps` where that may be so, `nobody` where neither of the two is answered.
    """
    found = allowed(tree)
    if found is None or {"*", LOOPBACK} & found.names or LOOPBACK in text:
        return ""
    if not found.known:
        return "perhaps" if "localhost" in text and "*" not in found.names else ""
    if found.names:
        return "localhost" if found.names & {"localhost", ".localhost"} else "nobody"
    return "nobody" if is_off(dict(assignments(tree)).get("DEBUG")) else ""
