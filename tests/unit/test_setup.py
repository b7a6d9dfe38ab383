"""`scripts/setup`: it says where the services are, as Compose itself has them, and keeps what the user wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.support import need_tool, render, scripts_of, without_docker

# Lines of an environment file that readers understand in different ways.
TRICKY = [
    "POSTGRES_PASSWORD=two words",
    "POSTGRES_PASSWORD=a#b",
    "POSTGRES_PASSWORD=a #b",
    "POSTGRES_PASSWORD='a # b'",
    'POSTGRES_PASSWORD="a # b" # c',
    "POSTGRES_PASSWORD='single $POSTGRES_USER'",
    'POSTGRES_PASSWORD="double $POSTGRES_USER"',
    "POSTGRES_PASSWORD=${POSTGRES_USER}-${MISSING:-default}",
    "POSTGRES_PASSWORD=pa$$word",
    "POSTGRES_PASSWORD='pa$$word'",
    r'POSTGRES_PASSWORD="say \"hi\" \$5"',
    r"POSTGRES_PASSWORD='it\'s'",
    "export POSTGRES_PASSWORD=exported",
    "POSTGRES_PASSWORD=first\nPOSTGRES_PASSWORD=${POSTGRES_PASSWORD}-second",
    "POSTGRES_PASSWORD=@:/?#[]%&+ü€",
    "POSTGRES_PASSWORD='two\nlines'",
    "POSTGRES_PASSWORD=",
]


@pytest.fixture(scope="module")
def hybrid(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(template, tmp_path_factory.mktemp("hybrid") / "my-project", {"stack": "hybrid"})


@pytest.fixture
def project(hybrid: Path, tmp_path: Path) -> Path:
    """A copy of a hybrid project, for one test to change. Its scripts/setup asks Compose."""
    need_tool("docker")
    return shutil.copytree(hybrid, tmp_path / "my-project")


def run(project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/setup, from another folder."""
    command = [sys.executable, str(project / "scripts" / "setup")]
    return subprocess.run(command, capture_output=True, text=True, cwd=project.parent, env={**os.environ, **variables})


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that knows its engine without a variable."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def in_shell(project: Path) -> dict[str, str]:
    """Return what a shell has after it has read .env.local, as COMPOSE.md says."""
    command = ["env", "-i", "sh", "-euc", "set -a; . ./.env.local; env -0"]
    said = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout
    variables = dict(entry.split("=", 1) for entry in said.split("\0") if entry)
    return {name: value for name, value in variables.items() if name not in {"PWD", "OLDPWD", "SHLVL", "_"}}


def database_url(project: Path) -> str:
    """Return the one DATABASE_URL that the block has."""
    lines = (project / ".env.local").read_text(encoding="utf-8").splitlines()
    (url,) = (line.removeprefix("DATABASE_URL=") for line in lines if line.startswith("DATABASE_URL="))
    return url


LIBPQ = {"PGHOST": "localhost", "PGPORT": "5432", "PGUSER": "dev", "PGPASSWORD": "dev", "PGDATABASE": "my_project"}


def test_it_says_where_the_services_are(project: Path) -> None:
    assert run(project).returncode == 0
    assert in_shell(project) == {
        "APP_PORT": "8000",
        "DATABASE_URL": "postgresql://dev:dev@localhost:5432/my_project",
        **LIBPQ,
        "REDIS_URL": "redis://localhost:6379/0",
    }
    assert (project / ".env.local").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("line", TRICKY)
def test_the_password_in_the_url_is_the_one_that_the_database_gets(line: str, project: Path) -> None:
    (project / ".env.local").write_text(f"{line}\n", encoding="utf-8")
    assert run(project).returncode == 0
    config = ["docker", "compose", "config", "--format", "json"]
    said = subprocess.run(config, cwd=project, check=True, capture_output=True, text=True).stdout
    # Compose doubles each $ of what it prints, to be read again.
    password = json.loads(said)["services"]["db"]["environment"]["POSTGRES_PASSWORD"].replace("$$", "$")
    assert unquote(urlsplit(database_url(project)).password or "") == password


def test_it_says_so_by_the_names_that_the_app_reads(template: Path, tmp_path: Path) -> None:
    need_tool("docker")
    code = (
        "import os\nfrom flask import Flask\n\napp = Flask(__name__)\n"
        "READ = [os.environ[name] for name in ('DB_PASS', 'SQL_ENGINE', 'ASYNC_DATABASE_URL', 'REDIS_HOST', 'CACHE_URL')]\n"
    )
    folder = tmp_path / "my-project"
    folder.mkdir()
    (folder / "app.py").write_text(code)
    (folder / "requirements.txt").write_text("flask\ndjango\npsycopg\nredis\n")
    project = render(template, folder, {"stack": "hybrid", "port_slot": 2})
    (project / ".env.local").write_text("POSTGRES_PASSWORD='it-s $5'\n")
    assert run(project).returncode == 0
    said = in_shell(project)
    assert {name: said.get(name) for name in ("PGPORT", "PGPASSWORD", "DB_PASS", "SQL_ENGINE", "REDIS_HOST", "CACHE_URL")} == {
        **{"PGPORT": "5434", "PGPASSWORD": "it-s $5", "DB_PASS": "it-s $5"},
        **{"SQL_ENGINE": "django.db.backends.postgresql", "REDIS_HOST": "localhost", "CACHE_URL": "redis://localhost:6381/0"},
    }
    assert said["ASYNC_DATABASE_URL"] == "postgresql+asyncpg://dev:it-s%20%245@localhost:5434/my_project"
    # The database's own container reads the file too.
    config = ["docker", "compose", "config", "--format", "json"]
    services = json.loads(subprocess.run(config, cwd=project, check=True, capture_output=True, text=True).stdout)["services"]
    assert (services["db"]["environment"]["PGHOST"], services["db"]["environment"]["PGPORT"]) == ("", "5432")


def test_a_second_run_writes_nothing(project: Path) -> None:
    run(project)
    before = (project / ".env.local").stat()
    assert run(project).returncode == 0
    after = (project / ".env.local").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_what_the_user_sets_is_followed(project: Path) -> None:
    mine = "POSTGRES_USER=ann\nPOSTGRES_PASSWORD='p@ss/w$rd: #1'\n"
    (project / ".env.local").write_text(mine)
    (project / ".env").write_text("POSTGRES_PORT=6001\n")
    assert run(project, REDIS_PORT="6002", APP_PORT="6003").returncode == 0
    assert (project / ".env.local").read_text().startswith(mine)
    url = urlsplit(database_url(project))
    assert (url.username, unquote(url.password or ""), url.hostname, url.port) == ("ann", "p@ss/w$rd: #1", "localhost", 6001)
    variables = in_shell(project)
    assert (variables["REDIS_URL"], variables["APP_PORT"]) == ("redis://localhost:6002/0", "6003")
    assert (variables["POSTGRES_PASSWORD"], variables["DATABASE_URL"]) == ("p@ss/w$rd: #1", url.geturl())


@pytest.mark.parametrize("line", ["DATABASE_URL=postgresql://mine", "export DATABASE_URL='postgresql://mine'"])
def test_an_url_of_the_users_own_wins(line: str, project: Path) -> None:
    run(project)
    with (project / ".env.local").open("a") as file:
        file.write(f"{line}\n")
    assert run(project).returncode == 0
    assert (project / ".env.local").read_text().count("DATABASE_URL=") == 1
    assert in_shell(project)["DATABASE_URL"] == "postgresql://mine"


def test_lines_above_and_below_the_block_stay(project: Path) -> None:
    run(project)
    block = (project / ".env.local").read_text()
    (project / ".env.local").write_text("ABOVE=1\n\n" + block + "\nBELOW=2\n")
    (project / ".env").write_text("APP_PORT=9000\n")
    run(project)
    assert (project / ".env.local").read_text() == "ABOVE=1\n\n" + block.replace("=8000", "=9000") + "\nBELOW=2\n"


def assert_refused(result: subprocess.CompletedProcess[str]) -> None:
    """Assert that a run has ended with one sentence."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_half_a_block_is_left_alone_and_reported(project: Path) -> None:
    with scripts_of(project / "scripts"):
        marks = import_module("lib.setup_env").MARKS
    text = f"A=1\n{marks.begin}\nB=2\n"
    (project / ".env.local").write_text(text)
    result = run(project)
    assert_refused(result)
    assert marks.end in result.stderr
    assert (project / ".env.local").read_text() == text


def test_bytes_that_are_no_text_are_left_alone_and_reported(project: Path) -> None:
    (project / ".env.local").write_bytes(b"\xff\xfe")
    assert_refused(run(project))
    assert (project / ".env.local").read_bytes() == b"\xff\xfe"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".env.local", "POSTGRES_PASSWORD='not closed\n"),
        ("docker-compose.override.yml", "services: [\n"),
        ("docker-compose.yml", "services: {web: {image: mine}}\n"),
        ("docker-compose.override.yml", "services: {db: {ports: !reset []}}\n"),
    ],
    ids=["env", "override", "own compose file", "database without a port"],
)
def test_a_project_that_it_can_not_understand_is_reported(name: str, content: str, project: Path) -> None:
    (project / name).write_text(content)
    assert_refused(run(project))


def test_without_docker_it_says_what_is_missing(hybrid: Path, tmp_path: Path) -> None:
    folder = without_docker(shutil.copytree(hybrid, tmp_path / "my-project"))
    result = run(folder, PATH="/nonexistent")
    assert_refused(result)
    assert "Docker is not installed" in result.stderr


def test_in_a_full_stack_it_makes_a_file_for_this_machine_once(template: Path, tmp_path: Path) -> None:
    folder = render(template, tmp_path / "my-project", {"stack": "full"})
    assert run(folder, PATH="/nonexistent").returncode == 0
    assert (folder / ".env.local").stat().st_mode & 0o777 == 0o600
    assert "=" not in (folder / ".env.local").read_text()
    (folder / ".env.local").write_text("MINE=1\n")
    assert run(folder).returncode == 0
    assert (folder / ".env.local").read_text() == "MINE=1\n"


def test_in_a_full_stack_it_takes_the_hosts_urls_out_again(project: Path, template: Path) -> None:
    (project / ".env.local").write_text("ABOVE=1\n")
    run(project)
    with (project / ".env.local").open("a") as file:
        file.write("BELOW=2\n")
    render(template, project, {"stack": "full"}, overwrite=True, hook=True)
    assert run(project).returncode == 0
    text = (project / ".env.local").read_text()
    assert "localhost" not in text
    assert [line for line in text.splitlines() if line] == ["ABOVE=1", "BELOW=2"]


# What Claude Desktop is told


@pytest.fixture(scope="module")
def rendered_servers(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    answers = {"stack": "mcp-multi", "mcp_servers": ["tasks", "my-docs"]}
    return render(template, tmp_path_factory.mktemp("servers") / "my-project", answers)


@pytest.fixture
def servers(rendered_servers: Path, tmp_path: Path) -> Path:
    """A copy of a project with two MCP servers and a gateway, for one test to change."""
    return shutil.copytree(rendered_servers, tmp_path / "my project")


def told(project: Path) -> Any:
    return json.loads((project / "claude_desktop_config.json").read_text(encoding="utf-8"))


def starting(project: Path, service: str) -> dict[str, object]:
    return {"command": "python3", "args": [str(project / "scripts" / "mcp-stdio"), service]}


def test_claude_desktop_is_told_where_each_server_is_on_this_machine(servers: Path) -> None:
    result = run(servers, PATH="/nonexistent")
    assert result.returncode == 0, result.stderr
    assert told(servers) == {"mcpServers": {name: starting(servers, name) for name in ("tasks", "my-docs")}}
    assert (servers / "claude_desktop_config.json").stat().st_mode & 0o777 == 0o600
    assert "for Claude Desktop add what it holds to " in result.stdout
    assert f"for Windsurf add it to {Path.home() / '.codeium' / 'windsurf' / 'mcp_config.json'}\n" in result.stdout


def test_claude_desktop_is_told_of_a_single_server_under_the_projects_name(template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "my-project", {"stack": "mcp", "services": [], "project_slug": "shop"})
    assert run(project, PATH="/nonexistent").returncode == 0
    assert told(project) == {"mcpServers": {"shop": starting(project, "mcp-server")}}
    assert "=" not in (project / ".env.local").read_text()


def machines_own(project: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return what each file that scripts/setup makes holds, and whether it was written again."""
    paths = [project / name for name in (".env.local", "claude_desktop_config.json", "secrets/gateway.env")]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}


def test_claude_desktop_is_given_the_engine_that_only_a_variable_names(servers: Path) -> None:
    """It passes on no variable of a shell; a later run without one, as by git's hook, keeps it."""
    for variables in ({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, {}):
        assert run(servers, **variables).returncode == 0
        entry = starting(servers, "tasks") | {"env": {"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}}
        assert told(servers)["mcpServers"]["tasks"] == entry
    assert run(servers, DOCKER_HOST="tcp://other:2376").returncode == 0
    assert told(servers)["mcpServers"]["my-docs"]["env"] == {"DOCKER_HOST": "tcp://other:2376"}


def test_a_second_run_writes_nothing_for_clients_and_the_gateway_either(servers: Path) -> None:
    run(servers)
    before = machines_own(servers)
    result = run(servers)
    assert (result.returncode, result.stderr) == (0, "")
    assert machines_own(servers) == before
    assert len(result.stdout.splitlines()) == result.stdout.count(" is up to date\n") == len(before)


def test_claude_desktop_is_told_of_a_folder_that_was_renamed(servers: Path) -> None:
    run(servers)
    renamed = servers.rename(servers.parent / "Übung 2")
    assert run(renamed).returncode == 0
    assert told(renamed)["mcpServers"]["tasks"] == starting(renamed, "tasks")


@pytest.mark.parametrize(
    "mine",
    [
        '{"mcpServers": {"mine": {"command": "mine"}}}\n',
        '{"mcpServers": {"x": {"command": "python3", "args": ["/x/scripts/mcp-stdio", "x"]}}, "theme": "dark"}\n',
        '{"mcpServers": {"x": {"command": "python3", "args": ["/x/scripts/mcp-stdio", "x"], "env": {}}}}\n',
        "not json",
    ],
)
def test_a_file_for_claude_desktop_that_the_user_made_is_kept(mine: str, servers: Path) -> None:
    (servers / "claude_desktop_config.json").write_text(mine)
    result = run(servers)
    assert result.returncode == 0
    assert (servers / "claude_desktop_config.json").read_text() == mine
    assert "claude_desktop_config.json holds something of yours and was left as it is" in result.stdout


def test_a_file_for_claude_desktop_that_is_no_text_is_left_alone_and_reported(servers: Path) -> None:
    (servers / "claude_desktop_config.json").write_bytes(b"\xff\xfe")
    result = run(servers)
    assert (result.returncode, result.stderr) == (0, "")
    assert "claude_desktop_config.json holds something of yours and was left as it is" in result.stdout
    assert (servers / "claude_desktop_config.json").read_bytes() == b"\xff\xfe"


# The gateway's secrets


def secrets_of(project: Path) -> dict[str, str]:
    lines = (project / "secrets" / "gateway.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_the_gateway_gets_a_key_and_a_login_of_its_own_that_nobody_else_can_read(servers: Path) -> None:
    run(servers)
    assert (servers / "secrets").stat().st_mode & 0o777 == 0o700
    assert (servers / "secrets" / "gateway.env").stat().st_mode & 0o777 == 0o600
    made = secrets_of(servers)
    assert made.keys() == {"N8N_ENCRYPTION_KEY", "GATEWAY_EMAIL", "GATEWAY_PASSWORD"}
    other = shutil.copytree(servers, servers.parent / "other", ignore=shutil.ignore_patterns("secrets"))
    run(other)
    for name in ("N8N_ENCRYPTION_KEY", "GATEWAY_PASSWORD"):
        assert len(made[name]) >= 24
        assert made[name] != secrets_of(other)[name]


@pytest.mark.parametrize("end", ["", "\n"])
def test_what_the_gateways_secrets_lack_is_added_and_the_rest_kept(end: str, servers: Path) -> None:
    (servers / "secrets").mkdir()
    (servers / "secrets" / "gateway.env").write_text(
        f"N8N_ENCRYPTION_KEY=mine\nGATEWAY_PASSWORD=\nGATEWAY_EMAIL=ann@example.com{end}"
    )
    run(servers)
    found = secrets_of(servers)
    assert (found["N8N_ENCRYPTION_KEY"], found["GATEWAY_EMAIL"]) == ("mine", "ann@example.com")
    assert found["GATEWAY_PASSWORD"]


def test_without_a_gateway_there_are_no_secrets(template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "my-project", {"stack": "mcp-multi", "gateway": "none"})
    assert run(project).returncode == 0
    assert not (project / "secrets").exists()
