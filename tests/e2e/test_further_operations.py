"""What an operator does beside deploying: commands, newer images, another environment, another machine."""

from __future__ import annotations

import getpass
import os
import pty
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.production import Production, in_production, load, lost
from tests.e2e.stack import free_port, wait_for
from tests.support import need_tool

REGISTRY = "registry:2"
# What runs the tests may have switched off that a terminal ends us, as nohup does.
DEFAULT_SIGNALS = ("env", "--default-signal=HUP,INT,TERM")


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The starter with Postgres and Redis in production; versions 1 and 2 are built."""
    with in_production(template, tmp_path_factory.mktemp("further"), {"stack": "full"}) as made:
        made.environment |= {"APP_REPLICAS": "1", "USER": "ann", "SUDO_USER": ""}
        made.add_routes()
        made.build("1")
        made.build_from("2", "1")
        made.deploy("1")
        yield made


def clone(production: Production, folder: Path) -> None:
    """Copy what is committed; a repository has no commit here."""
    own = shutil.ignore_patterns("secrets", "backups", ".env", ".env.production", "run.log", "docker-compose.prod.override.yml")
    shutil.copytree(production.folder, folder, ignore=own)


def runs(production: Production) -> list[str]:
    """Return the containers of scripts/run."""
    return production.run("docker", "ps", "--all", "--quiet", "--filter", f"name={production.project}-run-").stdout.split()


def test_a_command_has_settings_and_secrets_of_the_version_that_runs(production: Production) -> None:
    production.run("scripts/deploy", "2")
    code = "import os, sys; print(open('version.txt').read(), os.environ['DB_PASSWORD_FILE'], sys.stdin.read(), sys.argv[1])"
    done = production.run("scripts/run", "python", "-c", code, "two words", input="read")
    assert done.stdout.split() == ["2", "/run/secrets/db_password", "read", "two", "words"]
    row = production.run("scripts/run", "sh", "-c", "cat /run/secrets/app_secret_key")
    assert row.stdout == (production.folder / "secrets" / "app_secret_key").read_text()
    failed = production.run("scripts/run", "python", "-c", "raise SystemExit(7)", check=False)
    assert failed.returncode == 7 and runs(production) == []
    log = (production.folder / "run.log").read_text().splitlines()
    assert len(log) == 6 and log[-1].endswith("'raise SystemExit(7)': exit code 7") and " ann 2: " in log[-1]
    assert not production.run("git", "status", "--porcelain", "run.log").stdout
    assert production.run("scripts/run", check=False).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_ends_with_its_script(production: Production, number: signal.Signals) -> None:
    command = [*DEFAULT_SIGNALS, "scripts/run", "python", "-c", "import time; time.sleep(600)"]
    environment = {**os.environ, **production.ports, **production.environment}
    with subprocess.Popen(command, cwd=production.folder, env=environment, start_new_session=True) as process:
        wait_for(lambda: runs(production) or None)
        process.send_signal(number)
        assert process.wait(60) != 0
    assert runs(production) == []
    assert (production.folder / "run.log").read_text().splitlines()[-1].endswith(": interrupted")


def test_a_command_has_the_terminal_and_ends_with_it(production: Production) -> None:
    main, side = pty.openpty()
    environment = {**os.environ, **production.ports, **production.environment}
    asks = "import sys; print('terminal', sys.stdin.isatty()); print('heard ' + input()); import time; time.sleep(600)"
    command = [*DEFAULT_SIGNALS, "setsid", "--ctty", "--wait", "scripts/run", "python", "-c", asks]
    process = subprocess.Popen(command, cwd=production.folder, env=environment, stdin=side, stdout=side, stderr=side)
    os.close(side)
    said = b""

    def hears(text: bytes) -> bool | None:
        nonlocal said
        said += os.read(main, 1024)
        return text in said or None

    wait_for(lambda: hears(b"terminal True"))
    os.write(main, b"hello\n")
    wait_for(lambda: hears(b"heard hello"))
    os.close(main)
    process.wait(60)
    wait_for(lambda: not runs(production) or None)


def test_newer_images_and_settings_are_taken_and_the_data_stay(production: Production) -> None:
    production.prod_sql("INSERT INTO example DEFAULT VALUES")
    before = production.containers()
    first = production.run("scripts/update-images").stdout
    assert production.containers().keys() == before.keys() and "nginx is as new as can be" in first
    port = free_port()
    name = f"{production.slug}-registry"
    production.run("docker", "run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:5000", REGISTRY)
    try:
        image = f"127.0.0.1:{port}/redis:8-alpine"
        production.run("docker", "tag", "redis:8-alpine", image)
        wait_for(lambda: production.run("docker", "push", "--quiet", image, check=False).returncode == 0 or None)
        own = production.folder / "docker-compose.prod.override.yml"
        own.write_text(f"services:\n  redis:\n    image: {image}\n")
        assert "redis is started again" in production.run("scripts/update-images").stdout
        newer = f"FROM {image}\nLABEL newer=yes\n"
        production.run("docker", "build", "--quiet", "--tag", image, "-", input=newer)
        production.run("docker", "push", "--quiet", image)
        production.run("docker", "tag", "redis:8-alpine", image)
        said = production.run("scripts/update-images").stdout
        assert "redis is started again" in said and "db is as new as can be" in said
        (redis,) = production.containers("redis").values()
        assert redis["Config"]["Labels"]["newer"] == "yes"
        own.unlink()
        production.run("scripts/update-images")
    finally:
        production.run("docker", "rm", "--force", "--volumes", name)
    assert production.prod_sql("SELECT count(*) > 0 FROM example") == "t" and production.ask("/version").status == 200


def test_staging_stands_beside_production_with_data_of_its_own(production: Production, tmp_path: Path) -> None:
    folder = tmp_path / "staging"
    clone(production, folder)
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT")}
    staging = Production(folder, production.slug, ports, {"APP_REPLICAS": "1"})
    settings = folder / ".env.production"
    staging.run("scripts/setup")
    for name in ("Staging 2", "test"):
        settings.write_text(f"ENVIRONMENT={name}\n")
        wrong = staging.deploy("1", check=False)
        assert wrong.returncode == 1 and "scripts/deploy: write ENVIRONMENT in .env.production with" in wrong.stderr
    settings.write_text("ENVIRONMENT=staging\n")
    try:
        with load(production, "/version") as answers:
            staging.deploy("1")
        assert lost(answers) == []
        assert staging.ask("/version").text == '"1"' and production.ask("/version").text == '"2"'
        staging.deploy("2")
        listed = staging.run("docker", "volume", "ls", "--quiet").stdout.split()
        assert {f"{production.slug}-{one}_redis-data" for one in ("prod", "staging")} <= {*listed}
        settings.write_text("ENVIRONMENT=other\n")
        said = staging.deploy("2").stdout
        assert f"this folder is {production.slug}-staging, whatever ENVIRONMENT says" in said
        third = Production(tmp_path / "third", production.slug, ports, {})
        clone(production, third.folder)
        third.run("scripts/setup")
        refused = third.deploy("2", check=False)
        assert refused.returncode == 1 and f"{production.slug}-prod runs from {production.folder}" in refused.stderr
        assert "or name this one by ENVIRONMENT in .env.production: " in refused.stderr
        (third.folder / ".env.production").write_text("ENVIRONMENT=staging\n")
        refused = third.deploy("2", check=False)
        assert refused.returncode == 1 and f"{production.slug}-staging runs from {folder}" in refused.stderr
    finally:
        staging.run("docker", "compose", "-p", f"{production.slug}-staging", "down", "--volumes", "--timeout", "1", check=False)


def test_what_was_deployed_keeps_its_name_where_the_app_has_such_a_variable(production: Production) -> None:
    before = production.prod_sql("SELECT count(*) FROM example")
    settings = production.folder / ".env.production"
    settings.write_text("ENVIRONMENT=production\n")
    env = production.folder / ".env"
    env.write_text(env.read_text().replace("ENVIRONMENT=prod\n", ""))  # as 0.10.0 has left it
    said = production.deploy("2").stdout
    assert f"this folder is {production.project}, whatever ENVIRONMENT says" in said
    assert production.prod_sql("SELECT count(*) FROM example") == before
    (app,) = production.containers("app").values()
    assert "ENVIRONMENT=production" in app["Config"]["Env"]
    settings.unlink()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A server of ssh on this machine that knows our key; what an environment needs so that `ssh` finds it."""
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") or need_tool("sshd")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    for name in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True)
    authorized = home / "authorized"
    authorized.write_text((home / "key.pub").read_text())
    authorized.chmod(0o600)
    port = free_port()
    config = home / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host_key\nAuthorizedKeysFile {authorized}\nPidFile none\n"
        "StrictModes no\nPermitRootLogin yes\nUsePAM no\n"
    )
    client = home / "ssh_config"
    client.write_text(
        f"Host there\nHostName 127.0.0.1\nPort {port}\nIdentityFile {home}/key\n"
        f"StrictHostKeyChecking accept-new\nUserKnownHostsFile {home}/known\n"
    )
    program = home / "bin"
    program.mkdir()
    ssh = program / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {client} "$@"\n')
    ssh.chmod(0o755)
    if os.getuid() == 0:  # else it asks for none
        Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([*DEFAULT_SIGNALS, sshd, "-D", "-e", "-f", str(config)])
    try:
        yield {"PATH": f"{program}:{os.environ['PATH']}"}
    finally:
        server.terminate()
        server.wait()


def test_it_is_deployed_from_another_machine(production: Production, host: dict[str, str], tmp_path: Path) -> None:
    here = tmp_path / "here"
    clone(production, here)
    settings = production.folder / ".env.production"
    settings.write_text("".join(f"{name}={value}\n" for name, value in {**production.ports, "APP_REPLICAS": "1"}.items()))
    there = f"{getpass.getuser()}@there:{production.folder}"
    command = ["scripts/deploy", "--host", there]
    environment = {**os.environ, **host}
    done = subprocess.run([*command, "1"], cwd=here, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0 and "deployed version 1" in done.stdout, done
    assert production.ask("/version").text == '"1"'
    missing = subprocess.run([*command, "9"], cwd=here, env=environment, capture_output=True, text=True, timeout=60)
    assert missing.returncode == 1 and "push it, or build it here" in missing.stdout
    wrong = subprocess.run(["scripts/deploy", "--host=-oProxyCommand=x", "1"], cwd=here, capture_output=True, text=True)
    assert wrong.returncode == 1 and "name a host as USER@HOST" in wrong.stderr

    # It ends there with the one who called it.
    production.build_from("3", "1", 'CMD ["python", "-m", "http.server", "8000", "--directory", "/usr/share/doc"]')
    with subprocess.Popen([*DEFAULT_SIGNALS, *command, "3"], cwd=here, env=environment, stdin=subprocess.DEVNULL) as process:
        wait_for(lambda: len(production.containers("app")) == 2 or None, 60)
        time.sleep(1)
        process.kill()
    wait_for(lambda: len(production.containers("app")) == 1 or None, 60)
    assert production.ask("/version").text == '"1"'
