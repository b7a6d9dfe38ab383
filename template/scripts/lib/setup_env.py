# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes for each stack with layers of environment files."""

from __future__ import annotations

from .common import ROOT, Marks, read, say, with_block, write

LOCAL = ROOT / ".env.local"
HEADER = "# Yours, for this machine alone, never committed: what is set here wins over"
HEADER += " .env.defaults.\n"
WHAT = "the services, seen from this machine; what you set outside these lines wins"
MARKS = Marks(f"# >>> scripts/setup: {WHAT}", "# <<< scripts/setup")


def make(*lines: str) -> None:
    """Make .env.local, with lines in our block where the stack needs some."""
    old = read(LOCAL)
    text = old if LOCAL.exists() else HEADER
    new = with_block(text, MARKS, list(lines), LOCAL.name, gap=True)
    if LOCAL.exists() and new == old:
        say(f"{LOCAL.name} is up to date")
    else:
        write(LOCAL, new)
        say(f"wrote {LOCAL.name}")
