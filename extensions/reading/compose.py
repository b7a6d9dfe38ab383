"""What an existing Compose file says about the services of a project.

It is read as Compose reads it: with the file's `include` and `extends`, and with the override file beside it. Variables have the
values that the file itself gives them, because those of `.env` belong to one machine.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import yaml

from .folder import Folder

# In the order in which Compose looks for them.
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
# In the first lines of each file that the template has written.
MARKER = "Managed by chora-compose-template"
# What a shell does with a command before it starts one.
NEEDS_SHELL = re.compile(r"[$`|&;<>()*?~{}\[\]\n]|^\s*\w+=")
# Services that hold what an app keeps or sends, by a part of their image's name.
HOLDS_DATA = re.compile(
    r"postg|timescale|pgvector|mysql|mariadb|mongo|redis|valkey|memcached|rabbitmq|elasticsearch|opensearch|kafka|minio|localstack"
    r"|nats|qdrant|weaviate|chroma|clickhouse|cassandra|neo4j|couchdb|mailhog|mailpit|maildev"
)
MAX_DEPTH = 8


class Loader(yaml.SafeLoader):
    """Reads Compose's own tags, such as `!reset`, as if they were not there."""


def _untagged(loader: Loader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


Loader.add_multi_constructor("!", _untagged)


def resolve(text: str) -> str:
    """Put the defaults of variables into a text; one without a default stays as it is written."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return found[2] if found[2] is not None else found[0]

    return re.sub(r"\$\$|\$\{(\w+):?-([^${}]*)\}", value, text)


def as_dict(value: object) -> dict[str, Any]:
    return {str(name): item for name, item in value.items()} if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two services of one name make together: lists are added, other values replaced."""
    result = dict(base)
    for name, value in over.items():
        before = result.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            result[name] = merged(before, value)
        elif isinstance(before, list) and isinstance(value, list) and name not in {"command", "entrypoint", "test"}:
            result[name] = before + [item for item in value if item not in before]
        else:
            result[name] = value
    return result


def within(folder: str, path: str) -> str | None:
    """Return a path in a folder as the project sees it; None where that is outside of the project, or on no disk."""
    if path.startswith(("/", "~")) or "://" in path or path.startswith("git@"):
        return None
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        if part == ".." and not parts:
            return None
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts) or "."


def rooted(said: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return what a service says in a file of another folder, with the paths that the project's folder sees."""

    def path(text: object) -> str:
        inside = within(folder, resolve(str(text)))
        return str(text) if inside is None else inside if inside == "." else f"./{inside}"

    def volume(one: object) -> object:
        if isinstance(one, dict):
            return {**one, "source": path(one["source"])} if str(one.get("source", "")).startswith(".") else one
        source, colon, rest = str(one).partition(":")
        return f"{path(source)}{colon}{rest}" if source.startswith(".") else one

    if folder == ".":
        return said
    build, changed = said.get("build"), dict(said)
    if "build" in said:
        known = as_dict(build) if isinstance(build, dict) else {"context": build}
        changed["build"] = {**known, "context": path(known.get("context") or ".")}
    if "env_file" in said:
        changed["env_file"] = [
            {**one, "path": path(one.get("path"))} if isinstance(one, dict) else path(one) for one in as_list(said["env_file"])
        ]
    if "volumes" in said:
        changed["volumes"] = [volume(one) for one in as_list(said["volumes"])]
    return changed


@dataclass(frozen=True)
class Service:
    """A service of the project's own."""

    name: str
    said: Mapping[str, Any]
    """What the file says of it, with paths as the project's folder sees them."""

    @property
    def image(self) -> str:
        return resolve(str(self.said.get("image") or ""))

    @cached_property
    def _build(self) -> dict[str, Any]:
        build = self.said.get("build")
        return as_dict(build) if isinstance(build, dict) else {"context": build} if isinstance(build, str) else {}

    @property
    def builds(self) -> bool:
        """Whether its image is built."""
        return "build" in self.said

    @property
    def context(self) -> str | None:
        """The folder that its image is built from; None where that is none of the project's."""
        return within(".", resolve(str(self._build.get("context") or "."))) if self.builds else None

    @property
    def dockerfile(self) -> str:
        """The file that its image is built by."""
        return within(self.context or ".", resolve(str(self._build.get("dockerfile") or "Dockerfile"))) or "Dockerfile"

    @property
    def target(self) -> str:
        """The stage that is built, empty for the last one."""
        return resolve(str(self._build.get("target") or ""))

    @cached_property
    def ports(self) -> tuple[tuple[str, str], ...]:
        """The ports, on this machine and in the container; the first is empty where Docker chooses."""
        found = []
        for port in as_list(self.said.get("ports")):
            if isinstance(port, dict):
                host = ":".join(str(port[key]) for key in ("host_ip", "published") if port.get(key) not in (None, ""))
                found.append((resolve(host), resolve(str(port.get("target", "")))))
            else:
                host, _, inside = resolve(str(port)).partition("/")[0].rpartition(":")
                found.append((host, inside))
        return tuple(found)

    @cached_property
    def depends(self) -> dict[str, str]:
        """The services that it waits for, with what it waits for."""
        said = self.said.get("depends_on")
        if isinstance(said, dict):
            return {str(name): str(as_dict(how).get("condition", "service_started")) for name, how in said.items()}
        return {str(name): "service_started" for name in as_list(said)}

    @cached_property
    def env_files(self) -> tuple[str, ...]:
        """The environment files; one that is outside of the project stays as it is written."""
        paths = [path.get("path") if isinstance(path, dict) else path for path in as_list(self.said.get("env_file"))]
        return tuple(within(".", resolve(str(path))) or str(path) for path in paths)

    @property
    def needed_env_files(self) -> list[str]:
        """The environment files without which Compose starts nothing."""
        optional = [isinstance(path, dict) and path.get("required") is False for path in as_list(self.said.get("env_file"))]
        return [path for path, may_lack in zip(self.env_files, optional, strict=True) if not may_lack]

    @property
    def profiles(self) -> list[str]:
        return [str(profile) for profile in as_list(self.said.get("profiles"))]

    @property
    def checks_health(self) -> bool:
        """Whether the file says when the service is healthy."""
        return bool(as_dict(self.said.get("healthcheck")).get("test"))

    @property
    def command(self) -> list[str]:
        """The words of its command, none where it says none or needs a shell for it."""
        said = self.said.get("command")
        if isinstance(said, list):
            return [resolve(str(word)) for word in said]
        text = resolve(said) if isinstance(said, str) else ""
        try:
            return [] if NEEDS_SHELL.search(text) else shlex.split(text)
        except ValueError:
            return []

    @cached_property
    def mounts(self) -> tuple[tuple[str, str, str], ...]:
        """The volumes, each as source, target and mode; the source is a path, or a volume's name."""
        found = []
        for volume in as_list(self.said.get("volumes")):
            if isinstance(volume, dict):
                source, target = str(volume.get("source") or ""), str(volume.get("target") or "")
                mode = "ro" if volume.get("read_only") else ""
            else:
                parts = resolve(str(volume)).split(":")
                source, target, mode = [*parts, ""][:3] if len(parts) > 1 else ("", parts[0], "")
            if source.startswith((".", "~", "/")) or "$" in source:
                inside = within(".", source)
                source = source if inside is None else "." if inside == "." else f"./{inside}"
            found.append((source, target, mode))
        return tuple(found)


class ComposeFile:
    """The Compose file of a project, as it was before the template came.

    Args:
        folder: the project's.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @cached_property
    def name(self) -> str:
        """The name of the file that Compose reads; empty where there is none with services, or the template has written it."""
        return self._first if self._first and self._has_services else ""

    @property
    def unread(self) -> str:
        """The name of a file that Compose takes, and refuses: it has services in the form of before 2016, or none."""
        return self._first if self._first and not self._has_services else ""

    @cached_property
    def _first(self) -> str:
        """The file that Compose takes; empty where there is none, or the template has written it."""
        name = next(filter(self._folder.has, NAMES), "")
        return "" if name and MARKER in "".join(self._folder.read(name).splitlines(keepends=True)[:3]) else name

    @property
    def _has_services(self) -> bool:
        said = self._load(self._first)
        return bool(said.get("services") or said.get("include"))

    def _load(self, path: str) -> dict[str, Any]:
        """Return what a file says, nothing where it can't be read."""
        try:
            return as_dict(yaml.load(self._folder.read(path), Loader))
        except (yaml.YAMLError, ValueError, RecursionError, TypeError):
            return {}

    def _extended(self, name: str, services: Mapping[str, Any], path: str, depth: int) -> dict[str, Any]:
        """Return what a service says together with the one that it extends."""
        folder = str(PurePosixPath(path).parent)
        said = rooted(as_dict(services.get(name)), folder)
        how = said.pop("extends", None)
        base = as_dict(how) if isinstance(how, dict) else {"service": how} if how else {}
        if not base or depth > MAX_DEPTH:
            return said
        other = within(folder, str(base["file"])) if base.get("file") else path
        there = services if other == path else as_dict(self._load(other).get("services")) if other else {}
        return merged(self._extended(str(base.get("service")), there, other or path, depth + 1), said)

    def _services(self, path: str, depth: int = 0) -> Iterator[Service]:
        """Yield the services of a file and of those that it includes."""
        said = self._load(path)
        folder = str(PurePosixPath(path).parent)
        for one in as_list(said.get("include")):
            for other in as_list(one.get("path") if isinstance(one, dict) else one):
                inner = within(folder, str(other))
                if inner and depth < MAX_DEPTH:
                    yield from self._services(inner, depth + 1)
        services = as_dict(said.get("services"))
        for name in services:
            yield Service(name, self._extended(name, services, path, 0))

    @cached_property
    def services(self) -> dict[str, Service]:
        """The services by name, with what the override file adds to them."""
        found: dict[str, Service] = {}
        stem = "docker-compose.override" if self.name.startswith("docker-") else "compose.override"
        for path in (self.name, f"{stem}.yml", f"{stem}.yaml"):
            for service in self._services(path) if path and self._folder.has(path) else ():
                before = found.get(service.name)
                found[service.name] = Service(service.name, merged(before.said, service.said)) if before else service
        return found

    def named(self, kind: str) -> list[str]:
        """Return the names of the file's `volumes` or `networks` that other projects may have too."""
        said = as_dict(self._load(self.name).get(kind)) if self.name else {}
        return [name for name, how in said.items() if as_dict(how).get("name") or as_dict(how).get("external")]
