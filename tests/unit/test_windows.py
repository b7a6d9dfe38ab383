"""Scripts of a project where Python is Windows' and text is no UTF-8, as far as tests/windows.py can simulate it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

import pytest

from tests import windows
from tests.support import PRESETS, ROOT, commit_all, git, load, need_tool, preset, render, scripts_of, without_docker

Done = subprocess.CompletedProcess[str]
NAMES = [path.stem for path in PRESETS]
# What works on production alone.
ON_LINUX = {"12-production": ["backup", "deploy", "restore", "upgrade-postgres"]}


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    return windows.locales(tmp_path_factory.mktemp("locales"), need_tool("localedef"))


@pytest.fixture(scope="module")
def projects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("projects")
    return {name: render(template, folder / name, preset(name)) for name in NAMES}


def run(
    script: Path, *arguments: str, cwd: Path | None = None, first: str = "", env: Mapping[str, str] = MappingProxyType({})
) -> Done:
    """Run a script as on Windows."""
    started = subprocess.run(
        [sys.executable, *windows.command(script, *arguments, first=first)],
        cwd=cwd or script.parents[1],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    out, error = (text.decode("utf-8", "replace") for text in (started.stdout, started.stderr))
    assert "Traceback" not in error, error
    return Done(started.args, started.returncode, out, error)


def scripts_in(project: Path) -> list[Path]:
    found = [path for path in sorted((project / "scripts").glob("*")) if path.is_file()]
    return [path for path in found if "python3" in path.read_text(encoding="utf-8").partition("\n")[0]]


@pytest.mark.parametrize("locale", ["cp1252", "C"])
@pytest.mark.parametrize("name", NAMES)
def test_each_script_answers_help(name: str, locale: str, projects: dict[str, Path], locales: dict[str, dict[str, str]]) -> None:
    for script in scripts_in(projects[name]):
        done = run(script, "--help", env=locales[locale])
        assert (done.returncode, done.stderr) == (0, ""), (script, done.stderr)
        assert done.stdout.startswith("usage: scripts/"), script


@pytest.mark.parametrize("name", [one for name, scripts in ON_LINUX.items() for one in scripts])
def test_what_needs_the_host_of_production_says_so(name: str, projects: dict[str, Path]) -> None:
    arguments = {"deploy": ["1.0.0"], "restore": ["some.dump"]}.get(name, [])
    done = run(projects["12-production"] / "scripts" / name, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"scripts/{name}: run it on the Linux host of production, or in WSL\n"


def python_files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [path for path in files if path.suffix == ".py" or path.read_bytes().startswith(b"#!/usr/bin/env python3")]


def test_text_is_utf_8_whatever_the_locale(projects: dict[str, Path]) -> None:
    """Of subprocesses and of files."""
    folders = [ROOT / name for name in ("extensions", "hooks", "migrations", "tools")]
    folders += [projects[name] / "scripts" for name in NAMES if (projects[name] / "scripts").exists()]
    for path in {one for folder in folders for one in python_files(folder)}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                asks = {"text", "universal_newlines"} & given.keys()
                is_flag = any(ast.unparse(given[name]) == "True" for name in asks)
                is_flag |= getattr(node.func, "attr", "") in ("read_text", "write_text")
                assert not is_flag or "encoding" in given, f"{path}:{node.lineno}: say the encoding"
            if isinstance(node, ast.Dict):
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                assert "text" not in keys or "stdin" not in keys, f"{path}:{node.lineno}: say the encoding"


# What they do


DOCKER = """#!/bin/sh
# Says what Compose would of a project, in UTF-8.
echo "$@" >>"$0.log"
case "$*" in
  *" config --format json") cat "$0.json" ;;
  *" run "*) echo "in the session: Ángel" ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """Return a folder with a docker that answers as Compose does, and writes down what it was asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(DOCKER, encoding="utf-8")
    (folder / "docker").chmod(0o755)
    return folder


def path_with(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("locale", ["cp1252", "C"])
def test_a_session_starts_whatever_compose_prints(
    locale: str, locales: dict[str, dict[str, str]], projects: dict[str, Path], docker: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(projects["04-mcp"], tmp_path / "my project")
    needs = {"services": {"mcp-server": {"environment": {"GREETING": "Ángel — 日本"}}}, "networks": {"default": {"name": "x"}}}
    (docker / "docker.json").write_text(json.dumps(needs, ensure_ascii=False), encoding="utf-8")
    done = run(project / "scripts" / "mcp-stdio", "mcp-server", env=locales[locale] | path_with(docker))
    assert (done.returncode, done.stdout, done.stderr) == (0, "in the session: Ángel\n", "")


def test_of_two_clients_one_starts_the_services_and_the_other_waits(projects: dict[str, Path], docker: Path) -> None:
    slow = '  *" run "*"--entrypoint true"*) echo begins >>"$0.made"; sleep 1; echo ends >>"$0.made" ;;'
    program = (docker / "docker").read_text(encoding="utf-8").replace('case "$*" in', f'case "$*" in\n{slow}')
    (docker / "docker").write_text(program, encoding="utf-8")
    server = {"depends_on": {"db": {"condition": "service_healthy"}}}
    (docker / "docker.json").write_text(json.dumps({"services": {"mcp-server": server}}), encoding="utf-8")
    script = projects["04-mcp"] / "scripts" / "mcp-stdio"
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: run(script, "mcp-server", env=path_with(docker)), range(2)))
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    assert (docker / "docker.made").read_text().split() == ["begins", "ends"] * 2


@pytest.mark.parametrize("locale", ["cp1252", "C"])
def test_setup_makes_what_is_this_machines(
    locale: str, locales: dict[str, dict[str, str]], projects: dict[str, Path], docker: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(projects["03-hybrid"], tmp_path / "Ångström")
    login = {"POSTGRES_USER": "app", "POSTGRES_PASSWORD": "ø日", "POSTGRES_DB": "app"}
    port = [{"target": 5432, "published": "5432"}]
    services = {"db": {"ports": port, "environment": login}, "redis": {"ports": [{"target": 6379, "published": "6379"}]}}
    (docker / "docker.json").write_text(json.dumps({"x-app-port": "8000", "services": services}, ensure_ascii=False))
    done = run(project / "scripts" / "setup", env=locales[locale] | path_with(docker))
    assert done.returncode == 0, done.stderr
    assert ":%C3%B8%E6%97%A5@localhost:5432/app\n" in (project / ".env.local").read_text(encoding="utf-8")


def test_claude_desktop_is_told_of_python_by_its_name_there(projects: dict[str, Path], tmp_path: Path) -> None:
    project = shutil.copytree(projects["04-mcp"], tmp_path / "shop")
    done = run(project / "scripts" / "setup", env={"APPDATA": r"C:\Users\Ann\AppData\Roaming", "PATH": "/nonexistent"})
    assert done.returncode == 0, done.stderr
    told = json.loads((project / "claude_desktop_config.json").read_text(encoding="utf-8"))
    (entry,) = told["mcpServers"].values()
    assert entry == {"command": "python", "args": [str(project / "scripts" / "mcp-stdio"), "mcp-server"]}
    assert r"C:\Users\Ann\AppData\Roaming/Claude/claude_desktop_config.json" in done.stdout


def test_paths_of_windows_are_right_in_the_file_for_claude_desktop(projects: dict[str, Path], tmp_path: Path) -> None:
    project = shutil.copytree(projects["04-mcp"], tmp_path / "shop")
    with scripts_of(project / "scripts"), pytest.MonkeyPatch.context() as patch:
        module = import_module("lib.setup_claude")
        patch.setattr(module, "ROOT", PureWindowsPath(r"C:\Users\Ann Ö\new shop"))
        patch.setattr(module, "DESKTOP", tmp_path / "claude_desktop_config.json")
        module.make()
        (entry,) = json.loads((tmp_path / "claude_desktop_config.json").read_text(encoding="utf-8"))["mcpServers"].values()
        assert entry["args"] == [r"C:\Users\Ann Ö\new shop\scripts\mcp-stdio", "mcp-server"]
        assert module.is_made_by_us((tmp_path / "claude_desktop_config.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("locale", ["cp1252", "C"])
def test_branches_have_their_environments(
    locale: str, locales: dict[str, dict[str, str]], projects: dict[str, Path], tmp_path: Path
) -> None:
    project = shutil.copytree(projects["10-branches"], tmp_path / "shop")
    for path in (project / "scripts").glob("*"):
        path.chmod(path.stat().st_mode & ~0o111 | (0o111 if path.is_dir() else 0))
    git(project, "init", "--quiet", "-b", "main")
    commit_all(project, "As on Windows")
    variables = {"DOCKER_HOST": "unix:///nonexistent.sock", **locales[locale]}
    done = run(project / "scripts" / "setup", env=variables)
    assert done.returncode == 0, done.stderr
    git(project, "worktree", "add", "--quiet", "../feature", "-b", "feature")
    done = run(project / "scripts" / "branch-env", "sync", cwd=tmp_path / "feature", env=variables)
    listed = run(project / "scripts" / "branch-env", "list", env=variables)
    assert listed.returncode == 0
    assert "main" in listed.stdout
    assert listed.stdout.count("http://127.0.0.1:") == 2, "git's hook has made that of the worktree"
    without = run(project / "scripts" / "branch-env", "copy-data", "gone", env=variables)
    assert without.returncode == 1


def test_commands_are_printed_as_they_work_there(projects: dict[str, Path], tmp_path: Path) -> None:
    project = shutil.copytree(projects["10-branches"], tmp_path / "shop")
    git(project, "init", "--quiet", "-b", "main")
    commit_all(project, "My project")
    said = run(project / "scripts" / "branch-env", "list").stderr
    assert said == "scripts/branch-env: no environment yet: `python scripts/branch-env sync` makes this checkout's\n"


def test_an_upgrade_in_development_says_what_is_missing(projects: dict[str, Path], tmp_path: Path) -> None:
    for name in ("02-full", "12-production"):
        more = ["--development"] if name == "12-production" else []
        project = without_docker(shutil.copytree(projects[name], tmp_path / name))
        done = run(project / "scripts" / "upgrade-postgres", *more, env={"PATH": "/nonexistent", "HOME": str(tmp_path)})
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert re.fullmatch(
            r"scripts/upgrade-postgres: start Docker, or set DOCKER_HOST or PATH: .*No such file or directory: 'docker'\n",
            done.stderr,
        )


# The hook


@pytest.mark.parametrize("name", NAMES)
def test_the_hook_does_its_work(
    name: str, locales: dict[str, dict[str, str]], projects: dict[str, Path], template: Path, tmp_path: Path
) -> None:
    """Copier itself is not simulated."""
    project = shutil.copytree(projects[name], tmp_path / "shop")
    git(project, "init", "--quiet", "-b", "main")
    git(project, "config", "core.fileMode", "false")
    owned = [path for path in ("scripts/setup", "scripts/ci", "docker/databases.sh") if (project / path).exists()]
    note = tmp_path / "note.json"
    note.write_text(json.dumps({"new": [], "owned": owned, "kept": [], "given": []}))
    words = ["--operation=copy", "--answers-file=.copier-answers.yml", "--note", str(note)]
    # PyYAML, which the hook has from Copier, asks for more of Python than the scripts do.
    done = run(template / "hooks" / "post_generation.py", *words, cwd=project, first="import yaml", env=locales["cp1252"])
    assert done.returncode == 0, done.stderr
    assert "the post-generation hook stopped" not in done.stderr
    assert "Next:" in done.stderr
    scripts = " ".join(sorted(path for path in owned if path.startswith("scripts/")))
    assert (f"  git add --chmod=+x {scripts}\n" in done.stderr) == bool(scripts)
    assert (project / ".gitattributes").exists() == bool(owned)


def test_the_next_commands_can_be_typed_in_both_shells_there(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = load(ROOT / "hooks" / "next_steps.py", "next_steps_on_windows")
    monkeypatch.setattr(steps, "ON_WINDOWS", True)
    answers = {"stack": "full", "app_port": 8000, "app_command": "uvicorn a:app", "migrate_command": ""}
    said = steps.next_commands(Path("/Users/Ann Ö/shop"), answers, modes=["scripts/setup"])
    assert said.splitlines() == [
        "Next:",
        '  cd "/Users/Ann Ö/shop"',
        "  git add .",
        "  git add --chmod=+x scripts/setup",
        '  git commit --message "Add Docker Compose"',
        "  docker compose up --build --wait",
        "  docker compose port app 8000",
        "  (where it answers; COMPOSE.md has the rest)",
    ]
