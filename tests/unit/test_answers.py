"""Answers in the destination: ours, and another template's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import reading, write


@pytest.mark.parametrize(
    "content", ["", "a: [\n", "- 1\n", "just text\n", "project_name: x\nstack: minimal\nproject_slug: x\n", b"\xff\xfe\x00"]
)
def test_answers_that_are_not_ours_get_a_neighbour(content: str | bytes, tmp_path: Path) -> None:
    write(tmp_path, {".copier-answers.yml": content})
    assert reading.answers.answers_file_name(tmp_path) == ".copier-answers.chora-compose.yml"


def test_our_answers_have_the_usual_name(tmp_path: Path) -> None:
    assert reading.answers.answers_file_name(tmp_path) == ".copier-answers.yml"
    write(tmp_path, {".copier-answers.yml": "project_slug: a\nstack: full\nkeep_files: []\ngenerated_on: '2026-01-01'\n"})
    assert reading.answers.answers_file_name(tmp_path) == ".copier-answers.yml"
