"""What follows for the app: how it is started, installed and debugged, and what there is around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from . import commands, lists
from .frameworks import FRAMEWORKS, Framework, start_command
from .services import Services


@dataclass(frozen=True)
class App(Services):
    """What follows for the app, its image and the files around it."""

    @cached_property
    def has_starter(self) -> bool:
        """Whether the project gets a starter app, because it had none of its own."""
        others = self.keeps_compose or self.answers.stack in {"mcp-multi", "shared-services"}
        return not self.answers.own_app and not others

    @cached_property
    def own_dockerfile(self) -> bool:
        """Whether the project had a Dockerfile, which is kept."""
        return "Dockerfile" in self.answers.keep_files

    @cached_property
    def runs_app(self) -> bool:
        """Whether `up` starts the app; nothing starts a library, and a command-line tool only with what somebody types."""
        return self.service == "app" and self.answers.app_command != ""

    @cached_property
    def app_listens(self) -> bool:
        """Whether the app has a port: a worker, a bot and a script have none."""
        return self.runs_app and self.answers.app_port != 0

    @cached_property
    def has_worker(self) -> bool:
        """Whether a worker runs beside the app."""
        return self.service == "app" and self.answers.worker_command != ""

    @cached_property
    def has_scheduler(self) -> bool:
        """Whether a scheduler runs beside the app."""
        return self.service == "app" and self.answers.schedule_command != ""

    @cached_property
    def offers_production(self) -> bool:
        """Whether a set-up for production can be had: of what runs in development in containers, or on the host."""
        return self.service != "" or self.on_host or self.server_names != []

    @cached_property
    def deployed_service(self) -> str:
        """The service whose replicas nginx asks in production."""
        return self.service or "app"

    @cached_property
    def has_production(self) -> bool:
        """Whether there is a set-up for production."""
        return self.offers_production and self.answers.production

    @cached_property
    def has_ci(self) -> bool:
        """Whether a pipeline runs the tests."""
        return not self.is_hub and len(self.answers.ci) > 0

    @cached_property
    def builds_image(self) -> bool:
        """Whether an image is built from the Dockerfile at the top."""
        return self.service != "" or (self.on_host and (self.has_ci or self.has_production))

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
    def framework(self) -> Framework | None:
        """The web framework of the app, where it is one that a starter can be made with."""
        return FRAMEWORKS.get(self.answers.web_framework) if self.has_web_app else None

    @cached_property
    def is_django(self) -> bool:
        """Whether the app is one of Django's."""
        return self.has_web_app and self.answers.web_framework == "django"

    @cached_property
    def starts_django(self) -> bool:
        """Whether the starter app is one of Django's."""
        return self.has_starter and self.is_django

    @cached_property
    def _django(self) -> dict[str, str]:
        """What was found of an app of Django's that existed."""
        return self.answers.django if self.is_django and self.answers.own_app else {}

    @cached_property
    def manage_py(self) -> str:
        """The path of Django's manage.py; empty where there is none."""
        return "manage.py" if self.starts_django else self._django.get("manage_py", "")

    @cached_property
    def django_settings(self) -> str:
        """The module of Django's settings for development, where nothing in the project names one."""
        return self._django.get("settings", "")

    @cached_property
    def django_production(self) -> str:
        """The module of Django's settings for production, where manage.py names another one or none."""
        return self._django.get("production_settings", "")

    @cached_property
    def made_up_settings(self) -> dict[str, str]:
        """What the settings of an app of Django's ask for and nothing else gives, made up for development and tests."""
        if not (self.is_django and self.answers.own_app and self.service == "app"):
            return {}
        given = {"DATABASE_URL", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"} if self.uses_postgres else set()
        given |= {*self.all_names} | ({"REDIS_URL"} if self.uses_redis else set())
        return {name: value for name, value in self.answers.required_settings.items() if name not in given}

    @cached_property
    def starter_command(self) -> str:
        """The command that starts the starter app, or the starter server, in its image."""
        answers = self.answers
        if self.has_mcp:
            return f"python -m {answers.package_name}.server"
        return start_command(answers.web_framework, answers.package_name, answers.app_port)

    @cached_property
    def starter_packages(self) -> list[str]:
        """What the starter app, or each starter server, needs, as requirements."""
        packages = ["mcp>=2.3,<3"] if self.has_mcp else []
        if framework := self.framework:
            reloads = not self.on_host and framework.reloader and self.answers.hot_reload
            packages += [*framework.packages, *(framework.reloader if reloads else [])]
        packages += ["dj-database-url>=3,<4"] if self.uses_postgres and self.is_django else []
        packages += ["psycopg[binary]>=3.2,<4"] if self.uses_postgres else []
        packages += ["psycopg-pool>=3.2,<4"] if self.uses_postgres and self.has_mcp else []
        packages += ["redis>=5.2,<9"] if self.uses_redis else []
        return packages

    @cached_property
    def hides_code(self) -> bool:
        """Whether a mount of the project's folder would hide what an existing Dockerfile puts there."""
        return self.own_dockerfile and not self.answers.mount_code

    @cached_property
    def has_debugger(self) -> bool:
        """Whether an editor can attach a debugger to the app in its container."""
        return self.service == "app" and "debugpy" in self.answers.extras

    @cached_property
    def has_devcontainer(self) -> bool:
        """Whether an editor can work inside the app's container."""
        return self.service != "" and not self.own_dockerfile and "devcontainer" in self.answers.extras

    @cached_property
    def starts_by_itself(self) -> bool:
        """Whether `up` starts the service that is built from the Dockerfile."""
        return self.runs_app or (self.service == "mcp-server" and not self.stdio_only)

    @cached_property
    def installs_development(self) -> bool:
        """Whether the image for development has packages that the production image has not."""
        return self.service != "" and not self.own_dockerfile and len(self.answers.dev_requirements) > 0

    @cached_property
    def has_development_image(self) -> bool:
        """Whether the Dockerfile has a stage for development, besides that for production."""
        return self.has_debugger or self.installs_development

    @cached_property
    def has_mail(self) -> bool:
        """Whether a mail catcher runs in development."""
        return not self.is_hub and "mail" in self.answers.extras

    @cached_property
    def worker_replaces_entrypoint(self) -> bool:
        """Whether an existing image's ENTRYPOINT is the app itself, so that it is none for the worker."""
        command = self.answers.app_command
        return self.own_dockerfile and commands.after_entrypoint(command, self.answers.image_entrypoint) != command

    @cached_property
    def debug_port(self) -> int:
        """Where the debugger is published, below all ports of branches; with branch environments 0, a port that is free."""
        return 0 if self.answers.branch_environments else 5400 + self.answers.port_slot

    @cached_property
    def stdio_only(self) -> bool:
        """Whether the MCP server speaks over standard input and output alone, so that only a client can start it."""
        if self.answers.stack != "mcp" or self.answers.mcp_http:
            return False
        return not commands.speaks_http(commands.with_entrypoint(self.answers.app_command, self.answers.image_entrypoint))

    @cached_property
    def published_services(self) -> list[str]:
        """The services that Compose publishes on this machine."""
        published = {
            "app": self.app_listens or (self.service == "mcp-server" and not self.stdio_only),
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
        files = [] if source == "none" else [*self.beside_dependencies, source]
        more = [path for path in self.answers.dev_sources if path != "."] if self.installs_development else []
        more += self.local_manifests
        return files + [path for path in dict.fromkeys(more) if path not in files]

    @cached_property
    def beside_dependencies(self) -> list[str]:
        """The files that are needed beside the one that declares the dependencies."""
        source = self.answers.dependencies
        export = lists.export_of(source)
        beside = ["pyproject.toml"] if lists.is_uv_lock(source) else [*export.beside] if export else []
        return [f"{self.dependencies_folder}{name}" for name in beside]

    @cached_property
    def dependencies_folder(self) -> str:
        """The folder of the file that declares the dependencies, ending in `/`; empty at the top."""
        return lists.folder_of(self.answers.dependencies)

    @cached_property
    def list_folder(self) -> str:
        """The folder that the list of dependencies is made in, for a program that looks for its files there."""
        export = lists.export_of(self.answers.dependencies)
        return self.dependencies_folder[:-1] if export and not self.answers.dependencies_in_code else ""

    @cached_property
    def lists_requirements(self) -> bool:
        """Whether the dependencies stand in a file of requirements, which pip reads."""
        return self.answers.dependencies.endswith((".txt", ".in"))

    @cached_property
    def lists_first(self) -> bool:
        """Whether the list of dependencies is made in a stage of its own, before they are installed."""
        return self.answers.dependencies_in_code or lists.export_of(self.answers.dependencies) is not None

    @cached_property
    def local_packages(self) -> list[str]:
        """The packages of the project's own folders that the image installs, where the template's Dockerfile does."""
        return self.answers.own_packages if self.builds_image and not self.own_dockerfile else []

    @cached_property
    def local_paths(self) -> list[str]:
        """The paths of these packages."""
        return [word.removeprefix("-e ") for word in self.local_packages]

    @cached_property
    def local_folders(self) -> list[str]:
        """Those of these paths that are folders, and no archives."""
        return [path for path in self.local_paths if not path.endswith((".whl", ".gz", ".zip"))]

    @cached_property
    def local_manifests(self) -> list[str]:
        """What uv reads of these folders to tell what they need."""
        return [f"{path}/pyproject.toml" for path in self.local_folders]

    @cached_property
    def list_sources(self) -> list[str]:
        """The files that the list of dependencies is made from."""
        source = self.answers.dependencies
        computed = self.answers.dependencies_in_code or (source.rpartition("/")[2] == "Pipfile" and self.local_packages != [])
        return ["."] if computed else [*self.beside_dependencies, source]

    @cached_property
    def list_comment(self) -> str:
        """What the Dockerfile says of the stage that makes the list."""
        if self.answers.dependencies_in_code:
            return "The list is computed by the project's own code, so it is made first, and apart."
        export = lists.export_of(self.answers.dependencies)
        return export.comment if export else ""

    @cached_property
    def listed_groups(self) -> list[str]:
        """The dependency groups for development that the lock file of Poetry, PDM or Pipenv holds."""
        source = self.answers.dependencies
        locked = self.installs_development and not self.answers.dependencies_in_code
        return lists.groups_of(self.answers.dev_requirements) if locked and lists.has_groups(source) else []

    @cached_property
    def list_commands(self) -> list[str]:
        """The commands that make the list of dependencies, where a stage of its own does."""
        source, in_code = self.answers.dependencies, self.answers.dependencies_in_code
        if not self.lists_first:
            return []
        return lists.list_commands(source, in_code, self.local_packages != [], self.listed_groups, self.takes_as_pip)

    @cached_property
    def install_commands(self) -> list[str]:
        """The commands that install the dependencies in the image, with what the app's command needs and no file declares."""
        answers, local = self.answers, self.local_packages != []
        return lists.install_commands(answers.dependencies, self.lists_first, answers.extra_packages, self.checks_lock, local)

    @cached_property
    def takes_as_pip(self) -> bool:
        """Whether the list of dependencies means what it means to pip, where uv takes it otherwise."""
        return self.builds_image and not self.own_dockerfile and self.lists_requirements and self.answers.as_pip

    @cached_property
    def checks_lock(self) -> bool:
        """Whether a uv.lock that is older than pyproject.toml is refused."""
        return lists.is_uv_lock(self.answers.dependencies) and self.answers.check_lock

    @cached_property
    def local_command(self) -> str:
        """The command that installs the packages of the project's folders."""
        return lists.local_command(self.answers.dependencies, self.local_packages, self.checks_lock)

    @cached_property
    def locks_groups(self) -> bool:
        """Whether the versions of dependency groups stand in uv.lock."""
        return lists.is_uv_lock(self.answers.dependencies) and not self.lists_first

    @cached_property
    def dev_install_commands(self) -> list[str]:
        """The commands that install in the development image what production has not."""
        folder, listed = self.dependencies_folder, self.listed_groups != []
        return lists.further_install_commands(self.answers.dev_requirements, [], self.locks_groups, listed, folder)

    @cached_property
    def copied_sources(self) -> list[str]:
        """The files that the stage of the dependencies has copied already."""
        source = self.answers.dependencies
        return [] if self.lists_first or source == "none" else [*self.beside_dependencies, source]

    @cached_property
    def host_command(self) -> str:
        """The command that starts the app on the host."""
        if not self.answers.own_app:
            return f"python -m {self.answers.package_name}.server"
        command = self.answers.app_command
        if self.answers.app_port == 0:
            return command
        if self.manage_py and "websockets" not in self._django:
            folder, port = self.answers.source_folder, self.answers.app_port
            command = commands.reload_form(command, folder, "django", self.manage_py, port) or command
        return commands.on_host(command, self.answers.app_port, self.port("app", self.answers.port_slot))

    @cached_property
    def install_command(self) -> str:
        """The command that installs the dependencies on the host."""
        source, extra = self.answers.dependencies, self.answers.extra_packages
        if command := lists.on_host(source):
            return command
        if source == "none" and not extra:
            return "pip --version"
        if self.lists_requirements:
            declared = [f"-r {source}"]
        else:
            project = f"./{self.dependencies_folder}" if self.dependencies_folder else "."
            declared = [] if source == "none" else [f"-e {project}"]
        # In quotation marks where a shell would take a part of it for something else, such as `>`.
        packages = [word if re.fullmatch(r"[\w.-]+|-.*", word) else f'"{word}"' for word in extra]
        return " ".join(["pip install", *declared, *packages])

    @cached_property
    def python_path(self) -> str:
        """What the host's Python needs in PYTHONPATH, where nothing installs the project."""
        source = self.answers.dependencies
        locks = source.rpartition("/")[2].startswith(("Pipfile", "environment."))
        installed = not self.lists_requirements and source != "none" and not locks
        folder = self.answers.source_folder
        return "" if installed or not self.answers.own_app or folder == "." else folder

    @cached_property
    def answers_option(self) -> str:
        """What `copier update` needs to find the answers beside another template's."""
        name = self.answers.answers_file
        return "" if name == ".copier-answers.yml" else f" -a {name}"
