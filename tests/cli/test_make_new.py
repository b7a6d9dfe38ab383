"""`make new`: the first thing that a user of this template types."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.make import command, last_line, make_new
from tests.cli.terminal import DOWN, EMPTY_LINE, answer_questions
from tests.support import ROOT, existing_project, files, git, need_tool
from tests.update.projects import ANSWERS_FILE, answers_of, compared

NAME = "What is the project called?"


def test_without_a_terminal_all_answers_are_defaults(tmp_path: Path) -> None:
    project = tmp_path / "corner-shop"

    done = make_new(f"DEST={project}")

    assert done.returncode == 0, done.stderr
    answers = answers_of(project)
    assert (answers["stack"], answers["project_name"], answers["package_name"]) == ("minimal", "corner-shop", "corner_shop")
    assert done.stderr.splitlines()[-5:] == [
        "Next:",
        f"  cd {project}",
        '  git add . && git commit --message "Add Docker Compose"',
        "  docker compose up --build --wait",
        "  docker compose port app 8000  # where it answers; COMPOSE.md has the rest",
    ]
    (project / ".env").write_text("APP_PORT=8040\n")
    (project / ".venv").mkdir()
    (project / ".venv" / "python").touch()
    assert {".env", ".venv"}.isdisjoint(git(project, "ls-files", "--others", "--exclude-standard", "--directory").split())


def test_outside_a_repository_it_makes_one_and_commits_nothing(tmp_path: Path) -> None:
    done = make_new(f"DEST={tmp_path / 'shop'}", "PRESET=02-full")

    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "shop", "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    with pytest.raises(subprocess.CalledProcessError):
        git(tmp_path / "shop", "rev-parse", "--verify", "--quiet", "HEAD")
    assert answers_of(tmp_path / "shop")["services"] == ["postgres", "redis"]


@pytest.mark.parametrize(
    ("preset", "says"), [("04-mcp", "docker compose port mcp-server 8000"), ("05-mcp-multi", "docker compose port gateway 5678")]
)
def test_a_preset_with_mcp_servers_tells_their_clients(preset: str, says: str, tmp_path: Path) -> None:
    need_tool("docker")  # of which a machine without it is told
    done = make_new(f"DEST={tmp_path / 'shop'}", f"PRESET={preset}")

    assert done.returncode == 0, done.stderr
    assert "Note: " not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"  {says}  # ")
    assert {".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json", "claude_desktop_config.json"} <= files(tmp_path / "shop").keys()


def test_inside_a_repository_it_makes_none(tmp_path: Path) -> None:
    root = existing_project("plain-script", tmp_path / "monorepo")
    head = git(root, "rev-parse", "HEAD")

    done = make_new(f"DEST={root / 'shop'}", "PRESET=01-minimal.yml")

    assert done.returncode == 0, done.stderr
    assert (root / "shop" / "docker-compose.yml").exists()
    assert not (root / "shop" / ".git").exists()
    assert git(root, "rev-parse", "HEAD") == head
    assert git(root, "status", "--porcelain") == "?? shop/\n"


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    need_tool("docker")  # scripts/setup of a hybrid project asks Compose
    project = existing_project("flask-app", tmp_path / "shop")
    arguments = (f"DEST={project}", "PRESET=03-hybrid", "ARGS=-d port_slot=4")
    first = make_new(*arguments)
    assert first.returncode == 0, first.stderr
    before = files(project) | {ANSWERS_FILE: b""}
    answers = compared(answers_of(project))
    assert before.keys() >= {".env.local", "scripts/setup"}

    second = make_new(f"DEST={project}")

    assert second.returncode == 0, second.stderr
    assert files(project) | {ANSWERS_FILE: b""} == before
    # But the version: in a clone with uncommitted changes Copier makes up a commit each time.
    assert compared(answers_of(project)) == answers


def test_names_may_hold_blanks_quotes_and_letters_of_any_script(tmp_path: Path) -> None:
    project = tmp_path / "Bücher & \"Kaffee\" 'Läden' 店"

    done = make_new(f"DEST={project}", 'ARGS=-d "project_name=Joe\'s shop" -d stack=full -d services="[redis]"')

    assert done.returncode == 0, done.stderr
    answers = answers_of(project)
    assert (answers["project_name"], answers["services"]) == ("Joe's shop", ["redis"])
    assert (project / "docker-compose.yml").exists()
    # The command that it says can be pasted.
    [change] = [line for line in done.stderr.splitlines() if line.startswith("  cd ")]
    assert subprocess.run(["sh", "-c", f"{change} && pwd"], capture_output=True, text=True).stdout == f"{project}\n"


@pytest.mark.parametrize(
    "switches", ["--defaults", "-lq", "--trust", "--UNSAFE", "--vcs-ref=HEAD", "-r HEAD", "-l -d port_slot=3"]
)
def test_a_switch_that_is_given_is_not_given_twice(switches: str, tmp_path: Path) -> None:
    done = make_new(f"DEST={tmp_path / 'shop'}", "PRESET=01-minimal", f"ARGS={switches}")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "shop" / "docker-compose.yml").exists()


def test_a_value_that_looks_like_a_switch_is_none(tmp_path: Path) -> None:
    done = make_new(f"DEST={tmp_path / 'shop'}", "ARGS=-d project_name=-l --data project_slug=shop -qd port_slot=3")

    assert done.returncode == 0, done.stderr
    assert answers_of(tmp_path / "shop")["project_name"] == "-l"


def test_a_preset_and_a_file_of_answers_are_one_too_many(tmp_path: Path) -> None:
    done = make_new(f"DEST={tmp_path / 'shop'}", "PRESET=01-minimal", "ARGS=--data-file=answers.yml")

    assert last_line(done).startswith("Leave out PRESET or --data-file: ")


def test_a_relative_destination_is_seen_from_this_clone(tmp_path: Path) -> None:
    done = make_new(f"DEST={os.path.relpath(tmp_path / 'shop', ROOT)}")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "shop" / "docker-compose.yml").exists()


def test_in_a_terminal_it_asks_and_takes_what_is_typed(tmp_path: Path) -> None:
    typed = {NAME: f"{EMPTY_LINE}Corner Shop", "Which stack?": DOWN, "Which slot of ports": f"{EMPTY_LINE}3"}

    session = answer_questions(command(f"DEST={tmp_path / 'x'}"), typed, cwd=ROOT)

    assert session.returncode == 0, session.output
    answers = answers_of(tmp_path / "x")
    assert {name: answers[name] for name in ("project_name", "project_slug", "stack", "services", "port_slot")} == {
        "project_name": "Corner Shop",
        "project_slug": "corner-shop",
        "stack": "full",
        "services": ["postgres", "redis"],
        "port_slot": 3,
    }
    assert session.questions[0] == NAME


def test_in_a_terminal_mcp_servers_are_named_and_wrong_names_corrected(tmp_path: Path) -> None:
    typed = {"Which stack?": DOWN * 4, "MCP servers called?": f"{EMPTY_LINE}[tasks, my_notes]"}
    correction = {"Use a-z, 0-9 and inner hyphens.": f"{EMPTY_LINE}[tasks, my-notes]"}

    session = answer_questions(command(f"DEST={tmp_path / 'x'}"), typed, corrections=correction, cwd=ROOT)

    assert session.returncode == 0, session.output
    answers = answers_of(tmp_path / "x")
    assert (answers["stack"], answers["mcp_servers"], answers["gateway"]) == ("mcp-multi", ["tasks", "my-notes"], "n8n")
    assert (tmp_path / "x" / "servers" / "my-notes" / "server.py").exists()


@pytest.mark.parametrize("existing", ["", "flask-app"], ids=["empty-folder", "existing-app"])
def test_the_default_path_asks_at_most_12_questions(existing: str, tmp_path: Path) -> None:
    project = existing_project(existing, tmp_path / "shop") if existing else tmp_path / "shop"

    session = answer_questions(command(f"DEST={project}"), {}, cwd=ROOT)

    assert session.returncode == 0, session.output
    assert 0 < len(session.questions) <= 12
    assert "Overwrite" not in session.output
    assert answers_of(project)["stack"] == "minimal"


def test_a_preset_and_arguments_that_answer_everything_leave_nothing_to_ask(tmp_path: Path) -> None:
    session = answer_questions(command(f"DEST={tmp_path / 'shop'}", "PRESET=02-full", "ARGS=-d port_slot=1"), {}, cwd=ROOT)

    assert session.returncode == 0, session.output
    assert session.questions == []
    assert answers_of(tmp_path / "shop")["port_slot"] == 1


def test_a_wrong_answer_is_said_at_once_and_can_be_corrected(tmp_path: Path) -> None:
    complaint = "Give a line of 1 to 60 characters."

    session = answer_questions(
        command(f"DEST={tmp_path / 'x'}"), {NAME: f"{EMPTY_LINE} "}, corrections={complaint: f"{EMPTY_LINE}Fine"}, cwd=ROOT
    )

    assert session.returncode == 0, session.output
    assert complaint in session.output
    assert answers_of(tmp_path / "x")["project_name"] == "Fine"
