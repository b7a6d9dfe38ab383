from __future__ import annotations

import pytest

from tests.cli.make import path_of


@pytest.fixture
def path_without_git(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which there is no git."""
    return path_of(tmp_path_factory.mktemp("path") / "bin", "sh", "env")
