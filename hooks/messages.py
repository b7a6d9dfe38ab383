"""What the hook tells the user, beside Copier's own output."""

from __future__ import annotations

import sys
from pathlib import Path

# What rendered projects have too.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "template" / "scripts"))
from lib.common import typed


def say(text: str) -> None:
    print(typed(text, Path.cwd()), file=sys.stderr, flush=True)


def warn(text: str) -> None:
    say(f"Note: {text}")
