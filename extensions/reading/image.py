"""What an existing Dockerfile says about the image that it builds."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

# What Compose, YAML or a script reads as something else in a folder, or not at all.
NO_FOLDER = re.compile(r"""["$`\\|:]| #|\s$|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]""")
# What a stage for tests is called.
STAGES = ("test", "tests", "testing", "ci", "dev", "development")


def texts_in(argument: str) -> list[str] | None:
    """Return the words of an instruction's exec form; None for the shell form, which is all that is no list of texts in JSON."""
    try:
        words = json.loads(argument)
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


class Image:
    """The image of a Dockerfile.

    Args:
        dockerfile: its text, empty where there is none.
    """

    def __init__(self, dockerfile: str) -> None:
        self._text = re.sub(r"\\\r?\n", " ", dockerfile)

    @property
    def test_target(self) -> str:
        """The name of the stage for tests, empty where it has none."""
        stages = re.findall(r"^[ \t]*FROM[ \t].*[ \t]AS[ \t]+([\w.-]+)[ \t]*$", self._text, re.MULTILINE | re.IGNORECASE)
        return next((stage for name in STAGES for stage in stages if stage.lower() == name), "")

    def _last_stage(self, instruction: str) -> list[str]:
        """Return the arguments of each instruction of a kind in the last stage."""
        arguments: list[str] = []
        for line in self._text.splitlines():
            if re.match(r"\s*FROM\s", line, re.IGNORECASE):
                arguments = []
            elif found := re.match(rf"\s*{instruction}\s+(.+)", line, re.IGNORECASE):
                arguments.append(found[1].strip())
        return arguments

    def workdir(self) -> str:
        """Return the working folder of the last stage, `/workspace` where none says one that can be mounted."""
        folder = PurePosixPath("/", *(argument.strip("\"'") for argument in self._last_stage("WORKDIR")))
        return str(folder) if str(folder).strip("/.") and not NO_FOLDER.search(str(folder)) else "/workspace"

    def entrypoint(self) -> list[str]:
        """Return the words of the ENTRYPOINT in the last stage, none where it has none."""
        for argument in self._last_stage("ENTRYPOINT")[-1:]:
            words = texts_in(argument)
            return ["/bin/sh", "-c", argument] if words is None else words
        return []

    def user(self) -> str:
        """Return the user that the last stage names, empty where that is root or nobody."""
        user = next((argument.strip("\"'") for argument in reversed(self._last_stage("USER"))), "")
        return "" if user.partition(":")[0] in {"root", "0"} else "".join(char for char in user if char.isprintable())
