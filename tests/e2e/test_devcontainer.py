"""An editor inside the app's container, by the program that VS Code and Codespaces bring it up with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack, worktree
from tests.support import commit_all, need_tool

VERSION = "0.89.0"
OWNER = 1500


@cache
def devcontainer() -> Path:
    """Return the program, installed beside the tests' own Python packages."""
    folder = Path(sys.prefix) / f"devcontainers-cli-{VERSION}"
    if not folder.exists():
        npm = need_tool("npm")
        with tempfile.TemporaryDirectory(dir=sys.prefix) as temporary:
            new = Path(temporary) / "new"
            new.mkdir()
            (new / "package.json").write_text(json.dumps({"dependencies": {"@devcontainers/cli": VERSION}}))
            install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(install, cwd=new, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            if not folder.exists():
                new.rename(folder)
    return folder / "node_modules/.bin/devcontainer"


def run(stack: Stack, what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as the folder's owner, who knows no port and nothing else of the tests."""
    home = stack.folder.parent / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, OWNER, OWNER)
    # Somebody with a name, and a member of the group that may use the engine.
    group = Path("/var/run/docker.sock").stat().st_gid
    names = stack.folder.parent / "passwd"
    names.write_text(f"{Path('/etc/passwd').read_text()}dev:x:{OWNER}:{group}::{home}:/bin/sh\n")
    known = ["unshare", "--mount", "sh", "-ec", 'mount --bind "$0" /etc/passwd; exec "$@"', str(names)]
    other = ["setpriv", "--reuid", str(OWNER), "--regid", str(group), "--clear-groups", "env", f"HOME={home}"]
    return stack.run(*known, *other, str(devcontainer()), what, "--workspace-folder", str(stack.folder), *arguments)


def up(stack: Stack) -> dict[str, Any]:
    """Bring it up, and return what the program says of it."""
    # pytest's own folders are root's alone.
    for parent in stack.folder.parents:
        if parent.is_relative_to(tempfile.gettempdir()) and parent != Path(tempfile.gettempdir()):
            parent.chmod(parent.stat().st_mode | 0o011)
    for path in (stack.folder, *stack.folder.rglob("*")):
        os.chown(path, OWNER, OWNER, follow_symlinks=False)
    said: dict[str, Any] = json.loads(run(stack, "up").stdout.splitlines()[-1])
    assert said["outcome"] == "success"
    return said


@pytest.mark.parametrize(
    "answers",
    [{"stack": "full"}, {"stack": "mcp"}, {"stack": "minimal", "branch_environments": True}],
    ids=["full", "mcp", "with branch environments"],
)
def test_an_editor_works_inside_the_container(answers: dict[str, Any], make_stack: MakeStack) -> None:
    stack = make_stack({"extras": ["devcontainer"], "ci": ["github"], **answers})
    # It is the user's, and Compose's own.
    (stack.folder / "docker-compose.override.yml").write_text(
        f"services:\n  {'mcp-server' if answers['stack'] == 'mcp' else 'app'}:\n    environment:\n      MINE: 'yes'\n"
    )
    said = up(stack)
    assert said["composeProjectName"] == json.loads(stack.compose("config", "--format", "json").stdout)["name"]
    assert said["remoteUser"] == "app"

    def inside(*command: str) -> str:
        return run(stack, "exec", *command).stdout

    tests = inside("pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in tests and "failed" not in tests
    assert inside("printenv", "MINE").strip() == "yes"
    inside("sh", "-c", "echo mine >made-inside")
    assert (stack.folder / "made-inside").stat().st_uid == OWNER
    if answers["stack"] == "full":
        page = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/').read().decode())"
        assert "unreachable" not in inside("python", "-c", page)
        ask = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 41 + 1').fetchone())"
        assert "(42,)" in inside("python", "-c", ask)


def test_it_works_in_a_worktree_beside_the_first(make_stack: MakeStack) -> None:
    stack = make_stack({"extras": ["devcontainer"], "ci": ["github"], "branch_environments": True})
    commit_all(stack.folder, "Render the set-up")
    stack.run("scripts/setup")
    other = worktree(stack, "topic")
    first, second = up(stack), up(other)
    assert first["composeProjectName"] != second["composeProjectName"]
    assert " passed" in run(other, "exec", "pytest", "-q", "-p", "no:cacheprovider").stdout
