# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the answers say, for the scripts."""

SLUG = "my-project"
SERVICES = ["db", "redis"]
SCHEME = "postgresql"
