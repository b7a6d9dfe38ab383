"""Projects as Git for Windows checks them out, on an engine: with its line ends, and without the mode of scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import windows
from tests.e2e.clients import INITIALIZE
from tests.e2e.conftest import MakeStack
from tests.e2e.pipelines import outcome
from tests.e2e.stack import Stack, wait_for
from tests.e2e.test_upgrade_development import Project
from tests.support import commit_all, git, need_tool, preset


def clone_as_on_windows(stack: Stack) -> None:
    """Commit the project as there, and go on in a clone as there."""
    for path in (stack.folder / "scripts").glob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    git(stack.folder, "config", "core.fileMode", "true")
    commit_all(stack.folder, "As on Windows")
    clone = stack.folder.with_name("clone")
    given = ("-c", "core.autocrlf=true", "-c", "core.fileMode=false")
    git(stack.folder, "clone", "--quiet", *given, str(stack.folder), str(clone))
    stack.folder = clone
    assert b"\r\n" in (clone / "docker-compose.yml").read_bytes()


def set_up(stack: Stack) -> None:
    if (stack.folder / "scripts" / "setup").exists():
        stack.run("python3", "scripts/setup")


@pytest.mark.parametrize("name", ["01-minimal", "02-full", "11-hot-reload"])
def test_an_app_starts_from_a_clone_with_line_ends_of_windows(name: str, make_stack: MakeStack) -> None:
    """A program in a heredoc of the Dockerfile has them too; the first pattern has no .gitattributes."""
    stack = make_stack(preset(name))
    clone_as_on_windows(stack)
    assert b"\r\n" in (stack.folder / "Dockerfile").read_bytes()
    set_up(stack)
    stack.up()
    assert stack.get_json("/health")["status"] == "ok"
    inside = stack.compose("exec", "-T", "app", "as-owner", "python", "-c", "import os; print(os.getuid())").stdout
    assert inside == f"{stack.folder.stat().st_uid}\n"
    environment = stack.compose("exec", "-T", "app", "env").stdout
    assert "\r" not in environment


def test_a_debugger_starts_from_such_a_clone(make_stack: MakeStack) -> None:
    stack = make_stack(preset("11-hot-reload"))
    if "DEBUG_LISTEN" not in (stack.folder / "Dockerfile").read_text():
        pytest.skip("this preset has no debugger")
    clone_as_on_windows(stack)
    stack.up()
    loaded = "import sitecustomize, sys; print(sitecustomize.__file__)"
    found = stack.compose("run", "--rm", "--no-deps", "-T", "app", "python", "-c", loaded).stdout
    assert "/opt/debugger/sitecustomize.py" in found


@pytest.mark.parametrize("name", ["04-mcp", "05-mcp-multi", "10-branches"])
def test_other_patterns_start_from_such_a_clone(name: str, make_stack: MakeStack) -> None:
    stack = make_stack(preset(name))
    clone_as_on_windows(stack)
    set_up(stack)
    stack.compose("up", "--build", "--wait", check=True)
    wait_for(lambda: stack.compose("ps", "--services").stdout.strip() or None)
    if name == "10-branches":
        git(stack.folder, "worktree", "add", "--quiet", "../feature", "-b", "feature")
        assert "BRANCH=feature\n" in (stack.folder.parent / "feature" / ".env").read_text()


def test_the_pipelines_script_passes_in_such_a_clone(make_stack: MakeStack) -> None:
    stack = make_stack(preset("08-github-actions"))
    clone_as_on_windows(stack)
    assert not os.access(stack.folder / "scripts" / "ci", os.X_OK)
    done = stack.run("sh", "scripts/ci")
    assert done.stdout.splitlines()[-1] == "scripts/ci: passed"
    assert outcome(stack.folder / "test-reports" / "junit.xml")[1] == 0


def test_data_in_development_come_along_with_windows_python(
    make_stack: MakeStack, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stack = make_stack({"stack": "full", "services": ["postgres"], "postgres_version": "15"})
    project = Project(template, stack, {"stack": "full", "services": ["postgres"]})
    project.fill()
    before = project.content()
    project.answer("17")
    stack.environment |= windows.locales(tmp_path_factory.mktemp("locales"), need_tool("localedef"))["cp1252"]
    done = stack.run(sys.executable, *windows.command(stack.folder / "scripts" / "upgrade-postgres"))
    stack.run("docker", "volume", "rm", f"{project.volume}-15")
    assert "the data are of Postgres 17" in done.stdout
    assert (project.version(), project.content()) == ("17", before)


def test_a_session_answers_with_windows_python(make_stack: MakeStack, tmp_path_factory: pytest.TempPathFactory) -> None:
    stack = make_stack(preset("04-mcp"))
    stack.compose("--profile", "stdio", "build")
    locale = windows.locales(tmp_path_factory.mktemp("locales"), need_tool("localedef"))["cp1252"]
    (stack.folder / ".env.local").write_text("GREETING='Ángel — 日本'\n", encoding="utf-8")
    words = windows.command(stack.folder / "scripts" / "mcp-stdio", "mcp-server")
    env = {**os.environ, **stack.ports, **locale}
    session = subprocess.run(
        [sys.executable, *words], input=json.dumps(INITIALIZE) + "\n", env=env, capture_output=True, encoding="utf-8", check=False
    )
    assert json.loads(session.stdout.splitlines()[0])["id"] == 1, session.stderr
    assert "Traceback" not in session.stderr


def test_a_backup_is_made_by_cron(make_stack: MakeStack, tmp_path: Path) -> None:
    """With no more than what cron gives; what is missing of the rest is said."""
    stack = make_stack(preset("12-production"))
    env = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/root"), "SHELL": "/bin/sh"}
    command = ["sh", "-c", f"cd '{stack.folder}' && python3 scripts/backup"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is not installed" not in done.stderr and "Traceback" not in done.stderr, done.stderr
