"""By which variables an app finds its services, and which driver its database's URL names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import write


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "import os\nHOST = os.environ['DB_HOST']\nPORT = os.getenv(\"DB_PORT\", 5432)\n",
            {"DB_HOST": "db_host", "DB_PORT": "db_port"},
        ),
        ("from decouple import config\nNAME = config('POSTGRES_NAME')\n", {"POSTGRES_NAME": "db_name"}),
        ("BROKER = env('CELERY_BROKER_URL', default=None)\n", {"CELERY_BROKER_URL": "redis_url"}),
        (
            "class Settings(BaseSettings):\n    postgres_server: str\n    REDIS_HOST: str = 'x'\n",
            {"POSTGRES_SERVER": "db_host", "REDIS_HOST": "redis_host"},
        ),
        ("URL = os.environ['DATABASE_URL']\n", {}),
        ("db_host: str = 'no settings'\n", {}),
    ],
    ids=range(6),
)
def test_the_names_that_the_code_reads_are_found(text: str, names: dict[str, str], tmp_path: Path) -> None:
    assert write(tmp_path, {"settings.py": text}).setting_names() == names


@pytest.mark.parametrize(
    ("declared", "code", "scheme"),
    [
        ("sqlalchemy\npsycopg2-binary\n", "", "postgresql"),
        ("sqlalchemy\npsycopg[binary]\n", "", "postgresql+psycopg"),
        ("sqlalchemy\nasyncpg\n", "from sqlalchemy.ext.asyncio import create_async_engine\n", "postgresql+asyncpg"),
        ("sqlalchemy\nasyncpg\n", "URL = URL.replace('postgresql://', 'postgresql+asyncpg://')\nasyncpg\n", "postgresql"),
        ("sqlmodel\npsycopg2-binary\nasyncpg\n", "", "postgresql"),
        ("asyncpg\n", "import asyncpg\n", "postgresql"),
        ("psycopg\n", "", "postgresql"),
        ("flask-sqlalchemy\npg8000\n", "", "postgresql+pg8000"),
    ],
)
def test_the_url_names_the_driver_that_sqlalchemy_needs(declared: str, code: str, scheme: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"requirements.txt": declared, "app.py": code}).database_scheme() == scheme
