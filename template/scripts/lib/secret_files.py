# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Files of variables in secrets/, for their owner alone."""

from __future__ import annotations

import re
from pathlib import Path

from .common import read, say, write


def fill(path: Path, header: str, values: dict[str, str], replace: bool = True) -> None:
    """Set variables in a file in secrets/; what else is there stays.

    Args:
        path: the file.
        header: what a new one begins with.
        values: the variables.
        replace: whether those that have a value already are set too.
    """
    before = read(path)
    text = before or header
    for name, value in values.items():
        kept = not replace and re.search(rf"^{name}=.", text, re.MULTILINE)
        if not kept and f"{name}={value}" not in text.splitlines():
            text = re.sub(rf"^{name}=.*\n?", "", text, flags=re.MULTILINE).rstrip()
            text += f"\n{name}={value}\n"
    if text == before:
        say(f"secrets/{path.name} is up to date")
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.chmod(0o700)
    write(path, text)
    say(f"wrote secrets/{path.name}")
