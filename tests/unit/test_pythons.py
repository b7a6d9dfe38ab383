"""The scripts of a project under each Python that may be on a host; the one that runs the tests is the template's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import PRESETS, commit_all, git, preset, render

pytestmark = pytest.mark.thorough
VERSIONS = [f"3.{minor}" for minor in range(9, 15)]
# Each module of a project's is imported: what a version lacks may be evaluated where no command line goes.
IMPORT_ALL = """
import importlib, pathlib, sys
sys.path.insert(0, "scripts")
sys.argv = ["scripts/setup"]
for path in sorted(pathlib.Path("scripts/lib").glob("*.py")):
    if path.stem != "upgrade_development":
        importlib.import_module(f"lib.{path.stem}")
"""


def python(version: str) -> str:
    """Return a Python of a version; one of those that PYTHON_VERSIONS names has to be there."""
    for name in (f"python{version}", "python3", "python"):
        path = shutil.which(name)
        if path and version_of(path) == version:
            return path
    for folder in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin")):
        return str(folder / "python3")
    if version in os.environ.get("PYTHON_VERSIONS", "").split():
        pytest.fail(f"Python {version} is not installed on this machine, and PYTHON_VERSIONS names it")
    pytest.skip(f"Python {version} is not installed on this machine")


def version_of(path: str) -> str:
    asked = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture(scope="module")
def projects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("projects")
    rendered = [render(template, folder / path.stem, preset(path.stem)) for path in PRESETS]
    return [project for project in rendered if (project / "scripts").exists()]


@pytest.mark.parametrize("version", VERSIONS)
def test_scripts_run_on_each_python(version: str, projects: list[Path]) -> None:
    program = python(version)
    env = {**os.environ, "DOCKER_HOST": "unix:///nonexistent.sock"}
    for project in projects:
        scripts = [path for path in (project / "scripts").iterdir() if path.is_file() and path.name != "ci"]
        commands = [[str(path), "--help"] for path in scripts]
        commands += [["-c", IMPORT_ALL]] if (project / "scripts" / "lib").exists() else []
        for command in commands:
            # What a later version drops is said by a warning.
            words = [program, "-B", "-W", "error", *command]
            done = subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), (project.name, command, done.stderr)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_branch_has_its_environment_on_each_python(version: str, projects: list[Path], tmp_path: Path) -> None:
    program = python(version)
    (source,) = (project for project in projects if project.name == "10-branches")
    project = shutil.copytree(source, tmp_path / "shop")
    git(project, "init", "--quiet", "-b", "main")
    commit_all(project, "My project")
    git(project, "checkout", "--quiet", "-b", "größe")
    env = {**os.environ, "DOCKER_HOST": "unix:///nonexistent.sock", "XDG_STATE_HOME": str(tmp_path / "state")}
    for command in (["install"], ["sync", "--no-setup"], ["list"]):
        words = [program, "-W", "error", "scripts/branch-env", *command]
        done = subprocess.run(words, cwd=project, env=env, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, (command, done.stderr)
    assert "größe" in done.stdout
