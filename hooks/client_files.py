"""The JSON files in which MCP clients look up their servers: our entries are merged into them, and taken out again.

The files are the user's: other servers, other keys, comments, indentation and line ends stay to the byte. So they are edited as
text, at the places that a small scanner finds: no library in Copier's environment edits JSON with comments in place, and the hook
may not ask for further packages. What comes out is parsed and compared with what was meant before anything is written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Entry = Mapping[str, Any]

BLANKS = " \t\r\n"
STRING = r'"(?:[^"\\]|\\.)*"'
# Python takes NaN and Infinity for JSON, which no client does.
TOKEN = re.compile(rf"{STRING}|//[^\r\n]*|/\*.*?\*/|NaN|Infinity", re.DOTALL)
# A comma with nothing before it is no trailing one: it is matched with its bracket, and stays.
TRAILING_COMMA = re.compile(rf"{STRING}|[\[{{]\s*,|,(?=\s*[\]}}])", re.DOTALL)
# An object becomes a tuple of pairs, which tells order and duplicates, and a number the bytes it is written with: 1 is not true.
DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_int=str.encode, parse_float=str.encode)


class Refused(Exception):  # noqa: N818 - nothing went wrong here: the file is the user's to mend
    """Why a file is left as it is, as the predicate of a sentence."""


@dataclass(frozen=True)
class ClientFile:
    """A file in which an MCP client looks up its servers.

    Attributes:
        path: where it is in the project, with `/`.
        section: the key of the object that holds the servers by name.
        forms: returns every entry that this or an earlier release has written for a server, this release's first. It is asked for
            each name in the section, the user's included.
    """

    path: str
    section: str
    forms: Callable[[str], Sequence[Entry]]


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
    """Return a value as JSON with a line for each member of an object; a list stays on one line."""
    if not isinstance(value, Mapping) or not value:
        return on_one_line(value)
    inner = indent + unit
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


def unordered(value: Any) -> Any:
    """Return a parsed value with the members of its objects by name: it is the same entry in whatever order."""
    if isinstance(value, tuple):
        return tuple(sorted(((name, unordered(member)) for name, member in value), key=lambda pair: pair[0]))
    return [unordered(item) for item in value] if isinstance(value, list) else value


def parsed(value: object) -> Any:
    return DECODER.decode(json.dumps(value))


def planned(document: Document, file: ClientFile, names: Collection[str]) -> dict[str, Entry | None]:
    """Return what is to be done: by name, the entry that a server is to have, or None for a server that is gone.

    Args:
        document: the file's content.
        file: which file it is.
        names: the project's servers.

    Raises:
        Refused: where it can't be done in this file.
    """
    if not isinstance(document.value, tuple):
        raise Refused("is no JSON object")
    sections = [member for member in document.members(document.top)[0] if member.name == file.section]
    if len(sections) > 1:
        raise Refused(f"has `{file.section}` twice ({document.place(sections[1].start)})")
    if sections and document.plain[sections[0].value] != "{":
        raise Refused(f"has a `{file.section}` that is no object ({document.place(sections[0].value)})")
    members = document.members(sections[0].value)[0] if sections else []
    plan: dict[str, Entry | None] = {name: file.forms(name)[0] for name in names}
    for member in members:
        forms = [unordered(parsed(form)) for form in file.forms(member.name)]
        present = unordered(DECODER.raw_decode(document.plain, member.value)[0])
        # With a comment in it, it has become the user's.
        ours = present in forms and not document.has_comment(member.start, member.end)
        if member.name not in names:
            if ours:
                plan[member.name] = None
        elif not ours or present == forms[0]:
            plan.pop(member.name, None)
    for member in members:
        if member.name in plan and [other.name for other in members].count(member.name) > 1:
            raise Refused(f"has `{member.name}` twice in `{file.section}` ({document.place(member.start)})")
    return plan


def carried_out(document: Document, section: str, plan: Mapping[str, Entry | None]) -> str:
    """Return the text in which a plan is carried out."""
    present = document.member(section)
    unit = document.unit([document.top, *([present.value] if present else [])])
    if present is None:
        return with_member(document, document.top, section, plan, unit)
    text, opening = document.text, present.value
    # First what is added, which takes after what is there.
    for name, entry in sorted(plan.items(), key=lambda item: item[1] is None):
        document = Document(text)
        member = next((member for member in document.members(opening)[0] if member.name == name), None)
        if entry is None:
            text = without_member(document, opening, name)
        elif member is None:
            text = with_member(document, opening, name, entry, unit)
        else:
            text = with_value(document, member, entry, unit)
    return text


def check(before: Document, after: Document, section: str, plan: Mapping[str, Entry | None]) -> None:
    """See that a new text says what the old one said but for what was planned, with the same comments and order.

    Raises:
        Refused: where it does not.
    """
    present = dict(before.value).get(section, ())
    new = {name: parsed(entry) for name, entry in plan.items() if entry is not None}
    meant = [(name, new.get(name, value)) for name, value in present if name not in plan or name in new]
    meant += [(name, value) for name, value in new.items() if name not in dict(present)]
    whole = [(name, tuple(meant) if name == section else value) for name, value in before.value]
    if section not in dict(before.value):
        whole.append((section, tuple(meant)))
    comments = [[document.text[start:end] for start, end in document.comments] for document in (before, after)]
    if after.value != tuple(whole) or comments[0] != comments[1]:
        raise Refused("can't be edited without changing what is yours in it")


def merged(text: str, file: ClientFile, names: Collection[str]) -> str:
    """Return the text of a client's file with the entries of the project's servers, and without those of servers that are gone.

    Args:
        text: the file's text; what is not ours in it is kept to the letter. Blanks stand for a missing file.
        file: which file it is.
        names: the project's servers.

    Raises:
        Refused: where the text is not what it should be.
    """
    try:
        document = Document(text if text.strip() else "{}\n")
        plan = planned(document, file, names)
    except json.JSONDecodeError as error:
        raise Refused(f"is no valid JSON (line {error.lineno}, column {error.colno}: {error.msg})") from error
    except RecursionError as error:
        raise Refused("is nested too deeply") from error
    if not plan:
        return text
    try:
        after = Document(carried_out(document, file.section, plan))
        check(document, after, file.section, plan)
    except (ValueError, IndexError, RecursionError) as error:
        raise Refused("can't be edited without changing what is yours in it") from error
    return after.text


def read(path: Path) -> str:
    """Return a file's text, a byte order mark included; empty where there is none.

    Raises:
        Refused: where it can't be read.
    """
    try:
        # Reading a pipe would wait for ever.
        if path.exists() and not path.is_file():
            raise Refused("is no file")
        data = path.read_bytes()
        return data.decode("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Refused(f"can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        raise Refused(f"is no UTF-8 (line {line}, byte {column})") from error


def write(path: Path, text: str) -> None:
    """Write a file as a whole or not at all. A link stays one, and a file keeps its mode.

    Raises:
        OSError: where that can't be done.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    new = target.with_name(f".{target.name}.{os.getpid()}")
    if target.exists():
        # A read-only file could be replaced, and is not meant to be.
        target.open("ab").close()
    try:
        with new.open("xb") as stream:
            stream.write(text.encode())
        if target.exists():
            shutil.copymode(target, new)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


def update(folder: Path, file: ClientFile, names: Collection[str]) -> None:
    """Bring one file up to date.

    Args:
        folder: the project.
        file: which file; made where there is none.
        names: the project's servers.

    Raises:
        Refused: where it was left as it is. Without a server nothing is missing in a file that can't be understood: it passes.
    """
    path = folder / file.path
    try:
        content = read(path)
        before = content.removeprefix("\ufeff")
        after = merged(before, file, names)
    except Refused:
        if names:
            raise
        return
    if after == before:
        return
    try:
        # Also where no server is left in it: an update of Copier's brings a file back that a task has removed.
        write(path, content.removesuffix(before) + after)
    except OSError as error:
        raise Refused(f"can't be written ({error.strerror})") from error


def bring_up_to_date(folder: Path, files: Iterable[ClientFile], names: Collection[str], then: str) -> list[str]:
    """Bring the clients' files up to date: entries of the project's servers in, those of servers that are gone out.

    An entry that is no form of ours is the user's, whatever its name, and stays.

    Args:
        folder: the project.
        files: the clients' files.
        names: the project's servers; none takes out every entry of ours.
        then: what to do when a file is mended, as a command to a reader, such as "run `copier update --trust`".

    Returns:
        A sentence for each file that had to be left as it is: why, what to do, and the entries to add by hand.
    """
    sentences = []
    for file in files:
        try:
            update(folder, file, names)
        except Refused as refused:
            entries = ", ".join(f"{on_one_line(name)}: {on_one_line(file.forms(name)[0])}" for name in names)
            by_hand = f"add to its `{file.section}`: {entries}"
            if not names:
                by_hand = f"take the servers that are gone out of its `{file.section}`"
            sentences.append(f"{file.path} {refused} and was left as it is: mend that and {then}, or {by_hand}")
    return sentences
