"""`scripts/mcp-stdio` before any container: what it says when it can't start one, and nothing on standard output."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support import need_tool, render, scripts_of, without_docker


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    answers = {"stack": "mcp-multi", "mcp_servers": ["tasks", "my-docs"], "gateway": "none"}
    return render(template, tmp_path_factory.mktemp("multi") / "my-project", answers)


@pytest.fixture
def project(rendered: Path, tmp_path: Path) -> Path:
    """A copy of a project with two servers, for one test to change."""
    return shutil.copytree(rendered, tmp_path / "my-project")


def run(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/mcp-stdio as a client does, from another folder."""
    script = [sys.executable, str(project / "scripts" / "mcp-stdio"), *arguments]
    env = {**os.environ, **variables}
    return subprocess.run(script, capture_output=True, text=True, cwd=project.parent, env=env, stdin=subprocess.DEVNULL)


def assert_refused(result: subprocess.CompletedProcess[str]) -> None:
    """Assert that a run has ended with one sentence, and that a client has read nothing."""
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("scripts/mcp-stdio: ")


@pytest.mark.parametrize("arguments", [("docs",), ("db",), (), ("tasks", "my-docs")], ids=" ".join)
def test_a_service_that_is_no_server_is_answered_with_those_that_are(arguments: tuple[str, ...], project: Path) -> None:
    result = run(project, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "tasks" in result.stderr
    assert "my-docs" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_docker_it_says_what_is_missing(project: Path) -> None:
    result = run(without_docker(project), "tasks", PATH="/nonexistent")
    assert_refused(result)
    assert "docker was not found; install Docker" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_compose_files_that_can_not_be_read_are_reported(project: Path) -> None:
    need_tool("docker")
    (project / "docker-compose.override.yml").write_text("services: [\n")
    result = run(project, "tasks")
    assert_refused(result)
    assert " config --format json` failed: " in result.stderr


def test_an_engine_that_does_not_answer_is_reported(project: Path) -> None:
    need_tool("docker")
    result = run(project, "tasks", DOCKER_HOST=f"unix://{project}/no.sock")
    assert_refused(result)
    assert "scripts/mcp-stdio: start the engine that DOCKER_HOST names: `docker ps " in result.stderr


def test_a_client_that_gives_no_docker_host_is_told_where_it_can_stand(project: Path, tmp_path: Path) -> None:
    """As with the stdio client of MCP's SDK, which passes on PATH, HOME and few more."""
    need_tool("docker")
    folder = tmp_path / "docker"
    (folder / "contexts" / "meta" / "x").mkdir(parents=True)
    nowhere = f"unix://{project}/no.sock"
    context = {"Name": "x", "Metadata": {}, "Endpoints": {"docker": {"Host": nowhere, "SkipTLSVerify": False}}}
    name = hashlib.sha256(b"x").hexdigest()
    (folder / "contexts" / "meta" / "x").rename(folder / "contexts" / "meta" / name)
    (folder / "contexts" / "meta" / name / "meta.json").write_text(json.dumps(context))
    (folder / "config.json").write_text('{"currentContext": "x"}')
    result = run(project, "tasks", DOCKER_CONFIG=str(folder))
    assert_refused(result)
    advice = "start Docker, or say by `docker context use NAME` or DOCKER_HOST in this client's `env` where its engine is: "
    assert result.stderr.startswith(f"scripts/mcp-stdio: {advice}`docker ps ")


@pytest.mark.parametrize(
    ("command", "session"),
    [
        ("python -m shop.server", None),
        ("shop-mcp --transport http --port 8000", ["shop-mcp", "--transport", "stdio"]),
    ],
)
def test_a_session_of_a_server_that_speaks_http_gets_a_command_that_does_not(
    command: str, session: list[str] | None, template: Path, tmp_path: Path
) -> None:
    answers: dict[str, Any] = {"stack": "mcp", "own_app": True, "app_command": command}
    with scripts_of(render(template, tmp_path / "my-project", answers) / "scripts"):
        found = import_module("lib.settings")
    assert [*found.SERVERS.values()] == ["mcp-server"]
    sessions = {"mcp-server": session} if session else {}
    assert sessions == found.STDIO_COMMANDS
