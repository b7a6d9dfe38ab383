# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What Docker has of the Compose projects on this machine."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from functools import cache

from .common import Problem, run

PROJECT = "label=com.docker.compose.project"


def listed(*command: str, fields: str) -> list[dict[str, str]] | None:
    """Return what Docker lists, by field: those in lower case are labels of Compose's.

    None is no answer.
    """
    names, label = fields.split(), '.Label "com.docker.compose.'
    forms = [f'{label}{one}"' if one[0].islower() else f".{one}" for one in names]
    form = "\t".join("{" * 2 + one + "}" * 2 for one in forms)
    with suppress(Problem, subprocess.TimeoutExpired):
        result = run("docker", *command, "--format", form, timeout=10)
        return [dict(zip(names, one.split("\t"))) for one in result.stdout.splitlines()]
    return None


def containers() -> list[dict[str, str]] | None:
    """Return the containers of all Compose projects; None without an answer."""
    fields = "project service project.working_dir ID State Status Ports"
    return listed("ps", "--all", "--filter", PROJECT, fields=fields)


# Asked once, and only where it matters.
known_containers = cache(containers)


def volumes(project: str) -> dict[str, str]:
    """Return the volumes of a Compose project, by their names in its Compose file."""
    only = f"{PROJECT}={project}"
    found = listed("volume", "ls", "--filter", only, fields="volume Name") or []
    return {one["volume"]: one["Name"] for one in found}


@cache
def refuses() -> bool:
    """Tell whether this user may not ask, as where Docker is used with sudo."""
    with suppress(Problem, subprocess.TimeoutExpired):
        said = run("docker", "ps", check=False, timeout=10).stderr
        return "permission denied" in said.lower()
    return False


def holder(port: int) -> str:
    """Return the Compose project that publishes a port; empty where none does."""
    known = known_containers() or []
    return next((one["project"] for one in known if f":{port}->" in one["Ports"]), "")


def running(project: str, service: str) -> str:
    """Return the running container of a project's service; empty where none runs."""
    for one in containers() or []:
        found = one["project"], one["service"], one["State"]
        if found == (project, service, "running"):
            return one["ID"]
    return ""
