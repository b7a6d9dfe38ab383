"""Projects side by side on one machine: networks, volumes, names and ports apart."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack
from tests.support import preset


def note(stack: Stack) -> None:
    stack.sql(f"CREATE TABLE note (text text); INSERT INTO note VALUES ('{stack.slug}')")


def networks(stack: Stack) -> set[str]:
    return set(stack.inspect("app")["NetworkSettings"]["Networks"])


@pytest.mark.podman
def test_two_projects_in_slots_1_and_2_are_at_8001_and_8002(make_stack: MakeStack) -> None:
    stacks = [make_stack(preset("06-project-scoped") | {"port_slot": slot}, own_ports=True) for slot in (1, 2)]
    for stack in stacks:
        stack.up()
    assert [stack.app_url for stack in stacks] == ["http://127.0.0.1:8001", "http://127.0.0.1:8002"]
    ports = [stack.compose("port", "db", "5432").stdout.strip() for stack in stacks]
    assert ports == ["127.0.0.1:5433", "127.0.0.1:5434"]
    for stack in stacks:
        note(stack)
        assert stack.get_json()["database"].startswith("PostgreSQL")
    for stack in stacks:
        assert stack.sql("SELECT text FROM note") == stack.slug
        assert networks(stack) == {f"{stack.slug}_default"}
    for one, other in (stacks, stacks[::-1]):
        assert one.compose("exec", "-T", "app", "getent", "hosts", f"{one.slug}-app-1").stdout
        assert one.compose("exec", "-T", "app", "getent", "hosts", f"{other.slug}-app-1", check=False).returncode
    stacks[0].compose("down", "--volumes")
    assert stacks[1].sql("SELECT text FROM note") == stacks[1].slug, "the other one has not noticed"


def test_ten_projects_that_were_rendered_with_defaults_are_up_at_once(make_stack: MakeStack) -> None:
    answers = preset("06-project-scoped") | {"services": ["postgres"], "web_framework": "stdlib"}
    stacks = [make_stack(answers, own_ports=True) for _ in range(10)]
    assert [stack.app_url for stack in stacks] == [f"http://127.0.0.1:{8000 + slot}" for slot in range(10)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(Stack.up, stacks))
    for stack in stacks:
        note(stack)
    for stack in stacks:
        assert stack.get_json()["database"].startswith("PostgreSQL")
        assert stack.sql("SELECT text FROM note") == stack.slug


def test_three_projects_from_presets_are_up_at_once(make_stack: MakeStack) -> None:
    stacks = [make_stack(preset(name), own_ports=True) for name in ("01-minimal", "02-full", "04-mcp")]
    for stack in stacks:
        stack.up()
    assert [stack.url(service) for stack, service in zip(stacks, ("app", "app", "mcp-server"), strict=True)] == [
        f"http://127.0.0.1:{port}" for port in (8000, 8001, 8002)
    ]
    for stack in stacks:
        running = [json.loads(line) for line in stack.compose("ps", "--format", "json").stdout.splitlines()]
        assert {container["Health"] for container in running} == {"healthy"}
