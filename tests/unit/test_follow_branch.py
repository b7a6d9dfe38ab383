"""Scripts that work on data follow a branch that was checked out without git's hook, before they do anything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support import commit_all, git, render, run

ANSWERS = {"stack": "mcp", "services": ["postgres"], "project_slug": "shop", "branch_environments": True}
COMMANDS = {"mcp-stdio": ["mcp-server"], "upgrade-postgres": []}


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = render(template, tmp_path_factory.mktemp("follows") / "shop", ANSWERS)
    git(folder, "init", "--quiet", "-b", "main")
    commit_all(folder, "My project")
    git(folder, "config", "core.hooksPath", ".none")
    return folder


def script(project: Path, name: str, *arguments: str) -> str:
    """Run a script where no engine answers, from another folder; return its errors."""
    result = run(
        [sys.executable, str(project / "scripts" / name), *arguments],
        cwd=project.parent,
        env={"DOCKER_HOST": "unix:///nonexistent.sock"},
    )
    assert "Traceback" not in result.stderr
    assert result.stdout == "" and bool(result.returncode) == (name != "branch-env")
    return result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_script_works_on_the_data_of_the_branch_that_is_checked_out(name: str, project: Path) -> None:
    git(project, "checkout", "--quiet", "main")
    script(project, "branch-env", "sync", "--no-setup")
    assert "BRANCH=main\n" in (project / ".env").read_text()
    git(project, "checkout", "--quiet", "-B", f"for-{name}")
    said = script(project, name, *COMMANDS[name])
    assert f"BRANCH=for-{name}\n" in (project / ".env").read_text()
    assert f"scripts/branch-env: shop-for-{name}" in said
    assert "scripts/branch-env" not in script(project, name, *COMMANDS[name]), "what is up to date is no news"
