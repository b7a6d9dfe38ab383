"""Every rendered file is well-formed, tidy and owned by somebody, whatever the answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.render.checks import ComposeLoader, findings
from tests.render.conftest import Case
from tests.render.matrix import FREE, LEFT_OUT, matrix_of
from tests.render.questions import Questions
from tests.support import ROOT, extension, files, preset, render

# Users have them in their repositories, commands and modules together.
# 130 of each are for scripts/upgrade-postgres, which works in development too; some 60 for Windows, and for cron and clients that
# do not say where Docker is; 20 of production's for what MCP servers are told, which the same scripts look at.
MOST_LINES_OF_SCRIPT = {"02-full": 139, "10-branches": 1520, "12-production": 3056}


def test_every_rendered_file_is_sound(case: Case) -> None:
    found = [f"{path}: {finding}" for path, content in case.files.items() for finding in findings(path, content)]
    assert not found, "\n".join([str(case.answers), *found])


def test_what_was_answered_is_what_is_saved(case: Case) -> None:
    saved = case.saved
    assert {name: saved[name] for name in case.answers} == case.answers


def test_what_the_guide_shows_of_services_means_those_that_there_are(case: Case) -> None:
    guide = case.files["COMPOSE.md"].decode()
    services = yaml.safe_load(case.files["docker-compose.yml"])["services"]
    for block in re.findall(r"^```yaml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL):
        assert yaml.load(block, ComposeLoader)["services"].keys() <= services.keys()
    for shown in re.findall(r"-d 'mcp_servers=(.*?)'", guide):
        names = yaml.safe_load(shown)
        assert extension("names").mcp_servers_error(names) == ""
        assert names[:-1] == case.saved["mcp_servers"][:19]
        assert names[-1] not in services


@pytest.mark.parametrize(
    ("path", "content", "finding"),
    [
        ("docker-compose.yml", b"# Managed by chora-compose-template\na: b: c\n", "does not parse"),
        ("pyproject.toml", b'name = "\n', "does not parse"),
        ("scripts/setup", b"# Managed by chora-compose-template\nif\n", "does not parse"),
        (".vscode/launch.json", b"// Yours\n{]\n", "does not parse"),
        (".run/app.run.xml", b"<a>&</a>\n", "does not parse"),
        (".env.defaults", b"export A=1\n", "does not parse"),
        ("src/a/page.html", b"<p>\n", "does not parse"),
        ("src/a/server.py", b"a = '{{ name }}'\n", "left in it"),
        ("src/a/server.py", b"a = 1 \n", "trailing blanks"),
        ("src/a/server.py", b"a = 1\n\n\n\nb = 1\n", "three blank lines"),
        ("COMPOSE.md", b"<!-- Managed by chora-compose-template -->\n# A\n\n\nb\n", "two blank lines"),
        ("src/a/server.py", b"a = 1\n\n", "exactly one line break"),
        ("src/a/server.py", b"a = 1", "exactly one line break"),
        ("src/a:b/server.py", b"a = 1\n", "refused by Windows"),
        ("src/aux/server.py", b"a = 1\n", "refused by Windows"),
        ("src/a/server.py", b"# Managed by chora-compose-template\n", "is not the template's"),
        (".env.services", b"A=1\n", "is the template's"),
        (".env.services.tasks", b"# Managed by chora-compose-template\na: 1\n", "does not parse"),
        ("docker/databases.sh", b"#!/bin/sh\n", "is the template's"),
        ("servers/tasks/server.py", b"# Managed by chora-compose-template\n", "is not the template's"),
        (".mcp.json", b"{}\n", "not in files.yml"),
        ("setup.py", b"a = 1\n", "not in files.yml"),
    ],
)
def test_a_defect_is_found(path: str, content: bytes, finding: str) -> None:
    assert [text for text in findings(path, content) if finding in text]


@pytest.mark.parametrize("which", ["rows", "few"])
def test_the_matrix_holds_every_choice_of_every_question(which: str) -> None:
    questions = Questions(ROOT)
    rows = getattr(matrix_of(ROOT), which)
    for name in questions.all:
        seen = [row[name] for row in rows if name in row]
        for choice in questions.choices(name):
            assert any(choice in value if isinstance(value, list) else choice == value for value in seen), f"{name}={choice}"
        for value in FREE.get(name, ()):
            assert value in seen or value == LEFT_OUT, f"{name}={value}"


def test_the_matrix_holds_every_pair_of_answers_that_the_questions_allow() -> None:
    matrix = matrix_of(ROOT)
    covered = {pair for row in matrix.rows for pair in matrix.pairs_of(row)}
    missing = []
    for first, one, second, other in matrix.all_pairs:
        if (first, one, second, other) not in covered and matrix.allows(first, one, second, other):
            missing.append(matrix.describe(first, one, second, other))
    assert not missing


def test_the_matrix_holds_no_answer_that_the_questions_refuse() -> None:
    questions = Questions(ROOT)
    for answers in matrix_of(ROOT).rows:
        resolved = questions.resolve(answers)
        assert not [error for name, value in answers.items() if (error := questions.error(name, value, resolved))]
        assert all(resolved[name] == value for name, value in answers.items())


@pytest.mark.parametrize(("name", "most"), MOST_LINES_OF_SCRIPT.items())
def test_a_project_gets_no_more_lines_of_script_than_before(name: str, most: int, template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "shop", preset(name))
    lines = {path: content.count(b"\n") for path, content in files(project).items() if path.startswith("scripts/")}
    assert 0 < sum(lines.values()) <= most, lines
