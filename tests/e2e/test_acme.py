"""Certificates that production fetches by itself, of an authority as Let's Encrypt is one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest
from cryptography import x509

from tests.e2e.production import TLS, Production, in_production, load, lost
from tests.e2e.stack import wait_for

SHOP, WWW = "shop.example.com", "www.example.com"
OVERRIDE = f"""
services:
  nginx:
    networks:
      frontend:
        aliases: [{SHOP}, {WWW}]
  pebble:
    image: letsencrypt/pebble:latest
    command: [-config, /pebble/config.json]
    environment:
      PEBBLE_VA_NOSLEEP: "1"
      PEBBLE_WFE_NONCEREJECT: "0"
    volumes: [./pebble:/pebble:ro]
    networks: [frontend]
"""
CONFIG = {
    "listenAddress": "0.0.0.0:14000",
    "managementListenAddress": "0.0.0.0:15000",
    "certificate": "/pebble/cert.pem",
    "privateKey": "/pebble/key.pem",
    "httpPort": 8080,
    "tlsPort": 8443,
    "ocspResponderURL": "",
    "externalAccountBindingRequired": False,
}


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The minimal starter in production, and an authority beside it."""
    answers = {"stack": "minimal", "web_framework": "fastapi"}
    with in_production(template, tmp_path_factory.mktemp("acme"), answers) as made:
        folder = made.folder / "pebble"
        folder.mkdir()
        new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=pebble"
        new += " -addext subjectAltName=DNS:pebble -keyout pebble/key.pem -out pebble/cert.pem"
        made.run(*new.split())
        (folder / "key.pem").chmod(0o644)
        (folder / "config.json").write_text(json.dumps({"pebble": CONFIG}))
        (made.folder / "docker-compose.prod.override.yml").write_text(OVERRIDE)
        made.environment["APP_REPLICAS"] = "2"
        made.build("1")
        made.deploy("1")
        up = ["up", "--detach", "--no-deps", "pebble"]
        made.prod("-f", "docker-compose.prod.override.yml", *up)
        yield made


def settings(production: Production, **more: str) -> None:
    known = {"DOMAINS": f"{SHOP} {WWW}", "ACME_EMAIL": "ann@example.org", "ACME_SERVER": "https://pebble:14000/dir"}
    known |= {"ACME_CA": "./pebble/cert.pem"} | more
    text = "".join(f"{name}='{value}'\n" for name, value in known.items())
    (production.folder / ".env.production").write_text(text)


def certificate(production: Production, name: str) -> x509.Certificate:
    with (
        socket.create_connection(("127.0.0.1", int(production.ports["HTTPS_PORT"])), timeout=15) as plain,
        TLS.wrap_socket(plain, server_hostname=name) as tls,
    ):
        found = tls.getpeercert(binary_form=True)
    assert found
    return x509.load_der_x509_certificate(found)


def is_of_the_authority(production: Production, name: str) -> bool:
    found = certificate(production, name)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    return "Pebble" in found.issuer.rfc4514_string() and names == [name]


def ask(production: Production, host: str, port: str = "HTTPS_PORT", line: str = "/a?b=c") -> HTTPResponse:
    """Ask for a page under a name; return the answer without its body."""
    with socket.create_connection(("127.0.0.1", int(production.ports[port])), timeout=15) as plain:
        client = TLS.wrap_socket(plain, server_hostname=host.partition(".:")[0]) if port == "HTTPS_PORT" else plain
        client.sendall(f"GET {line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        response = HTTPResponse(client)
        response.begin()
        return response


def test_each_name_has_a_certificate_after_a_deployment(production: Production) -> None:
    settings(production)
    with load(production, "/", host=SHOP) as answers:
        said = production.deploy("1")
    assert lost(answers) == []
    assert f"fetching a certificate for {SHOP}" in said.stdout and said.stderr == ""
    assert is_of_the_authority(production, SHOP) and is_of_the_authority(production, WWW)
    assert ask(production, SHOP).status == 404, "it is the app that answers"
    assert "fetching" not in production.deploy("1").stdout, "once is enough"


def test_the_status_and_maintenance_know_the_names(production: Production) -> None:
    settings(production, CANONICAL_HOST=SHOP)
    production.deploy("1")
    found = json.loads(production.run("scripts/status", "--json").stdout)
    end = certificate(production, SHOP).not_valid_after_utc
    assert found["certificate"]["ends"][:10] == min(end, certificate(production, WWW).not_valid_after_utc).isoformat()[:10]
    production.run("scripts/maintenance", "on")
    assert ask(production, SHOP).status == 503 and ask(production, "evil.example.net").status == 421
    production.run("scripts/maintenance", "off")
    assert ask(production, SHOP).status == 404


def test_only_names_that_are_known_are_answered_and_all_lead_to_one(production: Production) -> None:
    settings(production, CANONICAL_HOST=SHOP)
    production.deploy("1")
    https = f"https://{SHOP}:{production.ports['HTTPS_PORT']}/a?b=c"
    assert (ask(production, WWW).status, ask(production, WWW).getheader("Location")) == (308, https)
    assert ask(production, SHOP).status == 404
    assert ask(production, "evil.example.net").status == 421
    assert ask(production, "evil.example.net", "HTTP_PORT").status == 421
    assert ask(production, "evil.example.net", line=f"https://{SHOP}/").status == 421, "the app would take the header"
    assert ask(production, f"{SHOP.upper()}.:1234").status == 404
    assert ask(production, WWW, "HTTP_PORT").getheader("Location") == https
    production.prod("restart", "nginx")
    assert wait_for(lambda: ask(production, WWW).status) == 308
    assert is_of_the_authority(production, SHOP)


def test_a_renewed_certificate_is_served_without_a_lost_request(production: Production) -> None:
    settings(production)
    production.deploy("1")
    before = certificate(production, SHOP).serial_number
    renew = "certbot renew --force-renewal --no-random-sleep-on-renew --work-dir /tmp/work --logs-dir /tmp/log"
    with load(production, "/", host=SHOP) as answers:
        production.prod("--profile", "acme", "exec", "-T", "certbot_renewal", *renew.split())
        wait_for(lambda: certificate(production, SHOP).serial_number != before or None, 90)
    assert lost(answers) == [] and is_of_the_authority(production, SHOP)


def test_another_authority_is_asked_and_what_nginx_has_lost_is_given_again(production: Production) -> None:
    before = certificate(production, SHOP).serial_number
    settings(production, ACME_SERVER="https://pebble:14000/dir?other")
    assert f"fetching a certificate for {SHOP}" in production.deploy("1").stdout
    assert certificate(production, SHOP).serial_number != before and is_of_the_authority(production, WWW)
    settings(production)
    production.deploy("1")
    before = certificate(production, SHOP).serial_number
    break_it = f"echo broken >/etc/letsencrypt/nginx/{SHOP}/fullchain.pem"
    production.prod("--profile", "acme", "exec", "-T", "certbot_renewal", "sh", "-c", break_it)
    production.deploy("1")
    production.prod("restart", "nginx")
    assert wait_for(lambda: certificate(production, SHOP).serial_number) == before


def test_a_name_that_comes_back_is_served_with_its_certificate(production: Production) -> None:
    before = certificate(production, WWW).serial_number
    settings(production, DOMAINS=SHOP)
    production.deploy("1")
    assert ask(production, WWW).status == 421
    settings(production)
    assert f"fetching a certificate for {WWW}" in production.deploy("1").stdout
    assert certificate(production, WWW).serial_number == before, "which was not due"


def test_a_wrong_name_is_told_and_leaves_the_others(production: Production) -> None:
    before = certificate(production, SHOP).serial_number
    settings(production, DOMAINS=f"{SHOP} nowhere.example.com {WWW}")
    said = production.deploy("1").stderr
    assert said.startswith("scripts/deploy: check that nowhere.example.com leads here and port 80 is open, then deploy again: ")
    assert len(said.splitlines()) == 1
    assert certificate(production, SHOP).serial_number == before and is_of_the_authority(production, WWW)
    assert ask(production, "nowhere.example.com").status == 404, "with the certificate of the first start"


def test_an_authority_that_does_not_answer_leaves_what_is_there(production: Production) -> None:
    before = certificate(production, SHOP).serial_number
    production.prod("-f", "docker-compose.prod.override.yml", "stop", "--timeout", "1", "pebble")
    settings(production, DOMAINS=f"{SHOP} {WWW} new.example.com")
    assert "deploy again: new.example.com has no certificate (" in production.deploy("1").stderr
    status = json.loads(production.run("scripts/status", "--json", check=False).stdout)
    assert status["certificate"] == {"ok": False, "error": "new.example.com has none of its own yet"}
    assert certificate(production, SHOP).serial_number == before


def test_names_have_the_certificate_of_ones_own_where_no_authority_is_to_write_to(production: Production) -> None:
    settings(production, ACME_EMAIL="")
    said = production.deploy("1").stderr.splitlines()
    assert len(said) == 2 and all("the certificate in secrets/tls/ is not for" in line for line in said)
    new = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={SHOP} -days 90"
    new += f" -addext subjectAltName=DNS:{SHOP},DNS:{WWW} -keyout own-key.pem -out own.pem"
    production.run(*new.split())
    production.run("scripts/certificate", "own.pem", "own-key.pem")
    assert production.deploy("1").stderr == "" and not production.containers("certbot_renewal")
    own = x509.load_pem_x509_certificate((production.folder / "own.pem").read_bytes())
    assert certificate(production, SHOP) == certificate(production, WWW) == own
    assert ask(production, "evil.example.net").status == 421
    settings(production)
    refused = production.run("scripts/certificate", "own.pem", "own-key.pem", check=False)
    assert refused.returncode == 1 and "scripts/certificate: take ACME_EMAIL out of .env.production" in refused.stderr


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"DOMAINS": "shop.example.com,www.example.com"}, "write DOMAINS in .env.production as names of hosts"),
        ({"CANONICAL_HOST": "other.example.com"}, "write one of DOMAINS as CANONICAL_HOST in .env.production"),
        ({"ACME_CA": "./nowhere.pem"}, "write ACME_CA in .env.production as the path of a file"),
    ],
)
def test_a_setting_that_makes_no_sense_is_said(production: Production, wrong: dict[str, str], says: str) -> None:
    settings(production, **wrong)
    result = production.deploy("1", check=False)
    assert result.returncode == 1 and says in result.stderr and len(result.stderr.splitlines()) == 1
