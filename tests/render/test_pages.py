"""Each block of commands in the README, in the documentation and in COMPOSE.md is typed by a test, or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pages
from tests.support import PRESETS, ROOT

COMPOSE_MD = {name: pages.GOLDEN / name / "COMPOSE.md" for name in pages.GUIDES}
ALL = {ROOT / path: page for path, page in pages.PAGES.items()} | {COMPOSE_MD[name]: page for name, page in pages.GUIDES.items()}


def blocks_of(path: Path) -> list[str]:
    """Return the blocks of a page, with what differs from project to project made equal."""
    text = path.read_text(encoding="utf-8")
    return [block.replace("my-project", "NAME").replace("my_project", "NAME") for block in pages.blocks(text)]


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in pages.pages()])
def test_a_page_with_commands_is_typed_or_says_why_not(page: str) -> None:
    assert (page in pages.PAGES) != (page in pages.NOT_RUN)


@pytest.mark.parametrize("name", [path.stem for path in PRESETS])
def test_each_block_of_a_compose_md_is_one_that_is_typed(name: str) -> None:
    known = {block for path in COMPOSE_MD.values() for block in blocks_of(path)}
    shown = {start for page in pages.GUIDES.values() for start in page.not_run}
    new = [block for block in blocks_of(pages.GOLDEN / name / "COMPOSE.md") if block not in known]
    assert [block for block in new if not block.startswith(tuple(shown))] == []


@pytest.mark.parametrize("page", ALL.items(), ids=[path.parent.name + "/" + path.name for path in ALL])
def test_nothing_is_said_of_blocks_that_are_not_there(page: tuple[Path, pages.Page]) -> None:
    path, reader = page
    found = pages.blocks(path.read_text(encoding="utf-8"))
    for start in [*reader.before, *reader.not_run]:
        assert start in pages.SHARED or any(block.startswith(start) for block in found), start


@pytest.mark.parametrize("path", pages.NOT_RUN)
def test_a_page_that_is_not_typed_still_has_commands(path: str) -> None:
    assert ROOT / path in pages.pages()
