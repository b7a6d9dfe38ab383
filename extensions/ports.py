"""Ports that a project publishes on the developer's machine."""

from __future__ import annotations

from jinja2 import Environment
from jinja2.ext import Extension

# Published port of each service for slot 0 and offset 0, and the variable that overrides it.
BASES = {"app": 8000, "db": 5432, "redis": 6379, "gateway": 5678}
VARIABLES = {"app": "APP_PORT", "db": "POSTGRES_PORT", "redis": "REDIS_PORT", "gateway": "N8N_PORT"}
# Ports that browsers refuse, from 1024 on (the Fetch standard, "port blocking").
REFUSED = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)
# The services that a browser opens.
PAGES = frozenset({"app", "gateway"})
SLOTS = 10
OFFSETS = 2401


def port(service: str, slot: int = 0, offset: int = 0) -> int:
    """Return the port that a service is published on: `base + slot + 10 * offset`.

    Args:
        service: `app`, `db`, `redis` or `gateway`.
        slot: the project's slot on the machine, 0 to 9.
        offset: the environment's offset, 0 for the default branch, at most 2400.

    Returns:
        A TCP port below 32768; no two triples of the same service share one.

    Raises:
        ValueError: for a service, a slot or an offset that does not exist, and for a page on a port that browsers refuse.
    """
    if service not in BASES:
        raise ValueError(f"no service {service!r}: ports are known for {', '.join(BASES)}")
    if not 0 <= slot < SLOTS:
        raise ValueError(f"port_slot {slot} is not a whole number from 0 to {SLOTS - 1}")
    if not 0 <= offset < OFFSETS:
        raise ValueError(f"offset {offset} is not a whole number from 0 to {OFFSETS - 1}")
    result = BASES[service] + slot + SLOTS * offset
    if service in PAGES and result in REFUSED:
        raise ValueError(f"browsers refuse port {result}: take another offset")
    return result


def published(service: str, slot: int = 0) -> str:
    """Return the Compose expression of a published port, such as `${APP_PORT:-8001}`."""
    return f"${{{VARIABLES[service]}:-{port(service, slot)}}}"


class PortsExtension(Extension):
    """Globals `port` and `published_port`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["port"] = port
        environment.globals["published_port"] = published
