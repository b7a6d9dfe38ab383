"""Each preset, on an empty folder and on existing projects, as its user works with it."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack, warnings
from tests.support import preset

EXISTING = ["flask-app", "fastapi-src"]
PAGES = {"flask-app": "welcome to the shop", "fastapi-src": "1.4.2"}
# Of fastapi-src the Python that it allows, and the older versions beside it, so that both generations are proven.
OLDER = {"postgres_version": "15", "redis_version": "7"}


def listens_on_loopback_only(stack: Stack) -> bool:
    published = [
        binding["HostIp"]
        for service in stack.compose("ps", "--services").stdout.split()
        for bindings in stack.inspect(service)["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    ]
    return bool(published) and set(published) == {"127.0.0.1"}


def stops_by_itself(stack: Stack, service: str) -> bool:
    """Whether a service ends at SIGTERM; Docker kills one that does not, with exit code 137."""
    stack.compose("stop", "--timeout", "60", service)
    return bool(stack.inspect(service)["State"]["ExitCode"] != 137)


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django", "stdlib"])
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_minimal_answers_from_an_empty_folder(make_stack: MakeStack, framework: str, python: str) -> None:
    stack = make_stack(preset("01-minimal") | {"web_framework": framework, "python_version": python, "project_name": "My $hop"})
    stack.up()
    assert stack.get_json("/health") == {"status": "ok"}
    assert stack.get_json("/") == {"app": "My $hop"}
    assert stack.get("/nothing-here")[0] == 404
    assert stack.compose("exec", "-T", "app", "python", "--version").stdout.startswith(f"Python {python}.")
    assert listens_on_loopback_only(stack)
    assert stops_by_itself(stack, "app")


@pytest.mark.parametrize("project", EXISTING)
def test_minimal_answers_from_an_existing_project(make_stack: MakeStack, project: str) -> None:
    stack = make_stack(preset("01-minimal"), onto=project)
    stack.up()
    assert PAGES[project] in stack.get("/")[1]
    assert listens_on_loopback_only(stack)
    assert stops_by_itself(stack, "app")


def test_minimal_starts_a_script_without_framework_or_dependencies(make_stack: MakeStack) -> None:
    stack = make_stack(preset("01-minimal"), onto="plain-script")
    stack.up()
    assert stack.get("/app.py")[0] == 200


@pytest.mark.oldest
@pytest.mark.podman
def test_code_is_mounted_so_a_restart_shows_a_change(make_stack: MakeStack) -> None:
    stack = make_stack(preset("01-minimal"), onto="flask-app")
    stack.up()
    source = stack.folder / "shop" / "__init__.py"
    source.write_text(source.read_text().replace("welcome to the shop", "closed today"))
    stack.compose("restart", "app")
    stack.compose("up", "--wait")
    assert stack.get("/") == (200, "closed today")


def keeps_its_data(stack: Stack) -> None:
    stack.sql("CREATE TABLE book (title text); INSERT INTO book VALUES ('Momo')")
    assert stack.redis("SET", "counter", "42") == "OK"
    stack.compose("down")
    stack.up()
    assert stack.sql("SELECT title FROM book") == "Momo"
    assert stack.redis("GET", "counter") == "42"


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django", "stdlib"])
def test_full_reaches_its_services_and_keeps_its_data_from_an_empty_folder(make_stack: MakeStack, framework: str) -> None:
    # A package's name may be any that Python takes.
    stack = make_stack(preset("02-full") | {"web_framework": framework, "package_name": "läden"})
    stack.up()
    page = stack.get_json("/")
    assert page["database"].startswith("PostgreSQL 17.")
    assert page["redis"].startswith("Redis 8.")
    assert listens_on_loopback_only(stack)
    assert all(stops_by_itself(stack, service) for service in ("app", "db", "redis"))
    stack.up()
    keeps_its_data(stack)


@pytest.mark.parametrize("project", EXISTING)
def test_full_gives_an_existing_project_its_services(make_stack: MakeStack, project: str) -> None:
    stack = make_stack(preset("02-full") | OLDER, onto=project)
    stack.up()
    assert PAGES[project] in stack.get("/")[1]
    name = stack.slug.replace("-", "_")
    environment = stack.compose("exec", "-T", "app", "env").stdout.splitlines()
    assert f"DATABASE_URL=postgresql://dev:dev@db:5432/{name}" in environment
    assert "REDIS_URL=redis://redis:6379/0" in environment
    assert stack.sql("SHOW server_version").startswith("15.")
    assert "redis_version:7." in stack.redis("INFO", "server")
    keeps_its_data(stack)


@pytest.mark.parametrize(
    ("answers", "reached", "running"),
    [
        ({"services": ["postgres"]}, {"database"}, {"app", "db"}),
        ({"services": ["redis"]}, {"redis"}, {"app", "redis"}),
        ({"services": ["redis"], "redis_version": "valkey-8"}, {"redis"}, {"app", "redis"}),
    ],
    ids=["postgres", "redis", "valkey"],
)
def test_full_runs_with_one_service_alone(
    make_stack: MakeStack, answers: dict[str, object], reached: set[str], running: set[str]
) -> None:
    stack = make_stack(preset("02-full") | answers)
    stack.up()
    assert set(stack.get_json("/")) == {"app"} | reached
    assert set(stack.compose("ps", "--services").stdout.split()) == running


def test_the_page_says_which_service_is_gone_while_the_app_stays_alive(make_stack: MakeStack) -> None:
    stack = make_stack(preset("02-full"))
    stack.up()
    stack.compose("stop", "redis")
    status, text = stack.get("/")
    page = json.loads(text)
    assert status == 503
    assert page["redis"].startswith("unreachable: ")
    assert page["database"].startswith("PostgreSQL")
    assert stack.get_json("/health") == {"status": "ok"}


@pytest.mark.oldest
@pytest.mark.podman
def test_a_plain_up_works_in_a_fresh_clone_on_the_ports_of_its_slot(make_stack: MakeStack) -> None:
    stack = make_stack(preset("02-full") | {"port_slot": 9}, own_ports=True)
    stack.go_on_in_a_clone()
    result = stack.compose("up", "--detach", "--wait")
    assert not warnings(result.stderr)
    assert stack.app_url == "http://127.0.0.1:8009"
    assert stack.get_json("/")["database"].startswith("PostgreSQL")
    assert stack.compose("port", "db", "5432").stdout.strip() == "127.0.0.1:5441"
    assert stack.compose("port", "redis", "6379").stdout.strip() == "127.0.0.1:6388"


def test_a_command_reaches_the_app_word_for_word_without_a_shell(make_stack: MakeStack) -> None:
    words = [
        "python",
        "-c",
        "import sys; from http.server import *; HTTPServer(('', 8000), SimpleHTTPRequestHandler).serve_forever()",
    ]
    words += ["$HOME", "${UNSET:-x}", "two words", '"', "'", "\\", "$$", "`id`", "ä", "#", "a: b"]
    stack = make_stack(preset("01-minimal") | {"app_command": shlex.join(words)}, onto="plain-script")
    stack.up()
    show = "import json, pathlib; print(json.dumps([p.read_text() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline')]))"
    processes = json.loads(stack.compose("exec", "-T", "app", "python", "-c", show).stdout)
    assert words in [text.rstrip("\0").split("\0") for text in processes]
    # The last stage, which production is made of.
    stack.run("docker", "build", "--quiet", "--tag", f"{stack.slug}-app", ".")
    image = json.loads(stack.run("docker", "image", "inspect", f"{stack.slug}-app").stdout)[0]
    assert image["Config"]["Cmd"] == words
