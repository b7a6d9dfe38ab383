"""Services that a project declares a client of and that the template does not offer, with what Compose starts each by."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Other:
    """A service that is not offered.

    Attributes:
        label: what it is called.
        name: the service, and its host.
        image: with a tag of a major version.
        port: what it listens on.
        data: the folder in which it keeps its data, empty for none.
        environment: its variables.
        clients: canonical names of the distributions that speak to it.
    """

    label: str
    name: str
    image: str
    port: int
    data: str
    clients: frozenset[str]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """The lines for docker-compose.override.yml."""
        variables = ", ".join(f'{name}: "{value}"' for name, value in self.environment.items())
        return [
            "services:",
            f"  {self.name}:",
            f"    image: {self.image}",
            *([f"    environment: {{{variables}}}"] if variables else []),
            *([f"    volumes: [{self.name}-data:{self.data}]", "volumes:", f"  {self.name}-data:"] if self.data else []),
        ]


MYSQL = {"MYSQL_DATABASE": "app", "MYSQL_USER": "dev", "MYSQL_PASSWORD": "dev", "MYSQL_RANDOM_ROOT_PASSWORD": "yes"}
OTHERS = (
    Other(
        *("MySQL", "mysql", "mysql:8.4", 3306, "/var/lib/mysql"),
        frozenset({"mysqlclient", "pymysql", "mysql-connector-python", "aiomysql", "asyncmy", "flask-mysqldb"}),
        MYSQL,
    ),
    Other(*("MariaDB", "mariadb", "mariadb:11.4", 3306, "/var/lib/mysql"), frozenset({"mariadb"}), MYSQL),
    Other(
        *("MongoDB", "mongo", "mongo:8.0", 27017, "/data/db"),
        frozenset({"pymongo", "motor", "mongoengine", "beanie", "odmantic", "flask-pymongo", "djongo", "eve"}),
    ),
    Other(
        *("RabbitMQ", "rabbitmq", "rabbitmq:4", 5672, "/var/lib/rabbitmq"),
        frozenset({"pika", "aio-pika", "kombu", "aiormq", "dramatiq[rabbitmq]", "celery[librabbitmq]", "faststream[rabbit]"}),
    ),
    Other(
        *("Kafka", "kafka", "apache/kafka:4.1.0", 9092, "/var/lib/kafka/data"),
        frozenset({"kafka-python", "kafka-python-ng", "confluent-kafka", "aiokafka", "faust-streaming", "faststream[kafka]"}),
    ),
    Other(
        *("Elasticsearch", "elasticsearch", "elasticsearch:9.1.4", 9200, "/usr/share/elasticsearch/data"),
        frozenset({"elasticsearch", "elasticsearch-dsl", "django-elasticsearch-dsl"}),
        {"discovery.type": "single-node", "xpack.security.enabled": "false"},
    ),
    Other(
        *("OpenSearch", "opensearch", "opensearchproject/opensearch:3", 9200, "/usr/share/opensearch/data"),
        frozenset({"opensearch-py", "opensearch-dsl"}),
        {"discovery.type": "single-node", "DISABLE_SECURITY_PLUGIN": "true"},
    ),
    Other(
        *("Memcached", "memcached", "memcached:1.6-alpine", 11211, ""),
        frozenset({"pymemcache", "python-memcached", "pylibmc", "aiomcache"}),
    ),
    Other(*("NATS", "nats", "nats:2-alpine", 4222, ""), frozenset({"nats-py", "faststream[nats]"})),
    Other(
        *("ClickHouse", "clickhouse", "clickhouse:25.8", 8123, "/var/lib/clickhouse"),
        frozenset({"clickhouse-connect", "clickhouse-driver"}),
    ),
    Other(
        *("Cassandra", "cassandra", "cassandra:5.0", 9042, "/var/lib/cassandra"), frozenset({"cassandra-driver", "scylla-driver"})
    ),
    Other(*("Neo4j", "neo4j", "neo4j:5", 7687, "/data"), frozenset({"neo4j", "neomodel", "py2neo"}), {"NEO4J_AUTH": "none"}),
    Other(*("Qdrant", "qdrant", "qdrant/qdrant:v1.15.4", 6333, "/qdrant/storage"), frozenset({"qdrant-client"})),
    Other(
        *("SQL Server", "mssql", "mcr.microsoft.com/mssql/server:2022-latest", 1433, "/var/opt/mssql"),
        frozenset({"pymssql", "mssql-python", "mssql-django"}),
        {"ACCEPT_EULA": "Y", "MSSQL_SA_PASSWORD": "Dev-password1"},
    ),
)


def others_of(declared: Collection[str]) -> list[Other]:
    """Return the services that a project declares a client of, and that the template does not offer.

    Args:
        declared: canonical names of distributions, extras as `name[extra]` besides.
    """
    # Celery brings Kombu along, whatever its broker is.
    clients = {*declared} - ({"kombu"} if "celery" in declared else set())
    return [other for other in OTHERS if other.clients & clients]
