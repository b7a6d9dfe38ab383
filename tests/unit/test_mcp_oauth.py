"""Which tokens of OAuth the starter MCP server accepts over HTTP."""

from __future__ import annotations

import base64
import importlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient

from tests.e2e.clients import INITIALIZE
from tests.e2e.stack import free_port
from tests.issuer import Issuer, serving
from tests.support import render

AUDIENCE = "https://mcp.example.com/mcp"
HEADERS = {"Host": "localhost:8000", "Accept": "application/json, text/event-stream"}
Claims = dict[str, Any]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with serving("127.0.0.1", free_port()) as made:
        yield made


@pytest.fixture(scope="module")
def folder(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    answers = {"stack": "mcp", "services": [], "package_name": "starter_oauth", "production": True}
    return render(template, tmp_path_factory.mktemp("oauth") / "shop", answers) / "src"


@pytest.fixture
def starter(folder: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The starter, which the issuer's tokens are for."""
    monkeypatch.setenv("MCP_OAUTH_ISSUER", issuer.url)
    monkeypatch.setenv("MCP_OAUTH_AUDIENCE", f"other {AUDIENCE}")
    with served(folder, monkeypatch) as client:
        yield client


@contextmanager
def served(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    patch.setattr(sys, "path", [str(folder), *sys.path])
    patch.setattr(sys, "dont_write_bytecode", True)
    server = importlib.import_module("starter_oauth.server")
    try:
        with TestClient(server.app.streamable_http_app(stateless_http=True)) as client:
            yield client
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "starter_oauth"]:
            del sys.modules[name]


def ask(client: TestClient, token: str | None) -> int:
    """Return the status with which a call is answered."""
    sent = {} if token is None else {"Authorization": f"Bearer {token}"}
    return int(client.post("/mcp", json=INITIALIZE, headers={**HEADERS, **sent}).status_code)


def test_a_token_of_the_issuer_for_this_server_is_accepted(starter: TestClient, issuer: Issuer) -> None:
    issuer.asked.clear()
    for audience in (AUDIENCE, ["another", AUDIENCE]):
        assert ask(starter, issuer.token(aud=audience)) == 200
    # Its keys are asked for once.
    assert issuer.asked == ["/.well-known/oauth-authorization-server", "/keys"]
    # Whoever asks how it is needs none.
    assert starter.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - 60}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError('exp')"),
        # Long after these tests have ended, which are collected first.
        ({"nbf": int(time.time()) + 86400}, "ImmatureSignatureError"),
        ({"aud": "https://other.example.com/mcp"}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError('aud')"),
        ({"iss": "https://other.example.com"}, "InvalidIssuerError"),
        ({"iss": None}, "MissingRequiredClaimError('iss')"),
        ({"key": ec.generate_private_key(ec.SECP256R1())}, "InvalidSignatureError"),
        ({"key": "0" * 32, "algorithm": "HS256"}, "InvalidAlgorithmError"),
        ({"key": "", "algorithm": "none"}, "InvalidAlgorithmError"),
        ({"kid": "2\nforged"}, r"2\nforged"),
    ],
)
def test_another_token_is_refused_and_the_log_says_why(
    claims: Claims, reason: str, starter: TestClient, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.token(**{"aud": AUDIENCE, **claims})
    with caplog.at_level(logging.WARNING):
        assert ask(starter, token) == 401
    [line] = [record.getMessage() for record in caplog.records if record.name == "starter_oauth.oauth"]
    assert line.startswith("A token is refused: ") and reason in line
    assert "\n" not in line and token not in line


@pytest.mark.parametrize("token", [None, "", "x", "x" * 64, "a.b.c", "..", "bearer:default"])
def test_what_is_no_token_of_oauth_is_refused(token: str | None, starter: TestClient) -> None:
    assert ask(starter, token) == 401


def test_a_token_whose_claims_were_changed_is_refused(starter: TestClient, issuer: Issuer) -> None:
    head, _, signature = issuer.token(aud=AUDIENCE).split(".")
    claims = {"iss": issuer.url, "aud": AUDIENCE, "exp": int(time.time()) + 9999, "sub": "eve"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert ask(starter, f"{head}.{forged}.{signature}") == 401


def test_a_client_whose_own_token_nginx_knows_is_let_in_by_its_name_behind_nginx_alone(
    starter: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(starter, "caller:default") == 401
    monkeypatch.setenv("MCP_CALLERS", "nginx")
    assert ask(starter, "caller:default") == 200


def test_an_issuer_that_is_not_reached_lets_nobody_in_and_the_log_names_it(
    folder: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MCP_OAUTH_ISSUER", nowhere)
    monkeypatch.setenv("MCP_OAUTH_AUDIENCE", AUDIENCE)
    with served(folder, monkeypatch) as client:
        assert ask(client, issuer.token(iss=nowhere, aud=AUDIENCE)) == 401
        monkeypatch.setenv("MCP_CALLERS", "nginx")
        assert ask(client, "caller:default") == 200
    assert f"{nowhere} does not say where its keys are: URLError(ConnectionRefusedError" in caplog.text


def test_without_an_issuer_whoever_reaches_it_is_answered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCP_OAUTH_ISSUER", raising=False)
    with served(folder, monkeypatch) as client:
        assert ask(client, None) == 200
