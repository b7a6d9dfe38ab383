"""Commands: from one line of shell words to what Compose, a Dockerfile and an editor want."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from itertools import pairwise
from typing import Any, NamedTuple

# Console scripts that are Python modules too, so that a debugger can start them.
MODULES = frozenset({"uvicorn", "flask", "gunicorn", "hypercorn", "fastapi", "granian", "waitress", "daphne", "celery"})

PYTHONS = frozenset({"python", "python3"})
# Options of env that have a value, which may be the next word; by their letters, and by their names.
ENV_VALUES = {"u": "unset", "C": "chdir", "S": "split-string", "a": "argv0"}
# Programs that take jobs from a queue.
WORKERS = frozenset({"celery", "rq", "dramatiq", "arq", "huey_consumer", "taskiq"})
# Of what reloads itself, what notices a change within a second.
QUICK = frozenset({"uvicorn", "flask", "streamlit"})
# What a Dockerfile takes without quotation marks.
PLAIN_PATH = re.compile(r"[\w./+-]+", re.ASCII)

# Where a stage of the image puts what a lock file has of dependency groups.
GROUPS = "/development.txt"

# What JSON allows as it is, and YAML does not.
YAML_ESCAPES = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

# How the command of an MCP server names its transport.
TRANSPORT_OPTIONS = frozenset({"--transport", "-t", "--mode"})
# How it says where it listens, and what such a value is like.
LISTENING = {
    **dict.fromkeys(("--host", "--bind", "--address"), r"[\w.:\[\]-]+"),
    **dict.fromkeys(("--port", "-p"), r"\d+"),
    "--path": r"/(?:mcp|sse|messages)?/?",
}
HTTP_TRANSPORTS = frozenset({"http", "streamable-http", "streamable_http", "sse"})
# Programs that serve over HTTP what is made for them, and over nothing else.
ASGI_SERVERS = frozenset({"uvicorn", "gunicorn", "hypercorn", "granian", "daphne"})


def words(command: str) -> list[str]:
    """Split a command like a shell does, without running one.

    Raises:
        ValueError: for a quotation that is not closed.
    """
    return shlex.split(command)


class Behind(NamedTuple):
    """A command behind `env`, which sets variables and starts it."""

    before: list[str]
    """The words of `env`, none where there is none."""
    words: list[str]
    """Those of the command itself."""
    variables: dict[str, str]
    """What is set for it."""
    folder: str
    """Where it is started, relative to the working folder; `.` where that is it."""


def env_option(word: str) -> tuple[str, str | None]:
    """Return the name of an option of env's that takes a value, such as `chdir`, and the value; None if the next word is it."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return (name if name in ENV_VALUES.values() else "", value if equals else None)
    found = re.match(f"-[i0v]*([{''.join(ENV_VALUES)}])(.*)", word, re.DOTALL)
    return (ENV_VALUES[found[1]], found[2] or None) if found else ("", None)


def behind_env(parts: list[str]) -> Behind:
    """Return the words of a command without those of `env` before it, with its options and variables."""
    before, rest, variables, folder = list[str](), parts, dict[str, str](), "."
    while rest and rest[0].rpartition("/")[2] == "env":
        before, rest = [*before, rest[0]], rest[1:]
        while rest and rest[0].startswith("-"):
            (word, *rest), taken = rest, rest[:1]
            name, value = env_option(word)
            if name and value is None and rest:
                value, taken, rest = rest[0], [word, rest[0]], rest[1:]
            if name == "split-string":
                taken, rest = [], [*words(value or ""), *rest]
            elif name == "chdir":
                folder = posixpath.normpath(posixpath.join(folder, value or "."))
            before += taken
        while rest and "=" in rest[0]:
            variable, _, value = rest[0].partition("=")
            before, variables[variable], rest = [*before, rest[0]], value, rest[1:]
    # Without a command it is one itself, that shows the variables.
    return Behind(before, rest, variables, folder) if rest else Behind([], parts, {}, ".")


def exec_form(command: str) -> str:
    """Return a command as a JSON list of its words, the exec form of a Dockerfile."""
    return to_json_text(words(command))


def compose_form(command: str) -> str:
    """Return a command as a list for a Compose file, where a `$` has to be doubled to stay one."""
    return exec_form(command).replace("$", "$$")


def compose_list(parts: list[str]) -> str:
    """Return the words of a command as a list for a Compose file, like `compose_form`."""
    return to_json_text(parts).replace("$", "$$")


def flow(items: list[str]) -> str:
    """Return names as a list of YAML's flow style, where none of them needs quotation marks."""
    return f"[{', '.join(items)}]"


def by_name(parts: list[str]) -> list[str]:
    """Return a command with its program by name alone, wherever that lies."""
    return [parts[0].rpartition("/")[2], *parts[1:]]


def by_script(parts: list[str]) -> list[str]:
    """Return a command with a module by the name that its console script may have: `shop-web` for `python -m shop_web`."""
    parts = [parts[2].removesuffix(".__main__"), *parts[3:]] if is_module(parts) else by_name(parts)
    return [parts[0].replace("_", "-"), *parts[1:]]


def is_module(parts: list[str]) -> bool:
    """Tell whether a command starts a module by `python -m`."""
    return len(parts) > 2 and parts[0].rpartition("/")[2] in PYTHONS and parts[1] == "-m"


def after_entrypoint(command: str, entrypoint: list[str]) -> str:
    """Return what is left of a command where an image's ENTRYPOINT stands before it.

    Args:
        command: the whole command, or what follows the ENTRYPOINT.
        entrypoint: the words of the ENTRYPOINT; its end may be the beginning of the command, and is not said twice then.
    """
    parts = words(command)
    for spelt in (by_name, by_script) if parts else ():
        said = spelt(parts)
        for start in range(len(entrypoint)):
            end = spelt(entrypoint[start:])
            if said[: len(end)] == end:
                return shlex.join(parts[len(parts) - len(said) + len(end) :])
    return command


def with_entrypoint(command: str, entrypoint: list[str]) -> str:
    """Return the whole of what an image with an ENTRYPOINT runs for a command."""
    return " ".join(part for part in (shlex.join(entrypoint), after_entrypoint(command, entrypoint)) if part)


def on_host(command: str, app_port: int, host_port: int) -> str:
    """Return the command that starts the app on the host: loopback only, on the project's own port."""
    port = re.compile(rf"(^|[:=]){app_port}$")
    return shlex.join(port.sub(rf"\g<1>{host_port}", word.replace("0.0.0.0", "127.0.0.1")) for word in words(command))


def reload_form(command: str, source_folder: str, framework: str = "flask", manage_py: str = "", port: int = 8000) -> str:
    """Return the command that starts an app so that it reloads itself; empty for a command that can't.

    Args:
        command: how the app is started otherwise; Django's own server reloads as it is.
        source_folder: the folder that uvicorn watches, relative to the working folder.
        framework: what gunicorn serves: for Flask its own server takes over, which shows errors in the browser.
        manage_py: the path of Django's manage.py, its own server takes over, with static files; empty where there is none.
        port: where that listens, if the command does not say where it does, as a script of a Procfile's.
    """
    before, parts, _, inside = behind_env(words(command))
    if manage_py and "runserver" not in parts:
        return shlex.join(["python", manage_py, "runserver", bound_to(parts) or f"0.0.0.0:{port}"])
    if before:
        reloading = reload_form(shlex.join(parts), posixpath.relpath(source_folder, inside), framework)
        return shlex.join([*before, *words(reloading)]) if reloading else ""
    if is_module(parts) and parts[2] in MODULES:
        reloading = reload_form(shlex.join(parts[2:]), source_folder, framework)
        return shlex.join([*parts[:2], *words(reloading)]) if reloading else ""
    match parts:
        case ["uvicorn", *_]:
            # Else an open stream, such as a tab with server-sent events, keeps the old code for as long as it is open.
            soon = (
                []
                if any(part.startswith("--timeout-graceful-shutdown") for part in parts)
                else ["--timeout-graceful-shutdown", "1"]
            )
            return shlex.join([*parts, "--reload", *([] if source_folder == "." else ["--reload-dir", source_folder]), *soon])
        case ["gunicorn", *options] if framework != "flask":
            return shlex.join(["gunicorn", "--reload", *options])
        case ["streamlit", "run", *options]:
            return shlex.join([*parts, "--server.runOnSave", "true"])
        case ["sanic", *options]:
            return shlex.join(["sanic", *(word for word in options if word != "--single-process"), "--reload"])
        case ["python", "-m", "bottle", *options]:
            return shlex.join(["python", "-m", "bottle", "--reload", *options])
        case ["gunicorn", *options]:
            return served_by_flask(options)
        case ["flask", "--app", target, "run", *options]:
            return shlex.join(["flask", "--app", target, "run", "--debug", *options])
        case ["python" | "python3", path, "runserver", *options] if path.endswith("manage.py") and "--noreload" not in options:
            return command
    return ""


def program(command: str) -> str:
    """Return the name of the program that a command starts, also behind `env` or `python -m`; empty for no command."""
    parts = behind_env(words(command)).words
    parts = parts[2:] if is_module(parts) and parts[2] in MODULES | WORKERS else parts
    return parts[0].rpartition("/")[2] if parts else ""


def watched(command: str, source_folder: str) -> str:
    """Return a command that is started again when a Python file below a folder changes, by watchfiles."""
    return shlex.join(["watchfiles", "--filter", "python", "--target-type", "command", command, source_folder])


def bound_to(parts: list[str]) -> str:
    """Return where a server of WSGI or ASGI listens by its command, as host and port; empty where that is none or several."""
    text = " ".join(parts[1:])
    if parts[:1] in (["gunicorn"], ["hypercorn"]):
        bound = re.findall(r"(?:^|\s)(?:-b|--bind)(?:[\s=]+)(\S*):(\d+)(?=\s|$)", text)
    elif parts[:1] in (["uvicorn"], ["daphne"]):
        hosts = re.findall(r"(?:^|\s)(?:-b|--bind|--host)[\s=]+(\S+)", text) or [""]
        ports = re.findall(r"(?:^|\s)(?:-p|--port)[\s=]+(\d+)(?=\s|$)", text)
        bound = [(hosts[0], port) for port in ports]
    else:
        bound = []
    return f"{bound[0][0] or '0.0.0.0'}:{bound[0][1]}" if len(bound) == 1 else ""


def served_by_flask(options: list[str]) -> str:
    """Return the command of Flask's own server for what gunicorn is told; empty where that does not say what and where."""
    # An option's value may come last, or look like a module.
    objects = [word for word in options if re.fullmatch(r"[\w.]+:[A-Za-z_][\w.]*(?:\(.*\))?", word)]
    target = (objects or options[:1] or [""])[0]
    target = options[-1] if target.startswith("-") else target
    host, _, port = bound_to(["gunicorn", *options]).rpartition(":")
    if not port or not re.fullmatch(r"[A-Za-z_][\w.]*(?::[\w.]+(?:\(.*\))?)?", target):
        return ""
    return shlex.join(["flask", "--app", target, "run", "--debug", "--host", host, "--port", port])


def under_debugger(command: str) -> str:
    """Return a command whose first Python process lets a debugger in, by the stage `development` of the Dockerfile."""
    return f"env DEBUG_LISTEN=5678 {command}"


def debug_target(command: str) -> dict[str, Any]:
    """Return what a debugger starts for a command: `module`, or `program`, and `args`.

    Returns:
        `{"module": name}` for a Python module, else `{"program": path}`, the path relative to the project; a console
        script is looked for in the virtual environment `.venv`. Besides `args`, a list, and `parameters`, the same
        as one line of shell words; `folder`, where it is started, `.` for the project; and `variables`, what is set for it.
    """
    _, (first, *args), variables, folder = behind_env(words(command))
    if first in PYTHONS and args[:1] == ["-m"] and len(args) > 1:
        target, args = {"module": args[1]}, args[2:]
    elif first in PYTHONS and args:
        target, args = {"program": posixpath.normpath(posixpath.join(folder, args[0]))}, args[1:]
    elif first in MODULES:
        target = {"module": first}
    else:
        target = {"program": f".venv/bin/{first}"}
    return {**target, "args": args, "parameters": shlex.join(args), "folder": folder, "variables": variables}


def stdio_form(command: str) -> str:
    """Return the command that starts an MCP server over HTTP, changed so that it speaks over stdio.

    Known are `--transport http` and its like, `--http`, and a subcommand `http` where it is told a host or a port; a command
    without them is returned as it is. What says where to listen is left out: many servers refuse it over stdio.
    """
    parts = words(command)
    result, before = list[str](), ""
    for word in parts:
        option, equals, value = word.partition("=")
        if before in TRANSPORT_OPTIONS and word.lower() in HTTP_TRANSPORTS:
            result.append("stdio")
        elif equals and option in TRANSPORT_OPTIONS and value.lower() in HTTP_TRANSPORTS:
            result.append(f"{option}=stdio")
        elif word.removeprefix("--") not in HTTP_TRANSPORTS or not word.startswith("--"):
            result.append(word)
        before = word
    silent = without_listening(parts)
    if result == parts and silent != parts:
        result = [
            "stdio" if word in HTTP_TRANSPORTS and number and not before.startswith("-") else word
            for number, (before, word) in enumerate(zip(["", *parts], parts, strict=False))
        ]
    return shlex.join(result if result == parts else without_listening(result))


def without_listening(parts: list[str]) -> list[str]:
    """Return the words of a command without the options that say where a server listens."""
    result: list[str] = []
    rest = iter(parts)
    for word in rest:
        option, equals, value = word.partition("=")
        if option not in LISTENING:
            result.append(word)
            continue
        value = value if equals else next(rest, "")
        if not re.fullmatch(LISTENING[option], value):
            result += [word] if equals else [word, value]
    return result


def is_web_server(parts: list[str]) -> bool:
    """Tell whether a command starts a server of web apps, by itself or behind what starts the rest, such as `tini --`."""
    before = ["--", *parts[:3]]
    return any(
        word.rpartition("/")[2] in ASGI_SERVERS and (not last.startswith("-") or last in {"--", "-m"})
        for last, word in pairwise(before)
    )


def speaks_http(command: str) -> bool:
    """Tell whether a command says that an MCP server shall speak over HTTP."""
    return is_web_server(words(command)) or words(stdio_form(command)) != words(command)


def runs_pytest(command: str) -> bool:
    """Tell whether a command runs pytest, under one of its names."""
    parts = words(command)
    return parts[0] in {"pytest", "py.test"} or (parts[0] in PYTHONS and parts[1:3] == ["-m", "pytest"])


def is_measured(command: str) -> bool:
    """Tell whether coverage can measure what a command runs: pytest, or another program of Python."""
    parts = words(command)
    # Options of Python's own are none of coverage's.
    return runs_pytest(command) or (parts[0] in PYTHONS and not re.match(r"-(?!m$)", "".join(parts[1:2])))


def shell_text(text: str) -> str:
    """Return a text as one word for a shell."""
    return shlex.quote(text)


def copy_lines(sources: list[str]) -> list[str]:
    """Return the lines of a Dockerfile that copy files of the project, each into its folder; `.` is all of it."""
    if sources == ["."]:
        return ["COPY --chown=app . ."]
    folders: dict[str, list[str]] = {}
    for source in sources:
        folder = source.rpartition("/")[0]
        folders.setdefault(f"{folder}/" if folder else "./", []).append(source)
    return [
        f"COPY {' '.join([*names, folder])}"
        if all(map(PLAIN_PATH.fullmatch, names))
        else f"COPY {to_json_text([*names, folder])}"
        for folder, names in folders.items()
    ]


def uv_words(arguments: list[str]) -> str:
    """Return what `uv pip install` is told as shell words: options as they are, a requirement in quotation marks."""
    return " ".join(word if word.startswith("-") else f'"{word}"' for word in arguments)


def to_json_text(value: Any) -> str:
    """Return a value as JSON, readable: no escapes but those that JSON and YAML need. Text is valid in Python, TOML and YAML too.

    PyYAML reads an escaped character beyond the first 65,536, such as an emoji, as two: so it stands as it is.
    """
    return YAML_ESCAPES.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def xml_attribute(text: str) -> str:
    """Return a text as the quoted value of an XML attribute."""
    # Here, because it imports half of urllib, and the hook reads these facts without it.
    from xml.sax.saxutils import quoteattr

    return quoteattr(text)


def python_text(text: str) -> str:
    """Return a text as Python's formatters write it: in the quotes that need fewer escapes, double ones if both do."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    plain = '"'.join(to_json_text(part)[1:-1] for part in text.split('"'))
    return quote + plain.replace(quote, f"\\{quote}") + quote
