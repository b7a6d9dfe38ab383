"""A rendered project on the Docker engine, and what its user does with it."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.support import commit_all, git

T = TypeVar("T")
PORT_VARIABLES = ("APP_PORT", "POSTGRES_PORT", "REDIS_PORT", "N8N_PORT", "MAIL_PORT", "SMTP_PORT")
# Below the range from which systems take the ports of outgoing connections; apart for each of xdist's workers.
_FIRST_PORT = 20000 + 500 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.cycle(range(_FIRST_PORT, _FIRST_PORT + 500))


def free_port() -> int:
    """Return a port on which nothing listens."""
    for port in _ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("unreachable: the ports are a cycle")


def unique_slug() -> str:
    """Return a project slug that no other test and no other run has."""
    return f"t-{uuid.uuid4().hex[:12]}"


def wait_for(what: Callable[[], T | None], seconds: float = 60) -> T:
    """Return the first answer that is neither None nor an OSError; the last error after the given seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            if (answer := what()) is not None:
                return answer
        except OSError:
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def fetch(url: str) -> tuple[int, str]:
    """Return the status and the text that a URL answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def warnings(stderr: str) -> list[str]:
    """Return the lines in which Compose warns, but for the one that it has for every build on Podman."""
    on_podman = "configured to build using Bake, but buildkit isn't enabled"
    return [line for line in stderr.splitlines() if "warn" in line.lower() and on_podman not in line]


LISTS = {"container": ["ps", "--all"], "network": ["network", "ls"], "volume": ["volume", "ls"]}


def leftovers(slug: str) -> list[str]:
    """Return the kind and the Compose project of what is still there of a project and its branches' environments."""
    form = '{{.Label "com.docker.compose.project"}}'
    found = []
    for kind, command in LISTS.items():
        listed = ["docker", *command, "--filter", "label=com.docker.compose.project", "--format", form]
        names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
        found += [f"{kind} {name}" for name in names if name == slug or name.startswith(f"{slug}-")]
    return found


@dataclass
class Stack:
    """A rendered project, to be brought up.

    Attributes:
        folder: the project.
        slug: its Compose project.
        ports: the port variables, by name; empty to use the project's own ports.
        environment: further variables of the user's shell.
    """

    folder: Path
    slug: str
    ports: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder, with the port variables in the environment."""
        # Git tells root nothing about a folder of somebody else, unless this machine is set to, and Buildx warns of that.
        environment = {**os.environ, "BUILDX_GIT_INFO": "false", **self.ports, **self.environment}
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, **options)
        assert not check or result.returncode == 0, f"{command} exited with {result.returncode}\n{result.stdout}{result.stderr}"
        return result

    def compose(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` as a user would: no flag that says where the files are or what the project is called."""
        return self.run("docker", "compose", *arguments, check=check, **options)

    def up(self, *arguments: str) -> None:
        """Build and start, until everything is healthy; Compose must have nothing to warn of."""
        result = self.compose("up", "--build", "--wait", *arguments, check=False)
        if result.returncode:
            logs = self.compose("logs", "--no-color", "--tail", "40", check=False).stdout
            raise AssertionError(f"up exited with {result.returncode}\n{result.stderr[-3000:]}\n{logs}")
        assert not warnings(result.stderr)

    def go_on_in_a_clone(self) -> None:
        """Commit the project, and go on in a fresh clone of it, in which nothing was set up."""
        commit_all(self.folder, "Render the set-up")
        clone = self.folder.with_name("clone")
        git(self.folder, "clone", "--quiet", str(self.folder), str(clone))
        self.folder = clone

    def url(self, service: str) -> str:
        """Where a service is published, as Compose itself says it."""
        port = json.loads(self.compose("config", "--format", "json").stdout)["services"][service]["ports"][0]["published"]
        return f"http://127.0.0.1:{port}"

    @property
    def app_url(self) -> str:
        """Where the app is."""
        return self.url("app")

    def get(self, path: str = "/") -> tuple[int, str]:
        """Ask the app over its published port."""
        return fetch(self.app_url + path)

    def get_json(self, path: str = "/") -> Any:
        """Ask the app for a page of JSON."""
        status, text = self.get(path)
        assert status == 200, f"{path} answered {status}: {text}"
        return json.loads(text)

    def sql(self, statement: str) -> str:
        """Run SQL in the database, with the credentials that its container has."""
        script = 'psql --no-psqlrc -v ON_ERROR_STOP=1 -qtA -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "$0"'
        return self.compose("exec", "-T", "db", "sh", "-c", script, statement).stdout.strip()

    def redis(self, *words: str) -> str:
        """Run a command of Redis."""
        return self.compose("exec", "-T", "redis", "redis-cli", *words).stdout.strip()

    def inspect(self, service: str) -> Any:
        """Return what the engine knows of a service's container, also of a stopped one."""
        container = self.compose("ps", "--all", "--quiet", service).stdout.strip()
        return json.loads(self.run("docker", "inspect", container).stdout)[0]


@contextmanager
def clean_up_after(stack: Stack) -> Iterator[Stack]:
    """Remove all that a stack leaves on the engine, whatever happens in between."""
    try:
        yield stack
    finally:
        # By the project's name alone, so that a broken Compose file does not keep things from being removed.
        down = ["down", "--volumes", "--remove-orphans", "--timeout", "3"]
        for project in {stack.slug, *(entry.split()[1] for entry in leftovers(stack.slug))}:
            subprocess.run(["docker", "compose", "-p", project, *down], cwd="/", check=False, capture_output=True)
            list_volumes = ["docker", "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={project}"]
            for volume in subprocess.run(list_volumes, check=False, capture_output=True, text=True).stdout.split():
                subprocess.run(["docker", "volume", "rm", volume], check=False, capture_output=True)
        # By name: parallel tests that build the same files share an image, and an id would take it from all of them.
        list_images = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={stack.slug}-*"]
        images = subprocess.run(list_images, check=False, capture_output=True, text=True).stdout.split()
        if images:
            subprocess.run(["docker", "image", "rm", "--force", *images], check=False, capture_output=True)


def worktree(stack: Stack, branch: str) -> Stack:
    """Add a worktree with a new branch, as a user does: nothing else is run there."""
    folder = stack.folder.with_name(f"{stack.folder.name} worktree {branch.replace('/', '_')}")
    git(stack.folder, "worktree", "add", "-b", branch, str(folder))
    return Stack(folder, stack.slug)
