"""What `make new` runs: `copier copy` from this clone, with one sentence instead of a traceback when an answer is wrong.

It reads DEST, PRESET and ARGS from the environment. DEBUG=1 shows the traceback.
"""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import yaml

TEMPLATE = Path(__file__).resolve().parent.parent
PRESETS = TEMPLATE / "presets"
# The switches that are added here, of which Copier refuses a second one, and their other spellings.
SAME = {"--UNSAFE": "--trust", "-r": "--vcs-ref", "-l": "--defaults"}
# Those of Copier's with a value, which may look like another switch.
VALUES = {"--answers-file", "--ask", "--data", "--data-file", "--skip", "--vcs-ref", "--exclude", *("-a", "-d", "-r", "-s", "-x")}


def switches(words: list[str]) -> set[str]:
    """Return the switches among the arguments of Copier, also those that share a word, such as `-lq`."""
    found, rest = set[str](), iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        names = [name] if word.startswith("--") else [f"-{letter}" for letter in word[1:]] if word.startswith("-") else []
        for number, one in enumerate(names, 1):
            found.add(SAME.get(one, one))
            if one in VALUES:
                if number == len(names) and not (equals and word.startswith("--")):
                    next(rest, None)
                break
    return found


def arguments(dest: str, preset: str, extra: str, interactive: bool) -> list[str]:
    """Return the arguments of Copier.

    Args:
        dest: the destination folder.
        preset: a preset's name, with or without `.yml`; empty for none.
        extra: further arguments of `copier copy`, as shell words.
        interactive: whether somebody can answer questions.

    Raises:
        ValueError: with a sentence that says what to do.
    """
    if not dest:
        raise ValueError("Say where the project is, or shall be: make new DEST=../myproj")
    if TEMPLATE in (Path(dest).resolve(), *Path(dest).resolve().parents):
        raise ValueError(f"Say a folder outside the template's own, {TEMPLATE}: make new DEST=../myproj")
    if not shutil.which("git"):
        raise ValueError("git is not installed, and Copier needs it: install git and try again.")
    answers = Path(dest) / ".copier-answers.yml"
    if answers.is_file() and not isinstance(yaml.safe_load(answers.read_text(encoding="utf-8")), dict):
        raise ValueError(f"{answers} holds no answers, and Copier reads it first: mend or remove it.")
    try:
        words = shlex.split(extra)
    except ValueError:
        raise ValueError(f"ARGS has a quotation mark that is not closed: {extra}") from None
    given = switches(words)
    if preset and "--data-file" in given:
        raise ValueError("Leave out PRESET or --data-file: Copier reads one file of answers; -d name=value gives single ones.")
    command = ["copy", *(word for word in ("--trust", "--vcs-ref=HEAD") if word.partition("=")[0] not in given)]
    if preset:
        names = sorted(path.stem for path in PRESETS.glob("*.yml"))
        if preset.removesuffix(".yml") not in names:
            raise ValueError(f"There is no preset {preset!r}: choose one of {', '.join(names)}.")
        command.append(f"--data-file={PRESETS / preset.removesuffix('.yml')}.yml")
    if (preset or not interactive) and "--defaults" not in given:
        command.append("--defaults")
    return [*command, *words, str(TEMPLATE), dest]


def sentence(error: Exception) -> str:
    """Return what an error of Copier says, in one line, with the question that it is about.

    Copier words its own errors with the question's name; those of the parsers below it do not know it.
    """
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
    trace = error.__traceback__
    while trace:
        question = getattr(trace.tb_frame.f_locals.get("self"), "var_name", "")
        if question and question not in text:
            given = trace.tb_frame.f_locals.get("answer", "")
            wanted = "a list, such as [first, second]" if "list" in text else "a value of the right type"
            return f"{question} must be {wanted}, and {given!r} is not ({text})."
        trace = trace.tb_next
    return text


def main() -> None:
    try:
        dest, preset, extra = (os.environ.get(name, "") for name in ("DEST", "PRESET", "ARGS"))
        sys.argv = ["copier", *arguments(dest, preset, extra, interactive=sys.stdin.isatty())]
        runpy.run_module("copier", run_name="__main__", alter_sys=True)
    except Exception as error:  # Copier raises many kinds, and each has one thing to say
        if os.environ.get("DEBUG"):
            raise
        sys.exit(sentence(error))


if __name__ == "__main__":
    main()
