"""What follows for the tests in a pipeline, and for production."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import commands, lists
from .frameworks import FRAMEWORKS
from .reload import Reload


def in_environment(values: Mapping[str, str], command: str = "") -> str:
    """Return a command as a shell takes it, with variables before it."""
    return "".join(f"{name}={shlex.quote(value)} " for name, value in values.items()) + command


@dataclass(frozen=True)
class Delivery(Reload):
    """What follows for pipelines and production."""

    @cached_property
    def starter_migrates(self) -> bool:
        """Whether the starter app brings migrations of its database."""
        return not self.answers.own_app and self.uses_postgres and (self.is_django or (self.has_web_app and self.has_production))

    @cached_property
    def starter_migrate_command(self) -> str:
        """The command that migrates the starter's database; empty where it brings no migrations."""
        if not self.starter_migrates:
            return ""
        return "python manage.py migrate --noinput" if self.is_django else f"python -m {self.answers.package_name}.migrate"

    @cached_property
    def deploys_to_swarm(self) -> bool:
        """Whether production can be had on several hosts: nobody tells the nginx of each which token an MCP client has."""
        return self.has_production and not self.has_mcp

    @cached_property
    def deployed_images(self) -> dict[str, str]:
        """The services whose replicas nginx asks in production, each with its image, without a tag."""
        servers = {name: f"{self.answers.image_name}-{name}" for name in self.started_servers}
        return servers or {self.deployed_service: self.answers.image_name}

    @cached_property
    def deployed_beside(self) -> list[str]:
        """The services of the app's image that nginx does not ask, in production."""
        beside = {"worker": self.has_worker, "scheduler": self.has_scheduler}
        return [name for name, there in beside.items() if there and self.has_production]

    @cached_property
    def production_databases(self) -> list[str]:
        """The databases of production."""
        own = [] if self.server_names else [self.answers.project_slug.replace("-", "_")]
        return [*self.databases.values(), *own] if self.uses_postgres else []

    @cached_property
    def production_command(self) -> str:
        """What production starts an MCP server with where an existing image does something else by itself, such as stdio."""
        if self.service != "mcp-server" or not self.own_dockerfile:
            return ""
        command = commands.after_entrypoint(self.answers.app_command, self.answers.image_entrypoint)
        return "" if commands.words(command) == self.answers.image_command else command

    @cached_property
    def usual_replicas(self) -> int:
        """How many replicas production has by itself: one of an MCP server that has no place for notes but its memory."""
        return 1 if self.service == "mcp-server" and not self.uses_data else 3

    @cached_property
    def migrates_production(self) -> bool:
        """Whether a deployment migrates a database before the new version takes traffic."""
        several = self.server_names != []
        return self.has_production and self.uses_postgres and not several and self.answers.migrate_command != ""

    @cached_property
    def collects_static(self) -> str:
        """When Django's static files are gathered for production: at `build` for the app, to `deploy` for nginx, or never."""
        if not self.has_production or self.own_dockerfile or not self.manage_py:
            return ""
        found = {"collectstatic": "build"} if self.starts_django else self._django
        when = found.get("collectstatic", "")
        return when if when == "build" or {"static_url", "static_root"} <= found.keys() else ""

    @cached_property
    def static_url(self) -> str:
        """The path under which nginx serves static files; empty where the app does, or nobody."""
        return self._django.get("static_url", "") if self.collects_static == "deploy" else ""

    @cached_property
    def static_root(self) -> str:
        """The folder in the container that static files are gathered in, for nginx."""
        root = self._django.get("static_root", "") if self.collects_static == "deploy" else ""
        return root if root.startswith("/") or not root else f"{self.answers.workdir}/{root}"

    @cached_property
    def collect_command(self) -> str:
        """The command that gathers static files."""
        return f"python {shlex.quote(self.manage_py)} collectstatic --noinput" if self.collects_static else ""

    @cached_property
    def test_collect_command(self) -> str:
        """The command that gathers static files for tests, with what stands before it; empty where they do without."""
        if self._django.get("static_in_tests") != "true" or not self.manage_py:
            return ""
        named = re.search(r"--settings[= ]([\w.]+)", self.answers.test_command)
        module = named[1] if named else self._django.get("settings", "")
        values = ({"DJANGO_SETTINGS_MODULE": module} if module else {}) | self._django_required
        return in_environment(values, f"python {shlex.quote(self.manage_py)} collectstatic --noinput")

    @cached_property
    def collect_environment(self) -> str:
        """What stands before that command in the Dockerfile, so that settings can be read where no secret is."""
        module = self.django_production
        values = ({"DJANGO_SETTINGS_MODULE": module} if module else {}) | self._django_required
        return in_environment(values)

    @cached_property
    def _django_required(self) -> dict[str, str]:
        """What the settings of an app of Django's can't be read without."""
        return self.answers.required_settings if self.is_django and self.answers.own_app else {}

    @cached_property
    def production_secrets(self) -> list[str]:
        """The secrets of production, which are files."""
        passwords = {"db_password": self.uses_postgres, "redis_password": self.uses_redis}
        made = ["app_secret_key", *(name for name, there in passwords.items() if there)]
        return made + [f"{name}_password" for name in self.databases.values()]

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
    def below_top(self) -> str:
        """What a path of the project has before it at the top of its repository: `backend/`, or nothing."""
        return "" if self.is_hub or not self.answers.repository_folder else f"{self.answers.repository_folder}/"

    @cached_property
    def job_suffix(self) -> str:
        """What tells the jobs of several projects in one repository apart, and what they keep."""
        return f"-{self.answers.project_slug}" if self.below_top else ""

    @cached_property
    def test_services(self) -> list[str]:
        """The services that run tests."""
        if self.keeps_compose:
            return [self.answers.test_service]
        return [f"{name}_tests" for name in self.tested_servers] if self.answers.stack == "mcp-multi" else ["tests"]

    @cached_property
    def test_versions(self) -> dict[str, list[str]]:
        """What the tests run on side by side, each with its versions: `python`, `postgres`; empty for what development has."""
        python = self.answers.test_python_versions if self.has_ci and self.builds_image and not self.keeps_compose else []
        postgres = self.answers.test_postgres_versions if self.has_ci and self.uses_postgres else []
        # YAML takes 3.10 for 3.1, which no image has.
        versions = {"python": ["3.10" if one == 3.1 else str(one) for one in python], "postgres": [*map(str, postgres)]}
        return {name: given for name, given in versions.items() if given}

    @cached_property
    def test_variables(self) -> dict[str, str]:
        """The variables that name these versions to scripts/ci."""
        return {name: f"TEST_{name.upper()}_VERSION" for name in self.test_versions}

    @cached_property
    def versions_in_shell(self) -> str:
        """What tells the runs on several versions apart: `-python-3.11-postgres-15`, as a shell has it from the variables."""
        return "".join(f"${{{variable}:+-{name}-${variable}}}" for name, variable in self.test_variables.items())

    @cached_property
    def versions_without_dots(self) -> str:
        """The same where each variable is set, as bash has it for a name without dots."""
        return "".join(f"-{name}-${{{variable}//./}}" for name, variable in self.test_variables.items())

    @cached_property
    def build_arguments(self) -> str:
        """What the images of tests are built with, as a table of YAML's flow style; empty where it is what development has."""
        default = f"${{TEST_PYTHON_VERSION:-{self.answers.python_version}}}" if "python" in self.test_versions else ""
        return f'{{PYTHON_VERSION: "{default}"}}' if default else ""

    @cached_property
    def tested_postgres_image(self) -> str:
        """The image of Postgres in tests."""
        image = self.postgres.image
        version = self.answers.postgres_version
        return image.replace(version, f"${{TEST_POSTGRES_VERSION:-{version}}}") if "postgres" in self.test_versions else image

    @cached_property
    def app_apart(self) -> bool:
        """Whether the tests run without the app beside them: of one that existed nobody knows what it needs to start."""
        return self.has_ci and self.answers.own_app and self.service != "" and not self.stdio_only

    @cached_property
    def env_file_options(self) -> str:
        """What gives Compose its variables while tests run, where they would be those of this machine's `.env`."""
        files = self.answers.own_tests.get("env_files", []) if self.keeps_compose else []
        return "".join(f"--env-file {shlex.quote(path)} " for path in files)

    @cached_property
    def tested_workdir(self) -> str:
        """The folder in the image in which the tests run."""
        if self.keeps_compose:
            return str(self.answers.own_tests.get("workdir", "/"))
        return "/workspace" if self.answers.stack == "mcp-multi" else self.answers.workdir

    @cached_property
    def tested_folder(self) -> str:
        """The folder of the project that is there, with a `/` before it."""
        context = self.answers.own_tests.get("context", ".") if self.keeps_compose else "."
        return "" if context == "." else f"/{context}"

    @cached_property
    def own_starts(self) -> list[str]:
        """The services of an existing Compose file that run beside the tests."""
        return [*self.answers.own_tests.get("starts", [])] if self.has_ci and self.keeps_compose else []

    @cached_property
    def own_changes(self) -> dict[str, Any]:
        """What is different in each service of an existing Compose file while the tests run, first in the one that runs them."""
        services = self.answers.own_tests.get("services", {}) if self.keeps_compose else {}
        # In an order that is the same when the answers have been saved.
        names = sorted(services, key=lambda name: (name != self.answers.test_service, name))
        return {name: dict(sorted(services[name].items())) for name in names}

    @cached_property
    def built_services(self) -> list[str]:
        """The services that a pipeline builds images for."""
        if self.server_names or self.keeps_compose:
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
    def installs_tests(self) -> bool:
        """Whether what the tests need is installed when they start, because the template builds no image with it."""
        return self.has_ci and (self.answers.stack == "mcp-multi" or self.own_dockerfile or self.keeps_compose)

    @cached_property
    def reports_tests(self) -> bool:
        """Whether the tests' command is run by a script that also reports."""
        return self.has_ci and (self.answers.stack == "mcp-multi" or commands.is_measured(self.answers.test_command))

    @cached_property
    def tests_entrypoint(self) -> list[str]:
        """What stands before the command in the containers of tests: scripts, each of which runs the rest."""
        scripts = {"/install-tests.sh": self.installs_tests, "/report-tests.sh": self.reports_tests}
        return [word for script, there in scripts.items() if there for word in ("sh", script)]

    @cached_property
    def tests_scripts(self) -> list[str]:
        """Those scripts, by the names of Compose's configs."""
        return [word.removeprefix("/") for word in self.tests_entrypoint if word != "sh"]

    @cached_property
    def test_modules(self) -> str:
        """What Python imports to run the tests."""
        return "pytest, pytest_cov" if self.runs_pytest else "coverage"

    @cached_property
    def starter_test_packages(self) -> list[str]:
        """What the starter's tests need, as requirements."""
        # The MCP server is one of Starlette's, as FastAPI is.
        framework = FRAMEWORKS["fastapi"] if self.has_mcp else self.framework
        return ["pytest>=8.3,<10", "pytest-cov>=6,<8", *(framework.tests if framework else [])]

    @cached_property
    def test_packages(self) -> list[str]:
        """What runs the tests, as requirements; nothing where the starter's own list holds it."""
        if self.has_starter:
            return [] if self.answers.test_requirements else self.starter_test_packages
        return ["pytest", "pytest-cov"] if self.runs_pytest else ["coverage"]

    @cached_property
    def test_install_commands(self) -> list[str]:
        """The commands that install in the image what the tests need."""
        packages, folder = self.test_packages, self.dependencies_folder
        return lists.further_install_commands(self.answers.test_requirements, packages, self.locks_groups, folder=folder)

    @cached_property
    def no_tests(self) -> str:
        """What scripts/ci says where there are no tests."""
        if self.answers.stack == "mcp-multi":
            return "$tests found none: write some, such as servers/NAME/tests/test_server.py"
        command = f"copier update --trust{self.answers_option} -d test_command=..."
        return f"there are no tests: write some in tests/, or name their command with '{command}'"
