"""Files that start a server by themselves, or by a command of their framework, such as Streamlit or Sanic."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from .folder import Folder
from .layout import STEMS, Layout
from .reach import Imports
from .source import assignments, full_name, imported_names, parse, runs

# What has to be told which of several things it shall do.
SUBCOMMANDS = re.compile(r"\.add_subparsers\(|@(?:\w+\.)?group\(")
HINT = re.compile(r"\b(?:streamlit|gradio|nicegui|dash|sanic|aiohttp|falcon|bottle|tornado|waitress|uvicorn|hypercorn)\b")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Program:
    """A file with a server in it.

    Attributes:
        path: the file, relative to the project, with `/`.
        framework: the package that makes the server.
        command: the command that starts it, as shell words, with `{port}` where the port goes.
        port: the port that the code itself names; None where the command does.
        package: the distribution that the command needs beside the framework, empty for none.
    """

    path: str
    framework: str
    command: str
    port: int | None = None
    package: str = ""


class Source:
    """What a file makes and calls, by full names.

    Args:
        path: the file's.
        text: Python source; one that does not parse makes nothing.
        layout: where the project's code lies.
        command: what starts the file, where that is not the file itself.
    """

    def __init__(self, path: str, text: str, layout: Layout, command: str = "") -> None:
        self.path, self._layout, self._command = path, layout, command
        self.runs = bool(command) or runs(text)
        self.tree = parse(text)
        self.names = imported_names(self.tree)
        self.made: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self.made |= dict.fromkeys(map(ast.unparse, targets), full_name(node.value.func, self.names))
            elif isinstance(node, ast.With):
                for item in node.items:
                    if isinstance(item.context_expr, ast.Call) and item.optional_vars is not None:
                        self.made[ast.unparse(item.optional_vars)] = full_name(item.context_expr.func, self.names)
        self.at_import = dict(assignments(self.tree))

    @property
    def module(self) -> str:
        """The dotted name under which the file is imported."""
        return self._layout.module_of(self.path)

    @property
    def start(self) -> str:
        """The command that runs the file: as a module where it lies in a package, unless something else starts it."""
        if self._command:
            return self._command
        if "/" in self.path.removeprefix(self._layout.prefix):
            return f"python -m {self.module}"
        return f"python {shlex.quote(self.path)}"

    def imports(self, package: str) -> bool:
        return any(name == package or name.startswith(f"{package}.") for name in self.names.values())

    def objects(self, *classes: str) -> list[str]:
        """Return the names of the module's objects that are made from one of the classes."""
        return [name for name, made in self.made.items() if made in classes and name in self.at_import]

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Yield the calls of functions with one of the full names, and of methods as `<class>.<method>`."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call):
                continue
            called = full_name(node.func, self.names)
            if isinstance(node.func, ast.Attribute):
                base = node.func.value
                made = full_name(base.func, self.names) if isinstance(base, ast.Call) else self.made.get(ast.unparse(base), "")
                called = f"{made}.{node.func.attr}" if made else called
            if called in names:
                yield node

    def argument(self, call: ast.Call, name: str, position: int | None = None) -> object:
        """Return a literal argument of a call; None where it is missing or computed."""
        given = [one.value for one in call.keywords if one.arg == name]
        if not given and position is not None and len(call.args) > position:
            given = [call.args[position]]
        return given[0].value if given and isinstance(given[0], ast.Constant) else None

    def has(self, call: ast.Call, name: str) -> bool:
        return any(one.arg == name for one in call.keywords)


def port_in(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536 else default


def streamlit(source: Source, _: Collection[str]) -> Program | None:
    """Streamlit runs a file, again for each visitor."""
    if "streamlit" not in source.names.values() or "/pages/" in f"/{source.path}":
        return None
    options = "--server.address 0.0.0.0 --server.port {port} --server.headless true"
    return Program(source.path, "streamlit", f"streamlit run {shlex.quote(source.path)} {options}")


def gradio(source: Source, _: Collection[str]) -> Program | None:
    """Gradio listens where its environment says, unless the code does."""
    classes = [f"gradio.{name}" for name in ("Interface", "Blocks", "ChatInterface", "TabbedInterface")]
    for call in source.calls(*(f"{name}.launch" for name in classes)):
        if source.argument(call, "server_name") in LOOPBACK:
            continue
        name = "" if source.has(call, "server_name") else "GRADIO_SERVER_NAME=0.0.0.0 "
        if source.has(call, "server_port"):
            port = port_in(source.argument(call, "server_port"), 7860)
            return Program(source.path, "gradio", f"{'env ' * bool(name)}{name}{source.start}", port)
        return Program(source.path, "gradio", f"env {name}GRADIO_SERVER_PORT={{port}} {source.start}")
    return None


def nicegui(source: Source, _: Collection[str]) -> Program | None:
    for call in source.calls("nicegui.ui.run"):
        if source.argument(call, "host") not in LOOPBACK:
            return Program(source.path, "nicegui", source.start, port_in(source.argument(call, "port"), 8080))
    return None


def wsgi(source: Source, name: str, declared: Collection[str], framework: str) -> Program:
    """Return how a WSGI object is served: by gunicorn, unless the project declares waitress alone."""
    target = f"{source.module}:{name}"
    if "waitress" in declared and "gunicorn" not in declared:
        return Program(source.path, framework, f"waitress-serve --host 0.0.0.0 --port {{port}} {target}")
    return Program(source.path, framework, f"gunicorn --bind 0.0.0.0:{{port}} {target}", package="gunicorn")


def dash(source: Source, declared: Collection[str]) -> Program | None:
    """Dash's own WSGI object is `app.server`; its development server listens where its environment says."""
    servers = {f"{app}.server" for app in source.objects("dash.Dash")}
    for name, value in source.at_import.items():
        if ast.unparse(value) in servers:
            return wsgi(source, name, {*declared} - {"waitress"}, "dash")
    for call in source.calls("dash.Dash.run", "dash.Dash.run_server"):
        if source.argument(call, "host") in LOOPBACK:
            continue
        port = port_in(source.argument(call, "port"), 8050) if source.has(call, "port") else None
        return Program(source.path, "dash", f"env HOST=0.0.0.0 {'' if port else 'PORT={port} '}{source.start}", port)
    return None


def sanic(source: Source, _: Collection[str]) -> Program | None:
    for name in source.objects("sanic.Sanic", "sanic.app.Sanic"):
        options = "--host 0.0.0.0 --port {port} --single-process"
        return Program(source.path, "sanic", f"sanic {source.module}:{name} {options}")
    return None


def aiohttp(source: Source, _: Collection[str]) -> Program | None:
    for call in source.calls("aiohttp.web.run_app"):
        if source.argument(call, "host") not in LOOPBACK:
            return Program(source.path, "aiohttp", source.start, port_in(source.argument(call, "port"), 8080))
    return None


def falcon(source: Source, declared: Collection[str]) -> Program | None:
    for name in source.objects("falcon.App", "falcon.API"):
        return wsgi(source, name, declared, "falcon")
    for name in source.objects("falcon.asgi.App"):
        command = f"uvicorn {source.module}:{name} --host 0.0.0.0 --port {{port}}"
        return Program(source.path, "falcon", command, package="uvicorn")
    return None


def bottle(source: Source, declared: Collection[str]) -> Program | None:
    """Bottle's own command imports the file, whether it has an object or uses the default one."""
    served = [name for name in ("gunicorn", "waitress") if name in declared]
    names = source.objects("bottle.Bottle", "bottle.default_app", "bottle.app")
    if names and served:
        return wsgi(source, names[0], declared, "bottle")
    if source.imports("bottle") and (names or next(source.calls("bottle.run"), None)):
        target = f"{source.module}:{names[0]}" if names else source.module
        return Program(source.path, "bottle", f"python -m bottle --bind 0.0.0.0:{{port}} {target}")
    return None


def tornado(source: Source, _: Collection[str]) -> Program | None:
    made = ("tornado.web.Application", "tornado.httpserver.HTTPServer")
    for call in source.calls(*(f"{name}.listen" for name in made)):
        if source.argument(call, "address", 1) not in LOOPBACK:
            port = source.argument(call, "port", 0)
            defined = [one for one in source.calls("tornado.options.define") if source.argument(one, "name", 0) == "port"]
            port = port or next((source.argument(one, "default", 1) for one in defined), None)
            return Program(source.path, "tornado", source.start, port_in(port, 8888))
    return None


def script(source: Source, _: Collection[str]) -> Program | None:
    """A file that calls a server itself, and says where it listens."""
    for package, default in (("waitress.serve", 8080), ("uvicorn.run", 8000)):
        for call in source.calls(package):
            host = source.argument(call, "host")
            if host not in LOOPBACK and (host is not None or package == "waitress.serve"):
                return Program(source.path, package.split(".")[0], source.start, port_in(source.argument(call, "port"), default))
    return None


KINDS: tuple[Callable[[Source, Collection[str]], Program | None], ...] = (
    streamlit,
    gradio,
    nicegui,
    dash,
    sanic,
    aiohttp,
    falcon,
    bottle,
    tornado,
    script,
)
"""From the most special: Gradio and Dash are made with other frameworks of this list."""


def starter(folder: Folder, layout: Layout, path: str, text: str) -> str:
    """Return the console script, or the package, that runs a file of functions alone; empty for one that runs itself."""
    if runs(text):
        return ""
    reach = Imports(folder, layout.prefix)
    for script, target in layout.scripts.items():
        entry = reach.file(target.partition(":")[0], layout.prefix, "")
        if entry and path in reach.files(entry) and not SUBCOMMANDS.search(folder.read(entry)):
            return shlex.quote(script)
    main = f"{layout.prefix}{layout.package}/__main__.py"
    return f"python -m {layout.package}" if main in folder.sources and path in reach.files(main) else ""


def programs_of(folder: Folder, layout: Layout, declared: Collection[str]) -> list[Program]:
    """Return the files of a project that serve the web by themselves, the likeliest first.

    Args:
        folder: the project's.
        layout: where its code lies.
        declared: the packages that it declares.
    """
    # A framework's own programs show it, or measure it.
    kinds = [kind for kind in KINDS if kind.__name__ != layout.package]
    texts = ((path, text) for path in folder.sources if HINT.search(text := folder.read(path)))
    # A file that is called as a framework is a copy of it.
    frameworks = {kind.__name__ for kind in KINDS}
    sources = [
        Source(path, text, layout, starter(folder, layout, path, text))
        for path, text in texts
        if PurePosixPath(path).stem not in frameworks
    ]
    found = [
        (KINDS.index(kind), program)
        for source in sources
        for kind in kinds
        # What nothing runs is a library's, which others start a server with.
        if (program := kind(source, declared)) and (source.runs or source.start not in program.command)
    ]

    def rank(item: tuple[int, Program]) -> tuple[bool, int, int, str]:
        path = PurePosixPath(item[1].path)
        stem = path.stem.removeprefix("streamlit_").lower()
        return item[0] == len(KINDS) - 1, len(path.parts), STEMS.index(stem) if stem in STEMS else len(STEMS), item[1].path

    return [program for _, program in sorted(found, key=rank)]
