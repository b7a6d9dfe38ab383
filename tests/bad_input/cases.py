"""Answers that are wrong, and what their user reads."""

from __future__ import annotations

from collections.abc import Mapping

FULL: dict[str, object] = {"stack": "full"}
MULTI: dict[str, object] = {"stack": "mcp-multi"}
CI: dict[str, object] = {"ci": ["github"]}
NO_WORDS = "test_requirements must be a list of arguments for uv pip install, such as ['-r requirements-dev.txt'], without any of"
NO_PATHS = "test_sources must be a list of paths, such as [requirements-dev.txt], without any of"
NO_LIST = "mcp_servers must be a list of names, such as [tasks, docs]"

# Answers as with `-d`, and the words that the one sentence holds.
CASES: dict[str, tuple[Mapping[str, object], str]] = {
    "name-empty": ({"project_name": ""}, "project_name must be one line of 1 to 60 characters."),
    "name-blank": ({"project_name": "   "}, "project_name must be one line of 1 to 60 characters."),
    "name-too-long": ({"project_name": "a" * 61}, "project_name must be one line of 1 to 60 characters."),
    "name-of-two-lines": ({"project_name": "my\nshop"}, "project_name must be one line of 1 to 60 characters."),
    "slug-empty": (
        {"project_slug": ""},
        'project_slug "" must be 1 to 40 lower-case letters, digits and hyphens, a letter first.',
    ),
    "slug-capital": ({"project_slug": "Shop"}, 'project_slug "Shop" must be 1 to 40 lower-case letters'),
    "slug-digit-first": ({"project_slug": "1shop"}, 'project_slug "1shop" must be 1 to 40 lower-case letters'),
    "slug-hyphen-first": ({"project_slug": "-shop"}, 'project_slug "-shop" must be 1 to 40 lower-case letters'),
    "slug-underscore": ({"project_slug": "my_shop"}, 'project_slug "my_shop" must be 1 to 40 lower-case letters'),
    "slug-too-long": ({"project_slug": "a" * 41}, "must be 1 to 40 lower-case letters"),
    "slug-line-break": ({"project_slug": "shop\n"}, r'project_slug "shop\n" must be 1 to 40 lower-case letters'),
    "package-empty": ({"package_name": ""}, "package_name '' is not a Python name: use letters, digits and _"),
    "package-hyphen": ({"package_name": "my-shop"}, "package_name 'my-shop' is not a Python name"),
    "package-digits": ({"package_name": "123"}, "package_name '123' is not a Python name"),
    "package-dots": ({"package_name": "my.shop"}, "package_name 'my.shop' is not a Python name"),
    "package-keyword": (
        {"package_name": "class"},
        "package_name 'class' is a keyword of Python: choose another",
    ),
    "package-module": ({"package_name": "json"}, "package_name 'json' is a module of Python's standard library: choose another"),
    "package-library": ({"package_name": "fastapi"}, "package_name 'fastapi' would hide the library of that name"),
    "image-with-a-tag": (
        {"production": True, "image_name": "registry.example.com:5000/shop:1.0"},
        "image_name 'registry.example.com:5000/shop:1.0' must be without a tag, which scripts/deploy is told",
    ),
    "image-with-a-capital": (
        {"production": True, "image_name": "Shop"},
        "image_name 'Shop' is no image's name: give one such as",
    ),
    "image-empty": ({"production": True, "image_name": ""}, "image_name '' is no image's name"),
    "port-0": ({"app_port": 0}, "app_port 0 is not a port: give a whole number from 1 to 65535."),
    "port-65536": ({"app_port": 65536}, "app_port 65536 is not a port: give a whole number from 1 to 65535."),
    "port-negative": ({"app_port": -1}, "app_port -1 is not a port: give a whole number from 1 to 65535."),
    "port-text": ({"app_port": "text"}, "app_port text is not a port: give a whole number from 1 to 65535."),
    "port-empty": ({"app_port": ""}, "is not a port: give a whole number from 1 to 65535."),
    "port-fraction": ({"app_port": 80.5}, "app_port 80.5 is not a port: give a whole number from 1 to 65535."),
    "port-slot-text": ({"port_slot": "first"}, "port_slot first is not a slot: give a whole number from 0 to 9."),
    "port-slot-10": ({"port_slot": 10}, "port_slot 10 is not a slot: give a whole number from 0 to 9."),
    "port-slot-negative": ({"port_slot": -1}, "port_slot -1 is not a slot: give a whole number from 0 to 9."),
    "unknown-stack": (
        {"stack": "maximal"},
        "Invalid choice for 'stack': 'maximal' is not in ['minimal', 'full', 'hybrid', 'mcp', 'mcp-multi', 'shared-services']",
    ),
    "unknown-gateway": (MULTI | {"gateway": "nginx"}, "Invalid choice for 'gateway': 'nginx' is not in ['n8n', 'none']"),
    "unknown-framework": ({"web_framework": "django"}, "Invalid choice for 'web_framework': 'django' is not in ['fastapi', "),
    "unknown-service": (FULL | {"services": ["mysql"]}, "Invalid choice for 'services': 'mysql' is not in ['postgres', 'redis']"),
    "unknown-python": ({"python_version": "2.7"}, "Invalid choice for 'python_version': '2.7' is not in ['3.11', "),
    "unknown-postgres": (FULL | {"postgres_version": "9"}, "Invalid choice for 'postgres_version': '9' is not in ['15', "),
    "unknown-redis": (FULL | {"redis_version": "6"}, "Invalid choice for 'redis_version': '6' is not in ['7', "),
    "unknown-dependencies": ({"dependencies": "Pipfile"}, "Invalid choice for 'dependencies': 'Pipfile' is not in ["),
    "no-service-in-full": (FULL | {"services": []}, "services must name postgres, redis or both: a full stack has at least one."),
    "no-service-in-hybrid": ({"stack": "hybrid", "services": []}, "services must name postgres, redis or both: a hybrid stack"),
    "other-framework-without-app": (
        {"web_framework": "other"},
        "'other' is for an app that exists, and the destination",
    ),
    "command-empty": ({"app_command": ""}, "app_command is empty: give the command that starts the app, like python -m"),
    "command-blank": ({"app_command": "  "}, "app_command is empty: give the command that starts the app, like python -m"),
    "command-open-quote": ({"app_command": "sh -c 'ls"}, "has a quotation mark that is not closed."),
    "command-of-two-lines": ({"app_command": "python\n-m shop"}, "app_command must be one line of text."),
    "package-of-the-mcp-sdk": ({"stack": "mcp", "package_name": "mcp"}, "package_name 'mcp' would hide the library of that name"),
    "servers-none": (MULTI | {"mcp_servers": []}, "mcp_servers holds 0 names: give 1 to 20, such as [tasks, docs]."),
    "servers-21": (MULTI | {"mcp_servers": [f"s{number}" for number in range(21)]}, "mcp_servers holds 21 names: give 1 to 20"),
    "servers-twice": (MULTI | {"mcp_servers": ["tasks", "docs", "tasks"]}, "mcp_servers: 'tasks' is there twice"),
    "servers-text": (MULTI | {"mcp_servers": "tasks"}, NO_LIST),
    "servers-number": (MULTI | {"mcp_servers": ["tasks", 123]}, NO_LIST),
    "servers-truth-value": (MULTI | {"mcp_servers": [False]}, NO_LIST),
    "servers-empty": (
        MULTI | {"mcp_servers": [""]},
        "mcp_servers: '' is no host name: use lower-case letters, digits and hyphens",
    ),
    "servers-capital": (MULTI | {"mcp_servers": ["Tasks"]}, "mcp_servers: 'Tasks' is no host name"),
    "servers-underscore": (MULTI | {"mcp_servers": ["my_tasks"]}, "mcp_servers: 'my_tasks' is no host name"),
    "servers-hyphen-first": (MULTI | {"mcp_servers": ["-tasks"]}, "mcp_servers: '-tasks' is no host name"),
    "servers-hyphen-last": (MULTI | {"mcp_servers": ["tasks-"]}, "mcp_servers: 'tasks-' is no host name"),
    "servers-dot": (MULTI | {"mcp_servers": ["my.tasks"]}, "mcp_servers: 'my.tasks' is no host name"),
    "servers-slash": (MULTI | {"mcp_servers": ["../tasks"]}, "mcp_servers: '../tasks' is no host name"),
    "servers-64": (
        MULTI | {"mcp_servers": ["a" * 64]},
        "is no host name: use lower-case letters, digits and hyphens, 1 to 63 of them",
    ),
    "servers-digits": (
        MULTI | {"mcp_servers": ["123"]},
        "mcp_servers: '123' would be taken for an IP address: put a word before it",
    ),
    **{
        f"servers-{name}": (MULTI | {"mcp_servers": ["tasks", name]}, f"mcp_servers: {name!r} is taken")
        for name in ("db", "gateway", "pg-stat", "template1")
    },
    "keep-files-text": ({"keep_files": "Dockerfile"}, "keep_files must be a list"),
    "keep-files-numbers": ({"keep_files": [1]}, "keep_files must be a list"),
    "unknown-pipeline": ({"ci": ["jenkins"]}, "Invalid choice for 'ci': 'jenkins' is not in ['github', 'gitlab']"),
    "pipelines-text": ({"ci": "github"}, "Not a YAML list: 'github'"),
    "unknown-extra": ({"extras": ["renovate"]}, "Invalid choice for 'extras': 'renovate' is not in ['debugpy', 'dependabot']"),
    "debugger-on-the-host": ({"stack": "hybrid", "extras": ["debugpy"]}, "debugpy is for an app in a container, of the stacks"),
    "debugger-in-ones-own-image": (
        {"keep_files": ["Dockerfile"], "extras": ["debugpy"]},
        "debugpy is installed by the template's Dockerfile, and this project has one of its own: install it there.",
    ),
    "test-command-empty": (
        CI | {"test_command": ""},
        "test_command is empty: give the command that runs the tests, like pytest tests.",
    ),
    "test-command-blank": (CI | {"test_command": "  "}, "test_command is empty: give the command that runs the tests, like"),
    "test-command-open-quote": (CI | {"test_command": "pytest -k 'a"}, "has a quotation mark that is not closed."),
    "test-command-of-two-lines": (CI | {"test_command": "pytest\nrm"}, "test_command must be one line of text."),
    "test-requirements-text": (CI | {"test_requirements": "pytest"}, NO_WORDS),
    "test-requirements-table": (CI | {"test_requirements": {"pytest": "9"}}, NO_WORDS),
    "test-requirements-number": (CI | {"test_requirements": [1]}, NO_WORDS),
    "test-requirements-two-lines": (CI | {"test_requirements": ["a\nb"]}, NO_WORDS),
    "test-requirements-quotes": (CI | {"test_requirements": ['a; python_version < "3.12"']}, NO_WORDS),
    "test-requirements-empty": (CI | {"test_requirements": [""]}, NO_WORDS),
    "test-sources-text": (CI | {"test_sources": "requirements.txt"}, NO_PATHS),
    "test-sources-truth-value": (CI | {"test_sources": [True]}, NO_PATHS),
    "test-sources-variable": (CI | {"test_sources": ["$HOME"]}, NO_PATHS),
    "test-target-two-lines": (
        CI | {"test_target": "a\nb"},
        "test_target must be the name of a stage in the Dockerfile, such as test",
    ),
    "test-target-yaml": (
        CI | {"test_target": "a: b #c"},
        "test_target must be the name of a stage in the Dockerfile, such as test",
    ),
}
