"""An authorization server, as the one of an MCP server's clients: it registers whoever asks, and lets everybody in."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mcp.server.auth.provider import AuthorizationCode, AuthorizationParams, construct_redirect_uri
from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Issuer:
    """Issues tokens that its own key signs, for the resource that a client asks for."""

    def __init__(self, url: str, certificate: Path | None = None) -> None:
        self.url, self.certificate = url, certificate
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        # The pages that were asked for.
        self.asked: list[str] = []

    def token(self, key: Any = None, algorithm: str = "ES256", kid: str = "1", **claims: Any) -> str:
        """Return a token, for whom and how long the claims say; None takes one out."""
        usual = {"iss": self.url, "sub": "ann", "client_id": "laptop", "scope": "notes", "exp": int(time.time()) + 300}
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(said, self.key if key is None else key, algorithm, headers={"kid": kid})

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        assert client_info.client_id
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        code = secrets.token_urlsafe(32)
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id or "",
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, _: OAuthClientInformationFull, authorization_code: str) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.codes[authorization_code.code]
        return OAuthToken(access_token=self.token(aud=authorization_code.resource, client_id=client.client_id), expires_in=300)

    def app(self) -> Starlette:
        """Return its pages: what the SDK has, and the keys."""

        async def metadata(request: Request) -> JSONResponse:
            self.asked.append(request.url.path)
            pages = {"authorization_endpoint": "authorize", "token_endpoint": "token", "registration_endpoint": "register"}
            pages["jwks_uri"] = "keys"
            said = {"issuer": self.url, "code_challenge_methods_supported": ["S256"], "response_types_supported": ["code"]}
            return JSONResponse({**said, **{name: f"{self.url}/{page}" for name, page in pages.items()}})

        async def keys(request: Request) -> JSONResponse:
            self.asked.append(request.url.path)
            shown = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
            return JSONResponse({"keys": [{**shown, "kid": "1", "use": "sig", "alg": "ES256"}]})

        routes = [Route("/.well-known/oauth-authorization-server", metadata), Route("/keys", keys)]
        registration = ClientRegistrationOptions(enabled=True)
        # As much of the SDK's provider as clients here use.
        provider: Any = self
        routes += create_auth_routes(provider, AnyHttpUrl(self.url), client_registration_options=registration)
        return Starlette(routes=routes)


def certificate(host: str, folder: Path) -> Path:
    """Write a certificate for an address into a folder, its key into `key.pem` there, and return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    path = folder / "issuer.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def serving(host: str, port: int, tls: Path | None = None) -> Iterator[Issuer]:
    """Serve an issuer on an address of this machine, over TLS with a certificate that has its key beside it."""
    issuer = Issuer(f"{'https' if tls else 'http'}://{host}:{port}", tls)
    pair: Any = {"ssl_certfile": tls, "ssl_keyfile": tls.with_name("key.pem")} if tls else {}
    server = uvicorn.Server(uvicorn.Config(issuer.app(), host, port, log_level="error", **pair))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the issuer does not start"
            time.sleep(0.05)
        yield issuer
    finally:
        server.should_exit = True
        thread.join()
