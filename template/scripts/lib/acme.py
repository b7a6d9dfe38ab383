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
# What nginx reads: for each name where its certificate is, that it is known, and where
# everybody is sent. Without names every one is known.
CERTIFICATES, HOSTS, CANONICAL = (f"/tmp/turn/{a}" for a in ("tls", "hosts", "canonical"))


class Names:
    """What `.env.production` says of names."""

    def __init__(self) -> None:
        known = variables(read(ROOT / ".env.production"))
        self.email, self.server = known.get("ACME_EMAIL", ""), known.get("ACME_SERVER", "")
        self.all = self._names("DOMAINS", known)
        canonical = self._names("CANONICAL_HOST", known)
        if len(canonical) > 1 or (self.all and not {*canonical} <= {*self.all}):
            what = "write one of DOMAINS as CANONICAL_HOST in .env.production"
            raise Problem(f"{what}: {' '.join(canonical)} is none")
        self.canonical = "".join(canonical)

    def _names(self, variable: str, known: dict[str, str]) -> list[str]:
        names = known.get(variable, "").lower().split()
        for name in names:
            if not NAME.fullmatch(name) or len(name) > 253:
                what = f"write {variable} in .env.production as names of hosts"
                raise Problem(f"{what}, with blanks between them: {name!r} is none")
        return [*dict.fromkeys(names)]


def tell_nginx(names: Names) -> bool:
    """Write down for nginx which names there are; tell whether that is new to it."""
    maps = {
        CERTIFICATES: [f"{name} /run/certificates/nginx/{name};" for name in names.all],
        HOSTS: ["default unknown;", *(f'{name} "";' for name in names.all)],
        CANONICAL: [f"default {names.canonical};", f'{names.canonical} "";'],
    }
    there = {CERTIFICATES: names.all, HOSTS: names.all, CANONICAL: names.canonical}
    script = "cd /tmp/turn; cat tls.map hosts.map canonical.map 2>/dev/null | cksum; "
    for path, lines in maps.items():
        text = "\n".join(lines)
        script += f"printf '%s\\n' '{text}' >{path}.map; " if there[path] else f"rm -f {path}.map; "
    script += "cat tls.map hosts.map canonical.map 2>/dev/null | cksum"
    before, after = nginx.in_nginx(script).splitlines()
    return before != after


def certbot(*arguments: str, entrypoint: str = "certbot") -> Done[str]:
    """Run a command in the container that has the certificates."""
    once = ("--progress", "quiet", "run", "--rm", "--no-deps", "-T", "--entrypoint")
    return compose(*once, entrypoint, "certbot", *arguments, check=False)


def fetch(name: str, names: Names) -> None:
    """Have a certificate made for a name; what stands in the way is a warning."""
    say(f"fetching a certificate for {name}")
    server = ("--server", names.server) if names.server else ()
    folders = ("--work-dir", "/tmp/work", "--logs-dir", "/tmp/log")
    place = ("--webroot", "--webroot-path", "/var/www/acme", "--cert-name", name)
    hook = f'install -m 644 "$RENEWED_LINEAGE"/*.pem /etc/letsencrypt/nginx/{name}/'
    terms = ("--agree-tos", "--email", names.email, "--non-interactive")
    done = certbot("certonly", *server, *folders, *place, *terms, "-d", name, "--deploy-hook", hook)
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        why = [line for line in said if re.match(r"(?:Detail|Error|.*[Ee]rror)\b", line)] or said[-1:]
        what = f"check that {name} leads here and port 80 is open, then deploy again"
        warn(f"{what}: there is no certificate for it ({' '.join(why[:2])})")


def serve() -> None:
    """Bring names and certificates to what `.env.production` says."""
    names = Names()
    if names.all and not names.email:
        raise Problem("write ACME_EMAIL in .env.production: the authority asks for it")
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
