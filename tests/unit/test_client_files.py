"""Our entries in the JSON files of MCP clients come and go, and what is the user's stays."""

from __future__ import annotations

import json
import re
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import files
from tests.unit.mcp_clients import NAMES, THEN, bring, client_files, entry, few, merge, older, pairs

tricky = st.sampled_from(
    ["//", "/* no comment */", '{"', '\\"', '"', "\\", ",}", ", ]", "NaN", "\u2028", "\ufeff", "ü", "💥", ""]
)
texts = tricky | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=4)
other_names = texts.filter(lambda name: name != "mcpServers")
others = st.dictionaries(other_names, values, max_size=2)
sections = st.dictionaries(texts.filter(lambda name: name not in NAMES), values, max_size=3)
with_section = st.tuples(others, sections, others).map(lambda parts: {**parts[0], "mcpServers": parts[1], **parts[2]})
with_others_in_section = with_section.filter(lambda content: content["mcpServers"])
indents = st.sampled_from([None, 0, 1, 2, 4, "\t"])
line_ends = st.sampled_from(["\n", "\r\n"])
FILLERS = ["", "", " ", "\t", "\n", " \n", "\r\n  ", '/* { " */', "/*\n*/ ", '// "}\n', "//x  \r\n", " // ,\n\n\t"]
fillers = st.lists(st.sampled_from(FILLERS), min_size=1, max_size=9)


def comments(text: str) -> list[str]:
    document = client_files.Document(text)
    return [text[start:end] for start, end in document.comments]


def dumped(content: object, indent: int | str | None, line_end: str, ending: bool) -> str:
    return (json.dumps(content, indent=indent) + "\n" * ending).replace("\n", line_end)


def commented(content: object, between: list[str], trailing_commas: bool) -> str:
    """Return JSON with comments and blanks between any two tokens, and commas behind last members."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[^\s",:{}\[\]]+|[,:{}\[\]]', json.dumps(content))
    if trailing_commas:
        last = [token in "}]" and before not in "{[" for before, token in zip(["{", *tokens], tokens, strict=False)]
        tokens = [*chain.from_iterable([",", token] if comma else [token] for comma, token in zip(last, tokens, strict=True))]
    return "".join(chain.from_iterable(zip(cycle(between), tokens, strict=False))) + between[0]


@few
@given(others | with_section, indents, line_ends, st.booleans())
def test_a_merged_file_is_the_users_with_ours_behind(
    content: dict[str, Any], indent: int | str | None, line_end: str, ending: bool
) -> None:
    after = merge(dumped(content, indent, line_end, ending), *NAMES)
    meant = {**content, "mcpServers": {**content.get("mcpServers", {}), **{name: entry(name) for name in NAMES}}}
    # Texts, because these tell the order.
    assert json.dumps(json.loads(after)) == json.dumps(meant)
    assert "\r\n" not in dumped(content, indent, line_end, ending) or re.findall(r"(?<!\r)\n", after) == []
    assert merge(after, *NAMES) == after


@few
@given(with_others_in_section, indents, line_ends, st.booleans())
def test_ours_in_and_out_again_leaves_every_byte_of_a_section_with_others(
    content: dict[str, Any], indent: int | str | None, line_end: str, ending: bool
) -> None:
    before = dumped(content, indent, line_end, ending)
    after = merge(before, *NAMES)
    assert merge(after) == before
    assert merge(merge(after, "notes")) == before
    assert merge(after, "notes") == merge(before, "notes")


@few
@given(with_others_in_section, fillers, st.booleans())
def test_that_holds_with_comments_anywhere_and_trailing_commas(
    content: dict[str, Any], between: list[str], trailing: bool
) -> None:
    before = commented(content, between, trailing)
    assert json.loads(client_files.Document(before).plain) == content
    after = merge(before, *NAMES)
    assert pairs(after) == pairs(
        json.dumps({**content, "mcpServers": {**content["mcpServers"], **{name: entry(name) for name in NAMES}}})
    )
    assert merge(after, *NAMES) == after
    assert merge(after) == before


@few
@given(st.dictionaries(other_names, values, min_size=1, max_size=2), indents, fillers, st.booleans())
def test_ours_in_and_out_again_leaves_every_byte_of_a_file_without_a_section(
    content: dict[str, Any], indent: int | str | None, between: list[str], trailing: bool
) -> None:
    for before in (dumped(content, indent, "\n", True), commented(content, between, trailing)):
        after = merge(before, *NAMES)
        assert merge(after) == before
        assert merge(merge(after, "notes")) == before


@few
@given(others, indents, fillers, st.booleans())
def test_an_empty_section_of_a_file_with_nothing_else_remains(
    content: dict[str, Any], indent: int | str | None, between: list[str], trailing: bool
) -> None:
    content = {**content, "mcpServers": {}}
    for before in (dumped(content, indent, "\n", True), commented(content, between, trailing), ""):
        after = merge(merge(before, *NAMES))
        # Beside something else nobody can tell whose an empty one was.
        rest = {name: value for name, value in content.items() if name != "mcpServers"} if before else {}
        assert pairs(after) in [pairs(json.dumps({**rest, "mcpServers": {}})), *([pairs(json.dumps(rest))] if rest else [])]


@few
@given(with_section, fillers, st.booleans(), st.permutations([*NAMES, "old", "gone", "gone too"]), st.booleans(), indents)
def test_entries_are_renewed_and_go_wherever_they_stand(
    content: dict[str, Any], between: list[str], trailing: bool, order: list[str], first: bool, indent: int | str | None
) -> None:
    ours = {name: older(name) if name.startswith(("old", "gone t")) else entry(name) for name in order}
    theirs = {name: value for name, value in content["mcpServers"].items() if name not in ours}
    # No comments in ours: with one, it is the user's.
    marks = {f"<ours: {name}>": 0 for name in ours}
    before = commented({**content, "mcpServers": {**marks, **theirs} if first else {**theirs, **marks}}, between, trailing)
    for name in ours:
        member = f"{json.dumps(name)}: {json.dumps(ours[name], indent=indent)}"
        before = re.sub(f'"<ours: {name}>"[^:]*:[^0]*0', member, before)
    after = merge(before, *NAMES, "old")
    current = {name: entry(name) for name in order if not name.startswith("gone")}
    servers = {**current, **theirs} if first else {**theirs, **current}
    assert pairs(after) == pairs(json.dumps({**content, "mcpServers": servers}))
    assert comments(after) == comments(before)


@given(st.text('{}[],:"\\/ *\n1a', max_size=12) | st.text(max_size=8))
@example('{"a": 1,,}')
@example("{,}")
@example('{"a": NaN}')
@example('"' * 999)
def test_any_text_is_merged_into_or_refused(text: str) -> None:
    try:
        after = merge(text, *NAMES)
    except client_files.Refused:
        return
    assert after.count('"docker"') == len(NAMES)
    assert merge(after, *NAMES) == after


@pytest.mark.parametrize(
    "theirs",
    [
        '{"command": "docker", "args": ["compose", "run", "--rm", "tasks"]}',
        '{"command": "docker", "args": ["compose", "run", "tasks"], "env": {}}',
        '{"command": "docker", "command": "docker", "args": ["compose", "run", "tasks"]}',
        '{"command": "docker", /* Mine. */ "args": ["compose", "run", "tasks"]}',
        '{"command": "docker-compose", "args": ["run", "tasks"], "env": {"A": 1}}',
        '{"url": "http://localhost"}',
        "null",
    ],
)
@pytest.mark.parametrize("names", [["tasks"], []])
def test_an_entry_that_the_user_has_edited_stays(theirs: str, names: list[str]) -> None:
    text = f'{{"mcpServers": {{"tasks": {theirs}}}}}'
    assert merge(text, *names) == text


def test_an_entry_whose_keys_were_sorted_is_still_ours() -> None:
    text = json.dumps({"mcpServers": {"tasks": entry("tasks"), "a": {}}}, sort_keys=True)
    assert merge(text, "tasks") == text
    assert merge(text) == '{"mcpServers": {"a": {}}}'


BROKEN = {
    "[]": "is no JSON object",
    "// nothing but this": "is no valid JSON (line 1, column 20: Expecting value)",
    '{\n  "a": 1\n  "b": 2\n}': "is no valid JSON (line 3, column 3: Expecting ',' delimiter)",
    '{"a": 1} x': "is no valid JSON (line 1, column 10: Extra data)",
    '{"a": -Infinity}': "is no valid JSON (line 1, column 7: Expecting value)",
    '{"a": 1, /* }': "is no valid JSON (line 1, column 10: Expecting property name enclosed in double quotes)",
    "{,}": "is no valid JSON (line 1, column 2: Expecting property name enclosed in double quotes)",
    '{"mcpServers": 1}': "has a `mcpServers` that is no object (line 1, column 16)",
    '{"mcpServers": {},\r\n "mcpServers": {}}': "has `mcpServers` twice (line 2, column 2)",
    json.dumps({"mcpServers": {"tasks": older("tasks"), "b": older("tasks")}}).replace('"b"', '"tasks"'): (
        "has `tasks` twice in `mcpServers` (line 1, column 17)"
    ),
    '{"a": ' + "[" * 100_000: "is nested too deeply",
}


@pytest.mark.parametrize(("text", "why"), BROKEN.items(), ids=BROKEN.values())
def test_a_file_that_cannot_be_understood_is_left_and_the_sentence_says_where_and_what(
    text: str, why: str, tmp_path: Path
) -> None:
    path = tmp_path / ".mcp.json"
    path.write_bytes(text.encode())
    by_hand = 'add to its `mcpServers`: "tasks": {"command": "docker", "args": ["compose", "run", "tasks"]}'
    assert bring(tmp_path, "tasks") == [f".mcp.json {why} and was left as it is: mend that and {THEN}, or {by_hand}"]
    assert files(tmp_path) == {".mcp.json": text.encode()}
    # Without a server nothing is missing in it.
    assert bring(tmp_path) == []


def test_bytes_that_are_no_utf_8_are_left(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_bytes(b'{\n"a": "caf\xe9"}')
    assert bring(tmp_path, "tasks")[0].startswith(".mcp.json is no UTF-8 (line 2, byte 10) and was left as it is")
    assert (tmp_path / ".mcp.json").read_bytes() == b'{\n"a": "caf\xe9"}'


@pytest.mark.parametrize(
    "after",
    [
        '{"a": 2, /* c */ "mcpServers": {"tasks": {}}}',
        '{"a": 1, "mcpServers": {"tasks": {}}}',
        '{"mcpServers": {"tasks": {}}, /* c */ "a": 1}',
        '{"a": 1, /* c */ "mcpServers": {}}',
        '{"a": true, /* c */ "mcpServers": {"tasks": {}}}',
    ],
)
def test_a_text_that_says_something_else_than_was_meant_is_not_written(after: str) -> None:
    before = client_files.Document('{"a": 1 /* c */}')
    plan: dict[str, dict[str, Any]] = {"tasks": {}}
    client_files.check(before, client_files.Document('{"a": 1, /* c */ "mcpServers": {"tasks": {}}}'), "mcpServers", plan)
    with pytest.raises(client_files.Refused, match="what is yours"):
        client_files.check(before, client_files.Document(after), "mcpServers", plan)
