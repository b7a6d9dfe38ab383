"""Commands: from one line of shell words to what Compose, a Dockerfile and an editor want."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

# Console scripts that are Python modules too, so that a debugger can start them.
MODULES = frozenset({"uvicorn", "flask", "gunicorn", "hypercorn", "fastapi", "granian", "waitress", "daphne", "celery"})

PYTHONS = frozenset({"python", "python3"})
# What a Dockerfile takes without quotation marks.
PLAIN_PATH = re.compile(r"[\w./+-]+", re.ASCII)

# What JSON allows as it is, and YAML does not.
YAML_ESCAPES = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

# How the command of an MCP server names its transport.
TRANSPORT_OPTIONS = frozenset({"--transport", "-t", "--mode"})
HTTP_TRANSPORTS = frozenset({"http", "streamable-http", "streamable_http", "sse"})


def words(command: str) -> list[str]:
    """Split a command like a shell does, without running one.

    Raises:
        ValueError: for a quotation that is not closed.
    """
    return shlex.split(command)


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


def after_entrypoint(command: str, entrypoint: list[str]) -> str:
    """Return what is left of a command where an image's ENTRYPOINT stands before it.

    Args:
        command: the whole command, or what follows the ENTRYPOINT.
        entrypoint: the words of the ENTRYPOINT; its end may be the beginning of the command, and is not said twice then.
    """
    parts = words(command)
    for size in range(min(len(parts), len(entrypoint)), 0, -1):
        end = entrypoint[-size:]
        if [end[0].rpartition("/")[2], *end[1:]] == [parts[0].rpartition("/")[2], *parts[1:size]]:
            return shlex.join(parts[size:])
    return command


def with_entrypoint(command: str, entrypoint: list[str]) -> str:
    """Return the whole of what an image with an ENTRYPOINT runs for a command."""
    return " ".join(part for part in (shlex.join(entrypoint), after_entrypoint(command, entrypoint)) if part)


def on_host(command: str, app_port: int, host_port: int) -> str:
    """Return the command that starts the app on the host: loopback only, on the project's own port."""
    port = re.compile(rf"(^|[:=]){app_port}$")
    return shlex.join(port.sub(rf"\g<1>{host_port}", word.replace("0.0.0.0", "127.0.0.1")) for word in words(command))


def reload_form(command: str, source_folder: str, framework: str = "flask") -> str:
    """Return the command that starts an app so that it reloads itself; empty for a command that can't.

    Args:
        command: how the app is started otherwise; Django's own server reloads as it is.
        source_folder: the folder that uvicorn watches, relative to the working folder.
        framework: what gunicorn serves: for Flask its own server takes over, which shows errors in the browser.
    """
    parts = words(command)
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


def served_by_flask(options: list[str]) -> str:
    """Return the command of Flask's own server for what gunicorn is told; empty where that does not say what and where."""
    *rest, target = options or [""]
    bound = re.findall(r"(?:^|\s)(?:-b|--bind)(?:[\s=]+)(\S*):(\d+)(?=\s|$)", " ".join(rest))
    if len(bound) != 1 or not re.fullmatch(r"[\w.]+(?::[\w.]+(?:\(.*\))?)?", target):
        return ""
    host, port = bound[0]
    return shlex.join(["flask", "--app", target, "run", "--debug", "--host", host or "0.0.0.0", "--port", port])


def under_debugger(command: str) -> str:
    """Return a command whose first Python process lets a debugger in, by the stage `development` of the Dockerfile."""
    return f"env DEBUG_LISTEN=5678 {command}"


def debug_target(command: str) -> dict[str, Any]:
    """Return what a debugger starts for a command: `module`, or `program`, and `args`.

    Returns:
        `{"module": name}` for a Python module, else `{"program": path}`, the path relative to the project; a console
        script is looked for in the virtual environment `.venv`. Besides `args`, a list, and `parameters`, the same
        as one line of shell words.
    """
    first, *args = words(command)
    if first in PYTHONS and args[:1] == ["-m"] and len(args) > 1:
        target, args = {"module": args[1]}, args[2:]
    elif first in PYTHONS and args:
        target, args = {"program": args[0]}, args[1:]
    elif first in MODULES:
        target = {"module": first}
    else:
        target = {"program": f".venv/bin/{first}"}
    return {**target, "args": args, "parameters": shlex.join(args)}


def stdio_form(command: str) -> str:
    """Return the command that starts an MCP server over HTTP, changed so that it speaks over stdio.

    Known are `--transport http` and its like, and `--http`; a command without them is returned as it is.
    """
    result, before = [], ""
    for word in words(command):
        option, equals, value = word.partition("=")
        if before in TRANSPORT_OPTIONS and word in HTTP_TRANSPORTS:
            result.append("stdio")
        elif equals and option in TRANSPORT_OPTIONS and value in HTTP_TRANSPORTS:
            result.append(f"{option}=stdio")
        elif word.removeprefix("--") not in HTTP_TRANSPORTS or not word.startswith("--"):
            result.append(word)
        before = word
    return shlex.join(result)


def speaks_http(command: str) -> bool:
    """Tell whether a command says that an MCP server shall speak over HTTP."""
    return words(stdio_form(command)) != words(command)


def runs_pytest(command: str) -> bool:
    """Tell whether a command runs pytest, under one of its names."""
    parts = words(command)
    return parts[0] in {"pytest", "py.test"} or (parts[0] in PYTHONS and parts[1:3] == ["-m", "pytest"])


def with_reports(command: str, folder: str, source: str, suffix: str = "") -> list[str]:
    """Return the words of a command that runs tests, so that it also reports.

    pytest gets options; another program of Python is run by coverage, and one of neither kind is left as it is.

    Args:
        command: the words of the command, for a shell.
        folder: where the reports go, `junit.xml` and `coverage.xml`; made if missing.
        source: the package or folder that is measured; empty where the project's own settings say it.
        suffix: what the reports' names end with.
    """
    parts = words(command)
    coverage, junit = f"{folder}/coverage{suffix}.xml", f"{folder}/junit{suffix}.xml"
    if runs_pytest(command):
        measured = f"--cov={source}" if source else "--cov"
        return [*parts, measured, "--cov-report=term", f"--cov-report=xml:{coverage}", f"--junitxml={junit}"]
    # Options of Python's own are none of coverage's.
    if parts[0] not in PYTHONS or (parts[1:] and parts[1].startswith("-") and parts[1] != "-m"):
        return parts
    option = [] if not source else [f"--source={source}"]
    run = shlex.join(["coverage", "run", *option, *parts[1:]])
    # coverage itself makes no folder, and its reports must not hide that the tests failed.
    script = f"mkdir -p {folder}; status=0; {run} || status=$?; coverage report; coverage xml -q -o {coverage}; exit $status"
    return ["sh", "-c", script]


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


def test_install_commands(requirements: list[str], packages: list[str], locked: bool) -> list[str]:
    """Return the commands that install what tests need beside the dependencies, with uv.

    Args:
        requirements: words for `uv pip install`: options such as `--group test`, or requirements.
        packages: what runs the tests, as requirements.
        locked: whether the versions of groups and extras stand in uv.lock.
    """
    chosen = [item for item in requirements if item.startswith(("--group ", "--extra "))]
    if locked and chosen and {*requirements} <= {*chosen, "-r pyproject.toml", "-e ."}:
        sync = f"uv sync --active --frozen --no-install-project --no-default-groups --inexact {' '.join(chosen)}"
        return [sync, *([f"uv pip install {uv_words(packages)}"] if packages else [])]
    arguments = uv_words([*requirements, *packages])
    return [f"uv pip install {arguments}"] if arguments else []


def install_commands(source: str, listed: bool, extra: list[str]) -> list[str]:
    """Return the commands that install dependencies inside the image, with uv.

    Args:
        source: the file that declares them, or `none`.
        listed: whether an earlier stage has made a list of it, `/requirements.txt`.
        extra: further packages, as requirements.
    """
    commands = []
    if listed:
        commands.append("uv pip install -r /requirements.txt")
    elif source == "uv.lock":
        commands.append("uv sync --active --frozen --no-dev --no-install-project")
    elif source != "none":
        commands.append(f"uv pip install -r {source}")
    if extra:
        commands.append(f"uv pip install {uv_words(extra)}")
    return commands


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
