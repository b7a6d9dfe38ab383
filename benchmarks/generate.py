"""Generation: `copier copy` and `copier update` of this template beside a bare one of two files, each in a fresh process.

    python benchmarks/generate.py [--rounds 7] [--template FOLDER]

A bare template costs what Copier costs; the ratio is what our questions, extensions and files add to it. CPU is that of the whole
process with all that it starts, the hook included; it says the same on a busy machine, the seconds don't.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import PROJECTS, TEMPLATE_PARTS, commit_all, git  # noqa: E402 - the path has to be known first

BARE = "a bare template of two files"


@dataclass(frozen=True)
class Case:
    """What is measured."""

    operation: str
    template: Path
    project: str = ""
    """The folder of tests/projects that is there before; none for an empty one."""
    answers: tuple[str, ...] = ()


def measured(*arguments: str, cwd: Path, state: Path) -> tuple[float, float]:
    """Run Copier in a process of its own.

    Returns:
        The seconds of CPU, its children's included, and those that passed.
    """
    command = [sys.executable, "-m", "copier", *arguments]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        environment = {**os.environ, "XDG_STATE_HOME": str(state)}
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(said.read().decode(errors="replace"))
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start


def once(case: Case, destination: Path, state: Path) -> tuple[float, float]:
    """Measure a case once, in a folder that does not exist yet."""
    if case.project:
        shutil.copytree(PROJECTS / case.project, destination)
    data = [part for answer in case.answers for part in ("--data", answer)]
    options = ["--quiet", "--trust", "--defaults"]
    first = ["--vcs-ref", "v1.0.0"] if case.operation == "update" else []
    copy = ["copy", *options, *first, *data, str(case.template), str(destination)]
    taken = measured(*copy, cwd=destination.parent, state=state)
    if case.operation == "copy":
        return taken
    if not (destination / ".git").exists():
        git(destination, "init", "--quiet", "-b", "main")
    commit_all(destination, "As rendered")
    return measured("update", *options, cwd=destination, state=state)


def two_versions(template: Path, target: Path, file: str) -> Path:
    """Make a repository with a template as version 1.0.0, and as 2.0.0 with one more line in a file."""
    shutil.copytree(template, target)
    git(target, "init", "--quiet", "-b", "main")
    for version in ("v1.0.0", "v2.0.0"):
        commit_all(target, version)
        git(target, "tag", version)
        with (target / file).open("a", encoding="utf-8") as lines:
            lines.write("# One more line.\n")
    git(target, "checkout", "--quiet", "--", ".")
    return target


def bare_template(target: Path) -> Path:
    """Make a template of two files: what it renders, and the answers."""
    target.mkdir()
    (target / "copier.yml").write_text("name: demo\n")
    (target / "{{ name }}.txt.jinja").write_text("{{ name }}\n")
    (target / "{{ _copier_conf.answers_file }}.jinja").write_text("{{ _copier_answers | to_nice_yaml }}")
    return target


def copied(source: Path, target: Path) -> Path:
    """Copy what a template is made of from a checkout."""
    for part in TEMPLATE_PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif (source / part).exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / part, target / part)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--template", type=Path, default=ROOT, help="a checkout of this template, of any version")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        bare, ours = bare_template(base / "bare"), copied(options.template.resolve(), base / "ours")
        bare_versions = two_versions(bare, base / "bare versions", "{{ name }}.txt.jinja")
        compose = next(path.name for path in (ours / "template").iterdir() if "docker-compose.yml" in path.name)
        our_versions = two_versions(ours, base / "our versions", f"template/{compose}")
        groups = {
            "copied": {
                BARE: Case("copy", bare),
                "minimal, empty folder": Case("copy", ours, answers=("stack=minimal",)),
                "full, empty folder": Case("copy", ours, answers=("stack=full",)),
                "minimal, existing project": Case("copy", ours, "fastapi-src", ("stack=minimal",)),
            },
            "updated": {
                BARE: Case("update", bare_versions),
                "full, no edits": Case("update", our_versions, answers=("stack=full",)),
            },
        }
        taken: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for number in range(options.rounds):
            for group, cases in groups.items():
                for name, case in cases.items():
                    work = base / f"{number} {group} {name}"
                    work.mkdir()
                    taken.setdefault((group, name), []).append(once(case, work / "my-project", work / "state"))
        for group, cases in groups.items():
            medians = {name: [statistics.median(values) for values in zip(*taken[group, name], strict=True)] for name in cases}
            print(f"| {group} | CPU | to the bare one | seconds | to the bare one |\n| --- | --- | --- | --- | --- |")
            for name, (cpu, seconds) in medians.items():
                bare_cpu, bare_seconds = medians[BARE]
                print(f"| {name} | {cpu:.2f} | {cpu / bare_cpu:.2f} | {seconds:.2f} | {seconds / bare_seconds:.2f} |")
            print()


if __name__ == "__main__":
    main()
