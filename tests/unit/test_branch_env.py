"""`scripts/branch-env`: an environment for each branch, through git's hook, in every kind of checkout."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.support import Done, commit_all, git, need_tool, preferred_offset, render, run, scripts_of, without_privileges

COMMANDS = ["install", "sync", "list", "prune", "copy-data"]
HOOK = ".git/hooks/post-checkout"
SERVICES = {"app": "APP_PORT", "db": "POSTGRES_PORT", "redis": "REDIS_PORT"}
# What git lets a branch be called, and what shells, Compose and environment files have their own ideas about.
NASTY = [
    "feature/auth",
    "feature-auth",
    "Feature/Auth",
    "x" * 90,
    "größe/日本",
    "-leading",
    "it's",
    'say-"hi"',
    "'both'-\"$HOME\"",
    "$HOME",
    "a#b;c&d",
    "`id`",
    "{{x}}=%y!",
]


def free_slots(names: ModuleType) -> list[int]:
    """Return the slots whose ports no program of this machine uses; the last ones first, the first ones are everybody's."""
    slots = reversed(range(names.SLOTS))
    return [slot for slot in slots if all(names.is_free(number) for number in names.ports(slot).values())]


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in a slot that no program of this machine uses."""
    with scripts_of(template / "template" / "scripts"):
        slot = free_slots(import_module("lib.names"))[0]
    answers = {"stack": "full", "project_slug": "shop", "port_slot": slot, "branch_environments": True}
    project = render(template, tmp_path_factory.mktemp("rendered") / "shop", answers)
    (project / ".gitignore").write_text(".env\n.env.local\n")
    return project


@pytest.fixture(scope="module")
def names(rendered: Path) -> ModuleType:
    with scripts_of(rendered / "scripts"):
        return import_module("lib.names")


@pytest.fixture(scope="module")
def marks(rendered: Path) -> tuple[str, str]:
    """The lines around our block in `.env`."""
    with scripts_of(rendered / "scripts"):
        found: tuple[str, str] = import_module("lib.checkouts").MARKS
    return found


@pytest.fixture(scope="module")
def slot(rendered: Path) -> int:
    found = re.search(r"^port_slot: (\d)$", (rendered / ".copier-answers.yml").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH, with the Python that runs these tests."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "python3").symlink_to(sys.executable)
    return folder


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, programs: Path) -> None:
    """Keep the developer's settings of git and of the terminal out, and Docker too."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tname = Tester\n\temail = tester@example.com\n[advice]\n\tdetachedHead = false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for name in ("BRANCH", "NO_COLOR", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)


def repository(source: Path, folder: Path) -> Path:
    """Copy a project to a folder, as a repository of its own."""
    shutil.copytree(source, folder)
    git(folder, "init", "--quiet", "-b", "main")
    commit_all(folder, "My project")
    return folder


@pytest.fixture(scope="module")
def committed(rendered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = repository(rendered, tmp_path_factory.mktemp("committed") / "shop")
    for sample in (folder / ".git" / "hooks").iterdir():
        sample.unlink()
    return folder


@pytest.fixture
def project(committed: Path, tmp_path: Path) -> Path:
    """A repository with a project, for one test to change. The hook is not installed."""
    return shutil.copytree(committed, tmp_path / "shop")


@pytest.fixture(scope="module")
def installed(committed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(committed, tmp_path_factory.mktemp("installed") / "shop")
    assert tool(folder, "install").returncode == 0
    return folder


@pytest.fixture
def hooked(installed: Path, tmp_path: Path) -> Path:
    """A repository with a project and the hook, on its default branch."""
    folder = shutil.copytree(installed, tmp_path / "shop")
    assert tool(folder, "sync").returncode == 0
    return folder


def tool(project: Path, *arguments: str, **variables: str) -> Done:
    """Run scripts/branch-env, from another folder."""
    return run([sys.executable, str(project / "scripts" / "branch-env"), *arguments], cwd=project.parent, env=variables)


def check_out(project: Path, *arguments: str, **variables: str) -> str:
    """Check out a branch, and return what the hook says."""
    result = run(["git", "checkout", "--quiet", *arguments], cwd=project, env=variables)
    assert result.returncode == 0, result.stderr
    return result.stderr


def block(project: Path) -> dict[str, str]:
    """Return the block in `.env` as it stands there."""
    text = (project / ".env").read_text(encoding="utf-8", errors="surrogateescape")
    lines = text.partition("# >>> scripts/branch-env")[2].partition("# <<< scripts/branch-env")[0].splitlines()[1:]
    return dict(line.split("=", 1) for line in lines)


def environment(project: Path) -> dict[str, str]:
    """Return the block without what is of this folder."""
    return {name: value for name, value in block(project).items() if name != "CHECKOUT"}


def name_of(project: Path) -> str:
    return block(project)["BRANCH_PROJECT"]


def ports_of(project: Path) -> dict[str, int]:
    found = block(project)
    return {service: int(found[name]) for service, name in SERVICES.items()}


def listed(project: Path) -> list[dict[str, Any]]:
    result = tool(project, "list", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert isinstance(found, list)
    return found


def own_ports(names: ModuleType, slot: int, offset: int = 0) -> dict[str, int]:
    ports = names.ports(slot, offset)
    return {service: ports[service] for service in SERVICES}


def assert_refused(result: Done, *parts: str) -> None:
    """Assert that a run has ended with one sentence."""
    assert result.returncode == 1, result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("scripts/branch-env: ")
    for part in parts:
        assert part in result.stderr


def without_ours(hook: bytes) -> bytes:
    """Return a hook without the lines that `install` has put into it."""
    return re.sub(rb"# >>> chora-compose-template: .*?# <<< chora-compose-template: [^\n]*\n", b"", hook, flags=re.DOTALL)


# install


def test_install_writes_the_hook_in_a_fresh_clone(project: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    clone = tmp_path / "clone"
    result = tool(clone, "install")
    assert (result.returncode, result.stderr) == (0, f"scripts/branch-env: wrote {clone / HOOK}\n")
    assert check_out(clone, "-b", "feature").startswith("scripts/branch-env: shop-feature, app at http://127.0.0.1:")
    assert name_of(clone) == "shop-feature"


def test_install_changes_nothing_the_second_time(hooked: Path) -> None:
    before = (hooked / HOOK).stat()
    result = tool(hooked, "install")
    assert (result.returncode, result.stderr) == (0, f"scripts/branch-env: {hooked / HOOK} is up to date\n")
    after = (hooked / HOOK).stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_install_makes_the_folder_of_hooks_where_git_has_none(project: Path) -> None:
    shutil.rmtree(project / ".git" / "hooks")
    assert tool(project, "install").returncode == 0
    check_out(project, "-b", "feature")
    assert name_of(project) == "shop-feature"


@pytest.mark.parametrize(
    "mine",
    [
        b"#!/bin/sh\necho mine > mine.txt\nexit 0\n",
        b"#!/bin/sh -e\necho mine > mine.txt\nexec true\n",
        b"#!/usr/bin/env bash\nset -euo pipefail\necho mine > mine.txt # no line end",
        b"#! /usr/bin/env -S bash -e\necho mine > mine.txt\n",
        b"#!/bin/sh\ncat > mine.txt <<END\nmine\r\nEND\r\nmine\nEND\n# caf\xe9 \xff\n",
    ],
    ids=["exit at the end", "stops at errors", "no line end", "env -S", "carriage returns and no text"],
)
def test_a_shell_hook_keeps_every_byte_and_both_run(mine: bytes, project: Path) -> None:
    (project / HOOK).write_bytes(mine)
    (project / HOOK).chmod(0o750)
    for _ in range(2):
        assert tool(project, "install").returncode == 0
    assert without_ours((project / HOOK).read_bytes()) == mine
    assert (project / HOOK).stat().st_mode & 0o777 == 0o750
    check_out(project, "-b", "feature")
    assert (project / "mine.txt").read_bytes().startswith(b"mine")
    assert name_of(project) == "shop-feature"


@pytest.mark.parametrize(
    "mine",
    [
        b"#!/usr/bin/env python3\nprint('mine')\n",
        b"#!/opt/sh/python3\nprint('mine')\n",
        b"#!/usr/bin/fish\necho mine\n",
        b"echo no first line\n",
        b"\x7fELF\x00\x00",
    ],
    ids=["python", "python in a folder named sh", "fish", "no shebang", "binary"],
)
def test_a_hook_that_is_no_shell_script_is_left_alone(mine: bytes, project: Path) -> None:
    (project / HOOK).write_bytes(mine)
    (project / HOOK).chmod(0o755)
    assert_refused(tool(project, "install"), HOOK, "/branch-env/./scripts/hook", "sync --hook")
    assert (project / HOOK).read_bytes() == mine


def test_the_line_for_a_hook_of_the_users_own_works_there(project: Path) -> None:
    (project / HOOK).write_text("#!/usr/bin/env python3\n")
    (project / HOOK).chmod(0o755)
    line = tool(project, "install").stderr.partition("have it run this: ")[2].strip()
    (project / HOOK).write_text(
        f"#!/usr/bin/env python3\nimport subprocess, sys\nsubprocess.run(['sh', '-c', {line!r}, 'sh', *sys.argv[1:]])\n"
    )
    check_out(project, "-b", "feature")
    assert name_of(project) == "shop-feature"
    assert check_out(project, "--", "pyproject.toml") == ""


@pytest.mark.parametrize("target", ["mine.sh", "missing"])
def test_a_hook_that_is_a_link_is_left_alone(target: str, project: Path) -> None:
    (project / "mine.sh").write_text("#!/bin/sh\n")
    (project / HOOK).symlink_to(project / target)
    assert_refused(tool(project, "install"), HOOK, "/branch-env/./scripts/hook", "sync --hook")
    assert (project / HOOK).is_symlink()
    assert (project / "mine.sh").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize(
    ("mine", "mode", "part"),
    [(b"#!/bin/sh\necho mine\n", 0o644, "not executable"), (b"#!/bin/sh\r\necho mine\r\n", 0o755, "Windows line ends")],
)
def test_a_hook_that_git_could_not_run_is_reported(mine: bytes, mode: int, part: str, project: Path) -> None:
    (project / HOOK).write_bytes(mine)
    (project / HOOK).chmod(mode)
    assert_refused(tool(project, "install"), HOOK, part)
    assert ((project / HOOK).read_bytes(), (project / HOOK).stat().st_mode & 0o777) == (mine, mode)


@pytest.mark.parametrize("path", [".githooks", "my hooks/git", "{outside}/hooks", "{outside}/it's my hooks"])
def test_the_folder_that_core_hookspath_names_is_used(path: str, project: Path, tmp_path: Path) -> None:
    path = path.format(outside=tmp_path)
    git(project, "config", "core.hooksPath", path)
    assert tool(project, "install").returncode == 0
    assert (project / path / "post-checkout").is_file()
    assert not (project / HOOK).exists()
    check_out(project, "-b", "feature")
    assert name_of(project) == "shop-feature"


def test_a_hook_that_all_repositories_share_runs_nothing_of_somebody_elses(project: Path, tmp_path: Path) -> None:
    git(tmp_path, "config", "--global", "core.hooksPath", str(tmp_path / "all"))
    stranger = tmp_path / "stranger"
    (stranger / "scripts").mkdir(parents=True)
    (stranger / "scripts" / "branch-env").write_text("#!/bin/sh\ntouch stolen\n")
    (stranger / "scripts" / "branch-env").chmod(0o755)
    git(stranger, "init", "--quiet", "-b", "main")
    commit_all(stranger, "Not yours")
    for _ in range(2):
        assert tool(project, "install").returncode == 0
    git(tmp_path, "clone", "--quiet", str(stranger), "clone")
    check_out(tmp_path / "clone", "-b", "feature")
    assert not (tmp_path / "clone" / "stolen").exists()
    check_out(project, "-b", "feature")
    assert name_of(project) == "shop-feature"


def test_hooks_that_are_switched_off_are_reported(project: Path) -> None:
    git(project, "config", "core.hooksPath", "/dev/null")
    assert_refused(tool(project, "install"), "core.hooksPath", "/dev/null")


PRE_COMMIT = """
repos:
  - repo: local
    hooks:
      - {id: mine, name: mine, language: system, entry: touch mine.txt, stages: [post-checkout], always_run: true}
"""


@pytest.mark.parametrize("order", [["install", "pre-commit"], ["pre-commit", "install"], ["pre-commit", "install", "pre-commit"]])
def test_pre_commit_and_branch_env_both_run_in_whatever_order_they_come(order: list[str], project: Path) -> None:
    (project / ".pre-commit-config.yaml").write_text(PRE_COMMIT)
    commit_all(project, "pre-commit")
    for one in order:
        if one == "install":
            assert tool(project, "install").returncode == 0
            continue
        command = ["uvx", "--from", "pre-commit>=4,<5", "pre-commit", "install", "-t", "post-checkout"]
        uvx = str(Path(sys.executable).parent / "uvx")
        result = run([uvx, *command[1:]], cwd=project)
        assert result.returncode == 0, result.stdout + result.stderr
    check_out(project, "-b", "feature")
    assert (project / "mine.txt").exists()
    assert name_of(project) == "shop-feature"
    result = tool(project, "install")
    assert (result.returncode, result.stderr.endswith("is up to date\n")) == (0, True)


@pytest.mark.parametrize("folders", [("api", "web"), ("it's a/sub folder", 'wëb "$HOME"')])
def test_two_projects_in_one_repository_each_have_their_environments(
    folders: tuple[str, str], rendered: Path, tmp_path: Path
) -> None:
    top = tmp_path / "monorepo"
    projects = [shutil.copytree(rendered, top / folder) for folder in folders]
    git(top, "init", "--quiet", "-b", "main")
    commit_all(top, "Two projects")
    for one in [*projects, *projects]:
        assert tool(one, "install").returncode == 0
    for branch in ("feature", "main"):
        check_out(top, "-B", branch)
        names, ports = {name_of(one) for one in projects}, [number for one in projects for number in ports_of(one).values()]
        assert (len(names), len({*ports})) == (2, 6)
        assert all(block(one)["BRANCH"] == branch for one in projects)
    git(top, "worktree", "add", "--quiet", "--detach", "../detached")
    assert all(name_of(tmp_path / "detached" / one).startswith("shop-detached-") for one in folders)


@pytest.mark.parametrize("folder", ["two words", 'it\'s "quoted"', "größe 日本", "$HOME `id` #1;&"])
def test_any_path_will_do(folder: str, rendered: Path, tmp_path: Path) -> None:
    project = repository(rendered, tmp_path / folder / folder)
    assert tool(project, "install").returncode == 0
    check_out(project, "-b", "feature")
    assert name_of(project) == "shop-feature"
    git(project, "worktree", "add", "--quiet", "-b", "other", f"../{folder}-2")
    assert name_of(project.parent / f"{folder}-2") == "shop-other"
    assert {row["branch"]: row["folder"] for row in listed(project)}["other"] == str(project.parent / f"{folder}-2")


def test_a_worktree_uses_the_hook_of_its_repository(hooked: Path) -> None:
    git(hooked, "worktree", "add", "--quiet", "-b", "feature", "../worktree")
    worktree = hooked.parent / "worktree"
    assert name_of(worktree) == "shop-feature"
    assert tool(worktree, "install").stderr == f"scripts/branch-env: {hooked / HOOK} is up to date\n"
    check_out(worktree, "-b", "other")
    assert (name_of(worktree), name_of(hooked)) == ("shop-other", "shop")


# The hook never gets in the way.


def break_registry(project: Path) -> None:  # noqa: ARG001 - each of these gets the project
    state = Path(os.environ["XDG_STATE_HOME"]) / "chora-compose-template" / "environments.jsonl"
    state.write_bytes(b"\x00{not json\n")


def make_registry_a_folder(project: Path) -> None:  # noqa: ARG001
    state = Path(os.environ["XDG_STATE_HOME"]) / "chora-compose-template" / "environments.jsonl"
    state.unlink()
    state.mkdir()


def remove_scripts(project: Path) -> None:
    shutil.rmtree(project / "scripts")


def break_script(project: Path) -> None:
    (project / "scripts" / "branch-env").write_text("#!/bin/sh\nexit 3\n")


def cut_off_block(project: Path) -> None:
    (project / ".env").write_text("# >>> scripts/branch-env: the environment of this checkout; lines of your own stay outside\n")


@pytest.mark.parametrize("breaks", [break_registry, make_registry_a_folder, remove_scripts, break_script, cut_off_block])
def test_a_checkout_never_fails_by_the_hook(breaks: Any, hooked: Path) -> None:
    breaks(hooked)
    assert "Traceback" not in check_out(hooked, "-b", "feature")


def test_a_checkout_of_an_old_branch_without_the_scripts_has_an_environment_too(hooked: Path) -> None:
    git(hooked, "checkout", "--quiet", "--orphan", "old")
    git(hooked, "rm", "--quiet", "-r", "--force", ".")
    (hooked / ".git" / "info" / "exclude").write_text(".env\n")  # as the template's hook writes it
    commit_all(hooked, "Old")
    check_out(hooked, "main")
    assert check_out(hooked, "old").startswith("scripts/branch-env: shop-old, ")
    assert not (hooked / "scripts").exists()
    assert (name_of(hooked), git(hooked, "status", "--porcelain", "--ignored")) == ("shop-old", "!! .branch-env/\n!! .env\n")
    check_out(hooked, "main")
    assert name_of(hooked) == "shop"


def test_a_checkout_runs_nothing_that_the_branch_brings(hooked: Path) -> None:
    check_out(hooked, "-b", "strange")
    for path in ("branch-env", "setup", *(f"lib/{one.name}" for one in (hooked / "scripts" / "lib").glob("*.py"))):
        (hooked / "scripts" / path).write_text("#!/usr/bin/env python3\nopen('stolen', 'w')\n")
    commit_all(hooked, "Look at this")
    check_out(hooked, "main")
    said = check_out(hooked, "strange")
    assert not (hooked / "stolen").exists()
    assert name_of(hooked) == "shop-strange"
    assert "scripts/ of this branch differ from what was set up: run scripts/setup\n" in said


def test_a_checkout_of_files_starts_no_python(hooked: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\ntouch started\n")
    hook = hooked / ".git" / "branch-env" / "scripts" / "hook"
    hook.write_text(hook.read_text().replace(sys.executable, "python3"))
    (tmp_path / "bin" / "python3").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    check_out(hooked, "--", "pyproject.toml", PATH=path)
    assert not (hooked / "started").exists()
    check_out(hooked, "-b", "feature", PATH=path)
    assert (hooked / "started").exists()


def test_husky_keeps_the_hook_that_is_the_users(project: Path) -> None:
    """As husky 9 has it: it regenerates what is in `.husky/_`, which runs what is in `.husky`."""
    made = project / ".husky" / "_"
    made.mkdir(parents=True)
    (made / "h").write_text('#!/usr/bin/env sh\ns=".husky/${0##*/}"\n[ ! -f "$s" ] || sh -e "$s" "$@"\n')
    (made / "post-checkout").write_text('#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n')
    (made / "post-checkout").chmod(0o755)
    before = {path.name: path.read_text() for path in made.iterdir()}
    mine = project / ".husky" / "post-checkout"
    mine.write_text("echo mine >mine.txt\n")
    git(project, "config", "core.hooksPath", ".husky/_")
    assert tool(project, "install").stderr.endswith("wrote " + f"{mine}, which is to be committed\n")
    assert tool(project, "install").stderr.endswith(f"{mine} is up to date\n")
    assert {path.name: path.read_text() for path in made.iterdir()} == before
    check_out(project, "-b", "feature")
    assert (name_of(project), (project / "mine.txt").read_text()) == ("shop-feature", "mine\n")


def test_lefthook_is_told_what_to_run(project: Path) -> None:
    (project / HOOK).write_text('#!/bin/sh\ncall_lefthook run "post-checkout" "$@"\n')
    (project / HOOK).chmod(0o755)
    result = tool(project, "install")
    assert_refused(result, "lefthook", "put this into lefthook.yml: ")
    given = result.stderr.partition("lefthook.yml: ")[2]
    command = yaml.safe_load(given)["post-checkout"]["commands"]["branch-env"]["run"]
    (project / "lefthook.yml").write_text(given)
    assert tool(project, "install").stderr == "scripts/branch-env: lefthook runs sync after each checkout\n"
    git(project, "-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "-b", "feature")
    # As lefthook runs it.
    assert run(["sh", "-c", command.replace("{0}", "old new 1")], cwd=project).returncode == 0
    assert name_of(project) == "shop-feature"


def test_git_that_knows_configured_hooks_is_given_one(project: Path, tmp_path: Path) -> None:
    real = shutil.which("git")
    (tmp_path / "bin").mkdir()
    newer = tmp_path / "bin" / "git"
    newer.write_text(f'#!/bin/sh\n[ "$1" != version ] || exec echo git version 2.54.0\nexec {real} "$@"\n')
    newer.chmod(0o755)
    result = tool(project, "install", PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert (result.returncode, (project / HOOK).exists()) == (0, False)
    assert git(project, "config", "hook.branch-env.event") == "post-checkout\n"
    command = git(project, "config", "hook.branch-env.command").strip()
    check_out(project, "-b", "feature")
    assert not (project / ".env").exists()
    # As git runs it.
    assert run(["sh", "-c", f'{command} "$@"', command, "old", "new", "1"], cwd=project).returncode == 0
    assert name_of(project) == "shop-feature"


def test_a_checkout_works_without_python(hooked: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    git_program = shutil.which("git")
    assert git_program
    (tmp_path / "bin" / "git").symlink_to(git_program)
    # As a program with a window may start git: Python is found where it was when the hook was written.
    check_out(hooked, "-b", "feature", PATH=str(tmp_path / "bin"))
    assert name_of(hooked) == "shop-feature"
    hook = hooked / ".git" / "branch-env" / "scripts" / "hook"
    hook.write_text(hook.read_text().replace(sys.executable, "/gone/python"))
    check_out(hooked, "-b", "second")
    assert name_of(hooked) == "shop-second", "another one does too"
    said = "scripts/branch-env: no python3 was found: run scripts/setup with one\n"
    assert check_out(hooked, "-b", "third", PATH=str(tmp_path / "bin")) == said


def test_the_hook_works_where_nothing_is_executable(project: Path, tmp_path: Path) -> None:
    """As in a clone of what was committed on Windows, where git has no such mode."""
    git(project, "config", "core.fileMode", "false")
    git(project, "rm", "--quiet", "-r", "--cached", "scripts")
    for path in (project / "scripts").iterdir():
        path.chmod(0o644)
    commit_all(project, "As on Windows")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(project), str(clone))
    assert not os.access(clone / "scripts" / "branch-env", os.X_OK)
    assert tool(clone, "install").returncode == 0
    for path in (clone / ".git" / "branch-env" / "scripts").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # as on a file system that knows no modes
    git(clone, "worktree", "add", "--quiet", "../feature", "-b", "feature")
    assert name_of(tmp_path / "feature") == "shop-feature"
    git(clone, "worktree", "remove", "--force", "../feature")
    git(clone, "branch", "--quiet", "--delete", "--force", "feature")
    said = tool(clone, "list").stdout
    assert "gone: python3 scripts/branch-env prune" in said, "the command that works here"


def test_a_checkout_works_where_the_registry_can_not_be_written(hooked: Path) -> None:
    before = block(hooked)
    state = Path(os.environ["XDG_STATE_HOME"]) / "chora-compose-template"
    shutil.rmtree(state)
    state.mkdir(mode=0o500)
    result = run([*without_privileges(), "git", "checkout", "--quiet", "-b", "feature"], cwd=hooked)
    assert result.returncode == 0
    assert str(state) in result.stderr
    assert "Traceback" not in result.stderr
    assert name_of(hooked) == "shop-feature"
    run([*without_privileges(), "git", "checkout", "--quiet", "main"], cwd=hooked)
    assert block(hooked) == before


def test_a_checkout_works_where_env_can_not_be_written(hooked: Path) -> None:
    git(hooked, "branch", "feature")
    hooked.chmod(0o500)
    try:
        result = run([*without_privileges(), "git", "checkout", "--quiet", "feature"], cwd=hooked)
    finally:
        hooked.chmod(0o755)
    assert result.returncode == 0
    assert result.stderr == (
        f"scripts/branch-env: {hooked / '.env'} can't be used (Permission denied): fix that, then try again\n"
    )
    assert name_of(hooked) == "shop"
    assert [path.name for path in hooked.glob(".env*")].count(".env") == 1


def test_single_files_and_what_is_up_to_date_are_no_news(hooked: Path) -> None:
    (hooked / ".env").unlink()
    (hooked / "pyproject.toml").write_text("mine")
    assert check_out(hooked, "--", "pyproject.toml") == ""
    assert not (hooked / ".env").exists()
    assert check_out(hooked, "main") != ""
    assert check_out(hooked, "main") == ""


# sync, and the user's lines in `.env`


def test_the_block_says_which_environment_this_is(hooked: Path, names: ModuleType, slot: int) -> None:
    ports = own_ports(names, slot)
    own = {SERVICES[service]: str(number) for service, number in ports.items()}
    assert block(hooked) == {"BRANCH_PROJECT": "shop", "BRANCH": "main", "CHECKOUT": block(hooked)["CHECKOUT"], **own}
    check_out(hooked, "-b", "feature/auth")
    found = block(hooked)
    offset = preferred_offset(names, "shop", "feature/auth")
    assert ports_of(hooked) == own_ports(names, slot, offset)
    assert found["BRANCH_PROJECT"] == names.environment_name("shop", "feature/auth")
    assert found["BRANCH"] == "feature/auth"


@pytest.mark.parametrize(
    "mine",
    [
        b"MINE=1\n\n# mine\n",
        b"MINE=1\r\nOTHER='2'\r\n",
        b"MINE=1",
        b"MINE=caf\xe9\xff\n",
        b"\xef\xbb\xbfMINE=1\n",
        b"POSTGRES_PASSWORD='$1#\"'\n",
        b"",
    ],
    ids=["plain", "carriage returns", "no line end", "not UTF-8", "byte order mark", "quotes", "empty"],
)
def test_lines_of_the_users_own_stay_byte_for_byte(mine: bytes, hooked: Path, marks: tuple[str, str]) -> None:
    (hooked / ".env").write_bytes(mine)
    (hooked / ".env").chmod(0o640)
    for branch in ("feature", "main"):
        check_out(hooked, "-B", branch)
        found = (hooked / ".env").read_bytes()
        assert found.startswith(mine)
        added = found[len(mine) :].decode()
        assert added.strip().startswith(marks[0])
        assert added.strip().endswith(marks[1])
        assert (b"\r\n" in found, found.count(b"\n")) == (b"\r\n" in mine, added.count("\n") + mine.count(b"\n"))
        assert found.count(b"\r\n") in {0, found.count(b"\n")}
        assert (hooked / ".env").stat().st_mode & 0o777 == 0o640
    (hooked / ".env").write_bytes(found + b"AFTER=1")
    check_out(hooked, "feature")
    assert (hooked / ".env").read_bytes().startswith(mine)
    assert (hooked / ".env").read_bytes().endswith(b"AFTER=1")


def test_an_env_file_with_secrets_is_never_readable_by_others(hooked: Path) -> None:
    (hooked / ".env").write_text("SECRET=1\n")
    (hooked / ".env").chmod(0o600)
    check_out(hooked, "-b", "feature")
    assert (hooked / ".env").stat().st_mode & 0o777 == 0o600


def test_an_env_file_that_is_a_link_stays_one(hooked: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("MINE=1\n")
    (hooked / ".env").unlink()
    (hooked / ".env").symlink_to("../mine.env")
    check_out(hooked, "-b", "feature")
    assert (hooked / ".env").is_symlink()
    assert (tmp_path / "mine.env").read_text().startswith("MINE=1\n# >>>")
    assert name_of(hooked) == "shop-feature"


def test_worktrees_that_share_an_env_file_by_a_link_are_told_apart(hooked: Path) -> None:
    git(hooked, "worktree", "add", "--quiet", "-b", "feature", "../worktree")
    worktree = hooked.parent / "worktree"
    (worktree / ".env").unlink()
    (worktree / ".env").symlink_to(hooked / ".env")
    before = (hooked / ".env").read_bytes()
    assert_refused(tool(worktree, "sync"), f"link to that of {hooked}")
    assert (hooked / ".env").read_bytes() == before


@pytest.mark.parametrize("line", ["COMPOSE_PROJECT_NAME=mine", "export BRANCH='mine'", " POSTGRES_PORT = 1234"])
def test_the_block_moves_to_the_end_where_a_later_line_would_win(line: str, hooked: Path) -> None:
    own = (hooked / ".env").read_text()
    (hooked / ".env").write_text(f"A=1\n{own}{line}\nB=2\n")
    check_out(hooked, "-b", "feature")
    assert (hooked / ".env").read_text().startswith(f"A=1\n{line}\nB=2\n# >>> ")
    assert (block(hooked)["BRANCH"], name_of(hooked)) == ("feature", "shop-feature")


def test_an_env_file_that_git_tracks_is_left_alone(hooked: Path) -> None:
    (hooked / ".env").write_text("MINE=1\n")
    git(hooked, "add", "--force", ".env")
    assert_refused(tool(hooked, "sync"), ".env is committed", "git rm --cached .env")
    assert "git rm --cached .env" in check_out(hooked, "-b", "feature")
    assert (hooked / ".env").read_text() == "MINE=1\n"


def test_a_branch_writes_nothing_elsewhere_by_a_link_that_it_brings(hooked: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    check_out(hooked, "-b", "strange")
    shutil.rmtree(hooked / ".branch-env")
    (hooked / ".branch-env").symlink_to(elsewhere)
    commit_all(hooked, "A trap")
    git(hooked, "checkout", "--quiet", "main")
    assert ".branch-env is committed: `git rm --cached .branch-env`" in check_out(hooked, "strange")
    assert [*elsewhere.iterdir()] == []


def test_a_block_without_its_end_is_left_alone(hooked: Path, marks: tuple[str, str]) -> None:
    text = f"A=1\n{marks[0]}\nCOMPOSE_PROJECT_NAME=shop\nMINE=1\n"
    (hooked / ".env").write_text(text)
    assert_refused(tool(hooked, "sync"), marks[1])
    assert (hooked / ".env").read_text() == text


def test_a_folder_in_place_of_env_is_reported(hooked: Path) -> None:
    (hooked / ".env").unlink()
    (hooked / ".env").mkdir()
    assert_refused(tool(hooked, "sync"), str(hooked / ".env"), "Is a directory")


def test_own_ports_win_on_the_default_branch_and_nobody_else_gets_them(hooked: Path, names: ModuleType, slot: int) -> None:
    offset = preferred_offset(names, "shop", "feature")
    wanted = names.ports(slot, offset)["app"]
    text = f"APP_PORT={wanted}\nCOMPOSE_PROJECT_NAME=mine\n"
    (hooked / ".env").write_text(text)
    result = tool(hooked, "sync")
    assert (result.returncode, result.stderr) == (0, f"scripts/branch-env: mine, app at http://127.0.0.1:{wanted}\n")
    assert {"APP_PORT", "COMPOSE_PROJECT_NAME", "BRANCH_PROJECT"}.isdisjoint(block(hooked))
    assert block(hooked)["POSTGRES_PORT"] == str(names.ports(slot)["db"])
    (row,) = listed(hooked)
    assert (row["project"], row["ports"]["APP_PORT"], row["current"]) == ("mine", wanted, True)
    check_out(hooked, "-b", "feature")
    assert ports_of(hooked)["app"] != wanted
    assert (hooked / ".env").read_text().startswith(text)


def test_a_port_that_is_no_number_is_the_users_own_affair(hooked: Path) -> None:
    (hooked / ".env").write_text("APP_PORT=²\nREDIS_PORT=${MINE}\n")
    assert tool(hooked, "sync").returncode == 0


def test_a_second_sync_writes_nothing(hooked: Path) -> None:
    state = Path(os.environ["XDG_STATE_HOME"]) / "chora-compose-template" / "environments.jsonl"
    before = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in (hooked / ".env", state)]
    assert tool(hooked, "sync").returncode == 0
    assert check_out(hooked, "main") == ""
    assert [(path.stat().st_mtime_ns, path.stat().st_ino) for path in (hooked / ".env", state)] == before


# The default branch


def only(*names: str) -> Any:
    """Return what makes a repository have these branches, the first one checked out."""

    def make(project: Path) -> None:
        git(project, "branch", "-m", names[0])
        for name in names[1:]:
            git(project, "branch", name)

    return make


def from_remote(project: Path) -> None:
    only("main", "develop")(project)
    git(project, "update-ref", "refs/remotes/origin/develop", "HEAD")
    git(project, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop")


def from_settings(project: Path) -> None:
    only("main", "trunk")(project)
    git(project, "config", "init.defaultBranch", "trunk")


def from_settings_that_do_not_apply(project: Path) -> None:
    only("master", "other")(project)
    git(project, "config", "init.defaultBranch", "trunk")


@pytest.mark.parametrize(
    ("make", "default"),
    [
        (from_remote, "develop"),
        (from_settings, "trunk"),
        (from_settings_that_do_not_apply, "master"),
        (only("master", "main"), "main"),
        (only("other", "master"), "master"),
        (only("trunk"), "trunk"),
    ],
    ids=["origin/HEAD", "init.defaultBranch", "no such init.defaultBranch", "main", "master", "only trunk"],
)
def test_the_default_branch_has_the_projects_own_name_and_ports(
    make: Any, default: str, project: Path, names: ModuleType, slot: int
) -> None:
    make(project)
    assert tool(project, "install").returncode == 0
    check_out(project, default)
    first = block(project)
    assert (first["BRANCH_PROJECT"], first["BRANCH"]) == ("shop", default)
    assert ports_of(project) == own_ports(names, slot)
    check_out(project, "-b", "feature")
    assert name_of(project) == "shop-feature"
    check_out(project, default)
    assert block(project) == first
    assert [row["branch"] for row in listed(project)] == [default, "feature"]


def test_a_repository_without_a_commit_has_its_own_environment_already(rendered: Path, tmp_path: Path) -> None:
    project = shutil.copytree(rendered, tmp_path / "shop")
    git(project, "init", "--quiet", "-b", "main")
    assert tool(project, "install").returncode == 0
    assert tool(project, "sync").returncode == 0
    first = block(project)
    assert (first["BRANCH_PROJECT"], first["BRANCH"]) == ("shop", "main")
    commit_all(project, "First")
    assert tool(project, "sync").returncode == 0
    assert block(project) == first


def test_a_first_sync_on_another_branch_leaves_the_default_one_its_own(project: Path, names: ModuleType, slot: int) -> None:
    git(project, "checkout", "--quiet", "-b", "feature")
    assert tool(project, "install").returncode == 0
    assert tool(project, "sync").returncode == 0
    assert name_of(project) == "shop-feature"
    assert [row["branch"] for row in listed(project)] == ["main", "feature"]
    check_out(project, "main")
    assert ports_of(project) == own_ports(names, slot)


# Branches


def test_switching_to_and_fro_gives_the_same_block_each_time(hooked: Path) -> None:
    blocks: dict[str, dict[str, str]] = {"main": block(hooked)}
    for branch in ("a", "b", "c"):
        check_out(hooked, "-b", branch)
        blocks[branch] = block(hooked)
    for branch in ("b", "main", "c", "a", "main", "b"):
        check_out(hooked, branch)
        assert block(hooked) == blocks[branch]
    assert len({found.pop("CHECKOUT") for found in blocks.values()}) == 1
    values = [value for found in blocks.values() for value in found.values()]
    assert len({*values}) == len(values)


def proof_of(project: Path) -> Path:
    """Return the file that Compose wants, by the name that the block has."""
    return project / block(project)["CHECKOUT"].strip("'")


def test_compose_wants_a_file_that_no_other_checkout_has(hooked: Path) -> None:
    git(hooked, "worktree", "add", "--quiet", "-b", "feature", "../worktree")
    worktree = hooked.parent / "worktree"
    assert (proof_of(hooked).is_file(), proof_of(worktree).is_file()) == (True, True)
    before = proof_of(hooked).stat()
    check_out(hooked, "-b", "topic")
    assert tool(hooked, "sync").returncode == 0
    assert proof_of(hooked).stat().st_mtime_ns == before.st_mtime_ns, "containers know the number of its folder"
    shutil.copy(hooked / ".env", worktree / ".env")
    assert not proof_of(worktree).exists()
    assert tool(worktree, "sync").returncode == 0
    assert (proof_of(worktree).is_file(), name_of(worktree)) == (True, "shop-feature")
    # A copy of all loses what it had of the other one.
    copied = hooked.parent / "copied"
    shutil.copytree(hooked, copied)
    assert tool(copied, "sync").returncode == 0
    assert name_of(copied) != name_of(hooked)
    assert {*proof_of(copied).parent.iterdir()} == {proof_of(copied), proof_of(copied).with_name(".env")}
    assert "branch-env" not in git(copied, "status", "--porcelain")


def test_compose_refuses_a_branch_that_was_checked_out_without_the_hook(hooked: Path) -> None:
    need_tool("docker")

    def refused(folder: Path, *git_command: str) -> str:
        """Return what Compose says after a command of git's which runs no hook."""
        git(folder, "-c", "core.hooksPath=.none", *git_command)
        config = subprocess.run(["docker", "compose", "config", "--quiet"], cwd=folder, capture_output=True, text=True)
        return config.stderr

    git(hooked, "worktree", "add", "--quiet", "-b", "feature", "../worktree")
    for folder, own in ((hooked, "main"), (hooked.parent / "worktree", "feature")):
        told = "another branch is checked out, run scripts/branch-env sync/refs/heads/"
        other = f"of-{own}"
        assert refused(folder, "status") == ""
        assert f"{told}{other}: no such file or directory" in refused(folder, "checkout", "--quiet", "-b", other)
        # Which git runs this one has no name, as within a rebase, or is the environment's own.
        assert refused(folder, "checkout", "--quiet", "--detach") == refused(folder, "checkout", "--quiet", own) == ""
        assert f"{told}renamed" in refused(folder, "branch", "--move", "renamed")
        assert tool(folder, "sync").returncode == 0
        assert (refused(folder, "status"), block(folder)["BRANCH"]) == ("", "renamed")
        git(folder, "branch", "--move", f"renamed-{own}")
        assert tool(folder, "sync").returncode == 0
        # A folder that has moved is still its own.
        moved = folder.rename(folder.with_name(f"moved {own}"))
        assert refused(moved, "status") == ""
        moved.rename(folder)


def test_a_name_of_ones_own_wins_on_the_default_branch_and_on_no_other(hooked: Path) -> None:
    text = "COMPOSE_PROJECT_NAME=mine\n"
    (hooked / ".env").write_text(text)
    assert tool(hooked, "sync").returncode == 0
    assert {"COMPOSE_PROJECT_NAME", "BRANCH_PROJECT"}.isdisjoint(block(hooked))
    check_out(hooked, "-b", "topic")
    assert block(hooked)["COMPOSE_PROJECT_NAME"] == name_of(hooked) == "shop-topic"
    assert (hooked / ".env").read_text().startswith(text)
    check_out(hooked, "main")
    assert {"COMPOSE_PROJECT_NAME", "BRANCH_PROJECT"}.isdisjoint(block(hooked))


def test_a_branch_with_the_compose_file_of_an_earlier_release_has_its_own_environment(hooked: Path) -> None:
    check_out(hooked, "-b", "older")
    compose = hooked / "docker-compose.yml"
    compose.write_text(re.sub("^name: .*", "name: shop", compose.read_text(), flags=re.MULTILINE))
    commit_all(hooked, "As release 0.5 has it")
    check_out(hooked, "main")
    assert "COMPOSE_PROJECT_NAME" not in block(hooked)
    check_out(hooked, "older")
    assert (block(hooked)["COMPOSE_PROJECT_NAME"], name_of(hooked)) == ("shop-older", "shop-older")


def test_a_block_of_an_earlier_release_keeps_its_environment(hooked: Path) -> None:
    check_out(hooked, "-b", "topic")
    own = environment(hooked)
    text = (hooked / ".env").read_text().replace("BRANCH_PROJECT=", "COMPOSE_PROJECT_NAME=")
    (hooked / ".env").write_text(re.sub("CHECKOUT=.*\n", "", text))
    (Path(os.environ["XDG_STATE_HOME"]) / "chora-compose-template" / "environments.jsonl").unlink()
    assert tool(hooked, "sync").returncode == 0
    assert environment(hooked) == own


def test_worktrees_made_at_once_share_no_name_and_no_port(hooked: Path) -> None:
    folders = [hooked.parent / f"worktree-{number}" for number in range(6)]
    for number, folder in enumerate(folders):
        git(hooked, "worktree", "add", "--quiet", "--no-checkout", "-b", f"feature-{number}", str(folder))
        shutil.copytree(hooked / "scripts", folder / "scripts")
        shutil.copy(hooked / "docker-compose.yml", folder)
    started = [subprocess.Popen([sys.executable, folder / "scripts" / "branch-env", "sync"]) for folder in folders]
    assert [process.wait() for process in started] == [0] * len(folders)
    found = [value for folder in [hooked, *folders] for value in block(folder).values()]
    assert len({*found}) == len(found)


def test_branches_of_any_name_have_names_of_their_own_and_compose_reads_them_back(hooked: Path) -> None:
    need_tool("docker")
    names, ports = set(), set()
    for branch in NASTY:
        git(hooked, "update-ref", f"refs/heads/{branch}", "HEAD")
        git(hooked, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
        result = tool(hooked, "sync")
        assert result.returncode == 0, result.stderr
        command = ["docker", "compose", "config", "--format", "json"]
        config = json.loads(subprocess.run(command, cwd=hooked, check=True, capture_output=True, text=True).stdout)
        # Compose doubles each $ of what it prints, to be read again.
        assert config["services"]["app"]["environment"]["BRANCH"].replace("$$", "$") == branch
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", config["name"])
        names.add(config["name"])
        ports.add(config["services"]["app"]["ports"][0]["published"])
    assert (len(names), len(ports)) == (len(NASTY), len(NASTY))
    assert {row["branch"] for row in listed(hooked)} == {"main", *NASTY}


def test_a_branch_whose_name_is_no_text_works_like_any_other(hooked: Path) -> None:
    subprocess.run([b"git", b"checkout", b"--quiet", b"-b", b"caf\xe9"], cwd=hooked, check=True)
    assert b"BRANCH='caf\xe9'\n" in (hooked / ".env").read_bytes()
    result = subprocess.run([sys.executable, hooked / "scripts" / "branch-env", "list"], capture_output=True)
    assert (result.returncode, b"caf\\udce9" in result.stdout) == (0, True)


# Where there is no branch


def test_a_detached_head_in_the_only_checkout_keeps_the_environment(hooked: Path) -> None:
    for branch in ("main", "feature"):
        check_out(hooked, "-B", branch)
        before = block(hooked)
        assert check_out(hooked, "--detach") == ""
        assert block(hooked) == before


def test_a_fresh_clone_of_a_tag_has_the_projects_own_environment(hooked: Path, names: ModuleType, slot: int) -> None:
    git(hooked, "tag", "v1")
    git(hooked.parent, "clone", "--quiet", "--branch", "v1", str(hooked), "clone")
    shutil.rmtree(hooked)
    clone = hooked.parent / "clone"
    assert tool(clone, "sync").returncode == 0
    assert (name_of(clone), ports_of(clone)) == ("shop", own_ports(names, slot))


def test_a_detached_worktree_gets_an_environment_of_its_own(hooked: Path) -> None:
    for name in ("one", "two"):
        git(hooked, "worktree", "add", "--quiet", "--detach", f"../{name}")
    one, two = hooked.parent / "one", hooked.parent / "two"
    assert name_of(one).startswith("shop-detached-one-")
    assert len({name_of(hooked), name_of(one), name_of(two)}) == 3
    assert len({*ports_of(hooked).values(), *ports_of(one).values(), *ports_of(two).values()}) == 9
    before = block(one)
    assert tool(one, "sync").returncode == 0
    assert block(one) == before
    assert [row["branch"] for row in listed(one)] == ["main", None, None]
    assert tool(one, "list").stdout.count("(no branch)") == 2


def diverge(project: Path) -> None:
    """Make `feature` and `main` differ in the same file, with `feature` checked out."""
    check_out(project, "-b", "feature")
    (project / "pyproject.toml").write_text("feature\n")
    commit_all(project, "feature")
    check_out(project, "main")
    (project / "pyproject.toml").write_text("main\n")
    commit_all(project, "main")
    check_out(project, "feature")


@pytest.mark.parametrize("how", [["--merge"], ["--apply"], ["--exec", "false", "HEAD~"]], ids=["merge", "apply", "exec"])
def test_a_rebase_stays_in_its_branchs_environment(how: list[str], hooked: Path) -> None:
    diverge(hooked)
    before = block(hooked)
    result = run(["git", "rebase", *how, *(["main"] if len(how) == 1 else [])], cwd=hooked)
    assert result.returncode != 0
    assert "scripts/branch-env" not in result.stderr
    assert run(["git", "symbolic-ref", "--quiet", "HEAD"], cwd=hooked).returncode == 1
    (hooked / ".env").unlink()
    assert tool(hooked, "sync").returncode == 0
    assert block(hooked) == before
    git(hooked, "rebase", "--abort")
    assert block(hooked) == before


def test_a_bisection_stays_in_its_branchs_environment(hooked: Path) -> None:
    check_out(hooked, "-b", "feature")
    for number in range(4):
        commit_all(hooked, f"{number}")
    before = block(hooked)
    git(hooked, "bisect", "start", "HEAD", "HEAD~4")
    assert run(["git", "symbolic-ref", "--quiet", "HEAD"], cwd=hooked).returncode == 1
    (hooked / ".env").unlink()
    assert tool(hooked, "sync").returncode == 0
    assert block(hooked) == before


def test_a_renamed_branch_gets_a_new_environment_and_the_old_one_can_be_found(hooked: Path) -> None:
    check_out(hooked, "-b", "feature")
    old = block(hooked)
    git(hooked, "branch", "-m", "renamed")
    assert tool(hooked, "sync").returncode == 0
    assert name_of(hooked) == "shop-renamed"
    assert {row["project"]: row["gone"] for row in listed(hooked)} == {"shop": False, "shop-renamed": False, "shop-feature": True}
    table = [line.split(maxsplit=3) for line in tool(hooked, "list").stdout.splitlines()]
    assert table[-1] == ["feature", "unknown", "shop-feature", "gone: scripts/branch-env prune"]
    result = tool(hooked, "copy-data", "typo")
    assert_refused(result, "'typo' is none of feature, main, renamed")
    git(hooked, "branch", "-m", "feature")
    assert tool(hooked, "sync").returncode == 0
    assert block(hooked) == old


def test_a_branch_whose_worktree_was_removed_is_not_gone(hooked: Path) -> None:
    git(hooked, "worktree", "add", "--quiet", "-b", "feature", "../worktree")
    before = environment(hooked.parent / "worktree")
    git(hooked, "worktree", "remove", "--force", "../worktree")
    assert {row["branch"]: row["gone"] for row in listed(hooked)} == {"main": False, "feature": False}
    result = tool(hooked, "prune", "--yes")
    assert (result.returncode, result.stderr) == (0, "scripts/branch-env: no branch of an environment is gone\n")
    check_out(hooked, "feature")
    assert environment(hooked) == before


# Other kinds of checkout


def test_worktrees_of_a_bare_clone(project: Path, names: ModuleType, slot: int) -> None:
    git(project, "branch", "-m", "trunk")
    bare, folder = project.parent / "bare.git", project.parent / "worktrees"
    git(project.parent, "clone", "--quiet", "--bare", str(project), str(bare))
    git(bare, "worktree", "add", "--quiet", "-b", "feature", str(folder / "feature"))
    assert tool(folder / "feature", "install").returncode == 0
    assert tool(folder / "feature", "sync").returncode == 0
    git(bare, "worktree", "add", "--quiet", str(folder / "trunk"), "trunk")
    assert (name_of(folder / "trunk"), ports_of(folder / "trunk")) == ("shop", own_ports(names, slot))
    assert name_of(folder / "feature") == "shop-feature"


def test_a_submodule(project: Path, names: ModuleType, slot: int) -> None:
    outer = project.parent / "outer"
    git(project.parent, "init", "--quiet", "-b", "main", str(outer))
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(project), "lib/shop")
    inner = outer / "lib" / "shop"
    assert tool(inner, "install").returncode == 0
    check_out(inner, "--detach")  # as `git submodule update` leaves it
    assert (name_of(inner), ports_of(inner)) == ("shop", own_ports(names, slot))
    check_out(inner, "-b", "feature")
    assert name_of(inner) == "shop-feature"
    git(outer, "checkout", "--quiet", "-b", "other")
    assert name_of(inner) == "shop-feature"
    assert not (outer / ".env").exists()


def test_a_project_that_has_moved_keeps_its_names_and_ports(hooked: Path) -> None:
    blocks = {}
    for branch in ("main", "feature"):
        check_out(hooked, "-B", branch)
        blocks[branch] = environment(hooked)
    moved = hooked.rename(hooked.parent / "moved here")
    for branch in ("feature", "main"):
        check_out(moved, branch)
        assert tool(moved, "sync").returncode == 0
        assert environment(moved) == blocks[branch]


def test_two_clones_of_a_project_share_no_name_and_no_port(hooked: Path) -> None:
    git(hooked.parent, "clone", "--quiet", str(hooked), "clone")
    clone, found = hooked.parent / "clone", []
    assert tool(clone, "install").returncode == 0
    for branch in ("main", "feature"):
        for one in (hooked, clone):
            check_out(one, "-B", branch)
            found += [name_of(one), *ports_of(one).values()]
    assert len({*found}) == len(found) == 16
    before = block(hooked)
    check_out(hooked, "main")
    check_out(hooked, "feature")
    assert block(hooked) == before
    assert len(listed(hooked)) == len(listed(clone)) == 2


def other_project(rendered: Path, folder: Path) -> Path:
    """Return a repository with another project, in the same slot."""
    other = repository(rendered, folder)
    for path in (other / "scripts" / "lib" / "settings.py", other / ".copier-answers.yml"):
        path.write_text(path.read_text().replace('"shop"', '"other"').replace("project_slug: shop", "project_slug: other"))
    return other


def test_where_another_project_holds_the_slot_the_default_branch_alone_moves(
    project: Path, rendered: Path, names: ModuleType, slot: int
) -> None:
    other = other_project(rendered, project.parent / "other")
    assert tool(other, "sync").returncode == 0
    assert (name_of(other), ports_of(other)) == ("other", own_ports(names, slot))
    assert tool(project, "install").returncode == 0
    result = tool(project, "sync")
    assert result.returncode == 0
    own = names.ports(slot)["app"]
    assert result.stderr.startswith(f"scripts/branch-env: port {own} is held by other, so shop has moved, app at http://")
    assert len(result.stderr.splitlines()) == 1
    first = block(project)
    assert name_of(project) == "shop"
    assert {*ports_of(project).values()}.isdisjoint(ports_of(other).values())
    check_out(project, "-b", "feature")
    assert ports_of(project) == own_ports(names, slot, preferred_offset(names, "shop", "feature"))
    check_out(project, "main")
    assert block(project) == first


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield one


def move_to_slot_of_its_own(project: Path, names: ModuleType, slot: int, number: int) -> int:
    """Give a project another slot, because other tests run at the same time, and return it."""
    spare = [other for other in free_slots(names) if other != slot][number]
    script = project / "scripts" / "lib" / "settings.py"
    script.write_text(script.read_text().replace(f"SLOT = {slot}", f"SLOT = {spare}"))
    commit_all(project, "Another slot")
    assert tool(project, "install").returncode == 0
    return spare


@pytest.mark.parametrize("branch", ["main", "feature"])
def test_an_environment_whose_port_another_program_has_taken_moves_alone(
    branch: str, hooked: Path, listener: socket.socket, names: ModuleType, slot: int
) -> None:
    move_to_slot_of_its_own(hooked, names, slot, ["main", "feature"].index(branch))
    blocks = {}
    for one in ("main", "other", "feature", branch):
        check_out(hooked, "-B", one)
        blocks[one] = block(hooked)
    taken = int(blocks[branch]["POSTGRES_PORT"])
    listener.bind(("127.0.0.1", taken))
    listener.listen()
    result = tool(hooked, "sync")
    assert result.returncode == 0
    now = block(hooked)
    assert result.stderr == (
        f"scripts/branch-env: port {taken} is held by another program, so {now['BRANCH_PROJECT']} has moved, "
        f"app at http://127.0.0.1:{now['APP_PORT']}: `docker compose up` starts it there\n"
    )
    assert now["BRANCH_PROJECT"] == blocks[branch]["BRANCH_PROJECT"]
    assert {*ports_of(hooked).values()}.isdisjoint(int(found[name]) for found in blocks.values() for name in SERVICES.values())
    blocks[branch] = now
    for one in ("other", "feature", "main", branch):
        check_out(hooked, one)
        assert block(hooked) == blocks[one]


def test_where_docker_may_not_be_asked_an_environment_whose_port_is_in_use_stays(
    hooked: Path, listener: socket.socket, names: ModuleType, slot: int, tmp_path: Path
) -> None:
    """Where Docker is used with sudo: what listens there is most likely the environment itself."""
    move_to_slot_of_its_own(hooked, names, slot, 0)
    check_out(hooked, "-B", "topic")
    before = block(hooked)
    listener.bind(("127.0.0.1", int(before["APP_PORT"])))
    listener.listen()
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'permission denied while trying to connect to the Docker daemon socket' >&2\nexit 1\n")
    docker.chmod(0o755)
    result = tool(hooked, "sync", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert (result.returncode, block(hooked)) == (0, before)
    assert tool(hooked, "sync").returncode == 0
    assert block(hooked)["APP_PORT"] != before["APP_PORT"], "where nothing of ours can run it is another program"


def test_a_port_of_the_users_own_in_place_of_a_taken_one_leaves_the_others_where_they_are(
    hooked: Path, listener: socket.socket, names: ModuleType, slot: int
) -> None:
    spare = move_to_slot_of_its_own(hooked, names, slot, 2)
    assert tool(hooked, "sync").returncode == 0
    listener.bind(("127.0.0.1", names.ports(spare)["app"]))
    listener.listen()
    (hooked / ".env").write_text("APP_PORT=31000\n")
    result = tool(hooked, "sync")
    assert (result.returncode, result.stderr) == (0, "scripts/branch-env: shop, app at http://127.0.0.1:31000\n")
    found = block(hooked)
    assert found["POSTGRES_PORT"] == str(names.ports(spare)["db"])
    assert found["REDIS_PORT"] == str(names.ports(spare)["redis"])


# What surrounds it


def test_variables_of_the_shell_that_win_over_env_are_named(hooked: Path) -> None:
    result = tool(hooked, "sync", COMPOSE_PROJECT_NAME="mine", APP_PORT="1")
    assert result.returncode == 0
    said = "scripts/branch-env: your shell sets COMPOSE_PROJECT_NAME, APP_PORT, which wins over .env: "
    assert result.stderr.splitlines()[-1] == f"{said}`unset COMPOSE_PROJECT_NAME APP_PORT`"
    assert "wins over .env" not in tool(hooked, "sync", COMPOSE_PROJECT_NAME="shop", BRANCH="main").stderr


def test_variables_that_git_sets_for_hooks_do_not_lead_astray(hooked: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "-b", "elsewhere", "other")
    before = block(hooked)
    variables = {"GIT_DIR": str(tmp_path / "other" / ".git"), "GIT_WORK_TREE": str(tmp_path / "other"), "GIT_INDEX_FILE": "/x"}
    variables |= {"GIT_COMMON_DIR": str(tmp_path / "other" / ".git"), "GIT_PREFIX": "src/", "GIT_OBJECT_DIRECTORY": "/x"}
    for command in ("install", "sync", "list", "prune"):
        result = tool(hooked, command, **variables)
        assert result.returncode == 0, result.stderr
    assert block(hooked) == before
    assert not (tmp_path / "other" / HOOK).exists()
    git(hooked, "add", "--force", ".env")
    for name, value in variables.items():
        assert_refused(tool(hooked, "sync", **{name: value}), ".env is committed")


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_the_locale_makes_no_difference(variables: dict[str, str], hooked: Path) -> None:
    check_out(hooked, "-b", "größe")
    before = block(hooked)
    (hooked / ".env").unlink()
    assert tool(hooked, "sync", **variables).returncode == 0
    assert block(hooked) == before


# list


def test_list_shows_a_table(hooked: Path) -> None:
    port = ports_of(hooked)["app"]
    check_out(hooked, "-b", "feature/auth")
    name, own = name_of(hooked), ports_of(hooked)["app"]
    result = tool(hooked, "list")
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["BRANCH", "STATE", "PROJECT", "WHERE"],
        ["main", "unknown", "shop", f"http://127.0.0.1:{port}"],
        ["*", "feature/auth", "unknown", name, f"http://127.0.0.1:{own}"],
    ]
    assert len({line.index("http") for line in result.stdout.splitlines()[1:]}) == 1
    assert "\x1b" not in result.stdout


def test_list_says_where_the_hook_did_not_run(hooked: Path) -> None:
    git(hooked, "-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "-b", "topic")
    said = "scripts/branch-env: .env is of another branch than is checked out: run `sync` here\n"
    assert tool(hooked, "list").stderr == said
    assert tool(hooked, "sync").returncode == 0
    assert tool(hooked, "list").stderr == ""


def test_list_gives_programs_a_list_of_objects(hooked: Path) -> None:
    git(hooked, "worktree", "add", "--quiet", "-b", "größe", "../worktree")
    ports = ports_of(hooked)
    first, second = listed(hooked)
    assert first == {
        "branch": "main",
        "project": "shop",
        "state": None,
        "urls": {"app": f"http://127.0.0.1:{ports['app']}"},
        "ports": {SERVICES[service]: number for service, number in ports.items()},
        "folder": str(hooked),
        "current": True,
        "gone": False,
    }
    assert (second["branch"], second["folder"], second["current"]) == ("größe", str(hooked.parent / "worktree"), False)
    assert [row["current"] for row in listed(hooked.parent / "worktree")] == [False, True]


def test_list_before_the_first_sync_says_what_makes_an_environment(project: Path) -> None:
    result = tool(project, "list")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "scripts/branch-env: no environment yet: `scripts/branch-env sync` makes this checkout's\n"
    assert listed(project) == []


def on_terminal(project: Path, **variables: str) -> str:
    """Return what `list` shows on a terminal."""
    terminal, end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **variables}
    command = [sys.executable, str(project / "scripts" / "branch-env"), "list"]
    assert subprocess.run(command, stdin=end, stdout=end, stderr=end, env=environment).returncode == 0
    os.close(end)
    with os.fdopen(terminal, "rb", buffering=0) as file:
        return file.read(10_000).decode()


def test_list_has_colour_on_a_terminal_alone(hooked: Path) -> None:
    assert "\x1b[" in on_terminal(hooked)
    assert "\x1b[" not in on_terminal(hooked, NO_COLOR="1")
    assert "\x1b[" not in on_terminal(hooked, TERM="dumb")


def test_list_works_where_only_ascii_can_be_shown(hooked: Path) -> None:
    check_out(hooked, "-b", "größe/日本")
    result = tool(hooked, "list", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert r"gr\xf6\xdfe/\u65e5\u672c" in result.stdout
    assert tool(hooked, "list", "--json", PYTHONIOENCODING="ascii").returncode == 0


# prune, and what is the same for all commands


def test_prune_has_nothing_to_do_where_no_branch_is_gone(hooked: Path) -> None:
    result = tool(hooked, "prune")
    assert (result.returncode, result.stderr) == (0, "scripts/branch-env: no branch of an environment is gone\n")


def test_a_branch_that_was_renamed_is_told_where_its_data_are(hooked: Path) -> None:
    check_out(hooked, "-b", "first")
    git(hooked, "branch", "-m", "first", "second")
    git(hooked, "branch", "-m", "second", "third/name")
    result = tool(hooked, "sync")
    said = "scripts/branch-env: the data of first stay in shop-first: `scripts/branch-env copy-data first`\n"
    assert (result.returncode, said in result.stderr) == (0, True)
    assert "stay in" not in tool(hooked, "sync").stderr
    git(hooked, "branch", "-m", "third/name", "first")
    assert tool(hooked, "sync").returncode == 0
    assert name_of(hooked) == "shop-first"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["", "json"])
def test_a_list_whose_reader_ends_is_no_error(options: tuple[str, ...], hooked: Path) -> None:
    for number in range(3):
        git(hooked, "update-ref", f"refs/heads/b{number}", "HEAD")
        git(hooked, "symbolic-ref", "HEAD", f"refs/heads/b{number}")
        assert tool(hooked, "sync").returncode == 0
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, str(hooked / "scripts" / "branch-env"), "list", *options]
    result = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (result.returncode, result.stderr) == (0, "")


def test_prune_without_docker_forgets_nothing(hooked: Path) -> None:
    need_tool("docker")
    check_out(hooked, "-b", "feature")
    check_out(hooked, "main")
    git(hooked, "branch", "-D", "feature")
    assert_refused(tool(hooked, "prune", "--yes"), "docker compose -p shop-feature down")
    assert [row["branch"] for row in listed(hooked) if row["gone"]] == ["feature"]


def test_copy_data_from_itself_is_refused(hooked: Path) -> None:
    assert_refused(tool(hooked, "copy-data", "main"), "'main' is checked out: check out what is to get its data")


def test_of_two_that_copy_data_at_once_the_second_says_so(hooked: Path) -> None:
    with (hooked / "scripts/lib/common.py").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as the first one does it
        assert_refused(tool(hooked, "copy-data", "main"), "another copy-data is at work here: wait until it has ended")
        assert tool(hooked, "list").returncode == 0
    assert_refused(tool(hooked, "copy-data", "main"), "'main' is checked out: check out what is to get its data")


WRONG = [[], ["typo"], ["list", "--typo"], ["copy-data"], ["install", "there"], ["prune", "feature"]]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_arguments_have_an_exit_code_of_their_own(arguments: list[str], project: Path) -> None:
    result = tool(project, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: scripts/branch-env")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, project: Path) -> None:
    whole = tool(project, "--help", COLUMNS="200")
    assert re.search(f"^    {command}\\s+[a-z].*[a-z]$", whole.stdout, re.MULTILINE)
    result = tool(project, command, "--help", COLUMNS="200")
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"^[A-Z][^\n]+\.$", result.stdout, re.MULTILINE)
    assert not (project / ".env").exists()


def arguments_of(command: str) -> list[str]:
    return [command, "main"] if command == "copy-data" else [command]


@pytest.mark.parametrize("command", COMMANDS)
def test_outside_a_repository_one_sentence_says_so(command: str, rendered: Path, tmp_path: Path) -> None:
    project = shutil.copytree(rendered, tmp_path / "shop")
    assert_refused(tool(project, *arguments_of(command)), f"{project} is in no Git repository", "git init")
    assert not (project / ".env").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_without_git_one_sentence_says_so(command: str, hooked: Path) -> None:
    before = (hooked / ".env").read_bytes()
    assert_refused(tool(hooked, *arguments_of(command), PATH="/nonexistent"), "git is not installed")
    assert (hooked / ".env").read_bytes() == before


def test_a_repository_that_git_refuses_is_reported_in_its_words(hooked: Path) -> None:
    (hooked / ".git" / "config").write_text("[not a config\n")
    assert_refused(tool(hooked, "sync"), f"git does not work in {hooked} (fatal: bad config line 1")


@pytest.mark.parametrize("script", ["branch-env", "lib/settings.py", "setup"])
def test_the_scripts_are_python_3_9(script: str, rendered: Path) -> None:
    ast.parse((rendered / "scripts" / script).read_text(encoding="utf-8"), feature_version=(3, 9))


def test_nothing_is_left_beside_the_scripts(hooked: Path) -> None:
    assert git(hooked, "status", "--porcelain", "--ignored") == "!! .branch-env/\n!! .env\n"


# scripts/setup


def setup(project: Path) -> Done:
    return run([sys.executable, str(project / "scripts" / "setup")], cwd=project.parent)


def test_setup_makes_a_fresh_clone_ready(project: Path) -> None:
    git(project.parent, "clone", "--quiet", str(project), "clone")
    clone = project.parent / "clone"
    result = setup(clone)
    assert result.returncode == 0, result.stderr
    assert (name_of(clone), (clone / ".env.local").exists()) == ("shop", True)
    check_out(clone, "-b", "feature")
    assert name_of(clone) == "shop-feature"
    assert setup(clone).returncode == 0
    assert name_of(clone) == "shop-feature"


def test_setup_makes_everything_else_where_a_hook_of_the_users_own_is_in_the_way(project: Path) -> None:
    (project / HOOK).write_text("#!/usr/bin/env python3\n")
    (project / HOOK).chmod(0o755)
    result = setup(project)
    assert result.returncode == 1
    assert sum("no shell script" in line for line in result.stderr.splitlines()) == 1
    assert (name_of(project), (project / ".env.local").exists()) == ("shop", True)


def test_setup_makes_everything_else_where_env_is_committed(project: Path) -> None:
    (project / ".env").write_text("MINE=1\n")
    git(project, "add", "--force", ".env")
    result = setup(project)
    assert result.returncode == 1
    assert "git rm --cached .env" in result.stderr
    assert ((project / HOOK).exists(), (project / ".env.local").exists()) == (True, True)


@pytest.mark.parametrize("stack", ["minimal", "mcp", "mcp-multi", "hybrid"])
def test_every_stack_has_the_ports_of_what_it_publishes_in_env(stack: str, template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "shop", {"stack": stack, "project_slug": "shop", "branch_environments": True})
    git(project, "init", "--quiet", "-b", "main")
    assert tool(project, "sync", "--no-setup").returncode == 0
    text = (project / "docker-compose.yml").read_text()
    published = {*re.findall(r"127\.0\.0\.1:\$\{(\w+)", text)} | ({"APP_PORT"} if stack == "hybrid" else set())
    assert {*block(project)} == {"BRANCH_PROJECT", "BRANCH", "CHECKOUT", *published}


def test_all_worktrees_of_a_clone_have_one_key_of_the_gateways(template: Path, tmp_path: Path) -> None:
    """With another key n8n would not start on the data of a branch that was checked out somewhere else before."""
    answers = {"stack": "mcp-multi", "branch_environments": True, "mcp_servers": ["tasks"]}
    project = render(template, tmp_path / "shop", answers, hook=True)
    commit_all(project, "Render the set-up")
    git(project, "worktree", "add", "--quiet", "-b", "topic", str(tmp_path / "topic"))
    mine, there = (folder / "secrets" / "gateway.env" for folder in (project, tmp_path / "topic"))
    assert there.read_bytes() == mine.read_bytes()
    assert there.stat().st_mode & 0o777 == 0o600
    assert there.parent.stat().st_mode & 0o777 == 0o700
