"""A project that exists keeps every byte, and gets what it lacks."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.checks import findings
from tests.support import PROJECTS, commit_all, existing_project, files, git, need_tool, render

PLAIN = {"docker-compose.yml", "Dockerfile", ".dockerignore", "COMPOSE.md", ".copier-answers.yml"}
ANSWERS = ".copier-answers.yml"
OURS = ".copier-answers.chora-compose.yml"

# As another template for Python packages saves them: the same names with other meanings, choices and types.
FOREIGN = """\
# Changes here will be overwritten by Copier; NEVER EDIT MANUALLY
_commit: v1.9.0
_src_path: gh:example/chora-base
project_name: Somebody Else's
project_slug: Not_A_Slug
package_name: elsewhere
python_version: "3.9"
stack: library
web_framework: flask
services: [postgres]
app_port: "none"
app_command: make run
port_slot: 7
redis_version: "6"
author_name: Ann
"""


def answers_in(folder: Path, name: str = ANSWERS) -> dict[str, Any]:
    answers = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    assert isinstance(answers, dict)
    return answers


def untracked(folder: Path) -> set[str]:
    """Return what git sees as new; anything else that it sees fails."""
    lines = git(folder, "status", "--porcelain", "--untracked-files=all").splitlines()
    assert all(line.startswith("?? ") for line in lines), lines
    return {line.removeprefix("?? ") for line in lines}


@pytest.mark.parametrize("name", sorted(path.name for path in PROJECTS.iterdir() if path.is_dir()))
def test_plain_minimal_adds_five_files_to_a_project_and_changes_nothing(name: str, template: Path, tmp_path: Path) -> None:
    folder = existing_project(name, tmp_path / "my-project")
    before = files(folder)
    render(template, folder, {"stack": "minimal"}, hook=True)
    after = files(folder)
    assert untracked(folder) == PLAIN
    assert after.keys() - before.keys() == PLAIN
    assert {path: after[path] for path in before} == before
    assert not [finding for path in PLAIN for finding in findings(path, after[path])]


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        *itertools.product(sorted(path.name for path in PROJECTS.iterdir() if path.is_dir()), ["full", "hybrid"]),
        *itertools.product(["flask-app", "mcp-tides"], ["mcp", "mcp-multi"]),
    ],
)
def test_other_stacks_change_nothing_but_gitignore_and_what_mcp_clients_read(
    name: str, stack: str, template: Path, tmp_path: Path
) -> None:
    need_tool("docker")  # scripts/setup of a hybrid project asks Compose
    folder = existing_project(name, tmp_path / "my-project")
    before = files(folder)
    render(template, folder, {"stack": stack} | ({"services": ["postgres"]} if stack == "mcp" else {}), hook=True)
    after = files(folder)
    shared = {".gitignore", ".mcp.json"} if stack in {"mcp", "mcp-multi"} else {".gitignore"}
    assert {path: after[path] for path in before.keys() - shared} == {path: before[path] for path in before.keys() - shared}
    assert after[".gitignore"].startswith(before.get(".gitignore", b""))
    assert not any(path.startswith("src/") for path in after.keys() - before.keys())
    # Committed by everybody, whatever the project's own .gitignore says of .env files; the machine's own is not.
    commit_all(folder, "Docker Compose")
    tracked = set(git(folder, "ls-files").splitlines())
    assert ".env.defaults" in tracked
    assert ".env.local" not in tracked
    assert (".env.services" in tracked) == (stack in {"full", "mcp"})
    assert (".env.services.tasks" in tracked) == (stack == "mcp-multi")
    assert (folder / ".env.local").exists()
    assert not tracked & {"claude_desktop_config.json", "secrets/gateway.env"}
    assert (".mcp.json" in tracked) == (stack in {"mcp", "mcp-multi"} or ".mcp.json" in before)


def test_what_is_found_is_saved(template: Path, tmp_path: Path) -> None:
    flask = answers_in(render(template, existing_project("flask-app", tmp_path / "flask")))
    assert {name: flask[name] for name in ("own_app", "package_name", "web_framework", "dependencies", "source_folder")} == {
        "own_app": True,
        "package_name": "shop",
        "web_framework": "flask",
        "dependencies": "requirements.txt",
        "source_folder": ".",
    }
    fastapi = answers_in(render(template, existing_project("fastapi-src", tmp_path / "fastapi")))
    assert fastapi["app_command"] == "uvicorn inventory.api.main:api --host 0.0.0.0 --port 8000"
    assert (fastapi["extra_packages"], fastapi["source_folder"], fastapi["install_project"]) == (["uvicorn"], "src", True)
    assert fastapi["python_version"] == "3.11"
    script = answers_in(render(template, existing_project("plain-script", tmp_path / "script")))
    assert (script["app_command"], script["web_framework"], script["dependencies"]) == ("python app.py", "other", "none")


# Files that were there before


@pytest.mark.parametrize(
    "name", ["Dockerfile", "docker-compose.yml", ".dockerignore", "COMPOSE.md", ".env.defaults", "pyproject.toml"]
)
def test_a_file_that_exists_is_kept_with_a_note(
    name: str, template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = existing_project("plain-script", tmp_path / "my-project")
    content = b"# mine, \xc3\xbc\r\n[project]\n" if name == "pyproject.toml" else b"# mine, \xc3\xbc\r\n"
    (folder / name).write_bytes(content)
    render(template, folder, {"stack": "full"}, hook=True)
    assert (folder / name).read_bytes() == content
    if name != "pyproject.toml":  # of which an app that exists needs none from the template
        assert f"{name}" in "".join(line for line in capfd.readouterr().err.splitlines() if line.startswith("Note: "))
    assert answers_in(folder)["keep_files"] == [name]


EVERYTHING = {"branch_environments": True, "ci": ["github", "gitlab"], "extras": ["dependabot"]}


@pytest.mark.parametrize(
    "answers",
    [
        {"stack": "minimal", "production": True},
        {"stack": "full", "production": True, "hot_reload": True},
        {"stack": "full", "isolation": "shared", "own_app": False},
        {"stack": "hybrid"},
        {"stack": "mcp", "own_app": False},
        {"stack": "mcp-multi"},
        {"stack": "shared-services"},
    ],
    ids=lambda answers: "-".join(map(str, answers.values())),
)
def test_every_file_of_the_users_own_that_has_the_name_of_one_of_ours_is_kept_and_said(
    answers: dict[str, Any], template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = {"package_name": "shop"} | ({} if answers["stack"] == "shared-services" else EVERYTHING) | answers
    names = sorted(files(render(template, tmp_path / "new" / "shop", answers)).keys() - {".copier-answers.yml"})
    capfd.readouterr()
    folder = tmp_path / "shop"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("# mine\n")
    git(tmp_path, "init", "--quiet", "-b", "main", "shop")
    commit_all(folder, "Mine")

    render(template, folder, {"own_app": False} | answers, hook=True)

    assert {name for name in names if (folder / name).read_text() != "# mine\n"} == set()
    said = capfd.readouterr().err
    notes = " ".join(line for line in said.splitlines() if line.startswith("Note: kept your own"))
    # Tests come with the first pipeline, which is here already; and a server that was there is one, and not in the way.
    named = [name for name in names if not name.startswith(("tests/", "servers/"))]
    assert [name for name in named if name not in re.split(r",? |\. ", notes)] == []


def test_a_pyproject_without_an_app_is_kept_and_the_starter_gets_what_it_needs(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-project"
    folder.mkdir()
    mine = '[project]\nname = "mine"\nversion = "1"\ndependencies = ["httpx"]\n'
    (folder / "pyproject.toml").write_text(mine)
    render(template, folder)
    assert (folder / "pyproject.toml").read_text() == mine
    assert (folder / "src" / "my_project" / "server.py").exists()
    assert "fastapi" in (folder / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("compose.yaml", "Docker Compose prefers compose.yaml to docker-compose.yml"),
        ("compose.yml", "Docker Compose prefers compose.yml to docker-compose.yml"),
        ("docker-compose.yaml", "remove docker-compose.yaml: Docker Compose reads docker-compose.yml"),
    ],
)
def test_a_compose_file_that_compose_prefers_is_named(
    name: str, says: str, template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = existing_project("plain-script", tmp_path / "my-project")
    (folder / name).write_text("services: {}\n")
    render(template, folder, hook=True)
    assert (folder / name).read_text() == "services: {}\n"
    assert f"Note: {says}" in capfd.readouterr().err


def test_an_existing_dockerfile_is_built_and_its_folder_is_mounted(template: Path, tmp_path: Path) -> None:
    folder = existing_project("flask-app", tmp_path / "my-project")
    (folder / "Dockerfile").write_text("FROM python:3.13-slim\nWORKDIR /srv\nWORKDIR shop\nCOPY . .\n")
    render(template, folder)
    app = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]["app"]
    assert app["volumes"] == [".:/srv/shop"]
    assert "entrypoint" not in app
    assert "user" not in app


# The answers of another template


@pytest.fixture
def templated(tmp_path: Path) -> Path:
    folder = existing_project("flask-app", tmp_path / "my-project")
    (folder / ANSWERS).write_text(FOREIGN)
    commit_all(folder, "From another template")
    return folder


def test_another_templates_answers_stay_and_none_becomes_ours(templated: Path, template: Path, tmp_path: Path) -> None:
    clean = render(template, existing_project("flask-app", tmp_path / "clean" / "my-project"), hook=True)
    render(template, templated, hook=True)
    assert (templated / ANSWERS).read_text() == FOREIGN
    assert untracked(templated) == (PLAIN - {ANSWERS}) | {OURS}
    expected = {**answers_in(clean), "_src_path": str(template)}
    assert answers_in(templated, OURS) == expected
    same = PLAIN - {ANSWERS, "COMPOSE.md"}
    assert {name: (templated / name).read_bytes() for name in same} == {name: (clean / name).read_bytes() for name in same}
    assert f"copier update --trust -a {OURS}" in (templated / "COMPOSE.md").read_text()


@pytest.mark.parametrize("line", ["stack: library", "services: [postgres]", "app_port: none", "port_slot: 7"])
def test_a_single_answer_of_another_template_does_not_leak_in_either(line: str, template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-project"
    folder.mkdir()
    (folder / ANSWERS).write_text(f"{line}\n")
    render(template, folder)
    assert (folder / ANSWERS).read_text() == f"{line}\n"
    ours = answers_in(folder, OURS)
    ((name, value),) = yaml.safe_load(line).items()
    assert ours["stack"] == "minimal"
    assert ours.get(name) != value


def test_copying_again_takes_our_own_saved_answers(templated: Path, template: Path) -> None:
    render(template, templated, {"port_slot": 3, "python_version": "3.11"})
    commit_all(templated, "Docker Compose")
    render(template, templated, overwrite=True)
    ours = answers_in(templated, OURS)
    assert (ours["port_slot"], ours["python_version"]) == (3, "3.11")
    assert git(templated, "status", "--porcelain") == ""


def test_copying_again_takes_the_saved_answers(template: Path, tmp_path: Path) -> None:
    folder = existing_project("fastapi-src", tmp_path / "my-project")
    render(template, folder, {"port_slot": 3, "stack": "full", "services": ["redis"], "project_name": "key: {{ x }}"}, hook=True)
    commit_all(folder, "Docker Compose")
    render(template, folder, overwrite=True, hook=True)
    assert answers_in(folder)["services"] == ["redis"]
    assert git(folder, "status", "--porcelain") == ""


def test_what_is_found_may_hold_an_emoji(template: Path, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "my-project")
    (project / "Dockerfile").write_text('FROM python:3.13-slim\nENTRYPOINT ["run-😀"]\n')
    (project / "requirements-test.txt").write_text("-r more-😀.txt\npytest\n")
    (project / "more-😀.txt").write_text("httpx\n")

    render(template, project, {"ci": ["github"]})

    answers = answers_in(project)
    assert answers["image_entrypoint"] == ["run-😀"]
    assert answers["test_sources"] == ["requirements-test.txt", "more-😀.txt"]


def test_a_list_that_is_given_may_hold_an_emoji(template: Path, tmp_path: Path) -> None:
    given = {"ci": ["github"], "test_requirements": '["-r req-😀.txt"]', "test_sources": "[req-😀.txt]"}

    folder = render(template, tmp_path / "my-project", given)

    text = (folder / "Dockerfile").read_text(encoding="utf-8")
    assert 'COPY ["req-😀.txt", "./"]\n' in text
    assert "uv pip install -r req-😀.txt" in text
    assert answers_in(folder)["test_requirements"] == ["-r req-😀.txt"]
