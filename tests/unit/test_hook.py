"""The hook's block in .gitignore, and what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT, load

hook = load(ROOT / "hooks" / "post_generation.py", "post_generation")
BLOCK = [".env", ".env.local", "!.env.defaults"]

# A user's .gitignore: lines with either kind of line end, with or without one at the end, none of them a marker.
lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
end_of_line = st.sampled_from(["\n", "\r\n"])
texts = st.tuples(st.lists(lines, max_size=5), end_of_line, st.booleans()).map(
    lambda parts: parts[1].join(parts[0]) + (parts[1] if parts[2] and parts[0] else "")
)


@given(texts, st.lists(st.sampled_from(BLOCK), unique=True))
def test_a_block_that_is_there_is_not_written_again(text: str, block: list[str]) -> None:
    once = hook.with_block(text, block)
    assert hook.with_block(once, block) == once


@given(texts)
def test_what_the_user_wrote_stays_to_the_byte(text: str) -> None:
    after = hook.with_block(text, BLOCK)
    assert after.startswith(text)
    assert [line for line in after.splitlines() if line in BLOCK][-3:] == BLOCK


@given(texts, texts, end_of_line)
def test_lines_above_and_below_the_block_stay_to_the_byte(above: str, below: str, end: str) -> None:
    above = above and above.rstrip("\r\n") + end
    old = end.join([hook.BEGIN, "old", hook.END, ""])
    after = hook.with_block(above + old + below, BLOCK)
    assert after.startswith(above + hook.BEGIN)
    assert after.endswith(hook.END + ("\r\n" if "\r\n" in above + old + below else "\n") + below)
    assert "old" not in after[len(above) : len(after) - len(below)].splitlines()


@given(texts, texts)
def test_without_lines_there_is_no_block(above: str, below: str) -> None:
    above = above and above.rstrip("\r\n") + "\n"
    assert hook.with_block(above + below, []) == above + below
    assert hook.with_block(above + hook.with_block("", BLOCK) + below, []) == above + below


def test_line_ends_of_windows_are_kept() -> None:
    after = hook.with_block("a\r\nb\r\n", BLOCK)
    assert re.findall(r"(?<!\r)\n", after) == []
    assert hook.with_block(after, BLOCK) == after


def test_a_block_at_the_end_without_a_line_break_is_found() -> None:
    text = hook.with_block("a\n", BLOCK).rstrip("\n")
    assert hook.with_block(text, BLOCK) == text + "\n"


@pytest.mark.parametrize("text", ["{begin}\nmine\n", "mine\n{end}\n", "{end}\nmine\n{begin}\n"])
def test_half_a_block_costs_no_line_of_the_users(text: str) -> None:
    text = text.format(begin=hook.BEGIN, end=hook.END)
    assert "mine" in hook.with_block(text, BLOCK).splitlines()


def test_bytes_that_are_no_utf_8_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"caf\xe9\n")
    hook.keep_block(tmp_path, BLOCK)
    assert (tmp_path / ".gitignore").read_bytes().startswith(b"caf\xe9\n")
    assert b".env.local\n" in (tmp_path / ".gitignore").read_bytes()


def test_the_block_stays_while_there_is_a_file_that_it_hides(tmp_path: Path) -> None:
    hook.keep_block(tmp_path, BLOCK)
    before = (tmp_path / ".gitignore").read_bytes()
    (tmp_path / ".env.local").write_text("SECRET=1\n")
    hook.keep_block(tmp_path, [])
    assert (tmp_path / ".gitignore").read_bytes() == before
    (tmp_path / ".env.local").unlink()
    hook.keep_block(tmp_path, [])
    assert (tmp_path / ".gitignore").read_bytes() == b""


def test_no_gitignore_is_made_where_none_is_needed(tmp_path: Path) -> None:
    hook.keep_block(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stack", ["full", "hybrid"])
@pytest.mark.parametrize("mine", ["", ".env*\n", "*\n", ".env.*\n!.env.example\n"])
def test_git_hides_the_machines_own_files_and_shows_the_committed_ones(stack: str, mine: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(hook.with_block(mine, hook.ignored({"stack": stack})))

    def hidden(name: str) -> bool:
        return subprocess.run(["git", "check-ignore", "--quiet", name], cwd=tmp_path).returncode == 0

    assert hidden(".env")
    assert hidden(".env.local")
    assert not hidden(".env.defaults")
    assert not hidden(".env.services")


def test_plain_minimal_hides_nothing() -> None:
    assert hook.ignored({"stack": "minimal"}) == []


def test_a_repository_is_made_only_where_there_is_none(tmp_path: Path) -> None:
    hook.init_repository(tmp_path)
    assert (tmp_path / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
    (tmp_path / "sub").mkdir()
    hook.init_repository(tmp_path / "sub")
    assert not (tmp_path / "sub" / ".git").exists()


def test_in_a_worktree_or_submodule_no_repository_is_made(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    hook.init_repository(tmp_path)
    assert (tmp_path / ".git").is_file()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"stack": "full", "app_port": 8000}, ["docker compose up --build --wait", "docker compose port app 8000"]),
        ({"stack": "hybrid", "app_port": 8000}, ["docker compose up --wait", "COMPOSE.md"]),
    ],
)
def test_the_next_commands_can_be_typed(answers: dict[str, object], expected: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "it's mine"
    said = hook.next_commands(folder, answers, "copy")
    assert f"cd '{tmp_path}/it'\"'\"'s mine'" in said
    assert all(text in said for text in expected)
    assert "git diff" in hook.next_commands(folder, answers, "update")
