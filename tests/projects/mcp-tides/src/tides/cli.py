import argparse
from importlib.metadata import version

from mcp.server.mcpserver import MCPServer

server = MCPServer("tides", version=version("tides-mcp"))


@server.tool()
def high_water(port: str) -> str:
    """Say when the water is high in a port."""
    return f"high water in {port} at {6 + len(port) % 6}:00"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", choices=["stdio", "http"], default="stdio")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if options.transport == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="0.0.0.0", port=options.port)
