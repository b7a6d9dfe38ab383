"""What COMPOSE.md says of the services of an existing Compose file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OwnService:
    """A row of the table, each part as Markdown."""

    name: str
    image: str
    here: str
    """Where it is on this machine, empty where it publishes no port."""
    inside: str
    """Where other services reach it, as far as its file says so."""


def code(text: str) -> str:
    """Return a text as code, which stays in its cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def own_services(said: Mapping[str, Mapping[str, Any]]) -> Iterator[OwnService]:
    """Yield the rows of the services that were found, see `own_services` in docs/reference/questions.md."""
    for name, service in sorted(said.items(), key=lambda item: ("build" not in item[1], item[0])):
        ports = [port.split(":") for port in service.get("ports", [])]
        here = [f"localhost:{port[-2]}" if port[1:] else f"docker compose port {name} {port[-1]}" for port in ports]
        profiles = service.get("profiles", [])
        yield OwnService(
            code(name) + (f", with `--profile {profiles[0]}`" if profiles else ""),
            f"built from {code(service['build'])}" if "build" in service else code(service.get("image", "")),
            ", ".join(map(code, here)),
            ", ".join(code(f"{name}:{port[-1]}") for port in ports),
        )
