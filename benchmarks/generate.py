"""Generation: `copier copy` of this template beside a bare template of two files, each in a fresh process.

    python benchmarks/generate.py [--rounds 5]

A bare template costs what Copier costs; the ratio is what our questions, extensions and files add to it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import PROJECTS, copy_template  # noqa: E402 - the path has to be known first


def copy(template: Path, destination: Path, *options: str) -> float:
    """Return the seconds of one rendering in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "copier",
        "copy",
        "--quiet",
        "--trust",
        "--defaults",
        *options,
        str(template),
        str(destination),
    ]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        bare, ours = base / "bare", copy_template(base / "ours")
        bare.mkdir()
        (bare / "copier.yml").write_text("name: demo\n")
        (bare / "{{ name }}.txt.jinja").write_text("{{ name }}\n")
        cases = {
            "a bare template of two files": (bare, "", ()),
            "minimal, empty folder": (ours, "", ("--data", "stack=minimal")),
            "full, empty folder": (ours, "", ("--data", "stack=full")),
            "minimal, existing project": (ours, "fastapi-src", ("--data", "stack=minimal")),
        }
        taken: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(rounds):
            for name, (template, project, options) in cases.items():
                destination = base / f"{name} {number}"
                if project:
                    subprocess.run(["cp", "-r", str(PROJECTS / project), str(destination)], check=True)
                taken[name].append(copy(template, destination, *options))
        first = statistics.median(next(iter(taken.values())))
        print("| rendered | seconds | to the bare one |\n| --- | --- | --- |")
        for name, values in taken.items():
            median = statistics.median(values)
            print(f"| {name} | {median:.2f} | {median / first:.1f} |")


if __name__ == "__main__":
    main()
