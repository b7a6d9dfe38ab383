"""Which variable chooses Postgres among several databases, as in `if os.getenv("DB") == "postgres":`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from .required import reader_of, text_of
from .source import assignments, called_name, parse
from .variables import FOREIGN, words_of

# Of what the name of such a variable tells: others choose more than a database.
TELLS = frozenset({"DB", "DATABASE", "DATABASES", "SQL", "POSTGRES", "POSTGRESQL", "PG", "PSQL"})
POSTGRES = re.compile(r"postgres|psql|pgsql|^pg$", re.IGNORECASE)
# What is given where the database is a certain one, and is no choice itself.
PART = re.compile(r"(?:HOST|HOSTNAME|ADDRESS|SERVER|PORT|URL|URI|DSN|STRING|NAME|USER|USERNAME|PASSWORD|PASS)$", re.IGNORECASE)
YES = re.compile(r"true|yes|on|1", re.IGNORECASE)
SETS = re.compile(r"[\"'](?:django\.db\.backends\.postgresql|postgres)|[\"']postgres(?:ql)?(?:\+\w+)?://")


def variable_in(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return the variable that an expression is the value of, also as `….lower()`; empty for another expression."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Subscript):
        return text_of(node.slice) if ast.unparse(node.value).endswith("environ") else ""
    if not isinstance(node, ast.Call):
        return ""
    if reader_of(node)[0]:
        return text_of(node.args[0]) if node.args else ""
    plain = isinstance(node.func, ast.Attribute) and called_name(node) in {"lower", "upper", "strip"} and not node.args
    return variable_in(node.func.value, names) if plain and isinstance(node.func, ast.Attribute) else ""


def wanted(test: ast.expr, names: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable that a condition asks for, and a value that fulfils it; empty ones for another condition."""
    if variable := variable_in(test, names):
        return ("", "") if PART.search(variable) else (variable, "1")
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.In)):
        return "", ""
    said = test.comparators[0]
    texts = [*map(text_of, said.elts)] if isinstance(said, ast.List | ast.Tuple | ast.Set) else [text_of(said)]
    value = next((text for form in (POSTGRES, YES) for text in texts if form.match(text)), "")
    return (variable_in(test.left, names), value) if value else ("", "")


def choices_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the variables that decide in a source whether it asks Postgres, each with the value for that."""
    names = {name: variable for name, value in assignments(tree) if (variable := variable_in(value, {}))}
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp):
            body = node.body if isinstance(node.body, list) else [node.body]
            variable, value = wanted(node.test, names)
            words = {*words_of(variable)}
            if words & TELLS and not words & FOREIGN and any(SETS.search(ast.unparse(one)) for one in body):
                yield variable, value


def choices(texts: Iterable[str]) -> dict[str, str]:
    """Return the variables that choose Postgres in some sources, each with the value for that."""
    found: dict[str, str] = {}
    for text in texts:
        if "ostgres" in text and re.search(r"\bif\b", text):
            for variable, value in choices_in(parse(text)):
                found.setdefault(variable, value)
    return found
