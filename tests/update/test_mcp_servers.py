"""MCP servers that come and go with `copier update`: nobody's code is touched, and the clients' files follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import commit_all, files, git, preset
from tests.update.projects import assert_fresh, generated, update

pytestmark = pytest.mark.thorough

CLIENT_FILES = {".mcp.json": "mcpServers", ".vscode/mcp.json": "servers", ".cursor/mcp.json": "mcpServers"}


@pytest.fixture
def project(working_tree: Path, tmp_path: Path) -> Path:
    """A project with the servers tasks and docs, in which their owner has worked."""
    project = generated(working_tree, tmp_path / "shop", preset("05-mcp-multi"))
    server = project / "servers" / "tasks" / "server.py"
    server.write_text(f"{server.read_text()}\nMINE = True\n")
    (project / "servers" / "docs" / "pyproject.toml").rename(project / "servers" / "docs" / "requirements.txt")
    for file, section in CLIENT_FILES.items():
        content = json.loads((project / file).read_text())
        content[section]["weather"] = {"command": "uvx", "args": ["weather"]}
        (project / file).write_text(json.dumps(content, indent=4))
    commit_all(project, "My work")
    return project


def below(project: Path, folder: str) -> dict[str, bytes]:
    return {name: content for name, content in files(project).items() if name.startswith(f"{folder}/")}


def entries(project: Path) -> dict[str, Any]:
    """Return the servers in each client's file."""
    return {file: json.loads((project / file).read_text()).get(section, {}) for file, section in CLIENT_FILES.items()}


def test_a_name_more_adds_a_server_and_leaves_the_others_as_they_are(project: Path, working_tree: Path, tmp_path: Path) -> None:
    before = below(project, "servers")

    update(project, mcp_servers=["tasks", "docs", "my-notes"], hook=True)

    after = below(project, "servers")
    assert {name: after[name] for name in before} == before
    assert "servers/docs/pyproject.toml" not in after, "what its owner has removed does not come back"
    new = {Path(name).name for name in after.keys() - before.keys()}
    assert new == {"Dockerfile", ".dockerignore", "pyproject.toml", "server.py", "serving.py", "notes.py", "services.py"}
    assert "\nPOSTGRES_DB=my_notes\n" in (project / ".env.services.my-notes").read_text()
    for servers in entries(project).values():
        assert list(servers) == ["tasks", "docs", "weather", "my-notes"]
    assert_fresh(project, working_tree, tmp_path / "fresh")


def test_a_name_less_keeps_the_servers_code_and_says_so(
    project: Path, working_tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = below(project, "servers")
    capfd.readouterr()

    update(project, mcp_servers=["docs"], hook=True)

    assert below(project, "servers") == before
    assert "Note: servers/tasks: not in mcp_servers, so not started. The code and the database stay" in capfd.readouterr().err
    assert not (project / ".env.services.tasks").exists()
    assert "tasks" not in (project / "docker-compose.yml").read_text()
    for servers in entries(project).values():
        assert list(servers) == ["docs", "weather"]
    assert_fresh(project, working_tree, tmp_path / "fresh")

    commit_all(project, "Without tasks")
    update(project, mcp_servers=["docs", "tasks"], hook=True)
    assert below(project, "servers") == before, "it comes back as its owner left it"


def test_a_server_of_another_language_is_looked_at_when_it_is_added_and_never_again(
    project: Path, working_tree: Path, tmp_path: Path
) -> None:
    folder = project / "servers" / "search"
    folder.mkdir()
    (folder / "Dockerfile").write_text('FROM node:24\nENTRYPOINT ["node", "a.ts"]\n')
    (folder / "a.ts").write_text("serve(process.env.MCP_TRANSPORT)\n")
    commit_all(project, "A server in TypeScript")

    def words() -> object:
        return yaml.safe_load((project / "docker-compose.yml").read_text())["services"]["search"]["command"]

    update(project, mcp_servers=["tasks", "docs", "search"], hook=True)
    assert words() == ["node", "a.ts"]
    assert [*files(folder)] == ["Dockerfile", "a.ts"]
    assert_fresh(project, working_tree, tmp_path / "fresh")

    for name in ("search", "tasks"):
        (project / "servers" / name / "Dockerfile").write_text('FROM node:24\nENTRYPOINT ["node", "b.ts"]\n')
    commit_all(project, "Another start")
    update(project, hook=True)
    assert words() == ["node", "a.ts"]
    saved = yaml.safe_load((project / ".copier-answers.yml").read_text())["own_servers"]
    assert saved == {"search": {"entrypoint": ["node", "a.ts"], "python": False}}


def test_a_folder_that_was_removed_comes_back_because_its_server_is_started(project: Path) -> None:
    git(project, "rm", "-r", "--quiet", "servers/tasks")
    commit_all(project, "Away with it")
    update(project)
    assert (project / "servers" / "tasks" / "server.py").exists()


def test_what_its_owner_made_of_a_clients_entry_stays(project: Path) -> None:
    file = project / ".mcp.json"
    content = json.loads(file.read_text())
    content["mcpServers"]["tasks"] |= {"env": {"TOKEN": "x"}}
    file.write_text(json.dumps(content))
    commit_all(project, "My entry")

    update(project, mcp_servers=["docs", "other"], hook=True)

    assert list(entries(project)[".mcp.json"]) == ["tasks", "docs", "weather", "other"]


def test_another_stack_takes_its_servers_out_of_the_clients_files(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("04-mcp"))
    vscode = project / ".vscode" / "mcp.json"
    vscode.write_text(vscode.read_text().replace("{", '{\n  "inputs": [],', 1))
    commit_all(project, "My inputs")
    assert json.loads((project / ".mcp.json").read_text())["mcpServers"].keys() == {"shop"}

    update(project, stack="mcp-multi", mcp_servers=["tasks"], hook=True)
    assert [list(servers) for servers in entries(project).values()] == [["tasks"]] * 3
    commit_all(project, "Several")

    update(project, stack="minimal", hook=True)
    assert [list(servers) for servers in entries(project).values()] == [[]] * 3
    assert json.loads(vscode.read_text()) == {"inputs": []}
    assert (project / "servers" / "tasks" / "server.py").exists()


MINE = """\
{
  "mcpServers": {
    // Mine.
    "weather": {"command": "uvx", "args": ["weather"]},
    "shop": {"command": "python3", "args": ["scripts/mcp-stdio", "mcp-server"]}, // the template's
    "also": {"command": "python3", "args": ["scripts/mcp-stdio", "mcp-server"], "env": {"A": "1"}},
  },
}
"""


def test_an_earlier_releases_entry_starts_in_any_folder_and_its_owners_stay(released: Path, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset("04-mcp"), version="v0.7.0")
    (project / ".mcp.json").write_text(MINE)
    codex, gemini = project / ".codex" / "config.toml", project / ".gemini" / "settings.json"
    for file, text in ((codex, 'model = "a" # mine'), (gemini, '{"theme": "a"} // mine\n')):
        file.parent.mkdir()
        file.write_text(text)
    commit_all(project, "My clients")

    update(project, hook=True)

    before, after = MINE.splitlines(), (project / ".mcp.json").read_text().splitlines()
    (old, new), *others = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert (others, '"shop": {"command": "python3", "args": ["-I", "-c", "import ' in new) == ([], True)
    assert old.partition("}")[2] == new.partition("}")[2]
    assert codex.read_text().startswith('model = "a" # mine\n\n[mcp_servers.shop]\ncommand = "python3"\n')
    assert '"mcpServers": {"shop": {' in gemini.read_text()

    commit_all(project, "Update")
    update(project, mcp_clients=["none"], hook=True)
    assert (codex.read_text(), gemini.read_text()) == ('model = "a" # mine', '{"theme": "a"} // mine\n')
    assert (project / ".mcp.json").read_text().splitlines() == after


def test_a_server_whose_name_is_reserved_by_now_stays(released: Path, tmp_path: Path) -> None:
    # By the last release that did not know the name.
    answers = {"stack": "mcp-multi", "mcp_servers": ["tasks", "worker", "x-old"], "gateway": "none"}
    project = generated(released, tmp_path / "shop", answers, hook=False, version="v0.5.0")

    update(project, mcp_servers=["tasks", "worker", "x-old", "notes"])

    services = yaml.safe_load((project / "docker-compose.yml").read_text())["services"]
    assert {"tasks", "worker", "x-old", "notes"} <= services.keys()
    commit_all(project, "Update")
    with pytest.raises(ValueError, match="Rename certbot: it is taken"):
        update(project, mcp_servers=["tasks", "worker", "certbot"])
    with pytest.raises(ValueError, match="Begin no name with pg- or x-"):
        update(project, mcp_servers=["tasks", "worker", "x-new"])
