"""What follows for the tests in a pipeline, and for production."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from . import commands
from .app import App


@dataclass(frozen=True)
class Delivery(App):
    """What follows for pipelines and production."""

    @cached_property
    def starter_migrates(self) -> bool:
        """Whether the starter app brings migrations of its database."""
        return not self.answers.own_app and self.has_production and self.uses_postgres

    @cached_property
    def migrates_production(self) -> bool:
        """Whether a deployment migrates a database before the new version takes traffic."""
        return self.has_production and self.uses_postgres and self.answers.migrate_command != ""

    @cached_property
    def production_secrets(self) -> list[str]:
        """The secrets of production, which are files."""
        passwords = {"db_password": self.uses_postgres, "redis_password": self.uses_redis}
        return ["app_secret_key", *(name for name, there in passwords.items() if there)]

    @cached_property
    def migrates(self) -> bool:
        """Whether the pipeline migrates a database before the tests."""
        several = self.answers.stack == "mcp-multi"
        return self.has_ci and self.uses_postgres and not several and self.answers.migrate_command != ""

    @cached_property
    def on_github(self) -> bool:
        """Whether GitHub Actions runs the tests."""
        return self.has_ci and "github" in self.answers.ci

    @cached_property
    def on_gitlab(self) -> bool:
        """Whether GitLab CI runs the tests."""
        return self.has_ci and "gitlab" in self.answers.ci

    @cached_property
    def test_services(self) -> list[str]:
        """The services that run tests."""
        return [f"{name}_tests" for name in self.server_names] if self.answers.stack == "mcp-multi" else ["tests"]

    @cached_property
    def app_apart(self) -> bool:
        """Whether the tests run without the app beside them: of one that existed nobody knows what it needs to start."""
        return self.has_ci and self.answers.own_app and self.service != "" and not self.stdio_only

    @cached_property
    def built_services(self) -> list[str]:
        """The services that a pipeline builds images for."""
        if self.server_names:
            return [*self.test_services, *self.server_names]
        return [*([self.service] if self.service else []), *(["migrate"] if self.migrates else []), "tests"]

    @cached_property
    def test_env_files(self) -> list[str]:
        """The environment files of the tests, later ones win."""
        files = {
            ".env.defaults": self.has_layers,
            ".env.test": True,
            ".env.services": self.uses_data and self.answers.stack != "mcp-multi",
            # Again, as in docker-compose.yml: a URL of one's own wins.
            "./.env.test": self.uses_data and self.answers.stack != "mcp-multi",
        }
        return [name for name, there in files.items() if there]

    @cached_property
    def runs_pytest(self) -> bool:
        """Whether it is pytest that runs the tests."""
        return self.answers.stack == "mcp-multi" or not self.has_ci or commands.runs_pytest(self.answers.test_command)

    @cached_property
    def test_modules(self) -> str:
        """What Python imports to run the tests."""
        return "pytest, pytest_cov" if self.runs_pytest else "coverage"

    @cached_property
    def starter_test_packages(self) -> list[str]:
        """What the starter's tests need, as requirements."""
        client = self.has_mcp or (self.has_web_app and self.answers.web_framework == "fastapi")
        return ["pytest>=8.3,<10", "pytest-cov>=6,<8", *(["httpx2>=2,<3"] if client else [])]

    @cached_property
    def test_packages(self) -> list[str]:
        """What runs the tests, as requirements; nothing where the starter's own list holds it."""
        if self.has_starter:
            return [] if self.answers.test_requirements else self.starter_test_packages
        return ["pytest", "pytest-cov"] if self.runs_pytest else ["coverage"]

    @cached_property
    def test_install_commands(self) -> list[str]:
        """The commands that install in the image what the tests need."""
        locked = self.answers.dependencies == "uv.lock" and not self.lists_first
        return commands.test_install_commands(self.answers.test_requirements, self.test_packages, locked)

    @cached_property
    def no_tests(self) -> str:
        """What scripts/ci says where there are no tests."""
        if self.answers.stack == "mcp-multi":
            return "$tests found none: write some, such as servers/NAME/tests/test_server.py"
        command = f"copier update --trust{self.answers_option} -d test_command=..."
        return f"there are no tests: write some in tests/, or name their command with '{command}'"
