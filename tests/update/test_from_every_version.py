"""From each version that a project may have to the newest: no edit is lost, and the rest is as if generated today."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import PRESETS, ROOT, files, git
from tests.update.projects import (
    ANSWERS_FILE,
    ATTRIBUTE,
    BLOCK,
    answers_of,
    assert_fresh,
    compared,
    edit,
    edit_same_line,
    fresh,
    generated,
    kept_answers,
    managed,
    update,
    update_saying,
)
from tests.update.versions import WORKING_TREE, Release, history, preset_of, presets_of

HISTORY = history(ROOT)
EXISTING = ("fastapi-src", "flask-app", "plain-script")
OLD = [(release.tag, name) for release in HISTORY.releases for name in presets_of(release)]
# The working tree is an old version too: there is always one to update from, also before the first release.
OLD += [(WORKING_TREE, path.stem) for path in PRESETS]


def projects() -> Iterator[Any]:
    """Yield version, preset and existing project, empty for a new one.

    From the newest release each preset in an empty folder and on one existing project, another one for each preset. From older
    ones, which fewer updates begin with, one of the two by turns: all of them would make each further release cost minutes.
    From the working tree the latter.

    All are run before a change is merged, by the workflow. `make fast` takes the newest release in an empty folder, and one
    existing project for each other version: the preset that is its newest. `make test` takes a sixth of the others besides.
    """
    newest = HISTORY.releases[-1].tag if HISTORY.releases else ""
    found = []
    for number, (old, name) in enumerate(OLD):
        existing = EXISTING[number % len(EXISTING)]
        if old == newest or (old != WORKING_TREE and number % 2):
            found.append((old, name, ""))
        if old in (newest, WORKING_TREE) or number % 2 == 0:
            found.append((old, name, existing))
    last = {old: (old, name, existing) for old, name, existing in found if existing and old != newest}
    for number, project in enumerate(found):
        quick = project in last.values() or project[::2] == (newest, "")
        slow = [pytest.mark.thorough, *([pytest.mark.wide] if number % 6 else [])]
        yield pytest.param(*project, marks=[] if quick else slow)


def test_this_clone_has_the_commit_of_every_release(record_property: Callable[[str, object], None]) -> None:
    record_property("releases", [release.version for release in HISTORY.releases])
    print(f"updates are tested from {len(HISTORY.releases)} releases, and from the working tree to a next version")
    assert not HISTORY.missing, HISTORY.missing


def test_a_release_is_the_commit_that_added_its_heading(tmp_path: Path) -> None:
    repository = tmp_path / "template"
    repository.mkdir()
    git(repository, "init", "--quiet", "-b", "main")
    commits = {}
    for name, text in {
        "unreleased": "## [Unreleased]\n",
        "first": "## [Unreleased]\n\n## [0.1.0] - 2026-01-31\n",
        "typo": "## [Unreleased]\n- better\n\n## [0.1.0] - 2026-01-30\n",
        "second": "## [0.2.0] - 2026-03-01\n- better\n\n## [0.1.0] - 2026-01-30\n",
    }.items():
        (repository / "CHANGELOG.md").write_text(text)
        git(repository, "add", "CHANGELOG.md")
        git(repository, "commit", "--quiet", "--message", name)
        commits[name] = git(repository, "rev-parse", "HEAD").strip()
    assert history(repository).releases == (Release("0.1.0", commits["first"]), Release("0.2.0", commits["second"]))
    assert history(repository).missing == ""

    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), "shallow")
    cut = history(tmp_path / "shallow")
    assert cut.releases == ()
    assert cut.missing == "This clone is shallow and lacks the commits of releases 0.2.0, 0.1.0: run `git fetch --unshallow`."


def test_a_folder_without_history_is_said_to_be_one(tmp_path: Path) -> None:
    assert history(tmp_path).missing.endswith("clone it with git.")


@pytest.mark.parametrize(("old", "name", "existing"), list(projects()), ids=lambda value: value or "empty-folder")
def test_an_update_keeps_every_edit_and_brings_the_rest_to_a_fresh_rendering(
    old: str, name: str, existing: str, tmp_path: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    template: Path = request.getfixturevalue("changed" if old == WORKING_TREE else "released")
    project = generated(template, tmp_path / "shop", preset_of(template, old, name), existing=existing, version=old)
    rendered = fresh(template, tmp_path / "fresh", project)
    edit_same_line(project, rendered)
    edit(project)
    before, answers, newest = files(project), answers_of(project), files(rendered)

    output = update_saying(project, capfd)

    after = files(project)
    # scripts/branch-env makes it again in each folder, and this one is a copy.
    before, after = ({name: tree[name] for name in tree if not name.startswith(".branch-env/")} for tree in (before, after))
    assert managed(after) == managed(newest), "with the user's change on top of what the new version brings"
    assert compared(answers_of(project)) == compared(answers_of(rendered))
    assert kept_answers(answers, answers_of(project)).items() <= answers.items(), "an update answers nothing anew"
    # In a hybrid project scripts/setup keeps a block in .env.local; and the folder's path is in what Claude Desktop is told.
    in_part = {".gitattributes", ".gitignore", "claude_desktop_config.json"}
    in_part |= {".env.local"} if answers["stack"] == "hybrid" else set()
    # And with an environment for each branch scripts/branch-env keeps one in .env.
    in_part |= {".env"} if answers.get("branch_environments") else set()
    yours = before.keys() - managed(before).keys() - in_part - {ANSWERS_FILE}
    assert {file: after.get(file) for file in yours} == {file: before[file] for file in yours}
    assert after.keys() - before.keys() <= newest.keys() | {".gitattributes", ".gitignore", ".env.local"}
    assert after[".gitignore"].startswith(b"/above\n")
    assert after[".gitignore"].endswith(b"/below\n")
    assert after[".gitignore"].count(BLOCK.encode()) == before[".gitignore"].count(BLOCK.encode())
    if ".gitattributes" in before:
        assert after[".gitattributes"].startswith(ATTRIBUTE)
    assert after[".env"].startswith(before[".env"]), "lines of the user's stay, and a port there wins over the block's"
    if ".env.local" in before:
        assert after[".env.local"].endswith(b"API_KEY='do not touch'\n")
    assert not newest.keys() & {".env", ".env.local"}, "what belongs to a machine is never rendered"
    assert output.count("Next:") == 1, "the hook runs once, and never in Copier's temporary renderings"


def versions() -> Iterator[Any]:
    """Yield each version; `make fast` takes the last release and the working tree."""
    for number, old in enumerate(reversed(dict.fromkeys(old for old, _ in OLD))):
        yield pytest.param(old, marks=[] if number < 2 else pytest.mark.thorough)


@pytest.mark.parametrize("old", list(versions()))
def test_without_edits_an_updated_project_is_a_fresh_rendering(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    template: Path = request.getfixturevalue("changed" if old == WORKING_TREE else "released")
    project = generated(template, tmp_path / "shop", preset_of(template, old, "02-full"), version=old)
    assert_fresh(update(project), template, tmp_path / "fresh")
