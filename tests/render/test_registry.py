"""What the MCP registry is told of a server is what its published schema allows, and what the image's label says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import render

# schemas/2025-12-11/server.schema.json of github.com/modelcontextprotocol/static, which has the MIT licence.
SCHEMA = Path(__file__).parent / "schemas" / "server.schema.json"
MCP: dict[str, Any] = {"stack": "mcp", "production": True, "ci": ["github"]}
NAMES = {
    "starter": (MCP, "io.github.OWNER/my-project"),
    "at-github": (MCP | {"services": ["postgres", "redis"], "image_name": "ghcr.io/me/shop"}, "io.github.me/my-project"),
    "over-http": (MCP | {"own_app": True, "app_command": "shop --transport http", "services": []}, "io.github.OWNER/my-project"),
}


def valid(file: Path) -> bool:
    """Tell whether the schema allows a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA), str(file)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def check(project: Path) -> subprocess.CompletedProcess[str]:
    """Do what scripts/ci does in the image of the tests."""
    (label,) = re.findall(r'^LABEL io\.modelcontextprotocol\.server\.name="(.*)"$', (project / "Dockerfile").read_text(), re.M)
    command = [sys.executable, "docker/mcp-registry.py", label, (project / "server.json").read_text()]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_and_the_projects_own_check_allow_what_is_rendered(name: str, template: Path, tmp_path: Path) -> None:
    answers, expected = NAMES[name]
    project = render(template, tmp_path / "my-project", answers)
    server = json.loads((project / "server.json").read_text())
    assert server["name"] == expected
    assert valid(project / "server.json")
    done = check(project)
    assert (done.returncode, done.stderr.count("\n")) == (0, expected.count("OWNER"))
    assert "docker/mcp-registry.py" in (project / "scripts" / "ci").read_text()


WRONG: dict[str, dict[str, Any]] = {
    "no name": {"name": None},
    "a name without an owner": {"name": "shop"},
    "a long description": {"description": "x" * 101},
    "no version": {"version": ""},
    "no transport": {"packages": [{"registryType": "oci", "identifier": "a:0.1.0"}]},
    "http without an address": {
        "packages": [{"registryType": "oci", "identifier": "a:0.1.0", "transport": {"type": "streamable-http"}}]
    },
    "no identifier": {"packages": [{"registryType": "oci", "transport": {"type": "stdio"}}]},
}


def test_what_the_schema_refuses_the_projects_own_check_refuses_too(template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "my-project", MCP)
    file = project / "server.json"
    good = json.loads(file.read_text())
    for name, change in WRONG.items():
        changed = {key: value for key, value in {**good, **change}.items() if value is not None}
        file.write_text(json.dumps(changed))
        assert not valid(file) or name == "no version", name
        assert check(project).returncode == 1, name
    for change in ({"name": "io.github.you/shop"}, {"version": "2.0.0"}):
        file.write_text(json.dumps({**good, **change}))
        assert valid(file) and check(project).returncode == 1, change
    file.write_text("{")
    assert "server.json: write JSON: " in check(project).stderr


def test_only_a_server_with_production_is_listed_and_only_a_variable_lets_a_tag_publish(template: Path, tmp_path: Path) -> None:
    plain = render(template, tmp_path / "plain", {"stack": "mcp", "ci": ["github"]})
    assert not (plain / "server.json").exists() and "mcp-publisher" not in (plain / ".github/workflows/test.yml").read_text()
    listed = render(template, tmp_path / "listed", MCP)
    workflow = (listed / ".github/workflows/test.yml").read_text()
    assert "if: startsWith(github.ref, 'refs/tags/v') && vars.MCP_PUBLISH == 'true'" in workflow
