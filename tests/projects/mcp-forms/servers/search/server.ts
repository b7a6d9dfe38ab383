import { createServer } from "node:http";

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

function search(): McpServer {
  const server = new McpServer({ name: "search", version: "1.2.0" });
  server.registerTool("find", { description: "Find a word.", inputSchema: { word: z.string() } }, ({ word }) => ({
    content: [{ type: "text", text: `found ${word} over ${process.env.MCP_TRANSPORT}` }],
  }));
  return server;
}

if (process.env.MCP_TRANSPORT === "stdio") {
  await search().connect(new StdioServerTransport());
} else {
  createServer(async (request, response) => {
    if (request.url !== "/mcp" || request.method !== "POST") {
      response.writeHead(request.url === "/mcp" ? 405 : 404).end();
      return;
    }
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await search().connect(transport);
    await transport.handleRequest(request, response);
  }).listen(Number(process.env.PORT));
}
