# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The file in which Python on the host finds the services."""

from .common import ROOT, Marks, read, say, with_block, write

LOCAL = ROOT / ".env.local"
HEADER = "# Yours, never committed: it wins over .env.defaults.\n\n"
WHAT = "the services, seen from this machine; what you set outside these lines wins"
MARKS = Marks(f"# >>> scripts/setup: {WHAT}", "# <<< scripts/setup")


def make(*lines: str) -> None:
    """Make .env.local, with lines in our block."""
    old = read(LOCAL)
    text = old if LOCAL.exists() else HEADER
    new = with_block(text, MARKS, list(lines), LOCAL.name)
    if LOCAL.exists() and new == old:
        say(f"{LOCAL.name} is up to date")
    else:
        write(LOCAL, new)
        say(f"wrote {LOCAL.name}")
