"""The starter MCP server: who may call it over HTTP, and what a client sees."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
from mcp import Client
from starlette.testclient import TestClient

from tests.support import render

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
KNOWN = "mcp-server mcp.example.com other.example.com:8443 [fd00::1]"


@pytest.fixture(scope="module")
def starter(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    answers = {"stack": "mcp", "services": [], "package_name": "starter_shop"}
    folder = render(template, tmp_path_factory.mktemp("mcp") / "shop", answers)
    manifest = folder / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace('version = "0.1.0"', 'version = "4.5.6"'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder / "src"), *sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        yield importlib.import_module("starter_shop.server")
    for name in [name for name in sys.modules if name.split(".")[0] == "starter_shop"]:
        del sys.modules[name]


def serving() -> Any:
    return sys.modules["starter_shop.serving"]


def ask(starter: ModuleType, **headers: str) -> int:
    """Return the status with which a request is answered."""
    app = starter.app.streamable_http_app(transport_security=serving().known_hosts())
    with TestClient(app) as client:
        accept = {"Accept": "application/json, text/event-stream"}
        return int(client.post("/mcp", json=INITIALIZE, headers={**accept, **headers}).status_code)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000", "mcp-server", "mcp-server:8000"),
        *("mcp.example.com", "mcp.example.com:443", "other.example.com:8443", "[fd00::1]:8000"),
    ],
)
def test_it_answers_to_names_that_it_is_known_under(host: str, starter: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_ALLOWED_HOSTS", KNOWN)
    assert ask(starter, Host=host) == 200
    assert {ask(starter, Host=host, Origin=f"{scheme}://{host}") for scheme in ("http", "https")} == {200}


@pytest.mark.parametrize(
    ("headers", "status", "name"),
    [
        ({"Host": "evil.example.com"}, 421, "evil.example.com"),
        ({"Host": "other.example.com"}, 421, "other.example.com"),
        ({"Host": "localhost.evil.example.com:8000"}, 421, "localhost.evil.example.com:8000"),
        ({"Host": "localhost", "Origin": "https://evil.example.com"}, 403, "evil.example.com"),
    ],
)
def test_another_name_is_refused_and_the_log_says_in_one_line_which(
    headers: dict[str, str],
    status: int,
    name: str,
    starter: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MCP_ALLOWED_HOSTS", KNOWN)
    logger: Any = logging.getLogger("mcp.server.transport_security")
    logger.addFilter(serving().name_refused)
    try:
        assert ask(starter, **headers) == status
    finally:
        logger.removeFilter(serving().name_refused)
    [line] = [record.getMessage() for record in caplog.records if record.name == logger.name]
    header = "Host" if status == 421 else "Origin"
    assert line == f"Invalid {header} header: add {name} to MCP_ALLOWED_HOSTS to let it in"


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
def test_a_client_sees_the_projects_version_a_schema_progress_and_a_log(starter: ModuleType) -> None:
    told: list[Any] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async def log(params: Any) -> None:
        told.append(params.data)

    async def use(mode: Any) -> None:
        told.clear()
        async with Client(starter.app, mode=mode, logging_callback=log, log_level="info" if mode == "auto" else None) as client:
            assert client.server_info and client.server_info.version == "4.5.6"
            tool = (await client.list_tools()).tools[1]
            assert tool.output_schema and tool.input_schema["properties"]["text"]["description"]
            await client.call_tool(tool.name, {"text": "a\nb"}, progress_callback=report)
            assert told == [(1, 2, "Kept: a"), (2, 2, "Kept: b"), "2 of 2 lines are kept"]
            [template] = (await client.list_resource_templates()).resource_templates
            assert template.uri_template == "note://{number}"
            assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["report"]

    for mode in ("auto", "legacy"):
        anyio.run(use, mode)
