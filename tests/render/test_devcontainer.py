"""extras: devcontainer: what lands in a project, and that one of the user's own stays and is said."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import render

FILE = ".devcontainer/devcontainer.json"


def read(project: Path) -> Any:
    """Return what the file says, without its comments."""
    return json.loads(re.sub(r"^\s*//.*$", "", (project / FILE).read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("answers", "service", "starts", "ports"),
    [
        ({"stack": "minimal"}, "app", True, [8000]),
        ({"stack": "full", "app_port": 9000}, "app", True, [9000]),
        ({"stack": "mcp"}, "mcp-server", True, [8000]),
        ({"stack": "minimal", "own_app": True, "app_command": "", "app_port": 0}, "app", False, []),
        ({"stack": "minimal", "own_app": True, "app_command": "python -m shop.bot", "app_port": 0}, "app", True, []),
    ],
)
def test_it_is_the_service_that_compose_starts(
    answers: dict[str, Any], service: str, starts: bool, ports: list[int], template: Path, tmp_path: Path
) -> None:
    project = render(template, tmp_path / "shop", {"extras": ["devcontainer"], **answers})
    found = read(project)
    assert (found["service"], found["overrideCommand"], found["forwardPorts"]) == (service, not starts, ports)
    assert found.get("runServices", []) == ([] if starts else [service])
    assert f":{found['workspaceFolder']}\n" in (project / "docker-compose.yml").read_text()
    text = (project / FILE).read_text() + (project / ".devcontainer/post-create.sh").read_text()
    assert str(tmp_path) not in text, "nothing of this machine is in it"


def test_one_of_the_users_own_is_kept_and_said(template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "shop"
    (project / ".devcontainer").mkdir(parents=True)
    (project / FILE).write_text("{}\n")
    render(template, project, {"extras": ["devcontainer"]}, hook=True, state=tmp_path / "state")
    assert (project / FILE).read_text() == "{}\n"
    assert not (project / ".devcontainer/post-create.sh").exists()
    assert FILE in capfd.readouterr().err


def test_the_script_is_a_shells(template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "shop", {"stack": "full", "ci": ["github"], "extras": ["devcontainer"]})
    script = project / ".devcontainer/post-create.sh"
    assert "--group dev" in script.read_text()
    subprocess.run([shutil.which("sh") or "", "-n", str(script)], check=True)
