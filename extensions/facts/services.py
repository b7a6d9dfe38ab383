"""What a stack is made of: the services that run, and the services that the app uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from .answers import Answers


@dataclass(frozen=True)
class Postgres:
    """Postgres, as each environment runs it."""

    image: str
    """With its tag."""
    data: str
    """The folder in the container that a volume is mounted on."""
    host: str
    """The name in the network."""


@dataclass(frozen=True)
class Redis:
    """Redis, or its fork Valkey, as each environment runs it."""

    image: str
    """With its tag."""
    program: str
    """What the names of its programs begin with, and its user's name: `redis` or `valkey`."""
    host: str
    """The name in the network."""

    @property
    def server(self) -> str:
        """The program that serves."""
        return f"{self.program}-server"

    @property
    def cli(self) -> str:
        """The program that asks."""
        return f"{self.program}-cli"


@dataclass(frozen=True)
class Services:
    """What follows from the stack and its services."""

    answers: Answers
    port: Callable[[str, int], int]
    """The port on this machine of a service, for a slot."""

    @cached_property
    def service(self) -> str:
        """The service that is built from the Dockerfile at the top; empty where there is none."""
        return {"minimal": "app", "full": "app", "mcp": "mcp-server"}.get(self.answers.stack, "")

    @cached_property
    def on_host(self) -> bool:
        """Whether the app runs on the host, beside its services."""
        return self.answers.stack == "hybrid"

    @cached_property
    def is_hub(self) -> bool:
        """Whether these are the services that projects of this machine share."""
        return self.answers.stack == "shared-services"

    @cached_property
    def has_web_app(self) -> bool:
        """Whether the app answers web requests, in a container or on the host."""
        return self.answers.stack in {"minimal", "full", "hybrid"}

    @cached_property
    def has_mcp(self) -> bool:
        """Whether there are MCP servers."""
        return self.answers.stack in {"mcp", "mcp-multi"}

    @cached_property
    def offers_services(self) -> bool:
        """Whether Postgres and Redis can be chosen."""
        return self.answers.stack in {"full", "hybrid", "mcp"}

    @cached_property
    def server_names(self) -> list[str]:
        """The names of the MCP servers that live in servers/."""
        return self.answers.mcp_servers if self.answers.stack == "mcp-multi" else []

    @cached_property
    def has_gateway(self) -> bool:
        """Whether n8n stands in front of the MCP servers."""
        return self.answers.stack == "mcp-multi" and self.answers.gateway == "n8n"

    @cached_property
    def uses_postgres(self) -> bool:
        """Whether the app uses Postgres."""
        return self.answers.stack == "mcp-multi" or (self.offers_services and "postgres" in self.answers.services)

    @cached_property
    def uses_redis(self) -> bool:
        """Whether the app uses Redis."""
        return self.offers_services and "redis" in self.answers.services

    @cached_property
    def uses_data(self) -> bool:
        """Whether the app uses a service that holds data."""
        return self.uses_postgres or self.uses_redis

    @cached_property
    def url_scheme(self) -> str:
        """The scheme of the database's URL."""
        reads = self.answers.own_app and self.offers_services and self.uses_postgres
        return self.answers.database_scheme if reads else "postgresql"

    @cached_property
    def database_url(self) -> str:
        """Where the database is, seen from inside, in an environment file after those with the login."""
        return f"{self.url_scheme}://${{POSTGRES_USER}}:${{POSTGRES_PASSWORD}}@{self.postgres_host}:5432/${{POSTGRES_DB}}"

    @cached_property
    def redis_url(self) -> str:
        """Where Redis is, seen from inside."""
        shared = "${REDIS_USER-}:${REDIS_PASSWORD-}@shared-redis:6379/${REDIS_DB-}"
        return f"redis://{shared if self.shares_services else 'redis:6379/0'}"

    @cached_property
    def further_settings(self) -> dict[str, str]:
        """What else the app reads to find its services, by the names of variables."""
        if not (self.answers.own_app and self.offers_services and self.uses_data):
            return {}
        # Never by ${DATABASE_URL}: Compose would take that of the shell.
        database = {
            "db_host": self.postgres_host,
            "db_port": "5432",
            "db_user": "${POSTGRES_USER}",
            "db_password": "${POSTGRES_PASSWORD}",
            "db_name": "${POSTGRES_DB}",
            "db_url": self.database_url,
        }
        redis = {"redis_url": self.redis_url}
        redis |= {} if self.shares_services else {"redis_host": "redis", "redis_port": "6379"}
        values = (database if self.uses_postgres else {}) | (redis if self.uses_redis else {})
        return {name: values[meaning] for name, meaning in self.answers.setting_names.items() if meaning in values}

    @cached_property
    def shares_services(self) -> bool:
        """Whether the app uses the services that projects of this machine share."""
        return self.answers.stack in {"full", "mcp"} and self.uses_data and self.answers.isolation == "shared"

    @cached_property
    def has_postgres(self) -> bool:
        """Whether the stack runs its own Postgres."""
        return self.is_hub or (self.uses_postgres and not self.shares_services)

    @cached_property
    def has_redis(self) -> bool:
        """Whether the stack runs its own Redis."""
        return self.is_hub or (self.uses_redis and not self.shares_services)

    @cached_property
    def has_data(self) -> bool:
        """Whether the stack runs services that hold data."""
        return self.has_postgres or self.has_redis

    @cached_property
    def postgres_host(self) -> str:
        """The name of Postgres in the network."""
        return "shared-postgres" if self.is_hub or self.shares_services else "db"

    @cached_property
    def redis_host(self) -> str:
        """The name of Redis in the network."""
        return "shared-redis" if self.is_hub or self.shares_services else "redis"

    @cached_property
    def postgres(self) -> Postgres:
        """Postgres, of the version that was chosen."""
        version = self.answers.postgres_version
        # The image's volume moved up with version 18.
        data = "/var/lib/postgresql" if int(version) >= 18 else "/var/lib/postgresql/data"
        return Postgres(f"postgres:{version}-alpine", data, self.postgres_host)

    @cached_property
    def redis(self) -> Redis:
        """Redis or Valkey, of the version that was chosen."""
        version = self.answers.redis_version
        image, program = ("valkey/valkey:8-alpine", "valkey") if version == "valkey-8" else (f"redis:{version}-alpine", "redis")
        return Redis(image, program, self.redis_host)
