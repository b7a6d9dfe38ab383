# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes for the services that projects share."""

from __future__ import annotations

import secrets

from .common import ROOT
from .hub import register
from .registry import registry
from .secret_files import fill
from .settings import SLUG

HEADER = (
    "# The administrator's passwords, never committed. "
    "Another one counts from the next `docker compose up`.\n"
)


def make() -> None:
    """Note where the shared services are, and make the administrator's passwords."""
    with registry() as machine:
        register(machine, ROOT, SLUG)
    names = ("POSTGRES_PASSWORD", "REDISCLI_AUTH")
    passwords = {name: secrets.token_hex(24) for name in names}
    fill(ROOT / "secrets" / "hub.env", HEADER, passwords, replace=False)
