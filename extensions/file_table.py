"""The table of files, `files.yml`, and what of it a folder has.

Without Jinja and Copier, because the hook reads it too, in processes of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import yaml

TABLE = Path(__file__).parent.parent / "files.yml"
# In the first lines of each file that is the template's.
MARKER = "Managed by chora-compose-template"
RENDERED = ("template", "once", "missing")


@dataclass(frozen=True)
class File:
    """A row of the table."""

    path: str
    """As in a project, with `/`; `<package_name>` and `<server>` stand for names, a trailing `/` for a whole folder."""
    when: str
    """A Jinja expression of answers and facts that tells whether the file comes."""
    comes: str
    """The same in words."""
    whose: str
    """`template`, `once`, `missing`, `copier`, `yours`, `never rendered` or `never committed`, as the table explains."""
    purpose: str
    """What it is for, in one line of Markdown."""
    since: str = "0.0.0"
    """The release that brought it to projects with the same answers."""

    @property
    def rendered(self) -> bool:
        """Whether the template writes it."""
        return self.whose in RENDERED

    def matches(self, path: str) -> bool:
        """Tell whether a project's path is this row's."""
        pattern = re.sub(r"<\w+>", "[^/]+", re.escape(self.path).replace(r"\<", "<").replace(r"\>", ">"))
        return re.fullmatch(pattern + (".*" if self.path.endswith("/") else ""), path) is not None


@cache
def table() -> tuple[File, ...]:
    """Return the rows of files.yml."""
    # The loader in C, where PyYAML has it, is ten times as fast.
    rows = yaml.load(TABLE.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tuple(
        File(path, str(row.get("when", "true")), row["comes"], row["whose"], row["for"], row.get("since", "0.0.0"))
        for path, row in rows.items()
    )


def row_of(path: str) -> File | None:
    """Return the row of a project's path, the most exact of those that match; None where there is none."""
    return max(
        (row for row in table() if row.matches(path)), key=lambda row: (not row.path.endswith("/"), len(row.path)), default=None
    )


def is_ours(path: Path) -> bool:
    """Tell whether a file says in its first lines that it is the template's."""
    try:
        # What a link leads to says nothing of the link.
        with path.open("rb") as file:
            return path.is_file() and not path.is_symlink() and MARKER.encode() in b"".join(islice(file, 3))
    except OSError:
        return False


def present(root: Path, whose: Collection[str]) -> list[str]:
    """Return the files in a folder that the table knows, as paths with `/`, of rows with one of the given owners."""
    names = set()
    for row in table():
        # What lies in these is looked at one by one when it is written: nothing that is there is replaced.
        if row.whose in whose and not row.path.endswith("/") and "<package_name>" not in row.path:
            pattern = re.sub(r"<\w+>", "*", row.path)
            found = root.glob(pattern) if "*" in pattern else [root / pattern]
            names |= {path.relative_to(root).as_posix() for path in found if os.path.lexists(path)}
    return sorted(names)


def existing(root: Path, whose: Collection[str] = RENDERED) -> list[str]:
    """Return the user's files in a folder that the template writes, with these answers or others."""
    return [path for path in present(root, whose) if not is_ours(root / path)]


def ignored(root: Path) -> list[str]:
    """Return the files that git ignores and that stand where the template's would: nothing could bring them back."""
    return hidden_by_git(root, [path for path in present(root, ["template"]) if (root / path).is_file()])


def hidden_by_git(root: Path, names: Collection[str]) -> list[str]:
    """Return those of some files that git ignores; none without git, or without a repository."""
    if not names:
        return []
    # Not check-ignore, which ends at the first path behind a link or in a submodule.
    asked = ["git", "--literal-pathspecs", "ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", *names]
    try:
        done = subprocess.run(asked, cwd=root, capture_output=True, encoding="utf-8", errors="surrogateescape")
    except OSError:  # there is no git, or no folder yet
        return []
    return done.stdout.split("\0")[:-1]
