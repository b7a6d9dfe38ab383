"""A project that is tested on several versions, and says on which it was."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ANSWERS: dict[str, Any] = {"stack": "full", "services": ["postgres"], "test_python_versions": ["3.11", "3.13"]}


def say_versions(project: Path) -> None:
    """Add a test that passes, and has what it runs on in its report."""
    (project / "tests/test_versions.py").write_text(
        "import os\nimport sys\n\nimport psycopg\n\n\ndef test_versions(record_property):\n"
        "    with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        "        postgres = connection.info.server_version // 10000\n"
        "    record_property('ran_on', f'{sys.version_info[0]}.{sys.version_info[1]} {postgres}')\n"
    )


def versions_in(text: str) -> list[str]:
    """Return the versions of Python and Postgres in reports, or in a log that shows them, each pair as `3.11 15`."""
    return sorted(re.findall(r'name="ran_on" value="([^"]+)"', text))
