# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes where Python runs on the host, and the services don't."""

from __future__ import annotations

import json
import shutil
from typing import Any
from urllib.parse import quote

from . import setup_env
from .common import Problem, read, run, split_block, variables
from .common import quote as env_value
from .settings import NAMES, SCHEME, SERVICES


def urls(config: dict[str, Any]) -> dict[str, str]:
    """Return the variables of our block, from what Compose says of the project."""
    lines = {"APP_PORT": config["x-app-port"]}
    services, means = config["services"], {}
    ports = {one: services[one]["ports"][0]["published"] for one in SERVICES}
    if "db" in ports:
        login = services["db"]["environment"]
        keys = {"db_user": "USER", "db_password": "PASSWORD", "db_name": "DB"}
        means = {key: login[f"POSTGRES_{end}"] for key, end in keys.items()}
        user, password, name = (quote(text, safe="") for text in means.values())
        where = f"{user}:{password}@localhost:{ports['db']}/{name}"
        lines["DATABASE_URL"] = f"{SCHEME}://{where}"
        means |= {"db_host": "localhost", "db_port": ports["db"]}
        means["db_url"] = lines["DATABASE_URL"]
        means["db_async_url"] = f"postgresql+asyncpg://{where}"
        means["db_engine"] = "django.db.backends.postgresql"
    if "redis" in ports:
        lines["REDIS_URL"] = f"redis://localhost:{ports['redis']}/0"
        means |= {"redis_host": "localhost", "redis_port": ports["redis"]}
        means |= {"redis_url": lines["REDIS_URL"], "redis_db": "0"}
        means["redis_password"] = ""
    for name, meaning in NAMES.items():
        # That of `db_kind:VALUE` is in it.
        lines[name] = env_value(means.get(meaning, meaning.partition(":")[2]))
    for port in services.get("mailcatcher", {}).get("ports", []):
        if port["target"] == 1025:
            lines.update(SMTP_HOST="localhost", SMTP_PORT=port["published"])
    return lines


def make() -> None:
    """Say in .env.local where the host finds the services, as Compose reads all files.

    Raises:
        Problem: Compose can't tell.
    """
    again = "run scripts/setup again"
    if not shutil.which("docker"):
        lack = "Docker is not installed, and it knows where the services will be"
        raise Problem(f"{lack}: install it, then {again}")
    try:
        said = run("docker", "compose", "config", "--format", "json").stdout
    except Problem as problem:
        raise Problem(f"{problem}: fix that, and {again}") from None
    try:
        # Compose doubles each dollar sign, so that its output could be a Compose file.
        lines = urls(json.loads(said.replace("$$", "$")))
    except (KeyError, IndexError):
        lacks = "the Compose files lack x-app-port, a service or its port"
        raise Problem(f"{lacks}: write its URL into .env.local yourself") from None
    # What the user sets outside the block wins, wherever it stands.
    text = read(setup_env.LOCAL)
    before, _, after = split_block(text, setup_env.MARKS, setup_env.LOCAL.name)
    taken = variables(before + after)
    setup_env.make(*(f"{one}={lines[one]}" for one in lines if one not in taken))
