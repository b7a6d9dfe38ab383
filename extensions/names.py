"""Names: slugs of projects, names of packages.

One self-contained file: an update of a project loads the extensions of the old and of the new template in one process,
and a helper module that both import would be the old one for both.
"""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata

from jinja2 import Environment
from jinja2.ext import Extension

SLUG_MAX = 40
SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
# What a starter app imports: a package of the same name would hide the library.
LIBRARIES = frozenset(
    {"fastapi", "uvicorn", "flask", "gunicorn", "psycopg", "psycopg_binary", "redis", "starlette", "pydantic"}
    | {"anyio", "h11", "click", "jinja2", "werkzeug", "typing_extensions", "pytest", "httpx"}
)


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
    return f"{name}_app" if package_name_error(name, starter=True) else name


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
    """Filters `slug` and `package_name`; globals `is_…` and `package_name_error`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["slug"] = slug
        environment.filters["package_name"] = package_name
        environment.globals["is_slug"] = is_slug
        environment.globals["is_whole"] = is_whole
        environment.globals["is_list_of_text"] = is_list_of_text
        environment.globals["is_printable"] = is_printable
        environment.globals["package_name_error"] = package_name_error
