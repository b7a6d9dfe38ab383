"""Which packages of Debian's the dependencies of a project need: to run, and to be built."""

from __future__ import annotations

import re
from functools import cached_property

from .folder import Folder
from .requirements import FILES, Requirements

# Wheels bring most libraries along. These distributions have none, or call a program of the system's.
RUNS = {
    "psycopg2": ("libpq5",),
    "psycopg[c]": ("libpq5",),
    "psycopg-c": ("libpq5",),
    "mysqlclient": ("libmariadb3",),
    "python-magic": ("libmagic1",),
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    "django-weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    "cairosvg": ("libcairo2",),
    "cairocffi": ("libcairo2",),
    "pycairo": ("libcairo2",),
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0"),
    "pyzbar": ("libzbar0",),
    "pytesseract": ("tesseract-ocr",),
    "pdf2image": ("poppler-utils",),
    "ffmpeg-python": ("ffmpeg",),
    "pydub": ("ffmpeg",),
    "graphviz": ("graphviz",),
    "gitpython": ("git",),
    "pyodbc": ("unixodbc",),
    "soundfile": ("libsndfile1",),
}
BUILDS = {
    "psycopg2": ("gcc", "libc6-dev", "libpq-dev"),
    "psycopg[c]": ("gcc", "libc6-dev", "libpq-dev"),
    "psycopg-c": ("gcc", "libc6-dev", "libpq-dev"),
    "mysqlclient": ("gcc", "libc6-dev", "pkg-config", "libmariadb-dev"),
    "pycairo": ("gcc", "libc6-dev", "pkg-config", "libcairo2-dev"),
    "uwsgi": ("gcc", "libc6-dev"),
    "python-ldap": ("gcc", "libc6-dev", "libldap-dev", "libsasl2-dev"),
    "pysqlcipher3": ("gcc", "libc6-dev", "libsqlcipher-dev"),
}
GIT = re.compile(r"\bgit\+(?:https?|ssh|git)://|\bgit\s*=\s*[\"']")


class Packages:
    """What the image needs of Debian.

    Args:
        folder: the project's.
        requirements: what it declares.
    """

    def __init__(self, folder: Folder, requirements: Requirements) -> None:
        self._folder = folder
        self._names = requirements.names

    @cached_property
    def runs(self) -> list[str]:
        """The packages that the app needs to run."""
        found = {package for name, packages in RUNS.items() if name in self._names for package in packages}
        # Without a library of its own it looks for the system's.
        pure = "psycopg" in self._names and not self._names & {"psycopg[binary]", "psycopg-binary"}
        return sorted(found | ({"libpq5"} if pure else set()))

    @cached_property
    def builds(self) -> list[str]:
        """The packages that are needed to install the dependencies alone."""
        found = {package for name, packages in BUILDS.items() if name in self._names for package in packages}
        texts = (self._folder.read(file) for file in (*FILES, "pyproject.toml", "setup.py", "setup.cfg"))
        return sorted(found | ({"git"} if any(map(GIT.search, texts)) else set()))
