"""An environment for each branch, as its user has it: worktrees side by side, and one checkout that switches."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import copier
import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack, leftovers, wait_for, worktree
from tests.support import commit_all, git, preset


@pytest.fixture
def stack(make_stack: MakeStack) -> Stack:
    """A project with branch environments, committed, with its hook installed by the first rendering."""
    stack = make_stack(preset("10-branches"), own_ports=True)
    commit_all(stack.folder, "Render the set-up")
    return stack


def branch_env(stack: Stack, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    return stack.run("scripts/branch-env", *arguments, check=check, **options)


def environments(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return what `list --json` says, by branch."""
    return {entry["branch"]: entry for entry in json.loads(branch_env(stack, "list", "--json").stdout)}


def answers_as(stack: Stack) -> str:
    """Ask the app over its published port, and return the branch that its container was told."""
    assert stack.get_json()["database"].startswith("PostgreSQL")
    return stack.compose("exec", "-T", "app", "printenv", "BRANCH").stdout.strip()


def note(stack: Stack, text: str) -> None:
    stack.sql(f"CREATE TABLE IF NOT EXISTS note (text text); INSERT INTO note VALUES ('{text}')")


def notes(stack: Stack) -> list[str]:
    return stack.sql("SELECT text FROM note ORDER BY text").split("\n")


def test_main_and_three_branches_are_up_at_once_and_have_their_own_data(stack: Stack) -> None:
    branches = ["feature/auth", "feature-auth", "Füße"]
    stacks = {"main": stack, **{branch: worktree(stack, branch) for branch in branches}}
    for one in stacks.values():
        one.up()
    for branch, one in stacks.items():
        note(one, branch)
        assert one.redis("SET", "branch", branch) == "OK"
    for branch, one in stacks.items():
        assert answers_as(one) == branch
        assert notes(one) == [branch]
        assert one.redis("GET", "branch") == branch
    listed = environments(stack)
    assert {branch: entry["state"] for branch, entry in listed.items()} == dict.fromkeys(stacks, "running")
    assert {branch: entry["urls"]["app"] for branch, entry in listed.items()} == {
        branch: one.app_url for branch, one in stacks.items()
    }
    assert listed["main"]["project"] == stack.slug
    assert stack.app_url == "http://127.0.0.1:8000"


@pytest.mark.oldest
def test_one_checkout_that_switches_to_and_fro_finds_the_data_of_each_branch(stack: Stack) -> None:
    stack.up()
    note(stack, "main")
    result = stack.run("git", "checkout", "-q", "-b", "topic")
    assert f"{stack.slug} still runs here, and serves this branch's code now" in result.stderr
    assert "scripts/branch-env sync --stop-others" in result.stderr
    branch_env(stack, "sync", "--stop-others")
    assert environments(stack)["main"]["state"] == "stopped"

    stack.up()
    assert answers_as(stack) == "topic"
    note(stack, "topic")
    git(stack.folder, "checkout", "-q", "main")
    branch_env(stack, "sync", "--stop-others")
    assert environments(stack)["topic"]["state"] == "stopped"
    stack.up()
    assert (answers_as(stack), notes(stack)) == ("main", ["main"])
    git(stack.folder, "checkout", "-q", "topic")
    stack.up()
    assert notes(stack) == ["topic"]


ASKS = "run scripts/setup"


def refused(stack: Stack, *command: str) -> str:
    """Return what Compose says where it refuses a command, in one sentence."""
    result = stack.compose(*command, check=False)
    assert result.returncode
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert "run scripts/" in result.stderr
    return result.stderr


def identities(stack: Stack) -> set[str]:
    return set(stack.run("docker", "ps", "--quiet", "--no-trunc", "--filter", f"name={stack.slug}-").stdout.split())


COMMANDS = [["up", "--detach"], ["down", "--volumes"], ["exec", "db", "true"], ["run", "--rm", "app", "true"], ["ps"]]


@pytest.mark.oldest
@pytest.mark.podman
def test_nothing_starts_or_ends_in_a_checkout_whose_block_is_missing_or_was_copied(stack: Stack) -> None:
    stack.up()
    note(stack, "main")
    before = identities(stack)
    git(stack.folder, "config", "core.hooksPath", ".none")
    other = worktree(stack, "other")
    assert not (other.folder / ".env").exists()
    for command in COMMANDS:
        assert "required variable CHECKOUT is missing a value" in refused(other, *command)
    (other.folder / ".env").write_bytes((stack.folder / ".env").read_bytes())
    for command in COMMANDS:
        assert "this .env was copied" in refused(other, *command)
    assert identities(stack) == before

    other.run("scripts/branch-env", "sync")
    other.up()
    assert answers_as(other) == "other"
    assert (notes(stack), answers_as(stack)) == (["main"], "main")
    # Nor does a block of another checkout in one that has had its own.
    (other.folder / ".env").write_bytes((stack.folder / ".env").read_bytes())
    assert "this .env was copied" in refused(other, "down", "--volumes")


def test_a_copy_of_a_whole_checkout_touches_no_data_of_it(stack: Stack, tmp_path: Path) -> None:
    stack.up()
    note(stack, "main")
    copied = Stack(tmp_path / "copy of it", stack.slug)
    subprocess.run(["cp", "-a", stack.folder, copied.folder], check=True)
    failed = copied.compose("up", "--build", check=False, timeout=120)
    assert failed.returncode
    assert f"This checkout is a copy of {stack.folder}, with its .env: {ASKS}" in failed.stdout + failed.stderr
    alone = copied.compose("run", "--rm", "--no-deps", "-T", "app", "true", check=False)
    assert (alone.returncode, f"copy of {stack.folder}" in alone.stderr) == (1, True)
    copied.run("scripts/setup")
    copied.up()
    stack.up()
    assert copied.app_url != stack.app_url
    assert notes(stack) == ["main"]


def test_a_checkout_that_was_moved_keeps_its_environment(stack: Stack, tmp_path: Path) -> None:
    stack.up()
    note(stack, "main")
    moved = Stack(stack.folder.rename(tmp_path / "moved to here"), stack.slug)
    moved.up()
    assert notes(moved) == ["main"]


def test_the_app_refuses_the_environment_of_the_branch_before(stack: Stack) -> None:
    stack.up()
    app = stack.compose("ps", "--quiet", "app").stdout.strip()
    git(stack.folder, "config", "core.hooksPath", ".none")
    git(stack.folder, "checkout", "-q", "-b", "topic")
    for command in COMMANDS:
        assert "another branch is checked out, run scripts/branch-env sync/refs/heads/topic" in refused(stack, *command)
    # What starts it without Compose, as the engine does by itself.
    stack.run("docker", "restart", app)
    said = "topic is checked out, and this is the environment of main: run scripts/branch-env sync"
    assert wait_for(lambda: said in stack.run("docker", "logs", app).stderr or None)
    branch_env(stack, "sync", "--stop-others")
    stack.up()
    assert answers_as(stack) == "topic"


def test_data_are_copied_from_an_environment_that_runs_and_from_one_that_does_not(stack: Stack) -> None:
    stack.up()
    stack.sql("CREATE TABLE item (id serial PRIMARY KEY, name text UNIQUE); INSERT INTO item (name) VALUES ('ä'), ('b''c')")
    stack.sql("CREATE SCHEMA other; CREATE VIEW other.names AS SELECT name FROM item; CREATE EXTENSION pg_trgm")
    topic = worktree(stack, "topic")
    branch_env(topic, "copy-data", "main")
    assert topic.sql("SELECT name FROM other.names ORDER BY 1") == "b'c\nä"
    assert topic.sql("INSERT INTO item (name) VALUES ('new') RETURNING id") == "3"
    assert stack.sql("SELECT count(*) FROM item") == "2"
    topic.up()
    assert topic.get_json()["database"].startswith("PostgreSQL")

    # Data are replaced only when somebody says so, and the other way round works from a stopped environment.
    topic.compose("down")
    refused = branch_env(stack, "copy-data", "topic", check=False, stdin=subprocess.DEVNULL)
    assert refused.returncode == 1
    assert "[y/N]" in refused.stderr
    assert stack.sql("SELECT count(*) FROM item") == "2"
    branch_env(stack, "copy-data", "topic", "--yes")
    assert stack.sql("SELECT count(*) FROM item") == "3"
    assert environments(stack)["topic"]["state"] == "data kept", "what was started for the copy is gone"

    wrong = branch_env(stack, "copy-data", "nowhere", check=False)
    assert wrong.returncode == 1
    assert "'nowhere' is none of main, topic" in wrong.stderr


def test_a_copy_that_fails_in_the_middle_changes_nothing(stack: Stack) -> None:
    stack.up()
    note(stack, "mine")
    topic = worktree(stack, "topic")
    topic.up()
    # A value that fails to be read in: the check is true for the row only as long as this function says so.
    topic.sql("CREATE FUNCTION fine() RETURNS bool LANGUAGE sql AS 'SELECT true'; CREATE TABLE bad (n int CHECK (fine()))")
    topic.sql("INSERT INTO bad VALUES (1); CREATE OR REPLACE FUNCTION fine() RETURNS bool LANGUAGE sql AS 'SELECT false'")
    failed = branch_env(stack, "copy-data", "topic", "--yes", check=False)
    assert failed.returncode == 1
    assert "violates check constraint" in failed.stderr
    assert notes(stack) == ["mine"]


def test_prune_removes_what_belongs_to_a_branch_that_is_gone_and_asks_before_it_deletes_data(stack: Stack) -> None:
    stack.up()
    note(stack, "main")
    topic, other = worktree(stack, "topic"), worktree(stack, "other")
    for one in (topic, other):
        one.up()
    name = environments(stack)["topic"]["project"]
    git(stack.folder, "worktree", "remove", "--force", str(topic.folder))
    git(stack.folder, "branch", "-D", "topic")
    listed = environments(stack)["topic"]
    assert (listed["gone"], listed["state"]) == (True, "running")

    asked = branch_env(stack, "prune", input="n\n")
    assert f"{name}_postgres-data" in asked.stderr
    assert sorted(entry for entry in leftovers(stack.slug) if entry.endswith(f" {name}")) == [f"volume {name}"] * 2
    branch_env(stack, "prune", stdin=subprocess.DEVNULL)
    assert f"volume {name}" in leftovers(stack.slug), "no answer is no"
    branch_env(stack, "prune", input="y\n")
    assert not [entry for entry in leftovers(stack.slug) if entry.endswith(f" {name}")]
    assert not stack.run("docker", "image", "ls", "--quiet", f"{name}-app").stdout
    assert "topic" not in environments(stack)
    assert answers_as(stack) == "main"
    assert answers_as(other) == "other"
    assert notes(stack) == ["main"]


def test_a_renamed_branch_gets_its_data_by_the_command_that_is_said_and_prune_asks(stack: Stack) -> None:
    git(stack.folder, "checkout", "-q", "-b", "before")
    stack.up()
    note(stack, "before")
    name = environments(stack)["before"]["project"]
    git(stack.folder, "branch", "-m", "before", "after")
    said = branch_env(stack, "sync", "--stop-others").stderr
    assert f"the data of before stay in {name}: `scripts/branch-env copy-data before`" in said
    kept = branch_env(stack, "prune", "--yes", stdin=subprocess.DEVNULL).stderr
    assert f"Delete the data of before, which is called after now, for good ({name}_postgres-data" in kept
    branch_env(stack, "copy-data", "before", "--yes")
    assert notes(stack) == ["before"]


def test_a_registry_that_was_deleted_is_rebuilt_from_what_docker_knows(stack: Stack, template: Path, tmp_path: Path) -> None:
    topic, gone = worktree(stack, "topic"), worktree(stack, "gone")
    for one in (topic, gone):
        one.up()
    before = environments(stack)
    git(stack.folder, "worktree", "remove", "--force", str(gone.folder))
    git(stack.folder, "branch", "-D", "gone")
    state = Path(os.environ["XDG_STATE_HOME"])
    (state / "chora-compose-template" / "environments.jsonl").unlink()

    asked = branch_env(stack, "prune").stderr
    name = before["gone"]["project"]
    assert f"{name} has data, and no branch here: `docker compose --project-name {name} down --volumes` deletes them" in asked
    assert before["topic"]["project"] not in asked
    after = environments(stack)
    for branch in ("main", "topic"):
        assert (after[branch]["project"], after[branch]["ports"]) == (before[branch]["project"], before[branch]["ports"])
    stack.run("docker", "compose", "--project-name", name, "down", "--volumes")
    assert name not in branch_env(stack, "prune").stderr
    # A new project gets no slot of theirs. Which one it gets is up to the projects of the tests that run beside this one.
    (state / "chora-compose-template" / "environments.jsonl").unlink()
    new: dict[str, Any] = {"data": {"stack": "minimal"}, "defaults": True, "unsafe": True, "quiet": True, "skip_tasks": True}
    copier.run_copy(str(template), tmp_path / "new", **new)
    answers = (tmp_path / "new" / ".copier-answers.yml").read_text()
    assert re.search(r"^port_slot: [1-9]$", answers, re.MULTILINE)


def test_an_environment_whose_port_another_program_has_taken_moves_alone(stack: Stack) -> None:
    topic, other = worktree(stack, "topic"), worktree(stack, "other")
    before = environments(stack)
    with socket.socket() as program:
        program.bind(("127.0.0.1", before["topic"]["ports"]["APP_PORT"]))
        program.listen()
        failed = topic.compose("up", "--build", "--wait", check=False)
        assert failed.returncode
        moved = branch_env(topic, "sync")
        assert "held by another program" in moved.stderr
        topic.up()
        assert answers_as(topic) == "topic"
    after = environments(stack)
    assert after["topic"]["ports"] != before["topic"]["ports"]
    assert (after["main"]["ports"], after["other"]["ports"]) == (before["main"]["ports"], before["other"]["ports"])
    branch_env(topic, "sync")
    assert environments(stack)["topic"]["ports"] == after["topic"]["ports"], "its own containers are no other program"
    assert other.folder.exists()


def test_a_fresh_clone_has_its_hook_after_scripts_setup(stack: Stack, tmp_path: Path) -> None:
    clone = tmp_path / "clone of it"
    git(tmp_path, "clone", "--quiet", str(stack.folder), str(clone))
    cloned = Stack(clone, stack.slug)
    cloned.run("scripts/setup")
    git(clone, "checkout", "-q", "-b", "topic")
    cloned.up()
    assert answers_as(cloned) == "topic"
    stack.up()
    assert answers_as(stack) == "main"


def test_the_databases_of_several_mcp_servers_are_copied_with_their_owners(make_stack: MakeStack) -> None:
    answers = preset("05-mcp-multi") | {"gateway": "none", "mcp_servers": ["tasks"], "branch_environments": True}
    stack = make_stack(answers, own_ports=True)
    commit_all(stack.folder, "Render the set-up")
    stack.up()
    script = 'PGPASSWORD=tasks-dev psql -qtA -h 127.0.0.1 -U tasks -d tasks -c "$0"'
    stack.compose("exec", "-T", "db", "sh", "-c", script, "CREATE TABLE note (text text); INSERT INTO note VALUES ('main')")
    topic = worktree(stack, "topic")
    branch_env(topic, "copy-data", "main")
    read = "INSERT INTO note VALUES ('topic') RETURNING (SELECT string_agg(text, ' ') FROM note)"
    assert topic.compose("exec", "-T", "db", "sh", "-c", script, read).stdout.strip() == "main"


def test_in_a_hybrid_project_the_hosts_python_is_told_where_the_services_of_the_branch_are(make_stack: MakeStack) -> None:
    stack = make_stack(preset("03-hybrid") | {"branch_environments": True}, own_ports=True)
    commit_all(stack.folder, "Render the set-up")
    git(stack.folder, "checkout", "-q", "-b", "topic")
    stack.up()
    local = (stack.folder / ".env.local").read_text()
    (app,) = re.findall(r"^APP_PORT=(\d+)$", local, re.MULTILINE)
    (database,) = re.findall(r"^DATABASE_URL=.*@localhost:(\d+)/", local, re.MULTILINE)
    (redis,) = re.findall(r"^REDIS_URL=redis://localhost:(\d+)/0$", local, re.MULTILINE)
    ports = environments(stack)["topic"]["ports"]
    assert ports == {"APP_PORT": int(app), "POSTGRES_PORT": int(database), "REDIS_PORT": int(redis)}
    assert stack.compose("port", "db", "5432").stdout.strip() == f"127.0.0.1:{database}"
    with socket.create_connection(("127.0.0.1", int(redis)), timeout=10) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(7) == b"+PONG\r\n"
    git(stack.folder, "checkout", "-q", "main")
    assert f"@localhost:{environments(stack)['main']['ports']['POSTGRES_PORT']}/" in (stack.folder / ".env.local").read_text()
