"""What starts a project that serves no web: a worker, a bot or a script; or that nothing does, as in a library."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from .folder import Folder
from .layout import STEMS, Layout
from .metadata import Metadata
from .procfile import Procfile
from .programs import SUBCOMMANDS
from .reach import Imports
from .requirements import Requirements
from .source import runs
from .workers import Worker, beat_of, schedules_too, where_it_can_write, workers_of

# What serves the web, wherever its object is: packages that are declared, and modules that are imported.
SERVING = frozenset(
    {"flask", "fastapi", "django", "starlette", "quart", "litestar", "sanic", "falcon", "bottle", "tornado", "dash", "streamlit"}
    | {"gradio", "nicegui", "uvicorn", "gunicorn", "hypercorn", "waitress", "granian", "daphne", "cherrypy", "pyramid", "robyn"}
    | {"blacksheep", "connexion", "panel", "shiny", "chainlit", "marimo", "python-fasthtml"}
)
SERVES = re.compile(
    r"^\s*(?:from|import)\s+(?:http\.server|wsgiref\.simple_server|xmlrpc\.server|aiohttp\.web|websockets\.(?:\w+\.)*server|twisted\.web"
    r"|flask|fastapi|starlette|quart|litestar|sanic|falcon|bottle|tornado|uvicorn|hypercorn|waitress|cherrypy)\b"
    r"|^\s*from\s+(?:aiohttp\s+import\s+[^\n]*\bweb|wsgiref\s+import\s+[^\n]*\bsimple_server)\b",
    re.MULTILINE,
)
PORT = re.compile(
    r"\bport\s*=\s*(?:int\(\s*)?(?:os\.(?:environ\.get|getenv)\(\s*[\"']\w+[\"']\s*,\s*)?[\"']?(\d{2,5})\b", re.IGNORECASE
)
# A default that is kept elsewhere than where it is used.
DEFAULT = re.compile(r"^\s*(?:DEFAULT|SERVER|HTTP|WEB|LISTEN|APP)_PORT\s*=\s*(?:int\()?[^\n\d]*(\d{2,5})\b", re.MULTILINE)
ADDRESS = re.compile(r"\(\s*\(\s*[\"'](?:0\.0\.0\.0)?[\"']\s*,\s*(\d{2,5})\s*\)")
# Of services that are asked, not served.
OTHERS_PORTS = frozenset({22, 25, 443, 465, 587, 1433, 1883, 3306, 5432, 5672, 6379, 9092, 9200, 11211, 27017})
# What takes words from whoever types the command, and, of argparse, what it can't do without.
PARSERS = re.compile(
    r"^\s*(?:from|import)\s+(?:click|typer|docopt|fire|cyclopts|cloup|asyncclick|rich_click|plac|cleo)\b", re.MULTILINE
)
ARGPARSE = re.compile(r"^\s*(?:from|import)\s+(?:argparse|optparse|getopt)\b|\bsys\.argv\s*\[\s*[1-9]", re.MULTILINE)
WANTS = re.compile(
    r"\.add_subparsers\(|\.add_argument\(\s*[\"'][^-\"'][^\"']*[\"'](?![^)]*nargs\s*=\s*[\"'][?*])|\brequired\s*=\s*True"
    r"|\bsys\.argv\s*\[\s*[1-9]"
)
# What does not end by itself.
LASTING = re.compile(
    r"\bwhile\s+(?:True|1)\s*:|\.(?:run_forever|serve_forever|loop_forever|start_polling|infinity_polling|run_polling|polling"
    r"|run_until_disconnected|start_consuming|run_webhook)\(|\bBlockingScheduler\b|\bSocketModeHandler\b|\bsignal\.pause\("
    r"|\bEvent\(\)\.wait\(|^\s*(?:from|import)\s+(?:discord|nextcord|disnake|hikari|twitchio|slack_bolt|pyrogram|aiogram|telegram)\b",
    re.MULTILINE,
)
# How files are called that start something, besides those of servers.
STARTS = (
    *STEMS,
    "bot",
    "start",
    "worker",
    "consumer",
    "daemon",
    "service",
    "job",
    "cron",
    "script",
    "scheduler",
    "runner",
    "cli",
)
# Of these, what a library has no module of.
PROGRAMS = frozenset({"main", "bot", "run", "start", "worker", "consumer", "daemon"})


@dataclass(frozen=True)
class Start:
    """A program of the project's.

    Attributes:
        command: what starts it, as shell words.
        path: its file.
        texts: the sources that run, its own first.
        script: whether it is a console script.
        own: the project's package, whose own programs are no apps of it where it is a framework.
    """

    command: str
    path: str
    texts: tuple[str, ...]
    script: bool = False
    own: str = ""

    @property
    def lasts(self) -> bool:
        """Whether it evidently runs until somebody stops it."""
        return any(map(LASTING.search, self.texts))

    @property
    def serves(self) -> bool:
        """Whether it evidently waits for requests on a port."""
        return self.own not in SERVING and any(map(SERVES.search, self.texts))

    @property
    def is_tool(self) -> bool:
        """Whether somebody has to type more than its name."""
        bot = any(
            re.search(r"^\s*(?:from|import)\s+(?:discord|telegram|aiogram|slack_bolt)\b", one, re.MULTILINE) for one in self.texts
        )
        own = self.texts[:1]
        if self.script and any(map(SUBCOMMANDS.search, own)):
            return True
        if bot or self.serves:
            return False
        if any(map(PARSERS.search, self.texts if self.script else own)):
            return True
        parses = any(map(ARGPARSE.search, self.texts if self.script else own))
        return parses and (self.script or any(map(WANTS.search, own)))


class Kind:
    """What a project is that serves no web in a way that is known.

    Args:
        folder: the project's.
        metadata: what it says about itself.
        layout: where its code lies.
        requirements: what it declares.
    """

    def __init__(self, folder: Folder, metadata: Metadata, layout: Layout, requirements: Requirements) -> None:
        self._folder = folder
        self._metadata = metadata
        self._layout = layout
        self._requirements = requirements
        self._imports = Imports(folder, layout.prefix)
        self._procfile = Procfile(folder)

    @cached_property
    def workers(self) -> list[Worker]:
        """What takes jobs from a queue."""
        return workers_of(self._folder, self._layout, self._requirements.names)

    @cached_property
    def process(self) -> str:
        """The process of a Procfile that is none of the web: the worker, or the only one."""
        names = [name for name in self._procfile.lines if name not in {"web", "release"}]
        name = "worker" if "worker" in names else names[0] if len(names) == 1 else ""
        return self._procfile.command(name) if name else ""

    @cached_property
    def start(self) -> Start | None:
        """The program that is most likely the one to start; None for a library, and for several that are equally likely."""
        behind = {worker.path for worker in self.workers}
        found = [start for start in self._starts() if start.path not in behind]
        return found[0] if found else None

    @cached_property
    def tool(self) -> Start | None:
        """The command-line tool that the project is; None for what is none."""
        return self.start if self.start and self.start.is_tool else None

    @cached_property
    def serves(self) -> bool:
        """Whether what is started serves the web, though nobody knows how: it is declared, or imported."""
        if self.start:
            return self.start.serves
        return not self._metadata.installable and self._says_web

    @property
    def _says_web(self) -> bool:
        declared = {name.partition("[")[0] for name in self._requirements.names}
        return bool(declared & SERVING) or any(SERVES.search(self._folder.read(path)) for path in self._folder.sources)

    @property
    def guesses(self) -> bool:
        """Whether nothing at all says what starts the project, and it is none of the kinds that nothing starts."""
        has_code = self._folder.sources or self._metadata.compiles
        return not self.process and not self.start and not self.workers and (self.serves or not has_code)

    @property
    def port(self) -> int:
        """The port that it listens on: as in the code, else 8000; 0 where it has none."""
        if self.guesses:
            return 8000
        if not (self.serves and self.start) or self.process or self.tool:
            return 0
        ports = [int(port) for form in (ADDRESS, PORT, DEFAULT) for text in self.start.texts for port in form.findall(text)]
        return next((port for port in ports if 0 < port < 65536 and port not in OTHERS_PORTS), 8000)

    def command(self, package: str) -> str:
        """Return the command that starts it, as shell words; empty where nothing does.

        Args:
            package: the project's package, for a guess.
        """
        if self.process:
            return self.process
        if self.workers and not (self.start and (self.start.lasts or self.start.serves)):
            return self.workers[0].command
        if self.start:
            return "" if self.start.is_tool else self.start.command
        return self._layout.plain_command(package) if self.guesses else ""

    def worker(self, started: str) -> str:
        """Return the command of the worker beside what is started; empty where there is none.

        Args:
            started: the command of the app.
        """
        command = self._procfile.command("worker") or next((worker.command for worker in self.workers), "")
        return "" if command == started else command

    def scheduler(self, worker: str, started: str) -> str:
        """Return the command of the scheduler beside the app; empty where there is none.

        Args:
            worker: the command of the worker beside it.
            started: the command of the app, which may be the scheduler itself.
        """
        if schedules_too(worker):
            return ""
        named = next((command for name in ("beat", "scheduler", "clock") if (command := self._procfile.command(name))), "")
        command = where_it_can_write(named) if named else beat_of(self._folder, worker)
        return "" if started and started in (command, named) else command

    def _starts(self) -> Iterator[Start]:
        """Yield the programs of the project, the likeliest first."""
        if self._metadata.installable:
            yield from self._scripts()
        main = f"{self._layout.prefix}{self._layout.package}/__main__.py"
        if main in self._folder.sources:
            yield Start(f"python -m {self._layout.package}", main, self._imports.reached(main))
        yield from self._files()

    def _scripts(self) -> Iterator[Start]:
        """Yield the console scripts: what lasts, else the project's namesake, which is its tool with others beside it."""
        namesakes = {name.lower().replace("_", "-") for name in (*self._metadata.names(), self._layout.package)}
        found = []
        for name, target in self._metadata.scripts.items():
            path = self._imports.file(target.partition(":")[0], self._layout.prefix, "")
            if path:
                found.append(Start(shlex.quote(name), path, self._imports.reached(path), script=True, own=self._layout.package))

        def rank(one: Start) -> tuple[bool, bool, bool]:
            runs_on = (one.lasts or one.serves) and not one.is_tool
            return not runs_on, one.command.replace("_", "-") not in namesakes, one.is_tool

        yield from sorted(found, key=rank)

    def _files(self) -> Iterator[Start]:
        """Yield the files that do something when they are run, those of usual names and those at the top first."""
        sources = (path for path in self._folder.sources if path.count("/") <= 3 and not path.endswith("__init__.py"))
        found = [
            path for path in sources if runs(self._folder.read(path), at_top="/" not in path.removeprefix(self._layout.prefix))
        ]

        def rank(path: str) -> tuple[bool, int, int]:
            stem = PurePosixPath(path).stem.lower()
            return stem not in STARTS, path.count("/"), STARTS.index(stem) if stem in STARTS else 0

        named = [path for path in found if PurePosixPath(path).stem.lower() in STARTS]
        # A library's modules may have examples of themselves, and a script beside it measures it, say; of several scripts
        # nobody knows which.
        top = [path for path in found if "/" not in path.removeprefix(self._layout.prefix)]
        if self._metadata.installable:
            named = [path for path in named if path in top or PurePosixPath(path).stem in PROGRAMS]
        lone = top if len(top) == 1 and not (self._metadata.installable and self._layout.packages) else []
        for path in sorted(named or lone, key=rank):
            yield Start(self._layout.file_command(path), path, self._imports.reached(path))
