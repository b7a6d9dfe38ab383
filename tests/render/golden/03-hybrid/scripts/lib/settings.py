# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the answers say, for the scripts."""

SLUG = "my-project"
SERVICES = ["db", "redis"]
SCHEME = "postgresql"
# What else the app, or a library, reads to find the services: each variable, and what it means.
NAMES = {
    "PGHOST": "db_host",
    "PGPORT": "db_port",
    "PGUSER": "db_user",
    "PGPASSWORD": "db_password",
    "PGDATABASE": "db_name",
}
