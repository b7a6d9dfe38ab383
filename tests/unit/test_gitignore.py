"""The block in .gitignore, through changes of answers: what is on this machine alone never gets into a commit."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, commit_all, git, load

hook = load(ROOT / "hooks" / "post_generation.py", "post_generation_of_gitignore")
blocks = hook.sys.modules["blocks"]

# Every answer that decides what is hidden, all of them together.
VALUES: dict[str, list[Any]] = {
    "stack": ["minimal", "full", "hybrid", "mcp", "mcp-multi", "shared-services"],
    "branch_environments": [False, True],
    "ci": [[], ["github"]],
    "production": [False, True],
    "gateway": ["none", "n8n"],
    "isolation": ["own", "shared"],
}
PRODUCT = [dict(zip(VALUES, values, strict=True)) for values in itertools.product(*VALUES.values())]


def ignored(answers: dict[str, Any], folder: Path) -> list[str]:
    return [*hook.ignored(answers | {"project_slug": "shop", "mcp_servers": ["tasks"]}, folder)]


# By the lines that they give, most sets of answers are the same.
EACH = sorted({tuple(ignored(answers, Path("/nowhere"))) for answers in PRODUCT})


def hidden(lines: list[str]) -> set[str]:
    """Return the names that lines of the block hide."""
    return {line.strip("/") for line in lines if not line.startswith(("!", "#"))}


def make(folder: Path, names: set[str]) -> None:
    for name in names:
        path = folder / name
        if name in {"secrets", "backups", "test-reports", ".venv"}:
            path.mkdir(exist_ok=True)
            path /= "one"
        path.touch()


@pytest.mark.parametrize("old", EACH, ids=" ".join)
def test_no_change_of_answers_shows_what_was_hidden(
    old: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From each set of answers to each other one. Git is asked in the tests below: here it would take an hour."""
    monkeypatch.setattr(blocks, "local_exclude", lambda _folder: (None, ""))
    first = [*old]
    blocks.keep_block(tmp_path, first)
    make(tmp_path, hidden(first))
    before = (tmp_path / ".gitignore").read_text() if first else ""
    for lines in {tuple(ignored(new, tmp_path)) for new in PRODUCT}:
        if before:
            (tmp_path / ".gitignore").write_text(before)
        blocks.keep_block(tmp_path, [*lines])
        now = (tmp_path / ".gitignore").read_text().splitlines() if (tmp_path / ".gitignore").exists() else []
        assert hidden(first) <= hidden(now), lines


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository."""
    git(tmp_path, "init", "--quiet", "-b", "main")
    folder = tmp_path / "apps" / "shop"
    folder.mkdir(parents=True)
    (folder / "README.md").touch()
    commit_all(tmp_path, "Start")
    return folder


def seen(project: Path) -> set[str]:
    """Return what `git add --all` would commit."""
    return {*git(project, "ls-files", "--others", "--exclude-standard").splitlines()}


PRODUCTION = {"stack": "full", "production": True, "ci": ["github"]}


def test_what_was_made_stays_hidden_when_an_update_is_undone(project: Path) -> None:
    blocks.keep_block(project, ignored(PRODUCTION, project))
    make(project, {".env", ".env.local", ".env.production", "secrets", "backups", "test-reports"})
    assert seen(project) == {".gitignore"}
    (project / ".gitignore").unlink()
    assert seen(project) == set()
    # And when another answer comes before the files are gone.
    blocks.keep_block(project, ignored({"stack": "minimal"}, project))
    assert seen(project) == {".gitignore"}
    commit_all(project, "Minimal")
    assert hidden(git(project, "show", "HEAD:./.gitignore").splitlines()) >= {".env.local", "secrets"}


def test_the_clones_own_list_keeps_the_users_lines_and_those_of_other_projects(project: Path) -> None:
    exclude = project.parent.parent / ".git" / "info" / "exclude"
    exclude.write_text("*.swp\n")
    other = project.parent / "other"
    other.mkdir()
    for folder in (project, other, project):
        blocks.keep_block(folder, [".env", "secrets/"])
    text = exclude.read_text()
    assert text.startswith("*.swp\n")
    assert [line for line in text.splitlines() if line.endswith("secrets/")] == ["/apps/shop/secrets/", "/apps/other/secrets/"]


LAYERS = [".env", ".env.local", "!.env.defaults", "!.env.services", "!.env.test"]


@pytest.mark.parametrize("line", [".env.test", "/.env.test", ".env.*", "*.test"])
def test_a_file_of_the_users_that_a_line_of_theirs_hides_stays_hidden(line: str, project: Path) -> None:
    (project / ".env.test").write_text("STRIPE_KEY=sk_live_1\n")
    (project / ".gitignore").write_text(f"{line}\n")
    blocks.keep_block(project, LAYERS, [".env.defaults", ".env.services"])
    assert ".env.test" not in seen(project)


def test_a_line_with_the_files_name_wins_also_over_what_the_template_wrote(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".gitignore").write_text(".env.test\n")
    (project / ".env.test").touch()
    blocks.keep_block(project, LAYERS, [".env.test"])
    assert ".env.test" not in seen(project)
    assert "remove the line .env.test from .gitignore" in capsys.readouterr().err


def test_what_the_template_has_just_written_is_shown_in_spite_of_a_line_for_all_of_them(project: Path) -> None:
    (project / ".gitignore").write_text(".env*\n")
    names = {".env.defaults", ".env.services", ".env.test"}
    make(project, names)
    blocks.keep_block(project, LAYERS, [*names])
    assert seen(project) == {*names, ".gitignore"}
    before = (project / ".gitignore").read_text()
    blocks.keep_block(project, LAYERS)
    assert (project / ".gitignore").read_text() == before
    commit_all(project, "Adopt")
    blocks.keep_block(project, LAYERS)
    assert (project / ".gitignore").read_text() == before


def test_git_can_be_missing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    blocks.keep_block(project, LAYERS)
    assert subprocess.run(["/usr/bin/git", "check-ignore", ".env.local"], cwd=project, stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("line", ["lib/", "docker/", "scripts/", "*.sh", "lib"])
def test_the_templates_own_files_are_shown_whatever_line_hides_them(line: str, project: Path) -> None:
    (project / ".gitignore").write_text(f"{line}\n")
    owned = ["docker/start.sh", "scripts/setup", "scripts/lib/common.py"]
    for name in owned:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    blocks.keep_block(project, LAYERS, owned, owned)
    assert {*owned} <= seen(project)
    commit_all(project, "Adopt")
    before = (project / ".gitignore").read_text()
    blocks.keep_block(project, LAYERS, [], owned)
    assert (project / ".gitignore").read_text() == before


# By whatever the user hides them: the project's own file, that of a folder above, of the clone, or of the machine.
HIDING = {
    "a pattern": (".gitignore", ".en?.*"),
    "a folder above": ("../../.gitignore", ".env*"),
    "the clone": ("../../.git/info/exclude", ".env*"),
}


@pytest.mark.parametrize(("file", "line"), HIDING.values(), ids=HIDING)
@pytest.mark.parametrize("name", [".env.test", ".env.defaults", ".env.services", ".env.services.prod", ".env.production.example"])
def test_a_file_of_the_users_stays_hidden_by_whatever_hides_it(name: str, file: str, line: str, project: Path) -> None:
    (project / file).write_text(f"{line}\n")
    (project / name).write_text("STRIPE_KEY=sk_live_1\n")
    (project / ".env.services.tasks").write_text("# Managed by chora-compose-template\n")
    blocks.keep_block(project, [*LAYERS, "!.env.services.*", "!.env.production.example"], [".env.services.tasks"])
    assert name not in seen(project)
    assert ".env.services.tasks" in seen(project)


def test_a_file_in_a_folder_below_stays_hidden(project: Path) -> None:
    blocks.keep_block(project, LAYERS)
    (project / "config").mkdir()
    (project / "config" / ".env").touch()
    blocks.keep_block(project, [])
    assert seen(project) == {".gitignore"}


def test_a_damaged_block_in_the_clones_list_costs_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks.keep_block(project, LAYERS)
    exclude = project.parent.parent / ".git" / "info" / "exclude"
    exclude.write_text(exclude.read_text().replace("# <<<", "# ..."))
    blocks.keep_block(project, [*LAYERS, "secrets/"])
    assert "secrets/" in (project / ".gitignore").read_text()
    assert "put it back or remove the line" in capsys.readouterr().err
