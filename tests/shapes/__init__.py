"""Projects of other people's shapes, each described in a few lines: tests write it, adopt it without an answer, and use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Shape:
    """A project, and what it does once it is started.

    Attributes:
        files: texts by the paths of the files.
        says: what a page holds.
        path: which page that is.
        answers: what cannot be found, and has to be answered.
    """

    files: dict[str, str]
    says: str = ""
    path: str = "/"
    answers: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def shapes(name: str) -> dict[str, Shape]:
    """Return the shapes of a file in this folder, by name."""
    loaded = yaml.safe_load((Path(__file__).parent / f"{name}.yml").read_text(encoding="utf-8"))
    return {one: Shape(**said) for one, said in loaded.items()}
