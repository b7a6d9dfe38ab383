"""The port that a command names is the one that its server listens on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ROOT, extension
from tests.unit.shapes import FLASK, write

named_port = extension("destination").load(ROOT / "extensions" / "reading").listens.named_port


@pytest.mark.parametrize(
    ("command", "port"),
    [
        ("uvicorn main:app --port 9000", 9000),
        ("datasette serve --host 0.0.0.0 --port=8001 --memory", 8001),
        ("flask --app app run -h 0.0.0.0 -p 5000", 5000),
        ("daphne -b 0.0.0.0 -p 9000 shop.asgi:application", 9000),
        ("pypi-server run -p 8080 packages", 8080),
        ("gunicorn --bind :9000 app:app", 9000),
        ("gunicorn --bind=0.0.0.0:9000 app:app", 9000),
        ("gunicorn -b 0.0.0.0:9000 -w 4 app:app", 9000),
        ("gunicorn -b0.0.0.0:9000 app:app", 9000),
        ("hypercorn --bind '[::]:9000' app:app", 9000),
        ("waitress-serve --listen='*:9000' app:app", 9000),
        ("streamlit run app.py --server.address 0.0.0.0 --server.port 8501", 8501),
        ("uwsgi --http :9000 --wsgi-file app.py", 9000),
        ("python manage.py runserver 0.0.0.0:9000", 9000),
        ("python manage.py runserver 9000", 9000),
        ("python -m http.server 9000", 9000),
        ("serve 0.0.0.0:9000", 9000),
        ("env PORT=9000 python app.py", 9000),
        ("env PORT=8000 sh -c 'exec gunicorn --bind 0.0.0.0:9000 app:app'", 9000),
        ("sh -c './migrate && uvicorn app:app --port ${PORT:-9000}'", 9000),
        # What is no port of its own.
        ("python app.py", 0),
        ("python worker.py --redis redis://redis:6379 --db-port 5432", 0),
        ("dramatiq tasks -p 4 -t 8", 0),
        ("gunicorn --bind unix:/tmp/socket app:app", 0),
        ("gunicorn -p /tmp/gunicorn.pid app:app", 0),
        ("env DB_PORT=5432 python app.py --port 0", 0),
        ("uvicorn app:app --port 70000", 0),
        ("serve 'open", 0),
        ("", 0),
    ],
)
def test_a_port_is_read_from_a_command(command: str, port: int) -> None:
    assert named_port(command) == port


def test_a_command_that_is_given_decides_before_all_that_is_found(tmp_path: Path) -> None:
    found = write(tmp_path, {"app.py": FLASK, "requirements.txt": "flask\n", "Dockerfile": "FROM python\nEXPOSE 80\n"})
    assert (found.app_port("serve --port 9000"), found.app_port("serve"), found.app_port()) == (9000, 80, 80)
    assert (found.serving.port("serve --port 9000"), found.serving.port("serve")) == (9000, 8000)


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "web: gunicorn --bind 0.0.0.0:9000 app:app\n"},
        {"Dockerfile": 'FROM python\nCMD ["gunicorn", "--bind", ":9000", "app:app"]\n'},
        {"Dockerfile": "FROM python\nENV LISTEN=9000\nEXPOSE 8000\nCMD exec gunicorn --bind :$LISTEN app:app\n"},
    ],
)
def test_a_command_that_is_found_decides_too(files: dict[str, str], tmp_path: Path) -> None:
    found = write(tmp_path, {"app.py": FLASK, "requirements.txt": "flask\ngunicorn\n", **files})
    assert found.app_port() == 9000
