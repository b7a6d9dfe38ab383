"""A project in production on the engine, as its operator works with it, and clients that keep asking."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.stack import Stack, clean_up_after, free_port, unique_slug
from tests.support import WIDE, render

CLIENTS = 8
# Seconds of each client between two requests: eight that make none take all of a small machine, also from what they wait for.
PAUSE = 0 if WIDE else 0.02
# A self-signed certificate, as the first start has.
TLS = ssl._create_unverified_context()
UNHEALTHY = 'CMD ["python", "-m", "http.server", "8000", "--directory", "/usr/share/doc"]'
"""The end of a Dockerfile for a version that answers, and never gets healthy."""
ROUTES = """

import time
from pathlib import Path

from fastapi import Request

from .services import connect

VERSION = Path("version.txt").read_text().strip()


@app.get("/version")
def version() -> str:
    return VERSION


@app.get("/big")
def big() -> dict[str, str]:
    return {"text": "all the same " * 1000}


@app.get("/headers")
def headers(request: Request) -> dict[str, str]:
    return {**request.headers, "url": str(request.url)}


@app.get("/slow")
def slow(seconds: float) -> str:
    time.sleep(seconds)
    return VERSION


@app.post("/rows")
def add_row() -> int:
    with connect() as connection:
        return connection.execute("INSERT INTO example DEFAULT VALUES RETURNING id").fetchone()[0]
"""


@dataclass
class Answer:
    """What a request was answered with: `status` 0 and the error as its `text` where it was lost."""

    status: int
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    method: str = "GET"


@dataclass
class Production(Stack):
    """A rendered project in production; `ports` holds HTTP_PORT and HTTPS_PORT."""

    @property
    def project(self) -> str:
        """The Compose project."""
        return f"{self.slug}-prod"

    def image(self, version: str) -> str:
        """The image of a version."""
        return f"registry.example.com/{self.slug}:{version}"

    def add_routes(self, more: str = "") -> None:
        """Add routes to the starter with FastAPI: its version, what it heard, slow and large answers, a row for each POST."""
        server = self.folder / "src" / self.slug.replace("-", "_") / "server.py"
        main = '\n\nif __name__ == "__main__":'
        server.write_text(server.read_text().replace(main, f"{ROUTES}{more}{main}"))

    def build(self, version: str) -> None:
        """Build the image of a version from the project, with the version in a file of its own."""
        (self.folder / "version.txt").write_text(version)
        self.run("docker", "build", "--quiet", "--tag", self.image(version), ".")

    def build_from(self, version: str, base: str, *lines: str) -> None:
        """Build the image of a version from that of another one, with further lines of a Dockerfile."""
        text = "\n".join([f"FROM {self.image(base)}", "USER root", f"RUN echo {version} >version.txt", "USER 10001", *lines, ""])
        self.run("docker", "build", "--quiet", "--tag", self.image(version), "-", input=text)

    def deploy(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run scripts/deploy."""
        return self.run("scripts/deploy", *arguments, check=check)

    def prod(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` on the production file, as COMPOSE.md says."""
        return self.run(
            "docker", "compose", "-p", self.project, "-f", "docker-compose.prod.yml", *arguments, check=check, **options
        )

    def containers(self, service: str = "") -> dict[str, Any]:
        """Return what the engine knows of the containers, of one service or of all, by their names."""
        filters = [f"label=com.docker.compose.project={self.project}"]
        filters += [f"label=com.docker.compose.service={service}"] if service else []
        found = self.run(
            "docker", "ps", "--all", "--quiet", *(word for one in filters for word in ("--filter", one))
        ).stdout.split()
        known = json.loads(self.run("docker", "inspect", *found).stdout) if found else []
        return {container["Name"].lstrip("/"): container for container in known}

    def prod_sql(self, statement: str) -> str:
        """Run SQL in the production database."""
        script = 'psql --no-psqlrc -v ON_ERROR_STOP=1 -qtA -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "$0"'
        return self.prod("exec", "-T", "db", "sh", "-c", script, statement).stdout.strip()

    def ask(
        self, path: str = "/", method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Ask nginx over HTTPS."""
        start = time.monotonic()
        connection = http.client.HTTPSConnection("127.0.0.1", int(self.ports["HTTPS_PORT"]), timeout=15, context=TLS)
        try:
            return _answer(connection, path, method, body, headers or {}, start)
        finally:
            connection.close()


def _answer(
    connection: http.client.HTTPConnection, path: str, method: str, body: bytes | None, headers: dict[str, str], start: float
) -> Answer:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    text = response.read().decode(errors="replace")
    found = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, text, found, time.monotonic() - start, method)


def connect(port: int, host: str) -> http.client.HTTPSConnection:
    """Return a connection to this machine, under a name that may lead elsewhere."""
    connection = http.client.HTTPSConnection(host, port, timeout=15, context=TLS)

    def here(_: tuple[str, int], *rest: Any) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), *rest)

    connection._create_connection = here  # type: ignore[attr-defined]
    return connection


@contextmanager
def load(production: Production, *paths: str, post: str = "", host: str = "127.0.0.1") -> Iterator[list[Answer]]:
    """Let eight clients ask again and again, half of them over one connection each that they keep.

    Args:
        production: whom they ask.
        paths: what the clients ask for, in turns.
        post: what a quarter of them posts to; nothing posts without.
        host: the name under which they ask, which need not lead anywhere.

    Yields:
        The answers, which are complete when the block has ended.
    """
    answers: list[Answer] = []
    stop = threading.Event()
    port = int(production.ports["HTTPS_PORT"])

    def client(number: int) -> None:
        method, path = ("POST", post) if post and number % 4 == 3 else ("GET", paths[number % len(paths)])
        connection: http.client.HTTPSConnection | None = None
        while not stop.wait(PAUSE):
            start = time.monotonic()
            try:
                connection = connection or connect(port, host)
                answers.append(_answer(connection, path, method, None, {}, start))
            except (OSError, http.client.HTTPException) as error:
                answers.append(Answer(0, repr(error), {}, time.monotonic() - start, method))
                connection = None
            if connection and number % 2:
                connection.close()
                connection = None

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def lost(answers: list[Answer]) -> list[Answer]:
    """Return the requests that got no answer, or an error."""
    return [answer for answer in answers if not 200 <= answer.status < 400]


@contextmanager
def in_production(
    template: Path, folder: Path, answers: dict[str, Any], write: Callable[[Path], None] | None = None
) -> Iterator[Production]:
    """Render a project for production, with the hook; what it leaves on the engine is removed afterwards.

    Args:
        template: the template.
        folder: where the project goes, in a folder of its own.
        answers: as with `-d`, besides `production`.
        write: makes an existing project first, in the folder that it is given.
    """
    slug = unique_slug()
    project = folder / slug
    if write:
        write(project)
    render(template, project, {"project_slug": slug, "production": True, **answers}, hook=True)
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT")}
    production = Production(project, slug, ports)
    with clean_up_after(production):
        try:
            yield production
        finally:
            named = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"registry.example.com/{slug}"]
            # First what runs them.
            production.prod("down", "--volumes", "--timeout", "1", check=False)
            if images := subprocess.run(named, check=False, capture_output=True, text=True).stdout.split():
                subprocess.run(["docker", "image", "rm", "--force", *images], check=False, capture_output=True)


def kill(container: dict[str, Any]) -> None:
    """Kill a container's first process as `kill -9` on the host does; `docker kill` would keep it from being started again."""
    os.kill(container["State"]["Pid"], 9)
