"""The template as pytest-copie loads it: the plugin that people use who test what they built on a template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import PRESETS, files, preset, render

# What is made for one copy of a project: its path, its passwords.
OF_ONE_COPY = {".env", "claude_desktop_config.json"}


@pytest.mark.parametrize("name", [path.stem for path in PRESETS])
def test_each_preset_renders_through_pytest_copie_as_through_copier(
    copie: Any, template: Path, tmp_path: Path, name: str
) -> None:
    result = copie.copy(extra_answers={"project_name": "Shop", **preset(name)}, template_dir=template)
    assert result.exception is None
    assert result.exit_code == 0
    answers = yaml.safe_load((result.project_dir / ".copier-answers.yml").read_text())
    assert answers["stack"] == preset(name)["stack"]
    other = render(template, tmp_path / "other", {"project_name": "Shop", **preset(name)}, hook=True)
    first, second = files(result.project_dir), files(other)
    same, others = (
        {path for path in found if path not in OF_ONE_COPY and not path.startswith(("secrets/", ".branch-env/"))}
        for found in (first, second)
    )
    assert (same, len(first)) == (others, len(second))
    assert {path: first[path] for path in same} == {path: second[path] for path in same}


def test_a_wrong_answer_is_an_error_for_pytest_copie_too(copie: Any, template: Path) -> None:
    result = copie.copy(extra_answers={"stack": "full", "services": []}, template_dir=template)
    assert result.exit_code != 0
    assert "Name postgres, redis or both." in str(result.exception)
