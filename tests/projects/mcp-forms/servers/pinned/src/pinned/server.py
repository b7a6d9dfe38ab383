import argparse
from importlib.metadata import version

from mcp.server.fastmcp import FastMCP


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", choices=["stdio", "streamable-http"], default="stdio")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    if options.transport == "stdio" and (options.host or options.port):
        parser.error("--host and --port are for streamable-http alone")
    server = FastMCP("pinned", host=options.host or "127.0.0.1", port=options.port or 8000)

    @server.tool()
    def sdk() -> str:
        """Say which version of the SDK this is."""
        return f"mcp {version('mcp')} over {options.transport}"

    server.run(options.transport)
