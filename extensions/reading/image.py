"""What an existing Dockerfile says about the image that it builds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from .folder import Folder
from .installs import installs_project
from .instructions import resolve, sources_of, texts_in
from .listens import named_port

# What Compose, YAML or a script reads as something else in a folder, or not at all.
NO_FOLDER = re.compile(r"""["$`\\|:]| #|\s$|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]""")
# What a shell does with a command before it starts one.
NEEDS_SHELL = re.compile(r"[$`|&;<>()*?~{}\[\]\n]|^\s*\w+=")
# What puts a virtual environment, and files of a front end, into the working folder.
MAKES_ENVIRONMENT = re.compile(r"\b(?:venv|virtualenv)\s+(?:-\S+\s+)*(?!/|-|&)\.?\w")
BUILDS_FILES = re.compile(r"\b(?:npm|yarn|pnpm)\s+(?:ci|install|run\s+build|build)\b")
# What only a shell knows; `exec` alone is the same without one.
BUILTINS = frozenset({".", "cd", "eval", "exit", "export", "read", "set", "source", "trap", "ulimit", "umask", "unset", "wait"})
SHELL = ("/bin/sh", "-c")
SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
# What a script for a shell reads of the words after it.
PARAMETERS = re.compile(r"\$\{?[@*0-9]")
# Programs that start what follows them, and their options that have a value.
WRAPPERS = {"env", "tini", "dumb-init", "gosu", "su-exec", "setpriv", "nice", "opentelemetry-instrument", "ddtrace-run"}
# An instruction with the lines that belong to it, up to a word of its own.
HERE_DOCUMENT = re.compile(r"^([ \t]*(?:RUN|COPY|ADD)\b.*)<<-?[\"']?(\w+)[\"']?.*\n((?:.*\n)*?)[ \t]*\2[ \t]*\r?$", re.M | re.I)
WITH_VALUES = {"-n", "-p", "-e", "-r", "-u", "-C"}
USERS = {"gosu", "su-exec"}
# Where a project has the script that its image starts with.
PLACES = ("", "docker/", "scripts/", "bin/", "deploy/")
# What a stage for tests is called.
STAGES = ("test", "tests", "testing", "ci", "dev", "development")


def takes_nothing(entrypoint: list[str]) -> bool:
    """Tell whether an ENTRYPOINT takes no notice of the words after it: a script for a shell, as one of shell form is."""
    return (
        len(entrypoint) > 2
        and entrypoint[0].rpartition("/")[2] in SHELLS
        and bool(re.fullmatch(r"-\w*c", entrypoint[-2]))
        and not PARAMETERS.search(entrypoint[-1])
    )


def program_in(folder: Folder, entrypoint: list[str]) -> list[str]:
    """Return an ENTRYPOINT but for what starts the words after it: `tini` and its like, a script of the project with `"$@"`."""
    if takes_nothing(entrypoint):
        return entrypoint
    rest = entrypoint
    for number, word in enumerate(entrypoint, 1):
        if '"$@"' in word:
            # The word after it is the script's name.
            rest = entrypoint[number + 1 :]
        elif any('"$@"' in folder.read(f"{place}{word.rpartition('/')[2]}") for place in PLACES):
            rest = entrypoint[number:]
    while rest and (wrapper := rest[0].rpartition("/")[2]) in WRAPPERS:
        rest = rest[2 if wrapper in USERS else 1 :]
        while rest and (rest[0].startswith("-") or (wrapper == "env" and "=" in rest[0])):
            rest, last = rest[2 if rest[0] in WITH_VALUES else 1 :], rest[0] == "--"
            if last:
                break
    return rest


def one_line(instruction: str, document: str) -> str:
    """Return an instruction with a here-document on one line: RUN with its commands, the others without a file's text."""
    told = document.replace("\\\n", " ").splitlines() if instruction.split()[0].upper() == "RUN" else []
    return instruction + " && ".join(line.strip() for line in told if line.strip() and not line.lstrip().startswith("#"))


@dataclass(frozen=True)
class Stage:
    """A stage of a Dockerfile, with what it takes over from the stage that it is made from."""

    instructions: tuple[tuple[str, str], ...] = ()
    """Names in capitals, and arguments in which variables are resolved as far as the Dockerfile tells them."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What ENV and ARG have set by its end."""
    name: str = ""
    base: str = ""
    """The image that it begins with, as it is written."""
    inherited: int = 0
    """How many of the instructions are those of the stage that it is made from."""


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
            called = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""
            before = stages[named[base]] if base in named else Stage()
            stages.append(replace(before, name=called, base=before.base or base, inherited=len(before.instructions)))
            if called:
                named[called] = len(stages) - 1
        elif not stages:
            outside |= dict(assignments(argument)) if name == "ARG" else {}
        else:
            values = dict(stages[-1].values)
            if name in {"ARG", "ENV"}:
                given = dict(assignments(resolve(argument, values)))
                values |= given or {one: outside[one] for one in argument.split() if one in outside}
            known = argument if name in {"CMD", "ENTRYPOINT", "RUN", "SHELL"} else resolve(argument, values)
            said, inherited = stages[-1].instructions, stages[-1].inherited
            if name == "ENTRYPOINT" and "CMD" not in dict(said[inherited:]):
                # Docker drops what the other stage has had for its own.
                said = (*(one for one in said[:inherited] if one[0] != "CMD"), *said[inherited:])
                inherited += len(said) - len(stages[-1].instructions)
            stages[-1] = replace(stages[-1], instructions=(*said, (name, known)), values=values, inherited=inherited)
    return stages


def words_of(argument: str, values: Mapping[str, str], shell: Sequence[str] = SHELL) -> list[str]:
    """Return the words of a CMD: those of the exec form; a shell, and a script for it, where it needs one."""
    words = texts_in(argument)
    if words is not None:
        return words
    known = resolve(argument, values)
    try:
        # A plain command means the same without a shell.
        plain = [] if NEEDS_SHELL.search(known) else shlex.split(known)
    except ValueError:
        plain = []
    plain = plain[1:] if plain[:1] == ["exec"] else plain
    return [*shell, argument] if not plain or plain[0] in BUILTINS else plain


class Image:
    """The image of a Dockerfile.

    Args:
        dockerfile: its text, empty where there is none.
        target: the stage that is built, the last one where it is empty.
        folder: the project's, for the scripts that it starts with.
    """

    def __init__(self, dockerfile: str, target: str = "", folder: Folder | None = None) -> None:
        self._target = target.lower()
        self._folder = folder
        lines = HERE_DOCUMENT.sub(lambda found: one_line(found[1], found[3]), dockerfile)
        self._text = re.sub(r"^[ \t]*#.*\n", "", re.sub(r"\\\r?\n(?:[ \t]*#.*\n)*", " ", lines), flags=re.MULTILINE)

    @cached_property
    def _stages(self) -> list[Stage]:
        return stages_in(self._text) or [Stage()]

    @cached_property
    def _stage(self) -> Stage:
        """The stage that is built."""
        return next((stage for stage in self._stages if self._target and stage.name == self._target), self._stages[-1])

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
        return self._words("ENTRYPOINT")

    def command(self) -> list[str]:
        """Return the words of the CMD in the last stage; none where it has none, or the ENTRYPOINT takes none."""
        if takes_nothing(self.entrypoint()):
            return []
        # To a program they are arguments, be it a shell and its script.
        return self._words("CMD", plain=not self._program)

    def started(self) -> list[str]:
        """Return the words of what Docker starts, but for what starts the rest, such as `tini`; none where no more is said."""
        return [*self._program, *self.command()]

    @cached_property
    def _program(self) -> list[str]:
        """The words of the ENTRYPOINT from the program on; none where it starts the CMD."""
        return program_in(self._folder, self.entrypoint()) if self._folder else self.entrypoint()

    def _words(self, instruction: str, *, plain: bool = False) -> list[str]:
        """Return the words of the last CMD or ENTRYPOINT, as Docker makes them.

        Args:
            instruction: its name.
            plain: whether one of shell form is written without a shell where that means the same.
        """
        shell = [*SHELL]
        words: list[str] = []
        for name, argument in self._stage.instructions:
            if name == "SHELL":
                shell = texts_in(argument) or shell
            elif name == instruction:
                given = texts_in(argument)
                said = words_of(argument, self._stage.values, shell) if plain else [*shell, argument]
                words = said if given is None else given
        return words

    def port(self) -> int | None:
        """Return the port that its command names, else one that it exposes: the one in the command, or the first."""
        exposed = [int(port) for one in self._arguments("EXPOSE") for port in re.findall(r"\b(\d+)(?:/tcp)?(?=\s|$)", one)]
        exposed = [port for port in exposed if 0 < port < 65536]
        said = resolve(shlex.join([*self.entrypoint(), *self.command()]), self._stage.values)
        if port := named_port(said):
            return port
        return next((port for port in exposed if re.search(rf"\b{port}\b", said)), exposed[0] if exposed else None)

    def _parts(self) -> list[Stage]:
        """Return the stage that is built, and those that it copies from."""
        found, rest = [self._stage], [self._stage]
        while rest:
            for name in re.findall(r"\bfrom=([\w.-]+)", " ".join(argument for _, argument in rest.pop().instructions)):
                theirs = [one for number, one in enumerate(self._stages) if name.lower() in {one.name, str(number)}]
                found += (new := [one for one in theirs if one not in found])
                rest += new
        return found

    def hides_by_mount(self) -> bool:
        """Tell whether a mount of the project's folder over the working folder would take something from the image.

        Such as a virtual environment, or files that another stage has built; and whether a change there would show nothing,
        because the project is installed as a package.
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
        copied = [argument for argument in self._arguments("COPY") if "--from=" in argument]
        targets = [str(PurePosixPath(folder, argument.split()[-1])) for argument in copied]
        return bool(
            any(path.startswith(f"{folder}/") for path in environment)
            or by_uv
            or in_project
            or MAKES_ENVIRONMENT.search(runs)
            or BUILDS_FILES.search(runs)
            or installs_project((stage.instructions, stage.values) for stage in self._parts())
            or any(target == folder or target.startswith(f"{folder}/") for target in targets)
        )

    @property
    def base(self) -> str:
        """The image that the last stage begins with, in small letters; empty where nothing says that."""
        return self._stage.base

    @property
    def has_python(self) -> bool:
        """Whether `python` evidently is a program in it: in an image made for Python, or in a virtual environment."""
        return "python" in self.base or "venv" in self._stage.values.get("PATH", "")

    def copied(self) -> list[str]:
        """Return the paths of the project that the image takes in, without those that a stage before it does not hand on."""
        return [path for argument in [*self._arguments("COPY"), *self._arguments("ADD")] for path in sources_of(argument)]

    def missing(self, folder: Folder) -> list[str]:
        """Return the paths that some stage takes from the project, and that are not there: a build ends at them."""
        instructions = (one for stage in self._stages for one in stage.instructions)
        paths = [path for name, argument in instructions if name in {"COPY", "ADD"} for path in sources_of(argument)]
        plain = [path.lstrip("/") for path in paths if re.fullmatch(r"[\w./-]+", path) and ".." not in path]
        return [path for path in dict.fromkeys(plain) if path and not folder.has(path)]

    def user(self) -> str:
        """Return the user that the last stage names, empty where that is root or nobody."""
        user = next((argument.strip("\"'") for argument in reversed(self._arguments("USER"))), "")
        return "" if user.partition(":")[0] in {"root", "0"} else "".join(char for char in user if char.isprintable())
