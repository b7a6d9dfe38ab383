"""Production on one host: three replicas behind nginx, deployments under load, secrets, hardening, and what goes wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pip._internal.models.index import PyPI

from tests.e2e.production import TLS, UNHEALTHY, Production, in_production, kill, load, lost
from tests.e2e.stack import fetch, wait_for

SECRETS = ("app_secret_key", "db_password", "redis_password")
ENDS = 'CMD ["python", "-c", "raise SystemExit(\'the settings are wrong\')"]'


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The full starter in production, with routes of its own, in version 1."""
    with in_production(template, tmp_path_factory.mktemp("production"), {"stack": "full"}) as made:
        made.add_routes()
        made.build("1")
        made.deploy("1")
        made.build_from("2", "1")
        yield made


def ids(production: Production, service: str = "app") -> set[str]:
    return {container["Id"] for container in production.containers(service).values()}


def log_of_nginx(production: Production) -> list[dict[str, Any]]:
    lines = production.prod("logs", "--no-log-prefix", "nginx").stdout.splitlines()
    # Compose begins what it prints with a control sequence.
    return [json.loads(line[line.index("{") :]) for line in lines if "{" in line]


def test_three_replicas_answer_through_nginx_over_tls(production: Production) -> None:
    for _ in range(20):
        answer = production.ask("/")
        assert answer.status == 200
    reached = json.loads(answer.text)
    assert reached["database"].startswith("PostgreSQL 17") and reached["redis"].startswith("Redis 8")
    upstreams = {entry["upstream"] for entry in log_of_nginx(production) if entry["uri"] == "/"}
    assert len({address for text in upstreams for address in text.split(", ")}) == 3
    entry = log_of_nginx(production)[-1]
    assert entry["status"] == 200 and entry["tls"].startswith("TLSv1.") and entry["method"] == "GET" and entry["seconds"] >= 0


def test_the_app_learns_who_asks_and_how(production: Production) -> None:
    heard = json.loads(production.ask("/headers", headers={"X-Forwarded-For": "6.6.6.6"}).text)
    host = f"127.0.0.1:{production.ports['HTTPS_PORT']}"
    assert heard["host"] == host and heard["url"] == f"https://{host}/headers"
    assert heard["x-forwarded-for"] == heard["x-real-ip"] != "6.6.6.6"


def test_plain_http_is_sent_to_https(production: Production) -> None:
    with socket.create_connection(("127.0.0.1", int(production.ports["HTTP_PORT"])), timeout=5) as client:
        client.sendall(b"GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        answer = client.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 301 ")
    assert f"Location: https://shop.example:{production.ports['HTTPS_PORT']}/a?b=c\r\n" in answer


def test_answers_carry_security_headers_and_are_compressed(production: Production) -> None:
    answer = production.ask("/big", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    expected = {"x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN"}
    assert expected.items() <= answer.headers.items()
    assert answer.headers["server"] == "nginx"
    # Only where a variable says so: with a self-signed certificate it would lock browsers out.
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(("version", "taken"), [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)])
def test_tls_begins_with_1_2(production: Production, version: ssl.TLSVersion, taken: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # This machine's own library refuses old versions too, unless told.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", int(production.ports["HTTPS_PORT"])), timeout=5) as client:
        if taken:
            context.wrap_socket(client).close()
        else:
            with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|protocol version"):
                context.wrap_socket(client)


@pytest.mark.oldest
def test_a_deployment_under_load_loses_no_request_and_no_row(production: Production) -> None:
    rows = int(production.prod_sql("SELECT count(*) FROM example"))
    before = ids(production)
    # What an earlier one has left that was killed: nobody sees it, and this one removes it.
    production.build_from("stuck", "1", UNHEALTHY)
    with subprocess.Popen(["scripts/deploy", "stuck"], cwd=production.folder, stdout=-1, stderr=-1) as killed:
        wait_for(lambda: len(ids(production)) == 6 or None)
        killed.kill()
    # Some requests take longer than the switch.
    with load(production, "/version", "/", "/slow?seconds=3", post="/rows") as answers:
        result = production.deploy("2")
    assert lost(answers) == []
    assert {answer.text for answer in answers if answer.text.startswith('"')} == {'"1"', '"2"'}
    assert production.ask("/version").text == '"2"'
    assert not before & ids(production) and len(ids(production)) == 3
    posted = [answer for answer in answers if answer.method == "POST"]
    # Each exactly once: a POST that may have been done is never sent again.
    assert posted and int(production.prod_sql("SELECT count(*) FROM example")) == rows + len(posted)
    assert "3 of 3 ready" in result.stdout and "--rollback` brings back 1" in result.stdout
    assert re.search(r"^VERSION=2\nPREVIOUS_VERSION=1$", (production.folder / ".env").read_text(), re.MULTILINE)

    # A plain `up` takes what was deployed as it is.
    production.prod("up", "--detach")
    assert not before & ids(production)
    deployed = ids(production) | ids(production, "nginx")
    production.prod("up", "--detach", "--wait")
    assert deployed == ids(production) | ids(production, "nginx")

    with load(production, "/version", post="/rows") as answers:
        production.deploy("--rollback")
    assert lost(answers) == [] and production.ask("/version").text == '"1"'


@pytest.mark.parametrize(("end", "reason"), [(UNHEALTHY, "not all replicas are ready"), (ENDS, "the settings are wrong")])
def test_a_version_that_gets_not_healthy_is_removed_and_no_request_reaches_it(
    production: Production, end: str, reason: str
) -> None:
    production.build_from("bad", "1", end)
    before, state = ids(production), (production.folder / ".env").read_text()
    with load(production, "/version", post="/rows") as answers:
        result = production.deploy("bad", "--timeout", "8", check=False)
    assert result.returncode == 1 and reason in result.stderr
    assert lost(answers) == [] and {answer.text for answer in answers if answer.method == "GET"} == {
        production.ask("/version").text
    }
    assert ids(production) == before and (production.folder / ".env").read_text() == state


def test_a_second_deployment_says_that_one_is_running_and_one_that_is_stopped_leaves_the_old_version(
    production: Production,
) -> None:
    production.build_from("stuck", "1", UNHEALTHY)
    before = ids(production)
    environment = {**production.ports}
    path = f"{Path(shutil.which('docker') or '').parent}:/usr/bin:/bin"
    command = ["scripts/deploy", "stuck", "--timeout", "60"]
    with subprocess.Popen(command, cwd=production.folder, env={**environment, "PATH": path}, stdout=-1, stderr=-1) as first:
        wait_for(lambda: len(ids(production)) == 6 or None)
        second = production.deploy("2", check=False)
        assert second.returncode == 1 and "is running: nothing was done" in second.stderr
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=30) == 1
    assert ids(production) == before and production.ask("/version").status == 200


def test_what_deploy_lacks_is_said_in_one_sentence_and_nothing_is_done(production: Production) -> None:
    before = ids(production)
    nothing = production.deploy(check=False)
    assert nothing.returncode == 2 and "say which version, as in `scripts/deploy 1.2.0`" in nothing.stderr
    absent = production.deploy("9.9", check=False)
    assert absent.returncode == 1 and f"there is no {production.image('9.9')}: push it, or build it here" in absent.stderr
    odd = production.deploy("a b", check=False)
    assert odd.returncode == 2 and "give a tag, such as 1.2.0: 'a b' is none" in odd.stderr
    both = production.deploy("--rollback", "1", check=False)
    assert both.returncode == 2 and "or --rollback alone" in both.stderr
    secret = production.folder / "secrets" / "db_password"
    secret.rename(secret.with_name("elsewhere"))
    lacking = production.deploy("1", check=False)
    secret.with_name("elsewhere").rename(secret)
    assert lacking.returncode == 1 and "secrets/db_password is missing" in lacking.stderr
    for result in (nothing, absent, odd, both, lacking):
        assert len(result.stderr.strip().splitlines()) == 1
    assert ids(production) == before


def test_a_missing_version_keeps_nobody_from_looking(production: Production) -> None:
    env = production.folder / ".env"
    env.rename(production.folder / "env-elsewhere")
    try:
        assert "-nginx-1" in production.prod("ps").stdout
        assert "Uvicorn running" in production.prod("logs", "app").stdout
    finally:
        (production.folder / "env-elsewhere").rename(env)


def test_killed_processes_come_back_by_themselves_and_no_committed_row_is_lost(production: Production) -> None:
    ids_before = [int(production.ask("/rows", "POST").text) for _ in range(20)]
    for service in ("app", "db", "nginx"):
        killed = next(iter(production.containers(service).values()))
        kill(killed)
        wait_for(lambda: production.ask("/ready").status == 200 or None)
        again = production.containers(service)[killed["Name"].lstrip("/")]
        assert again["Id"] == killed["Id"] and again["RestartCount"] == killed["RestartCount"] + 1
    kept = production.prod_sql(f"SELECT count(*) FROM example WHERE id = ANY('{{{','.join(map(str, ids_before))}}}')")
    assert int(kept) == len(ids_before)


def test_secrets_are_in_their_files_and_nowhere_else(production: Production) -> None:
    folder = production.folder / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    secrets = {name: (folder / name).read_text() for name in SECRETS}
    assert {(folder / name).stat().st_mode & 0o777 for name in SECRETS} == {0o444}
    assert all(len(value) == 64 for value in secrets.values()) and len({*secrets.values()}) == len(SECRETS)
    texts = {"history": production.run("docker", "history", "--no-trunc", production.image("1")).stdout}
    for name, container in production.containers().items():
        texts[f"inspect {name}"] = json.dumps(container)
        logs = production.run("docker", "logs", name)
        texts[f"logs {name}"] = logs.stdout + logs.stderr
        script = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
        texts[f"processes {name}"] = production.run("docker", "exec", name, "sh", "-c", script, check=False).stdout
    texts["image"] = production.run(
        "docker", "run", "--rm", "--entrypoint", "sh", production.image("1"), "-c", "ls -R; env"
    ).stdout
    assert len(texts) > 15 and all(texts.values())
    assert [(where, name) for where, text in texts.items() for name, value in secrets.items() if value in text] == []
    assert production.run("git", "status", "--porcelain", "--ignored", "secrets").stdout == "!! secrets/\n"
    # Read where they are meant to be.
    app = next(iter(production.containers("app")))
    read = production.run("docker", "exec", app, "cat", "/run/secrets/app_secret_key").stdout
    assert read == secrets["app_secret_key"]


def test_containers_run_without_privileges_on_a_read_only_file_system(production: Production) -> None:
    for name, container in production.containers().items():
        status = production.run("docker", "exec", name, "cat", "/proc/1/status").stdout
        facts = dict(re.findall(r"^(\w+):\s+(\S+)", status, re.MULTILINE))
        assert (
            int(facts["Uid"]) > 0 and int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0 and facts["NoNewPrivs"] == "1"
        ), name
        for path in ("/escaped", "/etc/escaped", "/usr/bin/escaped"):
            assert production.run("docker", "exec", "--user", "0", name, "touch", path, check=False).returncode, (
                f"{name} writes {path}"
            )
        host = container["HostConfig"]
        assert host["Memory"] > 0 and host["NanoCpus"] > 0 and host["PidsLimit"] > 0, name
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
        assert host["RestartPolicy"]["Name"] == "unless-stopped" and host["Init"] is True


def test_only_nginx_is_published_and_what_holds_data_reaches_nothing_outside(production: Production) -> None:
    for name, container in production.containers().items():
        published = {port for port, bound in container["NetworkSettings"]["Ports"].items() if bound}
        assert published == ({"8080/tcp", "8443/tcp"} if "-nginx-" in name else set())
    outside = urlsplit(PyPI.simple_url)
    address = (socket.gethostbyname(outside.hostname or ""), outside.port or 443)
    connect = f"import socket; socket.create_connection({address!r}, timeout=5)"
    for network, leads_out in {"frontend": True, "backend": False}.items():
        command = [
            "docker",
            "run",
            "--rm",
            "--network",
            f"{production.project}_{network}",
            "python:3.13-slim",
            "python",
            "-c",
            connect,
        ]
        assert (production.run(*command, check=False).returncode == 0) is leads_out, network
    nginx = next(iter(production.containers("nginx")))
    for service, port in {"db": 5432, "redis": 6379}.items():
        assert production.run("docker", "exec", nginx, "nc", "-z", "-w", "2", service, str(port), check=False).returncode


def test_a_body_of_100_mb_is_refused_and_a_slow_client_holds_nobody_up(production: Production) -> None:
    with socket.create_connection(("127.0.0.1", int(production.ports["HTTPS_PORT"])), timeout=30) as plain:
        slow = TLS.wrap_socket(plain)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        start = time.monotonic()
        assert production.ask("/rows", "POST", b"x" * (9 << 20)).status == 200
        with socket.create_connection(("127.0.0.1", int(production.ports["HTTPS_PORT"])), timeout=30) as plain_too:
            big = TLS.wrap_socket(plain_too)
            big.sendall(b"POST /rows HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
            assert big.recv(1000).startswith(b"HTTP/1.1 413 ")
        assert production.ask("/version").status == 200
        # The one that never ends its request is sent away, after 10 seconds.
        assert b" 408 " in slow.recv(1000) or slow.recv(1) == b""
        assert 5 < time.monotonic() - start < 25


def test_logs_do_not_fill_the_disk(production: Production) -> None:
    flood = "import sys; line = 'x' * 1000 + chr(10)\nfor _ in range(45_000): sys.stdout.write(line)"
    name = f"{production.slug}-prod-flood"
    production.prod("run", "--detach", "--no-deps", "--name", name, "app", "python", "-c", flood)
    production.run("docker", "wait", name)
    path = Path(json.loads(production.run("docker", "inspect", name).stdout)[0]["LogPath"])
    size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    production.run("docker", "rm", "--force", name)
    assert 1_000_000 < size < 33_000_000


def test_a_certificate_a_challenge_and_hsts_of_the_users_own_take_effect(production: Production) -> None:
    """As docs/how-to/production.md says."""
    tls = production.folder / "secrets" / "tls"
    address = ("127.0.0.1", int(production.ports["HTTPS_PORT"]))
    before = ssl.get_server_certificate(address)
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=shop"]
    production.run(*new, "-keyout", "privkey.pem", "-out", "fullchain.pem")
    copy: dict[str, Any] = {}
    if os.geteuid() == 0:
        # By an ordinary user, whose project it is.
        for path in (tls.parent, tls, *tls.iterdir(), production.folder / "privkey.pem"):
            shutil.chown(path, 1000, 1000)
        copy = {"user": 1000, "group": 1000, "extra_groups": []}
    for folder in production.folder.parents:
        folder.chmod(folder.stat().st_mode | 0o011)
    production.run("cp", "fullchain.pem", "privkey.pem", "secrets/tls/", **copy)
    assert {path.stat().st_mode & 0o777 for path in tls.iterdir()} == {0o644}
    production.prod("exec", "-T", "nginx", "nginx", "-c", "/tmp/nginx.conf", "-s", "reload")
    after = (tls / "fullchain.pem").read_text()
    assert before != after
    wait_for(lambda: ssl.get_server_certificate(address).split() == after.split() or None)

    challenge = production.folder / "acme" / ".well-known" / "acme-challenge" / "token"
    challenge.parent.mkdir(parents=True)
    challenge.write_text("the answer")
    override = production.folder / "docker-compose.prod.override.yml"
    override.write_text("services:\n  nginx:\n    volumes:\n      - ./acme:/var/www/acme:ro\n")
    (production.folder / ".env.production").write_text('HSTS="max-age=31536000; includeSubDomains"\n')
    files = ["--env-file", ".env", "--env-file", ".env.production", "-f", "docker-compose.prod.yml", "-f", override.name]
    production.run("docker", "compose", "-p", production.project, *files, "up", "--detach", "--wait", "--no-deps", "nginx")
    assert fetch(f"http://127.0.0.1:{production.ports['HTTP_PORT']}/.well-known/acme-challenge/token") == (200, "the answer")
    assert production.ask("/version").headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
