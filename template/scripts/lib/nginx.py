# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What scripts/deploy asks of nginx: a certificate that fits, and whom it asks."""

from __future__ import annotations

import calendar
import re
import socket
import ssl
import time
from collections.abc import Collection
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import NamedTuple

from .common import ROOT, Done, Problem, read, run, warn
from .domains import Domains
from .environments import PROJECT
from .production import Container, compose, ids, inspect, last_words, remove
from .settings import ALIAS, APPS

FRONTEND = f"{PROJECT}_frontend"
CERTIFICATE, KEY = (ROOT / "secrets/tls" / f"{a}.pem" for a in ("fullchain", "privkey"))
# Of old replicas, of new ones, and of those that a killed deployment has left.
ALIASES = {app: [ALIAS.format(app, one) for one in "abc"] for app in APPS}
# What outlives a restart, and where nginx looks that was started by 0.5.0.
PLACES = "/tmp/turn /tmp"
# There while scripts/maintenance is on.
CLOSED = "/tmp/turn/maintenance"
# A certificate that ends sooner is told.
DAYS = 14


def replicas() -> list[str]:
    """Return the containers of every app, or server, that nginx asks."""
    return [name for app in APPS for name in ids(app)]


def aliases(replica: Container) -> set[str]:
    """Return by which names nginx finds a replica, its own alias among them."""
    found = replica["NetworkSettings"]["Networks"].get(FRONTEND) or {}
    return {*(found.get("Aliases") or ())}


def check() -> None:
    """Raise a Problem if nginx could not serve a version."""
    advice = "put a certificate and its key into secrets/tls/"
    check_pair(CERTIFICATE, KEY, advice)
    # Whatever else keeps it from an answer, `start` sees to.
    for name in ids("nginx", running=True):
        if said := refused(name):
            raise Problem(f"fix what nginx refuses, then try again: {said}")


def check_pair(certificate: Path, key: Path, advice: str) -> None:
    """Raise a Problem if a key is not a certificate's."""
    for path in (certificate, key):
        path.read_bytes()  # an error names the file, which OpenSSL's does not
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, lambda: "")
    except ssl.SSLError as error:
        raise Problem(
            f"{advice}, these are no pair ({error.reason or error})"
        ) from None


def refused(name: str) -> str:
    """Return what an nginx that runs would refuse of its settings as they are now."""
    said = tested(name).stderr
    found = re.search(r'\[emerg\](?!.*open\(\) "/tmp/nginx).*', said)
    return found[0] if found else ""


class Certificate(NamedTuple):
    """What nginx serves under a name."""

    name: str
    ends: float  # seconds since 1970
    early: float  # seconds before the end in which it is told
    ours: bool  # whether it is that in secrets/tls/


def served_by_name() -> list[Certificate]:
    """Return the certificates that nginx serves, that which ends first before others.

    Raises:
        OSError: where nginx is not reached.
    """
    domains, found = Domains(), []
    for host, port in listening():
        for name in domains.names or ["localhost"]:
            one = served(host, port, name)
            begin, end = validity(one)
            # certbot renews in the last third of a certificate's time.
            early = (
                min(DAYS * 86400, (end - begin) / 4) if domains.email else DAYS * 86400
            )
            found.append(Certificate(name, end, early, one == der(CERTIFICATE)))
        return sorted(found, key=lambda one: one.ends)
    raise ConnectionError("nginx is reached nowhere")


def check_end() -> None:
    """Warn of certificates that end soon."""
    said = {}
    with suppress(OSError):
        for name, end, early, ours in served_by_name():
            left = end - time.time()
            days = int(left // 86400)
            when = f"ends in {days} days" if days >= 0 else "has ended"
            if left < early:
                said["in secrets/tls/" if ours else f"of {name}"] = when
    for where, when in said.items():
        warn(f"renew the certificate {where}: it {when}")


def der(chain: Path) -> bytes:
    """Return the first certificate of a file in PEM; a Problem if there is none."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    text = read(chain)
    body = text.partition(begin)[2].partition(end)[0]
    try:
        if body:
            return ssl.PEM_cert_to_DER_cert(f"{begin}{body}{end}")
    except ValueError:
        pass
    raise Problem(f"write {chain} as PEM: it has no whole BEGIN CERTIFICATE block")


def handshake(host: str, port: int, context: ssl.SSLContext, name: str) -> bytes:
    """Return the certificate that nginx serves under a name."""
    client = socket.create_connection((host, port), timeout=15)
    with context.wrap_socket(client, server_hostname=name) as wrapped:
        return wrapped.getpeercert(binary_form=True) or b""


def served(host: str, port: int, name: str = "localhost") -> bytes:
    """Return the certificate that nginx serves under a name, whoever made it."""
    return handshake(host, port, trusting(), name)


def trusting() -> ssl.SSLContext:
    """Return what takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def verifying() -> ssl.SSLContext:
    """Return what takes the certificate in secrets/tls/ alone, under any name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The certificate itself is what it has to be: X509_V_FLAG_PARTIAL_CHAIN.
    context.verify_flags |= 0x80000
    context.load_verify_locations(CERTIFICATE)
    return context


def validity(certificate: bytes) -> tuple[float, float]:
    """Return when a certificate begins and ends, in seconds since 1970."""
    # UTCTime has no century, GeneralizedTime has.
    date = rb"(?:\x17\r|\x18\x0f)(\d+)Z"
    found = re.search(rb"\x30." + date + date, certificate, re.DOTALL)
    digits = [one.decode() for one in found.groups()] if found else ["", ""]
    dates = [one if len(one) == 14 else f"20{one}" for one in digits]
    begin, end = (calendar.timegm(time.strptime(one, "%Y%m%d%H%M%S")) for one in dates)
    return begin, end


def tested(name: str) -> Done[str]:
    """Let an nginx that runs test its settings and its certificate, as they are now."""
    test = "exec", name, "nginx", "-t", "-q", "-c", "/tmp/nginx.conf"
    return run("docker", *test, check=False)


def start(version: str, *rest: str) -> None:
    """Start nginx where it does not run; a Problem says why it does not start."""
    # One that ends again and again runs for moments.
    for one in inspect(ids("nginx", running=True)):
        if not one["RestartCount"] or not tested(one["Id"]).returncode:
            return
    # It waits ever longer to try again, and its log tells of what may be fixed by now.
    remove(ids("nginx"))
    up = ("up", "--detach", "--wait", "--no-recreate", *rest, "nginx")
    try:
        compose(*up, version=version)
    except Problem as problem:
        said = [last_words(name, 3) for name in ids("nginx")]
        raise Problem(f"nginx does not start: {problem}. {' '.join(said)}") from None


def in_nginx(script: str) -> str:
    """Run a script of the shell in nginx; a Problem if it does not run."""
    for name in ids("nginx", running=True):
        # The volume is root's, whom nothing else runs as.
        shell = ("docker", "exec", "--user", "0", name, "sh", "-c")
        return run(*shell, f"mkdir -p {PLACES} && {script}").stdout
    raise Problem("nginx does not run: look at its log, then try again")


def chosen(app: str) -> str:
    """Return the alias that nginx asks; empty where it asks every replica."""
    return max({*in_nginx(f"ls {PLACES}").split()} & {*ALIASES[app]}, default="")


def choose(app: str, alias: str) -> None:
    """Let nginx ask the replicas with an alias alone, from the next request on."""
    others = ALIAS.format(app, f"[!{alias[-1]}]")
    in_nginx(f"for p in {PLACES}; do touch $p/{alias} && rm -f $p/{others}; done")


def forget(*apps: str) -> None:
    """Let nginx ask every replica."""
    names = " ".join(f"$p/{ALIAS.format(app, '?')}" for app in apps)
    in_nginx(f"for p in {PLACES}; do rm -f {names}; done")


def reload() -> None:
    """Let nginx read its settings again; what is under way comes to its end."""
    for name in ids("nginx", running=True):
        run("docker", "exec", name, "nginx", "-c", "/tmp/nginx.conf", "-s", "reload")


def ask(
    page: str, headers: dict[str, str], wrong: Collection[int] = (401, 502, 504)
) -> None:
    """Ask over HTTPS once; a Problem if nobody can, a warning if browsers would mind."""
    # Where there are others, that in secrets/tls/ may have ended.
    context = trusting() if Domains().email else verifying()
    for host, port in listening():
        request(host, port, context, page, headers, wrong)


def listening() -> list[tuple[str, int]]:
    """Return where nginx is reached over HTTPS, on this machine."""
    for name in ids("nginx", running=True):
        where = run("docker", "port", name, "8443", check=False).stdout
        found = re.findall(r"^\[?([\d.:a-f]+?)\]?:(\d+)$", where, re.MULTILINE)[:1]
        every = {"0.0.0.0": "127.0.0.1", "::": "::1"}
        return [(every.get(host, host), int(port)) for host, port in found]
    return []


def answer(
    host: str, port: int, context: ssl.SSLContext, page: str, headers: dict[str, str]
) -> HTTPResponse:
    """Return what a request is answered with, status and headers."""
    # The name that it always knows.
    headers = {"Host": "localhost", **headers}
    client = HTTPSConnection(host, port, timeout=15, context=context)
    try:
        client.request("GET", page, headers=headers)
        return client.getresponse()
    finally:
        client.close()


def request(
    host: str,
    port: int,
    context: ssl.SSLContext,
    page: str,
    headers: dict[str, str],
    wrong: Collection[int],
) -> None:
    """Make a request, for `ask`; again where nginx has to look for the replicas."""
    what = f"https://{host}:{port}"
    try:
        for pause in (1, 2, 0):
            code = answer(host, port, context, page, headers).status
            if code not in wrong:
                return
            time.sleep(pause)
        raise Problem(f"look at nginx's log: {what} answers {code}")
    except ssl.SSLCertVerificationError as error:
        reason = f"another certificate than secrets/tls/, or an old one ({error})"
        warn(f"reload nginx, or renew the certificate: {what} has {reason}")
    except (OSError, HTTPException) as error:
        raise Problem(f"look at nginx's log: {what} fails ({error})") from None
