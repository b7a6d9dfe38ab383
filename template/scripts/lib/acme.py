# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Certificates from an authority, by ACME: certbot fetches them, nginx serves them."""

from __future__ import annotations

import re
import ssl

from . import nginx
from .common import Done, Problem, say, warn
from .domains import WHERE, Domains
from .production import PROJECT, compose, ids, inspect, remove

FOLDER, SERVICE = "/run/certificates", "certbot_renewal"
# nginx starts with the certificate in secrets/tls/ for each name, until it has its own.
# Names that are not used any more are not renewed; their certificates stay.
PREPARE = """
cd /etc/letsencrypt
mkdir -p renewal
for name; do
    mkdir -p "nginx/$name"
    [ -s "nginx/$name/fullchain.pem" ] || cp /tls/*.pem "nginx/$name"
    chmod 644 "nginx/$name"/*.pem
    [ ! -e "renewal/$name.off" ] || mv "renewal/$name.off" "renewal/$name.conf"
    [ -e "renewal/$name.conf" ] || echo "$name"
done
cd renewal
for file in *.conf; do
    name=${file%.conf}
    case " $* * " in *" $name "*) ;; *) mv "$file" "$name.off" ;; esac
done
"""


def tell_nginx(domains: Domains, own: bool) -> None:
    """Write down for nginx which names there are, and whether each has a certificate.

    It reads that again where it is new.
    """
    tls = [f"{name} {FOLDER}/nginx/{name};" for name in domains.names if own]
    hosts = [f'{name} "";' for name in domains.names]
    fixed = [f'{name} "";' for name in domains.fixed]
    maps = {
        "tls": tls,
        "hosts": hosts and ["default unknown;", *hosts],
        "canonical": fixed and [f"default {domains.canonical};", *fixed],
    }
    look = "cat *.map 2>/dev/null | cksum"
    script = [f"cd /tmp/turn; {look}; rm -f *.map"]
    for name, lines in maps.items():
        text = "\n".join(lines)
        script += [f"printf '%s\\n' '{text}' >{name}.map"] if lines else []
    before, after = nginx.in_nginx("; ".join([*script, look])).splitlines()
    if before != after:
        nginx.reload()


def certbot(*arguments: str, entrypoint: str = "certbot") -> Done[str]:
    """Run a command in the container that has the certificates."""
    once = ("--progress", "quiet", "run", "--rm", "--no-deps", "-T", "--entrypoint")
    return compose(*once, entrypoint, SERVICE, *arguments, check=False)


def fetch(name: str, domains: Domains) -> None:
    """Have a certificate made for a name; what stands in the way is a warning."""
    say(f"fetching a certificate for {name}")
    hook = f'install -m 644 "$RENEWED_LINEAGE"/*.pem /etc/letsencrypt/nginx/{name}/'
    options = {
        "work-dir": "/tmp/work",
        "logs-dir": "/tmp/log",
        "webroot-path": "/var/www/acme",
        "cert-name": name,
        "domain": name,
        "email": domains.email,
        "deploy-hook": hook,
    }
    options |= {"server": domains.server} if domains.server else {}
    words = [f"--{option}={value}" for option, value in options.items()]
    done = certbot("certonly", "--webroot", "--agree-tos", "--non-interactive", *words)
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        why = [line for line in said if re.search(r"\b(?:Detail|[Ee]rror):", line)]
        what = f"check that {name} leads here and port 80 is open, then deploy again"
        warn(f"{what}: there is no certificate for it ({' '.join(why or said[-1:])})")


def check_own(domains: Domains) -> None:
    """Warn of names that the certificate in secrets/tls/ is not for."""
    context = nginx.verifying()
    context.check_hostname = True
    for host, port in nginx.listening():
        for name in domains.names:
            try:
                nginx.handshake(host, port, context, name)
            except ssl.SSLCertVerificationError:
                what = f"set ACME_EMAIL {WHERE}, or give one by scripts/certificate"
                warn(f"{what}: the certificate in secrets/tls/ is not for {name}")
            except OSError:
                pass  # said by whoever asks nginx next


def serve() -> None:
    """Bring names and certificates to what `.env.production` says."""
    domains = Domains()
    mounts = [one for each in inspect(ids("nginx")) for one in each["Mounts"]]
    if FOLDER not in [one["Destination"] for one in mounts]:
        # Started by a release before 0.11.0.
        if domains.names or domains.canonical:
            up = f"docker compose -p {PROJECT} … up --detach --no-deps nginx"
            raise Problem(f"start nginx with its new settings, by `{up}`, then deploy")
        return
    if not domains.email:
        remove(ids(SERVICE))
        tell_nginx(domains, own=False)
        check_own(domains)
        return
    prepared = certbot("-ec", PREPARE, "sh", *domains.names, entrypoint="sh")
    if prepared.returncode:
        said = prepared.stderr.strip().splitlines()[-1:]
        warn(f"deploy again once certbot starts: {''.join(said)}")
        return
    tell_nginx(domains, own=True)
    new = prepared.stdout.split()
    for name in new:
        fetch(name, domains)
    if new:
        nginx.reload()  # it would know the old ones for a minute
    # Which renews them; with the settings of this project's file.
    compose("up", "--detach", "--no-deps", SERVICE)
