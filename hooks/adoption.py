"""What the hook says of an app that existed: what was guessed, and what of the project does not fit to what is rendered."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from changes import port_beside
from messages import warn
from project import git

if TYPE_CHECKING:
    from reading import Destination

# Lists of dependencies that nobody has chosen, or that pip has no part of.
UNREAD = ("Pipfile.lock", "Pipfile", "pdm.lock", "environment.yml", "environment.yaml")


def first_of(names: Sequence[str]) -> str:
    """Return the first three of some names, and whether there are others."""
    return f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}"


def check_dependencies(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say when an app is installed without the framework that it is made with, or from no list of what it needs."""
    unread = [name for name in UNREAD if (folder / name).is_file()]
    if answers["own_app"] and answers["dependencies"] == "none" and unread:
        command, source = "", unread[0]
        if source.startswith("environment"):
            command, source = "`pip list --format=freeze >requirements.txt` and ", "requirements.txt"
        command += f"`{update} -d dependencies={source}`"
        warn(f"run {command}: nothing is installed of {unread[0]}, and nothing else declares what this app depends on.")
        return
    known = answers.get("web_framework") in {"fastapi", "flask", "django"}
    if answers["own_app"] and answers["dependencies"] == "none" and known:
        warn(
            "no file declares what this app depends on: add a requirements.txt, then "
            f"`{update} -d dependencies=requirements.txt`."
        )


def uses_mcp(folder: Path) -> bool:
    """Tell whether a project declares that it depends on an SDK for MCP."""
    declared = (folder / name for name in ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg"))
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in declared if path.is_file())
    return any(re.search(r"\b(?:fast)?mcp\b", text) for text in texts)


def check_server(folder: Path, answers: dict[str, Any], update: str) -> bool:
    """Say when the command that starts the app starts nothing, or nothing of the stack; return whether it does."""
    command, module = answers["app_command"], f"{answers['package_name']}.server"
    if answers["stack"] in ("mcp-multi", "shared-services"):
        return False
    correct = f"say what does with `{update} -d app_command='…'`."
    there = (folder / answers["source_folder"] / answers["package_name"] / "server.py").exists()
    if answers["own_app"] and command == f"python -m {module}" and not there:
        warn(f"no server was found in this project, and {command!r} will not start: {correct}")
        return True
    if not answers["own_app"] and module in command and not there:
        warn(f"{answers['source_folder']}/{module.replace('.', '/')}.py is missing, and {command!r} will not start: {correct}")
    elif answers["stack"] == "mcp" and not uses_mcp(folder):
        warn(f"no file of this project declares mcp or fastmcp, and {command!r} may start no MCP server: {correct}")
    return False


def check_port(answers: dict[str, Any], update: str) -> None:
    """Say when the app listens, by its command, on another port than was answered."""
    if said := port_beside(answers):
        warn(f"give the port of the app's command with `{update} -d app_port={said}`: {answers['app_port']} was answered.")


def check_python(asked: str, answers: dict[str, Any], update: str) -> None:
    """Say when the project asks for a Python that is not the one that runs it."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from reading import versions

    version = answers.get("python_version")
    try:
        if version and not versions.allows(SpecifierSet(asked), version):
            another = f"choose another with `{update} -d python_version=…`"
            warn(f"this project asks for Python {asked}, and Python {version} runs it: {another}, or see that it works with it.")
        elif version and not versions.allows_newest(SpecifierSet(asked), version):
            warn(f"ask for Python {version}.* in place of {asked}, also in your lock: the image has the newest {version}.")
    except InvalidSpecifier:
        return


def check_wheels(found: Destination, answers: dict[str, Any]) -> None:
    """Say which pinned dependency keeps the app from a newer Python."""
    version = answers.get("python_version")
    for pinned in [*found.wheels.lacking(version).values()][:1] if version else []:
        warn(f"update {pinned}, which was not made for Python {version}: it may fail, or has to be compiled.")
        return
    newer = found.wheels.newer(version)[:1] if version else ()
    for pinned in [pinned for python in newer for pinned in found.wheels.lacking(python).values()][:1]:
        warn(f"update {pinned} if Python is to be newer than {version}: it does not support Python {newer[0]}.")


def check_lock(found: Destination, answers: dict[str, Any], update: str) -> None:
    """Say which lock file is older than the project, or not read, because an older PDM has made it."""
    old, there = found.lock.stale, f" in {found.metadata.base}" if found.metadata.base else ""
    if answers["dependencies"] == f"{found.metadata.base}uv.lock" and old.lacks:
        some = " and ".join(old.lacks[:2])
        warn(f"run `uv lock`{there}: uv.lock is older than {some} in pyproject.toml, and the image is not built with it.")
    elif answers["dependencies"] == f"{found.metadata.base}uv.lock" and old.version:
        then = f"`{update} -d check_lock=true` to have it checked"
        warn(f"run `uv lock`{there}, then {then}: uv.lock names version {old.version} of this project, which uv would refuse.")
    lock = f"{found.metadata.base}pdm.lock"
    if found.folder.has_file(lock) and answers["dependencies"] == f"{found.metadata.base}pyproject.toml":
        relock = "`pdm lock --update-reuse --strategy inherit_metadata`"
        again = f"`{update} -d dependencies={lock}`"
        warn(f"run {relock} and {again} to install locked versions: an older PDM made {lock}, and none exports it now.")


def check_settings(found: Destination) -> None:
    """Say which settings refuse what Compose, or scripts/branch-env, has in `.env`, where the mounted folder shows it."""
    for path in found.settings.strict:
        warn(
            f'add extra="ignore" to the settings in {path}: they read .env and refuse names that they do not know, such as '
            "the ports for Compose."
        )


def check_env(found: Destination) -> None:
    """Say how the app gets its `.env`, where nothing of it loads that file."""
    from reading.dotenv import unloaded
    from reading.variables import ALWAYS

    names = unloaded(found.folder, found.requirements, ALWAYS | found.settings.names.keys() | {"PORT"})
    if names:
        some = first_of(names)
        lines = "    services:\n      app:\n        env_file: [.env]"
        warn(f"name .env in docker-compose.override.yml, for {some}: the app does not load that file itself:\n{lines}")


def check_demanded(found: Destination, answers: dict[str, Any]) -> None:
    """Say which variables the app can't start without; those of Django's settings have values."""
    from facts import facts
    from reading.demanded import demanded

    if answers.get("web_framework") == "django":
        return
    apps = [one.path for one in (found.web.server, found.web.program, found.kind.start) if one][:1]
    starts = found.mcp.sources if answers["stack"] == "mcp" else apps
    if names := demanded(found.folder, starts, found.layout.prefix, found.settings):
        some = first_of(names)
        where = "to .env.local" if facts(answers).has_layers else "to the `environment` of app in docker-compose.override.yml"
        warn(f"add {some} {where}: the app asks for {'them' if names[1:] else 'it'} where it starts, and has no default.")


def check_services(found: Destination, answers: dict[str, Any]) -> None:
    """Say when nothing in the code asks where a service is."""
    variables = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
    for service in answers.get("services", []):
        if not found.settings.reads(service):
            name = variables[service]
            warn(f"read {name} in the app: nothing in it does, so it does not find {service.capitalize()} in Docker.")


def check_kind(found: Destination, answers: dict[str, Any], update: str) -> None:
    """Say what is started of a project in which nothing serves the web."""
    # Here, where the hook has said where it lies.
    from facts import facts

    command, known = answers["app_command"], facts(answers)
    if known.service != "app" or known.own_dockerfile or known.app_listens:
        return
    name = f"name it with `{update} -d app_command='…'`"
    if not known.runs_app and found.kind.tool:
        tool = found.kind.tool.command
        warn(f"run `docker compose run --rm app {tool} …`: this project is a command-line tool, which `up` does not start.")
    elif not known.runs_app:
        warn(f"run commands by `docker compose run --rm app …`: nothing here starts by itself. If something does, {name}.")
    else:
        warn(
            f"give the port with `{update} -d app_port=8000` if {command!r} has one: no code here serves the web, so it got none."
        )


def check_others(found: Destination) -> None:
    """Name the services that the project needs and that are not offered, with the lines that bring each."""
    for other in found.others:
        lines = "\n".join(f"    {line}" for line in other.lines)
        warn(
            f"add {other.label} to docker-compose.override.yml, which the project declares a client of; the app finds it at "
            f"{other.name}:{other.port}:\n{lines}"
        )


def check_pipelines(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say what puts the files of pipelines to the top of the repository, for a project in a folder of it."""
    prefix = git("rev-parse", "--show-prefix", folder=folder).strip()
    up, top = (
        git("rev-parse", "--show-cdup", folder=folder).strip(),
        Path(git("rev-parse", "--show-toplevel", folder=folder).strip()),
    )
    if not prefix or not answers.get("ci") or top == Path.home():
        return
    if answers.get("repository_folder", "") != prefix.strip("/"):
        made = f"have them made for it with `{update} -d repository_folder={shlex.quote(prefix.strip('/'))}`"
        warn(f"{made}: GitHub and GitLab read the files of pipelines at the top of the repository alone, not in {prefix}.")
        return
    slug = answers["project_slug"]
    copies = {
        ".github/workflows/test.yml": f".github/workflows/test-{slug}.yml",
        ".github/dependabot.yml": ".github/dependabot.yml",
    }
    for name, copy in copies.items():
        mine, theirs = folder / name, top / copy
        # The second is theirs from the first day.
        if not mine.is_file() or (theirs.is_file() and (name == copy or theirs.read_bytes() == mine.read_bytes())):
            continue
        command = f"mkdir -p {up}{PurePosixPath(copy).parent} && cp {name} {up}{copy}"
        warn(
            f"run `{command}` here{' again' if theirs.is_file() else ''}: GitHub reads {name} at the top of the repository alone."
        )
    included, root = f"/{prefix}.gitlab-ci.yml", top / ".gitlab-ci.yml"
    if not (folder / ".gitlab-ci.yml").is_file():
        return
    if not root.is_file():
        warn(
            f"run `echo 'include: {included}' >{up}.gitlab-ci.yml` here: GitLab reads the one at the top of the repository alone."
        )
    elif included.strip("/") not in root.read_text(encoding="utf-8", errors="replace"):
        warn(f"add `- local: {included}` under `include:` in {up}.gitlab-ci.yml, which GitLab alone reads.")


def check_installed(found: Destination, folder: Path, answers: dict[str, Any]) -> None:
    """Say what the image can't hold of what the project depends on, and what it takes otherwise than its author may think."""
    source, environment = answers["dependencies"], found.requirements.environment
    if found.local.needs_workspace:
        warn("render in the folder of uv's workspace, above this one: its other members are nowhere below this folder.")
    elif outside := found.outside_packages:
        warn(f"move {', '.join(outside)} below this folder, or render above it: no image holds what lies outside.")
    if source == environment.name and environment.conda:
        names = ", ".join(environment.conda[:6]) + (" and others" if len(environment.conda) > 6 else "")
        warn(f"add to the pip part of {source} what this app needs of {names}: nothing is installed that conda has of its own.")
    if answers.get("as_pip"):
        warn(f"see what is in each index that {source} names: of a package the best version of all is installed, as by pip.")
    if package := found.metadata.found_package:
        ours = [name for name in ("docker", "nginx") if (folder / name).is_dir()]
        if ours:
            lines = f'[tool.setuptools.packages.find]` and `include = ["{package}*"]'
            warn(
                f"add `{lines}` to pyproject.toml: setuptools looks for your package by itself, and takes {ours[0]}/ for one too."
            )
    for path in () if answers.get("build_adds_modules") else found.metadata.written_by_build:
        if not git("ls-files", "--", path, folder=folder).strip():
            warn(f"commit {path}, or do without it: a build of this project writes it, and the image is made of a checkout.")


def check_apps(found: Destination, answers: dict[str, Any]) -> None:
    """Say when there are several apps, none of which is installed."""
    from reading import nested

    folders = nested.several(found.folder) if answers["dependencies"] == "none" and not answers.get("mcp_servers") else ()
    if folders and "Dockerfile" not in answers.get("keep_files", []):
        some = first_of(folders)
        warn(
            f"render into the folder of one app: {some} have a list of dependencies each, and nothing of them is installed here."
        )


def check_tables(found: Destination, answers: dict[str, Any]) -> None:
    """Say which command of the app's own makes its tables."""
    command = found.flask_form(found.web.tables_command)
    if command and not answers.get("migrate_command"):
        warn(
            f"run `docker compose run --rm app {command}` before the first start: by it the app makes the tables of its database."
        )


def check_old_compose(found: Destination) -> None:
    """Say when a Compose file is in the way that names no services."""
    if name := found.composed.file.unread:
        warn(f"put what {name} starts below a line `services:`, or rename that file and render again: Compose does not read it.")


def check_own_compose(folder: Path, answers: dict[str, Any], *, first: bool) -> None:
    """Say what an existing Compose file means, and what its tests lack."""
    # Here, where the hook has said where they lie.
    from of_django import example_of
    from reading import Destination

    name, service = answers["own_compose"], answers["test_service"]
    if first:
        warn(f"{name} stays as it is, and its services are used. To have the template's: docs/how-to/own-compose-file.md.")
    found = Destination(folder)
    if found.composed.name != name:
        warn(f"`copier update --trust -d own_compose={found.composed.name}`: Compose reads that file, and not {name}.")
    needed = [path for service in found.composed.file.services.values() for path in service.needed_env_files] if first else []
    for path in dict.fromkeys(path for path in needed if not (folder / path).is_file()):
        example = example_of(folder / path)
        is_one = example is not None and re.search(r"example|sample|template|dist", example.name)
        what = f"copy {example.relative_to(folder)} to {path}" if example and is_one else f"write {path}"
        warn(f"{what} before the first start: {name} names it, and Compose starts nothing without.")
    if answers.get("ci") and (lacks := found.composed.unknown_settings(service)):
        warn(f"give .env.test what the tests need of {', '.join(lacks)}, which is not in git, so in no pipeline.")


def check_override(folder: Path) -> None:
    """Say which services of one's own change the template's, where they were meant to stand beside them."""
    import yaml
    from reading import compose

    def services(name: str) -> dict[str, Any]:
        try:
            said = yaml.load((folder / name).read_text(encoding="utf-8"), compose.Loader)
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        return compose.as_dict(compose.as_dict(said).get("services"))

    ours = services("docker-compose.yml")
    for name, said in services("docker-compose.override.yml").items():
        build = compose.as_dict(said).get("build")
        whole = "image" in compose.as_dict(said) or isinstance(build, str) or "context" in compose.as_dict(build)
        if name in ours and whole:
            warn(
                f"rename {name} in docker-compose.override.yml, or take it out: it changes the template's {name}, and adds none."
            )


def check_versions(folder: Path, answers: dict[str, Any]) -> None:
    """Say what an own Dockerfile lacks to be built on several versions of Python."""
    versions = answers.get("test_python_versions")
    if not versions or "Dockerfile" not in answers["keep_files"]:
        return
    text = (folder / "Dockerfile").read_text(encoding="utf-8", errors="replace") if (folder / "Dockerfile").is_file() else ""
    if not re.search(r"^ARG\s+PYTHON_VERSION\b", text, re.MULTILINE | re.IGNORECASE):
        lines = f"`ARG PYTHON_VERSION={answers['python_version']}` and `FROM python:${{PYTHON_VERSION}}-slim`"
        warn(f"begin your Dockerfile with {lines}: without, each of test_python_versions tests the same image.")


def check_dockerfile(found: Destination, answers: dict[str, Any]) -> None:
    """Say what an own Dockerfile takes from the project that is not in it."""
    from reading.image import Image

    missing = (
        Image(found.folder.read("Dockerfile")).missing(found.folder) if "Dockerfile" in answers.get("keep_files", []) else []
    )
    if missing:
        warn(f"make {', '.join(missing[:3])} before you build: your Dockerfile copies what is not there.")


def check_submodules(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say when the pipelines don't fetch the submodules that there are."""
    top = git("rev-parse", "--show-toplevel", folder=folder).strip()
    if top and answers.get("ci") and answers.get("submodules") is False and (Path(top) / ".gitmodules").is_file():
        warn(f"have the pipelines fetch the submodules, if the tests need them, with `{update} -d submodules=true`.")


def check_adoption(folder: Path, answers: dict[str, Any], update: str, *, first: bool) -> None:
    """Say all of it; after the first time what may have changed, or keeps the app from its start."""
    if answers.get("own_compose"):
        check_own_compose(folder, answers, first=first)
        check_pipelines(folder, answers, update)
        check_submodules(folder, answers, update)
        return
    will_not_start = check_server(folder, answers, update)
    check_dependencies(folder, answers, update)
    check_pipelines(folder, answers, update)
    check_versions(folder, answers)
    check_submodules(folder, answers, update)
    if not answers["own_app"] or not (first or answers.get("branch_environments")):
        return
    # Here, because nothing else needs it.
    from reading import Destination

    found = Destination(folder)
    check_settings(found)
    if not first:
        return
    command = answers["app_command"]
    if command == answers.get("default_command") and found.guesses and not will_not_start:
        what = f"no server was found in this project, and {command!r} is a guess"
        warn(f"{what}: say what starts it with `{update} -d app_command='…'`.")
    check_port(answers, update)
    check_python(found.requires_python(), answers, update)
    check_wheels(found, answers)
    check_dockerfile(found, answers)
    check_lock(found, answers, update)
    check_installed(found, folder, answers)
    check_apps(found, answers)
    check_old_compose(found)
    check_tables(found, answers)
    check_env(found)
    check_demanded(found, answers)
    check_services(found, answers)
    check_kind(found, answers, update)
    check_others(found)
