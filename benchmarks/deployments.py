"""Deployments: pattern 12 as often written, beside the rendered one, in one run on one engine.

    python benchmarks/deployments.py

The same app with three replicas behind nginx on both sides, and eight clients that ask without a pause, a quarter of them
posting a row: how many requests are lost while a new version is deployed, and how long the slowest one took. The usual side's
commands are `docker compose pull`, which has nothing to pull here, and `docker compose up -d --no-deps app`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.production import UNHEALTHY, Answer, Production, in_production, load, lost  # noqa: E402 - the path has to be known first
from tests.e2e.stack import wait_for  # noqa: E402
from tests.support import copy_template  # noqa: E402

# Changed so that it starts: image, ports, a named volume, the database's address, and an nginx.conf, of which nothing is said.
USUAL_COMPOSE = """services:
  app:
    image: {image}:${{VERSION}}
    restart: always
    deploy:
      replicas: 3
    environment:
      - DATABASE_URL=postgresql://postgres:{password}@db:5432/postgres
    networks: [frontend, backend]
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
      interval: 30s
      timeout: 10s
      retries: 3

  nginx:
    image: {nginx}
    restart: always
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
      - ./secrets/tls:/etc/nginx/ssl:ro
    ports:
      - "{port}:443"
    depends_on: [app]
    networks: [frontend]

  db:
    image: postgres:17-alpine
    restart: always
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/db_password
    volumes:
      - data:/var/lib/postgresql/data
    secrets: [db_password]
    networks: [backend]

volumes:
  data:

secrets:
  db_password:
    file: ./secrets/db_password

networks:
  frontend:
  backend:
    internal: true
"""
USUAL_NGINX = """events {}
http {
    upstream app { server app:8000; }
    server {
        listen 443 ssl;
        ssl_certificate /etc/nginx/ssl/fullchain.pem;
        ssl_certificate_key /etc/nginx/ssl/privkey.pem;
        location / { proxy_pass http://app; }
    }
}
"""


def row(name: str, answers: list[Answer], seconds: float) -> None:
    """Print one line of the table."""
    slowest = max(answer.seconds for answer in answers)
    share = 100 * len(lost(answers)) / len(answers)
    print(f"| {name} | {len(answers)} | {len(lost(answers))} ({share:.0f} %) | {slowest:.1f} s | {seconds:.0f} s |", flush=True)


def usual(production: Production) -> None:
    """Measure the usual side, with the images and secrets of a production that is down."""
    folder = production.folder / "usual"
    shutil.copytree(production.folder / "secrets", folder / "secrets")
    nginx = next(
        line.split()[1]
        for line in (production.folder / "docker-compose.prod.yml").read_text().splitlines()
        if "image: nginx" in line
    )
    values = {
        "image": production.image("1").rpartition(":")[0],
        "nginx": nginx,
        "port": production.ports["HTTPS_PORT"],
        "password": (folder / "secrets" / "db_password").read_text(),
    }
    (folder / "docker-compose.prod.yml").write_text(USUAL_COMPOSE.format(**values))
    (folder / "nginx.conf").write_text(USUAL_NGINX)
    side = Production(folder, production.slug, production.ports)

    def compose(version: str, *arguments: str) -> None:
        side.run(
            "env", f"VERSION={version}", "docker", "compose", "-p", side.project, "-f", "docker-compose.prod.yml", *arguments
        )

    compose("1", "up", "-d")
    try:
        wait_for(lambda: side.ask("/version").status == 200 or None)
        create = "CREATE TABLE IF NOT EXISTS example (id bigint GENERATED ALWAYS AS IDENTITY, made_at timestamptz DEFAULT now())"
        psql = ["docker", "exec", f"{side.project}-db-1", "psql", "-h", "127.0.0.1", "-U", "postgres", "-c", create]
        wait_for(lambda: side.run(*psql, check=False).returncode == 0 or None)
        start = time.monotonic()
        with load(side, "/version", post="/rows") as answers:
            compose("2", "up", "-d", "--no-deps", "app")
            time.sleep(5)  # as long as the clients of the other side go on, or longer: what was lost is lost
        row("usual: a new version", answers, time.monotonic() - start)
    finally:
        compose("2", "down", "--volumes", "--timeout", "1")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        template = copy_template(Path(temporary) / "template")
        with in_production(template, Path(temporary) / "project", {"stack": "full", "services": ["postgres"]}) as production:
            production.add_routes()
            production.build("1")
            production.build_from("2", "1")
            production.build_from("bad", "1", UNHEALTHY)
            print("| deployed | requests | lost | slowest | took |\n| --- | --- | --- | --- | --- |")
            usual(production)
            production.deploy("1")
            for name, arguments in {
                "a new version": ["2"],
                "a version that gets not healthy": ["bad", "--timeout", "10"],
                "--rollback": ["--rollback"],
            }.items():
                start = time.monotonic()
                with load(production, "/version", post="/rows") as answers:
                    production.deploy(*arguments, check=False)
                row(f"template: {name}", answers, time.monotonic() - start)


if __name__ == "__main__":
    main()
