"""What somebody breaks in a project, and what its pipeline leaves behind: for the tests of all pipelines."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests.e2e.stack import Stack
from tests.support import commit_all


def change(path: Path, old: str, new: str) -> None:
    """Replace a text in a file, which has to be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def break_a_test(project: Path) -> None:
    """Make a test expect something else than the app answers."""
    change(next((project / "tests").glob("test_*.py")), '"ok"', '"fine"')


def break_the_image(project: Path) -> None:
    """Add a step to the image that fails."""
    change(project / "Dockerfile", "\nEXPOSE", "\nRUN exit 7\nEXPOSE")


def break_the_health(project: Path) -> None:
    """Make the app answer that it is not well, long before anybody has the patience for it."""
    change(next(project.glob("src/*/server.py")), '"/health"', '"/elsewhere"')
    change(project / "docker-compose.yml", "interval: 30s", "interval: 1s")
    change(project / "docker-compose.yml", "start_period: 60s", "start_period: 1s")


def into_a_folder(stack: Stack, notes: str) -> Path:
    """Do what the hook says where a project is in a folder of a repository, and commit it; return the top of the repository.

    Args:
        stack: the project, in the folder `backend`.
        notes: what the hook has said.
    """
    for command in re.findall(r"Note: run `(.*?)` here", notes):
        subprocess.run(["sh", "-c", command], cwd=stack.folder, check=True)
    top = stack.folder.parent
    commit_all(top, "Render the set-up")
    return top


class Breakage(NamedTuple):
    """A way to break a project.

    Attributes:
        do: breaks it.
        step: of scripts/ci, the one that has to fail.
        says: what the log has to show of it.
    """

    do: Callable[[Path], None]
    step: str
    says: str


BREAKAGES = {
    "a broken test": Breakage(break_a_test, "test", "1 failed"),
    "an image that does not build": Breakage(break_the_image, "build", "exit code: 7"),
    "a service that never gets healthy": Breakage(break_the_health, "start", "is unhealthy"),
}


def commit_broken(project: Path, breakage: Breakage) -> None:
    """Break a project, and commit that."""
    breakage.do(project)
    commit_all(project, "Break it")


def images_of(slug: str) -> list[str]:
    """Return the tags of the images that are there of a project's tests."""
    command = ["docker", "image", "ls", "--filter", f"reference={slug}-test*", "--format", "{{json .Repository}}"]
    return [json.loads(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()]


def run_ci(stack: Stack, *steps: str, check: bool = True, **environment: str) -> str:
    """Run scripts/ci and return all that it printed."""
    command = ["scripts/ci", *steps]
    env = {**os.environ, **environment}
    result = subprocess.run(command, cwd=stack.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (result.returncode == 0) == check, result.stdout
    return result.stdout


def outcome(report: Path) -> tuple[int, int]:
    """Return how many tests a JUnit report tells of, and how many of them did not pass."""
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    return int(suite.attrib["tests"]), sum(int(suite.attrib[name]) for name in ("failures", "errors", "skipped"))
