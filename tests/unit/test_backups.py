"""Scripts for the production database, as far as they need no engine: what is complete, where from, and who is let in."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import load, render, scripts_of


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The lock has the slug in its name, for the whole machine.
    slug = f"shop-{uuid.uuid4().hex[:8]}"
    answers = {"stack": "full", "production": True, "postgres_version": "17", "project_slug": slug}
    return render(template, tmp_path_factory.mktemp("backups") / "shop", answers)


@pytest.fixture
def scripts(project: Path) -> Iterator[Path]:
    """The folder of the scripts, which find each other by their plain names."""
    with scripts_of(project / "scripts"):
        yield project / "scripts"
        Path(import_module("lib.production").LOCK).unlink(missing_ok=True)


@pytest.fixture
def database(scripts: Path) -> ModuleType:  # noqa: ARG001 - imported from there
    return import_module("lib.postgres")


@pytest.fixture
def upgrade(scripts: Path) -> ModuleType:
    return load(scripts / "upgrade-postgres", "upgrade_postgres")


def test_a_file_is_there_when_it_is_complete_and_for_its_owner_alone(database: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "shop.dump"
    with database.complete_file(path) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it" and path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_file_that_is_not_complete_leaves_the_one_before(
    database: ModuleType, tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "shop.dump"
    path.write_text("before")
    with pytest.raises(error), database.complete_file(path) as file:
        file.write(b"half of")
        raise error
    assert path.read_text() == "before" and [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(("name", "sentence"), [("missing/a.dump", "there is no folder"), ("", "is a folder")])
def test_a_file_that_has_no_place_is_a_problem(database: ModuleType, tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(database.Problem, match=sentence), database.complete_file(tmp_path / name):
        pytest.fail("there is nothing to write to")


@pytest.mark.parametrize(
    ("known", "mounted", "chosen"),
    [
        ({15: "v-15"}, set(), 15),
        ({15: "v-15", 16: "v-16"}, set(), 16),
        ({15: "v-15", 16: "v-16", 17: "v-17"}, {"v-15"}, 15),
        ({9: "v-9", 10: "v-10", 18: "v-18"}, {"v-18", ""}, 10),
    ],
)
def test_an_upgrade_comes_from_what_runs_else_from_the_newest_before(
    upgrade: ModuleType, known: dict[int, str], mounted: set[str], chosen: int
) -> None:
    assert upgrade.choose(known, mounted) == chosen


@pytest.mark.parametrize(
    ("known", "sentence"), [({}, "no database yet"), ({17: "v"}, "of Postgres 17 already"), ({18: "v"}, "no")]
)
def test_without_an_older_volume_there_is_nothing_to_upgrade(upgrade: ModuleType, known: dict[int, str], sentence: str) -> None:
    with pytest.raises(upgrade.Problem, match=f"nothing to upgrade: .*{sentence}"):
        upgrade.choose(known, set())


@pytest.mark.parametrize(
    ("major", "mount", "data"),
    [
        (15, "/var/lib/postgresql/data", "/var/lib/postgresql/data"),
        (17, "/var/lib/postgresql/data", "/var/lib/postgresql/data"),
        (18, "/var/lib/postgresql", "/var/lib/postgresql/18/docker"),
    ],
)
def test_files_are_where_the_images_have_them(upgrade: ModuleType, major: int, mount: str, data: str) -> None:
    assert (upgrade.mount(major), upgrade.data(major)) == (mount, data)


def test_only_the_statement_that_makes_the_role_is_left_out_of_a_dump(upgrade: ModuleType) -> None:
    program = re.search(r"sed '(.*)' \|", upgrade.READ_IN)
    assert program
    dump = "--\n\nCREATE ROLE app;\nALTER ROLE app;\nCREATE ROLE app2;\nCOPY t FROM stdin;\nCREATE ROLE app;\n\\.\n"
    left = subprocess.run(["sed", program[1]], input=dump, capture_output=True, text=True, check=True).stdout
    assert left == dump.replace("CREATE ROLE app;", "", 1)


def finish(upgrade: ModuleType, folder: Path) -> int:
    """Run the script for the new volume, with a folder in the place of the database's."""
    return subprocess.run(["sh", "-ec", upgrade.FINISH.replace(upgrade.DATA, str(folder))], capture_output=True).returncode


def test_files_of_a_new_database_get_into_place_the_one_that_makes_it_one_last(upgrade: ModuleType, tmp_path: Path) -> None:
    def look() -> str:
        return subprocess.check_output(["sh", "-ec", upgrade.LOOK], text=True, env={"PGDATA": str(tmp_path)}).strip()

    unfinished = tmp_path / upgrade.UNFINISHED
    (unfinished / "base").mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("17\n")
    assert look() == "empty"
    (tmp_path / "base" / "base").mkdir(parents=True)
    (tmp_path / "base" / "base" / "in the way").touch()
    assert finish(upgrade, tmp_path) and look() == "empty"

    shutil.rmtree(tmp_path / "base")
    assert finish(upgrade, tmp_path) == 0 and look() == "filled"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["PG_VERSION", "base", upgrade.UNFINISHED]
    # It goes when the database starts: until then nothing was written there.
    unfinished.rmdir()


@pytest.mark.parametrize(("name", "argument"), [("restore", "missing.dump"), ("upgrade-postgres", ""), ("deploy", "1")])
def test_two_scripts_for_production_do_not_work_at_once(scripts: Path, name: str, argument: str) -> None:
    production = import_module("lib.production")
    with production.lock():
        command = [str(scripts / name), *argument.split()]
        result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert (
        result.stderr
        == f"scripts/{name}: another deployment, backup or restore of {production.PROJECT} is running: nothing was done\n"
    )


def test_a_backup_waits_for_a_deployment_and_can_be_interrupted_meanwhile(scripts: Path) -> None:
    production = import_module("lib.production")
    with production.lock(), subprocess.Popen([scripts / "backup"], stderr=subprocess.PIPE, text=True) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=2)
        waiting.send_signal(signal.SIGTERM)
        assert waiting.communicate()[1] == "scripts/backup: interrupted\n"


def test_the_lock_is_one_of_the_machines_and_nobodys_who_has_nothing_to_do_with_docker(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = import_module("lib.production")
    with production.lock():
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        second = subprocess.run([scripts / "deploy", "1"], capture_output=True, text=True)
        assert "is running: nothing was done" in second.stderr
    found = Path(production.LOCK).stat()
    socket = Path("/var/run/docker.sock")
    if socket.exists() and os.geteuid() == 0:
        assert (found.st_gid, found.st_mode & 0o777) == (socket.stat().st_gid, 0o640)
    if os.geteuid() == 0:
        blocked = ["flock", "--nonblock", production.LOCK, "true"]
        assert subprocess.run(blocked, user=65534, group=65534, extra_groups=[], capture_output=True).returncode
    # One of an earlier release is closed to others when the first of its owner's scripts takes it.
    Path(production.LOCK).chmod(0o644)
    with production.lock():
        assert Path(production.LOCK).stat().st_mode & 0o007 == 0


@pytest.mark.usefixtures("scripts")
def test_a_lock_ends_with_its_block() -> None:
    production = import_module("lib.production")
    for _ in range(2):
        with production.lock():
            pass
    with production.lock(), pytest.raises(production.Problem), production.lock():
        pytest.fail("the lock was taken twice")
