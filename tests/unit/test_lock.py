"""A lock of uv's that is older than the project is seen before a build refuses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.shapes import write

UV = Path(sys.executable).with_name("uv")
PROJECT = """[project]
name = "shop"
version = "2025.04.1"
requires-python = ">=3.11"
dependencies = ["iniconfig>=2,<3", "lib>=1"]
[project.optional-dependencies]
more = ["iniconfig[x]"]
all = ["shop[more]"]
[tool.uv.sources]
lib = { path = "lib" }
"""
LIB = '[project]\nname = "lib"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("old", "new", "checks", "said"),
    [
        ("", "", True, ("", ())),
        ('"2025.04.1"', '"2025.5.1"', False, ("2025.4.1", ())),
        ('["iniconfig>=2,<3"', '["packaging", "iniconfig<3,>=2"', True, ("", ("packaging",))),
        ("<3", "<4", True, ("", ("iniconfig>=2,<4",))),
        ('"iniconfig[x]"', '"iniconfig[x]", "packaging>20"', True, ("", ("packaging>20",))),
        ('version = "2025.04.1"\n', 'dynamic = ["dependencies", "version"]\n', False, ("", ())),
    ],
    ids=["new", "version", "more", "otherwise", "in an extra", "computed"],
)
def test_what_a_lock_is_older_than_is_seen_as_uv_sees_it(
    old: str, new: str, checks: bool, said: tuple[str, tuple[str, ...]], tmp_path: Path
) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, "lib/pyproject.toml": LIB})
    subprocess.run([UV, "lock", "--quiet"], cwd=tmp_path, check=True)
    found = write(tmp_path, {"pyproject.toml": PROJECT.replace(old, new)})
    assert found.lock.checks == checks
    old_for = found.lock.stale
    assert (old_for.version, old_for.lacks) == said
    if "dynamic" not in new:
        refused = subprocess.run([UV, "lock", "--check", "--quiet"], cwd=tmp_path, capture_output=True).returncode != 0
        assert refused == (said != ("", ()))
