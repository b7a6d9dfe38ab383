"""Our entries in a client's file of TOML come and go, and what is the user's stays."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.support import files
from tests.unit.mcp_clients import NAMES, THEN, client_files, entry, few, older

CODEX = client_files.ClientFile(".codex/config.toml", "mcp_servers", lambda name: [entry(name), older(name)])
# Pieces of a file of somebody's, each of which may follow any other.
PIECES = [
    "# [mcp_servers.tasks]\n",
    "\n",
    "  \n",
    "[a]\nb = 1 # mine\n",
    "[a.c]\n'x y' = [ 1,\n  2 ] \n",
    "[[d]]\n[[d]]\ne = 1979-05-27T07:32:00Z\n",
    "[mcp_servers.mine]\ncommand = 'uvx' # not [mcp_servers.tasks]\nargs = [\n  'a', # a\n]\n",
    '[mcp_servers."with a blank".env]\nA = "nan"\n',
    "[f]\ng = '''\n[mcp_servers.tasks]\ncommand = \"docker\"\n'''\nh = nan\n",
    '[i]\nj = """\\\n\n  ü 💥 \u2028 \\" \n"""\n',
    "[mcp_servers]\n# mine\n",
]
AT_THE_TOP = ["", "k = true\n", "# mine\n\nl = -0.0\n", "m.n = 'o'\n", "\n\n", " "]


def is_valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


pieces = st.tuples(st.sampled_from(AT_THE_TOP), st.lists(st.sampled_from(PIECES), unique=True, max_size=6))
texts = st.tuples(pieces.map(lambda both: both[0] + "".join(both[1])), st.booleans(), st.booleans()).map(
    lambda parts: (parts[0] if parts[1] else parts[0].rstrip("\n")).replace("\n", "\r\n" if parts[2] else "\n")
)


def merge(text: str, *names: str) -> str:
    after = client_files.merged(text, CODEX, names)
    assert isinstance(after, str)
    return after


@few
@given(texts.filter(is_valid), st.permutations(NAMES))
@example("", NAMES)
@example("a = 1", NAMES)
@example("a = 1\r\n", NAMES)
def test_ours_in_and_out_again_leaves_every_byte(before: str, order: list[str]) -> None:
    after = merge(before, *NAMES)
    assert after.startswith(before)
    said, servers = tomllib.loads(after), tomllib.loads(before).get("mcp_servers", {})
    assert repr(said.pop("mcp_servers")) == repr({**servers, **{name: entry(name) for name in NAMES}})
    assert merge(after, *NAMES) == after
    assert merge(after) == before
    assert merge(merge(after, order[0])) == before


@few
@given(texts.filter(is_valid), st.lists(st.sampled_from(PIECES), unique=True, max_size=6))
def test_what_the_user_has_added_behind_ours_stays(first: str, more: list[str]) -> None:
    after, behind = merge(first, *NAMES), "".join(more)
    assume(after.endswith("\n") and is_valid(after + behind))
    left = merge(after + behind)
    assert left.endswith(behind)
    assert left.startswith(first)
    assert tomllib.loads(left).get("mcp_servers", {}).keys().isdisjoint(NAMES)


def test_ours_is_written_as_a_person_would() -> None:
    long = client_files.ClientFile("a.toml", "mcp_servers", lambda name: [{"command": "python3", "args": ["-c", "x" * 80, name]}])
    before = '# Mine.\nmodel = "a"\n'
    after = f'''\
# Mine.
model = "a"

[mcp_servers.tasks]
command = "python3"
args = [
  "-c",
  "{"x" * 80}",
  "tasks",
]
'''
    assert client_files.merged(before, long, ["tasks"]) == after
    assert client_files.merged(after, long, []) == before
    assert merge("", "tasks") == '[mcp_servers.tasks]\ncommand = "docker"\nargs = ["compose", "run", "tasks"]\n'


OLD = """\
[mcp_servers.tasks]
command = "docker-compose"
args = [
  "run", "tasks",
]
env = { A = "1" }

# Mine.
[mcp_servers.gone]
args = ["compose", "run", "gone"]
command = "docker"
[a]
"""
NEW = """\
[mcp_servers.tasks]
command = "docker"
args = ["compose", "run", "tasks"]

# Mine.
[a]
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_entries_are_renewed_and_go_wherever_they_stand(line_end: str) -> None:
    assert merge(OLD.replace("\n", line_end), "tasks") == NEW.replace("\n", line_end)


@pytest.mark.parametrize(
    "theirs",
    [
        '[mcp_servers.tasks]\ncommand = "docker"\nargs = ["compose", "run", "tasks"]\nenabled = false\n',
        '[mcp_servers.tasks]\n# Mine.\ncommand = "docker"\nargs = ["compose", "run", "tasks"]\n',
        '[mcp_servers.tasks] # mine\ncommand = "docker"\nargs = ["compose", "run", "tasks"]\n',
        '[mcp_servers.tasks]\ncommand = "docker"\n\nargs = ["compose", "run", "tasks"]\n',
        '[mcp_servers]\ntasks = { command = "docker", args = ["compose", "run", "tasks"] }\n',
        'mcp_servers.tasks.command = "docker"\nmcp_servers.tasks.args = ["compose", "run", "tasks"]\n',
        '[mcp_servers.tasks]\nurl = "http://localhost"\n',
    ],
)
@pytest.mark.parametrize("names", [["tasks"], []])
def test_an_entry_that_the_user_has_written_otherwise_stays(theirs: str, names: list[str]) -> None:
    assert merge(theirs, *names) == theirs


BROKEN = {
    "a = ": "is no valid TOML (Invalid value (at end of document))",
    "mcp_servers = 1": "has a `mcp_servers` that is no table",
    "[[mcp_servers]]": "has a `mcp_servers` that is no table",
    "mcp_servers = { a = {} }": "can't be edited without changing what is yours in it",
    "a = " + "[" * 100_000: "is nested too deeply",
}


@pytest.mark.parametrize(("text", "why"), BROKEN.items(), ids=BROKEN.values())
def test_a_file_that_cannot_be_edited_is_left_and_the_sentence_says_what_to_add(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_bytes(text.encode())
    by_hand = 'add to its `mcp_servers`: tasks = { command = "docker", args = ["compose", "run", "tasks"] }'
    said = client_files.bring_up_to_date(tmp_path, [CODEX], ["tasks"], THEN)
    assert said == [f".codex/config.toml {why} and was left as it is: mend that and {THEN}, or {by_hand}"]
    assert files(tmp_path) == {".codex/config.toml": text.encode()}
    assert client_files.bring_up_to_date(tmp_path, [CODEX], [], THEN) == []
