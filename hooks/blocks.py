"""Our marker blocks in files of the user's: .gitignore, .gitattributes, .env.local."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

from machine import run
from messages import warn

# What rendered projects have too.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "template" / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions"))
from file_table import hidden_by_git, is_ours
from lib import common

MARKS = common.Marks(
    "# >>> chora-compose-template: these lines are its own, keep yours outside them", "# <<< chora-compose-template"
)


# What Python, its tools and Compose's users leave in a project.
PYTHON = [
    *("__pycache__/", "*.py[cod]", "*.egg-info/", "build/", "dist/"),
    *(".venv/", ".env", ".coverage", "htmlcov/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/"),
]


# Which git reads as files alone.
UNLINKED = (".gitignore", ".gitattributes")


def with_block(text: str, lines: list[str], name: str = ".gitignore", marks: common.Marks = MARKS) -> str:
    """Return the text of a file of the user's with our marker block, without it where there are no lines.

    Args:
        text: the file's text; what stands outside the block is kept to the letter, line ends included.
        lines: the block's lines.
        name: the file's name.
        marks: the block's first and last line.
    """
    after = common.with_block(text, marks, lines, name)
    if text and marks.begin in after and common.split_block(text, marks, name)[0] == text:
        # A blank line above a new block.
        return after.replace(marks.begin, ("\r\n" if "\r\n" in text else "\n") + marks.begin)
    return after


def write_block(path: Path, lines: list[str], marks: common.Marks = MARKS) -> None:
    """Bring our marker block in a file of the user's up to date; a file that has nothing else goes with it."""
    if path.is_symlink() and path.name in UNLINKED:
        warn(f"put a file in the place of the link {path.name}: git reads no link, so that what it should hide is shown.")
        return
    try:
        before = common.read(path)
        after = with_block(before, lines, path.name, marks)
        if after:
            if after != before:
                # In its place, so that a link stays one, and a file that nobody may write is left alone.
                path.write_bytes(after.encode("utf-8", "surrogateescape"))
        elif before:
            path.unlink()
    except (OSError, common.Problem) as error:
        add = f", and add these lines yourself: {' '.join(lines)}" if lines else ""
        warn(f"{path.name} could not be brought up to date: {error}{add}")


def start_gitignore(folder: Path) -> None:
    """Write the .gitignore of a new Python project, unless there is one."""
    if not os.path.lexists(folder / ".gitignore"):
        (folder / ".gitignore").write_text("\n".join(PYTHON) + "\n", encoding="utf-8")


def keep_block(folder: Path, lines: list[str], new: Collection[str] = (), owned: Collection[str] = ()) -> None:
    """Bring the marker block of .gitignore up to date.

    What it has hidden once it hides for good: the file may be there in another worktree, clone or folder. The clone's own list,
    which no commit changes, holds the same: an update may be undone, or an older commit checked out.

    Args:
        folder: the project.
        lines: what the answers make, to hide, or to show with `!` before it.
        new: the files that the template has just written.
        owned: the template's files that the answers bring.
    """
    gitignore = folder / ".gitignore"
    exclude, below = local_exclude(folder)
    marks = common.Marks(f"{MARKS.begin} (/{below})", f"{MARKS.end} (/{below})")
    prefix = re.sub(r"([\\*?\[\]])", r"\\\1", below)
    own, block = parts(gitignore, MARKS)
    noted = [line.removeprefix(f"/{prefix}") for line in (parts(exclude, marks)[1] if exclude else [])]
    if MARKS.begin not in run("git", "show", "HEAD:./.gitignore", folder=folder)[1]:
        # What has not been committed yet was written just before.
        new = [*new, *(line[1:] for line in block if line.startswith("!"))]
    hidden = [line for line in lines if not line.startswith("!")]
    names = {line.strip("/") for line in hidden}
    known = [line for line in dict.fromkeys([*block, *noted]) if line[0] not in "!#" and line.strip("/") not in names]
    shown = [word for line in lines for word in ([line] if line in hidden else showing(folder, line[1:], own, new))]
    # Template files and folders that another line hides.
    shown += [line for line in block if line.startswith("!/") and line not in lines and os.path.lexists(folder / line[2:])]
    write_block(gitignore, [*shown, *known])
    if more := [line for line in still_hidden(folder, owned, own) if line not in shown]:
        write_block(gitignore, [*shown, *more, *known])
    if exclude and hidden + known:
        exclude.parent.mkdir(parents=True, exist_ok=True)
        write_block(exclude, [f"/{prefix}{line.lstrip('/')}" for line in hidden + known], marks)


def parts(path: Path, marks: common.Marks) -> tuple[list[str], list[str]]:
    """Return the user's lines of a file, and those in our block; what is wrong with it is said when it is written."""
    try:
        before, block, after = common.split_block(common.read(path), marks, path.name)
    except (OSError, common.Problem):
        return [], []
    return [line.strip() for line in (before + after).splitlines()], [line for line in block.splitlines() if line]


def showing(folder: Path, name: str, own: list[str], new: Collection[str]) -> list[str]:
    """Return the lines that show to git what a line of the user's may hide; none for what is theirs.

    A line with just a file's name is meant so. Another one, such as `.env*`, was written for files of the user's: what the
    template has written is shown, and what is committed is seen anyway.
    """
    if {name, f"/{name}"} & {*own}:
        warn(f"git does not see {name}, which other clones need: remove the line {name} from .gitignore.")
        return []
    there = [path.name for path in folder.glob(name.replace("[", "[[]"))]
    mine = [one for one in there if one not in new and not is_ours(folder / one) and not is_tracked(folder, one)]
    if not mine:
        return [f"!{name}"]
    return [f"!{one}" for one in there if one not in mine] if "*" in name else []


def is_tracked(folder: Path, name: str) -> bool:
    return run("git", "ls-files", "--error-unmatch", name, folder=folder)[0] == 0


def still_hidden(folder: Path, owned: Collection[str], own: list[str]) -> list[str]:
    """Return the lines that show template files hidden by a line such as `lib/`: other clones would lack them."""
    lines = []
    for path in hidden_by_git(folder, owned):
        if {path, f"/{path}"} & {*own}:
            warn(f"git does not see {path}, which other clones need: remove its line from .gitignore.")
            continue
        above = [f"{parent.as_posix()}/" for parent in reversed(Path(path).parents)][1:]
        ignored = run("git", "check-ignore", *above, folder=folder)[1].splitlines() if above else []
        lines.append(f"!/{next(iter(ignored), path)}")
    return [*dict.fromkeys(lines)]


def local_exclude(folder: Path) -> tuple[Path | None, str]:
    """Return the clone's own list of ignored files, None without a repository, and the project's path in that."""
    code, out, _ = run("git", "rev-parse", "--git-path", "info/exclude", "--show-prefix", folder=folder)
    if code:
        return None, ""
    path, _, prefix = out.rstrip("\n").partition("\n")
    return folder / path, prefix


def attributes(owned: Collection[str]) -> list[str]:
    """Return the lines that .gitattributes needs: line ends with which programs run, also in a container; none without any.

    A config of a Swarm has its name from its bytes, which have to be the same on each machine.

    Args:
        owned: the template's files that the answers bring. What an update removes is still there now.
    """
    programs = [path for path in owned if path.startswith(("docker/", "nginx/", "scripts/"))]
    lines = [f"/{place}/** text eol=lf" for place in sorted({path.split("/")[0] for path in programs})]
    return [*lines, "/scripts/lib/** linguist-generated"] if any(path.startswith("scripts/lib/") for path in programs) else lines
