"""0.6.0 has other scripts: edits of a user's in those of earlier releases are carried over where that is clean, else kept aside.

Copier runs it in the project before and after an update. Copier deletes what the template no longer has, edits included, and
merges edits into text that is not there any more. So `before` notes which scripts have edits, and changes nothing, because an
answer may still be refused; `after` takes the new script where Copier left a conflict, and writes the user's to `<name>.orig`.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "hooks"))
from project import rendered_by_copier

STATE = "chora-compose-template-0.6.0"


def say(text: str) -> None:
    print(f"Note: {text}", file=sys.stderr, flush=True)


def git(*arguments: str) -> str:
    """Run git in the project, and return what it prints."""
    return subprocess.run(["git", *arguments], check=True, capture_output=True, encoding="utf-8").stdout.rstrip("\n")


def text_of(what: str) -> bytes:
    """Return a file as Git has it."""
    return subprocess.run(["git", "show", what], check=True, capture_output=True).stdout


def state() -> Path:
    """Return the folder, in Git's own, where the old scripts wait for the second half."""
    return Path(git("rev-parse", "--git-path", STATE)).absolute()


def rendered_before(answers: dict[str, Any], target: Path) -> Path:
    """Render the project as the release had it that it was made with.

    Args:
        answers: the project's answers file.
        target: an empty folder.
    """
    import copier  # takes a third of a second, and is rarely needed

    own = {name: value for name, value in answers.items() if not name.startswith("_")}
    options: dict[str, Any] = {"defaults": True, "unsafe": True, "quiet": True, "skip_tasks": True, "overwrite": True}
    copier.run_copy(answers["_src_path"], target, data=own, vcs_ref=answers["_commit"], **options)
    return target


def before(answers_file: str) -> None:
    """Remember which scripts are not as they were rendered."""
    answers = yaml.safe_load(Path(answers_file).read_text(encoding="utf-8"))
    shutil.rmtree(state(), ignore_errors=True)
    if not Path("scripts").is_dir():
        return
    # Under this name the extensions take it for one of Copier's own temporary renderings.
    with tempfile.TemporaryDirectory(prefix="copier._main.") as folder:
        old = rendered_by_copier(answers_file) or rendered_before(answers, Path(folder) / Path.cwd().name)
        for path in sorted((old / "scripts").rglob("*")):
            name = path.relative_to(old)
            if path.is_file() and name.is_file() and name.read_bytes() != path.read_bytes():
                note = state() / name
                note.parent.mkdir(parents=True, exist_ok=True)
                note.touch()


def after() -> None:
    """Leave what Copier has merged; else keep the user's version beside the new script."""
    aside = []
    for note in sorted(path for path in state().rglob("*") if path.is_file()):
        name = note.relative_to(state())
        if name.is_file() and not git("ls-files", "--unmerged", "--", str(name)):
            continue
        own = Path(f"{name}.orig")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes(text_of(f"HEAD:./{name.as_posix()}"))
        if name.is_file():
            name.write_bytes(text_of(f":3:./{name.as_posix()}"))
        aside.append(str(own))
        git("reset", "--quiet", "--", str(name))
    shutil.rmtree(state(), ignore_errors=True)
    if aside:
        names = " ".join(map(shlex.quote, aside))
        say(f"carry your changes over from {names} and remove what you no longer need: this release has rewritten these scripts.")


if __name__ == "__main__":
    stage, file = sys.argv[1:]
    try:
        before(file) if stage == "before" else after()
    except Exception as error:  # whatever it is, the update must go on: your edits are in the last commit
        say(f"compare scripts/ with `git show HEAD:scripts` for edits of your own, which could not be kept: {error}")
