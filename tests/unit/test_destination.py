"""The destination itself: its name, and whether it can be written to."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from copier.errors import UserMessageError

from tests.support import ROOT, TEMPLATE_PARTS, extension, git
from tests.unit.shapes import reading, without_root

destination = extension("destination")


def test_everything_that_the_template_asks_for_can_be_found() -> None:
    names = git(ROOT, "ls-files", "-z", "--", *TEMPLATE_PARTS).split("\0")
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in names if name.endswith((".yml", ".jinja"))]
    asked = {key for text in texts for key in re.findall(r"\bfound\('(\w+)'", text)}
    assert len(asked) > 10
    assert [key for key in asked if not hasattr(reading.Destination, key)] == []


@pytest.mark.parametrize(
    ("folder", "name"), [("shop", "shop"), ("a\nb", "ab"), ("x" * 100, "x" * 60), (" ", "app"), ("Ü 1", "Ü 1")]
)
def test_the_name_is_the_folders(folder: str, name: str, tmp_path: Path) -> None:
    assert reading.Destination(tmp_path / folder).name == name


def test_a_destination_that_can_not_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "project"):
        with pytest.raises(UserMessageError, match="is a file"):
            destination.check_destination(path)
    assert destination.check_destination(tmp_path / "new" / "project") == ""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        with without_root(), pytest.raises(UserMessageError, match="can't be written to"):
            destination.check_destination(Path(name) / "project")
