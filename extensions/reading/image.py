"""What an existing Dockerfile says about the image that it builds."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

# What Compose, YAML or a script reads as something else in a folder, or not at all.
NO_FOLDER = re.compile(r"""["$`\\|:]| #|\s$|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]""")
# What a shell does with a command before it starts one.
NEEDS_SHELL = re.compile(r"[$`|&;<>()*?~{}\[\]\n]|^\s*\w+=")
# What puts a virtual environment, and files of a front end, into the working folder.
MAKES_ENVIRONMENT = re.compile(r"\b(?:venv|virtualenv)\s+(?:-\S+\s+)*(?!/|-|&)\.?\w")
BUILDS_FILES = re.compile(r"\b(?:npm|yarn|pnpm)\s+(?:ci|install|run\s+build|build)\b")
# What a stage for tests is called.
STAGES = ("test", "tests", "testing", "ci", "dev", "development")


def texts_in(argument: str) -> list[str] | None:
    """Return the words of an instruction's exec form; None for the shell form, which is all that is no list of texts in JSON."""
    try:
        words = json.loads(argument)
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


@dataclass(frozen=True)
class Stage:
    """A stage of a Dockerfile, with what it takes over from the stage that it is made from."""

    instructions: tuple[tuple[str, str], ...] = ()
    """Names in capitals, and arguments in which variables are resolved as far as the Dockerfile tells them."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What ENV and ARG have set by its end."""


def resolve(text: str, values: Mapping[str, str]) -> str:
    """Put the values of variables into an argument; one that is not known stays as it is written."""

    def value(found: re.Match[str]) -> str:
        name, default = found[1] or found[2], found[3]
        return values.get(name) or (default if default is not None else values.get(name, found[0]))

    return re.sub(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})", value, text)


def assignments(argument: str) -> Iterator[tuple[str, str]]:
    """Yield what ENV or ARG sets; an ARG without a value sets nothing."""
    try:
        parts = shlex.split(argument)
    except ValueError:
        return
    if parts and "=" not in parts[0]:
        # The old form of ENV, a name and the rest.
        yield from [(parts[0], " ".join(parts[1:]))] if parts[1:] else []
        return
    for part in parts:
        name, equals, value = part.partition("=")
        if equals:
            yield name, value


def stages_in(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile, first to last."""
    stages: list[Stage] = []
    named: dict[str, int] = {}
    outside: dict[str, str] = {}
    for line in text.splitlines():
        found = re.match(r"\s*([A-Za-z]+)\s+(.+)", line)
        if not found:
            continue
        name, argument = found[1].upper(), found[2].strip()
        if name == "FROM":
            words = re.sub(r"^--platform=\S+\s+", "", argument).split()
            base = words[0].lower()
            stages.append(stages[named[base]] if base in named else Stage())
            if len(words) > 2 and words[1].upper() == "AS":
                named[words[2].lower()] = len(stages) - 1
        elif not stages:
            outside |= dict(assignments(argument)) if name == "ARG" else {}
        else:
            values = dict(stages[-1].values)
            if name in {"ARG", "ENV"}:
                given = dict(assignments(resolve(argument, values)))
                values |= given or {one: outside[one] for one in argument.split() if one in outside}
            known = argument if name in {"CMD", "ENTRYPOINT", "RUN"} else resolve(argument, values)
            stages[-1] = Stage((*stages[-1].instructions, (name, known)), values)
    return stages


def words_of(argument: str, values: Mapping[str, str]) -> list[str]:
    """Return the words of a CMD or ENTRYPOINT: those of the exec form; a shell, and a script for it, where it needs one."""
    words = texts_in(argument)
    if words is not None:
        return words
    known = resolve(argument, values)
    try:
        # A plain command means the same without a shell.
        plain = [] if NEEDS_SHELL.search(known) else shlex.split(known)
    except ValueError:
        plain = []
    return plain or ["/bin/sh", "-c", argument]


class Image:
    """The image of a Dockerfile.

    Args:
        dockerfile: its text, empty where there is none.
    """

    def __init__(self, dockerfile: str) -> None:
        self._text = re.sub(r"^[ \t]*#.*\n", "", re.sub(r"\\\r?\n(?:[ \t]*#.*\n)*", " ", dockerfile), flags=re.MULTILINE)

    @cached_property
    def _stage(self) -> Stage:
        """The last stage."""
        return (stages_in(self._text) or [Stage()])[-1]

    @property
    def test_target(self) -> str:
        """The name of the stage for tests, empty where it has none."""
        stages = re.findall(r"^[ \t]*FROM[ \t].*[ \t]AS[ \t]+([\w.-]+)[ \t]*$", self._text, re.MULTILINE | re.IGNORECASE)
        return next((stage for name in STAGES for stage in stages if stage.lower() == name), "")

    def _arguments(self, instruction: str) -> list[str]:
        """Return the arguments of each instruction of a kind in the last stage."""
        return [argument for name, argument in self._stage.instructions if name == instruction]

    def workdir(self) -> str:
        """Return the working folder of the last stage, `/workspace` where none says one that can be mounted."""
        folder = PurePosixPath("/", *(argument.strip("\"'") for argument in self._arguments("WORKDIR")))
        return str(folder) if str(folder).strip("/.") and not NO_FOLDER.search(str(folder)) else "/workspace"

    def entrypoint(self) -> list[str]:
        """Return the words of the ENTRYPOINT in the last stage, none where it has none."""
        arguments = self._arguments("ENTRYPOINT")
        words = texts_in(arguments[-1]) if arguments else []
        return ["/bin/sh", "-c", arguments[-1]] if words is None else words

    def command(self) -> list[str]:
        """Return the words of the CMD in the last stage, none where it has none."""
        arguments = self._arguments("CMD")
        return words_of(arguments[-1], self._stage.values) if arguments else []

    def port(self) -> int | None:
        """Return the port that the last stage exposes: of several the one that its command names, else the first."""
        exposed = [int(port) for one in self._arguments("EXPOSE") for port in re.findall(r"\b(\d+)(?:/tcp)?(?=\s|$)", one)]
        exposed = [port for port in exposed if 0 < port < 65536]
        said = " ".join([*self.entrypoint(), *self.command()])
        return next((port for port in exposed if re.search(rf"\b{port}\b", said)), exposed[0] if exposed else None)

    def fills_workdir(self, *, in_source_folder: bool = False) -> bool:
        """Tell whether the image has something in its working folder that the project's own folder lacks.

        Such as a virtual environment, files that another stage has built, or the code itself where it is installed from there.

        Args:
            in_source_folder: whether the code is in `src`, so that Python finds it nowhere but where it is installed.
        """
        folder, values = self.workdir(), self._stage.values
        environment = {
            values.get("VIRTUAL_ENV", ""),
            values.get("UV_PROJECT_ENVIRONMENT", ""),
            *values.get("PATH", "").split(":"),
        }
        runs = " && ".join(self._arguments("RUN"))
        # uv takes the one that is active only where it is told to.
        by_uv = re.search(r"\buv sync\b(?!.*--active)", runs) and "UV_PROJECT_ENVIRONMENT" not in values
        in_project = values.get("POETRY_VIRTUALENVS_IN_PROJECT", "") in {"1", "true"} or "in-project true" in runs
        installed = re.search(r"\bpip3? install\s+(?:(?!&&|-e\b|--editable\b).)*?\s?\.(?:\[[\w,]+\])?(?=\s|$)", runs)
        copied = [argument for argument in self._arguments("COPY") if "--from=" in argument]
        targets = [str(PurePosixPath(folder, argument.split()[-1])) for argument in copied]
        return bool(
            any(path.startswith(f"{folder}/") for path in environment)
            or by_uv
            or in_project
            or MAKES_ENVIRONMENT.search(runs)
            or BUILDS_FILES.search(runs)
            or (installed and in_source_folder)
            or any(target == folder or target.startswith(f"{folder}/") for target in targets)
        )

    def user(self) -> str:
        """Return the user that the last stage names, empty where that is root or nobody."""
        user = next((argument.strip("\"'") for argument in reversed(self._arguments("USER"))), "")
        return "" if user.partition(":")[0] in {"root", "0"} else "".join(char for char in user if char.isprintable())
