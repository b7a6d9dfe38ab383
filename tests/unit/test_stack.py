"""Which stack and which services a project that exists needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FASTAPI, FASTMCP, FLASK, MAIN, MCP, pyproject, write

ALL = ["postgres", "redis"]
DJANGO = "from django.core.management import execute_from_command_line\nexecute_from_command_line()\n"
POETRY = '[tool.poetry]\nname = "shop"\nversion = "1"\n[tool.poetry.dependencies]\npython = "^3.11"\nflask = "*"\n'
LOW_LEVEL = "from mcp.server import Server\n\n\ndef make():\n    return Server('shop')\n"


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
        # A client of such servers, and what is served beside pages.
        ({"agent.py": "from mcp import ClientSession, stdio_client\n", "requirements.txt": "mcp\n"}, "minimal", []),
        ({"app.py": FLASK, "server.py": FASTMCP + MAIN, "requirements.txt": "flask\nmcp\nredis\n"}, "full", ["redis"]),
        ({"manage.py": DJANGO, "tools.py": FASTMCP, "requirements.txt": "django\nfastmcp\npsycopg\n"}, "full", ["postgres"]),
        ({"server.py": MCP + MAIN, "pyproject.toml": pyproject('"mcp[cli]"')}, "mcp", []),
        ({"server.py": LOW_LEVEL, "requirements.txt": "mcp\n"}, "mcp", []),
        # What is an extra, or for development alone, is not used by the app as it is installed.
        (
            {"app.py": FLASK, "pyproject.toml": pyproject('"flask"', '[project.optional-dependencies]\npg = ["psycopg"]\n')},
            "minimal",
            [],
        ),
        (
            {"app.py": FLASK, "pyproject.toml": pyproject('"flask"', '[dependency-groups]\ndev = ["fakeredis", "psycopg"]\n')},
            "minimal",
            [],
        ),
        ({"app.py": FLASK, "requirements.txt": "flask\n", "requirements-dev.txt": "psycopg\nredis\n"}, "minimal", []),
        (
            {"app.py": FLASK, "pyproject.toml": POETRY + 'redis = "5"\nasyncpg = {version = "*", optional = true}\n'},
            "full",
            ["redis"],
        ),
        # By the packages that bring a client along.
        ({"app.py": FLASK, "requirements.txt": "flask\nsqlalchemy[postgresql]\nflask-session[redis]\n"}, "full", ALL),
        ({"app.py": FLASK, "requirements.txt": "flask\ntortoise-orm[asyncpg]\nchannels-redis\n"}, "full", ALL),
        ({"app.py": FLASK, "requirements.txt": "flask\nSQLAlchemy[asyncio,postgresql_asyncpg]\nkombu[redis]\n"}, "full", ALL),
        ({"app.py": FLASK, "requirements.txt": "flask\naiomysql\nfakeredis\n"}, "minimal", []),
    ],
)
def test_what_a_project_declares_chooses_its_stack(
    files: dict[str, str], stack: str, services: list[str], tmp_path: Path
) -> None:
    found = write(tmp_path, dict(files))
    assert (found.stack, found.services) == (stack, services)
