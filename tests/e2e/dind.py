"""Docker engines in containers of their own."""

from __future__ import annotations

import subprocess
from functools import cache

# All that --privileged gives and a machine without CAP_SYS_RESOURCE has. The stand-in for docker:X-dind can do with it.
REDUCED = (
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *(word for name in ("seccomp", "apparmor", "systempaths") for word in ("--security-opt", f"{name}=unconfined")),
)


def docker(*arguments: str, check: bool = True) -> str:
    """Run docker and return what it prints."""
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    assert not check or result.returncode == 0, f"docker {arguments} exited with {result.returncode}\n{result.stderr}"
    return result.stdout.strip()


@cache
def refuses_privileges() -> bool:
    """Say whether this machine starts no container with all privileges."""
    return subprocess.run(["docker", "run", "--rm", "--privileged", "docker:29-cli", "true"], capture_output=True).returncode != 0


def start_engine(name: str, network: str, *options: str, rootless: bool = False) -> None:
    """Start an engine as the container and host `name` on a network; its socket is inside alone, nothing of it is published."""
    privileges = REDUCED if refuses_privileges() else ["--privileged"]
    # With a command of its own it makes no certificates.
    listen = ["dockerd", "--host", "unix:///var/run/docker.sock"]
    image = ["docker:29-dind-rootless"] if rootless else ["docker:29-dind", *listen]
    docker(
        "run",
        "--detach",
        "--name",
        name,
        "--hostname",
        name,
        "--network",
        network,
        *privileges,
        *options,
        *image,
    )
