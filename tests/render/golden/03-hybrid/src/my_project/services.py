"""What the app works with besides itself: asked by each call, so that the answer is never stale."""

import os

import psycopg
import redis

TIMEOUT = 3
"""Seconds after which a service counts as unreachable."""
FAILURES = (KeyError, OSError, ValueError, psycopg.Error, redis.RedisError)
"""What keeps a service from answering, a variable that is missing included."""


def database() -> str:
    """Return the version of the database."""
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, connect_timeout=TIMEOUT) as connection:
        return f"PostgreSQL {connection.info.parameter_status('server_version')}"


def cache() -> str:
    """Return the version of Redis."""
    limits = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    with redis.from_url(os.environ["REDIS_URL"], **limits) as client:
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
        except FAILURES as error:
            answers[name], complete = f"unreachable: {error}".strip(), False
    return answers, complete
