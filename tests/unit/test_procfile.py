"""What a Procfile declares is started as it says, where others reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FLASK, everything, pyproject, write

APP = {"app.py": FLASK, "requirements.txt": "flask\ngunicorn\n"}


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("gunicorn app:app", "gunicorn --bind 0.0.0.0:8000 app:app"),
        ("gunicorn app:app --log-file -", "gunicorn --bind 0.0.0.0:8000 app:app --log-file -"),
        ("gunicorn --bind 0.0.0.0:$PORT app:app", "gunicorn --bind 0.0.0.0:8000 app:app"),
        ("gunicorn -b :${PORT:-5000} -w 3 app:app", "gunicorn -b :8000 -w 3 app:app"),
        ("uvicorn main:app --port $PORT", "uvicorn main:app --port 8000 --host 0.0.0.0"),
        ("WEB_CONCURRENCY=2 gunicorn app:app", "env WEB_CONCURRENCY=2 gunicorn --bind 0.0.0.0:8000 app:app"),
        ("python app.py", "env PORT=8000 python app.py"),
        ("daphne -p $PORT -b 0.0.0.0 shop.asgi:application", "env PORT=8000 daphne -p 8000 -b 0.0.0.0 shop.asgi:application"),
        ("./migrate.sh && gunicorn app:app", "env PORT=8000 sh -c './migrate.sh && gunicorn app:app'"),
        ("gunicorn app:app --workers $WORKERS", "env PORT=8000 sh -c 'exec gunicorn app:app --workers $WORKERS'"),
    ],
)
def test_its_web_process_is_the_command(line: str, command: str, tmp_path: Path) -> None:
    assert (
        write(tmp_path, {**APP, "Procfile": f"web: {line}\nworker: celery -A app worker\n"}).app_command(8000, "shop") == command
    )


@pytest.mark.parametrize("text", ["", "worker: celery worker\n", "web:\n", "web: 'open\n", "no process\n"])
def test_without_a_web_process_the_code_says_it(text: str, tmp_path: Path) -> None:
    found = write(tmp_path, {**APP, "Procfile": text})
    assert found.app_command(8000, "shop") == "gunicorn --bind 0.0.0.0:8000 app:app"


def test_what_is_started_behind_variables_has_what_it_needs(tmp_path: Path) -> None:
    installed = pyproject("'flask'", "[project.scripts]\nshop-serve = 'app:main'\n[build-system]\nrequires = ['hatchling']\n")
    found = everything(write(tmp_path, {"app.py": FLASK, "pyproject.toml": installed, "Procfile": "web: A=b shop-serve\n"}))
    assert (found["command"], found["install"]) == ("env PORT=8000 A=b shop-serve", True)
    (tmp_path / "Procfile").write_text("web: A=b uvicorn app:app\n")
    found = everything(write(tmp_path, {}))
    assert (found["command"], found["extra"]) == ("env A=b uvicorn app:app --host 0.0.0.0 --port 8000", ["uvicorn"])


def test_its_release_process_migrates(tmp_path: Path) -> None:
    files = {**APP, "Procfile": "release: flask db upgrade\nweb: gunicorn app:app\n", "alembic.ini": ""}
    assert write(tmp_path, files).migrate_command("shop") == "flask db upgrade"
    (tmp_path / "Procfile").write_text("release: ./notify.sh\n")
    assert write(tmp_path, {}).migrate_command("shop") == "alembic upgrade head"


def test_a_manage_py_of_djangos_is_found_two_folders_down(tmp_path: Path) -> None:
    manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    found = write(tmp_path, {"src/manage.py": manage, "src/shop/__init__.py": "", "requirements.txt": "django\n"})
    assert found.app_command(8000, "shop") == "python src/manage.py runserver 0.0.0.0:8000"
    assert found.migrate_command("shop") == "python src/manage.py migrate --noinput"
