"""Around an update: keep what Copier would remove and nothing could bring back; afterwards, say what the update did.

Copier runs it in the project before and after each update. It merges the user's edits after all tasks, so that conflicts are seen
here alone.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":  # Ctrl-C prints no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import os
import shutil
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from messages import say, warn
from next_steps import next_commands
from project import git, rendered_by_copier, yaml_of

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions"))
import file_table
from changes import Change

STATE = "chora-compose-template-update"
MOST_LINES = 8
MOST_NAMES = 6


@cache
def state() -> Path:
    """Return the folder, in Git's own, that holds copies during an update."""
    return Path(git("rev-parse", "--git-path", STATE).strip()).absolute()


def before(answers_file: str) -> None:
    """Remember what the old version had rendered, and copy what git ignores: Copier removes what the new version does not write.

    Raises:
        ValueError: with a sentence that says what keeps Copier from an update.
    """
    if stale := rejected():
        raise ValueError(f"Remove {listed(stale)}, then try again: Copier would take it for a conflict of its own.")
    # Those of an update that was killed: what it took away is nowhere else.
    bring_back(missing_only=True)
    shutil.rmtree(state(), ignore_errors=True)
    state().mkdir(parents=True)
    for name in file_table.ignored(Path.cwd()):
        (state() / "ignored" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, state() / "ignored" / name)
    old = rendered_by_copier(answers_file)
    known = file_table.present(Path.cwd(), ["template"]) if old else []
    edited = [name for name in known if old and (old / name).is_file() and (old / name).read_bytes() != Path(name).read_bytes()]
    (state() / "edited").write_text("\n".join(edited), encoding="utf-8")


def bring_back(*, missing_only: bool = False) -> None:
    """Copy what git ignores back to where Copier has removed or, unless only the missing count, replaced it."""
    folder = state() / "ignored"
    for path in sorted(folder.rglob("*")):
        there = Path(path.relative_to(folder))
        if not path.is_file() or (os.path.lexists(there) and (missing_only or there.read_bytes() == path.read_bytes())):
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, there)
        if missing_only:
            warn(f"an update that did not end had taken {there} away: here it is again.")


def restore(answers: dict[str, Any]) -> set[str]:
    """Bring back what Copier has removed or replaced of what is the user's, and return the files that had edits."""
    bring_back()
    for name in answers.get("keep_files") or []:
        if not Path(name).exists() and git("ls-files", "--", name):
            git("checkout", "HEAD", "--", name)
    edited = state() / "edited"
    names = {*edited.read_text(encoding="utf-8").splitlines()} if edited.is_file() else set[str]()
    shutil.rmtree(state(), ignore_errors=True)
    return names


def listed(names: Iterable[str]) -> str:
    """Return names as a text, not more than a line holds."""
    all_names = [*names]
    rest = len(all_names) - MOST_NAMES
    return ", ".join(all_names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def rejected() -> list[str]:
    """Return each `.rej` in the repository that Copier sees, which is how it tells itself what it could not merge."""
    seen = git("status", "--porcelain", "--ignored", "-z").split("\0")
    return [line[3:] for line in seen if line[:2] in ("??", "!!") and line.endswith(".rej")]


def conflicts() -> list[str]:
    """Return the files with conflict markers, and the lines on which these begin."""
    found = []
    for name in dict.fromkeys(git("diff", "--name-only", "--relative", "-z").split("\0")):
        path = Path(name)
        if name and path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            starts = [str(number) for number, line in enumerate(lines, 1) if line.startswith("<<<<<<< before updating")]
            found += [f"{name}:{','.join(starts)}"] if starts else []
    return found


def gone() -> list[str]:
    """Return the template's files that the update has removed."""
    removed = git("diff", "--name-only", "--relative", "--diff-filter=D", "-z", "HEAD").split("\0")
    return [name for name in removed if name and (row := file_table.row_of(name)) and row.whose == "template"]


def replaced_edits(edited: Iterable[str]) -> list[str]:
    """Return the files that git takes for binary, so that Copier has replaced the user's by the template's."""
    names = sorted(edited)
    changed = git("diff", "--numstat", "--no-renames", "--relative", "-z", "HEAD", "--", *names).split("\0") if names else []
    return [line.split("\t")[2] for line in changed if line.startswith("-\t-\t")]


def report(answers_file: str, old: dict[str, Any], new: dict[str, Any], edited: set[str]) -> int:
    """Say what the update did, in at most eight lines, and return the exit code."""
    lines = []
    clashing, unmerged, removed = conflicts(), rejected(), gone()
    if clashing:
        lines.append(f"fix the conflicts in {listed(clashing)}, then `git add` these files.")
    if unmerged:
        what = "holds, then delete it" if len(unmerged) == 1 else "hold, then delete them"
        lines.append(f"apply what {listed(unmerged)} {what}: Copier could not.")
    if lost := [name for name in removed if name in edited]:
        lines.append(f"take what you need of your edits from `git show HEAD:./{lost[0]}`: no longer written are {listed(lost)}.")
    if rest := [name for name in removed if name not in edited]:
        lines.append(f"no longer written, and without edits of yours: {listed(rest)}.")
    if replaced := replaced_edits(edited.difference(removed)):
        lines.append(f"take your edits from `git show HEAD:./{replaced[0]}`: {listed(replaced)} could not be merged as text.")
    option = "" if answers_file == ".copier-answers.yml" else f" -a {answers_file}"
    try:
        lines += Change(old, new, f"copier update --trust{option}").sentences()
    except Exception as error:  # whatever it is: conflicts are said
        lines.append(f"look at `git diff` yourself, what the new answers ask for can't be told: {type(error).__name__}: {error}")
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"read `git diff {answers_file}`: {len(lines) - MOST_LINES + 1} more answers need something."]
    for line in lines:
        warn(line)
    if not clashing and not unmerged:
        say(next_commands(Path.cwd(), new, updated=True))
    return 1 if clashing or unmerged else 0


def main() -> int:
    stage, answers_file = sys.argv[1:3]
    if stage == "before":
        before(answers_file)
        return 0
    old = yaml_of(git("show", f"HEAD:./{answers_file}"))
    new = yaml_of(Path(answers_file).read_text(encoding="utf-8"))
    return report(answers_file, old, new, restore(new))


if __name__ == "__main__":
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except ValueError as error:
        sys.exit(str(error))
    except Exception as error:  # the rendered project is fine, and must not be undone
        warn(f"the report of the update stopped: {type(error).__name__}: {error}")
