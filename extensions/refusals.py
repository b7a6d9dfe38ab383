"""What a user reads of a wrong answer: one sentence that says what to do, without Copier's traceback."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from copier.errors import UserMessageError
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

QUESTIONS = Path(__file__).resolve().parent.parent / "questions"


def question_names() -> list[str]:
    """Return the names of all questions, without the tenth of a second that PyYAML takes for them."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(QUESTIONS.glob("*.yml")))
    return [name for text in texts for name in re.findall(r"^(\w+):$", text, re.MULTILINE)]


@cache
def truth_values() -> set[str]:
    """Return the names of the questions that are answered with yes or no."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(QUESTIONS.glob("*.yml")))
    return {name for text in texts for name in re.findall(r"^(\w+):\n(?:  (?!type:).*\n)*  type: bool$", text, re.MULTILINE)}


def shortened(text: str) -> str:
    """Return a text as it fits into a line."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def no_truth_value(given: Mapping[str, object]) -> str:
    """Say in one sentence which answer is neither yes nor no, which Copier would take for a yes; empty where each is."""
    for name in truth_values() & given.keys():
        if str(given[name]).lower() not in {"y", "yes", "t", "true", "on", "1", "n", "no", "f", "false", "off", "0", ""}:
            return f"{name}: Say true or false, not {shortened(str(given[name]))}."
    return ""


def unknown_name(given: Iterable[str], names: list[str]) -> str:
    """Say in one sentence which given answer belongs to no question; empty where each does."""
    # An answers file that is given as data has Copier's own beside them.
    for name in given:
        if not name.startswith("_") and name not in names:
            from difflib import get_close_matches  # rarely needed

            if near := get_close_matches(name.lower(), names, 1):
                return f"Say {near[0]}, not {name}: no question is called so."
            return f"Leave out {name}: no question is called so. docs/reference/questions.md has the names."
    return ""


@pass_context
def check_names(context: Context) -> str:
    """Refuse an answer to no question, before anything is asked.

    Returns:
        An empty text, so that it can stand in a question.

    Raises:
        UserMessageError: with the sentence; Copier prints it and exits with 1.
    """
    conf = context["_copier_conf"]
    # In the temporary folders of an update Copier gives the answers of a version as data.
    data = {} if "copier._main." in str(conf["dst_path"]) else conf["data"]
    if data and (sentence := unknown_name(data, question_names()) or no_truth_value(data)):
        raise UserMessageError(sentence)
    answers = saved(Path(conf["dst_path"]) / conf["answers_file"])
    if answers and (sentence := no_truth_value({name: value for name, value in answers.items() if name not in data})):
        raise UserMessageError(f"{conf['answers_file']}: {sentence}")
    if "stack" not in data and lost_stack(answers):
        raise UserMessageError(f"Restore the line `stack: …` in {conf['answers_file']}, or give it, as in -d stack=full.")
    return ""


def saved(path: Path) -> dict[str, str]:
    """Return the answers in an answers file as they are written there, those of one line."""
    try:
        found = re.findall(r"^(\w+): *(\S.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        return {}
    return dict(found)


def lost_stack(answers: Mapping[str, str]) -> bool:
    """Tell whether somebody has taken the answer on which all others depend out of answers of ours."""
    return "stack" not in answers and {"keep_files", "generated_on"} <= answers.keys()


def asked(trace: TracebackType | None) -> Mapping[str, Any]:
    """Return the local variables of the function in which Copier asks; empty where an error came from elsewhere."""
    found: Mapping[str, Any] = {}
    while trace:
        if trace.tb_frame.f_code.co_name == "_ask":
            found = trace.tb_frame.f_locals
        trace = trace.tb_next
    return found


def sentence_of(error: BaseException) -> str:
    """Say in one sentence what was wrong; empty for what is no fault of the user's."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"Fix {os.fsdecode(error.filename or 'this')}, then try again: {error.strerror}."
    if not isinstance(error, (ValueError, TypeError, yaml.YAMLError)):
        return ""
    if match := re.fullmatch(r"Invalid choice for '(\w+)': (.*) is not in \[(.*)\]", text, re.DOTALL):
        return f"Choose {match[1]} from {match[3].replace(chr(39), '')}: {shortened(match[2])} is none of them."
    if match := re.fullmatch(r"(?:Validation error for question|Invalid choice for) '(\w+)': (.*)", text, re.DOTALL):
        return f"{match[1]}: {match[2]}"
    name = asked(error.__traceback__).get("var_name")
    if name and (match := re.fullmatch(r"Not a YAML list: '(.*)'", text)):
        return f"Give {name} a list, such as -d '{name}=[{match[1]}]'."
    kind = asked(error.__traceback__).get("details", {}).get("type")
    return f"Give {name} another value, of the type {kind}: {shortened(text)}" if name else ""


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the sentence in place of a traceback, where there is one."""
    if sentence := sentence_of(error):
        print(sentence, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


class RefusalsExtension(Extension):
    """Global `check_names`; and an end without a traceback for what Copier itself refuses."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["check_names"] = check_names
        # Copier lets these errors end its process, and has no setting for what is shown of them (9.19).
        if sys.excepthook is sys.__excepthook__:
            sys.excepthook = report
