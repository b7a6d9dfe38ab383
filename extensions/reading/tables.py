"""The script with which an app makes its tables, where no tool for migrations does."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from .folder import Folder
from .source import called_name, parse, runs

# What makes tables that are not there, and leaves those that are; what is no script that ends with that.
MAKES = "create_all"
MORE = frozenset({"drop_all", "run", "serve", "launch", "run_forever", "run_polling"})


def table_script(folder: Folder, prefix: str) -> str:
    """Return the path of the script, relative to the project; empty where there is none, or several.

    Args:
        folder: the project's.
        prefix: what the paths of importable files begin with.
    """
    found = []
    for path in folder.sources:
        text = folder.read(path)
        if f"{MAKES}(" not in text or path.removeprefix(prefix).count("/") > 1 or PurePosixPath(path).name == "__init__.py":
            continue
        tree = parse(text)
        called = {called_name(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if MAKES in called and not called & MORE and runs(text):
            found.append(path)
    return found[0] if len(found) == 1 else ""
