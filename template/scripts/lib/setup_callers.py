# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes for those who call the MCP server: a first token."""

from .callers import FILE, add, write_rules
from .common import say


def make() -> None:
    if FILE.exists():
        say("secrets/mcp_tokens is up to date")
    else:
        add("default")
        say("wrote secrets/mcp_tokens")
    write_rules()
