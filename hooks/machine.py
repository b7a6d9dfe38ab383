"""What runs on this machine, and what it lacks to work with a project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

# Engine 25 is the first that can check a starting service more often than a running one.
MINIMUM_ENGINE = (25,)
MINIMUM_COMPOSE = (2, 24, 4)
ENGINE = f"Docker Engine {'.'.join(map(str, MINIMUM_ENGINE))} or newer"
COMPOSE = f"Docker Compose {'.'.join(map(str, MINIMUM_COMPOSE))} or newer"

# Where Docker's client looks for its plugins, after the user's own folder.
PLUGINS = [
    Path(folder) / "docker" / "cli-plugins" for folder in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
]


def run(*command: str, folder: Path = Path(), seconds: float | None = None) -> tuple[int, str, str]:
    """Run a command, and return its exit code, output and errors; 127, as in a shell, where there is no such program."""
    try:
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
        done = subprocess.run(command, cwd=folder, timeout=seconds, **options)
    except FileNotFoundError:
        return 127, "", ""
    return done.returncode, done.stdout, done.stderr


def too_old(version: str, minimum: tuple[int, ...]) -> bool:
    """Tell whether a version such as `v2.40.3-desktop.1` is below a minimum."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[: len(minimum)]) < minimum


def lacking(engine: str, plugins: dict[str, str]) -> list[str]:
    """Return what is missing or too old of Docker.

    Args:
        engine: the version of the engine, empty where none answers, which may only be stopped.
        plugins: the versions of the client's plugins, by name.
    """
    lacks = []
    if engine and too_old(engine, MINIMUM_ENGINE):
        lacks.append(f"{ENGINE} (found {engine})")
    compose = plugins.get("compose", "")
    if too_old(compose, MINIMUM_COMPOSE):
        lacks.append(COMPOSE + (f" (found {compose})" if compose else ""))
    if "buildx" not in plugins:
        lacks.append("Docker Buildx, with which Compose builds images")
    return lacks


def plugin(name: str) -> Path | None:
    """Return the program of a plugin of Docker's client, None where none is in the usual folders."""
    config = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    return next((path for folder in (config / "cli-plugins", *PLUGINS) if (path := folder / f"docker-{name}").is_file()), None)


def docker() -> tuple[str, dict[str, str]]:
    """Return the versions of the engine, empty where none answers, and of the client's plugins.

    Raises:
        subprocess.TimeoutExpired: for an engine elsewhere that is away.
    """
    compose, buildx = plugin("compose"), plugin("buildx")
    if compose and buildx:
        # A tenth of a second less than `docker info`, which starts each plugin that there is.
        _, engine, _ = run("docker", "version", "--format", "{{.Server.Version}}", seconds=10)
        _, out, _ = run(str(compose), "docker-cli-plugin-metadata")
        return engine.strip(), {"compose": json.loads(out)["Version"], "buildx": ""}
    form = "[{{json .ServerVersion}}, {{json .ClientInfo.Plugins}}]"
    _, out, _ = run("docker", "info", "--format", form, seconds=10)
    engine, plugins = json.loads(out)
    return engine, {plugin["Name"]: plugin.get("Version", "") for plugin in plugins or []}


def missing() -> list[str]:
    """Return what this machine lacks to work with the project, in the words of the requirements."""
    lacks = []
    if not shutil.which("git"):
        lacks.append("git, which `copier update` needs")
    if not shutil.which("docker"):
        return [*lacks, f"{ENGINE}, {COMPOSE}"]
    try:
        engine, found = docker()
    except subprocess.TimeoutExpired:  # an engine elsewhere that is away
        return lacks
    except (ValueError, KeyError, TypeError):  # another program by this name
        code, out, _ = run("docker", "compose", "version", "--short")
        engine, found = "", {"compose": "" if code else out.strip(), "buildx": ""}
    return [*lacks, *lacking(engine, found)]
