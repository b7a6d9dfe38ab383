from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import PORT_VARIABLES, Stack, clean_up_after, free_port, leftovers, unique_slug
from tests.support import existing_project, render

HERE = Path(__file__).parent


@cache
def engine_error() -> str:
    """Say why nothing can be brought up on this machine; empty where a Docker engine answers."""
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{' '.join(command)}: {error}"
        if result.returncode:
            return f"{' '.join(command)}: {result.stderr.strip().splitlines()[-1:]}"
    return ""


def further_cases() -> set[str]:
    """Return the tests of wide.txt, each a file, a test and, in brackets, its parameters."""
    lines = (HERE / "wide.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    further = further_cases()
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)
            if f"{item.path.name}::{item.name}" in further:
                item.add_marker(pytest.mark.wide)


@pytest.fixture(autouse=True, scope="session")
def engine() -> None:
    """A Docker engine. Where end-to-end tests are required, its absence is a failure, else a reason to skip them."""
    if error := engine_error():
        if os.environ.get("CHORA_E2E") == "required":
            pytest.fail(f"end-to-end tests are required, and no Docker engine answers: {error}", pytrace=False)
        pytest.skip(f"no Docker engine answers: {error}")


MakeStack = Callable[..., Stack]


@pytest.fixture
def make_stack(template: Path, tmp_path: Path) -> Iterator[MakeStack]:
    """A function that renders a project for the engine; what it leaves there is removed after the test.

    Its arguments: the answers; `onto`, the name of an existing project of tests/projects; `write`, a function that
    writes one; `own_ports`, to use the ports of the project's slot, or branch, instead of free ones; `within`, a repository, in
    whose folder `backend` it is. The post-generation hook runs, as for a user, and all projects of a test are on one machine.
    """
    with ExitStack() as cleanups:
        made: list[Stack] = []

        def make(
            answers: dict[str, Any],
            onto: str = "",
            write: Callable[[Path], None] | None = None,
            own_ports: bool = False,
            within: Path | None = None,
        ) -> Stack:
            slug = unique_slug()
            folder = within / "backend" if within else tmp_path / slug
            if onto:
                existing_project(onto, folder)
            if write:
                folder.mkdir()
                write(folder)
            render(template, folder, {"project_slug": slug, **answers}, hook=True, state=Path(os.environ["XDG_STATE_HOME"]))
            ports = {} if own_ports else {name: str(free_port()) for name in PORT_VARIABLES}
            stack = Stack(folder, slug, ports)
            made.append(cleanups.enter_context(clean_up_after(stack)))
            return stack

        yield make
    assert [rest for stack in made for rest in leftovers(stack.slug)] == []
