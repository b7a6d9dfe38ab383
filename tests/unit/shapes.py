"""Projects of many shapes that a rendering may meet, and all that is found in one."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import ROOT, extension

reading = extension("destination").load(ROOT / "extensions" / "reading")
program = extension("facts/commands").program
Files = dict[str, str | bytes]

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
MCP = "from mcp.server import MCPServer\nmcp = MCPServer('shop')\n"
MCP_1 = "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('shop')\n"
FASTMCP = "from fastmcp import FastMCP\nmcp = FastMCP('shop')\n"
SETUP = "from setuptools import setup\n"
MAIN = "def main():\n    mcp.run()\nif __name__ == '__main__':\n    main()\n"
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]


def write(folder: Path, files: Mapping[str, str | bytes]) -> Any:
    """Write files into a folder, and return what is found there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return reading.Destination(folder)


def everything(found: Any) -> dict[str, Any]:
    """Return all that the questions ask of a destination."""
    package = found.package or "app"
    command = found.app_command(found.app_port(), package)
    mcp_command = found.serving.command(package)
    return {
        "has_app": found.has_app,
        "name": found.name,
        "package": found.package,
        "framework": found.framework,
        "source_folder": found.source_folder,
        "dependencies": found.dependencies.source,
        "complete": found.dependencies.complete,
        "python": reading.versions.python_version(found.requires_python(), VERSIONS, "3.13"),
        "command": command,
        "port": found.app_port(),
        "extra": found.extra_packages(command, program(command)),
        "install": found.needs_install(program(command)),
        "migrate": found.migrate_command(package),
        "workdir": found.workdir(),
        "entrypoint": found.entrypoint(),
        "user": found.image_user(),
        "mcp_framework": found.mcp_framework,
        "mcp_command": mcp_command,
        "mcp_served": found.serving.over_http(package, 8000),
        "mcp_extra": found.extra_packages(mcp_command, program(mcp_command)),
        "mcp_install": found.needs_install(program(mcp_command)),
        "mcp_http": found.serving.switched,
    }


@dataclass(frozen=True)
class Shape:
    """A project, and what is to be found in it."""

    files: Files
    expected: dict[str, Any] = field(default_factory=dict)


def pyproject(dependencies: str = "", more: str = "", name: str = "shop") -> str:
    return f'[project]\nname = "{name}"\nversion = "1"\ndependencies = [{dependencies}]\n{more}'


def check(shape: Shape, folder: Path) -> None:
    found = everything(write(folder, shape.files))
    assert {key: found[key] for key in shape.expected} == shape.expected


def scripts(more: str = "", dependencies: str = '"mcp>=2"', name: str = "shop", build: bool = True) -> Files:
    """Return a pyproject.toml with console scripts."""
    system = '[build-system]\nrequires = ["hatchling"]\n' if build else ""
    return {"pyproject.toml": pyproject(dependencies, f"[project.scripts]\n{more}\n{system}", name)}


@contextmanager
def without_root() -> Iterator[None]:
    """Be somebody whom permissions bind."""
    if os.getuid():
        yield
        return
    # The real user too, which os.access asks for; the saved one stays, for the way back.
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
