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
SHOP = {**APP, "own_app": True, "app_command": "run a", "migrate_command": "migrate a", "hot_reload": False}
OWN_IMAGE = {**SHOP, "keep_files": ["Dockerfile"], "image_entrypoint": [], "image_command": []}
SERVER = {**OWN_IMAGE, "stack": "mcp"}
OWN_SERVICES = {"web": {"build": ".", "ports": ["8000:80"]}, "db": {"image": "postgres:17-alpine"}}
OWN_TESTS = {"starts": ["db"], "env_files": [".env.test"], "services": {"web": {"ports": None}, "db": {}}, "workdir": "/app"}
OWN_COMPOSE = {
    **{"own_compose": "compose.yaml", "own_app": True, "ci": ["github"], "own_services": OWN_SERVICES},
    **{"test_service": "web", "own_tests": OWN_TESTS},
}
TESTS, PRODUCTION = "docker-compose.test.yml", "docker-compose.prod.yml"

lists = st.lists(texts, max_size=3)
words = st.text("ab1._-", min_size=1, max_size=4) | texts
own_services = st.dictionaries(
    words,
    st.fixed_dictionaries({"image": words}, optional={"ports": st.lists(st.from_regex(r"\A[0-9]{1,4}(:80)?\Z"), max_size=2)}),
    max_size=3,
)
own_servers = st.dictionaries(
    st.sampled_from(["a", "b"]),
    st.fixed_dictionaries(
        {},
        optional={
            **{"entrypoint": lists, "command": lists, "workdir": words, "python": st.just(value=False)},
            **{"mount": st.just(value=False), "speaks": st.sampled_from(["http", "stdio"])},
        },
    ),
    max_size=2,
)
own_tests = st.fixed_dictionaries(
    {},
    optional={
        "services": st.dictionaries(
            words, st.fixed_dictionaries({}, optional={"volumes": lists, "ports": st.none()}), max_size=2
        ),
        "starts": lists,
        "env_files": lists,
        "workdir": words,
        "volumes": st.lists(words, max_size=2),
    },
)
versions = st.lists(st.sampled_from(["3.11", 3.1, 3.13, 15, "17", 18.0, True]), max_size=3) | lists
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
    assert compose("docker-compose.yml", answers)["app"]["command"] == (words or ["python"])
    assert json.loads(instruction("CMD", answers)) == words if words else "\nCMD " not in rendered("Dockerfile", answers)


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
    set_there = [line.partition("=")[0] for line in lines if "=" in line and not line.startswith("#")]
    libpq = ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"]
    redis = "redis" in answers["services"]
    further = [name for name, meaning in answers["setting_names"].items() if redis or not meaning.startswith("redis_")]
    assert set_there == ["DATABASE_URL", *libpq, *(["REDIS_URL"] if redis else []), *further]


def django_stands(answers: Answers) -> None:
    found = answers["django"]
    production, dockerfile = compose(PRODUCTION, answers), rendered("Dockerfile", answers)
    assert compose("docker-compose.yml", answers)["app"]["environment"].get("DJANGO_SETTINGS_MODULE") == found.get("settings")
    assert production["app"]["environment"].get("DJANGO_SETTINGS_MODULE") == found.get("production_settings")
    collects = found.get("collectstatic") if "manage_py" in found else None
    words = ["python", found.get("manage_py"), "collectstatic", "--noinput"]
    gathers = collects == "build" or ("manage_py" in found and found.get("static_in_tests") == "true")
    assert gathers == (f" {' '.join(map(str, words))}\n" in dockerfile)
    if collects == "deploy" and {"static_url", "static_root"} <= found.keys():
        assert production["static"]["command"][-1].endswith(f" && exec {' '.join(map(str, words))}")
        assert production["static"]["volumes"][0].endswith(found["static_root"])
        assert f"location {found['static_url']} {{" in rendered("nginx/nginx.conf.template", answers)
    else:
        assert "static" not in production


def required_settings_stand(answers: Answers) -> None:
    given = {"DATABASE_URL", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"}
    wanted = {name: value for name, value in answers["required_settings"].items() if name not in given}
    lines = rendered(".env.services", answers).splitlines()
    assert {f"{name}={value}" for name, value in wanted.items()} <= {*lines}
    minimal = {**answers, "stack": "minimal"}
    for name, service in (("docker-compose.yml", "app"), (TESTS, "tests")):
        assert answers["required_settings"].items() <= compose(name, minimal)[service]["environment"].items()


def dependencies_stand(answers: Answers) -> None:
    name = answers["dependencies"]
    lines = rendered("Dockerfile", answers).splitlines()
    assert name == "none" or any(line.split()[:1] == ["COPY"] and name in line.split() for line in lines)


def image_command_stands(answers: Answers) -> None:
    words = commands.words(answers["app_command"])
    said = compose("docker-compose.yml", answers)["app"].get("command")
    assert said == (None if words == answers["image_command"] else words)


def worker_stands(answers: Answers) -> None:
    beside_stands(answers, "worker", answers["worker_command"])


def scheduler_stands(answers: Answers) -> None:
    beside_stands(answers, "scheduler", answers["schedule_command"])


def beside_stands(answers: Answers, name: str, command: str) -> None:
    words = commands.words(command)
    services = compose("docker-compose.yml", answers)
    assert services[name]["command"] == words if words else name not in services


def server_command_stands(answers: Answers) -> None:
    command = commands.words(commands.with_entrypoint(answers["app_command"], answers["image_entrypoint"]))
    assert compose("docker-compose.yml", answers)["mcp-server"]["command"] == command
    compile(rendered("scripts/lib/settings.py", answers), "settings.py", "exec")


def own_services_stand(answers: Answers) -> None:
    rows = [line for line in rendered("COMPOSE.md", answers).splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == sorted(answers["own_services"])


def own_servers_stand(answers: Answers) -> None:
    said = compose("docker-compose.yml", answers)
    for name, own in answers["own_servers"].items():
        words = [*own.get("entrypoint", []), *own.get("command", [])]
        starts = words and (own.get("python", True) or own.get("entrypoint"))
        assert not starts or said[name]["command"] == words
    compile(rendered("scripts/lib/settings.py", answers), "settings.py", "exec")


def suite_stands(answers: Answers) -> None:
    assert f'suites="{answers["test_service"]}"\n' in rendered("scripts/ci", answers)


def own_tests_stand(answers: Answers) -> None:
    said = compose(TESTS, answers)
    lists = {
        name: changes["volumes"] for name, changes in answers["own_tests"].get("services", {}).items() if "volumes" in changes
    }
    assert {name: said[name]["volumes"] for name in lists} == json.loads(json.dumps(lists).replace("$$", "$"))


def migrate_stands(answers: Answers) -> None:
    words = commands.words(answers["migrate_command"])
    for name in (TESTS, PRODUCTION):
        services = compose(name, answers)
        assert services["migrate"]["command"] == words if words else "migrate" not in services


def command_of_tests_stands(answers: Answers) -> None:
    assert compose(TESTS, answers)["tests"]["command"] == commands.words(answers["test_command"])


def coverage_source_stands(answers: Answers) -> None:
    options = [line for line in rendered("docker/report-tests.sh", answers).splitlines() if line.startswith("  set --")]
    source = answers["coverage_source"]
    assert [shlex.split(line)[3] for line in options] == [f"--cov={source}" if source else "--cov"]


def repository_folder_stands(answers: Answers) -> None:
    folder = answers["repository_folder"]
    job = yaml.safe_load(rendered(".github/workflows/test.yml", answers))["jobs"]["test"]
    assert job.get("defaults", {}).get("run", {}).get("working-directory", "") == folder
    gitlab = yaml.safe_load(rendered(".gitlab-ci.yml", {**answers, "ci": ["gitlab"]}))
    [test] = [job for name, job in gitlab.items() if name.startswith("test")]
    assert test["artifacts"]["paths"] == [f"{folder}/test-reports" if folder else "test-reports"]


def python_versions_stand(answers: Answers) -> None:
    versions = ["3.10" if one == 3.1 else str(one) for one in answers["test_python_versions"]]
    job = yaml.safe_load(rendered(".github/workflows/test.yml", answers))["jobs"]["test"]
    assert job.get("strategy", {}).get("matrix", {}).get("python", []) == versions
    assert ("args" in compose(TESTS, answers)["tests"]["build"]) == bool(versions)


def postgres_versions_stand(answers: Answers) -> None:
    versions = [str(one) for one in answers["test_postgres_versions"]]
    job = yaml.safe_load(rendered(".gitlab-ci.yml", {**answers, "ci": ["gitlab"]}))["test"]
    assert [one["TEST_POSTGRES_VERSION"] for one in job.get("parallel", {}).get("matrix", [])] == ([versions] if versions else [])
    assert ("PGDATA" in compose(TESTS, answers)["db"].get("environment", {})) == bool(versions)


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
    for word in words_of([*answers["extra_packages"], *answers["test_requirements"], *answers["dev_requirements"]]):
        assert word in words


def own_packages_stand(answers: Answers) -> None:
    lines = rendered("Dockerfile", answers).splitlines()
    for word in answers["own_packages"]:
        path = word.removeprefix("-e ")
        assert f"COPY {path} {path}" in lines


def sources_stand(answers: Answers) -> None:
    text = rendered("Dockerfile", answers)
    lines = [line.removeprefix("COPY ") for line in text.split("\n") if line.startswith("COPY ")]
    # A list in JSON is no here-document, whatever names are in it.
    copied = [line for line in lines if line.startswith("[") or "<<" not in line]
    words = [word for line in copied for word in (json.loads(line) if line.startswith("[") else line.split(" "))]
    needed = [*answers["test_sources"], *(answers["dev_sources"] if answers["dev_requirements"] else [])]
    assert {*needed} <= {*words, "pyproject.toml"}


def image_stands(answers: Answers) -> None:
    image = compose(PRODUCTION, answers)["app"]["image"]
    assert image.startswith(f"{answers['image_name']}:")
    assert f'"app": "{answers["image_name"]}"' in rendered("scripts/lib/settings.py", answers)


def servers_stand(answers: Answers) -> None:
    assert {*answers["mcp_servers"]} <= compose("docker-compose.yml", answers).keys()


def client_env_stands(answers: Answers) -> None:
    read: dict[str, Any] = {}
    exec(rendered("scripts/lib/settings.py", answers), read)
    assert read["CLIENT_ENV"] == answers["mcp_client_env"]


def is_saved(answers: Answers) -> None:
    """Nothing is rendered of it but the answers file, which is read again as it was."""


labels = st.text("ab1-x", min_size=1, max_size=6)
# The question, the answers beside it, values, and what is to hold for one that is accepted.
STANDS: dict[str, tuple[str, Answers, st.SearchStrategy[Any], Callable[[Answers], None]]] = {
    "project_name": ("project_name", APP, texts, name_stands),
    "app_command": ("app_command", SHOP, texts, command_stands),
    "app_command of a server": ("app_command", {**SERVER, "image_entrypoint": ["a", "b"]}, texts, server_command_stands),
    "worker_command": ("worker_command", SHOP, texts, worker_stands),
    "schedule_command": ("schedule_command", SHOP, texts, scheduler_stands),
    "default_command": ("default_command", SHOP, texts, is_saved),
    "image_entrypoint": ("image_entrypoint", SERVER, lists, server_command_stands),
    "image_command": ("image_command", OWN_IMAGE, lists | st.just(["run", "a"]), image_command_stands),
    "migrate_command": ("migrate_command", SHOP, texts, migrate_stands),
    "mcp_client_env": ("mcp_client_env", SERVER, st.lists(st.text("AB_1=", max_size=4), max_size=3) | lists, client_env_stands),
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
            st.dictionaries(texts | st.just("DB_HOST"), st.sampled_from(["db_host", "db_url", "db_kind:pg", "redis_url"])),
        ),
        settings_stand,
    ),
    "django": (
        *("django", {**SHOP, "web_framework": "django"}),
        st.fixed_dictionaries(
            {},
            optional={
                "manage_py": st.just("a/manage.py") | texts,
                "settings": st.sampled_from(["a.dev", "null", "1.5"]) | texts,
                "production_settings": st.sampled_from(["a.prod", "yes"]) | texts,
                "static_url": st.sampled_from(["/s/", "/a/b/", "s"]),
                "static_root": st.sampled_from(["a", "/srv/a", "a;b"]),
                "collectstatic": st.sampled_from(["build", "deploy", "never"]),
                "websockets": st.just("true"),
                "static_in_tests": st.just("true"),
            },
        ),
        django_stands,
    ),
    "required_settings": (
        *("required_settings", {**SHOP, "web_framework": "django"}),
        st.dictionaries(st.sampled_from(["SECRET_KEY", "DATABASE_URL", "A B"]) | texts, st.sampled_from(["*", "1"]) | texts),
        required_settings_stand,
    ),
    "dependencies": (
        "dependencies",
        {**SHOP, "dependencies_in_code": False},
        st.text("a/.txt_-", max_size=9) | texts,
        dependencies_stand,
    ),
    "test_command": ("test_command", SHOP, texts, command_of_tests_stands),
    "coverage_source": ("coverage_source", {**SHOP, "test_command": "pytest"}, texts, coverage_source_stands),
    "repository_folder": ("repository_folder", SHOP, st.text("ab/.-_", max_size=8) | texts, repository_folder_stands),
    "test_python_versions": ("test_python_versions", SHOP, versions, python_versions_stand),
    "test_postgres_versions": ("test_postgres_versions", SHOP, versions, postgres_versions_stand),
    "test_target": ("test_target", OWN_IMAGE, st.text("aZ0 .:#_-'\n", max_size=4) | texts, target_stands),
    "workdir": ("workdir", SHOP, texts.map(lambda text: f"/{text}"), workdir_stands),
    "workdir of a user's image": ("workdir", OWN_IMAGE, texts.map(lambda text: f"/{text}"), workdir_stands),
    "source_folder": ("source_folder", SHOP, texts, source_folder_stands),
    "extra_packages": ("extra_packages", {**SHOP, "test_requirements": []}, lists, packages_stand),
    "test_requirements": ("test_requirements", {**SHOP, "extra_packages": []}, lists, packages_stand),
    "test_sources": ("test_sources", SHOP, lists, sources_stand),
    "own_packages": (
        *("own_packages", {**SHOP, "dependencies": "requirements.txt"}),
        st.lists(st.text("ab/.-e @", max_size=6) | st.just("-e libs/a"), max_size=2) | lists,
        own_packages_stand,
    ),
    "dev_requirements": ("dev_requirements", {**SHOP, "extra_packages": []}, lists, packages_stand),
    "dev_sources": ("dev_sources", {**SHOP, "dev_requirements": ["ipdb"]}, lists, sources_stand),
    "image_name": ("image_name", SHOP, st.text("ab1/.:_-", max_size=6) | texts, image_stands),
    "mcp_servers": (
        *("mcp_servers", {"stack": "mcp-multi", "ci": ["github"]}, st.lists(labels, min_size=1, max_size=3) | lists),
        servers_stand,
    ),
    "image_user": ("image_user", OWN_IMAGE, texts, is_saved),
    "own_compose": ("own_compose", {}, texts | st.sampled_from(["compose.yaml", "docker-compose.yml"]), is_saved),
    "own_services": ("own_services", OWN_COMPOSE, own_services, own_services_stand),
    "own_servers": ("own_servers", {"stack": "mcp-multi", "mcp_servers": ["a", "b"]}, own_servers, own_servers_stand),
    "test_service": ("test_service", OWN_COMPOSE, texts | st.sampled_from(["web", "db"]), suite_stands),
    "own_tests": ("own_tests", OWN_COMPOSE, own_tests, own_tests_stand),
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
