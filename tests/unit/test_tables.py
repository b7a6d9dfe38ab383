"""What makes an app's tables is found, also where it is a script of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FLASK, write

APP = FLASK + "@app.route('/')\ndef index():\n    return ''\n"
SCRIPT = "from app import app, db\nwith app.app_context():\n    db.create_all()\n"
GUARDED = """
from shop.db import Base, engine
def main():
    Base.metadata.create_all(engine)
if __name__ == '__main__':
    main()
"""


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"create_db.py": SCRIPT}, "python create_db.py"),
        ({"shop/__init__.py": "", "shop/tables.py": GUARDED}, "python -m shop.tables"),
        ({"create_db.py": SCRIPT, "alembic.ini": ""}, "alembic upgrade head"),
        ({"create_db.py": SCRIPT.replace("db.create_all()", "db.drop_all()\n    db.create_all()")}, ""),
        ({"app.py": APP + "with app.app_context():\n    db.create_all()\n"}, ""),
        ({"start.py": SCRIPT + "app.run()\n"}, ""),
        ({"a.py": SCRIPT, "b.py": SCRIPT}, ""),
        ({"models.py": "def make():\n    db.create_all()\n"}, ""),
        ({"migrations/env.py": "", "requirements.txt": "flask\nflask-migrate\n"}, "flask --app app:app db upgrade"),
        ({"migrations/env.py": ""}, ""),
    ],
)
def test_a_script_that_makes_tables_and_drops_none_is_a_migration(files: dict[str, str], command: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"app.py": APP, "requirements.txt": "flask\n", **files}).migrate_command("shop") == command
