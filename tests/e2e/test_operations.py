"""What an operator does with production, and what clients notice: certificates, maintenance, a look at what runs."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.production import TLS, Production, in_production, load, lost
from tests.e2e.stack import wait_for

MB = 1 << 20
ROUTES = """

from fastapi.responses import Response, StreamingResponse


@app.get("/lines")
def lines() -> StreamingResponse:
    def each():
        for number in range(4):
            yield f"{number}\\n"
            time.sleep(1)

    return StreamingResponse(each(), media_type="text/plain")


@app.get("/download")
def download(mb: int) -> StreamingResponse:
    return StreamingResponse((b"x" * 2**20 for _ in range(mb)), headers={"Content-Length": str(mb * 2**20)})


@app.get("/framed")
def framed() -> Response:
    return Response(headers={"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"})


@app.get("/busy")
def busy() -> Response:
    return Response("busy", 503)


@app.get("/kept")
def kept() -> Response:
    return Response(headers={"X-Accel-Redirect": "/own-files/rate.conf", "X-Frame-Options": "DENY"})
"""


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The full starter in production, two replicas of version 1, with further routes; versions 2 to 4 are built."""
    with in_production(template, tmp_path_factory.mktemp("operations"), {"stack": "full"}) as made:
        made.environment["APP_REPLICAS"] = "2"
        made.add_routes(ROUTES)
        made.build("1")
        for version in ("2", "3", "4"):
            made.build_from(version, "1")
        made.deploy("1")
        yield made


def connect(production: Production, host: str = "127.0.0.1") -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(host, int(production.ports["HTTPS_PORT"]), timeout=60, context=TLS)


def status(production: Production) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the answer of scripts/status, which says the same in words."""
    words = production.run("scripts/status", check=False)
    result = production.run("scripts/status", "--json", check=False)
    found = json.loads(result.stdout)
    assert found.keys() == {"ok", "version", "services", "certificate", "disk", "backup"}
    assert result.returncode == words.returncode == (0 if found["ok"] else 1)
    assert ("NOT OK" in words.stdout) is not found["ok"]
    return result.returncode, found


def made_certificate(production: Production, name: str, days: str = "90", key: str = "prime256v1") -> tuple[Path, Path]:
    """Make a certificate and its key in a folder of the operator's."""
    folder = production.folder.with_name(name)
    folder.mkdir(exist_ok=True)
    files = folder / "chain.pem", folder / "key.pem"
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{key}", "-nodes", "-subj", f"/CN={name}"]
    production.run(*new, "-days", days, "-keyout", str(files[1]), "-out", str(files[0]))
    return files


def served(production: Production) -> str:
    return ssl.get_server_certificate(("127.0.0.1", int(production.ports["HTTPS_PORT"])))


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_stream_reaches_its_client_as_it_is_sent(production: Production, encoding: str) -> None:
    connection = connect(production)
    start = time.monotonic()
    connection.request("GET", "/lines", headers={"Accept-Encoding": encoding})
    response = connection.getresponse()
    assert response.getheader("Content-Encoding", "identity") == encoding
    first = response.read(1)
    assert first and time.monotonic() - start < 2
    assert response.read() and time.monotonic() - start > 3
    connection.close()


def test_downloads_of_slow_clients_are_complete(production: Production) -> None:
    """Together more than nginx could keep, of clients that pause for longer than a header may take."""
    sizes: list[int] = []

    def client() -> None:
        connection = connect(production)
        connection.request("GET", "/download?mb=120")
        response = connection.getresponse()
        time.sleep(12)
        sizes.append(sum(len(chunk) for chunk in iter(lambda: response.read(MB), b"")))

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert sizes == [120 * MB] * 4


def test_headers_of_the_app_count_and_each_is_sent_once(production: Production) -> None:
    connection = connect(production)
    connection.request("GET", "/framed")
    headers = connection.getresponse().getheaders()
    found = sorted((name.lower(), value) for name, value in headers if re.search("frame|referrer|sniff|options", name, re.I))
    assert found == [("referrer-policy", "same-origin"), ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")]


def test_it_is_reached_by_ipv6(production: Production) -> None:
    connection = connect(production, "::1")
    connection.request("GET", "/version")
    assert connection.getresponse().read() == b'"1"'
    with socket.create_connection(("::1", int(production.ports["HTTP_PORT"])), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 301 ")


def test_settings_of_ones_own_are_read_for_http_and_for_the_server(production: Production) -> None:
    folder = production.folder / "nginx"
    (folder / "http.d").mkdir()
    (folder / "http.d" / "rate.conf").write_text("limit_req_zone $remote_addr zone=own:1m rate=1r/m;\n")
    (folder / "own.conf").write_text(
        "location = /rare { limit_req zone=own; limit_req_status 429; rewrite ^ / break; proxy_pass http://$replicas:8000; }\n"
        "location /own-files/ { internal; alias /etc/nginx/templates/http.d/; }\n"
    )
    production.prod("exec", "nginx", "nginx", "-c", "/tmp/nginx.conf", "-s", "reload")
    wait_for(lambda: production.ask("/rare").status == 429 or None)
    file = production.ask("/kept")
    assert file.text.startswith("limit_req_zone")
    assert (file.headers["x-frame-options"], file.headers["x-content-type-options"]) == ("SAMEORIGIN", "nosniff")


def test_maintenance_is_told_to_everybody_and_outlasts_a_restart(production: Production) -> None:
    (production.folder / "nginx" / "maintenance.html").write_text("<h1>Back at nine</h1>\n")
    production.run("scripts/maintenance", "on")
    try:
        production.prod("restart", "nginx")
        answer = wait_for(lambda: next((one for one in [production.ask("/version")] if one.status == 503), None))
        assert answer.text == "<h1>Back at nine</h1>\n" and answer.headers["content-type"] == "text/html"
        production.deploy("1")
        assert production.ask("/version", "POST", b"x").status == 503
        (nginx,) = production.containers("nginx").values()
        assert nginx["State"]["Health"]["Status"] == "healthy"
        (production.folder / "nginx" / "maintenance.html").unlink()
        closed = production.ask("/")
        assert (closed.status, closed.text) == (503, "Down for maintenance, back soon.\n")
    finally:
        production.run("scripts/maintenance", "off")
    assert production.ask("/version").text == '"1"'
    assert production.ask("/busy").text == "busy", "an app's own 503 is no maintenance"


def test_a_certificate_of_ones_own_counts_at_once_and_loses_no_request(production: Production) -> None:
    chain, key = made_certificate(production, "first.example")
    with load(production, "/version") as answers:
        said = production.run("scripts/certificate", str(chain), str(key)).stdout
        assert served(production) == chain.read_text()
    assert lost(answers) == [] and "nginx serves the new certificate" in said
    other, _ = made_certificate(production, "second.example", "5")
    wrong = production.run("scripts/certificate", str(other), str(key), check=False)
    assert wrong.returncode == 1 and "name a certificate and its key, these are no pair" in wrong.stderr
    missing = production.run("scripts/certificate", "nowhere.pem", str(key), check=False)
    assert missing.returncode == 1 and len(missing.stderr.splitlines()) == 1
    assert served(production) == chain.read_text()
    soon = production.run("scripts/certificate", *map(str, made_certificate(production, "second.example", "5")))
    ends = "renew the certificate in secrets/tls/: it ends in 4 days"
    assert ends in soon.stderr and ends in production.deploy("1").stderr
    code, found = status(production)
    assert code == 1 and found["certificate"] == {
        "ok": False,
        "days": 4,
        "name": "localhost",
        "ends": found["certificate"]["ends"],
    }
    production.run("scripts/certificate", str(chain), str(key))


def test_the_status_is_right_until_something_is_not(production: Production) -> None:
    code, found = status(production)
    assert code == 1 and found["backup"] == {"ok": False}, "there is a database, and no backup"
    production.prod_sql("INSERT INTO example DEFAULT VALUES")
    production.run("scripts/backup")
    code, found = status(production)
    assert code == 0, found
    assert found["version"] == "1" and {*found["services"]} == {"app", "nginx", "db", "redis"}
    app = found["services"]["app"]
    assert (app["wanted"], app["running"], app["unhealthy"], app["image"]) == (2, 2, 0, production.image("1"))
    (dump,) = production.folder.glob("backups/*.dump")
    old = time.time() - 49 * 3600
    os.utime(dump, (old, old))
    code, found = status(production)
    assert code == 1 and found["backup"]["hours"] == 49
    os.utime(dump)
    production.run("docker", "stop", "--time", "1", next(iter(production.containers("app"))))
    code, found = status(production)
    assert code == 1 and found["services"]["app"]["running"] == 1
    production.deploy("1")
    assert status(production)[0] == 0


def images(production: Production) -> set[str]:
    name = production.image("")[:-1]
    listed = production.run("docker", "image", "ls", "--format", "{{.Tag}}", name).stdout
    return {*listed.split()}


def test_three_versions_are_kept_and_what_was_rolled_back_stays_so(production: Production) -> None:
    for version in ("2", "3"):
        production.deploy(version)
    assert {"1", "2", "3", "4"} <= images(production), "nobody has deployed 4, which is the operator's"
    said = production.deploy("4").stdout
    assert images(production) == {"2", "3", "4"} and f"removed the image {production.image('1')}" in said
    production.deploy("--rollback")
    assert production.ask("/version").text == '"3"'
    again = production.deploy("--rollback", check=False)
    assert again.returncode == 1 and "scripts/deploy: name the version to deploy: " in again.stderr
    assert production.ask("/version").text == '"3"' and images(production) == {"2", "3", "4"}


def test_a_full_redis_refuses_writes_and_is_not_killed(production: Production) -> None:
    fill = (
        'export REDISCLI_AUTH="$(cat /run/secrets/redis_password)"; redis-cli SET kept 1; '
        "for n in $(seq 100); do head -c 8388608 /dev/zero | redis-cli -x SET big$n; done"
    )
    assert "OOM command not allowed" in production.prod("exec", "-T", "redis", "sh", "-c", f"{fill} 2>&1", check=False).stdout
    (redis,) = production.containers("redis").values()
    assert redis["RestartCount"] == 0 and not redis["State"]["OOMKilled"]
    look = 'export REDISCLI_AUTH="$(cat /run/secrets/redis_password)"; redis-cli GET kept; redis-cli FLUSHALL'
    assert production.prod("exec", "-T", "redis", "sh", "-c", look).stdout.split() == ["1", "OK"]


def test_postgres_is_as_large_as_its_limit_says_and_own_settings_count(production: Production) -> None:
    def shown(name: str) -> str:
        return production.prod_sql(f"SHOW {name}")

    def is_ready() -> bool | None:
        return production.prod("exec", "-T", "db", "pg_isready", "-h", "127.0.0.1", check=False).returncode == 0 or None

    assert [shown(name) for name in ("shared_buffers", "effective_cache_size", "max_connections")] == ["256MB", "768MB", "200"]
    own = production.folder / "docker-compose.prod.override.yml"
    own.write_text("services:\n  db:\n    command: [postgres, -c, max_connections=50]\n")
    production.prod("-f", own.name, "up", "--detach", "--wait", "--no-deps", "db")
    assert (shown("shared_buffers"), shown("max_connections")) == ("128MB", "50")
    own.unlink()
    production.prod("up", "--detach", "--wait", "--no-deps", "db")
    production.prod_sql("ALTER SYSTEM SET max_connections = 150")
    production.prod("restart", "db")
    wait_for(is_ready)
    assert shown("max_connections") == "150"
