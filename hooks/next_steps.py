"""What to type after a copy, and after an update."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

# What knows what follows from the answers.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions"))
from facts import facts

# Without a commit no update begins.
COMMIT = "git add . && git commit --message 'Add Docker Compose'"
WHERE = "  # where it answers; COMPOSE.md has the rest"


def next_commands(folder: Path, answers: dict[str, Any], *, updated: bool = False) -> str:
    """Return what to type next, one command a line."""
    here = Path.cwd() if updated else Path(os.environ.get("PWD", "/"))
    lines = [] if folder == here else [f"cd {shlex.quote(str(folder))}"]
    lines.append("git diff" if updated else COMMIT)
    known = facts(answers)
    if known.stdio_only:
        return "\n  ".join(["Next:", *lines, "docker compose build mcp-server", "# then start a client, as COMPOSE.md says"])
    lines.append("docker compose up --build --wait" if known.service or known.server_names else "docker compose up --wait")
    if known.on_host:
        lines.append("# then start Python here as COMPOSE.md says")
    elif known.service:
        lines.append(f"docker compose port {known.service} {answers['app_port']}{WHERE}")
    elif known.has_gateway:
        lines.append(f"docker compose port gateway 5678{WHERE}")
    else:
        lines.append("# then see COMPOSE.md")
    return "\n  ".join(["Next:", *lines])
