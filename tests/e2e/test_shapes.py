"""Projects of other people's shapes start as they are found, without an answer."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.pipelines import run_ci
from tests.e2e.stack import fetch, wait_for
from tests.shapes import shapes

SHAPES = shapes()


def those(what: str) -> list[Any]:
    """Return the names of the shapes that say something of what is looked at; `wide` ones are further cases of a kind."""
    names = [name for name, shape in SHAPES.items() if getattr(shape, what)]
    return [pytest.param(name, marks=[pytest.mark.wide] if SHAPES[name].wide else []) for name in names]


@pytest.mark.parametrize("name", those("says"))
def test_a_project_that_serves_the_web_answers(name: str, make_stack: MakeStack) -> None:
    shape = SHAPES[name]
    stack = make_stack(shape.answers, write=shape.write)
    stack.up()
    # Not every Compose file says when a service is ready.
    status, text = wait_for(lambda: fetch(stack.url(shape.service) + shape.path))
    assert status == 200 and shape.says in text, text
    assert {path: (stack.folder / path).read_text() for path in shape.files} == shape.files, "no file of theirs is changed"


@pytest.mark.parametrize("name", those("logs"))
def test_what_has_no_port_runs_and_says_so_in_its_log(name: str, make_stack: MakeStack) -> None:
    shape = SHAPES[name]
    stack = make_stack(shape.answers, write=shape.write)
    stack.compose("up", "--build", "--detach")
    for service, text in shape.logs.items():

        def said(service: str = service, text: str = text) -> bool | None:
            return text in stack.compose("logs", "--no-color", service).stdout or None

        assert wait_for(said)
        state = stack.inspect(service)
        assert state["State"]["ExitCode"] == 0 and state["RestartCount"] == 0
        assert not state["HostConfig"]["PortBindings"] and "Health" not in state["State"]


@pytest.mark.parametrize("name", those("run"))
def test_a_library_or_a_tool_is_run_by_hand_alone(name: str, make_stack: MakeStack) -> None:
    shape = SHAPES[name]
    stack = make_stack(shape.answers, write=shape.write)
    assert "app" not in stack.compose("config", "--services").stdout.split(), "`up` starts nothing of it"
    for command, text in shape.run.items():
        assert text in stack.compose("run", "--build", "--rm", "-T", "app", *shlex.split(command)).stdout


@pytest.mark.parametrize("name", those("tested"))
def test_a_projects_own_tests_run(name: str, make_stack: MakeStack) -> None:
    shape = SHAPES[name]
    said = run_ci(make_stack({"ci": ["github"], **shape.answers}, write=shape.write))
    assert shape.tested in said, said
