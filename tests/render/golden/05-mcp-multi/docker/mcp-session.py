# Managed by chora-compose-template: `copier update` rewrites this file.
"""Start an MCP server: `mcp-session.py COMMAND...`.

Five seconds after its client has gone a session over standard input and output ends, even in mid-call.
"""

import os
import select
import signal
import sys
import time


def end_with_the_client() -> None:
    """Wait until nobody can write to standard input any more, then end every process of the container."""
    # The client waits for the end of standard output, which only the server may hold open.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    client = select.poll()
    client.register(sys.stdin, 0)
    client.poll()
    time.sleep(5)
    os.kill(-1, signal.SIGTERM)
    time.sleep(5)
    os.kill(-1, signal.SIGKILL)


if os.environ.get("MCP_TRANSPORT") == "stdio" and os.fork() == 0:
    end_with_the_client()
    os._exit(0)
os.execvp(sys.argv[1], sys.argv[1:])
