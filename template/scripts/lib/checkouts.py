# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What a checkout's files say of its project, also where git is not installed."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from .common import Marks, Problem, read, split_block, variables

# The Compose project, in our block and in lines of the user's. By the latter Compose
# removes also what is of a docker-compose.yml that it refuses, as with a copied `.env`.
NAME, OWN_NAME = "BRANCH_PROJECT", "COMPOSE_PROJECT_NAME"
# Our block in `.env`.
WHAT = "the environment of this checkout; lines of your own stay outside"
MARKS = Marks(f"# >>> scripts/branch-env: {WHAT}", "# <<< scripts/branch-env")
# Where the file is that Compose wants, and names where it is missing.
PROOFS = ".branch-env/this .env was copied, run scripts/setup"


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; one that is hidden from this user is."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def worktree_of(folder: Path) -> tuple[Path, Path]:
    """Return the top of a folder's worktree, and what git keeps for that one.

    Outside any it is the folder itself, and the `.git` that `git init` would make.
    """
    folder = Path(os.path.realpath(folder))
    for top in (folder, *folder.parents):
        if is_folder(top / ".git"):
            return top, top / ".git"
        with suppress(OSError, IndexError):
            return top, top / read(top / ".git").split("gitdir:")[1].strip()
    return folder, folder / ".git"


def repository_of(folder: Path) -> tuple[str, str]:
    """Return a folder's repository, the same for all worktrees, and its path inside."""
    top, own = worktree_of(folder)
    with suppress(OSError):
        own = own / read(own / "commondir").strip()
    inside = Path(os.path.realpath(folder)).relative_to(top).as_posix()
    return os.path.realpath(own), "" if inside == "." else inside


def checkouts(repository: str, prefix: str) -> list[Path]:
    """Return the folders of a project in the worktrees of its repository."""
    own = Path(repository)
    found = [own.parent / prefix] if own.name == ".git" else []
    with suppress(OSError, ValueError):
        for back in sorted(own.glob("worktrees/*/gitdir")):
            found.append(Path(read(back).strip()).parent / prefix)
    return found


def branch_exists(repository: str, branch: str, folder: str) -> bool:
    """Tell whether there is a branch, also one without a commit in that folder."""
    git, ref = Path(repository), f"refs/heads/{branch}"
    if os.path.isfile(git / ref) or is_folder(git / "reftable"):
        return True
    with suppress(OSError):
        if f" {ref}\n" in read(git / "packed-refs"):
            return True
        return read(worktree_of(Path(folder))[1] / "HEAD").strip() == f"ref: {ref}"
    return False


def answers_of(folder: Path) -> tuple[str, int] | None:
    """Return the slug and the slot of a project; None where a folder is none."""
    for name in (".copier-answers.chora-compose.yml", ".copier-answers.yml"):
        with suppress(OSError, KeyError):
            answer = r"^(project_slug|port_slot): *['\"]?([^\s#'\"]+)['\"]?[ \r]*$"
            found = dict(re.findall(answer, read(folder / name), re.MULTILINE))
            if re.fullmatch("[0-9]", found["port_slot"]):
                return found["project_slug"], int(found["port_slot"])
    return None


def block_of(folder: Path) -> dict[str, str]:
    """Return the variables in the block of a checkout's `.env`, if it has one."""
    with suppress(OSError, Problem):
        return variables(split_block(read(folder / ".env"), MARKS, ".env")[1])
    return {}


def name_in(found: dict[str, str]) -> str | None:
    """Return the Compose project that variables in `.env` mean."""
    return found.get(OWN_NAME, found.get(NAME))
