"""After a copy and after an update, in the project: git, .gitignore, scripts/setup, MCP clients' files, and what to type next.

It only warns. A task that fails would leave an existing project half rendered, and on an update the user's edits overwritten.
Copier runs it with its own Python, where plumbum and PyYAML are installed.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import yaml
from client_files import ClientFile, Entry, bring_up_to_date
from plumbum import CommandNotFound, ProcessExecutionError, local

# What knows this machine's environments, which rendered projects have too, and what knows a project.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "includes"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions"))
import environments
from destination import PIPELINES, Destination

MINIMUM_COMPOSE = (2, 24, 4)
COMPOSE = f"Docker Compose {'.'.join(map(str, MINIMUM_COMPOSE))} or newer"
BEGIN = "# >>> chora-compose-template: these lines are its own, keep yours outside them"
END = "# <<< chora-compose-template"
# What a deployment is made of, as far as a project may have had it before.
PRODUCTION = (
    *("docker-compose.prod.yml", "docker-stack.yml", "nginx/nginx.conf.template", ".env.production.example"),
    *("scripts/production.py", "scripts/deploy", "scripts/backup", "scripts/restore", "scripts/upgrade-postgres"),
)
# Compose reads the first of these that exists, and docker-compose.yml after them.
PREFERRED = ("compose.yaml", "compose.yml", "docker-compose.yaml")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    say(f"Note: {text}")


def in_repository(folder: Path) -> bool:
    """Tell whether a folder is inside a Git repository, also one that git refuses because of its owner."""
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def init_repository(folder: Path) -> None:
    """Make a repository where there is none, because `copier update` needs one. Nothing is committed."""
    if in_repository(folder):
        return
    try:
        local["git"]("init", "--quiet", "-b", "main", str(folder))
    except CommandNotFound:
        pass  # Reported with everything else that is missing.
    except ProcessExecutionError as error:
        warn(f"git init failed, and `copier update` needs a repository: {error.stderr.strip()}")


def ignored(answers: dict[str, Any], folder: Path) -> list[str]:
    """Return the lines that .gitignore needs, none for most answers. What an earlier answer made stays hidden."""
    tests = ["!.env.test"] if answers.get("ci") else []
    if tests or (folder / "test-reports").exists():
        tests.append("/test-reports/")
    # What an existing line such as `.env*` would hide is shown again.
    production = ["!.env.production.example"] if answers.get("production") else []
    if production or (folder / ".env.production").exists() or (folder / "backups").exists():
        production += [".env.production", "/backups/"]
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
    if answers["stack"] == "mcp":
        return [answers["project_slug"]]
    return [*answers["mcp_servers"]] if answers["stack"] == "mcp-multi" else []


def client_files(stack: str) -> list[ClientFile]:
    """Return the files in which MCP clients look up the servers of a project."""

    def file(path: str, section: str, folder: str) -> ClientFile:
        def forms(name: str) -> list[Entry]:
            # What a release has written stays listed, so that a later one finds and replaces it. This release's is the first.
            services = ["mcp-server", name] if stack == "mcp" else [name, "mcp-server"]
            return [{"command": "python3", "args": [f"{folder}scripts/mcp-stdio", service]} for service in services]

        return ClientFile(path, section, forms)

    return [
        # Claude Code knows no variable for the folder, and starts servers in it.
        file(".mcp.json", "mcpServers", ""),
        file(".vscode/mcp.json", "servers", "${workspaceFolder}/"),
        file(".cursor/mcp.json", "mcpServers", "${workspaceFolder}/"),
    ]


def with_block(text: str, lines: list[str]) -> str:
    """Return the text of a .gitignore with our marker block, without it where there are no lines.

    Args:
        text: the file's text; what stands outside the block is kept to the letter, line ends included.
        lines: the block's lines.
    """
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    block = end_of_line.join([BEGIN, *lines, END, ""]) if lines else ""
    present = re.search(f"^{re.escape(BEGIN)}.*?^{re.escape(END)}[^\\n]*(?:\\n|$)", text, re.MULTILINE | re.DOTALL)
    if present:
        return text[: present.start()] + block + text[present.end() :]
    if not block:
        return text
    if text and not text.endswith("\n"):
        text += end_of_line
    return text + (end_of_line if text else "") + block


def keep_block(folder: Path, lines: list[str]) -> None:
    """Bring the marker block of .gitignore up to date. It stays as long as there is a file that it hides."""
    path = folder / ".gitignore"
    hidden = (".env.local", ".env", "secrets", "claude_desktop_config.json")
    if not lines and any((folder / name).exists() for name in hidden):
        return
    # Bytes, because a text file's line ends would be changed.
    try:
        before = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
        after = with_block(before, lines)
        if after != before:
            path.write_bytes(after.encode("utf-8", "surrogateescape"))
    except OSError as error:
        warn(f".gitignore can't be written ({error.strerror}): add these lines yourself: {' '.join(lines)}")


def run_setup(folder: Path, kept: list[str]) -> None:
    """Run scripts/setup, which makes what is not committed, unless it is a script that the user had before."""
    script = folder / "scripts" / "setup"
    if not script.is_file() or "scripts/setup" in kept:
        return
    code, out, error = local[sys.executable].run([str(script)], retcode=None, cwd=str(folder))
    if code:
        warn(f"scripts/setup failed, run it again when this is mended: {(error or out).strip()}")


def hold_ports(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Note in this machine's registry which ports the project has, and say who else has them."""
    slug, slot = answers["project_slug"], answers["port_slot"]
    with environments.registry(warn=warn) as machine:
        # One with branch environments scripts/branch-env has noted already, with ports and a name that nobody else has.
        entry = machine.find(folder, None) if answers.get("branch_environments") else None
        moves = entry is not None
        if entry is None:
            env = folder / ".env"
            own = environments.variables(env.read_text(errors="replace")) if env.is_file() else {}
            entry = machine.settle_project(folder, slug, slot, environments.ports_in(own))
            entry["name"] = own.get("COMPOSE_PROJECT_NAME", slug)
        wanted = environments.ports(slot) if moves else entry["ports"]
        owners = (machine.owner(number, entry) for number in wanted.values())
        free = machine.free_slot(folder)
        if other := next(filter(None, owners), None):
            way = f", or take a free slot with `{update} -d port_slot={free}`" if free is not None else ""
            full = "" if free is not None else ", and all ten slots are held"
            remedy = "scripts/branch-env has put other ones into .env" if moves else "set other ones in .env, as COMPOSE.md says"
            warn(f"{other['folder']} has the ports of slot {slot} too{full}: {remedy}{way}.")
        if not moves and (namesake := machine.namesake(entry["name"], folder)):
            warn(
                f"{namesake['folder']} is the Compose project {entry['name']} too, and the two would share containers and "
                "data: set COMPOSE_PROJECT_NAME in .env of one of them."
            )


def missing() -> list[str]:
    """Return what this machine lacks to work with the project, in the words of the requirements."""
    lacks = []
    if "git" not in local:
        lacks.append("git, which `copier update` needs")
    if "docker" not in local:
        return [*lacks, f"Docker with {COMPOSE}"]
    code, out, _ = local["docker"].run(["compose", "version", "--short"], retcode=None)
    version = tuple(int(part) for part in re.findall(r"\d+", out)[:3])
    if code or version < MINIMUM_COMPOSE:
        found = f" (found {out.strip()})" if not code else ""
        lacks.append(f"{COMPOSE}{found}")
    return lacks


def check_kept(answers: dict[str, Any], update: str) -> None:
    """Say once, at adoption, which files of the user's stand where the template's would."""
    ci = answers.get("ci", [])
    built = ("Dockerfile", ".dockerignore") if answers["stack"] != "mcp-multi" and "python_version" in answers else ()
    tests = ("docker-compose.test.yml", ".env.test", "scripts/ci") if ci else ()
    pipelines = [PIPELINES[name] for name in ci]
    ours = ("docker-compose.yml", *built, "COMPOSE.md", *tests, *pipelines, *(PRODUCTION if answers.get("production") else ()))
    kept = [name for name in ours if name in answers["keep_files"]]
    if ci and "docker-compose.yml" in kept:
        warn("docker-compose.test.yml is laid over your docker-compose.yml, which has to have the services that it changes.")
    if kept:
        warn(f"kept your own {', '.join(kept)}. For the template's, rename yours, commit, and `{update} -d 'keep_files=[]'`.")
    if ".dockerignore" in answers["keep_files"]:
        warn("see that your .dockerignore keeps .git, .env* and virtual environments out of the image.")


def check_compose(folder: Path, answers: dict[str, Any]) -> None:
    """Say what keeps Compose from working with the project as it is rendered."""
    for name in PREFERRED:
        if (folder / name).exists():
            warn(f"Docker Compose prefers {name} to docker-compose.yml and will not read the latter: rename one of them.")
    defaults = folder / ".env.defaults"
    if answers["stack"] != "minimal" and defaults.exists():
        names = ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "DATABASE_URL", "REDIS_URL")
        text = defaults.read_text(errors="replace")
        lacks = [name for name in names if not re.search(rf"^\s*{name}\s*=", text, re.MULTILINE)]
        if lacks:
            warn(f"your .env.defaults lacks {', '.join(lacks)}: a value for each POSTGRES_…, an empty one for each …_URL.")


def uses_mcp(folder: Path) -> bool:
    """Tell whether a project declares that it depends on an SDK for MCP."""
    declared = (folder / name for name in ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg"))
    return any(re.search(r"\b(?:fast)?mcp\b", path.read_text(errors="replace")) for path in declared if path.is_file())


def check_server(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say when the command that starts the app is only a guess, or starts something else than the stack is made for."""
    command, module = answers["app_command"], f"{answers['package_name']}.server"
    if answers["stack"] in ("mcp-multi", "shared-services"):
        return
    correct = f"say what does with `{update} -d app_command='…'`."
    there = (folder / answers["source_folder"] / answers["package_name"] / "server.py").exists()
    if answers["own_app"] and command == f"python -m {module}" and not there:
        warn(f"no server was found in this project, and {command!r} will not start: {correct}")
    elif not answers["own_app"] and module in command and not there:
        warn(f"{answers['source_folder']}/{module.replace('.', '/')}.py is missing, and {command!r} will not start: {correct}")
    elif answers["stack"] == "mcp" and not uses_mcp(folder):
        warn(f"no file of this project declares mcp or fastmcp, and {command!r} may start no MCP server: {correct}")


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
    found = environments.variables("".join(path.read_text(encoding="utf-8") for path in files))
    name, hub = found.get("POSTGRES_USER") or found.get("REDIS_USER"), found.get("SHARED_SERVICES")
    command = f"{hub}/scripts/projects copy {name} {shlex.quote(str(folder))}"
    warn(
        f"this project's data are still in the shared services: `{command}` takes them along, `scripts/projects remove {name}` "
        "there deletes them; remove secrets/shared.env and secrets/shared-admin.env when you have what you need."
    )


def check_tests(folder: Path, answers: dict[str, Any]) -> None:
    """Say which code the pipeline has no tests for."""
    # What another command runs is not known.
    if not answers.get("ci") or answers.get("test_command", "pytest") != "pytest":
        return
    parts = [f"servers/{name}" for name in answers.get("mcp_servers", [])] or ["."]
    for part in parts:
        if not Destination(folder / part).test_command:
            where = "" if part == "." else f"{part}/"
            warn(f"{part if where else 'this project'} has no tests yet, and the pipeline fails until {where}tests/ holds some.")


def check_production(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say when an app is started by a server for development, or does not read its passwords, which are in no URL."""
    if not answers.get("production"):
        return
    if re.match(r"(?:python3? -m )?flask\b|.*\bmanage\.py runserver\b", answers["app_command"]):
        warn(
            f"{answers['app_command']!r} is a server for development: add one such as gunicorn to the dependencies, and start "
            f"it with `{update} -d app_command='gunicorn --bind 0.0.0.0:{answers['app_port']} …'`."
        )
    variables = {"postgres": "DB_PASSWORD_FILE", "redis": "REDIS_PASSWORD_FILE"}
    wanted = [variables[name] for name in answers.get("services", [])]
    texts = [(folder / path).read_text(errors="replace") for path in Destination(folder).sources]
    if lacks := [name for name in wanted if not any(name in text for text in texts)]:
        warn(
            f"production has passwords in files, and nothing here mentions {', '.join(lacks)}: COMPOSE.md says how to read them."
        )


def check_dependencies(answers: dict[str, Any], update: str) -> None:
    """Say when an app is installed without the framework that it is made with."""
    if answers["own_app"] and answers["dependencies"] == "none" and answers.get("web_framework") in {"fastapi", "flask"}:
        warn(
            "no file declares what this app depends on: add a requirements.txt, then "
            f"`{update} -d dependencies=requirements.txt`."
        )


def next_commands(folder: Path, answers: dict[str, Any], operation: str) -> str:
    """Return what to type next, one command a line."""
    here = Path.cwd() if operation == "update" else Path(local.env.get("PWD", "/"))
    lines = [] if folder == here else [f"cd {shlex.quote(str(folder))}"]
    if operation == "update":
        lines.append("git diff")
    if answers["stack"] == "mcp" and "profiles: [stdio]" in (folder / "docker-compose.yml").read_text(encoding="utf-8"):
        return "\n  ".join(["Next:", *lines, "docker compose build mcp-server", "# then start a client, as COMPOSE.md says"])
    builds = answers["stack"] not in ("hybrid", "shared-services")
    lines.append("docker compose up --build --wait" if builds else "docker compose up --wait")
    if answers["stack"] == "hybrid":
        lines.append("# then start Python here as COMPOSE.md says")
    else:
        service = {"minimal": "app", "full": "app", "mcp": "mcp-server"}.get(answers["stack"])
        if service:
            lines.append(f"docker compose port {service} {answers['app_port']}")
        elif answers.get("gateway") == "n8n":
            lines.append("docker compose port gateway 5678")
    return "\n  ".join(["Next:", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operation", required=True)
    parser.add_argument("--answers-file", required=True)
    parser.add_argument("--next-steps", choices=["yes", "no"], default="yes")
    options = parser.parse_args()
    folder = Path.cwd()
    answers = yaml.safe_load((folder / options.answers_file).read_text(encoding="utf-8"))
    init_repository(folder)
    # Before anything is made that it hides.
    keep_block(folder, ignored(answers, folder))
    run_setup(folder, answers["keep_files"])
    update = "copier update --trust"
    if options.answers_file != ".copier-answers.yml":
        update += f" -a {options.answers_file}"
    if options.operation == "copy":
        check_kept(answers, update)
    for sentence in bring_up_to_date(folder, client_files(answers["stack"]), servers(answers), f"run `{update}`"):
        warn(sentence)
    hold_ports(folder, answers, update)
    check_compose(folder, answers)
    check_servers(folder, answers)
    check_server(folder, answers, update)
    check_shared(folder, answers)
    check_production(folder, answers, update)
    check_dependencies(answers, update)
    check_tests(folder, answers)
    if lacks := missing():
        warn(f"missing on this machine: {'; '.join(lacks)}.")
    if options.next_steps == "yes":
        say(next_commands(folder, answers, options.operation))


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # whatever it is: the rendered project is fine, and must not be undone
        warn(f"the post-generation hook stopped: {type(error).__name__}: {error}")
