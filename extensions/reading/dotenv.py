"""An `.env` whose names the code reads, and that something outside of it loads: a Procfile's runner, Pipenv, an editor."""

from __future__ import annotations

import re

from .folder import Folder
from .requirements import Requirements

# What loads it inside of the app, where the mounted folder shows it.
LOADERS = frozenset({"python-dotenv", "python-decouple", "django-environ", "environs", "dynaconf", "django-configurations"})
LOADS = re.compile(r"\b(?:load_dotenv|read_env|env_file|env-file)\b|Config\(\s*[\"']\.env")
READS = re.compile(r"""(?:environ(?:\.get)?|getenv)\s*[\[(]\s*["'](\w+)["']""")
SET = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=", re.MULTILINE)


def unloaded(folder: Folder, requirements: Requirements, given: frozenset[str]) -> list[str]:
    """Return the names in `.env` that the code reads and that no container gets.

    Args:
        folder: the project's.
        requirements: what it declares.
        given: the names that a container has anyway.
    """
    names = {*SET.findall(folder.read(".env"))} - given
    if not names or {name.split("[")[0] for name in requirements.names} & LOADERS:
        return []
    texts = [folder.read(source) for source in folder.sources]
    return [] if any(map(LOADS.search, texts)) else sorted(names & {name for text in texts for name in READS.findall(text)})
