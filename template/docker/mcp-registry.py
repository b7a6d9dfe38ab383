# Managed by chora-compose-template: `copier update` rewrites this file.
"""Check what the MCP registry is told: `mcp-registry.py LABEL TEXT`.

LABEL is the image's, TEXT that of server.json. The rules are those of its schema, and what
the registry asks of an image besides.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

# The pattern of each, and the longest.
TEXTS = {
    "name": (r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", 200),
    "description": (r"(?s).+", 100),
    "version": (r"(?!latest$)[^\s^~<>=*]+", 255),
}


def is_text(value: object, pattern: str, longest: int = 2000) -> bool:
    return (
        isinstance(value, str)
        and bool(re.fullmatch(pattern, value))
        and len(value) <= longest
    )


def problems(server: Any, label: str) -> Iterator[str]:
    """Say what is wrong, each in words that follow `server.json: `."""
    if not isinstance(server, dict):
        yield "write an object"
        return
    for key, (pattern, longest) in TEXTS.items():
        if not is_text(server.get(key), pattern, longest):
            yield f"give a {key} of at most {longest} characters, as its schema says"
    name = server.get("name")
    if label != name:
        yield f"say its name, {name}, in the image's label, which is {label or 'missing'}"
    packages = server.get("packages", [])
    for package in packages if isinstance(packages, list) else [None]:
        package = package if isinstance(package, dict) else {}
        transport = package.get("transport")
        transport = transport if isinstance(transport, dict) else {}
        kind, url = transport.get("type"), transport.get("url")
        texts = (package.get(key) for key in ("registryType", "identifier"))
        if not all(is_text(text, r"\S+") for text in texts):
            yield "give each package a registryType and an identifier"
        elif package["registryType"] == "oci" and not package["identifier"].endswith(
            f":{server.get('version')}"
        ):
            yield f"end {package['identifier']} with the version, {server.get('version')}"
        if kind not in {"stdio", "streamable-http", "sse"} or (
            kind != "stdio" and not is_text(url, r"https?://\S+")
        ):
            yield "give each package a transport: stdio, or streamable-http with its url"


def main() -> None:
    label, text = sys.argv[1:]
    try:
        found = [*problems(json.loads(text), label)]
    except ValueError as error:
        found = [f"write JSON: {error}"]
    if "OWNER" in label:
        print("server.json: replace OWNER before you publish", file=sys.stderr)
    for problem in found:
        print(f"server.json: {problem}", file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
