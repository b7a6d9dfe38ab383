"""What a project is that serves no web, and what starts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FASTAPI, FLASK, Files, pyproject, scripts, write

GUARD = "\nif __name__ == '__main__':\n    main()\n"
CELERY = "from celery import Celery\napp = Celery('shop')\n"

# Files; the command, the port, and the worker beside it.
KINDS: dict[str, tuple[Files, str, int, str]] = {
    "a library has modules that nothing starts": (
        {"pyproject.toml": pyproject(more="[build-system]\nrequires = ['x']\n"), "lib/__init__.py": "", "lib/app.py": "X = 1\n"},
        *("", 0, ""),
    ),
    "an extension of a framework is a library": (
        {
            "pyproject.toml": pyproject('"flask"', "[build-system]\nrequires = ['x']\n"),
            "flask_x/__init__.py": "import flask\nlog(flask)\n",
        },
        *("", 0, ""),
    ),
    "a script that may be told something starts without": (
        {"run.py": "import argparse\nargparse.ArgumentParser().add_argument('--loud')\n" + GUARD},
        *("python run.py", 0, ""),
    ),
    "a script that has to be told something is a tool": (
        {"run.py": "import argparse\nargparse.ArgumentParser().add_argument('file')\n" + GUARD},
        *("", 0, ""),
    ),
    "of several scripts without a usual name nobody knows which": ({"one.py": "print(1)\n", "two.py": "print(2)\n"}, "", 0, ""),
    "of several scripts the one with a usual name": ({"clean.py": "print(1)\n", "bot.py": "print(2)\n"}, "python bot.py", 0, ""),
    "a bot that takes options is none": (
        scripts('shop-bot = "shop.cli:main"', '"discord.py", "click"')
        | {"shop/__init__.py": "", "shop/cli.py": "import click\nimport discord\n"},
        *("shop-bot", 0, ""),
    ),
    "a script that asks a database has not its port": (
        {"main.py": "import socket\nconnect(port=5432)\nwhile True:\n    pass\n"},
        *("python main.py", 0, ""),
    ),
    "invoke's tasks are no worker": ({"tasks.py": "from invoke import task\n", "shop/__init__.py": ""}, "", 0, ""),
    "a lone script beside a library measures it": (
        {"pyproject.toml": pyproject(more="[build-system]\nrequires = ['x']\n"), "lib/__init__.py": "", "bench.py": "print(1)\n"},
        *("", 0, ""),
    ),
    "a tool's helpers are no bots": (
        scripts('shop = "shop.main:main"\nshop-list = "shop.lists:main"')
        | {"shop/__init__.py": "", "shop/main.py": "import click\n", "shop/lists.py": "def main():\n    print(1)\n"},
        *("", 0, ""),
    ),
    "a bot beside a tool is started": (
        scripts('shop = "shop.main:main"\nshop-bot = "shop.bot:main"')
        | {
            "shop/__init__.py": "",
            "shop/main.py": "import click\n",
            "shop/bot.py": "while True:\n    pass\n",
        },
        *("shop-bot", 0, ""),
    ),
    "a framework's own tools serve no app": (
        {
            "pyproject.toml": "[project]\nname = 'falcon'\n[project.scripts]\nfalcon-bench = 'falcon.bench:main'\n"
            "[build-system]\nrequires = ['x']\n",
            "falcon/__init__.py": "",
            "falcon/bench.py": "import argparse\nimport falcon\napp = falcon.App()\n",
        },
        *("", 0, ""),
    ),
    "the worker in what a command makes projects of is none": (
        {
            "pyproject.toml": pyproject('"celery"', "[build-system]\nrequires = ['x']\n"),
            "shop/__init__.py": "",
            "shop/conf/project_template/jobs.py": CELERY,
        },
        *("", 0, ""),
    ),
    "a library in C alone": (
        {"setup.py": "from setuptools import setup\nsetup(name='fast', ext_modules=[x])\n", "src/fast.c": ""},
        *("", 0, ""),
    ),
    "Flask before 2.2.3 has not all options": (
        {"shop.py": FLASK, "requirements.txt": "flask==2.2.2\n"},
        *("env FLASK_APP=shop flask run --host 0.0.0.0 --port 8000", 8000, ""),
    ),
    "a tool with a word for its server is a tool": (
        scripts('shop = "shop.cli:main"')
        | {
            "shop/__init__.py": "",
            "shop/cli.py": "import argparse\nfrom shop import ui\np = argparse.ArgumentParser().add_subparsers(dest='c')\n",
            "shop/ui.py": "import gradio as gr\ndef show():\n    gr.Interface(str, 'text', 'text').launch()\n",
        },
        *("", 0, ""),
    ),
    "a worker alone is the app": (
        {"shop/__init__.py": "", "shop/tasks.py": CELERY},
        "celery -A shop.tasks worker --loglevel INFO",
        0,
        "",
    ),
    "a worker is beside a bot": (
        {"bot.py": "while True:\n    pass\n", "jobs.py": CELERY.replace("app =", "queue =")},
        *("python bot.py", 0, "celery -A jobs:queue worker --loglevel INFO"),
    ),
    "a script beside a worker only gives it jobs": (
        {"main.py": "import tasks\ntasks.add.delay(1)\n", "tasks.py": CELERY},
        *("celery -A tasks worker --loglevel INFO", 0, ""),
    ),
    "a worker of one's own is run": (
        {"work.py": "from rq import Queue, Worker\nWorker(['a'], connection=c).work()\n", "requirements.txt": "rq\n"},
        *("python work.py", 0, ""),
    ),
    "the worker of a Procfile comes first": (
        {
            "app.py": FLASK,
            "tasks.py": CELERY,
            "requirements.txt": "flask\ncelery\n",
            "Procfile": "worker: celery -A tasks worker -c 2\n",
        },
        *("flask --app app run --host 0.0.0.0 --port 8000", 8000, "celery -A tasks worker -c 2"),
    ),
    "Flask's own way with Celery": (
        {
            "shop/__init__.py": FLASK,
            "make_celery.py": "from shop import app\ncelery_app = app.extensions['celery']\n",
            "requirements.txt": "flask\ncelery\n",
        },
        *("flask --app shop run --host 0.0.0.0 --port 8000", 8000, "celery -A make_celery:celery_app worker --loglevel INFO"),
    ),
    "a server of a framework that is not known keeps a port": (
        {"serve.py": "import cherrypy\ncherrypy.quickstart(port=9090)\n", "requirements.txt": "cherrypy\n"},
        *("python serve.py", 9090, ""),
    ),
    "alembic's own program makes no application": (
        {
            "db/env.py": "from shop.app import create_app\napp = create_app()\ndef run_migrations_online(): ...\n",
            "shop/__init__.py": "",
            "shop/app.py": "import flask\ndef create_app():\n    return flask.Flask(__name__)\n",
        },
        *("flask --app shop.app run --host 0.0.0.0 --port 8000", 8000, ""),
    ),
    "a factory of the package before an object elsewhere": (
        {
            "pyproject.toml": pyproject('"fastapi"'),
            "demo/main.py": FASTAPI,
            "shop/__init__.py": "",
            "shop/app.py": "import fastapi\ndef create_app():\n    return fastapi.FastAPI()\n",
        },
        *("uvicorn shop.app:create_app --factory --host 0.0.0.0 --port 8000", 8000, ""),
    ),
    "a class whose objects speak ASGI": (
        {"main.py": "class Site:\n    async def __call__(self, scope, receive, send): ...\n\napp = Site()\n"},
        *("uvicorn main:app --host 0.0.0.0 --port 8000", 8000, ""),
    ),
    "a Dockerfile says a port where the code says none": (
        {"Dockerfile": 'FROM python\nEXPOSE 81\nCMD ["run"]\n', "bot.py": "while True:\n    pass\n"},
        *("run", 81, ""),
    ),
    "a Dockerfile of a bot has no port": (
        {"Dockerfile": 'FROM python\nCMD ["python", "bot.py"]\n', "bot.py": "while True:\n    pass\n"},
        *("python bot.py", 0, ""),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_a_project_is_decides_what_starts(name: str, tmp_path: Path) -> None:
    files, command, port, worker = KINDS[name]
    found = write(tmp_path, files)
    started = found.app_command(found.app_port(), found.package or "app")
    assert (started, found.app_port(), found.worker_command(started)) == (command, port, worker)


BEAT = "from celery import Celery\n\napp = Celery('shop')\napp.conf.beat_schedule = {}\n"
SCHEDULERS = {
    "Celery's beat writes where it may": (
        {"tasks.py": BEAT},
        "celery -A tasks beat --loglevel INFO --schedule /tmp/celerybeat-schedule",
    ),
    "in Django's database it is read from there": (
        {"tasks.py": BEAT.split("app.conf")[0], "settings.py": "INSTALLED_APPS = ['django_celery_beat']\n"},
        "celery -A tasks beat --loglevel INFO --scheduler django_celery_beat.schedulers:DatabaseScheduler",
    ),
    "a worker alone has nothing to do at times": ({"tasks.py": BEAT.split("app.conf")[0]}, ""),
    "the line of a Procfile comes first": (
        {"tasks.py": BEAT, "Procfile": "web: python -m shop\nworker: celery -A tasks worker\nclock: python clock.py\n"},
        "python clock.py",
    ),
    "what a Procfile starts writes where it may, too": (
        {"tasks.py": BEAT, "Procfile": "web: python -m shop\nbeat: celery -A tasks beat -l info\n"},
        "celery -A tasks beat -l info --schedule /tmp/celerybeat-schedule",
    ),
    "and where it says": (
        {"Procfile": "web: python -m shop\nbeat: celery -A tasks beat -s /data/beat\n"},
        "celery -A tasks beat -s /data/beat",
    ),
    "a worker that schedules has none beside it": (
        {"tasks.py": BEAT, "Procfile": "web: python -m shop\nworker: celery -A tasks worker -l info -B\n"},
        "",
    ),
    "one of another kind needs its own": ({"jobs.py": "import rq\n\nqueue = rq.Queue('mail')\nbeat_schedule = 1\n"}, ""),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_beside_the_app_is_found(name: str, tmp_path: Path) -> None:
    files, command = SCHEDULERS[name]
    app = {
        "shop/__init__.py": "",
        "shop/app.py": "from flask import Flask\n\napp = Flask(__name__)\n",
        "requirements.txt": "flask\n",
    }
    found = write(tmp_path, {**app, **files})
    assert found.schedule_command(found.worker_command("flask run"), "flask run") == command


def test_a_scheduler_that_is_all_there_is_is_the_app(tmp_path: Path) -> None:
    found = write(tmp_path, {"clock.py": "import schedule\n", "Procfile": "clock: python clock.py\n"})
    started = found.app_command(found.app_port(), "app")
    assert started == "python clock.py" and found.schedule_command(found.worker_command(started), started) == ""
