"""The tests of a project: the command that runs them, and whether it says itself what they measure."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from fnmatch import fnmatch
from functools import cached_property
from pathlib import PurePosixPath

from .folder import IGNORED_FOLDERS, Folder, section
from .layout import Layout
from .metadata import Metadata
from .requirements import Requirements
from .shown import DEMOS, SHOWING
from .web import Web

# Folders without tests of the project's own, folders of tests, and what makes a test of a file's text.
NO_TESTS = frozenset({"node_modules", "venv", "env", "virtualenv", "site-packages", "build", "dist"})
ASIDE = (IGNORED_FOLDERS | SHOWING | DEMOS | {"extern", "_vendor", "vendored"}) - {"tests", "test", "testing"}
TESTS = re.compile(r"tests?|testing|\w+[-_]tests?|tests?[-_]\w+")
TEST = re.compile(r"^\s*(?:async\s+)?def\s+test|^\s*class\s+(?:Test|\w+\(.*TestCase)", re.MULTILINE)
TEST_CLASS = re.compile(r"^\s*class\s+\w+\(.*Test", re.MULTILINE)
MAX_TESTS_READ = 300
# Files in which unittest looks for tests, and pytest not by itself; and what makes a test of such a file's text.
UNUSUAL_FILES = ("test*.py", "*_tests.py")
UNUSUAL_TEST = re.compile(r"^\s*(?:async\s+)?def\s+test_|^\s*class\s+\w+\(.*TestCase", re.MULTILINE)


class Tests:
    """How a project is tested.

    Args:
        folder: the project's.
        metadata: what it says about itself.
        layout: where its code lies.
        requirements: what it declares.
        web: how it serves the web.
    """

    def __init__(self, folder: Folder, metadata: Metadata, layout: Layout, requirements: Requirements, web: Web) -> None:
        self._folder = folder
        self._metadata = metadata
        self._layout = layout
        self._requirements = requirements
        self._web = web

    @cached_property
    def options(self) -> dict[str, list[str]]:
        """What the file that pytest reads says, by names in lower case, as words."""
        folder, table = self._folder, self._metadata.table
        tables = [
            *(folder.toml(name).get("pytest") for name in ("pytest.toml", ".pytest.toml")),
            *(section(folder.ini(name), "pytest") for name in ("pytest.ini", ".pytest.ini")),
            table("tool", "pytest", "ini_options") or table("tool", "pytest"),
            section(folder.ini("tox.ini"), "pytest"),
            section(self._metadata.setup_cfg, "tool:pytest"),
        ]
        options = next((table for table in tables if isinstance(table, dict) and table), {})
        return {
            name.lower(): [str(word) for word in value] if isinstance(value, list) else str(value).split()
            for name, value in options.items()
        }

    @property
    def command(self) -> str:
        """The command that runs the tests, as shell words; empty where there are none."""
        django = self._web.django
        by_django = django.manage_py and not self._configures_django
        if by_django and any(self._homes(self._files(["test*.py"]), TEST_CLASS)):
            settings = [f"--settings={django.test_settings}"] if django.test_settings else []
            # It looks where it is started, unless it is told where.
            return django.manage("test", *settings, *([django.home.rstrip("/")] if django.home else []))
        # As libraries for Django have one, without whose settings nothing of theirs can be imported.
        if not self.options and re.search(r"^\s*(?:from|import) django\b", self._folder.read("runtests.py"), re.MULTILINE):
            return "python runtests.py"
        if by_tox := self._djangos_by_tox:
            return by_tox
        files = self._files(self.options.get("python_files") or ["test_*.py", "*_test.py"])
        if base := self._layout.base:
            # pytest takes the settings of the folder that it is told.
            return f"pytest {base[:-1]}" if any(self._homes([file for file in files if file.startswith(base)], TEST)) else ""
        paths = [os.path.normpath(path) for path in self.options.get("testpaths", [])]
        patterns = [pattern for path in paths for pattern in (path, "*" if path == "." else f"{path}/*")]
        within = [file for file in files if any(fnmatch(file, pattern) for pattern in patterns)]
        if self._homes(within, TEST):
            return "pytest"
        homes = self._homes(files, TEST)
        own = [home for home in homes if home]
        if not own and (unusual := self._unusual_command()):
            return unusual
        if own == homes and not paths:
            return shlex.join(["pytest", *self._named_by_tox]) if own else ""
        # By itself, pytest would look elsewhere, or collect the tests of examples and of other projects too.
        if len(own) > 4:
            own = list(dict.fromkeys(home.split("/")[0] for home in own))
        return shlex.join(["pytest", *own]) if own else ""

    @property
    def _djangos_by_tox(self) -> str:
        """The command of Django's by which tox runs the tests of a library, with its settings; empty where it does not."""
        config = self._folder.ini("tox.ini")
        call = re.search(r"\sdjango test\b([^\n]*)", config.get("testenv", "commands", fallback=""))
        settings = re.search(r"\bDJANGO_SETTINGS_MODULE\s*=\s*([\w.]+)", config.get("testenv", "setenv", fallback=""))
        if not call or not settings:
            return ""
        folders = [word for word in re.findall(r"(?<![\w./-])\w[\w./]*", call[1]) if self._folder.has(word)]
        return shlex.join(["python", "-m", "django", "test", f"--settings={settings[1]}", *folders])

    @property
    def _named_by_tox(self) -> list[str]:
        """The folders, or files, below others that tox' own command has pytest look for tests in."""
        commands = self._folder.ini("tox.ini").get("testenv", "commands", fallback="")
        calls = [line.split() for line in commands.splitlines() if re.match(r"\s*(?:python -m )?pytest\s", line)]
        named = [word for call in calls[:1] for word in call if "/" in word.strip("/") and re.fullmatch(r"\w[\w./-]*", word)]
        return [word for word in named if self._folder.has(word)]

    def _unusual_command(self) -> str:
        """Return the command for tests in files that pytest takes where it is given them; empty where there are none."""
        files = [file for file in self._files(UNUSUAL_FILES) if self._home(file)][:MAX_TESTS_READ]
        own = [file for file in files if UNUSUAL_TEST.search(self._folder.read(file))]
        if len(own) > 4:
            homes = dict.fromkeys(map(self._home, own))
            return shlex.join(["pytest", "-o", f"python_files={' '.join(UNUSUAL_FILES)}", *homes])
        return shlex.join(["pytest", *own]) if own else ""

    @property
    def homes(self) -> list[str]:
        """The folders and files that hold the tests, those of examples and of other projects left out."""
        patterns = ["test*.py", *(self.options.get("python_files") or ["*_test.py"])]
        return [home for home in self._homes(self._files(patterns), TEST) if home]

    def _files(self, patterns: Iterable[str]) -> list[str]:
        """Return the paths of the files with such names, nearest first."""
        found = self._folder.files(
            lambda name: name not in NO_TESTS and not name.endswith((".egg-info", ".egg")),
            lambda name: name.endswith(".py") and any(fnmatch(name, pattern) for pattern in patterns),
        )
        return list(found)

    def _home(self, path: str) -> str:
        """Return the outermost folder of tests that a file lies in, or the file; empty for examples and another project's."""
        folder = ""
        for part in PurePosixPath(path).parts[:-1]:
            folder = f"{folder}/{part}".lstrip("/")
            if TESTS.fullmatch(part):
                return folder
            inner = (
                self._requirements.declared
                and f"{folder}/" != self._layout.base
                and any(self._folder.has(f"{folder}/{name}") for name in ("pyproject.toml", "setup.py"))
            )
            if (part in ASIDE and folder not in self._code) or inner:
                return ""
        return path

    @cached_property
    def _code(self) -> frozenset[str]:
        """The folders with code of the project, whatever they are called."""
        return frozenset(str(folder) for path in self._folder.sources for folder in PurePosixPath(path).parents)

    def _homes(self, files: Iterable[str], test: re.Pattern[str]) -> list[str]:
        """Return where the files with tests lie, an empty text among them for tests that are none of the project's own."""
        homes: dict[str, bool] = {}
        reads = 0
        for file in files:
            home = self._home(file)
            if not homes.get(home) and reads < MAX_TESTS_READ:
                homes[home] = bool(test.search(self._folder.read(file)))
                reads += 1
        return [home for home, tested in homes.items() if tested]

    @property
    def _configures_django(self) -> bool:
        """Whether pytest learns somewhere which settings of Django's to take."""
        words = [word for name, value in self.options.items() for word in (name, *value)]
        if any(word.startswith("--ds") or "django_settings_module" in word.lower() for word in words):
            return True
        folders = ("", "tests", "test", self._layout.package)
        texts = (self._folder.read(str(PurePosixPath(folder, "conftest.py"))) for folder in folders)
        return any(re.search(r"DJANGO_SETTINGS_MODULE|\bsettings\.configure\(", text) for text in texts)

    @property
    def coverage_configured(self) -> bool:
        """Whether the project says itself what coverage shall measure."""
        configs = [
            (self._folder.ini(".coveragerc"), "run"),
            (self._metadata.setup_cfg, "coverage:run"),
            (self._folder.ini("tox.ini"), "coverage:run"),
        ]
        keys = {*self._metadata.table("tool", "coverage", "run")}.union(*(section(config, name) for config, name in configs))
        options = self.options.get("addopts", [])
        return bool(keys & {"source", "source_pkgs", "source_dirs", "include"}) or any(
            re.match(r"--cov(=|$)", word) for word in options
        )
