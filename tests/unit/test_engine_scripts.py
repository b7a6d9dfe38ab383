"""The scripts that start the tests' engines. CI alone starts the oldest one from nothing: a slip in there shows late."""

from __future__ import annotations

import re

from tests.support import ROOT


def test_scripts_of_the_engine_call_files_that_there_are() -> None:
    folder = ROOT / "tests" / "engine"
    scripts = [*(path for path in folder.iterdir() if path.is_file()), ROOT / ".ci" / "run"]
    calls = re.compile(r'(?:"\$here|tests/engine)/([\w/.]+)')
    called = {(script, name) for script in scripts for name in calls.findall(script.read_text())}
    assert len(called) > 8
    assert not [f"{script.name}: {name}" for script, name in called if not (folder / name).exists()]
