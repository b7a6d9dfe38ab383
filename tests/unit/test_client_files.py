"""Our entries in the JSON files of MCP clients come and go, and what is the user's stays."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import ROOT, files, load, run, without_privileges

client_files = load(ROOT / "hooks" / "client_files.py", "client_files")
NAMES = ["tasks", "notes"]
THEN = "run `copier update --trust`"


def entry(name: str) -> dict[str, Any]:
    return {"command": "docker", "args": ["compose", "run", name]}


def older(name: str) -> dict[str, Any]:
    return {"command": "docker-compose", "args": ["run", name], "env": {"A": "1"}}


CLAUDE = client_files.ClientFile(".mcp.json", "mcpServers", lambda name: [entry(name), older(name)])
VSCODE = client_files.ClientFile(".vscode/mcp.json", "servers", lambda name: [{"type": "stdio", **entry(name)}])
CURSOR = client_files.ClientFile(".cursor/mcp.json", "mcpServers", lambda name: [entry(name)])
CLIENTS = [CLAUDE, VSCODE, CURSOR]
# Each example is a whole file: half as many as usual find what is wrong as well.
few = settings(max_examples=50)


def merge(text: str, *names: str) -> str:
    after = client_files.merged(text, CLAUDE, names)
    assert isinstance(after, str)
    return after


def bring(folder: Path, *names: str) -> list[str]:
    said = client_files.bring_up_to_date(folder, [CLAUDE], names, THEN)
    assert isinstance(said, list)
    return said


def pairs(text: str) -> Any:
    """Return what a text with comments and trailing commas says, with the order of its members."""
    return json.loads(client_files.Document(text).plain, object_pairs_hook=list)


tricky = st.sampled_from(
    ["//", "/* no comment */", '{"', '\\"', '"', "\\", ",}", ", ]", "NaN", "\u2028", "\ufeff", "ü", "💥", ""]
)
texts = tricky | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=4)
others = st.dictionaries(texts.filter(lambda name: name != "mcpServers"), values, max_size=2)
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
@given(others, indents, fillers, st.booleans(), st.booleans())
def test_without_a_section_or_others_in_it_an_empty_section_remains(
    content: dict[str, Any], indent: int | str | None, between: list[str], trailing: bool, section: bool
) -> None:
    content = {**content, "mcpServers": {}} if section else content
    for before in (dumped(content, indent, "\n", True), commented(content, between, trailing)):
        after = merge(merge(before, *NAMES))
        assert pairs(after) == pairs(json.dumps({**content, "mcpServers": {}}))
        assert section is False or re.sub(r"\s", "", after) == re.sub(r"\s", "", before)


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
    ("before", "after"),
    [
        pytest.param(
            "",
            """\
{
  "mcpServers": {
    "tasks": {
      "command": "docker",
      "args": ["compose", "run", "tasks"]
    }
  }
}
""",
            id="a new file",
        ),
        pytest.param(
            """\
{
\t// Mine.
\t"mcpServers": {
\t\t"a": {}, // about a
\t},
}""",
            """\
{
\t// Mine.
\t"mcpServers": {
\t\t"a": {}, // about a
\t\t"tasks": {
\t\t\t"command": "docker",
\t\t\t"args": ["compose", "run", "tasks"]
\t\t},
\t},
}""",
            id="tabs, comments, trailing commas",
        ),
        pytest.param(
            """\
{
    "inputs": [] // none
}
""",
            """\
{
    "inputs": [], // none
    "mcpServers": {
        "tasks": {
            "command": "docker",
            "args": ["compose", "run", "tasks"]
        }
    }
}
""",
            id="no section, four blanks",
        ),
        pytest.param(
            '{"mcpServers":{}}',
            """\
{"mcpServers":{
  "tasks": {
    "command": "docker",
    "args": ["compose", "run", "tasks"]
  }
}}""",
            id="an empty section on one line",
        ),
        pytest.param(
            """\
{"mcpServers": {
  },
"a": {}}
""",
            """\
{"mcpServers": {
  "tasks": {
    "command": "docker",
    "args": ["compose", "run", "tasks"]
  }
  },
"a": {}}
""",
            id="an empty section on two lines",
        ),
        pytest.param(
            """\
{
  "mcpServers": {
  "a": {}
  }
}
""",
            """\
{
  "mcpServers": {
  "a": {},
  "tasks": {
    "command": "docker",
    "args": ["compose", "run", "tasks"]
  }
  }
}
""",
            id="as little indented as the other",
        ),
        pytest.param(
            """\
{
  "a": {},
  "mcpServers": {
    "tasks": null, // mine
    "gone": {"command": "docker", "args": ["compose", "run", "gone"]} // it was good
  }
}
""",
            """\
{
  "a": {},
  "mcpServers": {
    "tasks": null // mine
     // it was good
  }
}
""",
            id="the last one gone, with a comment behind",
        ),
        pytest.param(
            """\
{"mcpServers": {"tasks": null, // mine
  "gone": {"command": "docker", "args": ["compose", "run", "gone"]}}}
""",
            """\
{"mcpServers": {"tasks": null // mine
  }}
""",
            id="the last one gone, between a comment and a brace",
        ),
        pytest.param(
            """\
{"mcpServers": {"tasks": null, // mine
  "gone": {"command": "docker", "args": ["compose", "run", "gone"]} ,
}}
""",
            """\
{"mcpServers": {"tasks": null, // mine
}}
""",
            id="the last one gone, with a comma after a blank",
        ),
        pytest.param(
            '{"mcpServers": {"gone": {"command": "docker", "args": ["compose", "run", "gone"]}}}',
            '{"mcpServers": {"tasks": {"command": "docker", "args": ["compose", "run", "tasks"]}}}',
            id="one line, one in the place of another",
        ),
        pytest.param(
            '{"mcpServers": {"a": {}}}',
            '{"mcpServers": {"a": {}, "tasks": {"command": "docker", "args": ["compose", "run", "tasks"]}}}',
            id="one line",
        ),
        pytest.param(
            """\
{
  "mcpServers": {
    "tasks": {"command": "docker-compose", "args": ["run", "tasks"], "env": {"A": "1"}}, // ours
    "gone": {
      "args": ["compose", "run", "gone"],
      "command": "docker"
    }, // it was good
    "b": null
  }
}
""",
            """\
{
  "mcpServers": {
    "tasks": {"command": "docker", "args": ["compose", "run", "tasks"]}, // ours
    // it was good
    "b": null
  }
}
""",
            id="one renewed, one gone",
        ),
    ],
)
def test_ours_is_written_as_a_person_would(before: str, after: str) -> None:
    assert merge(before, "tasks") == after
    assert merge(before.replace("\n", "\r\n"), "tasks") == after.replace("\n", "\r\n" if "\n" in before else "\n")


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


@pytest.mark.parametrize("blanks", [None, b"", b" \r\n\t"])
def test_files_and_folders_are_made_and_left_empty_by_the_last_server(blanks: bytes | None, tmp_path: Path) -> None:
    for client in CLIENTS if blanks is not None else []:
        (tmp_path / client.path).parent.mkdir(exist_ok=True)
        (tmp_path / client.path).write_bytes(blanks or b"")
    before = files(tmp_path)
    assert client_files.bring_up_to_date(tmp_path, CLIENTS, [], THEN) == []
    assert files(tmp_path) == before
    assert client_files.bring_up_to_date(tmp_path, CLIENTS, NAMES, THEN) == []
    assert [*files(tmp_path)] == [".cursor/mcp.json", ".mcp.json", ".vscode/mcp.json"]
    written = json.loads((tmp_path / ".vscode/mcp.json").read_text())
    assert written == {"servers": {name: {"type": "stdio", **entry(name)} for name in NAMES}}
    assert client_files.bring_up_to_date(tmp_path, CLIENTS, [], THEN) == []
    # Copier would bring back what a task removes from a user's repository.
    assert {json.loads(text)[client.section] == {} for client in CLIENTS for text in [files(tmp_path)[client.path]]} == {True}


@pytest.mark.parametrize("text", ['{"mcpServers": {}, "a": 1}', '{"mcpServers": {} /* mine */}', '{"mcpServers": {}} // mine'])
def test_a_file_with_anything_of_the_users_stays(text: str, tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text(text)
    bring(tmp_path, "tasks")
    assert bring(tmp_path) == []
    assert (tmp_path / ".mcp.json").read_text() == text


@pytest.mark.parametrize("text", ['{"mcpServers": {}}', "{}", " "])
def test_without_a_server_an_empty_file_of_the_users_stays(text: str, tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text(text)
    assert bring(tmp_path) == []
    assert (tmp_path / ".mcp.json").read_text() == text


@pytest.mark.parametrize("before", [b"", b'\xef\xbb\xbf{\r\n"a": "\xc3\xbc"}', b"\xef\xbb\xbf", b'{"mcpServers": {"a": {}}}'])
def test_a_second_run_writes_nothing(before: bytes, tmp_path: Path) -> None:
    path = tmp_path / ".mcp.json"
    path.write_bytes(before)
    path.chmod(0o640)
    assert bring(tmp_path, *NAMES) == []
    once, status = path.read_bytes(), path.stat()
    assert once.startswith(before[:3])
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert bring(tmp_path, *NAMES) == []
    assert path.read_bytes() == once
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (status.st_mtime_ns, status.st_ino)
    assert [*files(tmp_path)] == [".mcp.json"]


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_is_followed_and_stays(dangling: bool, tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    if not dangling:
        (home / "mcp.json").write_text("{}")
    (project / ".mcp.json").symlink_to("../home/mcp.json")
    assert bring(project, "tasks") == []
    assert json.loads((home / "mcp.json").read_text()) == {"mcpServers": {"tasks": entry("tasks")}}
    assert bring(project) == []
    assert json.loads((home / "mcp.json").read_text()) == {"mcpServers": {}}
    assert (project / ".mcp.json").is_symlink()
    assert [*files(tmp_path)] == ["home/mcp.json", "project/.mcp.json"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, "is no file"),
        (os.mkfifo, "is no file"),
        (lambda path: path.symlink_to(path.name), "can't be read (Too many levels of symbolic links)"),
        (lambda path: path.symlink_to("missing/mcp.json"), "can't be written (No such file or directory)"),
    ],
)
def test_what_is_no_file_is_left(make: Any, why: str, tmp_path: Path) -> None:
    make(tmp_path / ".mcp.json")
    before = (tmp_path / ".mcp.json").lstat()
    assert bring(tmp_path, "tasks")[0].startswith(f".mcp.json {why} and was left as it is: mend that and {THEN}, or add to")
    assert (tmp_path / ".mcp.json").lstat() == before


def test_a_file_where_the_folder_would_be_is_left(tmp_path: Path) -> None:
    (tmp_path / ".vscode").write_text("mine")
    said = client_files.bring_up_to_date(tmp_path, CLIENTS, ["tasks"], THEN)
    assert [sentence.split(" and was")[0] for sentence in said] == [".vscode/mcp.json can't be read (Not a directory)"]
    assert [*files(tmp_path)] == [".cursor/mcp.json", ".mcp.json", ".vscode"]


BY_HAND = 'add to its `mcpServers`: "notes": {"command": "docker", "args": ["compose", "run", "notes"]}'


@pytest.mark.parametrize(
    ("mode", "limit", "names", "why", "by_hand"),
    [
        (0o444, -1, ["notes"], "can't be written (Permission denied)", BY_HAND),
        (0o444, -1, [], "can't be written (Permission denied)", "take the servers that are gone out of its `mcpServers`"),
        (0, -1, ["notes"], "can't be read (Permission denied)", BY_HAND),
        (0o644, 90, ["notes"], "can't be written (File too large)", BY_HAND),
    ],
    ids=["read-only", "read-only, nothing to add", "unreadable", "full"],
)
def test_a_file_that_cannot_be_written_is_whole(
    mode: int, limit: int, names: list[str], why: str, by_hand: str, tmp_path: Path
) -> None:
    path = tmp_path / ".mcp.json"
    path.write_text(json.dumps({"mcpServers": {"tasks": entry("tasks"), "a": {}}}))
    before = path.read_bytes()
    path.chmod(mode)
    # A process of its own, which can't do what root can, nor write more bytes to a file than the limit.
    program = f"""
import client_files, pathlib, resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
def forms(name):
    return [{{"command": "docker", "args": ["compose", "run", name]}}]
file = client_files.ClientFile(".mcp.json", "mcpServers", forms)
print(*client_files.bring_up_to_date(pathlib.Path.cwd(), [file], {names}, "try again"))
"""
    command = [*without_privileges(), sys.executable, "-B", "-c", program]
    done = run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "hooks")})
    assert done.stdout == f".mcp.json {why} and was left as it is: mend that and try again, or {by_hand}\n", done.stderr
    assert files(tmp_path) == {".mcp.json": before}
