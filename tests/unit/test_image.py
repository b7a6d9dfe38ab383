"""What an existing Dockerfile says."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.support import extension
from tests.unit.shapes import MAIN, MCP, scripts, write


@pytest.mark.parametrize(
    ("dockerfile", "workdir"),
    [
        ("FROM python\nWORKDIR /srv\n", "/srv"),
        ("FROM python AS a\nWORKDIR /a\nFROM a\nworkdir /b\nWORKDIR c\n", "/b/c"),
        ("FROM python AS a\nWORKDIR /a\nFROM python\n", "/workspace"),
        ("FROM python\nENV HOME_OF=/srv A=b\nWORKDIR $HOME_OF/app\n", "/srv/app"),
        ("FROM python\nENV APP /code\nWORKDIR ${APP}\n", "/code"),
        ("FROM python\nARG APP=/code\nWORKDIR ${OTHER:-$APP}\n", "/workspace"),
        ("FROM python\nWORKDIR ${OTHER:-/x}\n", "/x"),
        ('FROM python\nWORKDIR "/with blanks"\n', "/with blanks"),
        ("FROM python\nWORKDIR '/srv'\n", "/srv"),
        ("FROM python\n", "/workspace"),
        ("FROM python\nWORKDIR $APP\n", "/workspace"),
        ('FROM python\nWORKDIR "/a:b"\n', "/workspace"),
        ('FROM python\nWORKDIR "/a #b"\n', "/workspace"),
        ("FROM python\nWORKDIR /\n", "/workspace"),
    ],
)
def test_the_working_folder_of_an_existing_dockerfile_is_found(dockerfile: str, workdir: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).workdir() == workdir


@pytest.mark.parametrize(
    ("dockerfile", "target"),
    [
        ("FROM python\n", ""),
        ("FROM python AS base\nFROM base AS run\n", ""),
        ("FROM python AS dev\nFROM dev as Test\nFROM dev AS run\n", "Test"),
        ("FROM python AS dev\nFROM python AS ci\n", "ci"),
        ("FROM python \\\n  AS development\n", "development"),
        ("# FROM python AS test\nFROM python AS tester\n", ""),
    ],
)
def test_the_stage_for_tests_of_an_existing_dockerfile_is_found(dockerfile: str, target: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).test_target == target


@pytest.mark.parametrize(
    ("dockerfile", "entrypoint"),
    [
        ("FROM python\n", []),
        ('FROM python\nENTRYPOINT ["python", "-m", "shop"]\n', ["python", "-m", "shop"]),
        ('FROM python\nENTRYPOINT ["a"]\nentrypoint \\\n  ["b"]\n', ["b"]),
        ('FROM python AS a\nENTRYPOINT ["a"]\nFROM a\n', ["a"]),
        ('FROM python AS a\nENTRYPOINT ["a"]\nFROM python\n', []),
        ("FROM python\nENTRYPOINT exec python -m shop\n", ["/bin/sh", "-c", "exec python -m shop"]),
        # Valid JSON, and to Docker no list of texts.
        ('FROM python\nENTRYPOINT "./my start"\n', ["/bin/sh", "-c", '"./my start"']),
        ("FROM python\nENTRYPOINT 5\n", ["/bin/sh", "-c", "5"]),
        ('FROM python\nENTRYPOINT ["a", 5]\n', ["/bin/sh", "-c", '["a", 5]']),
        ("FROM python\nENTRYPOINT " + "[" * 100_000, ["/bin/sh", "-c", "[" * 100_000]),
    ],
    ids=range(10),
)
def test_the_entrypoint_of_an_existing_dockerfile_is_found(dockerfile: str, entrypoint: list[str], tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).entrypoint() == entrypoint


@pytest.mark.parametrize(
    ("dockerfile", "user"),
    [
        ("FROM python\n", ""),
        ("FROM python\nUSER shop\n", "shop"),
        ("FROM python\nUSER shop\nUSER '1000:1000'\n", "1000:1000"),
        ("FROM python\nUSER shop\nUSER root\n", ""),
        ("FROM python\nUSER 0:0\n", ""),
        ("FROM python AS a\nUSER shop\nFROM a\n", "shop"),
        ("FROM python AS a\nUSER shop\nFROM python\n", ""),
        ("ARG WHO=shop\nFROM python\nARG WHO\nUSER ${WHO}\n", "shop"),
    ],
)
def test_the_user_of_an_existing_dockerfile_is_found(dockerfile: str, user: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).image_user() == user


@pytest.mark.parametrize(
    ("dockerfile", "command", "port"),
    [
        ("FROM python\n", [], 8000),
        ('FROM python\nEXPOSE 5000\nCMD ["./boot.sh"]\n', ["./boot.sh"], 5000),
        (
            "FROM python\nEXPOSE 80/tcp\nENV PORT=80\nCMD uvicorn shop:app --host 0.0.0.0 --port $PORT\n",
            ["uvicorn", "shop:app", "--host", "0.0.0.0", "--port", "80"],
            80,
        ),
        ("FROM python\nCMD ./migrate.sh && exec ./start.sh\n", ["/bin/sh", "-c", "./migrate.sh && exec ./start.sh"], 8000),
        ("FROM python\nCMD gunicorn --bind :$PORT shop:app\n", ["/bin/sh", "-c", "gunicorn --bind :$PORT shop:app"], 8000),
        ('FROM python\nEXPOSE 9000 8080\nCMD ["serve", "--port=8080"]\n', ["serve", "--port=8080"], 8080),
        ('FROM python\nARG PORT=7000\nEXPOSE ${PORT}\nCMD ["a"]\nCMD ["b"]\n', ["b"], 7000),
        ('FROM python AS base\nEXPOSE 81\nCMD ["a"]\nFROM base\n', ["a"], 81),
        ("FROM python\nEXPOSE 53/udp 99999\nCMD a\n", ["a"], 8000),
    ],
    ids=range(9),
)
def test_the_command_and_the_port_of_an_existing_dockerfile_are_found(
    dockerfile: str, command: list[str], port: int, tmp_path: Path
) -> None:
    found = write(tmp_path, {"Dockerfile": dockerfile, "app.py": "from flask import Flask\napp = Flask(__name__)\n"})
    assert (found.image_command(), found.app_port()) == (command, port)
    assert not command or found.app_command(port, "shop") == shlex.join(command)


@pytest.mark.parametrize(
    ("dockerfile", "mounted"),
    [
        ("FROM python\nWORKDIR /app\nRUN pip install -r requirements.txt\nCOPY . .\n", True),
        ("FROM python\nWORKDIR /app\nRUN uv sync --frozen\n", False),
        ("FROM python\nWORKDIR /app\nENV UV_PROJECT_ENVIRONMENT=/opt/venv\nRUN uv sync --frozen\n", True),
        ("FROM python\nENV VIRTUAL_ENV=/opt/venv\nWORKDIR /app\nRUN uv sync --active\n", True),
        ("FROM python\nWORKDIR /app\nENV PATH=/app/.venv/bin:$PATH\n", False),
        ("FROM python\nWORKDIR /app\nENV PATH=/apple/.venv/bin:$PATH\n", True),
        (
            "FROM python AS built\nWORKDIR /app\nRUN uv sync\nFROM python\nWORKDIR /app\nCOPY --from=built /app/.venv .venv\n",
            False,
        ),
        ("FROM python AS built\nWORKDIR /app\nFROM python\nWORKDIR /app\nCOPY --from=built /app .\n", False),
        ("FROM node AS ui\nFROM python\nWORKDIR /app\nCOPY --from=ui /ui/dist ./static\n", False),
        (
            "FROM python\nWORKDIR /app\nCOPY --from=uv /uv /bin/uv\nRUN uv pip install --system -r a.txt\n",
            True,
        ),
        ("FROM python\nWORKDIR /app\nRUN python -m venv .venv\n", False),
        ("FROM python\nWORKDIR /app\nRUN python -m venv /opt/venv\n", True),
        ("FROM python\nWORKDIR /app\nENV POETRY_VIRTUALENVS_IN_PROJECT=1\nRUN poetry install\n", False),
        ("FROM python\nWORKDIR /app\nRUN poetry config virtualenvs.create false && poetry install\n", True),
        ("FROM python\nWORKDIR /app\nRUN npm ci && npm run build\n", False),
    ],
)
def test_a_folder_is_not_mounted_over_what_the_image_has_there(dockerfile: str, mounted: bool, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).mount_code() == mounted


@pytest.mark.parametrize(
    ("entrypoint", "files", "command"),
    [
        ('["env", "A=b"]', {}, "flask --app app run --host 0.0.0.0 --port 8000"),
        ('["/usr/bin/tini", "--"]', {}, "flask --app app run --host 0.0.0.0 --port 8000"),
        ('["/entrypoint.sh"]', {"docker/entrypoint.sh": 'set -e\nexec "$@"\n'}, "flask --app app run --host 0.0.0.0 --port 8000"),
        ('["./boot.sh"]', {"boot.sh": "exec gunicorn app:app\n"}, "./boot.sh"),
        ('["python", "-m", "shop"]', {}, "python -m shop"),
    ],
)
def test_an_entrypoint_that_starts_what_follows_it_gets_a_command(
    entrypoint: str, files: dict[str, str], command: str, tmp_path: Path
) -> None:
    app = {"app.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask\n"}
    found = write(tmp_path, {**app, **files, "Dockerfile": f"FROM python\nENTRYPOINT {entrypoint}\n"})
    assert found.app_command(8000, "shop") == command


@pytest.mark.parametrize(
    ("instructions", "command", "http", "port"),
    [
        ('ENTRYPOINT ["python", "-m", "tool.server"]', "python -m tool.server", True, 8000),
        ('ENTRYPOINT ["tool"]\nCMD ["--transport", "stdio"]', "tool --transport stdio", False, 8000),
        ('CMD ["uv", "run", "--directory", "/app", "-m", "tool"]', "uv run --directory /app -m tool", True, 8000),
        ('ENTRYPOINT ["tini", "--"]\nCMD ["tool-mcp", "--stdio"]', "tool-mcp --stdio", False, 8000),
        (
            'EXPOSE 9000\nCMD ["tool-mcp", "--transport", "http", "--port", "9000"]',
            "tool-mcp --transport http --port 9000",
            True,
            9000,
        ),
        # Such as a shell, or what serves the web besides.
        ('ENTRYPOINT ["bash"]', "tool-mcp", True, 8000),
        ('EXPOSE 80\nCMD ["uvicorn", "tool.web:app"]', "tool-mcp", True, 8000),
        ("", "tool-mcp", True, 8000),
    ],
)
def test_an_mcp_server_is_started_as_the_image_of_its_own_says(
    instructions: str, command: str, http: bool, port: int, tmp_path: Path
) -> None:
    transport = "TRANSPORT = os.environ['MCP_TRANSPORT'], 'streamable-http', '0.0.0.0'\n"
    files = {
        **scripts('tool-mcp = "tool.server:main"', name="tool"),
        "src/tool/__init__.py": "",
        "src/tool/server.py": MCP + transport + MAIN,
        "Dockerfile": f"FROM python:3.13-slim\nWORKDIR /app\n{instructions}\n",
    }
    found = write(tmp_path, files)
    assert (found.serving.command("tool"), found.serving.switched, found.serving.port()) == (command, http, port)


# What Docker starts, by its documentation: https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
SERVE = "uvicorn app:app --host 0.0.0.0 --port 80"
CMDS = {"": [], 'CMD ["a", "b"]': ["a", "b"], "CMD a $B": ["/bin/sh", "-c", "a $B"], "CMD a b": ["/bin/sh", "-c", "a b"]}
ENTRYPOINTS = {"": [], 'ENTRYPOINT ["e", "f"]': ["e", "f"], "ENTRYPOINT e f": ["/bin/sh", "-c", "e f"]}


@pytest.mark.parametrize("cmd", CMDS)
@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
@pytest.mark.parametrize("order", [1, -1])
def test_what_docker_starts_is_started(cmd: str, entrypoint: str, order: int, tmp_path: Path) -> None:
    lines = "\n".join(["FROM python", *[entrypoint, cmd][::order]])
    found = write(tmp_path, {"Dockerfile": f"{lines}\n"})
    # What follows an ENTRYPOINT of shell form is read by nobody; a command that needs no shell is the same without one.
    follows = [] if entrypoint.endswith("f") else CMDS[cmd] if entrypoint or cmd != "CMD a b" else ["a", "b"]
    assert (found.entrypoint(), found.image_command()) == (ENTRYPOINTS[entrypoint], follows)
    if entrypoint or cmd:
        assert shlex.split(found.app_command(8000, "shop")) == [*ENTRYPOINTS[entrypoint], *follows]


@pytest.mark.parametrize(
    ("dockerfile", "command"),
    [
        ('ENTRYPOINT ["uvicorn"]\nCMD ["app:app", "--host", "0.0.0.0", "--port", "80"]', SERVE),
        (f'ENTRYPOINT ["tini", "-g", "--", "uvicorn"]\nCMD {json.dumps(SERVE.split()[1:])}', SERVE),
        (f'ENTRYPOINT ["/entry.sh", "uvicorn"]\nCMD {json.dumps(SERVE.split()[1:])}', SERVE),
        (f'ENTRYPOINT ["/bin/sh", "/entry.sh"]\nCMD {SERVE}', SERVE),
        (f'ENTRYPOINT ["gosu", "shop", "env", "A=b", "ddtrace-run"]\nCMD exec {SERVE}', SERVE),
        (f'ENTRYPOINT ["nice", "-n", "5"]\nCMD {SERVE}', SERVE),
        (f"""ENTRYPOINT ["sh", "-c", "./wait; exec \\"$@\\"", "--"]\nCMD {SERVE}""", SERVE),
        ('ENTRYPOINT ["/bin/sh", "-c"]\nCMD ["./a && ./b"]', "/bin/sh -c './a && ./b'"),
        # Of shell form, the script gets no words that it could start.
        (f"ENTRYPOINT /entry.sh\nCMD {SERVE}", "/bin/sh -c /entry.sh"),
        (f'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nENTRYPOINT a | b\nCMD {SERVE}', "/bin/bash -o pipefail -c 'a | b'"),
        ('SHELL ["/bin/bash", "-c"]\nCMD a | b\nSHELL ["/bin/ash", "-c"]', "/bin/bash -c 'a | b'"),
        ("CMD cd /srv", "/bin/sh -c 'cd /srv'"),
        ('ENTRYPOINT ["a"]\nENTRYPOINT []\nCMD ["b"]', "b"),
        ('ENTRYPOINT ["a"]\nCMD ["b"]\nCMD []', "a"),
    ],
    ids=range(14),
)
def test_what_stands_before_a_program_is_not_the_app(dockerfile: str, command: str, tmp_path: Path) -> None:
    found = write(tmp_path, {"Dockerfile": f"FROM python\n{dockerfile}\n", "entry.sh": 'exec "$@"\n'})
    assert found.app_command(8000, "shop") == command
    whole = [*found.entrypoint(), *found.image_command()]
    assert extension("facts/commands").with_entrypoint(command, found.entrypoint()) == shlex.join(whole)


@pytest.mark.parametrize(
    ("last", "command"),
    [
        ('ENTRYPOINT ["e"]', "e"),
        ('ENTRYPOINT ["e"]\nCMD ["c"]', "e c"),
        ('CMD ["c"]\nENTRYPOINT ["e"]', "e c"),
        ('CMD ["c"]', "c"),
        ("", "base"),
    ],
)
def test_an_entrypoint_drops_the_command_of_the_stage_that_it_is_made_from(last: str, command: str, tmp_path: Path) -> None:
    dockerfile = f'FROM python AS base\nCMD ["base"]\nFROM base\n{last}\n'
    assert write(tmp_path, {"Dockerfile": dockerfile}).app_command(8000, "shop") == command
