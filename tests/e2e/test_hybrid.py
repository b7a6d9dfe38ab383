"""The hybrid stack: services in Docker, Python on the host, started as its guide and its editor files say."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack, fetch, wait_for
from tests.support import existing_project, preset


def guide_commands(stack: Stack) -> list[str]:
    """Return the lines of the guide's first block of commands, without comments."""
    block = re.search(r"```sh\n(.*?)```", (stack.folder / "COMPOSE.md").read_text(), re.DOTALL)
    assert block
    return [line.split("  #")[0].strip() for line in block[1].splitlines() if line.strip()]


@contextmanager
def running(stack: Stack, script: str) -> Iterator[None]:
    """Run a shell script in the project's folder, and end it with all that it has started."""
    # As on a developer's machine: no virtual environment is active, and none of the tests' own packages is in reach.
    environment = {**os.environ, **stack.ports, "PATH": f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"}
    log = stack.folder.with_suffix(".log")
    with log.open("w") as out:
        process = subprocess.Popen(
            ["bash", "-ec", script], cwd=stack.folder, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    except Exception as error:
        raise AssertionError(log.read_text()[-3000:]) from error
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def follow_the_guide(stack: Stack) -> tuple[list[str], str, str]:
    """Return the guide's commands that prepare, the one that starts the app, and the one that stops the services."""
    *preparation, start, stop = guide_commands(stack)
    return preparation, start, stop


def page_of(port: str) -> tuple[int, str]:
    return wait_for(lambda: fetch(f"http://127.0.0.1:{port}/"), seconds=120)


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django", "stdlib"])
def test_the_guide_works_as_written_from_an_empty_folder(make_stack: MakeStack, framework: str) -> None:
    stack = make_stack(preset("03-hybrid") | {"web_framework": framework})
    preparation, start, stop = follow_the_guide(stack)
    with running(stack, "\n".join([*preparation, start])):
        status, text = page_of(stack.ports["APP_PORT"])
    page = json.loads(text)
    assert status == 200
    assert page["database"].startswith("PostgreSQL 17.")
    assert page["redis"].startswith("Redis 8.")
    assert set(stack.compose("ps", "--services").stdout.split()) == {"db", "redis"}
    stack.sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    stack.run("sh", "-c", stop)
    stack.compose("up", "--wait")
    assert stack.sql("SELECT n FROM kept") == "7"


@pytest.mark.parametrize("project", ["flask-app", "fastapi-src"])
def test_the_guide_works_as_written_on_an_existing_project(make_stack: MakeStack, project: str) -> None:
    stack = make_stack(preset("03-hybrid") | {"port_slot": 3}, onto=project)
    # An existing app's command names its port itself: the one of the project's slot.
    preparation, start, _stop = follow_the_guide(stack)
    assert "--host 127.0.0.1 --port 8003" in start
    start = start.replace("8003", stack.ports["APP_PORT"])
    with running(stack, "\n".join([*preparation, start])):
        status, text = page_of(stack.ports["APP_PORT"])
    assert status == 200
    if project == "fastapi-src":
        answer = json.loads(text)
        assert (
            answer["database"] == f"postgresql://dev:dev@localhost:{stack.ports['POSTGRES_PORT']}/{stack.slug.replace('-', '_')}"
        )
        assert answer["redis"] == f"redis://localhost:{stack.ports['REDIS_PORT']}/0"


@pytest.mark.oldest
@pytest.mark.podman
def test_credentials_and_ports_follow_env_local_and_dot_env(make_stack: MakeStack) -> None:
    stack = make_stack(preset("03-hybrid"))
    ports, stack.ports = stack.ports, {}
    (stack.folder / ".env").write_text("".join(f"{name}={port}\n" for name, port in ports.items()))
    local = stack.folder / ".env.local"
    local.write_text(f"# mine\n{local.read_text()}POSTGRES_PASSWORD='p@ss/w$rd'\nPOSTGRES_USER=ann\n")
    stack.run("scripts/setup")
    stack.compose("up", "--wait")
    url = re.search(r"^DATABASE_URL=(.*)$", local.read_text(), re.MULTILINE)
    assert url
    assert url[1].startswith(f"postgresql://ann:p%40ss%2Fw%24rd@localhost:{ports['POSTGRES_PORT']}/")
    preparation, start, _stop = follow_the_guide(stack)
    with running(stack, "\n".join([*preparation, start])):
        assert json.loads(page_of(ports["APP_PORT"])[1])["database"].startswith("PostgreSQL")


def launch_json(folder: Path) -> dict[str, Any]:
    """Return the only configuration of a launch.json, which may hold comments."""
    text = re.sub(r"^\s*//.*$", "", (folder / ".vscode" / "launch.json").read_text(), flags=re.MULTILINE)
    configuration = json.loads(text)["configurations"][0]
    assert isinstance(configuration, dict)
    return configuration


def as_editor_does(folder: Path, text: str) -> str:
    return text.replace("${workspaceFolder}", str(folder)).replace("$PROJECT_DIR$", str(folder))


def test_the_editors_configurations_start_the_app_with_the_services_urls(make_stack: MakeStack) -> None:
    stack = make_stack(preset("03-hybrid") | {"web_framework": "flask"})
    preparation, _start, _stop = follow_the_guide(stack)
    prepare = "\n".join(line for line in preparation if not line.startswith("set -a"))

    code = launch_json(stack.folder)
    env_file = shlex.quote(as_editor_does(stack.folder, code["envFile"]))
    variables = " ".join(f"{name}={shlex.quote(as_editor_does(stack.folder, value))}" for name, value in code["env"].items())
    command = f"set -a; . {env_file}; set +a; {variables} python -m {code['module']} {shlex.join(code['args'])}"
    with running(stack, f"{prepare}\n{command}"):
        assert json.loads(page_of(stack.ports["APP_PORT"])[1])["database"].startswith("PostgreSQL")

    pycharm = ET.parse(stack.folder / ".run" / "app.run.xml").getroot()
    options = {option.attrib["name"]: option.attrib["value"] for option in pycharm.iter("option")}
    variables = " ".join(
        f"{env.attrib['name']}={shlex.quote(as_editor_does(stack.folder, env.attrib['value']))}" for env in pycharm.iter("env")
    )
    assert options["MODULE_MODE"] == "true"
    env_file = shlex.quote(as_editor_does(stack.folder, options["ENV_FILES"]))
    command = f"set -a; . {env_file}; set +a; {variables} python -m {options['SCRIPT_NAME']} {options['PARAMETERS']}"
    with running(stack, f". .venv/bin/activate\n{command}"):
        assert json.loads(page_of(stack.ports["APP_PORT"])[1])["redis"].startswith("Redis")


def test_editor_files_of_the_user_are_kept(make_stack: MakeStack) -> None:
    def write(folder: Path) -> None:
        existing_project("flask-app", folder / "x")
        (folder / ".vscode").mkdir()
        (folder / ".vscode" / "launch.json").write_text("{}")

    stack = make_stack(preset("03-hybrid"), write=write)
    assert (stack.folder / ".vscode" / "launch.json").read_text() == "{}"
    assert (stack.folder / ".run" / "app.run.xml").exists()
