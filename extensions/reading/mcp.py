"""The MCP server of a project: which SDK it is made with, how it is started, and what that needs."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from .folder import Folder
from .layout import STEMS, Layout
from .metadata import Metadata
from .reach import Imports
from .requirements import Declared, Requirements
from .source import assigned, parse

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


@dataclass(frozen=True)
class Start:
    """A way to start an MCP server."""

    command: str
    """Shell words."""
    texts: tuple[str, ...] = ()
    """The project's sources that run before the server does, that of the entry first; none if the server is run by an SDK."""


def call(module: str, name: str, statement: str) -> str:
    """Return the command that imports a name and runs a statement."""
    return f"python -c {shlex.quote(f'from {module} import {name}; {statement}')}"


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


class Mcp:
    """How a project serves MCP.

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

    @cached_property
    def sources(self) -> dict[str, str]:
        """The sources that import an SDK for MCP, and their texts."""
        # A package of the project's own with that name hides the SDK.
        names = {"fastmcp"} if f"{self._layout.prefix}mcp/__init__.py" in self._folder.sources else {"mcp", "fastmcp"}
        texts = ((source, self._folder.read(source)) for source in self._folder.sources)
        return {source: text for source, text in texts if names.intersection(MCP_IMPORT.findall(text))}

    @cached_property
    def framework(self) -> str:
        """`fastmcp` or `mcp`, empty for a project without MCP; of both, fastmcp, unless only one is imported and declared."""
        declared = self._requirements.names & {"mcp", "fastmcp"}
        imported = {name for text in self.sources.values() for name in MCP_IMPORT.findall(text)}
        return min((declared & imported) or imported or declared, default="")

    def command(self, package: str) -> str:
        """Return the command that starts the MCP server over stdio inside a container, as shell words.

        Args:
            package: the project's package, for the last resort `python -m <package>.server`.
        """
        return self.start.command if self.start else self._layout.plain_command(package)

    @property
    def serves(self) -> bool:
        """Whether the project has an MCP server, where another is a client of such servers alone."""
        return self.start is not None or any(map(MCP_SERVER.search, self.sources.values()))

    @property
    def http(self) -> bool:
        """Whether MCP_TRANSPORT=streamable-http evidently switches that command to HTTP, where others can reach it."""
        texts = self.start.texts if self.start else ()
        return all(any(map(says, texts)) for says in (reads_transport, HTTP_VALUE.search, ANY_HOST.search))

    @cached_property
    def start(self) -> Start | None:
        """The likeliest way to start the MCP server, one over stdio if there is any."""
        starts = tuple(self._starts()) if self.framework else ()
        for start in starts:
            if not any(map(HTTP_RUN.search, start.texts)) or any(map(STDIO_RUN.search, start.texts)):
                return start
        return starts[0] if starts else None

    def _starts(self) -> Iterator[Start]:
        """Yield the ways to start the MCP server, the likeliest first."""
        scripts = [start for _, start in sorted(self._scripts(), key=lambda ranked: ranked[0])]
        if self._metadata.installable:
            yield from scripts
        yield from (start for _, start in sorted(self._mains(), key=lambda ranked: ranked[0]))
        if not self._metadata.installable:
            yield from scripts
        for path, text in self.sources.items():
            for name in assigned(parse(text), MCP_CLASSES):
                if f"{PurePosixPath(path).parent}/__init__.py" in self._folder.sources:
                    # The SDKs import a file, not a module: relative imports fail, and tools that import it get a second server.
                    yield Start(call(self._layout.module_of(path), name, f"{name}.run()"))
                else:
                    program = min(MCP_IMPORT.findall(text))
                    yield Start(f"{program} run {shlex.quote(f'{path}:{name}')}")

    def _scripts(self) -> Iterator[tuple[tuple[object, ...], Start]]:
        """Yield the console scripts that may start the MCP server, or what they call if nothing installs them, with ranks."""
        projects = {canonicalize_name(name) for name in self._metadata.names()}
        for name, target in self._metadata.scripts.items():
            module, _, entry = target.partition(":")
            texts = self._imports.reached(self._imports.file(module, self._layout.prefix, ""))
            serves, named = any(map(MCP_SERVER.search, texts)), "mcp" in name.lower()
            if serves or named:
                command = shlex.quote(name) if self._metadata.installable else call(module, entry, f"{entry}()")
                rank = (not named, canonicalize_name(name) not in projects, not serves, entry not in ENTRIES, name)
                yield rank, Start(" ".join([command, *subcommand(texts, entry)]), texts)

    def _mains(self) -> Iterator[tuple[tuple[object, ...], Start]]:
        """Yield the sources that start the MCP server when they are run, with their ranks."""
        for path in self._folder.sources:
            stem, text = PurePosixPath(path).stem, self._folder.read(path)
            serves = bool(MCP_SERVER.search(text))
            if stem != "__main__" and (stem == "__init__" or not re.search(r"^if\b[\s(]*__name__\s*==", text, re.MULTILINE)):
                continue
            if serves or stem in STEMS or {*STARTING}.intersection(re.split("[-_]", stem)):
                texts = self._imports.reached(path)
                if any(map(MCP_SERVER.search, texts)):
                    package = path == f"{self._layout.prefix}{self._layout.package}/__main__.py"
                    likely = STEMS.index(stem) if stem in STEMS else len(STEMS)
                    yield (not package, not serves, "/" not in path, path.count("/"), likely, path), Start(self._run(path), texts)

    def _run(self, path: str) -> str:
        """Return the command that runs a source: as a module, but as a file outside a package and beside what it imports."""
        parts, text = PurePosixPath(path).with_suffix("").parts, self._folder.read(path)
        folder, prefix = "/".join(parts[:-1]), self._layout.prefix
        tops = {*re.findall(r"^\s*(?:from|import)\s+(\w*)", text, re.MULTILINE)} - {"mcp", "fastmcp"}
        # Where a source names its outermost folder, imports start from above that, be it called src.
        module = ".".join(parts) if parts[0] in tops else self._layout.module_of(path)
        packaged = tops & {"", module.split(".")[0]} or f"{folder}/__init__.py" in self._folder.sources
        foreign = {"", *sys.stdlib_module_names, *self._requirements.names}

        def lies_in(place: str, top: str) -> bool:
            return any(self._folder.has(str(PurePosixPath(place, name))) for name in (top, f"{top}.py"))

        beside = any(lies_in(folder, top) and not lies_in(prefix, top) and not lies_in("", top) for top in tops - foreign)
        if beside or not packaged or "." not in module or not all(map(str.isidentifier, module.split("."))):
            return f"python {shlex.quote(path)}"
        return f"python -m {module.removesuffix('.__main__')}"

    def packages(self, command: str, declared: Declared) -> list[str]:
        """Return the SDK, where an MCP server's command needs one that no file declares, or in no such version.

        Args:
            command: shell words.
            declared: the file that the image is installed from.
        """
        if not self.start or not command.startswith(self.start.command):
            return []
        sdk, texts = self.framework, "\n".join(self.sources.values())
        needed = "mcp[cli]" if command.startswith("mcp ") else sdk
        # A list that only the code tells is trusted.
        missing = needed not in declared.names and bool(declared.names or declared.complete)
        if sdk == "mcp" and MCP_1.search(texts) and not MCP_2.search(texts) and not declared.source.endswith(".lock"):
            files = ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg")
            if missing or not any(MCP_1_DECLARED.search(self._folder.read(file)) for file in files):
                return [f"{needed}<2"]
        return [needed] if missing else []
