"""All that is found in a project: the parts put together, and what needs several of them."""

from __future__ import annotations

import re
import shlex
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .clients import clients_in
from .composed import Composed
from .folder import Folder
from .image import Image
from .kinds import Kind
from .layout import Layout
from .listens import named_port
from .local import Local, below, local_word, path_of
from .lock import Lock
from .mcp import Mcp
from .metadata import Metadata
from .needs import Needed, Needs
from .nested import app_folder
from .others import Other, others_of
from .packages import Packages
from .requirements import Declared, Requirements, listed
from .servers import Servers
from .serving import Serving
from .settings import Settings
from .tests import Tests
from .web import Server, Web, for_old_flask
from .wheels import LOCKS, Wheels

# The first line of a Dockerfile that the template has written, which says what was answered before.
OURS = "# Managed by chora-compose-template"
AS_PIP = re.compile(r"^\s*(?:--extra-index-url\b|(?:-e|--editable)[\s=]+git\+)", re.MULTILINE)
# A path that stands in YAML and in a shell without quotation marks.
PLAIN_FOLDER = re.compile(r"(?!-)[\w.-]+(?:/[\w.-]+)*", re.ASCII)
# What asks for the project's own metadata, which it has only once it is installed.
ASKS_FOR_METADATA = re.compile(r"importlib[._]metadata|\bpkg_resources\b")


def chosen(declared: tuple[Declared, ...], frameworks: tuple[str, ...]) -> Declared:
    """Return the file to install from: a lock file, else the first that declares a framework, else the first with anything.

    Args:
        declared: what each file declares, in the order in which they are preferred.
        frameworks: the packages that the app is made with, the most important first.
    """
    for one in declared:
        if one.source.endswith((*LOCKS,)):
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
        self.metadata = Metadata(folder, app_folder(folder))
        self.local = Local(folder, self.metadata)
        self.lock = Lock(folder, self.metadata)
        self.requirements = Requirements(folder, self.metadata, self.local)
        self.layout = Layout(folder, self.metadata, self.requirements.names)
        self.kind = Kind(folder, self.metadata, self.layout, self.requirements)
        self.web = Web(folder, self.layout, self.requirements, lambda: bool(self.kind.start and self.kind.start.serves))
        self.mcp = Mcp(folder, self.metadata, self.layout, self.requirements)
        self.servers = Servers(folder)
        self.tests = Tests(folder, self.metadata, self.layout, self.requirements, self.web)
        self.needs = Needs(folder, self.metadata)
        self.settings = Settings(folder, self.requirements, " ".join([self.layout.package, *self.metadata.names()]))
        self.composed = Composed(folder, lambda context: self if context == "." else Destination(root / context))

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
        """`django`, `fastapi`, `flask`, or empty, as with a Flask that is too old for what is done with it."""
        return "" if self._has_old_flask else self.web.framework

    @property
    def _has_old_flask(self) -> bool:
        return self.web.framework == "flask" and self.wheels.is_before("flask", "2.2.3")

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
        """The services that the project declares a client of, or has in its Compose file: `postgres`, `redis`."""
        found = {*clients_in(self.requirements.names), *self.composed.offered}
        return [service for service in ("postgres", "redis") if service in found]

    @property
    def others(self) -> list[Other]:
        """The services that the project declares a client of and that are not offered, such as MySQL."""
        return others_of(self.requirements.names)

    @property
    def stack(self) -> str:
        """`mcp` for an MCP server that is no web app besides, `full` with a client of Postgres or Redis, else `minimal`."""
        serves_web = self.web.server or self.web.program or self.web.django.manage_py
        if self.requirements.names & {"mcp", "fastmcp"} and not serves_web and self.mcp.serves:
            return "mcp"
        return "full" if self.services else "minimal"

    # How it is started

    def app_command(self, app_port: int, package: str) -> str:
        """Return the command that starts the app inside a container, as shell words: an existing Dockerfile's own comes first.

        Empty for what nothing starts: a library, or a command-line tool.
        """
        if own := shlex.join(self._own_command) or self.composed.command:
            return own
        command = self.web.command(app_port, package) if self.web.declares else self.kind.command(package)
        return self.flask_form(command)

    def flask_form(self, command: str) -> str:
        """Return a command as the project's own Flask knows it."""
        return for_old_flask(command) if self._has_old_flask else command

    def worker_command(self, app_command: str) -> str:
        """Return the command of the worker beside the app, as shell words; empty where there is none."""
        return self.kind.worker(app_command)

    def schedule_command(self, worker_command: str, app_command: str) -> str:
        """Return the command of the scheduler beside the app, as shell words; empty where there is none."""
        return self.kind.scheduler(worker_command, app_command)

    @property
    def _own_command(self) -> list[str]:
        """The words by which an existing Dockerfile starts the app, none where it leaves that to others."""
        return self._image.started()

    @property
    def guesses(self) -> bool:
        """Whether nothing in the project says what starts the app, so that its command is a guess."""
        return not self._own_command and not self.web.declares and self.kind.guesses

    def app_port(self, given: str = "") -> int:
        """Return the port inside its container: that of a command that is given, of an existing Dockerfile, else of the code.

        0 for what has none: a worker, a bot, a script, a library.
        """
        if port := named_port(given) or self._image.port() or self.composed.port:
            return port
        return self.web.port() if self.web.declares else self.kind.port

    @cached_property
    def serving(self) -> Serving:
        """How the MCP server is started."""
        return Serving(self.folder, self.layout.prefix, self.mcp, self._image)

    def migrate_command(self, package: str) -> str:
        """Return the command that migrates the database, empty where none is found."""
        return self.flask_form(self.web.migrate_command(package))

    @property
    def django(self) -> dict[str, str]:
        """What is found of an app of Django's, as the answer `django` holds it."""
        found = self.web.django
        known = {
            "manage_py": found.manage_py,
            "websockets": "true" if found.manage_py and found.has_websockets else "",
            "static_in_tests": "true" if found.static_in_tests else "",
            "settings": found.settings,
            "production_settings": found.production_settings if found.manage_py else "",
            **found.static,
        }
        return {name: value for name, value in known.items() if value}

    @property
    def required_settings(self) -> dict[str, str]:
        """The variables that settings of Django's can't be read without, each with a value for development."""
        return self.web.django.required

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

    @cached_property
    def wheels(self) -> Wheels:
        """What is known of the versions that the file to install from pins."""
        return Wheels(self.folder, self.metadata, self.dependencies.source)

    @cached_property
    def packages(self) -> Packages:
        """The packages of Debian's that its image needs."""
        further = self.needs.names(self._development, self.needs.needed)
        return Packages(self.folder, self.requirements, self.wheels, further, compiles=self.metadata.compiles)

    def extra_packages(self, command: str, program: str) -> list[str]:
        """Return what a command, and the program in it, need and no file declares: the framework, uvicorn, an SDK for MCP."""
        own = self.web.packages(command, program) + self.mcp.packages(command, self.dependencies)
        return own + self.wheels.older_packages(self.dependencies.names)

    def undeclared(self, requirements: list[str]) -> list[str]:
        """Return those requirements that the file to install from has no package for."""
        names = self.dependencies.names
        return [text for text in requirements if canonicalize_name(Requirement(text).name) not in names]

    def needs_install(self, program: str) -> bool:
        """Return whether the project itself has to be installed: for what starts it, or because it asks for its own metadata."""
        if not self.metadata.installable or self.metadata.build_adds_modules:
            return self.metadata.installable
        if any(path_of(word) == "." for word in self._local):
            return True
        if program in self.metadata.scripts or (not program and self.metadata.scripts):
            return True
        return any(ASKS_FOR_METADATA.search(self.folder.read(source)) for source in self.folder.sources)

    @cached_property
    def _local(self) -> tuple[str, ...]:
        """The packages of own folders that the file to install from names, and the project itself as `.`."""
        source = self.dependencies.source
        if source.startswith(f"{self.metadata.base}Pipfile"):
            return self.local.in_pipfile
        if source == self.requirements.environment.name:
            words = filter(None, map(local_word, self.requirements.environment.pip))
            return tuple(below(self.metadata.base, word) for word in words)
        if source.endswith((".txt", ".in")):
            return listed(self.folder, source).local
        return self.local.in_pyproject if source.endswith((".lock", "pyproject.toml")) else ()

    def local_packages(self) -> list[str]:
        """Return the folders and archives that are installed besides, such as `libs/common`, or `-e libs/common`."""
        paths = {path_of(word): word for word in self._local}
        return [word for path, word in paths.items() if path != "." and not path.startswith("..") and self.folder.has(path)]

    @property
    def as_pip(self) -> bool:
        """Whether the list of dependencies names a further index, or what is editable from git: not the same to uv."""
        source = self.dependencies.source
        files = listed(self.folder, source).files if source.endswith((".txt", ".in")) else ()
        return any(AS_PIP.search(self.folder.read(file)) for file in files)

    @property
    def outside_packages(self) -> list[str]:
        """The paths of those that no image can hold, because they lie outside of the folder."""
        return [path_of(word) for word in self._local if path_of(word).startswith("..")]

    @cached_property
    def _development(self) -> Needed:
        return self.needs.development(self.dependencies.source)

    def dev_requirements(self) -> list[str]:
        """Return what development needs: arguments for `uv pip install`, as in `test_requirements`."""
        return list(self._development.arguments)

    def dev_sources(self) -> list[str]:
        """Return the files that these name; `.` where they can't be installed without the project's code."""
        # From its lock uv takes groups without a look at the code.
        base = self.metadata.base
        locked = self.dependencies.source == f"{base}uv.lock" and self._development.sources == (f"{base}pyproject.toml",)
        return ["."] if self._development.code and not locked else list(self._development.sources)

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
        return Image("" if (text := self.folder.read("Dockerfile")).startswith(OURS) else text, folder=self.folder)

    @property
    def repository_folder(self) -> str:
        """Where the project is in its repository, such as `backend`; empty at the top, and for a path that no file can hold."""
        top = self.folder.repository
        path = "" if top is None or top == self.folder.root else self.folder.root.relative_to(top).as_posix()
        return path if PLAIN_FOLDER.fullmatch(path) else ""

    @property
    def has_submodules(self) -> bool:
        """Whether the repository that the project is in has submodules."""
        return self.folder.repository is not None and (self.folder.repository / ".gitmodules").is_file()

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
        return not self._image.hides_by_mount()

    def image_user(self) -> str:
        """Return the user that the last stage of an existing Dockerfile names, empty where that is root or nobody."""
        return self._image.user()
