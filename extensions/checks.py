"""Checks: what is wrong with an answer that is a text or a list of texts.

Each says it in one short sentence that begins with what to do: the prompt shows 80 columns, of which Copier takes 34 and the
question's name.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, TypeGuard

from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

NAME_MAX = 60
# Control characters, line breaks of Unicode's, halves of a surrogate pair, and what YAML can't hold.
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
NO_LINE = re.compile(f"[{CONTROL}]")
# A Dockerfile's JSON may hold a script of several lines.
NO_SCRIPT = re.compile(rf"(?![\t\n])[{CONTROL}]")
# What a shell, a Dockerfile, a short volume of Compose's or sed reads as something else; and what does so outside a Dockerfile.
BREAKS_PATH = re.compile(r"""[\s"'$`\\;&|<>()*?\[\]:]""")
BREAKS_VOLUME = re.compile(r"""["$`\\|:]| #|^\s|\s$""")
BREAKS_QUOTES = frozenset('"$`\\')
# What declares dependencies beside files of requirements; those that uv does not read are in extensions/facts/lists.py.
DEPENDENCIES = frozenset({"uv.lock", "none"}) | {
    *("poetry.lock", "pdm.lock", "Pipfile.lock", "Pipfile", "environment.yml", "environment.yaml")
}
SERVICE = re.compile(r"[a-zA-Z0-9._-]+")
STAGE = re.compile(r"[A-Za-z0-9_.-]+")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_list_of_text(value: object) -> TypeGuard[list[str]]:
    """Tell whether a value is a list that holds nothing but texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number of at most 18 digits, or a text of one."""
    return re.fullmatch(r"-?[0-9]{1,18}", str(value).strip()) is not None


def name_error(name: str) -> str:
    """Say what is wrong with the name of a project; empty for a good one."""
    good = name.strip() and name.isprintable() and len(name) <= NAME_MAX
    return "" if good else f"Give a line of 1 to {NAME_MAX} characters."


def line_error(text: str) -> str:
    """Say what is wrong with a text of which nothing is asked but that it is one line; empty for a good one."""
    return "Give one line of plain text." if NO_LINE.search(text) else ""


def day_error(text: str) -> str:
    """Say what is wrong with a day; empty for a good one."""
    return "" if DAY.fullmatch(text) else "Give a day, like 2026-01-31."


def command_error(command: str, example: str = "") -> str:
    """Say what is wrong with a command; empty for a good one.

    Args:
        command: the answer.
        example: a command, short; without it none is needed.
    """
    if error := line_error(command):
        return error
    try:
        parts = shlex.split(command)
    except ValueError:
        # A backslash at the end leaves as much open.
        return "Close the quotation mark." if not command.endswith("\\") else "Leave out the final backslash."
    if (parts and parts[0]) or not (command or example):
        return ""
    return f"Give a command, like {example}." if example else "Give a command, or nothing."


@pass_context
def default_command_error(context: Context, command: str) -> str:
    """Say what is wrong with the command that was found; empty for a good one, and for app_command, which has its own check."""
    example = "" if context.get("own_app") else "run.py"
    return "" if command == context.get("app_command") else command_error(command, example)


def list_error(value: object, example: str, scripts: bool = False) -> str:
    """Say what is wrong with a list of texts, which are rendered as JSON; empty for a good one.

    Args:
        value: the answer.
        example: a list, short.
        scripts: whether a text may have several lines.
    """
    if not is_list_of_text(value):
        return f"Give a list, like {example}."
    refused = NO_SCRIPT if scripts else NO_LINE
    return "Leave out control characters." if any(refused.search(text) for text in value) else ""


def words_error(value: object, example: str) -> str:
    """Say what is wrong with a list of words for a shell: options as they are, the others in double quotes.

    Args:
        value: the answer.
        example: a list, short.
    """
    if not is_list_of_text(value):
        return f"Give a list, like {example}."
    return next(filter(None, map(word_error, value)), "")


def paths_error(value: object, example: str) -> str:
    """Say what is wrong with a list of paths that a Dockerfile copies; empty for a good one."""
    if error := words_error(value, example):
        return error
    return "Give paths, not options." if is_list_of_text(value) and any(path.startswith("-") for path in value) else ""


def packages_error(value: object) -> str:
    """Say what is wrong with a list of folders and archives, `-e` before some; empty for a good one."""
    if not is_list_of_text(value):
        return "Give a list, like [-e libs/shop]."
    plain = r"(?:-e )?(?!\.\.?(?:/|$)|-)[\w.+@-]+(?:/(?!\.\.?(?:/|$))[\w.+@-]+)*"
    return "" if all(re.fullmatch(plain, word, re.ASCII) for word in value) else "Give paths, like libs/shop."


def dependencies_error(path: str) -> str:
    """Say what is wrong with the file that declares the dependencies; empty for a good one."""
    if path in DEPENDENCIES:
        return ""
    names = r"[\w+-][\w.+-]*\.(?:txt|in)|pyproject\.toml|setup\.(?:py|cfg)|" + "|".join(map(re.escape, DEPENDENCIES - {"none"}))
    plain = re.fullmatch(rf"(?:[\w+-][\w.+-]*/)*(?:{names})", path, re.ASCII)
    return "" if plain else "Name a .txt, a lock file or none."


def setting_names_error(value: object) -> str:
    """Say what is wrong with the names of variables, each with what it means; empty for good ones."""
    meanings = {*(f"db_{part}" for part in ("host", "port", "user", "password", "name", "url", "async_url", "engine"))}
    meanings |= {f"redis_{part}" for part in ("host", "port", "password", "db", "url")}
    good = isinstance(value, dict) and all(
        isinstance(name, str)
        and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
        and (meaning in meanings or re.fullmatch(r"db_kind:[\w.-]+", str(meaning), re.ASCII))
        for name, meaning in value.items()
    )
    return "" if good else "Give names, like {DB: db_host}."


def django_error(value: object) -> str:
    """Say what is wrong with what is known of a project of Django's; empty for good values of the known names."""
    forms = {
        "manage_py": r"(\w[\w.-]*/)*manage\.py",
        "static_root": r"/?[\w.-]+(/[\w.-]+)*",
        **dict.fromkeys(("settings", "production_settings"), r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"),
        "static_url": r"/([\w.-]+/)+",
        "collectstatic": "build|deploy",
        **dict.fromkeys(("websockets", "static_in_tests"), "true"),
    }
    good = isinstance(value, dict) and all(
        name in forms and isinstance(text, str) and re.fullmatch(forms[name], text, re.ASCII) for name, text in value.items()
    )
    return "" if good else "Give pairs, like {manage_py: manage.py}."


def required_settings_error(value: object) -> str:
    """Say what is wrong with variables and their values, which stand without quotation marks; empty for good ones."""
    good = isinstance(value, dict) and all(
        isinstance(name, str)
        and isinstance(text, str)
        and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
        and re.fullmatch(r"[\w*{}.,:/@-]*", text, re.ASCII)
        for name, text in value.items()
    )
    return "" if good else "Give pairs, like {KEY: abc}."


def debian_error(value: object) -> str:
    """Say what is wrong with a list of Debian packages; empty for a good one."""
    good = is_list_of_text(value) and all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in value)
    return "" if good else "Give a list, like [libpq5]."


def variables_error(value: object) -> str:
    """Say what is wrong with a list of variables that a client hands on to an MCP server; empty for a good one."""
    if not is_list_of_text(value) or not all(re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) for name in value):
        return "Give names, like [API_KEY]."
    # The container has its own.
    return "Leave out names such as PATH." if {"PATH", "HOME", "MCP_TRANSPORT"}.intersection(map(str.upper, value)) else ""


def own_compose_error(name: str) -> str:
    """Say what is wrong with the name of an existing Compose file, which may be empty; empty for a good one."""
    known = {"", "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
    return "" if name in known else "Say compose.yaml, or nothing."


def is_table(value: object) -> TypeGuard[dict[str, dict[str, Any]]]:
    """Tell whether a value is a table of tables whose keys are names of services, volumes and the like."""
    return isinstance(value, dict) and all(
        isinstance(name, str) and SERVICE.fullmatch(name) and isinstance(said, dict) for name, said in value.items()
    )


def own_services_error(value: object) -> str:
    """Say what is wrong with the services of one's own Compose file; empty for good ones."""
    good = is_table(value) and all(
        (key in {"ports", "profiles"} and is_list_of_text(item) and not any(map(NO_LINE.search, item)))
        or (key in {"image", "build"} and isinstance(item, str) and not NO_LINE.search(item))
        for said in value.values()
        for key, item in said.items()
    )
    return "" if good else "Leave it out: it is found."


def own_servers_error(value: object) -> str:
    """Say what is wrong with how MCP servers are started that were there before; empty for a good answer."""
    good = is_table(value) and all(
        (key in {"entrypoint", "command"} and is_list_of_text(item) and not any(map(NO_SCRIPT.search, item)))
        or (key in {"python", "mount"} and item is False)
        or (key == "workdir" and isinstance(item, str) and not workdir_error(item, True))
        or (key == "speaks" and item in {"http", "stdio"})
        for said in value.values()
        for key, item in said.items()
    )
    return "" if good else "Leave it out: it is found."


def own_tests_error(value: object) -> str:
    """Say what is wrong with what is different in such services while the tests run; empty for a good answer."""
    if not isinstance(value, dict) or "services" not in value:
        return "Leave it out: it is found."
    good = all(
        (key == "services" and is_table(item) and all(map(is_changes, item.values())))
        or (key in {"starts", "volumes", "networks"} and is_list_of_text(item) and all(map(SERVICE.fullmatch, item)))
        or (key == "env_files" and is_list_of_text(item) and not any(map(NO_LINE.search, item)))
        or (key in {"context", "workdir"} and isinstance(item, str) and not plain_path_error(item, BREAKS_PATH))
        for key, item in value.items()
    )
    return "" if good else "Leave it out: it is found."


def is_changes(said: dict[str, Any]) -> bool:
    """Tell whether a table holds what Compose is to read otherwise: nothing, or what replaces it."""
    return all(
        isinstance(key, str)
        and re.fullmatch("[a-z_]+", key)
        and (
            value is None
            or (is_list_of_text(value) and not any(map(NO_LINE.search, value)))
            or (key == "healthcheck" and isinstance(value, dict) and value.keys() == {"test"} and is_list_of_text(value["test"]))
            or (key == "depends_on" and isinstance(value, dict) and all(map(SERVICE.fullmatch, value)) and is_depends(value))
        )
        for key, value in said.items()
    )


def is_depends(said: dict[str, Any]) -> bool:
    """Tell whether a table says for each service what is waited for."""
    conditions = {"service_started", "service_healthy", "service_completed_successfully"}
    return all(condition in conditions for condition in said.values())


def versions_error(value: object, pattern: str, example: str) -> str:
    """Say what is wrong with a list of versions, as texts or as the numbers that YAML takes them for; empty for a good one.

    Args:
        value: the answer.
        pattern: of one version.
        example: a list, short.
    """
    good = isinstance(value, list) and all(type(one) in {str, int, float} for one in value)
    given = [str(one) for one in value] if isinstance(value, list) else []
    if not good or not all(re.fullmatch(pattern, one) for one in given):
        return f"List some, like {example}."
    return "" if len({*given}) == len(given) else "Name each version once."


def scheme_error(scheme: str) -> str:
    """Say what is wrong with the scheme of a URL; empty for a good one."""
    return "" if re.fullmatch(r"postgres(ql)?(\+[a-z][a-z0-9_]*)?", scheme) else "Give one, like postgresql."


def word_error(word: str) -> str:
    """Say what is wrong with one word for a shell; empty for a good one."""
    if not word.strip():
        return "Leave out the empty word."
    if word.strip() != word:
        return "Leave out blanks at the ends."
    if NO_LINE.search(word):
        return "Leave out control characters."
    if BREAKS_QUOTES & {*word}:
        return 'Leave out " $ ` and \\.'
    return option_error(word) if word.startswith("-") else ""


def option_error(option: str) -> str:
    """Say what a shell would read as something else in an option, which has no quotation marks around it."""
    lexer = shlex.shlex(option, posix=True, punctuation_chars=True)
    lexer.commenters = ""
    lexer.whitespace_split = True
    try:
        parts = list(lexer)
    except ValueError:
        return "Close the quotation mark."
    signs = any(part.startswith("#") or part.strip("();<>|&") == "" for part in parts if part)
    return "Quote the signs of the shell." if signs else ""


def workdir_error(path: str, own_dockerfile: bool) -> str:
    """Say what is wrong with a folder in the container; empty for a good one.

    Args:
        path: the answer.
        own_dockerfile: whether the Dockerfile is the user's, in which more is allowed than in what is rendered.
    """
    if not path.startswith("/") or not path.strip("/."):
        return "Give an absolute path, like /app."
    return plain_path_error(path, BREAKS_VOLUME if own_dockerfile else BREAKS_PATH)


def source_folder_error(path: str) -> str:
    """Say what is wrong with a folder inside the project, or `.` for all of it; empty for a good one."""
    if not path or path.startswith(("/", "-")) or ".." in path.split("/"):
        return "Give a relative path, like src."
    return plain_path_error(path, BREAKS_PATH)


def repository_folder_error(path: str) -> str:
    """Say what is wrong with a folder of a repository, which may be empty; empty for a good one."""
    good = not path or re.fullmatch(r"(?!-)[\w.-]+(?:/[\w.-]+)*", path, re.ASCII)
    return "" if good and not {".", ".."} & {*path.split("/")} else "Give a path, like backend."


def plain_path_error(path: str, breaks: re.Pattern[str]) -> str:
    """Say that a path has more in it than can stand without quotation marks; empty for one that has not."""
    return "Use letters, digits, / . _ and -." if NO_LINE.search(path) or breaks.search(path) else ""


def stage_error(name: str) -> str:
    """Say what is wrong with the name of a stage, which may be empty; empty for a good one."""
    return "" if not name or STAGE.fullmatch(name) else "Name a stage, or leave it empty."


class ChecksExtension(Extension):
    """Globals `…_error`, `is_whole` and `is_list_of_text`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        checks = (
            is_list_of_text,
            is_whole,
            name_error,
            line_error,
            day_error,
            command_error,
            list_error,
            words_error,
            packages_error,
            paths_error,
            dependencies_error,
            setting_names_error,
            scheme_error,
            repository_folder_error,
            versions_error,
            debian_error,
            variables_error,
            django_error,
            required_settings_error,
            own_compose_error,
            own_services_error,
            own_servers_error,
            own_tests_error,
        )
        for check in (*checks, default_command_error, workdir_error, source_folder_error, stage_error):
            environment.globals[check.__name__] = check
