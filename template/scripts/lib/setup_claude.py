# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes for clients that read a file in a home folder."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from .common import ROOT, read, say, write
from .settings import SERVERS

DESKTOP = ROOT / "claude_desktop_config.json"


def is_ours(entry: Any) -> bool:
    others = entry.keys() - {"command", "args"}
    plain = not others or {"env"} == others and entry["env"].keys() == {"DOCKER_HOST"}
    return plain and "mcp-stdio" in entry["args"][0]


def is_made_by_us(text: str) -> bool:
    """Tell whether a file has nothing but sessions of scripts/mcp-stdio."""
    try:
        content = json.loads(text)
        return all(map(is_ours, content.pop("mcpServers").values())) and not content
    except (ValueError, AttributeError, KeyError, IndexError, TypeError):
        return False


def make() -> None:
    """Write what Claude Desktop needs; the file that it reads is yours to change."""
    command = "python" if sys.platform == "win32" else "python3"
    script = str(ROOT / "scripts" / "mcp-stdio")
    before = read(DESKTOP)
    # It starts servers without this shell's variables.
    known = re.search(r'"DOCKER_HOST": (".*")', before)
    engine = os.environ.get("DOCKER_HOST") or (json.loads(known[1]) if known else "")
    env = {"env": {"DOCKER_HOST": engine}} if engine else {}
    servers = {
        name: {"command": command, "args": [script, service], **env}
        for name, service in SERVERS.items()
    }
    wanted = {"mcpServers": servers}
    text = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
    if before == text:
        say(f"{DESKTOP.name} is up to date")
        return
    if before and not is_made_by_us(before):
        kept = f"{DESKTOP.name} holds something of yours and was left as it is"
        say(f"{kept}; scripts/setup would write {json.dumps(wanted)}")
        return
    write(DESKTOP, text)
    say(f"wrote {DESKTOP.name}")
    home = Path(os.path.expanduser("~"))
    folder = {
        "darwin": home / "Library" / "Application Support" / "Claude",
        "win32": Path(os.environ.get("APPDATA", "")) / "Claude",
    }.get(sys.platform, home / ".config" / "Claude")
    say(f"for Claude Desktop add what it holds to {folder / DESKTOP.name}")
    windsurf = home / ".codeium" / "windsurf" / "mcp_config.json"
    say(f"for Windsurf add it to {windsurf}")
