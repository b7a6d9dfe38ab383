# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Who may call the MCP server: a token for each client, which nginx looks for."""

from __future__ import annotations

import re
import secrets
import ssl
import time
from contextlib import suppress
from http.client import HTTPException

from . import common, nginx
from .common import ROOT, Problem, run
from .settings import PORT

FILE = ROOT / "secrets" / "mcp_tokens"
# nginx's: in a folder, as a container does not see that a file of its own is replaced.
RULES = ROOT / "secrets" / "nginx" / "mcp_tokens.conf"
HEADER = "# Who may call: a line NAME:TOKEN each, see scripts/token.\n"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII | re.IGNORECASE)
# As RFC 6750 has it, and too long to be guessed.
TOKEN = re.compile(r"[\w.~+/-]{32,512}={0,2}", re.ASCII)
# Whether a server begins a session, which it is told at once to end.
SESSION = """
import http.client as h, json, sys
c = h.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
heads = {"Content-Type": "application/json"}
heads["Accept"] = "application/json, text/event-stream"
me = {"name": "scripts/deploy", "version": "1"}
said = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": me}
call = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": said}
c.request("POST", "/mcp", json.dumps(call), heads)
name = c.getresponse().headers.get("Mcp-Session-Id")
if name:
    c.close()
    c.request("DELETE", "/mcp", headers={**heads, "Mcp-Session-Id": name})
    print("session")
"""
NONE = "add a token first: `scripts/token add NAME`; without one nobody may call"


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


def take_over() -> None:
    """Let nginx know what stands in the file, before a version is deployed."""
    if not known():
        raise Problem(NONE)
    if common.read(RULES) != rules():
        write_rules()
        nginx.reload()


def check_sessions(replicas: list[str]) -> None:
    """Raise a Problem if one of several replicas keeps sessions: no other knows them."""
    ask = ("docker", "exec", replicas[0], "python", "-c", SESSION, str(PORT))
    if len(replicas) > 1 and "session" in run(*ask, check=False).stdout:
        what = (
            "set APP_REPLICAS=1 in .env.production, or keep no sessions in the server"
        )
        raise Problem(
            f"{what} (stateless_http=True): a session is known to one replica"
        )


def headers(token: str) -> dict[str, str]:
    """Return what a client sends."""
    return {"Authorization": f"Bearer {token}"}


def request() -> tuple[str, dict[str, str]]:
    """Return the page, and the headers, of a request that reaches a server."""
    return "/mcp", headers(next(iter(known().values())))


def wait_for(token: str, counts: bool) -> None:
    """Wait until nginx knows a token, or does not any more."""
    write_rules()
    nginx.reload()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
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
                code = nginx.status(host, port, context, "/mcp", headers(token))
                right = right + 1 if (code != 401) is counts else 0
