"""Whatever text an answer is: it is refused, or it stands where it is rendered, as it was given."""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jinja2
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.render.checks import ComposeLoader
from tests.render.questions import Answers, Questions
from tests.support import ROOT
from tests.unit.test_checks import commands, texts

QUESTIONS = Questions(ROOT)
APP = {"stack": "full", "ci": ["github"], "production": True, "services": ["postgres"]}
SHOP = {**APP, "own_app": True, "app_command": "run a", "migrate_command": "migrate a"}
OWN_IMAGE = {**SHOP, "keep_files": ["Dockerfile"], "image_entrypoint": [], "image_command": []}
SERVER = {**OWN_IMAGE, "stack": "mcp"}
TESTS, PRODUCTION = "docker-compose.test.yml", "docker-compose.prod.yml"

lists = st.lists(texts, max_size=3)
debian_names = st.lists(st.text("ab1+.-", max_size=4), max_size=3) | lists


@cache
def template(name: str) -> jinja2.Template:
    environment = QUESTIONS.environment
    environment.loader = environment.loader or jinja2.FileSystemLoader(ROOT)
    return environment.get_template(f"template/{name}.jinja")


def rendered(name: str, answers: Mapping[str, Any]) -> str:
    copier = {"_copier_conf": {"answers_file": ".copier-answers.yml", "dst_path": QUESTIONS.destination, "sep": "/"}}
    return template(name).render({**copier, **answers, "_copier_answers": answers})


def compose(name: str, answers: Mapping[str, Any]) -> Any:
    """Return the services of a Compose file, as Compose reads what stands in it: `$$` is one."""
    return json.loads(json.dumps(yaml.load(rendered(name, answers), ComposeLoader)["services"]).replace("$$", "$"))


def instruction(name: str, answers: Mapping[str, Any]) -> str:
    """Return what the last instruction of a kind in the Dockerfile says."""
    lines = rendered("Dockerfile", answers).split("\n")
    return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")][-1]


def installed(answers: Mapping[str, Any]) -> list[str]:
    """Return all words of the commands in the Dockerfile that install something."""
    text = rendered("Dockerfile", answers).replace(" \\\n", " ")
    return [word for line in text.split("\n") if "uv pip install" in line for word in shlex.split(line)]


def words_of(arguments: list[str]) -> list[str]:
    return [part for word in arguments for part in (shlex.split(word) if word.startswith("-") else [word])]


def name_stands(answers: Answers) -> None:
    name = answers["project_name"]
    starter = (ROOT / "includes" / "starter" / "stdlib.py.jinja").read_text(encoding="utf-8")
    assert "NAME = {{ project_name | python_text }}" in starter
    assert ast.literal_eval(commands.python_text(name)) == name
    assert f"# {name} in Docker Compose\n" in rendered("COMPOSE.md", answers)


def command_stands(answers: Answers) -> None:
    words = commands.words(answers["app_command"])
    assert compose("docker-compose.yml", answers)["app"]["command"] == words
    assert json.loads(instruction("CMD", answers)) == words


def debian_packages_stand(answers: Answers) -> None:
    text = rendered("Dockerfile", answers)
    for name in ("system_packages", "build_packages"):
        words = f"apt-get install -y --no-install-recommends {' '.join(answers[name])} \\\n"
        assert (words in text) == bool(answers[name])
    last = text[text.rindex("\nFROM ") :]
    assert last.startswith("\nFROM base AS run\n" if answers["build_packages"] else "\nFROM dependencies AS run\n")


def settings_stand(answers: Answers) -> None:
    lines = rendered(".env.services", answers).splitlines()
    assert any(line.startswith(f"DATABASE_URL={answers['database_scheme']}://${{POSTGRES_USER}}") for line in lines)
    names = [name for name, meaning in answers["setting_names"].items() if meaning != "redis_url"]
    assert [line.partition("=")[0] for line in lines if line.endswith("=db") or "_DB}" in line][1:] == names


def dependencies_stand(answers: Answers) -> None:
    name = answers["dependencies"]
    lines = rendered("Dockerfile", answers).splitlines()
    assert name == "none" or any(line.split()[:1] == ["COPY"] and name in line.split() for line in lines)


def image_command_stands(answers: Answers) -> None:
    words = commands.words(answers["app_command"])
    said = compose("docker-compose.yml", answers)["app"].get("command")
    assert said == (None if words == answers["image_command"] else words)


def server_command_stands(answers: Answers) -> None:
    command = commands.words(commands.with_entrypoint(answers["app_command"], answers["image_entrypoint"]))
    assert compose("docker-compose.yml", answers)["mcp-server"]["command"] == command
    compile(rendered("scripts/lib/settings.py", answers), "settings.py", "exec")


def migrate_stands(answers: Answers) -> None:
    words = commands.words(answers["migrate_command"])
    for name in (TESTS, PRODUCTION):
        services = compose(name, answers)
        assert services["migrate"]["command"] == words if words else "migrate" not in services


def command_of_tests_stands(answers: Answers) -> None:
    command = commands.with_reports(answers["test_command"], "/tmp/reports", answers["coverage_source"])
    assert compose(TESTS, answers)["tests"]["command"] == command


def target_stands(answers: Answers) -> None:
    assert compose(TESTS, answers)["tests"]["build"].get("target", "") == answers["test_target"]


def workdir_stands(answers: Answers) -> None:
    path = answers["workdir"]
    assert f".:{path}" in compose("docker-compose.yml", answers)["app"]["volumes"]
    if "Dockerfile" not in answers["keep_files"]:
        assert instruction("WORKDIR", answers) == path
        assert ["chown", "app", path] == shlex.split(rendered("Dockerfile", answers).split("&& ")[-1].split("\n")[0])


def source_folder_stands(answers: Answers) -> None:
    path = answers["source_folder"]
    words = shlex.split(f"export PYTHONPATH={path}")
    assert words == ["export", f"PYTHONPATH={path}"]
    expected = "/workspace" if path == "." else f"/workspace/{path}"
    assert f"    PYTHONPATH={expected}\n" in rendered("Dockerfile", answers)


def packages_stand(answers: Answers) -> None:
    words = installed(answers)
    for word in words_of([*answers["extra_packages"], *answers["test_requirements"]]):
        assert word in words


def sources_stand(answers: Answers) -> None:
    text = rendered("Dockerfile", answers)
    copied = [line.removeprefix("COPY ") for line in text.split("\n") if line.startswith("COPY ") and "<<" not in line]
    words = [word for line in copied for word in (json.loads(line) if line.startswith("[") else line.split(" "))]
    assert {*answers["test_sources"]} <= {*words, "pyproject.toml"}


def image_stands(answers: Answers) -> None:
    image = compose(PRODUCTION, answers)["app"]["image"]
    assert image.startswith(f"{answers['image_name']}:")
    assert f'IMAGE = "{answers["image_name"]}"\n' in rendered("scripts/lib/settings.py", answers)


def servers_stand(answers: Answers) -> None:
    assert {*answers["mcp_servers"]} <= compose("docker-compose.yml", answers).keys()


def is_saved(answers: Answers) -> None:
    """Nothing is rendered of it but the answers file, which is read again as it was."""


labels = st.text("ab1-x", min_size=1, max_size=6)
# The question, the answers beside it, values, and what is to hold for one that is accepted.
STANDS: dict[str, tuple[str, Answers, st.SearchStrategy[Any], Callable[[Answers], None]]] = {
    "project_name": ("project_name", APP, texts, name_stands),
    "app_command": ("app_command", SHOP, texts, command_stands),
    "app_command of a server": ("app_command", {**SERVER, "image_entrypoint": ["a", "b"]}, texts, server_command_stands),
    "default_command": ("default_command", SHOP, texts, is_saved),
    "image_entrypoint": ("image_entrypoint", SERVER, lists, server_command_stands),
    "image_command": ("image_command", OWN_IMAGE, lists | st.just(["run", "a"]), image_command_stands),
    "migrate_command": ("migrate_command", SHOP, texts, migrate_stands),
    "system_packages": ("system_packages", SHOP, debian_names, debian_packages_stand),
    "build_packages": ("build_packages", SHOP, debian_names, debian_packages_stand),
    "database_scheme": (
        "database_scheme",
        SHOP,
        st.text("postgresql+a", max_size=14) | st.just("postgresql+asyncpg"),
        settings_stand,
    ),
    "setting_names": (
        *(
            "setting_names",
            SHOP,
            st.dictionaries(texts | st.just("DB_HOST"), st.sampled_from(["db_host", "db_url", "redis_url"])),
        ),
        settings_stand,
    ),
    "dependencies": (
        "dependencies",
        {**SHOP, "dependencies_in_code": False},
        st.text("a/.txt_-", max_size=9) | texts,
        dependencies_stand,
    ),
    "test_command": ("test_command", SHOP, texts, command_of_tests_stands),
    "coverage_source": ("coverage_source", SHOP, texts, command_of_tests_stands),
    "test_target": ("test_target", OWN_IMAGE, st.text("aZ0 .:#_-'\n", max_size=4) | texts, target_stands),
    "workdir": ("workdir", SHOP, texts.map(lambda text: f"/{text}"), workdir_stands),
    "workdir of a user's image": ("workdir", OWN_IMAGE, texts.map(lambda text: f"/{text}"), workdir_stands),
    "source_folder": ("source_folder", SHOP, texts, source_folder_stands),
    "extra_packages": ("extra_packages", {**SHOP, "test_requirements": []}, lists, packages_stand),
    "test_requirements": ("test_requirements", {**SHOP, "extra_packages": []}, lists, packages_stand),
    "test_sources": ("test_sources", SHOP, lists, sources_stand),
    "image_name": ("image_name", SHOP, st.text("ab1/.:_-", max_size=6) | texts, image_stands),
    "mcp_servers": (
        *("mcp_servers", {"stack": "mcp-multi", "ci": ["github"]}, st.lists(labels, min_size=1, max_size=3) | lists),
        servers_stand,
    ),
    "image_user": ("image_user", OWN_IMAGE, texts, is_saved),
    "generated_on": ("generated_on", APP, texts | st.dates().map(str), is_saved),
}


@cache
def answers_beside(name: str) -> Answers:
    return QUESTIONS.resolve(STANDS[name][1])


@pytest.mark.parametrize("name", STANDS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_text_is_refused_or_stands_where_it_is_rendered(name: str, data: st.DataObject) -> None:
    question, _, values, stands = STANDS[name]
    value = data.draw(values)
    answers = {**answers_beside(name), question: value}
    if error := QUESTIONS.error(question, value, answers):
        assert len(f"Validation error for question '{question}': {error}") <= 80
        return
    stands(answers)
    saved = rendered("{{ _copier_conf.answers_file }}", answers)
    saved.encode()
    assert yaml.safe_load(saved)[question] == value


def test_every_question_that_takes_any_text_is_here() -> None:
    asked = QUESTIONS.all.items()
    free = {name for name, question in asked if not question.get("choices") and question["type"] in {"str", "yaml"}}
    # The first two are in tests/unit/test_names.py; the last is compared with paths, and never rendered.
    assert free - {"project_slug", "package_name", "keep_files"} == {question for question, *_ in STANDS.values()}
