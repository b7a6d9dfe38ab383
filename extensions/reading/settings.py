"""Which variables an app reads to find its database and its Redis, and how its settings are read."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .chosen import choices
from .folder import Folder
from .places import meanings
from .requirements import Requirements
from .source import assigned_to, called_name, parse
from .variables import ALWAYS, FOREIGN, meaning_of, parts_of, words_of

ORM = re.compile(
    r"^\s*(?:from|import)\s+(?:sqlalchemy|sqlmodel|flask_sqlalchemy|databases|alembic|ormar|advanced_alchemy)\b", re.M
)
ORMS = frozenset({"sqlalchemy", "sqlmodel", "flask-sqlalchemy", "databases", "alembic", "ormar", "advanced-alchemy"})
# Some put the driver in themselves.
OWN_DRIVER = re.compile(
    r"replace\(\s*[\"'][^\"']*[\"']\s*,\s*f?[\"'](?:postgres(?:ql)?)?\+|\bdrivername\s*=|re\.sub\(\s*r?[\"']\^?postgres"
)
# A URL as the code expects it, what needs one for asyncpg under SQLAlchemy, and what takes it to asyncpg without.
WITH_DRIVER = re.compile(r"[\"']postgres(?:ql)?\+(\w+)://")
ASYNCHRONOUS = re.compile(r"\bcreate_async_engine\b|\basync_engine_from_config\b|\bSQLAlchemyAsyncConfig\b")
BY_ASYNCPG = re.compile(
    r"\basyncpg\.(?:connect|create_pool)\(|^\s*from asyncpg import\b.*\b(?:connect|create_pool)\b", re.MULTILINE
)
# A variable that is read, whatever the case of its letters; and what may be one, wherever it stands.
READS = re.compile(r"(?:\benviron(?:\.get)?\s*[\[(]|\bgetenv\(|\bconfig\(|\benv(?:\.\w+)?\()\s*[\"'](\w+)[\"']")
NAMES = re.compile(r"[\"']([A-Z][A-Z0-9_]+)[\"']")
# Flask's own configuration, which is no environment.
SETS = re.compile(r"\bconfig\[\s*[\"']\w+[\"']\s*\]\s*=(?!=)")
PREFIX = re.compile(r"\benv_prefix\s*=\s*[\"'](\w+)[\"']|\b\w*[Ee]nv\.prefix\s*=\s*[\"'](\w+)[\"']")
# What packages read by themselves, before what the code tells them.
THEIRS = {"celery": "CELERY_BROKER_URL", "rq": "RQ_REDIS_URL"}
# What asks where a service is by the names that are always set: a text, or a field of settings.
NAMED = r"(?im)[\"'](?:{0})[\"']|^\s+(?:{0})\s*:"
ASKS = {
    "postgres": re.compile(
        NAMED.format("DATABASE_URL|PG(?:HOST|PORT|USER|PASSWORD|DATABASE)|POSTGRES_(?:USER|PASSWORD|DB)")
        + r"|\bdj_database_url\b|\benv\.(?:dj_)?db(?:_url)?\((?!\s*[\"'])"
        # Told nothing, or all but the host, libpq and its like ask for it.
        r"|\b(?:connect|create_pool|ConnectionPool)\((?=\s*(?:\)|[\"']{2}|[\"']?(?:dbname|database|user)\s*=))(?![^)]*host)"
    ),
    "redis": re.compile(NAMED.format("REDIS_(?:URL|USER|PASSWORD|DB)") + r"|\benv\.cache(?:_url)?\((?!\s*[\"'])"),
}
DSNS = {"PostgresDsn": "db_url", "RedisDsn": "redis_url"}
# Of these a web server reads too where it listens, and these are the system's.
SHORT = ("HOST", "PORT")
SYSTEMS = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "TERM", "LANG", "TZ", "TMPDIR"})
# Who names a class so says what its fields are of.
HINTS = (("POSTGRES", "POSTGRES"), ("DATABASE", "DATABASE"), ("DB", "DB"), ("REDIS", "REDIS"))


@dataclass
class Model:
    """A class of pydantic's.

    Attributes:
        path: the source that it stands in.
        bases: the names of its bases.
        config: its settings, as expressions by name.
        fields: its fields' types and defaults by name.
    """

    path: str
    bases: list[str]
    config: dict[str, ast.expr] = field(default_factory=dict)
    fields: dict[str, tuple[ast.expr, ast.expr | None]] = field(default_factory=dict)


def last_name(node: ast.AST) -> str:
    """Return the last part of a name such as `pydantic.BaseModel`, empty for what is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.AST | None) -> str:
    """Return a text that stands in the source, empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def texts_in(node: ast.AST) -> Iterator[str]:
    """Yield every text below a node."""
    yield from filter(None, map(text_of, ast.walk(node)))


def options_of(node: ast.expr | None) -> dict[str, ast.expr]:
    """Return the options of `SettingsConfigDict(…)`, or of the same as a dictionary."""
    if isinstance(node, ast.Call):
        return {option.arg: option.value for option in node.keywords if option.arg}
    if isinstance(node, ast.Dict):
        return {text_of(key): value for key, value in zip(node.keys, node.values, strict=True) if text_of(key)}
    return {}


def model_of(node: ast.ClassDef, path: str) -> Model:
    """Return a class with its settings, wherever they stand, and its fields."""
    model = Model(path, [*map(last_name, node.bases)], {option.arg: option.value for option in node.keywords if option.arg})
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            if one.target.id == "model_config":
                model.config |= options_of(one.value)
            else:
                model.fields[one.target.id] = (one.annotation, one.value)
        elif isinstance(one, ast.Assign) and [*map(last_name, one.targets)] == ["model_config"]:
            model.config |= options_of(one.value)
        elif isinstance(one, ast.ClassDef) and one.name == "Config":
            options = (option for option in one.body if isinstance(option, ast.Assign))
            model.config |= {last_name(target): option.value for option in options for target in option.targets}
    return model


def aliases(default: ast.expr | None) -> list[str]:
    """Return the names that a field is read by in place of its own, such as those in `Field(validation_alias=…)`."""
    if called_name(default) not in {"Field", "SettingsField"} or not isinstance(default, ast.Call):
        return []
    given = {option.arg: option.value for option in default.keywords}
    named = [given[key] for key in ("validation_alias", "alias", "env") if key in given][:1]
    return [text for node in named for text in texts_in(node)]


class Settings:
    """The settings of an app.

    Args:
        folder: the project's.
        requirements: what it declares.
        name: what the project is called.
    """

    def __init__(self, folder: Folder, requirements: Requirements, name: str = "") -> None:
        self._folder = folder
        self._requirements = requirements
        self._own = frozenset(words_of(name))

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {source: self._folder.read(source) for source in self._folder.sources}

    @cached_property
    def names(self) -> dict[str, str]:
        """What the variables mean that the code reads to find its services, those that are always set left out."""
        found: dict[str, str] = {}
        for text in self._texts.values():
            for name in {*NAMES.findall(SETS.sub("", text)), *READS.findall(text)}:
                found[name] = meaning_of(name, self._own)
            found |= {name: meaning_of(name, self._own | {*words_of(prefix)}) for prefix, name in self._prefixed(text)}
        found |= {name: meaning for _, name, meaning in self._fields if self._is_own(name, meaning)}
        found |= self._apart({meaning.partition("_")[0] for meaning in found.values()}) | self._placed
        # One that is compared is no part of an address, whatever it is called.
        chosen = {name: f"db_kind:{value}" for name, value in choices(self._texts.values()).items() if name not in ALWAYS}
        found |= {name: kind for name, kind in chosen.items() if found.get(name, "") in {"", "db_engine", "db_name"}}
        found |= {name: "redis_url" for package, name in THEIRS.items() if package in self._requirements.names}
        django = "django" in self._requirements.names
        rabbit = any("amqp://" in text or "pika" in text for text in self._texts.values())
        return {
            name: meaning
            for name, meaning in sorted(found.items(), key=lambda one: (one[1], one[0]))
            if meaning and (django or meaning != "db_engine") and not (rabbit and "REDIS" not in name and meaning == "redis_url")
        }

    @property
    def _placed(self) -> dict[str, str]:
        """The variables, whatever they are called, whose values go where a database's host goes, say, and what they mean so."""
        fields: dict[str, tuple[str, ...]] = {}
        for name, variable, _ in self._fields:
            fields[name] = (*fields.get(name, ()), variable)
        found = meanings(self._texts, fields)
        times = Counter(name for text in self._texts.values() for name in READS.findall(text))
        # Where a server listens, it reads from such names too.
        apart = {name for name in SHORT if times[name] > 1} | ALWAYS | SYSTEMS
        return {name: meaning for name, meaning in found.items() if name not in apart and not FOREIGN & {*words_of(name)}}

    def _apart(self, known: set[str]) -> dict[str, str]:
        """Return the variables of the one database, or Redis, whose names begin with a word that tells nothing.

        Args:
            known: of which of them the names are known: there a word tells of another one.
        """
        read = {name: parts_of(name) for text in self._texts.values() for name in READS.findall(text)}
        found: dict[str, str] = {}
        for kind, service in (("db", "postgres"), ("redis", "redis")):
            names = {name: one for name, one in read.items() if one[1].startswith(f"{kind}_") and not one[0] & FOREIGN}
            if len({before for before, _ in names.values()}) == 1 and kind not in known and not self._asks(service):
                found |= {name: meaning for name, (_, meaning) in names.items()}
        return found

    def _prefixed(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the variables that are read with a prefix before the name: the prefix, and all of the name."""
        if "pydantic" not in text:
            prefixes = {first or second for first, second in PREFIX.findall(text)}
            yield from ((prefix, f"{prefix}{name}") for prefix in prefixes for name in READS.findall(text))
        if ".prefixed(" in text:
            yield from self._below(parse(text), "")

    def _below(self, node: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield what is read below a node, where `with env.prefixed("DB_"):` puts a prefix before each name."""
        for child in ast.iter_child_nodes(node):
            below = prefix
            if isinstance(child, ast.With):
                calls = [item.context_expr for item in child.items if isinstance(item.context_expr, ast.Call)]
                below += "".join(text_of(call.args[0]) for call in calls if called_name(call) == "prefixed" and call.args)
            elif prefix and isinstance(child, ast.Call) and child.args and called_name(child) != "prefixed":
                yield prefix, f"{prefix}{text_of(child.args[0])}"
            yield from self._below(child, below)

    # Settings by pydantic

    @cached_property
    def _models(self) -> dict[str, Model]:
        """Every class that may be settings by pydantic, or a part of them, by its name."""
        if not any("BaseSettings" in text for text in self._texts.values()):
            return {}
        trees = ((path, parse(text)) for path, text in self._texts.items() if "class " in text)
        return {
            node.name: model_of(node, path) for path, tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        }

    def _lineage(self, name: str, seen: tuple[str, ...] = ()) -> list[str]:
        """Return a class and those of the project's that it is made from, the nearest first."""
        if name not in self._models or name in seen:
            return []
        bases = [one for base in self._models[name].bases for one in self._lineage(base, (*seen, name))]
        return [name, *bases]

    @cached_property
    def _settings(self) -> dict[str, Model]:
        """The classes that read the environment, with all that they have from their bases."""
        found: dict[str, Model] = {}
        for name, model in self._models.items():
            line = [self._models[one] for one in self._lineage(name)]
            if any("BaseSettings" in one.bases for one in line):
                merged = Model(model.path, model.bases)
                for one in reversed(line):
                    merged.config |= one.config
                    merged.fields |= one.fields
                found[name] = merged
        return found

    @staticmethod
    def _is_own(variable: str, meaning: str) -> bool:
        # A short one such as HOST or PORT is not of a service alone.
        words = words_of(variable)
        return bool(meaning) and len(words) > 1 and variable.upper() not in ALWAYS and not FOREIGN & {*words}

    @property
    def fields(self) -> Iterator[tuple[str, str, ast.expr, ast.expr | None]]:
        """Yield the fields of settings by pydantic: the source, the variable, the type, and the default, None for none."""
        for model in self._settings.values():
            prefix = text_of(model.config.get("env_prefix"))
            for one, (kind, default) in model.fields.items():
                yield model.path, (aliases(default) or [f"{prefix}{one}"])[0].upper(), kind, default

    @property
    def _fields(self) -> Iterator[tuple[str, str, str]]:
        """Yield the fields of settings by pydantic, with the variables that they are read from, and what these mean by name."""
        for name, model in self._settings.items():
            prefix, delimiter = (text_of(model.config.get(key)) for key in ("env_prefix", "env_nested_delimiter"))
            sensitive = getattr(model.config.get("case_sensitive"), "value", False) is True
            yield from self._read_by(name, model, prefix, delimiter, sensitive, 3)

    def _read_by(
        self, name: str, model: Model, prefix: str, delimiter: str, sensitive: bool, depth: int
    ) -> Iterator[tuple[str, str, str]]:
        """Yield the variables of a class, and of those that are its fields' types."""
        own = self._own | {*words_of(prefix)}
        hint = next((hint for word, hint in HINTS if word in name.upper()), "")
        for one, (kind, default) in model.fields.items():
            if isinstance(default, ast.JoinedStr | ast.BinOp) or called_name(default) in {"build", "format"}:
                # Made from the others, which are given.
                continue
            types = {last_name(node) for node in ast.walk(kind)}
            for full in aliases(default) or [f"{prefix}{one}"]:
                variable = full if sensitive else full.upper()
                typed = next((meaning for dsn, meaning in DSNS.items() if dsn in types), "")
                hinted = meaning_of(f"{hint}_{one}") if hint and prefix else ""
                yield one, variable, meaning_of(variable, own) or typed or hinted
            for inner in types & self._models.keys() if delimiter and depth else ():
                yield from self._read_by(inner, self._models[inner], f"{prefix}{one}{delimiter}", delimiter, sensitive, depth - 1)

    def reads(self, service: str) -> bool:
        """Tell whether the app asks its environment where a service is: `postgres` or `redis`."""
        if any(meaning.startswith("db_" if service == "postgres" else "redis_") for meaning in self.names.values()):
            return True
        return self._asks(service)

    def _asks(self, service: str) -> bool:
        return any(ASKS[service].search(text) for text in self._texts.values())

    @property
    def strict(self) -> list[str]:
        """The sources with settings that read `.env`, and refuse the names in it that they don't know."""
        return sorted({model.path for model in self._settings.values() if self._reads_env(model) and not self._is_lax(model)})

    def _reads_env(self, model: Model) -> bool:
        """Tell whether settings by pydantic 2 read `.env`: the first version took no notice of other names there."""
        value = model.config.get("env_file")
        if value is None or not any("pydantic_settings" in text for text in self._texts.values()):
            return False
        if name := last_name(value):
            value = assigned_to(parse(self._texts[model.path]), name) or value
        return any(text.rpartition("/")[2] == ".env" for text in texts_in(value))

    def _is_lax(self, model: Model) -> bool:
        extra = model.config.get("extra")
        return extra is not None and (text_of(extra) or last_name(extra)) in {"ignore", "allow"}

    @cached_property
    def scheme(self) -> str:
        """The scheme of a database's URL: SQLAlchemy has another driver by itself since 2.1, Tortoise knows one alone."""
        declared, texts = self._requirements.names, self._texts.values()
        # Also by an extra such as `sqlalchemy[postgresql_asyncpg]`.
        names = declared | {driver for name in declared for driver in re.findall(r"\[.*?(asyncpg|psycopg2?|pg8000)", name)}
        if "tortoise-orm" in names:
            return "postgres"
        if (not names & ORMS and not any(map(ORM.search, texts))) or any(map(OWN_DRIVER.search, texts)):
            return "postgresql"
        said = {driver for text in texts for driver in WITH_DRIVER.findall(text)} & names
        # With a URL of its own for what is asynchronous, or where asyncpg itself takes it, the other one is for the rest.
        both = "db_async_url" in self.names.values() or any(map(BY_ASYNCPG.search, texts))
        if len(said) == 1 and not both:
            return f"postgresql+{said.pop()}"
        if "asyncpg" in names and not both and any(map(ASYNCHRONOUS.search, texts)):
            return "postgresql+asyncpg"
        if "psycopg" in names and not names & {"psycopg2", "psycopg2-binary"}:
            return "postgresql+psycopg"
        others = names & {"psycopg", "asyncpg", "databases"} or both or any("psycopg2.connect(" in text for text in texts)
        if names & {"psycopg2", "psycopg2-binary"} and not others:
            return "postgresql+psycopg2"
        return "postgresql+pg8000" if "pg8000" in names else "postgresql"
