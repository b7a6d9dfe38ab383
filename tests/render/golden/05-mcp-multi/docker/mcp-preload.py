# Managed by chora-compose-template: `copier update` rewrites this file.
"""The sitecustomize of a server that mcp-reload.py holds ready.

It imports what takes long, and goes on to the project's code when that has changed.
"""

import importlib
import os
import sys
import sysconfig
from contextlib import suppress
from importlib.machinery import PathFinder

SLOW = ["mcp.server.mcpserver", "mcp.server.fastmcp", "fastmcp", "sse_starlette"]
SLOW += ["uvicorn.main", "uvicorn.protocols.http.auto", "psycopg_pool", "redis.asyncio"]


def is_library(module: str) -> bool:
    """Tell whether a module is installed, and nothing of the project's hides it."""
    places = [os.getcwd(), *sys.path]
    found = PathFinder.find_spec(module.partition(".")[0], places)
    folders = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    return bool(found and found.origin and found.origin.startswith(folders))


# As it would be without this.
sys.path.remove(os.path.dirname(__file__))
this = sys.modules.pop("sitecustomize")
os.environ["PYTHONPATH"] = os.environ.pop("MCP_PYTHONPATH")
word = int(os.environ.pop("MCP_WAIT"))
for module in filter(is_library, SLOW):
    # One of another version has it not, and one that is broken the server will name.
    with suppress(Exception):
        importlib.import_module(module)
if not os.read(word, 1):
    os._exit(0)
os.close(word)
with suppress(ImportError):
    importlib.import_module("sitecustomize")
sys.modules.setdefault("sitecustomize", this)
