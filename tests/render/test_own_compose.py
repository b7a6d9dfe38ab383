"""A project with a Compose file of its own: its services are used, and nothing lands beside them that nobody uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from copier.errors import UserMessageError

from tests.render.compose import config
from tests.shapes import Shape, shapes
from tests.support import commit_all, files, git, render

ANSWERS = ".copier-answers.yml"
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OWN = {name: shape for name, shape in shapes().items() if {*NAMES} & shape.files.keys()}
TESTED = {name: shape for name, shape in OWN.items() if shape.tested}


def written(shape: Shape, folder: Path) -> Path:
    shape.write(folder)
    git(folder, "init", "--quiet", "-b", "main")
    commit_all(folder, "Mine")
    return folder


def answers_in(folder: Path) -> Any:
    return yaml.safe_load((folder / ANSWERS).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", OWN)
def test_two_files_land_and_no_file_of_theirs_changes(name: str, template: Path, tmp_path: Path) -> None:
    shape = OWN[name]
    folder = render(template, written(shape, tmp_path / "shop"), hook=True)
    new = {path: text for path, text in files(folder).items() if path not in shape.files}
    assert new.keys() == {ANSWERS, "COMPOSE.md"}
    assert {path: (folder / path).read_text() for path in shape.files} == shape.files
    services = answers_in(folder)["own_services"]
    shown = sorted(services, key=lambda name: ("build" not in services[name], name))
    guide = (folder / "COMPOSE.md").read_text()
    assert [line.split("`")[1] for line in guide.splitlines() if line.startswith("| `")] == shown
    assert "APP_PORT" not in guide or "APP_PORT" in str(services)


@pytest.mark.parametrize("name", OWN)
def test_what_is_printed_is_about_their_services_and_no_slot_is_held(
    name: str, template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    render(template, written(OWN[name], tmp_path / "shop"), hook=True, state=state)
    said = capfd.readouterr().err
    assert "is a guess" not in said and "kept your own docker-compose" not in said
    assert f"Note: {answers_in(tmp_path / 'shop')['own_compose']} stays as it is" in said
    other = render(template, tmp_path / "other", hook=True, state=state)
    assert answers_in(other)["port_slot"] == 0


@pytest.mark.parametrize("name", TESTED)
def test_their_tests_share_nothing_with_what_is_worked_with(name: str, template: Path, tmp_path: Path) -> None:
    folder = render(template, written(TESTED[name], tmp_path / "shop"), {"ci": ["github", "gitlab"], "project_slug": "shop"})
    answers = answers_in(folder)
    files = ["-f", answers["own_compose"], "-f", "docker-compose.test.yml"]
    services = [answers["test_service"], *answers["own_tests"]["starts"]]
    made = config(folder, "-p", "shop-test", "--env-file", ".env.test", *files)
    for service in (made["services"][one] for one in services):
        assert not service.keys() & {"ports", "container_name"}
        # Only an image without the code has it mounted.
        mounted = [volume for volume in service.get("volumes", []) if volume["source"] == str(folder)]
        assert not mounted or "COPY" not in TESTED[name].files["Dockerfile"]
    for kind in ("volumes", "networks"):
        assert all(said["name"].startswith("shop-test_") for said in made.get(kind, {}).values())
    assert "docker-compose.yml" not in (folder / "scripts" / "ci").read_text() or answers["own_compose"] == "docker-compose.yml"


def test_without_a_service_that_builds_the_project_there_is_no_pipeline(template: Path, tmp_path: Path) -> None:
    folder = written(OWN["a-compose-file-of-databases-alone"], tmp_path / "shop")
    with pytest.raises((ValueError, UserMessageError), match="Let one of your services build the project"):
        render(template, folder, {"ci": ["github"]})
    assert git(folder, "status", "--porcelain") == ""


@pytest.mark.parametrize("answers", [{"stack": "mcp"}, {"branch_environments": True}, {"production": True}, {"extras": ["mail"]}])
def test_what_needs_the_templates_services_is_refused(answers: dict[str, Any], template: Path, tmp_path: Path) -> None:
    folder = written(OWN["a-compose-yaml-with-a-database"], tmp_path / "shop")
    with pytest.raises((ValueError, UserMessageError), match="Put your Compose file away"):
        render(template, folder, answers)
    assert git(folder, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "text", ["# mine\n", "services: {}\n", "{", "# Managed by chora-compose-template\nservices: {a: {image: b}}\n"]
)
def test_a_file_without_services_or_of_ours_is_none_of_theirs(text: str, template: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "docker-compose.yml").write_text(text)
    render(template, tmp_path / "shop", overwrite=True)
    assert answers_in(tmp_path / "shop")["own_compose"] == ""


def test_the_first_in_composes_order_is_theirs(template: Path, tmp_path: Path) -> None:
    for number, name in enumerate(reversed(NAMES)):
        folder = tmp_path / f"shop{number}"
        folder.mkdir()
        for one in NAMES[len(NAMES) - 1 - number :]:
            (folder / one).write_text("services: {web: {image: a}}\n")
        assert answers_in(render(template, folder))["own_compose"] == name
