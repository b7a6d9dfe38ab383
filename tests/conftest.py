from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path
from typing import Any

import plumbum
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.once import compile_once, parse_once
from tests.support import copy_template, no_projects

compile_once()
parse_once()
# A shell's job in the background ignores Ctrl-C, and would hand that down to each script that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="overwrite the golden trees with what is rendered")


# They use a machine's own ports, or its one shared network.
MACHINE = {
    "test_branches.py",
    "test_interrupted_development.py",
    "test_projects.py",
    "test_shared_services.py",
    "test_upgrade_development.py",
}
# Their tests share what is set up for long, and go on from where the one before has left it.
TOGETHER = {file.name for file in Path(__file__).parent.glob("e2e/test_*.py") if 'scope="module"' in file.read_text()}


class OneMachine(LoadScopeScheduling):  # type: ignore[misc]
    """Give the tests of those files to one worker; xdist's own groups, `--dist loadgroup`, have no effect with pytest 9."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0].rpartition("/")[2]
        return "machine" if file in MACHINE or "shared-services" in nodeid else file if file in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneMachine | None:
    return OneMachine(config, log) if config.getoption("dist") == "loadscope" else None


# Renderings and projects of users, not tests of ours.
collect_ignore = ["projects", "render/golden"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree, uncommitted work included, in a folder without .git."""
    return copy_template(tmp_path_factory.mktemp("template") / "chora-compose-template")


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the developer's own settings and projects, variables that Compose would read, and an outer make out of the tests."""
    settings = tmp_path_factory.getbasetemp() / "settings.yml"
    settings.write_text("{}\n")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    # No project on this machine but those of the test itself.
    state = no_projects(tmp_path_factory.getbasetemp() / f"state-{uuid.uuid4().hex}")
    # Copier gives its tasks what plumbum found in the environment when it was imported.
    environments: list[Any] = [os.environ, plumbum.local.env]
    for environment in environments:
        monkeypatch.setitem(environment, "XDG_STATE_HOME", state)
        monkeypatch.setitem(environment, "CHORA_COMPOSE_PROBE", "no")
    for name in ("APP_PORT", "POSTGRES_PORT", "REDIS_PORT", "N8N_PORT", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "COMPOSE_PROFILES", "PYTEST_DEBUG_TEMPROOT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "DEST", "PRESET", "ARGS"):
        monkeypatch.delenv(name, raising=False)
