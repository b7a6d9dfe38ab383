"""What the app works with besides itself: asked by each call, so that the answer is never stale."""

import os
from pathlib import Path

import psycopg

TIMEOUT = 3
"""Seconds after which a service counts as unreachable."""
FAILURES = (KeyError, OSError, ValueError, psycopg.Error)
"""What keeps a service from answering, a variable that is missing included."""


def password(variable: str) -> str | None:
    """Return the password in the file that a variable names, as in production; None where it is not set."""
    file = os.environ.get(variable)
    # Blanks belong to it, and the end of its line does not.
    return Path(file).read_text(encoding="utf-8").rstrip("\r\n") if file else None


def connect() -> psycopg.Connection:
    """Connect to the database."""
    url, secret = os.environ["DATABASE_URL"], password("DB_PASSWORD_FILE")
    return psycopg.connect(url, password=secret, connect_timeout=TIMEOUT)


def database() -> str:
    """Return the version of the database."""
    with connect() as connection:
        return f"PostgreSQL {connection.info.parameter_status('server_version')}"


def reached() -> tuple[dict[str, str], bool]:
    """Ask each service for its version.

    Returns:
        The version, or why there is none, of each service; and whether all of them answered.
    """
    services = {"database": database}
    answers, complete = {}, True
    for name, ask in services.items():
        try:
            answers[name] = ask()
        except FAILURES as error:
            answers[name], complete = f"unreachable: {error}".strip(), False
    return answers, complete
