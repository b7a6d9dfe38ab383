"""One registry for all projects of a machine, which were made with different versions: they know different services."""

from __future__ import annotations

import itertools
import random
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, git, load, scripts_of
from tests.update.versions import history, substitute

OLD = "0.5.0"
slots_of = load(ROOT / "extensions" / "slots.py", "slots_of_this_version")


@pytest.fixture
def old(tmp_path: Path) -> Any:
    """The tool of a release whose lines lack what came later."""
    (commit,) = (release.commit for release in history(ROOT).releases if release.version == OLD)
    path = tmp_path / "old.py"
    path.write_text(git(ROOT, "show", f"{commit}:includes/environments.py"))
    return load(path, "environments_of_the_release").registry


@pytest.fixture
def new(tmp_path: Path) -> Any:
    """The tool of a version to come, which publishes one more service."""
    scripts = shutil.copytree(ROOT / "template" / "scripts", tmp_path / "new")
    substitute(scripts / "lib" / "names.py", r"^SERVICES = \{\n", 'SERVICES = {\n    "extra": (1380, "EXTRA_PORT"),\n')
    with scripts_of(scripts):
        return import_module("lib.registry").registry


def fail(text: str) -> None:
    raise AssertionError(text)


def settle_project(machine: Any, folder: Path, slot: int, given: dict[str, int] | None = None, movable: bool = False) -> Any:
    """Note a project with the tool of whatever version."""
    if hasattr(machine, "settle"):
        return machine.settle(folder, folder.name, slot, given=given, movable=movable)
    return machine.settle_project(folder, folder.name, slot, given, movable)


def settle_branch(machine: Any, folder: Path, slot: int, branch: str) -> Any:
    if hasattr(machine, "settle"):
        return machine.settle(folder, folder.name, slot, branch)
    return machine.settle_branch(folder, folder.name, slot, branch)


def free_slot(machine: Any, folder: Path) -> Any:
    if hasattr(machine, "free_slot"):
        return machine.free_slot(folder)
    names = machine.settle.__func__.__globals__["names"]
    return slots_of.free_slot(machine, folder, names, names.is_free)


def project(folder: Path, *branches: str) -> Path:
    for name in ("main", *branches):
        ref = folder / ".git" / "refs" / "heads" / name
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(f"{'0' * 40}\n")
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".copier-answers.yml").write_text(f"port_slot: 0\nproject_slug: {folder.name}\n")
    return folder


@pytest.mark.parametrize("seed", range(12))
def test_two_versions_lose_no_line_and_give_no_slot_and_no_port_twice(seed: int, old: Any, new: Any, tmp_path: Path) -> None:
    chance = random.Random(seed)
    slots: dict[Path, int] = {}
    branches = 0
    for number in range(6):
        folder = project(tmp_path / f"p{number}", "topic")
        with chance.choice([old, new])(warn=fail) as machine:
            slot = free_slot(machine, folder)
            assert slot is not None and slot not in slots.values()
            settle_project(machine, folder, slot, movable=chance.random() < 0.5)
            slots[folder] = slot
        if chance.random() < 0.6:
            branches += 1
            with chance.choice([old, new])(warn=fail) as machine:
                settle_branch(machine, folder, slot, "topic")
    for registry in (old, new, old, new):
        with registry(warn=fail) as machine:
            assert len(machine.entries) == len(slots) + branches
            assert machine.other == []
            for folder, slot in slots.items():
                entry = machine.find(folder, None)
                assert entry["slot"] == slot and entry["ports"]["app"] == 8000 + slot
                assert free_slot(machine, folder) == slot or free_slot(machine, folder) not in slots.values()
            every = sorted(port for entry in machine.entries for port in entry["ports"].values())
            assert [one for one, other in itertools.pairwise(every) if one == other] == []
    with new(warn=fail) as machine:
        for folder, slot in slots.items():
            assert machine.find(folder, None)["ports"]["extra"] == 1380 + slot, "computed from the slot"


def test_a_service_that_a_line_lacks_is_computed_from_where_the_others_have_moved(old: Any, new: Any, tmp_path: Path) -> None:
    first, second = (project(tmp_path / name, "topic") for name in ("first", "second"))
    with old(warn=fail) as machine:
        settle_project(machine, first, 0)
        settle_project(machine, second, 0, movable=True)
        offset = settle_branch(machine, second, 0, "topic")["offset"]
    with new(warn=fail) as machine:
        assert machine.find(second, None)["ports"]["extra"] == 1381
        assert machine.find(second, "topic")["ports"]["extra"] == 1380 + 10 * offset


def test_a_computed_port_is_never_one_that_another_line_has(old: Any, new: Any, tmp_path: Path) -> None:
    first, second = (project(tmp_path / name) for name in ("first", "second"))
    with old(warn=fail) as machine:
        settle_project(machine, first, 0, {"app": 1381})
        settle_project(machine, second, 1)
    with new(warn=fail) as machine:
        assert "extra" not in machine.find(second, None)["ports"]
        assert settle_project(machine, second, 1, movable=True)["ports"]["extra"] != 1381
