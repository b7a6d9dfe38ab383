"""What changed answers ask of a user: what they leave behind, and what they don't reach."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from project import git, yaml_of

# What rendered projects have too, and what knows what follows from answers.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "template" / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions"))
from facts import facts
from lib import common

FILE = "docker-compose.yml"
PRODUCTION = "docker-compose.prod.yml"


def compose_of(text: str) -> dict[str, dict[str, Any]]:
    """Return the services and the volumes of a Compose file."""
    found = yaml_of(text)
    return {name: found.get(name) or {} for name in ("services", "volumes")}


def as_text(answer: Any) -> Any:
    """Return an answer as a text, where a formatter may have made a number of one; a list as it is."""
    return answer if isinstance(answer, (list, bool)) else str(answer)


def port_beside(answers: dict[str, Any]) -> int:
    """Return the port that the app's command names where that is not the answer; 0 where they agree, or it names none."""
    # Here, because most updates need nothing of it.
    from reading.listens import named_port

    said = named_port(str(answers.get("app_command") or ""))
    return 0 if str(said) == str(answers.get("app_port", said)) else said


def gone(was: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]], kind: str) -> list[str]:
    """Return which services, or volumes, a Compose file has no longer; none where there is no file."""
    return sorted(was[kind].keys() - now[kind]) if now["services"] else []


class Change:
    """What an update changed in a project.

    Args:
        old: the answers before.
        new: the answers now.
        command: the command that updates the project.
    """

    def __init__(self, old: dict[str, Any], new: dict[str, Any], command: str) -> None:
        self.old, self.new, self.command = old, new, command
        given = common.variables(common.read(Path(".env")) if Path(".env").is_file() else "") | os.environ
        # A name of its own that a checkout has stays, and only Compose knows that of a file of the user's.
        name = given.get("COMPOSE_PROJECT_NAME") or given.get("BRANCH_PROJECT")
        self.named, self.name = bool(name), str(name or old.get("project_slug"))
        own = FILE in [*(old.get("keep_files") or []), *(new.get("keep_files") or [])]
        was = compose_of("" if own else git("show", f"HEAD:./{FILE}"))
        text = common.read(Path(FILE))
        # With conflicts, as the new version has it.
        now = compose_of("" if own else git("show", f":3:./{FILE}") if re.search(r"^<<<<<<< ", text, re.MULTILINE) else text)
        self.services, self.volumes = gone(was, now, "services"), gone(was, now, "volumes")
        production = compose_of(git("show", f"HEAD:./{PRODUCTION}")), compose_of(common.read(Path(PRODUCTION)))
        self.production_services, self.production_volumes = gone(*production, "services"), gone(*production, "volumes")
        self.kept_volumes = sorted(was["volumes"].keys() & now["volumes"])
        images = [str(one["image"]) for one in now["services"].values() if isinstance(one, dict) and "image" in one]
        self.image = next((image for image in images if image.startswith("postgres")), images[0] if images else "alpine")

    def changed(self, name: str) -> bool:
        """Tell whether an answer that the project had is another one now."""
        return name in self.old and name in self.new and as_text(self.old[name]) != as_text(self.new[name])

    def turned_off(self, name: str) -> bool:
        """Tell whether what was chosen is chosen no longer."""
        return bool(self.old.get(name)) and not self.new.get(name)

    def sentences(self) -> list[str]:
        """Return what is to be done because of the new answers, most urgent first."""
        return [*self.of_names(), *self.of_production(), *self.of_data(), *self.of_code(), *self.of_options()]

    @property
    def renamed(self) -> bool:
        return self.changed("project_slug") and not self.named

    def of_names(self) -> list[str]:
        if not self.renamed:
            return []
        new = self.new["project_slug"]
        found = [f"stop the old containers with `docker compose -p {self.name} down`: they hold the ports of {new}."]
        if self.kept_volumes:
            copy = f"docker run --rm -v {self.name}_$v:/from -v {new}_$v:/to {self.image} cp -a /from/. /to"
            take = f"docker compose create && for v in {' '.join(self.kept_volumes)}; do {copy}; done"
            found.append(f"take the data along with `{take}`: {new} starts with empty volumes.")
        return found

    def of_production(self) -> list[str]:
        production = f"{self.old.get('project_slug')}-prod"
        if self.turned_off("production"):
            return [f"stop production with `docker compose -p {production} down` where it runs: its volumes stay."]
        if self.changed("project_slug") and self.old.get("production") and self.new.get("production"):
            back = f"{self.command} -d project_slug={self.old['project_slug']}"
            return [f"go back with `{back}` before you deploy: {production} keeps the data and the ports of production."]
        # Another version of Postgres has another volume, which scripts/upgrade-postgres fills.
        lost = [name for name in self.production_services if name not in {"app", "migrate", "backup_copies"}]
        if not lost:
            return []
        containers = " ".join(f"{production}-{name}-1" for name in lost)
        volumes = " ".join(f"{production}_{name}" for name in self.production_volumes)
        kept = f"; `docker volume rm {volumes}` deletes their data" if volumes else ""
        return [f"remove what production uses no longer with `docker rm --force {containers}`, where it runs{kept}."]

    def of_data(self) -> list[str]:
        found = []
        if self.changed("postgres_version") and facts(self.new).has_postgres:
            option = " --development" if self.new.get("production") else ""
            older = self.old["postgres_version"]
            found.append(f"run `scripts/upgrade-postgres{option}` before the next start: it takes the data of {older} along.")
        if self.changed("redis_version") and "redis" not in self.services:
            volume = f"docker compose rm -sf redis && docker volume rm {self.name}_redis-data"
            found.append(f"delete what redis holds, if it does not start with it: `{volume}`.")
        if self.services and not self.renamed:
            orphans = "`docker compose up --detach --remove-orphans`"
            found.append(f"remove the containers of {', '.join(self.services)} with {orphans}.")
        if self.volumes:
            names = " ".join(f"{self.name}_{name}" for name in self.volumes)
            found.append(f"keep or delete the data that nothing uses now: `docker volume rm {names}` deletes them.")
        return found

    def of_code(self) -> list[str]:
        old, new = self.old, self.new
        package, folder = str(new.get("package_name")), str(new.get("source_folder") or ".")
        found = []
        if self.changed("package_name") and not (Path(folder) / package).exists():
            found.append(f"move {folder}/{old['package_name']} to {folder}/{package}, and change its imports: code is yours.")
        if self.changed("web_framework") and new.get("own_app") and not self.changed("app_command"):
            found.append(f"name another command, if the app starts otherwise now: `{self.command} -d app_command='…'`.")
        elif self.changed("web_framework") and not new.get("own_app"):
            found.append(f"write the app for {new['web_framework']}: its code and app_command are yours, and stay as they were.")
        if self.changed("app_port") and not self.changed("app_command") and str(old["app_port"]) in str(new.get("app_command")):
            found.append(f"give app_command the new port too: `{self.command} -d app_command='…'`.")
        if self.changed("app_command") and not self.changed("app_port") and (said := port_beside(self.new)):
            found.append(f"give app_port the new port too: `{self.command} -d app_port={said}`.")
        if self.changed("stack"):
            web, kinds = {"minimal", "full", "hybrid"}, {"mcp": "one MCP server", "mcp-multi": "MCP servers in servers/"}
            was, now = ("a web app" if one["stack"] in web else kinds.get(one["stack"], "") for one in (old, new))
            if was and now and was != now and new["stack"] == "mcp-multi":
                found.append(f"move what you need from {folder}/{package} to servers/: nothing starts it now.")
            elif was and now and was != now:
                found.append(f"write {now}, or name the command that starts it with `{self.command} -d app_command='…'`.")
            if old["stack"] == "mcp-multi":
                found.append("keep or remove servers/, which is yours: nothing starts the servers in it now.")
        if lost := [name for name in old.get("services") or [] if name not in (new.get("services") or [])]:
            found.append(f"take {' and '.join(lost)} out of the app, which is yours and may still ask for it.")
        return found

    def of_options(self) -> list[str]:
        found = []
        if self.turned_off("branch_environments"):
            found.append("delete .git/branch-env, which the hook runs, and the block of scripts/branch-env from .env.")
        default = f"registry.example.com/{self.old.get('project_slug')}"
        if "image_name" in self.old and "image_name" not in self.new and self.old["image_name"] != default:
            found.append(f"remember image_name={self.old['image_name']}: production asks for it again.")
        return found
