"""What the app works with besides itself: asked anew by each call, so that the answer is never stale."""

import os
from pathlib import Path

import psycopg
import redis

TIMEOUT = 3
"""Seconds after which a service counts as unreachable."""


def password(variable: str) -> str | None:
    """Return the password in the file that a variable names, as in production; None where it is not set."""
    file = os.environ.get(variable)
    return Path(file).read_text(encoding="utf-8").strip() if file else None


def connect() -> psycopg.Connection:
    """Connect to the database."""
    return psycopg.connect(os.environ["DATABASE_URL"], password=password("DB_PASSWORD_FILE"), connect_timeout=TIMEOUT)


def database() -> str:
    """Return the version of the database."""
    with connect() as connection:
        return f"PostgreSQL {connection.info.parameter_status('server_version')}"


def cache() -> str:
    """Return the version of Redis."""
    options = {"password": password("REDIS_PASSWORD_FILE"), "socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    with redis.from_url(os.environ["REDIS_URL"], **options) as client:
        return f"Redis {client.info('server')['redis_version']}"


def reached() -> tuple[dict[str, str], bool]:
    """Ask each service for its version.

    Returns:
        The version, or why there is none, of each service; and whether all of them answered.
    """
    services = {"database": database, "redis": cache}
    answers, complete = {}, True
    for name, ask in services.items():
        try:
            answers[name] = ask()
        except Exception as error:  # whatever a driver raises, the page shall say it
            answers[name], complete = f"unreachable: {error}".strip(), False
    return answers, complete
