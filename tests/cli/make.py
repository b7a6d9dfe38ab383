"""`make new` as users type it, but with the environment that the tests run in."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.support import ROOT, Done, run

MAKE = shutil.which("make") or "make"
# This environment, wherever it is, instead of one that make would make: it would need the network.
ENVIRONMENT = ["--old-file=.venv/render", f"BIN={Path(sys.executable).parent}"]


def command(*variables: str) -> list[str]:
    """Return the command line of `make new` with variables such as `DEST=../shop`."""
    return [MAKE, *ENVIRONMENT, "new", *variables]


def make_new(*variables: str, prefix: Sequence[str] = (), env: Mapping[str, str] = MappingProxyType({})) -> Done:
    """Run `make new` in this clone, without a terminal.

    Args:
        variables: such as `DEST=../shop`.
        prefix: a command in front of it.
        env: variables on top of this process's.
    """
    return run([*prefix, *command(*variables)], cwd=ROOT, env={"PWD": str(ROOT)} | dict(env))


def last_line(done: Done) -> str:
    """Return the last line that was printed, but make's own on a command that failed."""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and not line.startswith("make: ***")]
    return lines[-1]


def path_of(folder: Path, *programs: str) -> str:
    """Return a PATH on which there are only these programs.

    Args:
        folder: a new folder, for links to them.
        programs: their names, such as `sh`.
    """
    folder.mkdir()
    for name in programs:
        found = shutil.which(name)
        assert found, f"{name} is not installed"
        (folder / name).symlink_to(os.path.realpath(found))
    return str(folder)
