"""The table of MCP clients: whose file is written where, and what its entries start, in whatever folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests import windows
from tests.render.questions import Questions
from tests.support import ROOT, load

clients = load(ROOT / "hooks" / "clients.py", "clients")
FURTHER = [client for client in clients.CLIENTS if client.name]
# It says what it was started with, and where.
SCRIPT = "import os, sys\nprint(*sys.argv, __file__, os.getcwd(), __name__, sep='|')\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my project"
    (folder / "src" / "shop").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "scripts" / "mcp-stdio").write_text(SCRIPT)
    return folder


def arguments(client: Any, stack: str = "mcp-multi") -> list[str]:
    return list(client.file(stack).forms("tasks")[0]["args"])


def test_the_question_offers_each_client_whose_file_does_not_always_come() -> None:
    assert Questions(ROOT).choices("mcp_clients") == [*(client.name for client in FURTHER), "none"]
    assert [client.path for client in clients.CLIENTS if not client.name] == [".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json"]


def test_the_page_on_clients_has_each_with_its_file_and_key() -> None:
    page = (ROOT / "docs" / "how-to" / "mcp-clients.md").read_text(encoding="utf-8")
    for client in clients.CLIENTS:
        assert re.search(rf"^\| [\w ,]+ \| `{re.escape(client.path)}` \| ", page, re.MULTILINE), client.path
    for client in FURTHER:
        assert f"| `{client.path}` | `{client.section}` | `{client.name}` |" in page


@pytest.mark.parametrize("client", FURTHER, ids=lambda client: str(client.name))
def test_a_client_is_told_where_it_is_named_or_its_folder_is_there(client: Any, tmp_path: Path) -> None:
    assert client.is_in(tmp_path)
    assert client.is_wanted(tmp_path, [client.name])
    assert client.is_wanted(tmp_path, ["none", client.name])
    assert not client.is_wanted(tmp_path, [])
    (tmp_path / client.path).parent.mkdir(parents=True)
    assert client.is_wanted(tmp_path, [])
    assert client.is_wanted(tmp_path, [next(other.name for other in FURTHER if other is not client)])
    assert not client.is_wanted(tmp_path, ["none"])


def test_no_file_in_a_home_folder_is_a_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    project.mkdir()
    for client in FURTHER:
        (home / client.path).parent.mkdir(parents=True)
        (project / client.path.partition("/")[0]).symlink_to(home / client.path.partition("/")[0])
    monkeypatch.setenv("HOME", str(home))
    assert not [client.path for client in FURTHER if client.is_in(home) or client.is_in(project)]
    loop = tmp_path / "loop"
    loop.mkdir()
    (loop / ".gemini").symlink_to(".gemini")
    assert all(client.is_in(loop) or client.name == "gemini" for client in FURTHER)


@pytest.mark.parametrize("client", clients.CLIENTS, ids=lambda client: str(client.path))
def test_each_client_starts_the_service_of_a_server(client: Any) -> None:
    several, one = client.file("mcp-multi"), client.file("mcp")
    assert [several.forms("tasks")[0]["args"][-1], one.forms("shop")[0]["args"][-1]] == ["tasks", "mcp-server"]
    # What another stack has written is known as ours.
    assert several.forms("shop")[0] in one.forms("shop")
    assert one.forms("shop")[0] in several.forms("shop")
    # Gemini CLI puts the value of a variable in its place, and a shell on Windows that of others.
    assert not {*'$%"`\n&|<>^'} & {*"".join(arguments(client)).replace("${workspaceFolder}", "")}


def test_an_entry_of_a_release_before_is_known_as_ours() -> None:
    forms = clients.CLIENTS[0].file("mcp").forms("shop")
    assert {"command": "python3", "args": ["scripts/mcp-stdio", "mcp-server"]} in forms


@pytest.mark.parametrize("folder", [".", "src/shop", "scripts"])
@pytest.mark.parametrize("client", clients.CLIENTS, ids=lambda client: str(client.path))
def test_a_session_starts_in_any_folder_of_the_project(client: Any, folder: str, project: Path) -> None:
    here = project / folder
    # What hides Python's own where the folder is looked in first.
    (here / "runpy.py").write_text("raise SystemExit('not me')\n")
    words = [word.replace("${workspaceFolder}", str(project)) for word in arguments(client)]
    done = subprocess.run([sys.executable, *words], cwd=here, capture_output=True, text=True, check=False)
    script = project / "scripts" / "mcp-stdio"
    assert (done.stdout, done.stderr) == (f"{script}|tasks|{script}|{here.resolve()}|__main__\n", "")


def test_the_project_that_is_nearest_is_meant(project: Path) -> None:
    inner = project / "src" / "shop"
    (inner / "scripts").mkdir()
    (inner / "scripts" / "mcp-stdio").write_text("print('the inner one')\n")
    start = [sys.executable, *arguments(clients.CLIENTS[0])]
    assert subprocess.run(start, cwd=inner / "scripts", capture_output=True, text=True, check=True).stdout == "the inner one\n"


def test_outside_a_project_a_sentence_says_so(tmp_path: Path) -> None:
    start = [sys.executable, *arguments(clients.CLIENTS[0])]
    done = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "start this client inside the project\n")


def test_it_starts_with_windows_python_too(project: Path) -> None:
    isolated, option, code, service = arguments(clients.CLIENTS[0])
    assert (isolated, option) == ("-I", "-c")
    start = [sys.executable, "-c", f"{windows.PRELUDE}\nexec({code!r})", service]
    done = subprocess.run(start, cwd=project / "src", env=os.environ | {"PYTHONUTF8": "0"}, capture_output=True, check=False)
    assert done.stdout.decode().startswith(f"{project / 'scripts' / 'mcp-stdio'}|tasks|"), done.stderr


def test_each_form_is_written_as_its_client_reads_it(tmp_path: Path) -> None:
    bring = load(ROOT / "hooks" / "client_files.py", "client_files").bring_up_to_date
    files = [client.file("mcp") for client in clients.CLIENTS]
    assert bring(tmp_path, files, ["shop"], "") == []
    for file in files:
        text = (tmp_path / file.path).read_text(encoding="utf-8")
        said = tomllib.loads(text) if file.path.endswith(".toml") else json.loads(text)
        assert said == {file.section: {"shop": file.forms("shop")[0]}}
