"""What Compose makes of `.env.production`: a value that it changes is reported, and no other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import need_tool, preset, render, scripts_of

SINGLE, DOUBLE = (
    "write {} in single quotes in .env.production: ",
    "write {} in double quotes in .env.production, each \\ as \\\\: ",
)
QUOTES = "Compose reads quotes and backslashes in it otherwise"
COMMENT = "Compose takes what follows # for a comment"
BLANKS = "Compose leaves out the blanks at its ends"
VALUES = {
    # As they are meant.
    "abc": "",
    "": "",
    "  ": "",
    "abc  # a comment": "",
    "abc #": "",
    "abc#def": "",
    "it's": "",
    'say "hi"': "",
    '{"a": "b"}': "",
    "a\\nb": "",
    "100 %": "",
    "'a $b #c \\d'  # a comment": "",
    "'it\\'s'": "",
    '"it\'s #1"': "",
    '"a\\$b \\\\ \\"c\\""': "",
    "'two\nlines'": "",
    "$GIVEN/x": "",
    "für 5 €": "",
    # What Compose changes.
    "5$net": SINGLE + "Compose takes $net for a variable",
    '"5${net}"': SINGLE + "Compose takes $net for a variable",
    "pass #word": SINGLE + COMMENT,
    "it's #1": DOUBLE + COMMENT,
    " leading": SINGLE + BLANKS,
    "trailing ": SINGLE + BLANKS,
    '"a\\nb"': SINGLE + QUOTES,
    '"C:\\temp"': SINGLE + QUOTES,
    '"it\'s \\t"': DOUBLE + QUOTES,
    "'one' two": DOUBLE + QUOTES,
    '"one" two': SINGLE + QUOTES,
}


@pytest.fixture(scope="module")
def production(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    project = render(template, tmp_path_factory.mktemp("production") / "shop", preset("12-production"))
    with scripts_of(project / "scripts"):
        yield import_module("lib.production")


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_what_compose_changes_is_reported_and_nothing_else(end: str, production: ModuleType, tmp_path: Path) -> None:
    need_tool("docker")
    names = {value: f"VALUE_{number}" for number, value in enumerate(VALUES)}
    text = "".join(f"{line}\n" for line in ["GIVEN=1", *(f"{name}={value}" for value, name in names.items())]).replace("\n", end)
    (tmp_path / ".env.production").write_bytes(text.encode())
    (tmp_path / "docker-compose.yml").write_text("services: {app: {image: app, env_file: [.env.production]}}")
    config = ["docker", "compose", "config", "--format", "json"]
    result = subprocess.run(config, cwd=tmp_path, check=True, capture_output=True, text=True)
    told = json.loads(result.stdout)["services"]["app"]["environment"]
    said = [*production.changed(text, {name: value.replace("$$", "$") for name, value in told.items()})]
    assert said == [sentence.format(names[value]) for value, sentence in VALUES.items() if sentence]
