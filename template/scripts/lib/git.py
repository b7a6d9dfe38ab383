# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""What git says of this checkout, and its post-checkout hook."""

import json
import os
import re
import shlex
import sys
from pathlib import Path

from .checkouts import repository_of, worktree_of
from .common import ROOT, Done, Marks, Problem, read, run, split_block, warn, write

HEADS = "refs/heads/"
# What git sets for its hooks, and which may point elsewhere.
MISLEADING = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"}
MISLEADING |= {"GIT_PREFIX", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY"}
COPY = "branch-env"  # in the git folder
# It relies neither on a mode, which Windows and some file systems don't know, nor on a
# PATH with Python, which a program with a window may lack: by the one that wrote this.
HOOK = """\
for python in {} python3 python; do
  "$python" -c "" 2>/dev/null && exec "$python" "${{0%/*}}/branch-env" "$@"
done
echo "scripts/branch-env: no python3 was found: run scripts/setup with one" >&2
"""
# The first line of a shell script, maybe by way of env.
SHELL = r"#!\s*(\S*/)?(env\s+(-\S+\s+)*(\S*/)?)?(a|ba|da|k|z)?sh( .*)?"


def git(*arguments: str) -> Done[str]:
    """Run git in this checkout, whether it fails or not."""
    kept = {name: os.environ[name] for name in os.environ.keys() - MISLEADING}
    return run("git", *arguments, check=False, env={**kept, "LC_ALL": "C"})


def say_of(*arguments: str) -> str:
    """Return what git prints; empty where it fails."""
    return git(*arguments).stdout.rstrip("\n")


def need_repository() -> None:
    """Raise a Problem where git has no branches for this project."""
    result = git("rev-parse", "--git-dir")
    reason = result.stderr.strip().partition("\n")[0]
    if "not a git repository" in reason:
        raise Problem(f"{ROOT} is in no Git repository: run `git init` first")
    if result.returncode:
        raise Problem(f"git does not work in {ROOT} ({reason}): fix that, try again")


def has_branch(name: str) -> bool:
    return not git("show-ref", "--verify", "--quiet", HEADS + name).returncode


def renamed(name: str) -> str:
    """Return what a branch that is gone is called now, as far as git remembers."""
    said = say_of("reflog", "--all", "--format=%gs")
    form = f"^Branch: renamed {HEADS}(.+) to {HEADS}(.+)$"
    for old, new in reversed(re.findall(form, said, re.MULTILINE)):
        name = new if old == name else name
    return name if has_branch(name) else ""


def head() -> str:
    """Return the branch here, or that a rebase or a bisection ends on; maybe none."""
    if name := say_of("branch", "--show-current"):
        return name  # also one without a commit
    state = r"^\(no branch, (?:rebasing|bisect started on) (.+)\)$"
    found = re.search(state, say_of("branch", "--format=%(refname)"), re.MULTILINE)
    return found[1] if found and has_branch(found[1]) else ""


def default_branch(remembered: str) -> str:
    """Return the branch that has the project's own ports: the remote's, the usual one."""
    if remote := say_of("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"):
        return remote.partition("refs/remotes/origin/")[2]
    usual = (say_of("config", "init.defaultBranch"), "main", "master", remembered)
    known = (name for name in usual if name and has_branch(name))
    # Else that of the first worktree, or of a bare repository.
    first = read(Path(repository_of(ROOT)[0]) / "HEAD").strip().partition(HEADS)[2]
    return next(known, first)


def copy_scripts(repository: str, prefix: str) -> str:
    """Copy our scripts into the git folder, and return the line for a hook."""
    # So it runs what was set up here, and nothing that a checked-out branch brings.
    folder, copy = ROOT / "scripts", Path(repository, COPY, prefix, "scripts")
    (copy / "lib").mkdir(parents=True, exist_ok=True)
    for one in (folder / "branch-env", folder / "setup", *folder.glob("lib/*.py")):
        write(copy / one.relative_to(folder), read(one), mode=0o755)
    python = shlex.quote(Path(sys.executable).as_posix())
    write(copy / "hook", HOOK.format(python), mode=0o755)
    inside = shlex.quote(prefix or ".")
    script = f"s=$(git rev-parse --git-common-dir)/{COPY}/{inside}/scripts/hook"
    there = f'{script} && [ -f "$s" ] && [ -d {inside} ]'
    work = f'{there} && BRANCH_ENV_ROOT=$PWD/{inside} /bin/sh "$s" sync --hook "$@"'
    # It is short: Ctrl-C ends the checkout, and not this half way.
    return f'[ "$3" != 1 ] || (trap "" INT; {work}) || :'


def hook_file(top: Path) -> Path:
    """Return the hook of the user's that git runs, maybe by way of another tool."""
    hooks = top / say_of("-C", str(top), "rev-parse", "--git-path", "hooks")
    if hooks.parts[-2:] == (".husky", "_"):  # which husky regenerates
        return hooks.with_name("post-checkout")
    if hooks.exists() and not hooks.is_dir():
        raise Problem(f"git's core.hooksPath is {hooks}, no folder: unset it first")
    hook = hooks / "post-checkout"
    # pre-commit runs the former before its own.
    is_other = hook.is_file() and "File generated by pre-commit" in read(hook)
    return hook.with_suffix(".legacy") if is_other else hook


def install(_options: object) -> None:
    """Have git run `sync` after each checkout, once in each clone, beside others."""
    (repository, prefix), (top, _) = repository_of(ROOT), worktree_of(ROOT)
    line = copy_scripts(repository, prefix)
    name = f"hook.branch-env {prefix}".rstrip()
    version = [int(one) for one in re.findall(r"\d+", say_of("version"))[:2]]
    if version >= [2, 54]:  # knows hooks by its configuration, which no tool rewrites
        run("git", "config", f"{name}.event", "post-checkout")
        run("git", "config", f"{name}.command", "f() { " + line + "; }; f")
        return warn(f"git runs sync after each checkout ({name} in its configuration)")
    put_line(hook_file(top), line, f"{prefix}/scripts/branch-env".lstrip("/"), top)


def put_line(hook: Path, line: str, script: str, top: Path) -> None:
    """Put a line into a hook, as a block after its first line."""
    old, is_husky = read(hook), hook.parent.name == ".husky"
    if "lefthook" in old:
        if any(COPY in read(one) for one in top.glob("*lefthook*")):
            return warn("lefthook runs sync after each checkout")
        command = {"run": "sh -c " + shlex.quote(line) + " sh {0}"}
        entry = json.dumps({"post-checkout": {"commands": {"branch-env": command}}})
        raise Problem(f"{hook} is lefthook's: put this into lefthook.yml: {entry}")
    # husky runs what has no first line of that kind, and is not executable, too.
    text = f"#!/bin/sh\n{old}" if not old or is_husky and old[:2] != "#!" else old
    first, _, rest = text.partition("\n")
    idle = hook.exists() and not is_husky and not os.access(hook, os.X_OK)
    if idle or hook.is_symlink() or not re.fullmatch(SHELL, first):
        why = "a link, no shell script, not executable, or has Windows line ends"
        raise Problem(f"{hook} is {why}: mend that, or have it run this: {line}")
    name = f"chora-compose-template: {shlex.quote(script)}"
    marks = Marks(f"# >>> {name}", f"# <<< {name}")
    above, _, below = split_block(rest, marks, str(hook))
    new = "\n".join([first, marks.begin, line, marks.end, above + below])
    if new == old:
        return warn(f"{hook} is up to date")
    hook.parent.mkdir(parents=True, exist_ok=True)
    write(hook, new, mode=0o755)
    return warn(f"wrote {hook}{', which is to be committed' if is_husky else ''}")
