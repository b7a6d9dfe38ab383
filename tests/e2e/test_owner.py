"""What a container writes into the project's folder belongs to the folder's owner; the image has a fixed user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import Stack
from tests.support import preset


def clone(stack: Stack, owner: int) -> None:
    """Go on in a fresh clone of the project, owned by somebody, in which nothing was set up."""
    stack.go_on_in_a_clone()
    for path in (stack.folder, *stack.folder.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)


def owners(folder: Path) -> set[tuple[int, int]]:
    stats = [path.lstat() for path in (folder, *folder.rglob("*"))]
    return {(stat.st_uid, stat.st_gid) for stat in stats}


@pytest.mark.parametrize("owner", [0, 1000, 1234])
@pytest.mark.parametrize("name", ["01-minimal", "02-full"])
def test_files_belong_to_the_folders_owner_in_a_fresh_clone(make_stack: MakeStack, name: str, owner: int) -> None:
    stack = make_stack(preset(name), onto="fastapi-src")
    clone(stack, owner)
    stack.up()
    assert stack.get_json("/whoami") == {"uid": owner, "gid": owner}
    stack.compose("run", "--rm", "--no-deps", "-T", "app", "sh", "-c", "mkdir made && echo x >made/by-run.txt")
    stack.compose("exec", "-T", "app", "as-owner", "python", "-c", "import inventory; open('by-exec.txt', 'w')")
    written = {"written-by-the-app.txt", "made/by-run.txt", "by-exec.txt"}
    assert written <= {path.relative_to(stack.folder).as_posix() for path in stack.folder.rglob("*")}
    assert owners(stack.folder) == {(owner, owner)}
    assert not list(stack.folder.rglob("__pycache__"))
    # The user has a name and a home that can be written to, which tools ask for.
    out = stack.compose("exec", "-T", "app", "as-owner", "python", "-c", "import getpass; print(getpass.getuser())").stdout
    assert out.strip() == {0: "root"}.get(owner, "dev")
    stack.compose("exec", "-T", "app", "as-owner", "sh", "-c", 'touch "$HOME/x"')
    stack.compose("down")


def test_a_user_of_the_image_gets_its_own_name(make_stack: MakeStack) -> None:
    """Debian's images hold users of their own, such as www-data with 33."""
    stack = make_stack(preset("01-minimal"), onto="fastapi-src")
    clone(stack, 33)
    stack.up()
    assert stack.get_json("/whoami") == {"uid": 33, "gid": 33}


def test_the_image_itself_runs_as_a_fixed_user_without_root(make_stack: MakeStack) -> None:
    stack = make_stack(preset("01-minimal"))
    stack.compose("build")
    image = f"{stack.slug}-app"
    run = ("docker", "run", "--rm", "--network", "none", image)
    assert stack.run(*run, "id", "-u").stdout.strip() == "10001"
    assert stack.run(*run, "sh", "-c", "touch /workspace/x", check=False).returncode != 0
