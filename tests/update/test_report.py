"""What an update says at its end: what it could not merge, what it removed, and what a changed answer asks for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, commit_all, files, git, preset, render, run_copier
from tests.update.projects import answers_of, fresh, generated, managed, update_by_command, update_saying

pytestmark = pytest.mark.thorough


@pytest.fixture
def project(working_tree: Path, tmp_path: Path) -> Path:
    return generated(working_tree, tmp_path / "shop", preset("02-full") | {"project_slug": "shop"}, hook=False)


def report_of(said: str) -> list[str]:
    """Return the lines of the report: the notes after the last of Copier's own lines."""
    return [line.removeprefix("Note: ") for line in said.splitlines() if line.startswith("Note: ")]


def test_conflicts_are_named_by_file_and_line_and_the_exit_code_tells(project: Path) -> None:
    compose = project / "docker-compose.yml"
    compose.write_text(
        compose.read_text().replace("redis:8-alpine", "redis:8.2-alpine").replace("postgres:17-", "postgres:17.1-")
    )
    commit_all(project, "Pin")

    done = run_copier("update", "--trust", "--defaults", "-d", "redis_version=7", "-d", "postgres_version=16", cwd=project)

    text = compose.read_text()
    starts = [str(number) for number, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<<")]
    assert len(starts) == 2
    assert f"fix the conflicts in docker-compose.yml:{','.join(starts)}, then `git add` these files." in done.stderr
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "docker compose up" not in done.stdout + done.stderr.rpartition("fix the conflicts")[2]
    assert answers_of(project)["redis_version"] == "7"


def test_what_copier_could_not_apply_is_named_by_file_and_the_exit_code_tells(project: Path) -> None:
    for path, old, new in (
        ("docker-compose.yml", "redis:8-alpine", "redis:8.2-alpine"),
        ("Dockerfile", "FROM python:3.13-slim", "FROM python:3.13.1-slim"),
    ):
        assert old in (project / path).read_text()
        (project / path).write_text((project / path).read_text().replace(old, new))
    commit_all(project, "Pin")

    answers = ("-d", "redis_version=7", "-d", "python_version=3.12")
    done = run_copier("update", "--trust", "--defaults", "--conflict", "rej", *answers, cwd=project)

    assert {path.name for path in project.rglob("*.rej")} == {"Dockerfile.rej", "docker-compose.yml.rej"}
    named = "apply what Dockerfile.rej, docker-compose.yml.rej hold, then delete them: Copier could not."
    assert named in report_of(done.stderr)
    assert (done.returncode, "Traceback" in done.stderr, "Next:" in done.stdout) == (1, False, False)


def test_pre_commit_refuses_what_an_update_could_not_merge_and_secrets(project: Path) -> None:
    update_by_command(project, "-d", "extras=[pre-commit]")
    compose = project / "docker-compose.yml"
    compose.write_text(compose.read_text().replace("redis:8-alpine", "redis:8.2-alpine"))
    commit_all(project, "Pin")
    uvx = [str(Path(sys.executable).parent / "uvx"), "--from", "pre-commit>=4,<5"]
    subprocess.run([*uvx, "pre-commit", "install"], cwd=project, check=True, capture_output=True)
    done = run_copier("update", "--trust", "--defaults", "-d", "redis_version=7", cwd=project)
    assert done.returncode == 1

    def commit(*names: str) -> str:
        git(project, "add", "--force", *names)
        tried = subprocess.run(["git", "commit", "-m", "try"], cwd=project, capture_output=True, text=True)
        git(project, "reset", "--quiet")
        return "" if tried.returncode == 0 else tried.stdout + tried.stderr

    starts = [n for n, line in enumerate(compose.read_text().splitlines(), 1) if line.startswith("<<<<<<<")]
    assert f"docker-compose.yml:{starts[0]}:<<<<<<< before updating" in commit("docker-compose.yml")
    (project / "Dockerfile.rej").write_text("@@ -1 +1 @@\n")
    assert "Apply what these files hold" in commit("Dockerfile.rej")
    assert "git rm --cached" in commit(".env.local")
    git(project, "checkout", "HEAD", "--", "docker-compose.yml")
    assert commit(".copier-answers.yml", ".env.defaults", ".env.services") == ""


def test_what_production_leaves_behind_is_said(working_tree: Path, tmp_path: Path) -> None:
    answers = preset("12-production") | {"project_slug": "shop", "services": ["postgres", "redis"]}
    project = generated(working_tree, tmp_path / "shop", answers, hook=False)
    said = update_by_command(project, "-d", "services=[redis]")
    (line,) = [line for line in report_of(said) if "production" in line]
    assert line == (
        "remove what production uses no longer with `docker rm --force shop-prod-db-1`, where it runs; "
        "`docker volume rm shop-prod_postgres-17` deletes their data."
    )


def test_without_anything_to_say_an_update_says_what_to_type_next(project: Path) -> None:
    said = update_by_command(project)
    assert report_of(said) == []
    assert said.splitlines()[-1].startswith("  docker compose port app 8000  # ")


ANSWERS = {
    "slug": ({"project_slug": "store"}, ["`docker compose -p shop down`", "for v in postgres-data redis-data; do docker run"]),
    "framework": ({"web_framework": "flask"}, ["write the app for flask"]),
    "framework of an own app": (
        {"web_framework": "flask", "own_app": True},
        ["name another command, if the app starts otherwise now: `copier update --trust -d app_command='…'`"],
    ),
    "package": ({"package_name": "store"}, ["move src/shop to src/store"]),
    "mcp": ({"stack": "mcp", "services": ["postgres"]}, ["containers of app, redis", "app_command=", "shop_redis-data"]),
    "several": ({"stack": "mcp-multi"}, ["containers of app, redis", "move what you need from src/shop to servers/"]),
    "services": ({"services": ["postgres"]}, ["containers of redis", "volume rm shop_redis-data", "take redis out of the app"]),
    "postgres": ({"postgres_version": "16"}, ["run `scripts/upgrade-postgres` before the next start"]),
    "redis": ({"redis_version": "valkey-8"}, ["docker volume rm shop_redis-data"]),
    "port": ({"app_port": 9001}, ["give app_command the new port too"]),
    "command": (
        {"app_command": "uvicorn shop.server:app --host 0.0.0.0 --port 9001"},
        ["give app_port the new port too: `copier update --trust -d app_port=9001`"],
    ),
    "slug and version": (
        {"project_slug": "store", "postgres_version": "16", "services": ["postgres"]},
        ["`docker compose -p shop down`", "for v in postgres-data; do docker run", "run `scripts/upgrade-postgres`"],
    ),
}


def report_after(template: Path, folder: Path, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Bring a project from some answers to others as an update does, without Copier's seconds, and return the report."""
    if not (folder / ".git").exists():
        render(template, folder, old, hook=False)
        git(folder, "init", "--quiet", "-b", "main")
        commit_all(folder, "Generate")
    project = folder
    git(project, "reset", "--quiet", "--hard")
    for name in managed(files(project)):
        (project / name).unlink()
    render(template, project, old | new, hook=False)
    # An update brings no code.
    git(project, "clean", "--quiet", "-d", "--force", "src")
    command = [sys.executable, str(ROOT / "hooks" / "update.py"), "after", ".copier-answers.yml"]
    done = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    return report_of(done.stderr)


@pytest.mark.parametrize(("answer", "sentences"), ANSWERS.values(), ids=ANSWERS)
def test_a_changed_answer_that_asks_for_more_says_so(
    answer: dict[str, Any], sentences: list[str], working_tree: Path, tmp_path: Path
) -> None:
    old = preset("02-full") | {"project_slug": "shop", "package_name": "shop"}
    report = report_after(working_tree, tmp_path / "shop", old, answer)
    for sentence in sentences:
        assert [line for line in report if sentence in line], report
    assert len(report) <= 8


STACKS = {
    "mcp to full": ("04-mcp", {"stack": "full"}, ["containers of mcp-server", "write a web app, or name the command"]),
    "mcp to mcp-multi": (
        "04-mcp",
        {"stack": "mcp-multi"},
        ["containers of mcp-server", "move what you need from src/shop to servers/"],
    ),
    "mcp-multi to full": (
        "05-mcp-multi",
        {"stack": "full", "services": ["postgres"]},
        ["containers of docs, gateway", "volume rm shop_n8n-data", "write a web app", "keep or remove servers/"],
    ),
    "gateway": ("05-mcp-multi", {"gateway": "none"}, ["containers of gateway with", "volume rm shop_n8n-data"]),
}


@pytest.mark.parametrize(("name", "answer", "sentences"), STACKS.values(), ids=STACKS)
def test_another_stack_says_what_the_old_one_leaves(
    name: str, answer: dict[str, Any], sentences: list[str], working_tree: Path, tmp_path: Path
) -> None:
    old = preset(name) | {"project_slug": "shop", "package_name": "shop"}
    report = report_after(working_tree, tmp_path / "shop", old, answer)
    for sentence in sentences:
        assert [line for line in report if sentence in line], report
    assert len(report) <= 8


def test_options_that_are_turned_off_say_what_goes_and_what_is_forgotten(working_tree: Path, tmp_path: Path) -> None:
    old = preset("12-production") | {"image_name": "registry.example.com/me/app", "branch_environments": True}
    report = report_after(working_tree, tmp_path / "shop", old, {"production": False, "branch_environments": False})
    assert any(line.startswith("no longer written") and "docker-compose.prod.yml" in line for line in report)
    assert any("remember image_name=registry.example.com/me/app" in line for line in report)
    assert any("docker compose -p shop-prod down" in line for line in report)
    assert any("block of scripts/branch-env from .env" in line for line in report)
    assert len(report) <= 8


def test_a_checkout_with_a_name_of_its_own_is_called_by_that(working_tree: Path, tmp_path: Path) -> None:
    """As a worktree with an environment of its branch, whose volumes are other ones than the main checkout's."""
    old = preset("02-full") | {"project_slug": "shop"}
    project = generated(working_tree, tmp_path / "shop", old, hook=False)
    (project / ".env").write_text("COMPOSE_PROJECT_NAME=shop-feat\n")
    said = report_after(working_tree, project, old, {"services": ["postgres"]})
    assert any("docker volume rm shop-feat_redis-data" in line for line in said)
    assert not any("docker compose -p" in line for line in report_after(working_tree, project, old, {"project_slug": "store"}))


@pytest.mark.parametrize("text", ["services: {web: {image: redis:8-alpine}}\nvolumes:\n", "services:\n", "[", ""])
def test_nothing_is_said_of_a_compose_file_of_the_users(text: str, working_tree: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "docker-compose.yml").write_text(text)
    old = preset("02-full") | {"project_slug": "shop", "keep_files": ["docker-compose.yml"], "own_compose": ""}
    said = report_after(working_tree, tmp_path / "shop", old, {"project_slug": "store", "services": ["postgres"]})
    assert not any("docker volume" in line or "containers of" in line for line in said)


def test_edits_in_what_is_no_longer_written_are_named_with_where_they_are(
    working_tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    top = tmp_path / "mono"
    old = preset("12-production") | {"project_slug": "shop"}
    project = generated(working_tree, top / "svc", old, hook=False)
    shutil.rmtree(project / ".git")
    git(top, "init", "--quiet", "-b", "main")
    with (project / "nginx" / "nginx.conf.template").open("a") as file:
        file.write("# mine\n")
    commit_all(top, "Mine")
    report = report_of(update_saying(project, capfd, production=False))
    (line,) = (line for line in report if "of your edits" in line)
    command = line.split("`")[1]
    assert command == "git show HEAD:./nginx/nginx.conf.template"
    assert git(project, *command.split()[1:]).endswith("# mine\n")


def test_who_asks_to_keep_a_file_of_the_templates_keeps_it(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with (project / "docker-compose.yml").open("a") as file:
        file.write("# mine\n")
    commit_all(project, "Mine")
    update_saying(project, capfd, keep_files=["docker-compose.yml"])
    assert (project / "docker-compose.yml").read_text().endswith("# mine\n")
    assert git(project, "status", "--porcelain", "--untracked-files=no") == " M .copier-answers.yml\n"


def test_a_rejected_hunk_of_somebody_elses_stops_an_update_before_it_begins(project: Path) -> None:
    (project / ".gitignore").write_text("*.rej\n")
    commit_all(project, "Ignore")
    (project / "old.rej").touch()
    done = run_copier("update", "--trust", "--defaults", "-d", "python_version=3.12", cwd=project)
    assert done.returncode == 1
    assert "Remove old.rej, then try again" in done.stderr
    assert "Traceback" not in done.stderr
    assert git(project, "status", "--porcelain") == ""


IGNORED = {
    "own": ("docker-compose.prod.yml", "services: {}  # mine, with a key\n"),
    "the template's": ("COMPOSE.md", None),
    "edited": ("Dockerfile", "# Managed by chora-compose-template\nFROM scratch\n"),
}


@pytest.mark.parametrize(("name", "text"), IGNORED.values(), ids=IGNORED)
def test_no_file_that_git_ignores_is_replaced_or_removed(
    name: str, text: str | None, project: Path, working_tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if (project / name).exists():
        git(project, "rm", "--quiet", "--cached", name)
    text = text or (project / name).read_text() + "mine\n"
    (project / name).write_text(text)
    (project / ".gitignore").write_text(f"/{name}\n")
    commit_all(project, "Ignore")
    assert f"kept your own {name}" in update_saying(project, capfd, production=True, python_version="3.12")
    assert (project / name).read_text() == text
    commit_all(project, "Update")
    update_saying(project, capfd, production=False, services=["postgres"])
    assert (project / name).read_text() == text
    assert not list((project / ".git").glob("chora-compose-template*"))
    assert answers_of(project)["keep_files"] == [name]
    rendered = managed(files(fresh(working_tree, tmp_path / "fresh", project)))
    assert {path: text for path, text in managed(files(project)).items() if path != name} == rendered


def test_an_update_that_is_refused_changes_nothing(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM scratch\n")
    git(project, "rm", "--quiet", "--cached", "Dockerfile")
    (project / ".gitignore").write_text("/Dockerfile\n")
    commit_all(project, "Ignore")
    before = files(project)
    for wrong in ("stack=ful", "keep_files=[]"):
        done = run_copier("update", "--trust", "--defaults", "-d", wrong, cwd=project)
        assert done.returncode == 1
        assert files(project) == before
        assert git(project, "status", "--porcelain") == ""
    assert "Add Dockerfile: git ignores it" in done.stderr
