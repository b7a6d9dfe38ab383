"""What the tests remember of Jinja and YAML changes nothing but the time that they take."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from copier._jinja_ext import SandboxedEnvironment, YieldExtension, get_yield_context
from hypothesis import given
from hypothesis import strategies as st

from tests.support import files, render

# As they are without a memory.
COMPILE = jinja2.Environment.compile.__wrapped__  # type: ignore[attr-defined]
LOAD = yaml.load.__wrapped__  # type: ignore[attr-defined]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_a_text_is_compiled_once_for_all_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = jinja2.Environment._parse

    def counting(self: jinja2.Environment, source: str, *rest: Any) -> Any:
        parsed.append(source)
        return parse(self, source, *rest)

    monkeypatch.setattr(jinja2.Environment, "_parse", counting)
    text = "{{ 6 * number }} of a text that no other test has"
    assert [SandboxedEnvironment().from_string(text).render(number=number) for number in (7, 8)] == [
        "42 of a text that no other test has",
        "48 of a text that no other test has",
    ]
    assert parsed.count(text) == 1


def test_each_rendering_of_a_template_brings_the_same_as_one_that_compiles_anew(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"stack": "mcp-multi", "mcp_servers": ["a", "b", "c"], "ci": ["github", "gitlab"], "project_slug": "shop"}
    first, second = (files(render(template, tmp_path / name / "shop", answers)) for name in ("first", "second"))
    monkeypatch.setattr(jinja2.Environment, "compile", COMPILE)
    monkeypatch.setattr(yaml, "load", LOAD)
    monkeypatch.setattr(yaml, "load_all", yaml.load_all.__wrapped__)  # type: ignore[attr-defined]
    assert first == second == files(render(template, tmp_path / "third" / "shop", answers))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "\n  1\n\n2"),
        ({"trim_blocks": True}, "  1\n2"),
        ({"trim_blocks": True, "keep_trailing_newline": True}, "  1\n2\n"),
        ({"block_start_string": "<%", "block_end_string": "%>"}, "{% if true %}\n  1\n{% endif %}\n2"),
    ],
)
def test_an_environment_with_other_settings_compiles_for_itself(options: dict[str, Any], expected: str) -> None:
    assert jinja2.Environment(**options).from_string("{% if true %}\n  1\n{% endif %}\n2\n").render() == expected


def test_a_name_without_a_loop_forgets_the_loop_of_the_name_before() -> None:
    environment = SandboxedEnvironment(extensions=[YieldExtension])
    loop, plain = "{% yield name from names %}{{ name }}{% endyield %}", "plain"
    for _ in range(2):
        environment.from_string(loop).render(names=["a"])
        assert get_yield_context(environment).yield_name == "name"
        environment.from_string(plain).render()
        assert get_yield_context(environment).yield_name is None


def test_a_syntax_tree_is_compiled_as_it_is() -> None:
    environment = jinja2.Environment()
    assert environment.from_string(environment.parse("{{ 1 + 1 }}")).render() == "2"


@given(value=VALUES)
def test_yaml_reads_what_it_wrote(value: Any) -> None:
    text = yaml.safe_dump(value)
    assert yaml.safe_load(text) == yaml.safe_load(io.StringIO(text)) == yaml.safe_load(text.encode()) == value
    assert list(yaml.safe_load_all(f"---\n{text}---\n{text}")) == [value, value]


@pytest.mark.parametrize("text", ["", "a: &x {b: 1}\nc: {<<: *x, d: 2}\n", "[1, 2]", "# nothing\n", "2026-01-31"])
def test_yaml_reads_a_text_as_without_a_memory_however_often(text: str) -> None:
    for _ in range(2):
        assert yaml.safe_load(text) == LOAD(text, yaml.SafeLoader)


def test_what_a_test_changes_in_a_value_is_in_no_other() -> None:
    yaml.safe_load("a: [1]")["a"].append(2)
    assert yaml.safe_load("a: [1]") == {"a": [1]}


@pytest.mark.parametrize("text", ["a: b: c", "1\n---\n2\n", "- ]"])
def test_yaml_refuses_what_it_refused_however_often(text: str) -> None:
    for _ in range(2):
        with pytest.raises(yaml.YAMLError):
            yaml.safe_load(text)


def test_a_loader_with_tags_of_its_own_reads_them() -> None:
    class Doubling(yaml.SafeLoader):
        pass

    def doubled(loader: yaml.SafeLoader, node: yaml.Node) -> str:
        assert isinstance(node, yaml.ScalarNode)
        return str(loader.construct_scalar(node)) * 2

    Doubling.add_constructor("!double", doubled)
    assert yaml.load("a: !double b", Doubling) == {"a": "bb"}
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("a: !double b")
