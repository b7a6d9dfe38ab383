"""Ports: every environment of a machine has its own, all within bounds; and the slot that a project gets there."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import copier
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jinja2 import Environment

from tests.support import ROOT, commit_all, copy_template, extension, git, load, render

ports = extension("ports")
slots = st.integers(0, 9)
offsets = st.integers(0, 2400)
services = st.sampled_from(["app", "db", "redis", "gateway", "mail", "smtp"])

# The Fetch standard's "bad ports", https://fetch.spec.whatwg.org/#port-blocking
REFUSED = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111}
    | {113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548}
    | {554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566}
    | {6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)


@pytest.mark.parametrize(
    ("service", "slot", "offset", "port"),
    [
        ("app", 0, 0, 8000),
        ("db", 0, 0, 5432),
        ("redis", 0, 0, 6379),
        ("gateway", 0, 0, 5678),
        ("mail", 0, 0, 1080),
        ("smtp", 3, 0, 1028),
        ("app", 1, 0, 8001),
        ("db", 1, 0, 5433),
        ("app", 2, 0, 8002),
        ("db", 2, 0, 5434),
        ("app", 0, 1, 8010),
        ("app", 9, 2400, 32009),
    ],
)
def test_a_port_is_the_documented_one(service: str, slot: int, offset: int, port: int) -> None:
    assert ports.port(service, slot, offset) == port


@given(services, slots, offsets, slots, offsets)
def test_two_environments_never_share_a_port_of_a_service(
    service: str, slot: int, offset: int, other_slot: int, other_offset: int
) -> None:
    if (slot, offset) != (other_slot, other_offset):
        port = allowed(service, slot, offset)
        assume(port is not None)
        assert port != allowed(service, other_slot, other_offset)


@given(services, slots, offsets)
def test_a_port_needs_no_root_and_is_below_those_that_systems_hand_out(service: str, slot: int, offset: int) -> None:
    port = allowed(service, slot, offset)
    assert port is None or 1024 <= port < 32768


def test_main_environments_of_all_slots_never_share_a_port() -> None:
    every = [ports.port(service, slot) for service in ports.BASES for slot in range(10)]
    assert len(every) == len(set(every))


def allowed(service: str, slot: int, offset: int) -> int | None:
    """Return a port, None where there is none for these."""
    try:
        port = ports.port(service, slot, offset)
    except ValueError:
        return None
    assert isinstance(port, int)
    return port


def test_no_browser_refuses_a_port() -> None:
    every = itertools.product(("app", "gateway", "mail"), range(10), range(2401))
    assert [triple for triple in every if allowed(*triple) in REFUSED] == []


def test_every_slot_has_its_main_environment() -> None:
    assert all(allowed(service, slot, 0) for service in ports.BASES for slot in range(10))


@pytest.mark.parametrize(
    ("service", "slot", "offset"), [("ftp", 0, 0), ("app", -1, 0), ("app", 10, 0), ("app", 0, -1), ("db", 0, 2401)]
)
def test_what_is_out_of_range_is_an_error_that_says_so(service: str, slot: int, offset: int) -> None:
    wrong = service if service == "ftp" else slot if not 0 <= slot < 10 else offset
    with pytest.raises(ValueError, match=str(wrong)):
        ports.port(service, slot, offset)


@given(services, slots)
def test_the_published_port_can_be_moved_by_a_variable(service: str, slot: int) -> None:
    names = ("APP_PORT", "POSTGRES_PORT", "REDIS_PORT", "N8N_PORT", "MAIL_PORT", "SMTP_PORT")
    variable = dict(zip(("app", "db", "redis", "gateway", "mail", "smtp"), names, strict=True))[service]
    assert ports.published(service, slot) == f"${{{variable}:-{ports.port(service, slot)}}}"


# The slot of a project: the registry itself is tested in test_environments.py.


@pytest.fixture
def fresh() -> ModuleType:
    """The extension as a rendering loads it: it has said nothing yet."""
    return load(ROOT / "extensions" / "ports.py", "chora_ports_of_one_rendering")


def held(fresh: ModuleType) -> dict[str, int]:
    """Return the slot of each project on the machine, by its folder's name."""
    with fresh.registry() as machine:
        return {Path(entry["folder"]).name: entry["slot"] for entry in machine.entries}


def rendered(folder: Path, slot: int) -> None:
    """Leave what a rendering leaves that has come to its end."""
    folder.mkdir()
    (folder / ".copier-answers.yml").write_text(f"port_slot: {slot}\nproject_slug: {folder.name}\n")


def settled(fresh: ModuleType, folder: Path, slot: int) -> None:
    """Have a project in a slot, as the hook notes it at the end of a rendering."""
    rendered(folder, slot)
    with fresh.registry() as machine:
        machine.settle(folder, folder.name, slot)


@contextmanager
def rendering(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Have a process that asks for a slot, and then goes on for as long as it is needed."""
    head = f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {str(ROOT / 'extensions')!r})\n"
    code = f"{head}import ports; from pathlib import Path\nprint(ports.free_slot(Path({str(folder)!r}), 'shop'), flush=True)"
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", f"{code}\nsys.stdin.readline()"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        yield process
        process.kill()


def slot_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    return int(process.stdout.readline())


def test_a_project_gets_the_lowest_slot_that_no_other_holds(fresh: ModuleType, tmp_path: Path) -> None:
    for slot in (0, 1, 3):
        settled(fresh, tmp_path / f"p{slot}", slot)
    assert fresh.free_slot(tmp_path / "shop", "shop") == 2
    assert fresh.free_slot(tmp_path / "blog", "blog") == 4
    assert fresh.free_slot(tmp_path / "shop", "shop") == 2, "Copier asks for a default several times"
    assert held(fresh) == {"p0": 0, "p1": 1, "p3": 3, "shop": 2, "blog": 4}


@pytest.mark.parametrize("probes", [True, False])
def test_a_slot_on_which_something_listens_is_passed_over(probes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORA_COMPOSE_PROBE", "" if probes else "no")
    fresh = load(ROOT / "extensions" / "ports.py", "chora_ports_that_probe")

    def are_free(slot: int) -> bool:
        return all(map(fresh.names.is_free, fresh.names.ports(slot).values()))

    with socket.socket() as program:
        first = next(filter(are_free, range(10)))
        program.bind(("127.0.0.1", fresh.port("redis", first)))
        program.listen()
        found = fresh.free_slot(tmp_path / "shop", "shop")
        assert (found > first, are_free(found)) == (True, True) if probes else found == 0


def test_a_slot_whose_ports_somebody_has_set_in_env_is_held_too(fresh: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with fresh.registry() as machine:
        machine.settle(tmp_path / "other", "other", 0, given={"db": 5433})
    assert fresh.free_slot(tmp_path / "shop", "shop") == 2


def test_a_project_whose_folder_is_gone_frees_its_slot(fresh: ModuleType, tmp_path: Path) -> None:
    for slot in range(3):
        settled(fresh, tmp_path / f"p{slot}", slot)
    shutil.rmtree(tmp_path / "p1")
    assert fresh.free_slot(tmp_path / "shop", "shop") == 1


def test_a_project_that_is_rendered_again_keeps_its_slot(fresh: ModuleType, tmp_path: Path) -> None:
    for slot in range(3):
        settled(fresh, tmp_path / f"p{slot}", slot)
    shutil.rmtree(tmp_path / "p0")
    assert fresh.free_slot(tmp_path / "p2", "p2") == 2


@pytest.mark.parametrize("existing", [False, True])
def test_a_rendering_that_was_given_up_frees_its_slot(existing: bool, fresh: ModuleType, tmp_path: Path) -> None:
    if existing:
        (tmp_path / "given-up").mkdir()
    with rendering(tmp_path / "given-up") as process:
        assert slot_of(process) == 0
        assert fresh.free_slot(tmp_path / "meanwhile", "meanwhile") == 1
    assert fresh.free_slot(tmp_path / "shop", "shop") == 0
    assert held(fresh) == {"meanwhile": 1, "shop": 0}


def test_a_rendering_without_the_hook_holds_its_slot(fresh: ModuleType, tmp_path: Path) -> None:
    with rendering(tmp_path / "shop") as process:
        rendered(tmp_path / "shop", slot_of(process))
    assert fresh.free_slot(tmp_path / "blog", "blog") == 1
    assert held(fresh) == {"shop": 0, "blog": 1}


def test_ten_renderings_at_once_get_ten_slots_and_the_eleventh_a_warning(fresh: ModuleType, tmp_path: Path) -> None:
    with ExitStack() as all_of_them:
        processes = [all_of_them.enter_context(rendering(tmp_path / f"p{number}")) for number in range(10)]
        assert sorted(slot_of(process) for process in processes) == [*range(10)]
        eleventh = all_of_them.enter_context(rendering(tmp_path / "eleventh"))
        out, said = eleventh.communicate("end\n")
        assert int(out) == 0
        assert said == ("All ten port slots of this machine are held: this one gets slot 0, set other ports in .env.\n")
        assert sorted(held(fresh).values()) == [*range(10)]


def test_where_all_slots_are_held_only_one_of_the_rendering_and_its_hook_says_so(
    fresh: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for slot in range(10):
        settled(fresh, tmp_path / f"p{slot}", slot)
    text = Environment(extensions=[fresh.PortsExtension]).from_string("{{ free_slot('shop') }}")
    assert text.render(_copier_conf={"dst_path": tmp_path / "shop", "skip_tasks": False}) == "0"
    assert capsys.readouterr().err == ""
    assert text.render(_copier_conf={"dst_path": tmp_path / "shop", "skip_tasks": True}) == "0"
    assert capsys.readouterr().err.startswith("All ten port slots of this machine are held")


def test_a_warning_is_read_once_however_often_copier_asks(
    fresh: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for slot in range(10):
        settled(fresh, tmp_path / f"p{slot}", slot)
    assert [fresh.free_slot(tmp_path / "shop", "shop") for _ in range(3)] == [0, 0, 0]
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("temporary", ["copier._main.old_copy.x1", "copier._main.new_copy.x1"])
def test_the_temporary_renderings_of_an_update_hold_nothing(temporary: str, fresh: ModuleType, tmp_path: Path) -> None:
    jinja = Environment(extensions=[fresh.PortsExtension])
    text = jinja.from_string("{{ free_slot('shop') }}")
    assert text.render(_copier_conf={"dst_path": tmp_path / temporary}) == "0"
    assert held(fresh) == {}
    assert text.render(_copier_conf={"dst_path": tmp_path / "shop"}) == "0"
    assert held(fresh) == {"shop": 0}


def test_a_real_update_holds_no_more_than_the_project_did(
    fresh: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = copy_template(tmp_path / "template")
    git(template, "init", "--quiet")
    for version in ("v1.0.0", "v2.0.0"):
        commit_all(template, version)
        git(template, "tag", version)
    state = tmp_path / "state"
    project = render(template, tmp_path / "shop", vcs_ref="v1.0.0", state=state)
    git(project, "init", "--quiet")
    commit_all(project, "Shop")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    before = held(fresh)
    copier.run_update(project, defaults=True, unsafe=True, quiet=True, skip_tasks=True, overwrite=True)
    assert "_commit: v2.0.0\n" in (project / ".copier-answers.yml").read_text()
    assert held(fresh) == before == {"shop": 0}


def test_a_registry_that_cannot_be_used_is_slot_0_and_one_warning(
    fresh: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    assert [fresh.free_slot(tmp_path / "shop", "shop") for _ in range(3)] == [0, 0, 0]
    [line] = capsys.readouterr().err.splitlines()
    assert "can't be used" in line


def test_the_guide_names_what_the_first_branch_gets(fresh: ModuleType, tmp_path: Path) -> None:
    with fresh.registry() as machine:
        (tmp_path / ".git").mkdir()
        entry = machine.settle(tmp_path, "shop", 3, "feature/auth")
    jinja = Environment(extensions=[fresh.PortsExtension])
    text = jinja.from_string("{{ environment_name('shop', 'feature/auth') }} {{ branch_port('db', 'shop', 3, 'feature/auth') }}")
    assert text.render() == f"{entry['name']} {entry['ports']['db']}"
