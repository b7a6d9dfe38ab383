"""Checks: what is accepted stands where it is rendered as it was given."""

from __future__ import annotations

import shlex
import subprocess

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import extension
from tests.unit.shapes import reading

checks = extension("checks")
commands = extension("context").commands

# Any text, and text of the signs that a shell, a Dockerfile or YAML reads as something else.
texts = st.text(max_size=12) | st.text("aZ0 /.-_\"'$`\\;:#&|<>(){}[]*?!%@,=~^ü😀\n\t\x7f\u2028\ud83d", max_size=8)


@given(texts)
@example("a\x7f")
@example("a\ud83d")
def test_a_line_can_be_written_and_is_one(text: str) -> None:
    if not checks.line_error(text):
        assert text.encode().decode() == text
        assert len(text.splitlines()) <= 1
        assert yaml.safe_load(commands.to_json_text([text])) == [text]


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\tb", "a\x00", "\u2028", "a\u202eb", "a\x7f", "\ud83d", "a" * 61])
def test_a_name_is_something_that_can_be_seen(text: str) -> None:
    assert checks.name_error(text) == "Give a line of 1 to 60 characters."
    assert checks.name_error("Bücher & 😀") == ""


@given(texts)
def test_a_command_is_refused_or_can_be_split(command: str) -> None:
    if not checks.command_error(command, "python app.py"):
        assert commands.words(command)[0]
    if not checks.command_error(command):
        assert not command or commands.words(command)[0]


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=9), min_size=1, max_size=9))
def test_a_good_command_is_accepted(words: list[str]) -> None:
    assert checks.command_error(shlex.join(words)) == ""


@pytest.mark.parametrize("value", ["pytest", {"a": "b"}, [1], [""], [" a"], ["a\nb"], ['a"b'], ["$a"], ["`a`"], ["a\\b"], None])
def test_words_that_a_shell_or_a_dockerfile_would_change_are_refused(value: object) -> None:
    assert checks.words_error(value, "[pytest]")
    assert checks.paths_error(value, "[tests.txt]")


@pytest.mark.parametrize(
    "word",
    [
        *("--group test", "a[b]>=1,<2; python_version < '3.12'", "a b.txt", "-r 'my tests.txt'", "-e .[dev]", "-r req-😀.txt"),
        *("--index-url https://example.com/simple#a", "--find-links ~/wheels", "👨‍👩‍👧"),
    ],
)
def test_words_for_uv_are_accepted(word: str) -> None:
    assert checks.words_error([word], "[pytest]") == ""


@pytest.mark.parametrize("option", ["-r a;b", "-r a & b", "-r a|b", "-r a >b", "-r $(a)", "-r (a)", "-r a #b", "-r it's"])
def test_an_option_in_which_a_shell_reads_more_is_refused(option: str) -> None:
    assert checks.words_error([option], "[pytest]")


# Each is a process of its own.
@settings(max_examples=50)
@given(st.lists(texts.filter(lambda text: not checks.words_error([text], "[a]") and text[0] != "-"), min_size=1))
def test_a_shell_hands_on_what_is_accepted(words: list[str]) -> None:
    done = subprocess.run(["sh", "-c", f"printf '%s\\n' {commands.uv_words(words)}"], capture_output=True, text=True)
    assert done.stdout == "".join(f"{word}\n" for word in words)


@given(texts.map(lambda text: f"/{text}"), st.booleans())
@example("/srv/my+app@1=2,3%~", False)
@example("/srv/my app's", True)
def test_a_folder_in_the_container_stands_in_a_volume_and_in_a_shell(path: str, own_dockerfile: bool) -> None:
    if not checks.workdir_error(path, own_dockerfile):
        assert yaml.safe_load(f"- .:{path}\n- a\n") == [f".:{path}", "a"]
        assert path.count(":") == path.count("$") == 0
        if not own_dockerfile:
            assert shlex.split(f"chown app {path}") == ["chown", "app", path]


@pytest.mark.parametrize("path", ["/srv/my+app", "/srv/ä@1=2,3%4~", "/app/", "/a#b"])
def test_a_folder_that_needs_no_quotation_marks_is_accepted(path: str) -> None:
    assert checks.workdir_error(path, False) == ""
    assert checks.source_folder_error(path[1:]) == ""


def test_blanks_are_accepted_where_no_dockerfile_is_rendered() -> None:
    assert checks.workdir_error("/with blanks & more", True) == ""
    assert checks.workdir_error("/with blanks", False) == "Use letters, digits, / . _ and -."


@given(texts)
@example("/srv/a:b")
@example("/srv/a #b")
def test_the_folder_that_is_found_in_a_dockerfile_is_accepted(text: str) -> None:
    readable = text.replace("\ud83d", "")
    found = reading.image.Image(f'FROM python\nWORKDIR "/{readable}"\nUSER {readable}\n')
    assert checks.workdir_error(found.workdir(), True) == ""
    assert checks.line_error(found.user()) == ""


@pytest.mark.parametrize("value", [8000, "8000", " 80 ", -1])
def test_a_whole_number_may_be_a_text(value: object) -> None:
    assert checks.is_whole(value)
    assert not checks.is_whole("9" * 5000)
    assert not checks.is_whole("1_0")


@pytest.mark.parametrize("name", ["", "test", "Test_1.x-y"])
def test_a_stage_may_have_no_name(name: str) -> None:
    assert checks.stage_error(name) == ""
    assert checks.stage_error(f"{name}\n") != ""
