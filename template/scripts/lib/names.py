# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
"""Names and ports of environments: the same on every machine."""

import hashlib
import re
import socket
import unicodedata
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import chain

from .common import Problem

# Each service that may be published: its first port, and what overrides its port.
SERVICES = {
    "app": (8000, "APP_PORT"),
    "db": (5432, "POSTGRES_PORT"),
    "redis": (6379, "REDIS_PORT"),
    "gateway": (5678, "N8N_PORT"),
    "mail": (1080, "MAIL_PORT"),
    "smtp": (1025, "SMTP_PORT"),
}
BASES = {service: base for service, (base, _) in SERVICES.items()}
VARIABLES = {service: variable for service, (_, variable) in SERVICES.items()}
# Ports that browsers refuse, from 1024 on (the Fetch standard, "port blocking").
REFUSED = {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566}
REFUSED |= {6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
SLOTS, OFFSETS = 10, 2400
# A label of a host name (RFC 1123), which is also what Compose takes at most.
NAME_MAX = 63
Ports = dict[str, int]
Free = Callable[[Ports], bool]


def ports(slot: int, offset: int = 0) -> Ports:
    """Return the port of each service, or raise a ValueError: browsers refuse one."""
    numbers = {one: base + slot + SLOTS * offset for one, base in BASES.items()}
    exists = slot in range(SLOTS) and offset in range(OFFSETS + 1)
    if not exists or not REFUSED.isdisjoint(numbers.values()):
        raise ValueError(f"port_slot {slot} has no ports for the offset {offset}")
    return numbers


def place(numbers: Ports) -> tuple[int, int]:
    """Return the slot and the offset that most of an environment's ports tell of."""
    known = (numbers[one] - BASES[one] for one in BASES if one in numbers)
    places = Counter((number % SLOTS, number // SLOTS) for number in known)
    return max(places, key=places.__getitem__, default=(0, 0))


# What default branches, and debuggers, have in whatever slot: no other branch gets it.
OWN_PORTS = {base + slot for base in (*BASES.values(), 5400) for slot in range(SLOTS)}


def ports_in(found: dict[str, str]) -> Ports:
    """Return the ports that variables set, by service."""
    given = {one: found.get(name, "") for one, name in VARIABLES.items()}
    return {one: int(t) for one, t in given.items() if re.fullmatch("[0-9]{1,5}", t)}


def digest(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).digest()


def environment_name(slug: str, branch: str, salt: str = "") -> str:
    """Return a branch's own Compose project; a salt tells those of two clones apart."""
    plain = unicodedata.normalize("NFKD", branch).encode("ascii", "ignore").decode()
    text = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    name = f"{slug}-{text}"
    # Two are the tests' and production's, and what ends like a hash may be another's.
    reserved = re.search(r"^(test|prod)$|(^|-)[0-9a-f]{8}$", text)
    if text == branch and not reserved and not salt and len(name) <= NAME_MAX:
        return name
    return f"{name[: NAME_MAX - 9].rstrip('-')}-{digest(branch, salt).hex()[:8]}"


def choose_offset(slug: str, branch: str, slot: int, free: Free, known: int = 0) -> int:
    """Return the offset of a branch: the known one, its preferred, or the next free."""
    first = 1 + int.from_bytes(digest(slug, branch)[:8], "big") % OFFSETS
    for offset in chain([known], range(first, OFFSETS + 1), range(1, first)):
        with suppress(ValueError):
            numbers = ports(slot, offset)
            if OWN_PORTS.isdisjoint(numbers.values()) and free(numbers):
                return offset
    raise Problem("all 2400 ports of branches are held: run `scripts/branch-env prune`")


def is_free(number: int) -> bool:
    """Tell whether no program listens on a port of this machine's loopback."""
    # Windows has its own; elsewhere what has just been closed is free.
    option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, option, 1)
        probe.bind(("127.0.0.1", number))
        return True
    return False
