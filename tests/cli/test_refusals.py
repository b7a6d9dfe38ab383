"""A wrong answer on the command line: the sentence alone, nothing written, no traceback; and names that are no question."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ROOT, extension, preset, run_copier
from tests.update.projects import generated
from tests.update.versions import working_tree_alone

refusals = extension("refusals")

WRONG = {
    "a validator": ("project_slug=Shop", "project_slug"),
    "a choice": ("stack=ful", "Choose stack from minimal, full, hybrid, mcp, mcp-multi, shared-services: 'ful' is none of them."),
    "a choice of several": ("ci=[jenkins]", "Choose ci from github, gitlab: 'jenkins' is none of them."),
    "a text for a list": ("ci=github", "Give ci a list, such as -d 'ci=[github]'."),
    "neither true nor false": ("production=flase", "production: Say true or false, not flase."),
    "no YAML": ("mcp_servers=[a", "mcp_servers"),
    "a misspelt name": ("prodution=true", "Say production, not prodution: no question is called so."),
    "a name like none": ("zzz=1", "Leave out zzz: no question is called so."),
}


@pytest.mark.parametrize(("answer", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_ends_in_its_sentence_alone(answer: str, sentence: str, template: Path, tmp_path: Path) -> None:
    stack = [] if answer.startswith("stack") else ["-d", "stack=mcp-multi" if "servers" in answer else "stack=minimal"]
    done = run_copier("copy", "--trust", "--defaults", *stack, "-d", answer, str(template), "new", cwd=tmp_path)
    assert done.returncode == 1
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert 'File "' not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_answer_to_no_question_is_refused_by_an_update_too(tmp_path: Path) -> None:
    project = generated(working_tree_alone(tmp_path / "template"), tmp_path / "shop", preset("01-minimal"), hook=False)
    done = run_copier("update", "--trust", "--defaults", "-d", "pyhton_version=3.12", cwd=project)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "Say python_version, not pyhton_version: no question is called so.",
    )


def test_the_names_are_those_of_all_questions() -> None:
    from tests.render.questions import Questions

    assert {*refusals.question_names()} == {*Questions(ROOT).all}
    assert refusals.unknown_name(["_commit", "stack"], ["stack"]) == ""


def test_what_is_no_fault_of_the_users_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    refusals.report(KeyError, KeyError("ours"), None)
    assert "KeyError: 'ours'" in capsys.readouterr().err
    refusals.report(OSError, OSError(28, "No space left on device", "Dockerfile"), None)
    assert capsys.readouterr().err == "Fix Dockerfile, then try again: No space left on device.\n"
