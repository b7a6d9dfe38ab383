"""Which packages speak to which service."""

from __future__ import annotations

import re
from collections.abc import Collection

PACKAGES = {
    "postgres": frozenset(
        {
            "psycopg",
            "psycopg2",
            "psycopg2-binary",
            "psycopg-binary",
            "psycopg-c",
            "psycopg-pool",
            "psycopg2cffi",
            "asyncpg",
            "aiopg",
        }
        | {"pg8000", "procrastinate", "pgqueuer", "langgraph-checkpoint-postgres"}
    ),
    "redis": frozenset(
        {
            "redis",
            "aioredis",
            "hiredis",
            "coredis",
            "valkey",
            "valkey-glide",
            "redis-om",
            "redisvl",
            "flask-redis",
            "django-redis",
        }
        | {
            "django-cacheops",
            "channels-redis",
            "rq",
            "django-rq",
            "arq",
            "saq",
            "taskiq-redis",
            "celery-redbeat",
            "fastapi-limiter",
        }
        | {"langgraph-checkpoint-redis"}
    ),
}
# The extras by which other packages bring such a client along, as in `celery[redis]`.
EXTRAS = {
    "postgres": re.compile(
        r"(?:postgres(?:ql)?|pg|asyncpg|psycopg2?|pg8000|aiopg)(?:[-_]?(?:asyncpg|psycopg2?|pg8000|binary|c|pool))*"
    ),
    "redis": re.compile(r"(?:aio)?redis|hiredis|valkey"),
}
# What starts a service for tests, and is none in production.
FOR_TESTS = re.compile(r"pytest|testcontainers")


def clients_in(names: Collection[str]) -> list[str]:
    """Return the services that packages speak to: `postgres`, `redis`.

    Args:
        names: canonical names of packages, extras as `name[extra]` besides.
    """

    def speaks(name: str, service: str) -> bool:
        package, _, extra = name.partition("[")
        if FOR_TESTS.match(package):
            return False
        return package in PACKAGES[service] or bool(EXTRAS[service].fullmatch(extra.rstrip("]").lower()))

    return [service for service in PACKAGES if any(speaks(name, service) for name in names)]
