# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The names under which production is reached, as `.env.production` says."""

from __future__ import annotations

import re

from .common import ROOT, Problem, read, variables
from .settings import N8N

WHERE = "in .env.production"
# Names of DNS, and none of one word: no authority knows those.
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label of an address is a number.
NAME = re.compile(rf"(?:{LABEL}\.)+(?!\d+$){LABEL}")


class Domains:
    """The names, and who makes certificates for them; a Problem where that is wrong.

    Attributes:
        names: all; none where every name is answered.
        canonical: the one that others are sent to; empty for none.
        fixed: those that are not sent to it.
        email: whom the authority writes to; empty where certificates are the user's.
        server: the URL of another authority's directory.
    """

    def __init__(self) -> None:
        known = variables(read(ROOT / ".env.production"))
        given = names(known, "DOMAINS")
        n8n = names(known, "N8N_HOST") if given and N8N else []
        canonical = names(known, "CANONICAL_HOST") if given else []
        self.names = [*dict.fromkeys([*given, *n8n])]
        self.canonical = "".join(canonical[:1])
        self.fixed = [*dict.fromkeys([*canonical, *n8n])] if canonical else []
        self.email = known.get("ACME_EMAIL", "")
        self.server = known.get("ACME_SERVER", "")
        if self.email and not given:
            raise Problem(f"write DOMAINS {WHERE}: ACME_EMAIL alone fetches nothing")
        if len(canonical) > 1 or not {*canonical} <= {*given}:
            what = f"write one of DOMAINS as CANONICAL_HOST {WHERE}"
            raise Problem(f"{what}: {' '.join(canonical)} is none")
        root = known.get("ACME_CA", "") if self.email else ""
        if root and not (root.startswith(("./", "/")) and (ROOT / root).is_file()):
            what = f"write ACME_CA {WHERE} as the path of a file, such as ./ca.pem"
            raise Problem(f"{what}: {root!r} is none")


def names(known: dict[str, str], variable: str) -> list[str]:
    """Return the names that a variable holds."""
    found = known.get(variable, "").lower().split()
    for name in found:
        if not NAME.fullmatch(name) or len(name) > 253:
            what = f"write {variable} {WHERE} as names of hosts"
            form = "with blanks between them, other letters as xn--…"
            raise Problem(f"{what}, {form}: {name!r} is none")
    return [*dict.fromkeys(found)]
