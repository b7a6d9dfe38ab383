"""A service is asked soon and often while it starts, and seldom once it is healthy."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from tests.e2e.conftest import MakeStack
from tests.support import preset


def moment(text: str) -> datetime:
    """Return a moment as the engine writes it, with nanoseconds and in any zone, to the microsecond."""
    day, rest = text.replace("Z", "+00:00").split(".")
    zone = rest[rest.index("+") :] if "+" in rest else rest[rest.index("-") :]
    return datetime.fromisoformat(f"{day}.{rest[: -len(zone)][:6].ljust(6, '0')}{zone}")


@pytest.mark.oldest
@pytest.mark.podman
def test_a_service_is_asked_within_seconds_of_its_start_and_left_alone_when_it_is_healthy(make_stack: MakeStack) -> None:
    stack = make_stack(preset("01-minimal") | {"web_framework": "stdlib"})
    stack.up()
    time.sleep(8)
    state = stack.inspect("app")["State"]
    log = state["Health"]["Log"]
    asked = (moment(log[0]["Start"]) - moment(state["StartedAt"])).total_seconds()
    assert asked < 5, "nobody waits for the first answer"
    assert [entry["ExitCode"] for entry in log].count(0) == 1, "the next question comes after 30 s"
