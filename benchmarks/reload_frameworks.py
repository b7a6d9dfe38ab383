"""From saving a file to the new answer, in Docker, for frameworks with a reloader of their own and without.

    python benchmarks/reload_frameworks.py [--rounds 15] [NAME …]

Each is a shape of tests/shapes, adopted without an answer; `fastapi`, `flask` and `django` are the starters. One runs at a time.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import yaml
from reload import Bench, Side

from tests.e2e.stack import PORT_VARIABLES, Stack, clean_up_after, free_port, unique_slug, wait_for
from tests.shapes import shapes
from tests.support import render

STARTERS = {"fastapi": "server.py", "flask": "server.py", "django": "urls.py"}
NAMES = (
    *("fastapi", "flask", "django", "django-as-startproject-makes-it", "django-ninja-with-uvicorn", "a-procfile", "falcon"),
    *(
        "dash",
        "dash-with-its-wsgi-object",
        "sanic",
        "aiohttp",
        "bottle",
        "tornado",
        "nicegui",
        "gradio",
        "a-script-with-waitress",
    ),
)


def started(bench: Bench, name: str) -> tuple[Side, str]:
    """Start a project, and return it with the command that reloads it."""
    if name in STARTERS:
        stack = bench.render({"web_framework": name})
        file, text, path = stack.folder / "src" / stack.slug.replace("-", "_") / STARTERS[name], '"ok"', "/health"
    else:
        shape, slug = shapes()[name], unique_slug()
        folder = bench.base / slug
        shape.write(folder)
        render(bench.template, folder, {"project_slug": slug, "python_version": bench.python, **shape.answers})
        stack = Stack(folder, slug, {variable: str(free_port()) for variable in PORT_VARIABLES})
        bench.cleanups.enter_context(clean_up_after(stack))
        # Some say more than stands in the code, after the first word.
        sources = [one for one, code in shape.files.items() if one.endswith(".py") and shape.says.split()[0] in code]
        file, text, path = folder / sources[0], shape.says.split()[0], shape.path
    stack.up()
    command = yaml.safe_load((stack.folder / "docker-compose.yml").read_text())["services"]["app"].get("command", [])
    return Side(name, file, stack.app_url + path, text), " ".join(command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a shape, or a starter's framework")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print("| measured | seconds, median | slowest | reloaded by |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as outside:
        bench = Bench(Path(temporary), outside)
        for name in options.names or NAMES:
            with ExitStack() as bench.cleanups:
                side, command = started(bench, name)
                wait_for(side.answer)
                taken = []
                for number in range(options.rounds + 1):
                    time.sleep(random.uniform(0.5, 1.5))
                    seconds = side.measure(number)
                    if number:  # the first edit may come before a watcher has begun
                        taken.append(seconds)
                print(f"| {name} | {statistics.median(taken):.2f} | {max(taken):.2f} | `{command}` |", flush=True)


if __name__ == "__main__":
    main()
