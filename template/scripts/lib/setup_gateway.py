# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes for n8n: its key and its owner's login."""

from __future__ import annotations

import secrets
from pathlib import Path

from .common import ROOT, read
from .secret_files import fill

GATEWAY = ROOT / "secrets" / "gateway.env"
HEADER = (
    "# n8n's login, and the key of what it keeps, which its data have too: for this "
    "machine alone, never committed.\n"
)


def make(*others: Path) -> None:
    """Make what is missing; with another key n8n does not start.

    The file of another checkout is taken, because its branch may be here next time.
    """
    texts = (read(folder / "secrets" / GATEWAY.name) for folder in others)
    values = {
        "N8N_ENCRYPTION_KEY": secrets.token_hex(32),
        "GATEWAY_EMAIL": "owner@example.com",
        # n8n asks for a capital letter and a digit.
        "GATEWAY_PASSWORD": f"Aa1-{secrets.token_urlsafe(18)}",
    }
    fill(GATEWAY, next(filter(None, texts), HEADER), values, replace=False)
    if (ROOT / "docker-compose.prod.yml").exists():
        # A container's user reads it itself there; its folder keeps others out.
        GATEWAY.chmod(0o444)
