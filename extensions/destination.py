"""What the destination already has: other templates' answers, dependencies, packages, an app that can be started.

Everything here only reads, never imports or runs what it finds, and takes a file that it can't read for a missing one. What
is found becomes a saved answer, because an update renders into empty temporary folders.
"""

from __future__ import annotations

import ast
import configparser
import inspect
import json
import keyword
import os
import re
import shlex
import sys
import tomllib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from copier.errors import UserMessageError
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

ANSWERS_FILE = ".copier-answers.yml"
ANSWERS_FILE_BESIDE_ANOTHER = ".copier-answers.chora-compose.yml"
# Saved for every stack: an answers file that holds them all is ours.
OUR_KEYS = frozenset({"project_slug", "stack", "keep_files", "generated_on"})

PIPELINES = {"github": ".github/workflows/test.yml", "gitlab": ".gitlab-ci.yml"}
# In the first lines of each file that is the template's.
MARKER = "Managed by chora-compose-template"
# Every file that this or a later version of the template may write; one that exists at adoption stays the user's.
TEMPLATE_FILES = (
    *("docker-compose.yml", "docker-compose.test.yml", "docker-compose.prod.yml", "docker-stack.yml"),
    *("Dockerfile", ".dockerignore", "COMPOSE.md", ".env.defaults", ".env.services", ".env.test"),
    *(".env.production.example", *PIPELINES.values(), ".github/dependabot.yml"),
    *("pyproject.toml", ".pre-commit-config.yaml", ".vscode/launch.json", ".run/app.run.xml"),
    *("scripts/mcp-stdio", "scripts/databases.sql", "scripts/projects", ".env.services.gateway", "workflows/call-a-tool.json"),
    *("nginx/nginx.conf.template", "nginx/swarm/replicas.conf", "scripts/production.py", "scripts/production_database.py"),
    *("scripts/setup", "scripts/branch-env", "scripts/deploy", "scripts/backup", "scripts/restore", "scripts/upgrade-postgres"),
    "scripts/ci",
)

IGNORED_FOLDERS = frozenset(
    {"node_modules", "venv", "env", "virtualenv", "site-packages", "build", "dist", "tests", "test", "testing", "docs", "doc"}
    | {"examples", "example", "samples", "benchmarks", "bench", "scripts", "tools", "migrations", "alembic", "ci", "bin"}
    | {"typings", "stubs", "vendor", "third_party", "docs_src", "notebooks", "ansible", "deploy", "hooks"}
)
IGNORED_FILES = frozenset({"setup.py", "conftest.py", "noxfile.py", "fabfile.py", "tasks.py", "versioneer.py", "hatch_build.py"})
MAX_FILES = 3000
MAX_FOLDERS = 5000
MAX_BYTES = 400_000

WSGI = frozenset({"Flask"})
ASGI = frozenset({"FastAPI", "Starlette", "Quart", "Litestar"})
# Of which framework an object is, where that is not said beside it: made by a factory, or only called like one.
MADE, NAMED = "made", "named"
# Called `app` as well, and no web application.
OTHER_APPS = frozenset({"Typer", "Celery", "QApplication", "App", "Cyclopts", "Huey", "Dramatiq", "Group"})
FRAMEWORK_OF = {"Flask": "flask", "FastAPI": "fastapi"}
FACTORIES = ("create_app", "make_app", "get_app", "build_app", "app_factory", "create_application", "get_application")
OBJECTS = ("app", "application", "api")
HINT = re.compile("|".join((*WSGI, *ASGI, *FACTORIES, r"^\s*(?:app|application)\b[^\n]*=")), re.MULTILINE)
SUBCLASS = re.compile(rf"^class\s+(\w+)\(.*?\b({'|'.join((*WSGI, *ASGI))})\b[^\n]*\):", re.MULTILINE)
# Modules in which a server is looked for first.
STEMS = ("server", "main", "app", "asgi", "wsgi", "__init__", "api", "application", "web", "core", "run", "__main__")

# What imports an SDK for MCP, and what makes a server with it, where a client doesn't.
MCP_IMPORT = re.compile(r"^\s*(?:from|import)\s+(mcp|fastmcp)\b", re.MULTILINE)
MCP_CLASSES = frozenset({"FastMCP", "MCPServer"})
MCP_SERVER = re.compile(
    r"^\s*(?:(?:from|import)\s+(?:mcp|fastmcp)\.server\b|import\s+fastmcp\b"
    r"|from\s+(?:mcp|fastmcp)\b\S*\s+import\s+(?:\([^)]*|.*)\b(?:FastMCP|MCPServer|Server)\b)",
    re.MULTILINE,
)
# What version 2 of `mcp` took away and what it brought, and how a project declares that it wants version 1.
MCP_1 = re.compile(r"^\s*(?:from|import)\s+mcp\.server\.fastmcp\b|^\s*@\w+\.(?:list_tools|call_tool)\(", re.MULTILINE)
MCP_2 = re.compile(r"\bmcp\.server\.mcpserver\b|\bmcp\.server\s+import\b.*\bMCPServer\b")
MCP_1_DECLARED = re.compile(
    r"\bmcp(?:\[[\w,-]{0,40}\])?(?:\s?=\s?(?:\{\s?version\s?=\s?)?[\"'])?[\d.,<>=!* ]{0,40}(?:<\s?2|<=\s?1|==\s?1|~=\s?1|\^1)"
)
# A server that is started over HTTP, and one that can be started over stdio.
HTTP_RUN = re.compile(r"\.run\w*\(\s*(?:transport\s*=\s*)?[\"'](?:sse|http|streamable-http)[\"']")
STDIO_RUN = re.compile(r"stdio|\.run(?:_async)?\(\s*\)")
# Where MCP_TRANSPORT is read from the environment, its value for HTTP, and hosts that others can reach.
TRANSPORT = re.compile(r"(?i:env|alias)\w*(?:\.get)?\s*[\[(=:][\s\[(]*[\"']MCP_TRANSPORT[\"'](?!\s*\]\s*=[^=])")
HTTP_VALUE = re.compile(r"[\"']streamable-http[\"']")
ANY_HOST = re.compile(r"[\"']0\.0\.0\.0[\"']|\bMCP_HOST\b", re.IGNORECASE)
# The words of subcommands that start a server, the likeliest first, and usual names of the function behind a console script.
STARTING = ("stdio", "mcp", "serve", "server", "start", "run")
ENTRIES = frozenset({"main", "serve", "run", "cli", "app", "start"})
MAX_REACHED = 200

# Folders without tests of the project's own, folders of tests, and what makes a test of a file's text.
NO_TESTS = frozenset({"node_modules", "venv", "env", "virtualenv", "site-packages", "build", "dist"})
ASIDE = (IGNORED_FOLDERS | {"demo", "demos", "extern", "_vendor", "vendored"}) - {"tests", "test", "testing"}
TESTS = re.compile(r"tests?|testing|\w+[-_]tests?|tests?[-_]\w+")
TEST = re.compile(r"^\s*(?:async\s+)?def\s+test|^\s*class\s+(?:Test|\w+\(.*TestCase)", re.MULTILINE)
TEST_CLASS = re.compile(r"^\s*class\s+\w+\(.*Test", re.MULTILINE)
MAX_TESTS_READ = 300
# What groups, extras and files of requirements for tests are called, and those that hold other tools as well.
TEST_NAMES = ("test", "tests", "testing", "pytest", "ci-test", "ci-tests", "test-ci")
DEV_NAMES = ("dev", "develop", "development", "local")
REQUIREMENTS = (
    *("requirements-{}.txt", "requirements_{}.txt", "{}-requirements.txt", "{}_requirements.txt"),
    *("requirements/{}.txt", "requirements/requirements-{}.txt", "{}/requirements.txt"),
)
STAGES = ("test", "tests", "testing", "ci", "dev", "development")


def read(path: Path) -> str:
    """Return a file's text; empty where it is missing, unreadable, no plain file or larger than a source file is."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return ""
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def is_ours(answers: object) -> bool:
    """Tell whether the content of an answers file was written by this template."""
    if not isinstance(answers, Mapping):
        return False
    return answers.keys() >= OUR_KEYS or "chora-compose-template" in str(answers.get("_src_path"))


def load_answers(path: Path) -> object:
    """Return the content of an answers file; None where there is none or it is no YAML."""
    try:
        return yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError):
        return None


def answers_file_name(destination: Path) -> str:
    """Return the name of our answers file: the usual one, or the other where that is another template's."""
    usual = destination / ANSWERS_FILE
    return ANSWERS_FILE_BESIDE_ANOTHER if usual.exists() and not is_ours(load_answers(usual)) else ANSWERS_FILE


def check_destination(destination: Path) -> str:
    """Refuse a destination that can't be written to, before anything is asked.

    Returns:
        An empty text, so that it can stand in a message of copier.yml.

    Raises:
        UserMessageError: with a sentence that says what to do; Copier prints it and exits with 1.
    """
    folder = destination
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise UserMessageError(f"The destination {destination} can't be a folder, because {folder} is a file: name another one.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserMessageError(f"The destination {destination} can't be written to: name another one, or change {folder}.")
    return ""


def use_own_answers_only(destination: Path) -> bool:
    """Replace the previous answers that Copier has loaded by our own, if they are another template's.

    Copier reads the previous answers from `.copier-answers.yml` before it knows the template's `_answers_file`, so the
    answers of a template that was there first would become ours. It has no setting against that (9.19); the object
    that holds them is the one of the question being rendered.

    Returns:
        True, so that it can stand in a question's `ask`.
    """
    frame = inspect.currentframe()
    while frame:
        last = getattr(getattr(frame.f_locals.get("self"), "answers", None), "last", None)
        if isinstance(last, dict) and last and not is_ours(last):
            ours = load_answers(destination / ANSWERS_FILE_BESIDE_ANOTHER)
            last.clear()
            last.update(ours if is_ours(ours) else {})  # type: ignore[call-overload]
        frame = frame.f_back
    return True


@dataclass(frozen=True)
class Server:
    """A module-level application object, or a function that makes one."""

    path: str
    """The file, relative to the project, with `/`."""
    name: str
    """The object's or the function's name."""
    framework: str
    """The name of the class that is called: Flask, FastAPI, …"""
    factory: bool


@dataclass(frozen=True)
class Start:
    """A way to start an MCP server."""

    command: str
    """Shell words."""
    texts: tuple[str, ...] = ()
    """The project's sources that run before the server does, that of the entry first; none if the server is run by an SDK."""


@dataclass(frozen=True)
class Declared:
    """What one file declares as run-time dependencies."""

    source: str
    """The file's name."""
    names: frozenset[str]
    """Canonical names of the packages, extras as `name[extra]` besides."""
    complete: bool
    """False where the list can't be read without the code: computed, or in further files."""


@dataclass(frozen=True)
class Needed:
    """What tests need besides the run-time dependencies."""

    arguments: tuple[str, ...] = ()
    """Of `uv pip install`: options with their value, and requirements."""
    sources: tuple[str, ...] = ()
    """The files that these name, relative to the project, with `/`."""
    code: bool = False
    """Whether the files don't do without the project's code."""


def requirement_names(lines: list[str]) -> frozenset[str]:
    """Return the canonical names in requirement lines; what is not a requirement is passed over."""
    names = set()
    for line in lines:
        text = re.split(r"\s#|\s--hash", line.strip())[0].strip().rstrip("\\")
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        names |= {name} | {f"{name}[{extra}]" for extra in requirement.extras}
    return frozenset(names)


class Destination:
    """A folder that a project is rendered into, as it was before.

    Args:
        root: the folder; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = tuple(self._sources())
        self.pyproject = self._toml("pyproject.toml")
        self.setup_py = read(root / "setup.py")
        self.setup_cfg = self._ini("setup.cfg")
        self.declared = tuple(self._declared())
        self.imported: dict[str, list[str]] = {}

    def _sources(self) -> Iterator[str]:
        """Yield the paths of the Python files that may be part of the app, nearest first."""
        return self._files(
            lambda name: name not in IGNORED_FOLDERS and not name.endswith((".egg-info", "_tests")),
            lambda name: name.endswith(".py") and self._is_app_file(name),
        )

    def _files(self, enters: Callable[[str], bool], takes: Callable[[str], bool]) -> Iterator[str]:
        """Yield the paths of files, nearest first, outside hidden folders and environments.

        Args:
            enters: whether a folder of that name is looked into.
            takes: whether a file of that name is yielded.
        """
        level, found, seen = [self.root], 0, 0
        while level and found < MAX_FILES:
            deeper: list[Path] = []
            for folder in level[: MAX_FOLDERS - seen]:
                seen += 1
                try:
                    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
                except OSError:
                    continue
                names = {entry.name for entry in entries}
                if folder != self.root and names & {"pyvenv.cfg", "conda-meta"}:
                    continue
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if enters(entry.name):
                            deeper.append(Path(entry.path))
                    elif takes(entry.name) and found < MAX_FILES:
                        found += 1
                        yield Path(entry.path).relative_to(self.root).as_posix()
            level = deeper

    @staticmethod
    def _is_app_file(name: str) -> bool:
        return name not in IGNORED_FILES and not name.startswith("test_") and not name.endswith("_test.py")

    def _toml(self, name: str) -> dict[str, Any]:
        """Return a TOML file's content, empty where it is missing or broken."""
        try:
            return tomllib.loads(read(self.root / name))
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def _ini(self, name: str) -> configparser.ConfigParser:
        """Return an INI file's content, empty where it is missing or broken."""
        config = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            config.read_string(read(self.root / name))
        except configparser.Error:
            return configparser.ConfigParser()
        return config

    def _table(self, *keys: str) -> dict[str, Any]:
        """Return a table of pyproject.toml, empty where it is missing or no table."""
        table: Any = self.pyproject
        for key in keys:
            table = table.get(key) if isinstance(table, dict) else None
        return table if isinstance(table, dict) else {}

    @property
    def has_app(self) -> bool:
        """Whether there is Python code that may be an app."""
        return bool(self.sources)

    # What it depends on

    def _declared(self) -> Iterator[Declared]:
        """Yield what each file declares, in the order in which they are preferred."""
        project, poetry = self._table("project"), self._table("tool", "poetry")
        dynamic = project.get("dynamic")
        computed = isinstance(dynamic, list) and "dependencies" in dynamic
        names = self._listed_names()
        poetry_names: set[str] = set()
        for name, value in self._table("tool", "poetry", "dependencies").items():
            poetry_names.add(canonicalize_name(name))
            if isinstance(value, dict) and isinstance(value.get("extras"), list):
                poetry_names |= {f"{canonicalize_name(name)}[{extra}]" for extra in value["extras"]}
        in_pyproject = names | (poetry_names - {"python"})
        legacy = self._legacy_names()
        if computed:
            in_pyproject |= legacy
        if project and (self.root / "uv.lock").is_file():
            yield Declared("uv.lock", in_pyproject, True)
        if (project or poetry) and (self.root / "poetry.lock").is_file():
            yield Declared("poetry.lock", in_pyproject, True)
        if (self.root / "requirements.txt").is_file():
            yield self._requirements()
        if project or poetry:
            yield Declared("pyproject.toml", in_pyproject, bool(project) and not computed)
        for name in ("setup.py", "setup.cfg"):
            if (self.root / name).is_file() and not project and not poetry and (name == "setup.py" or legacy):
                yield Declared(name, legacy, False)

    def _listed_names(self) -> frozenset[str]:
        """Return what `[project] dependencies` lists."""
        listed = self._table("project").get("dependencies")
        return requirement_names([line for line in listed if isinstance(line, str)] if isinstance(listed, list) else [])

    def _requirements(self) -> Declared:
        """Read requirements.txt and what it includes; it needs the code where it includes or names a path."""
        lines, files, needs_code = self._requirement_lines("requirements.txt")
        complete = len(files) == 1 and not needs_code
        names = requirement_names(lines)
        if not complete:
            names |= self._listed_names()
            names |= self._legacy_names()
        return Declared("requirements.txt", names, complete)

    def _requirement_lines(self, name: str) -> tuple[list[str], list[str], bool]:
        """Return what a requirements file and those that it includes list, their paths, and whether they name folders."""
        lines: list[str] = []
        files, needs_code = [name], False
        constraints = set()
        for file in files:
            for line in read(self.root / file).splitlines():
                text = line.split(" #")[0].strip()
                if include := re.match(r"(-r|--requirement|-c|--constraint)[\s=]*([^\s=]\S*)", text):
                    path = os.path.normpath(PurePosixPath(file).parent / include[2])
                    if include[1] in {"-c", "--constraint"}:
                        constraints.add(path)
                    if path not in files:
                        files.append(path)
                elif re.match(r"(-e|--editable)\b|\.{1,2}(/|$|\[)|file:|/|[^#]*@\s*file:", text):
                    needs_code = True
                elif file not in constraints and text and not text.startswith("#"):
                    lines.append(text)
        return lines, files, needs_code

    def _legacy_names(self) -> frozenset[str]:
        """Return what setup.cfg and setup.py require, as far as they say it in plain text."""
        lines = self.setup_cfg.get("options", "install_requires", fallback="").splitlines()
        for block in re.findall(r"(?:install_requires|requirements|requires)\s*=\s*\[(.*?)\]", self.setup_py, re.DOTALL):
            lines += [first or second for first, second in re.findall(r"\"([^\"\n]+)\"|'([^'\n]+)'", block)]
        return requirement_names(lines)

    @property
    def dependency_names(self) -> frozenset[str]:
        """Canonical names of everything that any file declares."""
        return frozenset().union(*(declared.names for declared in self.declared))

    @property
    def dependencies(self) -> Declared:
        """The file to install from: a lock file, else the first that declares the framework, else the first with anything."""
        for declared in self.declared:
            if declared.source.endswith(".lock"):
                return declared
        for framework in (self.framework, self.mcp_framework):
            for declared in self.declared:
                if framework in declared.names:
                    return declared
        for declared in self.declared:
            if declared.names or not declared.complete:
                return declared
        return self.declared[0] if self.declared else Declared("none", frozenset(), True)

    def requires_python(self) -> str:
        """Return the version specifier for Python, empty where none is declared."""
        declared = self._table("project").get("requires-python")
        if isinstance(declared, str):
            return declared
        poetry = self._table("tool", "poetry", "dependencies").get("python")
        if isinstance(poetry, str):
            return caret_to_pep440(poetry)
        if declared := self.setup_cfg.get("options", "python_requires", fallback=""):
            return declared
        found = re.search(r"python_requires\s*=\s*[\"']([^\"']+)[\"']", self.setup_py)
        return found[1] if found else ""

    # What it is

    @cached_property
    def source_folder(self) -> str:
        """The folder that imports start from: `src` in a src layout, else `.`."""
        in_src = [source for source in self.sources if source.startswith("src/")]
        if not in_src or "src/__init__.py" in in_src:
            return "."
        outside = [source for source in self.sources if source.endswith("/__init__.py") and not source.startswith("src/")]
        return "." if outside and not any(source.endswith("/__init__.py") for source in in_src) else "src"

    @property
    def prefix(self) -> str:
        """What the paths of importable files begin with: `src/` in a src layout, else nothing."""
        return "" if self.source_folder == "." else f"{self.source_folder}/"

    def module_of(self, path: str) -> str:
        """Return the dotted name under which a file is imported from the source folder."""
        parts = PurePosixPath(path.removeprefix(self.prefix)).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def name(self) -> str:
        """The folder's name, cut to what a project's name may be."""
        return "".join(char for char in self.root.name if char.isprintable()).strip()[:60].strip() or "app"

    @property
    def package(self) -> str:
        """The name of the main package, empty where there is none."""
        return self.packages[0] if self.packages else ""

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """Names of the top-level packages, the project's namesake first, then those that hold more modules."""
        size: dict[str, int] = {}
        inits = set()
        for source in self.sources:
            if source.startswith(self.prefix) and "/" in (rest := source.removeprefix(self.prefix)):
                top = rest.split("/")[0]
                size[top] = size.get(top, 0) + 1
                if rest == f"{top}/__init__.py":
                    inits.add(top)
        namesakes = {str(name).lower().replace("-", "_").replace(".", "_") for name in self._project_names()}
        # The rest can't be a package_name: a package that hides a module of the standard library, say.
        names = [
            name for name in size if name.isidentifier() and not keyword.iskeyword(name) and name not in sys.stdlib_module_names
        ]
        return tuple(sorted(names, key=lambda name: (name.lower() not in namesakes, name not in inits, -size[name], name)))

    def _project_names(self) -> Iterator[object]:
        yield self._table("project").get("name", "")
        yield self._table("tool", "poetry").get("name", "")
        found = re.search(r"\bname\s*=\s*[\"']([^\"']+)[\"']", self.setup_py)
        yield found[1] if found else ""

    @property
    def scripts(self) -> dict[str, str]:
        """The console scripts that the project installs, and what each calls, as in `package.module:function`."""
        legacy = self.setup_cfg.get("options.entry_points", "console_scripts", fallback="")
        found = re.search(r"console_scripts[\"']?\s*[:=]\s*\[(.*?)\]", self.setup_py, re.DOTALL)
        legacy += "\n" + (found[1] if found else "")
        tables = self._table("project", "scripts") | self._table("tool", "poetry", "scripts")
        named = {name: target if isinstance(target, str) else "" for name, target in tables.items()}
        return named | dict(re.findall(r"([\w.-]+)\s*=\s*([\w.]+:\w+)", legacy))

    @property
    def framework(self) -> str:
        """`fastapi`, `flask`, or empty; of two, the one of the server that is found."""
        names = self.dependency_names
        declared = [name for name in ("fastapi", "flask") if name in names]
        server = self.server
        if server and server.framework in FRAMEWORK_OF:
            return FRAMEWORK_OF[server.framework]
        return declared[0] if declared and (server is None or not self.has_app) else ""

    @cached_property
    def server(self) -> Server | None:
        """The application object or factory that is most likely the one to start."""
        return next(iter(servers_of(self)), None)

    def app_command(self, app_port: int, package: str) -> str:
        """Return the command that starts the app inside a container, as shell words.

        Args:
            app_port: the port that it shall listen on.
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        names, server = self.dependency_names, self.server
        if self._manages_django:
            return f"python manage.py runserver 0.0.0.0:{app_port}"
        if server:
            module = self.module_of(server.path)
            target = f"{module}:{server.name}"
            if server.framework in ASGI:
                factory = " --factory" if server.factory else ""
                return f"uvicorn {target}{factory} --host 0.0.0.0 --port {app_port}"
            call = "()" if server.factory else ""
            if "gunicorn" in names:
                return f"gunicorn --bind 0.0.0.0:{app_port} {shlex.quote(target + call)}"
            # The flask command finds these names by itself.
            short = server.name in {"app", "application", "create_app", "make_app"}
            return f"flask --app {module if short else target} run --host 0.0.0.0 --port {app_port}"
        return self._plain_command(package)

    @property
    def _manages_django(self) -> bool:
        names, text = self.dependency_names, read(self.root / "manage.py")
        return (self.root / "manage.py").is_file() and ("django" in names or "django" in text.lower())

    def _plain_command(self, package: str) -> str:
        """Return the command for an app without a known framework."""
        sources = set(self.sources)
        for module in ("server", "__main__", "main", "app"):
            if f"{self.prefix}{package}/{module}.py" in sources:
                return f"python -m {package}" if module == "__main__" else f"python -m {package}.{module}"
        for script in self.scripts:
            if script.replace("-", "_") == package or script.endswith(("server", "serve")):
                return shlex.quote(script)
        for name in ("server.py", "main.py", "app.py", "run.py", "wsgi.py", "__main__.py"):
            if name in sources:
                return f"python {name}"
        top = [source for source in self.sources if "/" not in source]
        return f"python {shlex.quote(top[0])}" if len(top) == 1 and not self.packages else f"python -m {package}.server"

    # How its MCP server is started

    @cached_property
    def mcp_sources(self) -> dict[str, str]:
        """The sources that import an SDK for MCP, and their texts."""
        # A package of the project's own with that name hides the SDK.
        names = {"fastmcp"} if f"{self.prefix}mcp/__init__.py" in self.sources else {"mcp", "fastmcp"}
        texts = {source: read(self.root / source) for source in self.sources}
        return {source: text for source, text in texts.items() if names.intersection(MCP_IMPORT.findall(text))}

    @cached_property
    def mcp_framework(self) -> str:
        """`fastmcp` or `mcp`, empty for a project without MCP; of both, fastmcp, unless only one is imported and declared."""
        declared = self.dependency_names & {"mcp", "fastmcp"}
        imported = {name for text in self.mcp_sources.values() for name in MCP_IMPORT.findall(text)}
        return min((declared & imported) or imported or declared, default="")

    def mcp_command(self, package: str) -> str:
        """Return the command that starts the MCP server over stdio inside a container, as shell words.

        Args:
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        return self.mcp_start.command if self.mcp_start else self._plain_command(package)

    @property
    def mcp_http(self) -> bool:
        """Whether MCP_TRANSPORT=streamable-http evidently switches that command to HTTP, where others can reach it."""
        texts = self.mcp_start.texts if self.mcp_start else ()
        return all(any(map(says, texts)) for says in (reads_transport, HTTP_VALUE.search, ANY_HOST.search))

    @cached_property
    def mcp_start(self) -> Start | None:
        """The likeliest way to start the MCP server, one over stdio if there is any."""
        starts = tuple(self._mcp_starts()) if self.mcp_framework else ()
        for start in starts:
            if not any(map(HTTP_RUN.search, start.texts)) or any(map(STDIO_RUN.search, start.texts)):
                return start
        return starts[0] if starts else None

    def _mcp_starts(self) -> Iterator[Start]:
        """Yield the ways to start the MCP server, the likeliest first."""
        scripts = [start for _, start in sorted(self._mcp_scripts(), key=lambda ranked: ranked[0])]
        if self.installable:
            yield from scripts
        yield from (start for _, start in sorted(self._mcp_mains(), key=lambda ranked: ranked[0]))
        if not self.installable:
            yield from scripts
        for path, text in self.mcp_sources.items():
            for name in assigned(parse(text), MCP_CLASSES):
                if f"{PurePosixPath(path).parent}/__init__.py" in self.sources:
                    # The SDKs import a file, not a module: relative imports fail, and tools that import it get a second server.
                    yield Start(call(self.module_of(path), name, f"{name}.run()"))
                else:
                    program = min(MCP_IMPORT.findall(text))
                    yield Start(f"{program} run {shlex.quote(f'{path}:{name}')}")

    def _mcp_scripts(self) -> Iterator[tuple[tuple[object, ...], Start]]:
        """Yield the console scripts that may start the MCP server, or what they call if nothing installs them, with ranks."""
        projects = {canonicalize_name(str(name)) for name in self._project_names()}
        for name, target in self.scripts.items():
            module, _, entry = target.partition(":")
            texts = self._reached(self._file(module, self.prefix, ""))
            serves, named = any(map(MCP_SERVER.search, texts)), "mcp" in name.lower()
            if serves or named:
                command = shlex.quote(name) if self.installable else call(module, entry, f"{entry}()")
                rank = (not named, canonicalize_name(name) not in projects, not serves, entry not in ENTRIES, name)
                yield rank, Start(" ".join([command, *subcommand(texts, entry)]), texts)

    def _mcp_mains(self) -> Iterator[tuple[tuple[object, ...], Start]]:
        """Yield the sources that start the MCP server when they are run, with their ranks."""
        for path in self.sources:
            stem, text = PurePosixPath(path).stem, read(self.root / path)
            serves = bool(MCP_SERVER.search(text))
            if stem != "__main__" and (stem == "__init__" or not re.search(r"^if\b[\s(]*__name__\s*==", text, re.MULTILINE)):
                continue
            if serves or stem in STEMS or {*STARTING}.intersection(re.split("[-_]", stem)):
                texts = self._reached(path)
                if any(map(MCP_SERVER.search, texts)):
                    package = path == f"{self.prefix}{self.package}/__main__.py"
                    likely = STEMS.index(stem) if stem in STEMS else len(STEMS)
                    yield (not package, not serves, "/" not in path, path.count("/"), likely, path), Start(self._run(path), texts)

    def _file(self, module: str, *folders: str) -> str:
        """Return the first file that a module is imported from, relative to one of the folders; empty where there is none."""
        for folder in folders:
            stem = os.path.normpath(PurePosixPath(folder, *module.split(".")))
            for file in (f"{stem}.py", f"{stem}/__init__.py"):
                if not file.startswith("..") and os.path.lexists(self.root / file):
                    return file
        return ""

    def _imported(self, source: str) -> list[str]:
        """Return the files of the project that a source imports, also inside functions."""
        if source not in self.imported:
            folder = str(PurePosixPath(source).parent)
            self.imported[source] = [
                self._file(name, *([folder + "/.." * (level - 1)] if level else [self.prefix, "", folder]))
                for level, name in imports(read(self.root / source))
            ]
        return self.imported[source]

    def _reached(self, path: str) -> tuple[str, ...]:
        """Return the text of a source, and of all those of the project that are imported on the way."""
        files = [path]
        for source in files:
            files += [file for file in dict.fromkeys(self._imported(source)) if file and file not in files][
                : MAX_REACHED - len(files)
            ]
        return tuple(read(self.root / file) for file in files)

    def _run(self, path: str) -> str:
        """Return the command that runs a source: as a module, but as a file outside a package and beside what it imports."""
        parts, text = PurePosixPath(path).with_suffix("").parts, read(self.root / path)
        folder = "/".join(parts[:-1])
        tops = {*re.findall(r"^\s*(?:from|import)\s+(\w*)", text, re.MULTILINE)} - {"mcp", "fastmcp"}
        # Where a source names its outermost folder, imports start from above that, be it called src.
        module = ".".join(parts) if parts[0] in tops else self.module_of(path)
        packaged = tops & {"", module.split(".")[0]} or f"{folder}/__init__.py" in self.sources
        foreign = {"", *sys.stdlib_module_names, *self.dependency_names}

        def lies_in(place: str, top: str) -> bool:
            return any(os.path.lexists(self.root / place / name) for name in (top, f"{top}.py"))

        beside = any(lies_in(folder, top) and not lies_in(self.prefix, top) and not lies_in("", top) for top in tops - foreign)
        if beside or not packaged or "." not in module or not all(map(str.isidentifier, module.split("."))):
            return f"python {shlex.quote(path)}"
        return f"python -m {module.removesuffix('.__main__')}"

    def _mcp_packages(self, command: str) -> list[str]:
        """Return the SDK, where an MCP server's command needs one that no file declares, or in no such version."""
        if not self.mcp_start or not command.startswith(self.mcp_start.command):
            return []
        sdk, declared, texts = self.mcp_framework, self.dependencies, "\n".join(self.mcp_sources.values())
        needed = "mcp[cli]" if command.startswith("mcp ") else sdk
        # A list that only the code tells is trusted.
        missing = needed not in declared.names and bool(declared.names or declared.complete)
        if sdk == "mcp" and MCP_1.search(texts) and not MCP_2.search(texts) and not declared.source.endswith(".lock"):
            files = ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg")
            if missing or not any(MCP_1_DECLARED.search(read(self.root / file)) for file in files):
                return [f"{needed}<2"]
        return [needed] if missing else []

    def extra_packages(self, command: str) -> list[str]:
        """Return what a command needs and no file declares: the framework, or a server such as uvicorn."""
        names, first, server = self.dependency_names, command.split(" ")[0], self.server
        needed = [server.framework.lower()] if server and first in {"flask", "uvicorn"} and not self.declared else []
        if first == "uvicorn" and not names & {"uvicorn", "uvicorn[standard]", "fastapi[standard]", "fastapi[all]"}:
            needed.append("uvicorn")
        return needed + self._mcp_packages(command)

    def undeclared(self, requirements: list[str]) -> list[str]:
        """Return those requirements whose package the file to install from does not declare."""
        names = self.dependencies.names
        return [text for text in requirements if canonicalize_name(Requirement(text).name) not in names]

    @property
    def installable(self) -> bool:
        """Whether the project can be installed, and its console scripts with it."""
        return bool(self._table("build-system")) or (self.root / "setup.py").is_file()

    def needs_install(self, command: str) -> bool:
        """Whether the project itself has to be installed: for its command, or because it asks for its own metadata."""
        if not self.installable:
            return False
        if set(shlex.split(command)[:1]) & set(self.scripts):
            return True
        asks = re.compile(r"importlib[._]metadata|\bpkg_resources\b")
        return any(asks.search(read(self.root / source)) for source in self.sources)

    def migrate_command(self, package: str) -> str:
        """Return the command that migrates the database, empty where none is found."""
        if (self.root / "manage.py").is_file():
            return "python manage.py migrate --noinput"
        if (self.root / "alembic.ini").is_file():
            return "alembic upgrade head"
        return f"python -m {package}.migrate" if f"{self.prefix}{package}/migrate.py" in self.sources else ""

    # How it is tested

    @cached_property
    def pytest_options(self) -> dict[str, list[str]]:
        """What the file that pytest reads says, by names in lower case, as words."""
        tables = [
            *(self._toml(name).get("pytest") for name in ("pytest.toml", ".pytest.toml")),
            *(section(self._ini(name), "pytest") for name in ("pytest.ini", ".pytest.ini")),
            self._table("tool", "pytest", "ini_options") or self._table("tool", "pytest"),
            section(self._ini("tox.ini"), "pytest"),
            section(self.setup_cfg, "tool:pytest"),
        ]
        options = next((table for table in tables if isinstance(table, dict) and table), {})
        return {
            name.lower(): [str(word) for word in value] if isinstance(value, list) else str(value).split()
            for name, value in options.items()
        }

    def _test_files(self, patterns: list[str]) -> list[str]:
        """Return the paths of the files with such names, nearest first."""
        return list(
            self._files(
                lambda name: name not in NO_TESTS and not name.endswith((".egg-info", ".egg")),
                lambda name: name.endswith(".py") and any(fnmatch(name, pattern) for pattern in patterns),
            )
        )

    def _test_home(self, path: str) -> str:
        """Return the outermost folder of tests that a file lies in, or the file; empty for examples and another project's."""
        folder = ""
        for part in PurePosixPath(path).parts[:-1]:
            folder = f"{folder}/{part}".lstrip("/")
            if TESTS.fullmatch(part):
                return folder
            inner = self.declared and any(os.path.lexists(self.root / folder / name) for name in ("pyproject.toml", "setup.py"))
            if part in ASIDE or inner:
                return ""
        return path

    def _homes(self, files: list[str], test: re.Pattern[str]) -> list[str]:
        """Return where the files with tests lie, an empty text among them for tests that are none of the project's own."""
        homes: dict[str, bool] = {}
        reads = 0
        for file in files:
            home = self._test_home(file)
            if not homes.get(home) and reads < MAX_TESTS_READ:
                homes[home] = bool(test.search(read(self.root / file)))
                reads += 1
        return [home for home, tested in homes.items() if tested]

    @property
    def test_command(self) -> str:
        """The command that runs the tests, as shell words; empty where there are none."""
        options = self.pytest_options
        by_django = self._manages_django and not self._configures_django
        if by_django and any(self._homes(self._test_files(["test*.py"]), TEST_CLASS)):
            return "python manage.py test"
        files = self._test_files(options.get("python_files") or ["test_*.py", "*_test.py"])
        paths = [os.path.normpath(path) for path in options.get("testpaths", [])]
        patterns = [pattern for path in paths for pattern in (path, "*" if path == "." else f"{path}/*")]
        within = [file for file in files if any(fnmatch(file, pattern) for pattern in patterns)]
        if self._homes(within, TEST):
            return "pytest"
        homes = self._homes(files, TEST)
        own = [home for home in homes if home]
        if own == homes and not paths:
            return "pytest" if own else ""
        # By itself, pytest would look elsewhere, or collect the tests of examples and of other projects too.
        if len(own) > 4:
            own = list(dict.fromkeys(home.split("/")[0] for home in own))
        return shlex.join(["pytest", *own]) if own else ""

    @property
    def _configures_django(self) -> bool:
        """Whether pytest learns somewhere which settings of Django's to take."""
        words = [word for name, value in self.pytest_options.items() for word in (name, *value)]
        if any(word.startswith("--ds") or "django_settings_module" in word.lower() for word in words):
            return True
        texts = (read(self.root / folder / "conftest.py") for folder in ("", "tests", "test", self.package))
        return any(re.search(r"DJANGO_SETTINGS_MODULE|\bsettings\.configure\(", text) for text in texts)

    @property
    def coverage_configured(self) -> bool:
        """Whether the project says itself what coverage shall measure."""
        configs = [(self._ini(".coveragerc"), "run"), (self.setup_cfg, "coverage:run"), (self._ini("tox.ini"), "coverage:run")]
        keys = {*self._table("tool", "coverage", "run")}.union(*(section(config, name) for config, name in configs))
        options = self.pytest_options.get("addopts", [])
        return bool(keys & {"source", "source_pkgs", "source_dirs"}) or any(re.match(r"--cov(=|$)", word) for word in options)

    @property
    def test_requirements(self) -> list[str]:
        """Arguments for `uv pip install`: options with their values, which need no quotation marks, and requirements."""
        return list(self._tests_need.arguments)

    @property
    def test_sources(self) -> list[str]:
        """The files that the test requirements are in."""
        return list(self._tests_need.sources)

    @property
    def test_needs_code(self) -> bool:
        """Whether the test requirements can't be installed without the project's code."""
        return self._tests_need.code

    @cached_property
    def _tests_need(self) -> Needed:
        """What tests need, from the first place that is named for tests, else for development."""
        for names in (TEST_NAMES, DEV_NAMES):
            for needed in self._needed(names):
                if needed.arguments:
                    return needed
        return Needed()

    def _needed(self, names: tuple[str, ...]) -> Iterator[Needed]:
        """Yield what tests need, from each place that has one of the names."""
        yield from self._needed_groups(names)
        yield from self._needed_extras(names)
        for file in (form.format(name) for name in names for form in REQUIREMENTS):
            yield self._needed_file(file)
        groups = self._table("tool", "poetry", "group")
        for name in named(groups, names):
            yield Needed(from_table(self._table("tool", "poetry", "group", name, "dependencies")))
        if names is DEV_NAMES:
            yield Needed(from_table(self._table("tool", "poetry", "dev-dependencies")))
        pdm = self._table("tool", "pdm", "dev-dependencies")
        for name in named(pdm, names):
            yield Needed(plain_requirements(pdm[name]))
        for name in ("hatch-test", *names) if names is TEST_NAMES else ("default", *names):
            env = self._table("tool", "hatch", "envs", name)
            yield Needed(plain_requirements(env.get("dependencies")) + plain_requirements(env.get("extra-dependencies")))
        if names is DEV_NAMES:
            yield self._needed_tox()
            pipfile = self._toml("Pipfile").get("dev-packages")
            yield Needed(from_table(pipfile if isinstance(pipfile, dict) else {}))

    @property
    def _refers_to_folders(self) -> bool:
        """Whether pyproject.toml takes packages from folders beside it."""
        sources = self._table("tool", "uv", "sources").values()
        tables = [table for source in sources for table in (source if isinstance(source, list) else [source])]
        return any(isinstance(table, dict) and {"path", "workspace"} & table.keys() for table in tables)

    def _needed_groups(self, names: tuple[str, ...]) -> Iterator[Needed]:
        groups = self._table("dependency-groups")
        # uv's own table from before there were groups is its group dev.
        groups = {"dev": self._table("tool", "uv").get("dev-dependencies")} | groups
        for name in named(groups, names):
            entries, included = [], [name]
            for group in included:
                for entry in groups[group] if isinstance(groups[group], list) else []:
                    if isinstance(entry, str):
                        entries.append(entry)
                    elif isinstance(entry, dict) and isinstance(entry.get("include-group"), str):
                        more = named(groups, (canonicalize_name(entry["include-group"]),))
                        included += [one for one in more if one not in included]
            if not entries:
                continue
            arguments, code = [f"--group {name}"], self._refers_to_folders
            # uv would take the project itself from PyPI.
            if canonicalize_name(str(self._table("project").get("name"))) in requirement_names(entries):
                arguments, code = [*arguments, "-e ."], True
            yield Needed(tuple(arguments), ("pyproject.toml",), code)

    def _needed_extras(self, names: tuple[str, ...]) -> Iterator[Needed]:
        dynamic = self._table("project").get("dynamic")
        computed = isinstance(dynamic, list) and bool({"dependencies", "optional-dependencies"}.intersection(map(str, dynamic)))
        extras = self._table("project", "optional-dependencies")
        extras = extras | self._table("tool", "setuptools", "dynamic", "optional-dependencies") if computed else extras
        for name in named(extras, names):
            if extras[name]:
                code = computed or self._refers_to_folders
                yield Needed(("-r pyproject.toml", f"--extra {name}"), ("pyproject.toml",), code)
        if self._table("project") and not computed:
            return
        # uv asks setuptools for the list, which reads whatever setup.py and setup.cfg name.
        in_cfg = section(self.setup_cfg, "options.extras_require")
        for file, legacy in (("setup.py", setup_extras(parse(self.setup_py))), ("setup.cfg", in_cfg)):
            for name in named(legacy, names) if self.installable else []:
                yield Needed((f"-r {file}", f"--extra {name}"), (file,), True)
        if names is TEST_NAMES:
            lines = self.setup_cfg.get("options", "tests_require", fallback="").splitlines()
            yield Needed(plain_requirements(setup_argument(parse(self.setup_py), "tests_require") or lines))

    def _needed_file(self, file: str) -> Needed:
        """Return what a requirements file needs, nothing where it is missing or lists nothing."""
        lines, files, needs_code = self._requirement_lines(file)
        if not lines and len(files) == 1 and not needs_code:
            return Needed()
        # uv reads no `-rFILE` without a blank.
        if any(re.search(r"^-[rc][^\s=]", read(self.root / path), re.MULTILINE) for path in files):
            return Needed(plain_requirements(lines))
        inside = tuple(path for path in files if not path.startswith(("..", "/")) and os.path.lexists(self.root / path))
        return Needed((f"-r {file}",), inside, needs_code)

    def _needed_tox(self) -> Needed:
        """Return the dependencies of tox's environment: requirements, and files of them."""
        needed = Needed()
        for line in self._ini("tox.ini").get("testenv", "deps", fallback="").splitlines():
            text = line.split(" #")[0].strip().replace("{toxinidir}/", "").replace("{tox_root}/", "")
            if include := re.fullmatch(r"-r\s*([\w./-]+)", text):
                more = self._needed_file(os.path.normpath(include[1]))
            else:
                more = Needed(plain_requirements([text]))
            needed = Needed(needed.arguments + more.arguments, needed.sources + more.sources, needed.code or more.code)
        return needed

    @property
    def test_target(self) -> str:
        """The name of the stage for tests in an existing Dockerfile, empty where it has none."""
        text = re.sub(r"\\\r?\n", " ", read(self.root / "Dockerfile"))
        stages = re.findall(r"^[ \t]*FROM[ \t].*[ \t]AS[ \t]+([\w.-]+)[ \t]*$", text, re.MULTILINE | re.IGNORECASE)
        return next((stage for name in STAGES for stage in stages if stage.lower() == name), "")

    def _last_stage(self, instruction: str) -> list[str]:
        """Return the arguments of each instruction of a kind in the last stage of an existing Dockerfile."""
        arguments: list[str] = []
        for line in re.sub(r"\\\r?\n", " ", read(self.root / "Dockerfile")).splitlines():
            if re.match(r"\s*FROM\s", line, re.IGNORECASE):
                arguments = []
            elif found := re.match(rf"\s*{instruction}\s+(.+)", line, re.IGNORECASE):
                arguments.append(found[1].strip())
        return arguments

    def workdir(self) -> str:
        """Return the working folder of the last stage of an existing Dockerfile, `/workspace` where none says one."""
        folder = PurePosixPath("/", *(argument.strip("\"'") for argument in self._last_stage("WORKDIR")))
        return str(folder) if str(folder) != "/" and "$" not in str(folder) else "/workspace"

    def entrypoint(self) -> list[str]:
        """Return the words of the ENTRYPOINT in the last stage of an existing Dockerfile, none where it has none."""
        for argument in self._last_stage("ENTRYPOINT")[-1:]:
            try:
                return [str(word) for word in json.loads(argument)]
            except ValueError:  # the shell form
                return ["/bin/sh", "-c", argument]
        return []

    def image_user(self) -> str:
        """Return the user that the last stage of an existing Dockerfile names, empty where that is root or nobody."""
        user = next((argument.strip("\"'") for argument in reversed(self._last_stage("USER"))), "")
        return "" if user.partition(":")[0] in {"root", "0"} else user

    def existing(self) -> list[str]:
        """Return the files that exist and that the template would write, as paths with `/`."""
        names = {name for name in TEMPLATE_FILES if os.path.lexists(self.root / name)}
        return sorted(names | {path.name for path in self.root.glob(".env.services.*")})


def section(config: configparser.ConfigParser, name: str) -> dict[str, str]:
    """Return a section of an INI file, empty where it has none."""
    return dict(config[name]) if config.has_section(name) else {}


def named(table: Mapping[str, object], names: Collection[str]) -> list[str]:
    """Return a table's keys that are one of the names, in the order of these; `Test_CI` is `test-ci`."""
    return [key for name in names for key in table if canonicalize_name(key) == name and re.fullmatch(r"[\w.-]+", key)]


def plain_requirements(lines: object) -> tuple[str, ...]:
    """Return the requirements in a list, fit for double quotation marks of a shell; paths, URLs and options are left out."""
    requirements = []
    for line in lines if isinstance(lines, list | tuple) else ():
        try:
            requirement = Requirement(line if isinstance(line, str) else "")
        except InvalidRequirement:
            continue
        text = str(requirement).replace('"', "'")
        if not requirement.url and not re.search(r"[$`\\]", text):
            requirements.append(text)
    return tuple(requirements)


def from_table(table: Mapping[str, object]) -> tuple[str, ...]:
    """Return the requirements in a table of Poetry's or Pipenv's; those from paths, repositories and URLs are left out."""
    requirements: list[str] = []
    for name, value in table.items():
        for entry in value if isinstance(value, list) else [value]:
            said = entry if isinstance(entry, dict) else {"version": entry}
            if name == "python" or {"path", "file", "git", "url"} & said.keys():
                continue
            extras = ",".join(map(str, listed)) if isinstance(listed := said.get("extras"), list) else ""
            # Of alternatives there is no marker.
            python = "" if "|" in (python := str(said.get("python", ""))) else caret_to_pep440(python)
            pythons = re.findall(r"([<>=!~]+)\s*([\d.*]+)", python)
            markers = [f"python_full_version {operator} '{version}'" for operator, version in pythons]
            markers += [f"({said['markers']})"] if said.get("markers") else []
            text = f"{name}[{extras}]{caret_to_pep440(str(said.get('version', '*')))}"
            text += f" ; {' and '.join(markers)}" if markers else ""
            requirements += plain_requirements([text]) or plain_requirements([name])
    return tuple(requirements)


def assigned_to(tree: ast.Module, name: str) -> ast.expr | None:
    """Return what a source text assigns to a name, or to the item of that name, at its top."""
    for node in module_level(tree.body):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        key = target.slice if isinstance(target, ast.Subscript) else None
        if (isinstance(target, ast.Name) and target.id == name) or (isinstance(key, ast.Constant) and key.value == name):
            return node.value if isinstance(node, ast.Assign) else None
    return None


def setup_keyword(tree: ast.Module, keyword: str) -> ast.expr | None:
    """Return a keyword argument of the call of `setup` in setup.py."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and called_name(node) == "setup")
    given = [one.value for node in calls for one in node.keywords if one.arg == keyword]
    # Some collect them first, for `setup(**arguments)`.
    value = given[0] if given else assigned_to(tree, keyword)
    return assigned_to(tree, value.id) if isinstance(value, ast.Name) else value


def setup_argument(tree: ast.Module, keyword: str) -> list[str]:
    """Return the texts in a list that setup.py hands to `setup`, none where it is computed."""
    node = setup_keyword(tree, keyword)
    items = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]


def setup_extras(tree: ast.Module) -> dict[str, object]:
    """Return the names of the extras in setup.py, as keys."""
    node = setup_keyword(tree, "extras_require")
    keys = node.keys if isinstance(node, ast.Dict) else []
    return {key.value: True for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def caret(version: str) -> str:
    """Return what Poetry's `^` allows: everything that leaves the first number that is not zero."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    if not numbers:
        return ""
    parts = numbers[0].split(".")
    first = next((index for index, part in enumerate(parts) if int(part)), len(parts) - 1)
    return f">={version},<{'.'.join([*parts[:first], str(int(parts[first]) + 1)])}"


def caret_to_pep440(spec: str) -> str:
    """Return a version specifier of Poetry as one of PEP 440: `^3.10` is `>=3.10,<4`, `~3.10` is `~=3.10.0`."""
    parts = []
    for part in re.split(r"[,\s]+", re.sub(r"([<>=!~^])\s+", r"\1", spec.strip())):
        if part.startswith("^"):
            parts.append(caret(part[1:]))
        elif re.fullmatch(r"~\d+(\.\d+)?", part):
            parts.append(f"~={part[1:]}.0")
        elif re.fullmatch(r"~\d.*", part):
            parts.append(f"~={part[1:]}")
        elif re.fullmatch(r"\d+\.\d+", part):
            parts.append(f"=={part}.*")
        elif re.fullmatch(r"\d[\d.*]*", part):
            parts.append(f"=={part}")
        else:
            parts.append(part)
    return ",".join(part for part in parts if part and part != "*")


def python_version(specifier: str, choices: list[str], preferred: str) -> str:
    """Return the preferred version of Python, or the newest choice that a specifier allows.

    Args:
        specifier: as in `requires-python`; one that can't be read allows everything.
        choices: versions such as `"3.13"`, oldest first.
        preferred: taken if it is allowed, and where no choice is.
    """
    try:
        allowed = SpecifierSet(specifier)
    except InvalidSpecifier:
        return preferred
    good = [version for version in choices if any(allowed.contains(f"{version}.{patch}") for patch in range(100))]
    return preferred if preferred in good or not good else good[-1]


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a source text, an empty one for what does not parse."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


def called_name(node: ast.expr | None) -> str:
    """Return the last part of the name of what an expression calls, empty if it is no call."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, also below `if` and `try`, but not below `if __name__ == …`."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            if "__name__" not in ast.dump(node.test):
                yield from module_level(node.body)
                yield from module_level(node.orelse)
        elif isinstance(node, ast.Try | ast.With):
            yield from module_level(node.body)


def servers_in(path: str, text: str, subclasses: Mapping[str, str]) -> Iterator[Server]:
    """Yield the application objects and factories that a source text defines.

    Args:
        path: the file's path, kept in the result.
        text: Python source; one that does not parse defines nothing.
        subclasses: classes of the project's own, and the class of a framework that each is made from.

    Returns:
        Servers; the framework is `MADE` or `NAMED` where it is not said beside the object.
    """
    classes = {name: name for name in WSGI | ASGI} | dict(subclasses)
    tree = parse(text)
    made_by: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                if (name := called_name(inner) if isinstance(inner, ast.Call) else "") in classes:
                    made_by[node.name] = classes[name]
            if (returned := getattr(node.returns, "id", "")) in classes:
                made_by[node.name] = classes[returned]
            required = len(node.args.args) - len(node.args.defaults) + sum(d is None for d in node.args.kw_defaults)
            if node.name in FACTORIES and not required and isinstance(node, ast.FunctionDef):
                yield Server(path, node.name, made_by.get(node.name, NAMED), factory=True)
    for node in module_level(tree.body):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        name = called_name(value)
        framework = classes.get(name) or made_by.get(name) or (MADE if name in FACTORIES else "")
        for target in targets:
            if isinstance(target, ast.Name):
                by_name = target.id in OBJECTS[:2] and isinstance(value, ast.Call | ast.Attribute) and name not in OTHER_APPS
                if framework or by_name:
                    yield Server(path, target.id, framework or NAMED, factory=False)


def servers_of(destination: Destination) -> tuple[Server, ...]:
    """Return every server of a destination, the likeliest first."""
    texts = {source: text for source in destination.sources if HINT.search(text := read(destination.root / source))}
    subclasses = {
        name: framework for text in texts.values() for name, framework in re.findall(SUBCLASS, text) if name != framework
    }
    found = [server for source, text in texts.items() for server in servers_in(source, text, subclasses)]
    known = [server.framework for server in found if server.framework not in {MADE, NAMED}]
    names = destination.dependency_names
    guess = known[0] if known else "FastAPI" if "fastapi" in names else "Flask" if "flask" in names else ""
    found = [server for server in found if guess or server.framework not in {MADE, NAMED}]
    package = destination.package

    def rank(server: Server) -> tuple[bool, bool, int, bool, bool, int, int, str]:
        path = PurePosixPath(server.path)
        module = destination.module_of(server.path)
        return (
            not all(part.isidentifier() for part in module.split(".")),
            server.framework == NAMED,
            OBJECTS.index(server.name) if server.name in OBJECTS else len(OBJECTS) - (1 if server.factory else 0),
            server.factory,
            bool(package) and module.split(".")[0] != package and len(path.parts) > 1,
            len(path.parts),
            STEMS.index(path.stem) if path.stem in STEMS else len(STEMS),
            server.path,
        )

    ranked = sorted(found, key=rank)
    return tuple(replace(server, framework=guess) if server.framework in {MADE, NAMED} else server for server in ranked)


def assigned(tree: ast.Module, classes: Collection[str]) -> Iterator[str]:
    """Yield the names of the module-level objects that are made from one of the classes."""
    for node in module_level(tree.body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and called_name(node.value) in classes:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def call(module: str, name: str, statement: str) -> str:
    """Return the command that imports a name and runs a statement."""
    return f"python -c {shlex.quote(f'from {module} import {name}; {statement}')}"


def imports(text: str) -> Iterator[tuple[int, str]]:
    """Yield what a source text imports, also inside functions, as the number of dots and a name that may be a module's."""
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from ((node.level, name) for name in (module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)))


def reads_transport(text: str) -> bool:
    """Tell whether a source reads MCP_TRANSPORT from the environment, by itself or as one of pydantic's settings."""
    prefixes = {prefix.upper() for prefix in re.findall(r"env_prefix\s*=\s*[\"'](\w*)", text)} or {""}
    field = {"": "mcp_transport", "MCP_": "transport"}.get(prefixes.pop()) if len(prefixes) == 1 else None
    setting = field and "BaseSettings" in text and re.search(rf"^\s+{field}\s*:", text, re.MULTILINE | re.IGNORECASE)
    return bool(TRANSPORT.search(text) or setting)


def subcommand(texts: tuple[str, ...], entry: str) -> list[str]:
    """Return the command of a click, typer or argparse program that starts a server; nothing where none is needed, or clear.

    Args:
        texts: the program's sources, that of its entry first.
        entry: the name of the function or object that is called.
    """
    string, first, everything = r"[\"']([\w-]+)[\"']", texts[0], "\n".join(texts)
    named = rf"(?:\(\s*(?:name\s*=\s*)?{string})?"
    found = [
        *re.findall(rf"^\s*@(\w+)\.command\b{named}.*?\bdef\s+(\w+)", everything, re.MULTILINE | re.DOTALL),
        *re.findall(rf"\b(\w+)\.command\(\s*{string}[^)]*\)\((\w+)", everything),
        *(
            (owner, name, function)
            for owner, function, name in re.findall(rf"\b(\w+)\.add_command\((\w+)(?:,\s*(?:name=)?{string})?", everything)
        ),
        *((entry, name, "") for name in re.findall(rf"\.add_parser\(\s*{string}", first)),
    ]
    owners = {entry, *re.findall(r"(?<!def )\b(\w+)\(\)", first)}
    names = {name or function.replace("_", "-") for owner, name, function in found if owner in owners}
    # A typer program of a single command has no word for it.
    if len(names) < 2 and not re.search(r"\.(?:group|callback|add_parser)\b", everything):
        return []
    words = {name: re.split("[-_]", name) for name in names}
    clear = [name for name in names if {*words[name]} <= {*STARTING}]
    return sorted(clear, key=lambda name: (min(map(STARTING.index, words[name])), len(words[name]), name))[:1]


@lru_cache(maxsize=8)
def _destination(root: Path, _stamp: tuple[int, ...]) -> Destination:
    return Destination(root)


def destination(root: Path) -> Destination:
    """Return what a folder holds; read again only after one of its files at the top has come, gone or changed."""
    stamp = []
    for name in (".", "src", "tests", "pyproject.toml", "requirements.txt", "setup.py", "uv.lock", "poetry.lock"):
        try:
            stamp.append((root / name).stat().st_mtime_ns)
        except OSError:
            stamp.append(0)
    return _destination(root, tuple(stamp))


def gitignore_escape(path: str) -> str:
    """Return a path as a pattern of Git that matches just this path."""
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)


def root_of(context: Context) -> Path:
    """Return the folder that is rendered into, as an absolute path."""
    return Path(os.path.abspath(str(context["_copier_conf"]["dst_path"])))


@pass_context
def found(context: Context, key: str, *args: Any) -> Any:
    """Return an attribute of this rendering's destination, or the result of its method called with the arguments."""
    value = getattr(destination(root_of(context)), key)
    return value(*args) if callable(value) else value


def server_folders(root: Path) -> list[str]:
    """Return the names in `servers/`: each is the user's from the day on which it is there."""
    try:
        return sorted(os.listdir(root / "servers"))
    except OSError:
        return []


def pipelines_error(root: Path, pipelines: list[str], kept: list[str]) -> str:
    """Say in one sentence which file of somebody else's a pipeline would replace; empty where there is none.

    Args:
        root: the project.
        pipelines: the answer, of `github` and `gitlab`.
        kept: the files that no rendering touches.
    """
    names = [file for pipeline, file in PIPELINES.items() if pipeline in pipelines]
    for name in [*names, "docker-compose.test.yml", "scripts/ci"] if pipelines else []:
        there = name not in kept and os.path.lexists(root / name)
        if there and MARKER not in "".join(read(root / name).splitlines(keepends=True)[:3]):
            keep = json.dumps([*kept, name])
            return f"{name} is yours, and the pipeline would replace it: rename it, or keep it with -d 'keep_files={keep}'."
    return ""


class DestinationExtension(Extension):
    """Globals that look at the destination, and `newest_python`; filter `gitignore_escape`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["found"] = found
        environment.globals["answers_file_name"] = pass_context(lambda context: answers_file_name(root_of(context)))
        environment.globals["check_destination"] = pass_context(lambda context: check_destination(root_of(context)))
        environment.globals["use_own_answers_only"] = pass_context(lambda context: use_own_answers_only(root_of(context)))
        environment.globals["server_folders"] = pass_context(lambda context: server_folders(root_of(context)))
        environment.globals["exists"] = pass_context(lambda context, name: os.path.lexists(root_of(context) / name))
        environment.globals["pipelines_error"] = pass_context(
            lambda context, pipelines: pipelines_error(root_of(context), pipelines, context["keep_files"])
        )
        environment.globals["newest_python"] = python_version
        environment.filters["gitignore_escape"] = gitignore_escape
