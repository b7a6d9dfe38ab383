"""What a Python source says, without running it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterator, Mapping


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a source text, an empty one for what does not parse."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


def called_name(node: ast.expr | None) -> str:
    """Return the last part of the name of what an expression calls, empty if it is no call."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, also below `if` and `try`, but not below `if __name__ == …`."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            if "__name__" not in ast.dump(node.test):
                yield from module_level(node.body)
                yield from module_level(node.orelse)
        elif isinstance(node, ast.Try | ast.With):
            yield from module_level(node.body)


def runs(text: str, *, at_top: bool = True) -> bool:
    """Tell whether a source does something when it is run: under `if __name__ == …`, or with `at_top` as it is read."""
    for node in parse(text).body:
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            return True
        call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await)
        if at_top and (call or isinstance(node, ast.For | ast.While | ast.With)):
            return True
    return False


def assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a source assigns to when it is imported, and what it assigns."""
    for node in module_level(tree.body):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def assigned(tree: ast.Module, classes: Collection[str]) -> Iterator[str]:
    """Yield the names of the module-level objects that are made from one of the classes."""
    yield from (name for name, value in assignments(tree) if called_name(value) in classes)


def assigned_to(tree: ast.Module, name: str) -> ast.expr | None:
    """Return what a source text assigns to a name, or to the item of that name, at its top."""
    for node in module_level(tree.body):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        key = target.slice if isinstance(target, ast.Subscript) else None
        if (isinstance(target, ast.Name) and target.id == name) or (isinstance(key, ast.Constant) and key.value == name):
            return node.value if isinstance(node, ast.Assign) else None
    return None


def imports(text: str, *, at_import: bool = False) -> Iterator[tuple[int, str]]:
    """Yield what a source text imports, as the number of dots and a name that may be a module's.

    Args:
        text: the source.
        at_import: whether only what is imported with it counts, and nothing inside functions.
    """
    tree = parse(text)
    for node in module_level(tree.body) if at_import else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from ((node.level, name) for name in (module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)))


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return the full names that a source's imports give to its own: `web` may be `aiohttp.web`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def full_name(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return the full name of an expression such as `web.run_app`, empty for what is no name.

    Args:
        node: the expression.
        names: what `imported_names` returns.
    """
    if isinstance(node, ast.Attribute):
        base = full_name(node.value, names)
        return f"{base}.{node.attr}" if base else ""
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""
