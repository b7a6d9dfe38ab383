"""What follows for development: how a change of the code reaches the app and its worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from . import commands
from .servers import Servers


@dataclass(frozen=True)
class Reload(Servers):
    """How the app and its worker are started in development, and started again."""

    @cached_property
    def own_reload_command(self) -> str:
        """The command by which the app reloads itself in development; empty where it can't."""
        if self.service != "app" or not self.answers.hot_reload or self.answers.app_command != self.answers.default_command:
            return ""
        if self.hides_code:
            return ""
        # In an image of one's own it may lie elsewhere.
        runs = not self.own_dockerfile and "websockets" not in self._django and self.answers.app_port != 0
        answers, manage_py = self.answers, self.manage_py if runs else ""
        return commands.reload_form(
            answers.app_command, answers.source_folder, answers.web_framework, manage_py, answers.app_port
        )

    @cached_property
    def can_be_watched(self) -> bool:
        """Whether something else can start the app again after a change: what ends by itself, or fails, would hang then."""
        lasts = self.app_listens or (self.runs_app and commands.program(self.answers.app_command) in commands.WORKERS)
        return lasts and not self.own_dockerfile

    @cached_property
    def reload_packages(self) -> list[str]:
        """What the development image needs to notice a change within a second, as requirements."""
        if self.service != "app" or self.own_dockerfile or not self.answers.hot_reload:
            return []
        own = commands.program(self.own_reload_command)
        django = self.manage_py != ""
        watched = (self.can_be_watched and own not in commands.QUICK and not django) or self.has_worker or self.has_scheduler
        # Werkzeug, which has Flask's reloader, sees no change with watchdog 7.
        return [*(["watchdog>=6,<7"] if own == "flask" else []), *(["watchfiles"] if watched and self.answers.own_app else [])]

    @cached_property
    def has_watchfiles(self) -> bool:
        """Whether the development image has watchfiles, which starts a command again after a change."""
        return self.service == "app" and self.installs_development and "watchfiles" in self.answers.dev_requirements

    @cached_property
    def is_watched(self) -> bool:
        """Whether watchfiles starts the app again in development, because it can't reload itself, or only slowly."""
        slow = commands.program(self.own_reload_command) not in commands.QUICK and self.manage_py == ""
        return self.has_watchfiles and self.answers.hot_reload and self.can_be_watched and slow

    @cached_property
    def reload_command(self) -> str:
        """The command that starts the app in development and reloads it; empty where nothing can."""
        if self.is_watched:
            return commands.watched(self.answers.app_command, self.answers.source_folder)
        return self.own_reload_command

    @cached_property
    def watches_worker(self) -> bool:
        """Whether watchfiles starts a worker and a scheduler again in development after a change."""
        there = self.has_worker or self.has_scheduler
        return there and self.has_watchfiles and self.answers.hot_reload and self.mounts_code

    @cached_property
    def worker_development_command(self) -> str:
        """The command that starts the worker in development."""
        command = self.answers.worker_command
        return commands.watched(command, self.answers.source_folder) if self.watches_worker else command

    @cached_property
    def schedule_development_command(self) -> str:
        """The command that starts the scheduler in development."""
        command = self.answers.schedule_command
        return commands.watched(command, self.answers.source_folder) if self.watches_worker else command

    @cached_property
    def restarts_on_change(self) -> bool:
        """Whether `docker compose watch` brings each change into the container, because the app can't reload itself."""
        return self.runs_app and self.answers.hot_reload and self.reload_command == ""

    @cached_property
    def mounts_code(self) -> bool:
        """Whether the project's folder is mounted into the container in development."""
        return not self.hides_code and not self.restarts_on_change

    @cached_property
    def mcp_reload(self) -> str:
        """The folder of the code that an MCP server over HTTP is started again for; empty where that would change nothing."""
        if self.server_names:
            return "."
        reloads = self.service == "mcp-server" and not self.stdio_only and self.mounts_code
        return self.answers.source_folder if reloads else ""

    @cached_property
    def development_command(self) -> str:
        """The command that starts the app in development, with the reloader and the debugger."""
        command = self.reload_command or self.answers.app_command or "python"
        if self.has_debugger and self.is_watched:
            return commands.watched(commands.under_debugger(self.answers.app_command), self.answers.source_folder)
        return commands.under_debugger(command) if self.has_debugger else command

    @cached_property
    def own_command(self) -> str:
        """What stands after the ENTRYPOINT of an existing image in development; empty where its own CMD says the same."""
        command = commands.after_entrypoint(self.development_command, self.answers.image_entrypoint)
        return "" if commands.words(command) == self.answers.image_command else command
