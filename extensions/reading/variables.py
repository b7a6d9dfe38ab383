"""What the names of variables mean by which apps find their database and their Redis."""

from __future__ import annotations

import re

# Always set, see template/.env.services.jinja and .env.defaults.
ALWAYS = frozenset(
    {"DATABASE_URL", "REDIS_URL", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"}
    | {"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"}
)
URL = "URL|URI|DSN|CONNECTION_STRING|CONNECTION_UR[LI]|CONN_STR(?:ING)?"
PARTS = {
    "db": {
        "host": "HOST|HOSTNAME|HOST_NAME|SERVER",
        "port": "PORT",
        "user": "USER|USERNAME|USER_NAME|LOGIN",
        "password": "PASSWORD|PASS|PASSWD|PWD",
        "name": "NAME|DATABASE|DB|DBNAME|DB_NAME|DATABASE_NAME",
        "async_url": f"ASYNC_(?:{URL})|(?:{URL})_ASYNC",
        "url": URL,
        "engine": "ENGINE",
    },
    "redis": {
        "host": "HOST|HOSTNAME|SERVER",
        "port": "PORT",
        "password": "PASSWORD|PASS",
        "db": "DB|DATABASE|DB_INDEX|DB_NUMBER|INDEX",
        "url": URL,
    },
}
KINDS = {
    "db": "(?:(?:DB|DATABASE|POSTGRES|POSTGRESQL|PSQL|PG|SQL|SQLALCHEMY)_)+",
    "redis": "(?:(?:CACHE|CELERY|BROKER|RQ|ARQ|QUEUE|SESSION|CHANNELS?|TASKS?)_)*(?:REDIS|VALKEY)_(?:(?:CACHE|BROKER|QUEUE)_)?",
}
# The same without a joint, as in `DBHOST`.
_PARTS = "|".join(part for parts in PARTS.values() for part in parts.values())
GLUED = re.compile(rf"(DB|DATABASE|POSTGRES|POSTGRESQL|PG|REDIS|VALKEY)({_PARTS})")
# What a queue or a cache calls the URL of its server, whatever serves.
QUEUES = re.compile(
    rf"CELERY_BROKER|(?:(?:CELERY|DRAMATIQ|TASKS?|ARQ|RQ)_)?BROKER_(?:{URL})|(?:CELERY_)?RESULT_BACKEND(?:_(?:{URL}))?"
    rf"|CELERY_BACKEND(?:_(?:{URL}))?|CACHE_(?:{URL})|RATELIMIT_STORAGE_(?:{URL})"
)
QUEUES_MEAN = "redis_url"
PATTERNS = {
    f"{kind}_{part}": re.compile(rf"{KINDS[kind]}(?:{names})") for kind, parts in PARTS.items() for part, names in parts.items()
}
# What may stand before, besides the project's own name: what else does so tells of another database.
BEFORE = frozenset(
    {"APP", "APPLICATION", "DJANGO", "FLASK", "FASTAPI", "API", "WEB", "BACKEND", "SERVICE", "SERVER", "MY", "DEFAULT"}
    | {"MAIN", "PRIMARY", "MASTER", "DEV", "DEVELOPMENT", "LOCAL"}
)
# What is never the app's own, wherever its settings say so.
FOREIGN = frozenset(
    {"TEST", "TESTS", "TESTING", "CI", "E2E", "MYSQL", "MARIADB", "MONGO", "MONGODB", "MSSQL", "ORACLE", "SQLITE", "CLICKHOUSE"}
    | {"REPLICA", "READ", "READONLY", "SLAVE", "LEGACY", "PROD", "PRODUCTION", "STAGING", "REMOTE"}
)


def parted(name: str) -> list[str]:
    """Return the words of a name that are joined by `_`, `-` or a change of case, in upper case."""
    return re.findall(r"[A-Z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper())


def words_of(name: str) -> list[str]:
    """Return the words of a name, also of one that joins two without a joint, such as `DBHOST`."""
    both = ((word, GLUED.fullmatch(word)) for word in parted(name))
    return [one for word, glued in both for one in (glued.groups() if glued else [word])]


def parts_of(name: str) -> tuple[frozenset[str], str]:
    """Return the words that a variable begins with, and what the rest means, such as `db_host`; empty for nothing known."""
    words = words_of(name)
    if "_".join(parted(name)) in ALWAYS:
        return frozenset(), ""
    for start in range(len(words)):
        before, rest = frozenset(words[:start]), "_".join(words[start:])
        if QUEUES.fullmatch(rest):
            return before, QUEUES_MEAN
        for meaning, pattern in PATTERNS.items():
            if pattern.fullmatch(rest):
                asynchronous = meaning == "db_url" and "ASYNC" in before
                return before - {"ASYNC"}, "db_async_url" if asynchronous else meaning
    return frozenset(), ""


def meaning_of(name: str, own: frozenset[str] = frozenset()) -> str:
    """Return what a variable means, such as `db_host`, empty for what is nothing that is known.

    Args:
        name: the variable's.
        own: words that may stand before, such as those of the project's name, in upper case.
    """
    before, meaning = parts_of(name)
    return meaning if before <= (BEFORE | own) - FOREIGN else ""
