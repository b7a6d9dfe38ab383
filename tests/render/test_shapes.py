"""What is found in projects of other people's shapes, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.shapes import shapes
from tests.support import no_projects, render, run_copier

SHAPES = shapes()


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.finds])
def test_what_a_shape_holds_is_found(name: str, template: Path, tmp_path: Path) -> None:
    shape = SHAPES[name]
    shape.write(tmp_path / "shop")
    saved = yaml.safe_load((render(template, tmp_path / "shop", shape.answers) / ".copier-answers.yml").read_text())
    assert {answer: saved.get(answer) for answer in shape.finds} == shape.finds


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.notes])
def test_what_a_shape_needs_is_said(name: str, template: Path, tmp_path: Path) -> None:
    shape = SHAPES[name]
    shape.write(tmp_path / "shop")
    state = no_projects(tmp_path / "state")
    answers = [word for name, answer in shape.answers.items() for word in ("-d", f"{name}={yaml.safe_dump(answer, width=999)}")]
    command = ["copy", "--trust", "--defaults", "--quiet", *answers, str(template), "shop"]
    done = run_copier(*command, cwd=tmp_path, env={"XDG_STATE_HOME": state})
    assert done.returncode == 0 and shape.notes in done.stderr, done.stderr
