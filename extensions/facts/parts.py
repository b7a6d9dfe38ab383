"""What each environment is made of: the parts of includes/services/, in the order in which a reader meets them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from . import commands
from .delivery import Delivery


def there(parts: dict[str, bool]) -> list[str]:
    """Return the parts that there are."""
    return [part for part, needed in parts.items() if needed]


@dataclass(frozen=True)
class Need:
    """A service that another one waits for."""

    service: str
    condition: str
    """Until when, as Compose calls it: `healthy` or `completed_successfully`."""
    required: bool = True
    """Whether the other one does not start without it."""


def each_need(healthy: dict[str, bool] | None = None, once: dict[str, bool] | None = None) -> list[Need]:
    """Return the services that there are: those that have to be healthy, and those that have to have ended well."""
    running = [Need(service, "healthy") for service in there(healthy or {})]
    return running + [Need(service, "completed_successfully") for service in there(once or {})]


@dataclass(frozen=True)
class Parts(Delivery):
    """The parts of the Compose files and of the guide: files in includes/services/, without their last two suffixes."""

    @cached_property
    def shares_postgres(self) -> bool:
        """Whether the app has a database in the Postgres that projects share."""
        return self.shares_services and self.uses_postgres

    @cached_property
    def shares_redis(self) -> bool:
        """Whether the app has a number of the Redis that projects share."""
        return self.shares_services and self.uses_redis

    @cached_property
    def anchors(self) -> list[str]:
        """What services of docker-compose.yml have in common."""
        return there(
            {
                "app/env-files": self.has_layers,
                "hub/env-files": self.is_hub,
                "shared/env-files": self.shares_services,
                "app/host": self.on_host,
                "mcp/anchor": self.server_names != [],
                "mcp/own-anchor": self.has_own_servers,
            }
        )

    @cached_property
    def development(self) -> list[str]:
        """The services of docker-compose.yml."""
        return there(
            {
                "app/development": self.service == "app",
                "worker/development": self.has_worker,
                "scheduler/development": self.has_scheduler,
                "mcp/development": self.service == "mcp-server",
                "mcp/servers": self.mounted_servers != [],
                "mcp/built": self.built_servers != [],
                "hub/secrets": self.is_hub,
                "postgres/hub": self.is_hub,
                "redis/hub": self.is_hub,
                "postgres/shared": self.shares_postgres,
                "redis/shared": self.shares_redis,
                "gateway/development": self.has_gateway,
                "postgres/development": self.has_postgres and not self.is_hub,
                "postgres/databases": self.server_names != [],
                "redis/development": self.has_redis and not self.is_hub,
                "mail/development": self.has_mail,
            }
        )

    @cached_property
    def programs(self) -> list[str]:
        """The files in docker/ that containers start with in development."""
        return there(
            {
                "mcp-session.py": self.has_mcp,
                "mcp-reload.py": self.mcp_reload != "",
                "mcp-preload.py": self.mcp_reload != "",
                "mcp-alive.sh": self.has_own_servers,
                "as-owner.sh": self.server_names != [],
                "shared-access.sh": self.shares_services,
                "databases.sh": self.server_names != [] or self.shares_postgres,
                "gateway.sh": self.has_gateway,
                "postgres-version.sh": self.has_postgres,
                "hub-secrets.sh": self.is_hub,
                "hub-postgres.sh": self.is_hub,
                "hub-redis.sh": self.is_hub,
            }
        )

    @cached_property
    def production_programs(self) -> list[str]:
        """Those that containers start with in production."""
        return [program for program in self.programs if program in {"databases.sh", "gateway.sh", "mcp-alive.sh"}]

    @cached_property
    def tested(self) -> list[str]:
        """The services of docker-compose.test.yml."""
        if self.keeps_compose:
            return ["own/tests"]
        return there(
            {
                "mcp/tests": self.server_names != [],
                "app/tests": self.service != "",
                "worker/tests": self.has_worker,
                "scheduler/tests": self.has_scheduler,
                "gateway/tests": self.has_gateway,
                "tests/tests": self.server_names == [],
                "migrate/tests": self.migrates,
                "postgres/tests": self.uses_postgres and not self.shares_services,
                "postgres/tests-of-shared": self.shares_postgres,
                "postgres/databases-tests": self.server_names != [],
                "redis/tests": self.uses_redis and not self.shares_services,
                "redis/tests-of-shared": self.shares_redis,
                "shared/tests": self.shares_services,
                "mail/tests": self.has_mail,
            }
        )

    @cached_property
    def deployed(self) -> list[str]:
        """The services of docker-compose.prod.yml and docker-stack.yml."""
        return there(
            {
                "mcp/production": self.server_names != [],
                "app/production": self.server_names == [],
                "nginx/production": True,
                "migrate/production": self.migrates_production,
                "worker/production": "worker" in self.deployed_beside,
                "scheduler/production": "scheduler" in self.deployed_beside,
                "gateway/production": self.has_gateway,
                "postgres/production": self.uses_postgres,
                "postgres/databases-production": self.server_names != [],
                "redis/production": self.uses_redis,
            }
        )

    @cached_property
    def deployed_here(self) -> list[str]:
        """The services of docker-compose.prod.yml: those, and what fills a volume, of which each node of a Swarm has its own."""
        static = ["static/production"] if self.static_url else []
        return [*self.deployed, *static, "nginx/acme", *(["copies/production"] if self.uses_postgres else [])]

    @cached_property
    def needs_healthy(self) -> list[Need]:
        """What the app, or a server, waits for where services are the project's own."""
        return each_need(healthy={"db": self.uses_postgres, "redis": self.uses_redis})

    @cached_property
    def needs(self) -> list[Need]:
        """What the app, or a server, waits for in development."""
        once = {
            "postgres_access": self.server_names != [],
            "postgres-access": self.shares_postgres,
            "redis-access": self.shares_redis,
        }
        # Required for nothing: there is none where the tests run.
        mail = [Need("mailcatcher", "healthy", required=False)] if self.has_mail else []
        return ([] if self.shares_services else self.needs_healthy) + each_need(once=once) + mail

    @cached_property
    def needs_of_tests(self) -> list[Need]:
        """What the tests wait for."""
        return self.needs_healthy + each_need(once={"postgres_access": self.server_names != [], "migrate": self.migrates})

    @cached_property
    def development_variables(self) -> dict[str, str]:
        """What the environment of the app, or of each server, holds in development alone: YAML, by name."""
        debug = {"DEBUG": '"true"'} if self.starts_django and self.service else {}
        debug |= {"MCP_RELOAD": commands.to_json_text(self.mcp_reload)} if self.mcp_reload else {}
        return debug | ({"SMTP_HOST": "mailcatcher", "SMTP_PORT": '"1025"'} if self.has_mail else {})

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the environment of the app, or of each server, holds in development: YAML, by name."""
        module = self.django_settings
        # A name of one word may be one of YAML's.
        settings = {"DJANGO_SETTINGS_MODULE": module if "." in module else commands.to_json_text(module)} if module else {}
        # Where there are layers of environment files, they stand in .env.services, so that one's own value wins.
        made_up = {} if self.uses_data else {name: commands.to_json_text(one) for name, one in self.made_up_settings.items()}
        branch = {"BRANCH": "${BRANCH:-}"} if self.answers.branch_environments else {}
        return {
            **branch,
            **settings,
            **made_up,
            **self.development_variables,
            "PYTHONUNBUFFERED": '"1"',
            "PYTHONDONTWRITEBYTECODE": '"1"',
        }

    @cached_property
    def first_section(self) -> str:
        """The part that COMPOSE.md begins with: the daily commands."""
        if self.keeps_compose:
            return "own/start"
        return {
            "hybrid": "app/start-on-host",
            "mcp": "mcp/start",
            "mcp-multi": "mcp/start-several",
            "shared-services": "hub/start",
        }.get(self.answers.stack, "app/start")

    @cached_property
    def rows(self) -> list[str]:
        """The services that have a row in the table of COMPOSE.md."""
        return there(
            {
                "own": self.keeps_compose,
                "app": self.service == "app",
                "worker": self.has_worker,
                "scheduler": self.has_scheduler,
                "mcp": self.has_mcp,
                "gateway": self.has_gateway,
                "postgres": self.has_postgres,
                "redis": self.has_redis,
                "mail": self.has_mail,
            }
        )

    @cached_property
    def sections(self) -> list[str]:
        """The sections of COMPOSE.md after the table, as files in includes/."""
        return there(
            {
                "services/shared/guide": self.shares_services,
                "guide/ports": self.published_services != [] or self.on_host,
                "services/app/several": self.app_listens,
                "services/worker/guide": self.has_worker,
                "services/scheduler/guide": self.has_scheduler,
                "services/app/reload": self.reload_command != "" or self.restarts_on_change,
                "services/app/debugger": self.has_debugger,
                "services/mail/guide": self.has_mail,
                "guide/environment": self.has_layers,
                "services/postgres/guide": self.has_data and not self.is_hub,
                "guide/branches": self.answers.branch_environments,
                "services/tests/guide": self.has_ci and not self.keeps_compose,
                "services/own/guide": self.has_ci and self.keeps_compose,
                "guide/production": self.has_production,
                "services/mcp/callers": self.has_production and self.has_mcp,
                "services/postgres/backups": self.has_production and self.uses_postgres,
                "guide/swarm": self.deploys_to_swarm,
                "guide/own-changes": not self.keeps_compose,
                "services/own/own-changes": self.keeps_compose,
            }
        )
