"""What each process of the tests does once for a text: compile it as Jinja, and parse it as YAML.

Copier makes a new environment for each rendering, which compiles every text of the template again, and parses the same questions
and answers a dozen times. That was two thirds of what a rendering in the tests costs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import lru_cache, wraps
from typing import Any

import jinja2
import yaml

# Everything about an environment that the compiled form of a text depends on, besides its extensions.
SETTINGS = (
    *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string"),
    *("comment_end_string", "line_statement_prefix", "line_comment_prefix", "trim_blocks", "lstrip_blocks"),
    *("newline_sequence", "keep_trailing_newline", "finalize", "autoescape", "sandboxed", "optimized"),
)


def compile_once() -> None:
    """Make every Jinja environment of this process take a text's compiled form from any other with the same settings."""
    compile_ = jinja2.Environment.compile
    remembered: dict[Hashable, Any] = {}
    if hasattr(compile_, "__wrapped__"):
        return

    @wraps(compile_)
    def compiled(self: jinja2.Environment, source: Any, *arguments: Any, **named: Any) -> Any:
        if not isinstance(source, str):  # a syntax tree is compared by identity: it is never seen again
            return compile_(self, source, *arguments, **named)
        settings = *(getattr(self, name) for name in SETTINGS), *sorted(self.extensions)
        key = source, arguments, *sorted(named.items()), settings
        if key in remembered:
            # Copier's extension forgets here which loop the name of the file before had.
            self.preprocess(source, *arguments[:2])
        else:
            remembered[key] = compile_(self, source, *arguments, **named)
        return remembered[key]

    jinja2.Environment.compile = compiled  # type: ignore[method-assign]


def parse_once() -> None:
    """Make `yaml.safe_load` and its like parse a text once in this process; what they return is new each time."""
    load, load_all = yaml.load, yaml.load_all
    if hasattr(load, "__wrapped__"):
        return

    # Tags are read when the nodes are made into values; all safe loaders parse alike.
    @lru_cache(maxsize=2000)
    def nodes(text: str | bytes) -> tuple[yaml.Node, ...]:
        return tuple(yaml.compose_all(text, yaml.SafeLoader))

    def values(stream: Any, loader_class: Any) -> Iterator[Any]:
        found = nodes(stream if isinstance(stream, str | bytes) else stream.read())
        loader = loader_class("")
        try:
            yield from (loader.construct_document(node) for node in found)
        finally:
            loader.dispose()

    def is_safe(loader_class: Any) -> bool:
        resolvers = loader_class.yaml_implicit_resolvers is yaml.SafeLoader.yaml_implicit_resolvers
        return issubclass(loader_class, yaml.SafeLoader) and resolvers

    @wraps(load)
    def remembering_load(stream: Any, Loader: Any) -> Any:  # noqa: N803 - as PyYAML names it
        if not is_safe(Loader):
            return load(stream, Loader)
        found = list(values(stream, Loader))
        if len(found) > 1:
            raise yaml.composer.ComposerError(
                "expected a single document in the stream", None, "but found another document", None
            )
        return found[0] if found else None

    @wraps(load_all)
    def remembering_load_all(stream: Any, Loader: Any) -> Iterator[Any]:  # noqa: N803 - as PyYAML names it
        return values(stream, Loader) if is_safe(Loader) else load_all(stream, Loader)

    yaml.load, yaml.load_all = remembering_load, remembering_load_all
