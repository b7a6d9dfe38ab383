# Managed by chora-compose-template: `copier update` rewrites this file.
"""What the scripts for production share: Compose with its files, what runs, and the lock."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "my-project-prod"
IMAGE = "registry.example.com/my-project"
SECRETS = ["app_secret_key", "db_password", "redis_password"]
DATABASE = "my_project"
POSTGRES = "17"
ENV = ROOT / ".env"
BEGIN = "# >>> scripts/deploy: what runs in production"
END = "# <<< scripts/deploy"
# Ctrl-C, a pipeline that gives up, and a closed terminal.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Problem(Exception):  # noqa: N818 - what a user reads about
    """What keeps a script from doing its work, in one sentence that says what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def run(*command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command.

    Args:
        command: the program and its arguments.
        check: whether a failure is a Problem.
        options: of `subprocess.run`; without any, what the command prints is kept.

    Raises:
        Problem: the program is missing, or it failed; holds what it said last.
    """
    options = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "cwd": ROOT, **options}
    try:
        result = subprocess.run(command, **options)
    except FileNotFoundError:
        raise Problem(f"{command[0]} is not installed: install Docker with Compose 2.24.4 or newer") from None
    if check and result.returncode:
        # Before the last line Compose shows its progress.
        reason = (result.stderr or result.stdout or "see above").strip().splitlines()[-1]
        raise Problem(f"`{' '.join(command)}` failed: {reason.strip()}")
    return result


def compose(*arguments: str, version: str = "", check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `docker compose` on the production project, with the app's image of a version, or of the one that is deployed."""
    command = ["docker", "compose", "-p", PROJECT]
    command += [word for name in (".env", ".env.production") if (ROOT / name).exists() for word in ("--env-file", name)]
    command += ["-f", "docker-compose.prod.yml"]
    if (ROOT / "docker-compose.prod.override.yml").exists():
        command += ["-f", "docker-compose.prod.override.yml"]
    # What this shell has for Compose is meant for another project.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_") and name != "VERSION"}
    if version:
        environment["VERSION"] = version
    return run(*command, *arguments, check=check, env=environment, **options)


def containers(service: str, *, running: bool = False) -> list[dict[str, Any]]:
    """Return what the engine knows of a service's containers, oldest first.

    Args:
        service: its name in docker-compose.prod.yml.
        running: whether those that do not run are left out.
    """
    labels = {"project": PROJECT, "service": service, "oneoff": "False"}
    filters = [word for name, value in labels.items() for word in ("--filter", f"label=com.docker.compose.{name}={value}")]
    found = run("docker", "ps", "--quiet", "--no-trunc", *filters, *([] if running else ["--all"])).stdout.split()
    # One that is gone by now is left out, which inspect says with its exit code.
    known = json.loads(run("docker", "inspect", *found, check=False).stdout or "[]") if found else []
    return sorted(known, key=lambda container: container["Created"])


def deployed() -> dict[str, str]:
    """Return VERSION and PREVIOUS_VERSION from our block in .env, as far as they are there."""
    text = ENV.read_text(encoding="utf-8") if ENV.exists() else ""
    _, _, rest = text.partition(BEGIN + "\n")
    return dict(re.findall(r"^(\w+)=(\S*)$", rest.partition(END)[0], re.MULTILINE))


def remember(versions: dict[str, str]) -> None:
    """Write our block in .env; what else is there stays to the letter."""
    text = ENV.read_text(encoding="utf-8") if ENV.exists() else ""
    block = "\n".join([BEGIN, *(f"{name}={value}" for name, value in versions.items()), END, ""])
    present = re.search(f"^{re.escape(BEGIN)}\n.*?^{re.escape(END)}(\n|$)", text, re.MULTILINE | re.DOTALL)
    if present:
        text = text[: present.start()] + block + text[present.end() :]
    else:
        text = f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{block}"
    new = ENV.with_name(".env.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(ENV.stat().st_mode & 0o777 if ENV.exists() else 0o600)
    new.replace(ENV)


def check_secrets() -> None:
    """See that everything is there that is mounted into containers, because Docker's own words are hard to read.

    Raises:
        Problem: a secret or the certificate is missing.
    """
    files = [f"secrets/{name}" for name in SECRETS] + ["secrets/tls/fullchain.pem", "secrets/tls/privkey.pem"]
    if missing := [name for name in files if not (ROOT / name).is_file()]:
        raise Problem(f"{', '.join(missing)} missing: put yours there, or run scripts/setup, which makes new ones")


@contextmanager
def lock(seconds: float = 0) -> Iterator[None]:
    """Keep other scripts for production of this project from running at the same time.

    Args:
        seconds: how long one that runs may take to end.

    Raises:
        Problem: one is running.
    """
    # For the whole machine, because a second checkout deploys to the same containers; gone by itself with the process.
    path = Path(tempfile.gettempdir()) / f"{PROJECT}.lock"
    try:
        handle = os.open(path, os.O_RDONLY) if path.exists() else os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise Problem(f"{path} can't be opened: {error.strerror}") from None
    try:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise Problem(f"another deployment, backup or restore of {PROJECT} is running: nothing was done") from None
                time.sleep(1)
        yield
    finally:
        os.close(handle)


def interrupt(*_: Any) -> None:
    """End what is being done, once: what is put in order after that is not interrupted again."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Do to its end what can't be left half done."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def main(work: Any) -> None:
    """Run a script's work, and end with what keeps it from being done in one sentence."""
    name = f"scripts/{Path(sys.argv[0]).name}"
    for number in STOPPING:
        # What nohup has switched off stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        work()
    except Problem as problem:
        sys.exit(f"{name}: {problem}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")
