"""A change of the code shows at once: by a reloader, or by Compose; and production notices nothing of it."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import MakeStack
from tests.e2e.debugger import Editor
from tests.e2e.stack import Stack, free_port, wait_for, warnings
from tests.support import ROOT, preset

OWNER = 1234
COUNT = """
@app.get("/count")
def count() -> dict[str, int]:
    import psycopg
    import redis

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS visit (id serial)")
        row = connection.execute("INSERT INTO visit DEFAULT VALUES RETURNING id").fetchone()
    return {"redis": redis.from_url(os.environ["REDIS_URL"]).incr("visits"), "postgres": row[0]}


"""


def server_of(stack: Stack) -> Path:
    """Return the file of the starter app."""
    return stack.folder / "src" / stack.slug.replace("-", "_") / "server.py"


def edit(file: Path, old: str, new: str) -> None:
    """Save a file with another text, as an editor does that keeps its owner."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def answer(stack: Stack, path: str, text: str) -> str:
    """Wait until the app answers with a text, and return the whole answer."""

    def ask() -> str | None:
        try:
            status, found = stack.get(path)
        except HTTPException:  # a server that ends in the middle of its answer
            return None
        return found if text in found and status == 200 else None

    return wait_for(ask)


def give_to(folder: Path, owner: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)


def assert_nothing_is_left_in(folder: Path) -> None:
    """Assert that nobody but the owner has written into the project, and Python no bytecode."""
    paths = [folder, *folder.rglob("*")]
    assert [path for path in paths if path.lstat().st_uid != OWNER] == []
    assert [path for path in paths if path.name == "__pycache__" or path.suffix == ".pyc"] == []


@contextmanager
def watching(stack: Stack) -> Iterator[None]:
    """Run `docker compose watch` beside what is done meanwhile; it says when it has begun."""
    environment = {**os.environ, "BUILDX_GIT_INFO": "false", **stack.ports}
    said: list[str] = []
    command = ["docker", "compose", "watch"]
    with subprocess.Popen(
        command, cwd=stack.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        begun = threading.Event()

        def listen(lines: Iterable[str]) -> None:
            for line in lines:
                said.append(line)
                if "Watch enabled" in line:
                    begun.set()

        listener = threading.Thread(target=listen, args=[process.stdout])
        listener.start()
        try:
            assert begun.wait(60), "".join(said)
            yield
            # Before it is ended, about which it complains where a restart is still going on.
            assert not [line for line in said if warnings(line) or "error" in line.lower()], "".join(said)
        finally:
            process.terminate()
            listener.join()


# The answers, an existing project, the file that is edited and what is replaced in it, and the page that shows it.
CASES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    "fastapi": ({"stack": "full", "services": ["postgres", "redis"]}, "", "src/shop/server.py", '"ok"', "/health"),
    "flask": ({"stack": "minimal", "web_framework": "flask"}, "", "src/shop/server.py", '"ok"', "/health"),
    "django": ({"stack": "minimal", "web_framework": "django"}, "", "src/shop/urls.py", '"ok"', "/health"),
    "adopted fastapi": ({"stack": "minimal"}, "fastapi-src", "src/inventory/api/main.py", "inventory.__version__", "/"),
    "adopted flask": ({"stack": "minimal"}, "flask-app", "shop/__init__.py", '"welcome to the shop"', "/"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_saved_change_is_answered_by_the_same_container_and_a_mistake_ends_nothing(make_stack: MakeStack, case: str) -> None:
    answers, onto, name, old, path = CASES[case]
    stack = make_stack(answers if onto else {"package_name": "shop", **answers}, onto=onto)
    file = stack.folder / name
    give_to(stack.folder, OWNER)
    stack.up()
    started = stack.inspect("app")["State"]["StartedAt"]
    if case == "fastapi":
        edit(file, "if __name__", f"{COUNT}if __name__")
        assert json.loads(answer(stack, "/count", "1")) == {"redis": 1, "postgres": 1}

    edit(file, old, '"changed"')
    answer(stack, path, "changed")
    # Without watchfiles uvicorn may overlook what is saved while it restarts.
    if case != "adopted fastapi":
        edit(file, '"changed"', '"changed" )(')
        wait_for(lambda: "SyntaxError" in stack.compose("logs", "app").stdout or None)
        if "flask" in case:  # which begins to watch after it has read the code, and then answers with the mistake
            wait_for(lambda: stack.get(path)[0] == 500 or None)
        if case == "django":  # which says so at the same time as it begins to watch
            time.sleep(1)
        edit(file, '"changed" )(', '"mended"')
        answer(stack, path, "mended")

    assert stack.inspect("app")["State"]["StartedAt"] == started
    if case == "fastapi":
        assert json.loads(answer(stack, "/count", "2")) == {"redis": 2, "postgres": 2}, "what is in services counts on"
    assert_nothing_is_left_in(stack.folder)


@pytest.mark.oldest
@pytest.mark.podman
def test_compose_restarts_what_can_not_reload_itself(make_stack: MakeStack) -> None:
    stack = make_stack({"stack": "minimal", "web_framework": "stdlib", "hot_reload": True})
    new = server_of(stack).with_name("new.py")
    give_to(stack.folder, OWNER)
    with watching(stack):
        edit(server_of(stack), '"ok"', 'str("new.py" in os.listdir(os.path.dirname(__file__)))')
        answer(stack, "/health", "False")
        new.touch()
        answer(stack, "/health", "True")
        new.unlink()
        answer(stack, "/health", "False")
    assert_nothing_is_left_in(stack.folder)


def test_a_command_of_ones_own_is_kept_and_started_again(make_stack: MakeStack) -> None:
    command = "uvicorn inventory.api.main:api --host 0.0.0.0 --port 8000 --log-level warning"
    stack = make_stack({"stack": "minimal", "app_command": command}, onto="fastapi-src")
    give_to(stack.folder, OWNER)
    stack.up()
    before = stack.inspect("app")
    edit(stack.folder / "src" / "inventory" / "api" / "main.py", "inventory.__version__", '"1.5.0"')
    answer(stack, "/", "1.5.0")
    after = stack.inspect("app")
    assert command in after["Args"]
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"], "in the same container"
    assert_nothing_is_left_in(stack.folder)


@pytest.mark.parametrize("name", ["minimal", "full"])
def test_where_bind_mounts_are_slow_compose_copies_and_the_reloader_reloads(make_stack: MakeStack, name: str) -> None:
    stack = make_stack({"stack": name})
    guide = (stack.folder / "COMPOSE.md").read_text()
    lines = guide.split("```yaml\n")[1].split("```")[0]
    (stack.folder / "docker-compose.override.yml").write_text(lines)
    give_to(stack.folder, OWNER)
    with watching(stack):
        answer(stack, "/health", "ok")
        before = stack.inspect("app")
        assert before["Mounts"] == []
        edit(server_of(stack), '"ok"', '"copied"')
        answer(stack, "/health", "copied")
        assert stack.inspect("app")["State"]["StartedAt"] == before["State"]["StartedAt"]
        # What is installed can't be copied.
        edit(stack.folder / "pyproject.toml", "dependencies = [", 'dependencies = [\n  "iniconfig",')
        look = ("exec", "-T", "app", "python", "-c", "import iniconfig")
        wait_for(lambda: stack.compose(*look, check=False).returncode == 0 or None)
    assert_nothing_is_left_in(stack.folder)


def shown(stack: str) -> str:
    """Return what the page for macOS has for a stack in docker-compose.override.yml."""
    page = (ROOT / "docs/how-to/macos.md").read_text(encoding="utf-8")
    one, several = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    return str(several if stack == "mcp-multi" else one)


@pytest.mark.parametrize(
    "answers", [preset("04-mcp"), {"stack": "mcp-multi", "mcp_servers": ["tasks"]}], ids=["mcp", "mcp-multi"]
)
def test_where_bind_mounts_are_slow_an_mcp_server_is_made_of_a_saved_change(
    make_stack: MakeStack, answers: dict[str, Any]
) -> None:
    stack = make_stack(answers)
    several = "mcp_servers" in answers
    service, file = ("tasks", stack.folder / "servers/tasks/server.py") if several else ("mcp-server", server_of(stack))
    (stack.folder / "docker-compose.override.yml").write_text(shown(answers["stack"]))
    give_to(stack.folder, OWNER)
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/health').read())"

    def answers_with(text: str) -> bool | None:
        return text in stack.compose("exec", "-T", service, "python", "-c", ask, check=False).stdout or None

    with watching(stack):
        wait_for(lambda: answers_with("ok"))
        assert not [mount for mount in stack.inspect(service)["Mounts"] if mount["RW"]]
        edit(file, '"ok"', '"copied"')
        wait_for(lambda: answers_with("copied"))
    assert_nothing_is_left_in(stack.folder)


def stop_at_breakpoint(stack: Stack, editor: Editor) -> tuple[str, int]:
    """Ask the app until a breakpoint is hit, because an editor takes a moment to attach to the process that serves."""
    for _ in range(20):
        with ThreadPoolExecutor(1) as pool, suppress(queue.Empty):
            asked = pool.submit(stack.get_json)
            found = editor.next_stop(seconds=2)
            assert asked.result()
            return found
    raise AssertionError("no breakpoint was hit")


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django"])
def test_an_editor_attaches_at_any_time_and_stays_over_a_reload(make_stack: MakeStack, framework: str) -> None:
    stack = make_stack({"stack": "minimal", "web_framework": framework, "extras": ["debugpy"]})
    stack.ports["DEBUG_PORT"] = str(free_port())
    file = server_of(stack) if framework != "django" else server_of(stack).with_name("urls.py")
    line = 1 + next(number for number, text in enumerate(file.read_text().splitlines()) if '{"app": ' in text)
    breakpoints = {file.relative_to(stack.folder).as_posix(): [line]}
    give_to(stack.folder, OWNER)
    stack.up()
    with Editor(stack.folder, int(stack.ports["DEBUG_PORT"]), breakpoints) as editor:
        assert stop_at_breakpoint(stack, editor) == (str(file), line)
    with Editor(stack.folder, int(stack.ports["DEBUG_PORT"]), breakpoints) as editor:
        assert stop_at_breakpoint(stack, editor) == (str(file), line), "also a second time"
        edit(file, '"ok"', '"changed"')
        answer(stack, "/health", "changed")
        assert stop_at_breakpoint(stack, editor) == (str(file), line), "also in what the reloader has started"
    answer(stack, "/", "app")
    assert_nothing_is_left_in(stack.folder)


def test_neither_debugger_nor_reloader_is_in_production_and_in_tests(make_stack: MakeStack) -> None:
    stack = make_stack({"stack": "minimal", "web_framework": "flask", "extras": ["debugpy"], "ci": ["github"]})
    saved = yaml.safe_load((stack.folder / ".copier-answers.yml").read_text())
    built = stack.run("docker", "build", "--progress", "plain", "--tag", f"{stack.slug}-production", ".")
    assert "debugpy" not in built.stdout + built.stderr, "nobody waits for what is not in it"
    stack.run("scripts/ci", "build")
    stack.run("scripts/ci", "start")
    container = json.loads(stack.run("docker", "inspect", f"{stack.slug}-test-app-1").stdout)[0]
    [production] = json.loads(stack.run("docker", "image", "inspect", f"{stack.slug}-production").stdout)
    assert production["Config"]["Cmd"] == container["Config"]["Cmd"] == saved["app_command"].split()
    for image in (f"{stack.slug}-production", container["Image"]):
        look = ("docker", "run", "--rm", "--network", "none", image, "python", "-c", "import debugpy")
        assert "ModuleNotFoundError" in stack.run(*look, check=False).stderr
