"""Django in production: its migrations, its settings, and its static files, from the image or from a volume."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.production import in_production
from tests.shapes import shapes

SHAPES = shapes()
# What docs/how-to/django.md says that settings need.
FOR_PRODUCTION = """
from .settings import *

SECRET_KEY = Path(os.environ["APP_SECRET_KEY_FILE"]).read_text().strip()
DEBUG = False
ALLOWED_HOSTS = ["shop.example.com", "127.0.0.1"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "assets"]
"""
PAGE = """
from django.http import JsonResponse
from django.urls import path

urlpatterns = [path("", lambda request: JsonResponse({"url": request.build_absolute_uri()}))]
"""


def test_the_starter_migrates_and_serves_its_static_files_itself(template: Path, tmp_path: Path) -> None:
    answers = {"stack": "full", "services": ["postgres"], "web_framework": "django", "package_name": "shop"}
    with in_production(template, tmp_path, answers) as production:
        static = production.folder / "src" / "shop" / "static"
        static.mkdir()
        (static / "mark.txt").write_text("collected\n")
        production.build("1")
        production.deploy("1")
        assert json.loads(production.ask("/").text)["database"].startswith("PostgreSQL")
        assert production.prod_sql("SELECT count(*) FROM shop_example") == "0"
        assert (production.ask("/static/mark.txt").status, production.ask("/static/mark.txt").text) == (200, "collected\n")
        assert production.ask("/", headers={"Host": "localhost"}).status == 200


def test_nginx_serves_the_static_files_of_the_version_that_runs(template: Path, tmp_path: Path) -> None:
    shape = SHAPES["django-as-startproject-makes-it"]

    def write(folder: Path) -> None:
        folder.mkdir()
        shape.write(folder)
        (folder / "requirements.txt").write_text("django\ngunicorn\n")
        (folder / "mysite" / "settings_production.py").write_text(f"import os\n{FOR_PRODUCTION}")
        (folder / "mysite" / "urls.py").write_text(PAGE)
        (folder / "assets").mkdir()
        (folder / "assets" / "mark.txt").write_text("first\n")
        (folder / "assets" / "style.css").write_text("body {}\n")

    def shown() -> tuple[int, str]:
        answer = production.ask("/static/mark.txt")
        return answer.status, answer.text

    with in_production(template, tmp_path, {"stack": "minimal"}, write) as production:
        production.build("1")
        said = production.deploy("1")
        assert "gathering static files" in said.stderr + said.stdout
        assert "Container " not in said.stderr + said.stdout, "Compose's progress is no line of the script's"
        assert shown() == (200, "first\n")
        # Browsers take it for no style sheet otherwise, as nothing may guess.
        assert production.ask("/static/style.css").headers["content-type"] == "text/css"
        asked = production.ask("/", headers={"Host": "shop.example.com"})
        assert json.loads(asked.text)["url"] == "https://shop.example.com/"
        assert production.ask("/", headers={"Host": "elsewhere.example.com"}).status == 400
        (production.folder / "assets" / "mark.txt").write_text("second\n")
        production.build("2")
        production.deploy("2")
        assert shown() == (200, "second\n")
        production.deploy("--rollback")
        assert shown() == (200, "first\n")
