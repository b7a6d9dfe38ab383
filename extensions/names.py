"""Names: slugs of projects, names of packages.

One self-contained file: an update of a project loads the extensions of the old and of the new template in one process,
and a helper module that both import would be the old one for both.
"""

from __future__ import annotations

import hashlib
import json
import keyword
import re
import string
import sys
import unicodedata
from collections.abc import Collection

import yaml
from jinja2 import Environment
from jinja2.ext import Extension

SLUG_MAX = 40
# A label of a host name (RFC 1123), in lower case.
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_MAX = 63
SERVERS_MAX = 20
# So that clients have room for the names of its tools; a server that the project has may have as many as a label.
SERVER_MAX = 40
# How long `mcp__<server>__<tool>` may be for a client, which is less than Cursor's 60 for both names; the tool's own share of it.
TOOL_MAX = 64
TOOL_ROOM = 12
# Names that no MCP server can have: other services, names in every container's hosts file, reserved roles and
# templates of Postgres, and the superuser of .env.defaults.
TAKEN = frozenset({"db", "app", "redis", "gateway", "nginx", "localhost", "public", "none", "dev", "template0", "template1"})
# What later versions call services of theirs. A project that has a server of such a name keeps it, as one that begins with x-.
RESERVED = frozenset({"backup", "mailcatcher", "worker", "scheduler", "migrate", "certbot", "n8n"})
SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
# The distribution project's reference grammar: a registry, which holds a dot or a port or is localhost, and parts of a path.
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::[0-9]{1,5})?"
IMAGE_NAME = rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*"
IMAGE_NAME_MAX = 255

# What a starter app imports: a package of the same name would hide the library.
LIBRARIES = frozenset(
    {"fastapi", "uvicorn", "flask", "gunicorn", "psycopg", "psycopg_binary", "redis", "starlette", "pydantic"}
    | {"anyio", "h11", "click", "jinja2", "werkzeug", "typing_extensions", "pytest", "httpx"}
)

# What the starter MCP server imports besides.
MCP_LIBRARIES = frozenset({"mcp", "mcp_types", "psycopg_pool", "sse_starlette"})


def slug(name: str) -> str:
    """Return the slug of a project's name, valid as a Compose project name and as a DNS label.

    Args:
        name: any text, also empty or without a single ASCII letter.

    Returns:
        1 to 40 characters of `[a-z0-9-]`, the first one a letter, the last one no hyphen.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    result = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    if not result:
        return "app"
    if not result[0].isalpha():
        result = f"app-{result}"
    return result[:SLUG_MAX].rstrip("-")


def slug_error(text: str) -> str:
    """Say in one short sentence what is wrong with a slug; empty for `[a-z][a-z0-9-]{0,39}`."""
    if not 1 <= len(text) <= SLUG_MAX:
        return f"Give 1 to {SLUG_MAX} characters."
    if not re.match(r"[a-z]", text):
        return "Begin with a letter from a to z."
    return "" if SLUG.fullmatch(text) else "Use only a-z, 0-9 and hyphens."


def package_name_error(name: str, starter: bool) -> str:
    """Say in one short sentence what is wrong with a package name; empty for a good one.

    Args:
        name: the name as given.
        starter: whether the starter app, which imports libraries, will live in this package.
    """
    if not name.isidentifier():
        return "Give a Python name, like my_app."
    if keyword.iskeyword(name):
        return "Choose another: it's a keyword."
    if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name, re.IGNORECASE):
        return "Choose a name that Windows allows."
    if name in sys.stdlib_module_names:
        return "Choose another: Python has it."
    if starter and name in LIBRARIES:
        return "Choose another: a library has it."
    return ""


def package_name(text: str) -> str:
    """Make a package name, valid for a starter app, of a slug or any other text."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", ascii_text).strip("_").lower()
    if not name or not name[0].isalpha():
        name = f"app_{name}".rstrip("_")
    return f"{name}_app" if package_name_error(name, starter=True) or mcp_package_error(name, starter=True) else name


def mcp_package_error(name: str, starter: bool) -> str:
    """Say in one short sentence why a package can't hold the starter MCP server; empty if it can.

    Args:
        name: the package's name, which `package_name_error` has nothing to say of.
        starter: whether the starter server will live in this package.
    """
    return f"Give another name than {name}." if starter and name in MCP_LIBRARIES else ""


def mcp_servers_error(names: object, earlier: Collection[str] | None = ()) -> str:
    """Say in one short sentence what is wrong with the names of MCP servers.

    Each is a Compose service, a host name, a folder, and with `_` for `-` a database and a role of Postgres.

    Args:
        names: the answer.
        earlier: the names of the project's servers so far, which may be refused by now; None where nobody can tell.

    Returns:
        A sentence; empty for 1 to 20 good names.
    """
    if not isinstance(names, list):
        return "Give a list, like [tasks, docs]."
    if any(name is None or isinstance(name, bool) for name in names):
        return "Quote words such as no and null."
    if not all(isinstance(name, str) for name in names):
        return "Give names, like [tasks, docs]."
    if not 1 <= len(names) <= SERVERS_MAX:
        return f"Give 1 to {SERVERS_MAX} names."
    if len({*names}) < len(names):
        return "Give each server its own name."
    return next(filter(None, (_server_error(name, earlier is None or name in earlier) for name in names)), "")


def _server_error(name: str, there: bool) -> str:
    """Say what is wrong with the name of one MCP server, which the project may have already."""
    longest = LABEL_MAX if there else SERVER_MAX
    if not 1 <= len(name) <= longest:
        return f"Give each name 1 to {longest} characters."
    if not LABEL.fullmatch(name):
        return "Use a-z, 0-9 and inner hyphens."
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name):
        return "Put a word before the number."
    # `pg-` begins Postgres' own roles, and `x-` what Compose takes for an extension when it merges files.
    if name.startswith("pg-") or (name.startswith("x-") and not there):
        return "Begin no name with pg- or x-."
    return f"Rename {name}: it is taken." if name in TAKEN or (name in RESERVED and not there) else ""


def namespace(server: str) -> str:
    """Return what the names of an MCP server's tools begin with: its name, with `_` for `-`.

    A name that would leave a tool less than `TOOL_ROOM` characters is shortened, and ends in four letters of a hash, so that two
    servers of one client differ.

    Args:
        server: the name under which clients know the server, a slug or a label.
    """
    whole, room = server.replace("-", "_"), TOOL_MAX - len(f"mcp__{server}___") - TOOL_ROOM
    if len(whole) <= room:
        return whole
    number = int.from_bytes(hashlib.sha256(server.encode()).digest()[:8], "big")
    ending = "".join(string.ascii_lowercase[number // 26**place % 26] for place in range(4))
    return f"{whole[: max(room - 5, 0)].rstrip('_')}_{ending}".lstrip("_")


def image_name_error(name: str) -> str:
    """Say in one short sentence what is wrong with the name of an image; empty for a good one.

    Args:
        name: the answer; lower-case parts with slashes between them, the first of which may be a registry with a port.
    """
    if len(name) > IMAGE_NAME_MAX:
        return f"Give at most {IMAGE_NAME_MAX} characters."
    if re.fullmatch(IMAGE_NAME, name):
        return ""
    # scripts/deploy is told the tag.
    if re.fullmatch(rf"{IMAGE_NAME}(:[\w.-]+)?(@[\w:+.-]+)?", name):
        return "Leave out the tag or digest."
    if re.fullmatch(IMAGE_NAME, name.lower()):
        return "Use lower-case letters."
    return "Give a name like example.com/my-app."


def yaml_text(text: str) -> str:
    """Return a text as YAML, in quotes unless it is a plain name that nobody takes for a number, a truth value or null."""
    # What begins with a digit is left alone: YAML 1.2 has numbers that PyYAML takes for texts.
    plain = re.fullmatch(r"[a-z][a-z0-9_-]*", text) and yaml.safe_load(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)


class NamesExtension(Extension):
    """Filters `slug`, `package_name`, `namespace` and `yaml_text`; globals `…_error`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["slug"] = slug
        environment.filters["package_name"] = package_name
        environment.filters["namespace"] = namespace
        environment.filters["yaml_text"] = yaml_text
        environment.globals["slug_error"] = slug_error
        environment.globals["package_name_error"] = package_name_error
        environment.globals["mcp_package_error"] = mcp_package_error
        environment.globals["mcp_servers_error"] = mcp_servers_error
        environment.globals["image_name_error"] = image_name_error
