"""What an existing Compose file means for a project: its services, which of them is the app, and how its tests run."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from .compose import ComposeFile, Service
from .compose_tests import ComposeTests, tested_service
from .folder import Folder
from .image import Image
from .tests import Tests

# The images of services that the template has too.
KNOWN = {"postgres": ("postgres", "postgis", "pgvector", "timescaledb"), "redis": ("redis", "valkey")}


class Part(Protocol):
    """What is asked about the folder that an image is built from."""

    @property
    def has_app(self) -> bool: ...

    @property
    def tests(self) -> Tests: ...

    @property
    def test_sources(self) -> list[str]: ...


class Composed:
    """The services of a project's own.

    Args:
        folder: the project's.
        part: returns what is found in a folder of it.
    """

    def __init__(self, folder: Folder, part: Callable[[str], Part]) -> None:
        self._folder = folder
        self._part = part
        self.file = ComposeFile(folder)

    @cached_property
    def tested(self) -> Service | None:
        """The service that builds the project."""
        return tested_service(self.file, lambda context: self._part(context).has_app)

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """The services by name: `image` or `build`, and where there are some `ports` and `profiles`."""
        return {name: self._shown(service) for name, service in self.file.services.items()}

    def _shown(self, service: Service) -> dict[str, Any]:
        shown: dict[str, Any] = {"build": service.context or "elsewhere"} if service.builds else {"image": service.image}
        shown |= {"ports": [":".join(filter(None, port)) for port in service.ports]} if service.ports else {}
        return shown | ({"profiles": service.profiles} if service.profiles else {})

    def image(self, service: Service) -> Image:
        """Return what the Dockerfile of a service says."""
        return Image(self._folder.read(service.dockerfile), service.target, self._folder)

    def tests(self, name: str) -> ComposeTests | None:
        """Return what the tests need that run in the image of a service; None where there is no such service."""
        service = self.file.services.get(name)
        if service is None or service.context is None:
            return None
        part, image = self._part(service.context), self.image(service)
        sources = [source for source in part.test_sources if source != "."]
        return ComposeTests(self._folder, self.file, service, image.copied(), image.workdir(), [*part.tests.homes, *sources])

    @property
    def name(self) -> str:
        """The name of the file that Compose reads, empty where there is none of the project's own."""
        return self.file.name

    @property
    def test_service(self) -> str:
        """The name of the service that builds the project, empty where none does."""
        return self.tested.name if self.tested else ""

    def own_tests(self, service: str) -> dict[str, Any]:
        """Return what is different in the services while the tests run in the image of one of them."""
        tests = self.tests(service)
        if tests is None:
            return {}
        apart = {kind: self.file.named(kind) for kind in ("volumes", "networks")}
        where = {"context": tests.context, "workdir": tests.workdir}
        return {"starts": tests.starts, "env_files": tests.env_files, "services": tests.services(), **apart, **where}

    def unknown_settings(self, service: str) -> list[str]:
        """Return the environment files that no pipeline has."""
        tests = self.tests(service)
        return tests.unknown if tests else []

    def ask(self, key: str, service: str) -> Any:
        """Return what is found by a name in the folder that a service is built from, else in the project."""
        built = self.file.services.get(service)
        return getattr(self._part((built.context if built else None) or "."), key)

    # What the template's own services would be like

    @property
    def command(self) -> str:
        """The command that starts the app, as shell words; empty where the file says none."""
        return shlex.join(self.tested.command) if self.tested else ""

    @property
    def port(self) -> int | None:
        """The port that the app listens on inside its container."""
        inside = [port for _, port in self.tested.ports if port.isdigit()] if self.tested else []
        return int(inside[0]) if inside and 0 < int(inside[0]) < 65536 else None

    @property
    def offered(self) -> list[str]:
        """The services that the template has too: `postgres`, `redis`."""
        names = {service.image.rpartition("/")[2].partition(":")[0] for service in self.file.services.values()}
        return [service for service, images in KNOWN.items() if names & {*images}]
