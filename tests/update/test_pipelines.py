"""Pipelines that come, change and go by `copier update`: tests and edits are the user's, all else is as if generated today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.checks import ComposeLoader
from tests.support import ROOT, commit_all, existing_project, files, git, preset
from tests.update.projects import adopt, answers_of, assert_fresh, compared, fresh, generated, managed, update, update_by_command
from tests.update.versions import history, preset_of, substitute

pytestmark = pytest.mark.thorough

BOTH = ["github", "gitlab"]
GITHUB, GITLAB = ".github/workflows/test.yml", ".gitlab-ci.yml"
SHARED = {"docker-compose.test.yml", "docker/report-tests.sh", "scripts/ci"}
DEPENDABOT = ".github/dependabot.yml"
STARTERS_TESTS = "tests/test_server.py"
# What the user changes in the template's files, each far from what an answer changes.
EDITS = {
    "docker-compose.test.yml": (r"^name: \S+$", r"\g<0>  # mine"),
    "scripts/ci": (r"--timeout 0$", "--timeout 9"),
    GITHUB: (r"timeout-minutes: 20$", "timeout-minutes: 25"),
    GITLAB: (r"expire_in: 1 week$", "expire_in: 2 weeks"),
}


def edit(folder: Path) -> None:
    """Change a line in each of the pipeline's files that are there, and what is the user's."""
    for name, (pattern, replacement) in EDITS.items():
        if (folder / name).exists():
            substitute(folder / name, pattern, replacement)


def edited(project: Path) -> Path:
    """Change the pipeline's files and the user's own, and commit that."""
    edit(project)
    for name in (".env.test", DEPENDABOT, STARTERS_TESTS, "docker-compose.test.override.yml"):
        with (project / name).open("a") as file:
            file.write("# mine\n")
    commit_all(project, "My changes")
    return project


def assert_fresh_but_for_edits(project: Path, template: Path, target: Path) -> None:
    """Assert that the template-owned files are those of a fresh rendering in which the user makes the same changes."""
    rendered = fresh(template, target, project)
    edit(rendered)
    assert managed(files(project)) == managed(files(rendered))
    assert compared(answers_of(project)) == compared(answers_of(rendered))


def yours(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a tree that are the user's."""
    return {name: tree[name] for name in tree.keys() - managed(tree).keys() - {".copier-answers.yml", ".gitignore"}}


def services(project: Path) -> dict[str, Any]:
    """Return the services in docker-compose.test.yml."""
    found = yaml.load((project / "docker-compose.test.yml").read_text(), ComposeLoader)["services"]
    assert isinstance(found, dict)
    return found


def stage_for_tests(project: Path) -> str:
    """Return the stage of the Dockerfile that tests run in."""
    _, _, rest = (project / "Dockerfile").read_text().partition(" AS test\n")
    return rest.partition("\nUSER ")[0]


@pytest.fixture
def starter(working_tree: Path, tmp_path: Path) -> Path:
    """A project with both pipelines, in whose files their owner has worked."""
    answers = preset("02-full") | {"ci": BOTH, "extras": ["dependabot"]}
    return edited(generated(working_tree, tmp_path / "shop", answers, hook=False))


# They come


def test_a_project_of_the_newest_release_gets_both_pipelines_and_tests_for_its_starter(released: Path, tmp_path: Path) -> None:
    newest = history(ROOT).releases[-1].tag
    project = generated(released, tmp_path / "shop", preset_of(released, newest, "02-full"), version=newest)
    before = files(project)

    output = update_by_command(project, "-d", "ci=[github, gitlab]", "-d", "extras=[dependabot]")

    after = files(project)
    # What a release after it brings to each project with scripts and a Postgres.
    brought = {".gitattributes", "docker/postgres-version.sh", "scripts/upgrade-postgres"} - before.keys()
    assert after.keys() - before.keys() == {GITHUB, GITLAB, *SHARED, ".env.test", DEPENDABOT, STARTERS_TESTS} | brought
    assert after["pyproject.toml"] == before["pyproject.toml"], "which is the user's, and knows no group for tests"
    assert '"pytest>=' in stage_for_tests(project)
    assert "no tests yet" not in output
    assert {".env.test", "/test-reports/"} <= {line.lstrip("!") for line in (project / ".gitignore").read_text().splitlines()}
    assert_fresh(project, released, tmp_path / "fresh")
    rendered = files(tmp_path / "fresh")
    for name in (".env.test", DEPENDABOT, STARTERS_TESTS):
        assert after[name] == rendered[name]


@pytest.mark.parametrize("stack", ["hybrid", "mcp"])
def test_a_project_of_another_stack_gets_what_a_new_one_has(stack: str, working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", {"stack": stack}, hook=False)
    before = files(project)

    update(project, ci=BOTH)

    image = {"Dockerfile", ".dockerignore", ".env.services"} if stack == "hybrid" else set()
    assert files(project).keys() - before.keys() == {GITHUB, GITLAB, *SHARED, ".env.test", STARTERS_TESTS, *image}
    assert_fresh(project, working_tree, tmp_path / "fresh")


def test_an_update_does_not_bring_back_tests_that_were_deleted(starter: Path, working_tree: Path, tmp_path: Path) -> None:
    git(starter, "rm", "--quiet", "-r", "tests")
    commit_all(starter, "Tests are overrated")

    update(starter, python_version="3.11")

    assert not (starter / "tests").exists()
    assert_fresh_but_for_edits(starter, working_tree, tmp_path / "fresh")


def test_a_folder_of_tests_that_is_there_is_never_touched(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("02-full"), hook=False)
    (project / "tests").mkdir()
    (project / "tests" / "test_mine.py").write_text("def test_mine(): pass\n")
    commit_all(project, "My tests")

    update(project, ci=["github"])

    assert [path.name for path in (project / "tests").iterdir()] == ["test_mine.py"]
    assert git(project, "status", "--porcelain", "--", "tests") == ""
    assert_fresh(project, working_tree, tmp_path / "fresh")


def test_the_tests_of_an_existing_project_are_found_on_the_day_on_which_a_pipeline_comes(
    working_tree: Path, tmp_path: Path
) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("02-full"), existing="flask-app")
    assert "test_command" not in answers_of(project)
    (project / "requirements-test.txt").write_text("-r requirements.txt\npytest\nhypothesis\n")
    (project / "tests").rename(project / "checks")
    (project / "checks" / "test_shop.py").rename(project / "checks" / "check_shop.py")
    (project / "pytest.ini").write_text("[pytest]\npython_files = check_*.py\n")
    commit_all(project, "How we test by now")
    before = files(project)

    update(project, ci=["gitlab"], hook=True)

    found = {name: answer for name, answer in answers_of(project).items() if name.startswith(("test_", "coverage"))}
    assert found == {
        "test_command": "pytest",
        "test_requirements": ["-r requirements-test.txt"],
        "test_sources": ["requirements-test.txt", "requirements.txt"],
        "test_target": "",
        "coverage_source": "shop",
        "test_python_versions": [],
        "test_postgres_versions": [],
    }
    assert "uv pip install -r requirements-test.txt" in stage_for_tests(project)
    after = files(project)
    assert yours(before).items() <= after.items()
    assert git(project, "status", "--porcelain", ".env.test") == "?? .env.test\n", "though this project hides .env*"
    assert not (project / "tests").exists(), "the starter's tests are for the starter"
    assert_fresh(project, working_tree, tmp_path / "fresh")


def test_a_dockerfile_of_the_users_own_gets_its_tests_from_the_stage_for_tests(working_tree: Path, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    (project / "Dockerfile").write_text("FROM python:3.13-slim AS run\nCOPY . .\n")
    commit_all(project, "My own image")
    adopt(working_tree, project, preset("01-minimal"), hook=False)
    own = "FROM python:3.13-slim AS run\nCOPY . .\nFROM run AS testing\nRUN pip install pytest pytest-cov\nFROM run\n"
    (project / "Dockerfile").write_text(own)
    commit_all(project, "A stage for tests")

    update(project, ci=["github"])

    assert answers_of(project)["test_target"] == "testing"
    assert services(project)["tests"]["build"]["target"] == "testing"
    assert (project / "Dockerfile").read_text() == own
    assert_fresh(project, working_tree, tmp_path / "fresh")


def test_what_was_found_stays_and_can_be_corrected(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", {"ci": ["github"]}, existing="flask-app", hook=False)
    (project / "requirements-test.txt").write_text("pytest\n")
    commit_all(project, "Later")

    update(project, test_command="pytest -x tests")

    assert answers_of(project)["test_requirements"] == []
    assert services(project)["tests"]["command"][:3] == ["pytest", "-x", "tests"]
    assert_fresh(project, working_tree, tmp_path / "fresh")


def test_files_of_the_users_under_names_that_are_the_users_stay_as_they_are(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("02-full"), hook=False)
    (project / ".github").mkdir()
    for name in (".env.test", DEPENDABOT):
        (project / name).write_text("MINE=1\n")
    commit_all(project, "Mine")

    update(project, ci=["github"], extras=["dependabot"])

    assert [(project / name).read_text() for name in (".env.test", DEPENDABOT)] == ["MINE=1\n"] * 2
    assert_fresh(project, working_tree, tmp_path / "fresh")


# They change and go


def test_without_pipelines_the_templates_files_go_and_yours_stay(starter: Path, working_tree: Path, tmp_path: Path) -> None:
    before = files(starter)

    update(starter, ci=[])

    after = files(starter)
    assert before.keys() - after.keys() == {GITHUB, GITLAB, *SHARED}
    assert yours(after) == yours(before)
    assert " AS test\n" not in (starter / "Dockerfile").read_text()
    assert_fresh(starter, working_tree, tmp_path / "fresh")

    commit_all(starter, "No pipelines")
    update(starter, ci=BOTH)
    assert yours(files(starter)) == yours(before), "what is yours comes into use again as it is"
    assert_fresh(starter, working_tree, tmp_path / "again")


def test_one_pipeline_less_takes_only_its_own_file_away(starter: Path, working_tree: Path, tmp_path: Path) -> None:
    before = files(starter)

    update(starter, ci=["gitlab"])

    assert before.keys() - files(starter).keys() == {GITHUB}
    assert yours(files(starter)) == yours(before)
    assert_fresh_but_for_edits(starter, working_tree, tmp_path / "fresh")


def test_the_pipelines_follow_from_stack_to_stack(starter: Path, working_tree: Path, tmp_path: Path) -> None:
    before, answers = yours(files(starter)), answers_of(starter)
    for stack, names in {"hybrid": {"tests", "db", "redis"}, "minimal": {"app", "tests"}}.items():
        update(starter, stack=stack)

        assert services(starter).keys() == names
        assert yours(files(starter)).items() >= before.items()
        saved = ("ci", "extras", "test_command", "test_requirements", "test_sources", "coverage_source")
        assert {name: answers_of(starter)[name] for name in saved} == {name: answers[name] for name in saved}
        assert_fresh_but_for_edits(starter, working_tree, tmp_path / stack)
        commit_all(starter, stack)


def test_a_pipeline_has_services_of_its_own_where_projects_share_theirs(
    starter: Path, working_tree: Path, tmp_path: Path
) -> None:
    before = yours(files(starter))
    update(starter, isolation="shared")
    assert services(starter)["db"]["image"] == "postgres:17-alpine"
    assert services(starter)["postgres-access"] == {"profiles": ["development"]}
    assert_fresh_but_for_edits(starter, working_tree, tmp_path / "shared")
    commit_all(starter, "Shared")

    update(starter, isolation="own")

    assert services(starter).keys() == {"app", "tests", "db", "redis"}
    assert yours(files(starter)) == before
    assert_fresh_but_for_edits(starter, working_tree, tmp_path / "own")


def test_a_shared_services_project_has_no_tests_and_loses_its_pipeline(starter: Path, working_tree: Path, tmp_path: Path) -> None:
    before = files(starter)

    update(starter, stack="shared-services")

    after = files(starter)
    assert not after.keys() & {GITHUB, GITLAB, *SHARED}
    assert yours(before).items() <= after.items()
    assert_fresh(starter, working_tree, tmp_path / "fresh")


# Several servers


@pytest.fixture
def multi(working_tree: Path, tmp_path: Path) -> Path:
    """A project with the servers tasks and docs and both pipelines, in which their owner has worked."""
    project = generated(working_tree, tmp_path / "shop", preset("05-mcp-multi") | {"ci": BOTH}, hook=False)
    (project / "servers" / "tasks" / STARTERS_TESTS).write_text("def test_mine(): pass\n")
    git(project, "rm", "--quiet", "-r", "servers/docs/tests")
    edit(project)
    commit_all(project, "My work")
    return project


def test_a_further_server_brings_its_tests_and_leaves_the_others_alone(multi: Path, working_tree: Path, tmp_path: Path) -> None:
    before = {name: content for name, content in files(multi).items() if name.startswith("servers/")}

    update(multi, mcp_servers=["tasks", "docs", "my-notes"])

    after = {name: content for name, content in files(multi).items() if name.startswith("servers/")}
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[1] for name in after.keys() - before.keys()} == {"my-notes"}
    assert "servers/my-notes/tests/test_server.py" in after
    assert services(multi).keys() >= {"my-notes", "my-notes_tests", "tasks_tests", "docs_tests"}
    assert 'suites="tasks_tests docs_tests my-notes_tests"' in (multi / "scripts" / "ci").read_text()
    assert_fresh_but_for_edits(multi, working_tree, tmp_path / "fresh")


def test_a_server_less_is_not_tested_and_keeps_its_tests(multi: Path, working_tree: Path, tmp_path: Path) -> None:
    update(multi, mcp_servers=["docs"])

    assert (multi / "servers" / "tasks" / STARTERS_TESTS).read_text() == "def test_mine(): pass\n"
    assert not {name for name in services(multi) if "tasks" in name}
    assert_fresh_but_for_edits(multi, working_tree, tmp_path / "fresh")


def test_servers_that_are_there_get_no_tests_with_the_first_pipeline_and_that_is_said(
    working_tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("05-mcp-multi"))
    before = {name: content for name, content in files(project).items() if name.startswith("servers/")}
    capfd.readouterr()

    update(project, ci=["github"], hook=True)

    assert {name: content for name, content in files(project).items() if name.startswith("servers/")} == before
    said = [line for line in capfd.readouterr().err.splitlines() if "no tests yet" in line]
    assert [line.split()[1] for line in said] == ["servers/tasks", "servers/docs"]
    assert_fresh(project, working_tree, tmp_path / "fresh")
