# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the answers say, for the scripts."""

SLUG = "my-project"
SLOT = 0
# The services that Compose publishes, and those whose ports are in .env.
PUBLISHED = ["app", "db", "redis"]
IN_ENV = ["app", "db", "redis"]
# The module that copies the data of a branch; whether others have them in their hands.
DATA = "copy_data"
DATABASE = True
SHARES = False
SETUP_FOLLOWS = False
