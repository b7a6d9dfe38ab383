"""Docker Compose accepts what is rendered, and understands it as it is meant."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.conftest import Case
from tests.support import ROOT, extension, need_tool, render

LOCAL = "POSTGRES_USER=ann\nPOSTGRES_PASSWORD='pa$$w0rd'\nPOSTGRES_DB=shop\n"


def config(folder: Path, *, env: dict[str, str] | None = None) -> Any:
    """Return what Compose makes of a project, which has to come without any warning."""
    command = [need_tool("docker"), "compose", "config", "--format", "json"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **(env or {})})
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def copy_of(case: Case, target: Path) -> Path:
    """Copy what Compose reads of a case to a folder that a test may change."""
    names = [name for name in [*case.files, *case.kept] if name.startswith((".env", "docker-compose"))]
    for name in names:
        shutil.copy2(case.folder / name, target / name)
    return target


def test_compose_accepts_it_without_a_warning(case: Case) -> None:
    need_tool("docker")
    saved = case.saved
    project = config(case.folder)
    expected = {name for name, there in (("app", saved["stack"] != "hybrid"), ("db", "postgres" in saved.get("services", [])),
                                         ("redis", "redis" in saved.get("services", []))) if there}  # fmt: skip
    assert project["name"] == saved["project_slug"]
    assert set(project["services"]) == expected
    ports = extension("ports")
    for name, service in project["services"].items():
        (published,) = service["ports"]
        assert published["host_ip"] == "127.0.0.1"
        assert published["published"] == str(ports.port(name, saved["port_slot"]))
        assert service["healthcheck"]["test"]
        assert "container_name" not in service
    if "app" in expected:
        app = project["services"]["app"]
        # Compose doubles each $ of what it prints, to be read again.
        assert [word.replace("$$", "$") for word in app["command"]] == shlex.split(saved["app_command"])
        assert app["ports"][0]["target"] == saved["app_port"]
        assert set(app.get("depends_on", {})) == expected - {"app"}
        assert {on["condition"] for on in app.get("depends_on", {}).values()} <= {"service_healthy"}
    if "db" in expected:
        (volume,) = project["services"]["db"]["volumes"]
        assert volume["target"] == "/var/lib/postgresql" + ("" if saved["postgres_version"] == "18" else "/data")
        assert project["services"]["db"]["image"].startswith(f"postgres:{saved['postgres_version']}-")


def test_what_env_local_says_reaches_the_database_and_the_app_alike(case: Case, tmp_path: Path) -> None:
    folder = copy_of(case, tmp_path)
    (folder / ".env.local").write_text(LOCAL)
    services = config(folder)["services"]
    if "db" in services:
        assert services["db"]["environment"]["POSTGRES_PASSWORD"] == "pa$$$$w0rd"
        assert services["db"]["environment"]["POSTGRES_USER"] == "ann"
    if {"app", "db"} <= services.keys():
        assert services["app"]["environment"]["DATABASE_URL"] == "postgresql://ann:pa$$$$w0rd@db:5432/shop"
    if {"app", "redis"} <= services.keys():
        assert services["app"]["environment"]["REDIS_URL"] == "redis://redis:6379/0"


@pytest.fixture
def full(template: Path, tmp_path: Path) -> Path:
    return render(template, tmp_path / "my-project", {"stack": "full"})


def test_an_url_in_env_local_wins_and_one_in_the_shell_or_in_env_does_not_leak_in(full: Path) -> None:
    (full / ".env").write_text("DATABASE_URL=postgresql://from-env\n")
    shell = {"DATABASE_URL": "postgresql://from-shell", "REDIS_URL": "redis://from-shell"}
    environment = config(full, env=shell)["services"]["app"]["environment"]
    assert environment["DATABASE_URL"] == "postgresql://dev:dev@db:5432/my_project"
    assert environment["REDIS_URL"] == "redis://redis:6379/0"
    (full / ".env.local").write_text("DATABASE_URL=postgresql://mine\nREDIS_URL=redis://mine\n")
    environment = config(full, env=shell)["services"]["app"]["environment"]
    assert (environment["DATABASE_URL"], environment["REDIS_URL"]) == ("postgresql://mine", "redis://mine")


@pytest.mark.parametrize(("slot", "app", "db"), [(0, 8000, 5432), (1, 8001, 5433), (2, 8002, 5434), (9, 8009, 5441)])
def test_the_slot_moves_every_port(template: Path, tmp_path: Path, slot: int, app: int, db: int) -> None:
    folder = render(template, tmp_path / "my-project", {"stack": "full", "port_slot": slot})
    services = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]
    assert services["app"]["ports"] == [f"127.0.0.1:${{APP_PORT:-{app}}}:8000"]
    assert services["db"]["ports"] == [f"127.0.0.1:${{POSTGRES_PORT:-{db}}}:5432"]
    assert services["redis"]["ports"] == [f"127.0.0.1:${{REDIS_PORT:-{6379 + slot}}}:6379"]
    guide = (folder / "COMPOSE.md").read_text()
    assert f"http://127.0.0.1:{app} " in guide
    assert f"127.0.0.1:{db} " in guide


def test_a_port_variable_moves_one_port(full: Path) -> None:
    (full / ".env").write_text("POSTGRES_PORT=6001\n")
    services = config(full, env={"APP_PORT": "9001"})["services"]
    assert services["app"]["ports"][0]["published"] == "9001"
    assert services["db"]["ports"][0]["published"] == "6001"
    assert services["redis"]["ports"][0]["published"] == "6379"


def test_an_override_file_of_the_users_own_is_merged(full: Path) -> None:
    (full / "docker-compose.override.yml").write_text("services: {app: {environment: {LOG_LEVEL: debug}}, mail: {image: mail}}\n")
    services = config(full)["services"]
    assert services["app"]["environment"]["LOG_LEVEL"] == "debug"
    assert set(services) == {"app", "db", "redis", "mail"}
    assert "docker-compose.override.yml" not in {path.name for path in (ROOT / "template").iterdir()}
