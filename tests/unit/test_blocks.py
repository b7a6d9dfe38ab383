"""Our blocks in .gitignore and .gitattributes: what is in them, and what is around them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT, load

hook = load(ROOT / "hooks" / "post_generation.py", "post_generation")
machine = load(ROOT / "hooks" / "machine.py", "machine_tested")
blocks = load(ROOT / "hooks" / "blocks.py", "blocks_tested")
BLOCK = [".env", ".env.local", "!.env.defaults"]

# A user's .gitignore: lines with either kind of line end, with or without one at the end, none of them a marker.
lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
end_of_line = st.sampled_from(["\n", "\r\n"])
texts = st.tuples(st.lists(lines, max_size=5), end_of_line, st.booleans()).map(
    lambda parts: parts[1].join(parts[0]) + (parts[1] if parts[2] and parts[0] else "")
)


@given(texts, st.lists(st.sampled_from(BLOCK), unique=True))
def test_a_block_that_is_there_is_not_written_again(text: str, block: list[str]) -> None:
    once = blocks.with_block(text, block)
    assert blocks.with_block(once, block) == once


@given(texts)
def test_what_the_user_wrote_stays_to_the_byte(text: str) -> None:
    after = blocks.with_block(text, BLOCK)
    assert after.startswith(text)
    assert [line for line in after.splitlines() if line in BLOCK][-3:] == BLOCK


@given(texts, texts, end_of_line)
def test_lines_above_and_below_the_block_stay_to_the_byte(above: str, below: str, end: str) -> None:
    above = above and above.rstrip("\r\n") + end
    old = end.join([blocks.MARKS.begin, "old", blocks.MARKS.end, ""])
    after = blocks.with_block(above + old + below, BLOCK)
    assert after.startswith(above + blocks.MARKS.begin)
    assert after.endswith(blocks.MARKS.end + ("\r\n" if "\r\n" in above + old + below else "\n") + below)
    assert "old" not in after[len(above) : len(after) - len(below)].splitlines()


@given(texts, texts)
def test_without_lines_there_is_no_block(above: str, below: str) -> None:
    above = above and above.rstrip("\r\n") + "\n"
    assert blocks.with_block(above + below, []) == above + below
    assert blocks.with_block(above + blocks.with_block("", BLOCK) + below, []) == above + below


def test_line_ends_of_windows_are_kept() -> None:
    after = blocks.with_block("a\r\nb\r\n", BLOCK)
    assert re.findall(r"(?<!\r)\n", after) == []
    assert blocks.with_block(after, BLOCK) == after


def test_a_block_at_the_end_without_a_line_break_is_found() -> None:
    text = blocks.with_block("a\n", BLOCK).rstrip("\n")
    assert blocks.with_block(text, BLOCK) == text + "\n"


@pytest.mark.parametrize("text", ["{begin}\nmine\n", "mine\n{end}\n", "{end}\nmine\n{begin}\n"])
def test_half_a_block_costs_no_line_of_the_users(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = text.format(begin=blocks.MARKS.begin, end=blocks.MARKS.end)
    (tmp_path / ".gitignore").write_text(text)
    for _ in range(2):
        blocks.keep_block(tmp_path, BLOCK)
        assert "mine" in (tmp_path / ".gitignore").read_text().splitlines()
    assert ("put it back or remove the line" in capsys.readouterr().err) == text.endswith(("mine\n", f"{blocks.MARKS.begin}\n"))


def test_bytes_that_are_no_utf_8_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"caf\xe9\n")
    blocks.keep_block(tmp_path, BLOCK)
    assert (tmp_path / ".gitignore").read_bytes().startswith(b"caf\xe9\n")
    assert b".env.local\n" in (tmp_path / ".gitignore").read_bytes()


def test_what_the_block_has_hidden_it_hides_for_good(tmp_path: Path) -> None:
    """The file may be there in another worktree, in another clone, or in another folder."""
    blocks.keep_block(tmp_path, BLOCK)
    blocks.keep_block(tmp_path, [])
    assert (tmp_path / ".gitignore").read_text() == blocks.with_block("", [".env", ".env.local"])


def test_no_gitignore_is_made_where_none_is_needed(tmp_path: Path) -> None:
    blocks.keep_block(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_git_is_told_with_which_line_ends_programs_run_as_long_as_there_are_some(tmp_path: Path) -> None:
    attributes = tmp_path / ".gitattributes"
    attributes.write_bytes(b"*.bin binary\r\n")
    assert blocks.attributes([]) == []
    assert blocks.attributes(["scripts/setup"]) == ["/scripts/** text eol=lf"]
    for _ in range(2):
        blocks.write_block(attributes, blocks.attributes(["scripts/setup", "scripts/lib/common.py", "docker/start.sh"]))
    assert attributes.read_bytes().startswith(b"*.bin binary\r\n\r\n# >>> chora-compose-template")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    asked = ["git", "check-attr", "-a", "scripts/setup", "scripts/lib/common.py", "docker/start.sh", "mine.py"]
    said = subprocess.run(asked, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.splitlines()
    ends = [f"{name}: {value}" for name in asked[3:-1] for value in ("text: set", "eol: lf")]
    assert sorted(said) == sorted([*ends, "scripts/lib/common.py: linguist-generated: set"])
    blocks.write_block(attributes, blocks.attributes([]))
    assert attributes.read_bytes() == b"*.bin binary\r\n\r\n"


MULTI = {"stack": "mcp-multi", "mcp_servers": ["tasks", "my-docs"], "gateway": "n8n", "project_slug": "shop"}
ANSWERS: dict[str, dict[str, Any]] = {
    "full": {"stack": "full"},
    "hybrid": {"stack": "hybrid"},
    "mcp": {"stack": "mcp", "project_slug": "shop"},
    "mcp-multi": {**MULTI, "gateway": "none"},
    "gateway": MULTI,
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("mine", ["", ".env*\n", "*\n", ".env.*\n!.env.example\n"])
def test_git_hides_the_machines_own_files_and_shows_the_committed_ones(name: str, mine: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(blocks.with_block(mine, hook.ignored(ANSWERS[name], tmp_path)))
    asked = [".env", ".env.local", "claude_desktop_config.json", "secrets/gateway.env"]
    asked += [".env.defaults", ".env.services", ".env.services.tasks", ".env.services.gateway"]
    said = subprocess.run(
        ["git", "check-ignore", "--stdin"], cwd=tmp_path, input="\n".join(asked), capture_output=True, text=True
    )
    hidden = set(said.stdout.splitlines())
    assert hidden >= {".env", ".env.local"}
    assert not hidden & {".env.defaults", ".env.services"}
    if name in {"mcp", "mcp-multi", "gateway"}:
        assert "claude_desktop_config.json" in hidden
    if name in {"mcp-multi", "gateway"}:
        assert not hidden & {".env.services.tasks", ".env.services.gateway"}
    if name == "gateway":
        assert "secrets/gateway.env" in hidden


def test_plain_minimal_hides_nothing(tmp_path: Path) -> None:
    assert hook.ignored({"stack": "minimal"}, tmp_path) == []


@pytest.mark.parametrize("name", [*ANSWERS, "minimal"])
@pytest.mark.parametrize("mine", ["", ".env*\n"])
def test_with_a_pipeline_git_shows_the_tests_environment_and_hides_their_reports(name: str, mine: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    answers = ANSWERS.get(name, {"stack": name}) | {"ci": ["gitlab"]}
    (tmp_path / ".gitignore").write_text(blocks.with_block(mine, hook.ignored(answers, tmp_path)))
    asked = [".env.test", "test-reports/junit.xml", "src/test-reports/junit.xml", "docker-compose.test.yml"]
    said = subprocess.run(["git", "check-ignore", *asked], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.split() == ["test-reports/junit.xml"]


def test_plain_minimal_with_a_pipeline_hides_the_reports_alone(tmp_path: Path) -> None:
    answers = {"stack": "minimal", "ci": ["github"]}
    assert hook.ignored(answers, tmp_path) == ["!.env.test", "/test-reports/"]
    assert hook.ignored(answers | {"branch_environments": True}, tmp_path) == [".env", "!.env.test", "/test-reports/"]


@pytest.mark.parametrize("name", [*ANSWERS, "minimal"])
def test_reports_stay_hidden_while_they_are_there(name: str, tmp_path: Path) -> None:
    answers = ANSWERS.get(name, {"stack": name}) | {"ci": []}
    assert "/test-reports/" not in hook.ignored(answers, tmp_path)
    (tmp_path / "test-reports").mkdir()
    assert "/test-reports/" in hook.ignored(answers, tmp_path)
    assert "!.env.test" not in hook.ignored(answers, tmp_path)


def test_what_an_earlier_answer_has_made_stays_hidden_while_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "claude_desktop_config.json").touch()
    assert {"secrets/", "claude_desktop_config.json"} <= {*hook.ignored(ANSWERS["full"], tmp_path)}
    blocks.keep_block(tmp_path, hook.ignored(MULTI, tmp_path))
    blocks.keep_block(tmp_path, hook.ignored({"stack": "minimal"}, tmp_path))
    assert {"secrets/", "claude_desktop_config.json"} <= {*(tmp_path / ".gitignore").read_text().splitlines()}


@pytest.mark.parametrize("mine", ["", ".env*\n"])
@pytest.mark.parametrize("stack", ["minimal", "full"])
def test_with_production_git_hides_secrets_and_backups_and_shows_the_example(stack: str, mine: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(mine)
    blocks.keep_block(tmp_path, hook.ignored({"stack": stack, "production": True}, tmp_path))
    hidden = [".env", ".env.production", "secrets/db_password", "backups/shop.dump"]
    command = ["git", "-C", str(tmp_path), "check-ignore", *hidden, ".env.production.example"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.split() == hidden


def test_what_production_has_made_stays_hidden_when_the_answer_is_taken_back(tmp_path: Path) -> None:
    for name in ("secrets", "backups"):
        (tmp_path / name).mkdir()
    lines = hook.ignored({"stack": "minimal"}, tmp_path)
    assert {"secrets/", "/backups/", ".env.production"} <= {*lines}
