"""On a machine with ARM's processor, as Macs and many servers have, an image installs ready-made packages too.

The package index says so: each package that the template names, with all that it needs, is pure Python or has a wheel for it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.render.questions import Questions
from tests.render.test_docs import tables
from tests.support import ROOT

# The two tables of the template's own environment come first. tests/render/test_docs.py compares each with the code.
TABLES = [*tables(ROOT / "docs" / "explanation" / "dependencies.md")][2:]
FACTS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "extensions" / "facts").glob("*.py"))
PACKAGES = [row[0] + row[1].strip("`") for table in TABLES for row in table]
PACKAGES = sorted({*PACKAGES, *re.findall(r'"([a-z0-9-]+(?:\[[a-z]+\])?>=\d[^"]*)"', FACTS)})
VERSIONS = Questions(ROOT).choices("python_version")


def resolved(packages: list[str], python: str) -> subprocess.CompletedProcess[str]:
    """Choose versions of packages that need no compiler on ARM, from what the index says of them."""
    command = [str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", "--no-header", "--only-binary", ":all:", "-"]
    command += ["--python-platform", "aarch64-manylinux_2_28", "--python-version", python]
    return subprocess.run(command, input="\n".join(packages), capture_output=True, text=True)


@pytest.mark.parametrize("python", VERSIONS)
def test_no_package_needs_a_compiler(python: str) -> None:
    assert {"psycopg[binary]", "debugpy", "watchdog", "uv"} <= {re.split("[<>=]", one)[0] for one in PACKAGES}
    done = resolved(PACKAGES, python)
    assert done.returncode == 0, done.stderr


def test_a_package_without_a_wheel_for_it_is_found() -> None:
    done = resolved(["psycopg2-binary==2.9.1"], "3.13")
    assert done.returncode and "no usable wheels" in " ".join(done.stderr.split()), done.stdout + done.stderr
