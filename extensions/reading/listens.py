"""Which port a command says that it listens on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

# Options with a port, and those with an address that may have one; a letter alone can mean something else, such as processes.
PORT = re.compile(r"--(?:(?:server|http|web|listen)[.-])?port")
ADDRESS = re.compile(r"--(?:bind|listen|host|addr|address|http|http-socket)")
LETTERS = {"-p": re.compile(r"(80|443|\d{4,5})"), "-b": re.compile(r"\S*:(\d+)")}
VARIABLE = re.compile(r"(?:(?:\w+_)?(?:SERVER|UVICORN|RUN|WEB|APP|HTTP|LISTEN)_)?PORT=(\d+)")
# What stands alone only where somebody listens: all addresses of a machine.
EVERYWHERE = re.compile(r"(?:0\.0\.0\.0|\[::\]|\*)?:(\d+)")
SERVES = re.compile(r"runserver(?:_plus)?|http\.server")
AT = re.compile(r"(?:\S*:)?(\d+)")
DEFAULT = re.compile(r"\$\{\w+:?-(\d+)\}")
SHELLS = frozenset({"sh", "bash", "ash", "dash"})


def words_of(command: str) -> list[str]:
    """Return the words of a command, with those of a script that a shell is given in its place; none for what is not closed."""
    try:
        words = shlex.split(DEFAULT.sub(r"\1", command))
    except ValueError:
        return []
    for number, word in enumerate(words[:-2]):
        if word.rpartition("/")[2] in SHELLS and re.fullmatch(r"-\w*c", words[number + 1]):
            return [*words[:number], *words_of(words[number + 2])]
    return words


def said(before: str, word: str) -> Iterator[re.Match[str] | None]:
    """Yield what a word may say of a port, by the word before it."""
    option, equals, value = word.partition("=")
    for name, text in ((before, word), (option, value if equals else "")):
        if PORT.fullmatch(name):
            yield re.fullmatch(r"(\d+)", text)
        elif ADDRESS.fullmatch(name):
            yield re.fullmatch(r"\S*:(\d+)", text)
    for letter, form in LETTERS.items():
        yield form.fullmatch(word if before == letter else word.removeprefix(letter).lstrip("=") if word[:2] == letter else "")
    yield AT.fullmatch(word) if SERVES.fullmatch(before) else EVERYWHERE.fullmatch(word)


def named_port(command: str) -> int:
    """Return the port that a command says, as `--port 9000` or `0.0.0.0:9000`; 0 where it says none.

    Args:
        command: shell words.
    """
    words = words_of(command)
    found = [match for before, word in pairwise(["", *words]) for match in said(before, word)]
    # What the command says itself has the last word.
    found += map(VARIABLE.fullmatch, words)
    ports = (int(match[1]) for match in found if match)
    return next((port for port in ports if 0 < port < 65536), 0)
