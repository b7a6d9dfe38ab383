"""A project with a Compose file of its own: an update follows that file, and brings the template's once it is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shapes import shapes
from tests.support import commit_all, git
from tests.update.projects import adopt, answers_of, update, update_saying

SHAPE = shapes()["a-compose-yaml-with-a-database"]


@pytest.fixture
def project(working_tree: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    SHAPE.write(folder)
    git(folder, "init", "--quiet", "-b", "main")
    commit_all(folder, "Mine")
    adopt(working_tree, folder, {"ci": ["github"]})
    return folder


def test_an_update_follows_their_file(project: Path) -> None:
    compose = project / "compose.yaml"
    compose.write_text(
        compose.read_text().replace("  db:\n", "  cache: {image: 'redis:8-alpine'}\n  db:\n").replace("[db]", "[db, cache]")
    )
    commit_all(project, "A cache")
    update(project)
    assert "cache" in answers_of(project)["own_services"]
    assert "| `cache` | `redis:8-alpine` |" in (project / "COMPOSE.md").read_text()
    assert "docker-compose.test.yml" in git(project, "diff", "--name-only")
    assert "up --detach --wait db cache" in (project / "scripts" / "ci").read_text()


def test_nothing_is_written_where_nothing_has_changed(project: Path) -> None:
    update(project)
    assert git(project, "status", "--porcelain") == ""


def test_without_their_file_the_templates_comes_and_equal_names_are_named(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    git(project, "mv", "compose.yaml", "docker-compose.override.yml")
    commit_all(project, "Make room")
    said = update_saying(project, capfd, stack="full")
    assert answers_of(project)["own_compose"] == ""
    assert answers_of(project)["services"] == ["postgres"]
    assert (project / "docker-compose.yml").exists()
    assert "rename db in docker-compose.override.yml, or take it out" in said
    assert "rename web" not in said


def test_a_file_with_another_name_is_found_again(project: Path) -> None:
    git(project, "mv", "compose.yaml", "docker-compose.yml")
    commit_all(project, "Rename")
    update(project)
    assert answers_of(project)["own_compose"] == "docker-compose.yml"
    assert answers_of(project)["keep_files"] == ["Dockerfile"]
    assert (project / "docker-compose.yml").read_text() == SHAPE.files["compose.yaml"]
