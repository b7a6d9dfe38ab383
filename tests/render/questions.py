"""The questions of a template, answered as Copier does, but without it."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
import yaml
from copier._jinja_ext import YieldExtension, get_yield_context

Answers = dict[str, Any]


@dataclass(frozen=True)
class Questions:
    """The questions of a template, in their order.

    Args:
        root: the template's folder, with copier.yml.
    """

    root: Path
    destination: Path = field(default=Path("/nonexistent/my-project"))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings, without their underscore."""
        return {
            key.removeprefix("_"): value for document in self._documents for key, value in document.items() if key.startswith("_")
        }

    @cached_property
    def all(self) -> dict[str, dict[str, Any]]:
        """Every question by its name."""
        return {key: value for document in self._documents for key, value in document.items() if not key.startswith("_")}

    @cached_property
    def included(self) -> tuple[str, ...]:
        """The files that copier.yml includes, in their order."""
        text = (self.root / "copier.yml").read_text(encoding="utf-8")
        return tuple(re.findall(r"^!include (\S+)$", text, re.MULTILINE))

    @cached_property
    def _documents(self) -> list[dict[str, Any]]:
        text = re.sub(r"^!include .*$", "", (self.root / "copier.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
        documents = [document for document in yaml.safe_load_all(text) if document]
        return documents + [yaml.safe_load((self.root / name).read_text(encoding="utf-8")) or {} for name in self.included]

    @cached_property
    def environment(self) -> jinja2.Environment:
        """A Jinja environment with the template's own settings and extensions."""
        # Copier brings these along, for filters such as to_json, and for a loop in a file's name.
        extensions: list[Any] = ["jinja2_ansible_filters.AnsibleCoreFiltersExtension", YieldExtension]
        for name in self.settings["jinja_extensions"]:
            path, _, extension = name.partition(":")
            if extension:
                spec = importlib.util.spec_from_file_location(f"questions_{Path(path).stem}", self.root / path)
                assert spec and spec.loader
                module = importlib.util.module_from_spec(spec)
                # Dataclasses look their module up by its name.
                sys.modules[spec.name] = module
                spec.loader.exec_module(module)
                extensions.append(getattr(module, extension))
            elif not name.startswith("copier_template_extensions."):
                extensions.append(name)
        options = {key: value for key, value in self.settings["envops"].items() if key != "undefined"}
        environment = jinja2.Environment(extensions=extensions, undefined=jinja2.StrictUndefined, autoescape=False, **options)
        # Not the registry of the machine that this runs on, in which the question would hold a slot.
        environment.globals["free_slot"] = lambda _slug: 0
        return environment

    @cached_property
    def facts(self) -> ModuleType:
        """The template's own facts."""
        return sys.modules[self.environment.context_class.__module__].facts  # type: ignore[no-any-return]

    @cached_property
    def _templates(self) -> dict[str, jinja2.Template]:
        return {}

    def render(self, text: str, answers: Mapping[str, Any]) -> str:
        """Render a text of a question with the answers that are known so far."""
        if "{" not in text:
            return text
        template = self._templates.get(text)
        if template is None:
            template = self._templates[text] = self.environment.from_string(text)
            # Jinja copies what stands in a chain of mappings one by one, at each rendering.
            template.globals = dict(template.globals)
        copier = {
            "_copier_conf": {"dst_path": self.destination, "answers_file": ".copier-answers.yml", "sep": "/", "data": {}},
            "_copier_operation": "copy",
        }
        return template.render({**copier, **answers})

    def paths(self, parts: tuple[str, ...], answers: Mapping[str, Any]) -> Iterator[str]:
        """Yield each path that a path of the template is rendered to: none where a part is empty, several for a loop."""
        loop = get_yield_context(self.environment)
        loop.yield_name = loop.yield_iterable = None
        named = [(self.render(parts[0], answers), answers)]
        if variable := loop.yield_name:
            contexts = [{**answers, variable: value} for value in loop.yield_iterable or ()]
            named = []
            for context in contexts:
                loop.yield_name = loop.yield_iterable = None
                named.append((self.render(parts[0], context), context))
        for name, context in named:
            if name and parts[1:]:
                yield from (f"{name}/{rest}" for rest in self.paths(parts[1:], context))
            elif name:
                yield name.removesuffix(".jinja")

    def type(self, name: str, answers: Mapping[str, Any]) -> str:
        """Return a question's type, which may depend on its answer."""
        return self.render(self.all[name].get("type", "yaml"), answers)

    def true(self, name: str, key: str, answers: Mapping[str, Any]) -> bool:
        """Return whether a condition (`when` or `ask`) of a question holds."""
        condition = self.all[name].get(key, True)
        return condition if isinstance(condition, bool) else bool(yaml.safe_load(self.render(condition, answers)))

    def choices(self, name: str) -> list[Any]:
        """Return the values that a question offers; empty where it takes any."""
        choices = self.all[name].get("choices", [])
        values = choices.values() if isinstance(choices, dict) else choices
        return [value["value"] if isinstance(value, dict) else value for value in values]

    def error(self, name: str, value: Any, answers: Mapping[str, Any]) -> str:
        """Return why a question refuses a value, empty if it accepts it."""
        question = self.all[name]
        choices = self.choices(name)
        picked = value if question.get("multiselect") else [value]
        if choices and not (isinstance(picked, list) and all(item in choices for item in picked)):
            return f"{name}: {value!r} is no choice"
        for choice in question["choices"].values() if isinstance(question.get("choices"), dict) else ():
            if (
                isinstance(choice, dict)
                and choice["value"] in picked
                and (error := self.render(choice.get("validator", ""), answers))
            ):
                return error
        kinds = {"str": str, "int": int, "bool": bool}
        kind = kinds.get(self.type(name, {**answers, name: value}), object)
        if not question.get("multiselect") and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            return f"{name}: {value!r} is no {kind.__name__}"
        return self.render(question.get("validator", ""), {**answers, name: value}).strip()

    def default(self, name: str, answers: Mapping[str, Any]) -> Any:
        """Return a question's default, given the answers before it."""
        question = self.all[name]
        default = question.get("default")
        if not isinstance(default, str):
            return default
        text = self.render(default, answers)
        return text.strip() if self.type(name, answers) == "str" and not question.get("multiselect") else yaml.safe_load(text)

    def resolve(self, given: Mapping[str, Any]) -> Answers:
        """Return what every question is answered with, as Copier does with `--defaults`."""
        answers: Answers = {}
        for name in self.all:
            use = name in given and self.true(name, "when", answers)
            answers[name] = given[name] if use else self.default(name, answers)
        return answers
