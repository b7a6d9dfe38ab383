"""The slot that a project gets on a machine: what decides its ports.

The extension and the hook both ask; what they know of the machine is theirs, in template/scripts/lib/.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


def free_slot(machine: Any, folder: Path, names: ModuleType, usable: Callable[[int], bool]) -> int | None:
    """Return the lowest slot that no other project holds; None without one.

    Args:
        machine: the registry's environments.
        folder: the project, which may have a slot already.
        names: the module that knows the ports.
        usable: tells whether a port can be used.
    """
    held = machine.held(machine.find(folder, None)).keys()
    slots = ((slot, names.ports(slot).values()) for slot in range(names.SLOTS))
    return next((slot for slot, own in slots if held.isdisjoint(own) and all(map(usable, own))), None)
