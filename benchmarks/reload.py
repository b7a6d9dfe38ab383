"""From saving a file to the new answer: reloaders on the host, the same in Docker, and what Compose does.

    python benchmarks/reload.py [--rounds 15]

All servers run at once, and are edited in turns, each at a moment that has nothing to do with its last answer, because some
reloaders look at the files once a second. Only the ratios of one run say something: machines are noisy.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.stack import PORT_VARIABLES, Stack, clean_up_after, free_port, unique_slug, wait_for  # noqa: E402 - the path has to be known first
from tests.support import copy_template, render  # noqa: E402 - see the line above

# Pattern 11 as often written. Added: which app, where its code is, a port of this machine.
USUAL_COMPOSE = """services:
  app:
    build: .
    volumes:
      - .:/workspace:delegated
      - /workspace/__pycache__  # Exclude bytecode cache
    environment:
      - FLASK_ENV=development
      - FLASK_DEBUG=1
      - FLASK_APP={package}.server
      - PYTHONPATH=/workspace/src
    command: flask run --host=0.0.0.0 --reload  # Hot reload enabled
    ports:
      - "127.0.0.1:{port}:5000"
"""
USUAL_DOCKERFILE = """FROM python:{python}-slim
WORKDIR /workspace
RUN pip install "flask>=3.0,<4"
COPY . .
"""
HOST = {"fastapi": ["uvicorn", "{package}.server:app", "--reload", "--reload-dir", "src", "--port"]}
HOST["flask"] = ["flask", "--app", "{package}.server:app", "run", "--debug", "--port"]


@dataclass
class Side:
    """A running server.

    Attributes:
        name: what the table calls it.
        file: the code that is edited.
        url: the page that shows it.
        text: what the page says now.
    """

    name: str
    file: Path
    url: str
    text: str = '"ok"'

    def answer(self) -> str | None:
        """Return what is answered, once it is the newest."""
        with urllib.request.urlopen(self.url, timeout=5) as response:
            found: str = response.read().decode()
        return found if self.text.strip('"') in found else None

    def measure(self, number: int) -> float:
        """Return the seconds from saving to the new answer."""
        quote = '"' if self.text.startswith('"') else ""
        old, self.text = self.text, f"{quote}version {number}{quote}"
        changed = self.file.read_text().replace(old, self.text)
        start = time.perf_counter()
        self.file.write_text(changed)
        while True:
            try:
                if self.answer():
                    return time.perf_counter() - start
            except (OSError, HTTPException):  # it ends in the middle of an answer, too
                if time.perf_counter() - start > 60:
                    raise
            time.sleep(0.005)


class Bench:
    """Starts the sides in one folder, and ends them with its exit stack."""

    def __init__(self, base: Path, cleanups: ExitStack) -> None:
        self.base, self.cleanups = base, cleanups
        self.python = f"3.{max(11, min(14, sys.version_info.minor))}"
        self.template = copy_template(base / "template")
        self.sides: list[Side] = []

    def render(self, answers: dict[str, Any]) -> Stack:
        slug = unique_slug()
        folder = render(self.template, self.base / slug, {"project_slug": slug, "python_version": self.python, **answers})
        stack = Stack(folder, slug, {name: str(free_port()) for name in PORT_VARIABLES})
        return self.cleanups.enter_context(clean_up_after(stack))

    def add(self, name: str, stack: Stack, url: str) -> None:
        package = stack.slug.replace("-", "_")
        self.sides.append(Side(name, stack.folder / "src" / package / "server.py", f"{url}/health"))

    def host(self, framework: str) -> None:
        """Start the same app without Docker, in a virtual environment with the same packages."""
        stack = self.render({"web_framework": framework})
        venv, port = self.base / f"venv-{framework}", free_port()
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, venv], check=True)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(venv / "bin" / "python")]
        subprocess.run([*install, "-r", str(stack.folder / "pyproject.toml")], check=True)
        command = [word.format(package=stack.slug.replace("-", "_")) for word in HOST[framework]]
        environment = {**os.environ, "PYTHONPATH": str(stack.folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.start([str(venv / "bin" / command[0]), *command[1:], str(port)], stack.folder, environment)
        self.add(f"{framework}: host, without Docker", stack, f"http://127.0.0.1:{port}")

    def start(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        null = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=null, stderr=null, start_new_session=True)
        self.cleanups.enter_context(ended(process))

    def template_side(self, framework: str) -> None:
        """Start the rendered set-up."""
        stack = self.render({"web_framework": framework})
        stack.up()
        self.add(f"{framework}: template", stack, stack.app_url)

    def mcp(self) -> None:
        """Start the rendered MCP server."""
        stack = self.render({"stack": "mcp", "services": []})
        stack.up()
        self.add("mcp: template", stack, stack.url("mcp-server"))

    def usual(self) -> None:
        """Start the pattern as often written."""
        stack, port = self.render({"web_framework": "flask"}), free_port()
        package = stack.slug.replace("-", "_")
        (stack.folder / "docker-compose.yml").write_text(
            f"name: {stack.slug}\n{USUAL_COMPOSE.format(package=package, port=port)}"
        )
        (stack.folder / "Dockerfile").write_text(USUAL_DOCKERFILE.format(python=self.python))
        stack.compose("up", "--build", "--detach")
        self.add("flask: as often written", stack, f"http://127.0.0.1:{port}")

    def watch(self, name: str, answers: dict[str, Any], override: str = "") -> None:
        """Start the rendered set-up under `docker compose watch`."""
        stack = self.render(answers)
        if override:
            (stack.folder / "docker-compose.override.yml").write_text(override)
        stack.compose("build")
        self.start(["docker", "compose", "watch"], stack.folder, {**os.environ, **stack.ports})
        self.add(name, stack, stack.app_url)


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process at the end, and what it has started."""
    try:
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as cleanups:
        bench = Bench(Path(temporary), cleanups)
        for framework in ("fastapi", "flask"):
            bench.host(framework)
            bench.template_side(framework)
        bench.usual()
        bench.mcp()
        bench.watch("fastapi: template, `compose watch`", {}, "services: {app: {volumes: !reset []}}\n")
        bench.watch("stdlib: template, `compose watch`", {"web_framework": "stdlib", "hot_reload": True})
        for side in bench.sides:
            wait_for(side.answer)
        taken: dict[str, list[float]] = {side.name: [] for side in bench.sides}
        for number in range(1, rounds + 2):
            for side in bench.sides:
                time.sleep(random.uniform(0.5, 1.5))
                seconds = side.measure(number)
                if number > 1:  # the first edit may come before a watcher has begun
                    taken[side.name].append(seconds)
        shutil.rmtree(bench.template)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    print("| measured | seconds | to the host |\n| --- | --- | --- |")
    for name, seconds in medians.items():
        host = medians.get(f"{name.split(':')[0]}: host, without Docker")
        print(f"| {name} | {seconds:.2f} | {f'{seconds / host:.2f}' if host else ''} |")


if __name__ == "__main__":
    main()
