"""The starter MCP server under the official conformance suite: what passes, and what the reference page says that it lacks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.e2e.clients import NODE
from tests.e2e.stack import fetch, free_port, wait_for
from tests.support import ROOT, need_tool, render

PAGE = (ROOT / "docs/reference/mcp-conformance.md").read_text(encoding="utf-8")
Results = dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def url(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the starter is served."""
    answers = {"stack": "mcp", "services": [], "package_name": "starter"}
    folder = render(template, tmp_path_factory.mktemp("conformance") / "shop", answers)
    port = str(free_port())
    command = [sys.executable, "-m", "starter.server", "--transport", "streamable-http", "--port", port]
    server = subprocess.Popen(command, cwd=folder / "src", env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        wait_for(lambda: fetch(f"http://127.0.0.1:{port}/health")[0] == 200 or None)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def results(url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    """The checks that passed and failed, by scenario, of each revision that the page names."""
    need_tool("npx")
    found: dict[str, Results] = {}
    for revision in re.findall(r"^- (\d{4}-\d\d-\d\d)", PAGE, re.MULTILINE):
        suite = [*NODE, "conformance", "server", "--url", url, "--requirements", revision]
        done = subprocess.run(suite, cwd=tmp_path_factory.mktemp("suite"), check=False, capture_output=True, text=True)
        counted = re.findall(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
        others = re.findall(r"^  [✓✗] (\S+) \(", done.stdout, re.MULTILINE)
        found[revision] = {name: (int(passed), int(failed)) for name, passed, failed in counted if name not in others}
        assert len(found[revision]) > 20, done.stdout + done.stderr
    return found


def test_what_a_revision_requires_passes_but_for_what_the_page_says(results: dict[str, Results]) -> None:
    passing = {*re.findall(r"`([\w-]+)`", PAGE.partition("## Passed")[2].partition("\n## ")[0])}
    rows = re.findall(r"^\| ([^|]+) \|", PAGE.partition("## Not in the starter")[2], re.MULTILINE)
    absent = {pattern for row in rows for pattern in re.findall(r"`([\w*-]+)`", row)}
    all_of_them = {name: counts for found in results.values() for name, counts in found.items()}
    assert {name for name in all_of_them if not any(fnmatch(name, pattern) for pattern in absent)} == passing
    assert not [name for found in results.values() for name in passing & found.keys() if found[name][1]]
    # Each row is still true.
    failing = {name for found in results.values() for name, counts in found.items() if counts[1]}
    assert not [pattern for pattern in absent if not any(fnmatch(name, pattern) for name in failing)]
    assert all_of_them["server-stateless"] == (26, 2)
