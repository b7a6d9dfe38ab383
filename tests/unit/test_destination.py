"""What is found in a project that exists: many shapes, and that none of them, however broken, stops a rendering."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pathspec
import pytest
from copier.errors import UserMessageError
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from tests.support import ROOT, extension

module = extension("destination")

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
MCP = "from mcp.server import MCPServer\nmcp = MCPServer('shop')\n"
MCP_1 = "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('shop')\n"
FASTMCP = "from fastmcp import FastMCP\nmcp = FastMCP('shop')\n"
MAIN = "def main():\n    mcp.run()\nif __name__ == '__main__':\n    main()\n"
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]


def write(folder: Path, files: dict[str, str | bytes]) -> Any:
    """Write files into a folder, and return what is found there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return module.Destination(folder)


def everything(found: Any) -> dict[str, Any]:
    """Return all that the questions ask of a destination."""
    package = found.package or "app"
    command = found.app_command(8000, package)
    mcp_command = found.mcp_command(package)
    return {
        "has_app": found.has_app,
        "name": found.name,
        "package": found.package,
        "framework": found.framework,
        "source_folder": found.source_folder,
        "dependencies": found.dependencies.source,
        "complete": found.dependencies.complete,
        "python": module.python_version(found.requires_python(), VERSIONS, "3.13"),
        "command": command,
        "extra": found.extra_packages(command),
        "install": found.needs_install(command),
        "migrate": found.migrate_command(package),
        "workdir": found.workdir(),
        "existing": found.existing(),
        "mcp_framework": found.mcp_framework,
        "mcp_command": mcp_command,
        "mcp_extra": found.extra_packages(mcp_command),
        "mcp_install": found.needs_install(mcp_command),
        "mcp_http": found.mcp_http,
    }


@dataclass(frozen=True)
class Shape:
    """A project, and what is to be found in it."""

    files: dict[str, str | bytes]
    expected: dict[str, Any] = field(default_factory=dict)


def pyproject(dependencies: str = "", more: str = "", name: str = "shop") -> str:
    return f'[project]\nname = "{name}"\nversion = "1"\ndependencies = [{dependencies}]\n{more}'


# What it depends on

DEPENDENCIES = {
    "nothing": Shape({"a.py": ""}, {"dependencies": "none", "complete": True}),
    "requirements.txt": Shape({"requirements.txt": "flask\n"}, {"dependencies": "requirements.txt", "complete": True}),
    "requirements.txt with hashes": Shape(
        {"requirements.txt": "flask==3.0.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"},
        {"dependencies": "requirements.txt", "complete": True, "framework": "flask"},
    ),
    "requirements.txt with extras, markers and comments": Shape(
        {
            "requirements.txt": '# web\nFastAPI[standard] >=0.110 ; python_version > "3.8"  # the API\n--index-url https://example.com\n'
        },
        {"dependencies": "requirements.txt", "complete": True, "framework": "fastapi"},
    ),
    "requirements.txt that includes another": Shape(
        {"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "Flask\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt that includes itself": Shape(
        {"requirements.txt": "-r requirements.txt\n-r missing.txt\nflask\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt with constraints": Shape(
        {"requirements.txt": "-c constraints.txt\nflask\n", "constraints.txt": "fastapi<1\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt of the project itself": Shape(
        {"requirements.txt": "-e .\n", "setup.py": "from setuptools import setup\nsetup(install_requires=['flask>=3'])\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt with a path": Shape(
        {"requirements.txt": "./libs/a\nflask\n"}, {"dependencies": "requirements.txt", "complete": False}
    ),
    "requirements.txt of a pyproject, extras": Shape(
        {"requirements.txt": ".[web]\n", "pyproject.toml": pyproject('"flask"')},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "pyproject": Shape({"pyproject.toml": pyproject('"flask>=3"')}, {"dependencies": "pyproject.toml", "complete": True}),
    "pyproject with dynamic dependencies": Shape(
        {"pyproject.toml": '[project]\nname = "shop"\ndynamic = ["version", "dependencies"]\n', "setup.py": ""},
        {"dependencies": "pyproject.toml", "complete": False},
    ),
    "pyproject with a dynamic version only": Shape(
        {"pyproject.toml": '[project]\nname = "shop"\ndynamic = ["version"]\ndependencies = ["flask"]\n'},
        {"dependencies": "pyproject.toml", "complete": True, "framework": "flask"},
    ),
    "pyproject for tools alone": Shape(
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n", "a.py": ""}, {"dependencies": "none"}
    ),
    "pyproject for tools, and requirements.txt": Shape(
        {"pyproject.toml": "[tool.ruff]\n", "requirements.txt": "flask\n"},
        {"dependencies": "requirements.txt", "framework": "flask"},
    ),
    "poetry": Shape(
        {"pyproject.toml": '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "^3.10"\nFlask = "^3.0"\n'},
        {"dependencies": "pyproject.toml", "complete": False, "framework": "flask", "python": "3.13"},
    ),
    "poetry with its lock": Shape(
        {
            "pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.11"\nfastapi = {version = "*", extras = ["standard"]}\n',
            "poetry.lock": "",
        },
        {"dependencies": "poetry.lock", "complete": True, "framework": "fastapi", "python": "3.11"},
    ),
    "uv": Shape(
        {"pyproject.toml": pyproject('"fastapi"'), "uv.lock": "version = 1\n"}, {"dependencies": "uv.lock", "complete": True}
    ),
    "a lock file without its pyproject": Shape(
        {"uv.lock": "version = 1\n", "poetry.lock": "", "requirements.txt": "flask\n"}, {"dependencies": "requirements.txt"}
    ),
    "both locks": Shape({"pyproject.toml": pyproject(), "uv.lock": "", "poetry.lock": ""}, {"dependencies": "uv.lock"}),
    "setup.py": Shape(
        {"setup.py": "setup(name='shop', python_requires='>=3.8,<3.12', install_requires=['flask'])\n"},
        {"dependencies": "setup.py", "complete": False, "framework": "flask", "python": "3.11", "has_app": False},
    ),
    "setup.cfg and setup.py": Shape(
        {
            "setup.cfg": "[options]\ninstall_requires =\n    flask\npython_requires = <3.13\n",
            "setup.py": "import setuptools; setuptools.setup()\n",
        },
        {"dependencies": "setup.py", "complete": False, "framework": "flask", "python": "3.12"},
    ),
    "requirements.txt and a pyproject that both name it": Shape(
        {"requirements.txt": "flask\npytest\n", "pyproject.toml": pyproject('"flask"')}, {"dependencies": "requirements.txt"}
    ),
    "requirements.txt for development beside a pyproject": Shape(
        {"requirements.txt": "pytest\nruff\n", "pyproject.toml": pyproject('"flask"')},
        {"dependencies": "pyproject.toml", "framework": "flask"},
    ),
    "an empty requirements.txt beside a pyproject": Shape(
        {"requirements.txt": "", "pyproject.toml": pyproject('"httpx"')}, {"dependencies": "pyproject.toml"}
    ),
    "an empty requirements.txt": Shape({"requirements.txt": "# none\n"}, {"dependencies": "requirements.txt", "complete": True}),
    "flask-login is not flask": Shape({"requirements.txt": "flask-login\nfastapi-utils\n"}, {"framework": ""}),
    "a byte order mark": Shape({"requirements.txt": "\ufeffflask\n"}, {"framework": "flask"}),
    "line ends of Windows": Shape({"requirements.txt": "flask>=3\r\nhttpx\r\n"}, {"framework": "flask"}),
}


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_dependencies_are_found(name: str, tmp_path: Path) -> None:
    check(DEPENDENCIES[name], tmp_path)


def check(shape: Shape, folder: Path) -> None:
    found = everything(write(folder, shape.files))
    assert {key: found[key] for key in shape.expected} == shape.expected


# What starts it

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
        {"command": "python -m shop.main"},
    ),
    "a factory that needs keyword arguments is not started": Shape(
        {
            "shop/__init__.py": "",
            "shop/main.py": "from flask import Flask\ndef create_app(*, config):\n    return Flask(__name__)\n",
        },
        {"command": "python -m shop.main"},
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
            "framework": "",
        },
    ),
    "alembic": Shape({"alembic.ini": "", "app.py": FLASK, "alembic/env.py": ""}, {"migrate": "alembic upgrade head"}),
    "a migrate module": Shape(
        {"src/shop/__init__.py": "", "src/shop/migrate.py": "", "pyproject.toml": pyproject()},
        {"migrate": "python -m shop.migrate"},
    ),
    "a server module": Shape({"shop/__init__.py": "", "shop/server.py": ""}, {"command": "python -m shop.server"}),
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


# What starts an MCP server


def scripts(more: str = "", dependencies: str = '"mcp>=2"', name: str = "shop", build: bool = True) -> dict[str, str | bytes]:
    """Return a pyproject.toml with console scripts."""
    system = '[build-system]\nrequires = ["hatchling"]\n' if build else ""
    return {"pyproject.toml": pyproject(dependencies, f"[project.scripts]\n{more}\n{system}", name)}


GROUP = "import click\nfrom shop.server import mcp\n@click.group()\ndef cli(): ...\n"
TYPER = "import typer\nfrom shop.server import mcp\napp = typer.Typer()\n@app.command()\ndef run_server(): ...\n"
SHOP: dict[str, str | bytes] = {"shop/__init__.py": "", "shop/server.py": MCP}
HTTP = "mcp.run(**({'transport': t, 'host': '0.0.0.0'} if t == 'streamable-http' else {'transport': 'stdio'}))\n"

MCP_SERVERS = {
    # Whether it is one, and with which SDK
    "a web app is none": Shape({"app.py": FLASK, "requirements.txt": "flask\n"}, {"mcp_framework": "", "mcp_http": False}),
    "a declared sdk": Shape({"requirements.txt": "mcp[cli]\n", "app.py": ""}, {"mcp_framework": "mcp"}),
    "an imported sdk that no file declares": Shape(
        {"server.py": FASTMCP + MAIN}, {"mcp_framework": "fastmcp", "mcp_command": "python server.py", "mcp_extra": ["fastmcp"]}
    ),
    "both declared, one imported": Shape(
        {"server.py": MCP + MAIN, "requirements.txt": "mcp\nfastmcp\n"}, {"mcp_framework": "mcp", "mcp_extra": []}
    ),
    "both imported, one declared": Shape(
        {"server.py": "from mcp import types\n" + FASTMCP + MAIN, "requirements.txt": "fastmcp\n"},
        {"mcp_framework": "fastmcp", "mcp_extra": []},
    ),
    "both imported, the other declared": Shape(
        {"server.py": "try:\n    import fastmcp\nexcept ImportError:\n    pass\n" + MCP + MAIN, "requirements.txt": "mcp\n"},
        {"mcp_framework": "mcp", "mcp_extra": []},
    ),
    "a package of its own that is called mcp": Shape(
        {"mcp/__init__.py": "", "mcp/a.py": "", "app.py": "from mcp.a import b\nimport mcp\n"}, {"mcp_framework": ""}
    ),
    "requirements.txt for development beside a pyproject that declares it": Shape(
        {"requirements.txt": "pytest\n", "server.py": MCP + MAIN, "pyproject.toml": pyproject('"mcp"')},
        {"dependencies": "pyproject.toml", "mcp_extra": []},
    ),
    # Its console scripts
    "a console script": Shape(
        SHOP | scripts('shop = "shop.server:main"'), {"mcp_command": "shop", "mcp_install": True, "mcp_extra": []}
    ),
    "a console script that reaches the server inside a function": Shape(
        SHOP | scripts('sell = "shop:main"') | {"shop/__init__.py": "def main():\n    from . import server\n"},
        {"mcp_command": "sell"},
    ),
    "a console script that says mcp before one that is called like the project": Shape(
        SHOP | scripts('shop = "shop.server:main"\nshop-mcp = "shop.server:main"'), {"mcp_command": "shop-mcp"}
    ),
    "of several that say mcp, the one that is called like the project": Shape(
        SHOP | scripts('a-mcp = "shop.server:main"\n"shop.mcp" = "shop.server:main"', name="shop.mcp"),
        {"mcp_command": "shop.mcp"},
    ),
    "of several that say mcp, one that reaches the server": Shape(
        SHOP | scripts('mcp-a = "shop.other:main"\nmcp-bc = "shop.server:main"') | {"shop/other.py": ""},
        {"mcp_command": "mcp-bc"},
    ),
    "of several that say mcp, one with a function's usual name": Shape(
        SHOP | scripts('mcp-a = "shop.server:check"\nmcp-b = "shop.server:main"'), {"mcp_command": "mcp-b"}
    ),
    "a console script of something else is not taken": Shape(
        SHOP | scripts('shop = "shop.cli:main"') | {"shop/cli.py": "", "shop/server.py": MCP + MAIN},
        {"mcp_command": "python -m shop.server", "mcp_install": False},
    ),
    "a console script of poetry": Shape(
        SHOP
        | {
            "pyproject.toml": '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\nmcp = "^2"\n'
            '[tool.poetry.scripts]\nshop = "shop.server:main"\nold = {reference = "a.sh", type = "file"}\n'
            '[build-system]\nrequires = ["poetry-core"]\n'
        },
        {"mcp_command": "shop", "mcp_install": True, "mcp_extra": []},
    ),
    "a console script of setup.py": Shape(
        SHOP
        | {
            "setup.py": "setup(name='shop', install_requires=['mcp'],\n"
            "entry_points={'console_scripts': ['sell=shop.server:main']})\n"
        },
        {"mcp_command": "sell", "mcp_install": True, "mcp_extra": []},
    ),
    "a console script of setup.cfg": Shape(
        SHOP
        | {
            "setup.py": "import setuptools; setuptools.setup()\n",
            "setup.cfg": "[options]\ninstall_requires =\n    mcp\n"
            "[options.entry_points]\nconsole_scripts =\n    sell = shop.server:main\n",
        },
        {"mcp_command": "sell", "mcp_install": True},
    ),
    "a console script in a namespace package": Shape(
        scripts('"lab.shop" = "lab.shop.server:main"', name="lab.shop") | {"lab/shop/__init__.py": "", "lab/shop/server.py": MCP},
        {"mcp_command": "lab.shop", "package": "lab"},
    ),
    "a console script that nothing installs": Shape(
        SHOP | scripts('shop = "shop.server:main"', build=False),
        {"mcp_command": "python -c 'from shop.server import main; main()'", "mcp_install": False},
    ),
    "a module that runs, before a console script that nothing installs": Shape(
        scripts('shop = "shop.server:main"', build=False) | {"shop/__init__.py": "", "shop/server.py": MCP + MAIN},
        {"mcp_command": "python -m shop.server"},
    ),
    # Their subcommands
    "a command of a click program": Shape(
        SHOP
        | scripts('shop = "shop.cli:cli"')
        | {"shop/cli.py": GROUP + "@cli.command()\ndef run(): ...\n@cli.command()\n@click.option('-p')\ndef serve(p): ...\n"},
        {"mcp_command": "shop serve"},
    ),
    "a command of a click program that a function calls": Shape(
        SHOP
        | scripts('shop = "shop.cli:main"')
        | {
            "shop/cli.py": GROUP
            + "@cli.command('start_mcp')\ndef a(): ...\n@cli.command()\ndef check(): ...\ndef main():\n    cli()\n"
        },
        {"mcp_command": "shop start_mcp"},
    ),
    "a command that is added": Shape(
        SHOP | scripts('shop = "shop.cli:cli"') | {"shop/cli.py": GROUP + "cli.add_command(run)\ncli.add_command(b, 'config')\n"},
        {"mcp_command": "shop run"},
    ),
    "a command of a typer program, in another module": Shape(
        SHOP
        | scripts('shop = "shop.main:app"')
        | {
            "shop/app.py": "import typer\napp = typer.Typer()\n",
            "shop/main.py": "from shop.app import app\nfrom shop import (\n    first,\n    second,\n)\n",
            "shop/first.py": "from shop.app import app\n@app.command()\ndef serve(): ...\n",
            "shop/second.py": "from shop.app import app\nfrom .server import mcp\n@app.command(name='mcp')\ndef tools(): ...\n",
        },
        {"mcp_command": "shop mcp"},
    ),
    "a command that a typer program is called for": Shape(
        SHOP
        | scripts('shop = "shop.cli:app"')
        | {"shop/cli.py": TYPER.split("@")[0] + "app.command('start')(start_command)\napp.command('stop')(stop_command)\n"},
        {"mcp_command": "shop start"},
    ),
    "the only command of a typer program has no word": Shape(
        SHOP | scripts('shop = "shop.cli:app"') | {"shop/cli.py": TYPER}, {"mcp_command": "shop"}
    ),
    "the only command of a typer program with options of its own": Shape(
        SHOP | scripts('shop = "shop.cli:app"') | {"shop/cli.py": TYPER + "@app.callback()\ndef verbose(): ...\n"},
        {"mcp_command": "shop run-server"},
    ),
    "a command of an argparse program": Shape(
        SHOP
        | scripts('shop = "shop.cli:main"')
        | {"shop/cli.py": "from . import server\ndef main():\n    s.add_parser(\n        'stdio')\n"},
        {"mcp_command": "shop stdio"},
    ),
    "a command that is not clear is left out": Shape(
        SHOP
        | scripts('shop = "shop.cli:cli"')
        | {"shop/cli.py": GROUP + "@cli.command()\ndef mcp_config(): ...\n@cli.command()\ndef watch(): ...\n"},
        {"mcp_command": "shop"},
    ),
    "a command of another program is left out": Shape(
        SHOP
        | scripts('shop = "shop.cli:cli"')
        | {
            "shop/cli.py": GROUP
            + "@cli.group()\ndef db(): ...\n@db.command()\ndef start(): ...\n@db.command()\ndef stop(): ...\n"
        },
        {"mcp_command": "shop"},
    ),
    # Modules and files
    "a package that runs": Shape(
        SHOP | {"requirements.txt": "mcp\n", "shop/__main__.py": "from .server import mcp\nmcp.run()\n"},
        {"mcp_command": "python -m shop", "mcp_install": False, "mcp_extra": []},
    ),
    "a package that runs and asks for its metadata": Shape(
        scripts()
        | {
            "src/shop/__init__.py": "",
            "src/shop/server.py": "import importlib.metadata\n" + MCP,
            "src/shop/__main__.py": "from shop.server import mcp\nmcp.run()\n",
        },
        {"mcp_command": "python -m shop", "mcp_install": True, "source_folder": "src"},
    ),
    "a package that runs before one of its modules": Shape(
        {"shop/__init__.py": "", "shop/server.py": MCP + MAIN, "shop/__main__.py": "from .server import main\nmain()\n"},
        {"mcp_command": "python -m shop"},
    ),
    "a module that makes the server before one that imports it": Shape(
        {"shop/__init__.py": "", "shop/app.py": "from . import tools\n" + MAIN, "shop/tools.py": MCP + MAIN},
        {"mcp_command": "python -m shop.tools"},
    ),
    "a module of a package before a file at the top": Shape(
        {"shop/__init__.py": "", "shop/server.py": MCP + MAIN, "app.py": MCP + MAIN}, {"mcp_command": "python -m shop.server"}
    ),
    "a module of a package": Shape(
        {"src/mcp_server/__init__.py": "", "src/mcp_server/weather.py": MCP + MAIN},
        {"mcp_command": "python -m mcp_server.weather", "package": "mcp_server"},
    ),
    "a file at the top": Shape(
        {"weather.py": MCP + MAIN, "notes.py": "if __name__ == '__main__':\n    1\n"}, {"mcp_command": "python weather.py"}
    ),
    "a file at the top of src": Shape({"src/weather.py": MCP + MAIN}, {"mcp_command": "python src/weather.py"}),
    "a file that starts a server of a package": Shape(
        SHOP | {"run_server.py": "from shop.server import mcp\nif __name__ == '__main__':\n    mcp.run()\n"},
        {"mcp_command": "python run_server.py"},
    ),
    "imports that start from src": Shape(
        {"src/app.py": MCP, "src/main.py": "from src.app import mcp\nif __name__ == '__main__':\n    mcp.run()\n"},
        {"mcp_command": "python -m src.main"},
    ),
    "files in a folder that import each other": Shape(
        {"server/main.py": "from tooling import mcp\n" + MAIN, "server/tooling.py": MCP}, {"mcp_command": "python server/main.py"}
    ),
    "a package whose modules import each other like files": Shape(
        {"app/__init__.py": "", "app/main.py": "import tools\n" + MCP + MAIN, "app/tools/a.py": ""},
        {"mcp_command": "python app/main.py"},
    ),
    "a module that only seems to import its neighbours": Shape(
        {
            **{"requirements.txt": "mcp\nredis\n", "app/__init__.py": "", "app/redis.py": "", "app/types.py": ""},
            "app/main.py": "import types\nimport redis\n" + MCP + MAIN,
        },
        {"mcp_command": "python -m app.main"},
    ),
    "a folder that is called mcp": Shape({"mcp/server.py": MCP + MAIN}, {"mcp_command": "python mcp/server.py"}),
    "a folder whose name is no module's": Shape({"my-server/main.py": MCP + MAIN}, {"mcp_command": "python my-server/main.py"}),
    "a client is not taken for the server": Shape(
        {"client.py": "from mcp import ClientSession, StdioServerParameters\n" + MAIN, "tool.py": MCP + MAIN},
        {"mcp_command": "python tool.py"},
    ),
    "the server before its variations": Shape(
        {"demo.py": MCP + MAIN, "server.py": MCP + MAIN, "http_server.py": MCP + MAIN}, {"mcp_command": "python server.py"}
    ),
    "no sign of a start": Shape(
        {"requirements.txt": "mcp\n", "shop/__init__.py": "", "shop/a.py": ""}, {"mcp_command": "python -m shop.server"}
    ),
    # Objects that nothing starts
    "an object of fastmcp": Shape(
        {"tools.py": FASTMCP, "requirements.txt": "fastmcp\n"}, {"mcp_command": "fastmcp run tools.py:mcp", "mcp_extra": []}
    ),
    "an object of mcp": Shape(
        {"it's.py": MCP, "requirements.txt": "mcp>=2\n"},
        {"mcp_command": "mcp run 'it'\"'\"'s.py:mcp'", "mcp_extra": ["mcp[cli]"]},
    ),
    "an object of mcp, and its program declared": Shape(
        {"a.py": MCP, "requirements.txt": "mcp[cli]>=2\n"}, {"mcp_command": "mcp run a.py:mcp", "mcp_extra": []}
    ),
    "an object in a package": Shape(
        {
            "src/shop/__init__.py": "",
            "src/shop/server.py": "from . import tools\nshop: FastMCP = FastMCP()\n" + FASTMCP.splitlines()[0],
        },
        {"mcp_command": "python -c 'from shop.server import shop; shop.run()'"},
    ),
    "an object that a package makes": Shape(
        {"shop/__init__.py": MCP + MAIN}, {"mcp_command": "python -c 'from shop import mcp; mcp.run()'"}
    ),
    "an object beside a program that has nothing to do with it": Shape(
        {"main.py": "from .. import server\n" + MAIN, "tools.py": FASTMCP}, {"mcp_command": "fastmcp run tools.py:mcp"}
    ),
    "an object that is started over HTTP alone": Shape(
        {"server.py": FASTMCP + "if __name__ == '__main__':\n    mcp.run(transport='http', port=8000)\n"},
        {"mcp_command": "fastmcp run server.py:mcp"},
    ),
    "a server that can do both": Shape(
        {"server.py": FASTMCP + "if __name__ == '__main__':\n    mcp.run(transport='http') if web else mcp.run()\n"},
        {"mcp_command": "python server.py"},
    ),
    # Versions
    "version 1 of the sdk, where the declaration allows 2": Shape(
        {"server.py": MCP_1 + MAIN, "requirements.txt": "mcp[cli]>=1.3.0\nhttpx<2\n"}, {"mcp_extra": ["mcp<2"]}
    ),
    "version 1 of the sdk and its program": Shape(
        {"server.py": MCP_1, "requirements.txt": "mcp\n"}, {"mcp_extra": ["mcp[cli]<2"]}
    ),
    "version 1 of the sdk with its low-level server": Shape(
        {"server.py": "from mcp.server import Server\nserver = Server('a')\n@server.list_tools()\nasync def a(): ...\n" + MAIN},
        {"mcp_extra": ["mcp<2"]},
    ),
    "version 1 of the sdk, declared": Shape(
        {"server.py": MCP_1 + MAIN, "pyproject.toml": pyproject('"mcp[cli]>=1.10.1, <2.0.0"')}, {"mcp_extra": []}
    ),
    "version 1 of the sdk, declared with poetry": Shape(
        {"server.py": MCP_1 + MAIN, "pyproject.toml": '[tool.poetry.dependencies]\nmcp = {version = "^1.2", extras = ["cli"]}\n'},
        {"mcp_extra": []},
    ),
    "version 1 of the sdk, declared for an extra": Shape(
        {
            "server.py": MCP_1 + MAIN,
            "pyproject.toml": pyproject('"httpx"', '[project.optional-dependencies]\nserver = ["mcp<2"]\n'),
        },
        {"mcp_extra": ["mcp<2"]},
    ),
    "version 1 of the sdk, locked": Shape(
        {"server.py": MCP_1 + MAIN, "pyproject.toml": pyproject('"mcp"'), "uv.lock": ""}, {"mcp_extra": []}
    ),
    "both versions of the sdk": Shape(
        {
            "requirements.txt": "mcp\n",
            "server.py": f"try:\n    {MCP.splitlines()[0]}\nexcept ImportError:\n    {MCP_1.splitlines()[0]}\n" + MAIN,
        },
        {"mcp_extra": []},
    ),
    "dependencies that only the code tells are trusted": Shape(
        {"server.py": MCP + MAIN, "setup.py": "setup(install_requires=open('a').read())\n"}, {"mcp_extra": []}
    ),
}


@pytest.mark.parametrize("name", MCP_SERVERS)
def test_what_starts_an_mcp_server_is_found(name: str, tmp_path: Path) -> None:
    check(MCP_SERVERS[name], tmp_path)


def test_another_command_than_the_one_found_gets_no_sdk(tmp_path: Path) -> None:
    assert write(tmp_path, {"server.py": MCP + MAIN}).extra_packages("python other.py") == []


SETTINGS = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n"
SWITCHED = {
    "environ": ("t = os.environ.get('MCP_TRANSPORT', 'stdio')\n" + HTTP, True),
    "environ, by its key": ("t = os.environ['MCP_TRANSPORT']\n" + HTTP, True),
    "getenv": ('t = os.getenv("MCP_TRANSPORT")\n' + HTTP, True),
    "a function of its own": ("t = read_env('MCP_TRANSPORT')\n" + HTTP, True),
    "an option": (
        "@option('-t', envvar='MCP_TRANSPORT', type=Choice(['streamable-http']))\n@option('-h', envvar='MCP_HOST')\n",
        True,
    ),
    "settings": (SETTINGS + "    mcp_transport: Literal['stdio', 'streamable-http'] = 'stdio'\n    mcp_host: str = ''\n", True),
    "settings with a prefix": (
        SETTINGS + "    model_config = Config(env_prefix='MCP_')\n    transport: str = 'stdio'\n" + HTTP,
        True,
    ),
    "settings with another prefix": (
        SETTINGS + "    model_config = Config(env_prefix='SHOP_')\n    mcp_transport: str = 'stdio'\n" + HTTP,
        False,
    ),
    "a field of something else": ("class A:\n    mcp_transport: str = 'stdio'\n" + HTTP, False),
    "not read": (HTTP, False),
    "only written": ("os.environ['MCP_TRANSPORT'] = t\n" + HTTP, False),
    "another variable": ("t = os.getenv('SHOP_MCP_TRANSPORT')\n" + HTTP, False),
    "another value": ("t = os.getenv('MCP_TRANSPORT')\n" + HTTP.replace("streamable-http", "http"), False),
    "on the container's own loopback": ("t = os.getenv('MCP_TRANSPORT')\n" + HTTP.replace("0.0.0.0", "127.0.0.1"), False),
}


@pytest.mark.parametrize("name", SWITCHED)
def test_only_a_server_that_evidently_is_switched_to_http_is_taken_for_one(name: str, tmp_path: Path) -> None:
    code, switched = SWITCHED[name]
    main = "from settings import t\n" + MCP + "if __name__ == '__main__':\n    mcp.run(t)\n"
    found = everything(write(tmp_path, {"server.py": main, "settings.py": code}))
    assert (found["mcp_command"], found["mcp_http"]) == ("python server.py", switched)


def test_what_lies_outside_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"server.py": MCP})
    found = write(tmp_path / "project", {"main.py": "from .. import server\n" + MAIN, "requirements.txt": "mcp\n", "a.py": ""})
    assert found.mcp_start is None


def test_what_another_part_reads_does_not_switch_the_server(tmp_path: Path) -> None:
    code = "t = os.environ.get('MCP_TRANSPORT', 'stdio')\n" + HTTP
    assert not write(tmp_path, {"server.py": MCP + MAIN, "agent.py": code}).mcp_http


# Which Python


@pytest.mark.parametrize(
    ("specifier", "version"),
    [
        ("", "3.13"),
        (">=3.9", "3.13"),
        (">=3.10,<3.12", "3.11"),
        ("<3.13", "3.12"),
        (">=3.14", "3.14"),
        ("==3.12.*", "3.12"),
        ("~=3.11", "3.13"),
        ("~=3.11.2", "3.11"),
        ("==3.12.4", "3.12"),
        (">=3.11.3,<3.12", "3.11"),
        ("!=3.13.*", "3.14"),
        ("<3.11", "3.13"),
        (">=4", "3.13"),
        ("nonsense", "3.13"),
    ],
)
def test_the_newest_python_that_is_allowed_is_the_default(specifier: str, version: str) -> None:
    assert module.python_version(specifier, VERSIONS, "3.13") == version


@pytest.mark.parametrize(
    ("poetry", "version"),
    [
        ("^3.10", "3.13"),
        ("^3", "3.13"),
        ("^3.14", "3.14"),
        ("~3.11", "3.11"),
        ("~3.12.1", "3.12"),
        ("3.12", "3.12"),
        ("3.12.*", "3.12"),
        (">=3.10,<3.12", "3.11"),
        (">=3.10, <3.12", "3.11"),
        (">= 3.10, < 3.12", "3.11"),
        (">=3.10 <3.12", "3.11"),
        ("*", "3.13"),
        ("", "3.13"),
    ],
)
def test_poetrys_versions_of_python_are_understood(poetry: str, version: str, tmp_path: Path) -> None:
    found = write(tmp_path, {"pyproject.toml": f'[tool.poetry.dependencies]\npython = "{poetry}"\n'})
    assert module.python_version(found.requires_python(), VERSIONS, "3.13") == version


@given(st.text(max_size=20) | st.from_regex(r"[\^~]?\d(\.\d{1,2}){0,2}", fullmatch=True))
def test_any_version_text_gives_a_choice(text: str) -> None:
    assert module.python_version(module.caret_to_pep440(text), VERSIONS, "3.13") in VERSIONS


@given(st.from_regex(r"\^[0-9]\.[0-9]{1,2}(\.[0-9])?", fullmatch=True))
def test_a_caret_allows_what_it_names(text: str) -> None:
    assert SpecifierSet(module.caret_to_pep440(text)).contains(text[1:])


# What stands in the way

ODD = '[project]\nname = 5\ndependencies = "flask"\nscripts = 1\nrequires-python = 3\n'
ODDER = 'project = 1\n[tool.poetry]\nname = ["a"]\ndependencies = 3\nscripts = "x"\n[tool.setuptools]\n'
ODD_LIST = '[project]\nname = "a"\ndynamic = 1\ndependencies = [1, {a = 2}, "flask"]\n'
NO_TEXT = b"\xff\xfef\x00"
BROKEN: dict[str, dict[str, str | bytes]] = {
    "pyproject": {"pyproject.toml": "[project\nname =", "main.py": FLASK, "requirements.txt": "flask\n"},
    "pyproject without tables": {"pyproject.toml": "tool = []\n" + ODD, "app.py": ""},
    "pyproject of odd types": {"pyproject.toml": ODDER, "app.py": ""},
    "pyproject with odd dependencies": {"pyproject.toml": ODD_LIST},
    "poetry with a table for python": {"pyproject.toml": '[tool.poetry.dependencies]\npython = {version = "^3.10"}\n'},
    "empty files": dict.fromkeys(["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "app.py", "Dockerfile"], ""),
    "python": {"app.py": "def (:\n", "main.py": FASTAPI},
    "python 2": {"app.py": "print 'hello'\nfrom flask import Flask\n", "main.py": FLASK},
    "bytes that are no text": {
        "app.py": b"\xff\xfe Flask",
        "pyproject.toml": NO_TEXT,
        "requirements.txt": NO_TEXT,
        "setup.cfg": NO_TEXT,
    },
    "null bytes": {"app.py": "app = Flask(\x00)\n", "setup.cfg": "\x00", "setup.py": "\x00"},
    "python that nests deeper than the parser goes": {"app.py": "Flask" + "(" * 3000 + ")" * 3000},
    "setup.cfg": {"setup.cfg": "no section\n[options\n", "setup.py": "x"},
    "a setup.cfg with percent signs": {"setup.cfg": "[options]\ninstall_requires = flask%(x)s\n", "setup.py": ""},
    "requirements": {"requirements.txt": "=== !!\n-r\n-e\n-r /\n-r .\n--\n\\\n"},
    "an mcp server": {
        "server.py": "import fastmcp\nfrom mcp.server import (\nif __name__ == '__main__':\n",
        "requirements.txt": "mcp\n",
    },
    "an mcp server with odd console scripts": {
        "shop/__init__.py": "from .... import a\nfrom shop import *\nfrom mcp.server import Server\n",
        "pyproject.toml": '[project]\nname = 5\ndependencies = ["mcp"]\n[build-system]\n[project.scripts]\n'
        'a-mcp = 1\n"b mcp" = ":"\n'
        'mcp-c = "..:x"\nmcp-d = "/etc/passwd"\nmcp-e = "a\\u0000b:c"\nmcp-f = "shop:main [extra]"\nmcp-g = "'
        + "a" * 5000
        + ':b"\n',
    },
    "a Dockerfile": {"Dockerfile": "WORKDIR\nFROM\nWORKDIR $HOME\nWORKDIR ..\n"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_counts_as_a_missing_one(name: str, tmp_path: Path) -> None:
    found = everything(write(tmp_path, BROKEN[name]))
    if "main.py" in BROKEN[name]:
        assert found["command"].startswith(("uvicorn main:app ", "flask --app main run "))
    if "Dockerfile" in BROKEN[name]:
        assert found["workdir"] == "/workspace"


@given(
    st.dictionaries(
        st.sampled_from(["pyproject.toml", "requirements.txt", "setup.cfg", "setup.py", "app.py", "Dockerfile"]), st.binary()
    )
)
def test_any_bytes_are_read_without_failing(files: dict[str, str | bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        everything(write(Path(folder), files))


def test_nothing_is_printed_about_code_that_python_warns_of(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    found = write(tmp_path, {"app.py": FLASK + "digits = '\\d'\nassert (1, 'always true')\n"})
    assert everything(found)["framework"] == "flask"
    assert [str(warning.message) for warning in recwarn] == []


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    found = everything(module.Destination(tmp_path / "new" / "project"))
    assert (found["has_app"], found["name"], found["dependencies"], found["existing"]) == (False, "project", "none", [])


def test_folders_with_the_names_of_files_are_passed_over(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Dockerfile", "app.py", "uv.lock"):
        (tmp_path / name).mkdir()
    found = everything(module.Destination(tmp_path))
    assert (found["has_app"], found["dependencies"]) == (False, "none")


@contextmanager
def without_root() -> Iterator[None]:
    """Be somebody whom permissions bind."""
    if os.getuid():
        yield
        return
    # The real user too, which os.access asks for; the saved one stays, for the way back.
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_what_may_not_be_read_counts_as_missing() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, {"app.py": FLASK, "pyproject.toml": pyproject('"flask"'), "main.py": FASTAPI, "secret/web.py": FLASK})
        folder.chmod(0o755)
        for path in ("app.py", "pyproject.toml", "secret"):
            (folder / path).chmod(0)
        with without_root():
            found = everything(module.Destination(folder))
        (folder / "secret").chmod(0o755)
    assert (found["command"], found["dependencies"]) == ("uvicorn main:app --host 0.0.0.0 --port 8000", "none")


def test_a_pipe_with_the_name_of_a_module_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "app.py")
    write(tmp_path, {"main.py": FASTAPI})
    # In a process of its own: one that waits for the pipe waits for ever.
    code = f"""
from pathlib import Path
from tests.support import ROOT, extension
print(extension("destination").Destination(Path({str(tmp_path)!r})).app_command(8000, "app"))
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=20, capture_output=True, text=True, check=True)
    assert said.stdout == "uvicorn main:app --host 0.0.0.0 --port 8000\n"


def test_loops_and_dangling_links_end(tmp_path: Path) -> None:
    write(tmp_path, {"shop/__init__.py": "", "shop/main.py": FASTAPI})
    (tmp_path / "shop" / "again").symlink_to(tmp_path)
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "gone.py").symlink_to("missing.py")
    (tmp_path / "requirements.txt").symlink_to("requirements.txt")
    (tmp_path / "Dockerfile").symlink_to("missing")
    found = everything(module.Destination(tmp_path))
    assert found["command"] == "uvicorn shop.main:app --host 0.0.0.0 --port 8000"
    # A link is the user's too, wherever it goes.
    assert found["existing"] == ["Dockerfile"]


@pytest.mark.parametrize(
    "files",
    [
        {"myenv/pyvenv.cfg": "", "myenv/lib/python3.13/site-packages/flask/app.py": FLASK, "myenv/bin/activate_this.py": ""},
        {"deep/er/env313/pyvenv.cfg": "", "deep/er/env313/lib/python3.13/site-packages/flask/app.py": FLASK},
        {".venv/lib/python3.13/site-packages/flask/app.py": FLASK},
        {"venv/lib/python3.13/site-packages/flask/app.py": FLASK},
        {"conda/conda-meta/history": "", "conda/lib/python3.13/argparse.py": "", "conda/lib/python3.13/wsgiref/app.py": FLASK},
        {"node_modules/node-gyp/gyp/app.py": FLASK},
        {"shop.egg-info/a.py": FLASK},
        {"build/lib/shop/app.py": FLASK},
    ],
    ids=lambda files: next(iter(files)),
)
def test_an_environment_of_tools_is_no_app(files: dict[str, str | bytes], tmp_path: Path) -> None:
    assert not write(tmp_path, files).has_app


def test_a_huge_tree_is_searched_from_the_top(tmp_path: Path) -> None:
    write(tmp_path, {"zoo/__init__.py": "", "zoo/main.py": FASTAPI})
    deep = tmp_path / "data" / "a"
    for number in range(module.MAX_FILES // 500 + 1):
        deep = deep / str(number)
        deep.mkdir(parents=True)
        for file in range(500):
            (deep / f"generated_{file}.py").touch()
    found = module.Destination(tmp_path)
    assert len(found.sources) <= module.MAX_FILES
    assert everything(found)["command"] == "uvicorn zoo.main:app --host 0.0.0.0 --port 8000"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    found = write(tmp_path, {"app.py": FLASK + "#" * module.MAX_BYTES, "main.py": FASTAPI})
    assert everything(found)["command"] == "uvicorn main:app --host 0.0.0.0 --port 8000"


# Dockerfile, existing files, names


@pytest.mark.parametrize(
    ("dockerfile", "workdir"),
    [
        ("FROM python\nWORKDIR /srv\n", "/srv"),
        ("FROM python AS a\nWORKDIR /a\nFROM a\nworkdir /b\nWORKDIR c\n", "/b/c"),
        ('FROM python\nWORKDIR "/with blanks"\n', "/with blanks"),
        ("FROM python\nWORKDIR '/srv'\n", "/srv"),
        ("FROM python\n", "/workspace"),
        ("FROM python\nWORKDIR $APP\n", "/workspace"),
        ("FROM python\nWORKDIR /\n", "/workspace"),
    ],
)
def test_the_working_folder_of_an_existing_dockerfile_is_found(dockerfile: str, workdir: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).workdir() == workdir


def test_every_file_that_the_template_would_write_is_found(tmp_path: Path) -> None:
    names = [*module.TEMPLATE_FILES]
    found = write(tmp_path, dict.fromkeys(names, ""))
    assert found.existing() == sorted(names)


@pytest.mark.parametrize(
    ("folder", "name"), [("shop", "shop"), ("a\nb", "ab"), ("x" * 100, "x" * 60), (" ", "app"), ("Ü 1", "Ü 1")]
)
def test_the_name_is_the_folders(folder: str, name: str, tmp_path: Path) -> None:
    assert module.Destination(tmp_path / folder).name == name


@given(st.text("ab*?[]!#\\ /.", min_size=1, max_size=12))
def test_an_escaped_path_matches_itself_alone(text: str) -> None:
    path = text.strip("/ ").replace("//", "/")
    if path and ".." not in path and "./" not in path and "/." not in path and path != ".":
        spec = pathspec.PathSpec.from_lines("gitignore", [f"/{module.gitignore_escape(path)}"])
        assert spec.match_file(path)
        assert not spec.match_file(f"other/{path}")


# Answers


@pytest.mark.parametrize(
    "content", ["", "a: [\n", "- 1\n", "just text\n", "project_name: x\nstack: minimal\nproject_slug: x\n", b"\xff\xfe\x00"]
)
def test_answers_that_are_not_ours_get_a_neighbour(content: str | bytes, tmp_path: Path) -> None:
    write(tmp_path, {".copier-answers.yml": content})
    assert module.answers_file_name(tmp_path) == ".copier-answers.chora-compose.yml"


def test_our_answers_have_the_usual_name(tmp_path: Path) -> None:
    assert module.answers_file_name(tmp_path) == ".copier-answers.yml"
    write(tmp_path, {".copier-answers.yml": "project_slug: a\nstack: full\nkeep_files: []\ngenerated_on: '2026-01-01'\n"})
    assert module.answers_file_name(tmp_path) == ".copier-answers.yml"


def test_a_destination_that_can_not_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "project"):
        with pytest.raises(UserMessageError, match="is a file"):
            module.check_destination(path)
    assert module.check_destination(tmp_path / "new" / "project") == ""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        with without_root(), pytest.raises(UserMessageError, match="can't be written to"):
            module.check_destination(Path(name) / "project")
