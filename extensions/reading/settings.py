"""Which variables an app reads to find its database and its Redis."""

from __future__ import annotations

import re
from functools import cached_property

from .folder import Folder
from .requirements import Requirements

# By what they mean. DATABASE_URL, REDIS_URL and Postgres' own POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB are always set.
NAMES = {
    "db_host": ("DB_HOST", "DB_HOSTNAME", "DATABASE_HOST", "POSTGRES_HOST", "POSTGRES_SERVER", "SQL_HOST"),
    "db_port": ("DB_PORT", "DATABASE_PORT", "POSTGRES_PORT", "SQL_PORT"),
    "db_user": ("DB_USER", "DB_USERNAME", "DATABASE_USER", "SQL_USER"),
    "db_password": ("DB_PASSWORD", "DB_PASS", "DATABASE_PASSWORD", "SQL_PASSWORD"),
    "db_name": ("DB_NAME", "DB_DATABASE", "DATABASE_NAME", "POSTGRES_DATABASE", "POSTGRES_NAME", "SQL_DATABASE"),
    "db_url": (
        *("SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL", "DATABASE_URI", "DATABASE_DSN", "DB_URL", "DB_URI", "DB_DSN"),
        *("POSTGRES_URL", "POSTGRES_URI", "POSTGRES_DSN"),
    ),
    "redis_host": ("REDIS_HOST", "REDIS_SERVER"),
    "redis_port": ("REDIS_PORT",),
    "redis_url": (
        *("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "BROKER_URL", "REDIS_URI", "REDIS_DSN", "RQ_REDIS_URL", "CACHE_URL"),
    ),
}
ORM = frozenset({"sqlalchemy", "sqlmodel", "flask-sqlalchemy", "databases", "alembic"})


class Settings:
    """The settings of an app.

    Args:
        folder: the project's.
        requirements: what it declares.
    """

    def __init__(self, folder: Folder, requirements: Requirements) -> None:
        self._folder = folder
        self._requirements = requirements

    @property
    def _texts(self) -> list[str]:
        return [self._folder.read(source) for source in self._folder.sources]

    @cached_property
    def names(self) -> dict[str, str]:
        """What the variables mean that the code reads, of those in `NAMES`: as texts, or as fields of settings by pydantic."""
        known = {name for names in NAMES.values() for name in names}
        found: set[str] = set()
        for text in self._texts:
            found |= known & {*re.findall(r"[\"']([A-Z][A-Z_]+)[\"']", text)}
            if "BaseSettings" in text:
                found |= known & {name.upper() for name in re.findall(r"^[ \t]+(\w+)[ \t]*:", text, re.MULTILINE)}
        return {name: meaning for meaning, names in NAMES.items() for name in names if name in found}

    @cached_property
    def scheme(self) -> str:
        """The scheme of a database's URL: SQLAlchemy takes psycopg2 unless it names another driver."""
        names = self._requirements.names
        # Some put the driver in themselves.
        if not names & ORM or any(re.search(r"replace\(\s*[\"']postgres", text) for text in self._texts):
            return "postgresql"
        if "asyncpg" in names and any("create_async_engine" in text or "asyncpg" in text for text in self._texts):
            return "postgresql+asyncpg"
        if "psycopg" in names and not names & {"psycopg2", "psycopg2-binary"}:
            return "postgresql+psycopg"
        return "postgresql+pg8000" if "pg8000" in names else "postgresql"
