# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What files and Docker say of checkouts and of Compose projects, also without git."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

from .common import Marks, Problem, read, run, split_block, variables

# The Compose project, in our block and in lines of the user's. By the latter Compose
# removes also what is of a docker-compose.yml that it refuses, as with a copied `.env`.
NAME, OWN_NAME = "BRANCH_PROJECT", "COMPOSE_PROJECT_NAME"
WHAT = "the environment of this checkout; lines of your own stay outside"
MARKS = Marks(f"# >>> scripts/branch-env: {WHAT}", "# <<< scripts/branch-env")
# Where files are that Compose wants, and names where one is missing.
PROOFS = ".branch-env/this .env was copied, run scripts/setup"
HEADS = ".branch-env/.head/another branch is checked out, run scripts/branch-env sync"
PROJECT, SERVICE = (f"label=com.docker.compose.{one}" for one in ("project", "service"))


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; one that is hidden from this user is."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:
        return isinstance(error, PermissionError)


def worktree_of(folder: Path) -> tuple[Path, Path]:
    """Return the top of a folder's worktree, and what git keeps for that one."""
    folder = Path(os.path.realpath(folder))
    for top in (folder, *folder.parents):
        if is_folder(top / ".git"):
            return top, top / ".git"
        with suppress(OSError, IndexError):
            return top, top / read(top / ".git").split("gitdir:")[1].strip()
    return folder, folder / ".git"  # which `git init` would make


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
        backs = map(read, sorted(own.glob("worktrees/*/gitdir")))
        found += [Path(back.strip()).parent / prefix for back in backs]
    return found


def branch_exists(repository: str, branch: str, folder: str) -> bool:
    """Tell whether there is a branch, also one without a commit in that folder."""
    git, ref = Path(repository), f"refs/heads/{branch}"
    if os.path.isfile(git / ref) or is_folder(git / "reftable"):
        return True
    with suppress(OSError):
        packed = f" {ref}\n" in read(git / "packed-refs")
        return packed or read(worktree_of(Path(folder))[1] / "HEAD") == f"ref: {ref}\n"
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


def block_of(folder: Path, whole: bool = False) -> dict[str, str]:
    """Return the variables in our block of a checkout's `.env`, or in all of it."""
    with suppress(OSError, Problem):
        text = read(folder / ".env")
        return variables(text if whole else split_block(text, MARKS, ".env")[1])
    return {}


def name_in(found: dict[str, str]) -> str | None:
    """Return the Compose project that variables in `.env` mean."""
    return found.get(OWN_NAME, found.get(NAME))


def listed(*command: str, fields: str) -> list[dict[str, str]] | None:
    """Return what Docker lists, None without an answer; its labels are in lower case."""
    names, label = fields.split(), '.Label "com.docker.compose.'
    forms = [f'{label}{one}"' if one[0].islower() else f".{one}" for one in names]
    form = "\t".join("{" * 2 + one + "}" * 2 for one in forms)
    with suppress(Problem, subprocess.TimeoutExpired):
        result = run("docker", *command, "--format", form, timeout=10)
        return [dict(zip(names, one.split("\t"))) for one in result.stdout.splitlines()]
    return None


@cache  # asked once, and only where it matters
def containers() -> list[dict[str, str]] | None:
    """Return the containers of all Compose projects; None without an answer."""
    fields = "project project.working_dir State Status Ports"
    return listed("ps", "--all", "--filter", PROJECT, fields=fields)


def volumes(project: str) -> dict[str, str]:
    """Return the volumes of a Compose project, by their names in its Compose file."""
    its = ("--filter", f"{PROJECT}={project}")
    found = listed("volume", "ls", *its, fields="volume Name") or []
    return {one["volume"]: one["Name"] for one in found}


@cache
def refuses() -> bool:
    """Tell whether this user may not ask, as where Docker is used with sudo."""
    with suppress(Problem, subprocess.TimeoutExpired):
        said = run("docker", "ps", check=False, timeout=10).stderr
        return "permission denied" in said.lower()
    return False


def holder(port: int) -> str:
    """Return the Compose project that publishes a port; empty where none does."""
    known = containers() or []
    return next((one["project"] for one in known if f":{port}->" in one["Ports"]), "")


def running(project: str, service: str) -> str:
    """Return the running container of a project's service; empty where none runs."""
    its = ("--filter", f"{PROJECT}={project}", "--filter", f"{SERVICE}={service}")
    found = listed("ps", *its, "--filter", "status=running", fields="ID") or []
    return next((one["ID"] for one in found), "")
