"""Which variables an app can't start without is found, and what has a default or a value is not named."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.unit.shapes import FLASK, reading, write

demanded = import_module(f"{reading.__name__}.demanded").demanded

PYDANTIC = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    {}\nsettings = Settings()\n"


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("KEY = os.environ['API_KEY']\n", ["API_KEY"]),
        ("class Config:\n    KEY = os.environ['API_KEY']\n", ["API_KEY"]),
        ("KEY = config('API_KEY')\n", ["API_KEY"]),
        ("KEY = env.str('API_KEY')\n", ["API_KEY"]),
        ("KEY = os.environ.get('API_KEY')\nSECRET_KEY = os.getenv('SECRET_KEY')\n", []),
        ("os.environ.setdefault('API_KEY', 'x')\nKEY = os.environ['API_KEY']\n", []),
        ("os.environ['API_KEY'] = 'x'\nKEY = os.environ['API_KEY']\n", []),
        ("try:\n    KEY = os.environ['API_KEY']\nexcept KeyError:\n    KEY = ''\n", []),
        ("if DEBUG:\n    KEY = os.environ['API_KEY']\n", []),
        ("def key():\n    return os.environ['API_KEY']\n", []),
        ("URL = os.environ['DATABASE_URL'], os.environ['PORT'], os.environ['HOME']\n", []),
        ("KEY = config('API_KEY', default='x')\n", []),
        (PYDANTIC.format("api_key: str"), ["API_KEY"]),
        (PYDANTIC.format("api_key: str = Field(..., min_length=3)"), ["API_KEY"]),
        (PYDANTIC.format("api_key: str = Field(validation_alias='THE_KEY')"), ["THE_KEY"]),
        (PYDANTIC.format("api_key: str | None"), []),
        (PYDANTIC.format("api_key: str = 'x'"), []),
        (PYDANTIC.format("api_key: str = Field('x', min_length=1)"), []),
        (PYDANTIC.format("api_key: str = Field(default_factory=str)"), []),
    ],
)
def test_what_the_app_asks_for_without_a_default_is_found(code: str, names: list[str], tmp_path: Path) -> None:
    files = {"requirements.txt": "flask\n", "app.py": f"import os, shop\n{FLASK}", "shop.py": f"import os\n{code}"}
    found = write(tmp_path, {**files, "unused.py": "import os\nX = os.environ['UNUSED']\n"})
    assert demanded(found.folder, ["app.py"], found.layout.prefix, found.settings) == names


@pytest.mark.parametrize("file", [{".env": "API_KEY=x\n"}, {"Dockerfile": "FROM python\nENV API_KEY=x\n"}])
def test_what_has_a_value_is_not_asked_for(file: dict[str, str], tmp_path: Path) -> None:
    found = write(tmp_path, {"requirements.txt": "flask\n", "app.py": f"import os\nKEY = os.environ['API_KEY']\n{FLASK}", **file})
    assert demanded(found.folder, ["app.py"], found.layout.prefix, found.settings) == []
