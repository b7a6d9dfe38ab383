"""A disk that is full where Docker keeps its logs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.dind import docker, start_engine
from tests.e2e.stack import unique_slug, wait_for
from tests.support import ROOT

IMAGE = "python:3.13-slim"
# Each request makes a line of 2 KB in the log.
APP = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    count = 0

    def do_GET(self):
        Handler.count += 1
        print("request", Handler.count, "x" * 2000, flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(Handler.count).encode())

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
ASK = "import urllib.request as r; print([r.urlopen('http://127.0.0.1:8000', timeout=5).status for _ in range({})])"


@pytest.fixture
def small_engine() -> Iterator[str]:
    """The container of an engine whose disk is small."""
    name = unique_slug()
    docker("network", "create", name)
    try:
        # In memory, so that it is as small as it is said to be.
        start_engine(name, name, "--tmpfs", "/var/lib/docker:size=700m,exec")
        wait_for(lambda: docker("exec", name, "docker", "info", check=False) or None)
        with subprocess.Popen(["docker", "save", IMAGE], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "exec", "-i", name, "docker", "load"], stdin=saved.stdout, check=True, capture_output=True)
        yield name
    finally:
        docker("rm", "--force", "--volumes", name, check=False)
        docker("network", "rm", name, check=False)


def test_an_app_goes_on_answering_when_its_log_can_not_be_written(small_engine: str, tmp_path: Path) -> None:
    production = yaml.safe_load((ROOT / "tests/render/golden/12-production/docker-compose.prod.yml").read_text())
    logging = production["services"]["app"]["logging"]
    options = [word for key, value in logging["options"].items() for word in ("--log-opt", f"{key}={value}")]
    (tmp_path / "app.py").write_text(APP)
    docker("cp", str(tmp_path / "app.py"), f"{small_engine}:/app.py")
    inside = ("exec", small_engine, "docker")
    run = (
        "run",
        "--detach",
        "--name",
        "app",
        "--network",
        "host",
        "--volume",
        "/app.py:/app.py:ro",
        "--log-driver",
        logging["driver"],
    )
    docker(*inside, *run, *options, IMAGE, "python", "/app.py")
    ask = (*inside, "exec", "app", "python", "-c")
    wait_for(lambda: docker(*ask, ASK.format(1), check=False) or None)
    docker("exec", small_engine, "dd", "if=/dev/zero", "of=/var/lib/docker/fill", "bs=1M", check=False)
    assert docker("exec", small_engine, "df", "-P", "/var/lib/docker").split()[-3] == "0", "the disk is full"
    assert json.loads(docker(*ask, ASK.format(500))) == [200] * 500
    docker("exec", small_engine, "rm", "/var/lib/docker/fill")
    assert json.loads(docker(*ask, ASK.format(10))) == [200] * 10
    assert docker(*inside, "inspect", "--format", "{{.State.Status}} {{.RestartCount}}", "app") == "running 0"
