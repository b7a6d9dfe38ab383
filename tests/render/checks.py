"""What has to hold for every file that is rendered, whatever the answers."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from typing import Any
from xml.etree import ElementTree

import yaml

from tests.support import extension

FILES = extension("file_table")

# What answers of the tests bring along, and so may be found.
ANSWERED = re.compile(r"\{\{ ?x ?\}\}|\{% y %\}|\{# z #\}")
# `${{` is an expression of GitHub's.
LEFT_OVER = re.compile(r"(?<!\$)\{\{|\{%|%\}|(?<!\$)\{#")
REFUSED_BY_WINDOWS = re.compile(r"[<>:\"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def is_owned(path: str) -> bool:
    """Tell whether a file is the template's, which an update brings to the state of a fresh rendering."""
    row = FILES.row_of(path)
    return row is not None and row.whose == "template"


def is_shell(path: str) -> bool:
    """Tell whether a rendered file is a shell script: scripts/ci has to run where there is no Python."""
    return path == "scripts/ci" or path.endswith(".sh")


def heredocs(dockerfile: str) -> dict[str, str]:
    """Return the files that a Dockerfile holds itself, by their paths in the image."""
    found = re.findall(r"^COPY (?:--\S+ )*<<'(\w+)' (\S+)\n(.*?)^\1$", dockerfile, re.MULTILINE | re.DOTALL)
    return {path: content for _, path, content in found}


def is_python(path: str) -> bool:
    """Tell whether a rendered file is Python."""
    return path.endswith(".py") or (path.startswith("scripts/") and "." not in path and not is_shell(path))


def plain(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """Return what stands behind a tag."""
    if isinstance(node, yaml.ScalarNode):
        return yaml.safe_load(node.value)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


class ComposeLoader(yaml.SafeLoader):
    """Loads what Compose does: with tags that say how a file is laid over another one."""


for tag in ("!override", "!reset"):
    ComposeLoader.add_constructor(tag, plain)


def parse(path: str, text: str) -> None:
    """Parse a file as what its name says that it is.

    Raises:
        ValueError: for a file that is not well-formed, and for one of which the kind is not known.
        SyntaxError: for a file that is not well-formed.
        yaml.YAMLError: for a file that is not well-formed.
    """
    if is_python(path):
        ast.parse(text)
    elif path.endswith((".yml", ".yaml")):
        list(yaml.load_all(text, ComposeLoader if path == "docker-compose.test.yml" else yaml.SafeLoader))
    elif path.endswith(".toml"):
        tomllib.loads(text)
    elif path.endswith(".json"):
        json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    elif path.endswith(".xml"):
        ElementTree.fromstring(text)
    elif path.startswith(".env."):
        for line in text.splitlines():
            if not re.match(r"#|[A-Z][A-Z0-9_]*=|$", line):
                raise ValueError(f"no line of an environment file: {line!r}")
    elif is_shell(path):
        if wrong := subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True).stderr:
            raise ValueError(wrong)
    elif not path.endswith(("Dockerfile", ".dockerignore", "COMPOSE.md", ".template", "replicas.conf")):
        raise ValueError("no test knows how to parse this kind of file")


def findings(path: str, content: bytes) -> list[str]:
    """Return what is wrong with a rendered file.

    Args:
        path: relative to the project, with `/`.
        content: the file's bytes.
    """
    found = [f"the name {part!r} is refused by Windows" for part in path.split("/") if REFUSED_BY_WINDOWS.search(part)]
    try:
        text = content.decode()
        parse(path, text)
    except (ValueError, SyntaxError, yaml.YAMLError) as error:
        return [*found, f"does not parse: {error}"]
    if "\r" in text:
        found.append("has a carriage return")
    if left := LEFT_OVER.search(ANSWERED.sub("", text)):
        found.append(f"has {left[0]!r} left in it")
    if blanks := re.search(r"^(.*[ \t])$", text, re.MULTILINE):
        found.append(f"has trailing blanks: {blanks[0]!r}")
    if "\n\n\n\n" in text or text.startswith("\n"):
        found.append("has three blank lines in a row, or one at its start")
    # Python in a guide has them as its formatters do.
    prose = re.sub(r"^```python\n.*?^```$", "(code)", text, flags=re.MULTILINE | re.DOTALL)
    if "\n\n\n" in prose and not text.startswith("#!") and not path.endswith(".py"):
        found.append("has two blank lines in a row, which are a scar but in Python")
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        found.append("does not end with exactly one line break")
    marked = any(FILES.MARKER in line for line in text.splitlines()[:2])
    if is_owned(path) and not marked:
        found.append(f"is the template's, and {FILES.MARKER!r} is not in its first two lines")
    if not is_owned(path) and marked:
        found.append(f"is not the template's, and {FILES.MARKER!r} is in its first two lines")
    row = FILES.row_of(path)
    if row is None or not (row.rendered or row.whose == "copier"):
        found.append("is not in files.yml as one that is rendered")
    return found
