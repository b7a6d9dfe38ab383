# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What all scripts share: commands, files, and our blocks in files of the user's."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# The hook runs a copy in the git folder, on what is checked out.
ROOT = Path(os.environ.get("BRANCH_ENV_ROOT", Path(__file__).parents[2])).resolve()
PROGRAM = f"scripts/{Path(sys.argv[0]).resolve().name}"
Done = subprocess.CompletedProcess
# Where docker may be, and a program with a window, cron or ssh does not look.
PATHS = ["/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin", "/snap/bin"]
PATHS += ["/home/linuxbrew/.linuxbrew/bin"]
PATHS += [os.path.expanduser(f"~/{one}/bin") for one in (".docker", ".orbstack", ".rd")]
_apps = ["Docker.app/Contents/Resources/bin", "OrbStack.app/Contents/MacOS/xbin"]
_apps += ["Rancher Desktop.app/Contents/Resources/resources/darwin/bin"]
PATHS += [f"/Applications/{one}" for one in _apps]
if sys.platform == "win32":
    # There docker looks for its plugins.
    os.environ.setdefault("ProgramData", r"C:\ProgramData")
    _all = os.environ.setdefault("ProgramFiles", r"C:\Program Files")
    _mine = os.environ.get("LOCALAPPDATA", "") + r"\Programs"
    PATHS = [rf"{_all}\Docker\Docker\resources\bin"]
    PATHS += [rf"{_mine}\DockerDesktop\resources\bin"]
    _rancher = r"Rancher Desktop\resources\resources\win32\bin"
    PATHS += [rf"{one}\{_rancher}" for one in (_all, _mine)]
_known = os.environ.get("PATH", os.defpath).split(os.pathsep)
PATHS = [one for one in PATHS if one not in _known]
os.environ["PATH"] = os.pathsep.join([*_known, *PATHS])
# How Docker's client says that it does not reach the engine.
AWAY = "(?i)cannot connect to the docker|failed to connect to the docker|during connect"
# The first and the last line of a block of ours in a file of the user's.
Marks = namedtuple("Marks", "begin end")


class Problem(Exception):
    """What a user has to know: one sentence that says what to do."""


def typed(text: str, folder: Path = ROOT) -> str:
    """Return a text with its commands as they work on this machine.

    A script's name alone starts it neither on Windows nor where it is not executable,
    as after a commit on Windows, from a zip, or on a file system without that mode.
    """

    def command(found: re.Match[str]) -> str:
        script = folder / found[0]
        runs = sys.platform != "win32" and os.access(script, os.X_OK)
        if runs or not script.is_file():
            return found[0]
        python = "python" if sys.platform == "win32" else "python3"
        return f"{'sh' if script.name == 'ci' else python} {found[0]}"

    # Elsewhere a script's name is that of a file.
    after = r"(?:(?<=`)|(?<=\brun )|(?<=gone: ))"
    return re.sub(rf"{after}scripts/[a-z]+(?:-[a-z]+)*(?![\w/]|\.\w)", command, text)


def say(text: str) -> None:
    """Print a line; that nobody reads it is no reason to stop half way."""
    try:
        print(typed(text), flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def warn(text: str) -> None:
    with suppress(OSError):
        print(f"{PROGRAM}: {typed(text)}", file=sys.stderr, flush=True)


def advice_on(said: str, client: str = "") -> str:
    """Return what to do, and a colon, where Docker's client reached no engine."""
    if "podman-compose" in said:
        raise Problem("use Docker Compose: podman-compose reads the files otherwise")
    if not re.search(AWAY, said):
        return ""
    if os.environ.get("DOCKER_HOST"):
        return "start the engine that DOCKER_HOST names: "
    way = "`docker context use NAME` or DOCKER_HOST" + client
    return f"start Docker, or say by {way} where its engine is: "


def run(*command: str, check: bool = True, **options: Any) -> Done[str]:
    """Run a command in the project, as `subprocess.run`; its failure is a Problem."""
    pipe, text = subprocess.PIPE, {"encoding": "utf-8", "errors": "surrogateescape"}
    given = {"cwd": ROOT, "stdout": pipe, "stderr": pipe, **text, **options}
    if "input" not in options:
        given.setdefault("stdin", subprocess.DEVNULL)
    try:
        result = subprocess.run(command, check=False, **given)
    except FileNotFoundError:
        what = "Docker Engine 25 or newer with Compose 2.24.4 or newer and Buildx"
        what = what if command[0] == "docker" else "it, then try again"
        raise Problem(f"{command[0]} is not installed: install {what}") from None
    if check and result.returncode:
        # The last line, because Compose shows its progress before.
        said = [f"exit code {result.returncode}"]
        said += (result.stderr or result.stdout or "").strip().splitlines()
        reason = next((line for line in said if "ERROR" in line), said[-1]).strip()
        advice = advice_on(result.stderr or reason)
        raise Problem(f"{advice}`{shlex.join(command)}` failed: {reason}")
    return result


def main(work: Callable[[], Any]) -> None:
    """Do a script's work; what keeps it from being done is one sentence."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        # Also what a terminal with another encoding can't show.
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        sys.exit(work())
    except Problem as problem:
        sys.exit(f"{PROGRAM}: {typed(str(problem))}")
    except OSError as error:
        what = f"{error.filename or 'a file'} can't be used ({error.strerror or error})"
        sys.exit(f"{PROGRAM}: {what}: fix that, then try again")
    except UnicodeError as error:
        sys.exit(f"{PROGRAM}: {error}: set LC_ALL to a locale with UTF-8")
    except KeyboardInterrupt:
        sys.exit(130)


def lock(number: int, seconds: float = 0) -> bool:
    """Lock an open file until it is closed; another process gets so long to end."""
    for _ in range(1 + round(seconds * 100)):
        with suppress(BlockingIOError, PermissionError):
            if sys.platform == "win32":
                os.lseek(number, 2**30, os.SEEK_SET)  # behind all that others read
                msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.01)
    return False


def alone(what: str) -> None:
    """Keep others from doing the same in this checkout."""
    if not lock(os.open(__file__, os.O_RDONLY)):
        raise Problem(f"another {what} is at work here: wait until it has ended")


def yes(question: str) -> bool:
    """Ask; no answer, as in a pipe, is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    print(end="" if answer else "\n", file=sys.stderr)
    return answer.strip().lower() in {"y", "yes"}


def read(path: Path) -> str:
    """Return a file's text, line ends and all bytes as they are; "" without a file."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file, or what a link points to, at once; a new one gets the mode."""
    path = Path(os.path.realpath(path))
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.name) as folder:
            new = Path(folder) / path.name
            with new.open("wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            facts = (path if path.exists() else path.parent).stat()
            with suppress(OSError, AttributeError):
                os.chown(new, facts.st_uid, facts.st_gid)
            new.chmod(facts.st_mode & 0o7777 if path.exists() else mode)
            new.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def split_block(text: str, marks: Marks, name: str) -> tuple[str, str, str]:
    """Return what stands before our block, the block's lines, and what stands after."""
    begin, end = (f"^{re.escape(mark)}[ \\t]*(?:\\r?\\n|$)" for mark in marks)
    found = re.search(f"{begin}(.*?){end}", text, re.MULTILINE | re.DOTALL)
    if found:
        return text[: found.start()], found[1], text[found.end() :]
    if re.search(begin, text, re.MULTILINE):
        advice = f"put it back or remove the line {marks.begin!r}, then try again"
        raise Problem(f"{name}: the line {marks.end!r} is missing; {advice}")
    return text, "", ""


def with_block(text: str, marks: Marks, lines: list[str], name: str) -> str:
    """Return a text with our block in its place, else at its end; none without lines."""
    before, _, after = split_block(text, marks, name)
    if not lines:
        return before + after
    end = "\r\n" if "\r\n" in text else "\n"
    if before and not before.endswith("\n"):
        before += end
    return before + end.join([marks.begin, *lines, marks.end, ""]) + after


def variables(text: str) -> dict[str, str]:
    """Return what a text in the form of `.env` sets; the last value, as for Compose."""
    form = r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(.*?)[ \t]*\r?$"
    found = re.findall(form, text, re.MULTILINE)
    return {name: unquote(value) for name, value in found}


def quote(value: str) -> str:
    """Return a value as Compose reads it back from `.env`, but for line breaks."""
    if re.fullmatch(r"[\w./+@%:-]+", value, re.ASCII):
        return value
    if not re.search(r"['\\]", value):
        return f"'{value}'"
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def unquote(value: str) -> str:
    """Return what a value in `.env` stands for."""
    quoted = re.match(r"""(['"])((?:\\.|(?!\1).)*)\1""", value)
    if quoted:  # in single quotes a backslash is one, but before a quote
        escaped = r"\\(.)" if quoted[1] == '"' else r"\\(')"
        return re.sub(escaped, r"\1", quoted[2])
    return re.sub(r"\s+#.*$", "", value)
