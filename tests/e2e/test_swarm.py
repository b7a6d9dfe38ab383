"""Production in a Swarm of three nodes, each an engine in a container: deployed by one command, updated and broken under load."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.dind import docker, start_engine
from tests.e2e.production import CLIENTS, UNHEALTHY, Answer, Production, in_production, lost
from tests.e2e.stack import wait_for

ON_ALL = ("nginx:1.30-alpine",)
ON_THE_MANAGER = ("postgres:17-alpine", "redis:8-alpine")
VERSIONS = ("1", "2", "bad")
# Alive, and answers 404 to whoever asks it.
# What this machine's kernel may lack is IPVS, for virtual addresses and the ingress; and a test is in a hurry.
OVERRIDE = {
    "version": "3.9",
    "services": {
        "app": {
            "healthcheck": {"interval": "1s", "timeout": "10s", "start_period": "10s"},
            "deploy": {"update_config": {"monitor": "3s"}},
        },
        "nginx": {
            "ports": [{"target": inside, "published": port, "mode": "host"} for inside, port in ((8080, 80), (8443, 443))],
            # On every node, where two can't have the same port.
            "deploy": {"replicas": 3, "update_config": {"order": "stop-first", "monitor": "1s"}},
        },
        "db": {"deploy": {"endpoint_mode": "dnsrr"}},
        "redis": {"deploy": {"endpoint_mode": "dnsrr"}},
    },
}


@dataclass
class Swarm:
    """A Swarm with one manager and two workers, and the project in production that it runs.

    Attributes:
        production: the project; its ports are those of the manager's nginx.
        nodes: the containers, which are called like the nodes; the first one is the manager.
    """

    production: Production
    nodes: list[str]

    def manager(self, *command: str, **environment: str) -> str:
        """Run a command on the manager, in the project's folder."""
        variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        return docker("exec", "--workdir", "/project", *variables, self.nodes[0], *command)

    def listed(self, *command: str) -> list[dict[str, Any]]:
        """Return what a command of docker's lists on the manager."""
        return [json.loads(line) for line in self.manager("docker", *command, "--format", "json").splitlines()]

    def deploy(self, version: str, **environment: str) -> None:
        """Deploy a version by the documented command, with the test's own file as the second one."""
        files = ["-c", "docker-stack.yml", "-c", "docker-stack.override.yml"]
        self.manager("docker", "stack", "deploy", *files, self.production.slug, VERSION=version, **environment)

    def tasks(self, service: str, *filters: str) -> list[dict[str, Any]]:
        """Return a service's tasks, also those that have ended."""
        options = [word for one in filters for word in ("--filter", one)]
        return self.listed("service", "ps", "--no-trunc", f"{self.production.slug}_{service}", *options)

    def running(self, service: str) -> list[dict[str, Any]]:
        """Return the tasks of a service that are there and, where it has a healthcheck, healthy."""
        tasks = self.tasks(service, "desired-state=running")
        return [task for task in tasks if task["CurrentState"].startswith("Running")]

    def said(self, service: str) -> str:
        """Return what the containers of a service have printed."""
        return docker(
            "exec", self.nodes[0], "sh", "-c", f"docker service logs {self.production.slug}_{service} 2>&1", check=False
        )

    def migrated(self) -> set[str]:
        """Return the versions whose migration has come to a good end."""
        done = [task for task in self.tasks("migrate") if task["CurrentState"].startswith("Complete")]
        return {task["Image"].rpartition(":")[2] for task in done}

    def update_ends_as(self, state: str, service: str = "app") -> bool:
        """Tell whether a service's last update has come to an end, which has to be this one."""
        name = f"{self.production.slug}_{service}"
        status = json.loads(self.manager("docker", "service", "inspect", "-f", "{{json .UpdateStatus}}", name))
        assert status and status["State"] in {"updating", "rollback_started", state}, status
        return bool(status["State"] == state)

    def inside(self, node: str, service: str, *command: str) -> str:
        """Run a command in a service's container on a node."""
        found = docker("exec", node, "docker", "ps", "--quiet", "--filter", f"name={self.production.slug}_{service}.")
        return docker("exec", node, "docker", "exec", found.splitlines()[0], *command)

    def rows(self) -> int:
        """Return how many rows the database has, asked on its own node."""
        name = self.production.slug.replace("-", "_")
        query = ["psql", "--no-psqlrc", "-qtA", "-U", "app", "-d", name, "-c", "SELECT count(*) FROM example"]
        return int(self.inside(self.nodes[0], "db", *query))


def answer_of_engine(node: str) -> str | None:
    """Return what the engine of a node says of itself; nothing while it starts."""
    return docker("exec", node, "docker", "info", "-f", "{{.ID}}", check=False) or None


def load_images(node: str, images: list[str]) -> None:
    """Copy images of this machine to a node."""
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
        subprocess.run(
            ["docker", "exec", "-i", node, "docker", "load", "--quiet"], stdin=saved.stdout, check=True, capture_output=True
        )


@contextmanager
def three_nodes(production: Production) -> Iterator[list[str]]:
    """Start three engines with the project's images, and make them a Swarm; nothing of them is left."""
    name = f"{production.slug}-swarm"
    nodes = [f"{name}-{number}" for number in (1, 2, 3)]
    try:
        docker("network", "create", name)
        # The nodes have what was copied to them, and where the project's registry is there is nobody, who says so at once.
        options = ["--add-host=registry.example.com:255.255.255.255"]
        published = [
            f"--publish=127.0.0.1:{production.ports[f'{kind}_PORT']}:{port}" for kind, port in (("HTTP", 80), ("HTTPS", 443))
        ]
        for node in nodes:
            own = [*published, "--volume", f"{production.folder}:/project:ro"] if node == nodes[0] else []
            start_engine(node, name, *options, *own)
        for node in nodes:
            wait_for(partial(answer_of_engine, node))
        images = [*ON_ALL, *(production.image(version) for version in VERSIONS)]
        with ThreadPoolExecutor() as pool:
            copies = [
                pool.submit(load_images, node, images + (list(ON_THE_MANAGER) if node == nodes[0] else [])) for node in nodes
            ]
            for copy in copies:
                copy.result()
        docker("exec", nodes[0], "docker", "swarm", "init")
        token = docker("exec", nodes[0], "docker", "swarm", "join-token", "--quiet", "worker")
        for node in nodes[1:]:
            docker("exec", node, "docker", "swarm", "join", "--token", token, f"{nodes[0]}:2377")
        yield nodes
    finally:
        docker("rm", "--force", "--volumes", *nodes, check=False)
        docker("network", "rm", name, check=False)


@pytest.fixture(scope="module")
def swarm(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Version 1 of the full starter in a Swarm, on whose nodes version 2 and a bad one are waiting."""
    with in_production(template, tmp_path_factory.mktemp("swarm"), {"stack": "full"}) as production:
        production.add_routes()
        (production.folder / "docker-stack.override.yml").write_text(yaml.safe_dump(OVERRIDE))
        production.build("1")
        production.build_from("2", "1")
        production.build_from("bad", "1", UNHEALTHY)
        with three_nodes(production) as nodes:
            swarm = Swarm(production, nodes)
            older = f"{production.slug}_postgres-15:/v"
            put = ["docker", "run", "--rm", "--volume", older, "--entrypoint", "sh", ON_THE_MANAGER[0], "-c"]
            swarm.manager(*put, "echo 15 >/v/PG_VERSION && chmod 700 /v && chown -R postgres /v")
            swarm.deploy("1")
            wait_for(lambda: "Dump the data of Postgres 15, then deploy with NEW_DATABASE=17" in swarm.said("db") or None)
            assert not swarm.running("db"), "no database beside an older one"
            swarm.deploy("1", NEW_DATABASE="17")
            wait_for(lambda: len(swarm.running("app")) == 3 or None, 120)
            wait_for(lambda: len(swarm.running("nginx")) == 3 or None)
            wait_for(lambda: production.ask("/").status == 200 or None)
            yield swarm


@contextmanager
def load(production: Production, *paths: str, post: str = "") -> Iterator[list[Answer]]:
    """Let eight clients ask all the time, each over a new connection; engines need some of this machine for themselves.

    Args:
        production: whom they ask.
        paths: what the clients ask for, in turns.
        post: what a quarter of them posts to; nothing posts without.

    Yields:
        The answers, which are complete when the block has ended.
    """
    answers: list[Answer] = []
    stop = threading.Event()

    def client(number: int) -> None:
        method, path = ("POST", post) if post and number % 4 == 3 else ("GET", paths[number % len(paths)])
        while not stop.wait(0.05):
            start = time.monotonic()
            try:
                answer = production.ask(path, method)
            except (OSError, http.client.HTTPException) as error:
                answer = Answer(0, repr(error), {}, time.monotonic() - start, method)
            answers.append(answer)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        try:
            yield answers
        finally:
            stop.set()
    for one in clients:
        one.result()


def report(record: Any, what: str, answers: list[Answer]) -> None:
    """Keep the numbers of requests in the test's report, and show them."""
    failed = Counter(f"{answer.method} {answer.status or answer.text}" for answer in lost(answers))
    slowest = max(answer.seconds for answer in answers)
    text = f"{what}: lost {failed.total()} of {len(answers)} requests, slowest {slowest:.1f} s {dict(failed) or ''}"
    record("requests", text)
    print(text)


def test_one_command_deploys_all_of_production(swarm: Swarm) -> None:
    reached = json.loads(swarm.production.ask("/").text)
    assert reached["database"].startswith("PostgreSQL 17") and reached["redis"].startswith("Redis 8")
    assert len({task["Node"] for task in swarm.running("app")}) == 3, "spread over the nodes"
    assert {task["Node"] for name in ("db", "redis") for task in swarm.tasks(name)} == {swarm.nodes[0]}, "where the volumes are"
    wait_for(lambda: swarm.migrated() == {"1"} or None)
    assert swarm.rows() == 0, "the table is there"
    secret = (swarm.production.folder / "secrets/db_password").read_text()
    specs = swarm.manager(
        "docker", "service", "inspect", *(f"{swarm.production.slug}_{name}" for name in ("app", "db", "migrate"))
    )
    assert secret not in specs and "/run/secrets/db_password" in specs


def test_containers_are_as_hardened_as_on_one_host(swarm: Swarm) -> None:
    app = swarm.inside(swarm.nodes[0], "app", "sh", "-c", "id -u; grep CapBnd /proc/self/status; touch /tmp/a && ! touch /a")
    assert app.split() == ["10001", "CapBnd:", "0000000000000000"]
    nginx = swarm.inside(swarm.nodes[0], "nginx", "sh", "-c", "id -u; stat -c %a:%u /run/tls/privkey.pem; ! touch /a")
    assert nginx.split() == ["101", "400:101"]
    memory = swarm.inside(swarm.nodes[0], "db", "df", "-k", "/dev/shm").splitlines()[-1].split()
    assert memory[1] == str(128 * 1024)


def test_a_certificate_is_renewed_by_a_new_number(swarm: Swarm) -> None:
    address = ("127.0.0.1", int(swarm.production.ports["HTTPS_PORT"]))
    before = ssl.get_server_certificate(address)
    shutil.rmtree(swarm.production.folder / "secrets/tls")
    swarm.production.run("scripts/setup")
    with pytest.raises(AssertionError, match="only updates to Labels are allowed"):
        swarm.deploy("1")
    swarm.deploy("1", TLS_VERSION="2")
    wait_for(lambda: swarm.update_ends_as("completed", "nginx") or None)
    renewed = (swarm.production.folder / "secrets/tls/fullchain.pem").read_text()
    assert before != ssl.get_server_certificate(address) == renewed


def test_no_database_is_made_beside_that_of_another_version(swarm: Swarm) -> None:
    """As after an update that has changed the version: the service goes back by itself."""
    rows, file = swarm.rows(), swarm.production.folder / "docker-stack.yml"
    text = file.read_text()
    there = text.replace("- postgres-17:", "- postgres-18:")
    file.write_text(there.replace("source: postgres-18, target: /others/18", "source: postgres-17, target: /others/17"))
    swarm.deploy("1", TLS_VERSION="2")
    wait_for(lambda: swarm.update_ends_as("rollback_completed", "db") or None)
    file.write_text(text)
    assert "Dump the data of Postgres 15 17, then deploy with NEW_DATABASE=17 and read them in." in swarm.said("db")
    assert wait_for(lambda: (swarm.running("db") and swarm.rows() == rows) or None)


def test_a_new_version_under_load_loses_no_request(swarm: Swarm, record_property: Any) -> None:
    rows = swarm.rows()
    with load(swarm.production, "/version", "/", post="/rows") as answers:
        swarm.deploy("2", TLS_VERSION="2")
        wait_for(lambda: swarm.update_ends_as("completed") or None, 120)
        time.sleep(1)  # what the last replica of before still answers
    report(record_property, "a new version", answers)
    assert lost(answers) == []
    assert {answer.text for answer in answers if answer.text.startswith('"')} == {'"1"', '"2"'}
    assert swarm.production.ask("/version").text == '"2"'
    posted = [answer for answer in answers if answer.method == "POST"]
    assert posted and swarm.rows() == rows + len(posted), "each exactly once"
    assert swarm.migrated() == {"1", "2"}, "the new version has migrated too"


def test_a_bad_version_is_rolled_back_and_no_request_reaches_it(swarm: Swarm, record_property: Any) -> None:
    with load(swarm.production, "/version") as answers:
        swarm.deploy("bad", TLS_VERSION="2")
        wait_for(lambda: swarm.update_ends_as("rollback_completed") or None, 120)
    report(record_property, "a bad version", answers)
    assert lost(answers) == []
    assert {answer.text for answer in answers} == {'"2"'}
    assert {task["Image"].rpartition(":")[2] for task in swarm.running("app")} == {"2"}
    assert len(swarm.running("app")) == 3
    assert any("unhealthy" in task["Error"] for task in swarm.tasks("app")), "and says why"


def test_the_loss_of_a_node_under_load_is_made_good_by_the_others(swarm: Swarm, record_property: Any) -> None:
    rows = swarm.rows()
    gone = next(task["Node"] for task in swarm.running("app") if task["Node"] != swarm.nodes[0])
    with load(swarm.production, "/version", "/", post="/rows") as answers:
        docker("kill", gone)
        start = time.monotonic()

        def back() -> bool | None:
            there = [task for task in swarm.running("app") if task["Node"] != gone]
            return len(there) == 3 or None

        wait_for(back, 120)
        seconds = time.monotonic() - start
        time.sleep(3)
        from_here = len(answers)
        time.sleep(3)
    report(record_property, f"the loss of a node, three replicas again after {seconds:.0f} s", answers)
    # What the lost replica was answering just then: of each client one request at most.
    assert len(lost(answers)) <= 8
    assert lost(answers[from_here:]) == []
    assert swarm.production.ask("/").status == 200
    done = [answer for answer in answers if answer.method == "POST" and answer.status == 200]
    assert rows + len(done) <= swarm.rows() <= rows + len([answer for answer in answers if answer.method == "POST"])
