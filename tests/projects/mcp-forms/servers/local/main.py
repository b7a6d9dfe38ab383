from fastmcp import FastMCP

server = FastMCP("local")


@server.tool
def here() -> str:
    """Say where this runs."""
    return "here"


server.run()
