# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Take your data in development along to the Postgres that docker-compose.yml names.
What was killed goes on when it is run again. The old data are kept in another volume.
"""

import argparse
import json
import os
import re
import sys
import time
from subprocess import DEVNULL, PIPE, CalledProcessError, Popen, run

START = """docker-entrypoint.sh postgres >/tmp/log 2>&1 & trap 'cat /tmp/log >&2' ERR
until pg_isready -qh 127.0.0.1; do sleep 0.2; kill -0 $!; done
"""
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
kill -INT $! && wait $! && sync
""".replace("START", START)
# Wherever it is killed, it goes on. Nothing starts before the end.
FINISH = """
[ ! -d upgraded ] || { ls -A | sed /^upgraded$/d | xargs rm -rf; mv upgraded moving; }
[ ! -d moving ] || ls moving | sed /^PG_VERSION$/d | xargs -I {} mv moving/{} .
[ ! -e moving/PG_VERSION ] || { sync; mv moving/PG_VERSION .; }
[ ! -d moving ] || rmdir moving
echo "$PG_MAJOR"; { cat PG_VERSION */docker/PG_VERSION || :; } | sort -n | tail -n 1
"""


def docker(*words: str, check: bool = True) -> str:
    command = ("docker", *words)
    done = run(command, check=check, input="", capture_output=True, text=True)
    return done.stdout.strip()


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
    target = next((one for one in mounts if "/postgresql" in one), "")
    volume = config.get("volumes", {}).get(mounts.get(target), {}).get("name", "")
    known = docker("volume", "ls", "-q").split()
    if volume not in known:
        return f"{name} has no volume with data"
    new, old = f"{volume}-upgrade", f"{volume}-upgrade-old"
    end = time.monotonic() + 10
    while docker("ps", "-aqf", f"name=^{new}"):
        if time.monotonic() > end and not docker("rm", new, old, check=False):
            raise RuntimeError("another upgrade is at work: nothing was done")
        time.sleep(0.5)
    env = {"POSTGRES_USER": "postgres", **db.get("environment", {})}
    given = [f"--env={k}={env[k]}" for k in env if re.match("POSTGRES_(?!PASSW)", k)]
    given += ["--network=none", f"-v={volume}:{target}", f"-w={target}"]
    with container(new, db["image"], *given):
        major, before = (bash(new, FINISH).split() * 2)[:2]
        if int(before) > int(major):
            raise RuntimeError(f"the data are newer: answer postgres_version={before}")
        done, kept = f"the data are of Postgres {major}", f"{volume}-{before}"
        if before != major:
            if kept in known and "upgrading" not in bash(new, "ls"):
                raise RuntimeError(f"{kept} is in the way: docker volume rm {kept}")
            docker("compose", "stop", name)
            if len(docker("ps", "-qf", f"volume={volume}").split()) > 1:
                raise RuntimeError(f"another container has {volume}: stop it first")
            bash(new, "install -dm 700 -o postgres . upgrading; rm -rf upgrading/*")
            home = "/var/lib/postgresql" + ("/data" if int(before) < 18 else "")
            image = re.sub(rf"(:\D*){major}(\.\d+)?", rf"\g<1>{before}", db["image"])
            given = [f"--network=container:{new}", f"-v={volume}:/from:ro"]
            try:
                with container(old, image, *given, f"-v={kept}:{home}", f"-w={home}"):
                    bash(old, COPY + START)
                    bash(new, MOVE)
                    bash(old, "gosu postgres pg_ctl stop -t 600")
            except BaseException:
                docker("volume", "rm", kept, check=False)
                bash(new, "rm -rf upgrading", check=False)
                raise
            bash(new, f"mv upgrading upgraded\n{FINISH}")
            done += f"; docker volume rm {kept} deletes those of Postgres {before}"
        docker("compose", "up", "--detach", "--wait", name)
    return done


if __name__ == "__main__":
    argparse.ArgumentParser("scripts/upgrade-postgres", None, __doc__).parse_args()
    os.chdir(__file__.rpartition("scripts")[0])
    try:
        print(upgrade())
    except (OSError, RuntimeError, CalledProcessError, KeyboardInterrupt) as problem:
        said = getattr(problem, "stderr", "") or str(problem) or "interrupted"
        why = re.search("(?im)^.*(error|fatal).*$", said)
        sys.exit(f"scripts/upgrade-postgres: {why[0] if why else said}")
