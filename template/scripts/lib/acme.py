# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Certificates from an authority, by ACME: certbot fetches them, nginx serves them."""

from __future__ import annotations

import re
import ssl
import time

from . import nginx
from .common import Done, Problem, say, warn
from .domains import WHERE, Domains
from .production import compose, ids, inspect, remove

FOLDER, SERVICE = "/run/certificates", "certbot_renewal"
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
# Gives nginx the certificate of each name; that in secrets/tls/ where it has none yet.
TAKE = """cd /etc/letsencrypt
for folder in nginx/*/; do
    from=live/$(basename "$folder")
    [ -s "$from/fullchain.pem" ] || from=/tls
    for file in privkey fullchain; do
        cmp -s "$from/$file.pem" "$folder$file.pem" && continue
        cp "$from/$file.pem" "$folder$file.new" && chmod 644 "$folder$file.new"
        mv "$folder$file.new" "$folder$file.pem"
    done
done
"""
# Tells which names have no certificate of the authority, or had none until now. Others
# are not renewed any more; their certificates stay.
PREPARE = """cd /etc/letsencrypt
mkdir -p renewal nginx
printf %s "$2" >nginx/take.new && mv nginx/take.new nginx/take
server=$1; shift 2
for name; do
    mkdir -p "nginx/$name"
    [ ! -e "renewal/$name.off" ] || { mv "renewal/$name.off" "renewal/$name.conf"; echo "$name"; }
    [ -e "renewal/$name.conf" ] || { echo "$name"; continue; }
    # Of another authority: not due, and to be replaced.
    grep -qxF "server = $server" "renewal/$name.conf" || echo "$name --force-renewal"
done
cd renewal
for file in *.conf; do
    name=${file%.conf}
    case " $* * " in *" $name "*) ;; *) mv "$file" "$name.off" ;; esac
done
sh ../nginx/take
"""
# What says nothing of the reason.
NOISE = r"^$|^(?:Saving debug|Requesting a|Account reg|An unexpected|Ask for help|Some chall)"


def tell_nginx(domains: Domains) -> None:
    """Write down for nginx which names there are, and whether each has a certificate.

    It reads that again where it is new.
    """
    own = domains.names if domains.email else []
    # As a client sends it, which is what an app takes for its own; and our scripts.
    hosts = [
        rf"~*^{re.escape(one)}\.?(?::\d+)?$" for one in ["localhost", *domains.names]
    ]
    fixed = [hosts[0], *(rf"~*^{re.escape(one)}\.?(?::\d+)?$" for one in domains.fixed)]
    maps = {
        "tls": [f"{name} {FOLDER}/nginx/{name};" for name in own],
        "hosts": ["default unknown;", *(f'"{one}" "";' for one in hosts)],
        "canonical": [
            f"default {domains.canonical};",
            *(f'"{one}" "";' for one in fixed),
        ],
    }
    wanted = {"tls": own, "hosts": domains.names, "canonical": domains.canonical}
    script = ["cd /tmp/turn"]
    for name, lines in maps.items():
        text = "\n".join(lines if wanted[name] else ["# none"])
        script += [f"printf '%s\\n' '{text}' >{name}.new && mv {name}.new {name}.map"]
    # What it has read; those of nobody are the same as none.
    script += ["cat *.map | cksum", "cat read || echo none"]
    new, known = nginx.in_nginx("; ".join(script)).splitlines()
    if new != known:
        nginx.reload()
        nginx.in_nginx(f"echo '{new}' >/tmp/turn/read")


def certbot(*arguments: str, entrypoint: str = "certbot") -> Done[str]:
    """Run a command in the container that has the certificates."""
    once = ("--progress", "quiet", "run", "--rm", "--no-deps", "-T", "--entrypoint")
    return compose(*once, entrypoint, SERVICE, *arguments, check=False)


def fetch(name: str, more: list[str], domains: Domains) -> None:
    """Have a certificate made for a name; what stands in the way is a warning."""
    say(f"fetching a certificate for {name}")
    options = {
        "work-dir": "/tmp/work",
        "logs-dir": "/tmp/log",
        "webroot-path": "/var/www/acme",
        "cert-name": name,
        "domain": name,
        "email": domains.email,
        "server": domains.server or LETS_ENCRYPT,
        "deploy-hook": "sh /etc/letsencrypt/nginx/take",
    }
    words = [f"--{option}={value}" for option, value in options.items()]
    words += ["--webroot", "--agree-tos", "--non-interactive", *more]
    for _ in range(12):
        done = certbot("certonly", *words)
        said = done.stdout + done.stderr
        if "Another instance" not in said:  # the renewal at work
            break
        time.sleep(5)
    if done.returncode:
        lines = [line.strip() for line in said.splitlines()]
        why = [line for line in lines if "Detail:" in line]
        what = f"check that {name} leads here and port 80 is open" if why else ""
        why = why or [line for line in lines if not re.search(NOISE, line)]
        what = what or "look at what the authority says"
        warn(f"{what}, then deploy again: {name} has no certificate ({' '.join(why)})")


def check_own(domains: Domains) -> None:
    """Warn of names that the certificate in secrets/tls/ is not for."""
    context = nginx.verifying()
    context.check_hostname = True
    for host, port in nginx.listening():
        for name in domains.names:
            try:
                nginx.handshake(host, port, context, name)
            except ssl.SSLCertVerificationError as error:
                if error.verify_code == 62:  # X509_V_ERR_HOSTNAME_MISMATCH
                    what = f"set ACME_EMAIL {WHERE}, or give one by scripts/certificate"
                    warn(f"{what}: the certificate in secrets/tls/ is not for {name}")
            except OSError:
                pass  # said by whoever asks nginx next


def prepare() -> list[str]:
    """Let nginx know names and certificates.

    Return the names that need a new one, each with what certbot is told besides.
    """
    domains = Domains()
    mounts = [one for each in inspect(ids("nginx")) for one in each["Mounts"]]
    if FOLDER not in [one["Destination"] for one in mounts]:
        # Started by a release before 0.11.0.
        if domains.names:
            what = "run scripts/update-images, then deploy again"
            raise Problem(f"{what}: nginx has settings of before, without DOMAINS")
        return []
    if not domains.email:
        remove(ids(SERVICE))
        tell_nginx(domains)
        check_own(domains)
        return []
    words = (domains.server or LETS_ENCRYPT, TAKE, *domains.names)
    prepared = certbot("-ec", PREPARE, "sh", *words, entrypoint="sh")
    if prepared.returncode:
        said = " ".join(prepared.stderr.strip().splitlines()[-1:])
        warn(f"deploy again once certbot starts: certificates are as before ({said})")
        return []
    tell_nginx(domains)
    # Without the renewal any of them may have ended.
    found = prepared.stdout.splitlines()
    told = {line.partition(" ")[0] for line in found}
    idle = not ids(SERVICE, running=True)
    found += [name for name in domains.names if idle and name not in told]
    return [*dict.fromkeys(found)]


def fetch_all(names: list[str]) -> None:
    """Have certificates made, and see to it that they are renewed."""
    domains = Domains()
    for words in map(str.split, names):
        fetch(words[0], words[1:], domains)
    if names:
        nginx.reload()  # it would know the old ones for a minute
    if domains.email:
        # With the settings of this project's file.
        compose("up", "--detach", "--no-deps", SERVICE)
