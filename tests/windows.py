"""Python as it is on Windows and under other locales, as far as Linux can be made to look like it.

Simulated: the platform's name, what modules and functions are missing, and the encoding of text. Not simulated: paths with
backslashes in the file system, its locks, its processes, and shells. `os.name` stays, because `pathlib` would make paths that
Linux can't open; what a project's scripts ask for is `sys.platform`.
"""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

MODULES = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "syslog", "curses", "readline", "posix")
OF_OS = (
    *("chown", "fchmod", "fchown", "fork", "getegid", "geteuid", "getgid", "getpgid", "getuid", "killpg", "lchown"),
    *("mkfifo", "setsid", "setuid", "setgid", "sched_getaffinity", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "WNOHANG"),
)
SIGNALS = ("SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGPIPE", "SIGTSTP", "SIGWINCH")
# Read before a script. What of Python itself asks for these modules asks before.
PRELUDE = f"""
import argparse, fcntl, http.client, json, os, pathlib, random, runpy, shutil, signal, socket, subprocess, sys, tempfile, types
# These are Linux' own, with what they need.
subprocess.os, subprocess.signal = (types.SimpleNamespace(**vars(one)) for one in (os, signal))
shutil.os, shutil.sys = (types.SimpleNamespace(**vars(one)) for one in (os, sys))
for name in {MODULES!r}:
    sys.modules[name] = None
for name in {OF_OS!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in {SIGNALS!r}:
    if hasattr(signal, name):
        delattr(signal, name)
# Each such lock keeps others out, as Linux' own does.
lock = lambda number, mode, length, of=fcntl: of.flock(number, of.LOCK_EX | of.LOCK_NB)
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lock)
sys.platform = "win32"
os.environ.setdefault("LOCALAPPDATA", os.environ.get("XDG_STATE_HOME", ""))
"""
START = """
sys.argv = sys.argv[1:]
sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def command(script: Path, *arguments: str, first: str = "") -> list[str]:
    """Return what starts a script as on Windows, but for the Python in front.

    Args:
        script: the script.
        arguments: its arguments.
        first: what is run before anything is taken away.
    """
    return ["-c", f"{first}\n{PRELUDE}{START}", str(script), *arguments]


@cache
def _compiled(folder: Path, localedef: str) -> str:
    target = folder / "en_US.CP1252"
    subprocess.run([localedef, "--inputfile=en_US", "--charmap=CP1252", str(target)], check=True, capture_output=True)
    return str(folder)


def locales(folder: Path, localedef: str) -> dict[str, dict[str, str]]:
    """Return the variables of locales whose text is no UTF-8: what Windows has in the West, and no more than ASCII.

    Args:
        folder: where the first one is compiled.
        localedef: the program that does so.
    """
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    return {
        "cp1252": {**plain, "LOCPATH": _compiled(folder, localedef), "LC_ALL": "en_US.CP1252"},
        "C": {**plain, "LC_ALL": "C"},
    }
