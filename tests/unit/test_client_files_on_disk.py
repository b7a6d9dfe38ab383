"""The JSON files of MCP clients on disk: made, linked, left alone, and whole whatever happens."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, files, run, without_privileges
from tests.unit.mcp_clients import CLIENTS, NAMES, THEN, bring, client_files, entry


@pytest.mark.parametrize("blanks", [None, b"", b" \r\n\t"])
def test_files_and_folders_are_made_and_left_empty_by_the_last_server(blanks: bytes | None, tmp_path: Path) -> None:
    for client in CLIENTS if blanks is not None else []:
        (tmp_path / client.path).parent.mkdir(exist_ok=True)
        (tmp_path / client.path).write_bytes(blanks or b"")
    before = files(tmp_path)
    assert client_files.bring_up_to_date(tmp_path, CLIENTS, [], THEN) == []
    assert files(tmp_path) == before
    assert client_files.bring_up_to_date(tmp_path, CLIENTS, NAMES, THEN) == []
    assert [*files(tmp_path)] == [".cursor/mcp.json", ".mcp.json", ".vscode/mcp.json"]
    written = json.loads((tmp_path / ".vscode/mcp.json").read_text())
    assert written == {"servers": {name: {"type": "stdio", **entry(name)} for name in NAMES}}
    assert client_files.bring_up_to_date(tmp_path, CLIENTS, [], THEN) == []
    # Copier would bring back what a task removes from a user's repository.
    assert {json.loads(text)[client.section] == {} for client in CLIENTS for text in [files(tmp_path)[client.path]]} == {True}


@pytest.mark.parametrize("text", ['{"mcpServers": {}, "a": 1}', '{"mcpServers": {} /* mine */}', '{"mcpServers": {}} // mine'])
def test_a_file_with_anything_of_the_users_stays(text: str, tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text(text)
    bring(tmp_path, "tasks")
    assert bring(tmp_path) == []
    assert (tmp_path / ".mcp.json").read_text() == text


@pytest.mark.parametrize("text", ['{"mcpServers": {}}', "{}", " "])
def test_without_a_server_an_empty_file_of_the_users_stays(text: str, tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text(text)
    assert bring(tmp_path) == []
    assert (tmp_path / ".mcp.json").read_text() == text


@pytest.mark.parametrize("before", [b"", b'\xef\xbb\xbf{\r\n"a": "\xc3\xbc"}', b"\xef\xbb\xbf", b'{"mcpServers": {"a": {}}}'])
def test_a_second_run_writes_nothing(before: bytes, tmp_path: Path) -> None:
    path = tmp_path / ".mcp.json"
    path.write_bytes(before)
    path.chmod(0o640)
    assert bring(tmp_path, *NAMES) == []
    once, status = path.read_bytes(), path.stat()
    assert once.startswith(before[:3])
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert bring(tmp_path, *NAMES) == []
    assert path.read_bytes() == once
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (status.st_mtime_ns, status.st_ino)
    assert [*files(tmp_path)] == [".mcp.json"]


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_is_followed_and_stays(dangling: bool, tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    if not dangling:
        (home / "mcp.json").write_text("{}")
    (project / ".mcp.json").symlink_to("../home/mcp.json")
    assert bring(project, "tasks") == []
    assert json.loads((home / "mcp.json").read_text()) == {"mcpServers": {"tasks": entry("tasks")}}
    assert bring(project) == []
    assert json.loads((home / "mcp.json").read_text()) == {"mcpServers": {}}
    assert (project / ".mcp.json").is_symlink()
    assert [*files(tmp_path)] == ["home/mcp.json", "project/.mcp.json"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, "is no file"),
        (os.mkfifo, "is no file"),
        (lambda path: path.symlink_to(path.name), "can't be read (Too many levels of symbolic links)"),
        (lambda path: path.symlink_to("missing/mcp.json"), "can't be written (No such file or directory)"),
    ],
)
def test_what_is_no_file_is_left(make: Any, why: str, tmp_path: Path) -> None:
    make(tmp_path / ".mcp.json")
    before = (tmp_path / ".mcp.json").lstat()
    assert bring(tmp_path, "tasks")[0].startswith(f".mcp.json {why} and was left as it is: mend that and {THEN}, or add to")
    assert (tmp_path / ".mcp.json").lstat() == before


def test_a_file_where_the_folder_would_be_is_left(tmp_path: Path) -> None:
    (tmp_path / ".vscode").write_text("mine")
    said = client_files.bring_up_to_date(tmp_path, CLIENTS, ["tasks"], THEN)
    assert [sentence.split(" and was")[0] for sentence in said] == [".vscode/mcp.json can't be read (Not a directory)"]
    assert [*files(tmp_path)] == [".cursor/mcp.json", ".mcp.json", ".vscode"]


BY_HAND = 'add to its `mcpServers`: "notes": {"command": "docker", "args": ["compose", "run", "notes"]}'


@pytest.mark.parametrize(
    ("mode", "limit", "names", "why", "by_hand"),
    [
        (0o444, -1, ["notes"], "can't be written (Permission denied)", BY_HAND),
        (0o444, -1, [], "can't be written (Permission denied)", "take the servers that are gone out of its `mcpServers`"),
        (0, -1, ["notes"], "can't be read (Permission denied)", BY_HAND),
        (0o644, 90, ["notes"], "can't be written (File too large)", BY_HAND),
    ],
    ids=["read-only", "read-only, nothing to add", "unreadable", "full"],
)
def test_a_file_that_cannot_be_written_is_whole(
    mode: int, limit: int, names: list[str], why: str, by_hand: str, tmp_path: Path
) -> None:
    path = tmp_path / ".mcp.json"
    path.write_text(json.dumps({"mcpServers": {"tasks": entry("tasks"), "a": {}}}))
    before = path.read_bytes()
    path.chmod(mode)
    # A process of its own, which can't do what root can, nor write more bytes to a file than the limit.
    program = f"""
import client_files, pathlib, resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
def forms(name):
    return [{{"command": "docker", "args": ["compose", "run", name]}}]
file = client_files.ClientFile(".mcp.json", "mcpServers", forms)
print(*client_files.bring_up_to_date(pathlib.Path.cwd(), [file], {names}, "try again"))
"""
    command = [*without_privileges(), sys.executable, "-B", "-c", program]
    done = run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "hooks")})
    assert done.stdout == f".mcp.json {why} and was left as it is: mend that and try again, or {by_hand}\n", done.stderr
    assert files(tmp_path) == {".mcp.json": before}
