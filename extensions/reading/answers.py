"""The answers that a destination has already: ours, or another template's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

import yaml

ANSWERS_FILE = ".copier-answers.yml"
ANSWERS_FILE_BESIDE_ANOTHER = ".copier-answers.chora-compose.yml"
# Saved for every stack. An answers file that holds them is ours, also where somebody has removed one.
OUR_KEYS = frozenset({"project_slug", "stack", "keep_files", "generated_on"})


def is_ours(answers: object) -> bool:
    """Tell whether the content of an answers file was written by this template."""
    if not isinstance(answers, Mapping):
        return False
    return len(OUR_KEYS - answers.keys()) <= 1 or "chora-compose-template" in str(answers.get("_src_path"))


def load_answers(path: Path) -> object:
    """Return the content of an answers file; None where there is none or it is no YAML."""
    try:
        return yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError):
        return None


def answers_file_name(destination: Path) -> str:
    """Return the name of our answers file: the usual one, or the other where that is another template's."""
    usual = destination / ANSWERS_FILE
    return ANSWERS_FILE_BESIDE_ANOTHER if usual.exists() and not is_ours(load_answers(usual)) else ANSWERS_FILE


def earlier_servers(destination: Path) -> list[str]:
    """Return the names of MCP servers in a destination's answers file."""
    answers = load_answers(destination / answers_file_name(destination))
    names = answers.get("mcp_servers") if isinstance(answers, Mapping) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def use_own_answers_only(destination: Path) -> bool:
    """Replace the previous answers that Copier has loaded by our own, if they are another template's.

    Copier reads the previous answers from `.copier-answers.yml` before it knows the template's `_answers_file`, so the
    answers of a template that was there first would become ours. It has no setting against that (9.19); the object
    that holds them is the one of the question being rendered.

    Returns:
        True, so that it can stand in a question's `ask`.
    """
    frame = inspect.currentframe()
    while frame:
        last = getattr(getattr(frame.f_locals.get("self"), "answers", None), "last", None)
        if isinstance(last, dict) and last and not is_ours(last):
            ours = load_answers(destination / ANSWERS_FILE_BESIDE_ANOTHER)
            last.clear()
            last.update(ours if is_ours(ours) else {})  # type: ignore[call-overload]
        frame = frame.f_back
    return True
