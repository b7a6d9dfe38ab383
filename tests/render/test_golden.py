"""One rendered project per stack, byte for byte, so that a review shows what a change of the template does to a project.

Write them anew with `pytest tests/render/test_golden.py --update-golden`.
"""

from __future__ import annotations

import difflib
import re
import shutil
from pathlib import Path

import pytest

from tests.support import PRESETS, ROOT, files, preset, render

GOLDEN = Path(__file__).parent / "golden"
# What differs from day to day and from clone to clone.
CHANGING = re.compile(rb"^(generated_on|_commit|_src_path): .*$", re.MULTILINE)

# The same in every project as in template/, where it is read; one is made of two texts there.
VERBATIM = {path for path in files(ROOT / "template") if path.startswith("scripts/") and not path.endswith(".jinja")}
VERBATIM.add("scripts/upgrade-postgres")


def normalised(content: bytes) -> bytes:
    return CHANGING.sub(rb"\1: (left out)", content)


@pytest.mark.parametrize("name", [path.stem for path in PRESETS])
def test_a_rendered_project_is_the_golden_one(name: str, template: Path, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    folder = render(template, tmp_path / "my-project", preset(name))
    rendered = {path: normalised(content) for path, content in files(folder).items() if path not in VERBATIM}
    golden = GOLDEN / name
    if pytestconfig.getoption("--update-golden"):
        shutil.rmtree(golden, ignore_errors=True)
        for path, content in rendered.items():
            (golden / path).parent.mkdir(parents=True, exist_ok=True)
            (golden / path).write_bytes(content)
            (golden / path).chmod((folder / path).stat().st_mode & 0o777)
    expected = files(golden)
    changed = [path for path in sorted({*rendered, *expected}) if rendered.get(path) != expected.get(path)]
    assert not changed, "\n".join(line for path in changed for line in diff(path, expected.get(path), rendered.get(path)))
    assert {path for path in expected if executable(golden / path)} == {path for path in rendered if executable(folder / path)}


def test_every_golden_tree_has_a_preset() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {path.stem for path in PRESETS}


def executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def diff(path: str, expected: bytes | None, rendered: bytes | None) -> list[str]:
    """Return the difference of two versions of a file; None stands for no file."""
    before, after = ((content or b"").decode().splitlines() for content in (expected, rendered))
    old, new = (
        "no file" if content is None else f"{where}/{path}" for where, content in (("golden", expected), ("new", rendered))
    )
    return list(difflib.unified_diff(before, after, old, new, lineterm=""))
