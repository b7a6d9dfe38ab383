"""What Docker Compose makes of rendered projects."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.render.conftest import Case
from tests.support import need_tool

WITH_TESTS = ("-f", "docker-compose.yml", "-f", "docker-compose.test.yml")


def config(folder: Path, *options: str, env: dict[str, str] | None = None) -> Any:
    """Return what Compose makes of a project, which has to come without any warning."""
    command = [need_tool("docker"), "compose", *options, "config", "--format", "json"]
    # In place of what scripts/setup makes for a project with branch environments.
    environment = {**os.environ, "CHECKOUT": "/dev/null", **(env or {})}
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def config_of(case: Case, *options: str) -> Any:
    """Return what Compose makes of a case as it was rendered: asked once for all tests and workers.

    With the profiles of what `up` does not start, which change nothing about the rest.
    """
    known = case.folder.with_name("".join(["config", *options]).replace("/", "_") + ".json")
    if not known.exists():
        draft = known.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(config(case.folder, *options, "--profile", "stdio", "--profile", "app")))
        draft.rename(known)
    return json.loads(known.read_text())


def copy_of(case: Case, target: Path) -> Path:
    """Copy what Compose reads of a case to a folder that a test may change."""
    names = [name for name in [*case.files, *case.kept] if name.startswith((".env", "docker-compose"))]
    for name in names:
        shutil.copy2(case.folder / name, target / name)
    return target


def with_tests(folder: Path, *options: str) -> Any:
    """Return what Compose makes of a project with the file for its tests."""
    return config(folder, *WITH_TESTS, *options)
