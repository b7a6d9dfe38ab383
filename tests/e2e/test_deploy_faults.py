"""What goes wrong in a deployment: it ends in one sentence, and one version serves."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.production import Production, in_production, load, lost
from tests.e2e.stack import wait_for

ODD = """ ä $HOME %s "two' \\ #1 """
"""A secret that means something else wherever it is not taken as it is."""


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The starter in production, with odd secrets, and two replicas of version 1; version 2 is built."""
    with in_production(template, tmp_path_factory.mktemp("faults"), {"stack": "full"}) as made:
        for name, line_end in {"db_password": "\n", "redis_password": "\r\n", "app_secret_key": "\n"}.items():
            secret = made.folder / "secrets" / name
            secret.chmod(0o644)
            secret.write_text(ODD + line_end)
        # With a dollar sign that Compose takes for a variable's, and with some that it does not.
        values = "PRICE=5$net\nSINGLE='5$net'\nHOST=example.com\nURL=https://${HOST}/\nESCAPED=\"5\\$net\"\n"
        (made.folder / ".env.production").write_text(values)
        made.environment["APP_REPLICAS"] = "2"
        made.add_routes()
        made.build("1")
        made.build_from("2", "1")
        made.deploy("1")
        yield made


def test_secrets_are_what_their_files_say(production: Production) -> None:
    answer = production.ask("/")
    assert answer.status == 200 and '"PostgreSQL 17' in answer.text and '"Redis 8' in answer.text, answer.text
    # That it is the password, and no other is taken.
    ping = 'REDISCLI_AUTH="$1" redis-cli --no-auth-warning ping'
    for password, answers in {ODD: "PONG", ODD.strip(): "NOAUTH"}.items():
        assert answers in production.prod("exec", "-T", "redis", "sh", "-c", ping, "sh", password).stdout
    log_in = 'PGPASSWORD="$1" psql -h db -U app -d postgres -Atc "SELECT 7"'
    for password, code in {ODD: 0, ODD.strip(): 2}.items():
        assert production.prod("exec", "-T", "db", "sh", "-c", log_in, "sh", password, check=False).returncode == code


def test_a_value_that_compose_changes_is_told(production: Production) -> None:
    result = production.deploy("1")
    warning = "scripts/deploy: write PRICE in single quotes in .env.production: Compose takes $net for a variable\n"
    assert result.stderr.startswith(warning)
    told = next(iter(production.containers("app").values()))["Config"]["Env"]
    assert {"PRICE=5", "SINGLE=5$net", "ESCAPED=5$net", "URL=https://example.com/"} <= {*told}


def test_a_second_folder_of_the_same_slug_does_not_take_over(production: Production) -> None:
    other = production.folder.with_name("other")
    shutil.copytree(production.folder, other, symlinks=True)
    before = state(production)
    for script in (["deploy", "2"], ["backup"], ["restore", "x"], ["upgrade-postgres"]):
        result = subprocess.run([f"scripts/{script[0]}", *script[1:]], cwd=other, capture_output=True, text=True)
        assert result.returncode == 1 and f"runs from {production.folder}\n" in result.stderr
    assert state(production) == before
    # One that was moved goes on.
    shutil.rmtree(other)
    production.folder.rename(other)
    try:
        subprocess.run(["scripts/backup"], cwd=other, check=True, capture_output=True)
    finally:
        other.rename(production.folder)


def test_arguments_that_make_no_sense_end_with_2(production: Production) -> None:
    before = state(production)
    for script in (["deploy"], ["deploy", "a b"], ["deploy", "1", "--rollback"], ["upgrade-postgres", "abc"]):
        result = production.run(f"scripts/{script[0]}", *script[1:], check=False)
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
    assert state(production) == before


def test_a_certificate_that_nginx_has_not_loaded_is_told(production: Production) -> None:
    tls = production.folder / "secrets" / "tls"
    before = {name: (tls / name).read_text() for name in ("privkey.pem", "fullchain.pem")}
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=shop"]
    production.run(*new, "-keyout", str(tls / "privkey.pem"), "-out", str(tls / "fullchain.pem"))
    try:
        assert "reload nginx, or renew the certificate: https://127.0.0.1:" in production.deploy("1").stderr
    finally:
        for name, text in before.items():
            (tls / name).write_text(text)


def test_an_ordinary_users_failure_is_one_sentence(production: Production) -> None:
    """A user who may not read the secrets, nor write here; Docker is not even asked."""
    if os.geteuid():
        pytest.skip("only root becomes somebody else")
    for folder in production.folder.parents:
        folder.chmod(folder.stat().st_mode | 0o011)
    groups = [Path("/var/run/docker.sock").stat().st_gid]
    for script in (["deploy", "2"], ["backup"], ["restore", "first.dump"], ["upgrade-postgres"]):
        command = [f"scripts/{script[0]}", *script[1:]]
        other: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": groups}
        result = subprocess.run(command, cwd=production.folder, capture_output=True, text=True, **other)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result.stderr
        assert result.stderr.startswith(f"scripts/{script[0]}: "), result.stderr


def versions(production: Production, count: int = 40) -> set[str]:
    """Return what serves, by asking often enough to meet each replica."""
    return {production.ask("/version").text for _ in range(count)}


def images(production: Production) -> set[str]:
    return {container["Config"]["Image"] for container in production.containers("app").values()}


def state(production: Production) -> tuple[set[str], str]:
    """What a deployment that fails has to leave: the containers, and what is noted."""
    found = {f"{name} {known['Id']} {known['State']['Status']}" for name, known in production.containers().items()}
    return found, (production.folder / ".env").read_text()


def refused(production: Production, *arguments: str, **options: object) -> str:
    """Deploy version 2, which must fail and change nothing; return the one sentence."""
    before = state(production)
    result = production.run("scripts/deploy", "2", *arguments, check=False, **options)
    assert result.returncode == 1 and result.stderr.startswith("scripts/deploy: "), result.stdout + result.stderr
    assert state(production) == before
    return result.stderr


def started(production: Production, version: str, line: str) -> subprocess.Popen[str]:
    """Start a deployment; return it when it has said a line."""
    command = ["scripts/deploy", version]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **production.ports, **production.environment}
    process = subprocess.Popen(command, cwd=production.folder, env=environment, stdout=-1, stderr=-2, text=True)
    assert process.stdout
    said = []
    for one in process.stdout:
        said.append(one)
        if line in one:
            return process
    raise AssertionError("".join(said))


@contextmanager
def asking(production: Production, path: str) -> Iterator[None]:
    """Have a request under way; whether it is answered does not matter."""

    def ask() -> None:
        with suppress(OSError, HTTPException):
            production.ask(path)

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("service", ["db", "redis"])
def test_a_service_takes_the_password_of_another_checkout(service: str, production: Production) -> None:
    secret = production.folder / "secrets" / f"{service}_password"
    production.prod_sql("DROP TABLE IF EXISTS kept")
    production.prod_sql("CREATE TABLE kept AS SELECT 7 AS n")
    # Another file, as of a fresh clone after scripts/setup: the running container has the old one mounted.
    secret.rename(secret.with_name("before"))
    secret.write_text(f"{ODD[::-1]}\n")
    secret.chmod(0o444)
    sentence = f"put secrets/{service}_password back, or stop the app, then deploy again: {service} has another password"
    assert refused(production).endswith(f"scripts/deploy: {sentence}\n")
    assert production.ask("/").status == 200
    production.run("docker", "stop", *production.containers("app"))
    said = production.deploy("1").stdout
    assert f"{service} has the password of secrets/{service}_password now" in said
    assert production.ask("/").status == 200 and '"PostgreSQL 17' in production.ask("/").text
    assert production.prod_sql("SELECT n FROM kept") == "7"
    assert "has the password" not in production.deploy("1").stdout


def test_a_superseded_version_never_serves_again(production: Production) -> None:
    with asking(production, "/slow?seconds=8"):
        process = started(production, "2", "the new replicas have taken over")
        process.kill()
        process.wait()
        assert len(images(production)) == 2, "it was killed before the old replicas were stopped"
        production.prod("restart", "nginx")
        wait_for(lambda: production.ask("/version").text or None)
        assert versions(production) == {'"2"'}
    with load(production, "/version") as answers:
        production.deploy("2")
    assert lost(answers) == [] and {answer.text for answer in answers} == {'"2"'}
    assert images(production) == {production.image("2")} and len(production.containers("app")) == 2
    production.deploy("1")


@pytest.mark.parametrize("line", ["starting 2 of version 2", "the new replicas have taken over"])
def test_plain_up_during_a_deployment_does_no_harm_that_another_one_does_not_mend(line: str, production: Production) -> None:
    production.deploy("1")
    process = started(production, "2", line)
    production.prod("up", "--detach", check=False)
    process.communicate(timeout=120)
    production.deploy("2")
    assert versions(production) == {'"2"'}
    services = [known["Config"]["Labels"]["com.docker.compose.service"] for known in production.containers().values()]
    assert sorted(services) == ["app", "app", "db", "nginx", "redis"]
    production.deploy("1")


def test_nginx_and_its_certificate_are_checked_before_anything_is_done(production: Production) -> None:
    own = production.folder / "nginx" / "own.conf"
    own.write_text("client_max_body_sise 1m;\n")
    try:
        assert 'unknown directive "client_max_body_sise"' in refused(production)
    finally:
        own.unlink()
    tls = production.folder / "secrets" / "tls"
    key = (tls / "privkey.pem").read_text()
    for kind in (["-algorithm", "RSA"], ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"]):
        made = production.run("openssl", "genpkey", *kind).stdout
        (tls / "privkey.pem").chmod(0o644)
        (tls / "privkey.pem").write_text(made)
        try:
            assert "these are no pair" in refused(production)
        finally:
            (tls / "privkey.pem").write_text(key)
    # What its owner can read, and nginx as its own user can't.
    (tls / "privkey.pem").chmod(0o600)
    try:
        said = refused(production)
        assert "fix what nginx refuses" in said and "cannot load certificate key" in said and "Permission denied" in said
    finally:
        (tls / "privkey.pem").chmod(0o644)
    assert versions(production, 4) == {'"1"'}


def waits_to_try_again(production: Production) -> bool | None:
    """Tell whether nginx waits to try again: then its log tells of its last start."""
    return production.containers("nginx")[f"{production.project}-nginx-1"]["State"]["Restarting"] or None


def test_an_nginx_that_does_not_start_is_told_and_starts_once_that_is_fixed(production: Production) -> None:
    own = production.folder / "nginx" / "own.conf"
    own.write_text("oh no;\n")
    production.prod("restart", "nginx")
    wait_for(lambda: waits_to_try_again(production))
    try:
        result = production.deploy("2", check=False)
        assert result.returncode == 1 and 'unknown directive "oh"' in result.stderr
        assert images(production) == {production.image("1")}
        wait_for(lambda: waits_to_try_again(production))
    finally:
        own.unlink()
    production.deploy("2")
    assert versions(production) == {'"2"'}
    production.deploy("1")


def test_a_full_disk_leaves_the_old_version(production: Production) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))

    assert ".env can't be used (File too large)" in refused(production, preexec_fn=no_room)


def test_an_nginx_that_ends_in_the_middle_leaves_the_old_version(production: Production) -> None:
    before = state(production)
    process = started(production, "2", "starting 2 of version 2")
    production.prod("kill", "nginx")
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1 and "nginx does not run" in said
    production.prod("start", "nginx")
    wait_for(lambda: production.ask("/version").text or None)
    assert state(production) == before and versions(production) == {'"1"'}


def test_a_replica_may_be_unhealthy_for_a_while(production: Production) -> None:
    command = 'CMD ["sh", "-c", "sleep 12; exec uvicorn %s.server:app --host 0.0.0.0"]'
    production.build_from("slow", "1", command % production.slug.replace("-", "_"))
    override = production.folder / "docker-compose.prod.override.yml"
    check = "interval: 1s, start_interval: 1s, start_period: 1s, retries: 1"
    override.write_text(f"services:\n  app:\n    healthcheck: {{{check}}}\n")
    try:
        production.deploy("slow", "--timeout", "60")
    finally:
        override.unlink()
    assert images(production) == {production.image("slow")}
    production.deploy("1")


def test_a_release_before_is_replaced_without_a_request_lost(production: Production) -> None:
    """By an nginx that knows two names of replicas, and no folder of its own for them."""
    template = production.folder / "nginx" / "nginx.conf.template"
    new = template.read_text()
    begin, end = new.index("        if (-f /tmp/turn/app-c)"), new.index("        location / {\n            proxy_pass")
    template.write_text((new[:begin] + new[end:]).replace("/tmp/turn/", "/tmp/"))
    override = production.folder / "docker-compose.prod.override.yml"
    volumes = "[./nginx:/etc/nginx/templates:ro, ./secrets/tls:/run/tls:ro]"
    override.write_text(f"services:\n  nginx:\n    volumes: !override {volumes}\n")
    files = ["-f", "docker-compose.prod.yml", "-f", override.name]
    production.run("docker", "compose", "-p", production.project, *files, "up", "--detach", "--wait", "--no-deps", "nginx")
    override.unlink()
    template.write_text(new)
    with load(production, "/version", "/slow?seconds=1", post="/rows") as answers:
        production.deploy("2")
    assert lost(answers) == [] and versions(production) == {'"2"'}
    # What it renders again after a restart looks for other files.
    production.prod("restart", "nginx")
    with load(production, "/version", post="/rows") as answers:
        wait_for(lambda: any(answer.status == 200 for answer in answers) or None)
        del answers[:]
        production.deploy("1")
    assert lost(answers) == [] and versions(production) == {'"1"'}
    production.run("docker", "rm", "--force", next(iter(production.containers("nginx"))))
    production.deploy("1")
