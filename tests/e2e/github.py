"""A project's GitHub workflow, run on this machine by nektos act, as GitHub would run it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from tests.support import Done, git, need_tool

NOTHING: Mapping[str, str] = MappingProxyType({})
# Of this machine's environment a runner has the rest, or none of it: the project's settings have to come from the project.
_KEPT = ("PATH", "LANG", "DOCKER_")
# Where a clone comes from a folder, act calls the repository nektos/act.
_ORIGIN = "https://github.com/example/project.git"
_PAYLOADS: dict[str, dict[str, Any]] = {
    "pull_request": {"number": 1, "pull_request": {"number": 1, "head": {"ref": "feature"}, "base": {"ref": "main"}}}
}


def run_workflow(
    project: Path,
    *,
    event: str = "push",
    workflow: str = "test.yml",
    secrets: Mapping[str, str] = NOTHING,
    env: Mapping[str, str] = NOTHING,
    actions: Mapping[str, str] = NOTHING,
    payload: Mapping[str, Any] | None = None,
    timeout: float = 600,
) -> Done:
    """Run a workflow of a project on what is committed there; the project itself stays as it is.

    The workflow runs unchanged, its steps on this machine, in a copy of a clone that is gone afterwards. Each action but the
    checkout is replaced by one that only says so: see `actions_run`. No network is needed, and the home is an empty one.

    Args:
        project: a git repository.
        event: what triggers the workflow, such as `pull_request`. act does not look at the event's filters for branches.
        workflow: its file in `.github/workflows`.
        secrets: the repository's secrets.
        env: variables of the runner, for all steps.
        actions: what stands in for an action, by `owner/name`: lines of bash. The inputs are in `$INPUTS`, as JSON.
        payload: the event as GitHub describes it, instead of the usual one.
        timeout: after so many seconds act is killed, and `subprocess.TimeoutExpired` raised.

    Returns:
        The exit code, and everything that was printed, in order, in `stdout`.
    """
    # What containers of another user leave in the workspace cannot be removed by everybody.
    with tempfile.TemporaryDirectory(prefix="act-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        checkout, home = folder / "checkout", folder / "home"
        git(project, "clone", "--quiet", str(project), str(checkout))
        git(checkout, "remote", "set-url", "origin", _ORIGIN)
        home.mkdir()
        environment = {
            **{key: value for key, value in os.environ.items() if key.startswith(_KEPT)},
            "PATH": f"{_shells_without_a_terminal(folder / 'bin')}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            # Docker's plugins and contexts are the user's, what buildx writes is not.
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
            "BUILDX_CONFIG": str(folder / "buildx"),
            "ACT_DISABLE_VERSION_CHECK": "1",
        }
        jobs = yaml.safe_load((checkout / ".github/workflows" / workflow).read_text())["jobs"].values()
        options = ["--workflows", f".github/workflows/{workflow}", "--no-cache-server", "--action-offline-mode"]
        # What is committed is there, also what .gitignore names.
        options += ["--use-gitignore=false"]
        # A job on a runner that act doesn't know is skipped, and the run succeeds.
        options += [f"--platform={job['runs-on']}=-self-hosted" for job in jobs]
        # act calls every run the first. Without the other files it takes what it finds in the project's .env, .secrets, .vars and
        # .input, of which a runner knows nothing; and a secret in its own environment would be in that of each step.
        files: dict[str, Mapping[str, Any]] = {
            "eventpath": _PAYLOADS.get(event, {}) if payload is None else payload,
            "env-file": {"GITHUB_RUN_ID": str(uuid.uuid4().int % 10**11), **env},
            "secret-file": secrets,
            "var-file": {},
            "input-file": {},
        }
        for option, content in files.items():
            # act reads YAML, which JSON is, where a file's name says so.
            (folder / f"{option}.yml").write_text(json.dumps(dict(content)))
            options.append(f"--{option}={folder / option}.yml")
        options += [f"--local-repository={uses}={path}" for uses, path in _stand_ins(jobs, folder, actions)]
        return subprocess.run(
            [str(Path(sys.executable).parent / "act"), event, *options],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )


def actions_run(result: Done) -> list[tuple[str, dict[str, str]]]:
    """Return the actions that a run came to, in order, by `owner/name` and with their inputs; the checkout is not among them."""
    found = re.findall(r"\| stand-in: (\S+) (\{.*\})\s*$", result.stdout, re.MULTILINE)
    return [(name, json.loads(inputs)) for name, inputs in found]


def steps_run(result: Done) -> dict[str, str]:
    """Return `Success` or `Failure` by the name of each step that a run came to; what was skipped is not there."""
    found = re.findall(r"\] +\S+  (Success|Failure) - Main (?!Stand in for)(.*?)(?: \[[^\]]*\])?$", result.stdout, re.MULTILINE)
    return {step: outcome for outcome, step in found}


def _stand_ins(jobs: Iterable[Any], folder: Path, scripts: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Write an action for each foreign one that jobs use; yield each `owner/name@ref`, and the folder that is used instead."""
    inputs: dict[str, set[str]] = {}
    for step in (step for job in jobs for step in job["steps"] if "uses" in step):
        if not step["uses"].startswith(("./", "actions/checkout@")):
            inputs.setdefault(step["uses"], set()).update(step.get("with", {}))
    assert scripts.keys() <= {uses.partition("@")[0] for uses in inputs}, "an action that the workflow does not use"
    for uses, names in inputs.items():
        path, _, ref = uses.partition("@")
        owner, repository, *subfolders = path.split("/")
        says = f"""printf 'stand-in: %s %s\\n' {path} "$(printf %s "$INPUTS" | tr -d '\\n')"\n"""
        step = {
            "name": f"Stand in for {path}",
            "shell": "bash",
            "env": {"INPUTS": "${{ toJSON(inputs) }}"},
            "run": says + scripts.get(path, ""),
        }
        action = {
            "name": path,
            "description": "Stands in for another.",
            "inputs": {name: {"description": name, "required": False} for name in sorted(names)},
            "runs": {"using": "composite", "steps": [step]},
        }
        repository_folder = folder / "actions" / owner / f"{repository}@{ref}"
        target = repository_folder.joinpath(*subfolders)
        target.mkdir(parents=True)
        (target / "action.yml").write_text(yaml.safe_dump(action))
        yield f"{owner}/{repository}@{ref}", repository_folder


def _shells_without_a_terminal(folder: Path) -> Path:
    """Write the shells that run steps: act gives each step a terminal, GitHub none, and Compose prints something else on one."""
    folder.mkdir()
    for name in ("bash", "sh"):
        shell = shlex.quote(need_tool(name))
        (folder / name).write_text(
            f"#!{shutil.which('bash')}\n"
            "[ -t 0 ] && exec </dev/null\n"
            f'[ -t 1 ] || exec {shell} "$@"\n'
            "set -o pipefail\n"
            f'{shell} "$@" 2>&1 | cat\n'
        )
        (folder / name).chmod(0o755)
    return folder
