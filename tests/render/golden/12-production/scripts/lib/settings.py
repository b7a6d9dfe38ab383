# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the answers say, for the scripts."""

SLUG = "my-project"
SERVICES = ["db", "redis"]
IMAGE = "registry.example.com/my-project"
# The service whose replicas nginx asks; whether it asks whoever calls for a token.
APP = "app"
CALLERS = False
# Seconds that requests to replaced replicas get to end, where .env.production says no other.
DRAIN = 30
PORT = 8000
# Pages of which one that answers is enough.
PAGES = ["/ready"]
PYTHON = "3.13"
POSTGRES = "17"
SECRETS = ["app_secret_key", "db_password", "redis_password"]
MIGRATES = True
COLLECTS = False
UPDATE = "copier update --trust"
