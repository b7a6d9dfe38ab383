"""What a stack is made of: the services that run, and the services that the app uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from .answers import Answers
from .own import OwnService, own_services

# The variables of libpq, and what they mean.
LIBPQ = {"PGHOST": "db_host", "PGPORT": "db_port", "PGUSER": "db_user", "PGPASSWORD": "db_password", "PGDATABASE": "db_name"}
# What a URL begins with whose name says that it is for asynchronous code.
ASYNCHRONOUS = "postgresql+asyncpg"
# Redis of the project's own, which asks for no password in development.
OWN_REDIS = {"redis_host": "redis", "redis_port": "6379", "redis_db": "0", "redis_password": ""}


def login(user: str, database: str, host: str) -> dict[str, str]:
    """Return where a database is, by what a variable may mean."""
    engine = "django.db.backends.postgresql"
    return {"db_host": host, "db_port": "5432", "db_user": user, "db_name": database, "db_engine": engine}


def value_of(meaning: str, values: Mapping[str, str]) -> str | None:
    """Return the value of a variable by what it means; that of `db_kind:postgres` is in it, and goes with a database alone."""
    kind, colon, value = meaning.partition(":")
    return values.get(meaning) if not colon else value if kind == "db_kind" and "db_host" in values else None


# What n8n calls and loads by itself.
N8N_OFF = (
    *("DIAGNOSTICS", "VERSION_NOTIFICATIONS", "VERSION_NOTIFICATIONS_WHATS_NEW", "TEMPLATES", "DYNAMIC_BANNERS"),
    *("HIRING_BANNER", "COMMUNITY_PACKAGES", "UNVERIFIED_PACKAGES", "PERSONALIZATION"),
)
# As questions/data.yml offers them.
POSTGRES_VERSIONS = ("15", "16", "17", "18")


@dataclass(frozen=True)
class Postgres:
    """Postgres, as each environment runs it."""

    image: str
    """With its tag."""
    data: str
    """The folder in the container that a volume is mounted on."""
    host: str
    """The name in the network."""
    others: list[str]
    """The major versions that were not chosen."""


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
    def keeps_compose(self) -> bool:
        """Whether the services are those of a Compose file that the project had, and none is the template's."""
        # No other stack can be chosen with it.
        return self.answers.stack == "minimal" and self.answers.own_compose != ""

    @cached_property
    def own_rows(self) -> list[OwnService]:
        """The services of such a file, as COMPOSE.md tells of them."""
        return [*own_services(self.answers.own_services)] if self.keeps_compose else []

    @cached_property
    def own_builds(self) -> bool:
        """Whether one of them is built."""
        return self.keeps_compose and any("build" in said for said in self.answers.own_services.values())

    @cached_property
    def compose_file(self) -> str:
        """The Compose file that is used in development."""
        return self.answers.own_compose if self.keeps_compose else "docker-compose.yml"

    @cached_property
    def service(self) -> str:
        """The service that is built from the Dockerfile at the top; empty where there is none."""
        return {"minimal": "" if self.keeps_compose else "app", "full": "app", "mcp": "mcp-server"}.get(self.answers.stack, "")

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
        return self.answers.stack in {"minimal", "full", "hybrid"} and not self.keeps_compose

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
    def databases(self) -> dict[str, str]:
        """The databases of the MCP servers in servers/, and of n8n: the name of each, and of its role, by the service."""
        owners = [*self.server_names, *(["gateway"] if self.has_gateway else [])]
        return {owner: owner.replace("-", "_") for owner in owners}

    @cached_property
    def has_gateway(self) -> bool:
        """Whether n8n stands in front of the MCP servers."""
        return self.answers.stack == "mcp-multi" and self.answers.gateway == "n8n"

    @cached_property
    def n8n_settings(self) -> dict[str, str]:
        """What n8n is told in each environment: that it calls nobody but whom a workflow calls."""
        return {**{f"N8N_{name}_ENABLED": "false" for name in N8N_OFF}, "N8N_DISABLED_MODULES": "mcp-registry"}

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
    def libpq_settings(self) -> dict[str, str]:
        """What libpq, and drivers that do as it does, read to find the database."""
        return {name: self.connection[meaning] for name, meaning in LIBPQ.items()} if self.uses_postgres else {}

    @cached_property
    def connection(self) -> dict[str, str]:
        """Where the services are, seen from inside, by what a variable of the app's may mean."""
        # Never by ${DATABASE_URL}: Compose would take that of the shell.
        database = {
            **login("${POSTGRES_USER}", "${POSTGRES_DB}", self.postgres_host),
            "db_password": "${POSTGRES_PASSWORD}",
            "db_url": self.database_url,
            "db_async_url": self.database_url.replace(f"{self.url_scheme}:", f"{ASYNCHRONOUS}:", 1),
        }
        redis = {"redis_url": self.redis_url}
        # In the shared one a user and a number belong to it, which are in the environment as REDIS_USER and REDIS_DB.
        redis |= {"redis_password": "${REDIS_PASSWORD-}", "redis_db": "${REDIS_DB-}"} if self.shares_services else OWN_REDIS
        return (database if self.uses_postgres else {}) | (redis if self.uses_redis else {})

    @cached_property
    def further_names(self) -> dict[str, str]:
        """By which variables the app finds its services besides, and what they mean."""
        if not (self.answers.own_app and self.offers_services and self.uses_data):
            return {}
        # These are in the environment already.
        known = {"REDIS_USER", "REDIS_PASSWORD", "REDIS_DB"} if self.shares_services else set()
        return {
            name: meaning
            for name, meaning in self.answers.setting_names.items()
            if value_of(meaning, self.connection) is not None and name not in known
        }

    @cached_property
    def further_settings(self) -> dict[str, str]:
        """What else the app reads to find its services, by the names of variables."""
        return {name: str(value_of(meaning, self.connection)) for name, meaning in self.further_names.items()}

    @cached_property
    def all_names(self) -> dict[str, str]:
        """By which variables the app, or libpq, finds the services besides DATABASE_URL and REDIS_URL, and what they mean."""
        return (LIBPQ if self.uses_postgres else {}) | self.further_names

    @cached_property
    def production_settings(self) -> dict[str, str]:
        """Where the services are in production, by the names of variables, without a password: that is in a file."""
        database = self.answers.project_slug.replace("-", "_")
        url = f"{self.url_scheme}://app@db:5432/{database}"
        values = {
            **login("app", database, "db"),
            "db_url": url,
            "db_async_url": url.replace(f"{self.url_scheme}:", f"{ASYNCHRONOUS}:", 1),
            **{meaning: value for meaning, value in OWN_REDIS.items() if value},
            "redis_url": "redis://redis:6379/0",
        }
        return {name: value for name, meaning in self.all_names.items() if (value := value_of(meaning, values)) is not None}

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
        others = [one for one in POSTGRES_VERSIONS if one != version]
        return Postgres(f"postgres:{version}-alpine", data, self.postgres_host, others)

    @cached_property
    def redis(self) -> Redis:
        """Redis or Valkey, of the version that was chosen."""
        version = self.answers.redis_version
        image, program = ("valkey/valkey:8-alpine", "valkey") if version == "valkey-8" else (f"redis:{version}-alpine", "redis")
        return Redis(image, program, self.redis_host)
