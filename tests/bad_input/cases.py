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

OWN_COMPOSE: dict[str, object] = {"own_compose": "compose.yaml", "own_services": {"db": {"image": "postgres:17"}}}
FOUND = "Leave it out: it is found."
AWAY = "Put your Compose file away."

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
    **each("app_port", "Give a port from 0 to 65535.", {"own-app": 65536}, {"own_app": True}),
    **each("app_port", PORT, {"server": 0}, {"own_app": True, "stack": "mcp"}),
    **each("production", "Give the app a port first.", {"no-port": True}, {"own_app": True, "app_port": 0}),
    **each("production", "Give the app a port first.", {"library": True}, {"own_app": True, "app_command": ""}),
    **each(
        "production",
        "Let the server speak HTTP first.",
        {"stdio": True},
        {"stack": "mcp", "own_app": True, "mcp_http": False, "app_command": "tides-mcp"},
    ),
    **each("production", "Give the app a port first.", {"host": True}, {"stack": "hybrid", "own_app": True, "app_port": 0}),
    **each("port_slot", SLOT, {"text": "first", "10": 10, "negative": -1}),
    **each("services", SERVICES, {"full": []}, FULL),
    **each("services", SERVICES, {"hybrid": []}, {"stack": "hybrid"}),
    **each("web_framework", "Choose another: there is no app.", {"other": "other"}),
    **each("app_command", COMMAND, {"empty": "", "blank": "  ", "empty-word": "'' a"}),
    **each("app_command", QUOTE, {"open-quote": "sh -c 'ls"}),
    **each("app_command", QUOTE, {"elsewhere": "sh -c 'ls"}, {"own_app": True}),
    **each("app_command", "Leave out the final backslash.", {"backslash": "ls \\"}),
    **each("app_command", LINE, NO_TEXT),
    **each("app_command", COMMAND, {"server": ""}, {"own_app": True, "stack": "mcp"}),
    **each("worker_command", QUOTE, {"open-quote": "celery 'a"}),
    **each("worker_command", "Give a command, or nothing.", {"blank": "  "}),
    **each("worker_command", LINE, NO_TEXT),
    **each("schedule_command", QUOTE, {"open-quote": "celery 'a"}),
    **each("schedule_command", LINE, NO_TEXT),
    **each("default_command", LINE, NO_TEXT),
    **each("default_command", "Give a command, like run.py.", {"empty": ""}),
    **each("package_name", "Give another name than mcp.", {"sdk": "mcp"}, {"stack": "mcp"}),
    **each("isolation", "Give another project_slug first.", {"slug": "shared"}, {**FULL, "project_slug": "postgres"}),
    **each("repository_folder", "Give a path, like backend.", {"absolute": "/api", "above": "../api", "blank": "my api"}),
    **each("test_python_versions", "List some, like ['3.11'].", {"text": "3.11", "patch": ["3.11.2"], "yes": [True]}, CI),
    **each("test_python_versions", "Name each version once.", {"twice": ["3.11", 3.11]}, CI),
    **each("test_postgres_versions", "List some, like [15].", {"number": 15, "minor": ["15.1"]}, {**FULL, **CI}),
    **each("mcp_servers", "Give 1 to 20 names.", {"none": [], "21": [f"s{number}" for number in range(21)]}, MULTI),
    **each("mcp_servers", "Give each server its own name.", {"twice": ["tasks", "docs", "tasks"]}, MULTI),
    **each("mcp_servers", "Give a list, like [tasks, docs].", {"text": "tasks", "table": {"tasks": 1}}, MULTI),
    **each("mcp_servers", "Give names, like [tasks, docs].", {"number": ["tasks", 123]}, MULTI),
    **each("mcp_servers", "Quote words such as no and null.", {"truth-value": [False], "null": [None]}, MULTI),
    **each("mcp_servers", "Give each name 1 to 40 characters.", {"empty": [""], "41": ["a" * 41]}, MULTI),
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
    **each("extras", "Give app_command for it first.", {"library": ["debugpy"]}, {"own_app": True, "app_command": ""}),
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
    **each("dependencies", "Name a .txt, a lock file or none.", {"other": "other.yml", "above": "../a.txt", **NO_TEXT}),
    **each(
        "setting_names",
        "Give names, like {DB: db_host}.",
        {"list": ["DB_HOST"], "meaning": {"A": "b"}, "name": {"A B": "db_url"}, "kind": {"A": "db_kind:a b"}},
        OWN_FULL,
    ),
    **each(
        "mcp_client_env",
        "Give names, like [API_KEY].",
        {"text": "API_KEY", "value": ["A=b"], "empty": [""], "number": [1]},
        MULTI,
    ),
    **each("mcp_client_env", "Leave out names such as PATH.", {"path": ["API_KEY", "PATH"]}, {"stack": "mcp"}),
    **each(
        "django",
        "Give pairs, like {manage_py: manage.py}.",
        {"list": ["manage.py"], "name": {"a": "b"}, "number": {"manage_py": 1}, "blank": {"manage_py": "a b/manage.py"}},
        {"own_app": True, "web_framework": "django"},
    ),
    **each(
        "required_settings",
        "Give pairs, like {KEY: abc}.",
        {"list": ["DEBUG"], "name": {"a b": "c"}, "number": {"A": 1}, "variable": {"A": "$B"}, "line": {"A": "b\nc"}},
        {"own_app": True, "web_framework": "django"},
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
    **each("own_packages", "Give a list, like [-e libs/shop].", {"text": "libs", "number": [1]}),
    **each(
        "own_packages",
        "Give paths, like libs/shop.",
        {"above": ["../libs"], "absolute": ["/libs"], "self": ["."], "option": ["--pre"], "sign": ["a;b"], "blank": ["a b"]},
    ),
    **each("dev_requirements", "Give a list, like [ipdb].", {"text": "ipdb", "number": [1]}),
    **each("dev_requirements", SHELL, {"comment": ["-r a #b"]}),
    **each("dev_sources", "Give a list, like [dev.txt].", {"text": "dev.txt"}),
    **each("dev_sources", "Give paths, not options.", {"option": ["--from=base"]}),
    **each("test_sources", "Give a list, like [tests.txt].", {"text": "requirements.txt", "truth-value": [True]}, CI),
    **each("test_sources", SIGNS, {"variable": ["$HOME"]}, CI),
    **each("test_sources", "Give paths, not options.", {"option": ["--from=base"]}, CI),
    **each("test_sources", CONTROL, {name: [text] for name, text in NO_TEXT.items()}, CI),
    **each("test_target", STAGE, {"yaml": "a: b #c", "last": "test\n", **NO_TEXT}, CI),
    **each("coverage_source", LINE, NO_TEXT, CI),
    **each("generated_on", "Give a day, like 2026-01-31.", {"word": "today", "empty": ""}),
    **each("image_user", LINE, NO_TEXT, PRODUCTION),
    **each("own_compose", "Say compose.yaml, or nothing.", {"path": "docker/compose.yaml", **NO_TEXT}),
    **each(
        "own_services",
        FOUND,
        {"list": ["web"], "name": {"a b": {}}, "key": {"web": {"command": "a"}}, "line": {"web": {"image": "a\nb"}}},
        OWN_COMPOSE,
    ),
    **each(
        "own_servers",
        FOUND,
        {"list": ["tasks"], "key": {"tasks": {"image": "a"}}, "text": {"tasks": {"command": "a b"}}}
        | {
            "folder": {"tasks": {"workdir": "/a|b"}},
            "transport": {"tasks": {"speaks": "sse"}},
            "yes": {"tasks": {"mount": True}},
        },
        MULTI,
    ),
    **each("test_service", "Name a service of your own.", {"other": "web", **NO_TEXT}, OWN_COMPOSE),
    **each(
        "own_tests",
        FOUND,
        {"list": [], "key": {"a": 1}, "start": {"starts": ["a;b"]}, "folder": {"workdir": "/a|b"}}
        | {"changes": {"services": {"db": {"ports": {"a": 1}}}}},
        {**OWN_COMPOSE, **CI, "test_service": "db"},
    ),
    **each("stack", AWAY, {"own-compose": "full"}, OWN_COMPOSE),
    **each("branch_environments", AWAY, {"own-compose": True}, OWN_COMPOSE),
    **each("production", AWAY, {"own-compose": True}, OWN_COMPOSE),
    **each(
        "extras",
        AWAY,
        {"own-compose-debugpy": ["debugpy"], "own-compose-mail": ["mail"], "own-compose-devcontainer": ["devcontainer"]},
        OWN_COMPOSE,
    ),
    **each("ci", "Let one of your services build the project.", {"own-compose": ["github"]}, OWN_COMPOSE),
}

# What Copier says itself, before any validator runs.
OF_COPIER: dict[str, Case] = {
    **each("ci", "Not a YAML list: 'github'", {"text": "github"}),
    **{
        f"{question}-unknown": ({**answers, question: value}, f"Invalid choice for '{question}': {given!r} is not in [{choices}")
        for question, value, given, choices, answers in [
            ("stack", "maximal", "maximal", "'minimal', 'full', 'hybrid', 'mcp', 'mcp-multi', 'shared-services']", {}),
            ("gateway", "nginx", "nginx", "'n8n', 'none']", MULTI),
            ("web_framework", "pyramid", "pyramid", "'fastapi', ", {}),
            ("services", ["mysql"], "mysql", "'postgres', 'redis']", FULL),
            ("mcp_clients", ["windsurf"], "windsurf", "'codex', 'gemini', 'zed', 'jetbrains', 'none']", MULTI),
            ("python_version", "2.7", "2.7", "'3.11', ", {}),
            ("postgres_version", "9", "9", "'15', ", FULL),
            ("redis_version", "6", "6", "'7', ", FULL),
            ("ci", ["jenkins"], "jenkins", "'github', 'gitlab']", {}),
            ("extras", ["renovate"], "renovate", "'debugpy', 'dependabot', 'pre-commit', 'mail', 'devcontainer']", {}),
        ]
    },
}
