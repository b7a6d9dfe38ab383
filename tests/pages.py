"""The pages that print commands, and what their readers do with them.

tests/e2e types the commands, tests/render sees that none is left out. A block is known by the beginning of its first line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import ROOT, preset

GOLDEN = ROOT / "tests" / "render" / "golden"
BLOCK = re.compile(r"^```(?:sh|bash|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COPIER = "uv tool install copier"
BRANCHES = "tests/e2e/test_branches.py does it, with two branches at once"
BACKUPS = "tests/e2e/test_backups.py does it, between the versions that there are images of"
COPIES = "tests/e2e/test_copies.py does it, to a folder and to a server"
SWARM = "tests/e2e/test_swarm.py does it, in a swarm"
CLIENTS = "tests/e2e/test_mcp.py does it, as real clients"

OWN_COMPOSE = r"""
printf 'FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n' >Dockerfile
echo 'CMD ["flask", "--app", "shop", "run", "--host", "0.0.0.0", "--port", "8000"]' >>Dockerfile
printf 'services:\n  web:\n    build: .\n    depends_on: [db]\n  db:\n    image: redis:8-alpine\n' >compose.yaml"""


@dataclass(frozen=True)
class Page:
    """What a reader does with a page.

    Attributes:
        answers: of the project in which they are; None where they begin in an empty folder.
        name: of the project in the page, by which the test's own takes its place.
        onto: the folder of tests/projects that the project was before.
        rendered: whether the project is one already; else it is there, and the page renders into it.
        words: what they type in place of what is printed.
        before: what they did before a block, as lines of shell.
        expects: what they see, in this order.
        not_run: why a block is not typed, or which test does it.
    """

    answers: dict[str, Any] | None = None
    name: str = "shop"
    onto: str = ""
    rendered: bool = True
    words: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    expects: tuple[str, ...] = ()
    not_run: dict[str, str] = field(default_factory=dict)


def blocks(text: str) -> list[str]:
    """Return the commands of each block of shell in a page; of a session those after its prompts."""
    found = []
    for block in BLOCK.findall(text):
        typed = re.findall(r"^\$ (.*\n)", block, re.MULTILINE)
        found.append("".join(typed) or block)
    return found


def start_of(block: str, among: dict[str, str]) -> str | None:
    """Return the key of a table with which a block begins, the longest; None where there is none."""
    return max((key for key in among if block.startswith(key)), key=len, default=None)


def pages() -> list[Path]:
    """Return the pages of this repository with commands for users."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if BLOCK.search(page.read_text(encoding="utf-8"))]


PRODUCTION = preset("12-production")
# Ports that nobody has, and the images that a pipeline would have pushed.
READY = """cp .env.production.example .env.production
printf 'HTTP_PORT=%s\\nHTTPS_PORT=%s\\n' "$HTTP_PORT" "$HTTPS_PORT" >>.env.production
for version in 1.0.0 1.1.0 1.2.0; do docker build --quiet --tag "$IMAGE:$version" . ; done
"""
DUMP = {"NAME-TIME.dump": "*.dump", "shop-20260131_031500.dump": "*.dump"}

STARTS = {"uvicorn ": "it is what the container starts", "flask ": "it is what the container starts"}
DEVELOPMENT = {"scripts/upgrade-postgres": "tests/e2e/test_upgrade_development.py does it"}
UP_AGAIN = {"docker compose exec": "docker compose up --wait"}
SHARED = STARTS.keys() | DEVELOPMENT.keys() | UP_AGAIN.keys()

GUIDES = {
    "01-minimal": Page(preset("01-minimal"), name="", not_run=STARTS),
    "02-full": Page(preset("02-full"), name="", before=UP_AGAIN, not_run=STARTS | DEVELOPMENT),
    "03-hybrid": Page(preset("03-hybrid"), name="", before=UP_AGAIN, not_run=DEVELOPMENT),
    "04-mcp": Page(preset("04-mcp"), name="", before=UP_AGAIN, not_run=DEVELOPMENT | {"python3 scripts/mcp-stdio": CLIENTS}),
    "05-mcp-multi": Page(
        preset("05-mcp-multi"),
        name="",
        before={"docker compose exec db psql": "docker compose up --build --wait"},
        not_run=DEVELOPMENT | {"python3 scripts/mcp-stdio": CLIENTS},
    ),
    "07-shared-services": Page(
        preset("07-shared-services"),
        name="",
        before={"docker compose exec shared": "docker compose up --wait"},
        not_run=DEVELOPMENT,
    ),
    "08-github-actions": Page(preset("08-github-actions"), name="", before=UP_AGAIN, not_run=STARTS | DEVELOPMENT),
    "10-branches": Page(
        preset("10-branches"),
        name="",
        before={**UP_AGAIN, "scripts/setup                             ": "docker compose down"},
        not_run=STARTS | DEVELOPMENT | {"scripts/setup                             #": BRANCHES},
    ),
    "12-production": Page(
        preset("12-production"),
        name="",
        words=DUMP,
        before={
            **UP_AGAIN,
            "scripts/setup                # once": f"docker compose down\n{READY}scripts/setup && scripts/deploy 1.1.0",
            # Its exit code is 1 until there is a backup.
            "scripts/status": "scripts/backup --empty",
        },
        not_run=STARTS | DEVELOPMENT | {"copier update --trust -d postgres_version": BACKUPS, "VERSION=": SWARM},
    ),
}
"""The COMPOSE.md of projects with these presets."""

PAGES = {
    "README.md": Page(
        {**preset("02-full"), "port_slot": 4},
        name="myproj",
        words={"copier copy --trust gh": "copier copy --trust --defaults gh"},
        before={"uvx ": "cd $HOME", "docker compose up": "cd -"},
        expects=("(healthy)", '"status":"ok"'),
        not_run={
            "make new": "tests/cli does it, and `make test` is what runs this",
        },
    ),
    "docs/tutorial/first-project.md": Page(name="guestbook", expects=('"app":"', '["ada"]', '["ada","grace"]')),
    "docs/how-to/adopt-a-project.md": Page(
        {},
        onto="flask-app",
        rendered=False,
        before={
            "git mv Dockerfile": "rm -f Dockerfile && echo 'FROM python:3.13-slim' >Dockerfile && save",
        },
        not_run={"copier copy --trust -d stack=mcp": "tests/e2e/test_mcp.py adopts servers"},
    ),
    "docs/how-to/own-compose-file.md": Page(
        {},
        name="",
        onto="flask-app",
        rendered=False,
        before={
            "copier copy": f"{OWN_COMPOSE} && save",
            "copier update --trust -d 'ci": "save",
            "git add --all": "echo 'services: {extra: {image: redis:8-alpine}}' >docker-compose.override.yml",
        },
        expects=("web", "1 passed"),
    ),
    "docs/how-to/backups.md": Page(
        PRODUCTION,
        words=DUMP | {"/mnt/usb/": "$HOME/"},
        before={"scripts/backup  ": f"{READY}scripts/setup && scripts/deploy 1.0.0"},
        not_run={
            "scripts/backup --to": COPIES,
            "scripts/restore --check": COPIES,
            "scripts/setup": "tests/e2e/test_backups.py does it, on what stands for a new host",
            "copier update --trust -d postgres_version": BACKUPS,
            "docker compose -p shop-prod": BACKUPS,
        },
    ),
    "docs/how-to/change-credentials.md": Page(
        preset("02-full"),
        name="",
        expects=("CREATE ROLE", "CREATE DATABASE"),
        before={
            "docker compose exec": "docker compose up --build --wait",
            "docker compose up": "printf 'POSTGRES_USER=ann\\nPOSTGRES_PASSWORD=new\\nPOSTGRES_DB=shop\\n' >>.env.local",
        },
    ),
    "docs/how-to/devcontainer.md": Page(
        preset("02-full"),
        not_run={
            "copier update": "tests/e2e/test_devcontainer.py renders it so",
            "devcontainer up": "tests/e2e/test_devcontainer.py does it, as the folder's owner",
        },
    ),
    "docs/how-to/podman.md": Page(not_run={"sudo apt-get": "no Podman runs beside the tests' engine"}),
    "docs/how-to/rootless.md": Page(not_run={"docker context": "no rootless engine runs beside the tests' own"}),
    "docs/how-to/mail.md": Page(preset("02-full"), expects=('"subject":"Hello"',)),
    "docs/how-to/mcp-clients.md": Page(preset("04-mcp"), not_run={"python3 scripts/mcp-stdio": CLIENTS}),
    "docs/how-to/mcp-servers.md": Page(preset("05-mcp-multi")),
    "docs/how-to/own-services.md": Page(
        preset("02-full"),
        before={"docker compose up": "printf '%s' \"$YAML\" >docker-compose.override.yml"},
        expects=("LOG_LEVEL: debug",),
    ),
    "docs/how-to/pipelines.md": Page(
        preset("02-full"),
        before={
            "copier update --trust -d test_command": "mkdir tests/unit && mv tests/test_*.py tests/unit/"
            " && printf 'pytest-cov\\nhttpx2\\n' >requirements-dev.txt && save",
            "copier update --trust -d 'ci=[]'": "touch docker-compose.test.override.yml",
        },
        expects=("passed", "passed"),
    ),
    "docs/how-to/production.md": Page(
        PRODUCTION,
        before={
            "scripts/setup": READY,
            "scripts/certificate": "cp secrets/tls/fullchain.pem secrets/tls/privkey.pem .",
            # Its exit code is 1 until there is a backup.
            "scripts/status": "scripts/backup --empty",
        },
        words={"python -m shop.import - <prices.csv": "python -V"},
        not_run={
            "cat >>.env.production": "tests/e2e/test_acme.py does it, with an authority",
            "scripts/deploy --host": "tests/e2e/test_further_operations.py does it, by a server of ssh",
        },
    ),
    "docs/how-to/python-on-the-host.md": Page(preset("03-hybrid"), name="myproj"),
    "docs/how-to/several-projects.md": Page(before={"copier update": "cd shop"}, words={"blog": "shop-blog"}),
    "docs/how-to/shared-services.md": Page(
        words={
            "common-services": "shop-hub",
            "/tmp/shop.sql": "$HOME/shop.sql",
            "remove shop": "remove --yes shop",
        },
        before={
            "copier copy --trust -d stack=full": "cd ..",
            "docker compose exec -T db": "export POSTGRES_PORT=$FREE_PORT REDIS_PORT=$MAIL_PORT"
            " && copier update --trust -d isolation=own && docker compose up --build --wait",
            "docker compose run --rm -T": "copier update --trust -d isolation=shared && docker compose up --build --wait",
            "scripts/projects list": "cd ../shop-hub",
        },
        not_run={"../common-services/scripts/projects remove": "the next block does the same"},
    ),
    "docs/how-to/update.md": Page(
        preset("02-full"),
        words={"\npre-commit install": "\nuvx pre-commit install"},
        not_run={
            "copier update --trust -d postgres_version": "tests/e2e/test_upgrade_development.py does it",
            "git -C ../chora-compose-template pull": "tests/cli updates from a clone",
        },
    ),
    "docs/patterns/06-project-scoped.md": Page({**preset("02-full"), "port_slot": 6}),
    "docs/patterns/12-production.md": Page(
        PRODUCTION, before={"scripts/deploy 1.2.0": f"{READY}scripts/setup && scripts/deploy 1.1.0"}
    ),
}
"""Pages of this repository, by their paths."""

NOT_RUN = {
    "docs/how-to/branches.md": BRANCHES,
    "docs/how-to/django.md": "tests/e2e/test_django.py does it, with a project in production",
    "docs/how-to/mcp-production.md": "tests/e2e/test_mcp_production.py does it, with clients",
    "docs/how-to/swarm.md": SWARM,
    "docs/patterns/10-branches.md": BRANCHES,
    "docs/patterns/02-full.md": "it shows a file",
    "docs/patterns/03-hybrid.md": "it shows a file",
}
"""Pages of which no block is typed here, with the reason."""
