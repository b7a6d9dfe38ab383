"""What idle services cost: the CPU of 20 MCP servers and their database, from ten seconds after they are up.

    python benchmarks/at_rest.py [--servers 20] [--seconds 120] [--interval 2s]

Counted are the cgroups of the containers, which hold the servers and all that their healthchecks start inside, and, apart from
it, the engine's own processes with those that serve the containers. `--interval` asks as often as given instead, for comparison.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.stack import Stack, clean_up_after, free_port, unique_slug  # noqa: E402 - the path has to be known first
from tests.support import copy_template, render  # noqa: E402 - see the line above

TICKS = os.sysconf("SC_CLK_TCK")
ENGINE = ("dockerd", "containerd", "containerd-shim")


def cgroup(pid: int) -> Path:
    """Return the file in which the CPU time of a process's cgroup stands."""
    groups = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    first = next((path for names, path in groups.items() if "cpuacct" in names.split(",")), "")
    return Path(f"/sys/fs/cgroup/cpuacct{first}/cpuacct.usage" if first else f"/sys/fs/cgroup{groups['']}/cpu.stat")


def in_containers(files: list[Path]) -> float:
    """Return the CPU seconds that some cgroups have used, of either version."""
    numbers = [(file.name, re.findall(r"\d+", file.read_text())[0]) for file in files]
    return sum(int(number) / (1e9 if name == "cpuacct.usage" else 1e6) for name, number in numbers)


def of_engine() -> float:
    """Return the CPU seconds that the engine's processes have used, and what they have started and waited for."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip().startswith(ENGINE):
                total += sum(map(int, (process / "stat").read_text().rsplit(")", 1)[1].split()[11:15]))
        except OSError:  # it has ended
            continue
    return total / TICKS


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--servers", type=int, default=20, help="how many (%(default)s)")
    parser.add_argument("--seconds", type=int, default=120, help="how long to measure (%(default)s)")
    parser.add_argument("--interval", default="", help="of all healthchecks, instead of the rendered one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        names = [f"server{number}" for number in range(1, options.servers + 1)]
        slug = unique_slug()
        template = copy_template(Path(temp) / "template")
        answers = {"stack": "mcp-multi", "mcp_servers": names, "gateway": "none", "project_slug": slug}
        project = render(template, Path(temp) / slug, answers, hook=True, state=Path(temp) / "state")
        if options.interval:
            file = project / "docker-compose.yml"
            file.write_text(re.sub(r" interval: \w+", f" interval: {options.interval}", file.read_text()))
        with clean_up_after(Stack(project, slug, {"POSTGRES_PORT": str(free_port())})) as stack:
            start = time.monotonic()
            stack.up()
            up = time.monotonic() - start
            containers = stack.compose("ps", "--quiet").stdout.split()
            inspect = ["docker", "inspect", "--format", "{{.State.Pid}}", *containers]
            pids = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.split()
            files = [cgroup(int(pid)) for pid in pids]
            time.sleep(10)
            before = time.monotonic(), in_containers(files), of_engine()
            time.sleep(options.seconds)
            seconds, inside, engine = (
                after - then for after, then in zip((time.monotonic(), in_containers(files), of_engine()), before, strict=True)
            )
    print(f"| {options.servers} servers and a database | % of a core |\n| --- | --- |")
    print(f"| in the containers | {100 * inside / seconds:.1f} |\n| the engine | {100 * engine / seconds:.1f} |")
    print(f"\nThey were built and up after {up:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
