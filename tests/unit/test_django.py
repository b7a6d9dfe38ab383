"""What a project of Django's says of itself: settings, servers, static files, tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.shapes import Files, write

NAMED = 'import os\nfrom django.core import management\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")\n'
WSGI = 'import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ["DJANGO_SETTINGS_MODULE"] = "{}"\n'
GATES = {
    "shop/wsgi.py": f"{WSGI}application = get_wsgi_application()\n".format("shop.settings"),
    "shop/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
}
SHOP: Files = {"manage.py": NAMED.format("shop.settings"), "shop/settings.py": "", **GATES}
RUNSERVER = "python manage.py runserver 0.0.0.0:8000"


def below(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": text for name, text in files.items()}


COMMANDS: dict[str, tuple[Files, str, str]] = {
    "nothing but django": (SHOP, "django", RUNSERVER),
    "gunicorn": (SHOP, "django\ngunicorn", "gunicorn --bind 0.0.0.0:8000 shop.wsgi:application"),
    "gunicorn without wsgi.py": ({"manage.py": "import django\n"}, "django\ngunicorn", RUNSERVER),
    "uvicorn": (SHOP, "django\nuvicorn[standard]", "uvicorn shop.asgi:application --host 0.0.0.0 --port 8000"),
    "both": (SHOP, "django\nuvicorn\ngunicorn", "gunicorn --bind 0.0.0.0:8000 shop.wsgi:application"),
    "both, with channels": (
        SHOP,
        "django\nuvicorn\ngunicorn\nchannels",
        "uvicorn shop.asgi:application --host 0.0.0.0 --port 8000",
    ),
    "daphne": (SHOP, "django\ndaphne", "daphne -b 0.0.0.0 -p 8000 shop.asgi:application"),
    "hypercorn": (SHOP, "django\nhypercorn", "hypercorn --bind 0.0.0.0:8000 shop.asgi:application"),
    "gunicorn in a folder": (
        below("src", SHOP),
        "django\ngunicorn",
        "gunicorn --chdir src --bind 0.0.0.0:8000 shop.wsgi:application",
    ),
    "uvicorn in a folder": (
        below("a/b", SHOP),
        "django\nuvicorn",
        "uvicorn --app-dir a/b shop.asgi:application --host 0.0.0.0 --port 8000",
    ),
    "daphne in a folder": (
        below("web", SHOP),
        "django\ndaphne",
        "env --chdir=web daphne -b 0.0.0.0 -p 8000 shop.asgi:application",
    ),
    "three folders down": (below("a/b/c", {"manage.py": SHOP["manage.py"]}), "django", "python -m app.server"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_that_is_declared_serves_and_else_djangos_own(name: str, tmp_path: Path) -> None:
    files, declared, command = COMMANDS[name]
    assert write(tmp_path, {**files, "requirements.txt": f"{declared}\n"}).app_command(8000, "app") == command


@pytest.mark.parametrize(
    "text",
    [
        '"""Not Django: DJANGO_SETTINGS_MODULE."""\nprint(1)\n',
        "# import django\nfrom flask.cli import main\n",
        'def main():\n    """Like `import django`."""\n',
    ],
)
def test_a_word_in_a_comment_makes_no_django(text: str, tmp_path: Path) -> None:
    found = write(tmp_path, {"manage.py": text, "requirements.txt": "flask\n"})
    assert (found.framework, found.django, found.migrate_command("app")) == ("flask", {}, "")


def package(*names: str, **more: str) -> Files:
    return {
        "config/__init__.py": "",
        "config/settings/__init__.py": "",
        **{f"config/settings/{name}.py": "" for name in names},
        **more,
    }


SETTINGS: dict[str, tuple[Files, str, str, str]] = {
    "one module": (SHOP, "", "", ""),
    "one for production, by wsgi.py": (
        {
            "manage.py": NAMED.format("config.settings.local"),
            **package("base", "local", "live_site"),
            "config/wsgi.py": WSGI.format("config.settings.live_site"),
        },
        *("", "config.settings.live_site", ""),
    ),
    "one for production, by its name": (
        {"manage.py": NAMED.format("config.settings.dev"), **package("base", "dev", "prod")},
        *("", "config.settings.prod", ""),
    ),
    "none is named": (
        {"manage.py": "import django\n", **package("base", "local", "production")},
        *("config.settings.local", "config.settings.production", ""),
    ),
    "none is named, and there is one": (
        {"manage.py": "import django\n", "shop/settings.py": ""},
        "shop.settings",
        "shop.settings",
        "",
    ),
    "files beside each other": (
        {"manage.py": "import django\n", "shop/settings_dev.py": "", "shop/settings_prod.py": "", "shop/settings.py": ""},
        *("shop.settings_dev", "shop.settings_prod", ""),
    ),
    "the local ones are not there": (
        {"manage.py": NAMED.format("config.settings.local"), **package("base")},
        *("", "", "config/settings/local.py"),
    ),
    "the local ones are not there, but those for development": (
        {"manage.py": NAMED.format("config.settings.local"), **package("base", "development")},
        *("config.settings.development", "config.settings.development", ""),
    ),
    "the package of several is empty": (
        {
            "manage.py": NAMED.format("config.settings.dev"),
            **package("dev", "production"),
            "config/wsgi.py": WSGI.format("config.settings"),
        },
        *("", "config.settings.production", ""),
    ),
    "modules that are called otherwise": (
        {
            "manage.py": NAMED.format("config.django.base"),
            "config/django/base.py": "INSTALLED_APPS = []\n",
            "config/django/production.py": "from .base import *\n",
            "config/django/dev.py": "print('no settings')\n",
        },
        *("", "config.django.production", ""),
    ),
    "manage.py decides": (
        {
            "manage.py": 'import os\nname = "a." + os.environ["A"]\nos.environ["DJANGO_SETTINGS_MODULE"] = name\n',
            "a/settings.py": "",
        },
        *("", "", ""),
    ),
    "those of a package": ({"manage.py": NAMED.format("elsewhere.settings")}, "", "", ""),
    "in a folder": (
        below("web", {"manage.py": NAMED.format("config.settings.local"), **package("base", "prod")}),
        *("", "config.settings.prod", "web/config/settings/local.py"),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_of_each_environment_are_found(name: str, tmp_path: Path) -> None:
    files, development, production, missing = SETTINGS[name]
    found = write(tmp_path, files)
    django: Any = found.web.django
    assert (found.django.get("settings", ""), found.django.get("production_settings", "")) == (development, production)
    assert django.missing_settings == missing


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ('from pathlib import Path\nB = Path(__file__).resolve().parent.parent\nSTATIC_ROOT = B / "static"', "static"),
        ('B = Path(__file__).parents[1]\nSTATIC_ROOT = str(B / "a" / "b")', "a/b"),
        ('B = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\nSTATIC_ROOT = os.path.join(B, "a", "b")', "a/b"),
        ('ROOT = environ.Path(__file__) - 2\nSTATIC_ROOT = str(ROOT("all"))', "all"),
        ('STATIC_ROOT = "/var/www/static/"', "/var/www/static"),
        ('STATIC_ROOT = "collected"', "collected"),
        ('STATIC_ROOT = os.environ["STATIC_ROOT"]', ""),
        ("STATIC_ROOT = None", ""),
        ("", ""),
    ],
)
def test_where_static_files_are_gathered_is_read_and_not_run(text: str, root: str, tmp_path: Path) -> None:
    found = write(tmp_path, {**SHOP, "shop/settings.py": f'{text}\nSTATIC_URL = "static/"\n'})
    expected = {"collectstatic": "deploy", "static_url": "/static/", "static_root": root} if root else {}
    assert found.web.django.static == expected


def test_whitenoise_serves_static_files_from_the_image(tmp_path: Path) -> None:
    assert write(tmp_path, {**SHOP, "requirements.txt": "django\nwhitenoise[brotli]\n"}).web.django.static == {
        "collectstatic": "build"
    }


MANIFEST = 'STATIC_ROOT = "s"\nSTATICFILES_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"\n'


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"settings.py": MANIFEST}, True),
        ({"settings.py": "STATIC_ROOT = 's'\n"}, False),
        ({"settings.py": MANIFEST.replace("STATIC_ROOT", "ROOT")}, False),
        ({"settings.py": MANIFEST, "settings_ci.py": "from .settings import *\n"}, True),
        ({"settings.py": MANIFEST, "settings_ci.py": "from .settings import *\nSTATICFILES_STORAGE = 'a.B'\n"}, False),
        ({"settings.py": "STATIC_ROOT = 's'\n", "settings_production.py": f"from .settings import *\n{MANIFEST}"}, False),
    ],
)
def test_tests_of_pages_need_what_collectstatic_makes(settings: dict[str, str], needed: bool, tmp_path: Path) -> None:
    files = {**SHOP, **{f"shop/{name}": text for name, text in settings.items()}}
    found = write(tmp_path, {**files, "requirements.txt": "django\nwhitenoise\n"})
    assert (found.django.get("static_in_tests") == "true") == needed


@pytest.mark.parametrize(("declared", "there"), [("channels", True), ("channels[daphne]\ndaphne", False), ("uvicorn", False)])
def test_websockets_need_another_server_in_development_unless_daphne_is_there(declared: str, there: bool, tmp_path: Path) -> None:
    found = write(tmp_path, {**SHOP, "requirements.txt": f"django\n{declared}\n"})
    assert ("websockets" in found.django) is there


CASE = "from django.test import TestCase\nclass A(TestCase):\n    def test_a(self): ...\n"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({**SHOP, "polls/tests.py": CASE}, "python manage.py test"),
        (below("backend", {**SHOP, "polls/tests.py": CASE}), "python backend/manage.py test backend"),
        (
            {"manage.py": NAMED.format("config.settings.dev"), **package("dev", "test"), "polls/tests.py": CASE},
            "python manage.py test --settings=config.settings.test",
        ),
        (
            {"manage.py": "import django\n", **package("dev"), "a/tests.py": CASE},
            "python manage.py test --settings=config.settings.dev",
        ),
    ],
    ids=["at the top", "in a folder", "settings for tests", "settings that nothing names"],
)
def test_djangos_own_runner_is_told_what_it_needs(files: Files, command: str, tmp_path: Path) -> None:
    assert write(tmp_path, files).test_command == command


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('SECRET_KEY = os.environ["SECRET_KEY"]', {"SECRET_KEY": "for-development"}),
        ('SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY")', {"DJANGO_SECRET_KEY": "for-development"}),
        ('SECRET_KEY = os.environ.get("SECRET_KEY", "a")', {}),
        ('os.environ["TZ"] = "UTC"\nMAIL = os.environ.get("MAIL")', {}),
        ('DEBUG = config("DEBUG", cast=bool)\nX = config("USE_X", cast=bool)', {"DEBUG": "true", "USE_X": "false"}),
        (
            'ALLOWED_HOSTS = config("ALLOWED_HOSTS", cast=Csv())\nPORT = config("PORT", cast=int)',
            {"ALLOWED_HOSTS": "*", "PORT": "0"},
        ),
        (
            'env = environ.Env(DEBUG=(bool, False))\nDEBUG = env("DEBUG")\nD = {"default": env.db()}',
            {"DATABASE_URL": "sqlite:///db.sqlite3"},
        ),
        ('if AMAZON:\n    KEY = env("AWS_KEY")\ndef a():\n    return env("B")\n', {}),
        ('A = env.str("A")\nB = env.list("B", default=[])\nKEPT = env("KEPT")', {"A": ""}),
    ],
)
def test_what_settings_cannot_be_read_without_has_a_value_for_development(
    text: str, found: dict[str, str], tmp_path: Path
) -> None:
    files: Files = {**SHOP, "shop/settings.py": text, ".env": "# mine\nexport KEPT=1\n"}
    assert write(tmp_path, files).required_settings == found


def test_what_settings_for_production_ask_for_is_not_needed_in_development(tmp_path: Path) -> None:
    files = {"manage.py": NAMED.format("config.settings.dev"), **package("dev")}
    files["config/settings/production.py"] = 'BUCKET = os.environ["BUCKET"]\n'
    assert write(tmp_path, files).required_settings == {}
