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


# Names that always lead here: the service's, for its containers, and this machine's, for
# containers of others. Those in .env.local come on top.
names = [os.environ.get("MCP_SERVICE", ""), "host.docker.internal"]
names.append(os.environ.get("MCP_ALLOWED_HOSTS", ""))
os.environ["MCP_ALLOWED_HOSTS"] = " ".join(filter(None, names))
command = sys.argv[1:]
if os.environ.get("MCP_TRANSPORT") != "stdio":
    # Over HTTP a change of the code is there at once.
    reload = [sys.executable, "-IS", "/mcp-reload.py"]
    command = [*reload, *command] if os.environ.get("MCP_RELOAD") else command
elif os.fork() == 0:
    end_with_the_client()
    os._exit(0)
os.execvp(command[0], command)
