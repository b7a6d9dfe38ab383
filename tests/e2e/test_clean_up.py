"""The tests themselves: nothing is left on the engine, also when one fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.stack import PORT_VARIABLES, Stack, clean_up_after, free_port, leftovers, unique_slug
from tests.support import preset, render


class BrokenTestError(Exception):
    """What a failing test raises."""


def test_a_failing_test_leaves_no_container_network_volume_or_image(template: Path, tmp_path: Path) -> None:
    slug = unique_slug()
    folder = render(template, tmp_path / slug, {"project_slug": slug, **preset("02-full")}, hook=True)
    stack = Stack(folder, slug, {name: str(free_port()) for name in PORT_VARIABLES})
    with pytest.raises(BrokenTestError), clean_up_after(stack):
        stack.up()
        assert {entry.split()[0] for entry in leftovers(slug)} == {"container", "network", "volume"}
        (folder / "docker-compose.yml").write_text("services: [broken")
        raise BrokenTestError
    assert leftovers(slug) == []
    assert stack.run("docker", "image", "ls", "--quiet", f"{slug}-app").stdout == ""


def test_cleaning_up_leaves_an_equal_image_of_another_test() -> None:
    """Two tests that build the same files share one image, under two names."""
    mine, other = (Stack(Path("/"), unique_slug()) for _ in range(2))
    with clean_up_after(other):
        with clean_up_after(mine):
            for stack in (mine, other):
                stack.run("docker", "image", "tag", "redis:8-alpine", f"{stack.slug}-app")
        assert not mine.run("docker", "image", "ls", "--quiet", f"{mine.slug}-app").stdout
        assert mine.run("docker", "image", "ls", "--quiet", f"{other.slug}-app").stdout
