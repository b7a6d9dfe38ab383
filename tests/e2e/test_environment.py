"""The layers of environment files: what reaches the app and the database, and what does not."""

from __future__ import annotations

import re

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack
from tests.support import preset


def app_environment(stack: Stack, *names: str) -> dict[str, str]:
    """Return variables as a process in the app's container sees them."""
    lines = stack.compose("exec", "-T", "app", "env").stdout.splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: values.get(name, "") for name in names}


def test_a_user_password_and_database_of_env_local_reach_database_and_app_alike(make_stack: MakeStack) -> None:
    stack = make_stack(preset("02-full"))
    with (stack.folder / ".env.local").open("a") as file:
        file.write("POSTGRES_USER=ann\nPOSTGRES_PASSWORD='s3cr$et'\nPOSTGRES_DB=shop\n")
    stack.up()
    assert stack.get_json("/")["database"].startswith("PostgreSQL")
    assert app_environment(stack, "DATABASE_URL") == {"DATABASE_URL": "postgresql://ann:s3cr$et@db:5432/shop"}
    assert stack.sql("SELECT current_user || ' in ' || current_database()") == "ann in shop"


def test_a_database_url_of_env_local_wins_and_one_of_the_shell_or_of_dot_env_does_not_leak_in(make_stack: MakeStack) -> None:
    stack = make_stack(preset("02-full"))
    (stack.folder / ".env").write_text("DATABASE_URL=postgresql://from-dot-env/x\nREDIS_URL=redis://from-dot-env:1/0\n")
    stack.environment = {"DATABASE_URL": "postgresql://from-the-shell/x", "REDIS_URL": "redis://from-the-shell:1/0"}
    stack.up()
    urls = app_environment(stack, "DATABASE_URL", "REDIS_URL")
    name = stack.slug.replace("-", "_")
    assert urls == {"DATABASE_URL": f"postgresql://dev:dev@db:5432/{name}", "REDIS_URL": "redis://redis:6379/0"}
    assert stack.get_json("/")["database"].startswith("PostgreSQL")

    own = f"postgresql://dev:dev@db:5432/{name}?application_name=mine"
    (stack.folder / ".env.local").write_text(f"DATABASE_URL={own}\nREDIS_URL=redis://redis:6379/7\n")
    stack.up()
    assert app_environment(stack, "DATABASE_URL", "REDIS_URL") == {"DATABASE_URL": own, "REDIS_URL": "redis://redis:6379/7"}
    assert stack.get_json("/")["redis"].startswith("Redis")


def test_a_port_in_dot_env_moves_the_published_port(make_stack: MakeStack) -> None:
    stack = make_stack(preset("01-minimal"))
    port = stack.ports.pop("APP_PORT")
    (stack.folder / ".env").write_text(f"APP_PORT={port}\n")
    stack.up()
    assert stack.app_url == f"http://127.0.0.1:{port}"
    assert stack.get_json("/health") == {"status": "ok"}


@pytest.mark.parametrize("version", ["15", "17"])
def test_the_guides_commands_change_the_credentials_of_an_old_volume(make_stack: MakeStack, version: str) -> None:
    stack = make_stack(preset("02-full") | {"postgres_version": version})
    stack.up()
    stack.sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    guide = (stack.folder / "COMPOSE.md").read_text()
    block = re.search(r"then `docker compose up --wait`:\n\n```sh\n(.*?)```", guide, re.DOTALL)
    assert block, guide
    stack.run("sh", "-ec", block[1])
    with (stack.folder / ".env.local").open("a") as file:
        file.write("POSTGRES_USER=ann\nPOSTGRES_PASSWORD=new\nPOSTGRES_DB=shop\n")
    stack.up()
    assert stack.get_json("/")["database"].startswith("PostgreSQL")
    assert stack.sql("SELECT current_user || ' in ' || current_database()") == "ann in shop"
    old_database = stack.slug.replace("-", "_")
    out = stack.compose("exec", "-T", "db", "psql", "-U", "ann", "-d", old_database, "-Atc", "SELECT n FROM kept").stdout
    assert out.strip() == "7"
