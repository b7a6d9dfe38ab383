"""What a next version of the template may bring, beyond what every update is tested for."""

from __future__ import annotations

from pathlib import Path

from tests.support import commit_all, existing_project, files, git, preset, render, run_copier
from tests.update.projects import adopt, generated, own_answers, update
from tests.update.versions import NEXT, WORKING_TREE, substitute, with_next

# The tag of a version between the working tree and the one that comes next.
OLDER = "v1500.0.0"


def test_old_and_new_rendering_use_the_extensions_of_their_own_version(working_tree: Path, tmp_path: Path) -> None:
    def change(template: Path) -> None:
        substitute(template / "template" / "scripts" / "lib" / "names.py", r'"redis": \(6379', '"redis": (6390')
        commands = template / "extensions" / "facts" / "commands.py"
        newer = '\n\ndef exec_form(command: str) -> str:\n    return json.dumps(["nice", *words(command)])\n'
        commands.write_text(f"{commands.read_text(encoding='utf-8')}{newer}", encoding="utf-8")

    template = with_next(working_tree, tmp_path / "template", change)
    project = generated(template, tmp_path / "shop", preset("02-full"), hook=False, version=WORKING_TREE)

    update(project, hook=True)

    assert set(git(project, "diff", "--name-only").split()) >= {".copier-answers.yml", "Dockerfile", "docker-compose.yml"}
    diff = git(project, "diff", "--unified=0", "docker-compose.yml").splitlines()
    words = '"uvicorn", "shop.server:app", "--host", "0.0.0.0", "--port", "8000", "--reload", "--reload-dir", "src", '
    words += '"--timeout-graceful-shutdown", "1"]'
    assert [line for line in diff[2:] if line[0] in "+-" and not line.startswith(("+++", "---"))] == [
        f"-    command: [{words}",
        f'+    command: ["nice", {words}',
        '-      - "127.0.0.1:${REDIS_PORT:-6379}:6379"',
        '+      - "127.0.0.1:${REDIS_PORT:-6390}:6379"',
    ]


def test_old_and_new_rendering_read_the_project_with_the_package_of_their_own_version(working_tree: Path, tmp_path: Path) -> None:
    def probe(template: Path) -> None:
        # Asked while files are rendered: what is found besides is an answer by then.
        lines = "workdir: {{ found('workdir') }}", "python: {{ newest_python('', ['3.11'], '3.11') }}", "mine: no\n"
        (template / "template" / "probe.txt.jinja").write_text("\n\n".join(lines), encoding="utf-8")

    def change(template: Path) -> None:
        reading = template / "extensions" / "reading"
        substitute(reading / "image.py", '"/workspace"', '"/newer"')
        substitute(reading / "versions.py", "^        return preferred if .*", '        return "9.9"')

    older = with_next(working_tree, tmp_path / "older", probe)
    git(older, "tag", OLDER)
    git(older, "tag", "-d", NEXT)
    template = with_next(older, tmp_path / "template", change)
    project = generated(template, tmp_path / "shop", preset("01-minimal"), hook=False, version=OLDER)
    assert (project / "probe.txt").read_text() == "workdir: /workspace\n\npython: 3.11\n\nmine: no\n"
    substitute(project / "probe.txt", "no", "yes")
    commit_all(project, "Mine")

    update(project)

    assert (project / "probe.txt").read_text() == "workdir: /newer\n\npython: 9.9\n\nmine: yes\n"


def test_an_edit_near_a_changed_line_is_kept(working_tree: Path, tmp_path: Path) -> None:
    def change(template: Path) -> None:
        substitute(template / "includes" / "healthcheck.yml.jinja", r"retries: \d+", "retries: 25")

    template = with_next(working_tree, tmp_path / "template", change)
    project = generated(template, tmp_path / "shop", preset("02-full"), hook=False, version=WORKING_TREE)
    substitute(project / "docker-compose.yml", r" interval: \w+", " interval: 7s")
    commit_all(project, "Ask less often")

    update(project)

    compose = (project / "docker-compose.yml").read_text()
    assert compose.count(" interval: 7s") == compose.count("retries: 25") == 3


def test_a_new_default_is_for_new_projects_alone(changed: Path, tmp_path: Path) -> None:
    project = generated(changed, tmp_path / "shop", preset("01-minimal"), hook=False, version=WORKING_TREE)
    answers = own_answers(project)
    newer = own_answers(render(changed, tmp_path / "newer", preset("01-minimal")))
    assert (answers["python_version"], newer["python_version"]) == ("3.13", "3.14")
    # That an update keeps the old answer is part of test_from_every_version.py.


def test_what_existed_at_adoption_is_kept_also_from_a_later_version(changed: Path, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    own = {
        "Dockerfile": "FROM my-base\nWORKDIR /srv\n",
        ".dockerignore": "*.log\n",
        "COMPOSE.md": "# Mine\n",
        ".env.defaults": "POSTGRES_USER=me\nPOSTGRES_PASSWORD=mine\nPOSTGRES_DB=mine\n",
    }
    for name, text in own.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    commit_all(project, "My own files")
    adopted = files(project)
    adopt(changed, project, preset("02-full"), vcs_ref=WORKING_TREE)

    update(project, hook=True)

    after = files(project)
    assert "new.cfg" in after
    assert after | adopted | {".gitignore": after[".gitignore"]} == after
    assert after[".gitignore"].startswith(adopted[".gitignore"])
    assert "/srv" in after["docker-compose.yml"].decode(), "the working folder is still the one of the own Dockerfile"


def test_another_name_moves_neither_the_starter_nor_the_volumes(changed: Path, tmp_path: Path) -> None:
    project = generated(changed, tmp_path / "shop", preset("03-hybrid"), hook=False, version=WORKING_TREE)
    server = project / "src" / "shop" / "server.py"
    server.write_text("app = 'mine'\n")
    deleted = {"src/shop/services.py", "pyproject.toml"}
    for name in deleted:
        (project / name).unlink()
    commit_all(project, "My changes")

    update(project, package_name="store", project_name="The Store")

    after = files(project)
    assert "# The Store in" in after["COMPOSE.md"].decode()
    assert own_answers(project)["project_slug"] == "shop"
    assert "name: shop\n" in after["docker-compose.yml"].decode(), "the Compose project, whose volumes hold the data"
    assert server.read_text() == "app = 'mine'\n"
    assert not [name for name in after if "store" in name]
    assert not after.keys() & deleted


def test_a_recopy_keeps_what_is_yours(changed: Path, tmp_path: Path) -> None:
    project = generated(changed, tmp_path / "shop", preset("02-full"), version=WORKING_TREE)
    for name in ("src/shop/server.py", ".env.defaults", ".env.local", "pyproject.toml"):
        (project / name).write_text(f"# mine\n{(project / name).read_text()}")
    commit_all(project, "My changes")
    before = files(project)

    done = run_copier("recopy", "--trust", "--defaults", "--overwrite", cwd=project)

    assert done.returncode == 0, done.stderr
    after = files(project)
    assert {name for name in before if after.get(name) != before[name]} == {
        ".copier-answers.yml",
        "COMPOSE.md",
        "docker-compose.yml",
    }
