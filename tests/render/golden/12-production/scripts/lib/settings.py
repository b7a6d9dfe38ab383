# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the answers say, for the scripts."""

SLUG = "my-project"
SERVICES = ["db", "redis"]
# The services whose replicas nginx asks, each with its image; the names of their turns.
APPS = {"app": "registry.example.com/my-project"}
ALIAS = "{}-{}"
# Seconds that requests to replaced replicas get to end, where .env.production says no other.
DRAIN = 30
PORT = 8000
# Pages of which one that answers is enough.
PAGES = ["/ready"]
# Whether n8n has a name of its own.
N8N = False
PYTHON = "3.13"
POSTGRES = "17"
DATABASES = ["my_project"]
SECRETS = ["app_secret_key", "db_password", "redis_password"]
UPDATE = "copier update --trust"
