"""Podman: what the hook says of it, and that podman-compose, whose values are other ones, is refused by every script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import machine
import pytest

from tests.support import render

# `docker` as Debian's package podman-docker has it, with podman-compose as the program that `podman compose` starts.
PROGRAM = """#!/bin/sh
case "$*" in
  "compose version") printf 'podman version 5.8.6\\npodman-compose version 1.6.0\\n' ;;
  compose*) echo "usage: podman-compose [-h] [-v]" >&2; exit 2 ;;
  *) echo "Error: template: wrong number of args for json" >&2; exit 125 ;;
esac
"""
COMPOSE = "use Docker Compose: podman-compose reads the files otherwise"


@pytest.fixture
def alias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose `docker` is Podman."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(PROGRAM)
    (tmp_path / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("compose", "api", "buildkit", "lacks"),
    [
        ("2.40.3", "1.44", "0", []),
        ("2.40.3", "1.44", "", ["DOCKER_BUILDKIT=0 in the environment"]),
        ("5.5.0", "1.44", "0", ["a Docker Compose before 5"]),
        ("2.40.3", "1.41", "0", ["a Podman with the API 1.44, or an override without start_interval (found 5.8.6 with 1.41)"]),
        ("2.20.0", "1.44", "0", ["Docker Compose 2.24.4 or newer (found 2.20.0)"]),
    ],
)
def test_what_podman_lacks_is_said(
    compose: str, api: str, buildkit: str, lacks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", buildkit)
    said = machine.lacking(machine.Docker("5.8.6", {"compose": compose}, api))
    assert len(said) == len(lacks)
    assert all(line.startswith(start) for line, start in zip(said, lacks, strict=True)), said


@pytest.mark.usefixtures("alias")
def test_the_hook_refuses_podman_compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PLUGINS", [])
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert machine.missing() == [
        "Docker Compose 2.24.4 or newer: podman-compose gives the services other values than Compose, and is not supported"
    ]


@pytest.mark.usefixtures("alias")
@pytest.mark.parametrize(
    ("answers", "command"),
    [
        ({"stack": "minimal", "ci": ["github"]}, ["sh", "scripts/ci"]),
        ({"stack": "minimal", "ci": ["github"]}, ["sh", "scripts/ci", "clean"]),
        ({"stack": "hybrid"}, [sys.executable, "scripts/setup"]),
        ({"stack": "mcp"}, [sys.executable, "scripts/mcp-stdio", "mcp-server"]),
    ],
    ids=["ci", "a step of ci", "setup", "mcp-stdio"],
)
def test_scripts_refuse_podman_compose(answers: dict[str, object], command: list[str], template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "shop", answers)
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"{command[1]}: {COMPOSE}")
