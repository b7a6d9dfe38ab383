"""Which packages of Debian's the dependencies of a project need: to run, and to be built."""

from __future__ import annotations

import re
from functools import cached_property

from .folder import Folder
from .requirements import FILES, Requirements
from .wheels import Wheels

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
# Of what has wheels, but may be pinned to a version that is older than the Python.
COMPILED_RUNS = {
    "psycopg2-binary": RUNS["psycopg2"],
    "lxml": ("libxml2", "libxslt1.1"),
    "pillow": ("libjpeg62-turbo",),
}
COMPILED_BUILDS = {
    "psycopg2-binary": BUILDS["psycopg2"],
    "lxml": ("gcc", "libc6-dev", "libxml2-dev", "libxslt1-dev"),
    "pillow": ("gcc", "libc6-dev", "libjpeg-dev", "zlib1g-dev"),
}
GIT = re.compile(r"\bgit\+(?:https?|ssh|git)://|\bgit\s*=\s*[\"']")


class Packages:
    """What the image needs of Debian.

    Args:
        folder: the project's.
        requirements: what it declares.
        wheels: what is known of the versions that it pins.
        further: names of what development and tests need besides.
        compiles: whether the project compiles modules of its own.
    """

    def __init__(
        self, folder: Folder, requirements: Requirements, wheels: Wheels, further: frozenset[str], *, compiles: bool = False
    ) -> None:
        self._folder = folder
        self._names = requirements.names | further
        self._base = requirements.base
        self._wheels = wheels
        self._compiles = compiles

    @cached_property
    def runs(self) -> list[str]:
        """The packages that the app needs to run."""
        found = {package for name, packages in RUNS.items() if name in self._names for package in packages}
        found |= {package for name in self._wheels.compiled for package in COMPILED_RUNS.get(name, ())}
        # Without a library of its own it looks for the system's.
        pure = "psycopg" in self._names and not self._names & {"psycopg[binary]", "psycopg-binary"}
        return sorted(found | ({"libpq5"} if pure else set()))

    @cached_property
    def builds(self) -> list[str]:
        """The packages that are needed to install the dependencies, and the project itself, alone."""
        found = {package for name, packages in BUILDS.items() if name in self._names for package in packages}
        found |= {package for name in self._wheels.compiled for package in COMPILED_BUILDS.get(name, ("gcc", "libc6-dev"))}
        found |= {"g++", "gcc", "libc6-dev"} if self._compiles else set()
        texts = (
            self._folder.read(f"{self._base}{file}") for file in (*FILES, "Pipfile", "pyproject.toml", "setup.py", "setup.cfg")
        )
        return sorted(found | ({"git"} if any(map(GIT.search, texts)) else set()))
