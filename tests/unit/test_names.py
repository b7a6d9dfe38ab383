"""Names: whatever a project is called, its slug and its package's name are valid."""

from __future__ import annotations

import keyword
import re
import sys

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import extension

names = extension("names")
SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
PACKAGE = re.compile(r"[a-z_][a-z0-9_]*")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

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
    assert names.slug_error(slug) == ""


@given(texts)
def test_the_slug_of_a_slug_is_the_same(text: str) -> None:
    slug = names.slug(text)
    assert names.slug(slug) == slug


@given(st.from_regex(SLUG, fullmatch=True))
def test_a_valid_slug_is_accepted_as_it_is(text: str) -> None:
    assert names.slug_error(text) == ""


@pytest.mark.parametrize("text", ["", "A", "-a", "1a", "a_b", "a b", "a" * 41, "a\n", "ä", "a.b"])
def test_what_is_no_slug_is_refused(text: str) -> None:
    assert names.slug_error(text).endswith(".")


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
    assert names.package_name_error(name, True) == names.mcp_package_error(name, True) == ""


@given(texts)
def test_the_package_name_of_a_package_name_is_the_same(text: str) -> None:
    name = names.package_name(text)
    assert names.package_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("my-project", "my_project"), ("redis", "redis_app"), ("json", "json_app"), ("Über", "uber"), ("4u", "app_4u")),
        ("MCP", "mcp_app"),
    ],
)
def test_a_package_name_is_what_a_reader_expects(text: str, name: str) -> None:
    assert names.package_name(text) == name


@pytest.mark.parametrize("name", ["", "my-app", "1st", "my app", "a.b", "class", "None", "json", "os", "a\n"])
@pytest.mark.parametrize("starter", [True, False])
def test_a_wrong_package_name_is_refused_in_one_sentence(name: str, starter: bool) -> None:
    error = names.package_name_error(name, starter)
    assert error.startswith(("Give ", "Choose "))
    assert error.endswith(".")
    assert "\n" not in error


def test_a_librarys_name_is_refused_for_the_starter_only() -> None:
    assert names.package_name_error("flask", True) == "Choose another: a library has it."
    assert names.package_name_error("flask", False) == ""


def test_a_package_may_have_any_name_that_python_takes() -> None:
    assert names.package_name_error("läden", starter=True) == ""


# MCP servers

labels = st.from_regex(LABEL, fullmatch=True)
# What readers of YAML take for something else, each a name that a server may have but for the first.
READ_OTHERWISE = [
    "123",
    "no",
    "yes",
    "on",
    "off",
    "y",
    "n",
    "true",
    "false",
    "null",
    "1e3",
    "0x1f",
    "0o17",
    "0b1",
    "1-2",
    "2024-01-01",
]


@pytest.mark.parametrize("name", ["mcp", "mcp_types", "psycopg_pool", "sse_starlette"])
def test_a_library_of_the_starter_mcp_server_is_refused_for_that_one_only(name: str) -> None:
    assert names.mcp_package_error(name, True) == f"Give another name than {name}."
    assert names.mcp_package_error(f"{name}_app", True) == names.mcp_package_error(name, False) == ""
    assert names.package_name_error(name, True) == ""


def allowed(name: str) -> bool:
    taken = name in names.TAKEN | names.RESERVED or name.startswith(("pg-", "x-")) or len(name) > 40
    return not taken and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name)


@given(st.lists(labels.filter(allowed), min_size=1, max_size=20, unique=True))
def test_host_names_are_good_names_of_servers(servers: list[str]) -> None:
    assert names.mcp_servers_error(servers) == ""


@pytest.mark.parametrize(
    ("servers", "says"),
    [
        *((value, "Give a list, like [tasks, docs].") for value in ("tasks", 7, None, {"tasks": 1})),
        *((value, "Give names, like [tasks, docs].") for value in (["tasks", 123], [["tasks"]])),
        *((value, "Quote words such as no and null.") for value in ([False], ["tasks", None])),
        *((value, "Give 1 to 20 names.") for value in ([], [f"s{number}" for number in range(21)])),
        (["tasks", "docs", "tasks"], "Give each server its own name."),
        *(
            ([name], "Use a-z, 0-9 and inner hyphens.")
            for name in ("Tasks", "my_tasks", "-tasks", "tasks-", "my.tasks", "my tasks", "../tasks", "tasks\n", "läden", "😀")
        ),
        *(([name], "Give each name 1 to 40 characters.") for name in ("", "a" * 41)),
        *(([name], "Put a word before the number.") for name in ("123", "0x1f")),
        *(
            (["tasks", name], f"Rename {name}: it is taken.")
            for name in ("db", "gateway", "localhost", "public", "dev", "template1")
        ),
        *(([name], "Begin no name with pg- or x-.") for name in ("pg-stat", "x-tasks")),
    ],
)
def test_wrong_names_of_servers_are_refused_in_one_sentence(servers: object, says: str) -> None:
    assert names.mcp_servers_error(servers) == says


@pytest.mark.parametrize("name", ["backup", "mailcatcher", "worker", "scheduler", "migrate", "certbot", "n8n", "x-tasks"])
def test_a_name_that_is_refused_by_now_is_kept_where_a_server_has_it_and_refused_elsewhere(name: str) -> None:
    says = "Begin no name with pg- or x-." if name.startswith("x-") else f"Rename {name}: it is taken."
    assert names.mcp_servers_error(["tasks", name]) == names.mcp_servers_error(["tasks", name], ["tasks"]) == says
    assert names.mcp_servers_error(["tasks", name], ["docs", name]) == names.mcp_servers_error(["tasks", name], None) == ""


def test_a_name_of_more_than_40_characters_is_kept_where_a_server_has_it() -> None:
    assert names.mcp_servers_error(["tasks", "a" * 41]) == "Give each name 1 to 40 characters."
    assert names.mcp_servers_error(["tasks", "a" * 63], ["a" * 63]) == ""
    assert names.mcp_servers_error(["tasks", "a" * 64], ["a" * 64]) == "Give each name 1 to 63 characters."


@pytest.mark.parametrize("name", ["db", "pg-stat"])
def test_a_name_that_was_never_allowed_is_refused_wherever_it_stands(name: str) -> None:
    assert names.mcp_servers_error(["tasks", name], [name]) != ""
    assert names.mcp_servers_error(["tasks", name], None) != ""


def test_as_many_servers_as_there_may_be_with_names_as_long_as_they_may_be() -> None:
    assert names.mcp_servers_error([f"{number:02}{'a' * 38}" for number in range(20)]) == ""


slugs = st.from_regex(names.SLUG, fullmatch=True)


@given(slugs | labels.filter(allowed))
@example("a" * 40)
@example("customer-portal-backend-services")
def test_tools_of_any_server_have_names_that_clients_allow(server: str) -> None:
    tool = f"{names.namespace(server)}_{'t' * 12}"
    assert len(f"mcp__{server}__{tool}") <= 64
    assert len(f"{server}:{tool}") <= 60
    assert re.fullmatch(r"[a-z0-9][a-z0-9_]*", tool)
    assert "-" in server or len(server) > 22 or names.namespace(server) == server, "shortened only where it has to be"


@given(st.lists(slugs | labels, min_size=2, max_size=2, unique=True), st.from_regex(r"[a-z][a-z-]{20,37}", fullmatch=True))
def test_two_servers_have_two_namespaces_each_always_the_same(servers: list[str], beginning: str) -> None:
    for pair in (servers, [f"{beginning}{number}" for number in range(2)]):
        assert len({*map(names.namespace, pair)}) == 2
    assert names.namespace("customer-portal-backend-services") == "custome_pvwr"


@given(labels | st.sampled_from(READ_OTHERWISE))
@example("1" * 63)
@example("1-2")
@example("12e03")
def test_a_name_is_the_same_text_in_yaml(name: str) -> None:
    written = names.yaml_text(name)
    assert yaml.safe_load(written) == yaml.safe_load(f"[{written}]")[0] == name
    assert yaml.safe_load(f"{written}:\n  - {written}\n") == {name: [name]}
    assert written.strip('"') == name


@pytest.mark.parametrize("name", READ_OTHERWISE)
def test_only_what_would_be_read_as_something_else_is_quoted(name: str) -> None:
    # PyYAML does not know the numbers of YAML 1.2, nor y and n, which Compose's own reader leaves alone too.
    assert names.yaml_text(name) == (name if name in {"y", "n"} else f'"{name}"')
    assert names.yaml_text(f"my-{name}") == f"my-{name}"


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=30))
def test_any_other_text_is_the_same_in_yaml_too(text: str) -> None:
    assert yaml.safe_load(f"a: {names.yaml_text(text)}\n") == {"a": text}
    assert yaml.safe_load(f"[{names.yaml_text(text)}]") == [text]


# From the grammar of the distribution project: what may stand before a tag.
parts = st.from_regex(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*", fullmatch=True)
registries = st.sampled_from(
    ["", "localhost/", "localhost:5000/", "registry.example.com/", "10.0.0.1:443/", "Registry.Example.com/"]
)


@given(registries, st.lists(parts.filter(lambda part: len(part) < 40), min_size=1, max_size=4))
def test_an_images_name_is_taken_and_with_a_tag_or_digest_refused(registry: str, path: list[str]) -> None:
    name = registry + "/".join(path)
    assert names.image_name_error(name) == ""
    for more in (":1.0", ":latest", "@sha256:" + "0" * 64):
        assert names.image_name_error(name + more) == "Leave out the tag or digest."


@pytest.mark.parametrize("name", ["", "a b", "a//b", "/a", "a/", "a/-b", "a_-b", "https://registry.example.com/a", "a\n"])
def test_what_is_no_images_name_is_refused_in_one_sentence(name: str) -> None:
    assert names.image_name_error(name) == "Give a name like example.com/my-app."
    assert names.image_name_error("Shop") == "Use lower-case letters."
    assert names.image_name_error("a" * 256) == "Give at most 255 characters."
