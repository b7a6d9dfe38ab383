"""Scripts that are interrupted while they still load what they need, and two of a kind at once."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, git, preset, render

# Python reads it before a script. It interrupts as one of the modules is looked for that the script imports, once that has
# settled what Ctrl-C does: until then Python itself answers.
INTERRUPTS = """
import _signal, os

class Finder:
    begun, left = False, int(os.environ["INTERRUPT_AT"])

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        cls.begun = cls.begun or _signal.getsignal(_signal.SIGINT) == _signal.SIG_DFL
        cls.left -= cls.begun
        if cls.begun and cls.left == 0:
            os.kill(os.getpid(), _signal.SIGINT)

__import__("sys").meta_path.insert(0, Finder)
"""
SCRIPTS = [
    ("02-full", ["setup", "upgrade-postgres"]),
    ("04-mcp", ["mcp-stdio", "setup"]),
    ("07-shared-services", ["projects", "setup"]),
    ("10-branches", ["branch-env", "setup"]),
    ("12-production", ["backup", "deploy", "restore", "setup", "upgrade-postgres"]),
]


@pytest.mark.parametrize(("name", "scripts"), SCRIPTS, ids=[name for name, _ in SCRIPTS])
def test_a_script_that_is_interrupted_while_it_starts_ends_without_a_traceback(
    name: str, scripts: list[str], template: Path, tmp_path: Path
) -> None:
    project = render(template, tmp_path / "shop", preset(name))
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS)
    for script in scripts:
        command = [sys.executable, str(project / "scripts" / script), "--help"]
        for at in range(1, 300, 3):
            variables = {**os.environ, "PYTHONPATH": str(tmp_path), "INTERRUPT_AT": str(at)}
            ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
            assert "Traceback" not in ended.stderr, (script, at, ended.stderr)
            if ended.returncode == 0:
                break
            assert ended.returncode in (-signal.SIGINT, 130), (script, at, ended)
        assert at > 10, script
        assert ended.returncode == 0, ended


@pytest.mark.parametrize(
    "words", [("post_generation.py", "--help"), ("update.py", "before", ".copier-answers.yml")], ids=" ".join
)
def test_a_hook_that_is_interrupted_while_it_starts_ends_without_a_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "-b", "main")
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS)
    for at in range(1, 400, 9):
        variables = {**os.environ, "PYTHONPATH": str(tmp_path), "INTERRUPT_AT": str(at)}
        command = [sys.executable, str(ROOT / "hooks" / words[0]), *words[1:]]
        ended = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        assert "Traceback" not in ended.stderr, (at, ended.stderr)
        if ended.returncode == 0:
            break
        assert ended.returncode in (-signal.SIGINT, 130), (at, ended)
    assert at > 20 and ended.returncode == 0, ended


@pytest.mark.parametrize("arguments", [("copy", "shop", "."), ("remove", "shop", "--yes")], ids=lambda one: one[0])
def test_of_two_that_copy_or_remove_projects_at_once_the_second_says_so(
    arguments: tuple[str, ...], template: Path, tmp_path: Path
) -> None:
    hub = render(template, tmp_path / "hub", preset("07-shared-services"))
    with (hub / "scripts/lib/common.py").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as the first one does it
        second = subprocess.run([hub / "scripts/projects", *arguments], capture_output=True, text=True, check=False)
    assert (second.returncode, second.stdout) == (1, "")
    said = "another copy or remove is at work here: wait until it has ended"
    assert second.stderr == f"scripts/projects: {said}\n"
