"""What Windows does to files on their way here: line ends, and modes that git there does not see."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import PRESETS, ROOT, commit_all, copy_template, files, git, load, preset, render, run

GIT_FOR_WINDOWS = "[core]\n\tautocrlf = true\n\tfileMode = false\n[user]\n\tname = Tester\n\temail = tester@example.com\n"
NAMES = [path.stem for path in PRESETS]
PIPELINES = {"08-github-actions": ".github/workflows/test.yml", "09-gitlab-ci": ".gitlab-ci.yml"}
# Differs from day to day and from clone to clone.
ANSWERS = ".copier-answers.yml"


@pytest.fixture
def git_for_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(GIT_FOR_WINDOWS)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as Git for Windows clones it."""
    folder = tmp_path_factory.mktemp("windows")
    repository = copy_template(folder / "repository")
    (repository / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    git(repository, "init", "--quiet", "-b", "main")
    commit_all(repository, "The template")
    (folder / "gitconfig").write_text(GIT_FOR_WINDOWS)
    env = {**os.environ, "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "clone", "--quiet", str(repository), str(folder / "clone")]
    subprocess.run(command, check=True, env=env)
    return folder / "clone"


@pytest.mark.parametrize("name", NAMES)
def test_a_clone_on_windows_renders_the_same_bytes(name: str, cloned: Path, template: Path, tmp_path: Path) -> None:
    one = files(render(template, tmp_path / "here" / "shop", preset(name)))
    other = files(render(cloned, tmp_path / "there" / "shop", preset(name), vcs_ref="HEAD"))
    assert [path for path, content in other.items() if b"\r" in content] == []
    del one[ANSWERS], other[ANSWERS]
    assert one == other


@pytest.mark.usefixtures("git_for_windows")
@pytest.mark.parametrize("name", NAMES)
def test_what_runs_has_its_line_ends_in_each_clone_of_a_project(name: str, template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "shop", preset(name), hook=True)
    commit_all(project, "As on Windows")
    git(tmp_path, "clone", "--quiet", str(project), str(tmp_path / "clone"))
    cloned, before = files(tmp_path / "clone"), files(project)
    same = [path for path in cloned if path.startswith(("docker/", "nginx/", "scripts/"))]
    assert [path for path in same if cloned[path] != before[path]] == []
    assert any(b"\r\n" in content for content in cloned.values()), "this is a clone as on Windows"


@pytest.mark.usefixtures("git_for_windows")
@pytest.mark.parametrize(("name", "path"), PIPELINES.items())
def test_a_pipeline_starts_a_script_that_is_not_executable(name: str, path: str, template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "shop", preset(name), hook=True)
    (project / "scripts" / "ci").chmod(0o644)
    commit_all(project, "As on Windows")
    git(tmp_path, "clone", "--quiet", str(project), str(tmp_path / "clone"))
    said = (tmp_path / "clone" / path).read_text(encoding="utf-8")
    steps = [line.strip() for line in said.splitlines() if "scripts/ci" in line and not line.lstrip().startswith(("#", "- name"))]
    assert steps
    for step in steps:
        command = re.sub(r"^(- )?(run: |if .* then )?", "", step)
        assert command.startswith("sh scripts/ci "), step
    assert run(["sh", "scripts/ci", "--help"], cwd=tmp_path / "clone").stdout.startswith("The tests as the pipeline runs them")


# The mode in git's index


FACTS = {"app_port": 8000, "app_command": "uvicorn a:app", "migrate_command": ""}
steps = load(ROOT / "hooks" / "next_steps.py", "next_steps_tested")
modes = load(ROOT / "hooks" / "modes.py", "modes_tested")


def staged(project: Path) -> dict[str, str]:
    lines = git(project, "ls-files", "--stage", "--", "scripts").splitlines()
    return {line.split("\t")[1]: line.split()[0] for line in lines}


@pytest.mark.usefixtures("git_for_windows")
def test_git_is_told_the_mode_of_what_it_has_and_the_user_of_what_is_new(
    template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = render(template, tmp_path / "shop", preset("08-github-actions"), hook=True)
    assert "chmod" not in capfd.readouterr().err, "what is new is for the next steps"
    git(project, "config", "core.fileMode", "false")  # which git init finds out by itself there
    scripts = sorted(f"scripts/{path.name}" for path in (project / "scripts").iterdir() if path.is_file())
    lacking = modes.without_mode(project, ["COMPOSE.md", "scripts/lib/common.py", *scripts])
    said = steps.next_commands(project, preset("08-github-actions") | FACTS, modes=lacking)
    assert f"git add . && git add --chmod=+x {' '.join(scripts)} && git commit" in said
    assert git(project, "ls-files") == "", "what is staged is the user's affair"
    (project / "scripts" / "mine").write_text("#!/bin/sh\n")
    for path in (project / "scripts").iterdir():
        path.chmod(0o644)
    commit_all(project, "As on Windows")
    assert set(staged(project).values()) == {"100644"}
    modes.set_modes(project, ["scripts/lib/common.py", "docker/start.sh", *scripts], updated=False)
    note = capfd.readouterr().err
    assert f"Note: commit {', '.join(scripts)}: git has noted" in note
    assert staged(project) == {**dict.fromkeys(scripts, "100755"), "scripts/mine": "100644"}
    modes.set_modes(project, scripts, updated=True)
    assert capfd.readouterr().err == ""


def test_where_git_sees_the_mode_nothing_is_said(template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    render(template, tmp_path / "shop", preset("08-github-actions"), hook=True)
    assert "chmod" not in capfd.readouterr().err
