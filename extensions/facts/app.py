"""What follows for the app: how it is started, installed and debugged, and what there is around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from . import commands
from .services import Services


@dataclass(frozen=True)
class App(Services):
    """What follows for the app, its image and the files around it."""

    @cached_property
    def has_starter(self) -> bool:
        """Whether the project gets a starter app, because it had none of its own."""
        return not self.answers.own_app and self.answers.stack not in {"mcp-multi", "shared-services"}

    @cached_property
    def own_dockerfile(self) -> bool:
        """Whether the project had a Dockerfile, which is kept."""
        return "Dockerfile" in self.answers.keep_files

    @cached_property
    def has_production(self) -> bool:
        """Whether there is a set-up for production."""
        return self.service == "app" and self.answers.production

    @cached_property
    def has_ci(self) -> bool:
        """Whether a pipeline runs the tests."""
        return not self.is_hub and len(self.answers.ci) > 0

    @cached_property
    def builds_image(self) -> bool:
        """Whether an image is built from the Dockerfile at the top."""
        return self.service != "" or (self.on_host and self.has_ci)

    @cached_property
    def has_layers(self) -> bool:
        """Whether there are layers of environment files."""
        return (self.uses_data or self.has_mcp) and not self.is_hub

    @cached_property
    def has_registry(self) -> bool:
        """Whether the project's scripts look into the registry of this machine's environments."""
        return self.is_hub or self.answers.branch_environments or self.shares_services

    @cached_property
    def has_setup(self) -> bool:
        """Whether something belongs to a machine, which scripts/setup makes."""
        return self.has_layers or self.has_registry or self.has_production

    @cached_property
    def has_lib(self) -> bool:
        """Whether the scripts have modules in scripts/lib: where scripts/setup does more than to make `.env.local`."""
        return self.on_host or self.has_mcp or self.has_registry or self.has_production

    @cached_property
    def setup_secrets(self) -> str:
        """What scripts/setup makes secrets for, if anything."""
        return "gateway" if self.has_gateway else "hub" if self.is_hub else "shared" if self.shares_services else ""

    @cached_property
    def starter_packages(self) -> list[str]:
        """What the starter app, or each starter server, needs, as requirements."""
        packages = ["mcp>=2.3,<3"] if self.has_mcp else []
        if self.has_web_app and self.answers.web_framework == "fastapi":
            packages += ["fastapi>=0.115,<1", "uvicorn>=0.30,<1"]
            packages += ["watchfiles>=1,<2"] if not self.on_host and self.answers.hot_reload else []
        if self.has_web_app and self.answers.web_framework == "flask":
            packages += ["flask>=3.0,<4", "gunicorn>=23,<28"]
        packages += ["psycopg[binary]>=3.2,<4"] if self.uses_postgres else []
        packages += ["redis>=5.2,<9"] if self.uses_redis else []
        return packages

    @cached_property
    def reload_command(self) -> str:
        """The command that starts the app in development and reloads it; empty where it can't reload itself."""
        if self.service != "app" or not self.answers.hot_reload or self.answers.app_command != self.answers.default_command:
            return ""
        if self.hides_code:
            return ""
        return commands.reload_form(self.answers.app_command, self.answers.source_folder, self.answers.web_framework)

    @cached_property
    def restarts_on_change(self) -> bool:
        """Whether `docker compose watch` brings each change into the container, because the app can't reload itself."""
        return self.service == "app" and self.answers.hot_reload and self.reload_command == ""

    @cached_property
    def hides_code(self) -> bool:
        """Whether a mount of the project's folder would hide what an existing Dockerfile puts there."""
        return self.own_dockerfile and not self.answers.mount_code

    @cached_property
    def mounts_code(self) -> bool:
        """Whether the project's folder is mounted into the container in development."""
        return not self.hides_code and not self.restarts_on_change

    @cached_property
    def has_debugger(self) -> bool:
        """Whether an editor can attach a debugger to the app in its container."""
        return self.service == "app" and "debugpy" in self.answers.extras

    @cached_property
    def has_mail(self) -> bool:
        """Whether a mail catcher runs in development."""
        return not self.is_hub and "mail" in self.answers.extras

    @cached_property
    def development_command(self) -> str:
        """The command that starts the app in development, with the reloader and the debugger."""
        command = self.reload_command or self.answers.app_command
        return commands.under_debugger(command) if self.has_debugger else command

    @cached_property
    def own_command(self) -> str:
        """What stands after the ENTRYPOINT of an existing image in development; empty where its own CMD says the same."""
        command = commands.after_entrypoint(self.development_command, self.answers.image_entrypoint)
        return "" if commands.words(command) == self.answers.image_command else command

    @cached_property
    def debug_port(self) -> int:
        """Where the debugger is published, below all ports of branches; with branch environments 0, a port that is free."""
        return 0 if self.answers.branch_environments else 5400 + self.answers.port_slot

    @cached_property
    def stdio_only(self) -> bool:
        """Whether the MCP server speaks over standard input and output alone, so that only a client can start it."""
        return self.answers.stack == "mcp" and not self.answers.mcp_http and not commands.speaks_http(self.answers.app_command)

    @cached_property
    def published_services(self) -> list[str]:
        """The services that Compose publishes on this machine."""
        published = {
            "app": self.service != "" and not self.stdio_only,
            "gateway": self.has_gateway,
            "db": self.has_postgres,
            "redis": self.has_redis,
            "mail": self.has_mail,
            "smtp": self.has_mail and self.on_host,
        }
        return [service for service, there in published.items() if there]

    @cached_property
    def dependency_files(self) -> list[str]:
        """The files in whose place nothing but a new image helps."""
        source = self.answers.dependencies
        return [] if source == "none" else ["pyproject.toml", source] if source in {"uv.lock", "poetry.lock"} else [source]

    @cached_property
    def lists_requirements(self) -> bool:
        """Whether the dependencies stand in a file of requirements, which installs nothing of the project itself."""
        return self.answers.dependencies.endswith((".txt", ".in"))

    @cached_property
    def lists_first(self) -> bool:
        """Whether the list of dependencies is made in a stage of its own, before they are installed."""
        return self.answers.dependencies_in_code or self.answers.dependencies == "poetry.lock"

    @cached_property
    def install_commands(self) -> list[str]:
        """The commands that install the dependencies in the image, with what the app's command needs and no file declares."""
        return commands.install_commands(self.answers.dependencies, self.lists_first, self.answers.extra_packages)

    @cached_property
    def copied_sources(self) -> list[str]:
        """The files that the stage of the dependencies has copied already."""
        source = self.answers.dependencies
        return [] if self.lists_first else ["pyproject.toml", "uv.lock"] if source == "uv.lock" else [source]

    @cached_property
    def host_command(self) -> str:
        """The command that starts the app on the host."""
        if not self.answers.own_app:
            return f"python -m {self.answers.package_name}.server"
        return commands.on_host(self.answers.app_command, self.answers.app_port, self.port("app", self.answers.port_slot))

    @cached_property
    def install_command(self) -> str:
        """The command that installs the dependencies on the host."""
        source, extra = self.answers.dependencies, self.answers.extra_packages
        if source in {"uv.lock", "poetry.lock"}:
            return "uv sync --active" if source == "uv.lock" else "poetry install"
        if source == "none" and not extra:
            return "pip --version"
        declared = [f"-r {source}"] if self.lists_requirements else [] if source == "none" else ["-e ."]
        # In quotation marks where a shell would take a part of it for something else, such as `>`.
        packages = [word if re.fullmatch(r"[\w.-]+|-.*", word) else f'"{word}"' for word in extra]
        return " ".join(["pip install", *declared, *packages])

    @cached_property
    def python_path(self) -> str:
        """What the host's Python needs in PYTHONPATH, where nothing installs the project."""
        installed = not self.lists_requirements and self.answers.dependencies != "none"
        folder = self.answers.source_folder
        return "" if installed or not self.answers.own_app or folder == "." else folder

    @cached_property
    def answers_option(self) -> str:
        """What `copier update` needs to find the answers beside another template's."""
        name = self.answers.answers_file
        return "" if name == ".copier-answers.yml" else f" -a {name}"
