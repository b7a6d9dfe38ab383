# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes where a project uses the shared services of a machine."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from pathlib import Path

from .common import ROOT, Problem, quote, read, run, variables
from .hub import environment_here, folder_of, redis_number
from .registry import registry
from .secret_files import fill
from .settings import SERVICES, SLOT, SLUG

SHARED = ROOT / "secrets" / "shared.env"
ADMIN = SHARED.with_name("shared-admin.env")
HEADER = "# This checkout's own in the shared services: made by scripts/setup, never"
HEADER += " committed.\n"
ADMIN_HEADER = "# The administrator of the shared services, whom the app does not see:"
ADMIN_HEADER += " made by scripts/setup.\n"
NO_HUB = (
    "this machine has no shared services: render them with `copier copy --trust "
    "-d stack=shared-services gh:org/chora-compose-template ../common-services`, "
    "start them with `docker compose up --wait`, then run scripts/setup again"
)
RESERVED = {"postgres", "default", "public", "none", "template0", "template1"}


def numbers(hub: Path) -> dict[str, int] | None:
    """Return the database of each user of the shared Redis; None where it is down."""
    command = ("docker", "compose", "exec", "-T", "shared-redis", "redis-cli")
    # Variables that this shell has for Compose are meant for this project.
    own = {name for name in os.environ if name.startswith("COMPOSE_")}
    env = {name: os.environ[name] for name in os.environ.keys() - own}
    result = run(*command, "ACL", "LIST", check=False, cwd=hub, env=env)
    user = r"^user (\S+) .*\+select\|(\d+)"
    found = re.findall(user, result.stdout, re.MULTILINE)
    return None if result.returncode else {name: int(one) for name, one in found}


def make() -> None:
    """Name what this checkout has there, and take along the passwords of who makes it.

    Raises:
        Problem: there are no shared services, or they do not run.
    """
    old = variables(read(SHARED))
    with registry() as machine:
        hub = folder_of(machine)
        if hub is None or not (hub / "docker-compose.yml").exists():
            raise Problem(NO_HUB)
        here = environment_here(machine, ROOT, SLUG, SLOT)
        name = here["name"]
        if name in RESERVED:
            keeps = f"Postgres or Redis keeps the name {name} for itself"
            raise Problem(f"{keeps}: set another COMPOSE_PROJECT_NAME in .env")
        found = numbers(hub)
        values: dict[str, str] = {}
        if "redis" in SERVICES:
            known = found or {}
            # What Redis says counts, also where the registry was lost.
            lost = old.get("REDIS_USER") == name and "redis" not in here
            if name in known or lost:
                here["redis"] = known.get(name) or int(old["REDIS_DB"])
            others = {known[user] for user in known if user != name}
            number = redis_number(machine, here, taken=others)
            values.update(REDIS_USER=name, REDIS_DB=str(number))
    if "db" in SERVICES:
        values.update(POSTGRES_USER=name, POSTGRES_DB=name)
    for service, prefix in (("db", "POSTGRES"), ("redis", "REDIS")):
        password = f"{prefix}_PASSWORD"
        if service in SERVICES and not old.get(password):
            values[password] = secrets.token_hex(24)
    fill(SHARED, HEADER, values)
    theirs = variables(read(hub / "secrets" / "hub.env"))
    folder = shlex.quote(hub.as_posix())
    if not theirs:
        lack = f"the shared services in {hub} have no passwords yet"
        raise Problem(f"{lack}: run scripts/setup there, then here again")
    values = {"PGPASSWORD": theirs["POSTGRES_PASSWORD"]}
    values["REDISCLI_AUTH"] = theirs["REDISCLI_AUTH"]
    values["SHARED_SERVICES"] = quote(folder)
    fill(ADMIN, ADMIN_HEADER, values)
    if found is None:
        command = f"cd {folder} && docker compose up --wait"
        raise Problem(f"the shared services do not run: start them with `{command}`")
