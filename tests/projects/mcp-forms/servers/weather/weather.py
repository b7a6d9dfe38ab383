from fastmcp import FastMCP

mcp = FastMCP("weather")


@mcp.tool
def forecast(place: str) -> str:
    """Say what the weather will be."""
    return f"rain in {place}"
