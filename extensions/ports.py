"""Ports that a project publishes on the developer's machine, and the slot that it gets there.

The rules are in includes/environments.py, which a rendered project has as scripts/environments.py: one piece of code for both.
It is loaded anew with each load of this extension, because an update has those of two versions in one process.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

SOURCE = Path(__file__).parent.parent / "includes" / "environments.py"


def load() -> ModuleType:
    """Return this version's environments.py as a module of its own."""
    spec = importlib.util.spec_from_file_location(f"environments_of_{__name__}", SOURCE)
    if spec is None or spec.loader is None:
        raise ImportError(f"{SOURCE} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environments = load()
BASES, VARIABLES = environments.BASES, environments.VARIABLES
port = environments.port
# Copier asks for a default several times, and a warning is to be read once.
_said: set[str] = set()


def warn(text: str) -> None:
    """Print a sentence beside Copier's own output, once."""
    if text not in _said:
        _said.add(text)
        print(text, file=sys.stderr, flush=True)


def published(service: str, slot: int = 0) -> str:
    """Return the Compose expression of a published port, such as `${APP_PORT:-8001}`."""
    return f"${{{VARIABLES[service]}:-{port(service, slot)}}}"


def branch_port(service: str, slug: str, slot: int, branch: str) -> int:
    """Return the port that a service has in a branch's environment, unless somebody else was there before."""
    return int(port(service, slot, environments.choose_offset(slug, branch, slot, taken=())))


def free_slot(folder: Path, slug: str, hook_follows: bool = False) -> int:
    """Return the slot of a project on this machine: its own, else the lowest that no other project holds, which it then holds.

    Args:
        folder: the destination. A rendering that is given up leaves nothing behind there, and so frees the slot.
        slug: the project's slug.
        hook_follows: whether the hook runs at the end, which says that all slots are held, and by whom.

    Returns:
        0 to 9; 0, with a warning, where all are held.
    """
    with environments.registry(warn=warn) as machine:
        entry = machine.find(folder, None)
        if entry:
            return int(entry.get("slot", 0))
        slot = machine.free_slot(folder)
        if slot is None:
            if not hook_follows:
                warn(
                    "All ten port slots of this machine are held by projects: this one gets slot 0, give it other ports in .env."
                )
            return 0
        machine.add(folder, None, slug=slug, name=slug, slot=slot, ports=environments.ports(slot), pid=os.getpid())
        return int(slot)


@pass_context
def free_slot_here(context: Context, slug: str) -> int:
    """Return the slot of the project that is rendered; 0 in the temporary renderings of an update, which have it as an answer."""
    settings = context["_copier_conf"]
    folder = Path(os.path.abspath(str(settings["dst_path"])))
    if "copier._main." in str(folder):
        return 0
    return free_slot(folder, slug, hook_follows=not settings.get("skip_tasks") and not settings.get("pretend"))


class PortsExtension(Extension):
    """Globals `port`, `published_port`, `free_slot`, `environments_source`; `environment_name` and `branch_port` for a branch."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["port"] = port
        environment.globals["published_port"] = published
        environment.globals["free_slot"] = free_slot_here
        environment.globals["environment_name"] = environments.environment_name
        environment.globals["branch_port"] = branch_port
        environment.globals["environments_source"] = lambda: SOURCE.read_text(encoding="utf-8").rstrip()
