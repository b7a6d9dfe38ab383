"""Ports: every environment of a machine has its own, all within bounds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support import extension

ports = extension("ports")
slots = st.integers(0, 9)
offsets = st.integers(0, 2400)
services = st.sampled_from(["app", "db", "redis", "gateway"])

# The Fetch standard's "bad ports", https://fetch.spec.whatwg.org/#port-blocking
REFUSED = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111}
    | {113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548}
    | {554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566}
    | {6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)


@pytest.mark.parametrize(
    ("service", "slot", "offset", "port"),
    [
        ("app", 0, 0, 8000),
        ("db", 0, 0, 5432),
        ("redis", 0, 0, 6379),
        ("gateway", 0, 0, 5678),
        ("app", 1, 0, 8001),
        ("db", 1, 0, 5433),
        ("app", 2, 0, 8002),
        ("db", 2, 0, 5434),
        ("app", 0, 1, 8010),
        ("app", 9, 2400, 32009),
    ],
)
def test_a_port_is_the_documented_one(service: str, slot: int, offset: int, port: int) -> None:
    assert ports.port(service, slot, offset) == port


@given(services, slots, offsets, slots, offsets)
def test_two_environments_never_share_a_port_of_a_service(
    service: str, slot: int, offset: int, other_slot: int, other_offset: int
) -> None:
    if (slot, offset) != (other_slot, other_offset):
        port = allowed(service, slot, offset)
        assume(port is not None)
        assert port != allowed(service, other_slot, other_offset)


@given(services, slots, offsets)
def test_a_port_needs_no_root_and_is_below_those_that_systems_hand_out(service: str, slot: int, offset: int) -> None:
    port = allowed(service, slot, offset)
    assert port is None or 1024 <= port < 32768


def test_main_environments_of_all_slots_never_share_a_port() -> None:
    every = [ports.port(service, slot) for service in ports.BASES for slot in range(10)]
    assert len(every) == len(set(every))


def allowed(service: str, slot: int, offset: int) -> int | None:
    """Return a port, None where there is none for these."""
    try:
        port = ports.port(service, slot, offset)
    except ValueError:
        return None
    assert isinstance(port, int)
    return port


def test_no_browser_refuses_a_port() -> None:
    every = itertools.product(("app", "gateway"), range(10), range(2401))
    assert [triple for triple in every if allowed(*triple) in REFUSED] == []


def test_every_slot_has_its_main_environment() -> None:
    assert all(allowed(service, slot, 0) for service in ports.BASES for slot in range(10))


@pytest.mark.parametrize(
    ("service", "slot", "offset"), [("mail", 0, 0), ("app", -1, 0), ("app", 10, 0), ("app", 0, -1), ("db", 0, 2401)]
)
def test_what_is_out_of_range_is_an_error_that_says_so(service: str, slot: int, offset: int) -> None:
    wrong = service if service == "mail" else slot if not 0 <= slot < 10 else offset
    with pytest.raises(ValueError, match=str(wrong)):
        ports.port(service, slot, offset)


@given(services, slots)
def test_the_published_port_can_be_moved_by_a_variable(service: str, slot: int) -> None:
    variable = {"app": "APP_PORT", "db": "POSTGRES_PORT", "redis": "REDIS_PORT", "gateway": "N8N_PORT"}[service]
    assert ports.published(service, slot) == f"${{{variable}:-{ports.port(service, slot)}}}"
