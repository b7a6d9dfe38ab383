# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What the answers say, for the scripts."""

SLUG = "my-project"
# The service of each MCP server, by the name that clients know it under.
SERVERS = {"my-project": "mcp-server"}
# The variables of a client that its session hands on to the server.
CLIENT_ENV: list[str] = []
# What speaks over stdio, where a service's own command speaks over HTTP.
STDIO_COMMANDS: dict[str, list[str]] = {}
