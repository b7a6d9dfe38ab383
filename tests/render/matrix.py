"""The answers that the render tests give: made from the questions' own files, so that no choice is typed twice.

`tools/lint_questions.py` reads the same, and reports a choice that is not in the matrix.
"""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jinja2
import yaml
from copier._jinja_ext import YieldExtension, get_yield_context
from jinja2 import meta

Answers = dict[str, Any]
Row = tuple[int, ...]
Pair = tuple[int, int, int, int]
World = tuple[list[int], ...]

LEFT_OUT = "(left out)"
"""Stands in a row for a question that is not asked, or whose default is to be taken."""

NAMES = (
    "My Project",
    """Ann's "best" 100% $HOME ${X} $(id) `id`""",
    "key: value # {{ x }} {% y %} {# z #}",
    "Übergröße café 🚀 </x>&amp; <!-- ]]> -->",
    "- C:\\new | * _[a](b)_ @ !",
    "n" * 60,
)
"""Project names, each with what some format takes for syntax."""

SERVERS = ["m" * 63, "my-tasks", "1e3", "0o17", "0b1", "1-2", "2024-01-01", "true", "null", "y", *(f"s{n}" for n in range(10))]
"""As many MCP servers as there may be: names as long as they may be, and names that YAML takes for something else."""

# Free text and lists of files have no choices to take: these are what the templates branch on, or have to quote.
FREE: dict[str, tuple[Any, ...]] = {
    "project_name": NAMES,
    "app_command": (
        LEFT_OUT,
        """python -m app.server --greeting 'it costs $5, "really"' --percent 100% --umlaut ü""",
        "inventory --transport=http --dir 'C:\\tmp' {{x}}",
        "python server.py '# no: comment' '' -- '</x>&'",
    ),
    "default_command": (
        "gunicorn --bind 0.0.0.0:8000 'inventory:create_app()'",
        "uvicorn inventory.main:app --host 0.0.0.0 --port 8000",
    ),
    "image_name": ("localhost:5000/team/my_app",),
    "image_user": ("", "www-data"),
    "mcp_servers": (["no"], SERVERS),
    "source_folder": ("src", "."),
    "keep_files": ([], ["Dockerfile"], [".dockerignore", ".env.defaults", "pyproject.toml", "scripts/setup"]),
    "extra_packages": ([], ["uvicorn", "gunicorn>=23,<24"]),
    "image_entrypoint": ([], ["tini", "--", "inventory"]),
    "migrate_command": ("", "alembic upgrade head"),
    "test_command": ("pytest", "python manage.py test", "make check TEXT='it costs $5'"),
    "test_requirements": ([], ["--group test"], ["-r pyproject.toml", "--extra test"], ["-e .", "hypothesis>=6,<7"]),
    "test_sources": ([], ["."], ["pyproject.toml", "requirements/test.txt", "a b.txt"]),
    "test_target": ("", "test"),
    "coverage_source": ("", "."),
}
# Tried for a whole number; those that its validator accepts are answers, the first and the last of them are rendered.
NUMBERS = (-1, 0, 1, 2, 9, 10, 1023, 8080, 65535, 65536)


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
            key.removeprefix("_"): value
            for document in self._documents()
            for key, value in document.items()
            if key.startswith("_")
        }

    @cached_property
    def all(self) -> dict[str, dict[str, Any]]:
        """Every question by its name."""
        return {key: value for document in self._documents() for key, value in document.items() if not key.startswith("_")}

    @cached_property
    def included(self) -> tuple[str, ...]:
        """The files that copier.yml includes, in their order."""
        text = (self.root / "copier.yml").read_text(encoding="utf-8")
        return tuple(re.findall(r"^!include (\S+)$", text, re.MULTILINE))

    def _documents(self) -> Iterator[dict[str, Any]]:
        text = re.sub(r"^!include .*$", "", (self.root / "copier.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
        yield from (document for document in yaml.safe_load_all(text) if document)
        for name in self.included:
            yield yaml.safe_load((self.root / name).read_text(encoding="utf-8")) or {}

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
    def _templates(self) -> dict[str, jinja2.Template]:
        return {}

    def render(self, text: str, answers: Mapping[str, Any]) -> str:
        """Render a text of a question with the answers that are known so far."""
        template = self._templates.get(text)
        if template is None:
            template = self._templates[text] = self.environment.from_string(text)
        copier = {
            "_copier_conf": {"dst_path": self.destination, "answers_file": ".copier-answers.yml", "sep": "/"},
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


def values(questions: Questions, name: str) -> list[Any]:
    """Return the answers of one question that are worth a rendering: all, where it has choices."""
    question = questions.all[name]
    choices = questions.choices(name)
    if question.get("multiselect"):
        return [list(some) for size in range(len(choices) + 1) for some in itertools.combinations(choices, size)]
    if choices:
        return choices
    kind = questions.type(name, {})
    if kind == "bool":
        return [False, True]
    if kind == "int":
        defaults = questions.resolve({})
        good = [number for number in NUMBERS if not questions.error(name, number, defaults)]
        return [good[0], good[-1]]
    return list(FREE.get(name, ()))


class Matrix:
    """Every choice of every question, in pairs with every other one that the questions allow beside it.

    A row holds the position of each parameter's value. The search is greedy, and complete: each pair that no row has yet
    begins one, unless no row can have it. (allpairspy ends early where a filter leaves it no value to go on with.)
    """

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.parameters: dict[str, list[Any]] = {}
        for name, question in questions.all.items():
            # A constant `when: false` is a computed value, never an answer.
            if question.get("when") is not False and (found := values(questions, name)):
                conditional = isinstance(question.get("when"), str)
                self.parameters[name] = [*found, LEFT_OUT] if conditional else found
        self.names = list(self.parameters)
        self.defaults = questions.resolve({})
        self.reads = {name: self._read_by(*self._conditions(name)) - {name} for name in questions.all}
        self.deciding = self._deciding()
        # What the computed ones among them are computed from, and to: most answers give the same.
        self.computed_from = {
            name: sorted(self._read_by(question.get("default"), question.get("type")))
            for name, question in questions.all.items()
            if name in self.deciding
        }
        self.computed: dict[str, Any] = {}
        self.worlds = self._worlds()

    def _conditions(self, name: str) -> list[object]:
        """Return the expressions that say whether a question takes an answer."""
        question = self.questions.all[name]
        choices = question.get("choices")
        named = [value for value in choices.values() if isinstance(value, dict)] if isinstance(choices, dict) else []
        return [question.get(key) for key in ("when", "type", "validator")] + [value.get("validator") for value in named]

    def _read_by(self, *expressions: object) -> set[str]:
        """Return the questions whose answers some expressions read."""
        trees = [self.questions.environment.parse(text) for text in expressions if isinstance(text, str)]
        return {name for tree in trees for name in meta.find_undeclared_variables(tree)} & self.questions.all.keys()

    def _deciding(self) -> set[str]:
        """Return the questions whose answers other questions' conditions read: these alone decide what goes together."""
        names = {name for read in self.reads.values() for name in read}
        # And what is read to compute those of them that are computed, or may be left out.
        given = {name for name, values in self.parameters.items() if LEFT_OUT not in values}
        computed = names - given
        while computed:
            read = self._read_by(self.questions.all[computed.pop()].get("default"))
            computed |= read - names - given
            names |= read
        return names

    def _known(self, answers: Answers) -> Answers:
        """Return what conditions read, given some answers: these, and what the others are computed to."""
        known = {**self.defaults, **answers}
        # In the order of the questions, because one may read another.
        for name, read in self.computed_from.items():
            if name not in answers:
                key = repr((name, [known[other] for other in read]))
                if key not in self.computed:
                    self.computed[key] = self.questions.default(name, known)
                known[name] = self.computed[key]
        return known

    def _worlds(self) -> list[World]:
        """Return for each set of answers to the deciding questions what every question may be answered with beside it."""
        memory: dict[str, bool] = {}

        def allowed(name: str, value: Any, known: Answers) -> bool:
            # Many worlds are the same for a question.
            key = repr((name, value, [known[other] for other in sorted(self.reads[name])]))
            if key not in memory:
                if not self.questions.true(name, "when", known):
                    memory[key] = value == LEFT_OUT
                elif value == LEFT_OUT:
                    memory[key] = "when" not in self.questions.all[name]
                else:
                    memory[key] = not self.questions.error(name, value, known)
            return memory[key]

        worlds: list[tuple[Answers, Answers, World]] = [({}, self._known({}), ())]
        for name, values in self.parameters.items():
            before, worlds = worlds, []
            for answers, known, world in before:
                good = [number for number, value in enumerate(values) if allowed(name, value, known)]
                if name not in self.deciding:
                    worlds.append((answers, known, (*world, good)))
                    continue
                for number in good:
                    more = answers if values[number] == LEFT_OUT else {**answers, name: values[number]}
                    worlds.append((more, self._known(more), (*world, [number])))
        return [world for _, _, world in worlds if all(world)]

    def answers(self, row: Row) -> Answers:
        """Return a row as answers for `-d`."""
        chosen = {name: self.parameters[name][value] for name, value in zip(self.names, row, strict=True)}
        return {name: value for name, value in chosen.items() if value != LEFT_OUT}

    def complete(self, wanted: Mapping[int, int], missing: set[Pair]) -> Row | None:
        """Return a row with certain values at certain positions, and with as many missing pairs as can be had on the way.

        Returns:
            None where the questions allow no such row.
        """
        worlds = [world for world in self.worlds if all(value in world[at] for at, value in wanted.items())]
        row = dict(wanted)

        def gain(position: int, value: int) -> int:
            return sum(pair(at, row[at], position, value) in missing for at in row)

        for position in range(len(self.names)) if worlds else ():
            if position not in row:
                options = sorted({value for world in worlds for value in world[position]})
                row[position] = max(options, key=partial(gain, position))
            worlds = [world for world in worlds if row[position] in world[position]]
        return tuple(row[position] for position in range(len(self.names))) if worlds else None

    @property
    def all_pairs(self) -> Iterator[Pair]:
        """Every two values of two parameters, also those that the questions do not allow together."""
        sizes = [len(values) for values in self.parameters.values()]
        for first, second in itertools.combinations(range(len(sizes)), 2):
            for one, other in itertools.product(range(sizes[first]), range(sizes[second])):
                yield first, one, second, other

    def pairs_of(self, answers: Answers) -> Iterator[Pair]:
        """Yield the pairs of values in a row of answers."""
        row = [values.index(answers.get(name, LEFT_OUT)) for name, values in self.parameters.items()]
        for first, second in itertools.combinations(range(len(row)), 2):
            yield first, row[first], second, row[second]

    def describe(self, first: int, one: int, second: int, other: int) -> str:
        """Return a pair in words."""
        return " with ".join(
            f"{self.names[at]}={self.parameters[self.names[at]][value]!r}" for at, value in ((first, one), (second, other))
        )

    @cached_property
    def rows(self) -> list[Answers]:
        """The answers of each rendering."""
        missing = set(self.all_pairs)
        rows = []
        for first, one, second, other in self.all_pairs:
            if (first, one, second, other) in missing and (row := self.complete({first: one, second: other}, missing)):
                rows.append(self.answers(row))
                missing.difference_update(self.pairs_of(rows[-1]))
        return rows


def pair(first: int, one: int, second: int, other: int) -> Pair:
    """Return a pair of positions and their values, the first position first."""
    return (first, one, second, other) if first < second else (second, other, first, one)
