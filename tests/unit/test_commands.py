"""Commands: shell words, and what each file format makes of them."""

from __future__ import annotations

import json
import shlex
import tomllib
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import extension

commands = extension("facts/commands")
word = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12) | st.text("a$ '\"\\#{}<&", max_size=8)
lists_of_words = st.lists(word, min_size=1, max_size=6).filter(lambda words: bool(words[0]))


@given(lists_of_words)
def test_words_come_back_from_a_line(words: list[str]) -> None:
    assert commands.words(shlex.join(words)) == words


@given(lists_of_words)
def test_a_dockerfiles_exec_form_holds_the_words(words: list[str]) -> None:
    assert json.loads(commands.exec_form(shlex.join(words))) == words


@given(lists_of_words)
def test_a_compose_file_holds_the_words_with_each_dollar_doubled(words: list[str]) -> None:
    # A YAML 1.1 list in one line, to which Compose then applies its interpolation.
    in_file = yaml.safe_load(f"command: {commands.compose_form(shlex.join(words))}\n")["command"]
    assert in_file == [text.replace("$", "$$") for text in words]
    assert "$" not in "".join(text.replace("$$", "") for text in in_file)


def test_nothing_is_done_to_a_command_that_a_shell_would_do() -> None:
    command = """python -m app --cost $5 --home '$HOME' --list *.py --a `id` ; rm && x | y > z ~"""
    assert commands.words(command) == [
        *("python", "-m", "app", "--cost", "$5", "--home", "$HOME", "--list", "*.py", "--a", "`id`", ";", "rm", "&&", "x", "|"),
        *("y", ">", "z", "~"),
    ]
    assert '"$$5"' in commands.compose_form(command)
    assert '"$5"' in commands.exec_form(command)


@pytest.mark.parametrize(
    ("command", "on_host"),
    [
        ("uvicorn a.b:app --host 0.0.0.0 --port 8000", "uvicorn a.b:app --host 127.0.0.1 --port 8003"),
        ("gunicorn --bind 0.0.0.0:8000 'shop:create_app()'", "gunicorn --bind 127.0.0.1:8003 'shop:create_app()'"),
        ("python manage.py runserver 0.0.0.0:8000", "python manage.py runserver 127.0.0.1:8003"),
        ("uvicorn a:app --port=8000 --host=0.0.0.0", "uvicorn a:app --port=8003 --host=127.0.0.1"),
        ("python server.py --workers 80000", "python server.py --workers 80000"),
        ("python server.py --timeout 18000:80001", "python server.py --timeout 18000:80001"),
    ],
)
def test_on_the_host_the_app_listens_on_loopback_and_its_own_port(command: str, on_host: str) -> None:
    assert commands.on_host(command, 8000, 8003) == on_host


@given(lists_of_words, st.integers(1, 65535), st.integers(1, 65535))
def test_on_the_host_there_are_as_many_words(words: list[str], app_port: int, host_port: int) -> None:
    assert len(commands.words(commands.on_host(shlex.join(words), app_port, host_port))) == len(words)


# What stands behind env

ASSIGNMENT = st.builds("{}={}".format, st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), word)
ENV_OPTION = st.sampled_from(
    [["-i"], ["-"], ["-u", "A"], ["-uA"], ["--unset=A"], ["--unset", "A"], ["-iv"], ["--block-signal=INT"]]
)
FOLDER = st.sampled_from([["-C", "a b"], ["-Ca b"], ["--chdir=a b"], ["--chdir", "a b"], ["-iC", "a b"]])
# What env itself takes for an option, a variable or another env is no program.
programs = lists_of_words.filter(lambda words: not words[0].startswith("-") and "=" not in words[0] and words[0] != "env")


@given(programs, st.lists(ENV_OPTION, max_size=3), st.none() | FOLDER, st.lists(ASSIGNMENT, max_size=3), st.booleans())
def test_env_is_no_program(
    words: list[str], options: list[list[str]], folder: list[str] | None, assigned: list[str], split: bool
) -> None:
    options = [*options, *([folder] if folder else [])]
    before = [word for option in options for word in option] + assigned
    command = ["/usr/bin/env", "-S", shlex.join([*before, *words])] if split else ["/usr/bin/env", *before, *words]
    found = commands.behind_env(command)
    assert found == (
        ["/usr/bin/env", *before],
        words,
        dict(one.split("=", 1) for one in assigned),
        "a b" if folder else ".",
    )
    line, plain = shlex.join(command), shlex.join(words)
    assert commands.program(line) == commands.program(plain)
    target, alone = commands.debug_target(line), commands.debug_target(plain)
    assert (target["args"], target["variables"], target["folder"]) == (alone["args"], found.variables, found.folder)
    reloading = commands.reload_form(plain, ".")
    assert commands.words(commands.reload_form(line, found.folder)) == (
        [*found.before, *commands.words(reloading)] if reloading else []
    )


@pytest.mark.parametrize("command", ["env", "env -i", "env A=b", "/usr/bin/env -u"])
def test_env_without_a_command_is_the_program(command: str) -> None:
    assert commands.program(command) == "env"
    assert commands.debug_target(command)["args"] == command.split()[1:]


# Development


@pytest.mark.parametrize(
    ("command", "folder", "reloads"),
    [
        ("uvicorn a:app --port 1", "src", "uvicorn a:app --port 1 --reload --reload-dir src --timeout-graceful-shutdown 1"),
        ("uvicorn a:app --port 1", ".", "uvicorn a:app --port 1 --reload --timeout-graceful-shutdown 1"),
        ("env A=b uvicorn a:app", ".", "env A=b uvicorn a:app --reload --timeout-graceful-shutdown 1"),
        (
            "python -m uvicorn a:app --timeout-graceful-shutdown 5",
            ".",
            "python -m uvicorn a:app --timeout-graceful-shutdown 5 --reload",
        ),
        ("streamlit run a.py", ".", "streamlit run a.py --server.runOnSave true"),
        ("sanic a:app --port 1 --single-process", ".", "sanic a:app --port 1 --reload"),
        ("python -m bottle --bind 0.0.0.0:8000 a", ".", "python -m bottle --reload --bind 0.0.0.0:8000 a"),
        (
            "gunicorn --bind 0.0.0.0:8000 'a:create_app()'",
            ".",
            "flask --app 'a:create_app()' run --debug --host 0.0.0.0 --port 8000",
        ),
        ("gunicorn -b :5000 -w 4 a:app", ".", "flask --app a:app run --debug --host 0.0.0.0 --port 5000"),
        ("gunicorn --bind 0.0.0.0:8000 a:app --timeout 300", ".", "flask --app a:app run --debug --host 0.0.0.0 --port 8000"),
        ("gunicorn a --bind 0.0.0.0:8000 -k gevent", ".", "flask --app a run --debug --host 0.0.0.0 --port 8000"),
        ("flask --app a run --host 0.0.0.0", ".", "flask --app a run --debug --host 0.0.0.0"),
        ("python manage.py runserver 0.0.0.0:8000", ".", "python manage.py runserver 0.0.0.0:8000"),
    ],
)
def test_a_server_that_can_reload_is_told_to(command: str, folder: str, reloads: str) -> None:
    assert commands.reload_form(command, folder) == reloads


@pytest.mark.parametrize(
    ("command", "reloads"),
    [
        ("gunicorn --chdir src --bind 0.0.0.0:8000 a.wsgi", "python src/manage.py runserver 0.0.0.0:8000"),
        ("gunicorn -b :5000 -w 4 a.wsgi:application", "python src/manage.py runserver 0.0.0.0:5000"),
        ("uvicorn a.asgi:application --host 0.0.0.0 --port 8000", "python src/manage.py runserver 0.0.0.0:8000"),
        ("daphne -b 0.0.0.0 -p 8000 a.asgi:application", "python src/manage.py runserver 0.0.0.0:8000"),
        ("gunicorn -c gunicorn.conf.py a.wsgi", "python src/manage.py runserver 0.0.0.0:8123"),
        ("env PORT=8123 sh -c 'gunicorn a.wsgi'", "python src/manage.py runserver 0.0.0.0:8123"),
        ("python src/manage.py runserver 0.0.0.0:8000", "python src/manage.py runserver 0.0.0.0:8000"),
        ("python src/manage.py runserver --noreload", ""),
    ],
)
def test_djangos_own_server_takes_over_where_it_is_known_where_the_app_listens(command: str, reloads: str) -> None:
    assert commands.reload_form(command, ".", "django", "src/manage.py", 8123) == reloads


def test_gunicorn_reloads_what_is_not_flask_itself() -> None:
    command = "gunicorn --bind 0.0.0.0:8000 a:app"
    assert commands.reload_form(command, ".", "other") == "gunicorn --reload --bind 0.0.0.0:8000 a:app"


@pytest.mark.parametrize(
    "command",
    [
        "python -m shop.server --host 0.0.0.0 --port 8000",
        "python manage.py runserver --noreload",
        "gunicorn --workers 4 shop:app",
        "gunicorn --bind 0.0.0.0:8000 --bind [::]:8000 shop:app",
        "gunicorn --bind unix:/run/shop.sock shop:app",
        "gunicorn --bind 0.0.0.0:8000 --workers 4",
        "hypercorn shop:app",
        "sh -c 'uvicorn a:app'",
    ],
)
def test_a_command_that_can_not_reload_has_no_form_that_does(command: str) -> None:
    assert commands.reload_form(command, ".") == ""


@given(lists_of_words, st.sampled_from([".", "src", "my code"]))
def test_what_uvicorn_was_told_it_is_told_still(words: list[str], folder: str) -> None:
    found = commands.words(commands.reload_form(shlex.join(["uvicorn", *words]), folder))
    assert found[: len(words) + 2] == ["uvicorn", *words, "--reload"]
    soon = [] if any(word.startswith("--timeout-graceful-shutdown") for word in words) else ["--timeout-graceful-shutdown", "1"]
    assert found[len(words) + 2 :] == [*([] if folder == "." else ["--reload-dir", folder]), *soon]


@given(lists_of_words)
def test_under_a_debugger_a_command_stays_as_it_is(words: list[str]) -> None:
    assert commands.words(commands.under_debugger(shlex.join(words))) == ["env", "DEBUG_LISTEN=5678", *words]


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("python -m shop.server --port 1", {"module": "shop.server", "args": ["--port", "1"]}),
        ("python3 -m shop", {"module": "shop", "args": []}),
        ("python run.py --x 'a b'", {"program": "run.py", "args": ["--x", "a b"]}),
        ("uvicorn a:app", {"module": "uvicorn", "args": ["a:app"]}),
        ("inventory serve", {"program": ".venv/bin/inventory", "args": ["serve"]}),
        ("env PORT=8000 uvicorn a:app", {"module": "uvicorn", "args": ["a:app"], "variables": {"PORT": "8000"}}),
        ("env --chdir=backend python run.py", {"program": "backend/run.py", "args": [], "folder": "backend"}),
    ],
)
def test_a_debugger_starts_the_same(command: str, target: dict[str, object]) -> None:
    found = commands.debug_target(command)
    assert shlex.split(found.pop("parameters")) == target["args"]
    assert found == {"folder": ".", "variables": {}, **target}


@given(lists_of_words)
def test_a_debugger_gets_every_argument(words: list[str]) -> None:
    args = commands.debug_target(shlex.join(words))["args"]
    assert words[len(words) - len(args) :] == args


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@example("\x7f\x85\u2028\ufeff\uffff😀")
def test_a_text_is_the_same_in_python_json_toml_and_yaml(text: str) -> None:
    literal = commands.to_json_text(text)
    assert json.loads(literal) == text
    assert tomllib.loads(f"a = {literal}")["a"] == text
    assert yaml.safe_load(f"a: {literal}")["a"] == text
    assert eval(literal, {"__builtins__": {}}) == text


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60))
def test_a_name_is_the_same_in_an_xml_attribute(text: str) -> None:
    assert ElementTree.fromstring(f"<a b={commands.xml_attribute(text)}/>").attrib["b"] == text


# The transport of an MCP server


@pytest.mark.parametrize(
    ("command", "over_stdio"),
    [
        ("python -m shop.server --transport http", "python -m shop.server --transport stdio"),
        ("shop-mcp --transport=streamable-http --port 8000", "shop-mcp --transport=stdio"),
        ("shop-mcp -t sse", "shop-mcp -t stdio"),
        ("shop-mcp --mode streamable_http", "shop-mcp --mode stdio"),
        ("shop-mcp serve --http --port 8000", "shop-mcp serve"),
        ("shop --transport HTTP --host 0.0.0.0 -p 8000 --path /mcp", "shop --transport stdio"),
        ("shop --http --host=0.0.0.0 --port=8000 --path /data -p x", "shop --path /data -p x"),
        ("shop http --host 0.0.0.0 --log http", "shop stdio --log http"),
        ("fastmcp run 'my server.py:mcp' --transport http", "fastmcp run 'my server.py:mcp' --transport stdio"),
    ],
)
def test_a_command_that_speaks_http_has_a_form_that_speaks_over_stdio(command: str, over_stdio: str) -> None:
    assert commands.speaks_http(command)
    assert shlex.split(commands.stdio_form(command)) == shlex.split(over_stdio)
    assert not commands.speaks_http(over_stdio)


@pytest.mark.parametrize(
    "command",
    [
        "python -m shop.server",
        "shop-mcp --transport stdio",
        "shop-mcp --transport=stdio",
        "shop-mcp http",
        "shop-mcp --host 0.0.0.0 --port 8000",
        "shop-mcp --host http --name=sse",
        "shop-mcp --https",
        "python http.py --log 'http'",
    ],
)
def test_another_command_is_left_as_it_is(command: str) -> None:
    assert not commands.speaks_http(command)
    assert shlex.split(commands.stdio_form(command)) == shlex.split(command)


@pytest.mark.parametrize("option", ["--transport http", "--transport=sse", "-t streamable-http", "--http"])
@given(lists_of_words, lists_of_words)
def test_only_the_transport_changes(option: str, before: list[str], after: list[str]) -> None:
    found = commands.words(commands.stdio_form(f"{shlex.join(before)} {option} {shlex.join(after)}"))
    assert found[: len(before)] == before
    assert found[len(found) - len(after) :] == after
    assert (
        found[len(before) : len(found) - len(after)]
        == {
            "--transport http": ["--transport", "stdio"],
            "--transport=sse": ["--transport=stdio"],
            "-t streamable-http": ["-t", "stdio"],
            "--http": [],
        }[option]
    )


# The ENTRYPOINT of an image of the user's own


@pytest.mark.parametrize(
    ("command", "entrypoint", "after", "whole"),
    [
        ("shop serve", [], "shop serve", "shop serve"),
        ("shop serve", ["shop"], "serve", "shop serve"),
        ("shop serve", ["/opt/venv/bin/shop"], "serve", "/opt/venv/bin/shop serve"),
        ("/opt/venv/bin/shop serve", ["shop"], "serve", "shop serve"),
        ("shop serve", ["tini", "--", "shop"], "serve", "tini -- shop serve"),
        ("tini -- shop serve", ["tini", "--"], "shop serve", "tini -- shop serve"),
        ("shop serve", ["tini", "--"], "shop serve", "tini -- shop serve"),
        ("serve", ["shop"], "serve", "shop serve"),
        ("python -m shop", ["python"], "-m shop", "python -m shop"),
        # Two spellings of one program.
        ("shop-web serve", ["python", "-m", "shop_web"], "serve", "python -m shop_web serve"),
        ("python3 -m shop_web.__main__ serve", ["/bin/shop-web"], "serve", "/bin/shop-web serve"),
        (
            "uvicorn a:app --reload",
            ["tini", "--", "python", "-m", "uvicorn"],
            "a:app --reload",
            "tini -- python -m uvicorn a:app --reload",
        ),
        ("python -m other serve", ["python", "-m", "shop"], "python -m other serve", "python -m shop python -m other serve"),
        ("shop", ["shop"], "", "shop"),
        ("python -m shop 'a b'", ["python", "-m", "shop"], "'a b'", "python -m shop 'a b'"),
    ],
)
def test_what_an_entrypoint_says_is_not_said_twice(command: str, entrypoint: list[str], after: str, whole: str) -> None:
    assert commands.after_entrypoint(command, entrypoint) == after
    assert commands.with_entrypoint(command, entrypoint) == whole


@given(lists_of_words, st.lists(word, max_size=3))
def test_a_command_begins_with_the_entrypoint_and_ends_as_it_was(words: list[str], entrypoint: list[str]) -> None:
    whole = commands.words(commands.with_entrypoint(shlex.join(words), entrypoint))
    assert whole[: len(entrypoint)] == entrypoint
    rest = whole[len(entrypoint) :]
    assert words[len(words) - len(rest) :] == rest
