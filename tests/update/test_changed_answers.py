"""Answers that a user changes with `copier update -d`: the project follows, and what is the user's stays."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support import commit_all, existing_project, files, git, need_tool, preset
from tests.update.projects import (
    adopt,
    answers_of,
    assert_fresh,
    edit,
    generated,
    managed,
    update,
    update_saying,
)

pytestmark = pytest.mark.thorough

DATABASE = {"docker/postgres-version.sh", "scripts/upgrade-postgres"}
DATA = {".env.defaults", ".env.local", ".env.services", ".gitattributes", ".gitignore", "scripts/setup"} | DATABASE


def test_from_minimal_to_full_brings_all_that_the_services_need(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("01-minimal"), hook=False)
    before = files(project)

    update(project, stack="full", hook=True)

    after = files(project)
    assert after.keys() - before.keys() == DATA
    assert os.access(project / "scripts" / "setup", os.X_OK)
    assert git(project, "check-ignore", ".env.local").strip() == ".env.local"
    assert answers_of(project)["services"] == ["postgres", "redis"]
    assert_fresh(project, working_tree, tmp_path / "fresh")
    rendered = files(tmp_path / "fresh")
    assert after[".env.defaults"] == rendered[".env.defaults"]


def test_from_full_to_minimal_removes_nothing_that_is_yours(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("02-full"))
    edit(project)
    before = files(project)

    update(project, stack="minimal", hook=True)

    after = files(project)
    assert before.keys() - after.keys() == {".env.services", "scripts/setup"} | DATABASE
    yours = before.keys() - managed(before).keys() - {".copier-answers.yml", ".gitignore", ".gitattributes"}
    assert {name: after[name] for name in yours} == {name: before[name] for name in yours}
    assert after[".gitattributes"] == before[".gitattributes"].partition(b"# >>>")[0], "no program is left that our lines are for"
    assert after[".gitignore"] == before[".gitignore"].replace(b"!.env.defaults\n!.env.services\n", b"")


def test_from_full_to_hybrid_and_back_leaves_nothing_that_breaks(working_tree: Path, tmp_path: Path) -> None:
    need_tool("docker")  # scripts/setup of a hybrid project asks Compose
    project = generated(working_tree, tmp_path / "shop", preset("02-full"))
    edit(project)
    before = files(project)

    update(project, stack="hybrid", hook=True)
    commit_all(project, "Hybrid")
    hybrid = (project / ".env.local").read_text()
    assert "API_KEY='do not touch'\n" in hybrid
    assert "DATABASE_URL=postgresql://dev:dev@localhost:5432/shop\n" in hybrid
    assert files(project).keys() >= {".vscode/launch.json", ".run/app.run.xml"}, "the guide says that editors start the app"

    update(project, stack="full", hook=True)
    after = files(project)
    # URLs of this machine's localhost would win over those of the network, and the app would find no service.
    assert after[".env.local"].split() == before[".env.local"].split()
    shared = before.keys() - {".env.local", ".copier-answers.yml", "docker-compose.yml", ".gitignore"}
    assert {name: after[name] for name in shared} == {name: before[name] for name in shared}
    # It hides what the hybrid stack has made for good.
    assert sorted(after[".gitignore"].splitlines()) == sorted([*before[".gitignore"].splitlines(), b".venv/"])
    assert answers_of(project) == answers_of(project) | {"stack": "full", "services": ["postgres", "redis"]}


def test_a_project_joins_the_shared_services_and_is_told_how_to_leave_them_with_its_data(
    working_tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need_tool("docker")  # scripts/setup asks the hub for the numbers that are taken
    machine = Path(os.environ["XDG_STATE_HOME"])
    hub = adopt(working_tree, tmp_path / "my hub", preset("07-shared-services"), state=machine)
    assert git(hub, "ls-files", "secrets") == "", "the administrator's passwords are never committed"
    project = adopt(working_tree, tmp_path / "shop", preset("02-full"), state=machine)
    edit(project)

    joined = update_saying(project, capfd, isolation="shared")
    assert f"start them with `cd '{hub}' && docker compose up --wait`" in joined
    commit_all(project, "Join")
    assert git(project, "ls-files", "secrets") == ""
    before = files(project)

    left = update_saying(project, capfd, isolation="own")
    assert f"'{hub}'/scripts/projects copy shop {project}" in left
    after = files(project)
    yours = before.keys() - managed(before).keys() - {".copier-answers.yml", ".gitattributes"}
    assert {name: after[name] for name in yours} == {name: before[name] for name in yours}
    assert git(project, "check-ignore", "secrets/shared.env").strip() == "secrets/shared.env"


def test_branches_get_environments_and_lose_them_again_and_lines_in_env_stay(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("01-minimal"))
    (project / ".env").write_text("MINE=1\n")
    (project / ".gitignore").write_text("/.env\n")
    commit_all(project, "Something of mine")

    update(project, hook=True, branch_environments=True)
    assert (project / ".env").read_text().startswith("MINE=1\n")
    assert "\nBRANCH_PROJECT=shop\n" in (project / ".env").read_text()
    assert git(project, "check-ignore", ".env").strip() == ".env"
    commit_all(project, "An environment for each branch")
    git(project, "checkout", "--quiet", "-b", "topic")
    assert "\nBRANCH_PROJECT=shop-topic\n" in (project / ".env").read_text()

    git(project, "checkout", "--quiet", "main")
    update(project, hook=True, branch_environments=False)
    commit_all(project, "No more")
    assert not (project / "scripts" / "branch-env").exists()
    # Until somebody says that no branch wants them, a branch has an environment of its own, by the name that this file knows.
    git(project, "checkout", "--quiet", "-b", "other")
    assert "\nCOMPOSE_PROJECT_NAME=shop-other\n" in (project / ".env").read_text()
    shutil.rmtree(project / ".git" / "branch-env")
    (project / ".env").write_text("MINE=1\n")
    git(project, "checkout", "--quiet", "-b", "another")
    assert (project / ".env").read_text() == "MINE=1\n"


def test_versions_ports_and_services_follow_their_answers(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("02-full") | {"services": ["postgres"]}, hook=False)
    before = files(project)

    update(project, services=["postgres", "redis"], port_slot=3, python_version="3.11", postgres_version="15")

    assert_fresh(project, working_tree, tmp_path / "fresh")
    compose = (project / "docker-compose.yml").read_text()
    assert "postgres:15-alpine" in compose
    assert "${REDIS_PORT:-6382}:6379" in compose
    assert "python:3.11-slim" in (project / "Dockerfile").read_text()
    assert files(project)[".env.defaults"] == before[".env.defaults"]


def test_a_database_that_is_added_later_finds_its_credentials(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", {"stack": "hybrid", "services": ["redis"]}, hook=False)

    update(project, services=["postgres", "redis"])

    assert "postgres:17-alpine" in (project / "docker-compose.yml").read_text()
    for variable in ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"):
        assert f"\n{variable}=" in (project / ".env.defaults").read_text()


def test_what_was_found_can_be_given_another_value(working_tree: Path, tmp_path: Path) -> None:
    project = existing_project("fastapi-src", tmp_path / "shop")
    (project / "Dockerfile").write_text("FROM my-base\n")
    commit_all(project, "My own image")
    adopt(working_tree, project, preset("01-minimal"), hook=False)
    assert answers_of(project)["keep_files"] == ["Dockerfile", "pyproject.toml"]
    # As the hook says: first out of the way, then for the template.
    git(project, "mv", "Dockerfile", "Dockerfile.mine")
    (project / "requirements.txt").write_text("fastapi\nuvicorn\n")
    commit_all(project, "Ready for the template's")

    update(project, keep_files=[], dependencies="requirements.txt", extra_packages=[])

    assert "uv pip install -r requirements.txt" in (project / "Dockerfile").read_text()
    assert (project / "Dockerfile.mine").read_text() == "FROM my-base\n"
    assert_fresh(project, working_tree, tmp_path / "fresh")
    assert git(project, "diff", "--name-only", "--", "src", "pyproject.toml", "tests").split() == []


def test_a_wrong_answer_changes_nothing(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("02-full"))
    before = files(project)

    with pytest.raises(ValueError, match="'app_port': Give a port from 1 to 65535"):
        update(project, app_port=0)

    assert files(project) == before
    assert git(project, "status", "--porcelain") == ""
