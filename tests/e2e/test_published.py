"""Published projects that are not ours, adopted from their source distributions as their authors would."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeStack
from tests.support import files, git, preset


def unpack(requirement: str, folder: Path) -> None:
    """Fetch a source distribution from the package index that pip is set to, and unpack it into an empty folder."""
    name = requirement.split("==")[0]
    download = folder.with_name(f"{folder.name}-download")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name, "--dest", str(download)]
    subprocess.run([*command, requirement], check=True, capture_output=True)
    with tarfile.open(next(download.iterdir())) as archive:
        archive.extractall(download / "unpacked", filter="data")
    for path in next((download / "unpacked").iterdir()).iterdir():
        path.rename(folder / path.name)
    git(folder, "init", "--quiet", "-b", "main")


@pytest.mark.parametrize(
    ("requirement", "answers", "page", "content"),
    [
        ("httpbin==0.10.4", preset("01-minimal"), "/get?shop=open", '"shop": "open"'),
        ("pypiserver==2.4.2", preset("02-full") | {"app_port": 8080}, "/simple/", "Simple Index"),
        (
            "datasette==0.65.5",
            preset("01-minimal") | {"app_command": "datasette serve --host 0.0.0.0 --port 8000 --memory"},
            "/-/versions.json",
            "0.65.5",
        ),
    ],
    ids=["httpbin", "pypiserver", "datasette"],
)
def test_a_published_project_is_adopted_and_answers(
    make_stack: MakeStack, requirement: str, answers: dict[str, Any], page: str, content: str
) -> None:
    before: dict[str, bytes] = {}

    def write(folder: Path) -> None:
        unpack(requirement, folder)
        before.update(files(folder))

    stack = make_stack(answers, write=write)
    after = files(stack.folder)
    # But for the marker block, which the stack with environment files adds below the project's own lines.
    kept = {name: text[: len(before[name])] if name == ".gitignore" else text for name, text in after.items() if name in before}
    assert kept == before, "no file of the project's own is changed"
    stack.up()
    status, text = stack.get(page)
    assert status == 200
    assert content in text
