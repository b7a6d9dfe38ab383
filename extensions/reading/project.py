"""All that is found in a project: the parts put together, and what needs several of them."""

from __future__ import annotations

import re
import shlex
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .folder import Folder
from .image import Image
from .layout import Layout
from .mcp import Mcp
from .metadata import Metadata
from .needs import Needs
from .packages import Packages
from .requirements import Declared, Requirements
from .settings import Settings
from .tests import Tests
from .web import Server, Web

# The first line of a Dockerfile that the template has written, which says what was answered before.
OURS = "# Managed by chora-compose-template"
# Programs that start what follows them.
WRAPPERS = {"env", "tini", "dumb-init", "gosu", "su-exec", "setpriv", "nice", "opentelemetry-instrument", "ddtrace-run"}
# The packages of clients, by the service that they speak to.
CLIENTS = {
    "postgres": {"psycopg", "psycopg2", "psycopg2-binary", "asyncpg", "pg8000", "aiopg", "psycopg-binary", "psycopg-c"},
    "redis": {"redis", "aioredis", "django-redis", "rq", "django-rq", "arq", "celery[redis]", "valkey", "coredis"},
}
# What asks for the project's own metadata, which it has only once it is installed.
ASKS_FOR_METADATA = re.compile(r"importlib[._]metadata|\bpkg_resources\b")


def chosen(declared: tuple[Declared, ...], frameworks: tuple[str, ...]) -> Declared:
    """Return the file to install from: a lock file, else the first that declares a framework, else the first with anything.

    Args:
        declared: what each file declares, in the order in which they are preferred.
        frameworks: the packages that the app is made with, the most important first.
    """
    for one in declared:
        if one.source.endswith(".lock"):
            return one
    for framework in frameworks:
        for one in declared:
            if framework in one.names:
                return one
    for one in declared:
        if one.names or not one.complete:
            return one
    return declared[0] if declared else Declared("none", frozenset(), True)


class Destination:
    """A folder that a project is rendered into, as it was before.

    Args:
        root: the folder; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.folder = folder = Folder(root)
        self.metadata = Metadata(folder)
        self.layout = Layout(folder, self.metadata)
        self.requirements = Requirements(folder, self.metadata)
        self.web = Web(folder, self.layout, self.requirements)
        self.mcp = Mcp(folder, self.metadata, self.layout, self.requirements)
        self.tests = Tests(folder, self.metadata, self.layout, self.requirements, self.web)
        self.needs = Needs(folder, self.metadata)
        self.settings = Settings(folder, self.requirements)
        self.packages = Packages(folder, self.requirements)

    @property
    def sources(self) -> tuple[str, ...]:
        """The paths of the Python files that may be part of the app, nearest first, with `/`."""
        return self.folder.sources

    # What it is

    @property
    def has_app(self) -> bool:
        """Whether there is Python code that may be an app."""
        return self.layout.has_app

    @property
    def name(self) -> str:
        """The folder's name, cut to what a project's name may be."""
        return self.layout.name

    @property
    def package(self) -> str:
        """The name of the main package, empty where there is none."""
        return self.layout.package

    @property
    def source_folder(self) -> str:
        """The folder that imports start from: `src` in a src layout, else `.`."""
        return self.layout.source_folder

    @property
    def framework(self) -> str:
        """`fastapi`, `flask`, or empty."""
        return self.web.framework

    @property
    def server(self) -> Server | None:
        """The application object or factory that is most likely the one to start."""
        return self.web.server

    @property
    def mcp_framework(self) -> str:
        """`fastmcp` or `mcp`, empty for a project without MCP."""
        return self.mcp.framework

    @property
    def services(self) -> list[str]:
        """The services that the project declares a client of: `postgres`, `redis`."""
        return [service for service, clients in CLIENTS.items() if clients & self.requirements.names]

    @property
    def stack(self) -> str:
        """`mcp` for an MCP server that is no web app besides, `full` with a client of Postgres or Redis, else `minimal`."""
        if self.requirements.names & {"mcp", "fastmcp"} and not self.web.server and not self.web.program and self.mcp.framework:
            return "mcp"
        return "full" if self.services else "minimal"

    # How it is started

    def app_command(self, app_port: int, package: str) -> str:
        """Return the command that starts the app inside a container, as shell words: an existing Dockerfile's own comes first."""
        return shlex.join(self._own_command) or self.web.command(app_port, package)

    @property
    def _own_command(self) -> list[str]:
        """The words by which an existing Dockerfile starts the app, none where it leaves that to others."""
        return self._image.command() or ([] if self._wraps else self._image.entrypoint())

    @property
    def _wraps(self) -> bool:
        """Whether an existing ENTRYPOINT starts what follows it, as `tini` does, or a script with `"$@"`."""
        words = self._image.entrypoint()
        names = [word.rpartition("/")[2] for word in words]
        scripts = (
            self.folder.read(f"{place}{name}") for name in names for place in ("", "docker/", "scripts/", "bin/", "deploy/")
        )
        return bool({*names[:1]} & WRAPPERS) or any('"$@"' in script for script in scripts)

    @property
    def guesses(self) -> bool:
        """Whether nothing in the project says what starts the app, so that its command is a guess."""
        declared = self._own_command or self.web.declares
        return not declared and self.layout.plain_command(self.package or "app").split(" ")[0] == "python"

    def app_port(self) -> int:
        """Return the port that the app listens on inside its container: that of an existing Dockerfile, else of the code."""
        return self._image.port() or self.web.port()

    def mcp_command(self, package: str) -> str:
        """Return the command that starts the MCP server over stdio inside a container, as shell words."""
        return self.mcp.command(package)

    @property
    def mcp_http(self) -> bool:
        """Whether MCP_TRANSPORT=streamable-http evidently switches that command to HTTP, where others can reach it."""
        return self.mcp.http

    def migrate_command(self, package: str) -> str:
        """Return the command that migrates the database, empty where none is found."""
        return self.web.migrate_command(package)

    def setting_names(self) -> dict[str, str]:
        """Return what the variables mean that the app reads to find its services, besides DATABASE_URL and REDIS_URL."""
        return self.settings.names

    def database_scheme(self) -> str:
        """Return the scheme of the database's URL that the app's driver needs."""
        return self.settings.scheme

    # What is installed

    @cached_property
    def dependencies(self) -> Declared:
        """The file to install from."""
        return chosen(self.requirements.declared, (self.web.framework, self.mcp.framework))

    def requires_python(self) -> str:
        """Return the version specifier for Python, empty where none is declared."""
        return self.metadata.requires_python()

    def system_packages(self) -> list[str]:
        """Return the packages of Debian's that the app needs to run."""
        return self.packages.runs

    def build_packages(self) -> list[str]:
        """Return the packages of Debian's that are needed to install the dependencies alone."""
        return self.packages.builds

    def extra_packages(self, command: str) -> list[str]:
        """Return what a command needs and no file declares: the framework, a server such as uvicorn, an SDK for MCP."""
        return self.web.packages(command) + self.mcp.packages(command, self.dependencies)

    def undeclared(self, requirements: list[str]) -> list[str]:
        """Return those requirements that the file to install from has no package for."""
        names = self.dependencies.names
        return [text for text in requirements if canonicalize_name(Requirement(text).name) not in names]

    def needs_install(self, command: str) -> bool:
        """Return whether the project itself has to be installed: for its command, or because it asks for its own metadata."""
        if not self.metadata.installable:
            return False
        if set(shlex.split(command)[:1]) & set(self.metadata.scripts):
            return True
        return any(ASKS_FOR_METADATA.search(self.folder.read(source)) for source in self.folder.sources)

    # How it is tested

    @property
    def test_command(self) -> str:
        """The command that runs the tests, as shell words; empty where there are none."""
        return self.tests.command

    @property
    def coverage_configured(self) -> bool:
        """Whether the project says itself what coverage shall measure."""
        return self.tests.coverage_configured

    @property
    def test_requirements(self) -> list[str]:
        """Arguments for `uv pip install`: options with their values, which need no quotation marks, and requirements."""
        return list(self.needs.needed.arguments)

    @property
    def test_sources(self) -> list[str]:
        """The files that the test requirements are in."""
        return list(self.needs.needed.sources)

    @property
    def test_needs_code(self) -> bool:
        """Whether the test requirements can't be installed without the project's code."""
        return self.needs.needed.code

    # Its image

    @cached_property
    def _image(self) -> Image:
        return Image("" if (text := self.folder.read("Dockerfile")).startswith(OURS) else text)

    @property
    def test_target(self) -> str:
        """The name of the stage for tests in an existing Dockerfile, empty where it has none."""
        return self._image.test_target

    def workdir(self) -> str:
        """Return the working folder of the last stage of an existing Dockerfile, `/workspace` where none says one."""
        return self._image.workdir()

    def entrypoint(self) -> list[str]:
        """Return the words of the ENTRYPOINT in the last stage of an existing Dockerfile, none where it has none."""
        return self._image.entrypoint()

    def image_command(self) -> list[str]:
        """Return the words of the CMD in the last stage of an existing Dockerfile, none where it has none."""
        return self._image.command()

    def mount_code(self) -> bool:
        """Return whether the code can be mounted over that of an existing Dockerfile, which then lacks nothing."""
        return not self._image.fills_workdir(in_source_folder=self.layout.source_folder != ".")

    def image_user(self) -> str:
        """Return the user that the last stage of an existing Dockerfile names, empty where that is root or nobody."""
        return self._image.user()
