"""Answers that are wrong, and what their user reads."""

from __future__ import annotations

from collections.abc import Mapping

Case = tuple[Mapping[str, object], str]

FULL: dict[str, object] = {"stack": "full"}
MULTI: dict[str, object] = {"stack": "mcp-multi"}
CI: dict[str, object] = {"ci": ["github"]}
PRODUCTION: dict[str, object] = {"production": True}
OWN_FULL: dict[str, object] = {"stack": "full", "own_app": True}
OWN_IMAGE: dict[str, object] = {"keep_files": ["Dockerfile"]}

NAME = "Give a line of 1 to 60 characters."
LINE = "Give one line of plain text."
CONTROL = "Leave out control characters."
PATH = "Use letters, digits, / . _ and -."
QUOTE = "Close the quotation mark."
SLUG = "Use only a-z, 0-9 and hyphens."
PACKAGE = "Give a Python name, like my_app."
PORT = "Give a port from 1 to 65535."
SLOT = "Give a slot from 0 to 9."
SERVICES = "Name postgres, redis or both."
COMMAND = "Give a command, like python app.py."
TESTS = "Give a command, like pytest."
SERVERS = "Use a-z, 0-9 and inner hyphens."
PREFIX = "Begin no name with pg- or x-."
SIGNS = 'Leave out " $ ` and \\.'
SHELL = "Quote the signs of the shell."
STAGE = "Name a stage, or leave it empty."
# Half of a surrogate pair, which can't be written; the others a reader of YAML refuses or takes for the end of a line.
NO_TEXT = {"delete": "a\x7fb", "half-a-character": "a\ud83db", "line-separator": "a\u2028b", "line-break": "a\nb"}


def each(
    question: str, sentence: str, values: Mapping[str, object], answers: Mapping[str, object] | None = None
) -> dict[str, Case]:
    """Return a case for each value that a question refuses with the same sentence."""
    return {f"{question}-{name}": ({**(answers or {}), question: value}, sentence) for name, value in values.items()}


# Answers as with `-d`, the wrong one last, and the sentence.
CASES: dict[str, Case] = {
    **each("project_name", NAME, {"empty": "", "blank": "   ", "too-long": "a" * 61, **NO_TEXT}),
    **each("project_slug", "Give 1 to 40 characters.", {"empty": "", "too-long": "a" * 41}),
    **each(
        "project_slug", "Begin with a letter from a to z.", {"capital": "Shop", "digit-first": "1shop", "hyphen-first": "-shop"}
    ),
    **each("project_slug", SLUG, {"underscore": "my_shop", "last": "shop\n", "delete": "shop\x7f"}),
    **each("package_name", PACKAGE, {"empty": "", "hyphen": "my-shop", "digits": "123", "dots": "my.shop", **NO_TEXT}),
    **each("package_name", "Choose another: it's a keyword.", {"keyword": "class"}),
    **each("package_name", "Choose a name that Windows allows.", {"device": "con"}),
    **each("package_name", "Choose another: Python has it.", {"module": "json"}),
    **each("package_name", "Choose another: a library has it.", {"library": "fastapi"}),
    **each("image_name", "Leave out the tag or digest.", {"tag": "registry.example.com:5000/shop:1.0"}, PRODUCTION),
    **each("image_name", "Use lower-case letters.", {"capital": "Shop"}, PRODUCTION),
    **each("image_name", "Give at most 255 characters.", {"too-long": "a" * 256}, PRODUCTION),
    **each("image_name", "Give a name like example.com/my-app.", {"empty": "", "blank": "a b", **NO_TEXT}, PRODUCTION),
    **each("app_port", PORT, {"0": 0, "65536": 65536, "negative": -1, "text": "text", "empty": "", "fraction": 80.5}),
    **each("app_port", PORT, {"thousands-of-digits": "9" * 5000}),
    **each("port_slot", SLOT, {"text": "first", "10": 10, "negative": -1}),
    **each("services", SERVICES, {"full": []}, FULL),
    **each("services", SERVICES, {"hybrid": []}, {"stack": "hybrid"}),
    **each("web_framework", "Choose fastapi, flask or stdlib.", {"other": "other"}),
    **each("app_command", COMMAND, {"empty": "", "blank": "  ", "empty-word": "'' a"}),
    **each("app_command", QUOTE, {"open-quote": "sh -c 'ls"}),
    **each("app_command", QUOTE, {"elsewhere": "sh -c 'ls"}, {"own_app": True}),
    **each("app_command", "Leave out the final backslash.", {"backslash": "ls \\"}),
    **each("app_command", LINE, NO_TEXT),
    **each("default_command", LINE, NO_TEXT),
    **each("default_command", "Give a command, like run.py.", {"empty": ""}),
    **each("stack", "Give another package_name than mcp.", {"sdk": "mcp"}, {"package_name": "mcp"}),
    **each("isolation", "Give another project_slug first.", {"slug": "shared"}, {**FULL, "project_slug": "postgres"}),
    **each("mcp_servers", "Give 1 to 20 names.", {"none": [], "21": [f"s{number}" for number in range(21)]}, MULTI),
    **each("mcp_servers", "Give each server its own name.", {"twice": ["tasks", "docs", "tasks"]}, MULTI),
    **each("mcp_servers", "Give a list, like [tasks, docs].", {"text": "tasks", "table": {"tasks": 1}}, MULTI),
    **each("mcp_servers", "Give names, like [tasks, docs].", {"number": ["tasks", 123]}, MULTI),
    **each("mcp_servers", "Quote words such as no and null.", {"truth-value": [False], "null": [None]}, MULTI),
    **each("mcp_servers", "Give each name 1 to 63 characters.", {"empty": [""], "64": ["a" * 64]}, MULTI),
    **each("mcp_servers", SERVERS, {"capital": ["Tasks"], "underscore": ["my_tasks"], "first": ["-a"], "last": ["a-"]}, MULTI),
    **each("mcp_servers", SERVERS, {"dot": ["my.tasks"], "slash": ["../tasks"], **{k: [v] for k, v in NO_TEXT.items()}}, MULTI),
    **each("mcp_servers", "Put a word before the number.", {"digits": ["123"], "hexadecimal": ["0x1f"]}, MULTI),
    **each("mcp_servers", PREFIX, {"postgres": ["tasks", "pg-stat"], "extension": ["x-tasks"]}, MULTI),
    **{
        f"mcp_servers-{name}": ({**MULTI, "mcp_servers": ["tasks", name]}, f"Rename {name}: it is taken.")
        for name in ("db", "gateway", "template1", "mailcatcher")
    },
    **each("keep_files", "Give a list, like [Dockerfile].", {"text": "Dockerfile", "numbers": [1]}),
    **each("keep_files", CONTROL, {name: [text] for name, text in NO_TEXT.items()}),
    **each("extras", "Choose the stack minimal or full for it.", {"host": ["debugpy"]}, {"stack": "hybrid"}),
    **each("extras", "Install debugpy in your own Dockerfile.", {"own-image": ["debugpy"]}, OWN_IMAGE),
    **each(
        "source_folder", "Give a relative path, like src.", {"absolute": "/src", "empty": "", "outside": "../src", "option": "-a"}
    ),
    **each("source_folder", PATH, {"blank": "my src", "colon": "a:b", "quote": "a'b", **NO_TEXT}),
    **each("workdir", "Give an absolute path, like /app.", {"relative": "app", "empty": "", "root": "/"}),
    **each("workdir", PATH, {"blank": "/my app", "colon": "/a:b", "quote": '/a"b', "variable": "/$A", "end": "/a;b"}),
    **each("workdir", PATH, {f"control-{name}": f"/{text}" for name, text in NO_TEXT.items()}),
    **each("workdir", PATH, {"own-image-colon": "/a:b", "own-image-comment": "/a #b", "own-image-end": "/a "}, OWN_IMAGE),
    **each("image_entrypoint", "Give a list, like [my-app].", {"text": "run", "number": [1]}, OWN_IMAGE),
    **each("dependencies", "Name a .txt, a lock file or none.", {"pipfile": "Pipfile", "above": "../a.txt", **NO_TEXT}),
    **each(
        "setting_names",
        "Give names, like {DB: db_host}.",
        {"list": ["DB_HOST"], "meaning": {"A": "b"}, "name": {"A B": "db_url"}},
        OWN_FULL,
    ),
    **each(
        "system_packages",
        "Give a list, like [libpq5].",
        {"text": "git", "option": ["-y"], "capital": ["Git"], "command": ["a;b"]},
    ),
    **each("build_packages", "Give a list, like [libpq5].", {"text": "git", "number": [1]}),
    **each("database_scheme", "Give one, like postgresql.", {"other": "mysql", **NO_TEXT}, OWN_FULL),
    **each("image_command", "Give a list, like [my-app].", {"text": "run", "number": [1]}, OWN_IMAGE),
    **each("image_entrypoint", CONTROL, {"delete": ["\x7f"], "half-a-character": ["\ud83d"], "nul": ["\0"]}, OWN_IMAGE),
    **each("extra_packages", "Give a list, like [redis].", {"text": "redis", "table": {"redis": "8"}}),
    **each("extra_packages", SIGNS, {"quotes": ['a; python_version < "3.12"'], "variable": ["$A"], "command": ["`a`"]}),
    **each("extra_packages", CONTROL, {name: [text] for name, text in NO_TEXT.items()}),
    **each("extra_packages", SHELL, {"option": ["-r a;b"], "comment": ["-r a #b"]}),
    **each("migrate_command", QUOTE, {"open-quote": "alembic 'a"}),
    **each("migrate_command", "Give a command, or nothing.", {"blank": "  "}),
    **each("migrate_command", LINE, NO_TEXT),
    **each("test_command", TESTS, {"empty": "", "blank": "  "}, CI),
    **each("test_command", QUOTE, {"open-quote": "pytest -k 'a"}, CI),
    **each("test_command", LINE, NO_TEXT, CI),
    **each("test_requirements", "Give a list, like [pytest].", {"text": "pytest", "table": {"pytest": "9"}, "number": [1]}, CI),
    **each("test_requirements", SIGNS, {"quotes": ['a; python_version < "3.12"']}, CI),
    **each("test_requirements", CONTROL, {name: [text] for name, text in NO_TEXT.items()}, CI),
    **each("test_requirements", "Leave out the empty word.", {"empty": [""]}, CI),
    **each("test_requirements", "Leave out blanks at the ends.", {"padded": [" pytest"]}, CI),
    **each("test_requirements", SHELL, {"address": ["--index-url https://a/?b=c&d=e"]}, CI),
    **each("test_requirements", QUOTE, {"open-quote": ["-r joe's.txt"]}, CI),
    **each("test_sources", "Give a list, like [tests.txt].", {"text": "requirements.txt", "truth-value": [True]}, CI),
    **each("test_sources", SIGNS, {"variable": ["$HOME"]}, CI),
    **each("test_sources", "Give paths, not options.", {"option": ["--from=base"]}, CI),
    **each("test_sources", CONTROL, {name: [text] for name, text in NO_TEXT.items()}, CI),
    **each("test_target", STAGE, {"yaml": "a: b #c", "last": "test\n", **NO_TEXT}, CI),
    **each("coverage_source", LINE, NO_TEXT, CI),
    **each("generated_on", "Give a day, like 2026-01-31.", {"word": "today", "empty": ""}),
    **each("image_user", LINE, NO_TEXT, PRODUCTION),
}

# What Copier says itself, before any validator runs.
OF_COPIER: dict[str, Case] = {
    **each("ci", "Not a YAML list: 'github'", {"text": "github"}),
    **{
        f"{question}-unknown": ({**answers, question: value}, f"Invalid choice for '{question}': {given!r} is not in [{choices}")
        for question, value, given, choices, answers in [
            ("stack", "maximal", "maximal", "'minimal', 'full', 'hybrid', 'mcp', 'mcp-multi', 'shared-services']", {}),
            ("gateway", "nginx", "nginx", "'n8n', 'none']", MULTI),
            ("web_framework", "django", "django", "'fastapi', ", {}),
            ("services", ["mysql"], "mysql", "'postgres', 'redis']", FULL),
            ("python_version", "2.7", "2.7", "'3.11', ", {}),
            ("postgres_version", "9", "9", "'15', ", FULL),
            ("redis_version", "6", "6", "'7', ", FULL),
            ("ci", ["jenkins"], "jenkins", "'github', 'gitlab']", {}),
            ("extras", ["renovate"], "renovate", "'debugpy', 'dependabot', 'pre-commit', 'mail']", {}),
        ]
    },
}
