"""An app in a folder of its own, and imports from a folder below the project's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import extension, render
from tests.unit.shapes import FASTAPI, FLASK, everything, pyproject, reading, write

reload_form = extension("facts/commands").reload_form

PIPFILE = "[packages]\nflask = '*'\n"
SHOP = f"from shop.db import x\n{FLASK}"
CELERY = "from celery import Celery\n\napp = Celery('shop')\n"


@pytest.mark.parametrize(
    ("files", "source_folder", "command", "dependencies"),
    [
        (
            {"backend/requirements.txt": "fastapi\nuvicorn\n", "backend/app/main.py": FASTAPI, "web/package.json": "{}"},
            *("backend", "env --chdir=backend uvicorn app.main:app --host 0.0.0.0 --port 8000", "backend/requirements.txt"),
        ),
        (
            {"api/pyproject.toml": pyproject('"flask"'), "api/src/shop/app.py": FLASK, "README.md": ""},
            *("api/src", "env --chdir=api flask --app shop.app run --host 0.0.0.0 --port 8000", "api/pyproject.toml"),
        ),
        (
            {"server/requirements.txt": "django\n", "server/manage.py": "import django\n", "tools/requirements.txt": ""},
            *("server", "python server/manage.py runserver 0.0.0.0:8000", "server/requirements.txt"),
        ),
        (
            {
                "pyproject.toml": pyproject('"flask"'),
                "src/py/shop/app.py": SHOP,
                "src/py/shop/db.py": "",
            },
            *("src/py", "flask --app shop.app run --host 0.0.0.0 --port 8000", "pyproject.toml"),
        ),
        (
            {"requirements.txt": "flask\n", "code/app.py": f"import helpers\n{FLASK}", "code/helpers.py": ""},
            *("code", "flask --app app run --host 0.0.0.0 --port 8000", "requirements.txt"),
        ),
        (
            {
                "requirements.txt": "flask\ncelery\n",
                "shop/app.py": FLASK,
                "shop/celery.py": CELERY,
                "shop/json.py": "import json\n",
            },
            *(".", "flask --app shop.app run --host 0.0.0.0 --port 8000", "requirements.txt"),
        ),
        (
            {"requirements.txt": "flask\n", "shop/app.py": f"from shop import db\n{FLASK}", "shop/db.py": "", "shop/shop.py": ""},
            *(".", "flask --app shop.app run --host 0.0.0.0 --port 8000", "requirements.txt"),
        ),
    ],
)
def test_what_is_found_is_relative_to_where_the_app_lies(
    files: dict[str, str | bytes], source_folder: str, command: str, dependencies: str, tmp_path: Path
) -> None:
    found = write(tmp_path, files)
    assert (found.source_folder, found.app_command(8000, found.package), found.dependencies.source) == (
        *(source_folder, command, dependencies),
    )


POETRY = "[tool.poetry]\nname = 'a'\n[tool.poetry.dependencies]\npython = '^3.11'\nflask = '*'\ncommon = {path = 'libs/common'}\n"
GROUP = '[dependency-groups]\ndev = ["pytest"]\n'
LOCKED_BY_PDM = '[metadata]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.0"\n'


@pytest.mark.parametrize(
    ("lock", "files"),
    [
        ("uv.lock", {"pyproject.toml": pyproject('"flask"', GROUP)}),
        (
            "uv.lock",
            {
                "pyproject.toml": pyproject('"flask"', "[tool.uv.workspace]\nmembers = ['libs/*']\n"),
                "libs/common/pyproject.toml": pyproject('"redis"', name="common"),
            },
        ),
        ("poetry.lock", {"pyproject.toml": POETRY + "[tool.poetry.group.dev.dependencies]\npytest = '*'\n"}),
        ("pdm.lock", {"pyproject.toml": pyproject('"flask"', GROUP), "pdm.lock": LOCKED_BY_PDM}),
        (
            "Pipfile.lock",
            {"Pipfile": "[packages]\nflask = '*'\ncommon = {path = './libs/common'}\n[dev-packages]\npytest = '*'\n"},
        ),
        ("Pipfile", {"Pipfile": "[packages]\nflask = '*'\n"}),
        ("environment.yml", {"environment.yml": "dependencies:\n  - pip:\n      - flask\n      - -e ./libs/common\n"}),
    ],
)
def test_a_lock_below_is_read_as_one_at_the_top(lock: str, files: dict[str, str | bytes], tmp_path: Path) -> None:
    every = {"app.py": FLASK, "libs/common/setup.py": "", lock: "", **files}
    top = write(tmp_path / "top", every)
    below = write(tmp_path / "shop", {f"backend/{path}": text for path, text in every.items()})
    assert top.dependencies.source == lock
    assert (below.dependencies.source, below.dependencies.names) == (f"backend/{lock}", top.dependencies.names)
    assert below.services == top.services
    assert below.local_packages() == [path.replace("libs", "backend/libs") for path in top.local_packages()]
    assert [one.replace("backend/pyproject.toml:", "") for one in below.dev_requirements()] == top.dev_requirements()
    assert below.dev_sources() == [path if path == "." else f"backend/{path}" for path in top.dev_sources()]
    checks = extension("checks")
    assert checks.dependencies_error(below.dependencies.source) == ""
    assert checks.dependencies_error(f"../{lock}")


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (
            "backend/uv.lock",
            ["COPY backend/pyproject.toml backend/uv.lock backend/", "uv sync --project backend --active --locked --no-dev"],
        ),
        ("backend/poetry.lock", ["COPY backend/pyproject.toml backend/poetry.lock backend/", "WORKDIR /workspace/backend"]),
        ("backend/Pipfile.lock", ["COPY backend/Pipfile backend/Pipfile.lock backend/", "WORKDIR /workspace/backend"]),
    ],
)
def test_it_is_what_the_image_installs(source: str, lines: list[str], template: Path, tmp_path: Path) -> None:
    declared = {"backend/pyproject.toml": pyproject('"flask"')} if "Pipfile" not in source else {"backend/Pipfile": PIPFILE}
    folder = tmp_path / "shop"
    write(folder, {"backend/app.py": FLASK, source: "", **declared})
    dockerfile = (
        render(template, folder, {"stack": "hybrid", "services": ["redis"], "ci": ["github"]}) / "Dockerfile"
    ).read_text()
    assert [line for line in lines if line not in dockerfile] == []
    guide = (folder / "COMPOSE.md").read_text()
    assert "(cd backend && " in guide


def test_of_several_apps_none_is_the_project(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"{name}/requirements.txt": "flask\n" for name in ("one", "two")}
    found = write(tmp_path, files | {"one/app.py": FLASK, "two/app.py": FLASK})
    assert (found.source_folder, found.dependencies.source) == (".", "none")


def test_a_program_in_a_folder_below_has_the_framework_that_no_file_declares(tmp_path: Path) -> None:
    files = {"backend/app.py": "import streamlit as st\nst.title('x')\n", "backend/requirements.txt": "pandas\n"}
    found = everything(write(tmp_path, files))
    assert found["command"].startswith("env --chdir=backend streamlit run app.py ")
    assert found["extra"] == ["streamlit"]


def test_a_reloader_runs_where_the_app_does() -> None:
    command = "env --chdir=backend uvicorn app.main:app --host 0.0.0.0"
    assert reload_form(command, "backend") == f"{command} --reload --timeout-graceful-shutdown 1"
    assert "--reload-dir src " in reload_form(command, "backend/src")
    assert reload_form("env --chdir=backend python app.py", "backend") == ""


def test_several_apps_are_told_from_one(tmp_path: Path) -> None:
    apps = {f"{path}/{name}": "flask\n" for path in ("apps/shop", "apps/blog", "docs") for name in ("requirements.txt", "app.py")}
    found = write(tmp_path, {**apps, "apps/shop/lib/setup.py": "", "apps/shop/lib/a.py": ""})
    assert reading.nested.several(found.folder) == ("apps/blog", "apps/shop")
    assert reading.nested.several(write(tmp_path / "apps", {"shop/a.py": ""}).folder) == ("blog", "shop")
    assert reading.nested.several(write(tmp_path / "apps" / "shop", {}).folder) == ()
