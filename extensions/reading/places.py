"""What a variable means by where its value goes, such as a database's host, whatever it is called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .required import reader_of, text_of
from .source import called_name, full_name, imported_names, parse

# What a source has that reads variables, and one that has a place for them.
READS = re.compile(r"\benviron\b|\bgetenv\b|\bconfig\(|[Ee]nv[.(]|\bBaseSettings\b")
PLACES = re.compile(
    r"[Pp]ostgres|psycopg|asyncpg|aiopg|pg8000|sqlalchemy|sqlmodel|peewee|tortoise|dj_database_url|DATABASES|SQLALCHEMY"
    r"|[Rr]edis|valkey|\barq\b|[Cc]elery|CACHES|QUEUES|CHANNEL_LAYERS|BROKER_URL|RESULT_BACKEND"
)
# What each part is called where it goes, by keywords and by keys.
DATABASE = {
    **{"host": "db_host", "hostname": "db_host", "server": "db_host", "port": "db_port", "user": "db_user"},
    **{"username": "db_user", "password": "db_password", "passwd": "db_password", "name": "db_name", "dbname": "db_name"},
    **{"database": "db_name", "db": "db_name", "path": "db_name", "dsn": "db_url", "conninfo": "db_url", "engine": "db_engine"},
}
REDIS = {
    **{"host": "redis_host", "port": "redis_port", "password": "redis_password", "db": "redis_db", "database": "redis_db"},
    **{"url": "redis_url", "dsn": "redis_url"},
}
# Packages that ask Postgres, or Redis, and the order of what their functions take without a keyword.
ASKS_POSTGRES = frozenset({"psycopg", "psycopg2", "psycopg_pool", "asyncpg", "aiopg", "pg8000"})
ASKS_REDIS = frozenset({"redis", "aioredis", "valkey", "arq", "walrus"})
ORDERS = {
    "URL": ("", "username", "password", "host", "port", "database"),
    "Redis": ("host", "port", "db", "password"),
    "StrictRedis": ("host", "port", "db", "password"),
    "RedisSettings": ("host", "port"),
    "PostgresqlDatabase": ("database",),
}
# What takes a URL, or a variable's name, as its first argument.
TAKE_URL = {"create_engine": "db_url", "create_async_engine": "db_url", "connect": "db_url", "create_pool": "db_url"}
POOLS = frozenset({"ConnectionPool", "AsyncConnectionPool", "NullConnectionPool", "AsyncNullConnectionPool"})
SCHEMES = re.compile(r"(?:(postgres(?:ql)?)(?:\+\w+)?|rediss?|valkeys?)://")
# A server that is none of Postgres or Redis.
OTHER = re.compile(r"mysql|mariadb|sqlite|oracle|mssql|mongo|amqp|locmem|filebased|memcache|dummy", re.IGNORECASE)
# What stands for a value in the text of a URL.
MARK = "\0"
MAX_DEPTH = 6
MAX_VALUES = 4


@dataclass(frozen=True)
class Place:
    """One database, or Redis, that is asked: what its parts are read from, by what they mean."""

    parts: Mapping[str, tuple[str, ...]]
    """The variables of each part."""
    is_default: bool = False
    """Whether the code says that it is the app's own."""


def last_name(node: ast.AST | None) -> str:
    """Return the last part of a name such as `settings.HOST`, empty for what is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def template_of(node: ast.AST) -> tuple[str, list[ast.expr]]:
    """Return a text that values are put into, with marks for them, and the values; empty for what is none."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(MARK if isinstance(one, ast.FormattedValue) else text_of(one) for one in node.values)
        return text, [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.right, ast.Tuple):
        return re.sub(r"%[sd]", MARK, text_of(node.left)), node.right.elts
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        named = {one.arg: one.value for one in node.keywords}
        text, order = text_of(node.func.value), iter(node.args)
        fields = re.findall(r"\{(\w*)\}", text)
        values = [named.get(one) if one else next(order, None) for one in fields]
        known = [one for one in values if one is not None]
        return (re.sub(r"\{\w*\}", MARK, text), known) if len(known) == len(fields) else ("", [])
    return "", []


def plain_texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts in an expression, but for those of what is read from the environment."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield text_of(one)
        if not (isinstance(one, ast.Call) and reader_of(one)[0]):
            waiting += ast.iter_child_nodes(one)


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is below a node, but not below a function in it."""
    waiting = [*ast.iter_child_nodes(node)][::-1]
    while waiting:
        yield (one := waiting.pop())
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += [*ast.iter_child_nodes(one)][::-1]


def values_in(nodes: Iterable[ast.AST], kind: type[ast.expr]) -> dict[str, list[ast.expr]]:
    """Return what is assigned to names, or to attributes, by the last part of each: `host` for `self.host`."""
    found: dict[str, list[ast.expr]] = {}
    for one in nodes:
        if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
            for target in one.targets if isinstance(one, ast.Assign) else [one.target]:
                if isinstance(target, kind):
                    found.setdefault(last_name(target), []).append(one.value)
    return found


def prefixes_in(node: ast.AST, prefix: str = "") -> Iterator[tuple[int, str]]:
    """Yield the calls, by their identities, with what `with env.prefixed("DB_"):` puts before the names in them."""
    for child in ast.iter_child_nodes(node):
        below = prefix
        if isinstance(child, ast.With):
            calls = [item.context_expr for item in child.items if isinstance(item.context_expr, ast.Call)]
            below += "".join(text_of(call.args[0]) for call in calls if called_name(call) == "prefixed" and call.args)
        elif prefix and isinstance(child, ast.Call):
            yield id(child), prefix
        yield from prefixes_in(child, below)


def items_of(node: ast.expr | None) -> dict[str, ast.expr]:
    """Return the items of a dictionary by their keys, in whichever way it is written."""
    if isinstance(node, ast.Dict):
        return {text_of(key): value for key, value in zip(node.keys, node.values, strict=True) if text_of(key)}
    if isinstance(node, ast.Call) and called_name(node) == "dict":
        return {one.arg: one.value for one in node.keywords if one.arg}
    if isinstance(node, ast.IfExp):
        return items_of(node.orelse) | items_of(node.body)
    return {}


class Source:
    """A source with places for variables.

    Args:
        tree: the source's.
        shared: what names stand for in any source of the project, for those that are imported, and attributes.
        fields: the variables of settings' fields, by the fields' names.
        prefixed: whether it puts prefixes before the names of variables.
    """

    def __init__(
        self, tree: ast.Module, shared: Mapping[str, list[ast.expr]], fields: Mapping[str, tuple[str, ...]], prefixed: bool
    ) -> None:
        self._tree = tree
        self._names = imported_names(tree)
        self._prefixes = dict(prefixes_in(tree)) if prefixed else {}
        self._shared, self._fields = shared, fields
        self._scopes: list[dict[str, list[ast.expr]]] = []

    @property
    def places(self) -> Iterator[Place]:
        """The databases, and the Redis, that it asks."""
        yield from self._below(self._tree)

    def _below(self, node: ast.AST) -> Iterator[Place]:
        nodes, functions = [*own_nodes(node)], []
        self._scopes.append(values_in(nodes, ast.Name))
        for one in nodes:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                functions.append(one)
            place = self._place(one)
            if place and place.parts:
                yield place
        for function in functions:
            yield from self._below(function)
        self._scopes.pop()

    # Places

    def _place(self, node: ast.AST) -> Place | None:
        text, values = template_of(node)
        if MARK in text:
            return self._text(text, values)
        if isinstance(node, ast.Call):
            return self._called(node)
        if isinstance(node, ast.Dict) and {"host", "port"} & {*map(text_of, filter(None, node.keys))}:
            named = {text.lower() for text in map(text_of, filter(None, node.keys))}
            uses = {name.partition(".")[0] for name in self._names.values()}
            if named & {"dbname", "database"} and named & {"user", "username"} and uses & {*ASKS_POSTGRES, "tortoise", "pony"}:
                return self._of(items_of(node), DATABASE)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            keys: list[str] = []
            while isinstance(target, ast.Subscript):
                keys.insert(0, text_of(target.slice))
                target = target.value
            return self._setting(last_name(target), keys, node.value)
        return None

    def _setting(self, name: str, keys: list[str], value: ast.expr) -> Place | None:
        """Return the place in a setting of a framework's, such as `DATABASES["default"]["HOST"]`."""
        if name in {"DATABASES", "CACHES", "RQ_QUEUES", "CHANNEL_LAYERS"}:
            if keys[:1] not in ([], ["default"]):
                return None
            said = value if keys else items_of(value).get("default")
            if len(keys) == 2:
                said = ast.Dict([ast.Constant(keys[1])], [value])
            return self._of_django(name, said)
        last = keys[-1] if keys else name
        if last == "SQLALCHEMY_DATABASE_URI":
            return self._of({"dsn": value}, DATABASE, is_default=True)
        if re.fullmatch(r"(?:CELERY_)?(?:BROKER_URL|RESULT_BACKEND)", last):
            return self._of({"url": value}, REDIS)
        return None

    def _of_django(self, setting: str, said: ast.expr | None) -> Place | None:
        if isinstance(said, ast.Call) and reader_of(said)[0] and setting in {"DATABASES", "CACHES"}:
            # Such as `env.db("…")`, and `config("…", cast=…)`.
            return self._of({"dsn": said}, DATABASE if setting == "DATABASES" else REDIS, is_default=True)
        items = items_of(said)
        if setting == "DATABASES":
            parts = {name.lower(): value for name, value in items.items() if name in {"HOST", "PORT", "NAME", "USER", "PASSWORD"}}
            return self._of(parts | {"engine": items["ENGINE"]} if "ENGINE" in items else parts, DATABASE, is_default=True)
        if setting == "RQ_QUEUES":
            return self._of({name.lower(): value for name, value in items.items()}, REDIS, is_default=True)
        if setting == "CACHES":
            backend = items.get("BACKEND")
            return self._of({"url": items["LOCATION"], "": backend} if backend and "LOCATION" in items else {}, REDIS)
        hosts = items_of(items.get("CONFIG")).get("hosts")
        first = hosts.elts[0] if isinstance(hosts, ast.List | ast.Tuple) and hosts.elts else hosts
        if isinstance(first, ast.Tuple) and len(first.elts) == 2:
            return self._of(dict(zip(("host", "port"), first.elts, strict=True)), REDIS)
        return self._of({"url": first} if first else {}, REDIS)

    def _called(self, call: ast.Call) -> Place | None:
        """Return the place that a call is."""
        full, name = full_name(call.func, self._names), called_name(call)
        package = full.partition(".")[0]
        given = {one.arg: one.value for one in call.keywords if one.arg}
        owner = last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if owner == "URL" and name == "create":
            name = "URL"
        given |= {one: value for one, value in zip(ORDERS.get(name, ()), call.args, strict=False) if one}
        first = call.args[0] if call.args else None
        if name == "URL" and package == "sqlalchemy":
            return self._of(given | {"": first}, DATABASE)
        if name == "build" and owner in {"PostgresDsn", "RedisDsn"}:
            return self._of(given, DATABASE if owner == "PostgresDsn" else REDIS)
        if name == "PostgresqlDatabase" or package in ASKS_POSTGRES:
            takes = name in TAKE_URL or name in POOLS
            return self._of(given | ({"dsn": first} if first and takes else {}), DATABASE)
        if name in {"create_engine", "create_async_engine"}:
            return self._of({"dsn": first or given.get("url")} if first or "url" in given else {}, DATABASE)
        if name == "from_url" and (package in ASKS_REDIS or "Redis" in owner):
            return self._of({"url": first or given.get("url")} if first or "url" in given else {}, REDIS)
        if package in ASKS_REDIS or name.startswith("Redis"):
            return self._of(given, REDIS)
        if package == "dj_database_url":
            named = text_of(given.get("env") or (first if name == "config" else None))
            other = self._of({"dsn": given.get("default") if name == "config" else first}, DATABASE)
            read = (*([named] if named else []), *(other.parts.get("db_url", ()) if other else ()))
            return Place({"db_url": read} if read else {}, is_default=True)
        if name == "Celery":
            backend = self._of({"url": given["backend"]} if "backend" in given else {}, REDIS)
            broker = self._of({"url": given["broker"]} if "broker" in given else {}, REDIS)
            both = [one for place in (broker, backend) if place for one in place.parts.get("redis_url", ())]
            return Place({"redis_url": tuple(dict.fromkeys(both))}) if both else None
        return None

    def _text(self, text: str, values: list[ast.expr]) -> Place | None:
        """Return the place that a URL is, such as `f"postgresql://{user}:{password}@{host}/{name}"`, or a text for libpq."""
        scheme = SCHEMES.match(text)
        if not scheme:
            said = re.findall(rf"(?:^|\s)(\w+)='?{MARK}'?(?=\s|$)", text)
            known = {"host", "dbname"} <= {*said} and len(said) == len(values)
            return self._of(dict(zip(said, values, strict=True)), DATABASE) if known else None
        rest, _, name = text[scheme.end() :].partition("?")[0].partition("/")
        login, at, server = rest.rpartition("@")
        (user, _, password), (host, _, port) = login.partition(":"), server.partition(":")
        parts = {"user": user if at else "", "password": password, "host": host, "port": port, "db": name}
        found: dict[str, ast.expr] = {}
        for part, written in parts.items():
            # A part that is made of more is none that can be given.
            taken, values = values[: written.count(MARK)], values[written.count(MARK) :]
            if written == MARK:
                found[part] = taken[0]
        return self._of(found, DATABASE if scheme[1] else REDIS)

    def _of(self, given: Mapping[str, ast.expr | None], means: Mapping[str, str], *, is_default: bool = False) -> Place | None:
        """Return a place by what its parts are given; none where a text among them names another server than is meant."""
        texts = (text for value in given.values() if value is not None for text in plain_texts(value))
        if any(map(OTHER.search, texts)):
            return None
        parts: dict[str, tuple[str, ...]] = {}
        for part, value in given.items():
            if part in means and value is not None and (names := self._read(value)):
                parts[means[part]] = (*parts.get(means[part], ()), *names)
        return Place(parts, is_default)

    # Variables

    def _read(self, node: ast.expr, depth: int = 0) -> tuple[str, ...]:
        """Return the variables that an expression is read from, as they are: none for what only contains one."""
        if depth > MAX_DEPTH:
            return ()
        further: list[ast.expr] = []
        name = ""
        if isinstance(node, ast.Subscript) and full_name(node.value, self._names).endswith("environ"):
            name = text_of(node.slice)
        elif isinstance(node, ast.Call) and reader_of(node)[0]:
            name = f"{self._prefixes.get(id(node), '')}{text_of(node.args[0])}" if node.args and text_of(node.args[0]) else ""
            further = [*node.args[1:], *(one.value for one in node.keywords if one.arg == "default")]
        elif isinstance(node, ast.Call):
            # Such as `int(…)`, or `….strip()`.
            base = node.func.value if isinstance(node.func, ast.Attribute) else None
            read_from = isinstance(base, ast.Call | ast.Attribute | ast.Subscript)
            further = [*node.args] if len(node.args) == 1 else [base] if base is not None and read_from and not node.args else []
        elif isinstance(node, ast.BoolOp):
            further = node.values
        elif isinstance(node, ast.IfExp):
            further = [node.body, node.orelse]
        elif isinstance(node, ast.JoinedStr) and len(node.values) == 1 and isinstance(node.values[0], ast.FormattedValue):
            further = [node.values[0].value]
        elif isinstance(node, ast.Name | ast.Attribute):
            return self._named(node, depth)
        return (*([name] if name else []), *(one for value in further for one in self._read(value, depth + 1)))

    def _named(self, node: ast.Name | ast.Attribute, depth: int) -> tuple[str, ...]:
        """Return the variables that a name, or an attribute such as `settings.HOST`, stands for."""
        name = node.id if isinstance(node, ast.Name) else node.attr
        if isinstance(node, ast.Name) and name not in self._names:
            values = next((scope[name] for scope in reversed(self._scopes) if name in scope), [])
        else:
            name = self._names.get(name, name).rpartition(".")[2] if isinstance(node, ast.Name) else name
            values = self._shared.get(name, [])
            if name in self._fields and not values:
                return self._fields[name]
        # What is so often something else, such as `self.name`, is known for nothing.
        known = values if len(values) <= MAX_VALUES else []
        return tuple(dict.fromkeys(one for value in known for one in self._read(value, depth + 1)))


def meanings(texts: Mapping[str, str], fields: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return what variables mean by where their values go.

    Args:
        texts: the sources of a project by their paths.
        fields: the variables of settings' fields, by the fields' names.
    """
    if not any(map(PLACES.search, texts.values())):
        return {}
    readers = {path: parse(text) for path, text in texts.items() if READS.search(text)}
    shared: dict[str, list[ast.expr]] = {}
    for tree in readers.values():
        for assigned, nodes in ((ast.Name, own_nodes(tree)), (ast.Attribute, ast.walk(tree))):
            for name, values in values_in(nodes, assigned).items():
                shared.setdefault(name, []).extend(values)
    places: list[Place] = []
    for path, text in texts.items() if readers else ():
        if PLACES.search(text):
            tree = readers.get(path) or parse(text)
            places += Source(tree, shared, fields, ".prefixed(" in text).places
    found: dict[str, str] = {}
    for kind in ("db", "redis"):
        of_kind = [place for place in places if any(meaning.startswith(f"{kind}_") for meaning in place.parts)]
        default = [place for place in of_kind if place.is_default] or of_kind
        for meaning in dict.fromkeys(meaning for place in default for meaning in place.parts):
            said = [frozenset(place.parts[meaning]) for place in default if meaning in place.parts]
            # Of several databases nobody knows which is the app's; settings of Django's for several purposes are of one.
            several = kind == "db" and default[0].is_default is False
            found |= dict.fromkeys(frozenset.intersection(*said) if several else frozenset.union(*said), meaning)
    return found
