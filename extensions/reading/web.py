"""The web application of a project: what makes it, and the command that starts it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from .folder import Folder
from .layout import STEMS, Layout
from .procfile import Procfile
from .programs import Program, programs_of
from .requirements import Requirements
from .source import assignments, called_name, parse

WSGI = frozenset({"Flask"})
ASGI = frozenset({"FastAPI", "Starlette", "Quart", "Litestar"})
# Of which framework an object is, where that is not said beside it: made by a factory, or only called like one.
MADE, NAMED = "made", "named"
# Called `app` as well, and no web application.
OTHER_APPS = frozenset({"Typer", "Celery", "QApplication", "App", "Cyclopts", "Huey", "Dramatiq", "Group"})
FRAMEWORK_OF = {"Flask": "flask", "FastAPI": "fastapi"}
FACTORIES = ("create_app", "make_app", "get_app", "build_app", "app_factory", "create_application", "get_application")
OBJECTS = ("app", "application", "api")
DJANGO = re.compile(r"\bDJANGO_SETTINGS_MODULE\b|^\s*(?:from|import) django\b", re.MULTILINE)
HINT = re.compile("|".join((*WSGI, *ASGI, *FACTORIES, r"^\s*(?:app|application)\b[^\n]*=")), re.MULTILINE)
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

    def rank(server: Server) -> tuple[bool, bool, int, bool, bool, int, int, str]:
        path = PurePosixPath(server.path)
        module = layout.module_of(server.path)
        return (
            not all(part.isidentifier() for part in module.split(".")),
            server.framework == NAMED,
            OBJECTS.index(server.name) if server.name in OBJECTS else len(OBJECTS) - (1 if server.factory else 0),
            server.factory,
            bool(layout.package) and module.split(".")[0] != layout.package and len(path.parts) > 1,
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
    texts = {source: text for source in folder.sources if HINT.search(text := folder.read(source))}
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


class Web:
    """How a project serves the web.

    Args:
        folder: the project's.
        layout: where its code lies.
        requirements: what it declares.
    """

    def __init__(self, folder: Folder, layout: Layout, requirements: Requirements) -> None:
        self._folder = folder
        self._layout = layout
        self._requirements = requirements
        self._procfile = Procfile(folder)

    @cached_property
    def program(self) -> Program | None:
        """The file that serves the web by itself, such as one of Streamlit."""
        return next(iter(programs_of(self._folder, self._layout, self._requirements.names)), None)

    @cached_property
    def server(self) -> Server | None:
        """The application object or factory that is most likely the one to start."""
        found = next(iter(servers_of(self._folder, self._layout, self._requirements.names)), None)
        return None if found and found.by_name and self.program else found

    @property
    def declares(self) -> bool:
        """Whether a Procfile, Django, an application object or a program says what starts the app."""
        return bool("web" in self._procfile.lines or self.manage_py or self.server or self.program)

    def port(self) -> int:
        """Return the port that the app listens on: 8000, unless the code itself names another one."""
        alone = self.program if not self.manages_django and not self.server and "web" not in self._procfile.lines else None
        return alone.port or 8000 if alone else 8000

    @property
    def framework(self) -> str:
        """`fastapi`, `flask`, or empty; of two, the one of the server that is found."""
        server = self.server
        if server and server.framework in FRAMEWORK_OF:
            return FRAMEWORK_OF[server.framework]
        if self.program and not server:
            return ""
        declared = [name for name in ("fastapi", "flask") if name in self._requirements.names]
        return declared[0] if declared and (server is None or not self._layout.has_app) else ""

    @cached_property
    def manage_py(self) -> str:
        """The path of a manage.py of Django's, at most two folders down; empty where there is none."""
        found = [path for path in self._folder.sources if path.rpartition("/")[2] == "manage.py" and path.count("/") <= 2]
        # Other programs have one too.
        return next((path for path in found if DJANGO.search(self._folder.read(path))), "")

    @property
    def manages_django(self) -> bool:
        """Whether there is a manage.py of Django's."""
        return self.manage_py != ""

    def command(self, port: int, package: str) -> str:
        """Return the command that starts the app inside a container, as shell words.

        Args:
            port: the port that it shall listen on.
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        if declared := self._procfile.command("web", port):
            return declared
        if self.manage_py:
            return f"python {shlex.quote(self.manage_py)} runserver 0.0.0.0:{port}"
        if self.server:
            return self._server_command(self.server, port)
        return self.program.command.format(port=port) if self.program else self._layout.plain_command(package)

    def _server_command(self, server: Server, port: int) -> str:
        module = self._layout.module_of(server.path)
        target = f"{module}:{server.name}"
        if server.framework in ASGI:
            factory = " --factory" if server.factory else ""
            return f"uvicorn {target}{factory} --host 0.0.0.0 --port {port}"
        call = "()" if server.factory else ""
        if "gunicorn" in self._requirements.names:
            return f"gunicorn --bind 0.0.0.0:{port} {shlex.quote(target + call)}"
        # The flask command finds these names by itself.
        short = server.name in {"app", "application", "create_app", "make_app"}
        return f"flask --app {module if short else target} run --host 0.0.0.0 --port {port}"

    def packages(self, command: str) -> list[str]:
        """Return what a command needs and no file declares: the framework, or a server such as uvicorn."""
        first, nothing_declared = command.split(" ")[0], not self._requirements.declared
        needed = [self.server.framework.lower()] if self.server and first in {"flask", "uvicorn"} and nothing_declared else []
        if self.program and not self.server and command == self.program.command.format(port=self.port()):
            names = [self.program.framework, self.program.package]
            needed = [name for name in filter(None, names) if name not in self._requirements.names | {"uvicorn"}]
        if first == "uvicorn" and not self._requirements.names & {
            *("uvicorn", "uvicorn[standard]", "fastapi[standard]", "fastapi[all]"),
        }:
            needed.append("uvicorn")
        return needed

    def migrate_command(self, package: str) -> str:
        """Return the command that migrates the database, empty where none is found."""
        if re.search(r"\b(?:migrate|upgrade)\b", released := self._procfile.command("release")):
            return released
        if self.manage_py:
            return f"python {shlex.quote(self.manage_py)} migrate --noinput"
        if self._folder.has_file("alembic.ini"):
            return "alembic upgrade head"
        module = f"{self._layout.prefix}{package}/migrate.py"
        return f"python -m {package}.migrate" if module in self._folder.sources else ""
