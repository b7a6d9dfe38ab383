"""The files in which MCP clients look up their servers: our entries are merged into them, and taken out again.

The files are the user's: other servers, other keys, comments, indentation and line ends stay to the byte. So they are edited as
text, and what comes out is parsed and compared with what was meant before anything is written.
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import toml_text
from json_text import DECODER, Document, on_one_line, with_member, with_value, without_member

Entry = Mapping[str, Any]


class Refused(Exception):  # noqa: N818 - nothing went wrong here: the file is the user's to mend
    """Why a file is left as it is, as the predicate of a sentence."""


@dataclass(frozen=True)
class ClientFile:
    """A file in which an MCP client looks up its servers.

    Attributes:
        path: where it is in the project, with `/`; TOML where it ends so, else JSON.
        section: the key of what holds the servers by name.
        forms: returns every entry that this or an earlier release has written for a server, this release's first. It is asked for
            each name in the section, the user's included.
    """

    path: str
    section: str
    forms: Callable[[str], Sequence[Entry]]


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


def without_section(before: Document, after: Document, file: ClientFile, names: Collection[str]) -> Document:
    """Return a document without the object for servers, where it was made for those that have gone, and something else is left.

    Made for them is one that adding them to the rest makes again. A file with nothing else keeps it: clients look for it.
    """
    section = after.member(file.section)
    if section is None or len(after.value) == 1 or dict(after.value)[file.section]:
        return after
    present = dict(dict(before.value)[file.section])
    entries = {
        name: next(form for form in file.forms(name) if unordered(parsed(form)) == unordered(present[name])) for name in names
    }
    rest = Document(without_member(after, after.top, file.section))
    again = Document(carried_out(rest, file.section, entries))
    check(rest, again, file.section, entries)
    return rest if again.text == before.text else after


def merged(text: str, file: ClientFile, names: Collection[str]) -> str:
    """Return the text of a client's file with the entries of the project's servers, and without those of servers that are gone.

    Args:
        text: the file's text; what is not ours in it is kept to the letter. Blanks stand for a missing file.
        file: which file it is.
        names: the project's servers.

    Raises:
        Refused: where the text is not what it should be.
    """
    return (merged_toml if file.path.endswith(".toml") else merged_json)(text, file, names)


def merged_toml(text: str, file: ClientFile, names: Collection[str]) -> str:
    try:
        servers = tomllib.loads(text).get(file.section, {})
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"is no valid TOML ({error})") from error
    except RecursionError as error:
        raise Refused("is nested too deeply") from error
    if not isinstance(servers, dict):
        raise Refused(f"has a `{file.section}` that is no table")
    try:
        for name in dict.fromkeys([*servers, *names]):
            forms = file.forms(name)
            wanted = forms[0] if name in names else None
            ours = servers.get(name) in forms and toml_text.place_of(text, file.section, name) is not None
            if name not in servers or (ours and servers[name] != wanted):
                text = toml_text.edited(text, file.section, name, wanted)
    except ValueError as error:
        raise Refused("can't be edited without changing what is yours in it") from error
    return text


def merged_json(text: str, file: ClientFile, names: Collection[str]) -> str:
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
        if not any(plan.values()):
            with suppress(Refused, ValueError, IndexError):
                after = without_section(document, after, file, plan)
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


def in_one_line(file: ClientFile, name: str) -> str:
    """Return a server's entry as a person would add it."""
    if file.path.endswith(".toml"):
        return toml_text.in_one_line(name, file.forms(name)[0])
    return f"{on_one_line(name)}: {on_one_line(file.forms(name)[0])}"


def bring_up_to_date(folder: Path, files: Iterable[ClientFile], names: Collection[str], then: str) -> list[str]:
    """Bring the clients' files up to date: entries of the project's servers in, those of servers that are gone out.

    An entry that is no form of ours is the user's, whatever its name, and stays.

    Args:
        folder: the project.
        files: the clients' files.
        names: the project's servers; none takes out every entry of ours.
        then: what to do when a file is fixed, as a command to a reader, such as "run `copier update --trust`".

    Returns:
        A sentence for each file that had to be left as it is: why, what to do, and the entries to add by hand.
    """
    sentences = []
    for file in files:
        try:
            update(folder, file, names)
        except Refused as refused:
            entries = ", ".join(in_one_line(file, name) for name in names)
            by_hand = f"add to its `{file.section}`: {entries}"
            if not names:
                by_hand = f"take the servers that are gone out of its `{file.section}`"
            sentences.append(f"{file.path} {refused} and was left as it is: mend that and {then}, or {by_hand}")
    return sentences
