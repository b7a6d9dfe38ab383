"""The tests of this repository are run in one way, wherever they are run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT

PIPELINES = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / ".ci" / "run"]


def commands_of(target: str) -> list[list[str]]:
    """Return the commands that make would run for a target."""
    plan = subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [shlex.split(line) for line in plan.splitlines()]


def folders(target: str) -> list[str]:
    """Return what each pytest of a target is told to take, or to leave out, of the tests."""
    told = [words[words.index("--durations=10") + 1 :] for words in commands_of(target) if "pytest" in words]
    return [" ".join(words[: words.index("-n")]) for words in told]


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_a_pipeline_runs_the_tests_by_make_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"pytest|--dist", text)


def test_the_workflow_and_make_test_run_every_test() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    jobs = workflow["jobs"]
    steps = "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    targets = [job["target"] for job in jobs["fast"]["strategy"]["matrix"]["include"]]
    assert (
        {"thorough", "coverage"} <= {*targets} <= {"thorough", "coverage", "fast"}
        and 'make "$TARGET"' in steps
        and "make e2e" in steps
        and str(workflow["env"]["CHORA_WIDE"]) == "1"
        and "CHORA_WIDE=1" in steps
    )
    assert folders("thorough") == ["--ignore tests/e2e -m not wide"] and folders("coverage") == ["--ignore tests/e2e"]
    assert {*folders("wide")} == {"--ignore tests/e2e", "tests/e2e"}
    assert (
        {*folders("test")}
        == {*folders("thorough"), *folders("e2e")}
        == {"--ignore tests/e2e -m not wide", "tests/e2e -m not wide"}
    )


def test_tests_that_share_a_machine_go_to_one_worker() -> None:
    [words] = [words for words in commands_of("e2e") if "pytest" in words]
    assert words[words.index("--dist") + 1] == "loadscope", "for which tests/conftest.py has a scheduler"


@pytest.mark.parametrize("target", ["fast", "thorough", "coverage", "e2e"])
def test_the_ten_slowest_tests_are_said(target: str) -> None:
    assert all("--durations=10" in words for words in commands_of(target) if "pytest" in words)


def test_each_further_case_that_is_left_out_is_a_test_that_make_wide_runs() -> None:
    command = [sys.executable, "-m", "pytest", "tests/e2e", "-m", "wide", "--collect-only", "-q", "-p", "no:cacheprovider"]
    collected = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines = (ROOT / "tests" / "e2e" / "wide.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line and line[0] != "#" and f"tests/e2e/{line}\n" not in collected]
