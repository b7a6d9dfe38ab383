from __future__ import annotations

from pathlib import Path

import pytest

from tests.update.versions import substitute, with_next, with_releases, working_tree_alone


@pytest.fixture(scope="session")
def working_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose only version is the working tree."""
    return working_tree_alone(tmp_path_factory.mktemp("working-tree") / "template")


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with every release and, as its newest version, the working tree."""
    return with_releases(tmp_path_factory.mktemp("released") / "template")


@pytest.fixture(scope="session")
def changed(working_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the working tree and a next version, which changes what a version usually changes."""
    return with_next(working_tree, tmp_path_factory.mktemp("changed") / "template", next_version)


def next_version(template: Path) -> None:
    """Change a line near one that users change, a default, a default port and the starter apps, and add a file."""
    substitute(template / "includes" / "healthcheck.yml.jinja", r"retries: \d+", "retries: 25")
    substitute(template / "questions" / "delivery.yml", r"'3\.13'\) \}\}", "'3.14') }}")
    substitute(template / "template" / "scripts" / "lib" / "names.py", r'"redis": \(6379', '"redis": (6390')
    for starter in (template / "template").rglob("*server.py*"):
        starter.write_text(f"{starter.read_text(encoding='utf-8')}\nNEWER = True\n", encoding="utf-8")
    header = "# Managed by chora-compose-template: `copier update` rewrites this file.\n"
    (template / "template" / "new.cfg.jinja").write_text(f"{header}name = {{{{ project_slug }}}}\n", encoding="utf-8")
