"""A service is asked often while it starts, so that nobody waits, and seldom from then on, so that it costs next to nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.render.checks import ComposeLoader
from tests.render.conftest import Case

UNITS = {"ms": 0.001, "s": 1, "m": 60}
# Compose needs start_period beside start_interval.
KEYS = {"test", "interval", "timeout", "retries", "start_period", "start_interval"}
# After how many seconds at most a service that never answers is unhealthy; more than the others has what migrates a database.
GIVEN_UP = {"gateway": 195}


def seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)(ms|s|m)", text)
    assert found, text
    return int(found.group(1)) * UNITS[found.group(2)]


def healthchecks(file: Path) -> dict[str, dict[str, Any]]:
    """Return the healthchecks of a Compose file by service; what answers nobody has none."""
    services = yaml.load(file.read_text(encoding="utf-8"), ComposeLoader)["services"] if file.exists() else {}
    found = {name: service["healthcheck"] for name, service in services.items() if "healthcheck" in service}
    assert all(name in {"worker", "scheduler", "certbot_renewal"} for name, check in found.items() if "disable" in check)
    return {name: check for name, check in found.items() if "disable" not in check}


def given_up(check: dict[str, Any]) -> float:
    """Return how many seconds after its start a service that never answers is unhealthy: failures count after start_period."""
    first = seconds(check["start_period"]) + seconds(check.get("start_interval", check["interval"]))
    return float(first + (check["retries"] - 1) * seconds(check["interval"]))


def test_in_development_and_production_it_is_asked_every_2_s_at_the_start_and_every_30_s_then(case: Case) -> None:
    for file in ("docker-compose.yml", "docker-compose.prod.yml"):
        for name, check in healthchecks(case.folder / file).items():
            assert check.keys() == KEYS, (file, name)
            assert seconds(check["interval"]) >= 30, (file, name)
            assert seconds(check["start_interval"]) <= 2, (file, name)
            assert check["retries"] > 1, "one slow answer is no failure"
            most = 77 if (file, name) == ("docker-compose.prod.yml", "app") else 92
            assert given_up(check) <= GIVEN_UP.get(name, most), (file, name)


def test_in_a_swarm_which_knows_no_start_interval_it_is_asked_every_5_s(case: Case) -> None:
    checks = healthchecks(case.folder / "docker-stack.yml")
    for name, check in checks.items():
        assert check.keys() == KEYS - {"start_interval"}, name
        assert check["interval"] == "5s", name
        assert given_up(check) <= 92, name


def test_tests_start_at_once(case: Case) -> None:
    for name, check in healthchecks(case.folder / "docker-compose.test.yml").items():
        assert seconds(check.get("start_interval") or check["interval"]) <= 0.5, name
