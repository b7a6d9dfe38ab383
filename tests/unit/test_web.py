"""What starts the app of a project that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FASTAPI, FLASK, Shape, check, pyproject

APPS = {
    "flask object in a flat module": Shape(
        {"app.py": FLASK, "requirements.txt": "flask\n"},
        {"command": "flask --app app run --host 0.0.0.0 --port 8000", "package": "", "source_folder": ".", "framework": "flask"},
    ),
    "flask object of another name": Shape(
        {"app.py": FLASK.replace("app =", "site ="), "requirements.txt": "flask\n"},
        {"command": "flask --app app:site run --host 0.0.0.0 --port 8000"},
    ),
    "flask object in a package, with gunicorn": Shape(
        {"shop/__init__.py": "", "shop/web.py": FLASK, "requirements.txt": "flask\ngunicorn\n"},
        {"command": "gunicorn --bind 0.0.0.0:8000 shop.web:app", "package": "shop"},
    ),
    "flask factory with defaults": Shape(
        {"shop/__init__.py": "def create_app(config=None, *, debug=False):\n    return Flask(__name__)\n"},
        {"command": "flask --app shop run --host 0.0.0.0 --port 8000", "framework": "flask"},
    ),
    "flask factory with gunicorn": Shape(
        {
            "shop/__init__.py": "import flask\ndef create_app():\n    app = flask.Flask(__name__)\n    return app\n",
            "requirements.txt": "flask\ngunicorn\n",
        },
        {"command": "gunicorn --bind 0.0.0.0:8000 'shop:create_app()'"},
    ),
    "a factory that needs arguments is not started": Shape(
        {
            "shop/__init__.py": "",
            "shop/main.py": "from flask import Flask\ndef create_app(config):\n    return Flask(__name__)\n",
        },
        {"command": "python -m shop.server"},
    ),
    "a factory that needs keyword arguments is not started": Shape(
        {
            "shop/__init__.py": "",
            "shop/main.py": "from flask import Flask\ndef create_app(*, config):\n    return Flask(__name__)\n",
        },
        {"command": "python -m shop.server"},
    ),
    "a factory that needs arguments, and a module that gives them": Shape(
        {
            "shop/__init__.py": "from flask import Flask\ndef create_app(config):\n    return Flask(__name__)\n",
            "wsgi.py": "from shop import create_app\napp = create_app('production')\n",
            "requirements.txt": "flask\n",
        },
        {"command": "flask --app wsgi run --host 0.0.0.0 --port 8000"},
    ),
    "an object that a factory in another module makes": Shape(
        {
            "shop/__init__.py": "",
            "shop/factory.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n",
            "wsgi.py": "from shop.factory import create_app\n\napp = create_app()\n",
            "requirements.txt": "flask\ngunicorn\n",
        },
        {"command": "gunicorn --bind 0.0.0.0:8000 wsgi:app"},
    ),
    "an object of a class made from Flask": Shape(
        {
            "shop/__init__.py": "",
            "shop/base.py": "import flask\n\n\nclass Shop(flask.Flask):\n    pass\n",
            "shop/main.py": "from .base import Shop\n\napp = Shop(__name__)\n",
            "requirements.txt": "flask\n",
        },
        {"command": "flask --app shop.main run --host 0.0.0.0 --port 8000"},
    ),
    "an object that only its name tells": Shape(
        {
            "shop/__init__.py": "",
            "shop/cli.py": "import typer\n\napp = typer.Typer()\n",
            "shop/main.py": "from tool import Api\n\napi = Api()\napp = api.app\n",
            "requirements.txt": "fastapi\nuvicorn\ntyper\n",
        },
        {"command": "uvicorn shop.main:app --host 0.0.0.0 --port 8000"},
    ),
    "a factory that only its result tells": Shape(
        {
            "shop/__init__.py": "",
            "shop/app.py": "import tool\nfrom fastapi import FastAPI\n\ndef create_app() -> FastAPI:\n    return tool.api()\n",
            "requirements.txt": "fastapi\nuvicorn\n",
        },
        {"command": "uvicorn shop.app:create_app --factory --host 0.0.0.0 --port 8000"},
    ),
    "fastapi deep in a package": Shape(
        {
            "shop/__init__.py": "",
            "shop/api/__init__.py": "",
            "shop/api/main.py": FASTAPI,
            "pyproject.toml": pyproject('"fastapi"'),
        },
        {"command": "uvicorn shop.api.main:app --host 0.0.0.0 --port 8000", "extra": ["uvicorn"], "framework": "fastapi"},
    ),
    "fastapi in a src layout": Shape(
        {"src/shop/__init__.py": "", "src/shop/main.py": FASTAPI, "pyproject.toml": pyproject('"fastapi[standard]"')},
        {"command": "uvicorn shop.main:app --host 0.0.0.0 --port 8000", "source_folder": "src", "extra": []},
    ),
    "a src layout without __init__": Shape(
        {"src/shop/main.py": FASTAPI}, {"command": "uvicorn shop.main:app --host 0.0.0.0 --port 8000", "source_folder": "src"}
    ),
    "a package that is called src": Shape(
        {"src/__init__.py": "", "src/main.py": FASTAPI},
        {"command": "uvicorn src.main:app --host 0.0.0.0 --port 8000", "source_folder": "."},
    ),
    "annotated assignment": Shape(
        {"main.py": "from fastapi import FastAPI\napi: FastAPI = FastAPI(title='a')\n"},
        {"command": "uvicorn main:api --host 0.0.0.0 --port 8000"},
    ),
    "an import with another name": Shape(
        {"main.py": "import fastapi as f\napp = f.FastAPI()\n"}, {"command": "uvicorn main:app --host 0.0.0.0 --port 8000"}
    ),
    "fastapi factory": Shape(
        {
            "shop/__init__.py": "",
            "shop/main.py": "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return FastAPI()\n",
        },
        {"command": "uvicorn shop.main:create_app --factory --host 0.0.0.0 --port 8000"},
    ),
    "below try and if": Shape(
        {"main.py": "if os.name:\n    try:\n        app = FastAPI()\n    except OSError:\n        pass\n"},
        {"command": "uvicorn main:app --host 0.0.0.0 --port 8000"},
    ),
    "not below if __name__": Shape(
        {"main.py": "from fastapi import FastAPI\nif __name__ == '__main__':\n    app = FastAPI()\n"},
        {"command": "python main.py"},
    ),
    "not in a test": Shape(
        {"shop/__init__.py": "", "shop/main.py": FASTAPI, "tests/app.py": FLASK, "test_app.py": FLASK, "shop/app_test.py": FLASK},
        {"command": "uvicorn shop.main:app --host 0.0.0.0 --port 8000", "framework": "fastapi"},
    ),
    "not in an example or a script": Shape(
        {
            "shop/__init__.py": "",
            "shop/main.py": FASTAPI,
            "examples/app.py": FLASK,
            "scripts/app.py": FLASK,
            "docs/app.py": FLASK,
        },
        {"command": "uvicorn shop.main:app --host 0.0.0.0 --port 8000"},
    ),
    "of two, the one of the project's name": Shape(
        {
            "aaa/__init__.py": "",
            "aaa/main.py": FASTAPI,
            "shop/__init__.py": "",
            "shop/main.py": FASTAPI,
            "pyproject.toml": pyproject('"fastapi"'),
        },
        {"command": "uvicorn shop.main:app --host 0.0.0.0 --port 8000", "package": "shop"},
    ),
    "django": Shape(
        {"manage.py": "import django\n", "site/__init__.py": "", "site/settings.py": "", "requirements.txt": "Django\n"},
        {
            "command": "python manage.py runserver 0.0.0.0:8000",
            "migrate": "python manage.py migrate --noinput",
            "framework": "django",
        },
    ),
    "Flask-Migrate": Shape(
        {"requirements.txt": "flask-migrate\n", "migrations/env.py": "", "shop/__init__.py": FLASK},
        {"migrate": "flask --app shop:app db upgrade"},
    ),
    "Flask-Migrate of an old Flask": Shape(
        {"requirements.txt": "flask==2.0\nflask-migrate\n", "migrations/env.py": "", "shop.py": FLASK},
        {"migrate": "env FLASK_APP=shop:app flask db upgrade"},
    ),
    "alembic": Shape({"alembic.ini": "", "app.py": FLASK, "alembic/env.py": ""}, {"migrate": "alembic upgrade head"}),
    "a migrate module": Shape(
        {"src/shop/__init__.py": "", "src/shop/migrate.py": "", "pyproject.toml": pyproject()},
        {"migrate": "python -m shop.migrate"},
    ),
    "a server module": Shape(
        {"shop/__init__.py": "", "shop/server.py": "def main(): ...\nif __name__ == '__main__':\n    main()\n"},
        {"command": "python -m shop.server"},
    ),
    "a package that runs": Shape({"shop/__init__.py": "", "shop/__main__.py": ""}, {"command": "python -m shop"}),
    "a console script": Shape(
        {
            "src/shop/__init__.py": "",
            "src/shop/cli.py": "",
            "pyproject.toml": pyproject(
                "", '[project.scripts]\nshop = "shop.cli:main"\n[build-system]\nrequires = ["hatchling"]\n'
            ),
        },
        {"command": "shop", "install": True},
    ),
    "flask that no file declares": Shape({"app.py": FLASK}, {"dependencies": "none", "extra": ["flask"]}),
    "fastapi that no file declares": Shape({"app.py": FASTAPI}, {"dependencies": "none", "extra": ["fastapi", "uvicorn"]}),
    "a script": Shape({"app.py": "print(1)\n"}, {"command": "python app.py", "package": "", "framework": ""}),
    "a script of another name": Shape({"it's mine.py": "print(1)\n"}, {"command": "python 'it'\"'\"'s mine.py'"}),
    "its own metadata": Shape(
        {
            "src/shop/__init__.py": "from importlib.metadata import version\n__version__ = version('shop')\n",
            "src/shop/main.py": FASTAPI,
            "pyproject.toml": pyproject('"fastapi"', '[build-system]\nrequires = ["hatchling"]\n'),
        },
        {"install": True},
    ),
    "no app": Shape(
        {"README.md": "# shop\n", "setup.py": "", "conftest.py": "", ".hidden/a.py": FLASK}, {"has_app": False, "package": ""}
    ),
}


@pytest.mark.parametrize("name", APPS)
def test_what_starts_the_app_is_found(name: str, tmp_path: Path) -> None:
    check(APPS[name], tmp_path)
