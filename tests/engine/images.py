#!/usr/bin/env python3
"""Provide the official images that the end-to-end tests start.

An image that is there is kept. Otherwise it is pulled, or, where no registry
answers, a stand-in with the same contract is built from Debian packages, and
from npm's for what is written in JavaScript.

    images.py                    make what is missing
    images.py --rebuild          make all of them again
    images.py --list             print the tags, one per line
    images.py --copy-to ENGINE   give another engine, oldest or podman, the images that it lacks
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
LABEL = "org.chora-compose.stand-in"
CONTEXT_LABEL = f"{LABEL}.context"
REGISTRY_TIMEOUT = 8  # seconds; without a network the question may never be answered
LOG_LINES = 40


@dataclass(frozen=True)
class Image:
    """An official image, and the recipe of its stand-in.

    Attributes:
        tag: The official name, as a Compose file writes it.
        folder: The stand-in's build context, below this folder.
        suite: The Debian suite whose packages have the right versions.
        args: Build arguments besides ``SUITE``.
        target: The build stage, or ``None`` for the last one.
        npm: Whether the recipe installs from npm's registry.
    """

    tag: str
    folder: str
    suite: str
    args: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    npm: bool = False


IMAGES = (
    Image("python:3.11-slim", "python", "bookworm", {"PYTHON_VERSION": "3.11"}),
    Image("python:3.13-slim", "python", "trixie", {"PYTHON_VERSION": "3.13"}),
    Image("postgres:15-alpine", "postgres", "bookworm", {"PG_MAJOR": "15"}),
    Image("postgres:17-alpine", "postgres", "trixie", {"PG_MAJOR": "17"}),
    Image("redis:7-alpine", "redis", "bookworm", {"SERVER": "redis"}, "redis"),
    Image("redis:8-alpine", "redis", "trixie", {"SERVER": "redis"}, "redis"),
    Image("valkey/valkey:8-alpine", "redis", "trixie", {"SERVER": "valkey"}, "valkey"),
    Image("nginx:1.30-alpine", "nginx", "forky"),
    Image("certbot/certbot:v5.5.0", "program", "forky", {"PACKAGE": "certbot"}, "certbot"),
    Image("restic/restic:0.19.1", "program", "forky", {"PACKAGE": "restic"}, "restic"),
    Image("rclone/rclone:latest", "program", "trixie", {"PACKAGE": "rclone"}, "rclone"),
    Image("letsencrypt/pebble:latest", "program", "forky", {"PACKAGE": "pebble"}, "pebble"),
    Image("n8nio/n8n:2.40.7", "n8n", "bookworm", {"N8N_VERSION": "2.40.7"}, npm=True),
    Image("maildev/maildev:2.2.1", "maildev", "trixie", {"MAILDEV_VERSION": "2.2.1"}, npm=True),
    Image("docker:29-cli", "docker", "forky", target="cli"),
    Image("docker:29-dind", "docker", "forky", target="dind"),
    Image("docker:29-dind-rootless", "docker", "forky", target="rootless"),
    Image("registry:2", "docker", "forky", target="registry"),
    # What gitlab-ci-local starts beside a job.
    Image("firecow/gitlab-ci-local-util:latest", "docker", "forky", target="helper"),
    Image("sumina46/wait-for-it:latest", "docker", "forky", target="wait"),
)
# What the tests on the other engines start.
ON_OTHERS = ("python:3.13-slim", "postgres:17-alpine", "redis:8-alpine", "nginx:1.30-alpine", "n8nio/n8n:2.40.7")


class EngineError(Exception):
    """A command failed; the message says which one and how."""


def run(command: list[str], timeout: float | None = None) -> str:
    """Run a command quietly.

    Args:
        command: The program and its arguments.
        timeout: Seconds after which it counts as failed.

    Returns:
        What the command printed on stdout.

    Raises:
        EngineError: It failed; holds the end of its output.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{' '.join(command)}: no answer in {timeout} s") from error
    if done.returncode:
        tail = (done.stdout + done.stderr).splitlines()[-LOG_LINES:]
        raise EngineError("\n".join([f"{' '.join(command)} failed:", *tail]))
    return done.stdout


def image_id(tag: str, through: tuple[str, ...] = ()) -> str:
    """Return the id of an image, empty when an engine has no such image.

    Args:
        tag: The image.
        through: A command that makes docker find another engine.
    """
    try:
        return run([*through, "docker", "image", "inspect", "--format", "{{.Id}}", tag])
    except EngineError:
        return ""


def copy_to(engine: str) -> None:
    """Copy the images that the tests on another engine start, as far as it lacks them.

    Args:
        engine: ``oldest`` or ``podman``.

    Raises:
        EngineError: An image is missing here, or could not be copied.
    """
    through = (str(HERE / "on"), engine)
    missing = [tag for tag in ON_OTHERS if image_id(tag, through) != image_id(tag)]
    if not missing:
        return
    with subprocess.Popen(["docker", "save", *missing], stdout=subprocess.PIPE) as saved:
        loaded = subprocess.run([*through, "docker", "load"], stdin=saved.stdout, capture_output=True, text=True)
    if saved.returncode or loaded.returncode:
        raise EngineError(f"{' '.join(missing)} could not be copied: {loaded.stderr.strip()}")
    print(f"copied to {engine}: {' '.join(missing)}")


def labels(tag: str) -> dict[str, str] | None:
    """Return the labels of a local image, or ``None`` when there is no such image."""
    try:
        found = json.loads(run(["docker", "image", "inspect", tag]))
    except EngineError:
        return None
    return (found[0].get("Config") or {}).get("Labels") or {}


def megabytes(tag: str) -> float:
    """Return the size of a local image in MB."""
    return int(run(["docker", "image", "inspect", "--format", "{{.Size}}", tag])) / 1e6


def usable(tag: str, context: str) -> bool:
    """Say whether a local image can stay: it is not ours, or our recipe has not changed since.

    Args:
        tag: The image.
        context: The hash that a stand-in made now would have.
    """
    found = labels(tag)
    return found is not None and (LABEL not in found or found.get(CONTEXT_LABEL) == context)


def registry_answers(tag: str) -> bool:
    """Say whether a registry serves the image, within a few seconds."""
    try:
        run(["docker", "manifest", "inspect", tag], timeout=REGISTRY_TIMEOUT)
    except EngineError:
        return False
    return True


def digest(files: list[Path], *words: object) -> str:
    """Return a short hash over words and files, the same in every checkout."""
    contents = sorted((file.name, file.stat().st_mode & 0o111, file.read_bytes()) for file in files)
    return hashlib.sha256(repr((words, contents)).encode()).hexdigest()[:16]


def folder_files(folder: str) -> list[Path]:
    """Return all files of a folder below this one."""
    return [file for file in (HERE / folder).rglob("*") if file.is_file()]


def base_context(suite: str) -> str:
    """Return the hash of a base image: its scripts, and the machine's apt sources and CAs that go into it."""
    machine = [*Path("/usr/local/share/ca-certificates").rglob("*.crt")]
    machine += [file for file in Path("/etc/apt").glob("sources.list*") if file.is_file()]
    machine += [*Path("/etc/apt/sources.list.d").glob("debian.sources")]
    return digest(folder_files("base") + machine, suite)


def context(image: Image) -> str:
    """Return the hash of a stand-in: its recipe and its base."""
    return digest(folder_files(image.folder), image, base_context(image.suite))


def make_base(suite: str) -> str:
    """Make the base image of a suite from Debian packages and return its tag.

    Raises:
        EngineError: This machine cannot, or the packages could not be fetched.
    """
    if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
        raise EngineError("no registry answers, and stand-ins need root and mmdebstrap on a Debian machine")
    tag = f"debian:{suite}-slim"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # mmdebstrap also works as an unprivileged user
        root = f"{folder}/root.tar"
        run([str(HERE / "base/mkbase"), suite, root])
        changes = [
            'CMD ["bash"]',
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            f"LABEL {LABEL}=true {CONTEXT_LABEL}={base_context(suite)}",
        ]
        run(["docker", "import", *(word for change in changes for word in ("--change", change)), root, tag])
    return tag


def npm_registry() -> str:
    """Return the registry that this machine's npm uses.

    Raises:
        EngineError: There is no npm.
    """
    if not shutil.which("npm"):
        raise EngineError("no registry answers, and the stand-in for n8n needs npm: install it and try again")
    return run(["npm", "config", "get", "registry"]).strip()


def build(image: Image, *, cache: bool) -> None:
    """Build a stand-in on its base image.

    Args:
        image: What to build.
        cache: Whether earlier build steps may be used again.

    Raises:
        EngineError: The build failed; holds the end of the build log.
    """
    command = ["docker", "build", "--progress", "plain", "--tag", image.tag]
    command += ["--label", f"{LABEL}=true", "--label", f"{CONTEXT_LABEL}={context(image)}"]
    for name, value in {"SUITE": image.suite, **image.args}.items():
        command += ["--build-arg", f"{name}={value}"]
    for name in ("http_proxy", "https_proxy", "no_proxy"):  # apt must reach the mirror as the machine does
        command += [word for key in (name, name.upper()) if key in os.environ for word in ("--build-arg", key)]
    if image.npm:
        command += ["--build-arg", f"NPM_CONFIG_REGISTRY={npm_registry()}"]
    if image.target:
        command += ["--target", image.target]
    if not cache:
        command.append("--no-cache")
    run([*command, str(HERE / image.folder)])


def report(tag: str, source: str, start: float) -> None:
    """Print the row of an image that is there now: where it came from, how long that took, its size."""
    print(f"{tag:35} {source:9} {time.monotonic() - start:6.1f} s {megabytes(tag):6.0f} MB", flush=True)


def provide(images: tuple[Image, ...], *, rebuild: bool) -> None:
    """Make sure that all images are there.

    Args:
        images: The images.
        rebuild: Whether to make those again that are there.

    Raises:
        EngineError: An image could be neither pulled nor built.
    """
    begun = time.monotonic()
    missing = [image for image in images if rebuild or not usable(image.tag, context(image))]
    pull = bool(missing) and registry_answers(missing[0].tag)
    bases: set[str] = set()

    def make(image: Image) -> None:
        start = time.monotonic()
        build(image, cache=not rebuild)
        report(image.tag, "stand-in", start)

    # What waits for npm's registry for minutes is made beside the others, and so comes first.
    with ThreadPoolExecutor() as beside:
        waited_for = []
        for image in sorted(images, key=lambda image: not image.npm):
            start = time.monotonic()
            if image not in missing:
                report(image.tag, "kept", start)
            elif pull:
                run(["docker", "pull", image.tag])
                report(image.tag, "pulled", start)
            else:
                if image.suite not in bases:
                    bases.add(image.suite)
                    if rebuild or not usable(f"debian:{image.suite}-slim", base_context(image.suite)):
                        report(make_base(image.suite), "base", start)
                if image.npm:
                    waited_for.append(beside.submit(make, image))
                else:
                    make(image)
        for one in waited_for:
            one.result()
    print(f"{'total':45} {time.monotonic() - begun:6.1f} s")


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Provide the images that the end-to-end tests start.")
    parser.add_argument("--list", action="store_true", help="print the tags, one per line")
    parser.add_argument("--rebuild", action="store_true", help="make all images again")
    parser.add_argument("--copy-to", metavar="ENGINE", help="copy the official images to another engine, oldest or podman")
    options = parser.parse_args()
    if options.list:
        print("\n".join(image.tag for image in IMAGES))
        return 0
    try:
        if options.copy_to:
            copy_to(options.copy_to)
            return 0
        provide(IMAGES, rebuild=options.rebuild)
    except EngineError as error:
        print(f"tests/engine/images.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
