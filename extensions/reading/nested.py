"""Where an app lies that has a folder of its own, such as `backend`, with its list of dependencies."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import PurePosixPath

from .folder import Folder

DECLARING = re.compile(r"(?:requirements[\w-]*\.(?:txt|in)|pyproject\.toml|setup\.(?:py|cfg)|Pipfile|environment\.ya?ml)$")
# Of several folders, the one that is most likely the app's.
LIKELY = ("backend", "server", "api", "app", "web", "service", "src")
ASIDE = frozenset({"docs", "tests", "test", "scripts", "tools", "requirements"})
IMPORT = re.compile(r"^\s*(?:from\s+(\w+)[\w.]*\s+import\b|import\s+(\w+))", re.MULTILINE)
MAX_READ = 300


def declares(folder: Folder, path: str) -> bool:
    """Tell whether a folder, empty for the project's own, has a file that declares dependencies."""
    tables = folder.toml(f"{path}pyproject.toml")
    tool = tables.get("tool")
    if "project" in tables or (isinstance(tool, dict) and ("poetry" in tool or "workspace" in (tool.get("uv") or ()))):
        return True
    if any(name.endswith((".txt", ".in")) for name in folder.names(f"{path}requirements")):
        return True
    return any(DECLARING.match(name) and name != "pyproject.toml" for name in folder.names(path))


def app_folder(folder: Folder) -> str:
    """Return the one folder, ending in `/`, that the app is in with its list of dependencies; empty where that is the project.

    One whose top declares dependencies, or has code, a Dockerfile or folders of such lists itself, is no such project.
    """
    sources = folder.sources
    if declares(folder, "") or folder.has_file("Dockerfile") or any("/" not in path for path in sources):
        return ""
    tops = dict.fromkeys(f"{parts[0]}/" for path in sources if len(parts := PurePosixPath(path).parts) > 1)
    found = [top for top in tops if top[:-1] not in ASIDE and declares(folder, top)]
    likely = [top for top in found if top[:-1].lower() in LIKELY]
    choice = sorted(likely, key=lambda top: LIKELY.index(top[:-1].lower())) or found
    # Several apps are not one.
    return choice[0] if len(found) == 1 or len(likely) == 1 else ""


def several(folder: Folder) -> tuple[str, ...]:
    """Return the folders with a list of dependencies each, where they are several."""
    parts = [PurePosixPath(path).parts[:-1] for path in folder.sources]
    inside = dict.fromkeys("/".join(one[:depth]) for one in parts for depth in range(1, min(len(one), 3) + 1))
    found = [path for path in inside if PurePosixPath(path).name not in ASIDE and declares(folder, f"{path}/")]
    outer = [path for path in found if not any(path.startswith(f"{one}/") for one in found)]
    return tuple(sorted(outer)) if len(outer) > 1 else ()


def import_root(folder: Folder, declared: frozenset[str]) -> str:
    """Return the folder, ending in `/`, that files import modules of the project from; empty where that is the project itself.

    Args:
        folder: the project's.
        declared: the packages that it depends on, some of which it may have a module for, as Django's projects for Celery.
    """
    # The image's own WORKDIR says where imports start.
    if folder.has_file("Dockerfile"):
        return ""
    others = sys.stdlib_module_names | {name.replace("-", "_") for name in declared}
    modules: dict[str, set[str]] = {}
    for path in folder.sources:
        parts = PurePosixPath(path).parts
        for depth in range(min(len(parts), 3)):
            root = "/".join([*parts[:depth], ""])
            modules.setdefault(root, set()).update({parts[depth].removesuffix(".py")} - others)
    votes: Counter[str] = Counter()
    for path in folder.sources[:MAX_READ]:
        names = {first or second for first, second in IMPORT.findall(folder.read(path))}
        roots = [root for root in modules if path.startswith(root) and PurePosixPath(path).parts[0] not in ASIDE]
        votes.update({root: len(names & modules[root]) for root in roots})
    best = max(votes, key=lambda root: (votes[root], -len(root)), default="")
    return best if votes[best] and not votes[""] else ""
