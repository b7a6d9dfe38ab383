"""Published projects that are not ours, adopted from their source distributions as their authors would."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession

from tests.e2e.clients import CLIENT_FILES, INITIALIZE, process, receive, send, servers, sessions_left, use
from tests.e2e.conftest import MakeStack
from tests.e2e.pipelines import outcome, run_ci
from tests.e2e.stack import Stack, wait_for
from tests.support import files, git, preset


def unpack(requirement: str, folder: Path) -> None:
    """Fetch a source distribution from the package index that pip is set to, and unpack it into an empty folder."""
    name = requirement.split("==")[0]
    download = folder.with_name(f"{folder.name}-download")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name, "--dest", str(download)]
    subprocess.run([*command, requirement], check=True, capture_output=True)
    with tarfile.open(next(download.iterdir())) as archive:
        archive.extractall(download / "unpacked", filter="data")
    for path in next((download / "unpacked").iterdir()).iterdir():
        path.rename(folder / path.name)
    git(folder, "init", "--quiet", "-b", "main")


def kept(stack: Stack, before: dict[str, bytes]) -> dict[str, bytes]:
    """Return what the project's own files are now, but for the marker block below its lines in .gitignore."""
    after = {name: text for name, text in files(stack.folder).items() if name in before}
    return {name: text[: len(before[name])] if name == ".gitignore" else text for name, text in after.items()}


@pytest.mark.parametrize(
    ("requirement", "answers", "page", "content"),
    [
        ("httpbin==0.10.4", preset("01-minimal"), "/get?shop=open", '"shop": "open"'),
        ("pypiserver==2.4.2", preset("02-full") | {"app_port": 8080}, "/simple/", "Simple Index"),
        (
            "datasette==0.65.5",
            preset("01-minimal") | {"app_command": "datasette serve --host 0.0.0.0 --port 8000 --memory"},
            "/-/versions.json",
            "0.65.5",
        ),
    ],
    ids=["httpbin", "pypiserver", "datasette"],
)
def test_a_published_project_is_adopted_and_answers(
    make_stack: MakeStack, requirement: str, answers: dict[str, Any], page: str, content: str
) -> None:
    before: dict[str, bytes] = {}

    def write(folder: Path) -> None:
        unpack(requirement, folder)
        before.update(files(folder))

    stack = make_stack(answers, write=write)
    assert kept(stack, before) == before, "no file of the project's own is changed"
    stack.up()
    status, text = stack.get(page)
    assert status == 200
    assert content in text


def test_a_published_projects_own_tests_pass_in_its_pipeline(make_stack: MakeStack) -> None:
    before: dict[str, bytes] = {}

    def write(folder: Path) -> None:
        unpack("httpbin==0.10.4", folder)
        before.update(files(folder))

    stack = make_stack(preset("01-minimal") | {"ci": ["github", "gitlab"]}, write=write)
    run_ci(stack)
    assert outcome(stack.folder / "test-reports/junit.xml") == (70, 0)
    assert kept(stack, before) == before, "no file of the project's own is changed"


@pytest.mark.parametrize(
    ("requirement", "tool", "arguments", "content"),
    [
        ("mcp-server-time==2026.10.19", "get_current_time", {"timezone": "Europe/Berlin"}, "Europe/Berlin"),
        # Made with version 1 of the SDK, which its lock file holds; it does not end by itself when its client goes.
        ("mcp-server-sqlite==2025.4.25", "list_tables", {}, "[]"),
    ],
    ids=["time", "sqlite"],
)
def test_a_published_mcp_server_is_adopted_and_used_from_each_client_file(
    make_stack: MakeStack, requirement: str, tool: str, arguments: dict[str, str], content: str
) -> None:
    before: dict[str, bytes] = {}

    def write(folder: Path) -> None:
        unpack(requirement, folder)
        # Theirs begins with an image that only its registry has.
        (folder / "Dockerfile").unlink(missing_ok=True)
        before.update(files(folder))

    async def call(session: ClientSession) -> str:
        assert tool in {one.name for one in (await session.list_tools()).tools}
        return str((await session.call_tool(tool, arguments)).content)

    # That one's lock names an older version of the project itself, which `uv sync --locked` refuses.
    stack = make_stack(preset("04-mcp"), write=write)
    assert kept(stack, before) == before, "no file of the project's own is changed"
    for file in CLIENT_FILES:
        ((name, server),) = servers(stack, file).items()
        assert name == stack.slug
        assert content in use(server, call)
    session = process(server)
    send(session, INITIALIZE)
    receive(session)
    session.kill()
    session.communicate()
    assert wait_for(lambda: None if sessions_left(stack) else True)
    stack.up()
    assert stack.compose("ps", "--services").stdout.split() == ["db"], "what speaks over stdio alone is not brought up"
