# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Who may call the MCP server: a token for each client, which nginx looks for.

And whoever has one of OAuth, which the server verifies.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException

from . import common, nginx
from .common import ROOT, Problem, run
from .production import ids, inspect
from .settings import MCP_PAGES, PORT, SERVERS

FILE = ROOT / "secrets" / "mcp_tokens"
# nginx's: in a folder, as a container does not see that a file of its own is replaced.
RULES = ROOT / "secrets" / "nginx" / "mcp_tokens.conf"
HEADER = "# Who may call: a line NAME:TOKEN each, see scripts/token.\n"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII | re.IGNORECASE)
# As RFC 6750 has it, and too long to be guessed.
TOKEN = re.compile(r"[\w.~+/-]{32,512}={0,2}", re.ASCII)
# A client's first message.
ME = {"name": "scripts/deploy", "version": "1"}
SAID = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": ME}
ACCEPT, KIND = "application/json, text/event-stream", "Content-Type: application/json"
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": SAID}
NONE = (
    "add a token first: `scripts/token add NAME`, or set MCP_OAUTH_ISSUER in "
    ".env.production; without either nobody may call"
)
# Who issues tokens of OAuth, for nginx, and what its clients ask for first.
ISSUER = RULES.with_name("oauth.issuer")
REALM = 'Bearer realm="mcp"'
METADATA = "/.well-known/oauth-protected-resource"
ADDRESS = re.compile(r"https://[\w.:\[\]-]+(/[\w.~/-]*)?", re.ASCII)
Variables = Mapping[str, str]


def known() -> dict[str, str]:
    """Return the tokens by their names; a Problem, which tells none, for a wrong line."""
    found: dict[str, str] = {}
    for number, line in enumerate(common.read(FILE).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, token = line.strip().partition(":")
        where = f"line {number} of secrets/mcp_tokens"
        if not colon or not NAME.fullmatch(name):
            raise Problem(f"write {where} as NAME:TOKEN, the name of a-z, 0-9, . _ -")
        if not TOKEN.fullmatch(token):
            advice = "32 to 512 of letters, digits and . _ ~ + / -"
            raise Problem(f"give {where} another token: {advice}")
        if name in found or token in found.values():
            raise Problem(f"remove {where}: its name or its token is there twice")
        found[name] = token
    return found


def add(name: str) -> str:
    """Make a token, and return it."""
    if not NAME.fullmatch(name):
        raise Problem("give a name of 1 to 63 letters, digits and . _ -")
    if name in known():
        raise Problem(f"revoke {name} first, or choose another name: it has a token")
    token = secrets.token_hex(32)
    text = common.read(FILE) or HEADER
    end = "" if text.endswith("\n") else "\n"
    common.write(FILE, f"{text}{end}{name}:{token}\n")
    return token


def revoke(name: str) -> str:
    """Take a token out, and return it."""
    token = known().get(name)
    if token is None:
        raise Problem(
            f"choose a name that `scripts/token list` shows: {name!r} is none"
        )
    lines = common.read(FILE).splitlines(keepends=True)
    text = "".join(one for one in lines if one.strip().partition(":")[0] != name)
    common.write(FILE, text)
    return token


def rules() -> str:
    """Return the tokens as nginx's map takes them: the name by what a client sends."""
    return "".join(
        f'"~^(?i:Bearer) +\\Q{token}\\E$" {name};\n' for name, token in known().items()
    )


def write_rules() -> None:
    """Write what nginx reads, as whose own user; the folder above keeps others out."""
    RULES.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    RULES.parent.chmod(0o755)
    common.write(RULES, rules(), 0o444)
    RULES.chmod(0o444)


def issuer(told: Variables) -> str:
    """Return who issues tokens of OAuth, empty for nobody, as a server is told."""
    name = told.get("MCP_OAUTH_ISSUER", "")
    if name and not ADDRESS.fullmatch(name):
        where = "MCP_OAUTH_ISSUER in .env.production"
        raise Problem(f"write {where} as https://NAME/PATH, without ? and #: {name!r}")
    if name and not told.get("MCP_OAUTH_AUDIENCE", "").split():
        what = "whom its tokens are for, such as https://mcp.example.com/mcp"
        raise Problem(f"set MCP_OAUTH_AUDIENCE in .env.production: {what}")
    return name


def take_over(told: Variables) -> None:
    """Let nginx know who may call, before a version is deployed."""
    name = issuer(told)
    if not known() and not name:
        raise Problem(NONE)
    # Servers that are told of no issuer verify no token.
    forgotten = not name and ISSUER.exists()
    if forgotten:
        ISSUER.unlink()
    if forgotten or common.read(RULES) != rules():
        write_rules()
        nginx.reload()


def let_in(told: Variables) -> None:
    """Let nginx pass on tokens of OAuth, as each server verifies them; and ask each."""
    name = issuer(told)
    if name:
        rule = f'"" "{name}";\n'
        if common.read(ISSUER) != rule:
            common.write(ISSUER, rule, 0o444)
            ISSUER.chmod(0o444)
            nginx.reload()
    for page in MCP_PAGES:
        if name:
            nginx.ask(METADATA + page, {}, (404,))
            nginx.ask(page, headers(made_up(told)), (502, 504))
        else:
            nginx.ask(page, headers(next(iter(known().values()))))


def made_up(told: Variables) -> str:
    """Return a token of OAuth that is right but for its signature."""
    names = {"iss": issuer(told), "aud": told["MCP_OAUTH_AUDIENCE"].split()}
    claims = {**names, "sub": "scripts/deploy", "exp": int(time.time()) + 300}
    head = {"alg": "RS256", "typ": "JWT", "kid": "made-up"}
    parts = [json.dumps(one).encode() for one in (head, claims)]
    parts.append(secrets.token_bytes(256))
    return b".".join(
        base64.urlsafe_b64encode(one).rstrip(b"=") for one in parts
    ).decode()


def check(app: str, replicas: list[str], told: Variables) -> None:
    """Raise a Problem if new replicas let in whoever has made up a token of OAuth.

    Asked by nginx's image: the server's own may have nothing that speaks HTTP.
    """
    if not issuer(told):
        return
    image = inspect(ids("nginx"))[0]["Config"]["Image"]
    network = ("--network", f"container:{replicas[0]}", "--entrypoint", "curl")
    curl = ("docker", "run", "--rm", *network, image, "-s", "-m", "15")
    heads = (f"Authorization: Bearer {made_up(told)}", f"Accept: {ACCEPT}", KIND)
    words = [word for head in heads for word in ("-H", head)]
    said = ("-o", "/dev/null", "-w", "%{http_code}", "-d", json.dumps(HELLO))
    page = f"http://127.0.0.1:{PORT}/mcp"
    if run(*curl, *words, *said, page, check=False).stdout != "401":
        server = "the server" if len(SERVERS) == 1 else app
        what = f"let {server} verify tokens, or take MCP_OAUTH_ISSUER out of"
        reason = "it does not answer 401 to one that nobody has issued"
        raise Problem(f"{what} .env.production: {reason}")


def headers(token: str) -> dict[str, str]:
    """Return what a client sends."""
    return {"Authorization": f"Bearer {token}"}


def wait_for(token: str, counts: bool) -> None:
    """Wait until nginx knows a token, or does not any more."""
    write_rules()
    nginx.reload()
    end = time.monotonic() + 15
    for host, port in nginx.listening():
        right = 0
        # For a moment nginx's old processes answer too.
        while right < 3:
            time.sleep(0.2)
            if time.monotonic() > end:
                raise Problem(
                    "look at nginx's log: it does not take secrets/mcp_tokens"
                )
            with suppress(OSError, HTTPException):
                asked = (nginx.trusting(), MCP_PAGES[0], headers(token))
                answer = nginx.answer(host, port, *asked)
                if answer.status == 503:
                    return  # maintenance
                # A server may refuse it too, in its own words.
                refused = answer.getheader("WWW-Authenticate", "").startswith(REALM)
                right = right + 1 if refused is not counts else 0
