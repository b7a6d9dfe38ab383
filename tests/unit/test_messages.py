"""What is said of a wrong answer: its beginning fits the one line that the prompt shows, and says what to do."""

from __future__ import annotations

import re

import pytest

from tests.bad_input.cases import CASES
from tests.render.questions import Questions
from tests.support import ROOT

COLUMNS = 80
VERBS = {"Begin", "Choose", "Close", "Give", "Install", "Leave", "Let", "List", "Name", "Put", "Quote", "Rename", "Say", "Use"}
QUESTIONS = Questions(ROOT)
MESSAGES = sorted({([*answers][-1], sentence) for answers, sentence in CASES.values()})


@pytest.mark.parametrize(("question", "message"), MESSAGES)
def test_a_message_fits_the_line_that_the_prompt_shows_and_begins_with_what_to_do(question: str, message: str) -> None:
    first = re.split(r"(?<=\.) (?=[A-Z])", message)[0]
    prefix = f"Validation error for question '{question}': "
    assert len(prefix + first) <= COLUMNS
    assert first.split(" ")[0] in VERBS
    assert first.endswith(".")
    assert "must" not in message


def test_every_question_that_takes_more_than_choices_has_a_wrong_answer_here() -> None:
    free = {
        name
        for name, question in QUESTIONS.all.items()
        if not question.get("choices") and QUESTIONS.type(name, {}) not in {"bool"}
    }
    assert free <= {question for question, _ in MESSAGES}
    assert all(QUESTIONS.all[name].get("validator") for name in free)
