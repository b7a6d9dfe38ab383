"""The template as a repository with tagged versions: its releases, the working tree, and a version that might come next.

Releases are found in the history, not by their tags, so that the tests work in a clone without tags.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support import ROOT, TEMPLATE_PARTS, commit_all, copy_template, git

HEADING = re.compile(r"\+## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}\s*")
WORKING_TREE = "v1000.0.0"
"""The tag of the working tree, uncommitted work included: newer than any release."""
NEXT = "v2000.0.0"
"""The tag of a version made up by a test: newer than the working tree."""


@dataclass(frozen=True)
class Release:
    """A released version of the template."""

    version: str
    """Without a `v`, such as 0.1.0."""
    commit: str
    """The commit that added the version's heading to CHANGELOG.md."""

    @property
    def tag(self) -> str:
        """The tag that the release workflow gives it."""
        return f"v{self.version}"


@dataclass(frozen=True)
class History:
    """What a clone's history tells about releases."""

    releases: tuple[Release, ...]
    """Oldest first."""
    missing: str
    """One sentence on what the clone lacks; empty if it is complete."""


def history(repository: Path) -> History:
    """Find the releases: the commits that added a heading `## [X.Y.Z] - DATE` to CHANGELOG.md.

    Args:
        repository: a clone of the template; one that is shallow or no repository is said to be so, not refused.
    """
    try:
        log = git(
            repository, "log", "--reverse", "--no-color", "--format=commit %H", "--patch", "--unified=0", "--", "CHANGELOG.md"
        )
        shallow_file = repository / git(repository, "rev-parse", "--git-path", "shallow").strip()
    except (subprocess.CalledProcessError, FileNotFoundError):
        return History(
            (), f"{repository} is no Git repository with commits, so that earlier releases are unknown: clone it with git."
        )
    # The oldest commits of a shallow clone seem to have added everything; which release came with which is lost.
    cut = set(shallow_file.read_text().split()) if shallow_file.exists() else set()
    commit, found, lost = "", dict[str, str](), list[str]()
    for line in log.splitlines():
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif (heading := HEADING.fullmatch(line)) and heading[1] not in (*found, *lost):
            if commit in cut:
                lost.append(heading[1])
            else:
                found[heading[1]] = commit
    missing = (
        f"This clone is shallow and lacks the commits of releases {', '.join(lost)}: run `git fetch --unshallow`." if lost else ""
    )
    return History(tuple(Release(version, commit) for version, commit in found.items()), missing)


def presets_of(release: Release) -> list[str]:
    """Return the names of the presets that a release had."""
    names = git(ROOT, "ls-tree", "--name-only", release.commit, "presets/").splitlines()
    return sorted(Path(name).stem for name in names if name.endswith(".yml"))


def preset_of(template: Path, tag: str, name: str) -> dict[str, Any]:
    """Return the answers of a preset as a tagged version of a repository has it."""
    answers = yaml.safe_load(git(template, "show", f"{tag}:presets/{name}.yml"))
    assert isinstance(answers, dict)
    return answers


def with_releases(target: Path) -> Path:
    """Make a repository of the releases, and of the working tree as the newest version.

    It has neither tests nor docs: Copier clones it, and removes the clone again, some five times an update.
    """
    git(ROOT, "clone", "--quiet", "--no-tags", "--no-checkout", str(ROOT), str(target))
    parent: list[str] = []
    for release in history(ROOT).releases:
        entries = git(target, "ls-tree", release.commit).splitlines(keepends=True)
        tree = git(target, "mktree", input="".join(line for line in entries if line.strip().partition("\t")[2] in TEMPLATE_PARTS))
        commit = git(target, "commit-tree", *parent, "-m", f"Release {release.version}", tree.strip()).strip()
        git(target, "tag", release.tag, commit)
        parent = ["-p", commit]
    if parent:
        git(target, "reset", "--quiet", "--soft", parent[-1])
    git(target, "read-tree", "--empty")
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TEMPLATE_PARTS).split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    commit_all(target, "The working tree")
    git(target, "tag", WORKING_TREE)
    return target


def working_tree_alone(target: Path) -> Path:
    """Make a repository whose only version is the working tree: small, and so quick to render from."""
    copy_template(target)
    git(target, "init", "--quiet", "-b", "main")
    commit_all(target, "The working tree")
    git(target, "tag", WORKING_TREE)
    return target


def with_next(working_tree: Path, target: Path, change: Callable[[Path], None]) -> Path:
    """Clone a repository and add a further version.

    Args:
        working_tree: made by `working_tree_alone`.
        target: the clone.
        change: changes the files of the folder that it is given.
    """
    git(working_tree, "clone", "--quiet", str(working_tree), str(target))
    change(target)
    commit_all(target, "The next version")
    git(target, "tag", NEXT)
    return target


def substitute(path: Path, pattern: str, replacement: str) -> None:
    """Replace every match of a regular expression in a file, which must have one."""
    text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count, f"{path} has nothing like {pattern!r}"
    path.write_text(text, encoding="utf-8")
