"""The starter MCP server over HTTP: who may call it."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
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
def starter(template: Path, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    answers = {"stack": "mcp", "services": [], "package_name": "shop"}
    folder = render(template, tmp_path_factory.mktemp("mcp") / "shop", answers)
    spec = importlib.util.spec_from_file_location("starter_server", folder / "src" / "shop" / "server.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(starter: ModuleType, **headers: str) -> int:
    """Return the status with which a request is answered."""
    app = starter.app.streamable_http_app(transport_security=starter.known_hosts())
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
    logger.addFilter(starter.name_refused)
    try:
        assert ask(starter, **headers) == status
    finally:
        logger.removeFilter(starter.name_refused)
    [line] = [record.getMessage() for record in caplog.records if record.name == logger.name]
    header = "Host" if status == 421 else "Origin"
    assert line == f"Invalid {header} header: add {name} to MCP_ALLOWED_HOSTS to let it in"
