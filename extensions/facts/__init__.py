"""Facts: what follows from the answers of a project and from what was found in it.

`facts(answers)` is all there is to call. Each fact is computed when it is first read, from the answers alone, so that it is there
as soon as its answers are. The questions, the table of files, the templates and the hook read the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

from .answers import Answers, UnansweredError
from .frameworks import FRAMEWORKS
from .parts import Parts
from .services import Postgres, Redis

__all__ = ["FRAMEWORKS", "NAMES", "Answers", "Facts", "Postgres", "Redis", "UnansweredError", "answers_of", "facts"]


@dataclass(frozen=True)
class Facts(Parts):
    """All facts of a project."""

    # The stable one.
    nginx_version: ClassVar[str] = "1.30"
    certbot_version: ClassVar[str] = "v5.5.0"
    restic_version: ClassVar[str] = "0.19.1"
    # Pinned, because n8n's settings change between versions.
    n8n_version: ClassVar[str] = "2.40.7"
    # The major version of Docker's images in which GitLab CI works.
    docker_version: ClassVar[str] = "29"


COMPUTED = {name: value for kind in Facts.__mro__ for name, value in vars(kind).items() if isinstance(value, cached_property)}
CONSTANTS = frozenset(name for name in vars(Facts) if name.endswith("_version"))
NAMES = frozenset(COMPUTED) | CONSTANTS
"""The names of all facts."""


def no_port(service: str, _slot: int) -> int:
    """Stand in for the ports of this machine, where nobody knows them."""
    raise UnansweredError(f"port of {service}")


def facts(answers: Mapping[str, Any], port: Callable[[str, int], int] = no_port) -> Facts:
    """Return the facts of a project.

    Args:
        answers: the answers and findings, all of them or those of an answers file; besides, `answers_file` is the name of that.
        port: which port of this machine a service has in a slot.

    Returns:
        The facts. One whose answers are not there raises `UnansweredError` when it is read.
    """
    return Facts(Answers(answers), port)


@cache
def answers_of(fact: str) -> frozenset[str]:
    """Return the names of all answers that a fact may be computed from."""
    names, waiting = {fact}, [fact]
    for name in waiting:
        code = [COMPUTED[name].func.__code__] if name in COMPUTED else []
        for one in code:
            code += [constant for constant in one.co_consts if hasattr(constant, "co_names")]
            waiting += {*one.co_names} - names
            names |= {*one.co_names}
    return frozenset(names & Answers.__annotations__.keys())
