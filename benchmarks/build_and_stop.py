"""Build and stop: a Compose set-up as often written, beside the rendered minimal stack, in one run on one engine.

    python benchmarks/build_and_stop.py [--rounds 3]

Prints a table of medians in seconds and of ratios. Only the ratios of one run say something: machines are noisy. It
removes the engine's cache mounts before each cold build, so that neither side finds packages of an earlier round.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import copy_template, render  # noqa: E402 - the path has to be known first

# A server that, like most, does nothing at SIGTERM.
SERVER = """import http.server

http.server.HTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
# What a web app with a database usually has.
REQUIREMENTS = """fastapi>=0.115,<1
uvicorn[standard]>=0.30,<1
sqlalchemy>=2,<3
alembic>=1.13,<2
psycopg[binary]>=3.2,<4
redis>=5.2,<9
httpx>=0.27,<1
jinja2>=3,<4
pydantic-settings>=2,<3
"""
# As often written, with the image that both sides build on, and a port that is free here.
USUAL_DOCKERFILE = """FROM python:3.13-slim
WORKDIR /workspace
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
CMD ["python", "-m", "your_module.server"]
"""
USUAL_COMPOSE = """services:
  app:
    build: .
    volumes:
      - .:/workspace:delegated
    environment:
      - PYTHONUNBUFFERED=1
    ports:
      - "127.0.0.1:18000:8000"
    command: python -m your_module.server
"""


def project(folder: Path) -> Path:
    """Write the same small project for both sides."""
    package = folder / "your_module"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "server.py").write_text(SERVER)
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    return folder


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(folder: Path, round_number: int) -> dict[str, float]:
    """Return the seconds of one round."""
    prune = ("docker", "builder", "prune", "--force", "--filter", "type=exec.cachemount")
    compose = ("docker", "compose", "-p", f"bench-{folder.name}")
    run(folder, *prune)
    results = {"cold build": seconds(lambda: run(folder, *compose, "build", "--no-cache"))}
    server = folder / "your_module" / "server.py"
    server.write_text(f"{SERVER}\n# round {round_number}\n")
    results["a line of code"] = seconds(lambda: run(folder, *compose, "build"))
    (folder / "requirements.txt").write_text(f"{REQUIREMENTS}six>=1.16  # {time.time_ns()}\n")
    results["one more dependency"] = seconds(lambda: run(folder, *compose, "build"))
    try:
        results["up, until it answers"] = seconds(lambda: up(folder, compose))
        results["down"] = seconds(lambda: run(folder, *compose, "down"))
    finally:
        run(folder, *compose, "down", "--volumes", "--timeout", "1")
    return results


def up(folder: Path, compose: tuple[str, ...]) -> None:
    run(folder, *compose, "up", "--detach", "--wait")
    ask = "import urllib.request as r; r.urlopen('http://127.0.0.1:18000/')"
    while subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False).returncode:
        time.sleep(0.05)


def size(name: str) -> float:
    """Return the megabytes that an image adds to its base."""
    sizes = [
        int(subprocess.check_output(["docker", "image", "inspect", "-f", "{{.Size}}", image]))
        for image in (f"bench-{name}-app", "python:3.13-slim")
    ]
    return (sizes[0] - sizes[1]) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        usual, ours = project(base / "usual"), project(base / "ours")
        (usual / "Dockerfile").write_text(USUAL_DOCKERFILE)
        (usual / "docker-compose.yml").write_text(USUAL_COMPOSE)
        render(copy_template(base / "template"), ours, {"app_command": "python -m your_module.server"})
        (ours / ".env").write_text("APP_PORT=18000\n")
        taken: dict[str, list[dict[str, float]]] = {"usual": [], "ours": []}
        for number in range(rounds):
            for folder in (usual, ours):
                taken[folder.name].append(measure(folder, number))
        print("| measured | usual | template | usual / template |\n| --- | --- | --- | --- |")
        for name in taken["usual"][0]:
            before, after = (statistics.median(result[name] for result in taken[side]) for side in ("usual", "ours"))
            print(f"| {name} | {before:.1f} s | {after:.1f} s | {before / after:.1f} |")
        before, after = size("usual"), size("ours")
        print(f"| size over the base image | {before:.0f} MB | {after:.0f} MB | {before / after:.2f} |")
        for side in taken:
            subprocess.run(["docker", "image", "rm", "--force", f"bench-{side}-app"], capture_output=True, check=False)
        shutil.rmtree(base / "template")


if __name__ == "__main__":
    main()
