"""Shared services and projects that use them, on the engine."""

from __future__ import annotations

import ast
import subprocess
from typing import Any

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack
from tests.support import preset

NETWORK = "shared-network"
QUERY = """
import psycopg, sys
cursor = psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])
while cursor.nextset():
    pass
print(cursor.fetchall())
"""
COMMAND = "import redis, sys; print(redis.from_url(sys.argv[1]).execute_command(*sys.argv[2:]))"
BOTH = ["postgres", "redis"]


def network_exists() -> bool:
    return subprocess.run(["docker", "network", "inspect", NETWORK], capture_output=True).returncode == 0


def make_hub(make_stack: MakeStack, **answers: Any) -> Stack:
    """Render shared services, start them, and return them."""
    hub = make_stack(preset("07-shared-services") | answers)
    hub.up()
    return hub


def make_project(make_stack: MakeStack, stack: str = "full", **answers: Any) -> Stack:
    return make_stack({"stack": stack, "services": BOTH, "isolation": "shared", **answers})


def own(stack: Stack) -> dict[str, str]:
    """Return what scripts/setup wrote down for a project."""
    lines = (stack.folder / "secrets" / "shared.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def inside(stack: Stack, code: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Python in the container of a project's app, as the app does."""
    (service,) = {"app", "mcp-server"} & set(stack.compose("config", "--services").stdout.split())
    return stack.compose("exec", "-T", service, "as-owner", "python", "-c", code, *words, check=check)


def sql_as(stack: Stack, statement: str, database: str = "") -> Any:
    """Run SQL as a project's role, in its own database or in another one; return the rows, or why it was refused."""
    mine = own(stack)
    url = f"postgresql://{mine['POSTGRES_USER']}:{mine['POSTGRES_PASSWORD']}@shared-postgres/{database or mine['POSTGRES_DB']}"
    result = inside(stack, QUERY, url, statement, check=False)
    return result.stderr if result.returncode else ast.literal_eval(result.stdout)


def redis_as(stack: Stack, *words: str, number: str = "") -> str:
    """Run a command of Redis as a project's user, in its own logical database or in another one."""
    mine = own(stack)
    url = f"redis://{mine['REDIS_USER']}:{mine['REDIS_PASSWORD']}@shared-redis/{number or mine['REDIS_DB']}"
    result = inside(stack, COMMAND, url, *words, check=False)
    return (result.stderr if result.returncode else result.stdout).strip()


def projects(hub: Stack, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    return hub.run("scripts/projects", *arguments, check=check, **options)


def sentence(stack: Stack, service: str) -> str:
    """Return all that a service has said."""
    result = stack.run("docker", "logs", stack.compose("ps", "--all", "--quiet", service).stdout.strip())
    return (result.stdout + result.stderr).strip()


def setup(stack: Stack) -> subprocess.CompletedProcess[str]:
    return stack.run("scripts/setup", check=False)
