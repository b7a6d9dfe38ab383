# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/setup makes for production: its secrets, and a first certificate."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path

from .common import ROOT, Problem, run, say, warn, write
from .settings import PYTHON, SECRETS

FOLDER = ROOT / "secrets"
TLS = FOLDER / "tls"
IN_DOCKER = f"docker run --rm -i --entrypoint openssl python:{PYTHON}-slim"
SELF_SIGNED = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 "
    "-config /dev/stdin -keyout /dev/stdout -out /dev/stdout"
)
# In place of -addext, by which OpenSSL 1.1.1 makes an authority's all the same.
SETTINGS = """
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
[extensions]
subjectAltName = DNS:localhost,IP:127.0.0.1
basicConstraints = critical,CA:FALSE
"""


def keep(path: Path, text: str, mode: int = 0o444) -> None:
    """Write a file for a container's fixed user; here its folder keeps others out."""
    write(path, text, mode)
    path.chmod(mode)
    say(f"wrote {path.relative_to(ROOT)}")


def make_certificate() -> None:
    """Make a self-signed certificate, for a first start without a real one."""
    for program in ("openssl", IN_DOCKER):
        try:
            command = (*program.split(), *SELF_SIGNED.split())
            made = run(*command, input=SETTINGS).stdout
            blocks = re.findall(r"-----BEGIN .+?-----END .+?-----\n", made, re.DOTALL)
            certificate, key = sorted(blocks)
        except (Problem, ValueError):
            continue
        TLS.mkdir(exist_ok=True)
        TLS.chmod(0o755)
        # Its owner puts another one in their place.
        keep(TLS / "privkey.pem", key, 0o644)
        # Last, because it tells that both are there.
        keep(TLS / "fullchain.pem", certificate, 0o644)
        return
    warn(
        "no certificate was made: install openssl or Docker and run scripts/setup "
        "again, or put yours into secrets/tls/ as fullchain.pem and privkey.pem"
    )


def make() -> None:
    """Make what is missing; with another password the database would refuse the app."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    FOLDER.chmod(0o700)
    for name in SECRETS:
        if (FOLDER / name).exists():
            say(f"secrets/{name} is up to date")
        else:
            keep(FOLDER / name, secrets.token_hex(32))
    if (TLS / "fullchain.pem").exists():
        for one in TLS.glob("*.pem"):
            # Up to 0.5.0 they were read-only. What is another user's stays.
            with suppress(PermissionError):
                one.chmod(one.stat().st_mode | 0o200)
        say("secrets/tls is up to date")
    else:
        make_certificate()
