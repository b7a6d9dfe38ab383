"""`tools/lint_questions.py` says nothing about the questions as they are, and finds each mistake that is put into a copy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, copy_template, load

lint = load(ROOT / "tools" / "lint_questions.py", "lint_questions")

SLOT, DATA, MINIMAL, FULL = "questions/isolation.yml", "questions/data.yml", "presets/01-minimal.yml", "presets/02-full.yml"
DEFAULT = '  default: "{{ 0 if keeps_compose else free_slot(project_slug) }}"'
WRONG_SLOT = "validator: \"{{ '' if is_whole(port_slot)"
WHEN = 'when: "{{ not keeps_compose }}"\n  ask: "{{ published'
HELP = "help: Which services does the app need?"
STORE = "  - .DS_Store"
NOT_YET = "Valkey 8:\n      value: valkey-8\n      validator: not yet"
# Each mistake: the file, what stands there, what is put in its place, and what the finding says.
MISTAKES = {
    "unknown setting": ("copier.yml", "_exclude:", "_skip_if_exist: [/src]\n_exclude:", "no setting _skip_if_exist"),
    "unknown key of a task": ("copier.yml", "  - command:", "  - working_dir: a\n    command:", "no key working_dir of _tasks"),
    "unknown key of a question": (
        SLOT,
        WRONG_SLOT,
        WRONG_SLOT.replace("validator", "validtor"),
        "port_slot: Copier knows no key validtor",
    ),
    "no validator": (
        SLOT,
        WRONG_SLOT,
        WRONG_SLOT.replace("validator", "validtor"),
        "port_slot: takes any int, and has no validator",
    ),
    "no help": (DATA, HELP, "qmark: a", "services: has no help"),
    "long help": (DATA, HELP, HELP + "?" * 90, "longer than one line"),
    "help with a pattern": (DATA, HELP, f"{HELP} (pattern 2)", "services: its help names a pattern"),
    "a choice with a pattern": (DATA, "Postgres - a database", "Postgres (pattern 2)", "services: its help names a pattern"),
    "help that asks nothing": (DATA, HELP, "help: The services of the app", "services: its help asks nothing"),
    "a computed value": (SLOT, WHEN, 'when: false\n  ask: "{{ published', "port_slot: is never an answer"),
    "a fact that is misspelt": ("questions/delivery.yml", "builds_image", "build_image", "'build_image' is undefined"),
    "a key twice": (SLOT, DEFAULT, f"{DEFAULT}\n  default: 1", "'default' is there twice"),
    "a question twice": (SLOT, "port_slot:", "stack:", "stack stands in"),
    "no yaml": (SLOT, "port_slot:", "port_slot: [", f"{SLOT}: "),
    "a question that is a value": (SLOT, "port_slot:", "offset: 0\nport_slot:", "offset is no question"),
    "a file that is not included": ("copier.yml", f"!include {SLOT}", "", f"{SLOT}: copier.yml does not include it"),
    "a file that is missing": ("copier.yml", SLOT, "questions/isolatoin.yml", "isolatoin.yml, which does not exist"),
    "a choice that nothing allows": (DATA, "Valkey 8: valkey-8", NOT_YET, "no test renders the choice 'valkey-8'"),
    "an unknown answer in a preset": (FULL, "stack: full", "stack: full\nstacks: full", "there is no question stacks"),
    "a wrong answer in a preset": (FULL, "stack: full", "stack: fulll", f"{FULL}: stack: 'fulll' is no choice"),
    "an answer of the wrong type": (FULL, "stack: full", "stack: full\nport_slot: a", f"{FULL}: "),
    "an answer that a validator refuses": (FULL, "stack: full", "stack: full\nport_slot: 10", f"{FULL}: "),
    "an answer that is not asked": (MINIMAL, "stack: minimal", "stack: minimal\nservices: [redis]", "services is not asked"),
    "a preset that is a list": (MINIMAL, "stack: minimal", "- stack: minimal", "is no .yml file with answers"),
    "a pattern of no file": ("copier.yml", STORE, f"{STORE}\n  - /source", "_exclude has '/source', which matches no file"),
    "a row of no file": (
        "files.yml",
        "\nscripts/ci:",
        "\nscripts/pipeline:",
        "'/scripts/pipeline', which matches no file",
    ),
    "a pattern that is always empty": (
        "copier.yml",
        STORE,
        f"{STORE}\n  - '{{{{ stack[:0] }}}}'",
        "empty for all answers",
    ),
    "a misspelt name": (SLOT, DEFAULT, '  default: "{{ slto }}"', "'slto' is undefined"),
    "a misspelt filter": (SLOT, DEFAULT, '  default: "{{ 0 | itn }}"', "No filter named 'itn'"),
}


def test_the_questions_have_no_mistake() -> None:
    assert lint.findings(ROOT) == []


# Each makes a matrix of its own, which takes seconds.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.wide] if number % 3 else []) for number, name in enumerate(MISTAKES)]
)
def test_a_mistake_is_found(name: str, tmp_path: Path) -> None:
    file, good, bad, says = MISTAKES[name]
    root = copy_template(tmp_path / "template")
    text = (root / file).read_text(encoding="utf-8")
    assert good in text
    (root / file).write_text(text.replace(good, bad, 1), encoding="utf-8")
    found = lint.findings(root)
    assert [finding for finding in found if says in finding], found
    assert all("\n" not in finding for finding in found)


def test_a_file_beside_the_presets_is_found(tmp_path: Path) -> None:
    root = copy_template(tmp_path / "template")
    (root / "presets" / "13-extra.yaml").write_text("stack: full\n")
    assert lint.findings(root) == ["presets/13-extra.yaml: is no .yml file with answers"]


def test_make_lint_fails_with_one_finding_a_line(tmp_path: Path) -> None:
    root = copy_template(tmp_path / "template")
    (root / "questions" / "extra.yml").write_text("a: {type: bool}\n")
    command = [sys.executable, str(ROOT / "tools" / "lint_questions.py")]
    broken = subprocess.run([*command, str(root)], capture_output=True, text=True, cwd=tmp_path)
    assert (broken.returncode, broken.stdout) == (1, "questions/extra.yml: copier.yml does not include it\n")
    good = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (good.returncode, good.stdout) == (0, "")
