"""What the hook says, and what it does for MCP clients."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT, files, git, load, need_tool
from tests.unit import shapes

hook = load(ROOT / "hooks" / "post_generation.py", "post_generation")
machine = load(ROOT / "hooks" / "machine.py", "machine_tested")
others = load(ROOT / "extensions" / "reading" / "others.py", "others_tested")
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


STARTED = ["docker compose up --build --wait", "docker compose port app 8000"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"stack": "full"}, STARTED),
        (
            {"stack": "full", "migrate_command": "alembic upgrade"},
            [*STARTED, "docker compose run --rm app alembic upgrade"],
        ),
        ({"stack": "hybrid"}, ["docker compose up --wait", "COMPOSE.md"]),
        ({"stack": "mcp", "mcp_http": True}, ["docker compose up --build --wait", "docker compose port mcp-server 8000"]),
        (MULTI, ["docker compose up --build --wait", "docker compose port gateway 5678"]),
        (MULTI | {"gateway": "none"}, ["docker compose up --build --wait"]),
    ],
    ids=["full", "migrations", "hybrid", "mcp", "gateway", "mcp-multi"],
)
def test_the_next_commands_can_be_typed(answers: dict[str, object], expected: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "it's mine"
    folder.mkdir()
    answers = {"app_port": 8000, "app_command": "python -m shop.server", "migrate_command": ""} | answers
    said = hook.next_commands(folder, answers)
    assert f"cd '{tmp_path}/it'\"'\"'s mine'" in said
    assert all(text in said for text in expected)
    assert "git add . && git commit" in said, "without a commit no update begins"
    assert said.count("docker compose") == len([text for text in expected if text.startswith("docker")])
    assert "git diff" in hook.next_commands(folder, answers, updated=True)


def test_what_only_a_client_can_start_is_built_next_and_not_brought_up(tmp_path: Path) -> None:
    answers = {"stack": "mcp", "app_port": 8000, "app_command": "shop", "mcp_http": False, "image_entrypoint": []}
    said = hook.next_commands(tmp_path, answers)
    assert "docker compose build mcp-server" in said
    assert " up " not in said


# MCP servers


@pytest.mark.parametrize(
    ("name", "servers"),
    [("full", []), ("hybrid", []), ("mcp", ["shop"]), ("mcp-multi", ["tasks", "my-docs"]), ("gateway", ["tasks", "my-docs"])],
)
def test_clients_know_a_single_server_under_the_projects_name_and_several_under_their_own(name: str, servers: list[str]) -> None:
    assert hook.servers(ANSWERS[name]) == servers


@pytest.mark.parametrize(("named", "there"), [(["codex"], True), ([], False), (["none"], False)])
def test_a_clients_file_comes_and_goes_with_the_answer(
    named: list[str], there: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {**ANSWERS["mcp"], "mcp_clients": named}
    hook.tell_clients(tmp_path, answers, "copier update")
    always = {".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json"}
    assert files(tmp_path).keys() == always | ({".codex/config.toml"} if there else set())
    mine = "# Mine.\n\nmodel = 'a'"
    (tmp_path / ".codex").mkdir(exist_ok=True)
    (tmp_path / ".codex" / "config.toml").write_text(mine)
    hook.tell_clients(tmp_path, answers, "copier update")
    assert ("[mcp_servers.shop]" in (tmp_path / ".codex" / "config.toml").read_text()) == (named != ["none"])
    hook.tell_clients(tmp_path, {**answers, "mcp_clients": ["none"]}, "copier update")
    assert (tmp_path / ".codex" / "config.toml").read_text() == mine
    assert capsys.readouterr().err == ""


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


@pytest.mark.parametrize(
    ("asked", "says"), [("==3.11.7", True), ("<=3.11.4", True), (">=3.11.4", False), ("==3.11.*", False), ("<3.12", False)]
)
def test_a_python_that_is_asked_for_to_its_last_number_is_said(
    asked: str, says: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.adoption.check_python(asked, {"python_version": "3.11"}, "copier update")
    assert (f"ask for Python 3.11.* in place of {asked}, also in your lock" in capsys.readouterr().err) == says


BUILT = '[project]\nname = "small"\n[build-system]\nrequires = ["setuptools"]\nbuild-backend = "{}"\n'
BY_SETUPTOOLS = BUILT.format("setuptools.build_meta")


@pytest.mark.parametrize(
    ("pyproject", "folder", "says"),
    [
        (BY_SETUPTOOLS, "docker", True),
        (BY_SETUPTOOLS, "other-files", False),
        (f'{BY_SETUPTOOLS}[tool.setuptools]\npackages = ["small"]\n', "docker", False),
        (BUILT.format("hatchling.build"), "docker", False),
    ],
)
def test_a_folder_of_ours_that_setuptools_takes_for_a_package_is_said(
    pyproject: str, folder: str, says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / folder).mkdir()
    found = shapes.write(tmp_path, {"pyproject.toml": pyproject, "small/__init__.py": "", "tests/__init__.py": ""})
    hook.adoption.check_installed(found, tmp_path, {"dependencies": "pyproject.toml"})
    said = 'add `[tool.setuptools.packages.find]` and `include = ["small*"]` to pyproject.toml: setuptools looks'
    assert (said in capsys.readouterr().err) == says


def test_what_an_own_dockerfile_copies_in_vain_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        *("FROM python:3.13 AS build", "ADD requirements.txt /", "ADD https://example.com/a.gz /", "COPY *.toml $LOCK ./"),
        *("FROM python:3.13", "COPY --from=build /app /app", "COPY --chown=app . .", 'COPY ["app.py", "run.sh", "./"]'),
    ]
    (tmp_path / "Dockerfile").write_text("\n".join(lines))
    (tmp_path / "app.py").touch()
    hook.adoption.check_dockerfile(shapes.reading.Destination(tmp_path), {"keep_files": ["Dockerfile"]})
    assert "make requirements.txt, run.sh before you build: your Dockerfile copies" in capsys.readouterr().err
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "run.sh").touch()
    hook.adoption.check_dockerfile(shapes.reading.Destination(tmp_path), {"keep_files": ["Dockerfile"]})
    assert capsys.readouterr().err == ""


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


@pytest.mark.parametrize(("first", "branches", "says"), [(True, False, True), (False, True, True), (False, False, False)])
def test_they_are_named_at_adoption_and_as_long_as_branches_have_lines_in_env(
    first: bool, branches: bool, says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes.write(tmp_path, {"main.py": shapes.FASTAPI + SETTINGS.format('SettingsConfigDict(env_file=".env")')})
    answers = {"own_app": True, "stack": "minimal", "own_compose": "", "app_command": "uvicorn main:app", "package_name": "main"}
    more = {"source_folder": ".", "dependencies": "none", "branch_environments": branches, "keep_files": ["Dockerfile"]}
    hook.adoption.check_adoption(tmp_path, answers | more, UPDATE, first=first)
    assert ("in main.py: they read .env" in capsys.readouterr().err) == says


def test_a_service_that_the_code_does_not_ask_for_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = shapes.write(tmp_path, {"app.py": "import os, redis\nURL = os.environ['DATABASE_URL']\nredis.Redis()\n"})
    hook.adoption.check_services(found, {"services": ["postgres", "redis"]})
    assert notes(capsys) == ["Note: read REDIS_URL in the app: nothing in it does, so it does not find Redis in Docker."]


def test_pipelines_below_the_top_of_a_repository_are_put_there_by_the_commands_that_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "init", "-q")
    backend = tmp_path / "my/backend"
    (backend / ".github/workflows").mkdir(parents=True)
    workflow = backend / ".github/workflows/test.yml"
    for path in (workflow, backend / ".github/dependabot.yml", backend / ".gitlab-ci.yml"):
        path.write_text("first\n")
    answers = {"ci": ["github", "gitlab"], "project_slug": "shop", "repository_folder": "my/backend"}

    def said(**other: str) -> list[str]:
        hook.adoption.check_pipelines(backend, answers | other, "copier update")
        return notes(capsys)

    (line,) = said(repository_folder="")
    assert line.startswith("Note: have them made for it with `copier update -d repository_folder=my/backend`: GitHub and GitLab")
    lines = said()
    assert len(lines) == 3
    for line in lines:
        subprocess.run(["sh", "-c", line.split("`")[1]], cwd=backend, check=True)
    assert said() == []
    assert (tmp_path / ".github/workflows/test-shop.yml").read_text() == "first\n"
    assert (tmp_path / ".gitlab-ci.yml").read_text() == "include: /my/backend/.gitlab-ci.yml\n"
    # What is there stays, and what an update has changed is copied again.
    workflow.write_text("second\n")
    (tmp_path / ".gitlab-ci.yml").write_text("stages: [lint]\n")
    again, added = said()
    assert " here again: " in again
    assert "add `- local: /my/backend/.gitlab-ci.yml` under `include:` in ../../.gitlab-ci.yml" in added
    hook.adoption.check_pipelines(tmp_path, answers, "copier update")
    assert notes(capsys) == [], "at the top there is nothing to do"


@pytest.mark.parametrize(("first", "says"), [("FROM python:3.13", True), ("arg PYTHON_VERSION=3.13", False)])
def test_an_own_dockerfile_of_one_python_is_said(
    first: str, says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_text(f"# mine\n{first}\n")
    answers = {"keep_files": ["Dockerfile"], "python_version": "3.13", "test_python_versions": ["3.11"]}
    hook.adoption.check_versions(tmp_path, answers)
    assert ("begin your Dockerfile with `ARG PYTHON_VERSION=3.13`" in capsys.readouterr().err) == says


def test_submodules_that_no_pipeline_fetches_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitmodules").touch()
    (tmp_path / "backend").mkdir()
    for submodules in (False, True):
        hook.adoption.check_submodules(tmp_path / "backend", {"ci": ["github"], "submodules": submodules}, "copier update")
    (said,) = notes(capsys)
    assert "`copier update -d submodules=true`" in said


@pytest.mark.parametrize(
    ("files", "says"), [({"tool.py": "import flask\n"}, True), ({"app.py": "import flask\napp = flask.Flask('x')\n"}, False)]
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


@pytest.mark.parametrize(
    ("files", "answers", "said"),
    [
        (
            shapes.scripts('shop = "shop:main"', "") | {"shop.py": "import argparse\n"},
            {"app_command": ""},
            "`docker compose run --rm app shop …`",
        ),
        ({"shop.py": "X = 1\n"}, {"app_command": ""}, "nothing here starts by itself"),
        (
            {"bot.py": "print(1)\n"},
            {"app_command": "python bot.py"},
            "`copier update -d app_port=8000` if 'python bot.py' has one",
        ),
        ({"bot.py": "print(1)\n"}, {"app_command": "python bot.py", "app_port": 80}, ""),
        ({"bot.py": "print(1)\n"}, {"app_command": "", "stack": "hybrid"}, ""),
    ],
    ids=["tool", "library", "script", "with a port", "on the host"],
)
def test_what_is_started_of_a_project_without_a_server_is_said(
    files: dict[str, Any], answers: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"stack": "minimal", "own_compose": "", "app_port": 0, "keep_files": [], **answers}
    hook.adoption.check_kind(shapes.write(tmp_path, files), known, "copier update")
    found = notes(capsys)
    assert [said in note for note in found] == [True] * bool(said), found


def test_the_next_commands_of_an_app_without_a_port_show_its_log_and_those_of_a_library_run_one(tmp_path: Path) -> None:
    bot = hook.next_commands(tmp_path, {"stack": "minimal", "own_compose": "", "app_command": "python bot.py", "app_port": 0})
    assert "docker compose up --build --detach" in bot and "docker compose logs --follow app" in bot and " port " not in bot
    library = hook.next_commands(tmp_path, {"stack": "minimal", "own_compose": "", "app_command": "", "app_port": 0})
    assert "docker compose run --build --rm app python" in library and " up " not in library


def test_a_service_that_is_not_offered_is_named_with_lines_that_compose_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = shapes.write(tmp_path, {"requirements.txt": "pymysql\nmotor\nconfluent-kafka\n", "app.py": ""})
    hook.adoption.check_others(found)
    said = capsys.readouterr().err
    assert [line for line in said.splitlines() if line.startswith("Note: add ")] == [
        f"Note: add {label} to docker-compose.override.yml, which the project declares a client of; the app finds it at {where}:"
        for label, where in (("MySQL", "mysql:3306"), ("MongoDB", "mongo:27017"), ("Kafka", "kafka:9092"))
    ]


@pytest.mark.parametrize("other", others.OTHERS, ids=lambda other: other.name)
def test_compose_takes_the_lines_of_each_service_that_is_not_offered(other: Any, tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("\n".join(["name: shop", *other.lines]))
    command = [need_tool("docker"), "compose", "config", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    service = json.loads(done.stdout)["services"][other.name]
    assert service["image"] == other.image and ":" in other.image
    assert {volume["target"] for volume in service.get("volumes", [])} == {other.data} - {""}


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


DJANGO: dict[str, Any] = {
    "own_app": True,
    "web_framework": "django",
    "stack": "minimal",
    "own_compose": "",
    "production": True,
    "app_port": 8000,
    "app_command": "python manage.py runserver 0.0.0.0:8000",
    "keep_files": [],
    "workdir": "/workspace",
    "services": [],
    "django": {"manage_py": "manage.py"},
    "required_settings": {"SECRET_KEY": "for-development"},
}
GUNICORN = "'gunicorn --bind 0.0.0.0:8000 shop.wsgi:application'"
MANAGE = 'import os, django\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'


@pytest.mark.parametrize(
    ("changed", "files", "says"),
    [
        (
            {},
            {},
            [f"add gunicorn to what the project depends on, then run `update -d app_command={GUNICORN} -d default_command="],
        ),
        ({"app_command": "gunicorn shop.wsgi"}, {}, []),
        (
            {},
            {"shop/settings.py": "INSTALLED_APPS = ['django.contrib.staticfiles']\n"},
            ["add gunicorn", "add whitenoise to the project"],
        ),
        ({"production": False}, {}, []),
        ({"web_framework": "other"}, {}, []),
        (
            {"production": False},
            {"shop/settings.py": None, "shop/settings.py.example": ""},
            ["copy shop/settings.py.example to shop/set"],
        ),
        ({"production": False}, {"shop/settings.py": None}, ["write shop/settings.py: manage.py names these settings"]),
    ],
)
def test_what_a_project_of_djangos_lacks_is_said(
    changed: dict[str, Any], files: dict[str, str | None], says: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {"manage.py": MANAGE, "shop/settings.py": "", "shop/wsgi.py": "import django\napplication = 1\n", **files}
    for name, text in there.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
    answers = {**DJANGO, **changed}
    hook.check_django(tmp_path, answers, "update", first=True)
    said = [line for line in capsys.readouterr().err.splitlines() if "real values" not in line]
    assert len(said) == len(says)
    assert all(text in line for text, line in zip(says, said, strict=True)), said


def test_a_value_that_is_made_up_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manage.py").write_text(MANAGE)
    hook.check_django(tmp_path, {**DJANGO, "production": False}, "update", first=True)
    assert (
        "give SECRET_KEY real values where they matter: the settings ask for them, and docker-compose.yml"
        in capsys.readouterr().err
    )


def test_a_server_that_production_can_not_have_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("tasks", "docs"):
        (tmp_path / "servers" / name).mkdir(parents=True)
        (tmp_path / "servers" / name / "server.py").write_text("# DB_PASSWORD_FILE")
    answers = {"production": True, "stack": "mcp-multi", "mcp_servers": ["tasks", "docs"]}
    hook.check_production(tmp_path, answers | {"own_servers": {"docs": {"speaks": "http"}}}, "copier update")
    assert capsys.readouterr().err == ""
    hook.check_production(tmp_path, answers | {"own_servers": {"docs": {"speaks": "stdio"}}}, "copier update")
    assert "production is without docs: start it over HTTP by itself" in capsys.readouterr().err


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
    ("found", "lacks"),
    [
        (("28.5.2+dfsg4", {"compose": "2.40.3-3", "buildx": "0.29.1"}), []),
        (("", {"compose": "v2.24.4", "buildx": ""}), []),
        (("26.1.5", {"compose": "2.26.1-4", "buildx": "0.13.1+ds1"}), []),
        (("20.10.24", {"compose": "2.24.4", "buildx": ""}), ["Docker Engine 25 or newer (found 20.10.24)"]),
        (("25.0.0", {"compose": "2.24.3", "buildx": ""}), ["Docker Compose 2.24.4 or newer (found 2.24.3)"]),
        (("25.0.0", {"compose": "5.5.0"}), [machine.BUILDX.format("0.17")]),
        (("25.0.0", {"compose": "2.26.1", "buildx": "v0.12.1"}), [machine.BUILDX.format("0.13") + " (found v0.12.1)"]),
        (("28.5.2", {"compose": "2.40.3", "buildx": "v0.16.2"}), [machine.BUILDX.format("0.17") + " (found v0.16.2)"]),
        (("", {}), ["Docker Compose 2.24.4 or newer", machine.BUILDX.format("0.13")]),
    ],
)
def test_what_of_docker_is_missing_or_too_old_is_said(found: tuple[str, dict[str, str]], lacks: list[str]) -> None:
    assert machine.lacking(machine.Docker(*found)) == lacks


def test_a_machine_without_docker_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.missing()[-1] == "Docker Engine 25 or newer, Docker Compose 2.24.4 or newer, " + machine.BUILDX.format("0.17")


def test_an_engine_that_does_not_answer_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_tool("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert machine.missing() == []


def test_one_of_several_apps_is_to_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = shapes.write(tmp_path, {"a/requirements.txt": "", "a/app.py": "", "b/requirements.txt": "", "b/app.py": ""})
    hook.adoption.check_apps(found, {"dependencies": "none"})
    assert "render into the folder of one app: a, b have a list of dependencies each" in capsys.readouterr().err
    hook.adoption.check_apps(found, {"dependencies": "a/requirements.txt"})
    hook.adoption.check_apps(found, {"dependencies": "none", "keep_files": ["Dockerfile"]})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("text", "says"), [("web:\n  build: .\n", True), ("services:\n  web:\n    build: .\n", False)])
def test_a_compose_file_without_services_is_in_the_way(
    text: str, says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.adoption.check_old_compose(shapes.write(tmp_path, {"docker-compose.yml": text}))
    assert ("put what docker-compose.yml starts below a line `services:`" in capsys.readouterr().err) == says


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("@app.cli.command()\n@click.option('--drop')\ndef initdb(drop):\n    ...\n", "flask --app shop:app initdb"),
        ("@app.cli.command('init-db')\ndef fresh():\n    ...\n", "flask --app shop:app init-db"),
        ("@click.command('init-db')\ndef fresh():\n    ...\napp.cli.add_command(fresh)\n", "flask --app shop:app init-db"),
        ("@click.command('init-db')\ndef fresh():\n    ...\n", ""),
        ("@app.cli.command()\ndef forge():\n    ...\n", ""),
    ],
)
def test_a_command_that_makes_the_tables_is_said(
    code: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = shapes.write(tmp_path, {"shop.py": f"{shapes.FLASK}app.add_url_rule('/', view_func=str)\n{code}"})
    hook.adoption.check_tables(found, {})
    said = f"run `docker compose run --rm app {command}` before the first start" if command else ""
    assert said in (text := capsys.readouterr().err) and bool(text) == bool(command)
    hook.adoption.check_tables(found, {"migrate_command": "flask db upgrade"})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("stack", "where"), [("full", "to .env.local"), ("minimal", "to the `environment` of app in docker-")])
def test_a_variable_that_the_app_cannot_start_without_is_said(
    stack: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = shapes.write(tmp_path, {"shop.py": f"import os\nKEY = os.environ['API_KEY']\n{shapes.FLASK}"})
    hook.adoption.check_demanded(found, {"stack": stack, "web_framework": "flask", "services": ["postgres"]})
    assert f"add API_KEY {where}" in capsys.readouterr().err


def test_a_pinned_release_that_no_python_here_was_made_for_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = shapes.write(tmp_path, {"requirements.txt": "aiohttp==3.8.1\n"})
    hook.adoption.check_wheels(found, {"python_version": "3.11"})
    assert (
        "update aiohttp==3.8.1, which was not made for Python 3.11: it may fail, or has to be compiled."
        in capsys.readouterr().err
    )


def test_an_environment_file_that_an_own_compose_file_needs_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env_file = "env_file: [.env, app/.env, {path: .env.own, required: false}]"
    compose = f"services:\n  web:\n    image: nginx\n    {env_file}\n"
    shapes.write(tmp_path, {"compose.yaml": compose, ".env.example": "", "app/.env.local": ""})
    hook.adoption.check_own_compose(tmp_path, {"own_compose": "compose.yaml", "test_service": ""}, first=True)
    said = capsys.readouterr().err
    assert "copy .env.example to .env before the first start" in said
    assert "write app/.env before the first start" in said and ".env.own" not in said
    (tmp_path / ".env").touch()
    hook.adoption.check_own_compose(tmp_path, {"own_compose": "compose.yaml", "test_service": ""}, first=True)
    assert "to .env" not in capsys.readouterr().err
