"""TOML as its users write it, edited as text: what is not touched stays to the byte, comments included.

A table that holds others by name, such as `mcp_servers`, gets tables of ours at the end of the text, and loses them again. No
library in Copier's environment edits TOML in place, so that each step is parsed and compared with what was meant.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from json_text import WIDTH, on_one_line


def key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def table(section: str, name: str, entry: Mapping[str, Any], line_end: str) -> str:
    """Return an entry of texts and lists of texts as a table, without the end of its last line."""
    lines = [f"[{section}.{key(name)}]"]
    for field, value in entry.items():
        line = f"{key(field)} = {on_one_line(value)}"
        several = [f"{key(field)} = [", *(f"  {on_one_line(item)}," for item in value), "]"]
        lines += several if isinstance(value, list) and len(line) > WIDTH else [line]
    return line_end.join(lines)


def in_one_line(name: str, entry: Mapping[str, Any]) -> str:
    """Return the same as a line below the head of all of them."""
    return f"{key(name)} = {{ {', '.join(f'{key(field)} = {on_one_line(value)}' for field, value in entry.items())} }}"


def with_table(text: str, new: str, line_end: str) -> str:
    """Return a text with a table at its end, whose last line has an end if the text's had one."""
    if not text:
        return new + line_end
    return text + line_end + (new + line_end if text.endswith("\n") else line_end + new)


def without_table(text: str, place: tuple[int, int]) -> str:
    """Return a text without a table, and without the line ends that `with_table` has put before it."""
    before, after = text[: place[0]], text[place[1] :]
    if text[: place[1]].endswith("\n"):
        return re.sub(r"(\A|\n)\r?\n\Z", r"\1", before) + after
    return re.sub(r"\r?\n\r?\n\Z", "", before) + after


def said_besides(data: Mapping[str, Any], section: str, name: str) -> str:
    """Return what is said besides one table, as a text, which tells order and types, and takes each NaN for the same."""
    others = {other: value for other, value in data.get(section, {}).items() if other != name}
    return repr(([(other, value) for other, value in data.items() if other != section], others))


def spans(text: str, section: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield where a table may be: from its head to the next head, comment or blank line."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for number, line in enumerate(lines):
        try:
            is_head = line.lstrip(" \t").startswith("[") and tomllib.loads(line) == {section: {name: {}}}
        except tomllib.TOMLDecodeError:
            continue
        if is_head:
            end = number + 1
            while end < len(lines) and not re.match(r"[ \t]*(\[|#|\r?\n?\Z)", lines[end]):
                end += 1
            yield starts[number], starts[end]


def place_of(text: str, section: str, name: str) -> tuple[int, int] | None:
    """Return where a table is; None where it is not in one piece, or has a comment in it."""
    meant = said_besides(tomllib.loads(text), section, name)
    for start, end in spans(text, section, name):
        try:
            left = tomllib.loads(text[:start] + text[end:])
        except tomllib.TOMLDecodeError:
            continue
        if "#" not in text[start:end] and name not in left.get(section, {}) and said_besides(left, section, name) == meant:
            return start, end
    return None


def edited(text: str, section: str, name: str, entry: Mapping[str, Any] | None) -> str:
    """Return a text in which a table says something else, is new, or is gone.

    Args:
        text: valid TOML, in which the table is missing, or has a place.
        section: the table of all of them.
        name: which one.
        entry: what it is to say; None where it goes.

    Raises:
        ValueError: where that can't be done without changing something else.
    """
    line_end = "\r\n" if "\r\n" in text else "\n"
    place = place_of(text, section, name)
    if entry is None:
        after = without_table(text, place) if place else text
    elif place:
        end = line_end if text[: place[1]].endswith("\n") else ""
        after = text[: place[0]] + table(section, name, entry, line_end) + end + text[place[1] :]
    else:
        after = with_table(text, table(section, name, entry, line_end), line_end)
    before, said = tomllib.loads(text), tomllib.loads(after)
    if said.get(section, {}).get(name) != entry or said_besides(before, section, name) != said_besides(said, section, name):
        raise ValueError(f"{section}.{name}")
    return after
