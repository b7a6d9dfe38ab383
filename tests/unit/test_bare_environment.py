"""Scripts that are started with hardly an environment: by a client or a git with a window, by cron, over ssh."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import windows
from tests.support import ROOT, commit_all, git, preset, render, run, without_docker

AWAY = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
# Each as it is started by itself.
STARTED = {
    "04-mcp": ["mcp-stdio", "mcp-server"],
    "12-production": ["backup"],
    "02-full": ["upgrade-postgres"],
    "07-shared-services": ["projects", "list"],
}


def bare(home: Path, **more: str) -> dict[str, str]:
    """Return what cron gives a program."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C", **more}


def docker_in(home: Path, script: str) -> None:
    """Put a docker into a home, where Docker Desktop has one too."""
    (home / ".docker" / "bin").mkdir(parents=True)
    (home / ".docker" / "bin" / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (home / ".docker" / "bin" / "docker").chmod(0o755)


def start(project: Path, script: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "scripts" / script), *arguments]
    return subprocess.run(command, cwd="/", env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


RANCHER = r"\Rancher Desktop\resources\resources\win32\bin"


@pytest.mark.parametrize(
    ("prelude", "places"),
    [
        (
            "",
            {"/usr/local/bin", "/opt/homebrew/bin", "/snap/bin", "HOME/.docker/bin", "HOME/.orbstack/bin", "HOME/.rd/bin"}
            | {"/Applications/Docker.app/Contents/Resources/bin", "/Applications/OrbStack.app/Contents/MacOS/xbin"}
            | {"/Applications/Rancher Desktop.app/Contents/Resources/resources/darwin/bin"},
        ),
        (
            windows.PRELUDE,
            {r"D:\Programs\Docker\Docker\resources\bin", r"D:\me\Programs\DockerDesktop\resources\bin"}
            | {rf"D:\Programs{RANCHER}", rf"D:\me\Programs{RANCHER}"},
        ),
    ],
    ids=["Unix", "Windows"],
)
def test_docker_is_looked_for_where_each_program_puts_it(prelude: str, places: set[str], tmp_path: Path) -> None:
    program = f"{prelude}\nimport sys; sys.path.insert(0, {str(ROOT / 'template' / 'scripts')!r})\n"
    program += "from lib import common; print('\\n'.join(common.PATHS))"
    env = bare(tmp_path, ProgramFiles=r"D:\Programs", LOCALAPPDATA=r"D:\me")
    done = subprocess.run([sys.executable, "-B", "-c", program], env=env, capture_output=True, text=True, check=False)
    assert places <= {line.replace(str(tmp_path), "HOME") for line in done.stdout.splitlines()}, done.stderr


@pytest.mark.parametrize("name", STARTED)
def test_docker_is_found_and_an_engine_that_is_not_is_said_with_the_cure(name: str, template: Path, tmp_path: Path) -> None:
    project = without_docker(render(template, tmp_path / "shop", preset(name)))
    secrets = project / "secrets"
    if name == "12-production":
        (secrets / "tls").mkdir(parents=True)
        for one in ("db_password", "redis_password", "app_secret_key", "tls/fullchain.pem", "tls/privkey.pem"):
            (secrets / one).write_text("x")
    docker_in(tmp_path, f"echo '{AWAY}' >&2; exit 1")
    done = start(project, *STARTED[name], env=bare(tmp_path))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"scripts/{STARTED[name][0]}: start Docker, or "), said
    # That script is to be short, and is typed at a terminal: it names what to set.
    assert "DOCKER_HOST" in said and ("docker context use" in said or (name == "02-full" and "PATH" in said))
    assert ("this client's `env`" in said) == (name == "04-mcp")
    there = start(project, *STARTED[name], env=bare(tmp_path, DOCKER_HOST="unix:///gone.sock"))
    assert "start the engine that DOCKER_HOST names: " in there.stderr or name == "02-full", there.stderr


def test_scripts_ci_finds_docker(template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "shop", preset("08-github-actions"))
    script = project / "scripts" / "ci"
    script.write_text(script.read_text().replace("/usr/local/bin", str(tmp_path / ".docker" / "bin")))
    docker_in(tmp_path, 'echo "docker $*"')
    done = subprocess.run(["sh", str(script), "build"], cwd="/", env=bare(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "docker compose -p " in done.stdout + done.stderr


def test_the_hook_of_branches_works(template: Path, tmp_path: Path) -> None:
    project = without_docker(render(template, tmp_path / "shop", preset("10-branches")))
    git(project, "init", "--quiet", "-b", "main")
    commit_all(project, "My project")
    docker_in(tmp_path, f"echo \"$@\" >>{tmp_path}/asked; echo '{AWAY}' >&2; exit 1")
    assert run([sys.executable, "scripts/branch-env", "install"], cwd=project).returncode == 0
    bin_of_git = tmp_path / "bin"
    bin_of_git.mkdir()
    (bin_of_git / "git").symlink_to(shutil.which("git") or "")
    env = {"PATH": f"{bin_of_git}", "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    command = ["git", "-c", "safe.directory=*", "worktree", "add", "--quiet", str(tmp_path / "feature"), "-b", "feature"]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "BRANCH=feature\n" in (tmp_path / "feature" / ".env").read_text()
    assert (tmp_path / "asked").exists(), "docker was found"
