"""Ports that a project publishes on the developer's machine, and the slot that it gets there.

The rules are in template/scripts/lib/, which a rendered project has as scripts/lib/: one piece of code for both.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

SOURCE = Path(__file__).resolve().parent.parent / "template" / "scripts" / "lib"


def load(path: Path) -> ModuleType:
    """Return a file, or a folder with an `__init__.py`, as this version's own module.

    An update runs the extensions of two versions in one process. So the name in `sys.modules` holds a hash of the code: the other
    version's is another module, and so are those of its package. Each extension that needs this has a copy.

    Raises:
        OSError: where there is no such file.
        ImportError: where it is no Python file.
    """
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    code = b"".join(file.name.encode() + b"\0" + file.read_bytes() for file in files)
    name = f"{path.stem}_{hashlib.sha256(code).hexdigest()}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path / "__init__.py" if path.is_dir() else path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


lib = load(SOURCE).__name__
names, registry = import_module(f"{lib}.names"), import_module(f"{lib}.registry").registry
slots = load(Path(__file__).with_name("slots.py"))
BASES, VARIABLES = names.BASES, names.VARIABLES
# Set to "no" where renderings are to be the same whatever runs on the machine, as in tests.
PROBES = os.environ.get("CHORA_COMPOSE_PROBE") != "no"
# Copier asks for a default several times, and a warning is to be read once.
_said: set[str] = set()


def warn(text: str) -> None:
    """Print a sentence beside Copier's own output, once."""
    if text not in _said:
        _said.add(text)
        print(text, file=sys.stderr, flush=True)


def port(service: str, slot: int = 0, offset: int = 0) -> int:
    """Return the port that a service is published on.

    Raises:
        ValueError: there is no such service, slot or offset, or browsers refuse a port of these.
    """
    if service not in BASES:
        raise ValueError(f"no service {service!r}: ports are known for {', '.join(BASES)}")
    return int(names.ports(slot, offset)[service])


def published(service: str, slot: int = 0) -> str:
    """Return the Compose expression of a published port, such as `${APP_PORT:-8001}`."""
    return f"${{{VARIABLES[service]}:-{port(service, slot)}}}"


def slots_in_words(services: list[str], app: str = "app") -> str:
    """Return which ports the first two slots are, such as `0 is app 8000; 1 is app 8001; …`.

    Args:
        services: the services that are published.
        app: what the app's service is called.
    """
    labels = {"app": app, "gateway": "n8n"}
    slots = (f"{slot} is {', '.join(f'{labels.get(one, one)} {port(one, slot)}' for one in services)}" for slot in (0, 1))
    return f"{'; '.join(slots)}; …"


def branch_port(service: str, slug: str, slot: int, branch: str) -> int:
    """Return the port that a service has in a branch's environment, unless somebody else was there before."""
    return int(port(service, slot, names.choose_offset(slug, branch, slot, lambda _: True)))


def free_slot(folder: Path, slug: str, hook_follows: bool = False) -> int:
    """Return the slot of a project on this machine: its own, else the lowest that nobody holds or listens on, which it gets.

    Args:
        folder: the destination. A rendering that is given up leaves nothing behind there, and so frees the slot.
        slug: the project's slug.
        hook_follows: whether the hook runs at the end, which says that all slots are held, and by whom.

    Returns:
        0 to 9; 0, with a warning, where all are held.
    """
    with registry(warn=warn) as machine:
        entry = machine.find(folder, None)
        if entry:
            return int(entry.get("slot", 0))
        slot = slots.free_slot(machine, folder, names, names.is_free if PROBES else lambda _: True)
        if slot is None:
            if not hook_follows:
                warn("All ten port slots of this machine are held: this one gets slot 0, set other ports in .env.")
            return 0
        machine.settle(folder, slug, slot)["pid"] = os.getpid()
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
    """Globals `port`, `published_port`, `slots_in_words`, `free_slot`; `environment_name` and `branch_port` for a branch."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["port"] = port
        environment.globals["published_port"] = published
        environment.globals["slots_in_words"] = slots_in_words
        environment.globals["free_slot"] = free_slot_here
        environment.globals["environment_name"] = names.environment_name
        environment.globals["branch_port"] = branch_port
