"""Whether an image has the project installed as a package: its code is then started from there, and not from the folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from .instructions import paths_of, resolve

# What stands before a program: variables, and what starts the program that follows.
BEFORE = re.compile(r"\w+=.*|sudo|env|exec|time|set|-\w+|--(?:mount|network|security)=.*")
MODULE = re.compile(r"(?:python|pypy)[\d.]*")
# Commands that install what they name, and options of theirs with a value.
INSTALLS = {"pip install", "pipx install", "uv tool install"}
VALUED = {
    *("-r", "--requirement", "--requirements", "-c", "--constraint", "-e", "--editable", "-i", "--index-url", "--index"),
    *("--extra-index-url", "-t", "--target", "--prefix", "--root", "-f", "--find-links", "-p", "--python", "--with"),
}
# Commands that build a wheel of the project, which another one installs.
BUILDS = {"build", "poetry build", "uv build", "hatch build", "pdm build", "flit build", "setup.py bdist_wheel"}
# Commands that install the project beside its dependencies, as a link to its folder if they don't say otherwise.
SYNCS = {"uv sync", "pdm sync", "pdm install", "setup.py install"}
WITHOUT_PROJECT = {"--no-install-project", "--no-install-workspace", "--no-self", "--only-group"}
# Files that say what to install, and no code.
LISTS = re.compile(
    r".*\.(?:toml|lock|txt|cfg|in|ini|md|rst|json|ya?ml)|setup\.py|Pipfile|\..+|(?:README|LICEN[CS]E).*", re.IGNORECASE
)


def commands(run: str, values: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield the words of each command of a RUN, from its program on, whatever starts that."""
    for command in re.split(r"&&|\|\||[;|\n]", resolve(run, values)):
        try:
            words = shlex.split(command)
        except ValueError:
            continue
        while words and BEFORE.fullmatch(words[0]):
            words = words[1:]
        if words and MODULE.fullmatch(words[0].rpartition("/")[2]):
            words = words[2:] if words[1:2] == ["-m"] else words[1:]
        words = words[1:] if words[:2] == ["uv", "pip"] else words
        if words:
            yield [re.sub(r"^pip[\d.]+$", "pip", words[0].rpartition("/")[2]), *words[1:]]


def named(words: list[str]) -> list[str]:
    """Return what a command of pip's names, without extras: requirements and paths, not what is installed to be edited."""
    found, rest = [], iter(words)
    for word in rest:
        if word in VALUED:
            next(rest, None)
        elif not word.startswith("-"):
            found.append(re.sub(r"\[[^\]]*\]$", "", word))
    return found


def is_project(path: str, folders: Iterable[str]) -> bool:
    """Tell whether a path that is installed is the project's folder, as it is called in the image."""
    return path in {".", "./"} or path.removeprefix("file://").rstrip("/") in folders


def brings_code(name: str, argument: str) -> bool:
    """Tell whether an instruction brings more of the project than the lists of what to install."""
    if name == "RUN":
        mounts: list[dict[str, str]] = [
            dict(re.findall(r"(\w+)=([^,\s]*)", mount)) for mount in re.findall(r"--mount=(\S+)", argument)
        ]
        sources = [one.get("source") or one.get("src") or "." for one in mounts if one.get("type") in {None, "bind"}]
    else:
        sources = paths_of(argument)
    return any(source.strip("./") == "" or not LISTS.fullmatch(source.rpartition("/")[2]) for source in sources)


def part(words: list[str], folders: Iterable[str], values: Mapping[str, str]) -> str:
    """Return what a command does for the project: `installs` it, `builds` a wheel, `takes` a wheel; empty for anything else."""
    starts = [" ".join(words[:length]) for length in (1, 2, 3)]
    if {*starts} & INSTALLS:
        what = named(words[2:])
        found = any(word.startswith(("-f", "--find-links")) for word in words) and what
        taken = found or any(one.endswith((".whl", ".tar.gz", "/*")) for one in what)
        return "installs" if any(is_project(one, folders) for one in what) else "takes" if taken else ""
    if {*starts} & SYNCS:
        fixed = words[0] == "setup.py" or "--no-editable" in words or values.get("UV_NO_EDITABLE", "") in {"1", "true"}
        return "installs" if fixed and not WITHOUT_PROJECT & {*words} else ""
    if starts[1] == "pip wheel":
        return "builds" if any(is_project(one, folders) for one in named(words[2:])) else ""
    return "builds" if {*starts} & BUILDS else ""


def installs_project(stages: Iterable[tuple[Iterable[tuple[str, str]], Mapping[str, str]]]) -> bool:
    """Tell whether one of an image's stages installs the project as a package, which no change of the folder reaches.

    Args:
        stages: that of the image, and those that it copies from: the instructions, and the values of variables, of each.
    """
    parts: set[str] = set()
    for instructions, values in stages:
        folders: set[str] = set()
        has_code = False
        for name, argument in instructions:
            has_code = has_code or (name in {"COPY", "ADD", "RUN"} and brings_code(name, argument))
            if name == "WORKDIR" or (name in {"COPY", "ADD"} and argument.split()[:1] == ["."]):
                folders.add(argument.split()[-1].rstrip("/"))
            for words in commands(argument, values) if name == "RUN" else ():
                parts |= {part(words, folders, values)} - ({"installs"} if not has_code else set())
    return "installs" in parts or {"builds", "takes"} <= parts
