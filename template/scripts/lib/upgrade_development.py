# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Take your data to the Postgres that docker-compose.yml names; the old ones stay."""

import signal

if __name__ == "__main__":  # Ctrl-C prints nothing until there is something to undo
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
import argparse
import json
import os
import re
import sys
import time
from subprocess import DEVNULL, PIPE, CalledProcessError, Popen, run

START = """docker-entrypoint.sh postgres >/tmp/log 2>&1 & trap 'cat /tmp/log >&2' ERR
until pg_isready -qh 127.0.0.1; do sleep 0.2; kill -0 $!; done"""
COPY = "find . -mindepth 1 -delete; cp -a /from/. .; rmdir upgrading\n"
# Without the role that a new server has. In the end both hold as many bytes.
MOVE = r"""export POSTGRES_DB=postgres POSTGRES_PASSWORD=unused PGPORT=5433
export PGDATA="$PWD/upgrading${PGDATA#"$PWD"}"
START
dump="pg_dumpall -h 127.0.0.1 -U $POSTGRES_USER"
role="^CREATE ROLE \"\{0,1\}$POSTGRES_USER\"\{0,1\};\$"
$dump -p 5432 | sed "1,/$role/s/$role//" |
    psql -Xqo /dev/null -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres
size() { $dump --data-only -p "$1" | grep -Ev '^(--|\\(un)?restrict )' | wc -lc; }
[ "$(size 5432)" = "$(size 5433)" ] || { echo ERROR: rows are missing >&2; exit 1; }
kill -INT $! && wait $! && sync && echo moved""".replace("START", START)
FINISH = """
[ "$(cat PG_VERSION)" = $PG_MAJOR ] || ls | sed -nE '/^(upgrad|moving)/s/.*/gone on:/p'
[ ! -d upgraded ] || { ls -A | sed /^upgraded$/d | xargs rm -rf; mv upgraded moving; }
[ ! -d moving ] || ls moving | sed /^PG_VERSION$/d | xargs -I {} mv moving/{} .
[ ! -d moving ] || { sync; mv moving/PG_VERSION . || :; rmdir moving; }
v=PG_VERSION; set $PG_MAJOR $(cat $v */docker/$v | sort -rn); echo $1 ${2-$1}"""


def docker(*words: str, check: bool = True) -> str:
    out = run(["docker", *words], check=check, input=b"", capture_output=True)
    return out.stdout.decode(errors="replace").strip()


def bash(name: str, script: str, check: bool = True) -> str:
    return docker("exec", name, "bash", "-eo", "pipefail", "-c", script, check=check)


def container(name: str, image: str, *options: str) -> Popen[bytes]:
    """Start a container that ends with its input, and so with us, but by no Ctrl-C."""
    options = (*options, f"--name={name}", "--entrypoint=cat", "--init", "--rm", "-i")
    docker("create", *options, image)
    start = ["docker", "start", "-ai", name]
    process = Popen(start, stdin=PIPE, stdout=DEVNULL, start_new_session=True)
    while not docker("exec", name, "echo", "ready", check=False):
        time.sleep(0.1)
    return process


def upgrade() -> str:
    if os.path.exists("scripts/branch-env"):
        run([sys.executable, "scripts/branch-env", "sync", "--hook", "1"], check=False)
    config = json.loads(docker("compose", "config", "--format", "json"))
    name = "db" if "db" in config["services"] else "shared-postgres"
    db = config["services"][name]
    mounts = {one["target"]: one.get("source") for one in db.get("volumes", [])}
    at = next((one for one in mounts if "/postgresql" in one), "")
    data = config.get("volumes", {}).get(mounts.get(at), {}).get("name", "")
    if data not in (known := docker("volume", "ls", "-q").split()):
        return f"{name} has no volume with data"
    new, old, end = f"{data}-upgrade", f"{data}-upgrade-old", time.monotonic() + 10
    while docker("ps", "-aqf", f"name=^{new}"):
        if time.monotonic() > end and not docker("rm", new, old, check=False):
            raise RuntimeError("another upgrade is at work: nothing was done")
        time.sleep(0.5)
    env = {"POSTGRES_USER": "postgres", **db.get("environment", {})}
    own = [f"--env={k}={env[k]}" for k in env if re.match("POSTGRES_(?!PASSW)", k)]
    with container(new, db["image"], *own, "--net=none", f"-v={data}:{at}", f"-w={at}"):
        *said, major, before = bash(new, FINISH).split()
        if int(before) > int(major):
            raise RuntimeError(f"the data are newer: answer postgres_version={before}")
        kept = f"{data}-{before}"
        if before != major:
            if kept in known and not said:
                raise RuntimeError(f"{kept} is in the way: docker volume rm {kept}")
            docker("compose", "stop", name)
            if len(docker("ps", "-qf", f"volume={data}").split()) > 1:
                raise RuntimeError(f"another container has {data}: stop it first")
            bash(new, "install -dm 700 -o postgres . upgrading; rm -rf upgrading/*")
            home = "/var/lib/postgresql" + ("/data" if int(before) < 18 else "")
            image = re.sub(rf"(:\D*){major}(\.\d+)?", rf"\g<1>{before}", db["image"])
            given = [f"--network=container:{new}", f"-v={data}:/from:ro"]
            try:
                with container(old, image, *given, f"-v={kept}:{home}", f"-w={home}"):
                    bash(old, COPY + START)
                    if not bash(new, MOVE):  # as a client that is interrupted may end
                        raise RuntimeError("interrupted")
                    bash(old, "gosu postgres pg_ctl stop -t 600")
            except BaseException:
                docker("volume", "rm", kept, check=False)
                bash(new, "rm -rf upgrading", check=False)
                raise
            bash(new, f"mv upgrading upgraded\n{FINISH}")
        docker("compose", "up", "--detach", "--wait", name)
    left = re.findall(rf"(?m)^{data}-(?!{major}$)\d\d$", docker("volume", "ls", "-q"))
    rm = (f"docker volume rm {v} deletes those of Postgres {v[-2:]}" for v in left)
    return "; ".join((" ".join((*said, "the data are of Postgres", major)), *rm))


if __name__ == "__main__":
    argparse.ArgumentParser("scripts/upgrade-postgres", None, __doc__).parse_args()
    os.chdir(__file__.rpartition("scripts")[0])
    try:
        signal.signal(signal.SIGINT, before)
        print(upgrade())
    except (OSError, RuntimeError, CalledProcessError, KeyboardInterrupt) as problem:
        said = getattr(problem, "stderr", b"").decode(errors="replace") or str(problem)
        why = re.search("(?im)^.*(error|fatal).*$", said) or [said.strip()]
        lost = re.search("(?i)(the |')docker", said)
        do = "start Docker, or set DOCKER_HOST or PATH: " if lost else ""
        sys.exit(f"scripts/upgrade-postgres: {do}{why[0] or 'interrupted'}")
