"""What Jinja sees of the facts: each by its name, wherever an answer is seen; and what commands are written with.

An update runs two versions of this in one process, each with a Jinja environment of its own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, Template
from jinja2.ext import Extension
from jinja2.runtime import Context


def load(path: Path) -> ModuleType:
    """Return a file, or a folder with an `__init__.py`, as this version's own module.

    An update runs the extensions of two versions in one process. So the name in `sys.modules` holds a hash of the code: the other
    version's is another module, and so are those of its package. Each extension that needs this has a copy.

    Raises:
        OSError: where there is no such file.
        ImportError: where it is no Python file.
    """
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    code = b"".join(file.name.encode() + b"\0" + file.read_bytes() for file in files)
    name = f"{path.stem}_{hashlib.sha256(code).hexdigest()}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path / "__init__.py" if path.is_dir() else path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


if TYPE_CHECKING:
    import facts
    from facts import commands
else:
    facts = load(Path(__file__).resolve().parent / "facts")
    commands = facts.commands


FILTERS = (
    *("after_entrypoint", "compose_form", "compose_list", "copy_lines", "debug_target", "exec_form", "flow"),
    *("program", "reload_form", "runs_pytest", "shell_text", "speaks_http", "stdio_form", "uv_words", "with_entrypoint"),
    "xml_attribute",
)


class ContextAnswers(Mapping[str, Any]):
    """The answers that a context holds."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __getitem__(self, name: str) -> Any:
        # Read when it is needed, because Copier renders the file's name each time.
        return str(self._context.parent["_copier_conf"]["answers_file"]) if name == "answers_file" else self._context.parent[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._context.parent)

    def __len__(self) -> int:
        return len(self._context.parent)


class FactsContext(Context):
    """A context that knows the facts besides the answers, computed when a template reads them."""

    _facts: facts.Facts | None = None

    def port(self, service: str, slot: int) -> int:
        """Return a port of this machine, by the global function of that name."""
        return int(self.call(self.parent["port"], service, slot))

    def resolve_or_missing(self, key: str) -> Any:
        """Return the value of a name, `missing` where there is none.

        A fact whose answers are not there yet is an undefined value that says so.
        """
        if key not in facts.NAMES or key in self.vars:
            return super().resolve_or_missing(key)
        if self._facts is None:
            self._facts = facts.facts(ContextAnswers(self), self.port)
        try:
            return getattr(self._facts, key)
        except facts.UnansweredError as error:
            return self.environment.undefined(f"{key!r} is not known yet: {error}", name=key)


def compile_once(environment: Environment) -> None:
    """Let an environment compile each text once: Copier hands it the same ones over and over, one for each path that it renders.

    Templates from files are remembered by Jinja itself.
    """
    compiled, from_string = dict[str, Template](), environment.from_string

    def remembered(source: Any, *arguments: Any, **options: Any) -> Template:
        if arguments or options or not isinstance(source, str):
            return from_string(source, *arguments, **options)
        if source in compiled:
            # Copier's extension for loops in names takes this as the sign that another text begins.
            environment.preprocess(source)
        else:
            compiled[source] = from_string(source)
        return compiled[source]

    environment.from_string = remembered  # type: ignore[method-assign]


class FactsExtension(Extension):
    """The facts; filters that write commands, JSON and XML."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.context_class = FactsContext
        compile_once(environment)
        for name in FILTERS:
            environment.filters[name] = getattr(commands, name)
        environment.filters["json_text"] = commands.to_json_text
        environment.filters["python_text"] = commands.python_text
