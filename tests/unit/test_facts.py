"""Facts: what follows from the answers, told without Copier, and seen by Jinja as the answers are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from copier._jinja_ext import get_yield_context
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, UndefinedError

from tests.render.questions import Questions
from tests.support import ROOT, extension

facts = extension("context").facts
QUESTIONS = Questions(ROOT)
OTHER: dict[str, tuple[Any, ...]] = {
    "mcp_servers": (["tasks"], ["tasks", "my-docs"]),
    "keep_files": ([], ["Dockerfile"], ["pyproject.toml", "scripts/setup"]),
    "own_compose": ("", "compose.yaml"),
    "own_services": ({"web": {"build": ".", "ports": ["8000:80", "9000"]}, "db": {"image": "postgres:17", "profiles": ["a"]}},),
    "own_tests": ({}, {"starts": ["db"], "env_files": [".env.test"], "services": {}, "workdir": "/app", "context": "back"}),
    "own_servers": ({}, {"tasks": {"command": ["a"], "workdir": "/app"}, "my-docs": {"entrypoint": ["b"], "python": False}}),
    "test_service": ("", "web"),
    "workdir": ("/app",),
    "source_folder": ("src", "."),
    "worker_command": ("", "celery -A shop worker"),
    "schedule_command": ("", "celery -A shop beat"),
    "app_command": ("", "uvicorn shop.server:app", "python -m shop.server", "python -m shop --transport http"),
    "default_command": ("uvicorn shop.server:app", "python -m shop.server"),
    "migrate_command": ("", "alembic upgrade head"),
    "dependencies": (
        "requirements.txt",
        "pyproject.toml",
        "uv.lock",
        "poetry.lock",
        "backend/uv.lock",
        "backend/poetry.lock",
        "Pipfile",
        "setup.py",
        "requirements/prod.txt",
        "none",
    ),
    "image_entrypoint": ([], ["tini", "--"]),
    "setting_names": ({}, {"DB_HOST": "db_host", "REDIS_HOST": "redis_host", "DB": "db_kind:postgres"}),
    "database_scheme": ("postgresql", "postgresql+asyncpg"),
    "django": ({}, {"manage_py": "src/manage.py", "static_root": "static", "static_url": "/s/", "collectstatic": "deploy"}),
    "required_settings": ({}, {"SECRET_KEY": "a", "DATABASE_URL": "sqlite:///a"}),
    "image_command": ([], ["uvicorn", "shop.server:app"]),
    "extra_packages": ([], ["gunicorn>=23,<24"]),
    "test_command": ("pytest", "make check"),
    "own_packages": ([], ["-e libs/common", "vendor/a-1-py3-none-any.whl"]),
    "dev_requirements": ([], ["--group dev"], ["-r requirements/local.txt", "watchfiles"]),
    "repository_folder": ("", "backend"),
    "test_python_versions": ([], ["3.11", 3.13]),
    "test_postgres_versions": ([], [15, 17]),
    "dev_sources": ([], ["."], ["requirements/local.txt", "pyproject.toml"]),
    "test_requirements": ([], ["--group dev"], ["-e .", "hypothesis"]),
    "project_slug": ("shop",),
    "image_name": ("ghcr.io/me/shop", "registry.example.com/shop"),
    "package_name": ("shop",),
    "port_slot": (0, 9),
    "app_port": (0, 8000),
    "answers_file": (".copier-answers.yml", ".copier-answers.chora-compose.yml"),
}


def values(name: str) -> st.SearchStrategy[Any]:
    """Return answers to a question, each that it offers where it has choices."""
    if name in OTHER:
        return st.sampled_from(OTHER[name])
    offered = st.sampled_from(QUESTIONS.choices(name) or [False, True])
    return st.lists(offered, unique=True) if QUESTIONS.all[name].get("multiselect") else offered


answers_of_all = st.fixed_dictionaries({name: values(name) for name in facts.Answers.__annotations__})


def port(_service: str, slot: int) -> int:
    return 8000 + slot


class Recorder(Mapping[str, Any]):
    """Answers that remember which of them were read."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.read = answers, set[str]()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self.answers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.answers)

    def __len__(self) -> int:
        return len(self.answers)


def test_every_answer_that_facts_read_is_a_questions() -> None:
    assert facts.Answers.__annotations__.keys() - {"answers_file"} <= QUESTIONS.all.keys()
    assert not facts.NAMES & QUESTIONS.all.keys()


@given(answers_of_all)
def test_a_fact_reads_no_other_answers_than_it_says(answers: dict[str, Any]) -> None:
    for name in facts.NAMES:
        recorder = Recorder(answers)
        getattr(facts.facts(recorder, port), name)
        assert recorder.read <= facts.answers_of(name), name


@given(answers_of_all)
def test_an_answer_to_a_question_that_is_not_asked_changes_nothing(answers: dict[str, Any]) -> None:
    """So the hook, which has the answers file alone, computes what the templates saw."""
    asked = {name: value for name, value in answers.items() if name == "answers_file" or QUESTIONS.true(name, "when", answers)}
    every, saved = facts.facts(answers, port), facts.facts(asked, port)
    tables = (ROOT / "files.yml").read_text(encoding="utf-8") + "".join(str(question) for question in QUESTIONS.all.values())
    for name in facts.NAMES:
        try:
            value = getattr(saved, name)
        except facts.UnansweredError:
            # Of a service that the stack does not have, and the like; never one that decides.
            assert not re.search(rf"when: [^,\n]*\b{name}\b", tables)
        else:
            assert value == getattr(every, name), name


@pytest.mark.parametrize(
    ("found", "command"),
    [
        ({"manage_py": "src/manage.py"}, "python src/manage.py runserver 127.0.0.1:8003"),
        ({"manage_py": "manage.py", "websockets": "true"}, "gunicorn --bind 127.0.0.1:8003 a.wsgi"),
    ],
)
def test_on_the_host_djangos_own_server_runs(found: dict[str, str], command: str) -> None:
    app = {"own_app": True, "stack": "hybrid", "web_framework": "django", "source_folder": ".", "app_port": 8000, "port_slot": 3}
    answers = {**app, "app_command": "gunicorn --bind 0.0.0.0:8000 a.wsgi", "django": found}
    assert facts.facts(answers, port).host_command == command


@given(answers_of_all)
def test_services_are_the_projects_own_or_shared(answers: dict[str, Any]) -> None:
    found = facts.facts(answers, port)
    assert not (found.shares_services and (found.has_postgres or found.has_redis))
    assert found.uses_data == (found.shares_services or (found.has_data and not found.is_hub))
    assert {*found.published_services} <= {"app", "gateway", "db", "redis", "mail", "smtp"}
    assert ("db" in found.published_services, "redis" in found.published_services) == (found.has_postgres, found.has_redis)
    assert found.postgres.host.startswith("shared-") == (found.shares_services or found.is_hub)


@pytest.mark.parametrize("version", QUESTIONS.choices("postgres_version"))
def test_postgres_keeps_its_data_where_its_version_does(version: str) -> None:
    postgres = facts.facts({"stack": "shared-services", "postgres_version": version}).postgres
    data = "/var/lib/postgresql" if version == "18" else "/var/lib/postgresql/data"
    assert (postgres.image, postgres.data, postgres.host) == (f"postgres:{version}-alpine", data, "shared-postgres")


@pytest.mark.parametrize(
    ("version", "image", "program"),
    [("7", "redis:7-alpine", "redis"), ("8", "redis:8-alpine", "redis"), ("valkey-8", "valkey/valkey:8-alpine", "valkey")],
)
def test_valkey_has_programs_of_its_own_name(version: str, image: str, program: str) -> None:
    redis = facts.facts({"stack": "shared-services", "redis_version": version}).redis
    assert (redis.image, redis.server, redis.cli, redis.host) == (image, f"{program}-server", f"{program}-cli", "shared-redis")


def test_a_fact_whose_answers_are_not_there_says_which_it_waits_for() -> None:
    with pytest.raises(facts.UnansweredError, match="the answer ci is not there yet"):
        _ = facts.facts({"stack": "full"}).has_ci
    assert QUESTIONS.environment.from_string("{{ service }}").render(stack="full") == "app"
    text = "{{ 'none' if is_hub else has_ci }}"
    with pytest.raises(UndefinedError, match="'has_ci' is not known yet: the answer ci is not there yet"):
        QUESTIONS.environment.from_string(text).render(stack="full")
    # What a text does not come to needs no answer.
    assert QUESTIONS.environment.from_string(text).render(stack="shared-services") == "none"


def test_no_answer_by_the_name_of_a_fact_stands_in_for_it() -> None:
    assert QUESTIONS.environment.from_string("{{ has_ci }}").render(stack="full", ci=[], has_ci=True) == "False"


def templates(**texts: str) -> Environment:
    return QUESTIONS.environment.overlay(loader=DictLoader(texts))


def test_facts_are_seen_wherever_answers_are() -> None:
    environment = templates(
        top="{% set name = service %}{% include 'part' %}{% from 'macros' import said with context %}{{ said() }}",
        part="{{ name }} {{ has_ci }} ",
        macros="{% macro said() %}{{ service }} {{ on_gitlab }}{% endmacro %}",
    )
    assert environment.get_template("top").render(stack="full", ci=["gitlab"]) == "app True app True"


def test_a_text_is_compiled_once_and_never_takes_anothers_loop() -> None:
    environment = QUESTIONS.environment
    path = environment.from_string("{% yield one from [1, 2] %}{{ one }}{% endyield %}")
    plain = environment.from_string("scripts")
    assert path.render(one=1) == "1"
    assert get_yield_context(environment).yield_name == "one"
    assert environment.from_string("scripts") is plain
    assert get_yield_context(environment).yield_name is None
