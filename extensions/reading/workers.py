"""Workers: programs that take jobs from a queue, and the command that starts each."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass

from .folder import Folder
from .layout import Layout
from .programs import Source
from .source import called_name, full_name

# Nothing but /tmp can be written in production.
IN_TMP = "--schedule /tmp/celerybeat-schedule"
# What Celery's beat has to do, or that it reads it from Django's database.
BEAT = re.compile(r"\b(?:beat_schedule|add_periodic_task|CELERY_?BEAT_SCHEDULE)\b|['\"](django_celery_beat)['\"]")
HINT = re.compile(r"\b(?:[Cc]elery|rq|dramatiq|arq|huey|taskiq)\b")


@dataclass(frozen=True)
class Worker:
    """A file in which jobs are defined, or a worker is made.

    Attributes:
        path: the file, relative to the project, with `/`.
        command: the command that starts the worker, as shell words.
    """

    path: str
    command: str


def celery(source: Source) -> str:
    """Celery's command imports the module of its application."""
    if source.path.endswith("__main__.py"):
        return ""
    names = source.objects("celery.Celery", "celery.app.Celery")
    # Flask's own pattern keeps the application among the extensions.
    for name, value in source.at_import.items():
        if re.search(r"\.extensions\[['\"]celery['\"]\]$", ast.unparse(value)) or called_name(value) in {
            "make_celery",
            "celery_init_app",
            "create_celery",
        }:
            names.append(name)
    if not names:
        return ""
    target = source.module if names[0] in {"app", "celery"} else f"{source.module}:{names[0]}"
    return f"celery -A {target} worker --loglevel INFO"


def rq(source: Source) -> str:
    """A program of the project's own may be the worker; else RQ's command reads RQ_REDIS_URL, and is told the queues."""
    if next(source.calls("rq.Worker.work", "rq.SimpleWorker.work", "rq.worker.Worker.work"), None):
        return source.start
    names = {source.argument(call, "name", 0) or "default" for call in source.calls("rq.Queue", "rq.queue.Queue")}
    queues = sorted(name for name in names if isinstance(name, str))
    return shlex.join(["rq", "worker", *queues]) if queues else ""


def dramatiq(source: Source) -> str:
    """Dramatiq's command imports the modules of the actors."""
    decorators = (
        one.func if isinstance(one, ast.Call) else one
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for one in node.decorator_list
    )
    named = any(full_name(one, source.names) in {"dramatiq.actor", "dramatiq.actor.actor"} for one in decorators)
    return f"dramatiq {source.module}" if named else ""


def arq(source: Source) -> str:
    """ARQ's command imports a class of settings."""
    classes = (node for node in source.tree.body if isinstance(node, ast.ClassDef))
    for node in classes:
        fields = {
            target.id for one in node.body if isinstance(one, ast.Assign) for target in one.targets if hasattr(target, "id")
        }
        fields |= {one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)}
        if node.name.endswith("WorkerSettings") and fields & {"functions", "cron_jobs"}:
            return f"arq {source.module}.{node.name}"
    return ""


def huey(source: Source) -> str:
    for name in source.objects("huey.RedisHuey", "huey.SqliteHuey", "huey.RedisExpireHuey", "huey.FileHuey"):
        return f"huey_consumer {source.module}.{name}"
    return ""


def taskiq(source: Source) -> str:
    for name, made in source.made.items():
        if name in source.at_import and re.search(r"^taskiq\w*\.(?:\w+\.)*\w*Broker$", made):
            return f"taskiq worker {source.module}:{name}"
    return ""


def schedules_too(worker: str) -> bool:
    """Tell whether a worker is Celery's scheduler as well.

    Args:
        worker: its command.
    """
    return bool(re.search(r"\bcelery\b.* worker\b.* (?:-B|--beat|-[a-zA-Z]*B)(?: |$)", worker))


def where_it_can_write(command: str) -> str:
    """Return a scheduler's command so that Celery's beat, which keeps a file, works in production: only /tmp can be written.

    Args:
        command: a scheduler's, of any kind.
    """
    words = command.split()
    is_beat = re.search(r"\bcelery\b.* beat\b", command) and not re.search(r"[$`|&;<>'\"]", command)
    placed = any(re.match(r"(?:-s|-S|--schedule|--scheduler)(?:=|$)|-s\S", word) for word in words)
    return f"{command} {IN_TMP}" if is_beat and not placed else command


def beat_of(folder: Folder, worker: str) -> str:
    """Return the command of Celery's beat; empty for a worker of another kind, and where nothing is to be done at times.

    Args:
        folder: the project's.
        worker: the command of the worker.
    """
    named = re.match(r"celery (?:-A|--app)[ =](\S+) worker\b", worker)
    found = [each for path in folder.sources for each in BEAT.finditer(folder.read(path))] if named else []
    if not named or not found:
        return ""
    where = IN_TMP
    if any(each[1] for each in found):
        where = "--scheduler django_celery_beat.schedulers:DatabaseScheduler"
    return f"celery -A {named[1]} beat --loglevel INFO {where}"


KINDS: tuple[Callable[[Source], str], ...] = (celery, rq, dramatiq, arq, huey, taskiq)


def workers_of(folder: Folder, layout: Layout, declared: Collection[str]) -> list[Worker]:
    """Return the workers of a project: of each kind one, of several files the one nearest to the top.

    Args:
        folder: the project's.
        layout: where its code lies.
        declared: the packages that it declares; a kind of which nothing is declared counts where it is imported.
    """
    texts = ((path, text) for path in folder.sources if HINT.search(text := folder.read(path)))
    sources = [Source(path, text, layout) for path, text in texts]
    found = []
    for kind in KINDS:
        name = kind.__name__
        ones = [(source, command) for source in sources if source.imports(name) or name in declared if (command := kind(source))]
        if ones:
            # All modules with actors; a program of the project's own before RQ's command.
            own = [one for one in ones if one[1] == one[0].start]
            source, command = (own or ones)[0]
            if kind is dramatiq:
                command = " ".join(["dramatiq", *(one.module for one, _ in ones)])
            elif kind is rq and not own:
                command = " ".join(["rq worker", *sorted({word for _, text in ones for word in text.split()[2:]})])
            found.append(Worker(source.path, command))
    return found
