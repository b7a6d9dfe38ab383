"""The one table of MCP clients: the file in which each looks up a project's servers, and what starts one."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from client_files import ClientFile, Entry

# Whatever folder of the project a client is started in: few clients know a variable for it, and readers of their files none.
# `-I` keeps modules in that folder, such as a json.py, from Python's own.
ANYWHERE = (
    "-I",
    "-c",
    "import pathlib, runpy, sys; "
    "found = [p / 'scripts/mcp-stdio' for p in pathlib.Path('_').absolute().parents if (p / 'scripts/mcp-stdio').is_file()]"
    " or sys.exit('start this client inside the project'); "
    "runpy.run_path(str(found[0]), run_name='__main__')",
)
IN_WORKSPACE = ("${workspaceFolder}/scripts/mcp-stdio",)


@dataclass(frozen=True)
class Client:
    """An MCP client that reads a file of the project.

    Attributes:
        path: its file in the project.
        section: the key of what holds the servers by name there.
        name: its name in the answer `mcp_clients`; none where its file always comes.
        starts: Python's arguments that start a session, but for the service: this release's, and those of earlier ones.
    """

    path: str
    section: str
    name: str = ""
    starts: tuple[tuple[str, ...], ...] = (ANYWHERE,)

    def is_in(self, folder: Path) -> bool:
        """Tell whether its file is a project's own: none in a home folder, or where a link leads out, is."""
        if not self.name:
            return True
        root = os.path.realpath(folder)
        inside = os.path.realpath(folder / self.path).startswith(os.path.join(root, ""))
        # Where nobody has a home, `Path.home()` fails.
        return inside and root != os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111

    def is_wanted(self, folder: Path, named: Collection[str]) -> bool:
        """Tell whether its file is to have the project's servers, by the answer `mcp_clients`."""
        there = (folder / self.path.partition("/")[0]).is_dir()
        return not self.name or self.name in named or (there and "none" not in named)

    def file(self, stack: str) -> ClientFile:
        """Return its file, with every form in which a release has written a server into it."""

        def forms(server: str) -> list[Entry]:
            services = ["mcp-server", server] if stack == "mcp" else [server, "mcp-server"]
            return [{"command": "python3", "args": [*start, service]} for start in self.starts for service in services]

        return ClientFile(self.path, self.section, forms)


CLIENTS = (
    Client(".mcp.json", "mcpServers", starts=(ANYWHERE, ("scripts/mcp-stdio",))),
    Client(".vscode/mcp.json", "servers", starts=(IN_WORKSPACE,)),
    Client(".cursor/mcp.json", "mcpServers", starts=(IN_WORKSPACE,)),
    Client(".codex/config.toml", "mcp_servers", "codex"),
    Client(".gemini/settings.json", "mcpServers", "gemini"),
    Client(".zed/settings.json", "context_servers", "zed"),
    Client(".junie/mcp/mcp.json", "mcpServers", "jetbrains"),
)
