"""The arguments of a Dockerfile's instructions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath


def texts_in(argument: str) -> list[str] | None:
    """Return the words of an instruction's exec form; None for the shell form, which is all that is no list of texts in JSON."""
    try:
        words = json.loads(argument)
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def resolve(text: str, values: Mapping[str, str]) -> str:
    """Put the values of variables into an argument; one that is not known stays as it is written."""

    def value(found: re.Match[str]) -> str:
        name, default = found[1] or found[2], found[3]
        return values.get(name) or (default if default is not None else values.get(name, found[0]))

    return re.sub(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})", value, text)


def paths_of(argument: str) -> list[str]:
    """Return the paths that a COPY or ADD takes."""
    words = texts_in(re.sub(r"^(?:--\S+\s+)+", "", argument)) or argument.split()
    return [str(PurePosixPath(word)) for word in words[:-1] if not word.startswith("--")]


def sources_of(argument: str) -> list[str]:
    """Return the paths of the project that a COPY or ADD takes, none where it copies from another stage."""
    return [] if "--from=" in argument else paths_of(argument)
