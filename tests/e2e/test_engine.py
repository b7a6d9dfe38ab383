"""The engines that all other tests here rely on."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.support import ROOT


def version(*command: str) -> tuple[int, ...]:
    text = subprocess.run(["docker", *command], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def minimum(name: str) -> tuple[int, ...]:
    found = re.search(rf"minimum_{name}=([\d.]+)", (ROOT / "tests" / "engine" / "lib.sh").read_text())
    assert found
    return tuple(int(part) for part in found.group(1).split("."))


@pytest.mark.oldest
def test_the_engine_is_what_projects_need_at_least_and_the_oldest_is_older_than_todays() -> None:
    engine, compose = version("version", "--format", "{{.Server.Version}}"), version("compose", "version", "--short")
    assert engine >= minimum("engine")
    assert compose >= minimum("compose")
    assert os.environ.get("CHORA_ENGINE") != "oldest" or (engine < (27,) and compose < (2, 30))
