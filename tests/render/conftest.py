from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.render.matrix import matrix_of
from tests.render.questions import Answers
from tests.support import PRESETS, ROOT, WIDE, files, render

# What stands in the destination for a file of the user's that the answers name in keep_files.
KEPT = {
    "Dockerfile": "FROM python:3.13-slim\nWORKDIR /srv/app\n",
    ".dockerignore": ".git\n",
    ".env.defaults": "POSTGRES_USER=me\nPOSTGRES_PASSWORD=secret\nPOSTGRES_DB=shop\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
    "scripts/setup": "#!/bin/sh\n",
}


@dataclass(frozen=True)
class Case:
    """One set of answers, and the project rendered with it."""

    answers: Answers
    folder: Path

    @property
    def kept(self) -> list[str]:
        """The files that were there before."""
        kept: list[str] = self.answers.get("keep_files", [])
        return kept

    @property
    def files(self) -> dict[str, bytes]:
        """The rendered files by their path, without those that were there before."""
        return {name: content for name, content in files(self.folder).items() if name not in self.kept}

    @property
    def saved(self) -> Answers:
        """The answers as the project saves them."""
        saved = yaml.safe_load((self.folder / ".copier-answers.yml").read_text(encoding="utf-8"))
        assert isinstance(saved, dict)
        return saved


def all_answers() -> list[Answers]:
    """Return the answers of every preset, and of rows of the matrix: all where tests are wide, else a tenth of them."""
    presets = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in PRESETS]
    return [*presets, *(matrix_of(ROOT).rows if WIDE else matrix_of(ROOT).few)]


ALL_ANSWERS = all_answers()


@pytest.fixture(scope="session")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Answers], Case]:
    """Render answers into an empty folder, each set of them once for all workers. The folder is for reading only."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "renderings"
    shared.mkdir(exist_ok=True)

    def once(answers: Answers) -> Case:
        target = shared / hashlib.sha256(repr(sorted(answers.items())).encode()).hexdigest()[:16]
        if not target.exists():
            draft = tmp_path_factory.mktemp("draft") / "my-project"
            for name in answers.get("keep_files", []):
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                (draft / name).write_text(KEPT[name])
            render(template, draft, answers)
            try:
                draft.parent.rename(target)
            except OSError:  # another worker was faster
                shutil.rmtree(draft.parent)
        return Case(answers, target / "my-project")

    return once


@pytest.fixture(scope="session")
def cases(rendered: Callable[[Answers], Case]) -> list[Case]:
    """Everything that the tests of this folder render."""
    # Two workers begin at the two ends, and meet in the middle.
    backwards = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 2
    for answers in reversed(ALL_ANSWERS) if backwards else ALL_ANSWERS:
        rendered(answers)
    return [rendered(answers) for answers in ALL_ANSWERS]


@pytest.fixture(params=range(len(ALL_ANSWERS)), ids=lambda number: f"{number}-{ALL_ANSWERS[number]['stack']}")
def case(request: pytest.FixtureRequest, rendered: Callable[[Answers], Case]) -> Case:
    """Each set of answers in turn."""
    return rendered(ALL_ANSWERS[request.param])
