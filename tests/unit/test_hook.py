"""What the hook says, and what it does for MCP clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT, git, load, need_tool
from tests.unit import shapes

hook = load(ROOT / "hooks" / "post_generation.py", "post_generation")
machine = load(ROOT / "hooks" / "machine.py", "machine_tested")
blocks = load(ROOT / "hooks" / "blocks.py", "blocks_tested")

MULTI = {"stack": "mcp-multi", "mcp_servers": ["tasks", "my-docs"], "gateway": "n8n", "project_slug": "shop"}
ANSWERS: dict[str, dict[str, Any]] = {
    "full": {"stack": "full"},
    "hybrid": {"stack": "hybrid"},
    "mcp": {"stack": "mcp", "project_slug": "shop"},
    "mcp-multi": {**MULTI, "gateway": "none"},
    "gateway": MULTI,
}


def test_a_repository_is_made_only_where_there_is_none(tmp_path: Path) -> None:
    hook.init_repository(tmp_path)
    assert (tmp_path / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
    (tmp_path / "sub").mkdir()
    hook.init_repository(tmp_path / "sub")
    assert not (tmp_path / "sub" / ".git").exists()


def test_in_a_worktree_or_submodule_no_repository_is_made(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    hook.init_repository(tmp_path)
    assert (tmp_path / ".git").is_file()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"stack": "full"}, ["docker compose up --build --wait", "docker compose port app 8000"]),
        ({"stack": "hybrid"}, ["docker compose up --wait", "COMPOSE.md"]),
        ({"stack": "mcp", "mcp_http": True}, ["docker compose up --build --wait", "docker compose port mcp-server 8000"]),
        (MULTI, ["docker compose up --build --wait", "docker compose port gateway 5678"]),
        (MULTI | {"gateway": "none"}, ["docker compose up --build --wait"]),
    ],
    ids=["full", "hybrid", "mcp", "gateway", "mcp-multi"],
)
def test_the_next_commands_can_be_typed(answers: dict[str, object], expected: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "it's mine"
    folder.mkdir()
    answers = {"app_port": 8000, "app_command": "python -m shop.server"} | answers
    said = hook.next_commands(folder, answers)
    assert f"cd '{tmp_path}/it'\"'\"'s mine'" in said
    assert all(text in said for text in expected)
    assert "git add . && git commit" in said, "without a commit no update begins"
    assert said.count("docker compose") == len([text for text in expected if text.startswith("docker")])
    assert "git diff" in hook.next_commands(folder, answers, updated=True)


def test_what_only_a_client_can_start_is_built_next_and_not_brought_up(tmp_path: Path) -> None:
    said = hook.next_commands(tmp_path, {"stack": "mcp", "app_port": 8000, "app_command": "shop", "mcp_http": False})
    assert "docker compose build mcp-server" in said
    assert " up " not in said


# MCP servers


@pytest.mark.parametrize(
    ("name", "servers"),
    [("full", []), ("hybrid", []), ("mcp", ["shop"]), ("mcp-multi", ["tasks", "my-docs"]), ("gateway", ["tasks", "my-docs"])],
)
def test_clients_know_a_single_server_under_the_projects_name_and_several_under_their_own(name: str, servers: list[str]) -> None:
    assert hook.servers(ANSWERS[name]) == servers


@pytest.mark.parametrize(("stack", "name", "service"), [("mcp", "shop", "mcp-server"), ("mcp-multi", "tasks", "tasks")])
def test_each_client_starts_the_service_of_a_server(stack: str, name: str, service: str) -> None:
    found = {file.path: (file.section, file.forms(name)[0]) for file in hook.client_files(stack)}
    assert found == {
        ".mcp.json": ("mcpServers", {"command": "python3", "args": ["scripts/mcp-stdio", service]}),
        ".vscode/mcp.json": ("servers", {"command": "python3", "args": ["${workspaceFolder}/scripts/mcp-stdio", service]}),
        ".cursor/mcp.json": ("mcpServers", {"command": "python3", "args": ["${workspaceFolder}/scripts/mcp-stdio", service]}),
    }


def test_what_another_stack_has_written_for_a_client_is_known_as_ours() -> None:
    for file, other in zip(hook.client_files("mcp"), hook.client_files("mcp-multi"), strict=True):
        for name in ("shop", "tasks"):
            assert file.forms(name)[0] in other.forms(name)
            assert other.forms(name)[0] in file.forms(name)


def server_folders(folder: Path, **has_dockerfile: bool) -> None:
    for name, there in has_dockerfile.items():
        (folder / "servers" / name).mkdir(parents=True)
        if there:
            (folder / "servers" / name / "Dockerfile").write_text("FROM python:3.13-slim\n")


def notes(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was said, each note a sentence of one line."""
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("Note: ") and line.endswith(".") for line in lines), lines
    return lines


@pytest.mark.parametrize("answers", [MULTI, {"stack": "mcp"}, {"stack": "minimal"}], ids=lambda answers: str(answers["stack"]))
def test_nothing_is_said_of_servers_where_all_is_well(
    answers: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if answers is MULTI:
        server_folders(tmp_path, tasks=True, **{"my-docs": True})
    hook.check_servers(tmp_path, answers)
    assert notes(capsys) == []


def test_a_server_that_is_left_out_and_one_that_can_not_be_built_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server_folders(tmp_path, tasks=False, old=True, older=True, **{"my-docs": True, "no-server": False})
    hook.check_servers(tmp_path, MULTI)
    left, lacking = notes(capsys)
    assert "servers/old, servers/older: not in mcp_servers" in left
    assert "servers/tasks was there before and has no Dockerfile" in lacking


def test_in_another_stack_the_users_own_folder_servers_is_no_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server_folders(tmp_path, tasks=True)
    hook.check_servers(tmp_path, {"stack": "mcp"})
    assert notes(capsys) == []


OWN: dict[str, Any] = {"stack": "mcp", "own_app": True, "package_name": "shop", "source_folder": "src", "app_command": "shop-mcp"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"app_command": "python -m shop.server"},
            "no server was found in this project, and 'python -m shop.server' will not start",
        ),
        ({"app_command": "python -m shop.server", "own_app": False}, "src/shop/server.py is missing"),
        ({"app_command": "uvicorn shop.server:app", "own_app": False, "stack": "full"}, "src/shop/server.py is missing"),
        ({"app_command": "uvicorn shop:app --port 8000"}, "declares mcp or fastmcp, and 'uvicorn shop:app --port 8000' may"),
    ],
)
def test_a_command_that_can_not_be_right_is_said_with_the_command_that_corrects_it(
    changed: dict[str, Any], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.adoption.check_server(tmp_path, OWN | changed, "copier update --trust")
    (note,) = notes(capsys)
    assert says in note
    assert "`copier update --trust -d app_command='…'`" in note


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"app_command": "uvicorn shop:app", "stack": "minimal"},
        {"app_command": "python -m shop.server", "stack": "mcp-multi"},
    ],
)
def test_a_command_that_may_be_right_is_passed_over(
    changed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements.txt").write_text("fastmcp>=2\n")
    hook.adoption.check_server(tmp_path, OWN | changed, "copier update --trust")
    assert notes(capsys) == []


@pytest.mark.parametrize("own_app", [True, False])
def test_a_server_that_is_there_is_passed_over(own_app: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "server.py").touch()
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["mcp[cli]>=1.6"]\n')
    hook.adoption.check_server(
        tmp_path, OWN | {"app_command": "python -m shop.server", "own_app": own_app}, "copier update --trust"
    )
    assert notes(capsys) == []


# Tests and pipelines

TEST = "def test_it(): pass\n"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(TEST)


def test_a_pipeline_without_tests_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "shop.py", "examples/test_it.py", "node_modules/x/test_it.py")
    hook.check_tests(tmp_path, {"stack": "full", "ci": ["github"], "test_command": "pytest"})
    assert notes(capsys) == ["Note: this project has no tests yet, and the pipeline fails until tests/ holds some."]


@pytest.mark.parametrize("name", ["tests/test_it.py", "test_it.py", "src/shop/tests/test_it.py", "tests/unit/it_test.py"])
def test_a_pipeline_with_tests_is_passed_over(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, name)
    hook.check_tests(tmp_path, {"stack": "full", "ci": ["github"], "test_command": "pytest"})
    assert notes(capsys) == []


@pytest.mark.parametrize(
    "answers",
    [
        {"ci": ["github"], "test_command": "make check"},
        {"ci": ["github"], "test_command": "pytest specs"},
        {"ci": [], "test_command": "pytest"},
        {},
    ],
    ids=["another-program", "other-arguments", "no-pipeline", "older-answers"],
)
def test_nothing_is_said_of_tests_where_none_are_looked_for(
    answers: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.check_tests(tmp_path, {"stack": "full"} | answers)
    assert notes(capsys) == []


def test_each_server_without_tests_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Tests elsewhere are no server's.
    write(tmp_path, "tests/test_it.py", "servers/tasks/tests/test_it.py", "servers/my-docs/server.py", "servers/old/server.py")
    hook.check_tests(tmp_path, MULTI | {"ci": ["gitlab"]})
    assert notes(capsys) == [
        "Note: servers/my-docs has no tests yet, and the pipeline fails until servers/my-docs/tests/ holds some."
    ]


UPDATE = "copier update --trust"


@pytest.mark.parametrize(("ci", "said"), [(["github"], 1), ([], 0)])
def test_a_compose_file_of_the_users_own_has_to_fit_the_one_of_the_tests(
    ci: list[str], said: int, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.check_kept({"ci": ci}, ["docker-compose.yml"], UPDATE)
    *fits, kept = notes(capsys)
    assert "kept your own docker-compose.yml." in kept
    assert len(fits) == said
    for note in fits:
        assert "docker-compose.test.yml is laid over your docker-compose.yml, which has to have the services" in note


@pytest.mark.parametrize(("pinned", "version", "says"), [("3.9", "3.11", True), ("3.12", "3.12", False), ("", "3.13", False)])
def test_a_python_that_the_project_does_not_ask_for_is_said(
    pinned: str, version: str, says: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.adoption.check_python(f"=={pinned}.*" if pinned else "", {"python_version": version}, "copier update")
    asked = "asks for Python ==3.9.*, and Python 3.11 runs it: choose another with `copier update -d python_version=…`"
    assert (asked in capsys.readouterr().err) == says


SETTINGS = (
    "from pydantic_settings import BaseSettings, SettingsConfigDict\nclass Settings(BaseSettings):\n    model_config = {}\n"
)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('SettingsConfigDict(env_file=".env")', True),
        ("SettingsConfigDict(env_file=('.env', '.env.prod'))", True),
        ('SettingsConfigDict(env_file=".env", extra="ignore")', False),
        ("SettingsConfigDict()", False),
    ],
)
def test_settings_that_refuse_what_is_in_env_are_named(
    config: str, says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.adoption.check_settings(shapes.write(tmp_path, {"settings.py": SETTINGS.format(config)}))
    assert ('add extra="ignore" to the settings in settings.py' in capsys.readouterr().err) == says


def test_pipelines_below_the_top_of_a_repository_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(tmp_path, "init", "-q")
    for folder in (tmp_path, tmp_path / "backend"):
        (folder / ".github/workflows").mkdir(parents=True)
        (folder / ".github/workflows/test.yml").touch()
        hook.adoption.check_pipelines(folder, {"ci": ["github"]})
    (said,) = notes(capsys)
    assert said.startswith("Note: .github/workflows/test.yml: read at the top of a repository alone, not in backend/.")


@pytest.mark.parametrize(
    ("files", "says"), [({"tool.py": "print(1)\n"}, True), ({"app.py": "import flask\napp = flask.Flask('x')\n"}, False)]
)
def test_a_command_that_is_a_guess_is_said(
    files: dict[str, str], says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    answers = OWN | {
        "own_app": True,
        "app_command": "python tool.py",
        "default_command": "python tool.py",
        "dependencies": "none",
    }
    hook.adoption.check_adoption(tmp_path, answers, "copier update", first=True)
    assert ("'python tool.py' is a guess" in capsys.readouterr().err) == says


def test_nothing_is_said_of_kept_files_where_none_were(capsys: pytest.CaptureFixture[str]) -> None:
    hook.check_kept({"ci": ["github"]}, [], UPDATE)
    assert notes(capsys) == []


@pytest.mark.parametrize(
    ("code", "lacks"),
    [
        ("DATABASE_URL", "DB_PASSWORD_FILE, REDIS_PASSWORD_FILE"),
        ("open(os.environ['DB_PASSWORD_FILE'])", "REDIS_PASSWORD_FILE"),
        ("DB_PASSWORD_FILE REDIS_PASSWORD_FILE", ""),
    ],
)
def test_an_app_that_reads_no_password_from_a_file_is_told_so(
    code: str, lacks: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text(f"# {code}\n")
    answers = {"production": True, "services": ["postgres", "redis"], "app_command": "gunicorn app:app", "app_port": 8000}
    hook.check_production(tmp_path, answers, "copier update")
    said = capsys.readouterr().err
    assert (f"nothing here mentions {lacks}:" in said) if lacks else said == ""
    hook.check_production(tmp_path, answers | {"production": False}, "copier update")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("flask --app shop run --host 0.0.0.0", True),
        ("python -m flask run", True),
        ("python manage.py runserver 0.0.0.0:8000", True),
        ("gunicorn --bind 0.0.0.0:8000 flask_shop:app", False),
        ("uvicorn shop:app", False),
    ],
)
def test_a_server_for_development_is_named_where_it_would_run_in_production(
    command: str, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.check_production(tmp_path, {"production": True, "app_command": command, "app_port": 8000}, "copier update")
    assert ("is a server for development: add one such as gunicorn" in capsys.readouterr().err) is told


@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(["", "v"]),
    st.sampled_from(["", "-desktop.1", "+ds1"]),
)
def test_a_version_is_too_old_where_its_numbers_come_first(major: int, minor: int, patch: int, start: str, end: str) -> None:
    version = f"{start}{major}.{minor}.{patch}{end}"
    assert machine.too_old(version, machine.MINIMUM_COMPOSE) is ((major, minor, patch) < (2, 24, 4))
    assert machine.too_old(version, machine.MINIMUM_ENGINE) is (major < 25)


@pytest.mark.parametrize(
    ("engine", "plugins", "lacks"),
    [
        ("28.5.2+dfsg4", {"compose": "2.40.3-3", "buildx": "0.29.1"}, []),
        ("", {"compose": "v2.24.4", "buildx": ""}, []),
        ("20.10.24", {"compose": "2.24.4", "buildx": ""}, ["Docker Engine 25 or newer (found 20.10.24)"]),
        ("25.0.0", {"compose": "2.24.3", "buildx": ""}, ["Docker Compose 2.24.4 or newer (found 2.24.3)"]),
        ("25.0.0", {"compose": "5.5.0"}, ["Docker Buildx, with which Compose builds images"]),
        ("", {}, ["Docker Compose 2.24.4 or newer", "Docker Buildx, with which Compose builds images"]),
    ],
)
def test_what_of_docker_is_missing_or_too_old_is_said(engine: str, plugins: dict[str, str], lacks: list[str]) -> None:
    assert machine.lacking(engine, plugins) == lacks


def test_a_machine_without_docker_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.missing()[-1] == "Docker Engine 25 or newer, Docker Compose 2.24.4 or newer"


def test_an_engine_that_does_not_answer_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_tool("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert machine.missing() == []
