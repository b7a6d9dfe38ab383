"""JSON as its users write it, with comments and trailing commas, edited as text: what is not touched stays to the byte.

A small scanner finds the places. No library in Copier's environment edits JSON with comments in place, and the hook may not ask
for further packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BLANKS = " \t\r\n"
# A longer list has a line for each of its members.
WIDTH = 88
STRING = r'"(?:[^"\\]|\\.)*"'
# Python takes NaN and Infinity for JSON, which no client does.
TOKEN = re.compile(rf"{STRING}|//[^\r\n]*|/\*.*?\*/|NaN|Infinity", re.DOTALL)
# A comma with nothing before it is no trailing one: it is matched with its bracket, and stays.
TRAILING_COMMA = re.compile(rf"{STRING}|[\[{{]\s*,|,(?=\s*[\]}}])", re.DOTALL)
# An object becomes a tuple of pairs, which tells order and duplicates, and a number the bytes it is written with: 1 is not true.
DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_int=str.encode, parse_float=str.encode)


@dataclass(frozen=True)
class Member:
    """A member of an object: its name, and where it, its value, its end and the comma behind it are in the text."""

    name: str
    start: int
    value: int
    end: int
    comma: int | None


class Document:
    """The text of a JSON file that may have comments and trailing commas, and what is where in it."""

    def __init__(self, text: str) -> None:
        """Scan a text.

        Raises:
            json.JSONDecodeError: where it is no JSON even with comments and trailing commas.
        """
        self.text = text
        self.comments = [match.span() for match in TOKEN.finditer(text) if match[0].startswith("/")]
        # Each is as long as the text, so that a position in one is a position in all.
        self.uncommented = TOKEN.sub(blanked, text)
        self.plain = TRAILING_COMMA.sub(lambda match: " " if match[0] == "," else match[0], self.uncommented)
        self.value = DECODER.decode(self.plain)
        self.line_end = "\r\n" if "\r\n" in text else "\n"
        self.top = skipped(self.plain, 0)

    def members(self, opening: int) -> tuple[list[Member], int]:
        """Return the members of the object whose brace is at a position, and where its closing brace is."""
        members: list[Member] = []
        position = skipped(self.plain, opening + 1)
        while self.plain[position] != "}":
            name, colon = DECODER.raw_decode(self.plain, position)
            value = skipped(self.plain, skipped(self.plain, colon) + 1)
            _, end = DECODER.raw_decode(self.plain, value)
            behind = skipped(self.uncommented, end)
            comma = behind if self.uncommented[behind] == "," else None
            members.append(Member(name, position, value, end, comma))
            position = skipped(self.plain, behind if comma is None else comma + 1)
        return members, position

    def member(self, name: str) -> Member | None:
        """Return the first member of the whole that has a name."""
        return next((member for member in self.members(self.top)[0] if member.name == name), None)

    def has_comment(self, start: int, end: int) -> bool:
        return any(start <= first and last <= end for first, last in self.comments)

    def end_before(self, position: int) -> int:
        """Return where the last thing before a position ends, be it a comment: the blanks at its end belong to it."""
        token = len(self.uncommented[:position].rstrip(BLANKS))
        return max([token, *(end for _, end in self.comments if end <= position)])

    def lead(self, position: int) -> str:
        """Return what stands before a position in its line."""
        return self.text[max(self.text.rfind(end, 0, position) for end in "\r\n") + 1 : position]

    def indentation(self, position: int) -> str:
        lead = self.lead(position)
        return lead[: len(lead) - len(lead.lstrip(" \t"))]

    def indentations(self, opening: int) -> list[str]:
        """Return the indentation of each member of an object that begins a line."""
        return [lead for member in self.members(opening)[0] if not (lead := self.lead(member.start)).strip(" \t")]

    def unit(self, openings: Iterable[int]) -> str:
        """Return by how much this text indents: what a member of one of these objects has more than the object."""
        for opening in openings:
            base = self.indentation(opening)
            for indent in self.indentations(opening):
                if indent.startswith(base) and indent != base:
                    return indent.removeprefix(base)
        return "  "

    def place(self, position: int) -> str:
        return f"line {self.text.count(chr(10), 0, position) + 1}, column {len(self.lead(position)) + 1}"


def blanked(match: re.Match[str]) -> str:
    """Return blanks for a comment, what no parser takes for a constant that is no JSON, and a string as it is."""
    if match[0].startswith('"'):
        return match[0]
    return re.sub(r"[^\r\n]", " " if match[0].startswith("/") else "?", match[0])


def skipped(text: str, position: int) -> int:
    while position < len(text) and text[position] in BLANKS:
        position += 1
    return position


def edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with spans replaced, which are given in their order in it."""
    for start, end, new in reversed([*edits]):
        text = text[:start] + new + text[end:]
    return text


def on_one_line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def on_lines(value: object, indent: str, unit: str, line_end: str) -> str:
    """Return a value as JSON with a line for each member of an object; a list that is short stays on one line."""
    inner, short = indent + unit, on_one_line(value)
    if isinstance(value, list) and len(short) > WIDTH:
        lines = [f"{inner}{on_one_line(item)}" for item in value]
        return f"[{line_end}{f',{line_end}'.join(lines)}{line_end}{indent}]"
    if not isinstance(value, Mapping) or not value:
        return short
    lines = [f"{inner}{on_one_line(name)}: {on_lines(member, inner, unit, line_end)}" for name, member in value.items()]
    return f"{{{line_end}{f',{line_end}'.join(lines)}{line_end}{indent}}}"


def with_member(document: Document, opening: int, name: str, value: object, unit: str) -> str:
    """Return the text with a member more at the end of an object, in the style of those that are there."""
    text, line_end = document.text, document.line_end
    members, closing = document.members(opening)
    trailing_comma = bool(members) and members[-1].comma is not None
    end = "," if trailing_comma else ""
    edits = [(members[-1].end, members[-1].end, ",")] if members and not trailing_comma else []
    # Behind the comments, because a comment in the line of the last member is about that one.
    position = document.end_before(closing)
    if members and not re.search(r"[\r\n]", text[opening:closing]):
        return edited(text, [*edits, (position, position, f" {on_one_line(name)}: {on_one_line(value)}{end}")])
    base = document.indentation(opening)
    indent = [base + unit, *document.indentations(opening)][-1]
    new = f"{line_end}{indent}{on_one_line(name)}: {on_lines(value, indent, unit, line_end)}{end}"
    if members or re.search(r"[\r\n]", text[position:closing]):
        return edited(text, [*edits, (position, position, new)])
    return edited(text, [(position, closing, f"{new}{line_end}{base}")])


def with_value(document: Document, member: Member, value: object, unit: str) -> str:
    """Return the text with another value of a member, on one line if the present one is."""
    if re.search(r"[\r\n]", document.text[member.value : member.end]):
        new = on_lines(value, document.indentation(member.start), unit, document.line_end)
    else:
        new = on_one_line(value)
    return edited(document.text, [(member.value, member.end, new)])


def without_member(document: Document, opening: int, name: str) -> str:
    """Return the text without a member of an object, and without the comma that is one too many then."""
    text = document.text
    members, closing = document.members(opening)
    index = [member.name for member in members].index(name)
    member = members[index]
    if index + 1 < len(members) and member.comma is not None:
        # The next one moves to its place.
        behind = skipped(text, member.comma + 1)
        return edited(text, [(member.start, member.end, ""), (member.comma, behind, "")])
    behind = member.end if member.comma is None else member.comma + 1
    start = document.end_before(member.start)
    after_line_comment = any(text.startswith("//", first) for first, end in document.comments if end == start)
    if document.has_comment(member.end, closing):
        # Which would move to another's line.
        cuts = [(member.start, member.end, ""), (behind - 1, behind, "")] if member.comma else [(member.start, member.end, "")]
    else:
        # What follows in the same line would become part of the comment.
        cuts = [(member.start if after_line_comment and text[behind] not in "\r\n" else start, behind, "")]
    if member.comma is None and index and (comma := members[index - 1].comma) is not None:
        cuts.insert(0, (comma, comma + 1, ""))
    left = Document(edited(text, cuts))
    closing = left.members(opening)[1]
    empty = not left.text[opening + 1 : closing].strip(BLANKS)
    return edited(left.text, [(opening + 1, closing, "")]) if empty else left.text
