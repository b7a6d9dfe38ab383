"""An engine without root: what a project needs of Docker, an ordinary user may do."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.dind import docker, start_engine
from tests.e2e.stack import wait_for
from tests.support import preset, render

USER = 1000  # the image's
SOCKET = f"unix:///run/user/{USER}/docker.sock"
IMAGES = ("python:3.13-slim", "postgres:17-alpine", "redis:8-alpine")


@pytest.fixture
def engine(template: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A rootless engine, a container, and a project of its user's that it has at the same path."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    # Not in pytest's own folder, which is root's alone.
    project = Path("/srv") / name
    render(template, tmp_path / "shop", preset("02-full"), hook=True, state=tmp_path)
    try:
        project.parent.mkdir(exist_ok=True)
        shutil.move(tmp_path / "shop", project)  # which may be on another disk
        for path in (project, *project.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)
        # Without udev the machine's own one is root's alone.
        os.mknod(tun := tmp_path / "tun", stat.S_IFCHR, os.makedev(10, 200))
        tun.chmod(0o666)
        mounts = ("--volume", f"{project}:{project}", "--volume", f"{tun}:/dev/net/tun")
        start_engine(name, "bridge", *mounts, rootless=True)
        wait_for(lambda: inside(name, project, "docker", "info", check=False).returncode == 0 or None)
        with subprocess.Popen(["docker", "save", *IMAGES], stdout=subprocess.PIPE) as saved:
            load = ["docker", "exec", "--interactive", "--env", f"DOCKER_HOST={SOCKET}", name, "docker", "load"]
            subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True)
        yield name, project
    finally:
        docker("rm", "--force", "--volumes", name, check=False)
        subprocess.run(["rm", "-rf", project], check=True)


def inside(name: str, folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command as the engine's user, in a folder."""
    there = ["docker", "exec", "--env", f"DOCKER_HOST={SOCKET}", "--workdir", str(folder), name, *command]
    result = subprocess.run(there, capture_output=True, text=True)
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result


def test_a_full_stack_runs_and_its_files_are_the_users(engine: tuple[str, Path]) -> None:
    name, project = engine
    inside(name, project, "docker", "compose", "up", "--build", "--wait")
    page = json.loads(inside(name, project, "busybox", "wget", "-qO-", "http://127.0.0.1:8000/").stdout)
    assert (page["database"].split(".")[0], page["redis"].split(".")[0]) == ("PostgreSQL 17", "Redis 8")
    inside(name, project, "docker", "compose", "exec", "-T", "app", "as-owner", "touch", "made")
    inside(name, project, "docker", "compose", "run", "--rm", "-T", "--no-deps", "app", "touch", "made-by-run")
    assert {(project / made).stat().st_uid for made in ("made", "made-by-run")} == {USER}
    assert {path.lstat().st_uid for path in project.rglob("*")} == {USER}
