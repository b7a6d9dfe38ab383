"""After a copy and after an update, in the project: git, .gitignore, scripts/setup, MCP clients' files, and what to type next.

It only warns. A task that fails would leave an existing project half rendered, and on an update the user's edits overwritten.
Copier runs it with its own Python, where PyYAML is installed. It imports little, because each copy and update waits for it.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":  # Ctrl-C prints no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import adoption
import yaml
from blocks import attributes, keep_block, start_gitignore, write_block
from changes import as_text
from client_files import bring_up_to_date
from clients import CLIENTS
from machine import missing, run
from messages import say, warn
from modes import set_modes, without_mode
from next_steps import next_commands
from of_django import check_django
from project import git, yaml_of

# What knows this machine's environments, which rendered projects have too, and what knows a project.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "template" / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions"))
from facts import facts
from lib import checkouts, common, names, setup_env
from lib.registry import registry
from slots import free_slot

# Compose reads the first of these that exists, and docker-compose.yml after them.
PREFERRED = ("compose.yaml", "compose.yml")
# Windows starts no script by its path.
PYTHON = "python " if sys.platform == "win32" else ""
LOGIN = ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB")


def in_repository(folder: Path) -> bool:
    """Tell whether a folder is inside a Git repository, also one that git refuses because of its owner."""
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def init_repository(folder: Path) -> None:
    """Make a repository where there is none, because `copier update` needs one. Nothing is committed."""
    if in_repository(folder):
        return
    code, _, error = run("git", "init", "--quiet", "-b", "main", folder=folder)
    # A Git that is missing is reported with everything else that is.
    if code not in (0, 127):
        warn(f"git init failed, and `copier update` needs a repository: {error.strip()}")


def ignored(answers: dict[str, Any], folder: Path) -> list[str]:
    """Return the lines that .gitignore needs, none for most answers. What an earlier answer made stays hidden."""
    tests = ["!.env.test"] if answers.get("ci") else []
    if tests or (folder / "test-reports").exists():
        tests.append("/test-reports/")
    # What an existing line such as `.env*` would hide is shown again.
    production = ["!.env.production.example"] if answers.get("production") else []
    if production or (folder / ".env.production").exists() or (folder / "backups").exists():
        production += [".env.production", "/backups/", "/run.log"]
    if answers["stack"] == "minimal":
        env = [".env"] if answers.get("branch_environments") or production else []
        return [*env, *(["secrets/"] if production else []), *production, *tests]
    if answers["stack"] == "shared-services":
        return [".env", "secrets/"]
    # An existing line such as `.env*` would leave the committed layers out of every clone.
    lines = [".env", ".env.local", "!.env.defaults", "!.env.services", *production, *tests]
    if answers["stack"] == "mcp-multi":
        lines.append("!.env.services.*")
    if servers(answers) or (folder / "claude_desktop_config.json").exists():
        lines.append("claude_desktop_config.json")
    makes_secrets = answers.get("gateway") == "n8n" or answers.get("isolation") == "shared" or answers.get("production")
    if makes_secrets or (folder / "secrets").exists():
        lines.append("secrets/")
    # The guide of the hybrid stack makes the virtual environment in the project.
    return [*lines, ".venv/"] if answers["stack"] == "hybrid" else lines


def servers(answers: dict[str, Any]) -> list[str]:
    """Return the names of the project's MCP servers, as their clients know them."""
    known = facts(answers)
    return [answers["project_slug"]] if known.service == "mcp-server" else known.server_names


def tell_clients(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Bring the files of MCP clients up to date."""
    for client in (one for one in CLIENTS if one.is_in(folder)):
        wanted = client.is_wanted(folder, answers.get("mcp_clients", []))
        names, files = servers(answers) if wanted else [], [client.file(answers["stack"])]
        for sentence in bring_up_to_date(folder, files, names, f"run `{update}`"):
            warn(sentence)


def run_setup(folder: Path, kept: list[str]) -> None:
    """Run scripts/setup, which makes what is not committed, unless it is a script that the user had before."""
    script = folder / "scripts" / "setup"
    if not script.is_file() or "scripts/setup" in kept:
        return
    code, out, error = run(sys.executable, str(script), folder=folder)
    if code:
        reason = (error or out).strip().removeprefix("scripts/setup: ")
        warn(f"scripts/setup failed, run it again when this is fixed: {reason}")


def is_free(port: int) -> bool:
    """Tell whether nothing listens on a port, as far as it is to be tried."""
    return os.environ.get("CHORA_COMPOSE_PROBE") == "no" or names.is_free(port)


def is_taken(port: int, project: str) -> bool:
    """Tell whether another program than a project's container listens on a port."""
    return not is_free(port) and checkouts.holder(port) != project


def hold_ports(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Note in this machine's registry which ports the project has, and say who else has them."""
    slug, slot = answers["project_slug"], answers["port_slot"]
    with registry(warn=warn) as machine:
        # One with branch environments scripts/branch-env has noted already, with ports and a name that nobody else has.
        entry = machine.find(folder, None)
        # A project that had ports before may have containers that listen on them.
        is_new = entry is None or "pid" in entry
        moves = bool(answers.get("branch_environments")) and entry is not None
        if entry is None or not moves:
            env = folder / ".env"
            own = common.variables(env.read_text(encoding="utf-8", errors="replace")) if env.is_file() else {}
            entry = machine.settle(folder, slug, slot, given=names.ports_in(own))
            entry["name"] = own.get("COMPOSE_PROJECT_NAME", slug)
        wanted = names.ports(slot) if moves else entry["ports"]
        known, held = facts(answers), machine.held(entry)
        free = free_slot(machine, folder, names, is_free)
        used = [*known.published_services, *(["app"] if known.on_host else [])]
        clashing = [one for one in used if wanted[one] in held]
        busy = [one for one in used if is_new and not moves and is_taken(wanted[one], slug)]
        if clashing or busy:
            whose = f"{held[wanted[clashing[0]]]['folder']} has" if clashing else "another program has"
            full = "" if free is not None else ", and all ten slots are held"
            variables = ", ".join(names.VARIABLES[one] for one in clashing or busy)
            remedy = "scripts/branch-env has put other ports into .env" if moves else f"set {variables} in .env to a free port"
            way = f", or take a free slot with `{update} -d port_slot={free}`" if free is not None else ""
            warn(f"{remedy}{way}: {whose} {'that' if len(clashing or busy) == 1 else 'those'} of slot {slot}{full}.")
        others = (one for one in machine.all if one not in machine.of_project(folder))
        namesake = next((one for one in others if one["name"] == entry["name"]), None)
        if not moves and namesake:
            warn(
                f"{namesake['folder']} is the Compose project {entry['name']} too, and the two would share containers and "
                "data: set COMPOSE_PROJECT_NAME in .env of one of them."
            )


def check_hub(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say that this machine has services for all of its projects, where one gets its own: the question is not asked."""
    if answers.get("isolation") != "own":
        return
    with registry(warn=warn) as machine:
        hub = next((entry for entry in machine.entries if entry.get("hub")), None)
    if hub and Path(hub["folder"]) != folder:
        command = f"`{update} -d isolation=shared`"
        warn(f"run {command} to use the shared services of this machine, in {hub['folder']}: this project has its own.")


def free_ports(folder: Path) -> None:
    """Give this machine's other projects the slot of ports that a project had before it kept its own Compose file."""
    with registry(warn=warn) as machine:
        for entry in machine.of_project(folder):
            machine.all.remove(entry)


def check_kept(answers: dict[str, Any], kept: list[str], update: str) -> None:
    """Say which files of the user's stand where the template's would.

    Args:
        answers: the project's answers.
        kept: the files that were there before and that these answers would have brought.
        update: the command that updates the project.
    """
    if answers.get("ci") and "docker-compose.yml" in kept:
        warn("docker-compose.test.yml is laid over your docker-compose.yml, which has to have the services that it changes.")
    if kept:
        warn(f"kept your own {', '.join(kept)}. For the template's, rename yours, commit, and `{update} -d 'keep_files=[]'`.")
    if "scripts/setup" in kept:
        warn("where COMPOSE.md or a message says scripts/setup, the template's is meant, which this project does not have.")
    if ".dockerignore" in kept:
        warn("see that your .dockerignore keeps .git, .env* and virtual environments out of the image.")


def check_answers(folder: Path, answers_file: str) -> None:
    """Say where the answers are of a project that had lost their file."""
    lost = git("log", "-1", "--format=%h", "--diff-filter=D", "--", answers_file, folder=folder).strip()
    if lost and not git("ls-tree", "--name-only", "HEAD", "--", answers_file, folder=folder):
        warn(
            "these are new answers, and git has your old ones. To go on with those: `git stash --include-untracked`, "
            f"`git checkout {lost}~ -- {answers_file}`, commit, `copier update --trust`."
        )


def changed_answers(folder: Path, answers_file: str, answers: dict[str, Any]) -> bool:
    """Tell whether an update gave a question another answer than the project has committed."""
    before = yaml_of(git("show", f"HEAD:./{answers_file}", folder=folder))
    return any(as_text(before[name]) != as_text(answers.get(name)) for name in before if not name.startswith("_"))


def check_compose(folder: Path, answers: dict[str, Any], *, updated: bool) -> None:
    """Say what keeps Compose from working with the project as it is rendered."""
    if answers["own_compose"]:
        return
    for name in PREFERRED:
        if not (folder / name).exists():
            continue
        # An update takes away again what the user has renamed.
        if updated and not git("ls-tree", "--name-only", "HEAD", "--", "docker-compose.yml", folder=folder):
            warn(f"rename {name} to docker-compose.yml, commit, and update again: under this name no update reaches it.")
        else:
            warn(f"Docker Compose prefers {name} to docker-compose.yml and will not read the latter: rename one of them.")
    if (folder / "docker-compose.yaml").exists():
        warn("remove docker-compose.yaml: Docker Compose reads docker-compose.yml, and warns of the other each time.")
    defaults = folder / ".env.defaults"
    if answers["stack"] != "minimal" and defaults.is_file():
        text = defaults.read_text(encoding="utf-8", errors="replace")
        lacks = [name for name in LOGIN if not re.search(rf"^\s*{name}\s*=", text, re.MULTILINE)]
        if lacks:
            warn(f"your .env.defaults lacks {', '.join(lacks)}: give each a value.")
        services = folder / ".env.services"
        if answers["stack"] in ("full", "mcp") and services.is_file():
            made = common.variables(services.read_text(encoding="utf-8", errors="replace"))
            for name in (name for name, value in common.variables(text).items() if value and name in made):
                warn(f"move {name} from .env.defaults to .env.local: the one that is made in .env.services wins over it.")
    local_env = folder / ".env.local"
    text = local_env.read_text(encoding="utf-8", errors="replace") if local_env.is_file() else ""
    if answers["stack"] == "mcp-multi" and re.search(r"^[ \t]*DATABASE_URL[ \t]*=[ \t]*\S", text, re.MULTILINE):
        warn("name a server in .env.local, as in MCP_TASKS_DATABASE_URL=…: DATABASE_URL there reaches no server.")
    # Compose 2.35 and newer prefer these to what the environment files before .env.services say.
    leaking = [name for name in LOGIN if os.environ.get(name)] if answers["stack"] in ("full", "mcp") else []
    if leaking:
        warn(f"unset {', '.join(leaking)} in your shell: Docker Compose would put them into DATABASE_URL.")


def check_servers(folder: Path, answers: dict[str, Any]) -> None:
    """Say what is in `servers/` and not started, and what is to be started and can't be built."""
    names = answers.get("mcp_servers", [])
    there = sorted(path.parent.name for path in (folder / "servers").glob("*/Dockerfile"))
    left = [f"servers/{name}" for name in there if name not in names]
    if left and answers["stack"] == "mcp-multi":
        warn(f"{', '.join(left)}: not in mcp_servers, so not started. The code and the database stay, and are yours to remove.")
    for name in names:
        if name not in there:
            warn(f"servers/{name} was there before and has no Dockerfile: add one that can run `python server.py`.")


def check_shared(folder: Path, answers: dict[str, Any]) -> None:
    """Say where the data are of a project that has left the shared services, and how to take them along."""
    files = [folder / "secrets" / name for name in ("shared.env", "shared-admin.env")]
    if answers.get("isolation") == "shared" or not all(path.is_file() for path in files):
        return
    found = common.variables("".join(path.read_text(encoding="utf-8") for path in files))
    name, hub = found.get("POSTGRES_USER") or found.get("REDIS_USER"), found.get("SHARED_SERVICES")
    command = f"{PYTHON}{hub}/scripts/projects copy {name} {shlex.quote(str(folder))}"
    warn(
        f"this project's data are still in the shared services: `{command}` takes them along, `scripts/projects remove {name}` "
        "there deletes them; remove secrets/shared.env and secrets/shared-admin.env when you have what you need."
    )


def check_tests(folder: Path, answers: dict[str, Any]) -> None:
    """Say which code the pipeline has no tests for."""
    # What another command runs is not known.
    if not answers.get("ci") or answers.get("test_command", "pytest") != "pytest":
        return
    # Here, because most projects need none of it.
    from reading import Destination

    # No pytest runs in an image without Python.
    others = [name for name, said in answers.get("own_servers", {}).items() if not said.get("python", True)]
    names = answers.get("mcp_servers", [])
    parts = [f"servers/{name}" for name in names if name not in others] if names else ["."]
    for part in parts:
        if not Destination(folder / part).test_command:
            where = "" if part == "." else f"{part}/"
            warn(f"{part if where else 'this project'} has no tests yet, and the pipeline fails until {where}tests/ holds some.")


def check_production(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say when an app is started by a server for development, or does not read its passwords, which are in no URL."""
    if not answers.get("production"):
        return
    from reading import Destination

    def unread(variables: list[str], part: str = ".") -> list[str]:
        sources = Destination(folder / part).folder.sources
        texts = [(folder / part / path).read_text(encoding="utf-8", errors="replace") for path in sources]
        return [name for name in variables if not any(name in text for text in texts)]

    if answers.get("stack") == "mcp-multi":
        parts = [f"servers/{name}" for name in answers["mcp_servers"]]
        if lacks := [part for part in parts if unread(["DB_PASSWORD_FILE"], part)]:
            what = f"production has passwords in files, and nothing in {', '.join(lacks)} mentions DB_PASSWORD_FILE"
            warn(f"{what}: COMPOSE.md says how to read them.")
        own = answers.get("own_servers", {})
        if left := [name for name in answers["mcp_servers"] if own.get(name, {}).get("speaks") == "stdio"]:
            warn(f"production is without {', '.join(left)}: start it over HTTP by itself, it speaks over standard input alone.")
        return
    named = answers.get("web_framework") == "django" and answers["own_app"]
    if not named and re.match(r"(?:python3? -m )?flask\b|.*\bmanage\.py runserver\b", answers["app_command"]):
        warn(
            f"{answers['app_command']!r} is a server for development: add one such as gunicorn to the dependencies, and start "
            f"it with `{update} -d app_command='gunicorn --bind 0.0.0.0:{answers['app_port']} …'`."
        )
    variables = {"postgres": "DB_PASSWORD_FILE", "redis": "REDIS_PASSWORD_FILE"}
    if lacks := unread([variables[name] for name in answers.get("services", [])]):
        warn(
            f"production has passwords in files, and nothing here mentions {', '.join(lacks)}: COMPOSE.md says how to read them."
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operation", required=True)
    parser.add_argument("--answers-file", required=True)
    parser.add_argument("--note", type=Path, required=True, help="the file that extensions/files.py has written; it is removed")
    parser.add_argument("--next-steps", choices=["yes", "no"], default="yes")
    options = parser.parse_args()
    folder = Path.cwd()
    note = json.loads(options.note.read_text(encoding="utf-8"))
    options.note.unlink()
    answers = yaml.safe_load((folder / options.answers_file).read_text(encoding="utf-8"))
    init_repository(folder)
    if options.operation == "copy":
        check_answers(folder, options.answers_file)
    # Before anything is made that it hides.
    if options.operation == "copy" and not answers["own_app"] and answers["stack"] != "shared-services":
        start_gitignore(folder)
    keep_block(folder, ignored(answers, folder), note["new"], note["owned"])
    write_block(folder / ".gitattributes", attributes(note["owned"]))
    set_modes(folder, note["owned"], updated=options.operation == "update")
    if answers["stack"] != "hybrid":
        # Where the host finds services that it no longer asks would mislead the containers.
        write_block(folder / ".env.local", [], setup_env.MARKS)
    run_setup(folder, answers["keep_files"])
    update = "copier update --trust"
    if options.answers_file != ".copier-answers.yml":
        update += f" -a {options.answers_file}"
    if options.operation == "copy" or changed_answers(folder, options.answers_file, answers):
        check_kept(answers, note["kept"], update)
        if not answers["own_compose"]:
            adoption.check_override(folder)
    tell_clients(folder, answers, update)
    if idle := [name for name in note["given"] if name not in answers and not name.startswith("_")]:
        warn(f"leave out -d {', '.join(idle)}: with these answers that is not asked, and has no effect.")
    if answers["own_compose"]:
        free_ports(folder)
    else:
        hold_ports(folder, answers, update)
    if options.operation == "copy":
        check_hub(folder, answers, update)
    check_compose(folder, answers, updated=options.operation == "update")
    check_servers(folder, answers)
    adoption.check_adoption(folder, answers, update, first=options.operation == "copy")
    check_shared(folder, answers)
    check_production(folder, answers, update)
    check_django(folder, answers, update, first=options.operation == "copy")
    check_tests(folder, answers)
    if lacks := missing():
        warn(f"missing on this machine: {'; '.join(lacks)}.")
    # After an update they stand below what it did, which is known when Copier has merged.
    if options.next_steps == "yes" and options.operation == "copy":
        say(next_commands(folder, answers, modes=without_mode(folder, note["owned"])))


if __name__ == "__main__":
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # whatever it is: the rendered project is fine, and must not be undone
        warn(f"the post-generation hook stopped: {type(error).__name__}: {error}")
