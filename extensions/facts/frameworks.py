"""The web frameworks that a starter app can be made with: what starts it, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Framework:
    """A web framework, as the starter app uses it."""

    command: str
    """What starts the app in its image; `{app}` is its object, `{package}` its package and `{port}` where it listens."""
    packages: tuple[str, ...] = ()
    """What it needs, as requirements."""
    reloader: tuple[str, ...] = ()
    """What tells its reloader of changes, where that would look for them by itself."""
    tests: tuple[str, ...] = ()
    """What its tests need besides pytest."""


FRAMEWORKS = {
    "fastapi": Framework(
        "uvicorn {app} --host 0.0.0.0 --port {port}",
        packages=("fastapi>=0.115,<1", "uvicorn>=0.30,<1"),
        reloader=("watchfiles>=1,<2",),
        tests=("httpx2>=2,<3",),
    ),
    "flask": Framework("gunicorn --bind 0.0.0.0:{port} {app}", packages=("flask>=3.0,<4", "gunicorn>=23,<28")),
    "django": Framework(
        "gunicorn --bind 0.0.0.0:{port} {app}",
        packages=("django>=5.2,<7", "gunicorn>=23,<28", "whitenoise>=6.9,<7"),
        reloader=("django-watchfiles>=1,<2",),
        tests=("pytest-django>=4.11,<5",),
    ),
    "stdlib": Framework("python -m {package}.server --host 0.0.0.0 --port {port}"),
}
"""By the answer to `web_framework`; another one is that of an app that exists."""


def start_command(framework: str, package: str, port: int) -> str:
    """Return the command that starts the starter app in its image, as shell words; empty where no starter is made with that."""
    known = FRAMEWORKS.get(framework)
    return known.command.format(app=f"{package}.server:app", package=package, port=port) if known else ""
