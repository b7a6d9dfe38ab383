# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What several MCP servers have in production besides: their databases, and n8n."""

from __future__ import annotations

from .common import ROOT, Problem, run, say
from .production import compose, ids, last_words, password
from .settings import DATABASES

# Over the network, because Postgres asks nobody on its own loopback.
LOG_IN = r"""
export PGPASSWORD="$(head -n 1 | tr -d '\r')"
psql -X -h db -U "$0" -d postgres -c 'SELECT 1' </dev/null
"""
# The image's entry point makes nginx's settings of nginx/, where a server may be new.
SETTINGS = """
cd /tmp && cp nginx.conf before.conf
/docker-entrypoint.d/20-envsubst-on-templates.sh >/dev/null 2>&1
cmp -s nginx.conf before.conf || {
    nginx -t -q -c /tmp/nginx.conf && nginx -c /tmp/nginx.conf -s reload
}
"""


def service(database: str) -> str:
    """Return whose a database is: no server has a name with `_`."""
    return database.replace("_", "-")


def make_databases(version: str = "") -> None:
    """Make roles and databases that are missing, with the passwords in secrets/."""
    for name in filter(lambda one: ids(service(one), running=True), DATABASES):
        ask = ("exec", "-T", "db", "sh", "-ec", LOG_IN, name)
        given = {"input": password(name), "version": version}
        if compose(*ask, check=False, **given).returncode:
            advice = f"put secrets/{name}_password back, or stop {service(name)}"
            raise Problem(f"{advice}, then try again: its database has another one")
    once = ("--progress", "quiet", "run", "--rm", "--no-deps", "-T", "postgres_access")
    result = compose(*once, version=version, check=False)
    if result.returncode:
        said = " ".join(result.stderr.split())
        raise Problem(f"the servers' databases were not made: {said}")
    say(f"{len(DATABASES)} databases are there")


def tell_nginx() -> None:
    """Let nginx know the servers that there are now; what is under way ends well."""
    for name in ids("nginx", running=True):
        run("docker", "exec", name, "sh", "-ec", SETTINGS)


def check_gateway() -> None:
    """Raise a Problem if n8n has no login."""
    if not (ROOT / "secrets" / "gateway.env").is_file():
        raise Problem("secrets/gateway.env is missing: add it, or run scripts/setup")


def start_gateway(version: str) -> None:
    """Start n8n, or start it again where its settings have changed; come back before."""
    compose("up", "--detach", "--no-deps", "gateway", version=version)


def wait_for_gateway(version: str) -> None:
    """Wait until n8n is ready; a Problem says why it is not."""
    say("waiting for n8n")
    up = ("up", "--detach", "--wait", "--no-recreate", "--no-deps", "gateway")
    try:
        compose(*up, version=version)
    except Problem as problem:
        said = [last_words(name, 3) for name in ids("gateway")]
        what = f"version {version} serves, and n8n does not start: {problem}"
        raise Problem(f"{what}. {' '.join(said)}") from None
