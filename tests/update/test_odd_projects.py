"""Updates of projects in odd states: links, repositories inside, binary edits, folders in the place of files, a kill."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import commit_all, files, git, preset, run_copier
from tests.update.projects import answers_of, generated, update, update_by_command
from tests.update.versions import substitute, with_next

pytestmark = pytest.mark.thorough


@pytest.fixture
def project(working_tree: Path, tmp_path: Path) -> Path:
    return generated(working_tree, tmp_path / "shop", preset("02-full") | {"project_slug": "shop"}, hook=False)


@pytest.fixture
def production(working_tree: Path, tmp_path: Path) -> Path:
    return generated(working_tree, tmp_path / "shop", preset("12-production") | {"project_slug": "shop"}, hook=False)


def hide(project: Path, name: str) -> bytes:
    """Let git ignore a template file, with an edit that is nowhere else; return what it holds."""
    git(project, "rm", "--quiet", "--cached", name)
    with (project / ".gitignore").open("a") as ignored, (project / name).open("a") as file:
        ignored.write(f"{name}\n")
        file.write("# MY SECRET\n")
    commit_all(project, "Hide")
    return (project / name).read_bytes()


def test_a_file_that_git_ignores_is_kept_beside_a_folder_that_is_a_link(production: Path) -> None:
    git(production, "mv", "nginx", "own-nginx")
    (production / "nginx").symlink_to("own-nginx")
    mine = hide(production, "scripts/deploy")
    update(production)
    assert (production / "scripts/deploy").read_bytes() == mine
    assert "scripts/deploy" in answers_of(production)["keep_files"]


def test_what_a_killed_update_has_taken_away_comes_back_with_the_next(
    production: Path, working_tree: Path, tmp_path: Path
) -> None:
    def kill(template: Path) -> None:
        script = template / "hooks" / "update.py"
        substitute(script, r"^    stage, answers_file = (.*)$", r"    stage, answers_file = \1\n    stop(stage)")
        killer = "def stop(stage: str) -> None:\n    if stage == 'after':\n        os.kill(os.getppid(), 9)\n        os._exit(1)"
        script.write_text(script.read_text().replace("\n\n@cache\n", f"\n\n{killer}\n\n\n@cache\n", 1))

    newer = with_next(working_tree, tmp_path / "newer", kill)
    mine = hide(production, "docker-compose.prod.yml")
    answers = production / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(working_tree), str(newer)))
    commit_all(production, "A version that ends in between")
    done = run_copier("update", "--trust", "--defaults", "-d", "production=false", cwd=production)
    assert done.returncode != 0
    git(production, "reset", "--hard", "--quiet")
    git(production, "clean", "-d", "--force", "--quiet")
    answers.write_text(answers.read_text().replace(str(newer), str(working_tree)))
    commit_all(production, "Another version")

    said = update_by_command(production)

    assert (production / "docker-compose.prod.yml").read_bytes() == mine
    if "here it is again" not in said:
        pytest.fail(f"the kill took nothing away, and proves nothing:\n{done.stderr}\n{said}")


def test_conflicts_are_said_whatever_else_goes_wrong(project: Path) -> None:
    (project / ".env").mkdir()
    (project / ".env" / "pyvenv.cfg").write_text("")
    compose = project / "docker-compose.yml"
    compose.write_text(compose.read_text().replace("redis:8-alpine", "redis:8.2-alpine"))
    commit_all(project, "Pin")
    done = run_copier("update", "--trust", "--defaults", "-d", "redis_version=7", cwd=project)
    assert done.returncode == 1
    assert "fix the conflicts in docker-compose.yml:" in done.stderr
    assert "delete what redis holds" in done.stderr


def test_a_conflict_on_the_first_line_hides_no_containers_and_volumes(project: Path) -> None:
    for name in ("docker-compose.yml", "COMPOSE.md"):
        path = project / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    commit_all(project, "Line ends of Windows")
    done = run_copier("update", "--trust", "--defaults", "-d", "stack=minimal", cwd=project)
    assert "docker-compose.yml:1," in done.stderr
    assert "remove the containers of db, redis" in done.stderr
    assert "docker volume rm shop_postgres-data shop_redis-data" in done.stderr


@pytest.mark.parametrize("content", [bytes(range(256)), "*.log\n".encode("utf-16")], ids=["binary", "UTF-16"])
def test_an_edit_that_is_no_text_is_named_with_where_it_is(content: bytes, project: Path) -> None:
    (project / ".dockerignore").write_bytes(content)
    commit_all(project, "As PowerShell writes it")
    said = run_copier("update", "--trust", "--defaults", "-d", "ci=[github]", cwd=project).stderr
    assert (project / ".dockerignore").read_bytes() != content, "Copier replaces it"
    assert "git show HEAD:./.dockerignore" in said
    git_has = subprocess.run(["git", "show", "HEAD:./.dockerignore"], cwd=project, capture_output=True, check=True).stdout
    assert git_has == content


def test_nothing_is_written_through_a_gitignore_that_is_a_link(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    common = project.parent / "common.gitignore"
    common.write_text("*.log\n")
    (project / ".gitignore").unlink(missing_ok=True)
    (project / ".gitignore").symlink_to(common)
    commit_all(project, "One for all")
    update(project, hook=True)
    assert common.read_text() == "*.log\n"
    assert "put a file in the place of the link .gitignore" in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["link", "repository"])
def test_a_folder_that_is_not_the_projects_is_refused_before_anything_is_written(kind: str, project: Path) -> None:
    if kind == "link":
        (project.parent / "elsewhere").mkdir()
        (project / "nginx").symlink_to("../elsewhere")
    else:
        git(project, "init", "--quiet", "nginx")
        (project / "nginx" / "mine.conf").write_text("")
        commit_all(project / "nginx", "Mine")
    commit_all(project, "Their nginx")
    before = files(project)
    done = run_copier("update", "--trust", "--defaults", "-d", "production=true", cwd=project)
    assert done.returncode == 1
    assert "Rename nginx: it " in done.stderr
    assert "Traceback" not in done.stderr
    assert files(project) == before


def test_a_link_in_the_place_of_a_new_file_is_the_users(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "docker-compose.prod.yml").symlink_to("docker-compose.yml")
    commit_all(project, "A link")
    update(project, hook=True, production=True)
    assert (project / "docker-compose.prod.yml").is_symlink()
    assert "kept your own docker-compose.prod.yml" in capfd.readouterr().err


def test_an_answer_that_a_formatter_made_a_number_is_no_other_answer(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("postgres_version: '17'", "postgres_version: 17"))
    commit_all(project, "Format")
    assert "upgrade-postgres" not in update_by_command(project)


def test_another_name_and_another_stack_name_the_volumes_that_stay(project: Path) -> None:
    said = update_by_command(project, "-d", "project_slug=store", "-d", "stack=minimal")
    assert "docker compose -p shop down" in said
    assert "docker volume rm shop_postgres-data shop_redis-data" in said


def test_a_rejected_hunk_in_an_ignored_folder_is_nobodys_matter(project: Path) -> None:
    with (project / ".gitignore").open("a") as ignored:
        ignored.write("node_modules/\n")
    (project / "node_modules").mkdir()
    (project / "node_modules" / "a.rej").write_text("")
    commit_all(project, "Packages")
    done = run_copier("update", "--trust", "--defaults", cwd=project)
    assert (done.returncode, "a.rej" in done.stderr) == (0, False)


def test_an_answer_without_effect_is_said(project: Path) -> None:
    said = update_by_command(project, "-d", "image_name=registry.example.com/x", "-d", "port_slot=3")
    assert "leave out -d image_name: with these answers that is not asked" in said


def test_a_saved_answer_that_is_neither_yes_nor_no_is_refused(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("production: false", "production: maybe"))
    commit_all(project, "Perhaps")
    done = run_copier("update", "--trust", "--defaults", cwd=project)
    assert (done.returncode, git(project, "status", "--porcelain")) == (1, "")
    assert "production: Say true or false, not maybe." in done.stderr


def test_what_is_hidden_is_hidden_below_a_folder_with_signs_of_patterns_too(working_tree: Path, tmp_path: Path) -> None:
    top = tmp_path / "mono"
    project = generated(working_tree, top / "[api] x*", preset("02-full"), hook=True)
    subprocess.run(["rm", "-rf", str(project / ".git")], check=True)
    git(top, "init", "--quiet", "-b", "main")
    commit_all(top, "All")
    update(project, hook=True)
    commit_all(top, "Updated")
    (project / ".gitignore").unlink()
    (project / ".env").write_text("A=1\n")
    assert ".env" not in git(top, "status", "--porcelain", "--untracked-files=all").replace(".env.", "")
