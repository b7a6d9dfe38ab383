"""The files of a project: which come with the answers, which were there before, and whose each is.

One self-contained file: an update loads the extensions of the old and of the new template in one process.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import yaml
from jinja2 import Environment, UndefinedError, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context


def load_table() -> ModuleType:
    """Return the table as a module of this version's own: another version has another table beside the same code."""
    path = Path(__file__).resolve().parent / "file_table.py"
    name = f"{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


if TYPE_CHECKING:
    import file_table
else:
    file_table = load_table()

# What comes with a rendering's answers, what of it was in place when it began, and whether it is the first; by its environment.
# Afterwards nothing tells it from what was written.
_came: WeakKeyDictionary[Environment, tuple[dict[str, file_table.File], set[str], bool]] = WeakKeyDictionary()


def is_temporary(root: Path) -> bool:
    """Tell whether a folder is one of the two that an update renders into, to see what the template changed."""
    return "copier._main." in str(root)


def saved_answers(context: Context) -> dict[str, Any]:
    """Return what the answers file of the project holds; nothing where it has none."""
    try:
        text = (root_of(context) / context["_copier_conf"]["answers_file"]).read_text(encoding="utf-8")
        answers = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return answers if isinstance(answers, dict) else {}


def version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, those of all later ones where it has none."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else (sys.maxsize,)


def came(path: str, saved: dict[str, Any], environment: Environment) -> bool:
    """Tell whether a project's saved answers brought a template file, in the version that saved them."""
    row = file_table.row_of(path)
    if row is None or version(row.since) > version(str(saved.get("_commit", ""))):
        return False
    try:
        return environment.from_string(f"{{{{ 1 if {row.when} else 0 }}}}").render(saved) == "1"
    except UndefinedError:  # by answers that its version did not know
        return True


@pass_context
def own_files(context: Context) -> list[str]:
    """Return the files that are the user's: those at adoption and, in a project, those that came to stand there since.

    A file is known to be the template's by its first lines. One that was the template's stays that when somebody removes these,
    and becomes the user's when git ignores it: no update could merge what stands there.
    """
    root, saved = root_of(context), saved_answers(context)
    # The Compose file that is used has an answer of its own.
    used = {context["own_compose"]}
    if not saved:
        return sorted({*file_table.existing(root), *file_table.ignored(root)} - used)
    kept = [path for path in saved.get("keep_files") or [] if isinstance(path, str)]
    later = [path for path in file_table.existing(root, ["template"]) if not came(path, saved, context.environment)]
    return sorted({*kept, *later, *file_table.ignored(root)} - used)


@pass_context
def keep_files_error(context: Context, kept: list[str]) -> str:
    """Say in one sentence which files of the user's an answer to keep_files lacks; empty where it holds all.

    A saved one may lack what came since: Copier computes a saved answer again that is refused.
    """
    if "keep_files" not in context["_copier_conf"]["data"]:
        return "" if {*own_files(context)} <= {*kept} else "Name all files of yours."
    lost = [path for path in file_table.ignored(root_of(context)) if path not in kept] if saved_answers(context) else []
    return f"Add {lost[0]}: git ignores it, so it would be lost." if lost else ""


def named(path: str, context: Context) -> Iterator[str]:
    """Yield a row's path with the names that the answers give."""
    if "<server>" in path:
        yield from (path.replace("<server>", server) for server in context["server_names"])
    else:
        yield path.replace("<package_name>", context["package_name"])


def coming(context: Context) -> dict[str, file_table.File]:
    """Return the rendered rows that come with the answers, by their paths in this project."""
    rows = [row for row in file_table.table() if row.rendered]
    # One text for all of them, each once, because Jinja's compiler takes longer than anything else here.
    conditions = sorted({row.when for row in rows})
    source = "".join(f"{{{{ 1 if {when} else 0 }}}}" for when in conditions)
    flags = dict(zip(conditions, context.environment.from_string(source).render(context.get_all()), strict=True))
    return {path: row for row in rows if flags[row.when] == "1" for path in named(row.path, context)}


def escaped(path: str) -> str:
    """Return a path as a pattern of Git that matches just this path, from the top."""
    return "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", path.rstrip("/"))


def root_of(context: Context) -> Path:
    """Return the folder that is rendered into, as an absolute path."""
    return Path(os.path.abspath(str(context["_copier_conf"]["dst_path"])))


def folders(paths: Iterable[str]) -> set[str]:
    """Return all folders above the paths."""
    return {str(parent) for path in paths for parent in PurePosixPath(path).parents} - {"."}


def refuse_files_for_folders(root: Path, written: Iterable[str]) -> None:
    """Raise what Copier prints, with exit code 1, where a file stands in the place of a folder: before anything is written."""
    # The hook loads this file too, and need not wait for all of Copier.
    from copier.errors import UserMessageError

    for folder in sorted(folders(written)):
        path = root / folder
        if os.path.lexists(path) and not path.is_dir():
            raise UserMessageError(f"Rename {folder}: the template writes files into a folder of that name.")
        if not path.resolve().is_relative_to(root.resolve()):
            raise UserMessageError(f"Rename {folder}: it leads out of the project, and the template writes files into it.")
        if (path / ".git").exists():
            raise UserMessageError(f"Rename {folder}: it is a repository of its own, and the template writes files into it.")


def refuse_other_spellings(root: Path, written: Iterable[str]) -> None:
    """Raise what Copier prints where a file has a written one's name in other letters: macOS and Windows take both for one."""
    from copier.errors import UserMessageError

    paths = [*map(PurePosixPath, written)]
    # Each folder is listed once: the project's own may hold many files.
    names = {folder: {one.name for one in (root / folder).glob("*")} for folder in {path.parent for path in paths}}
    for path in paths:
        beside = names[path.parent]
        if path.name in beside:
            continue
        for name in sorted(one for one in beside if one.casefold() == path.name.casefold()):
            other = path.with_name(name)
            raise UserMessageError(f"Rename {other}, to {path} if it is that: on macOS and Windows both are one file.")


@pass_context
def left_out(context: Context) -> str:
    """Return the patterns of what this rendering doesn't write, a line each.

    An update renders the old and the new version into temporary folders, to see what the template changed. What is the
    user's is in neither, so that no update changes or removes it.
    """
    root = root_of(context)
    temporary, updates = is_temporary(root), context["_copier_operation"] == "update"
    comes = coming(context)
    kept = set(context["keep_files"])
    for path, row in comes.items():
        apart = temporary if row.whose == "missing" else updates
        if row.whose != "template" and (apart or os.path.lexists(root / path)):
            kept.add(path)
    there = {path for path in comes if os.path.lexists(root / path)}
    _came[context.environment] = comes, there, not updates and not saved_answers(context)
    written = [path for path in comes if path not in kept]
    if not temporary:
        refuse_files_for_folders(root, written)
        refuse_other_spellings(root, written)
    known = {path for row in file_table.table() if row.rendered for path in named(row.path, context)}
    above = {folder for row in file_table.table() if row.rendered for folder in folders([row.path]) if "<" not in folder}
    absent = known - comes.keys() | above - folders(written)
    return "\n".join(escaped(path) for path in sorted(kept | absent))


@pass_context
def note_for_hook(context: Context) -> str:
    """Write to a file what the hook has to know of a rendering, and return its path: the hook removes it.

    Copier prints the command of each task, on which these lists would fill a screen.
    """
    comes, there, first = _came[context.environment]
    kept = comes.keys() & context["keep_files"]
    if first:
        # A server's folder that was there is a server, not something in the way of one.
        kept |= {path for path in there if comes[path].whose != "template" and not path.startswith("servers/")}
    note = {
        # The user's files that took the place of template files.
        "kept": sorted(kept),
        # The environment files that were not there before: the block in .gitignore shows these.
        "new": sorted(path for path in comes.keys() - there if path.startswith(".env")),
        # The template's own files that came.
        "owned": sorted({path for path, row in comes.items() if row.whose == "template"} - kept),
        # The questions that were answered with -d.
        "given": list(context["_copier_conf"]["data"]),
    }
    with NamedTemporaryFile("w", prefix="chora-compose-", suffix=".json", encoding="utf-8", delete=False) as file:
        json.dump(note, file)
    return file.name


class FilesExtension(Extension):
    """Globals about the table: what is left out and kept, the programs, and what is there."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["left_out"] = left_out
        environment.globals["note_for_hook"] = note_for_hook
        environment.globals["existing_files"] = pass_context(lambda context: file_table.existing(root_of(context)))
        environment.globals["own_files"] = own_files
        environment.globals["saved"] = pass_context(lambda context, name: saved_answers(context).get(name))
        environment.globals["keep_files_error"] = keep_files_error
