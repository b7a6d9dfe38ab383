"""Version specifiers, those of Poetry among them, and the version of Python that one allows."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

# More than any version of Python has.
PATCHES = 100


def caret(version: str) -> str:
    """Return what Poetry's `^` allows: everything that leaves the first number that is not zero."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    if not numbers:
        return ""
    parts = numbers[0].split(".")
    first = next((index for index, part in enumerate(parts) if int(part)), len(parts) - 1)
    return f">={version},<{'.'.join([*parts[:first], str(int(parts[first]) + 1)])}"


def caret_to_pep440(spec: str) -> str:
    """Return a version specifier of Poetry as one of PEP 440: `^3.10` is `>=3.10,<4`, `~3.10` is `~=3.10.0`."""
    parts = []
    for part in re.split(r"[,\s]+", re.sub(r"([<>=!~^])\s+", r"\1", spec.strip())):
        if part.startswith("^"):
            parts.append(caret(part[1:]))
        elif re.fullmatch(r"~\d+(\.\d+)?", part):
            parts.append(f"~={part[1:]}.0")
        elif re.fullmatch(r"~\d.*", part):
            parts.append(f"~={part[1:]}")
        elif re.fullmatch(r"\d+\.\d+", part):
            parts.append(f"=={part}.*")
        elif re.fullmatch(r"\d[\d.*]*", part):
            parts.append(f"=={part}")
        else:
            parts.append(part)
    return ",".join(part for part in parts if part and part != "*")


def python_version(specifier: str, choices: list[str], preferred: str) -> str:
    """Return the preferred version of Python, or the newest choice that a specifier allows.

    Args:
        specifier: as in `requires-python`; one that can't be read allows everything.
        choices: versions such as `"3.13"`, oldest first.
        preferred: taken if it is allowed. Where no choice is, the oldest is taken for what is older still.
    """
    try:
        allowed = SpecifierSet(specifier)
    except InvalidSpecifier:
        return preferred
    good = [version for version in choices if allows_newest(allowed, version)]
    good = good or [version for version in choices if allows(allowed, version)]
    if good or not specifier:
        return preferred if preferred in good or not good else good[-1]
    older = any(allows(allowed, f"3.{minor}") for minor in range(int(choices[0].split(".")[1])))
    return choices[0] if older else preferred


def allows_newest(specifier: SpecifierSet, version: str) -> bool:
    """Tell whether a specifier allows the newest patch of a version, which images have: `<=3.13` allows 3.13.0 alone."""
    return specifier.contains(f"{version}.{PATCHES - 1}")


def allows(specifier: SpecifierSet, version: str) -> bool:
    """Tell whether a specifier allows any patch of a version such as `3.13`."""
    return any(specifier.contains(f"{version}.{patch}") for patch in range(PATCHES))
