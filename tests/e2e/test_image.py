"""The image: what is in it, what is not, and what a change rebuilds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pip._internal.models.index import PyPI

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack
from tests.support import git, preset

SERVER = """
from importlib.metadata import version

import flask

app = flask.Flask(__name__)


@app.get("/")
def index():
    return f"flask {version('flask')}"
"""
PROJECT = '[project]\nname = "small"\nversion = "2.1"\nrequires-python = ">=3.11"\n'
FLASK = 'dependencies = ["flask>=3,<4"]\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=68"]\nbuild-backend = "setuptools.build_meta"\n'
HOW = {
    "requirements.txt": {"requirements.txt": "flask>=3,<4\n", "requirements-dev.txt": "-r requirements.txt\niniconfig\n"},
    "requirements.txt with includes": {
        "requirements.txt": "-r requirements/base.txt\n-e .\n",
        "requirements/base.txt": "flask>=3,<4\n",
        "pyproject.toml": PROJECT + "dependencies = []\n" + SETUPTOOLS,
    },
    "pyproject.toml": {"pyproject.toml": PROJECT + FLASK},
    "pyproject.toml, dynamic": {
        "pyproject.toml": PROJECT + 'dynamic = ["dependencies"]\n' + SETUPTOOLS,
        "setup.py": "from setuptools import setup\n\nsetup(install_requires=['flask>=3,<4'], packages=['small'])\n",
    },
    "uv.lock": {"pyproject.toml": PROJECT + FLASK + '[dependency-groups]\ndev = ["iniconfig"]\n'},
    "poetry.lock": {
        "pyproject.toml": '[tool.poetry]\nname = "small"\nversion = "2.1"\ndescription = ""\nauthors = []\n\n'
        '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"\n\n[tool.poetry.group.dev.dependencies]\niniconfig = "*"\n'
        # The plain index that pip uses, because not every mirror has the interface that Poetry prefers.
        f'\n[[tool.poetry.source]]\nname = "simple"\nurl = "{PyPI.simple_url}/"\n'
    },
    "setup.py": {"setup.py": "from setuptools import setup\n\nsetup(name='small', version='1', install_requires=['flask>=3'])\n"},
}


def write_project(folder: Path, how: str) -> None:
    """Write a small Flask app that declares its dependencies in one of the known ways."""
    for name, text in {"small/__init__.py": SERVER, **HOW[how]}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    lockers = {"uv.lock": ["uv", "lock", "--quiet"], "poetry.lock": ["uvx", "--from", "poetry>=2,<3", "poetry", "lock"]}
    if how in lockers:
        # The locks are made here and now: a committed one would name the registry that it was made with.
        program, *arguments = lockers[how]
        subprocess.run([Path(sys.executable).with_name(program), *arguments], cwd=folder, check=True, capture_output=True)
        assert (folder / how).exists()
    git(folder, "init", "--quiet", "-b", "main")


def steps_made_again(stack: Stack) -> list[str]:
    """Build, and return the instructions that were not taken from the cache."""
    result = stack.compose("--progress", "plain", "build")
    log = result.stdout + result.stderr
    steps = dict(re.findall(r"^#(\d+) \[(?:app )?([^]]*\] .*)$", log, re.MULTILINE))
    cached = set(re.findall(r"^#(\d+) CACHED", log, re.MULTILINE))
    return [text for number, text in steps.items() if number not in cached]


@pytest.mark.parametrize("how", HOW)
def test_dependencies_are_installed_as_declared_and_a_code_change_installs_none_again(make_stack: MakeStack, how: str) -> None:
    stack = make_stack(preset("01-minimal"), write=lambda folder: write_project(folder, how))
    stack.up()
    assert re.fullmatch(r"flask 3\..*", stack.get("/")[1])
    find = ("python", "-c", "import importlib.util; print(importlib.util.find_spec('iniconfig') is not None)")
    there = stack.compose("exec", "-T", "app", *find).stdout.strip()
    assert there == str("iniconfig" in str(HOW[how])), "development has the development dependencies"
    image = stack.run("docker", "build", "--quiet", ".").stdout.strip()
    there = stack.run("docker", "run", "--rm", "--network", "none", image, *find).stdout.strip()
    assert there == "False", "production has not"

    (stack.folder / "small" / "extra.py").write_text(f"CHANGED = '{stack.slug}'\n")  # new in each run
    again = steps_made_again(stack)
    assert any("COPY . ." in text for text in again), "the changed code is in the image"
    installs = [text for text in again if re.search(r"install|sync", text) and "--no-deps" not in text]
    assert installs == []


def test_the_image_holds_no_secret_no_history_and_no_build_tool(make_stack: MakeStack) -> None:
    stack = make_stack(preset("02-full"))
    for name in (".env", "prod.env", "nested/.env.local", ".envrc", "secrets/key", ".venv/bin/python", "node_modules/x/index.js"):
        path = stack.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("SECRET=very\n")
    stack.compose("build")
    find = "find / -xdev -path /proc -prune -o -path '/workspace/*' -print; command -v gcc cc make uv poetry git; true"
    found = stack.run("docker", "run", "--rm", "--network", "none", f"{stack.slug}-app", "sh", "-c", find).stdout.splitlines()
    assert sorted(found) == sorted(
        ["/workspace/pyproject.toml", "/workspace/scripts", "/workspace/scripts/setup", "/workspace/nested", "/workspace/src"]
        + ["/workspace/.gitattributes", "/workspace/docker", "/workspace/scripts/upgrade-postgres"]
        + [f"/workspace/src/{stack.slug.replace('-', '_')}{name}" for name in ("", "/__init__.py", "/server.py", "/services.py")]
    )


def test_the_image_alone_is_the_app_without_compose(make_stack: MakeStack) -> None:
    stack = make_stack(preset("01-minimal"), onto="fastapi-src")
    stack.compose("build")
    ask = "from inventory.api.main import index; print(index()['version'])"
    out = stack.run("docker", "run", "--rm", "--network", "none", "--read-only", f"{stack.slug}-app", "python", "-c", ask).stdout
    assert out.strip() == "1.4.2"


def test_an_existing_dockerfile_is_used_as_it_is(make_stack: MakeStack) -> None:
    def write(folder: Path) -> None:
        write_project(folder, "requirements.txt")
        (folder / "Dockerfile").write_text(
            "FROM python:3.13-slim\nWORKDIR /srv/app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
            'COPY . .\nENTRYPOINT ["env", "MINE=yes"]\n'
        )

    stack = make_stack(preset("01-minimal"), write=write)
    stack.up()
    assert stack.get("/")[1].startswith("flask 3.")
    assert "MINE=yes" in stack.compose("exec", "-T", "app", "sh", "-c", "cat /proc/[0-9]*/environ").stdout
    assert stack.compose("exec", "-T", "app", "pwd").stdout.strip() == "/srv/app"
