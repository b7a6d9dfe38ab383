"""What the hook says of an app that existed: what was guessed, and what of the project does not fit to what is rendered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from messages import warn
from project import git

if TYPE_CHECKING:
    from reading import Destination

# Lists of dependencies that are not read, and the command that writes one that is.
UNREAD = {
    "Pipfile": "pipenv requirements >requirements.txt",
    "environment.yml": "pip list --format=freeze >requirements.txt",
    "environment.yaml": "pip list --format=freeze >requirements.txt",
}


def check_dependencies(folder: Path, answers: dict[str, Any], update: str) -> None:
    """Say when an app is installed without the framework that it is made with, or from no list of what it needs."""
    unread = [name for name in UNREAD if (folder / name).is_file()]
    if answers["own_app"] and answers["dependencies"] == "none" and unread:
        command = f"`{UNREAD[unread[0]]}` and `{update} -d dependencies=requirements.txt`"
        warn(f"run {command}: {unread[0]} is not read, and nothing else declares what this app depends on.")
        return
    if answers["own_app"] and answers["dependencies"] == "none" and answers.get("web_framework") in {"fastapi", "flask"}:
        warn(
            "no file declares what this app depends on: add a requirements.txt, then "
            f"`{update} -d dependencies=requirements.txt`."
        )


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


def check_python(asked: str, answers: dict[str, Any], update: str) -> None:
    """Say when the project asks for a Python that is not the one that runs it."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from reading import versions

    version = answers.get("python_version")
    try:
        if version and not versions.allows(SpecifierSet(asked), version):
            another = f"choose another with `{update} -d python_version=…`"
            warn(f"this project asks for Python {asked}, and Python {version} runs it: {another}, or see that it works with it.")
    except InvalidSpecifier:
        return


def check_settings(found: Destination) -> None:
    """Say which settings refuse what Compose, or scripts/branch-env, has in `.env`, where the mounted folder shows it."""
    for path in found.sources:
        text = found.folder.read(path)
        reads = re.search(r"\benv_file\s*=\s*[\[(]?\s*[\"']\.env[\"']", text) and re.search(
            r"\b(?:BaseSettings|SettingsConfigDict)\b", text
        )
        if reads and not re.search(r"\bextra\s*=\s*(?:[\"']|Extra\.)(?:ignore|allow)", text):
            warn(f'add extra="ignore" to the settings in {path}: .env may hold ports for Compose, which they would refuse.')


def check_pipelines(folder: Path, answers: dict[str, Any]) -> None:
    """Say where the files of pipelines belong that a repository has in a folder below its top."""
    prefix = git("rev-parse", "--show-prefix", folder=folder).strip()
    files = {"github": ".github/workflows/test.yml", "gitlab": ".gitlab-ci.yml"}
    there = [files[one] for one in answers.get("ci", []) if (folder / files[one]).is_file()]
    if prefix and there:
        warn(
            f"{', '.join(there)}: read at the top of a repository alone, not in {prefix}. Copy them there, and run scripts/ci "
            f"from {prefix}: `working-directory: {prefix}` on GitHub, `cd {prefix}` on GitLab."
        )


def check_adoption(folder: Path, answers: dict[str, Any], update: str, *, first: bool) -> None:
    """Say all of it; after the first time what may have changed, or keeps the app from its start."""
    check_server(folder, answers, update)
    check_dependencies(folder, answers, update)
    if not first or not answers["own_app"]:
        return
    # Here, because nothing else needs it.
    from reading import Destination

    found = Destination(folder)
    command = answers["app_command"]
    if command == answers.get("default_command") and found.guesses and not command.endswith(".server"):
        what = f"no server was found in this project, and {command!r} is a guess"
        warn(f"{what}: say what starts it with `{update} -d app_command='…'`.")
    check_python(found.requires_python(), answers, update)
    check_settings(found)
    check_pipelines(folder, answers)
