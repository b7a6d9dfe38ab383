"""What a project of Django's says: where its manage.py is, which settings it has, what serves it, where static files go."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath

from .folder import Folder
from .hosts import allowed, refuses
from .reach import Imports
from .required import required
from .requirements import Requirements
from .source import assignments, called_name, parse

DJANGO = re.compile(r"\bDJANGO_SETTINGS_MODULE\b|^\s*(?:from|import) django\b", re.MULTILINE)
# The module that `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)`, or an assignment, names.
SETTINGS = re.compile(r"""["']DJANGO_SETTINGS_MODULE["']\]?\s*[,=]\s*["']([\w.]+)["']""")
# What only a module of settings says.
SET = re.compile(r"^(?:INSTALLED_APPS|ROOT_URLCONF|DATABASES)\b|^from \.\S* import \*", re.MULTILINE)
# Where settings say how static files are kept, and what looks each up in the list that `collectstatic` makes.
STORAGE = re.compile(r"^\s*(?:STORAGES|STATICFILES_STORAGE)\b|\"staticfiles\"\s*:", re.MULTILINE)
MANIFEST = re.compile(r"ManifestStaticFilesStorage|ManifestFilesMixin")
# What modules of settings are called, those for development and for production first.
DEVELOPMENT = ("local", "development", "dev")
PRODUCTION = ("production", "prod", "live", "deploy")
# Stands for the project's folder: no path that a setting names lies below it.
HERE = PurePosixPath("/<project>")
# What returns the path that it is given, with what follows below it.
PATHS = frozenset({"Path", "str", "abspath", "realpath", "normpath", "join", "fspath"})


class Django:
    """A project of Django's; of another one nothing is found.

    Args:
        folder: the project's.
        requirements: what it declares.
    """

    def __init__(self, folder: Folder, requirements: Requirements) -> None:
        self._folder = folder
        self._names = {name.split("[")[0] for name in requirements.names}

    @cached_property
    def manage_py(self) -> str:
        """The path of manage.py, at most two folders down; empty where there is none of Django's."""
        found = [path for path in self._folder.sources if path.rpartition("/")[2] == "manage.py" and path.count("/") <= 2]
        # Other programs have one too.
        return next((path for path in found if DJANGO.search(self._code(path))), "")

    @cached_property
    def home(self) -> str:
        """The folder of manage.py, which its modules are imported from: with a `/` at its end, empty at the top."""
        return self.manage_py.removesuffix("manage.py")

    def manage(self, *arguments: str) -> str:
        """Return a command of manage.py, as shell words; empty where there is none."""
        return shlex.join(["python", self.manage_py, *arguments]) if self.manage_py else ""

    def _code(self, path: str) -> str:
        """Return the text of a source without comments and docstrings; as it is where Python can't read it."""
        text = self._folder.read(path)
        tree = parse(text)
        for node in [one for one in ast.walk(tree) if isinstance(one, ast.Module | ast.FunctionDef)]:
            if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
                node.body[:1] = [ast.Pass()]
        return ast.unparse(tree) if tree.body else text

    @cached_property
    def _modules(self) -> dict[str, str]:
        """The sources below manage.py's folder, by the names that they are imported under there."""
        return {
            ".".join(PurePosixPath(path.removeprefix(self.home)).with_suffix("").parts).removesuffix(".__init__"): path
            for path in self._folder.sources
            if path.startswith(self.home)
        }

    # Settings

    @cached_property
    def named_settings(self) -> str:
        """The module of settings that manage.py names; empty where the environment has to."""
        return next(iter(SETTINGS.findall(self._code(self.manage_py))), "") if self.manage_py else ""

    @cached_property
    def _settings(self) -> list[str]:
        """The modules of settings: by name, such as `config.settings.local`, and those beside the one that manage.py names."""
        beside = self.named_settings.rpartition(".")[0]
        return [
            name
            for name, path in self._modules.items()
            if re.search(r"(?:^|\.|_)settings(?:\.|_|$)", name)
            or (beside and name.rpartition(".")[0] == beside and SET.search(self._folder.read(path)))
        ]

    @cached_property
    def _decides(self) -> bool:
        """Whether manage.py chooses the settings itself, by code that is not run here."""
        return not self.named_settings and "DJANGO_SETTINGS_MODULE" in self._code(self.manage_py)

    def _likeliest(self, stems: tuple[str, ...]) -> str:
        """Return the module of settings that one of some words names, the earlier ones first; empty where none does."""
        known = [([part for part in re.split(r"\.|settings_|_settings", name) if part][-1], name) for name in self._settings]
        return next((name for stem in stems for word, name in known if word == stem), "")

    @cached_property
    def settings(self) -> str:
        """The module of settings for development, where manage.py names none that is there."""
        if not self.manage_py or self._decides or self.named_settings in self._modules:
            return ""
        return self._likeliest(DEVELOPMENT) or ("" if self.named_settings else self._likeliest(("settings", "base", "common")))

    @property
    def missing_settings(self) -> str:
        """The path of the settings that manage.py names, where it is not there, and nothing takes its place."""
        name = self.named_settings
        absent = name and name not in self._modules and name.split(".")[0] in {one.split(".")[0] for one in self._modules}
        return f"{self.home}{name.replace('.', '/')}.py" if absent and not self.settings else ""

    @cached_property
    def production_settings(self) -> str:
        """The module of settings for production, where it is another one: that of wsgi.py or asgi.py, or by its name."""
        gates = [path for name, path in self._modules.items() if name.rpartition(".")[2] in {"wsgi", "asgi"}]
        named = [name for path in gates for name in SETTINGS.findall(self._code(path)) if name in self._modules]
        # The package of several modules may hold none itself.
        empty = {
            name for name, path in self._modules.items() if path.endswith("__init__.py") and not self._folder.read(path).strip()
        }
        declared = [name for name in named if name not in empty]
        others = {self.named_settings, self.settings}
        return next((name for name in declared if name not in others), "") or self._likeliest(PRODUCTION) or self.settings

    @cached_property
    def test_settings(self) -> str:
        """The module of settings for tests; empty where they have none of their own."""
        return self._likeliest(("test", "tests", "testing", "ci")) or self.settings

    @cached_property
    def _paths(self) -> dict[str, str]:
        """The modules of settings that matter, by name, those for production last."""
        order = [*self._settings, self.settings, self.named_settings, self.production_settings]
        return {name: self._modules[name] for name in order if name in self._modules and name != self.test_settings}

    @property
    def texts(self) -> list[str]:
        """The texts of those modules."""
        return [self._folder.read(path) for path in self._paths.values()]

    @cached_property
    def _kept(self) -> set[str]:
        """The variables in the project's own .env."""
        kept = "\n".join(self._folder.read(path) for path in (".env", f"{self.home}.env"))
        return {*re.findall(r"^[ \t]*(?:export[ \t]+)?([A-Z]\w*)[ \t]*=", kept, re.MULTILINE)}

    @property
    def required(self) -> dict[str, str]:
        """The variables that the settings for development can't be read without, each with a value for that."""
        return self._required(self._kept)

    @property
    def only_in_env(self) -> list[str]:
        """Those of them that the project's own .env alone gives a value."""
        return sorted(self._required(set()).keys() & self._kept)

    def _required(self, known: set[str]) -> dict[str, str]:
        production = {self.production_settings, self._likeliest(PRODUCTION)} - {self.named_settings, self.settings}
        # The only ones are for development too, whoever names them.
        paths = [path for name, path in self._paths.items() if name not in production] or self._paths.values()
        return required([parse(self._folder.read(path)) for path in paths], known) if self.manage_py else {}

    @property
    def refuses(self) -> tuple[str, str]:
        """The path of the settings that allow no 127.0.0.1 in development, and how: see `hosts`; empty where all is well."""
        used = self._modules.get(self.settings or self.named_settings, "")
        # Those that it is made from, too.
        paths = Imports(self._folder, self.home, at_import=True).files(used) if used and "ALLOWED_HOSTS" not in self._kept else []
        said = [(path, self._folder.read(path)) for path in paths if allowed(parse(self._folder.read(path))) is not None]
        return next(((path, how) for path, text in said[:1] if (how := refuses(parse(text), text))), ("", ""))

    # What serves it

    def command(self, port: int) -> str:
        """Return the command that serves it in its image, as shell words: by a server that is declared, else Django's own."""
        return self.served_by(self._servers, port) or self.manage("runserver", f"0.0.0.0:{port}")

    def served_by(self, servers: set[str], port: int) -> str:
        """Return the command by which one of some servers starts wsgi.py or asgi.py; empty where that is not there."""
        kinds = ["wsgi"] if "gunicorn" in servers else []
        if servers - {"gunicorn"} and (self.asynchronous or not kinds):
            kinds.insert(0, "asgi")
        gates = {name: self._folder.read(path) for name, path in self._modules.items() if "jango" in self._folder.read(path)}
        # The nearest to manage.py.
        module = next((name for kind in kinds for name in gates if name.rpartition(".")[2] == kind), "")
        if not module:
            return ""
        known = [name for name, _ in assignments(parse(gates[module]))]
        target = f"{module}:{'app' if 'app' in known and 'application' not in known else 'application'}"
        folder, bind = self.home.rstrip("/"), f"0.0.0.0:{port}"
        if module.endswith("wsgi"):
            return shlex.join(["gunicorn", *(["--chdir", folder] if folder else []), "--bind", bind, target])
        if "uvicorn" in servers:
            aside = ["--app-dir", folder] if folder else []
            return shlex.join(["uvicorn", *aside, target, "--host", "0.0.0.0", "--port", str(port)])
        serves = ["daphne", "-b", "0.0.0.0", "-p", str(port)] if "daphne" in servers else ["hypercorn", "--bind", bind]
        return shlex.join([*(["env", f"--chdir={folder}"] if folder else []), *serves, target])

    @cached_property
    def _servers(self) -> set[str]:
        """The servers that are declared."""
        return self._names & {"gunicorn", "uvicorn", "daphne", "hypercorn"}

    @cached_property
    def asynchronous(self) -> bool:
        """Whether it answers more than requests over HTTP, such as WebSockets, which a server of ASGI is needed for."""
        return bool(self._names & {"channels", "daphne"}) or self._value("ASGI_APPLICATION") is not None

    @property
    def has_websockets(self) -> bool:
        """Whether it answers WebSockets, which its own server for development does with daphne alone."""
        return "channels" in self._names and "daphne" not in self._servers

    # Static files

    @property
    def static(self) -> dict[str, str]:
        """How its static files are gathered for production: `collectstatic`, and for nginx `static_url` and `static_root`."""
        if not self.manage_py:
            return {}
        if "whitenoise" in self._names:
            return {"collectstatic": "build"}
        url = self._value("STATIC_URL")
        root = self.static_root
        if not root or not isinstance(url, ast.Constant) or not re.fullmatch(r"/?[\w./-]*\w/", str(url.value)):
            return {}
        return {"collectstatic": "deploy", "static_url": f"/{str(url.value).lstrip('/')}", "static_root": root}

    @property
    def static_in_tests(self) -> bool:
        """Whether pages can't be tested before `collectstatic`: Django's tests look for its list, whatever DEBUG is."""
        own = self._folder.read(self._modules.get(self.test_settings, ""))
        if not STORAGE.search(own):
            production = {self.production_settings, self._likeliest(PRODUCTION)} - {self.named_settings, self.settings}
            own = "\n".join(self._folder.read(path) for name, path in self._paths.items() if name not in production)
        return bool(self.manage_py and MANIFEST.search(own) and self._value("STATIC_ROOT") is not None)

    def _value(self, name: str) -> ast.expr | None:
        """Return what a setting is set to, in the last module of settings that does so; None where none does."""
        return next((value for text in reversed(self.texts) for one, value in assignments(parse(text)) if one == name), None)

    @cached_property
    def static_root(self) -> str:
        """Where collectstatic puts files, relative to the project, or absolute; empty where that is not understood."""
        known: dict[str, PurePosixPath] = {}
        # Twice, because a module may use a name of one that is read after it.
        for path in [*self._paths.values()] * 2:
            for name, value in assignments(parse(self._folder.read(path))):
                if (found := evaluate(value, known, HERE / path)) is not None:
                    known[name] = found
        root = known.get("STATIC_ROOT", HERE)
        return "" if root == HERE else str(root.relative_to(HERE) if root.is_relative_to(HERE) else root)


def evaluate(node: ast.expr | None, known: Mapping[str, PurePosixPath], source: PurePosixPath) -> PurePosixPath | None:
    """Return the path that an expression stands for: of pathlib, os.path or django-environ; None for another one.

    Args:
        node: the expression.
        known: paths by the names that stand for them.
        source: what `__file__` is.
    """
    match node:
        case ast.Constant(value=str(text)) if text:
            return HERE / text
        case ast.Name(id=name):
            return source if name == "__file__" else known.get(name)
        case ast.Attribute(value=inner, attr="parent"):
            return above(evaluate(inner, known, source), 1)
        case ast.Subscript(value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(number))):
            return above(evaluate(inner, known, source), number + 1)
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=str(part))):
            found = evaluate(left, known, source)
            return found / part if found else None
        case ast.BinOp(left=left, op=ast.Sub(), right=ast.Constant(value=int(number))):
            return above(evaluate(left, known, source), number)
        case ast.Call(func=ast.Attribute(value=inner, attr="resolve" | "absolute")):
            return evaluate(inner, known, source)
        case ast.Call(args=[first, *rest]):
            name = called_name(node)
            if name == "dirname":
                return above(evaluate(first, known, source), 1)
            # django-environ's paths are called to go down.
            base = known.get(name) if name not in PATHS else evaluate(first, known, source)
            parts = [one.value for one in (rest if name in PATHS else [first, *rest]) if isinstance(one, ast.Constant)]
            whole = base is not None and len(parts) == len(rest) + (name not in PATHS)
            return base.joinpath(*map(str, parts)) if base is not None and whole else None
    return None


def above(path: PurePosixPath | None, number: int) -> PurePosixPath | None:
    """Return the folder that lies so many above a path."""
    return path.parents[number - 1] if path is not None and 0 < number <= len(path.parents) else None
