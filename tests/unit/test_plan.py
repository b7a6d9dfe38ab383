"""The plan of the house: files that a reader takes in, imports in one direction, and code of its own for each version."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import ROOT, TEMPLATE_PARTS, extension, git

MOST_LINES = 400
READING = ROOT / "extensions" / "reading"
EXTENSIONS = sorted((ROOT / "extensions").glob("*.py"))
PACKAGES = sorted(path.parent for path in (ROOT / "extensions").glob("*/__init__.py"))
# Each has a plan of its own, and is not to grow.
STILL_LONGER: dict[str, int] = {}


def imported(path: Path) -> set[str]:
    """Return the names of the modules beside a file that it imports, also inside functions."""
    beside = {other.stem for other in path.parent.glob("*.py")} | {folder.name for folder in path.parent.glob("*/")}
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
    return names & beside


def graph(folder: Path) -> dict[str, set[str]]:
    return {path.stem: imported(path) for path in folder.glob("*.py")}


@pytest.mark.parametrize("folder", [*PACKAGES, ROOT / "hooks"], ids=lambda folder: folder.name)
def test_no_module_imports_in_a_circle(folder: Path) -> None:
    order = [*TopologicalSorter(graph(folder)).static_order()]
    assert len(order) == len([*folder.glob("*.py")]) > 1


def test_a_circle_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def late():\n    from .b import x\n")
    (tmp_path / "b.py").write_text("from . import a\n")
    with pytest.raises(CycleError):
        TopologicalSorter(graph(tmp_path)).prepare()


def test_only_the_top_of_the_package_asks_several_parts() -> None:
    """What is read knows the ground that it stands on, and the web at most: so the file to install from is chosen at the top."""
    parts = graph(READING)
    ground = {"folder", "source", "versions", "metadata", "layout", "local", "requirements", "reach", "instructions", "listens"}
    alone = ("mcp", "needs", "image", "procfile", "programs", "settings", "packages")
    assert {name: parts[name] - ground for name in (*alone, "web", "tests", "kinds", "workers")} == {
        **{name: set() for name in alone},
        "image": {"installs"},
        "settings": {"chosen", "places", "variables"},
        "packages": {"wheels"},
        "web": {"django", "procfile", "programs", "tables"},
        "tests": {"shown", "web"},
        "kinds": {"procfile", "programs", "workers"},
        "workers": {"programs"},
    }


def test_no_extension_imports_another() -> None:
    for path in EXTENSIONS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # For mypy alone.
        tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not names & {*(other.stem for other in (*EXTENSIONS, *PACKAGES))}, path.name


def test_no_file_of_the_product_is_longer_than_a_reader_takes_in() -> None:
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TEMPLATE_PARTS).split("\0")
    lines = {name: len((ROOT / name).read_bytes().splitlines()) for name in names if name and (ROOT / name).is_file()}
    allowed = {name: next((most for part, most in STILL_LONGER.items() if part in name), MOST_LINES) for name in lines}
    assert {name: count for name, count in lines.items() if count > allowed[name]} == {}
    assert len(lines) > 100


# Two versions in one process


def package(folder: Path, word: str) -> Path:
    """Write a package of two modules, of which one has a word in it."""
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from .ask import said\n")
    (folder / "ask.py").write_text("from .word import WORD\n\n\ndef said() -> str:\n    return WORD\n")
    (folder / "word.py").write_text(f"WORD = {word!r}\n")
    return folder


def load(path: Path) -> ModuleType:
    module = extension("destination").load(path)
    assert isinstance(module, ModuleType)
    return module


def test_two_versions_of_a_package_never_mix(tmp_path: Path) -> None:
    folders = [package(tmp_path / name / "told", name) for name in ("old", "new", "newer")]
    modules = [load(folder) for folder in folders]
    assert [module.said() for module in modules] == ["old", "new", "newer"]
    assert [load(folder).said() for folder in reversed(folders)] == ["newer", "new", "old"]


def test_equal_code_is_loaded_once(tmp_path: Path) -> None:
    assert load(package(tmp_path / "a" / "told", "same")) is load(package(tmp_path / "b" / "told", "same"))


def test_a_package_that_changes_in_its_place_is_loaded_again(tmp_path: Path) -> None:
    folder = package(tmp_path / "told", "before")
    assert load(folder).said() == "before"
    (folder / "word.py").write_text("WORD = 'afterwards'\n")
    assert load(folder).said() == "afterwards"


def test_what_fails_while_it_is_loaded_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("raise RuntimeError('broken')\n")
    for _ in range(2):
        with pytest.raises(RuntimeError):
            load(file)
    assert not [name for name in sys.modules if name.startswith("broken_")]
    with pytest.raises(OSError, match="missing"):
        load(tmp_path / "missing.py")
    (tmp_path / "file.txt").touch()
    with pytest.raises(ImportError, match="no Python file"):
        load(tmp_path / "file.txt")


def test_every_copy_of_the_loader_is_the_same() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in EXTENSIONS]
    copies = [
        ast.unparse(node) for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "load"
    ]
    assert len(copies) > 1
    assert len({*copies}) == 1
