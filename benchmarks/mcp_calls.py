"""A call of an MCP tool in production: through nginx, with TLS and a token, beside one that goes to a replica directly.

    python benchmarks/mcp_calls.py [--calls 1000]

The starter of the stack `mcp` with Postgres, one replica. Both clients keep one connection and call in turns, so that both find
the machine as busy. Only the ratio of one run says something.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.production import TLS, Production, in_production  # noqa: E402 - the path has to be known first
from tests.support import copy_template  # noqa: E402 - see the line above

HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def caller(
    connection: http.client.HTTPConnection, headers: dict[str, str], tool: str, arguments: dict[str, Any]
) -> Callable[[], float]:
    """Return what calls a tool, and returns the seconds that this took."""
    parameters = {"name": tool, "arguments": arguments}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": parameters}).encode()

    def call() -> float:
        start = time.perf_counter()
        connection.request("POST", "/mcp", message, HEADERS | headers)
        response = connection.getresponse()
        text = response.read().decode()
        seconds = time.perf_counter() - start
        if response.status != 200 or '"result"' not in text or '"isError":true' in text:
            raise SystemExit(f"{response.status}: {text}")
        return seconds

    return call


def sides(production: Production, tool: str, arguments: dict[str, Any]) -> dict[str, Callable[[], float]]:
    """Return both ways to a tool."""
    (replica,) = production.containers("mcp-server").values()
    (address, *_) = [network["IPAddress"] for network in replica["NetworkSettings"]["Networks"].values()]
    token = (production.folder / "secrets/mcp_tokens").read_text().rpartition(":")[2].strip()
    through = http.client.HTTPSConnection("127.0.0.1", int(production.ports["HTTPS_PORT"]), context=TLS)
    host = {"Host": "127.0.0.1"}
    return {
        "directly": caller(http.client.HTTPConnection(address, 8000), host, tool, arguments),
        "through nginx": caller(through, host | {"Authorization": f"Bearer {token}"}, tool, arguments),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    calls = parser.parse_args().calls
    answers = {"stack": "mcp", "services": ["postgres"]}
    with (
        tempfile.TemporaryDirectory() as temporary,
        in_production(copy_template(Path(temporary) / "template"), Path(temporary), answers) as production,
    ):
        (production.folder / ".env.production").write_text("APP_REPLICAS=1\nMCP_RATE=10000\n")
        production.build("1")
        production.deploy("1")
        name = production.slug.replace("-", "_")
        print("| tool | way | median, ms | 95 of 100 within, ms | to the direct one |\n| --- | --- | --- | --- | --- |")
        measure(sides(production, f"{name}_status", {}), "status", calls)
        measure(sides(production, f"{name}_add_note", {"text": "a note"}), "add_note", calls)


def measure(ways: dict[str, Callable[[], float]], tool: str, calls: int) -> None:
    """Call a tool both ways in turns, and print a line for each."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(calls + 50):
        for way, call in ways.items():
            seconds = call()
            if number >= 50:
                taken[way].append(1000 * seconds)
    direct = statistics.median(taken["directly"])
    for way, found in taken.items():
        median, most = statistics.median(found), statistics.quantiles(found, n=20)[-1]
        print(f"| {tool} | {way} | {median:.1f} | {most:.1f} | {median / direct:.2f} |")


if __name__ == "__main__":
    main()
