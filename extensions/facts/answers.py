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
    image_name: str
    extras: list[str]
    app_port: int
    app_command: str
    worker_command: str
    schedule_command: str
    default_command: str
    hot_reload: bool
    # Found.
    own_app: bool
    own_compose: str
    own_services: dict[str, dict[str, Any]]
    own_tests: dict[str, Any]
    own_servers: dict[str, dict[str, Any]]
    test_service: str
    keep_files: list[str]
    image_entrypoint: list[str]
    image_command: list[str]
    mount_code: bool
    workdir: str
    source_folder: str
    dependencies: str
    dependencies_in_code: bool
    build_adds_modules: bool
    extra_packages: list[str]
    own_packages: list[str]
    check_lock: bool
    as_pip: bool
    dev_requirements: list[str]
    dev_sources: list[str]
    setting_names: dict[str, str]
    database_scheme: str
    django: dict[str, str]
    required_settings: dict[str, str]
    knows_health: bool
    migrate_command: str
    test_command: str
    test_requirements: list[str]
    python_version: str
    repository_folder: str
    test_python_versions: list[str | float]
    test_postgres_versions: list[str | int]
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
