"""Which packages of Debian's an image needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import pyproject, write


@pytest.mark.parametrize(
    ("files", "runs", "builds"),
    [
        ({"requirements.txt": "flask\npsycopg2-binary\n"}, [], []),
        ({"requirements.txt": "flask\npsycopg2==2.9.10\n"}, ["libpq5"], ["gcc", "libc6-dev", "libpq-dev"]),
        ({"requirements.txt": "psycopg\n"}, ["libpq5"], []),
        ({"requirements.txt": "psycopg[binary]\n"}, [], []),
        (
            {"pyproject.toml": pyproject('"psycopg[c]", "python-magic"')},
            ["libmagic1", "libpq5"],
            ["gcc", "libc6-dev", "libpq-dev"],
        ),
        ({"requirements.txt": "mysqlclient\n"}, ["libmariadb3"], ["gcc", "libc6-dev", "libmariadb-dev", "pkg-config"]),
        ({"requirements.txt": "thing @ git+https://git.example/thing\n"}, [], ["git"]),
        ({"requirements/prod.txt": "-e git+ssh://git@git.example/thing#egg=thing\n"}, [], ["git"]),
        ({"pyproject.toml": '[tool.poetry.dependencies]\nthing = {git = "https://git.example/thing"}\n'}, [], ["git"]),
        ({"requirements.txt": "gitpython\n"}, ["git"], []),
        # For development and tests alone.
        (
            {"requirements.txt": "flask\n", "requirements-dev.txt": "mysqlclient==2\n"},
            ["libmariadb3"],
            ["gcc", "libc6-dev", "libmariadb-dev", "pkg-config"],
        ),
        (
            {"pyproject.toml": pyproject('"flask"') + '[dependency-groups]\ntest = ["psycopg2"]\n'},
            ["libpq5"],
            ["gcc", "libc6-dev", "libpq-dev"],
        ),
        (
            {"pyproject.toml": pyproject('"flask"') + '[project.optional-dependencies]\ndev = ["psycopg2"]\n'},
            ["libpq5"],
            ["gcc", "libc6-dev", "libpq-dev"],
        ),
        (
            {"pyproject.toml": '[tool.poetry.group.dev.dependencies]\npsycopg2 = "^2.9"\n', "poetry.lock": ""},
            ["libpq5"],
            ["gcc", "libc6-dev", "libpq-dev"],
        ),
    ],
)
def test_known_dependencies_bring_what_they_need(
    files: dict[str, str], runs: list[str], builds: list[str], tmp_path: Path
) -> None:
    for number, base in enumerate(("", "backend/")):
        found = write(tmp_path / str(number), {f"{base}{path}": text for path, text in files.items()} | {f"{base}app.py": ""})
        assert (found.packages.runs, found.packages.builds) == (runs, builds)
