"""The commands that COMPOSE.md, the README and the documentation print, typed as a reader types them, block after block."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests import pages
from tests.e2e.stack import PORT_VARIABLES, Stack, clean_up_after, free_port, leftovers, unique_slug
from tests.support import ROOT, commit_all, existing_project, render
from tests.update.versions import working_tree_alone

# What a reader's hands do: answer with Enter, commit before an update, end what follows a log, and leave a shell in a container.
HANDS = """
set -eE
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
save() { git add --all && git commit --quiet --message Mine || :; }
copier() {
  if [ "$1" = update ]; then save; fi
  if [ "$1" = copy ]; then set -- "$@" --overwrite; fi
  command copier "$@" --defaults
}
docker() {
  case "$*" in
    "compose logs --follow"*) timeout 5 docker "$@" || [ $? = 124 ] ;;
    "compose exec "[!-]*)
      shift 2
      command docker compose exec -T "$@"
      ;;
    *) command docker "$@" ;;
  esac
}
python() {
  case "$*" in
    "-m "*.server) timeout 5 python "$@" || [ $? = 124 ] ;;
    *) command python "$@" ;;
  esac
}
"""


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's repository, with the working tree as its only version."""
    return working_tree_alone(tmp_path_factory.mktemp("pages") / "template")


def image(slug: str) -> str:
    return f"registry.example.com/{slug}"


def with_name(script: str, printed: str, slug: str) -> str:
    """Return commands with a test's own name in place of the printed one: as a package, and everywhere else."""
    package = slug.replace("-", "_")
    script = re.sub(rf"(?<=src/){printed}\b|\b{printed}(?=\.server\b)", package, script)
    return re.sub(rf"(?<![\w.]){printed}\b(?!\.(?:web|sql))", slug, script)


def type_in(path: Path, page: pages.Page, folder: Path, home: Path, repository: Path, slug: str) -> str:
    """Type the blocks of a page one after the other in one shell, and return what it printed; each has to succeed."""
    text, lines = path.read_text(encoding="utf-8"), [HANDS]
    for number, block in enumerate(pages.blocks(text), 1):
        if pages.start_of(block, page.not_run) is not None:
            continue
        for start, before in page.before.items():
            if block.startswith(start):
                lines.append(before)
        lines += [f"echo '=== block {number}'", block]
    script = "\n".join(lines)
    for printed, typed in {**page.words, "gh:org/chora-compose-template": str(repository)}.items():
        script = script.replace(printed, typed)
    if page.name:
        script = with_name(script, page.name, slug)
    script = re.sub(r"(?<=http://127\.0\.0\.1:)800[04]", "$APP_PORT", script).replace("127.0.0.1:1080", "127.0.0.1:$MAIL_PORT")
    yaml = re.search(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    environment = {
        **os.environ,
        "HOME": str(home),
        "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
        "PATH": os.pathsep.join([str(home / "bin"), str(ROOT / ".venv" / "bin"), os.environ["PATH"]]),
        "UV_TOOL_DIR": str(home / "tools"),
        "UV_TOOL_BIN_DIR": str(home / "bin"),
        "BUILDX_GIT_INFO": "false",
        "IMAGE": image(slug),
        **{name: str(free_port()) for name in (*PORT_VARIABLES, "HTTP_PORT", "HTTPS_PORT", "FILES_PORT", "FREE_PORT")},
        "YAML": yaml[1] if yaml else "",
        **{f"GIT_{who}_{what}": "reader@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400
    )
    if done.returncode:
        typed = script.removeprefix(HANDS)
        pytest.fail(f"{path}\n{typed}\n--- printed\n{done.stdout[-2000:]}\n--- errors\n{done.stderr[-2000:]}", pytrace=False)
    seen = done.stdout
    for expected in page.expects:
        assert expected in seen, f"{expected} is not in\n{done.stdout}\n{done.stderr[-3000:]}"
        seen = seen.partition(expected)[2]
    return done.stdout


def read(page: pages.Page, path: Path, tmp_path: Path, repository: Path) -> None:
    """Do what a page says, as somebody who has what it begins with, and see that nothing of the project is left on the engine."""
    slug = unique_slug()
    folder = tmp_path / slug
    (tmp_path / "home").mkdir()
    with clean_up_after(Stack(folder, slug)):
        if page.onto:
            existing_project(page.onto, folder)
        if page.answers is not None and page.rendered:
            answers = page.answers | ({"image_name": image(slug)} if page.answers.get("production") else {})
            render(repository, folder, answers, hook=True, state=Path(os.environ["XDG_STATE_HOME"]))
        if page.answers is None:
            type_in(path, page, tmp_path, tmp_path / "home", repository, slug)
        else:
            commit_all(folder, "Mine")
            type_in(folder / path, page, folder, tmp_path / "home", repository, slug)
    assert leftovers(slug) == []


@pytest.mark.parametrize("name", pages.GUIDES)
def test_what_compose_md_prints_works(name: str, repository: Path, tmp_path: Path) -> None:
    read(pages.GUIDES[name], Path("COMPOSE.md"), tmp_path, repository)


@pytest.mark.parametrize("path", pages.PAGES)
def test_what_a_page_prints_works(path: str, repository: Path, tmp_path: Path) -> None:
    read(pages.PAGES[path], ROOT / path, tmp_path, repository)
