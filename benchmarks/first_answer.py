"""The first answer of an MCP session over stdio, on a warm machine: image built, database healthy.

    python benchmarks/first_answer.py [--rounds 10]

Beside each other, in turns: a container of the same image that only says something, the server in a plain `docker run -i`, a
session as the clients' files start it, and `docker compose run` as usually written. What the parts take are the differences.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.clients import INITIALIZE  # noqa: E402 - the path has to be known first
from tests.e2e.stack import PORT_VARIABLES, Stack, clean_up_after, free_port, unique_slug  # noqa: E402 - see the line above
from tests.support import copy_template, preset, render  # noqa: E402


def first_line(command: list[str], environment: dict[str, str]) -> float:
    """Return the seconds from the start of a command until it has said something; it is ended afterwards."""
    pipe = subprocess.PIPE
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment, cwd="/") as process:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        taken = time.perf_counter() - start
    assert line, command
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    slug = unique_slug()
    with tempfile.TemporaryDirectory() as temporary:
        folder = render(
            copy_template(Path(temporary) / "template"), Path(temporary) / slug, {"project_slug": slug, **preset("04-mcp")}
        )
        stack = Stack(folder, slug, {name: str(free_port()) for name in PORT_VARIABLES})
        with clean_up_after(stack):
            stack.compose("up", "--build", "--wait")
            run = ["docker", "run", "--rm", "-i", "--init", "--volume", f"{folder}:/workspace"]
            compose = ["docker", "compose", "--progress", "quiet", "--project-directory", str(folder)]
            server = ["python", "-m", f"{slug.replace('-', '_')}.server"]
            cases = {
                "a container": [*run, f"{slug}-mcp-server", "echo", "here"],
                "`docker run -i`": [*run, f"{slug}-mcp-server", *server],
                "`scripts/mcp-stdio`": ["python3", f"{folder}/scripts/mcp-stdio", "mcp-server"],
                "`docker compose run`": [*compose, "run", "--rm", "-T", "-e", "MCP_TRANSPORT=stdio", "mcp-server"],
            }
            environment = {**os.environ, **stack.ports}
            taken: dict[str, list[float]] = {name: [] for name in cases}
            for _ in range(rounds):
                for name, command in cases.items():
                    taken[name].append(first_line(command, environment))
    container, plain, ours, usual = (statistics.median(values) for values in taken.values())
    print("| measured | seconds | to `docker run -i` |\n| --- | --- | --- |")
    for name, seconds in zip(cases, (container, plain, ours, usual), strict=True):
        print(f"| {name} | {seconds:.2f} | {seconds / plain:.2f} |")
    print("\n| of a session with `scripts/mcp-stdio` | seconds |\n| --- | --- |")
    for name, seconds in (("container", container), ("Python", plain - container), ("Compose", ours - plain)):
        print(f"| {name} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
