"""Ports for branches: the rule of this template beside those of four tools that do the same for worktrees, in a simulation.

    python benchmarks/port_schemes.py [--trials 1000]

Prints a table of shares and fails if ours misses a goal. Branches and orders are random and the same in each run, no port is
opened: what is compared are the rules. Every rule gets the same projects, with the four ports of this template as defaults.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import extension  # noqa: E402 - the path has to be known first

names = extension("ports").names

Ports = frozenset[int]
KINDS = ("feature", "feat", "fix", "bugfix", "hotfix", "chore", "docs", "refactor")
PEOPLE = ("anna", "ben", "chen", "dana")
STANDING = ("develop", "staging", "preview", "demo")
WORDS = (  # noqa: SIM905 - as a list it is longer than the rest of the file's data
    "auth login signup billing invoice cart checkout search index cache queue worker email webhook api schema migration upload "
    "export import report chart admin role token session profile avatar theme menu form table filter sort page retry timeout "
    "logging metrics health docker compose ci tests types lint docs readme config secrets flags limits audit archive backup"
).split()


class Environment(NamedTuple):
    """A branch of a project, or with no branch the project as such."""

    project: str
    slot: int
    branch: str = ""

    @property
    def folder(self) -> str:
        return f"{self.project}-{self.branch.replace('/', '-')}"

    def ports(self, offset: int = 0) -> Ports:
        return frozenset(base + self.slot + offset for base in names.BASES.values())


There = dict[Environment, Ports]


@dataclass(frozen=True)
class Scheme:
    """How a tool gives ports.

    Attributes:
        name: of the tool.
        choose: returns the ports of a branch, from what is there and which ports that has.
        held: whether the ports are noted when the branch is made, or computed anew at each start.
    """

    name: str
    choose: Callable[[Environment, There], Ports]
    held: bool


def ours(environment: Environment, there: There) -> Ports:
    """`template/scripts/lib/names.py`: preferred by a hash of project and branch, the next that is free in the registry."""
    taken = set().union(*there.values())
    project, slot, branch = environment
    offset = names.choose_offset(project, branch, slot, lambda ports: taken.isdisjoint(ports.values()))
    return frozenset(names.ports(slot, offset).values())


def by_index(environment: Environment, there: There) -> Ports:
    """20000 and the worktree's place in `git worktree list`, which is sorted by folder, on top of the default.

    worktree-compose 0.1.4 (npm): dist/ports/allocate.js, dist/git/worktree.js.
    rft-cli 0.6.0 (crates.io): cli/src/ports/allocate.rs, cli/src/git/worktree.rs in github.com/supostat/rft-cli.
    """
    own = {other.folder for other in there if other.project == environment.project and other.branch} | {environment.folder}
    return environment.ports(20000 + sorted(own).index(environment.folder) + 1)


def by_checksum(environment: Environment, there: There) -> Ports:  # noqa: ARG001 - whatever else is there
    """1 to 99, by the CRC-32 of the branch's slug, on top of the default.

    dtools, no release (github.com/DylanSharp/dtools at 9f0ab30): internal/worktree/docker.go.
    """
    slug = environment.branch.replace("/", "-").lower()
    safe = "".join(letter for letter in slug if letter.isascii() and (letter.isalnum() or letter == "-"))
    return environment.ports(zlib.crc32(safe.encode()) % 99 + 1)


def by_step(environment: Environment, there: There) -> Ports:
    """The first of 500 steps of 100 on top of the default that is free, in a registry for each user.

    wco 1.5.0 (PyPI): `PortStore._allocate` in wco/cli.py.
    """
    taken = set().union(*there.values())
    return next(ports for step in range(1, 501) if not taken & (ports := environment.ports(100 * step)))


SCHEMES = (
    Scheme("ours", ours, held=True),
    Scheme("worktree-compose", by_index, held=False),
    Scheme("rft-cli", by_index, held=False),
    Scheme("dtools", by_checksum, held=True),
    Scheme("wco", by_step, held=True),
)


class Machine:
    """A machine that has environments; `started` has the ports that each took when it was made."""

    def __init__(self, scheme: Scheme, made: Iterable[Environment] = ()) -> None:
        self.scheme = scheme
        self.started: There = {}
        for environment in made:
            self.make(environment)

    def make(self, environment: Environment) -> None:
        self.started[environment] = self.scheme.choose(environment, self.started) if environment.branch else environment.ports()

    def remove(self, environment: Environment) -> None:
        del self.started[environment]

    def ports(self) -> There:
        """Return the ports of each environment if all were started now."""
        if self.scheme.held:
            return dict(self.started)
        choose, there = self.scheme.choose, self.started
        return {one: choose(one, there) if one.branch else one.ports() for one in there}


def branch_name(random: Random) -> str:
    words = "-".join(random.sample(WORDS, random.randint(1, 3)))
    forms = (
        f"{random.choice(KINDS)}/{words}",
        f"{random.choice(KINDS)}/{words}",
        f"{random.choice(KINDS)}/APP-{random.randint(1, 2000)}-{words}",
        f"{random.randint(1, 900)}-{words}",
        f"{random.choice(PEOPLE)}/{words}",
        f"release/{random.randint(0, 4)}.{random.randint(0, 20)}",
        f"dependabot/pip/{random.choice(WORDS)}-{random.randint(0, 9)}.{random.randint(0, 30)}",
        random.choice(STANDING),
        words,
    )
    return random.choice(forms)


def branches(random: Random, number: int, project: str = "shop", slot: int = 0) -> list[Environment]:
    """Return branches of a project, in the order in which they are made."""
    found: dict[str, Environment] = {}
    while len(found) < number:
        one = Environment(project, slot, branch_name(random))
        found.setdefault(one.folder, one)
    return list(found.values())


def projects(random: Random, number: int) -> list[str]:
    return ["-".join(pair) for pair in zip(random.sample(WORDS, number), random.sample(WORDS, number), strict=True)]


Share = tuple[int, int]


def colliding(there: There) -> Share:
    """Return how many environments share a port with another, of how many."""
    users = Counter(number for ports in there.values() for number in ports)
    return sum(any(users[number] > 1 for number in ports) for ports in there.values()), len(there)


def moved(before: There, after: There) -> Share:
    """Return how many environments of both have other ports."""
    both = before.keys() & after.keys()
    return sum(before[one] != after[one] for one in both), len(both)


def ten_branches(scheme: Scheme, random: Random) -> Share:
    return colliding(Machine(scheme, branches(random, 10)).ports())


def ten_branches_in_turn(scheme: Scheme, random: Random) -> Share:
    return colliding(Machine(scheme, branches(random, 10)).started)


def ten_projects(scheme: Scheme, random: Random) -> Share:
    made = [one for project in projects(random, 10) for one in branches(random, 1, project)]
    return colliding(Machine(scheme, made).ports())


def two_hundred(scheme: Scheme, random: Random) -> Share:
    names = projects(random, 10)
    made = [one for slot, project in enumerate(names) for one in branches(random, 19, project, slot)]
    random.shuffle(made)
    return colliding(Machine(scheme, [*(Environment(name, slot) for slot, name in enumerate(names)), *made]).ports())


def half_removed(scheme: Scheme, random: Random) -> Share:
    made = branches(random, 20)
    machine = Machine(scheme, made)
    before = machine.ports()
    for one in random.sample(made, 10):
        machine.remove(one)
    return moved(before, machine.ports())


def lost(scheme: Scheme, random: Random, others: int) -> tuple[bool, bool]:
    """Tell of a branch that is removed, and made again after some others: whether its ports are other ones, and were free."""
    made = branches(random, 20 + others)
    machine = Machine(scheme, made[:20])
    one = random.choice(made[:20])
    before = machine.ports()[one]
    machine.remove(one)
    for other in made[20:]:
        machine.make(other)
    free = not before & set().union(*machine.ports().values())
    machine.make(one)
    return machine.ports()[one] != before, free


def again_at_once(scheme: Scheme, random: Random) -> Share:
    return int(not lost(scheme, random, 0)[0]), 1


def again_later(scheme: Scheme, random: Random) -> Share:
    return int(not lost(scheme, random, 5)[0]), 1


def lost_for_nothing(scheme: Scheme, random: Random) -> Share:
    return int(all(lost(scheme, random, 5))), 1


def another_order(scheme: Scheme, random: Random) -> Share:
    made = branches(random, 20)
    return moved(Machine(scheme, made).ports(), Machine(scheme, random.sample(made, 20)).ports())


def another_choice(scheme: Scheme, random: Random) -> Share:
    made = branches(random, 20)
    return moved(Machine(scheme, made).ports(), Machine(scheme, random.sample(made, 10)).ports())


@dataclass(frozen=True)
class Measure:
    """What is measured, and the least and the most that ours may have; one without text is for the goal alone."""

    text: str
    of: Callable[[Scheme, Random], Share]
    least: float = 0.0
    most: float = 1.0
    # The part of the trials that is run.
    part: float = 1.0


MEASURES = (
    Measure("10 branches of a project, all started anew: share a port", ten_branches, most=0),
    Measure("10 branches of a project, started one by one: share a port", ten_branches_in_turn, most=0),
    Measure("10 projects, a branch of each: share a port", ten_projects, most=0),
    Measure("200 environments of 10 projects: share a port", two_hundred, most=0, part=0.1),
    Measure("half of 20 branches removed: others that move", half_removed, most=0),
    Measure("a branch made again at once: has its ports again", again_at_once, least=1),
    Measure("a branch made again after 5 others: has its ports again", again_later, least=0.99),
    Measure("", lost_for_nothing, most=0),
    Measure("another machine, another order, 20 branches: differ", another_order, most=0.01),
    Measure("another machine with half of 20 branches: differ", another_choice, most=0.01),
)


def share(measure: Measure, scheme: Scheme, trials: int) -> float:
    """Return the share over all trials; each has the same random branches for every scheme."""
    results = [measure.of(scheme, Random(trial)) for trial in range(max(1, round(trials * measure.part)))]
    return sum(hits for hits, _ in results) / sum(total for _, total in results)


def percent(value: float) -> str:
    """Return a share in which 0 % and 100 % mean none and all."""
    return f"{value:.0%}" if value in (0, 1) else f"{min(max(value, 0.001), 0.999):.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    trials = parser.parse_args().trials
    print(f"| measured | {' | '.join(scheme.name for scheme in SCHEMES)} |\n| --- |{' --- |' * len(SCHEMES)}")
    missed = []
    for measure in MEASURES:
        shares = [share(measure, scheme, trials) for scheme in (SCHEMES if measure.text else SCHEMES[:1])]
        if measure.text:
            print(f"| {measure.text} | {' | '.join(percent(value) for value in shares)} |", flush=True)
        if not measure.least <= shares[0] <= measure.most:
            goal = f"at least {measure.least:.0%}" if measure.least else f"at most {measure.most:.0%}"
            what = measure.text or "a branch made again has other ports although nobody took its own"
            missed.append(f"goal missed: {what}: {shares[0]:.2%}, should be {goal}")
    if missed:
        sys.exit("\n".join(missed))


if __name__ == "__main__":
    main()
