"""What the hook says of a project of Django's that existed: which settings it lacks, and what production needs besides."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from facts import facts
from messages import warn


def example_of(path: Path) -> Path | None:
    """Return the file beside a missing one that is an example of it, such as `local.py.example`; None where there is none."""
    beside = sorted(path.parent.glob(f"*{path.stem}*"))
    return next((one for one in beside if one.name not in {path.name, f"{path.stem}.pyc"} and one.is_file()), None)


def check_hosts(path: str, how: str) -> None:
    """Say under which name the app is asked, where its settings refuse 127.0.0.1."""
    if how == "nobody":
        warn(f"add 127.0.0.1 to ALLOWED_HOSTS in {path} for development: as they are, the settings refuse it, and localhost.")
    elif how:
        no = "has no" if how == "localhost" else "seems to have no"
        warn(f"open http://localhost with the port that `docker compose port` prints: ALLOWED_HOSTS in {path} {no} 127.0.0.1.")


def check_django(folder: Path, answers: dict[str, Any], update: str, *, first: bool) -> None:
    """Say all of it."""
    if answers.get("web_framework") != "django" or not answers["own_app"]:
        return
    # Here, because nothing else needs it.
    from reading import Destination

    found = Destination(folder).web.django
    if first and (missing := found.missing_settings):
        example = example_of(folder / missing)
        what = f"copy {example.relative_to(folder)} to {missing}" if example else f"write {missing}"
        warn(f"{what}: {found.manage_py} names these settings, and they are not there.")
    made_up = facts(answers).made_up_settings
    if first and made_up:
        where = ".env.services" if (folder / ".env.services").is_file() else "docker-compose.yml"
        what = f"give {', '.join(made_up)} real values where they matter"
        warn(f"{what}: the settings ask for them, and {where} has made-up ones for development.")
    if first and answers.get("ci") and (names := found.only_in_env):
        given = f"give .env.test what {', '.join(names)} {'are' if names[1:] else 'is'} in the tests"
        warn(f"{given}: the settings can't do without, and .env, which alone says it here, is in no image.")
    if first:
        check_hosts(*found.refuses)
    if not answers.get("production"):
        return
    port = answers["app_port"]
    server = "uvicorn" if found.asynchronous else "gunicorn"
    if " runserver " in f" {answers['app_command']} " and (command := found.served_by({server}, port)):
        given = " ".join(f"-d {name}={shlex.quote(command)}" for name in ("app_command", "default_command"))
        warn(f"add {server} to what the project depends on, then run `{update} {given}`: runserver is for development.")
    known, staticfiles = facts(answers), "django.contrib.staticfiles"
    unserved = known.collects_static == "" and found.static.get("collectstatic") != "build"
    if unserved and any(staticfiles in text for text in found.texts):
        given = ", ".join(f"{name}: {value}" for name, value in {**answers["django"], "collectstatic": "build"}.items())
        then = f"`{update} -d 'django={{{given}}}'`"
        warn(f"add whitenoise to the project, then run {then}: nothing serves its static files in production.")
