"""scripts/ci: the run of the pipelines on a developer's machine, for every stack, and for projects with tests of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.pipelines import break_the_image, change, images_of, outcome, run_ci
from tests.e2e.stack import Stack, leftovers, wait_for
from tests.e2e.versions import ANSWERS, say_versions, versions_in
from tests.support import commit_all, git


def nothing_is_left(stack: Stack) -> bool:
    return leftovers(stack.slug) == images_of(stack.slug) == []


STACKS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "minimal": ({"web_framework": "stdlib"}, {"": 2}),
    "full-flask": ({"stack": "full", "web_framework": "flask", "postgres_version": "15", "redis_version": "7"}, {"": 4}),
    "full-valkey-3.11": ({"stack": "full", "redis_version": "valkey-8", "python_version": "3.11"}, {"": 4}),
    "full-shared": ({"stack": "full", "isolation": "shared"}, {"": 4}),
    "hybrid": ({"stack": "hybrid"}, {"": 4}),
    "mcp": ({"stack": "mcp", "services": ["postgres", "redis"]}, {"": 6}),
    "mcp-alone": ({"stack": "mcp", "services": []}, {"": 4}),
    "mcp-multi": ({"stack": "mcp-multi", "mcp_servers": ["tasks", "my-docs"]}, {"-tasks": 5, "-my-docs": 5}),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.oldest, pytest.mark.podman] if name == "mcp" else []) for name in STACKS]
)
def test_the_starters_tests_pass_and_nothing_is_left(name: str, make_stack: MakeStack) -> None:
    answers, expected = STACKS[name]
    stack = make_stack({"ci": ["github", "gitlab"], "package_name": "läden", **answers})
    # What is set for this machine reaches no test, and is no reason to stop.
    (stack.folder / ".env.local").write_text("DATABASE_URL=postgresql://nobody@nowhere/x\nPOSTGRES_PASSWORD=mine\n")
    run_ci(stack)
    reports = stack.folder / "test-reports"
    assert {report.name: outcome(report) for report in reports.glob("junit*.xml")} == {
        f"junit{suffix}.xml": (count, 0) for suffix, count in expected.items()
    }
    for suffix in expected:
        sources = [node.text or "" for node in ElementTree.parse(reports / f"coverage{suffix}.xml").iter("source")]
        assert [Path(source).is_relative_to(stack.folder) for source in sources] == [True], "paths are this machine's"
    assert nothing_is_left(stack)
    assert "test-reports" not in git(stack.folder, "status", "--porcelain")


def test_an_existing_projects_own_tests_are_run(make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"]}, onto="flask-app")
    run_ci(stack)
    assert outcome(stack.folder / "test-reports/junit.xml")[0] >= 1
    change(next((stack.folder / "tests").glob("test_*.py")), "assert ", "assert not ")
    assert "1 failed" in run_ci(stack, check=False)
    assert nothing_is_left(stack)


# Without what Linux alone has: setpriv, flock, timeout, getent, ss, ip.
OF_MACOS = """awk basename bash cat chmod cksum cp cut date dirname docker env expr false find git grep head id kill ln ls mkdir
mktemp mv printf ps rm rmdir sed sh sleep sort tail tee test touch tr true uname uniq wc xargs"""


def test_scripts_need_no_command_that_macos_has_not(
    make_stack: MakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_stack({"stack": "full", "ci": ["github"], "branch_environments": True})
    for name in OF_MACOS.split():
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    (tmp_path / "python3").symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("PATH", str(tmp_path))
    stack.run("scripts/setup")
    commit_all(stack.folder, "Render the set-up")
    git(stack.folder, "worktree", "add", "-q", "-b", "feature/a", str(tmp_path / "tree"))
    assert "BRANCH_PROJECT" in (tmp_path / "tree/.env").read_text()
    assert "feature-a" in stack.run("scripts/branch-env", "list").stdout
    run_ci(stack)
    assert nothing_is_left(stack)


LOSES_A_LAYER = """#!/bin/sh
case "$*" in
  *" build"*)
    if mkdir {folder}/lost 2>/dev/null; then
      echo 'failed to prepare extraction snapshot "extract-1 sha256:2": parent snapshot sha256:3 does not exist: not found' >&2
      exit 17
    fi ;;
esac
exec {docker} "$@"
"""


def test_a_layer_that_docker_loses_is_built_once_more(
    make_stack: MakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's fault comes in one of some twenty builds; here it comes in the first."""
    stack = make_stack({"ci": ["github"], "web_framework": "stdlib"})
    (tmp_path / "docker").write_text(LOSES_A_LAYER.format(folder=tmp_path, docker=shutil.which("docker")))
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert "building once more, because Docker has lost a layer" in run_ci(stack)
    assert (tmp_path / "lost").is_dir() and nothing_is_left(stack)
    break_the_image(stack.folder)
    assert "building once more" not in run_ci(stack, check=False)


def cloud_app(folder: Path) -> None:
    """Write a project whose app ends at once, because it lacks what only its author has; its tests do without."""
    (folder / "app.py").write_text(
        "import os\n\nfrom flask import Flask\n\napp = Flask(__name__)\nKEY = os.environ['CLOUD_KEY']\n"
    )
    (folder / "prices.py").write_text("def price():\n    return 7\n")
    (folder / "requirements.txt").write_text("flask\n")
    (folder / "test_prices.py").write_text("import prices\n\n\ndef test_price():\n    assert prices.price() == 7\n")


def stdio_server(folder: Path) -> None:
    """Write an MCP server that speaks over stdio alone."""
    (folder / "server.py").write_text(
        "from fastmcp import FastMCP\n\nmcp = FastMCP('x')\n\nif __name__ == '__main__':\n    mcp.run()\n"
    )
    (folder / "requirements.txt").write_text("fastmcp\n")
    (folder / "tests").mkdir()
    (folder / "tests/test_one.py").write_text("import server\n\n\ndef test_name():\n    assert server.mcp.name == 'x'\n")


@pytest.mark.parametrize(("answers", "project"), [({}, cloud_app), ({"stack": "mcp", "services": []}, stdio_server)])
def test_tests_run_where_nothing_is_up_beside_them(answers: dict[str, Any], project: Any, make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"], **answers}, write=project)
    run_ci(stack)
    assert outcome(stack.folder / "test-reports/junit.xml") == (1, 0)
    assert nothing_is_left(stack)


def test_the_app_is_up_for_tests_that_ask_for_it(make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"]}, onto="flask-app")
    (stack.folder / "docker-compose.test.override.yml").write_text("services:\n  app:\n    profiles: !reset []\n")
    next((stack.folder / "tests").glob("test_*.py")).write_text(
        "from urllib.request import urlopen\n\n\ndef test_it_answers():\n    assert urlopen('http://app:8000/').status == 200\n"
    )
    run_ci(stack)
    assert outcome(stack.folder / "test-reports/junit.xml") == (1, 0)
    assert nothing_is_left(stack)


def gated(folder: Path) -> None:
    """Write a library with tests in `tests.py`, to whom each warning is an error, and a coverage that is not reached."""
    (folder / "shop.py").write_text("def price(count):\n    if count > 9:\n        count -= 1\n    return 2 * count\n")
    (folder / "tests.py").write_text(
        "import unittest\n\nimport shop\n\n\nclass TestShop(unittest.TestCase):\n"
        "    def test_price(self):\n        self.assertEqual(shop.price(2), 4)\n"
    )
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "1"\n\n[dependency-groups]\n'
        'test = ["pytest==8.4.0", "pytest-cov==6.1.1", "coverage==7.8.2"]\n\n'
        '[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n'
    )
    (folder / ".coveragerc").write_text("[run]\nsource = shop\nbranch = true\n[report]\nfail_under = 90\n")


def test_a_coverage_that_is_not_reached_fails_the_run_which_says_so_last_and_one_that_is_does_not(make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"]}, write=gated)
    said = run_ci(stack, check=False)
    assert "1 passed" in said
    assert "the coverage's total of 67 is less than fail-under=90; the logs are above" in said.splitlines()[-1]
    change(stack.folder / ".coveragerc", "90", "60")
    assert run_ci(stack).splitlines()[-1] == "scripts/ci: passed"
    assert outcome(stack.folder / "test-reports/junit.xml") == (1, 0)
    assert (stack.folder / "test-reports/coverage.xml").exists()
    assert nothing_is_left(stack)


def own_dockerfile(folder: Path) -> None:
    """Write a project with an image of its own, which knows nothing of tests."""
    (folder / "app.py").write_text(
        "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef index():\n    return 'hi'\n"
    )
    (folder / "requirements.txt").write_text("flask\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\npytest-mock\n")
    (folder / "Dockerfile").write_text(
        "FROM python:3.13-slim\nWORKDIR /srv\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
        'USER 1000\nENTRYPOINT ["flask"]\nCMD ["run", "--host", "0.0.0.0", "--port", "8000"]\n'
    )
    (folder / "test_app.py").write_text(
        "import os\n\nimport app\n\n\ndef test_index(mocker):\n    assert app.app.test_client().get('/').text == 'hi'\n"
        "    assert os.environ['TESTING'] == 'true'\n"
    )


def test_tests_run_in_an_image_of_the_projects_own(make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["gitlab"]}, write=own_dockerfile)
    run_ci(stack)
    assert outcome(stack.folder / "test-reports/junit.xml") == (1, 0)
    assert nothing_is_left(stack)


def with_migrations(folder: Path) -> None:
    """Write a project whose app and tests need a table that a migration makes."""
    (folder / "shop").mkdir()
    (folder / "shop/__init__.py").write_text("")
    (folder / "shop/server.py").write_text(
        "import os\n\nimport psycopg\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/health')\ndef health():\n"
        "    with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        "        return {'books': connection.execute('SELECT count(*) FROM book').fetchone()[0]}\n"
    )
    (folder / "shop/migrate.py").write_text(
        "import os\n\nimport psycopg\n\nwith psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        "    connection.execute('CREATE TABLE book (title text)')\n"
    )
    (folder / "requirements.txt").write_text("flask\ngunicorn\npsycopg[binary]\n")
    (folder / "tests").mkdir()
    (folder / "tests/test_shop.py").write_text(
        "from shop.server import app\n\n\ndef test_the_table_is_there():\n"
        "    assert app.test_client().get('/health').json == {'books': 0}\n"
    )


@pytest.mark.parametrize("stack_name", ["full", "hybrid"])
def test_the_database_is_migrated_before_anybody_needs_it(stack_name: str, make_stack: MakeStack) -> None:
    stack = make_stack({"stack": stack_name, "ci": ["github"]}, write=with_migrations)
    run_ci(stack)
    assert outcome(stack.folder / "test-reports/junit.xml") == (1, 0)
    (stack.folder / "shop/migrate.py").write_text("raise SystemExit('no such column')\n")
    assert "no such column" in run_ci(stack, check=False), "the log says why"
    assert nothing_is_left(stack)


@pytest.mark.parametrize("onto", ["plain-script"])
def test_a_project_without_tests_is_red_and_told_what_to_do(onto: str, make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"]}, onto=onto)
    assert "scripts/ci: there are no tests: write some in tests/" in run_ci(stack, check=False)
    assert nothing_is_left(stack)


def test_two_runs_at_once_keep_apart_and_beside_development(make_stack: MakeStack) -> None:
    stack = make_stack({"stack": "full", "ci": ["github"], "services": ["postgres"]})
    stack.up()
    stack.sql("CREATE TABLE mine (id int)")
    run_ci(stack, "build", JOB_ID="1")
    run_ci(stack, "build", JOB_ID="2")
    run_ci(stack, "start", JOB_ID="1")
    run_ci(stack, "start", JOB_ID="2")
    run_ci(stack, "test", JOB_ID="1")
    run_ci(stack, "clean", JOB_ID="1")
    run_ci(stack, "test", JOB_ID="2")
    run_ci(stack, "clean", JOB_ID="2")
    assert not [entry for entry in leftovers(stack.slug) if "-test" in entry]
    assert stack.get_json("/health") == {"status": "ok"}
    assert stack.sql("SELECT count(*) FROM mine") == "0"


def test_several_versions_are_tested_side_by_side(make_stack: MakeStack) -> None:
    stack = make_stack({**ANSWERS, "ci": ["github"], "test_postgres_versions": [15, 17]})
    say_versions(stack.folder)
    pairs = [{"TEST_PYTHON_VERSION": python, "TEST_POSTGRES_VERSION": db} for python, db in (("3.11", "15"), ("3.13", "17"))]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda pair: run_ci(stack, **pair), pairs))
    assert versions_in("".join(path.read_text() for path in stack.folder.glob("test-reports/*/junit.xml"))) == [
        "3.11 15",
        "3.13 17",
    ]
    assert nothing_is_left(stack)


def test_services_for_tests_can_be_added(make_stack: MakeStack) -> None:
    stack = make_stack({"stack": "full", "ci": ["github"], "services": ["redis"]})
    (stack.folder / "docker-compose.test.override.yml").write_text(
        "services:\n  other:\n    image: redis:8-alpine\n  tests:\n    environment: {OTHER_URL: 'redis://other:6379/0'}\n"
    )
    (stack.folder / "tests/test_other.py").write_text(
        "import os\n\nimport redis\n\n\ndef test_other():\n    assert redis.from_url(os.environ['OTHER_URL']).ping()\n"
    )
    run_ci(stack)
    assert outcome(stack.folder / "test-reports/junit.xml") == (4, 0)
    assert nothing_is_left(stack)


def test_a_run_that_is_interrupted_cleans_up(make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"]})
    (stack.folder / "tests/test_slow.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(600)\n")
    process = subprocess.Popen(
        ["scripts/ci"], cwd=stack.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    name = f"{stack.slug}-test-tests"
    wait_for(lambda: stack.run("docker", "ps", "--quiet", "--filter", f"name=^{name}$").stdout.strip() or None)
    second = stack.run("scripts/ci", check=False)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith(f"scripts/ci: another run is at work as {stack.slug}-test (process {process.pid}): wait")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    assert nothing_is_left(stack)


def test_steps_are_done_in_turn_and_unknown_ones_refused(make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"]})
    unknown = stack.run("scripts/ci", "build", "tests", check=False)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "tests is no step; give some of build, start, test, logs and clean" in unknown.stderr
    for word in ("-h", "--help"):
        said = stack.run("scripts/ci", word).stdout
        assert (
            said.startswith("The tests as the pipeline runs them") and "scripts/ci build test" in said and "set -eu" not in said
        )
    done = stack.run("scripts/ci", "build", "start", "test")
    assert done.stdout.splitlines()[-1] == "scripts/ci: passed"
    assert outcome(stack.folder / "test-reports/junit.xml") == (2, 0)
    change(stack.folder / "tests/test_server.py", "assert ", "assert not ")
    failed = stack.run("scripts/ci", "build", "test", "clean", check=False)
    assert failed.returncode == 1 and leftovers(stack.slug), "what follows a step that fails is not done"
    assert failed.stderr.splitlines()[-1] == "scripts/ci: failed (exit code 1) at the step 'test'"
    stack.run("scripts/ci", "clean")
    assert nothing_is_left(stack)


def test_a_run_ends_with_its_verdict(make_stack: MakeStack) -> None:
    stack = make_stack({"ci": ["github"]})
    passed = stack.run("scripts/ci")
    assert passed.stdout.splitlines()[-1] == "scripts/ci: passed"
    assert "Error" not in passed.stdout + passed.stderr
    change(stack.folder / "tests/test_server.py", "assert ", "assert not ")
    failed = stack.run("scripts/ci", check=False)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("scripts/ci: failed (exit code 1) at the step 'test'")
    (stack.folder / "bin").mkdir()
    for program in ("sh", "dirname"):
        (stack.folder / "bin" / program).symlink_to(shutil.which(program) or "")
    change(stack.folder / "scripts" / "ci", "/usr/local/bin", "/nonexistent")
    stack.environment["PATH"] = str(stack.folder / "bin")
    without = stack.run(shutil.which("sh") or "", "scripts/ci", check=False)
    assert without.returncode == 1 and without.stderr.splitlines() == [
        "scripts/ci: docker is not installed: install Docker Engine 25 or newer with Compose 2.24.4 or newer and Buildx"
    ]
