"""Pipelines: a GitHub workflow and a GitLab job as often written, beside the rendered ones, in one run on one machine.

    python benchmarks/pipelines.py [--rounds 3] [--only github|gitlab]

Prints a table of medians in seconds and of ratios. Only the ratios of one run say something:
machines are noisy. Both sides take turns. They have the same starter app, tests, dependencies and images.

The GitHub workflows are run by act, on throwaway engines of their own, which pull images from a mirror beside them:

- cold: a new engine, no cache;
- warm, engine kept: on the same engine, after a change of one line of code, as on a runner of one's own;
- warm, engine empty: the same on another new engine, as on GitHub's machines. The template's has the layers that the cold run
  has left; the usual one has nothing.

GitHub's cache is not here, so what stands in for the action that builds keeps the layers in a folder (`type=local` instead of
`type=gha`). A stand-in has no outputs, so the measured copy of the workflow leaves the step "Build" out: it would build again
what the action has built.

The GitLab jobs are run by gitlab-ci-local, in a container with a new engine beside it each time; the cache is what `cache:`
carries along.

The usual pipelines are those of many tutorials, with the smallest changes that make them run: Redis is in the Compose file;
the app has a REDIS_URL, and no migrations; the code is not mounted, because an engine beside a job sees none of its folders.
On GitLab also: images of Docker that still exist, and a wait for the engine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.dind import docker  # noqa: E402 - the path has to be known first
from tests.e2e.github import run_workflow  # noqa: E402
from tests.e2e.gitlab import GitLab, gitlab, run_pipeline  # noqa: E402
from tests.e2e.stack import wait_for  # noqa: E402
from tests.support import commit_all, copy_template, git, preset, render  # noqa: E402

IMAGES = ("python:3.13-slim", "postgres:17-alpine", "redis:8-alpine")
PARTS = ("build", "start", "test")
Seconds = dict[str, float]

USUAL_DOCKERFILE = """FROM python:3.13-slim
WORKDIR /workspace
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
CMD ["uvicorn", "your_module.server:app", "--app-dir", "src", "--host", "0.0.0.0"]
"""
USUAL_COMPOSE = """services:
  app:
    build: .
    environment:
      - TESTING=true
      - DATABASE_URL=postgresql://test:test@db:5432/test_db
      - REDIS_URL=redis://redis:6379
    depends_on:
      db:
        condition: service_healthy

  db:
    image: postgres:17-alpine
    environment:
      POSTGRES_DB: test_db
      POSTGRES_USER: test
      POSTGRES_PASSWORD: test
    healthcheck:
      test: ["CMD", "pg_isready", "-U", "test"]
      interval: 2s
    tmpfs:
      - /var/lib/postgresql/data

  redis:
    image: redis:8-alpine
"""
USUAL_GITHUB = """name: Test
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - name: Checkout code
        uses: actions/checkout@v4
      - name: Create .env.test
        run: |
          cat > .env.local <<END
          DATABASE_URL=postgresql://test:test@db:5432/test_db
          REDIS_URL=redis://redis:6379
          TESTING=true
          END
      - name: Build containers
        run: docker compose build
      - name: Start services
        run: docker compose up -d db redis
      - name: Wait for services
        run: |
          timeout 30 bash -c 'until docker compose exec -T db pg_isready; do sleep 1; done'
      - name: Test
        run: docker compose run --rm app pytest tests/ -v
      - name: Test again, for the coverage
        run: docker compose run --rm app pytest --cov=your_module --cov-report=xml
      - name: Cleanup
        if: always()
        run: docker compose down -v
"""
USUAL_GITLAB = """variables:
  DOCKER_HOST: tcp://docker:2376
  DOCKER_TLS_CERTDIR: "/certs"
  DOCKER_TLS_VERIFY: "1"
  DOCKER_CERT_PATH: "$DOCKER_TLS_CERTDIR/client"
services: ["docker:29-dind"]
stages: [test]
test:
  stage: test
  image: docker:29-cli
  before_script:
    - until docker info; do sleep 1; done >/dev/null 2>&1
    - echo "DATABASE_URL=postgresql://test:test@db:5432/test_db" > .env.local
    - docker compose build
  script:
    - docker compose up -d db redis
    - sleep 10  # Wait for services
    - docker compose run --rm app pytest tests/ -v
  after_script:
    - docker compose down -v
"""
# What docker/bake-action does, with a folder in the place of GitHub's cache.
BAKE = r"""
set --
for option in $(printf %s "$INPUTS" | python3 -c 'import json, sys; print(json.load(sys.stdin)["set"])'); do
  option=$(printf %s "$option" | sed 's|-from=type=gha,scope=|-from=type=local,src={cache}/|')
  option=$(printf %s "$option" | sed 's|-to=type=gha,scope=|-to=type=local,dest={cache}/|')
  set -- "$@" --set "$option"
done
docker buildx bake -f docker-compose.yml -f docker-compose.test.yml "$@" app tests
"""
BUILDS_WHAT_IS_MISSING = "if: steps.cached.outputs.metadata == ''"


def projects(base: Path) -> dict[str, dict[str, Path]]:
    """Write a repository for each side of each pipeline; return them by pipeline and side."""
    template = copy_template(base / "template")
    made: dict[str, dict[str, Path]] = {}
    for pipeline, name in (("github", "08-github-actions"), ("gitlab", "09-gitlab-ci")):
        ours, usual = base / f"ours-{pipeline}", base / f"usual-{pipeline}"
        render(template, ours, {**preset(name), "project_slug": "bench", "python_package": "your_module"})
        (usual / ".github/workflows").mkdir(parents=True)
        for folder in ("src", "tests"):
            shutil.copytree(ours / folder, usual / folder)
        shutil.copy(ours / "pyproject.toml", usual)
        content = tomllib.loads((usual / "pyproject.toml").read_text())
        needs = [*content["project"]["dependencies"], *content["dependency-groups"]["dev"]]
        (usual / "requirements.txt").write_text("\n".join(needs) + "\n")
        (usual / "Dockerfile").write_text(USUAL_DOCKERFILE)
        (usual / "docker-compose.yml").write_text(USUAL_COMPOSE)
        (usual / ".github/workflows/test.yml").write_text(USUAL_GITHUB)
        (usual / ".gitlab-ci.yml").write_text(USUAL_GITLAB)
        if pipeline == "github":
            workflow = ours / ".github/workflows/test.yml"
            assert BUILDS_WHAT_IS_MISSING in workflow.read_text()
            workflow.write_text(workflow.read_text().replace(BUILDS_WHAT_IS_MISSING, "if: false"))
        made[pipeline] = {"usual": usual, "ours": ours}
        for project in made[pipeline].values():
            git(project, "init", "--quiet", "-b", "main")
            git(project, "remote", "add", "origin", "git@gitlab.example:group/project.git")
            commit_all(project, "My project")
    return made


def change_a_line(project: Path) -> None:
    """Change one line of code, and commit that."""
    with next(project.glob("src/*/server.py")).open("a") as server:
        server.write(f"# {time.time_ns()}\n")
    commit_all(project, "Change a line")


@contextmanager
def engine(around: GitLab, folder: Path) -> Iterator[str]:
    """Start an engine with nothing on it, yield its DOCKER_HOST, and leave nothing of it behind."""
    name = f"{around.name}-{folder.name}"
    folder.mkdir()
    # The folder also holds a docker that knows which privileges this machine has to give.
    path = f"{around.folder}/bin{os.pathsep}{os.environ['PATH']}"
    options = ["--network", around.name, "--volume", f"{folder}:{folder}"]
    options += ["--volume", f"{around.folder}/daemon.json:/etc/docker/daemon.json:ro"]
    host = f"unix://{folder}/docker.sock"
    command = ["docker", "run", "--detach", "--privileged", "--name", name, *options, "docker:29-dind"]
    command += ["dockerd", f"--host={host}", f"--group={os.getgid()}"]
    try:
        subprocess.run(command, env={**os.environ, "PATH": path}, check=True, capture_output=True)
        wait_for(lambda: docker("--host", host, "info", "--format", "{{.ID}}", check=False) or None)
        yield host
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def of_github(project: Path, host: str, cache: Path) -> Seconds:
    """Return the seconds of a run of the workflow on an engine, and of its parts."""
    workflow = (project / ".github/workflows/test.yml").read_text()
    actions = {"docker/bake-action": BAKE.replace("{cache}", str(cache))} if "docker/bake-action" in workflow else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", host)
        start = time.perf_counter()
        done = run_workflow(project, actions=actions)
        seconds = {"all": time.perf_counter() - start}
    assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout
    steps = re.findall(r"  Success - Main (.*?) \[([0-9hms.µn]+)\]$", done.stdout, re.MULTILINE)
    starts = {"build": ("Build",), "start": ("Start", "Wait"), "test": ("Test",)}
    for part, words in starts.items():
        seconds[part] = sum(duration(taken) for step, taken in steps if step.startswith(words))
    return seconds


def of_gitlab(project: Path, around: GitLab) -> Seconds:
    """Return the seconds of a run of the job, and of its parts."""
    done = run_pipeline(project, "test", "--timestamps", gitlab=around)
    assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout
    finished = re.search(r"test finished in ([0-9.]+ \S+)", done.stdout)
    assert finished, done.stdout
    seconds = {"all": duration(finished[1]), **dict.fromkeys(PARTS, 0.0)}
    commands = re.findall(r"^\[\S+ +([0-9.]+ \S+)\] test \$ (.*)$", done.stdout, re.MULTILINE)
    starts = {
        "build": ("scripts/ci build", "docker compose build"),
        "start": ("scripts/ci start", "docker compose up", "sleep"),
        "test": ("scripts/ci test", "docker compose run"),
    }
    for (begin, command), (end, _) in pairwise(commands):
        for part, words in starts.items():
            if command.startswith(words):
                seconds[part] += duration(end) - duration(begin)
    return seconds


def duration(text: str) -> float:
    """Return the seconds of a duration as the two programs write them, such as `1m2.5s` or `1.2 min`."""
    units = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+) ?([a-zµμ]+)", text))


def round_of_github(repositories: dict[str, Path], around: GitLab, base: Path) -> Iterator[tuple[str, str, Seconds]]:
    """Yield what was measured, the side, and the seconds of each run of a round."""
    with ExitStack() as engines:
        kept = {side: engines.enter_context(engine(around, base / f"kept-{side}")) for side in repositories}
        for side, project in repositories.items():
            yield "GitHub, cold", side, of_github(project, kept[side], base / side)
        for side, project in repositories.items():
            change_a_line(project)
            yield "GitHub, warm, engine kept", side, of_github(project, kept[side], base / side)
    for side, project in repositories.items():
        change_a_line(project)
        with engine(around, base / f"empty-{side}") as host:
            yield "GitHub, warm, engine empty", side, of_github(project, host, base / side)


def round_of_gitlab(repositories: dict[str, Path], around: GitLab) -> Iterator[tuple[str, str, Seconds]]:
    """Yield the same for GitLab."""
    for project in repositories.values():
        shutil.rmtree(project / ".gitlab-ci-local", ignore_errors=True)
    for kind in ("cold", "warm"):
        for side, project in repositories.items():
            change_a_line(project)
            yield f"GitLab, {kind}", side, of_gitlab(project, around)


def report(taken: dict[str, dict[str, list[Seconds]]]) -> None:
    """Print the medians of all runs, by what was measured and by side."""
    print("| measured", *(f"{side}: build + start + test" for side in ("usual", "template")), end=" | ", sep=" | ")
    print("usual / template | warm / cold: usual, template |")
    print("| --- | --- | --- | --- | --- |")
    cold: list[float] = []
    for name, sides in taken.items():
        medians = [{part: statistics.median(run[part] for run in runs) for part in ("all", *PARTS)} for runs in sides.values()]
        shown = [f"{one['all']:.1f} s: {' + '.join(f'{one[part]:.1f}' for part in PARTS)}" for one in medians]
        totals = [one["all"] for one in medians]
        if name.endswith("cold"):
            cold = totals
            to_cold = ""
        else:
            to_cold = ", ".join(f"{warm / before:.2f}" for warm, before in zip(totals, cold, strict=True))
        print(f"| {name} | {' | '.join(shown)} | {totals[0] / totals[1]:.1f} | {to_cold} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("github", "gitlab"))
    given = parser.parse_args()
    taken: dict[str, dict[str, list[Seconds]]] = {}
    with tempfile.TemporaryDirectory() as temporary, gitlab(IMAGES) as around:
        base = Path(temporary)
        repositories = projects(base)
        for number in range(given.rounds):
            folder = base / str(number)
            folder.mkdir()
            runs: list[Iterator[tuple[str, str, Seconds]]] = []
            if given.only != "gitlab":
                runs.append(round_of_github(repositories["github"], around, folder))
            if given.only != "github":
                runs.append(round_of_gitlab(repositories["gitlab"], around))
            for name, side, seconds in chain.from_iterable(runs):
                taken.setdefault(name, {}).setdefault(side, []).append(seconds)
                print(number, name, side, {part: round(value, 1) for part, value in seconds.items()}, file=sys.stderr, flush=True)
    report(taken)


if __name__ == "__main__":
    main()
