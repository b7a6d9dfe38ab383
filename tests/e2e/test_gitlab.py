"""The GitLab pipeline, run by gitlab-ci-local as it is rendered: jobs in containers, each with a Docker engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.gitlab import GitLab, gitlab, run_pipeline
from tests.e2e.pipelines import BREAKAGES, Breakage, commit_broken, into_a_folder
from tests.e2e.stack import Stack
from tests.e2e.versions import ANSWERS, say_versions, versions_in
from tests.support import commit_all, git, preset

IMAGES = ("python:3.11-slim", "python:3.13-slim", "postgres:15-alpine", "postgres:17-alpine", "redis:8-alpine")


@pytest.fixture(scope="module")
def around() -> Iterator[GitLab]:
    with gitlab(IMAGES) as around:
        yield around


@pytest.fixture
def stack(make_stack: MakeStack) -> Stack:
    stack = make_stack(preset("09-gitlab-ci"))
    git(stack.folder, "remote", "add", "origin", "git@gitlab.example:group/project.git")
    commit_all(stack.folder, "Render the set-up")
    return stack


def cleaned_up(log: str) -> bool:
    """Whether the job's log shows that the clean-up came to its end."""
    return "scripts/ci clean" in log and "Removed" in log.split("scripts/ci clean")[-1]


def reports(folder: Path) -> Path:
    return folder / ".gitlab-ci-local/artifacts/test/test-reports"


def test_the_pipeline_is_green_as_it_is_rendered_and_faster_with_its_cache(stack: Stack, around: GitLab) -> None:
    first = run_pipeline(stack.folder, gitlab=around)
    assert first.returncode == 0, first.stdout
    assert 'tests="4"' in (reports(stack.folder) / "junit.xml").read_text()
    assert (reports(stack.folder) / "coverage.xml").exists()
    assert cleaned_up(first.stdout)
    commit = git(stack.folder, "rev-parse", "HEAD").strip()
    assert around.pushed() == sorted([commit, "latest"])

    # A change of the code alone: the dependencies come from the first run, although the engine is another one.
    (stack.folder / "tests/test_more.py").write_text("def test_more() -> None:\n    pass\n")
    git(stack.folder, "checkout", "--quiet", "-b", "feature")
    commit_all(stack.folder, "Test more")
    second = run_pipeline(stack.folder, gitlab=around)
    assert second.returncode == 0, second.stdout
    assert 'tests="5"' in (reports(stack.folder) / "junit.xml").read_text()
    assert "uv pip install -r pyproject.toml" in second.stdout
    assert "Resolved" in first.stdout
    assert "Resolved" not in second.stdout, "nothing is installed again"
    assert "exporting cache" in first.stdout
    assert "exporting cache" not in second.stdout, "nor packed again"
    assert around.pushed() == sorted([commit, "latest"]), "only the default branch is pushed"


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
def test_the_pipeline_is_red_and_cleans_up_after(breakage: Breakage, stack: Stack, around: GitLab) -> None:
    commit_broken(stack.folder, breakage)
    before = around.pushed()
    result = run_pipeline(stack.folder, gitlab=around)
    assert result.returncode != 0
    assert breakage.says in result.stdout, result.stdout[-6000:]
    assert "scripts/ci logs" in result.stdout
    assert (reports(stack.folder) / "logs.txt").exists(), "the logs are kept"
    assert cleaned_up(result.stdout) or breakage.step == "build"
    assert around.pushed() == before


def test_a_project_in_a_folder_is_included_at_the_top_of_the_repository(
    make_stack: MakeStack, around: GitLab, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    top = tmp_path / "repository"
    git(tmp_path, "init", "-q", "-b", "main", str(top))
    git(top, "remote", "add", "origin", "git@gitlab.example:group/project.git")
    stack = make_stack({"ci": ["gitlab"]}, within=top)
    assert into_a_folder(stack, capfd.readouterr().err) == top
    git(top, "checkout", "--quiet", "-b", "feature")
    result = run_pipeline(top, gitlab=around)
    assert result.returncode == 0, result.stdout
    [report] = (top / ".gitlab-ci-local/artifacts").glob("**/backend/test-reports/junit.xml")
    assert 'tests="2"' in report.read_text()
    assert cleaned_up(result.stdout)


def test_the_pipeline_tests_several_versions_side_by_side(make_stack: MakeStack, around: GitLab) -> None:
    stack = make_stack({**ANSWERS, "ci": ["gitlab"], "test_postgres_versions": [15]})
    say_versions(stack.folder)
    git(stack.folder, "remote", "add", "origin", "git@gitlab.example:group/project.git")
    git(stack.folder, "checkout", "--quiet", "-b", "feature")
    commit_all(stack.folder, "Render the set-up")
    result = run_pipeline(stack.folder, gitlab=around)
    assert result.returncode == 0, result.stdout
    reports = (stack.folder / ".gitlab-ci-local/artifacts").glob("**/junit.xml")
    assert versions_in("".join(path.read_text() for path in reports)) == ["3.11 15", "3.13 15"]
    assert cleaned_up(result.stdout)
