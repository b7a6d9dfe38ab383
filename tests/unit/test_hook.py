"""The hook's block in .gitignore, and what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT, load

# The hook imports its neighbour by its name, as Python does for a script.
load(ROOT / "hooks" / "client_files.py", "client_files")
hook = load(ROOT / "hooks" / "post_generation.py", "post_generation")
BLOCK = [".env", ".env.local", "!.env.defaults"]

# A user's .gitignore: lines with either kind of line end, with or without one at the end, none of them a marker.
lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
end_of_line = st.sampled_from(["\n", "\r\n"])
texts = st.tuples(st.lists(lines, max_size=5), end_of_line, st.booleans()).map(
    lambda parts: parts[1].join(parts[0]) + (parts[1] if parts[2] and parts[0] else "")
)


@given(texts, st.lists(st.sampled_from(BLOCK), unique=True))
def test_a_block_that_is_there_is_not_written_again(text: str, block: list[str]) -> None:
    once = hook.with_block(text, block)
    assert hook.with_block(once, block) == once


@given(texts)
def test_what_the_user_wrote_stays_to_the_byte(text: str) -> None:
    after = hook.with_block(text, BLOCK)
    assert after.startswith(text)
    assert [line for line in after.splitlines() if line in BLOCK][-3:] == BLOCK


@given(texts, texts, end_of_line)
def test_lines_above_and_below_the_block_stay_to_the_byte(above: str, below: str, end: str) -> None:
    above = above and above.rstrip("\r\n") + end
    old = end.join([hook.BEGIN, "old", hook.END, ""])
    after = hook.with_block(above + old + below, BLOCK)
    assert after.startswith(above + hook.BEGIN)
    assert after.endswith(hook.END + ("\r\n" if "\r\n" in above + old + below else "\n") + below)
    assert "old" not in after[len(above) : len(after) - len(below)].splitlines()


@given(texts, texts)
def test_without_lines_there_is_no_block(above: str, below: str) -> None:
    above = above and above.rstrip("\r\n") + "\n"
    assert hook.with_block(above + below, []) == above + below
    assert hook.with_block(above + hook.with_block("", BLOCK) + below, []) == above + below


def test_line_ends_of_windows_are_kept() -> None:
    after = hook.with_block("a\r\nb\r\n", BLOCK)
    assert re.findall(r"(?<!\r)\n", after) == []
    assert hook.with_block(after, BLOCK) == after


def test_a_block_at_the_end_without_a_line_break_is_found() -> None:
    text = hook.with_block("a\n", BLOCK).rstrip("\n")
    assert hook.with_block(text, BLOCK) == text + "\n"


@pytest.mark.parametrize("text", ["{begin}\nmine\n", "mine\n{end}\n", "{end}\nmine\n{begin}\n"])
def test_half_a_block_costs_no_line_of_the_users(text: str) -> None:
    text = text.format(begin=hook.BEGIN, end=hook.END)
    assert "mine" in hook.with_block(text, BLOCK).splitlines()


def test_bytes_that_are_no_utf_8_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"caf\xe9\n")
    hook.keep_block(tmp_path, BLOCK)
    assert (tmp_path / ".gitignore").read_bytes().startswith(b"caf\xe9\n")
    assert b".env.local\n" in (tmp_path / ".gitignore").read_bytes()


def test_the_block_stays_while_there_is_a_file_that_it_hides(tmp_path: Path) -> None:
    hook.keep_block(tmp_path, BLOCK)
    before = (tmp_path / ".gitignore").read_bytes()
    (tmp_path / ".env.local").write_text("SECRET=1\n")
    hook.keep_block(tmp_path, [])
    assert (tmp_path / ".gitignore").read_bytes() == before
    (tmp_path / ".env.local").unlink()
    hook.keep_block(tmp_path, [])
    assert (tmp_path / ".gitignore").read_bytes() == b""


def test_no_gitignore_is_made_where_none_is_needed(tmp_path: Path) -> None:
    hook.keep_block(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


MULTI = {"stack": "mcp-multi", "mcp_servers": ["tasks", "my-docs"], "gateway": "n8n", "project_slug": "shop"}
ANSWERS: dict[str, dict[str, Any]] = {
    "full": {"stack": "full"},
    "hybrid": {"stack": "hybrid"},
    "mcp": {"stack": "mcp", "project_slug": "shop"},
    "mcp-multi": {**MULTI, "gateway": "none"},
    "gateway": MULTI,
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("mine", ["", ".env*\n", "*\n", ".env.*\n!.env.example\n"])
def test_git_hides_the_machines_own_files_and_shows_the_committed_ones(name: str, mine: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(hook.with_block(mine, hook.ignored(ANSWERS[name], tmp_path)))
    asked = [".env", ".env.local", "claude_desktop_config.json", "secrets/gateway.env"]
    asked += [".env.defaults", ".env.services", ".env.services.tasks", ".env.services.gateway"]
    said = subprocess.run(
        ["git", "check-ignore", "--stdin"], cwd=tmp_path, input="\n".join(asked), capture_output=True, text=True
    )
    hidden = set(said.stdout.splitlines())
    assert hidden >= {".env", ".env.local"}
    assert not hidden & {".env.defaults", ".env.services"}
    if name in {"mcp", "mcp-multi", "gateway"}:
        assert "claude_desktop_config.json" in hidden
    if name in {"mcp-multi", "gateway"}:
        assert not hidden & {".env.services.tasks", ".env.services.gateway"}
    if name == "gateway":
        assert "secrets/gateway.env" in hidden


def test_plain_minimal_hides_nothing(tmp_path: Path) -> None:
    assert hook.ignored({"stack": "minimal"}, tmp_path) == []


@pytest.mark.parametrize("name", [*ANSWERS, "minimal"])
@pytest.mark.parametrize("mine", ["", ".env*\n"])
def test_with_a_pipeline_git_shows_the_tests_environment_and_hides_their_reports(name: str, mine: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    answers = ANSWERS.get(name, {"stack": name}) | {"ci": ["gitlab"]}
    (tmp_path / ".gitignore").write_text(hook.with_block(mine, hook.ignored(answers, tmp_path)))
    asked = [".env.test", "test-reports/junit.xml", "src/test-reports/junit.xml", "docker-compose.test.yml"]
    said = subprocess.run(["git", "check-ignore", *asked], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.split() == ["test-reports/junit.xml"]


def test_plain_minimal_with_a_pipeline_hides_the_reports_alone(tmp_path: Path) -> None:
    answers = {"stack": "minimal", "ci": ["github"]}
    assert hook.ignored(answers, tmp_path) == ["!.env.test", "/test-reports/"]
    assert hook.ignored(answers | {"branch_environments": True}, tmp_path) == [".env", "!.env.test", "/test-reports/"]


@pytest.mark.parametrize("name", [*ANSWERS, "minimal"])
def test_reports_stay_hidden_while_they_are_there(name: str, tmp_path: Path) -> None:
    answers = ANSWERS.get(name, {"stack": name}) | {"ci": []}
    assert "/test-reports/" not in hook.ignored(answers, tmp_path)
    (tmp_path / "test-reports").mkdir()
    assert "/test-reports/" in hook.ignored(answers, tmp_path)
    assert "!.env.test" not in hook.ignored(answers, tmp_path)


def test_what_an_earlier_answer_has_made_stays_hidden_while_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "claude_desktop_config.json").touch()
    assert {"secrets/", "claude_desktop_config.json"} <= {*hook.ignored(ANSWERS["full"], tmp_path)}
    hook.keep_block(tmp_path, hook.ignored(MULTI, tmp_path))
    block = (tmp_path / ".gitignore").read_text()
    hook.keep_block(tmp_path, hook.ignored({"stack": "minimal"}, tmp_path))
    assert (tmp_path / ".gitignore").read_text() == block


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
        ({"stack": "full", "app_port": 8000}, ["docker compose up --build --wait", "docker compose port app 8000"]),
        ({"stack": "hybrid", "app_port": 8000}, ["docker compose up --wait", "COMPOSE.md"]),
        ({"stack": "mcp", "app_port": 8000}, ["docker compose up --build --wait", "docker compose port mcp-server 8000"]),
        (MULTI | {"app_port": 8000}, ["docker compose up --build --wait", "docker compose port gateway 5678"]),
        (MULTI | {"app_port": 8000, "gateway": "none"}, ["docker compose up --build --wait"]),
    ],
    ids=["full", "hybrid", "mcp", "gateway", "mcp-multi"],
)
def test_the_next_commands_can_be_typed(answers: dict[str, object], expected: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "it's mine"
    folder.mkdir()
    (folder / "docker-compose.yml").write_text("services: {}\n")
    said = hook.next_commands(folder, answers, "copy")
    assert f"cd '{tmp_path}/it'\"'\"'s mine'" in said
    assert all(text in said for text in expected)
    assert said.count("docker compose") == len([text for text in expected if text.startswith("docker")])
    assert "git diff" in hook.next_commands(folder, answers, "update")


def test_what_only_a_client_can_start_is_built_next_and_not_brought_up(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services:\n  mcp-server:\n    profiles: [stdio]\n")
    said = hook.next_commands(tmp_path, {"stack": "mcp", "app_port": 8000}, "copy")
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
    hook.check_server(tmp_path, OWN | changed, "copier update --trust")
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
    hook.check_server(tmp_path, OWN | changed, "copier update --trust")
    assert notes(capsys) == []


@pytest.mark.parametrize("own_app", [True, False])
def test_a_server_that_is_there_is_passed_over(own_app: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "server.py").touch()
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["mcp[cli]>=1.6"]\n')
    hook.check_server(tmp_path, OWN | {"app_command": "python -m shop.server", "own_app": own_app}, "copier update --trust")
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
PIPELINE = [".env.test", ".github/workflows/test.yml", ".gitlab-ci.yml", "docker-compose.test.yml", "scripts/ci"]


@pytest.mark.parametrize(
    ("ci", "named"),
    [
        ([], []),
        (["github"], ["docker-compose.test.yml", ".env.test", "scripts/ci", ".github/workflows/test.yml"]),
        (["gitlab"], ["docker-compose.test.yml", ".env.test", "scripts/ci", ".gitlab-ci.yml"]),
        (
            ["github", "gitlab"],
            ["docker-compose.test.yml", ".env.test", "scripts/ci", ".github/workflows/test.yml", ".gitlab-ci.yml"],
        ),
    ],
    ids=lambda value: "-".join(value) or "none",
)
def test_the_files_of_the_chosen_pipelines_that_were_kept_are_named(
    ci: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hook.check_kept({"stack": "minimal", "ci": ci, "keep_files": PIPELINE}, UPDATE)
    assert notes(capsys) == (
        [f"Note: kept your own {', '.join(named)}. For the template's, rename yours, commit, and `{UPDATE} -d 'keep_files=[]'`."]
        if named
        else []
    )


@pytest.mark.parametrize(("ci", "said"), [(["github"], 1), ([], 0)])
def test_a_compose_file_of_the_users_own_has_to_fit_the_one_of_the_tests(
    ci: list[str], said: int, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.check_kept({"stack": "full", "ci": ci, "keep_files": ["docker-compose.yml"]}, UPDATE)
    *fits, kept = notes(capsys)
    assert "kept your own docker-compose.yml." in kept
    assert len(fits) == said
    for note in fits:
        assert "docker-compose.test.yml is laid over your docker-compose.yml, which has to have the services" in note


def test_nothing_is_said_of_kept_files_where_none_were(capsys: pytest.CaptureFixture[str]) -> None:
    hook.check_kept({"stack": "full", "ci": ["github"], "keep_files": []}, UPDATE)
    assert notes(capsys) == []


@pytest.mark.parametrize("mine", ["", ".env*\n"])
@pytest.mark.parametrize("stack", ["minimal", "full"])
def test_with_production_git_hides_secrets_and_backups_and_shows_the_example(stack: str, mine: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(mine)
    hook.keep_block(tmp_path, hook.ignored({"stack": stack, "production": True}, tmp_path))
    hidden = [".env", ".env.production", "secrets/db_password", "backups/shop.dump"]
    command = ["git", "-C", str(tmp_path), "check-ignore", *hidden, ".env.production.example"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.split() == hidden


def test_what_production_has_made_stays_hidden_when_the_answer_is_taken_back(tmp_path: Path) -> None:
    for name in ("secrets", "backups"):
        (tmp_path / name).mkdir()
    lines = hook.ignored({"stack": "minimal"}, tmp_path)
    assert {"secrets/", "/backups/", ".env.production"} <= {*lines}


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
