"""Settings of Django's that refuse 127.0.0.1, where Docker publishes the app, or need an .env, are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import write

MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
READ = "import os\nfrom decouple import config, Csv\n"


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        ("ALLOWED_HOSTS = ['*']", ""),
        ("ALLOWED_HOSTS = ['localhost', '127.0.0.1']", ""),
        ("DEBUG = True\nALLOWED_HOSTS = []", ""),
        ("DEBUG = True", ""),
        ("ALLOWED_HOSTS = ['localhost']", "localhost"),
        ("ALLOWED_HOSTS = ['shop.example.com']", "nobody"),
        ("ALLOWED_HOSTS = os.environ.get('ALLOWED_HOSTS', 'localhost').split(',')", "localhost"),
        ("ALLOWED_HOSTS = os.environ.get('ALLOWED_HOSTS', 'localhost,127.0.0.1').split(',')", ""),
        ("ALLOWED_HOSTS = [h.strip() for h in os.getenv('HOSTS', 'localhost').split(',')]", "localhost"),
        ("ALLOWED_HOSTS = config('ALLOWED_HOSTS', default='example.com', cast=Csv())", "nobody"),
        ("ALLOWED_HOSTS = config('ALLOWED_HOSTS', cast=Csv())", ""),
        ("HOSTS = ['localhost']\nALLOWED_HOSTS = HOSTS + ['shop']", "localhost"),
        ("ALLOWED_HOSTS = ['shop']\nif DEBUG:\n    ALLOWED_HOSTS += ['*']", ""),
        ("ROOT = 'http://localhost:8000'\nALLOWED_HOSTS = [urlparse(ROOT).hostname]", "perhaps"),
        ("ALLOWED_HOSTS = [urlparse(ROOT).hostname]", ""),
        ("DEBUG = False\nALLOWED_HOSTS = []", "nobody"),
        ("DEBUG = os.environ.get('DEBUG', 'False') == 'True'\nALLOWED_HOSTS = []", "nobody"),
        ("DEBUG = bool(int(os.environ.get('DEBUG', 0)))\nALLOWED_HOSTS = os.getenv('HOSTS', '').split(',')", "nobody"),
        ("DEBUG = os.environ.get('DEBUG', 'True').lower() == 'true'\nALLOWED_HOSTS = []", ""),
        ("DEBUG = 'RENDER' not in os.environ\nALLOWED_HOSTS = []", ""),
    ],
)
def test_who_is_answered_is_read_from_the_settings(settings: str, how: str, tmp_path: Path) -> None:
    files = {"manage.py": MANAGE, "shop/__init__.py": "", "requirements.txt": "django\n"}
    found = write(tmp_path, {**files, "shop/settings.py": f"{READ}{settings}\n"}).web.django
    assert found.refuses == ("shop/settings.py" if how else "", how)


def test_settings_that_stand_on_others_are_read_with_them_and_an_env_file_is_believed(tmp_path: Path) -> None:
    manage = MANAGE.replace("shop.settings", "shop.settings.local")
    files = {"manage.py": manage, "shop/__init__.py": "", "shop/settings/__init__.py": "", "requirements.txt": "django\n"}
    files |= {"shop/settings/local.py": "from .base import *\n", "shop/settings/base.py": "ALLOWED_HOSTS = ['localhost']\n"}
    assert write(tmp_path, files).web.django.refuses == ("shop/settings/base.py", "localhost")
    assert write(tmp_path, {".env": "ALLOWED_HOSTS=127.0.0.1\n"}).web.django.refuses == ("", "")


def test_what_an_env_file_alone_says_is_known_for_the_tests_have_none(tmp_path: Path) -> None:
    settings = "import os\nSECRET_KEY = os.getenv('SECRET_KEY')\nNAME = os.environ['NAME']\nMORE = os.environ['MORE']\n"
    files = {"manage.py": MANAGE, "shop/__init__.py": "", "requirements.txt": "django\n", "shop/settings.py": settings}
    found = write(tmp_path, {**files, ".env": "SECRET_KEY=a\nexport NAME=b\nOTHER=c\n"}).web.django
    assert (found.only_in_env, list(found.required)) == (["NAME", "SECRET_KEY"], ["MORE"])


def test_settings_that_manage_py_chooses_itself_are_read_too(tmp_path: Path) -> None:
    manage = "import os\nname = 'shop.live' if 'LIVE' in os.environ else 'shop.settings'\n"
    manage += "os.environ.setdefault('DJANGO_SETTINGS_MODULE', name)\n"
    files = {"manage.py": manage, "shop/__init__.py": "", "shop/asgi.py": MANAGE, "requirements.txt": "django\n"}
    found = write(tmp_path, {**files, "shop/settings.py": "import os\nSECRET_KEY = os.getenv('SECRET_KEY')\n"}).web.django
    assert list(found.required) == ["SECRET_KEY"]
