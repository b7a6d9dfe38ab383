"""Which stack and which services a project that exists needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FASTAPI, FASTMCP, FLASK, pyproject, write


@pytest.mark.parametrize(
    ("files", "stack", "services"),
    [
        ({"app.py": FLASK, "requirements.txt": "flask\n"}, "minimal", []),
        ({"app.py": FLASK, "requirements.txt": "flask\npsycopg2-binary\n"}, "full", ["postgres"]),
        (
            {"app.py": FASTAPI, "pyproject.toml": pyproject('"fastapi", "asyncpg", "redis[hiredis]"')},
            "full",
            ["postgres", "redis"],
        ),
        ({"app.py": FLASK, "requirements.txt": "flask\ncelery[redis]\n"}, "full", ["redis"]),
        ({"server.py": FASTMCP, "requirements.txt": "fastmcp\n"}, "mcp", []),
        ({"server.py": FASTMCP, "requirements.txt": "fastmcp\npsycopg\n"}, "mcp", ["postgres"]),
        ({"app.py": FASTAPI, "requirements.txt": "fastapi\nmcp\n"}, "minimal", []),
        ({"server.py": FASTMCP}, "minimal", []),
    ],
)
def test_what_a_project_declares_chooses_its_stack(
    files: dict[str, str], stack: str, services: list[str], tmp_path: Path
) -> None:
    found = write(tmp_path, dict(files))
    assert (found.stack, found.services) == (stack, services)
