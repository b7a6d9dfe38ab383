"""Lists of dependencies: what makes one that uv installs, and what installs it in the image."""

from __future__ import annotations

from dataclasses import dataclass

from .commands import GROUPS, uv_words

LIST, ALL = "/requirements.txt", "/tmp/all.txt"  # in a stage of the image
# The project itself, and packages of its own folders, which are not there yet.
LOCAL = r"^(-e |\.|/|file:|[^@#;: ]+/|.* @ file:)"
# uv installs nothing from git that is editable.
NO_EDITABLE_GIT = r"find . -path '*requirements*' -name '*.txt' -exec sed -i -E 's/^(-e|--editable)[ =]+git\+/git+/' {} +"


@dataclass(frozen=True)
class Export:
    """How a list that uv does not read becomes one of requirements."""

    comment: str
    """What the Dockerfile says of it."""
    beside: tuple[str, ...]
    """The files that are needed beside the list."""
    program: str
    """The program that reads it."""
    main: str
    """What the program is told, `{to}` being the list that it makes."""
    group: str = ""
    """The same for a dependency group, `{group}`; empty where it knows none."""
    check: str = ""
    """What the program is told first, to refuse a lock that is older than what it locks."""

    def commands(self, groups: list[str], to: str) -> list[str]:
        """Return the commands that make a list of what the app needs, and one of what the groups hold."""
        said = [
            self.check,
            self.main.format(to=to),
            *(self.group.format(group=group, to=GROUPS) for group in groups if self.group),
        ]
        return [f"{self.program} {words}" for words in said if words]


PIPENV = 'uvx "pipenv>=2024,<2028"'
CONDA = Export(
    "What pip installs of conda's environment.",
    (),
    'uv run --no-project --with "pyyaml>=6,<7"',
    """python -c 'import yaml; [print(*part["pip"], sep="\\n") for part in yaml.safe_load(open("{name}"))["dependencies"] """
    """if isinstance(part, dict)]' >{to}""",
)
EXPORTS = {
    # It refuses a stale lock by itself.
    "poetry.lock": Export(
        "Poetry only reads its lock file; uv installs what stands in it.",
        ("pyproject.toml",),
        'uvx --from "poetry>=2,<3" --with "poetry-plugin-export>=1.9,<2" poetry',
        "export --only main --output {to}",
        "export --only {group} --output {to}",
    ),
    "pdm.lock": Export(
        "PDM only reads its lock file; uv installs what stands in it.",
        ("pyproject.toml",),
        'uvx "pdm>=2.20,<3"',
        "export --prod --without-hashes --output {to}",
        "export --no-default --group {group} --without-hashes --output {to}",
        "lock --check",
    ),
    "Pipfile.lock": Export(
        "Pipenv only reads its lock file; uv installs what stands in it.",
        ("Pipfile",),
        PIPENV,
        "requirements >{to}",
        "requirements --dev-only >{to}",
        "verify",
    ),
    "Pipfile": Export(
        "Pipenv only makes a lock; uv installs what stands in it.",
        (),
        PIPENV,
        "requirements >{to}",
        "requirements --dev-only >{to}",
        "lock",
    ),
}
for _name in ("environment.yml", "environment.yaml"):
    EXPORTS[_name] = Export(CONDA.comment, (), CONDA.program, CONDA.main.replace("{name}", _name))


# What installs it on the host.
ON_HOST = {
    "uv.lock": "uv sync --active",
    "poetry.lock": "poetry install",
    "pdm.lock": "pdm install",
    "Pipfile.lock": "pipenv install --dev",
    "Pipfile": "pipenv install --dev",
    "environment.yml": "conda env update --file environment.yml",
    "environment.yaml": "conda env update --file environment.yaml",
}


def export_of(source: str) -> Export | None:
    """Return how a file, in whichever folder, becomes a list of requirements; None for one that uv reads."""
    return EXPORTS.get(source.rpartition("/")[2])


def folder_of(source: str) -> str:
    """Return the folder that a file lies in, ending in `/`; empty at the top."""
    return source[: len(source) - len(source.rpartition("/")[2])]


def is_uv_lock(source: str) -> bool:
    """Tell whether a file is uv's lock, in whichever folder."""
    return source.rpartition("/")[2] == "uv.lock"


def has_groups(source: str) -> bool:
    """Tell whether a program other than uv reads the dependency groups in a file."""
    export = export_of(source)
    return export is not None and export.group != ""


def on_host(source: str) -> str:
    """Return the command of a lock's own program that installs what it locks on the host; empty for what pip installs."""
    command = ON_HOST.get(source.rpartition("/")[2], "")
    return f"(cd {folder_of(source)[:-1]} && {command})" if command and folder_of(source) else command


def groups_of(words: list[str]) -> list[str]:
    """Return the names of the dependency groups among words for `uv pip install`."""
    return [word.removeprefix("--group ").rpartition(":")[2] for word in words if word.startswith("--group ")]


def list_commands(source: str, in_code: bool, local: bool, groups: list[str], as_pip: bool = False) -> list[str]:
    """Return the commands that make the list `/requirements.txt`, and `/development.txt` for groups.

    Args:
        source: the file that declares the dependencies.
        in_code: whether the project's own code computes it.
        local: whether it names folders of the project.
        groups: the names of dependency groups that development needs, where the source locks them.
        as_pip: whether it means what it means to pip, where uv takes it otherwise.
    """
    remote = f"{{ grep -vE '{LOCAL}' {ALL} || true; }} >{LIST}"
    if in_code:
        indexes = " --emit-index-url" if as_pip else ""
        compiled = f"uv pip compile --quiet --no-header --no-annotate{indexes} {source} --output-file {ALL}"
        return [*([NO_EDITABLE_GIT] if as_pip else []), compiled, remote]
    export = export_of(source)
    assert export, source
    return [*export.commands(groups, ALL), remote] if local else export.commands(groups, LIST)


def in_folder(folder: str) -> str:
    """Return the option of uv's for a project in a folder, which ends in `/`; empty at the top."""
    return f"--project {folder[:-1]} " if folder else ""


def further_install_commands(
    requirements: list[str], packages: list[str], locked: bool, listed: bool = False, folder: str = ""
) -> list[str]:
    """Return the commands that install what tests or development need beside the dependencies, with uv.

    Args:
        requirements: words for `uv pip install`: options such as `--group test`, or requirements.
        packages: what is named besides, such as what runs the tests, as requirements.
        locked: whether the versions of groups and extras stand in uv.lock.
        listed: whether an earlier stage has made a list of the groups, `/development.txt`.
        folder: where pyproject.toml and uv.lock are, ending in `/`; empty at the top.
    """
    chosen = [item for item in requirements if item.startswith(("--group ", "--extra "))]
    options, plain = ([item for item in requirements if item.startswith("-") is option] for option in (True, False))
    if locked and chosen and {*options} <= {*chosen, f"-r {folder}pyproject.toml", "-e ."}:
        packages = [*plain, *packages]
        names = " ".join(item.replace(f"--group {folder}pyproject.toml:", "--group ") for item in chosen)
        sync = f"uv sync {in_folder(folder)}--active --frozen --no-install-project --no-default-groups --inexact {names}"
        return [sync, *([f"uv pip install {uv_words(packages)}"] if packages else [])]
    if listed:
        requirements = [f"-r {GROUPS}", *(word for word in requirements if not word.startswith("--group "))]
    arguments = uv_words([*requirements, *packages])
    return [f"uv pip install {arguments}"] if arguments else []


def sync_options(source: str, locked: bool, local: bool) -> str:
    """Return the options of `uv sync`: where the lock is, whether a stale one is refused, if members of a workspace come too."""
    where = in_folder(folder_of(source))
    return f"{where}--active {'--locked' if locked else '--frozen'} --no-dev{' --all-packages' if local else ''}"


def install_commands(source: str, listed: bool, extra: list[str], locked: bool, local: bool) -> list[str]:
    """Return the commands that install dependencies inside the image, with uv.

    Args:
        source: the file that declares them, or `none`.
        listed: whether an earlier stage has made a list of it, `/requirements.txt`.
        extra: further packages, as requirements.
        locked: whether a lock that is older than pyproject.toml is refused.
        local: whether packages of the project's folders come later.
    """
    commands = []
    if listed:
        commands.append(f"uv pip install -r {LIST}")
    elif is_uv_lock(source):
        commands.append(
            f"uv sync {sync_options(source, locked, local)} {'--no-install-local' if local else '--no-install-project'}"
        )
    elif source != "none":
        commands.append(f"uv pip install -r {source}")
    if extra:
        commands.append(f"uv pip install {uv_words(extra)}")
    return commands


def local_command(source: str, packages: list[str], locked: bool) -> str:
    """Return the command that installs the packages of the project's folders; what they need is there already."""
    if is_uv_lock(source):
        return f"uv sync {sync_options(source, locked, True)} --no-install-project --inexact"
    return f"uv pip install --no-deps {' '.join(word if word.startswith('-e ') else f'./{word}' for word in packages)}"
