"""A worker in production: of the version that runs, and given the time to end its job."""

from __future__ import annotations

import time
from pathlib import Path

from tests.e2e.production import Production, in_production
from tests.e2e.stack import wait_for

APP = """
import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(open("version.txt", "rb").read())


http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
WORKER = """
import os
import signal
import time

import redis

queue = redis.Redis(host="redis", password=open(os.environ["REDIS_PASSWORD_FILE"]).readline().strip())
stopping = []
signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
version = open("version.txt").read().strip()
while not stopping:
    job = queue.blpop("jobs", timeout=1)
    if job:
        time.sleep(6)
        queue.rpush("done", f"{job[1].decode()} by {version}")
"""
ANSWERS = {
    "stack": "full",
    "services": ["redis"],
    "app_command": "python app.py",
    "app_port": 8000,
    "worker_command": "python worker.py",
}


def write(folder: Path) -> None:
    """Write an app and its worker."""
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "worker.py").write_text(WORKER)
    (folder / "requirements.txt").write_text("redis>=5\n")


def redis(production: Production, *words: str) -> list[str]:
    """Ask Redis, and return the lines of its answer."""
    script = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli "$@"'
    return production.prod("exec", "-T", "redis", "sh", "-c", script, "sh", *words).stdout.split("\n")[:-1]


def test_a_worker_is_of_the_version_that_runs_and_ends_its_job_before(template: Path, tmp_path: Path) -> None:
    with in_production(template, tmp_path, ANSWERS, write) as production:
        production.environment |= {"APP_REPLICAS": "1", "WORKER_GRACE": "30"}
        production.build("1")
        production.build_from("2", "1")
        production.build_from(
            "3", "1", "USER root", "RUN echo 'raise SystemExit(\"no queue is named\")' >worker.py", "USER 10001"
        )
        production.deploy("1")
        redis(production, "RPUSH", "jobs", "first")
        wait_for(lambda: redis(production, "LRANGE", "done", "0", "-1") == ["first by 1"] or None)

        redis(production, "RPUSH", "jobs", "long", "next")
        wait_for(lambda: redis(production, "LLEN", "jobs") == ["1"] or None)
        start = time.monotonic()
        said = production.deploy("2", "--timeout", "60").stdout
        assert "replacing worker" in said and production.ask("/").text.strip() == "2"
        done = wait_for(lambda: found if len(found := redis(production, "LRANGE", "done", "0", "-1")) == 3 else None)
        # The one that was under way is ended by the worker that had it, whichever job was taken last.
        assert done[:2] == ["first by 1", "long by 1"] and done[2] in ("next by 1", "next by 2")
        assert time.monotonic() - start < 60
        (worker,) = production.containers("worker").values()
        assert worker["Config"]["Image"] == production.image("2") and worker["Config"]["User"] not in ("", "0", "root")

        failed = production.deploy("3", check=False)
        assert failed.returncode == 1 and "worker does not stay up" in failed.stderr and "no queue is named" in failed.stderr
        assert production.ask("/").text.strip() == "3", "the app's own version serves"
        production.deploy("2")
        for _ in range(2):  # a rollback that did not end well is tried again as one
            failed = production.deploy("--rollback", check=False)
            assert failed.returncode == 1 and "worker does not stay up" in failed.stderr
        production.deploy("2")
        redis(production, "RPUSH", "jobs", "last")
        wait_for(lambda: redis(production, "LRANGE", "done", "-1", "-1") == ["last by 2"] or None)
