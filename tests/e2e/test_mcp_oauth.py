"""An MCP server in production that takes tokens of OAuth: a real client finds the issuer, gets a token and calls."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pytest
from mcp import ClientSession
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.e2e.production import TLS, Answer, Production, in_production
from tests.e2e.stack import free_port
from tests.e2e.test_mcp_production import log_of_nginx, post
from tests.issuer import Issuer, certificate, serving

BACK = "http://127.0.0.1:1/callback"
METADATA = "/.well-known/oauth-protected-resource"
GATEWAY = ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """An issuer on this machine, where containers reach it too."""
    host = subprocess.run(GATEWAY, check=True, capture_output=True, text=True).stdout.strip()
    with serving(host, free_port(), certificate(host, tmp_path_factory.mktemp("issuer"))) as made:
        yield made


@pytest.fixture(scope="module")
def production(template: Path, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The starter in production, for clients of the issuer alone."""
    with in_production(template, tmp_path_factory.mktemp("oauth"), {"stack": "mcp", "services": []}) as made:
        # The issuer's certificate is of an authority of its own.
        shutil.copy(str(issuer.certificate), made.folder)
        made.build("1")
        (made.folder / "secrets/mcp_tokens").write_text("")
        settings(made, MCP_OAUTH_ISSUER=issuer.url, MCP_OAUTH_AUDIENCE=audience(made), SSL_CERT_FILE="issuer.pem")
        made.deploy("1")
        yield made


def settings(production: Production, **variables: str) -> None:
    lines = [f"{name}={value}\n" for name, value in {"APP_REPLICAS": "1", "DRAIN": "1", **variables}.items()]
    (production.folder / ".env.production").write_text("".join(lines))


def audience(production: Production) -> str:
    return f"https://127.0.0.1:{production.ports['HTTPS_PORT']}/mcp"


class Memory:
    """What a client keeps: at first nothing."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def test_a_client_that_knows_the_address_alone_finds_the_issuer_gets_a_token_and_calls(production: Production) -> None:
    memory = Memory()
    came: dict[str, list[str]] = {}

    async def browse(url: str) -> None:
        """Log in as a browser does, to whom the issuer says at once where to go back."""
        async with httpx2.AsyncClient(verify=TLS) as browser:
            answer = await browser.get(url)
        came.update(parse_qs(urlsplit(answer.headers["location"]).query))

    async def back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=came["code"][0], state=came["state"][0])

    async def use() -> Any:
        about = OAuthClientMetadata(redirect_uris=[AnyUrl(BACK)], client_name="laptop")
        login = OAuthClientProvider(audience(production), about, memory, browse, back)
        async with (
            httpx2.AsyncClient(verify=TLS, auth=login, timeout=20) as client,
            streamable_http_client(audience(production), http_client=client) as streams,
            ClientSession(*streams[:2]) as session,
        ):
            await session.initialize()
            return await session.call_tool(f"{production.slug.replace('-', '_')}_add_note", {"text": "by OAuth"})

    result = anyio.run(use)
    assert not result.is_error and result.structured_content["result"][0]["text"] == "by OAuth"
    assert memory.tokens and post(production, memory.tokens.access_token).status == 200
    log = log_of_nginx(production)
    assert memory.tokens.access_token.rpartition(".")[2] not in log


def refused(answer: Answer) -> str:
    """Return what a refused client is told."""
    assert answer.status == 401, answer
    return answer.headers["www-authenticate"]


def test_who_has_no_right_token_is_told_where_to_get_one(production: Production, issuer: Issuer) -> None:
    mine = audience(production)
    assert post(production, issuer.token(aud=mine)).status == 200
    where = f'resource_metadata="{mine.removesuffix("/mcp")}{METADATA}/mcp"'
    assert refused(post(production, None)) == f'Bearer realm="mcp", {where}'
    wrong = [
        issuer.token(aud=f"{mine}x"),
        issuer.token(aud=mine, exp=int(time.time()) - 60),
        issuer.token(aud=mine, iss=f"{mine}x"),
    ]
    # What only nginx may say, to a server.
    wrong += [issuer.token(aud=mine)[:-9], "caller:default", "a.b.c", "x" * 64]
    for token in wrong:
        assert refused(post(production, token)) == f'Bearer realm="mcp", error="invalid_token", {where}'
    for path in (METADATA, f"{METADATA}/mcp"):
        answer = production.ask(path)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        said = {"resource": mine, "authorization_servers": [issuer.url], "bearer_methods_supported": ["header"]}
        assert json.loads(answer.text) == said


def test_a_client_with_a_token_of_its_own_is_let_in_besides(production: Production, issuer: Issuer) -> None:
    token = production.run("scripts/token", "add", "laptop").stdout.split()[-1]
    assert post(production, token).status == post(production, issuer.token(aud=audience(production))).status == 200
    assert '"caller":"laptop","uri":"/mcp","status":200' in log_of_nginx(production)


def test_another_name_is_refused_over_tls_too_and_the_log_says_which(production: Production, issuer: Issuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.token(aud=audience(production))}", "Content-Type": "application/json"}
    for name, status in (("Host", 421), ("Origin", 403)):
        value = "evil.example.com" if name == "Host" else "https://evil.example.com"
        assert production.ask("/mcp", "POST", b"{}", {**headers, name: value}).status == status
        log = production.prod("logs", "mcp-server").stdout
        assert f"Invalid {name} header: add evil.example.com to MCP_ALLOWED_HOSTS to let it in" in log


def test_where_the_issuer_is_taken_out_its_tokens_count_no_more(production: Production, issuer: Issuer) -> None:
    token = production.run("scripts/token", "add", "phone").stdout.split()[-1]
    settings(production)
    production.deploy("1")
    assert refused(post(production, issuer.token(aud=audience(production)))) == 'Bearer realm="mcp", error="invalid_token"'
    assert production.ask(METADATA).status == 404
    assert post(production, token).status == 200
