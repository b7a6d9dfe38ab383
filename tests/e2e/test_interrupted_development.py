"""Scripts for development that are ended at any moment: the next one ends well, and nothing is lost or left."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.pipelines import images_of
from tests.e2e.shared import inside, make_hub, make_project, projects, sql_as
from tests.e2e.signals import SIGNALS, end, moments, seconds_of
from tests.e2e.stack import Stack, leftovers, wait_for, worktree
from tests.support import WIDE, commit_all, git, preset, render

ROWS = "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, {}) n"
COUNT = "SELECT count(*) FROM kept"


@pytest.fixture
def main(make_stack: MakeStack) -> Stack:
    """A project with branch environments and Postgres alone, committed."""
    stack = make_stack({**preset("10-branches"), "services": ["postgres"]}, own_ports=True)
    commit_all(stack.folder, "Render the set-up")
    return stack


def test_data_of_a_branch_are_copied_whole_or_not_at_all(main: Stack) -> None:
    main.compose("up", "--detach", "--wait", "db")
    main.sql(ROWS.format(200_000))
    main.compose("down")
    topic = worktree(main, "topic")
    topic.compose("up", "--detach", "--wait", "db")
    topic.sql(ROWS.format(10))
    command = ("scripts/branch-env", "copy-data", "main", "--yes")
    seconds = seconds_of(topic, *command)
    # One that was made and never started is nobody's, and the next copy removes it.
    states = [f"--filter=status={state}" for state in ("running", "exited", "removing", "dead")]
    ours = ["docker", "ps", "--all", "--quiet", f"--filter=name={main.slug}-copy-data", *states]
    # Psql's own connection, which is about to end, and that of the healthcheck are no work.
    works = "SELECT 1 FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()"
    for moment, number in moments(seconds):
        topic.sql(ROWS.format(10))
        end(topic, moment, number, *command)
        wait_for(lambda: topic.run(*ours).stdout == "" or None, 30)
        wait_for(lambda: topic.sql(works) == "" or None, 30)
        assert topic.sql(COUNT) in ("10", "200000")
    topic.sql(ROWS.format(10))
    topic.run(*command)
    assert topic.sql(COUNT) == "200000"
    assert topic.run(*ours).stdout == ""
    main.compose("up", "--detach", "--wait", "db")
    assert main.sql(COUNT) == "200000"


def test_a_checkout_and_what_prunes_it_go_on_where_they_were_ended(main: Stack) -> None:
    main.run("scripts/setup")
    seconds = seconds_of(main, "git", "checkout", "-b", "first")
    for (moment, number), branch in zip(moments(seconds + 0.1), map("b{}".format, itertools.count()), strict=False):
        end(main, moment, number, "git", "checkout", "--force", "-B", branch)
        assert (main.folder / ".env").read_text().count(">>> scripts/branch-env") == 1
        (main.folder / ".git/index.lock").unlink(missing_ok=True)
        git(main.folder, "checkout", "--force", "-B", branch)
        main.run("scripts/branch-env", "sync")
        assert main.run("scripts/branch-env", "list").stderr == ""
        assert f"\nBRANCH={branch}\n" in (main.folder / ".env").read_text()
        main.compose("create", "db")
        git(main.folder, "checkout", "main")
        git(main.folder, "branch", "-D", branch)
        # About half of them in the middle of it.
        end(main, moment, number, "scripts/branch-env", "prune", "--yes")
    main.run("scripts/branch-env", "prune", "--yes")
    assert leftovers(main.slug) == []
    listed = json.loads(main.run("scripts/branch-env", "list", "--json").stdout)
    assert {(one["branch"], one["state"]) for one in listed} == {("main", "not started"), ("first", "not started")}


def test_compose_up_is_ended_at_any_moment(make_stack: MakeStack) -> None:
    """The first start, and a later one, are ended by each signal once; where tests are not wide, by two of them.

    A few moments are enough: Compose's client does the work, and of ours are only the programs that containers start with.
    The image is built before, and again from the cache; one whose build is ended is not there.
    """
    stack = make_stack({"stack": "full"})
    stack.compose("build")
    # Attached to the logs it may miss a signal while it makes containers, until a second one.
    start = ("docker", "compose", "up", "--build", "--wait")
    seconds = seconds_of(stack, *start)
    rows = 0
    first, later = (SIGNALS, SIGNALS[::-1]) if WIDE else (SIGNALS[::2], SIGNALS[1::2])
    for part, number in enumerate((*first, *later)):
        is_first = part < len(first)
        stack.compose("down", *(["--volumes"] if is_first else []))
        end(stack, seconds * (part % 4 + 0.5) / 4, number, *start)
        stack.compose("up", "--wait")
        assert stack.get("/health")[0] == 200
        stack.sql("CREATE TABLE IF NOT EXISTS kept (n serial); INSERT INTO kept DEFAULT VALUES")
        rows = 1 if is_first else rows + 1
        assert stack.sql(COUNT) == stack.redis("INCR", "kept") == str(rows)


def test_tests_that_were_ended_start_over(make_stack: MakeStack) -> None:
    stack = make_stack({"stack": "full", "services": ["postgres"], "ci": ["github"]})
    stack.run("scripts/ci")
    seconds = seconds_of(stack, "scripts/ci")
    for moment, number in moments(seconds):
        end(stack, moment, number, "scripts/ci")
        if number != signal.SIGKILL:
            assert leftovers(stack.slug) == images_of(stack.slug) == []
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(["scripts/ci"], cwd=stack.folder, start_new_session=True, **pipes) as cleaning:
        assert any(" Stopping" in line for line in cleaning.stdout or ())
        os.killpg(cleaning.pid, signal.SIGINT)
        cleaning.communicate(timeout=90)
    assert leftovers(stack.slug) == images_of(stack.slug) == []
    said = stack.run("scripts/ci").stdout
    assert said.splitlines()[-1] == "scripts/ci: passed"
    assert leftovers(stack.slug) == images_of(stack.slug) == []


def test_a_project_leaves_the_shared_services_with_all_or_nothing(make_stack: MakeStack, template: Path) -> None:
    hub = make_hub(make_stack)
    shop = make_project(make_stack)
    shop.up()
    sql_as(shop, f"{ROWS.format(100_000)}; SELECT 1")
    fill = "import os, redis; redis.from_url(os.environ['REDIS_URL']).mset({f'k{n}': 'x' * 99 for n in range(50000)})"
    inside(shop, fill)
    shop.compose("down")
    commit_all(shop.folder, "Before")
    state = Path(os.environ["XDG_STATE_HOME"])
    render(template, shop.folder, {"isolation": "own"}, hook=True, overwrite=True, state=state)
    hub.environment = shop.ports
    command = ("scripts/projects", "copy", "--replace", shop.slug, str(shop.folder))
    seconds = seconds_of(hub, *command)
    for moment, number in moments(seconds):
        end(hub, moment, number, *command)
    with subprocess.Popen(command, cwd=hub.folder, env={**os.environ, **hub.environment}) as first:
        time.sleep(seconds / 3)
        second = projects(hub, "remove", "--yes", shop.slug, check=False)
        assert "another copy or remove is at work here" in second.stderr
    assert first.returncode == 0
    assert shop.sql(COUNT) == "100000"
    assert shop.compose("exec", "-T", "redis", "redis-cli", "DBSIZE").stdout.strip() == "50000"
    end(hub, 0.3, signal.SIGKILL, "scripts/projects", "remove", shop.slug, "--yes")
    gone = projects(hub, "remove", "--yes", shop.slug, check=False)
    assert gone.returncode == 0 or f"no project {shop.slug} is here" in gone.stderr
    assert projects(hub, "list").stdout.split() == ["PROJECT", "DATABASE", "REDIS", "KEYS", "FOLDER"]
