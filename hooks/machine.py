"""What runs on this machine, and what it lacks to work with a project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Engine 25 is the first that can check a starting service more often than a running one.
MINIMUM_ENGINE = (25,)
MINIMUM_COMPOSE = (2, 24, 4)
MINIMUM_BUILDX = (0, 13)
# The first Compose that refuses an older Buildx, and the Buildx that it wants.
BUILDING_COMPOSE, BUILDING_BUILDX = (2, 40), (0, 17)
# What an engine of 25 answers; Podman has other versions, and by itself no BuildKit, without which Compose 5 builds nothing.
MINIMUM_API = (1, 44)
NO_BUILDER = (5,)
ENGINE = f"Docker Engine {'.'.join(map(str, MINIMUM_ENGINE))} or newer"
COMPOSE = f"Docker Compose {'.'.join(map(str, MINIMUM_COMPOSE))} or newer"
BUILDX = "Docker Buildx {} or newer, with which Compose builds images"

# Where Docker's client looks for its plugins, after the user's own folder.
PLUGINS = [
    Path(folder) / "docker" / "cli-plugins" for folder in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
]


def run(*command: str, folder: Path = Path(), seconds: float | None = None) -> tuple[int, str, str]:
    """Run a command, and return its exit code, output and errors; 127, as in a shell, where there is no such program."""
    try:
        # Docker and git write UTF-8, whatever the locale.
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "encoding": "utf-8", "errors": "replace"}
        done = subprocess.run(command, cwd=folder, timeout=seconds, **options)
    except FileNotFoundError:
        return 127, "", ""
    return done.returncode, done.stdout, done.stderr


def too_old(version: str, minimum: tuple[int, ...]) -> bool:
    """Tell whether a version such as `v2.40.3-desktop.1` is below a minimum."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[: len(minimum)]) < minimum


@dataclass(frozen=True)
class Docker:
    """What answers here to `docker`.

    Attributes:
        engine: the version of the engine, empty where none answers, which may only be stopped.
        plugins: the versions of the client's plugins, by name.
        podman: the version of the API that Podman answers, empty where it is another engine.
    """

    engine: str
    plugins: dict[str, str]
    podman: str = ""


def lacking(found: Docker) -> list[str]:
    """Return what is missing or too old of Docker."""
    lacks = []
    compose, buildx = found.plugins.get("compose", ""), found.plugins.get("buildx", "")
    if compose == "podman-compose":
        return [f"{COMPOSE}: podman-compose gives the services other values than Compose, and is not supported"]
    if found.engine and not found.podman and too_old(found.engine, MINIMUM_ENGINE):
        lacks.append(f"{ENGINE} (found {found.engine})")
    if too_old(compose, MINIMUM_COMPOSE):
        lacks.append(COMPOSE + (f" (found {compose})" if compose else ""))
    if found.podman:
        return lacks + on_podman(found)
    wanted = MINIMUM_BUILDX if too_old(compose, BUILDING_COMPOSE) else BUILDING_BUILDX
    if "buildx" not in found.plugins or (buildx and too_old(buildx, wanted)):
        lacks.append(BUILDX.format(".".join(map(str, wanted))) + (f" (found {buildx})" if buildx else ""))
    return lacks


def on_podman(found: Docker) -> list[str]:
    """Return what keeps a project from running on Podman."""
    lacks = []
    if too_old(found.podman, MINIMUM_API):
        wanted = ".".join(map(str, MINIMUM_API))
        lacks.append(
            f"a Podman with the API {wanted}, or an override without start_interval (found {found.engine} with {found.podman})"
        )
    if not too_old(found.plugins.get("compose", ""), NO_BUILDER):
        lacks.append("a Docker Compose before 5, because a newer one can't build on Podman")
    if os.environ.get("DOCKER_BUILDKIT") != "0":
        lacks.append("DOCKER_BUILDKIT=0 in the environment, because Podman has no BuildKit")
    return lacks


def plugin(name: str) -> Path | None:
    """Return the program of a plugin of Docker's client, None where none is in the usual folders."""
    config = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    return next((path for folder in (config / "cli-plugins", *PLUGINS) if (path := folder / f"docker-{name}").is_file()), None)


def docker() -> Docker:
    """Return what answers to `docker`.

    Raises:
        subprocess.TimeoutExpired: for an engine elsewhere that is away.
    """
    form = "[{{json .Server.Version}}, {{json .Server.APIVersion}}, {{json .Server.Components}}]"
    _, out, _ = run("docker", "version", "--format", form, seconds=10)
    engine, api, parts = json.loads(out) if out.startswith("[") else ("", "", [])
    podman = api if any("Podman" in part["Name"] for part in parts or []) else ""
    programs = {name: path for name in ("compose", "buildx") if (path := plugin(name))}
    if len(programs) == 2:
        # A tenth of a second less than `docker info`, which starts each plugin that there is.
        said = {name: run(str(path), "docker-cli-plugin-metadata")[1] for name, path in programs.items()}
        return Docker(engine, {name: json.loads(text)["Version"] for name, text in said.items()}, podman)
    _, out, _ = run("docker", "info", "--format", "{{json .ClientInfo.Plugins}}", seconds=10)
    return Docker(engine, {plugin["Name"]: plugin.get("Version", "") for plugin in json.loads(out) or []}, podman)


def other() -> Docker:
    """Return what is known where `docker` is another program, as where it stands for Podman."""
    _, out, _ = run("docker", "compose", "version")
    version = "podman-compose" if "podman-compose" in out else "".join(re.findall(r"\d+\.\d[^\s]*", out)[:1])
    return Docker("", {"compose": version, "buildx": ""})


def missing() -> list[str]:
    """Return what this machine lacks to work with the project, in the words of the requirements."""
    lacks = []
    if not shutil.which("git"):
        lacks.append("git, which `copier update` needs")
    if not shutil.which("docker"):
        return [*lacks, f"{ENGINE}, {COMPOSE}, {BUILDX.format('.'.join(map(str, BUILDING_BUILDX)))}"]
    try:
        found = docker()
    except subprocess.TimeoutExpired:  # an engine elsewhere that is away
        return lacks
    except (ValueError, KeyError, TypeError):  # another program by this name
        found = other()
    return [*lacks, *lacking(found)]
