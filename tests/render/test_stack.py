"""docker-stack.yml says for a Swarm what docker-compose.prod.yml says for one host."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.conftest import Case
from tests.render.questions import Questions
from tests.support import ROOT, need_tool, render

# What a Swarm has no use for, or no place.
ONE_HOST = {"certbot_renewal", "backup_copies"}
ENVIRONMENT = {"VERSION": "1.2.0", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


@pytest.fixture(params=["postgres and redis", "redis", "nothing", "own Dockerfile"])
def project(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> Path:
    answers: dict[str, dict[str, Any]] = {
        "postgres and redis": {"stack": "full"},
        "redis": {"stack": "full", "services": ["redis"], "redis_version": "valkey-8"},
        "nothing": {"stack": "minimal"},
        "own Dockerfile": {"stack": "full", "postgres_version": "18", "keep_files": ["Dockerfile"]},
    }
    folder = tmp_path / "my-project"
    folder.mkdir()
    if request.param == "own Dockerfile":
        (folder / "Dockerfile").write_text("FROM python:3.13-slim\nWORKDIR /srv/app\n")
    return render(template, folder, {"production": True, **answers[request.param]})


def services(folder: Path, name: str) -> dict[str, Any]:
    """Return the services of a file, with what its anchors stand for."""
    found = yaml.safe_load((folder / name).read_text())["services"]
    assert isinstance(found, dict)
    return found


def test_a_service_is_the_same_on_one_host_and_in_a_swarm(project: Path) -> None:
    host, swarm = services(project, "docker-compose.prod.yml"), services(project, "docker-stack.yml")
    assert host.keys() - ONE_HOST == swarm.keys()
    for name, service in swarm.items():
        same = ["user", "command", "entrypoint", "environment", "networks", "stop_grace_period", "init"]
        same += ["read_only", "cap_drop", "logging"]
        # What lets a database be made in an empty volume: one of the scripts, or who deploys.
        if name == "db":
            assert service["environment"].pop("NEW_DATABASE") == "${NEW_DATABASE:-}"
            for one in (host[name], service):
                guard, _, one["entrypoint"][2] = one["entrypoint"][2].partition("exit 1; }; ")
                assert '[ -s "$$PGDATA/PG_VERSION" ] || ' in guard
        assert {key: service.get(key) for key in same} == {key: host[name].get(key) for key in same}, name
        # How often it is asked differs: a Swarm knows no start_interval.
        assert service.get("healthcheck", {}).get("test") == host[name].get("healthcheck", {}).get("test")
        assert service["deploy"]["resources"] == host[name]["deploy"]["resources"]
        assert service["deploy"].get("replicas") == host[name]["deploy"].get("replicas") or name == "nginx"
        assert service["image"].split(":$")[0] == host[name]["image"].split(":$")[0]
        # A Swarm takes no notice of these, or refuses them.
        assert not {"restart", "depends_on", "profiles", "security_opt", "tmpfs", "shm_size", "env_file"} & service.keys()
        memory = {volume["target"] for volume in service["volumes"] if isinstance(volume, dict) and volume["type"] == "tmpfs"}
        assert {text.split(":")[0] for text in host[name]["tmpfs"]} <= memory


def test_the_database_looks_for_one_of_any_other_version_that_is_offered(template: Path, tmp_path: Path) -> None:
    offered = Questions(ROOT).choices("postgres_version")
    for version in offered:
        folder = render(template, tmp_path / version, {"stack": "full", "production": True, "postgres_version": version})
        mounts = [one for one in services(folder, "docker-stack.yml")["db"]["volumes"] if isinstance(one, dict)]
        looked_at = {one["source"]: (one["target"], one["read_only"]) for one in mounts if one["type"] == "volume"}
        assert looked_at == {f"postgres-{other}": (f"/others/{other}", True) for other in offered if other != version}


def test_what_holds_data_stays_on_one_node_and_never_runs_twice(project: Path) -> None:
    found = services(project, "docker-stack.yml")
    assert {name for name, service in found.items() if "placement" in service["deploy"]} == {"db", "redis"} & found.keys()
    for name in {"db", "redis"} & found.keys():
        assert found[name]["deploy"]["update_config"]["order"] == "stop-first"
    for name in ("app", "nginx"):
        update = found[name]["deploy"]["update_config"]
        assert (update["order"], update["failure_action"]) == ("start-first", "rollback")


def test_the_name_of_a_config_changes_with_its_content(project: Path) -> None:
    configs = yaml.safe_load((project / "docker-stack.yml").read_text())["configs"]
    assert configs.keys() == {"nginx", "replicas"}
    for config in configs.values():
        content = (project / config["file"]).read_bytes()
        assert config["name"].endswith(f"_{hashlib.sha256(content).hexdigest()[:12]}")


def test_docker_accepts_the_file_for_a_swarm(project: Path) -> None:
    command = [need_tool("docker"), "stack", "config", "-c", "docker-stack.yml"]
    if subprocess.run([*command[:3], "--help"], capture_output=True).returncode:
        pytest.skip("this Docker knows no `docker stack config`")
    result = subprocess.run(command, cwd=project, env=ENVIRONMENT, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    nowhere = {name: value for name, value in ENVIRONMENT.items() if name != "VERSION"}
    without = subprocess.run(command, cwd=project, env=nowhere, capture_output=True, text=True)
    assert without.returncode != 0
    assert "say which one is to be deployed, as in VERSION=1.2.0" in without.stderr


def test_only_production_brings_it(case: Case) -> None:
    # nginx on each node would have to be told of each MCP client's token.
    expected = bool(case.saved.get("production")) and case.saved["stack"] not in {"mcp", "mcp-multi"}
    assert ("docker-stack.yml" in case.files) == expected
