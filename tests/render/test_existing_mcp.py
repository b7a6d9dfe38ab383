"""MCP servers for a project that exists: its own servers, scripts and clients' files stay, and get what they lack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import commit_all, existing_project, files, git, need_tool, render

ONE: dict[str, Any] = {"stack": "mcp"}
SEVERAL: dict[str, Any] = {"stack": "mcp-multi", "mcp_servers": ["tasks", "docs"], "gateway": "none"}
CLIENTS = {".mcp.json": "mcpServers", ".vscode/mcp.json": "servers", ".cursor/mcp.json": "mcpServers"}
# What somebody has there: another server, comments, a trailing comma, and an indentation of their own.
MINE = """\
// My servers
{
   "inputs": [],
   "%s": {
      "weather": {"command": "uvx", "args": ["weather"]}, // mine
   },
}
"""
BROKEN = '{"%s": {"weather": {"command": "uvx"}\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return existing_project("flask-app", tmp_path / "shop")


def add(folder: Path, contents: dict[str, str]) -> None:
    """Put files of the user's into a project, and commit them."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    commit_all(folder, "Mine")


def notes(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("Note: ")]


@pytest.mark.parametrize(("answers", "names"), [(ONE, ["shop"]), (SEVERAL, ["tasks", "docs"])], ids=["one", "several"])
def test_each_client_is_told_of_each_server(answers: dict[str, Any], names: list[str], project: Path, template: Path) -> None:
    render(template, project, answers, hook=True)
    for file, section in CLIENTS.items():
        servers = json.loads((project / file).read_text())[section]
        assert list(servers) == names
        services = ["mcp-server"] if answers is ONE else names
        assert [entry["args"][-1] for entry in servers.values()] == services
        assert all("scripts/mcp-stdio" in entry["args"][-2] for entry in servers.values())
    assert (project / "scripts" / "mcp-stdio").stat().st_mode & 0o111


@pytest.mark.parametrize(("answers", "names"), [(ONE, ["shop"]), (SEVERAL, ["tasks", "docs"])], ids=["one", "several"])
def test_what_stands_in_a_clients_file_stays_to_the_letter(
    answers: dict[str, Any], names: list[str], project: Path, template: Path
) -> None:
    add(project, {file: MINE % section for file, section in CLIENTS.items()})
    render(template, project, answers, hook=True)
    for file, section in CLIENTS.items():
        before, after = (MINE % section).splitlines(), (project / file).read_text().splitlines()
        assert [line for line in after if line in before] == before
        assert [name for name in names if f'      "{name}": {{' in after] == names
    commit_all(project, "Docker Compose")
    render(template, project, overwrite=True, hook=True)
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize("file", [".vscode/mcp.json"])
def test_a_clients_file_that_is_broken_is_kept_with_a_note(
    file: str, project: Path, template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add(project, {file: BROKEN % CLIENTS[file]})
    before = files(project)
    render(template, project, SEVERAL, hook=True)
    after = files(project)
    assert {name: after[name] for name in before if name != ".gitignore"} == {
        name: content for name, content in before.items() if name != ".gitignore"
    }
    (note,) = [note for note in notes(capfd.readouterr().err) if file in note]
    assert note.startswith(f"Note: {file} is no valid JSON (line 2")
    assert '"tasks": {"command": "python3"' in note
    for other in CLIENTS.keys() - {file}:
        assert list(json.loads(after[other])[CLIENTS[other]]) == ["tasks", "docs"]


# It answers as a server does that has one tool.
SESSION = """\
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    started = {"capabilities": {"tools": {}}, "serverInfo": {"name": "stub", "version": "1"}}
    answers = {
        "initialize": {**started, "protocolVersion": asked.get("params", {}).get("protocolVersion")},
        "tools/list": {"tools": [{"name": sys.argv[1], "inputSchema": {"type": "object"}}]},
    }
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answers.get(asked["method"], {})}), flush=True)
"""


@pytest.mark.thorough
def test_the_inspector_starts_a_server_from_a_folder_below_the_top(project: Path, template: Path) -> None:
    add(project, {"src/deep/er/README.md": "Mine\n", "scripts/mcp-stdio": SESSION})
    render(template, project, SEVERAL, hook=True)
    options = ["--cli", "--config", "../../../.mcp.json", "--server", "docs", "--method", "tools/list"]
    # The last for Node 20.
    command = [need_tool("npx"), "--yes", "@modelcontextprotocol/inspector@0.15.0", *options]
    done = subprocess.run(command, cwd=project / "src/deep/er", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tools"][0]["name"] == "docs"


def test_a_servers_folder_that_was_there_is_never_touched(
    project: Path, template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mine = {
        "servers/tasks/main.py": "print('mine')\n",
        "servers/other/Dockerfile": "FROM scratch\n",
        "servers/README.md": "Mine\n",
    }
    add(project, mine)
    render(template, project, SEVERAL, hook=True)
    after = {name: content.decode() for name, content in files(project).items() if name.startswith("servers/")}
    assert {name: text for name, text in after.items() if not name.startswith("servers/docs/")} == mine
    assert "servers/docs/server.py" in after
    said = notes(capfd.readouterr().err)
    assert len([note for note in said if note.startswith("Note: servers/tasks was there before and has no Dockerfile: ")]) == 1
    assert len([note for note in said if note.startswith("Note: servers/other: not in mcp_servers, so not started.")]) == 1


def test_a_server_that_was_there_with_a_dockerfile_is_built_and_needs_no_note(
    project: Path, template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add(project, {"servers/tasks/Dockerfile": "FROM python:3.13-slim\n", "servers/tasks/server.py": "mine = 1\n"})
    render(template, project, SEVERAL, hook=True)
    assert (project / "servers" / "tasks" / "server.py").read_text() == "mine = 1\n"
    services = yaml.safe_load((project / "docker-compose.yml").read_text())["services"]
    assert services["tasks"]["build"] == "servers/tasks"
    assert not [note for note in notes(capfd.readouterr().err) if "servers/" in note]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("scripts/mcp-stdio", ONE),
        ("scripts/mcp-stdio", SEVERAL),
        ("scripts/setup", ONE),
        ("docker/databases.sh", SEVERAL),
        (".env.services", ONE),
    ],
    ids=lambda value: value if isinstance(value, str) else value["stack"],
)
def test_a_file_of_the_users_own_is_kept(name: str, answers: dict[str, Any], project: Path, template: Path) -> None:
    add(project, {name: "# mine\n"})
    render(template, project, answers, hook=True)
    assert (project / name).read_text() == "# mine\n"
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["keep_files"] == [name]
    others = {"scripts/mcp-stdio", "scripts/setup"} - {name}
    assert all((project / other).exists() for other in others)


@pytest.mark.parametrize("name", ["flask-app", "fastapi-src", "plain-script"])
def test_a_project_without_an_mcp_server_gets_the_stack_too(
    name: str, template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    render(template, existing_project(name, tmp_path / "shop"), ONE, hook=True)
    said = capfd.readouterr().err
    assert "the post-generation hook stopped" not in said
    if name == "flask-app":  # where nothing is found that could be one
        assert len([note for note in notes(said) if "no server was found" in note and "app_command='…'" in note]) == 1


def test_an_mcp_server_that_exists_is_started_as_it_is(template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = existing_project("mcp-tides", tmp_path / "tides")
    render(template, folder, ONE, hook=True)
    answers = yaml.safe_load((folder / ".copier-answers.yml").read_text())
    assert answers["own_app"]
    assert not [note for note in notes(capfd.readouterr().err) if "app_command" in note]
    service = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]["mcp-server"]
    assert service.get("profiles", []) == ([] if answers["mcp_http"] else ["stdio"])
