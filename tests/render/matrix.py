"""The answers that the render tests give: made from the questions' own files, so that no choice is typed twice.

`tools/lint_questions.py` reads the same, and reports a choice that is not in the matrix.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jinja2 import meta

from tests.render.questions import Answers, Questions

Row = tuple[int, ...]
Pair = tuple[int, int, int, int]
World = list[list[int]]

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

SERVERS = ["m" * 40, "my-tasks", "1e3", "0o17", "0b1", "1-2", "2024-01-01", "true", "null", "y", *(f"s{n}" for n in range(10))]
"""As many MCP servers as there may be: names as long as they may be, and names that YAML takes for something else."""

# Free text and lists of files have no choices to take: these are what the templates branch on, or have to quote. No template
# reads which clients there are: all of them at once will do.
FREE: dict[str, tuple[Any, ...]] = {
    "project_name": NAMES,
    "app_command": (
        LEFT_OUT,
        """python -m app.server --greeting 'it costs $5, "really"' --percent 100% --umlaut ü""",
        "inventory --transport=http --dir 'C:\\tmp' {{x}}",
        "python server.py '# no: comment' '' -- '</x>&'",
        "",
    ),
    "app_port": (0, 1, 65535),
    "worker_command": ("", "celery -A inventory worker --hostname 'it costs $5'"),
    "schedule_command": ("", "celery -A inventory beat --schedule '/tmp/it costs $5'"),
    "default_command": (
        "gunicorn --bind 0.0.0.0:8000 'inventory:create_app()'",
        "uvicorn inventory.main:app --host 0.0.0.0 --port 8000",
    ),
    "image_name": ("localhost:5000/team/my_app",),
    "image_user": ("", "www-data"),
    "mcp_servers": (["no"], SERVERS),
    # Found, and refused where it differs from that: tests of adoption render it.
    "own_servers": ({},),
    "mcp_clients": ([], ["codex", "gemini", "zed", "jetbrains"], ["none"]),
    "source_folder": ("src", "."),
    "keep_files": ([], ["Dockerfile"], [".dockerignore", ".env.defaults", "pyproject.toml", "scripts/setup"]),
    "own_packages": ([], ["-e libs/common", "vendor/a-1-py3-none-any.whl"]),
    "dev_requirements": ([], ["--group dev", "watchfiles"], ["-r requirements/local.txt", "ipdb>=0.13"]),
    "dev_sources": ([], ["."], ["requirements/local.txt", "a b.txt"]),
    "system_packages": ([], ["libpq5", "libmagic1"]),
    "build_packages": ([], ["gcc", "git"]),
    "mcp_client_env": ([], ["API_KEY", "log_level"]),
    "setting_names": (
        {},
        {"DB_HOST": "db_host", "DB": "db_kind:pg", "CELERY_BROKER_URL": "redis_url"},
    ),
    "database_scheme": ("postgresql", "postgresql+asyncpg"),
    "django": (
        {},
        {"manage_py": "src/manage.py", "settings": "a.dev", "production_settings": "a.prod", "collectstatic": "build"},
        {
            **{"manage_py": "manage.py", "static_url": "/static/", "static_root": "static/all", "collectstatic": "deploy"},
            "static_in_tests": "true",
        },
    ),
    "required_settings": ({}, {"SECRET_KEY": "for-development", "ALLOWED_HOSTS": "*", "DB_HOST": ""}),
    "dependencies": (
        *("requirements.txt", "pyproject.toml", "uv.lock", "poetry.lock", "setup.py", "setup.cfg", "requirements/a.in", "none"),
        *("pdm.lock", "Pipfile.lock", "Pipfile", "environment.yml"),
    ),
    "extra_packages": ([], ["uvicorn", "gunicorn>=23,<24"]),
    "image_entrypoint": ([], ["tini", "--", "inventory"]),
    "image_command": ([], ["python", "server.py", "# no: comment", "", "--", "</x>&"]),
    "migrate_command": ("", "alembic upgrade head"),
    "test_command": ("pytest", "python manage.py test", "make check TEXT='it costs $5'"),
    "test_requirements": ([], ["--group test"], ["-r pyproject.toml", "--extra test"], ["-e .", "hypothesis>=6,<7"]),
    "test_sources": ([], ["."], ["pyproject.toml", "requirements/test.txt", "a b.txt"]),
    "test_target": ("", "test"),
    "coverage_source": ("", "."),
    "repository_folder": ("", "apps/shop.api"),
    "test_python_versions": ([], ["3.11", 3.13]),
    "test_postgres_versions": ([], [15, "17"]),
}
# Of these, conditions ask nothing but whether there is something; the default is.
SOMETHING = frozenset({"app_command", "app_port"})
# Tried for a whole number; those that its validator accepts are answers, the first and the last of them are rendered.
NUMBERS = (-1, 0, 1, 2, 9, 10, 1023, 8080, 65535, 65536)


def values(questions: Questions, name: str) -> list[Any]:
    """Return the answers of one question that are worth a rendering: all, where it has choices."""
    question = questions.all[name]
    choices = questions.choices(name)
    if question.get("multiselect") and name not in FREE:
        return [list(some) for size in range(len(choices) + 1) for some in itertools.combinations(choices, size)]
    if choices and name not in FREE:
        return choices
    kind = questions.type(name, {})
    if kind == "bool":
        return [False, True]
    if kind == "int" and name not in FREE:
        defaults = questions.resolve({})
        good = [number for number in NUMBERS if not questions.error(name, number, defaults)]
        return [good[0], good[-1]]
    return list(FREE.get(name, ()))


class Matrix:
    """Every choice of every question, in pairs with every other one that the questions allow beside it.

    A row holds the position of each parameter's value. The search is greedy, and complete: as long as a value is in no row with
    one that it goes with, both begin the next. (allpairspy ends early where a filter leaves it no value to go on with.)

    Sets are whole numbers here, a bit for each member, because they are compared a million times.
    """

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.parameters: dict[str, list[Any]] = {}
        for name, question in questions.all.items():
            if found := values(questions, name):
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
            if name in self.deciding - SOMETHING
        }
        self.computed: dict[str, Any] = {}
        # Millions of small objects, none of them in a cycle: looking for those would take half the time.
        gc.disable()
        try:
            columns = list(zip(*self._worlds(), strict=True))
        finally:
            gc.enable()
        # What a value goes with: bit n from the left stands for world n.
        self.worlds_of = [
            [int("".join("01"[value in good] for good in column), 2) for value in range(len(values))]
            for column, values in zip(columns, self.parameters.values(), strict=True)
        ]
        # Each value of each parameter, and where those of a parameter begin.
        self.places = [(at, value) for at, values in enumerate(self.parameters.values()) for value in range(len(values))]
        self.bit = {place: 1 << number for number, place in enumerate(self.places)}

    def _conditions(self, name: str) -> list[object]:
        """Return the expressions that say whether a question takes an answer."""
        question = self.questions.all[name]
        choices = question.get("choices")
        named = [value for value in choices.values() if isinstance(value, dict)] if isinstance(choices, dict) else []
        return [question.get(key) for key in ("when", "type", "validator")] + [value.get("validator") for value in named]

    def _read_by(self, *expressions: object) -> set[str]:
        """Return the questions whose answers some expressions read, by themselves or in a fact."""
        trees = [self.questions.environment.parse(text) for text in expressions if isinstance(text, str)]
        names = {name for tree in trees for name in meta.find_undeclared_variables(tree)}
        return {answer for name in names for answer in (name, *self.questions.facts.answers_of(name))} & self.questions.all.keys()

    def _deciding(self) -> set[str]:
        """Return the questions whose answers other questions' conditions read: these alone decide what goes together."""
        names = {name for read in self.reads.values() for name in read}
        # And what is read to compute those of them that are computed, or may be left out.
        given = {name for name, values in self.parameters.items() if LEFT_OUT not in values or name in SOMETHING}
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
        memory: dict[str, list[int]] = {}

        def allowed(name: str, value: Any, known: Answers) -> bool:
            if not self.questions.true(name, "when", known):
                return bool(value == LEFT_OUT)
            if value == LEFT_OUT:
                return "when" not in self.questions.all[name]
            return not self.questions.error(name, value, known)

        worlds: list[tuple[Answers, Answers, World]] = [({}, self._known({}), [])]
        for name, values in self.parameters.items():
            before, worlds = worlds, []
            read = sorted(self.reads[name])
            memory.clear()
            for answers, known, world in before:
                # Many worlds are the same for a question.
                key = repr([known[other] for other in read])
                if key not in memory:
                    memory[key] = [number for number, value in enumerate(values) if allowed(name, value, known)]
                good = memory[key]
                if name not in self.deciding:
                    world.append(good)
                    worlds.append((answers, known, world))
                    continue
                groups = [[number] for number in good]
                if name in SOMETHING:
                    groups = [[number for number in good if bool(values[number]) is some] for some in (True, False)]
                for numbers in filter(None, groups):
                    value = values[numbers[-1]]
                    more = answers if value == LEFT_OUT else {**answers, name: value}
                    worlds.append((more, self._known(more), [*world, numbers]))
        return [world for _, _, world in worlds if all(world)]

    def answers(self, row: Row) -> Answers:
        """Return a row as answers for `-d`."""
        chosen = {name: self.parameters[name][value] for name, value in zip(self.names, row, strict=True)}
        return {name: value for name, value in chosen.items() if value != LEFT_OUT}

    def allows(self, first: int, one: int, second: int, other: int) -> bool:
        """Tell whether the questions allow two values of two parameters together."""
        return bool(self.worlds_of[first][one] & self.worlds_of[second][other])

    def complete(self, wanted: Mapping[int, int], missing: Mapping[tuple[int, int], int]) -> Row:
        """Return a row with certain values at certain positions, and with as many missing pairs as can be had on the way.

        Args:
            wanted: values by their position, which the questions allow together.
            missing: for each value of each parameter those that it was in no row with.
        """
        row, worlds, chosen = dict[int, int](), -1, 0
        places = list(wanted.items())
        while places:
            at, value = max(places, key=lambda place: (missing[place] & chosen).bit_count())
            row[at] = value
            worlds &= self.worlds_of[at][value]
            chosen |= self.bit[at, value]
            rest = [place for place in wanted.items() if place[0] not in row] or self.places
            places = [(at, value) for at, value in rest if at not in row and self.worlds_of[at][value] & worlds]
        return tuple(row[position] for position in range(len(self.names)))

    @property
    def all_pairs(self) -> Iterator[Pair]:
        """Every two values of two parameters, also those that the questions do not allow together."""
        sizes = [len(values) for values in self.parameters.values()]
        for first, second in itertools.combinations(range(len(sizes)), 2):
            for one, other in itertools.product(range(sizes[first]), range(sizes[second])):
                yield first, one, second, other

    def row(self, answers: Answers) -> Row:
        """Return answers as a row."""
        return tuple(values.index(answers.get(name, LEFT_OUT)) for name, values in self.parameters.items())

    def pairs_of(self, answers: Answers) -> Iterator[Pair]:
        """Yield the pairs of values in a row of answers."""
        row = self.row(answers)
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
        missing = dict.fromkeys(self.places, 0)
        for first, one, second, other in self.all_pairs:
            if self.allows(first, one, second, other):
                missing[first, one] |= self.bit[second, other]
                missing[second, other] |= self.bit[first, one]
        rows = []
        while any(missing.values()):
            # Begin with the value that lacks most, and the one of those it lacks that lacks most itself.
            most = sorted(self.places, key=lambda place: -missing[place].bit_count())
            partner = next(place for place in most if self.bit[place] & missing[most[0]])
            row = self.complete(dict([most[0], partner]), missing)
            rows.append(self.answers(row))
            chosen = sum(self.bit[place] for place in enumerate(row))
            for place in enumerate(row):
                missing[place] &= ~chosen
        return rows

    @cached_property
    def few(self) -> list[Answers]:
        """As few of the rows as hold every value once, each in the place of some ten."""
        held = [frozenset(enumerate(self.row(answers))) for answers in self.rows]
        missing, few = frozenset.union(*held), []
        while missing:
            best = max(range(len(held)), key=lambda number: len(held[number] & missing))
            few.append(self.rows[best])
            missing -= held[best]
        return few


@cache
def matrix_of(root: Path) -> Matrix:
    """Return the matrix of a template, made once in each process.

    Args:
        root: the template's folder, with copier.yml; nothing in it may change any more.
    """
    return Matrix(Questions(root))
