"""A pipeline for a project in which one of its files is the user's already: refused until the user says what shall be."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.support import commit_all, files, git, preset, run_copier
from tests.update.projects import assert_fresh, generated, update
from tests.update.versions import working_tree_alone

FILES = {
    "github": (".github/workflows/test.yml", "docker-compose.test.yml", "scripts/ci"),
    "gitlab": (".gitlab-ci.yml", "docker-compose.test.yml", "scripts/ci"),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose only version is the working tree."""
    return working_tree_alone(tmp_path_factory.mktemp("working-tree") / "template")


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Path:
    return generated(repository, tmp_path / "shop", preset("01-minimal"), hook=False)


def write(project: Path, *names: str) -> dict[str, bytes]:
    """Write files as their user does, commit them, and return all of the project's."""
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("# Mine, since adoption.\n")
    commit_all(project, "My own")
    return files(project)


@pytest.mark.parametrize(("pipeline", "name"), [(pipeline, name) for pipeline, names in FILES.items() for name in names])
def test_a_file_of_the_users_own_is_not_replaced_but_named(pipeline: str, name: str, project: Path) -> None:
    before = write(project, name)

    with pytest.raises(ValueError, match="is yours") as raised:
        update(project, ci=[pipeline])

    sentence = f"{name} is yours, and the pipeline would replace it: rename it, or keep it with -d 'keep_files=[\"{name}\"]'."
    assert str(raised.value) == f"Validation error for question 'ci': {sentence}"
    assert files(project) == before
    assert git(project, "status", "--porcelain") == ""


def test_who_does_as_the_sentence_says_gets_a_pipeline_and_keeps_the_files(
    project: Path, repository: Path, tmp_path: Path
) -> None:
    mine = (".github/workflows/test.yml", "scripts/ci")
    before = write(project, *mine)
    command = ["update", "--trust", "--defaults", "-d", "ci=[github, gitlab]"]
    advised: list[str] = []
    for name in mine:
        refused = run_copier(*command, *advised, cwd=project)

        last = refused.stderr.splitlines()[-1]
        assert refused.returncode == 1
        assert f"{name} is yours" in last
        assert files(project) == before
        advised = shlex.split(last[last.index("-d ") :].removesuffix("."))

    done = run_copier(*command, *advised, cwd=project)

    assert done.returncode == 0, done.stderr
    after = files(project)
    assert {name: after[name] for name in mine} == {name: before[name] for name in mine}
    assert {".gitlab-ci.yml", "docker-compose.test.yml"} <= after.keys()
    rendered = tmp_path / "fresh"
    assert_fresh(project, repository, rendered)
    assert not any((rendered / name).exists() for name in mine)


def test_who_renames_the_file_gets_the_templates(project: Path) -> None:
    write(project, ".github/workflows/test.yml")
    git(project, "mv", ".github/workflows/test.yml", ".github/workflows/mine.yml")
    commit_all(project, "Out of the way")

    update(project, ci=["github"])

    assert (project / ".github" / "workflows" / "mine.yml").read_text() == "# Mine, since adoption.\n"
    assert "Managed by" in (project / ".github" / "workflows" / "test.yml").read_text()


def test_a_file_of_the_pipeline_that_was_not_chosen_is_no_matter(project: Path) -> None:
    write(project, ".gitlab-ci.yml")

    update(project, ci=["github"])

    assert (project / ".gitlab-ci.yml").read_text() == "# Mine, since adoption.\n"


def test_what_the_template_has_written_is_not_taken_for_the_users(repository: Path, tmp_path: Path) -> None:
    project = generated(repository, tmp_path / "shop", preset("01-minimal") | {"ci": ["github"]}, hook=False)
    workflow = project / ".github" / "workflows" / "test.yml"
    workflow.write_text(f"---\n{workflow.read_text()}")
    commit_all(project, "My linter wants a mark at the start")

    update(project, python_version="3.12")

    assert workflow.read_text().startswith("---\n")
