"""The linters of the field have nothing to say about anything that is rendered. Each runs once, over every distinct file."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.render.checks import is_python
from tests.render.conftest import Case
from tests.support import ROOT, need_tool

Select = Callable[[Callable[[str], bool]], list[str]]

YAMLLINT = "{extends: default, rules: {line-length: disable, document-start: disable, truthy: disable}}"


@pytest.fixture(scope="session")
def distinct(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every distinct file of all cases, as `<number of the first case that has it>/<its path>`."""
    folder, seen = tmp_path_factory.mktemp("distinct"), set()
    for number, case in enumerate(cases):
        for path, content in case.files.items():
            if (Path(path).name, content) not in seen:
                seen.add((Path(path).name, content))
                copy = folder / str(number) / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)
    return folder


@pytest.fixture
def select(distinct: Path) -> Select:
    """Return the distinct files of a kind, relative to their folder; a kind without any file is a mistake of the test."""

    def chosen(kind: Callable[[str], bool]) -> list[str]:
        paths = [path.relative_to(distinct) for path in sorted(distinct.rglob("*")) if path.is_file()]
        chosen = [path.as_posix() for path in paths if kind(Path(*path.parts[1:]).as_posix())]
        assert chosen
        return chosen

    return chosen


def is_compose(path: str) -> bool:
    return path.startswith("docker-compose") or path == "docker-stack.yml"


def is_yaml(path: str) -> bool:
    return path.endswith((".yml", ".yaml"))


def run(distinct: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a linter in the folder of the distinct files; one that is a Python package from this virtual environment."""
    program = Path(sys.executable).parent / command[0]
    path = str(program) if program.exists() else command[0]
    return subprocess.run([path, *command[1:]], cwd=distinct, capture_output=True, text=True)


def assert_clean(result: subprocess.CompletedProcess[str]) -> None:
    said = result.stdout + result.stderr
    assert not said and result.returncode == 0, f"exit code {result.returncode}\n{said}"


def test_hadolint_has_nothing_to_say(distinct: Path, select: Select) -> None:
    assert_clean(run(distinct, "hadolint", "--no-color", *select(lambda path: path.split("/")[-1] == "Dockerfile")))


def test_yamllint_has_nothing_to_say(distinct: Path, select: Select) -> None:
    assert_clean(run(distinct, "yamllint", "--strict", "-f", "parsable", "-d", YAMLLINT, *select(is_yaml)))


def test_the_schema_of_compose_files_is_kept(distinct: Path, select: Select) -> None:
    assert_clean(run(distinct, "check-jsonschema", "-q", "--builtin-schema", "vendor.compose-spec", *select(is_compose)))


def test_dclint_has_nothing_to_say(distinct: Path, select: Select, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    # Into a file: on a pipe dclint's JSON ends after 64 KiB.
    result = run(distinct, need_tool("npx"), "--yes", "dclint@3.1.0", "-f", "json", "-o", str(report), *select(is_compose))
    assert report.exists(), result.stderr
    found = [
        f"{file['filePath']}:{message['line']}: {message['rule']}: {message['message']}"
        for file in json.loads(report.read_text())
        for message in file["messages"]
        # Ordered as a person would write it; and what a port needs, quotes or none, is a matter of taste.
        if not message["rule"].endswith("-order") and message["rule"] != "require-quotes-in-ports"
    ]
    assert not found, "\n".join(found)


def test_ruff_has_nothing_to_say(distinct: Path, select: Select) -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]["select"]
    # A starter app is an example, not a library: no docstring for each function, and the arguments that its framework gives.
    chosen = ",".join(rule for rule in rules if rule not in {"D", "ARG"})
    options = ["--isolated", "--no-cache", "--line-length=130", "--target-version=py311"]
    # What lies beside a server is its own: imports start from its folder.
    own = "--config=lint.isort.known-first-party=['services']"
    python = select(is_python)
    assert_clean(
        run(distinct, "ruff", "check", "--quiet", "--output-format=concise", f"--select={chosen}", own, *options, *python)
    )
    # Quotes as they are: which ones need fewer escapes depends on the project's name.
    assert_clean(
        run(distinct, "ruff", "format", "--quiet", "--check", "--config=format.quote-style='preserve'", *options, *python)
    )


@pytest.mark.parametrize(
    ("linter", "name", "content"),
    [
        (["hadolint"], "Dockerfile", "FROM python\n"),
        (["yamllint", "-d", YAMLLINT], "a.yml", "a:   1\n"),
        (["check-jsonschema", "--builtin-schema", "vendor.compose-spec"], "docker-compose.yml", "services: {app: {imgae: a}}\n"),
        (["ruff", "check", "--isolated", "--no-cache"], "a.py", "import os\n"),
        (["ruff", "format", "--isolated", "--no-cache", "--check"], "a.py", "a  = 1\n"),
    ],
)
def test_a_linter_that_runs_like_this_finds_a_defect(linter: list[str], name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert run(tmp_path, *linter, name).returncode != 0
