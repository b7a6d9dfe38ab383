"""The starter app's tests. Yours to change: `scripts/ci` runs them with the services."""

import os

import psycopg
import redis
from fastapi.testclient import TestClient

from my_project.server import app


def get(path: str) -> tuple[int, dict[str, str]]:
    """Return the status and the JSON that the app answers."""
    answer = TestClient(app).get(path)
    return answer.status_code, answer.json()


def test_the_app_is_alive() -> None:
    assert get("/health") == (200, {"status": "ok"})


def test_the_page_tells_what_the_app_reached() -> None:
    status, page = get("/")
    assert status == 200
    assert page.keys() == {"app", "database", "redis"}


def test_the_database_keeps_a_row() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("CREATE TEMPORARY TABLE book (title text)")
        connection.execute("INSERT INTO book VALUES (%s)", ["Momo"])
        assert connection.execute("SELECT title FROM book").fetchall() == [("Momo",)]


def test_the_cache_keeps_a_value() -> None:
    with redis.from_url(os.environ["REDIS_URL"], decode_responses=True) as client:
        client.set("test:counter", 42, ex=60)
        assert client.get("test:counter") == "42"
