"""The web application of a project: what makes it, and the command that starts it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from .django import Django
from .folder import Folder
from .layout import STEMS, Layout
from .listens import named_port
from .procfile import Procfile
from .programs import Program, programs_of
from .reach import Imports
from .requirements import Requirements
from .source import assignments, called_name, parse
from .tables import table_script

# The last two of them stand for a function or class of the project's own that speaks the protocol itself.
WSGI = frozenset({"Flask", "APIFlask", "WSGI"})
ASGI = frozenset({"FastAPI", "Starlette", "Quart", "Litestar", "FastHTML", "ASGI"})
PROTOCOLS = {("environ", "start_response"): "WSGI", ("scope", "receive", "send"): "ASGI"}
# Of which framework an object is, where that is not said beside it: made by a factory, or only called like one.
MADE, NAMED = "made", "named"
# Called `app` as well, and no web application.
OTHER_APPS = frozenset({"Typer", "Celery", "QApplication", "App", "Cyclopts", "Huey", "Dramatiq", "Group"})
FRAMEWORK_OF = {"Flask": "flask", "FastAPI": "fastapi"}
DISTRIBUTIONS = {"WSGI": "", "ASGI": "", "FastHTML": "python-fasthtml"}
FACTORIES = ("create_app", "make_app", "get_app", "build_app", "app_factory", "create_application", "get_application")
OBJECTS = ("app", "application", "api")
HINT = re.compile(
    "|".join((*WSGI, *ASGI, *FACTORIES, "start_response", r"receive\b.*\bsend", r"^\s*(?:app|application)\b[^\n]*=")),
    re.MULTILINE,
)
# What gives an application pages, or may, by the names of functions; and what does so as its own method alone.
PAGES = frozenset(
    {"register_blueprint", "add_url_rule", "add_resource", "add_view", "add_route", "add_routes", "add_api_route", "mount"}
    | {"include_router", "Api", "Dash", "SocketIO", "DispatcherMiddleware"}
)
ROUTES = frozenset({"route", "get", "post", "put", "patch", "delete", "websocket", "api_route"})
# Alembic's own program makes an application too, for what it reads of its settings.
MIGRATES = re.compile(r"\brun_migrations_(?:on|off)line\b")
# A command of Flask's that makes the tables: its name, else that of its function.
TABLES = re.compile(r"(?:init|create|setup)[-_]?(?:db|database|tables?)")
FLASK_COMMAND = re.compile(
    r"^@(?:\w+\.cli|click)\.command\((?:\s*[\"']([\w-]+)[\"'])?[^\n]*\)\n(?:@[^\n]*\n)*def (\w+)", re.MULTILINE
)
HEALTH = re.compile(r"[\"'][^\"'\s]*/(?:health|ready)/?[\"']|path\(\s*r?[\"']\^?(?:health|ready)\b")
SUBCLASS = re.compile(rf"^class\s+(\w+)\(.*?\b({'|'.join((*WSGI, *ASGI))})\b[^\n]*\):", re.MULTILINE)


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
    by_name: bool = False
    """Whether nothing but its name says that it is one."""


def factories(tree: ast.Module, classes: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return which functions make an application, and those among them that can be started: by their name, without an argument.

    Args:
        tree: a source's.
        classes: names of classes, and the class of a framework that each is or is made from.

    Returns:
        Frameworks by the names of functions; names of factories with their frameworks, `NAMED` where that is not said.
    """
    made_by: dict[str, str] = {}
    found = []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for inner in ast.walk(node):
            if (name := called_name(inner) if isinstance(inner, ast.Call) else "") in classes:
                made_by[node.name] = classes[name]
        if (returned := getattr(node.returns, "id", "")) in classes:
            made_by[node.name] = classes[returned]
        required = len(node.args.args) - len(node.args.defaults) + sum(d is None for d in node.args.kw_defaults)
        if node.name in FACTORIES and not required and isinstance(node, ast.FunctionDef):
            found.append((node.name, made_by.get(node.name, NAMED)))
    return made_by, found


def protocol(node: ast.AST) -> str:
    """Return the protocol that a function speaks by the names of its arguments, or a class whose objects are called."""
    if isinstance(node, ast.ClassDef):
        return next((said for one in node.body if getattr(one, "name", "") == "__call__" and (said := protocol(one))), "")
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ""
    names = tuple(argument.arg for argument in (*node.args.posonlyargs, *node.args.args) if argument.arg != "self")
    said = PROTOCOLS.get(names, "")
    return said if (said == "ASGI") == isinstance(node, ast.AsyncFunctionDef) else ""


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
    classes |= {node.name: said for node in tree.body if isinstance(node, ast.ClassDef) and (said := protocol(node))}
    for node in tree.body:
        # Others are called by one that has such a name.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.endswith(("app", *OBJECTS)):
            yield from [Server(path, node.name, said, factory=False)] if (said := protocol(node)) else []
    made_by, found = factories(tree, classes)
    yield from (Server(path, name, framework, factory=True) for name, framework in found)
    for name, value in assignments(tree):
        called = called_name(value)
        framework = classes.get(called) or made_by.get(called) or (MADE if called in FACTORIES else "")
        by_name = name in OBJECTS[:2] and isinstance(value, ast.Call | ast.Attribute) and called not in OTHER_APPS
        if framework or by_name:
            yield Server(path, name, framework or NAMED, factory=False)


def likeliest(servers: Iterable[Server], layout: Layout) -> list[Server]:
    """Return servers in the order in which they are started: importable, said to be one, with a usual name, near the top."""

    def rank(server: Server) -> tuple[bool, bool, bool, int, bool, int, int, str]:
        path = PurePosixPath(server.path)
        module = layout.module_of(server.path)
        return (
            not all(part.isidentifier() for part in module.split(".")),
            server.framework == NAMED,
            bool(layout.package) and module.split(".")[0] != layout.package and len(path.parts) > 1,
            OBJECTS.index(server.name) if server.name in OBJECTS else len(OBJECTS) - (1 if server.factory else 0),
            server.factory,
            len(path.parts),
            STEMS.index(path.stem) if path.stem in STEMS else len(STEMS),
            server.path,
        )

    return sorted(servers, key=rank)


def servers_of(folder: Folder, layout: Layout, names: frozenset[str]) -> tuple[Server, ...]:
    """Return every server of a project, the likeliest first.

    Args:
        folder: the project's.
        layout: where its code lies.
        names: the packages that it declares.
    """
    texts = {source: text for source in folder.sources if HINT.search(text := folder.read(source)) and not MIGRATES.search(text)}
    subclasses = {
        name: framework for text in texts.values() for name, framework in re.findall(SUBCLASS, text) if name != framework
    }
    found = [server for source, text in texts.items() for server in servers_in(source, text, subclasses)]
    known = [server.framework for server in found if server.framework not in {MADE, NAMED}]
    guess = known[0] if known else "FastAPI" if "fastapi" in names else "Flask" if "flask" in names else ""
    sure = [server for server in found if guess or server.framework not in {MADE, NAMED}]
    return tuple(
        replace(server, framework=guess, by_name=server.framework == NAMED) if server.framework in {MADE, NAMED} else server
        for server in likeliest(sure, layout)
    )


def for_old_flask(command: str) -> str:
    """Return a command of Flask's as a Flask before 2.2.3 knows it, without the option `--app`; others stay as they are."""
    return re.sub(r"(^|\s)flask --app (\S+) ", r"\1env FLASK_APP=\2 flask ", command)


def adds_pages(tree: ast.Module, name: str) -> bool:
    """Tell whether some code of a source may give pages to the application of that name, or to another."""
    for node in ast.walk(tree):
        called, owner = called_name(node) if isinstance(node, ast.Call) else "", ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = getattr(node.func.value, "id", getattr(node.func.value, "attr", ""))
        if called in PAGES or (called in ROUTES and owner == name) or (called == "init_app" and owner.endswith("api")):
            return True
        if isinstance(node, ast.Call) and any(one.arg == "routes" for one in node.keywords):
            return True
    return False


class Web:
    """How a project serves the web.

    Args:
        folder: the project's.
        layout: where its code lies.
        requirements: what it declares.
        serves: tells whether a program that starts no object of a framework's serves the web.
    """

    def __init__(self, folder: Folder, layout: Layout, requirements: Requirements, serves: Callable[[], bool]) -> None:
        self._folder = folder
        self._layout = layout
        self._requirements = requirements
        self._serves = serves
        self._procfile = Procfile(folder)
        self.django = Django(folder, requirements)

    @cached_property
    def program(self) -> Program | None:
        """The file that serves the web by itself, such as one of Streamlit."""
        return next(iter(programs_of(self._folder, self._layout, self._requirements.names)), None)

    @cached_property
    def server(self) -> Server | None:
        """The application object or factory that is most likely the one to start."""
        found = next(iter(servers_of(self._folder, self._layout, self._requirements.names)), None)
        if found and found.by_name and self.program:
            return None
        # Whoever imports it alone has nothing but an answer of 404.
        return None if found and not self._has_pages(found) and self._serves() else found

    def _has_pages(self, server: Server) -> bool:
        """Whether some code that is imported with an application's may give it pages."""
        if server.factory or server.framework not in {"Flask", "APIFlask", "Quart", "FastAPI"}:
            return True
        texts = Imports(self._folder, self._layout.prefix, at_import=True).reached(server.path)
        return any(adds_pages(parse(text), server.name) for text in texts)

    @property
    def declares(self) -> bool:
        """Whether a Procfile, Django, an application object or a program says what starts the app."""
        return bool("web" in self._procfile.lines or self.django.manage_py or self.server or self.program)

    def port(self) -> int:
        """Return the port that the app listens on: 8000, unless a Procfile or the code itself names another one."""
        if port := named_port(self._procfile.command("web", 8000)):
            return port
        alone = self.program if not self.django.manage_py and not self.server and "web" not in self._procfile.lines else None
        return alone.port or 8000 if alone else 8000

    @property
    def framework(self) -> str:
        """`django`, `fastapi`, `flask`, or empty; of two, the one of the server that is found."""
        if self.django.manage_py:
            return "django"
        server = self.server
        if server and server.framework in FRAMEWORK_OF:
            return FRAMEWORK_OF[server.framework]
        if self.program and not server:
            return ""
        declared = [name for name in ("fastapi", "flask") if name in self._requirements.names]
        return declared[0] if declared and (server is None or not self._layout.has_app) else ""

    def command(self, port: int, package: str) -> str:
        """Return the command that starts the app inside a container, as shell words.

        Args:
            port: the port that it shall listen on.
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        if declared := self._procfile.command("web", port):
            return declared
        if self.django.manage_py:
            return self.django.command(port)
        return self._layout.started_there(self._command(port, package))

    def _command(self, port: int, package: str) -> str:
        if self.server:
            return self._server_command(self.server, port)
        return self.program.command.format(port=port) if self.program else self._layout.plain_command(package)

    def _server_command(self, server: Server, port: int) -> str:
        module = self._layout.module_of(server.path)
        target = f"{module}:{server.name}"
        call = "()" if server.factory else ""
        declared = self._requirements.names
        if server.framework in ASGI:
            if "hypercorn" in declared and "uvicorn" not in declared:
                return f"hypercorn --bind 0.0.0.0:{port} {shlex.quote(target + call)}"
            factory = " --factory" if server.factory else ""
            return f"uvicorn {target}{factory} --host 0.0.0.0 --port {port}"
        if "waitress" in declared and "gunicorn" not in declared:
            return f"waitress-serve --host 0.0.0.0 --port {port} {'--call ' * server.factory}{target}"
        if "gunicorn" in declared or server.framework == "WSGI":
            return f"gunicorn --bind 0.0.0.0:{port} {shlex.quote(target + call)}"
        # The flask command finds these names by itself.
        short = server.name in {"app", "application", "create_app", "make_app"}
        return f"flask --app {module if short else target} run --host 0.0.0.0 --port {port}"

    def packages(self, command: str, started: str) -> list[str]:
        """Return what a command needs and no file declares: the framework, or a server such as uvicorn.

        Args:
            command: shell words.
            started: the name of the program in it.
        """
        nothing_declared = not self._requirements.declared
        framework = self.server.framework if self.server and started in {"flask", "uvicorn"} and nothing_declared else "WSGI"
        needed = [name] if (name := DISTRIBUTIONS.get(framework, framework.lower())) else []
        if (
            self.program
            and not self.server
            and command == self._layout.started_there(self.program.command.format(port=self.port()))
        ):
            names = [self.program.framework, self.program.package]
            needed = [name for name in filter(None, names) if name not in self._requirements.names | {"uvicorn"}]
        if started == "uvicorn" and not self._requirements.names & {
            *("uvicorn", "uvicorn[standard]", "fastapi[standard]", "fastapi[all]", "litestar[standard]"),
        }:
            needed.append("uvicorn")
        if started == "gunicorn" and self.server and "gunicorn" not in {*self._requirements.names, *needed}:
            needed.append("gunicorn")
        return needed

    def _of_flask(self, words: str) -> str:
        """Return a command of Flask's own for the app; empty where there is no app of Flask's."""
        if not self.server or self.server.framework not in {"Flask", "APIFlask"}:
            return ""
        target = f"{self._layout.module_of(self.server.path)}:{self.server.name}"
        return self._layout.started_there(f"flask --app {target} {words}")

    @property
    def knows_health(self) -> bool:
        """Whether the code has a page /health or /ready, as far as its texts show."""
        return any(HEALTH.search(self._folder.read(path)) for path in self._folder.sources)

    @property
    def tables_command(self) -> str:
        """The command of the app's own that makes the tables of its database, empty where none is found."""
        for path in self._folder.sources:
            for name, function in FLASK_COMMAND.findall(text := self._folder.read(path)):
                if TABLES.match(name or function) and ("click.command" not in text or "cli.add_command" in text):
                    return self._of_flask(name or function.replace("_", "-"))
        return ""

    def migrate_command(self, package: str) -> str:
        """Return the command that migrates the database, empty where none is found."""
        if re.search(r"\b(?:migrate|upgrade)\b", released := self._procfile.command("release")):
            return released
        if self.django.manage_py:
            return self.django.manage("migrate", "--noinput")
        if self._folder.has_file("alembic.ini"):
            return "alembic upgrade head"
        if self._layout.base and self._folder.has_file(f"{self._layout.base}alembic.ini"):
            return self._layout.started_there("alembic upgrade head")
        by_flask = "flask-migrate" in self._requirements.names and self._folder.has_file(f"{self._layout.base}migrations/env.py")
        # What an image always starts takes no command.
        if by_flask and not re.search(r"^\s*ENTRYPOINT\b", self._folder.read("Dockerfile"), re.MULTILINE | re.IGNORECASE):
            return self._of_flask("db upgrade")
        module = f"{self._layout.prefix}{package}/migrate.py"
        if module in self._folder.sources:
            return f"python -m {package}.migrate"
        script = table_script(self._folder, self._layout.prefix)
        started = {one.path for one in (self.server, self.program) if one}
        return self._layout.file_command(script) if script and script not in started else ""
