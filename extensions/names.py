"""Names: slugs of projects, names of packages.

One self-contained file: an update of a project loads the extensions of the old and of the new template in one process,
and a helper module that both import would be the old one for both.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
import unicodedata

import yaml
from jinja2 import Environment
from jinja2.ext import Extension

SLUG_MAX = 40
# A label of a host name (RFC 1123), in lower case.
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SERVERS_MAX = 20
# Names that no MCP server can have: other services, names in every container's hosts file, reserved roles and
# templates of Postgres, and the superuser of .env.defaults.
TAKEN = frozenset({"db", "app", "redis", "gateway", "nginx", "localhost", "public", "none", "dev", "template0", "template1"})
SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
# What a starter app imports: a package of the same name would hide the library.
# The distribution project's reference grammar: a registry, which holds a dot or a port or is localhost, and parts of a path.
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::[0-9]{1,5})?"
IMAGE_NAME = rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*"
IMAGE_NAME_MAX = 255

LIBRARIES = frozenset(
    {"fastapi", "uvicorn", "flask", "gunicorn", "psycopg", "psycopg_binary", "redis", "starlette", "pydantic"}
    | {"anyio", "h11", "click", "jinja2", "werkzeug", "typing_extensions", "pytest", "httpx"}
)

# What the starter MCP server imports besides.
MCP_LIBRARIES = frozenset({"mcp", "mcp_types"})


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


def is_slug(text: str) -> bool:
    """Tell whether a text is `[a-z][a-z0-9-]{0,39}`."""
    return SLUG.fullmatch(text) is not None


def package_name_error(name: str, starter: bool) -> str:
    """Say in one sentence what is wrong with a package name.

    Args:
        name: the name as given.
        starter: whether the starter app, which imports libraries, will live in this package.

    Returns:
        A sentence that stands alone; empty for a good name.
    """
    if not name.isidentifier():
        return f"package_name {name!r} is not a Python name: use letters, digits and _, and no digit first, like my_app."
    if keyword.iskeyword(name):
        return f"package_name {name!r} is a keyword of Python: choose another, like {name.lower()}_app."
    if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name, re.IGNORECASE):
        return f"package_name {name!r} can't be a folder on Windows: choose another, like {name}_app."
    if name in sys.stdlib_module_names:
        return f"package_name {name!r} is a module of Python's standard library: choose another, like {name}_app."
    if starter and name in LIBRARIES:
        return f"package_name {name!r} would hide the library of that name from the starter app: choose another, like {name}_app."
    return ""


def package_name(text: str) -> str:
    """Make a package name, valid for a starter app, of a slug or any other text."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", ascii_text).strip("_").lower()
    if not name or not name[0].isalpha():
        name = f"app_{name}".rstrip("_")
    return f"{name}_app" if package_name_error(name, starter=True) or mcp_package_error(name, starter=True) else name


def mcp_package_error(name: str, starter: bool) -> str:
    """Say in one sentence why a package can't hold the starter MCP server; empty if it can.

    Args:
        name: the package's name, which `package_name_error` has nothing to say of.
        starter: whether the starter server will live in this package.
    """
    if starter and name in MCP_LIBRARIES:
        return f"package_name {name!r} would hide the library of that name from the MCP server: choose another, like {name}_app."
    return ""


def mcp_servers_error(names: object) -> str:
    """Say in one sentence what is wrong with the names of MCP servers.

    Each is a Compose service, a host name, a folder, and with `_` for `-` a database and a role of Postgres.

    Returns:
        A sentence that stands alone; empty for 1 to 20 good names.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "mcp_servers must be a list of names, such as [tasks, docs]; a word such as no or null needs quotes."
    if not 1 <= len(names) <= SERVERS_MAX:
        return f"mcp_servers holds {len(names)} names: give 1 to {SERVERS_MAX}, such as [tasks, docs]."
    for name in names:
        if not LABEL.fullmatch(name):
            return (
                f"mcp_servers: {name!r} is no host name: use lower-case letters, digits and hyphens, 1 to 63 of them, "
                "and no hyphen first or last."
            )
        if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name):
            return f"mcp_servers: {name!r} would be taken for an IP address: put a word before it, like server-{name}."
        if names.count(name) > 1:
            return f"mcp_servers: {name!r} is there twice, and each server needs a name of its own."
        if name in TAKEN or name.startswith("pg-"):
            return f"mcp_servers: {name!r} is taken, by Compose, by Postgres or by another service: choose another."
    return ""


def image_name_error(name: str) -> str:
    """Say in one sentence what is wrong with the name of an image; empty for a good one.

    Args:
        name: the answer; lower-case parts with slashes between them, the first of which may be a registry with a port.
    """
    if re.fullmatch(IMAGE_NAME, name) and len(name) <= IMAGE_NAME_MAX:
        return ""
    if len(name) <= IMAGE_NAME_MAX and re.fullmatch(rf"{IMAGE_NAME}(:[\w.-]+)?(@[\w:+.-]+)?", name):
        return f"image_name {name!r} must be without a tag, which scripts/deploy is told: leave out all after its last : or @."
    return f"image_name {name!r} is no image's name: give one such as registry.example.com/team/app, in lower-case letters."


def yaml_text(text: str) -> str:
    """Return a text as YAML, in quotes unless it is a plain name that nobody takes for a number, a truth value or null."""
    # What begins with a digit is left alone: YAML 1.2 has numbers that PyYAML takes for texts.
    plain = re.fullmatch(r"[a-z][a-z0-9_-]*", text) and yaml.safe_load(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)


def is_printable(text: str) -> bool:
    """Tell whether a text has a visible character and no control character, such as a line break."""
    return bool(text.strip()) and text.isprintable()


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number, or a text of one."""
    return re.fullmatch(r"-?[0-9]+", str(value).strip()) is not None


def is_list_of_text(value: object) -> bool:
    """Tell whether a value is a list that holds nothing but texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


class NamesExtension(Extension):
    """Filters `slug`, `package_name` and `yaml_text`; globals `is_…` and `…_error`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["slug"] = slug
        environment.filters["package_name"] = package_name
        environment.filters["yaml_text"] = yaml_text
        environment.globals["is_slug"] = is_slug
        environment.globals["is_whole"] = is_whole
        environment.globals["is_list_of_text"] = is_list_of_text
        environment.globals["is_printable"] = is_printable
        environment.globals["package_name_error"] = package_name_error
        environment.globals["mcp_package_error"] = mcp_package_error
        environment.globals["mcp_servers_error"] = mcp_servers_error
        environment.globals["image_name_error"] = image_name_error
