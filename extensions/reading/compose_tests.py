"""What has to be different in the services of an existing Compose file while the tests of a project run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from .compose import HOLDS_DATA, ComposeFile, Service
from .folder import Folder

# The environment of the tests, which is committed.
TESTS = ".env.test"
# What files are called that show what an environment file, which is not committed, may hold.
EXAMPLES = ("{}.example", "{}.sample", "{}.template", "{}.dist", "{}.default", "example{}", "sample{}", "env.example")
# How services are called that are the app, the likeliest first.
APPS = ("app", "web", "api", "backend", "server", "django", "flask", "fastapi")
# What asks a server whether it is ready, by a part of its image's name, with what its own image has.
READY = {
    r"postg|timescale|pgvector": 'pg_isready -h 127.0.0.1 -U "$${POSTGRES_USER:-postgres}" -d postgres',
    r"redis(?!-)|valkey": "$$(command -v valkey-cli || echo redis-cli) ping",
}
# Files that tell pytest and coverage what to do.
SETTINGS = ("pyproject.toml", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "conftest.py", ".coveragerc")


def tested_service(compose: ComposeFile, is_app: Callable[[str], bool]) -> Service | None:
    """Return the service that builds the project; None where none does.

    Args:
        compose: the project's file.
        is_app: tells whether a folder of the project holds Python code.
    """

    def rank(service: Service) -> tuple[bool, bool, int, bool]:
        known = APPS.index(service.name) if service.name in APPS else len(APPS)
        return service.context != ".", bool(service.profiles), known, not service.ports

    found = [one for one in compose.services.values() if one.context is not None and is_app(one.context)]
    return min(found, key=rank, default=None)


def needed(compose: ComposeFile, tested: Service) -> dict[str, str]:
    """Return the services that the tests need, each with what they wait for: those that the tested one waits for.

    Where that names none, they are the ones that hold data.
    """
    said = tested.depends or {
        one.name: "service_started"
        for one in compose.services.values()
        if not one.builds and not one.profiles and HOLDS_DATA.search(one.image)
    }
    return {name: how for name, how in said.items() if is_needed(compose, tested, name)}


def is_needed(compose: ComposeFile, tested: Service, name: str) -> bool:
    """Tell whether a service is another one than the project itself, which its tests do without."""
    service = compose.services.get(name)
    return service is not None and (not service.builds or service.context != tested.context)


def with_theirs(compose: ComposeFile, names: Iterator[str]) -> list[Service]:
    """Return services with all that these wait for themselves."""
    waiting, found = [*names], dict[str, Service]()
    for name in waiting:
        if name in compose.services and name not in found:
            found[name] = compose.services[name]
            waiting += compose.services[name].depends
    return [*found.values()]


class ComposeTests:
    """What a Compose file for tests says about the services of another one.

    Args:
        folder: the project's.
        compose: its Compose file.
        tested: the service that builds the project.
        copied: the paths below its context that its image takes in.
        workdir: the working folder of its image.
        homes: where its tests lie, below its context.
    """

    def __init__(
        self, folder: Folder, compose: ComposeFile, tested: Service, copied: list[str], workdir: str, homes: list[str]
    ) -> None:
        self._folder = folder
        self._compose = compose
        self._tested = tested
        self._copied = copied
        self.context = tested.context or "."
        """The folder that the image is built from."""
        self.workdir = str(tested.said.get("working_dir") or workdir)
        """The folder in the image in which the tests run."""
        self._homes = homes
        self._needed = needed(compose, tested)

    @property
    def starts(self) -> list[str]:
        """The services that run beside the tests; one that ends by itself runs before these."""
        return [name for name, condition in self._needed.items() if condition != "service_completed_successfully"]

    @property
    def env_files(self) -> list[str]:
        """The environment files that give Compose its variables, in place of `.env`, which belongs to one machine."""
        return [*self._env_files((".env",)), TESTS]

    @property
    def unknown(self) -> list[str]:
        """The environment files that no pipeline has, and that no example stands for."""
        services = [self._tested, *with_theirs(self._compose, iter(self._needed))]
        named = dict.fromkeys(path for service in services for path in service.env_files)
        return [path for path in named if not self._env_files((path,))]

    def services(self) -> dict[str, dict[str, Any]]:
        """Return what is different in each service: None for what is left out, a list or a table for what replaces it."""
        beside = with_theirs(self._compose, iter(self._needed))
        return {self._tested.name: self._of_tested(), **{one.name: self._of_service(one) for one in beside}}

    def _of_tested(self) -> dict[str, Any]:
        service = self._tested
        changes = self._of_service(service)
        changes["env_file"] = [*self._env_files(service.env_files), TESTS]
        mounts = [*self._mounts(service), *self._test_mounts()]
        changes |= {"volumes": mounts} if mounts or service.mounts else {}
        changes |= {"restart": None} if "restart" in service.said else {}
        changes |= {"healthcheck": None} if "healthcheck" in service.said else {}
        if self._needed or service.depends:
            changes["depends_on"] = {name: self._condition(name) for name in self._needed} or None
        return changes

    def _of_service(self, service: Service) -> dict[str, Any]:
        said = service.said
        changes: dict[str, Any] = {key: None for key in ("ports", "container_name", "profiles") if key in said}
        if service.builds and service.image:
            # Else the tests' image would be called as the one that is worked with.
            changes["image"] = None
        if service.env_files:
            committed = self._env_files(service.env_files)
            if committed != [*service.env_files]:
                changes["env_file"] = [*committed, TESTS]
        kept = self._mounts(service)
        if len(kept) != len(service.mounts):
            changes["volumes"] = kept or None
        if test := self._ready(service):
            changes["healthcheck"] = {"test": ["CMD-SHELL", test]}
        return changes

    def _condition(self, name: str) -> str:
        service, said = self._compose.services[name], self._needed[name]
        healthy = service.checks_health or self._ready(service)
        return "service_healthy" if said == "service_started" and healthy else said

    def _ready(self, service: Service) -> str:
        """Return the command that asks a server whether it is ready, where its file says none."""
        if service.checks_health or service.builds or service.name == self._tested.name:
            return ""
        name = service.image.rpartition("/")[2].partition(":")[0]
        return next((command for pattern, command in READY.items() if re.search(pattern, name)), "")

    def _env_files(self, paths: tuple[str, ...]) -> list[str]:
        """Return those of some environment files that a pipeline has too, or the examples that stand for them."""
        found = []
        for path in paths:
            folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
            examples = [str(folder / form.format(name)) for form in EXAMPLES]
            found += self._committed([path])[:1] or self._committed(examples)[:1]
        return [path for path in dict.fromkeys(found) if path != TESTS]

    def _committed(self, paths: list[str]) -> list[str]:
        """Return those of some files that are in git, or come into it with all others."""
        there = [path for path in paths if self._folder.has_file(path)]
        if not there:
            return []
        asked = ["git", "--literal-pathspecs", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *there]
        try:
            done = subprocess.run(asked, cwd=self._folder.root, capture_output=True, encoding="utf-8", errors="replace")
        except OSError:  # there is no git
            return [path for path in there if PurePosixPath(path).name != ".env"]
        if done.returncode:  # there is no repository yet
            return [path for path in there if PurePosixPath(path).name != ".env"]
        listed = {*done.stdout.split("\0")}
        return [path for path in there if path in listed]

    def _mounts(self, service: Service) -> list[str]:
        """Return the volumes that stay: not the code, which the image has, and no folder in which data of development may be."""
        kept = []
        for source, target, mode in service.mounts:
            is_path = source.startswith((".", "/", "~"))
            if service.name == self._tested.name:
                stays = not is_path or not self._copied
            else:
                stays = not is_path or mode == "ro" or "initdb.d" in target or self._folder.has_file(source)
            if stays:
                kept.append(":".join(part for part in (source, target, mode) if part))
        return kept

    def _test_mounts(self) -> Iterator[str]:
        """Yield the mounts of tests, and of their settings, that the image lacks."""
        whole = "." in self._copied
        ignored = [line.strip() for line in self._folder.read(self._below(".dockerignore")).splitlines()]

        def is_ignored(path: str) -> bool:
            return any(line and fnmatch(path, line.lstrip("/").removeprefix("**/").rstrip("/")) for line in ignored)

        if not self._copied:
            return
        wanted = [home for home in self._homes if home]
        wanted += [name for name in SETTINGS if self._folder.has_file(self._below(name)) and name not in wanted]
        for path in wanted:
            # What the image has itself stays as it is there.
            if not (whole or path.partition("/")[0] in self._copied) or is_ignored(path.partition("/")[0]):
                yield f"./{self._below(path)}:{self.workdir}/{path}:ro"

    def _below(self, path: str) -> str:
        return path if self.context == "." else f"{self.context}/{path}"
