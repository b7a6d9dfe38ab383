"""The GitHub workflow, run by nektos act as it is rendered; foreign actions only say that they were called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.github import actions_run, run_workflow, steps_run
from tests.e2e.pipelines import BREAKAGES, Breakage, commit_broken, images_of, into_a_folder
from tests.e2e.stack import Stack, leftovers
from tests.e2e.versions import ANSWERS, say_versions, versions_in
from tests.support import Done, commit_all, git, preset


@pytest.fixture
def stack(make_stack: MakeStack) -> Stack:
    stack = make_stack(preset("08-github-actions"))
    commit_all(stack.folder, "Render the set-up")
    return stack


def cleaned_up(stack: Stack, result: Done) -> bool:
    """Whether the last of scripts/ci's steps was run, and nothing is left of the others."""
    return steps_run(result)["Clean up"] == "Success" and leftovers(stack.slug) == images_of(stack.slug) == []


def test_the_workflow_is_green_as_it_is_rendered(stack: Stack) -> None:
    # The reports are gone with the workspace: what would upload them looks at them.
    look = "cat test-reports/junit.xml; grep -o '<source>.*' test-reports/coverage.xml; ls -l test-reports"
    result = run_workflow(stack.folder, actions={"actions/upload-artifact": look})
    assert result.returncode == 0, result.stdout
    steps = steps_run(result)
    assert {*steps.values()} == {"Success"}
    own = ["Build", "Start the services", "Test", "Clean up"]
    assert [name for name in steps if name in {*own, "Keep the logs"}] == own
    assert 'tests="4"' in result.stdout
    assert "/hostexecutor</source>" in result.stdout, "the paths in the report are the runner's"
    called = [name for name, _ in actions_run(result)]
    assert called == ["docker/setup-buildx-action", "docker/bake-action", "actions/upload-artifact"]
    assert cleaned_up(stack, result)


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
def test_the_workflow_is_red_and_cleans_up_after(breakage: Breakage, stack: Stack) -> None:
    commit_broken(stack.folder, breakage)
    result = run_workflow(stack.folder, actions={"actions/upload-artifact": "cat test-reports/logs.txt"})
    assert result.returncode != 0
    assert breakage.says in result.stdout
    steps = steps_run(result)
    failed = {"build": "Build", "start": "Start the services", "test": "Test"}[breakage.step]
    assert [name for name, outcome in steps.items() if outcome == "Failure"] == [failed]
    assert steps["Keep the logs"] == "Success"
    assert "actions/upload-artifact" in dict(actions_run(result)), "the logs are kept"
    assert cleaned_up(stack, result)


def test_coverage_is_uploaded_only_where_a_token_is_set_and_no_step_sees_it(stack: Stack) -> None:
    result = run_workflow(stack.folder, event="pull_request", secrets={"CODECOV_TOKEN": "very-secret"})
    assert result.returncode == 0, result.stdout
    assert dict(actions_run(result))["codecov/codecov-action"]["directory"] == "test-reports"
    assert "very-secret" not in result.stdout


def test_the_cache_step_gives_images_the_names_that_compose_looks_for(stack: Stack) -> None:
    # In the action's place what it does: it builds the same targets, and tags them as its inputs say.
    bake = f"""
        set --
        for option in $(printf %s "$INPUTS" | python3 -c 'import json, sys; print(json.load(sys.stdin)["set"])' | grep tags=); do
          set -- "$@" --set "$option"
        done
        files="-f docker-compose.yml -f docker-compose.test.yml"
        docker buildx bake $files "$@" app tests
        docker compose -p "{stack.slug}-test-$JOB_ID" $files --profile tests create --no-build
        echo "nothing to build"
    """
    result = run_workflow(stack.folder, actions={"docker/bake-action": bake})
    assert result.returncode == 0, result.stdout
    assert "nothing to build" in result.stdout
    assert cleaned_up(stack, result)


def test_a_project_in_a_folder_has_its_workflow_at_the_top_of_the_repository(
    make_stack: MakeStack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "init", "-q", "repository")
    stack = make_stack({"ci": ["github"]}, within=tmp_path / "repository")
    top = into_a_folder(stack, capfd.readouterr().err)
    look = "cat backend/test-reports/junit.xml; grep -o '<source>.*' backend/test-reports/coverage.xml"
    result = run_workflow(top, workflow=f"test-{stack.slug}.yml", actions={"actions/upload-artifact": look})
    assert result.returncode == 0, result.stdout
    assert 'tests="2"' in result.stdout and "/hostexecutor/backend</source>" in result.stdout
    assert cleaned_up(stack, result)


def test_the_workflow_tests_several_versions_side_by_side(make_stack: MakeStack) -> None:
    stack = make_stack({**ANSWERS, "ci": ["github"], "test_postgres_versions": [15]})
    say_versions(stack.folder)
    commit_all(stack.folder, "Render the set-up")
    # The images by the names that Compose looks for, as above.
    bake = f"""
        docker buildx bake -f docker-compose.yml -f docker-compose.test.yml app tests \\
          $(printf %s "$INPUTS" | python3 -c 'import json, sys; print(json.load(sys.stdin)["set"])' \\
            | sed -n 's/.*tags=/--set &/p')
        docker compose -p "{stack.slug}-test-$JOB_ID$VERSIONS" -f docker-compose.yml -f docker-compose.test.yml --profile tests \\
          create --no-build
        echo "nothing to build"
    """
    actions = {"docker/bake-action": bake, "actions/upload-artifact": "cat test-reports/*/junit.xml"}
    result = run_workflow(stack.folder, actions=actions)
    assert result.returncode == 0, result.stdout
    assert versions_in(result.stdout) == ["3.11 15", "3.13 15"]
    assert result.stdout.count("nothing to build") >= 2
    names = [inputs["name"] for name, inputs in actions_run(result) if name == "actions/upload-artifact"]
    assert sorted(names) == ["test-reports-python-311-postgres-15", "test-reports-python-313-postgres-15"]
    assert cleaned_up(stack, result)
