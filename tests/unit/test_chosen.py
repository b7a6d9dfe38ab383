"""A variable that chooses among databases gets the value that chooses Postgres."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import extension
from tests.unit.shapes import write

POSTGRES = "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}"


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (f"if os.getenv('DB') == 'postgres':\n    {POSTGRES}", {"DB": "db_kind:postgres"}),
        (
            f"if os.environ.get('DB_TYPE', 'sqlite').lower() in ('pgsql', 'postgresql'):\n    {POSTGRES}",
            {"DB_TYPE": "db_kind:pgsql"},
        ),
        (f"KIND = os.environ['DATABASE']\nif KIND == 'psql':\n    {POSTGRES}", {"DATABASE": "db_kind:psql"}),
        (f"if env.bool('USE_POSTGRES', False):\n    {POSTGRES}", {"USE_POSTGRES": "db_kind:1"}),
        (f"if os.getenv('USE_POSTGRES') == 'True':\n    {POSTGRES}", {"USE_POSTGRES": "db_kind:True"}),
        (
            "url = 'postgresql://db' if os.getenv('DB_ENGINE') == 'postgresql' else 'sqlite://'",
            {"DB_ENGINE": "db_kind:postgresql"},
        ),
        # What chooses more, another one, or is a part of an address.
        (f"if os.getenv('ENV') == 'postgres':\n    {POSTGRES}", {}),
        (f"if os.getenv('DB') == 'sqlite':\n    pass\nelse:\n    {POSTGRES}", {}),
        (f"if os.getenv('POSTGRESQL_ADDON_HOST'):\n    {POSTGRES}", {}),
        (f"if os.getenv('DATABASE_URL'):\n    {POSTGRES}", {}),
        (f"if os.getenv('TEST_DB') == 'postgres':\n    {POSTGRES}", {}),
        ("if os.getenv('DB') == 'postgres':\n    DATABASES = {}", {}),
    ],
)
def test_a_variable_that_is_compared_chooses(code: str, names: dict[str, str], tmp_path: Path) -> None:
    found = write(tmp_path, {"shop/settings.py": f"import os\n{code}\n", "requirements.txt": "django\npsycopg\n"})
    assert found.setting_names() == names


def test_its_value_is_that_of_the_choice_and_goes_with_a_database_alone() -> None:
    value_of = extension("context").facts.services.value_of
    assert value_of("db_kind:postgres", {"db_host": "db"}) == "postgres"
    assert value_of("db_kind:postgres", {"redis_url": "redis://"}) is None
    assert value_of("db_host", {"db_host": "db"}) == "db"
