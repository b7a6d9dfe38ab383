"""Pipelines of GitLab's, run for real by gitlab-ci-local: every job in its container, with its services beside it."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tests.e2e.dind import REDUCED, docker, refuses_privileges
from tests.e2e.stack import wait_for
from tests.support import need_tool

VERSION = "4.60.0"  # the last that runs on Node 20
USER, PASSWORD = "ci", "secret"
HTPASSWD = "ci:$2b$04$RD3YUjisTSSoMwYPNxrXkei3yR/3/6RjMEUCAmWob9hqpkVJ.AHva\n"
NOTHING: Mapping[str, str] = MappingProxyType({})
# In front of docker where a machine refuses all privileges.
WRAPPER = """#!/bin/sh
for word; do
  shift
  case "$word" in
    --privileged) set -- "$@" {reduced} ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec {docker} "$@"
"""


@dataclass(frozen=True)
class GitLab:
    """What a pipeline finds around it.

    Attributes:
        name: the network on which its registries are, and the volume in which an engine leaves certificates for a job.
        folder: the settings of its runner.
        port: of the project's registry, on this machine's loopback address.
    """

    name: str
    folder: Path
    port: int

    @property
    def variables(self) -> dict[str, str]:
        """The variables that GitLab itself gives to a job of a project with a registry."""
        registry = f"registry.{self.name}.test:5000"
        return {
            "CI_REGISTRY": registry,
            "CI_REGISTRY_IMAGE": f"{registry}/group/project",
            "CI_REGISTRY_USER": USER,
            "CI_REGISTRY_PASSWORD": PASSWORD,
        }

    def pushed(self) -> list[str]:
        """Return the tags of the image in the project's registry."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v2/group/project/tags/list")
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return sorted(json.load(response)["tags"] or [])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise


@cache
def gitlab_ci_local() -> Path:
    """Return the program, installed beside the tests' own Python packages.

    It asks the package re2 only which files an `include` with wildcards means. That package is compiled for minutes where
    GitHub can't be reached, and JavaScript's own expressions do as well.
    """
    folder = Path(sys.prefix) / f"gitlab-ci-local-{VERSION}"
    if not folder.exists():
        npm = need_tool("npm")
        with tempfile.TemporaryDirectory(dir=sys.prefix) as temporary:
            new = Path(temporary) / "new"
            (new / "re2").mkdir(parents=True)
            (new / "re2/package.json").write_text('{"name": "re2", "version": "1.99.0", "main": "re2.js"}')
            (new / "re2/re2.js").write_text("module.exports = RegExp;\n")
            package = {"dependencies": {"gitlab-ci-local": VERSION, "re2": "file:re2"}, "overrides": {"re2": "$re2"}}
            (new / "package.json").write_text(json.dumps(package))
            install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(install, cwd=new, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            if not folder.exists():
                try:
                    new.rename(folder)
                except OSError:  # another worker was faster
                    assert folder.exists()
    return folder / "node_modules/.bin/gitlab-ci-local"


def start_registry(name: str, role: str, *options: str) -> int:
    """Start a registry on a network of this name, as `<role>.<name>.test:5000`; return its port on this machine."""
    network = ["--network", name, "--network-alias", f"{role}.{name}.test", "--publish", "127.0.0.1::5000"]
    docker("run", "--detach", "--name", f"{name}-{role}", *network, *options, "registry:2")
    port = int(docker("port", f"{name}-{role}", "5000/tcp").splitlines()[0].rpartition(":")[2])

    def answers() -> int | None:
        try:
            return int(urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5).status)
        except urllib.error.HTTPError as error:
            return error.code if error.code == 401 else None

    wait_for(answers)
    return port


def push(image: str, port: int) -> None:
    """Put an image that this machine has into the mirror."""
    copy = f"127.0.0.1:{port}/{image if '/' in image else 'library/' + image}"
    docker("tag", image, copy)
    try:
        docker("push", "--quiet", copy)
    finally:
        docker("rmi", copy)


def remove_jobs(name: str) -> None:
    """Remove what an interrupted pipeline leaves: its containers, their networks and their volumes."""
    jobs = docker("ps", "--all", "--quiet", "--filter", f"volume={name}").split()
    if not jobs:
        return
    found = json.loads(docker("inspect", *jobs))
    networks = {network for job in found for network in job["NetworkSettings"]["Networks"] if network != name}
    volumes = {mount["Name"] for job in found for mount in job["Mounts"] if mount["Type"] == "volume" and mount["Name"] != name}
    # Helpers that copy files in and out share a volume with the job, those that wait for a service its network.
    filters = [f"volume={volume}" for volume in volumes] + [f"network={network}" for network in networks]
    helpers = [docker("ps", "--all", "--quiet", "--filter", one).split() for one in filters]
    docker("rm", "--force", "--volumes", *{*jobs, *(helper for some in helpers for helper in some)}, check=False)
    for network in networks:
        docker("network", "rm", network, check=False)
    docker("volume", "rm", "--force", *volumes, check=False)


@contextmanager
def gitlab(images: Iterable[str] = ()) -> Iterator[GitLab]:
    """Give pipelines a GitLab around them, and leave nothing of it behind.

    Args:
        images: what the engine beside a job pulls from Docker Hub. It finds these, as this machine has them, in a mirror, so
            that pipelines run where Docker Hub can't be reached; all others come from Docker Hub.
    """
    need_tool("rsync")
    gitlab_ci_local()
    name = f"t-{uuid.uuid4().hex[:12]}"
    folder = Path(tempfile.mkdtemp(prefix=name))
    try:
        docker("network", "create", name)
        docker("volume", "create", name)
        (folder / "htpasswd").write_text(HTPASSWD)
        login = ["REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=GitLab", "REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd"]
        options = [word for variable in login for word in ("--env", variable)]
        port = start_registry(name, "registry", *options, "--volume", f"{folder}/htpasswd:/htpasswd:ro")
        mirror_port = start_registry(name, "mirror")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda image: push(image, mirror_port), images))
        settings = {
            "features": {"containerd-snapshotter": True},  # as an engine has it from version 29 on
            "registry-mirrors": [f"http://mirror.{name}.test:5000"],
            "insecure-registries": [f"{role}.{name}.test:5000" for role in ("mirror", "registry")],
        }
        (folder / "daemon.json").write_text(json.dumps(settings))
        (folder / "home").mkdir()
        (folder / "bin").mkdir()
        if refuses_privileges():
            wrapper = folder / "bin/docker"
            wrapper.write_text(WRAPPER.format(reduced=shlex.join(REDUCED), docker=need_tool("docker")))
            wrapper.chmod(0o755)
        yield GitLab(name, folder, port)
    finally:
        remove_jobs(name)
        docker("rm", "--force", "--volumes", f"{name}-registry", f"{name}-mirror", check=False)
        docker("network", "rm", name, check=False)
        docker("volume", "rm", name, check=False)
        shutil.rmtree(folder)


def run_pipeline(
    project: Path, *jobs: str, gitlab: GitLab, variables: Mapping[str, str] = NOTHING, seconds: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run the pipeline of what is committed in a project's checkout, on the branch that is checked out.

    The default branch is `main`. The cache stays for the next run, in `.gitlab-ci-local/cache`; artifacts are in
    `.gitlab-ci-local/artifacts/<job>`.

    Args:
        project: the checkout.
        jobs: their names; without any, all that the rules choose.
        gitlab: what is around it.
        variables: further ones, as of the project's settings.
        seconds: after which it has failed.

    Returns:
        The exit code, and the log of all jobs as standard output.
    """
    given = {"CI_DEFAULT_BRANCH": "main", **gitlab.variables, **variables}
    command = [
        str(gitlab_ci_local()),
        *("--home", str(gitlab.folder / "home"), "--no-color", "--no-artifacts-to-source"),
        # The runners of GitLab.com: privileged, and with a volume through which a job gets the certificates.
        *("--privileged", "--volume", f"{gitlab.name}:/certs/client", "--concurrency", "1"),
        *("--pull-policy", "if-not-present"),
        *("--volume", f"{gitlab.folder}/daemon.json:/etc/docker/daemon.json:ro", "--network", gitlab.name),
        *(word for name, value in given.items() for word in ("--variable", f"{name}={value}")),
        *jobs,
    ]
    environment = {**os.environ, "PATH": f"{gitlab.folder}/bin{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        log, _ = process.communicate(timeout=seconds)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        if isinstance(error, subprocess.TimeoutExpired):
            raise AssertionError(f"no end after {seconds} s\n{process.communicate()[0]}") from error
        raise
    finally:
        remove_jobs(gitlab.name)
    return subprocess.CompletedProcess(command, process.returncode, log)
