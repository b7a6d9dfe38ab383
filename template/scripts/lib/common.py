# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What all scripts share: commands, files, and our blocks in files of the user's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

# The hook runs a copy in the git folder, on what is checked out.
ROOT = Path(os.environ.get("BRANCH_ENV_ROOT", Path(__file__).parents[2])).resolve()
PROGRAM = f"scripts/{Path(sys.argv[0]).resolve().name}"
Done = subprocess.CompletedProcess


class Problem(Exception):
    """What a user has to know: one sentence that says what to do."""


def say(text: str) -> None:
    """Print a line; that nobody reads it is no reason to stop half way."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def warn(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)


def run(*command: str, check: bool = True, **options: Any) -> Done[str]:
    """Run a command in the project, and keep what it prints.

    The options are those of `subprocess.run`. A program that is missing is a Problem,
    one that fails too, unless `check` is false.
    """
    pipe, text = subprocess.PIPE, {"encoding": "utf-8", "errors": "surrogateescape"}
    given = {"cwd": ROOT, "stdout": pipe, "stderr": pipe, **text, **options}
    if "input" not in options:
        given.setdefault("stdin", subprocess.DEVNULL)
    try:
        result = subprocess.run(command, check=False, **given)
    except FileNotFoundError:
        docker = "install Docker Engine 25 or newer with Compose 2.24.4 or newer"
        advice = docker if command[0] == "docker" else "install it, then try again"
        raise Problem(f"{command[0]} is not installed: {advice}") from None
    if check and result.returncode:
        said = (result.stderr or result.stdout or "").strip().splitlines()
        said = said or [f"exit code {result.returncode}"]
        # The last line, because Compose shows its progress before.
        reason = next((line for line in said if "ERROR" in line), said[-1]).strip()
        raise Problem(f"`{shlex.join(command)}` failed: {reason}")
    return result


def main(work: Callable[[], int | None]) -> None:
    """Do a script's work; what keeps it from being done is one sentence."""
    try:
        sys.exit(work())
    except Problem as problem:
        sys.exit(f"{PROGRAM}: {problem}")
    except OSError as error:
        what = f"{error.filename or 'a file'} can't be used ({error.strerror or error})"
        sys.exit(f"{PROGRAM}: {what}: fix that, then try again")
    except UnicodeError as error:
        sys.exit(f"{PROGRAM}: {error}: set LC_ALL to a locale with UTF-8")
    except KeyboardInterrupt:
        sys.exit(130)


def yes(question: str, given: bool) -> bool:
    """Ask; no answer, as in a pipe, is no."""
    if given:
        return True
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        print(file=sys.stderr)
    return answer.strip().lower() in {"y", "yes"}


def read(path: Path) -> str:
    """Return a file's text, line ends and all bytes as they are; "" without a file."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def replace(path: Path, text: str, mode: int) -> None:
    """Replace a file at once, with its mode and owner; a new one gets the mode."""
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


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Do the same to what a link points to; a file that can't be written is a Problem."""
    path = Path(os.path.realpath(path))
    try:
        replace(path, text, mode)
    except OSError as error:
        reason = f"{error.strerror}): fix that, then try again"
        raise Problem(f"{path} can't be written ({reason}") from None


class Marks(NamedTuple):
    """The first and the last line of a block of ours in a file of the user's."""

    begin: str
    end: str


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


def with_block(
    text: str, marks: Marks, lines: list[str], name: str, *, gap: bool = False
) -> str:
    """Return a text with our block in its place, else at its end; none without lines.

    What stands outside stays to the letter. A gap is a blank line above a new block.
    """
    before, _, after = split_block(text, marks, name)
    if not lines:
        return before + after
    end = "\r\n" if "\r\n" in text else "\n"
    gap = gap and before == text
    if before and not before.endswith("\n"):
        before += end
    if before and gap:
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
