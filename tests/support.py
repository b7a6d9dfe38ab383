"""What all tests share: the working tree as a template, and renderings of it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import copier
import plumbum
import pytest
import yaml

Done = subprocess.CompletedProcess[str]
ROOT = Path(__file__).resolve().parent.parent
WIDE = os.environ.get("CHORA_WIDE") == "1"
"""Whether further cases of the same kinds are tried too, which take hours: `make wide`."""
PROJECTS = Path(__file__).resolve().parent / "projects"
PRESETS = sorted((ROOT / "presets").glob("*.yml"))
# What makes up the template, for a user who renders it.
TEMPLATE_PARTS = ("copier.yml", "questions", "presets", "extensions", "includes", "template", "hooks", "migrations", "files.yml")
# The hook imports its neighbours by their names, as Python does for a script.
sys.path.insert(0, str(ROOT / "hooks"))


def load(path: Path, name: str) -> ModuleType:
    """Return a Python file as a module, whatever its suffix."""
    spec = importlib.util.spec_from_file_location(name, path, loader=SourceFileLoader(name, str(path)))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def scripts_of(folder: Path) -> Iterator[None]:
    """Import `lib` from a folder of scripts for as long; modules that were imported before are the same afterwards."""

    def taken() -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name == "lib" or name.startswith("lib.")]
        return {name: sys.modules.pop(name) for name in names}

    before = taken()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        taken()
        sys.modules.update(before)


@cache
def extension(name: str) -> ModuleType:
    """Return the module of `extensions/<name>.py`, loaded by path as Copier's extension loader does."""
    return load(ROOT / "extensions" / f"{name}.py", f"chora_{name}")


def copy_template(target: Path) -> Path:
    """Copy the working tree's template, uncommitted work included, without .git: ten times faster to render from."""
    target.mkdir(parents=True)
    for part in TEMPLATE_PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, target / part)
    return target


def no_projects(state: Path) -> str:
    """Make the registry of a machine without projects, unless there is one; else what Docker knows would be in it."""
    registry = state / "chora-compose-template" / "environments.jsonl"
    if not registry.exists():
        registry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        registry.write_text('{"format": 1}\n{"lines": 0}\n')
        registry.chmod(0o600)
    return str(state)


@contextmanager
def machine(state: Path | None = None) -> Iterator[None]:
    """Work on a machine with a registry of environments of its own: an empty one, or the one in a folder."""
    # Copier gives its tasks what plumbum found in the environment when it was imported.
    with tempfile.TemporaryDirectory() as empty, pytest.MonkeyPatch.context() as patch:
        environments: list[Any] = [os.environ, plumbum.local.env]
        for environment in environments:
            patch.setitem(environment, "XDG_STATE_HOME", no_projects(state or Path(empty)))
        yield


def render(
    template: Path,
    destination: Path,
    answers: dict[str, Any] | None = None,
    *,
    hook: bool = False,
    state: Path | None = None,
    **options: Any,
) -> Path:
    """Render the template in this process, with defaults for what is not answered.

    Args:
        template: a folder made by `copy_template`, or a repository.
        destination: the project; made if missing.
        answers: as with `-d`.
        hook: whether the post-generation hook runs.
        state: the folder of the registry that the machine has; without it there are no other projects on the machine.
        options: further arguments of `copier.run_copy`.

    Returns:
        The destination.
    """
    with machine(state):
        copier.run_copy(
            str(template), destination, data=answers or {}, defaults=True, unsafe=True, quiet=True, skip_tasks=not hook, **options
        )
    return destination


def run_copier(*arguments: str, cwd: Path, prefix: Sequence[str] = (), env: Mapping[str, str] = MappingProxyType({})) -> Done:
    """Run Copier's command line in a process of its own, without a terminal.

    Args:
        arguments: such as `"update", "--trust", "--defaults"`.
        cwd: the folder that it runs in.
        prefix: a command in front of it, such as `without_privileges()`.
        env: variables on top of this process's.
    """
    return run([*prefix, sys.executable, "-m", "copier", *arguments], cwd=cwd, env=env)


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] = MappingProxyType({})) -> Done:
    """Run a command without a terminal, with variables on top of this process's."""
    return subprocess.run(command, cwd=cwd, env={**os.environ, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def without_privileges() -> list[str]:
    """Return the command in front of another that takes root's privileges: a read-only file is read-only then.

    The user stays root, who can still read this checkout wherever it is. Anybody else has no such privileges.
    """
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def preset(name: str) -> dict[str, Any]:
    """Return the answers of a preset, such as `02-full`."""
    answers = yaml.safe_load((ROOT / "presets" / f"{name}.yml").read_text())
    assert isinstance(answers, dict)
    return answers


def existing_project(name: str, target: Path) -> Path:
    """Copy one of the small existing projects in tests/projects/ to a folder, as a user's own repository."""
    shutil.copytree(PROJECTS / name, target)
    git(target, "init", "--quiet", "-b", "main")
    commit_all(target, "My project")
    return target


def git(folder: Path, *arguments: str, input: str | None = None) -> str:
    """Run git in a folder, as a user of the tests' own, and return what it prints."""
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, input=input).stdout


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in a folder that git does not ignore."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def without_docker(project: Path) -> Path:
    """Let a project's scripts look for Docker on PATH alone."""
    for path in [*(project / "scripts").glob("*"), *(project / "scripts" / "lib").glob("*.py")]:
        if path.is_file() and "/usr/local/bin" in (text := path.read_text(encoding="utf-8")):
            path.write_text(text.replace("/usr/local/bin", "/nonexistent"), encoding="utf-8")
    return project


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of a project by its path with `/`, without .git."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts[:1]
    }


@cache
def tool(name: str) -> str | None:
    """Return the path of a program; of `docker` only with the Compose plugin."""
    path = shutil.which(name)
    usable = path and (name != "docker" or subprocess.run([path, "compose", "version"], capture_output=True).returncode == 0)
    return path if usable else None


def need_tool(name: str) -> str:
    """Return the path of a program that is no Python package, such as `docker` or `npx`.

    A machine without it skips the test, unless CHORA_E2E=required is set, as in CI: then the test fails.
    """
    path = tool(name)
    if path:
        return path
    reason = f"{name}{' with Compose' if name == 'docker' else ''} is not installed on this machine"
    if os.environ.get("CHORA_E2E") == "required":
        pytest.fail(f"{reason}, and CHORA_E2E=required is set")
    pytest.skip(reason)


def preferred_offset(names: Any, slug: str, branch: str) -> int:
    """Return the offset, 1 to 2400, that a branch has unless another has it, as the module with the names chooses it."""
    return int(1 + int.from_bytes(names.digest(slug, branch)[:8], "big") % names.OFFSETS)
