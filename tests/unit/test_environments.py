"""The environments of a machine: names and ports that no two share, and a registry that survives what happens to files."""

from __future__ import annotations

import ast
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import ROOT, load, need_tool, preferred_offset, render, run, without_privileges

# The hook imports the modules of projects, which are tested here.
hook = load(ROOT / "hooks" / "post_generation.py", "post_generation_tested")
checkouts, common, hub, names = (import_module(f"lib.{name}") for name in ("checkouts", "common", "hub", "names"))
registry_file = import_module("lib.registry")
slots = load(ROOT / "extensions" / "slots.py", "slots_tested")
SCRIPTS = ROOT / "template" / "scripts"
REGISTRY = ("names", "checkouts", "registry")
MODULES = sorted((SCRIPTS / "lib").glob("*.py"))

Entry = dict[str, Any]
HOST_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
# What Git allows in the name of a branch that is hard on shells, files of variables and host names.
NASTY = [
    "feature/auth",
    "it's",
    'say-"hi"',
    'it\'s-"both"',
    "$HOME-${USER}-$(id)-`id`",
    "it's-$5",
    "a#b",
    "#1",
    "a=b",
    "a;b&c|d",
    "100%",
    "!x",
    "(x){y}",
    "<a>,b",
    "dépêche/日本",
    "@",
]
slugs = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
# Few pieces, so that branches are often alike.
pieces = ["a", "A", "b", "/", "-", "--", "_", ".", "é", "e\u0301", "日", "test", "prod", "Test", "0123abcd", "ef", "x" * 50]
branches = st.one_of(
    st.lists(st.sampled_from(pieces), min_size=1, max_size=6).map("".join),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100),
)


# Helpers: projects as they are on a disk, and the registry.


def project(folder: Path, *names: str, slot: int = 0) -> Path:
    """Make a rendered project by hand, with its repository and its branches as git keeps them."""
    for name in ("main", *names):
        add_branch(folder, name)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".copier-answers.yml").write_text(f"port_slot: {slot}\nproject_slug: {folder.name}\n")
    return folder


def add_branch(folder: Path, name: str) -> None:
    ref = folder / ".git" / "refs" / "heads" / name
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(f"{'0' * 40}\n")


def remove_branch(folder: Path, name: str) -> None:
    (folder / ".git" / "refs" / "heads" / name).unlink()


def worktree(main: Path, branch: str) -> Path:
    """Add a worktree by hand, as `git worktree add` does."""
    folder = main.with_name(f"{main.name}@{branch.replace('/', '-')}")
    own = main / ".git" / "worktrees" / folder.name
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    (own / "gitdir").write_text(f"{folder}/.git\n")
    (own / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    folder.mkdir()
    (folder / ".git").write_text(f"gitdir: {own}\n")
    shutil.copy(main / ".copier-answers.yml", folder)
    return folder


def write_block(folder: Path, entry: Entry) -> None:
    """Write the block of `.env` that says which environment a checkout works in."""
    lines = [
        checkouts.MARKS.begin,
        f"BRANCH_PROJECT={entry['name']}",
        f"BRANCH={common.quote('main' if entry['branch'] is None else entry['branch'])}",
    ]
    lines += [f"{names.VARIABLES[service]}={number}" for service, number in entry["ports"].items()]
    (folder / ".env").write_text("\n".join(["MINE=1", *lines, checkouts.MARKS.end, ""]))


def no_warning(text: str) -> None:
    raise AssertionError(f"unexpected warning: {text}")


def registry(warn: Callable[[str], None] = no_warning) -> Any:
    return registry_file.registry(warn=warn)


def settle(folder: Path, branch: str | None = None, slot: int = 0, **options: Any) -> Entry:
    """Settle an environment in a session of its own, as each command does."""
    with registry() as machine:
        return dict(machine.settle(folder, folder.name, slot, branch, **options))


def known() -> list[Entry]:
    with registry() as machine:
        return [dict(entry) for entry in machine.entries]


def path() -> Path:
    folder = registry_file.state_folder()
    assert isinstance(folder, Path)
    return folder / "environments.jsonl"


def shared_ports(entries: list[Entry]) -> list[int]:
    """Return the ports that more than one environment has."""
    every = sorted(number for entry in entries for number in entry["ports"].values())
    return [number for number, other in itertools.pairwise(every) if number == other]


@pytest.fixture
def without_docker(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have no Docker that would know of other projects on this machine."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("no-programs")))
    checkouts.containers.cache_clear()


def start(code: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a process that has the registry imported; it waits for a line before it goes on."""
    head = f"import json, sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, {str(SCRIPTS)!r})\n"
    head += "from lib.registry import registry\n"
    command = [*prefix, sys.executable, "-c", f"{head}sys.stdin.readline()\n{code}", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


@contextmanager
def killed_at_the_end(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# Names.


def test_names_and_preferred_ports_are_the_same_on_every_machine() -> None:
    pinned = {
        "login": ("shop-login", 993),
        "v2-2024": ("shop-v2-2024", 2038),
        "feature/auth": ("shop-feature-auth-f013b620", 727),
        "Feature/Auth": ("shop-feature-auth-3b543a9c", 1800),
        "test": ("shop-test-f2ca1bb6", 212),
        "日本": ("shop-15b27116", 1714),
        "-x": ("shop-x-ea677ad1", 1638),
        "x" * 90: (f"shop-{'x' * 49}-7cb39755", None),
    }
    for branch, (name, offset) in pinned.items():
        assert names.environment_name("shop", branch) == name
        assert offset in (None, preferred_offset(names, "shop", branch))


@given(slugs, branches)
def test_a_name_is_one_for_compose_and_for_a_host(slug: str, branch: str) -> None:
    name = names.environment_name(slug, branch)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name)
    assert re.fullmatch(HOST_LABEL, name)
    assert len(name) <= 63
    assert name.startswith(slug.rstrip("-"))


@given(slugs, st.lists(branches, min_size=2, max_size=12, unique=True))
@example(
    "shop", ["feature/auth", "feature-auth", "Feature/Auth", "feature_auth", "feature.auth", "-feature-auth", "feature-auth-"]
)
@example(
    "shop",
    ["x" * 90, "x" * 91, "x" * 58, "x" * 59, "X" * 58, "日本", "日本語", "é", "e\u0301", "-", "--", "test", "prod", "Test"],
)
def test_two_branches_never_have_the_same_name(slug: str, different: list[str]) -> None:
    assert len({names.environment_name(slug, branch) for branch in different}) == len(different)


@given(slugs, branches)
def test_no_branch_gets_the_name_of_another_by_being_called_like_it(slug: str, branch: str) -> None:
    name = names.environment_name(slug, branch)
    called_like_it = name[len(slug) + 1 :]
    assert called_like_it == branch or names.environment_name(slug, called_like_it) != name


@given(slugs, branches)
@example("shop", "test")
@example("shop", "prod")
@example("shop", "Test")
def test_no_branch_gets_the_name_of_the_project_for_tests_or_production(slug: str, branch: str) -> None:
    assert names.environment_name(slug, branch) not in {f"{slug}-test", f"{slug}-prod", slug}


def test_branches_that_a_hash_cannot_tell_apart_still_have_different_names(tmp_path: Path) -> None:
    one, other = "FixthElOginfORmOfThe", "FixtHeLOGInFoRmoFThe"
    assert names.environment_name("shop", one) == names.environment_name("shop", other), "the same 32 bits"
    shop = project(tmp_path / "shop", one, other)
    first, second = settle(shop, one), settle(shop, other)
    assert first["name"] != second["name"]
    assert [settle(shop, one), settle(shop, other)] == [first, second]


def test_projects_whose_names_run_together_have_different_environments(tmp_path: Path) -> None:
    one = settle(project(tmp_path / "shop", "api-login"), "api-login")
    other = settle(project(tmp_path / "shop-api", "login"), "login")
    assert one["name"] == "shop-api-login"
    assert re.fullmatch(HOST_LABEL, other["name"])
    assert other["name"] != one["name"]


def test_two_clones_of_a_project_have_different_environments(tmp_path: Path) -> None:
    one, other = project(tmp_path / "a" / "shop", "login"), project(tmp_path / "b" / "shop", "login")
    entries = [settle(folder, branch, movable=True) for folder in (one, other) for branch in (None,)]
    entries += [settle(folder, "login") for folder in (one, other)]
    assert len({entry["name"] for entry in entries}) == 4
    assert shared_ports(entries) == []


@pytest.mark.parametrize("branch", [None, "login"])
def test_an_environment_keeps_its_name_and_so_its_data_when_a_namesake_leaves(branch: str | None, tmp_path: Path) -> None:
    one, other = project(tmp_path / "a" / "shop", "login"), project(tmp_path / "b" / "shop", "login")
    options: dict[str, Any] = {} if branch else {"movable": True}
    settle(one, branch, **options)
    before = settle(other, branch, **options)
    shutil.rmtree(one)
    assert settle(other, branch, **options)["name"] == before["name"]
    write_block(other, before)
    path().unlink()
    assert settle(other, branch, **options)["name"] == before["name"], "also where the registry was lost"


# Ports of branches.


def by_preferred_offset() -> dict[int, str]:
    """Return a branch of the project `shop` for each offset."""
    return {preferred_offset(names, "shop", f"b{number}"): f"b{number}" for number in range(60_000)}


def test_no_branch_gets_a_port_that_is_out_of_bounds_refused_or_a_default_branchs() -> None:
    branch_of = by_preferred_offset()
    assert sorted(branch_of) == [*range(1, 2401)]
    defaults = {base + slot for base in (*names.BASES.values(), 5400) for slot in range(10)}  # 5400: debuggers
    for slot in range(10):
        for preferred, branch in branch_of.items():
            offset = names.choose_offset("shop", branch, slot, lambda _: True)
            numbers = {base + slot + 10 * offset for base in names.BASES.values()}
            assert numbers == {*names.ports(slot, offset).values()}
            assert not numbers & (names.REFUSED | defaults)
            assert min(numbers) >= 1024
            assert max(numbers) < 32768
            if offset != preferred:  # only where it has to
                given_up = {base + slot + 10 * preferred for base in names.BASES.values()}
                assert given_up & (names.REFUSED | defaults)


def test_the_last_free_offset_is_found_and_after_that_one_sentence_says_what_to_do() -> None:
    def all_but(*offsets: int) -> Callable[[dict[str, int]], bool]:
        left = [names.ports(3, offset) for offset in offsets]
        return lambda ports: ports in left

    assert names.choose_offset("shop", "login", 3, all_but(1234)) == 1234
    with pytest.raises(common.Problem, match=r"^all 2400 ports of branches are held: run `scripts/branch-env prune`"):
        names.choose_offset("shop", "login", 3, all_but())


@pytest.mark.parametrize("projects", [1, 4])
def test_on_a_second_machine_hardly_a_branch_has_another_port(projects: int) -> None:
    def offsets(order: list[tuple[str, int, str]]) -> dict[tuple[str, int, str], int]:
        taken: set[int] = set()
        chosen = {}

        def is_free(ports: dict[str, int]) -> bool:
            return taken.isdisjoint(ports.values())

        for slug, slot, branch in order:
            chosen[slug, slot, branch] = names.choose_offset(slug, branch, slot, is_free)
            taken |= {*names.ports(slot, chosen[slug, slot, branch]).values()}
        return chosen

    others = trials = 0
    for seed in range(200):
        chance = random.Random(seed)
        order = [(f"p{number % projects}", number % projects, f"b{chance.random()}") for number in range(20)]
        one = offsets(order)
        chance.shuffle(order)
        others += sum(one[key] != offset for key, offset in offsets(order).items())
        trials += len(order)
    assert others <= trials / 50


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_port_is_free_only_while_no_program_listens_on_it(address: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as program:
        try:
            program.bind((address, 0))
        except OSError as error:
            pytest.skip(f"this machine has no {address}: {error}")
        number = program.getsockname()[1]
        program.listen()
        assert not names.is_free(number)
    assert names.is_free(number)


def are_free(ports: dict[str, int]) -> bool:
    """Tell whether no program has the ports of what is published."""
    return all(names.is_free(ports[service]) for service in ("app", "db"))


PROBED: dict[str, Any] = {"usable": are_free}


@contextmanager
def program_on(number: int) -> Iterator[None]:
    with socket.socket() as program:
        program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        program.bind(("127.0.0.1", number))
        program.listen()
        yield


@pytest.mark.parametrize("service", ["app", "db"])
def test_a_port_that_another_program_holds_is_passed_over(service: str, tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    preferred = names.choose_offset("shop", "login", 0, are_free)
    with program_on(names.ports(0, preferred)[service]):
        entry = settle(shop, "login", **PROBED)
    next_one = names.choose_offset("shop", "login", 0, lambda ports: ports != names.ports(0, preferred) and are_free(ports))
    assert entry["offset"] == next_one


def test_a_port_of_a_service_that_is_not_published_is_not_asked_for(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    preferred = names.choose_offset("shop", "login", 0, lambda ports: all(map(names.is_free, ports.values())))
    with program_on(names.ports(0, preferred)["gateway"]):
        assert settle(shop, "login", **PROBED)["offset"] == names.choose_offset("shop", "login", 0, are_free)


def test_an_environment_whose_port_was_taken_moves_alone_and_stays_there(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "a", "b", "c")
    before = {branch: settle(shop, branch, **PROBED) for branch in "abc"}
    with program_on(before["b"]["ports"]["app"]):
        after = {branch: settle(shop, branch, **PROBED) for branch in "abc"}
    assert {branch for branch in "abc" if before[branch]["ports"] != after[branch]["ports"]} == {"b"}
    assert after["b"]["name"] == before["b"]["name"]
    assert {branch: settle(shop, branch, **PROBED) for branch in "abc"} == after
    assert shared_ports(known()) == []


# The registry.


def test_of_200_environments_no_two_share_a_port_and_nobody_moves(tmp_path: Path) -> None:
    names = [f"feature/{number}" for number in range(19)]
    projects = [project(tmp_path / f"p{number}", *names, slot=number) for number in range(10)]

    def settle_all(wanted: list[str]) -> dict[tuple[str, str | None], dict[str, int]]:
        found: dict[tuple[str, str | None], dict[str, int]] = {}
        for slot, folder in enumerate(projects):
            with registry() as machine:
                found[folder.name, None] = machine.settle(folder, folder.name, slot)["ports"]
                for name in wanted:
                    found[folder.name, name] = machine.settle(folder, folder.name, slot, name)["ports"]
        return found

    before = settle_all(names)
    assert len(before) == len(known()) == 200
    assert shared_ports(known()) == []
    assert settle_all(names[::-1]) == before

    gone = names[::2]
    for folder in projects:
        for name in gone:
            remove_branch(folder, name)
    assert len(known()) == 200 - len(gone) * 10
    stayed = settle_all([name for name in names if name not in gone])
    assert stayed == {key: numbers for key, numbers in before.items() if key[1] not in gone}

    for folder in projects:
        for name in gone:
            add_branch(folder, name)
    assert settle_all(names) == before, "a branch made again has its ports again"


def test_what_git_makes_is_read_without_git(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=shop, check=True, capture_output=True)

    shop = tmp_path / "shop"
    (shop / "sub").mkdir(parents=True)
    assert checkouts.repository_of(shop) == (str(shop / ".git"), ""), "as git init will make it"
    git("init", "--quiet", "-b", "main")
    assert checkouts.repository_of(shop / "sub") == (str(shop / ".git"), "sub")
    assert checkouts.branch_exists(str(shop / ".git"), "main", str(shop)), "without a commit"
    git("commit", "--quiet", "--allow-empty", "-m", "First")
    git("branch", "feature/auth")
    git("worktree", "add", "--quiet", "-b", "login", "../login")
    assert checkouts.repository_of(tmp_path / "login") == (str(shop / ".git"), "")
    for packed in (False, True):
        if packed:
            git("pack-refs", "--all")
        for branch, there in {"main": True, "feature/auth": True, "login": True, "feature": False, "auth": False}.items():
            assert checkouts.branch_exists(str(shop / ".git"), branch, str(tmp_path / "login")) == there
    git("branch", "-D", "feature/auth")
    assert not checkouts.branch_exists(str(shop / ".git"), "feature/auth", str(shop))


def test_a_project_is_the_same_one_by_whatever_path_it_is_reached(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    (tmp_path / "link").symlink_to(shop)
    with registry() as machine:
        first = machine.settle(tmp_path / "link", "shop", 0, "login")
        assert first["folder"] == str(shop), "a link may go, and point elsewhere"
        assert machine.settle(shop, "shop", 0, "login") is first


def test_a_worktree_that_is_gone_frees_its_ports_and_its_branch_has_them_again_elsewhere(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    tree = worktree(shop, "login")
    before = settle(tree, "login")
    shutil.rmtree(tree)
    assert known() == []
    assert settle(shop, "login")["ports"] == before["ports"]


@pytest.mark.parametrize("held", [False, True])
def test_a_project_keeps_the_ports_of_its_slot_unless_it_may_move(held: bool, tmp_path: Path) -> None:
    other, shop = project(tmp_path / "blog"), project(tmp_path / "shop")
    if held:
        settle(other, slot=2)
    assert settle(shop, slot=2)["ports"] == names.ports(2), "as its files say, whoever else has them"
    moved = settle(shop, slot=2, movable=True)
    assert (moved["ports"] != names.ports(2)) == held
    assert settle(shop, slot=2, movable=True) == moved
    assert shared_ports(known()) == []


def test_a_project_that_may_move_has_ports_also_when_all_slots_are_held(tmp_path: Path) -> None:
    for slot in range(10):
        settle(project(tmp_path / f"p{slot}"), slot=slot)
    settle(project(tmp_path / "shop"), slot=4, movable=True)
    assert len(known()) == 11
    assert shared_ports(known()) == []


def test_nothing_is_written_where_nothing_has_changed(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    entry = settle(shop, "login")
    inode = path().stat().st_ino
    assert settle(shop, "login") == entry
    assert path().stat().st_ino == inode
    assert path().stat().st_mode & 0o777 == 0o600, "folders of a user are nobody else's business"


def test_a_session_that_fails_changes_nothing(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    settle(shop)
    before = path().read_bytes()
    with pytest.raises(common.Problem), registry() as machine:
        machine.settle(shop, "shop", 0, "login")
        raise common.Problem("something else is in the way")
    assert path().read_bytes() == before


# Several at once.


def test_50_processes_at_once_get_different_ports_and_nobody_is_lost(tmp_path: Path) -> None:
    code = """
from pathlib import Path
folder, slot, branch = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with registry() as machine:
    machine.settle(folder, folder.name, slot)
    print(json.dumps(machine.settle(folder, folder.name, slot, branch)))
"""
    names = [f"b{number}" for number in range(5)]
    projects = [project(tmp_path / f"p{number}", *names) for number in range(10)]
    processes = [start(code, str(folder), str(slot), name) for slot, folder in enumerate(projects) for name in names]
    for process in processes:  # each has started by now, or is about to
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [process.communicate() for process in processes]
    assert [error for _, error in ends if error] == []
    got = [json.loads(out) for out, _ in ends]
    entries = known()
    assert shared_ports(got) == shared_ports(entries) == []
    assert len(entries) == 60
    assert all(entry in entries for entry in got)


def test_a_writer_that_is_killed_leaves_the_old_registry_or_the_new_one(tmp_path: Path) -> None:
    code = """
from pathlib import Path
folder, first = Path(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 1000):
    (folder / ".git" / "refs" / "heads" / f"b{number}").write_text("0")
    with registry() as machine:
        machine.settle(folder, "shop", 0, f"b{number}")
    print(number, flush=True)
"""
    shop = project(tmp_path / "shop")
    chance = random.Random(5)
    noted: set[str] = set()
    for attempt in range(15):
        with start(code, str(shop), str(attempt * 1000)) as process:
            assert process.stdin and process.stdout
            process.stdin.write("go\n")
            process.stdin.flush()
            noted.add(f"b{int(process.stdout.readline())}")
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
            noted |= {f"b{int(line)}" for line in process.stdout}
        entries = known()  # with a warning, and so an error, were it damaged
        assert {entry["branch"] for entry in entries} >= noted
        assert shared_ports(entries) == []
    assert len(noted) >= 15


def test_a_stopped_process_that_has_the_lock_costs_a_warning_and_no_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, blog = project(tmp_path / "shop", "login"), project(tmp_path / "blog", "login")
    theirs = settle(blog, "login")
    before = path().read_bytes()
    code = "with registry() as machine:\n    print('locked', flush=True)\n    sys.stdin.readline()"
    monkeypatch.setattr(registry_file, "LOCK_SECONDS", 0.2)
    said: list[str] = []
    with killed_at_the_end(start(code)) as process:
        assert process.stdin and process.stdout
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "locked\n"
        process.send_signal(signal.SIGSTOP)
        with registry(said.append) as machine:
            mine = machine.settle(shop, "shop", 0, "login")
    assert shared_ports([mine, theirs]) == [], "what is known still counts"
    [warning] = said
    assert warning.endswith("can't be used (another process has had it for 0.2 seconds): ports may be another's")
    assert path().read_bytes() == before
    assert settle(shop, "login") == mine, "and afterwards all is as ever"


# What happens to files.


def small_registry(tmp_path: Path) -> list[Entry]:
    """Have two projects, each with a worktree of a branch, in the registry and in their files."""
    entries = []
    for slot, name in enumerate(["shop", "blog"], start=1):
        main = project(tmp_path / name, "fix/it", "new", slot=slot)
        tree = worktree(main, "fix/it")
        with registry() as machine:
            own, branch = machine.settle(main, name, slot), machine.settle(tree, name, slot, "fix/it")
        write_block(main, own)
        write_block(tree, branch)
        entries += [own, branch]
    return entries


def parsed(content: bytes) -> list[Entry]:
    lines = []
    for line in content.split(b"\n"):
        with suppress(ValueError):
            lines.append(json.loads(line))
    return [line for line in lines if "repository" in line]


@pytest.fixture
def quick_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short name, in memory where the system has such: a disk would be waited for at each of many writes."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        yield Path(folder)


@pytest.mark.usefixtures("without_docker")
def test_a_registry_cut_off_at_any_byte_loses_nothing_that_can_be_found(quick_folder: Path) -> None:
    entries = small_registry(quick_folder)
    content = path().read_bytes()
    ports = {(entry["repository"], entry["branch"]): entry["ports"] for entry in entries}
    for end in range(len(content)):
        path().write_bytes(content[:end])
        said: list[str] = []
        with registry(said.append) as machine:
            new = machine.settle(quick_folder / "shop", "shop", 1, "new")
            now = {(entry["repository"], entry["branch"]): entry["ports"] for entry in machine.entries if entry is not new}
            assert shared_ports(machine.entries) == []
        left = parsed(content[:end])
        repositories = {entry["repository"] for entry in left} | {new["repository"]}
        findable = {key for key in ports if key[0] in {entry["repository"] for entry in left}}
        assert {key: now.get(key) for key in findable} == {key: ports[key] for key in findable}
        assert {key[0] for key in now} <= repositories
        aside = [*path().parent.glob("*.broken-*")]
        if end == len(content) - 1:  # a line break is nothing
            assert (said, aside) == ([], [])
        else:
            [warning] = said
            assert str(aside[0]) in warning
            assert [file.read_bytes() for file in aside] == [content[:end]]
            aside[0].unlink()
        assert new in parsed(path().read_bytes())
    assert new in known(), "and the registry is whole again"


@pytest.mark.usefixtures("without_docker")
@pytest.mark.parametrize("left", range(4))
def test_of_one_line_that_is_left_its_whole_project_is_found(left: int, tmp_path: Path) -> None:
    entries = small_registry(tmp_path)
    line = next(line for line in path().read_bytes().splitlines() if json.loads(line).get("folder") == entries[left]["folder"])
    path().write_bytes(line + b"\n")
    said: list[str] = []
    with registry(said.append) as machine:
        found = [(entry["name"], entry["branch"], entry["ports"]) for entry in machine.entries]
    mine = [entry for entry in entries if entry["repository"] == entries[left]["repository"]]
    assert sorted(found, key=str) == sorted([(entry["name"], entry["branch"], entry["ports"]) for entry in mine], key=str)
    assert len(said) == 1


@pytest.mark.usefixtures("without_docker")
def test_what_is_found_again_shares_no_port_with_what_was_kept(tmp_path: Path) -> None:
    entries = small_registry(tmp_path)
    tree = worktree(tmp_path / "shop", "new")
    stale = dict(entries[1], branch="new", name="shop-new")
    write_block(tree, stale)  # says that it has the ports of fix/it, as it may have had before
    path().write_bytes(path().read_bytes()[:-5])
    with registry(lambda _: None) as machine:
        assert shared_ports(machine.entries) == []
        assert [dict(entry) for entry in machine.entries if entry["branch"] == "fix/it"] == [entries[1], entries[3]]


@pytest.mark.usefixtures("without_docker")
def test_a_project_that_had_moved_is_found_with_its_name_and_its_ports(tmp_path: Path) -> None:
    one, other = project(tmp_path / "a" / "shop"), project(tmp_path / "b" / "shop", "login")
    tree = worktree(other, "login")
    settle(one)
    moved = settle(other, movable=True)
    write_block(other, moved)
    branch = settle(tree, "login")
    write_block(tree, branch)
    lines = path().read_bytes().splitlines(keepends=True)
    path().write_bytes(b"".join(line for line in lines if b'"login"' in line))
    with registry(lambda _: None) as machine:
        found = machine.find(other, None)
        assert found
        assert (found["name"], found["ports"]) == (moved["name"], moved["ports"])
        assert len(machine.entries) == 2


@pytest.mark.usefixtures("without_docker")
def test_a_worktree_without_a_branch_is_found_again(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop")
    tree = worktree(shop, "main")
    with registry() as machine:
        before = dict(machine.settle(tree, "shop", 0, f":{tree}"))
    write_block(tree, {**before, "branch": ""})
    settle(shop)
    path().write_bytes(path().read_bytes().splitlines(keepends=True)[2])
    with registry(lambda _: None) as machine:
        found = machine.find(tree, f":{tree}")
        assert found
        assert (found["name"], found["ports"]) == (before["name"], before["ports"])


@pytest.mark.usefixtures("without_docker")
def test_ports_that_a_user_had_set_are_found_again(tmp_path: Path) -> None:
    entries = small_registry(tmp_path)
    env = tmp_path / "shop" / ".env"
    block = f"{checkouts.MARKS.begin}\nBRANCH=main\n{checkouts.MARKS.end}\n"
    env.write_text(f"APP_PORT=9123\nPOSTGRES_PORT=²\nCOMPOSE_PROJECT_NAME=mine\n{block}")
    lines = path().read_bytes().splitlines(keepends=True)
    path().write_bytes(lines[2])
    assert json.loads(lines[2])["folder"] == entries[1]["folder"]
    with registry(lambda _: None) as machine:
        found = machine.find(tmp_path / "shop", None)
        assert found
        assert (found["name"], found["ports"]) == ("mine", names.ports(1) | {"app": 9123})
        assert {entry["branch"] for entry in machine.entries} == {None, "fix/it"}


GARBAGE = {
    "empty": b"",
    "blank": b"\n\n",
    "zeros": bytes(5000),
    "binary": bytes(range(256)) * 20,
    "deep": b"[" * 100_000,
    "long number": b"9" * 10_000,
    "no objects": b'1\n"a"\nnull\n[]\n',
    "another file": b"<html>\n",
    "no end": b'{"format": 1}\n',
    "wrong count": b'{"format": 1}\n{"lines": 3}\n',
}


@pytest.mark.usefixtures("without_docker")
@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_registry_of_garbage_is_set_aside_with_one_warning(content: bytes, tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    aside: set[Path] = set()
    for _ in range(2):  # the second time, too, nothing is written over
        path().write_bytes(content)
        said: list[str] = []
        with registry(said.append) as machine:
            machine.settle(shop, "shop", 0, "login")
        (new,) = {*path().parent.glob("environments.jsonl.broken-*")} - aside
        aside.add(new)
        assert said == [f"the registry of environments was damaged: it is now {new}, and made again"]
        assert len(known()) == 1
    assert [one.read_bytes() for one in aside] == [content, content]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 70000) | st.floats() | st.text(max_size=5) | st.just("x" * 5000),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["app", "db", "x"]), inner, max_size=2),
    max_leaves=3,
)
KEYS = ["repository", "prefix", "branch", "folder", "slug", "name", "slot", "offset", "ports", "past", "hub", "redis", "pid"]


@pytest.mark.usefixtures("without_docker")
@settings(max_examples=150)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), json_values, max_size=3), max_size=3), st.lists(st.sampled_from(KEYS)))
@example([{"branch": 5}, {"folder": "\0"}, {"repository": "\0"}, {"slot": "a"}, {"offset": "a"}, {"redis": []}], [])
@example([{}, {}], ["branch"])
def test_whatever_the_lines_of_a_registry_hold_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]], lacks: list[str]
) -> None:
    shop = project(tmp_path_factory.mktemp("projects") / "shop", "login")
    path().unlink(missing_ok=True)
    entry = settle(shop, "login")
    lines = [{"format": 1}, *(entry | change for change in changes), {"lines": len(changes)}]
    for line in lines[1:-1]:
        for key in lacks:
            line.pop(key, None)
    path().write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with registry(lambda _: None) as machine:
        project_entry = machine.settle(shop, "shop", 0, movable=True)
        branch_entry = machine.settle(shop, "shop", 0, "login")
        hub.redis_number(machine, branch_entry)
        slots.free_slot(machine, shop, names, names.is_free)
        hub.folder_of(machine)
        hub.environment_here(machine, shop, "shop", 0)
        machine.of_project(shop)
        assert shared_ports([project_entry, branch_entry]) == []
    assert len([entry for entry in known() if entry["folder"] == str(shop)]) >= 2


def test_a_folder_in_place_of_the_registry_is_a_warning(tmp_path: Path) -> None:
    path().unlink()
    path().mkdir()
    said: list[str] = []
    with registry(said.append) as machine:
        assert machine.settle(project(tmp_path / "shop", "login"), "shop", 0, "login")["ports"]
    [warning] = said
    assert f"{path()} can't be read" in warning
    assert path().is_dir()


@pytest.mark.parametrize("version", [2, "1", None])
def test_a_registry_of_a_newer_version_is_left_to_the_byte(version: object, tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    settle(shop)
    content = b"".join(
        [json.dumps({"format": version}).encode(), b"\n", *path().read_bytes().splitlines(keepends=True)[1:], b"?\n"]
    )
    path().write_bytes(content)
    said: list[str] = []
    with registry(said.append) as machine:
        assert machine.settle(shop, "shop", 0, "login")["ports"]
    [warning] = said
    assert "is of a newer version: bring this project up to date" in warning
    assert path().read_bytes() == content
    assert sorted(file.name for file in path().parent.iterdir()) == ["environments.jsonl", "lock"]


def test_what_a_later_version_has_noted_survives_a_rewrite(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login", "gone", "new")
    for branch in (None, "login", "gone"):
        settle(shop, branch)
    lines = [json.loads(line) for line in path().read_text().splitlines()]
    lines[1:-1] = [line | {"colour": "red"} for line in lines[1:-1]] + [{"kind": "a line of another kind"}, {"name": 5}]
    lines[-1]["lines"] += 2
    path().write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    remove_branch(shop, "gone")
    for branch in (None, "login", "new"):
        settle(shop, branch)
    text = path().read_text()
    assert text.count('"colour": "red"') == 3
    assert '{"kind": "a line of another kind"}\n{"name": 5}\n' in text
    add_branch(shop, "gone")
    assert settle(shop, "gone")["colour"] == "red"


# A process of its own, because this one may have privileges or a home.
ONCE = """
from pathlib import Path
said = []
with registry(warn=said.append) as machine:
    entry = machine.settle(Path(sys.argv[1]), "shop", 0, "login")
print(json.dumps([entry["ports"], said]))
"""


def once(folder: Path, code: str = ONCE, **variables: str) -> tuple[dict[str, int], list[str]]:
    with start(
        code, str(folder), prefix=("env", *(f"{key}={value}" for key, value in variables.items()), *without_privileges())
    ) as one:
        out, error = one.communicate("go\n")
    assert error == ""
    ports, said = json.loads(out)
    return ports, said


@pytest.mark.parametrize("there", [False, True])
def test_a_state_folder_that_cannot_be_written_is_a_warning(there: bool, tmp_path: Path) -> None:
    shop, blog = project(tmp_path / "shop", "login"), project(tmp_path / "blog", "login")
    theirs = settle(blog, "login") if there else {"ports": {}}
    folder = path().parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lock").unlink(missing_ok=True)
    folder.chmod(0o555)
    ports, [warning] = once(shop)
    folder.chmod(0o755)
    assert warning == f"the registry of environments in {folder} can't be used (Permission denied): ports may be another's"
    assert shared_ports([{"ports": ports}, theirs]) == []


def test_a_state_folder_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ports, [warning] = once(project(tmp_path / "shop", "login"), XDG_STATE_HOME=str(tmp_path / "file" / "state"))
    assert ports
    assert "can't be used" in warning


def test_a_registry_that_cannot_be_read_is_a_warning_and_kept(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    settle(shop)
    path().chmod(0)
    ports, [warning] = once(shop)
    path().chmod(0o600)
    assert ports
    assert warning == f"the registry of environments {path()} can't be read (Permission denied): ports may be another's"
    assert len(known()) == 1


def test_a_registry_that_cannot_be_replaced_is_a_warning(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    settle(shop)
    before = path().read_bytes()
    path().parent.chmod(0o555)  # the lock is there already
    ports, [warning] = once(shop)
    path().parent.chmod(0o755)
    assert ports
    assert warning == f"the registry of environments {path()} can't be written (Permission denied): ports may be another's"
    assert path().read_bytes() == before


def test_a_project_in_a_folder_that_cannot_be_looked_into_keeps_its_ports(tmp_path: Path) -> None:
    shop, blog = project(tmp_path / "shop", "login"), project(tmp_path / "private" / "blog")
    settle(blog, slot=3)
    blog.parent.chmod(0)
    _, said = once(shop)
    blog.parent.chmod(0o755)
    assert said == []
    assert {entry["slug"] for entry in known()} == {"shop", "blog"}


def test_without_a_home_there_is_a_warning(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become a user that the system does not know")
    shop = project(tmp_path / "shop", "login")
    nobody = (
        "import os\ndel os.environ['HOME'], os.environ['XDG_STATE_HOME']\nos.setgroups([])\nos.setgid(54321)\nos.setuid(54321)\n"
    )
    with start(nobody + ONCE, str(shop)) as process:
        out, error = process.communicate("go\n")
    assert error == ""
    ports, [warning] = json.loads(out)
    assert ports
    assert "can't be used" in warning


def test_the_folder_is_where_the_standard_for_such_files_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    fallback = tmp_path / ".local" / "state"
    for state, folder in {"/srv/state": Path("/srv/state"), "": fallback, "a/b": fallback}.items():
        monkeypatch.setenv("XDG_STATE_HOME", state)
        assert registry_file.state_folder() == folder / "chora-compose-template"


def test_a_clock_that_was_set_changes_nothing(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    entry = settle(shop, "login")
    for seconds in (0, 2**32):  # 1970, 2106
        for file in (path(), path().with_name("lock"), shop, shop / ".git", shop / ".git/refs/heads/login"):
            os.utime(file, (seconds, seconds))
        assert settle(shop, "login") == entry
        assert settle(shop)["ports"] == names.ports(0)
    nodes = [node for name in (*REGISTRY, "common") for node in ast.walk(TREES[f"{name}.py"])]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "time"}
    assert used == {"sleep"}
    texts = [(SCRIPTS / "lib" / f"{name}.py").read_text() for name in REGISTRY]
    assert not any(re.search(r"datetime|mtime|ctime|strftime", text) for text in texts)


# The block in .env.

values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))


@given(values)
@example("a\\")
@example("\\'")
@example("it's \\$5 \\\\")
def test_a_quoted_value_is_read_back(value: str) -> None:
    assert common.variables(f"A=1\nB={common.quote(value)}\nC=2") == {"A": "1", "B": value, "C": "2"}
    assert common.unquote(common.quote(value)) == value


def read_by_compose(folder: Path, env: str, names: list[str]) -> dict[str, str]:
    """Return variables of a `.env` as Compose has them; a file that it can't read is an error."""
    docker = need_tool("docker")
    (folder / ".env").write_text(env, newline="")
    lines = "".join(f'      {name}: "${{{name}}}"\n' for name in names)
    (folder / "docker-compose.yml").write_text(f"services:\n  app:\n    image: app\n    environment:\n{lines}")
    done = run([docker, "compose", "config", "--format", "json"], cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["services"]["app"]["environment"]
    return {name: value.replace("$$", "$") for name, value in found.items()}


def test_compose_reads_a_quoted_value_as_it_is(tmp_path: Path) -> None:
    hard = [
        *NASTY,
        "a\\",
        "\\",
        "C:\\new\\table",
        "it's\\",
        "it's \\n \\$HOME",
        "\\'",
        '\\"',
        " two  blanks ",
        "",
        "tab\there",
        "$$",
        "'$x'",
    ]
    named = {f"V{number}": value for number, value in enumerate(hard)}
    env = "".join(f"{name}={common.quote(value)}\n" for name, value in named.items())
    assert read_by_compose(tmp_path, env, [*named]) == named
    assert common.variables(env) == named


LINES = {
    "plain": "V=two words",
    "comment": "V=a # b",
    "no comment": "V=a#b",
    "single": "V='a # b' # c",
    "double": 'V="a # b" # c',
    "double, quoted comment": 'V="a" # say "b"',
    "escaped": r'V="say \"hi\" \\"',
    "escaped single": r"V='it\'s'",
    "blanks": "  V = a  ",
    "export": "export V=a",
    "twice": "V=a\nV=b",
    "empty": "V=",
    "only a comment": "V= # c",
    "windows": "V=a\r\n",
    "windows, quoted": "V='a'\r\n",
    "comment above": "#V=b\nV=a",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_of_the_users_is_read_as_compose_reads_it(line: str, tmp_path: Path) -> None:
    assert common.variables(line).get("V", "") == read_by_compose(tmp_path, line, ["V"])["V"]


ends = st.sampled_from(["\n", "\r\n"])


def split_block(text: str, name: str = ".env") -> tuple[str, str, str]:
    parts: tuple[str, str, str] = common.split_block(text, checkouts.MARKS, name)
    return parts


texts = st.tuples(st.lists(values, max_size=4), ends).map(lambda parts: "".join(f"{line}{parts[1]}" for line in parts[0]))


@given(texts, texts, texts, ends)
def test_a_text_is_split_at_the_block_to_the_character(above: str, inside: str, below: str, end: str) -> None:
    text = f"{above}{checkouts.MARKS.begin}{end}{inside}{checkouts.MARKS.end}{end}{below}"
    assert split_block(text) == (above, inside, below)


@given(texts)
def test_a_text_without_a_block_is_left_alone(text: str) -> None:
    assert split_block(text) == (text, "", "")


def test_a_block_at_the_end_needs_no_line_break() -> None:
    text = f"{checkouts.MARKS.begin}\nA=1\n{checkouts.MARKS.end}"
    assert split_block(f"B=2\n{text}") == ("B=2\n", "A=1\n", "")


def test_a_block_without_an_end_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(common.Problem) as raised:
        split_block(f"{checkouts.MARKS.begin}\nA=1\n", "shop/.env")
    way = f"put it back or remove the line {checkouts.MARKS.begin!r}, then try again"
    assert str(raised.value) == f"shop/.env: the line {checkouts.MARKS.end!r} is missing; {way}"


def test_the_block_of_a_checkout_is_read_whatever_is_around_it(tmp_path: Path) -> None:
    assert checkouts.block_of(tmp_path) == {}
    (tmp_path / ".env").write_bytes(
        b"caf\xe9\n" + f"{checkouts.MARKS.begin}\nBRANCH='a b'\n{checkouts.MARKS.end}\n".encode() + b"BRANCH=c\n"
    )
    assert checkouts.block_of(tmp_path) == {"BRANCH": "a b"}
    (tmp_path / ".env").write_text(f"{checkouts.MARKS.begin}\nBRANCH=a\n")
    assert checkouts.block_of(tmp_path) == {}


def test_ports_are_found_in_the_block_when_the_registry_was_lost(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "login")
    first = preferred_offset(names, "shop", "login")
    with registry() as machine:
        machine.settle(project(tmp_path / "blog"), "blog", 0, given=names.ports(0, first))
        before = dict(machine.settle(shop, "shop", 0, "login"))
    assert before["offset"] != first
    write_block(shop, before)
    path().unlink()
    assert settle(shop, "login")["ports"] == before["ports"]


# Shared services.


def test_the_number_of_a_logical_database_is_stable_and_nobody_elses(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "a", "b", "c", "d")
    for branch in "abcd":
        settle(shop, branch)

    def numbers(names: str, taken: tuple[int, ...] = ()) -> dict[str, int]:
        with registry() as machine:
            return {name: hub.redis_number(machine, machine.find(shop, name), taken) for name in names}

    assert numbers("ba") == {"b": 1, "a": 2}, "number 0 is nobody's"
    assert numbers("ab") == {"b": 1, "a": 2}
    assert numbers("c", (3, 4)) == {"c": 5}, "not one that Redis knows of"
    assert numbers("a", (2,)) == {"a": 3}, "it has become another's"

    remove_branch(shop, "b")
    assert numbers("d") == {"d": 2}, "b has left, and its data are still there"
    add_branch(shop, "b")
    assert settle(shop, "b")["redis"] == 1


def test_without_a_number_left_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop", "a", "b")
    with registry() as machine:
        assert hub.redis_number(machine, machine.settle(shop, "shop", 0, "a"), {1}, databases=3) == 2
        with pytest.raises(common.Problem, match=r"^all 2 logical databases of Redis are taken: remove a project"):
            hub.redis_number(machine, machine.settle(shop, "shop", 0, "b"), {1}, databases=3)


def test_a_machine_has_one_hub_until_its_folder_is_gone(tmp_path: Path) -> None:
    one, other = project(tmp_path / "hub", slot=1), project(tmp_path / "second", slot=2)
    with registry() as machine:
        assert hub.folder_of(machine) is None
        for _ in range(2):
            hub.register(machine, one, "hub")
    with registry() as machine:
        with pytest.raises(common.Problem) as raised:
            hub.register(machine, other, "second")
        assert str(raised.value) == f"the shared services of this machine are in {one}: use those, or remove that folder first"
        assert hub.folder_of(machine) == one
    shutil.rmtree(one)
    with registry() as machine:
        hub.register(machine, other, "second")
        assert hub.folder_of(machine) == other


def test_a_hub_keeps_the_ports_that_its_user_has_set(tmp_path: Path) -> None:
    services = project(tmp_path / "hub", slot=1)
    before = settle(services, slot=1, given={"db": 7777})
    with registry() as machine:
        hub.register(machine, services, "hub")
        assert machine.find(services, None) == before | {"hub": True}


# The same code in a project.

TREES = {path.name: ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9)) for path in MODULES}


def test_a_project_has_the_same_code(template: Path, tmp_path: Path) -> None:
    rendered = render(template, tmp_path / "shop", {"branch_environments": True}) / "scripts" / "lib"
    for name in REGISTRY:
        assert (rendered / f"{name}.py").read_text() == (SCRIPTS / "lib" / f"{name}.py").read_text()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_code_needs_no_package_and_runs_on_python_3_9(path: Path) -> None:
    tree = TREES[path.name]
    nodes = [*ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
    # Without that import an annotation is evaluated, and 3.9 knows no `int | None`.
    said = [node.annotation for node in nodes if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation]
    said += [node.returns for node in nodes if isinstance(node, ast.FunctionDef) and node.returns]
    unions = any(isinstance(node, ast.BinOp) for one in said for node in ast.walk(one))
    assert not unions or "from __future__ import annotations" in path.read_text()
    # Annotations are not evaluated; any other `X | Y` of types would be.
    annotations = {
        id(inner)
        for node in nodes
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if annotation
        for inner in ast.walk(annotation)
    }
    either = [node for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]
    types = [
        ast.unparse(node)
        for node in either
        if id(node) not in annotations and re.search(r"\b(None|str|int|dict\[)", ast.unparse(node))
    ]
    assert types == []
    assert not [node for node in nodes if isinstance(node, ast.Match)]
    # New in Python 3.10: `zip` that is strict.
    assert not [node for node in nodes if isinstance(node, ast.keyword) and node.arg == "strict"]


# The hook.


def hold_ports(folder: Path, slot: int, **answers: Any) -> None:
    known = {
        "stack": "full",
        "own_compose": "",
        "services": ["postgres", "redis"],
        "isolation": "own",
        "extras": [],
        "project_slug": folder.name,
        "app_command": "serve",
        "app_port": 8000,
    }
    hook.hold_ports(folder, {**known, "port_slot": slot, **answers}, "copier update --trust")


def test_the_hook_notes_a_project_without_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hold_ports(project(tmp_path / "shop"), 3)
    assert capsys.readouterr().err == ""
    [entry] = known()
    assert (entry["name"], entry["slot"], entry["ports"]) == ("shop", 3, names.ports(3))


def test_a_slot_that_another_project_has_is_a_warning_with_a_free_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blog, shop = project(tmp_path / "blog"), project(tmp_path / "shop")
    hold_ports(blog, 0)
    hold_ports(shop, 0)
    assert capsys.readouterr().err == (
        "Note: set APP_PORT, POSTGRES_PORT, REDIS_PORT in .env to a free port, or take a free slot with "
        f"`copier update --trust -d port_slot=1`: {blog} has those of slot 0.\n"
    )


def test_where_all_slots_are_held_the_note_names_the_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for slot in range(10):
        hold_ports(project(tmp_path / f"p{slot}"), slot)
    assert capsys.readouterr().err == ""
    hold_ports(project(tmp_path / "shop"), 0, stack="minimal", services=[])
    said = capsys.readouterr().err
    assert said == (
        f"Note: set APP_PORT in .env to a free port: {tmp_path / 'p0'} has that of slot 0, and all ten slots are held.\n"
    )
    (tmp_path / "shop" / ".env").write_text("APP_PORT=8100\n")
    hold_ports(tmp_path / "shop", 0, stack="minimal", services=[])
    assert capsys.readouterr().err == ""


def test_a_port_of_a_new_project_that_a_program_listens_on_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHORA_COMPOSE_PROBE", "")
    with socket.socket() as program:
        slot = next(one for one in range(10) if all(map(names.is_free, names.ports(one).values())))
        program.bind(("127.0.0.1", names.ports(slot)["db"]))
        program.listen()
        hold_ports(project(tmp_path / "shop"), slot)
        said = capsys.readouterr().err
        hold_ports(tmp_path / "shop", slot)
    assert said.startswith("Note: set POSTGRES_PORT in .env to a free port")
    assert f": another program has that of slot {slot}" in said
    assert capsys.readouterr().err == "", "a project that had them before may listen there itself"


def test_a_second_folder_with_the_same_slug_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = project(tmp_path / "a" / "shop"), project(tmp_path / "b" / "shop")
    hold_ports(one, 0)
    hold_ports(other, 1)
    assert capsys.readouterr().err == (
        f"Note: {one} is the Compose project shop too, and the two would share containers and data: "
        "set COMPOSE_PROJECT_NAME in .env of one of them.\n"
    )
    (other / ".env").write_text("COMPOSE_PROJECT_NAME=shop-2\n")
    hold_ports(other, 1)
    assert capsys.readouterr().err == ""


def test_a_machine_with_shared_services_is_said_where_a_project_has_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services, shop = project(tmp_path / "hub", slot=1), project(tmp_path / "shop")
    hook.check_hub(shop, {"isolation": "own"}, "copier update --trust")
    assert capsys.readouterr().err == ""
    with registry() as machine:
        hub.register(machine, services, "hub")
    for answers in ({"isolation": "own"}, {"isolation": "shared"}, {}):
        hook.check_hub(shop, answers, "copier update --trust")
    assert capsys.readouterr().err == (
        "Note: run `copier update --trust -d isolation=shared` to use the shared services of this machine, in "
        f"{services}: this project has its own.\n"
    )


MAIL = {"mail": 1080, "smtp": 1025}


def test_a_project_without_mail_is_not_warned_of_its_ports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop, blog = project(tmp_path / "shop"), project(tmp_path / "blog")
    hold_ports(blog, 0)
    (shop / ".env").write_text("APP_PORT=8100\nPOSTGRES_PORT=5500\nREDIS_PORT=6500\nN8N_PORT=5700\n")
    hold_ports(shop, 0)
    assert capsys.readouterr().err == ""
    hold_ports(shop, 0, extras=["mail"])
    assert "set MAIL_PORT in .env to a free port, or take a free slot with" in capsys.readouterr().err


def test_a_port_set_in_env_is_what_the_registry_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop, blog = project(tmp_path / "shop"), project(tmp_path / "blog")
    hold_ports(blog, 0)
    (shop / ".env").write_text("APP_PORT=8100\nPOSTGRES_PORT='5500'\nREDIS_PORT=6500\nN8N_PORT=5700\nOTHER_PORT=1\n")
    hold_ports(shop, 0)
    assert capsys.readouterr().err == "", "no port of the other's is used"
    assert [entry["ports"] for entry in known()][1] == {"app": 8100, "db": 5500, "redis": 6500, "gateway": 5700, **MAIL}
    (shop / ".env").write_text("APP_PORT=²\nPOSTGRES_PORT=\nREDIS_PORT=-1\nN8N_PORT=999999\n")
    hold_ports(shop, 1)
    assert [entry["ports"] for entry in known()][1] == names.ports(1), "these are no ports"
    (shop / ".env").unlink()
    hold_ports(shop, 1)
    assert [entry["ports"] for entry in known()][1] == names.ports(1)


def test_a_rendering_with_the_hook_holds_the_slot_that_it_got(template: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    for slot, name in enumerate(["shop", "blog"]):
        folder = render(template, tmp_path / name, {"stack": "minimal"}, hook=True, state=state)
        assert f"port_slot: {slot}\n" in (folder / ".copier-answers.yml").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        assert [(entry["slug"], entry["slot"], "pid" in entry) for entry in known()] == [("shop", 0, False), ("blog", 1, False)]
