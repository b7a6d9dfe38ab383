"""What `make lint` says about copier.yml, questions/ and presets/: what Copier takes without a word, and gets wrong later.

Prints one finding a line, and exits with 1 if there is any.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pathspec
import yaml
from copier._user_data import Question

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.render.matrix import Matrix  # noqa: E402 - the tests' own matrix, found by the line above
from tests.render.questions import Answers, Questions  # noqa: E402

# Copier has no list of them: those that its documentation names.
SETTINGS = frozenset(
    {"answers_file", "envops", "exclude", "external_data", "jinja_extensions", "message_after_copy", "message_after_update"}
    | {"message_before_copy", "message_before_update", "migrations", "min_copier_version", "preserve_symlinks"}
    | {"secret_questions", "skip_if_exists", "subdirectory", "tasks", "templates_suffix"}
)
COMMAND_KEYS = {
    "tasks": {"command", "when", "working_directory"},
    "migrations": {"command", "version", "when", "working_directory"},
}
QUESTION_KEYS = {field.name for field in dataclasses.fields(Question)} - {
    "var_name",
    "answers",
    "context",
    "jinja_env",
    "settings",
}
HELP_MAX = 120
# What tools and systems leave behind: kept out, and never part of the template.
LEFT_BEHIND = frozenset({"__pycache__", "*.pyc", ".DS_Store"})


class UniqueLoader(yaml.SafeLoader):
    """A loader to which a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def findings(root: Path) -> list[str]:
    """Return everything that is wrong with the questions of a template.

    Args:
        root: the template's folder, with copier.yml.
    """
    questions = Questions(root)
    found = [*of_files(questions)]
    if found:  # the rest would read what is broken
        return found
    found = [*of_settings(questions), *(finding for name in questions.all for finding in of_question(questions, name))]
    if found:  # what follows answers the questions
        return found
    try:
        matrix = Matrix(questions)
        return [*of_presets(questions, matrix.defaults), *of_choices(questions, matrix), *of_patterns(questions, matrix)]
    except jinja2.TemplateError as error:
        return [f"copier.yml: an expression can't be evaluated: {error}"]


def of_files(questions: Questions) -> Iterator[str]:
    """Yield what is wrong with the files themselves."""
    there = {f"questions/{path.name}" for path in (questions.root / "questions").glob("*.yml")}
    for name in sorted(there - set(questions.included)):
        yield f"{name}: copier.yml does not include it"
    for name in sorted(set(questions.included) - there):
        yield f"copier.yml: includes {name}, which does not exist"
    owner: dict[str, str] = {}
    for name in ("copier.yml", *sorted(there)):
        text = (questions.root / name).read_text(encoding="utf-8").replace("!include", "#")
        try:
            documents = [document for document in yaml.load_all(text, UniqueLoader) if document is not None]
        except yaml.YAMLError as error:
            yield f"{name}: {' '.join(str(error).split())}"
            continue
        for key, value in ((key, value) for document in documents for key, value in document.items()):
            if key in owner:
                yield f"{name}: {key} stands in {owner[key]} too"
            owner[key] = name
            if not key.startswith("_") and not isinstance(value, dict):
                yield f"{name}: {key} is no question with a type, a help and a default"


def of_settings(questions: Questions) -> Iterator[str]:
    """Yield what is wrong with the keys of copier.yml."""
    for key in sorted(questions.settings.keys() - SETTINGS):
        yield f"copier.yml: Copier knows no setting _{key}"
    for setting, known in COMMAND_KEYS.items():
        for command in questions.settings.get(setting, []):
            for key in sorted(command.keys() - known) if isinstance(command, dict) else []:
                yield f"copier.yml: Copier knows no key {key} of _{setting}"


def is_asked(question: dict[str, Any]) -> bool:
    """Tell whether a question is ever shown."""
    return question.get("ask") is not False


def labels(question: dict[str, Any]) -> list[str]:
    """Return what is shown of each choice."""
    return [str(choice) for choice in question.get("choices", [])]


def of_question(questions: Questions, name: str) -> Iterator[str]:
    """Yield what is wrong with one question."""
    question = questions.all[name]
    for key in sorted(question.keys() - QUESTION_KEYS):
        yield f"{name}: Copier knows no key {key} of a question"
    if question.get("when") is False:
        yield f"{name}: is never an answer, so that it belongs to the facts, in extensions/facts/"
    text = question.get("help", "")
    if not text:
        yield f"{name}: has no help"
    if len(text) > HELP_MAX or "\n" in text:
        yield f"{name}: its help is longer than one line of {HELP_MAX} characters"
    if re.search(r"\bpatterns?\b", " ".join([text, *labels(question)])):
        yield f"{name}: its help names a pattern, which nobody knows who has not read the docs"
    if text and is_asked(question) and "?" not in text:
        yield f"{name}: its help asks nothing"
    try:
        kind = questions.type(name, {})
    except jinja2.TemplateError as error:
        yield f"{name}: its type can't be evaluated: {error}"
        return
    if kind != "bool" and not question.get("choices") and not question.get("validator"):
        yield f"{name}: takes any {kind}, and has no validator"


def of_presets(questions: Questions, defaults: Answers) -> Iterator[str]:
    """Yield what is wrong with the presets."""
    for path in sorted((questions.root / "presets").iterdir()):
        preset = yaml.safe_load(path.read_text(encoding="utf-8"))
        where = f"presets/{path.name}"
        if path.suffix != ".yml" or not isinstance(preset, dict):
            yield f"{where}: is no .yml file with answers"
            continue
        unknown = sorted(preset.keys() - questions.all.keys())
        errors = [questions.error(name, preset[name], {**defaults, **preset}) for name in preset if name in questions.all]
        yield from (f"{where}: there is no question {name}" for name in unknown)
        yield from (f"{where}: {error}" for error in errors if error)
        if not unknown and not any(errors):
            answers = questions.resolve(preset)
            idle = [name for name in preset if not questions.true(name, "when", answers)]
            yield from (f"{where}: {name} is not asked with these answers" for name in idle)


def of_choices(questions: Questions, matrix: Matrix) -> Iterator[str]:
    """Yield the choices that no test renders: those that no answers to the other questions allow."""
    for name in matrix.names:
        rendered = [row[name] for row in matrix.rows if name in row]
        for choice in questions.choices(name):
            if not any(choice in value if isinstance(value, list) else choice == value for value in rendered):
                yield f"{name}: no test renders the choice {choice!r}, because no answers to the other questions allow it"


def rendered_paths(questions: Questions, matrix: Matrix) -> set[str]:
    """Return every path, relative to the project, that some answers render."""
    template = questions.root / questions.settings["subdirectory"]
    sources = [path.relative_to(template) for path in template.rglob("*") if path.is_file()]
    resolved = [questions.resolve(row) for row in matrix.rows]
    return {path for answers in resolved for source in sources for path in questions.paths(source.parts, answers)}


def of_patterns(questions: Questions, matrix: Matrix) -> Iterator[str]:
    """Yield the patterns in _exclude and _skip_if_exists that match no file of any rendering."""
    paths = rendered_paths(questions, matrix)
    kept: Answers = {**matrix.defaults, "keep_files": sorted(paths)[:1]}
    with tempfile.TemporaryDirectory() as destination:
        # What is excluded may depend on the folders that are there already.
        for path in paths:
            (Path(destination) / path).parent.mkdir(parents=True, exist_ok=True)
        contexts = [
            {**kept, "_copier_operation": operation, "_copier_conf": {"dst_path": folder, "answers_file": ".copier-answers.yml"}}
            for operation, folder in (
                ("copy", destination),
                ("update", "/my-project"),
                ("update", "/tmp/copier._main.a.old_copy.b"),
                ("update", "/tmp/copier._main.a.new_copy.b"),
            )
        ]
        for setting in ("exclude", "skip_if_exists"):
            for entry in questions.settings.get(setting, []):
                lines = {line for context in contexts for line in questions.render(entry, context).splitlines() if line}
                if not lines:
                    yield f"copier.yml: _{setting} has {entry!r}, which is empty for all answers"
                for line in sorted(lines - LEFT_BEHIND):
                    if not any(pathspec.PathSpec.from_lines("gitignore", [line]).match_files(paths)):
                        yield f"copier.yml: _{setting} has {line!r}, which matches no file of the template"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, nargs="?", default=ROOT, help="the template's folder")
    found = findings(parser.parse_args().root)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
