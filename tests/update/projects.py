"""Projects that were generated before, what their users changed in them, and what an update made of both."""

from __future__ import annotations

import json
import shutil
import subprocess
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import copier
import pytest
import yaml

from tests.support import commit_all, existing_project, files, git, render, run_copier

ANSWERS_FILE = ".copier-answers.yml"
MANAGED = b"Managed by chora-compose-template"
BLOCK = "# >>> chora-compose-template"
# What differs between a project and a fresh rendering of it.
NOT_COMPARED = ("_commit", "_src_path", "generated_on")


@cache
def _generated_once(template: Path, answers: str, existing: str, hook: bool, version: str | None) -> Path:
    """Generate a project, once for all tests that start from the same one, and commit it."""
    project = Path(mkdtemp(dir=template.parent)) / "shop"
    if existing:
        existing_project(existing, project)
    adopt(template, project, json.loads(answers), hook=hook, vcs_ref=version)
    return project


def generated(
    template: Path, target: Path, answers: dict[str, Any], *, existing: str = "", hook: bool = True, version: str | None = None
) -> Path:
    """Make a project as its user generated and committed it.

    Args:
        template: a repository.
        target: the project's folder, which must not exist.
        answers: as with `-d`.
        existing: a folder of tests/projects/ that the project was before; empty for a new project.
        hook: whether the post-generation hook ran; without it nothing machine-local is there, and it is quicker.
        version: the tag of the template's version, the newest if there is none.
    """
    project = _generated_once(template, json.dumps(answers), existing, hook, version)
    shutil.copytree(project, target, symlinks=True)
    # The copied files are not the ones that Git has looked at.
    git(target, "update-index", "--refresh")
    return target


def adopt(template: Path, project: Path, answers: dict[str, Any], *, hook: bool = True, **options: Any) -> Path:
    """Generate into a folder, which may be a project already, and commit all of it."""
    render(template, project, answers, hook=hook, **options)
    if not hook:
        git(project, "init", "--quiet", "-b", "main")
    commit_all(project, "Generate")
    return project


def update_by_command(project: Path, *arguments: str, **options: Any) -> str:
    """Update a project with Copier's command line, which has to succeed, and return what it printed."""
    done = run_copier("update", "--trust", "--defaults", *arguments, cwd=project, **options)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert conflicts(project) == [], output
    return output


def update(project: Path, *, hook: bool = False, quiet: bool = True, **answers: Any) -> Path:
    """Update a project in this process, which is quicker; it must leave no conflict.

    Args:
        project: a repository without uncommitted changes.
        hook: whether the post-generation hook runs.
        quiet: whether Copier itself says nothing.
        answers: those that change, as with `-d`.
    """
    copier.run_update(project, data=answers, defaults=True, overwrite=True, unsafe=True, quiet=quiet, skip_tasks=not hook)
    assert conflicts(project) == []
    return project


def update_saying(project: Path, capfd: pytest.CaptureFixture[str], **answers: Any) -> str:
    """Update a project with the hook in this process, and return what a user reads of it."""
    capfd.readouterr()
    update(project, hook=True, quiet=False, **answers)
    return "".join(capfd.readouterr())


def conflicts(project: Path) -> list[str]:
    """Return every sign of a conflict that an update left; Copier itself exits with 0."""
    check = subprocess.run(["git", "diff", "--check"], cwd=project, capture_output=True, text=True)
    unmerged = git(project, "diff", "--name-only", "--diff-filter=U").splitlines()
    left = [name for name, content in files(project).items() if name.endswith(".rej") or b"\n<<<<<<< " in b"\n" + content]
    return [*check.stdout.splitlines(), *unmerged, *left]


def answers_of(project: Path, name: str = ANSWERS_FILE) -> dict[str, Any]:
    """Return a project's saved answers, Copier's own keys included."""
    answers = yaml.safe_load((project / name).read_text(encoding="utf-8"))
    assert isinstance(answers, dict)
    return answers


def own_answers(project: Path) -> dict[str, Any]:
    """Return a project's saved answers without Copier's own keys."""
    return {key: value for key, value in answers_of(project).items() if not key.startswith("_")}


def kept_answers(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return those answers from before an update that it did not drop, with the values that it left."""
    return {key: after[key] for key in before if key in after and not key.startswith("_")}


def compared(answers: dict[str, Any]) -> dict[str, Any]:
    """Return the answers that a fresh rendering has in common with an updated project."""
    return {key: value for key, value in answers.items() if key not in NOT_COMPARED}


def managed(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Return the template-owned files of a tree: those that say so at their top."""
    return {name: content for name, content in tree.items() if MANAGED in b"".join(content.splitlines(keepends=True)[:3])}


def fresh(template: Path, target: Path, project: Path, **options: Any) -> Path:
    """Render the newest version into an empty folder with all the answers of a project; as in an update nothing is found."""
    target.mkdir()
    (target / ANSWERS_FILE).write_text("_src_path: chora-compose-template\n")
    return render(template, target, own_answers(project), **{"overwrite": True, **options})


def assert_fresh(project: Path, template: Path, target: Path, **options: Any) -> None:
    """Assert that the template-owned files and the answers of a project are those of a fresh rendering.

    Args:
        project: the updated project.
        template: the template, whose newest version counts.
        target: an unused folder, for the fresh rendering.
        options: further arguments of `copier.run_copy`.
    """
    rendered = fresh(template, target, project, **options)
    assert managed(files(project)) == managed(files(rendered))
    assert compared(answers_of(project)) == compared(answers_of(rendered))


def edit_same_line(project: Path, rendered: Path) -> None:
    """Change a line of docker-compose.yml that two renderings have in common, in both.

    It is the one farthest from any that they don't share: where the user and a new version change neighbouring lines, no
    merge can know what is meant.
    """
    paths = [folder / "docker-compose.yml" for folder in (project, rendered)]
    old, new = (path.read_text(encoding="utf-8").splitlines() for path in paths)
    block = SequenceMatcher(None, old, new, autojunk=False).find_longest_match()
    assert block.size > 4
    for path, lines, start in zip(paths, (old, new), (block.a, block.b), strict=True):
        lines[start + block.size // 2] += "  # mine"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")


ATTRIBUTE = b"*.bin binary\n"


def edit(project: Path) -> None:
    """Make the changes that users make in files of their own, and commit them."""
    gitignore = project / ".gitignore"
    inside = gitignore.read_text(encoding="utf-8") if gitignore.exists() else ""
    gitignore.write_text(f"/above\n{inside}/below\n", encoding="utf-8")
    if (project / ".gitattributes").exists():
        (project / ".gitattributes").write_bytes(ATTRIBUTE + (project / ".gitattributes").read_bytes())
    for server in (*project.glob("src/*/server.py"), *project.glob("servers/*/server.py")):
        server.write_text(f'{server.read_text(encoding="utf-8")}\nMINE = "edited"\n', encoding="utf-8")
    for name, line in ((".env.defaults", "LOG_LEVEL=info\n"), (".env.local", "API_KEY='do not touch'\n")):
        if (project / name).exists():
            (project / name).write_text(f"{(project / name).read_text(encoding='utf-8')}{line}", encoding="utf-8")
    for client in (".mcp.json", ".vscode/mcp.json"):
        if (project / client).exists():
            text = (project / client).read_text(encoding="utf-8")
            # Python's first argument, as earlier releases wrote it and as this one does.
            text = text.replace('["scripts/mcp-stdio', '["-X", "dev", "scripts/mcp-stdio').replace('"-I"', '"-X", "dev", "-I"')
            text = text.replace("{", '{\n  "inputs": [],', 1)
            (project / client).write_text(text, encoding="utf-8")
    (project / "docker-compose.override.yml").write_text("services: {}\n", encoding="utf-8")
    (project / ".env").write_text("APP_PORT=8123\n", encoding="utf-8")
    commit_all(project, "My changes")
