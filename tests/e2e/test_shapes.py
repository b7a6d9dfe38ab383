"""Projects of other people's shapes start as they are found, without an answer."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeStack
from tests.shapes import shapes

WEB = shapes("web")


@pytest.mark.parametrize("name", WEB)
def test_a_project_that_serves_the_web_answers(name: str, make_stack: MakeStack) -> None:
    shape = WEB[name]
    stack = make_stack(shape.answers, write=shape.write)
    stack.up()
    status, text = stack.get(shape.path)
    assert status == 200 and shape.says in text, text
    assert {path: (stack.folder / path).read_text() for path in shape.files} == shape.files, "no file of theirs is changed"
