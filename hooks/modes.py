"""The mode of our scripts, where git can't see it: on Windows, and on file systems that know none."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from machine import run
from messages import warn
from project import git


def without_mode(folder: Path, owned: Collection[str]) -> list[str]:
    """Return the scripts that git would commit as files that can't be executed; none where it sees the mode.

    Args:
        folder: the project.
        owned: the template's files that the answers bring.
    """
    if git("config", "core.fileMode", folder=folder).strip() != "false":
        return []
    scripts = [path for path in owned if re.fullmatch("scripts/[^/]+", path) and (folder / path).is_file()]
    has_mode = {path for path in scripts if git("ls-files", "--stage", "--", path, folder=folder).startswith("100755 ")}
    return sorted({*scripts} - has_mode)


def set_modes(folder: Path, owned: Collection[str], *, updated: bool) -> None:
    """Give those that git has already their mode, in its index. What is new the user adds: after a copy as the next step."""
    lacking = without_mode(folder, owned)
    tracked = [path for path in lacking if git("ls-files", "--", path, folder=folder)]
    if tracked and not run("git", "update-index", "--chmod=+x", "--", *tracked, folder=folder)[0]:
        warn(f"commit {', '.join(tracked)}: git has noted that they can be executed, which this system can't tell it.")
    if updated and (new := " ".join(sorted({*lacking} - {*tracked}))):
        warn(f"run `git add --chmod=+x {new}` before you commit: this system can't tell git that they can be executed.")
