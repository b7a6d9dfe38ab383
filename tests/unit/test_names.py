"""Names: whatever a project is called, its slug and its package's name are valid."""

from __future__ import annotations

import keyword
import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import extension

names = extension("names")
SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
PACKAGE = re.compile(r"[a-z_][a-z0-9_]*")

# Any text, and text that comes near to what names are made of.
texts = st.text(max_size=80) | st.text("aZ09-_. üß", max_size=80) | st.sampled_from([*keyword.kwlist, *sys.stdlib_module_names])


@given(texts)
@example("")
@example("-" * 60)
@example("a" * 39 + "-b")
@example("1" * 60)
@example("日本語")
def test_a_slug_is_valid_for_compose_and_dns(text: str) -> None:
    slug = names.slug(text)
    assert SLUG.fullmatch(slug)
    assert not slug.endswith("-")
    assert "--" not in slug
    assert names.is_slug(slug)


@given(texts)
def test_the_slug_of_a_slug_is_the_same(text: str) -> None:
    slug = names.slug(text)
    assert names.slug(slug) == slug


@given(st.from_regex(SLUG, fullmatch=True))
def test_a_valid_slug_is_accepted_as_it_is(text: str) -> None:
    assert names.is_slug(text)


@pytest.mark.parametrize("text", ["", "A", "-a", "1a", "a_b", "a b", "a" * 41, "a\n", "ä", "a.b"])
def test_what_is_no_slug_is_refused(text: str) -> None:
    assert not names.is_slug(text)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Project", "my-project"),
        ("Café Müller", "cafe-muller"),
        ("42 things", "app-42-things"),
        ("🚀", "app"),
        ("feature/auth_2", "feature-auth-2"),
        ("n" * 60, "n" * 40),
    ],
)
def test_a_slug_is_what_a_reader_expects(name: str, slug: str) -> None:
    assert names.slug(name) == slug


@given(texts)
@example("")
@example("fastapi")
@example("redis")
@example("json")
@example("class")
@example("con")
@example("42")
@example("日本語")
def test_a_package_name_can_be_imported_and_hides_nothing(text: str) -> None:
    name = names.package_name(text)
    assert PACKAGE.fullmatch(name)
    assert not keyword.iskeyword(name)
    assert name not in sys.stdlib_module_names
    assert name not in names.LIBRARIES
    assert names.package_name_error(name, True) == ""


@given(texts)
def test_the_package_name_of_a_package_name_is_the_same(text: str) -> None:
    name = names.package_name(text)
    assert names.package_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("my-project", "my_project"), ("redis", "redis_app"), ("json", "json_app"), ("Über", "uber"), ("4u", "app_4u")],
)
def test_a_package_name_is_what_a_reader_expects(text: str, name: str) -> None:
    assert names.package_name(text) == name


@pytest.mark.parametrize("name", ["", "my-app", "1st", "my app", "a.b", "class", "None", "json", "os", "a\n"])
@pytest.mark.parametrize("starter", [True, False])
def test_a_wrong_package_name_is_refused_in_one_sentence(name: str, starter: bool) -> None:
    error = names.package_name_error(name, starter)
    assert error.startswith(f"package_name {name!r} ")
    assert error.endswith(".")
    assert "\n" not in error


def test_a_librarys_name_is_refused_for_the_starter_only() -> None:
    assert "would hide the library" in names.package_name_error("flask", True)
    assert names.package_name_error("flask", False) == ""


@given(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True))
def test_a_refusal_names_a_better_one(name: str) -> None:
    if error := names.package_name_error(name, True):
        suggested = re.search(r"like (\w+)\.$", error)
        assert suggested
        assert names.package_name_error(suggested[1], True) == ""


@given(st.text(max_size=5))
def test_printable_text_has_no_line_break_and_something_to_see(text: str) -> None:
    if names.is_printable(text):
        assert len(text.splitlines()) == 1
        assert text.strip()


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\tb", "a\x00", "\u2028", "a\u202eb"])
def test_what_is_not_printable_is_refused(text: str) -> None:
    assert not names.is_printable(text)


def test_a_package_may_have_any_name_that_python_takes() -> None:
    assert names.package_name_error("läden", starter=True) == ""
