"""What to type after a copy, and after an update."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

# What knows what follows from the answers.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions"))
from facts import facts

# Without a commit no update begins.
COMMIT = 'git commit --message "Add Docker Compose"'
# Where `&&` is unknown to one shell, and quotes of one kind and comments to the other.
ON_WINDOWS = sys.platform == "win32"
WHERE = "  # where it answers; COMPOSE.md has the rest"


def next_commands(folder: Path, answers: dict[str, Any], *, updated: bool = False, modes: Collection[str] = ()) -> str:
    """Return what to type next, one command a line.

    Args:
        folder: the project.
        answers: its answers.
        updated: whether it was there before.
        modes: the scripts that git would commit as files that can't be executed.
    """
    here = Path.cwd() if updated else Path(os.environ.get("PWD", "/"))
    steps = ["git add .", *([f"git add --chmod=+x {' '.join(modes)}"] if modes else []), COMMIT]
    commit = ["git diff"] if updated else steps if ON_WINDOWS else [" && ".join(steps)]
    lines = [*([] if folder == here else [f"cd {quoted(folder)}"]), *commit, *start_commands(answers)]
    return "\n  ".join(["Next:", *(part for line in lines for part in as_typed(line))])


def quoted(folder: Path) -> str:
    """Return a folder as a word of this system's shell."""
    return f'"{folder}"' if ON_WINDOWS else shlex.quote(str(folder))


def as_typed(line: str) -> list[str]:
    """Return a line for this system's shell: what Windows starts knows no comment."""
    command, _, note = line.partition("# ")
    return [line] if not (ON_WINDOWS and note) else [*filter(None, [command.rstrip()]), f"({note})"]


def start_commands(answers: dict[str, Any]) -> list[str]:
    """Return what starts the project, and shows where it is."""
    lines: list[str] = []
    known = facts(answers)
    if known.keeps_compose:
        built = " --build" if known.own_builds else ""
        return [f"docker compose up{built} --detach", f"docker compose ps{WHERE}"]
    if known.stdio_only:
        return ["docker compose build mcp-server", "# then start a client, as COMPOSE.md says"]
    if known.service == "app" and not known.app_listens:
        if known.runs_app:
            lines += ["docker compose up --build --detach", "docker compose logs --follow app  # COMPOSE.md has the rest"]
        else:
            lines += ["docker compose up --wait"] if known.has_data else []
            lines.append("docker compose run --build --rm app python  # or any other command; COMPOSE.md has the rest")
        return lines
    lines.append("docker compose up --build --wait" if known.service or known.server_names else "docker compose up --wait")
    if known.service == "app" and answers["migrate_command"]:
        lines.append(f"docker compose run --rm app {answers['migrate_command']}")
    if known.on_host:
        lines.append("# then start Python here as COMPOSE.md says")
    elif known.service:
        lines.append(f"docker compose port {known.service} {answers['app_port']}{WHERE}")
    elif known.has_gateway:
        lines.append(f"docker compose port gateway 5678{WHERE}")
    else:
        lines.append("# then see COMPOSE.md")
    return lines
