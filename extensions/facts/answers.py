"""The answers and findings that facts are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UnansweredError(LookupError):
    """A fact was asked for before an answer that it is computed from was there."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the answer {name} is not there yet")
        self.name = name


class Answers:
    """The answers, as attributes. One that is not there is an error, never a default.

    Facts read an answer only where its question is asked, so that the answers file holds all that they need.
    """

    project_slug: str
    package_name: str
    stack: str
    web_framework: str
    mcp_servers: list[str]
    gateway: str
    services: list[str]
    isolation: str
    postgres_version: str
    redis_version: str
    port_slot: int
    branch_environments: bool
    ci: list[str]
    production: bool
    extras: list[str]
    app_port: int
    app_command: str
    default_command: str
    hot_reload: bool
    # Found.
    own_app: bool
    keep_files: list[str]
    image_entrypoint: list[str]
    image_command: list[str]
    mount_code: bool
    source_folder: str
    dependencies: str
    dependencies_in_code: bool
    extra_packages: list[str]
    setting_names: dict[str, str]
    database_scheme: str
    migrate_command: str
    test_command: str
    test_requirements: list[str]
    mcp_http: bool
    # Not asked, but known to Copier.
    answers_file: str

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        try:
            return self._given[name]
        except KeyError:
            raise UnansweredError(name) from None
