"""Production with other apps than the full starter: other frameworks and services, and apps that were there before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.production import UNHEALTHY, Production, in_production, load, lost
from tests.e2e.test_published import unpack
from tests.support import existing_project

REDIS_ALONE = {"stack": "full", "services": ["redis"]}


@pytest.mark.parametrize(
    ("answers", "reached"),
    [
        (REDIS_ALONE | {"web_framework": "flask", "redis_version": "7"}, {"redis": "Redis 7"}),
        (REDIS_ALONE | {"web_framework": "stdlib", "redis_version": "valkey-8"}, {"redis": "Redis 7.2.4"}),
        ({"stack": "hybrid", "services": ["postgres"]}, {"database": "PostgreSQL 17."}),
    ],
    ids=["flask with Redis 7", "stdlib with Valkey", "one that runs on the host in development"],
)
def test_other_starters_run_in_production(
    template: Path, tmp_path: Path, answers: dict[str, Any], reached: dict[str, str]
) -> None:
    with in_production(template, tmp_path, answers) as production:
        production.build("1")
        production.deploy("1")
        answer = json.loads(production.ask("/").text)
        assert answer.pop("app") == production.slug
        assert answer.keys() == reached.keys() and all(answer[name].startswith(text) for name, text in reached.items())


def test_a_first_deployment_that_fails_leaves_no_replica_and_the_next_one_runs_with_what_the_app_needs(
    template: Path, tmp_path: Path
) -> None:
    with in_production(template, tmp_path, {"stack": "minimal"}) as production:
        queue = {"image": "redis:8-alpine", "networks": ["backend"], "healthcheck": {"test": "redis-cli ping", "interval": "1s"}}
        app = {"depends_on": {"queue": {"condition": "service_healthy"}}}
        override = {"services": {"app": app, "queue": queue}}
        (production.folder / "docker-compose.prod.override.yml").write_text(json.dumps(override))
        production.build("1")
        production.build_from("bad", "1", UNHEALTHY)
        result = production.deploy("bad", "--timeout", "4", check=False)
        assert result.returncode == 1 and "not all replicas are ready" in result.stderr
        assert production.containers("app") == {}
        production.deploy("1")
        assert production.ask("/").status == 200 and len(production.containers("queue")) == 1


def test_an_app_that_ends_at_once_when_it_is_stopped_loses_no_request_either(template: Path, tmp_path: Path) -> None:
    """A script with Python's own server: one request at a time, cut off by SIGTERM."""

    def write(folder: Path) -> None:
        existing_project("plain-script", folder)

    with in_production(template, tmp_path, {"stack": "minimal"}, write) as production:
        production.build("1")
        production.deploy("1")
        with load(production, "/") as answers:
            production.deploy("1")
        assert lost(answers) == [] and len(answers) > 100


def test_a_published_project_with_a_dockerfile_of_its_own_runs_in_production_and_not_as_root(
    template: Path, tmp_path: Path
) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        unpack("httpbin==0.10.4", folder)
        (folder / "Dockerfile").write_text(
            "FROM python:3.13-slim\nWORKDIR /srv\nRUN pip install flask gunicorn\nCOPY . .\nRUN pip install .\n"
            'CMD ["gunicorn", "-b", "0.0.0.0:8000", "httpbin:app"]\n'
        )

    with in_production(template, tmp_path, {"stack": "minimal"}, write) as production:
        assert "FROM python:3.13-slim\nWORKDIR /srv" in (production.folder / "Dockerfile").read_text()
        production.build("1")
        production.deploy("1")
        assert production.ask("/get?shop=open").status == 200
        heard = json.loads(production.ask("/get").text)
        assert heard["url"].startswith("https://") or heard["headers"]["X-Forwarded-Proto"] == "https"
        assert user_of(production) == "10001"


def user_of(production: Production) -> str:
    app = next(iter(production.containers("app")))
    return production.run("docker", "exec", app, "id", "-u").stdout.strip()
