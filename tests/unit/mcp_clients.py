"""What the tests of MCP clients' files share: clients, their entries, and how these are merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import settings

from tests.support import ROOT, load

client_files = load(ROOT / "hooks" / "client_files.py", "client_files")
NAMES = ["tasks", "notes"]
THEN = "run `copier update --trust`"


def entry(name: str) -> dict[str, Any]:
    return {"command": "docker", "args": ["compose", "run", name]}


def older(name: str) -> dict[str, Any]:
    return {"command": "docker-compose", "args": ["run", name], "env": {"A": "1"}}


CLAUDE = client_files.ClientFile(".mcp.json", "mcpServers", lambda name: [entry(name), older(name)])
VSCODE = client_files.ClientFile(".vscode/mcp.json", "servers", lambda name: [{"type": "stdio", **entry(name)}])
CURSOR = client_files.ClientFile(".cursor/mcp.json", "mcpServers", lambda name: [entry(name)])
CLIENTS = [CLAUDE, VSCODE, CURSOR]
# Each example is a whole file: half as many as usual find what is wrong as well.
few = settings(max_examples=50)


def merge(text: str, *names: str) -> str:
    after = client_files.merged(text, CLAUDE, names)
    assert isinstance(after, str)
    return after


def bring(folder: Path, *names: str) -> list[str]:
    said = client_files.bring_up_to_date(folder, [CLAUDE], names, THEN)
    assert isinstance(said, list)
    return said


def pairs(text: str) -> Any:
    """Return what a text with comments and trailing commas says, with the order of its members."""
    return json.loads(client_files.Document(text).plain, object_pairs_hook=list)
