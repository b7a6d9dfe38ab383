"""An MCP client that uses all of a server: part of the tests, and by itself a program for a container inside the network.

With an URL it prints what every tool and resource answers. It needs the official SDK and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def everything(session: ClientSession) -> dict[str, Any]:
    """Call every tool and read every resource; an argument that a tool wants is `from <name of the tool>`."""
    found: dict[str, Any] = {}
    for tool in (await session.list_tools()).tools:
        arguments = dict.fromkeys(tool.input_schema.get("required", []), f"from {tool.name}")
        answer = await session.call_tool(tool.name, arguments)
        assert not answer.is_error, answer
        found[tool.name] = answer.structured_content
    for resource in (await session.list_resources()).resources:
        (content,) = (await session.read_resource(str(resource.uri))).contents
        found[str(resource.uri)] = json.loads(content.text)  # type: ignore[union-attr]
    return found


async def main() -> None:
    async with streamable_http_client(sys.argv[1]) as streams, ClientSession(*streams[:2]) as session:
        await session.initialize()
        print(json.dumps(await everything(session)))


if __name__ == "__main__":
    asyncio.run(main())
