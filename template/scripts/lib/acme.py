# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""The names that production has, and their certificates from an authority, by ACME."""

from __future__ import annotations

import re

from . import nginx
from .common import ROOT, Done, Problem, read, run, say, variables, warn
from .production import compose

# Names of DNS, and none of one word: no authority knows those.
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"(?:{LABEL}\.)+{LABEL}")
# nginx starts with the certificate in secrets/tls/ for each name, until it has its own.
PREPARE = """
cd /etc/letsencrypt
for name; do
    mkdir -p "nginx/$name"
    [ -s "nginx/$name/fullchain.pem" ] || cp /tls/*.pem "nginx/$name"
    chmod 644 "nginx/$name"/*.pem
    [ -e "renewal/$name.conf" ] || echo "$name"
done
"""


class Names:
    """What `.env.production` says of names."""

    def __init__(self) -> None:
        known = variables(read(ROOT / ".env.production"))
        self.email = known.get("ACME_EMAIL", "")
        self.server = known.get("ACME_SERVER", "")
        self.all = self._names("DOMAINS", known)
        canonical = self._names("CANONICAL_HOST", known)
        if len(canonical) > 1 or (self.all and not {*canonical} <= {*self.all}):
            what = "write one of DOMAINS as CANONICAL_HOST in .env.production"
            raise Problem(f"{what}: {' '.join(canonical)} is none")
        self.canonical = "".join(canonical)
        if self.all and not self.email:
            what = "write ACME_EMAIL in .env.production"
            raise Problem(f"{what}: the authority asks for it")

    def _names(self, variable: str, known: dict[str, str]) -> list[str]:
        names = known.get(variable, "").lower().split()
        for name in names:
            if not NAME.fullmatch(name) or len(name) > 253:
                what = f"write {variable} in .env.production as names of hosts"
                raise Problem(f"{what}, with blanks between them: {name!r} is none")
        return [*dict.fromkeys(names)]


def tell_nginx(names: Names) -> bool:
    """Write down for nginx which names there are; tell whether that is new to it."""
    tls = [f"{name} /run/certificates/nginx/{name};" for name in names.all]
    hosts = [f'{name} "";' for name in names.all]
    canonical = [f'{one} "";' for one in [names.canonical] if one]
    maps = {
        "tls": tls,
        "hosts": hosts and ["default unknown;", *hosts],
        "canonical": canonical and [f"default {names.canonical};", *canonical],
    }
    look = "cat *.map 2>/dev/null | cksum"
    script = [f"cd /tmp/turn; {look}; rm -f *.map"]
    for name, lines in maps.items():
        text = "\n".join(lines)
        script += [f"printf '%s\\n' '{text}' >{name}.map"] if lines else []
    before, after = nginx.in_nginx("; ".join([*script, look])).splitlines()
    return before != after


def certbot(*arguments: str, entrypoint: str = "certbot") -> Done[str]:
    """Run a command in the container that has the certificates."""
    once = ("--progress", "quiet", "run", "--rm", "--no-deps", "-T", "--entrypoint")
    return compose(*once, entrypoint, "certbot", *arguments, check=False)


def fetch(name: str, names: Names) -> None:
    """Have a certificate made for a name; what stands in the way is a warning."""
    say(f"fetching a certificate for {name}")
    hook = f'install -m 644 "$RENEWED_LINEAGE"/*.pem /etc/letsencrypt/nginx/{name}/'
    options = {
        "work-dir": "/tmp/work",
        "logs-dir": "/tmp/log",
        "webroot-path": "/var/www/acme",
        "cert-name": name,
        "domain": name,
        "email": names.email,
        "deploy-hook": hook,
    }
    options |= {"server": names.server} if names.server else {}
    words = [f"--{option}={value}" for option, value in options.items()]
    done = certbot("certonly", "--webroot", "--agree-tos", "--non-interactive", *words)
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        why = [line for line in said if re.search(r"\b(?:Detail|[Ee]rror):", line)]
        what = f"check that {name} leads here and port 80 is open, then deploy again"
        warn(f"{what}: there is no certificate for it ({' '.join(why or said[-1:])})")


def serve() -> None:
    """Bring names and certificates to what `.env.production` says."""
    names = Names()
    if not names.all:
        if tell_nginx(names):
            nginx.reload()
        return
    prepared = certbot("-ec", PREPARE, "sh", *names.all, entrypoint="sh")
    if prepared.returncode:
        raise Problem(f"certificates have no place: {prepared.stderr.strip()}")
    if tell_nginx(names):
        nginx.reload()
    for name in prepared.stdout.split():
        fetch(name, names)
    # Which renews them; with the settings of this project's file.
    compose("up", "--detach", "--no-deps", "certbot")
