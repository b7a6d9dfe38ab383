"""Projects of other people's shapes, each described in a few lines: tests write it, adopt it without an answer, and use it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Shape:
    """A project, and what it does once it is started.

    Attributes:
        files: texts by the paths of the files.
        says: what a page holds; empty where it serves none.
        path: which page that is.
        service: the service that serves it.
        tested: what `scripts/ci` says of its tests, such as "2 passed"; empty where they are not run.
        locked: whether uv makes its lock when it is written: a lock of ours would name the registry that it was made with.
        answers: what cannot be found, and has to be answered.
        finds: answers that are found.
        notes: a part of what the hook says at adoption; empty where that is not looked at.
        logs: a part of what each service's log holds.
        run: a part of what commands print, each by the words after `docker compose run --rm app`.
        wide: whether it is started by `make wide` alone, because another shape is of the same kind.
    """

    files: dict[str, str]
    says: str = ""
    path: str = "/"
    service: str = "app"
    tested: str = ""
    locked: bool = False
    answers: dict[str, Any] = field(default_factory=dict)
    finds: dict[str, Any] = field(default_factory=dict)
    notes: str = ""
    logs: dict[str, str] = field(default_factory=dict)
    run: dict[str, str] = field(default_factory=dict)
    wide: bool = False

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if self.locked:
            project = min((path for path in self.files if path.endswith("pyproject.toml")), key=len)
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "lock", "--quiet"], cwd=(folder / project).parent, check=True)


def shapes() -> dict[str, Shape]:
    """Return the shapes of all files in this folder, by name."""
    found: dict[str, Shape] = {}
    for path in sorted(Path(__file__).parent.glob("*.yml")):
        loaded = {one: Shape(**said) for one, said in yaml.safe_load(path.read_text(encoding="utf-8")).items()}
        assert not found.keys() & loaded.keys(), f"{path.name} has a name of another file"
        found |= loaded
    return found
