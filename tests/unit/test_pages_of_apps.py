"""Of an application object that has no page the program is started that gives it some."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FLASK, write

START = "import sys\nfrom shop.main import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
MAIN = """
from waitress import serve
from shop import app
def main():
    from .web import web
    app.register_blueprint(web)
    serve(app)
"""
WEB = """
from flask import Blueprint
from . import config
web = Blueprint('web', __name__)
@web.route('/')
def index():
    return ''
"""
PROGRAM = {
    "requirements.txt": "flask\nwaitress\n",
    "shop/main.py": MAIN,
    "shop/config.py": "import os\nDEFAULT_PORT = int(os.environ.get('SHOP_PORT', 8083))\n",
    "shop/web.py": WEB,
}


# Python takes the package of two that have one name, and so do we.
@pytest.mark.parametrize("program", ["shop.py", "server.py"])
def test_the_program_is_started_that_gives_it_pages(program: str, tmp_path: Path) -> None:
    found = write(tmp_path, {**PROGRAM, "shop/__init__.py": f'"""Such as `app.route("/")`."""\n{FLASK}', program: START})
    assert (found.app_command(8000, "shop"), found.app_port()) == (f"python {program}", 8083)
    assert found.framework == "flask"


@pytest.mark.parametrize(
    "package",
    [
        FLASK + "@app.route('/')\ndef index():\n    return ''\n",
        FLASK + "from . import pages\n",
        FLASK + "from .web import web\napp.register_blueprint(web)\n",
        "from flask import Flask\ndef create_app():\n    return Flask(__name__)\napp = create_app()\nfrom . import pages\n",
    ],
)
def test_an_object_with_pages_is_served_itself(package: str, tmp_path: Path) -> None:
    pages = "from . import app\n@app.get('/')\ndef index():\n    return ''\n"
    found = write(tmp_path, {**PROGRAM, "shop/__init__.py": package, "shop/pages.py": pages, "server.py": START})
    assert found.app_command(8000, "shop") == "waitress-serve --host 0.0.0.0 --port 8000 shop:app"


def test_without_a_program_an_object_is_all_there_is(tmp_path: Path) -> None:
    found = write(tmp_path, {"shop/__init__.py": FLASK, "requirements.txt": "flask\n"})
    assert found.app_command(8000, "shop") == "flask --app shop run --host 0.0.0.0 --port 8000"


@pytest.mark.parametrize(
    ("code", "knows"),
    [
        ("@app.get('/health')\ndef health():\n    return 'ok'\n", True),
        ("urlpatterns = [path('api/health/', health), path('ready', ready)]\n", True),
        ("@app.get('/healthy-food')\ndef food():\n    return 'ok'\n", False),
        ("# /health is not there\n", False),
        ("CATEGORIES = ['health', 'ready']\n", False),
        ("blueprint.add_url_rule('/api/ready/', view_func=ready)\n", True),
    ],
)
def test_a_page_for_healthchecks_is_known_by_its_path(code: str, knows: bool, tmp_path: Path) -> None:
    found = write(
        tmp_path, {"requirements.txt": "flask\n", "app.py": f"from flask import Flask\n\napp = Flask(__name__)\n{code}"}
    )
    assert found.web.knows_health == knows
