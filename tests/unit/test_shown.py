"""Folders that show how something is used: what is an app in them, and what is not."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.unit.shapes import FLASK, everything, pyproject, reading, write

LIBRARY = {
    "pyproject.toml": pyproject('"flask"', '[build-system]\nrequires = ["hatchling"]\n', name="widgets"),
    "widgets/__init__.py": "from widgets.core import Widget\n",
    "widgets/core.py": '"""See docs.index, demos and examples."""\nclass Widget:\n    pass\n',
}
MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}.settings')\n"
SERVER = "from tornado import web\nweb.Application().listen(8888)\n"


@pytest.mark.parametrize("name", sorted(reading.shown.SHOWING | reading.shown.DEMOS))
@pytest.mark.parametrize("inside", ["{}", "{}/chat", "widgets/{}"])
@pytest.mark.parametrize("file", [("app.py", FLASK), ("server.py", SERVER), ("manage.py", MANAGE.format("site"))])
def test_what_a_library_shows_is_not_its_app(name: str, inside: str, file: tuple[str, str], tmp_path: Path) -> None:
    folder = inside.format(name)
    found = everything(write(tmp_path, {**LIBRARY, f"{folder}/{file[0]}": file[1], f"{folder}/requirements.txt": "tornado\n"}))
    assert (found["command"], found["package"], found["dependencies"]) == ("", "widgets", "pyproject.toml")
    assert found["framework"] != "django"


@pytest.mark.parametrize("name", sorted(reading.shown.SHOWING | reading.shown.DEMOS))
@pytest.mark.parametrize("declared", ["requirements.txt", "{}/requirements.txt"])
def test_what_is_nowhere_else_is_the_project(name: str, declared: str, tmp_path: Path) -> None:
    files = {f"{name}/app.py": FLASK, f"{name}/tests/test_app.py": "def test_it():\n    pass\n", declared.format(name): "flask\n"}
    found = write(tmp_path, {**files, "docs/conf.py": ""})
    assert found.has_app
    assert "--app " in found.app_command(8000, "") and found.app_command(8000, "").endswith("run --host 0.0.0.0 --port 8000")
    assert found.test_command in {"pytest", f"pytest {name}"}


@pytest.mark.parametrize(
    "files",
    [
        {"manage.py": MANAGE.format("sample"), "sample/settings.py": "", "sample/urls.py": ""},
        {"src/manage.py": MANAGE.format("examples"), "src/examples/settings.py": "", "pyproject.toml": LIBRARY["pyproject.toml"]},
        {"manage.py": MANAGE.format("shop"), "shop/settings.py": "INSTALLED_APPS = ['samples']\n", "samples/models.py": ""},
        {"shop/main.py": "from shop.samples import models\n", "shop/samples/models.py": ""},
        {"shop/main.py": "from .samples import models\n", "shop/samples/models.py": ""},
        {"shop/cli/main.py": "from ..samples.models import x\n", "shop/samples/models.py": ""},
        {"src/main.py": "import samples.models\n", "src/samples/models.py": ""},
        {"main.py": "run('samples.web:app')\n", "samples/web.py": ""},
        {"Procfile": "web: gunicorn samples.web:app\n", "samples/web.py": FLASK, "util.py": ""},
        {"Dockerfile": "FROM python\nCMD python samples/web.py\n", "samples/web.py": FLASK, "util.py": ""},
        {"pyproject.toml": pyproject("", name="samples"), "samples/web.py": FLASK, "util.py": ""},
        {"pyproject.toml": pyproject("", "[project.scripts]\nx = 'samples.web:main'\n"), "samples/web.py": "", "util.py": ""},
        {
            "setup.py": "setup(name='x', entry_points={'console_scripts': ['x=samples.web:main']})\n",
            "samples/web.py": "",
            "a.py": "",
        },
        # Elsewhere than in a library an app may be called so.
        {"demo/app.py": FLASK, "util.py": "", "requirements.txt": "flask\n"},
    ],
    ids=itertools.count(),
)
def test_what_the_project_itself_uses_is_a_part_of_it(files: dict[str, str | bytes], tmp_path: Path) -> None:
    expected = {path for path in files if path.endswith(".py") and path != "setup.py"}
    assert {*write(tmp_path, files).folder.sources} == expected


def test_examples_in_what_is_used_are_none_of_it(tmp_path: Path) -> None:
    files = {"main.py": "import samples.web\n", "samples/web.py": "", "samples/docs/app.py": FLASK, "docs/conf.py": ""}
    assert write(tmp_path, files).folder.sources == ("main.py", "samples/web.py")


def test_the_settings_of_documentation_are_no_app(tmp_path: Path) -> None:
    assert not write(tmp_path, {"docs/conf.py": "project = 'x'\n", "docs/requirements.txt": "sphinx\n"}).has_app
