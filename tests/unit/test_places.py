"""What a variable means by where its value goes, whatever it is called."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

import pytest

from tests.unit.shapes import write

HOST = {"ALPHA": "db_host"}
LOGIN = {"ALPHA": "db_host", "BETA": "db_name", "GAMMA": "db_password", "DELTA": "db_port", "EPSILON": "db_user"}
REDIS = {"ALPHA": "redis_host", "DELTA": "redis_port", "GAMMA": "redis_password"}
# How a variable is read, and how such a value is handed on.
READERS = (
    "os.environ['{}']",
    "os.environ.get('{}', 'localhost')",
    "os.getenv('{}') or 'localhost'",
    "env('{}', default='localhost')",
    "env.str('{}')",
    "config('{}', cast=str)",
    "str(environ['{}']).strip()",
    "os.environ['{}'] if 'X' in os.environ else 'localhost'",
    "f'{{os.environ[\"{}\"]}}'",
)


def check(text: str, names: dict[str, str], folder: Path, **more: str) -> None:
    files = {"shop/settings.py": f"import os\nfrom os import environ\n{textwrap.dedent(text)}", **more}
    assert write(folder, {"requirements.txt": "django\n", **files}).setting_names() == names


@pytest.mark.parametrize("read", READERS, ids=itertools.count())
@pytest.mark.parametrize(
    "place",
    [
        "DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'HOST': {}}}}}",
        "DATABASES = {{}}\nDATABASES['default'] = dict(HOST={})",
        "DATABASES = {{'default': {{}}}}\nif True:\n    DATABASES['default']['HOST'] = {}",
        "import psycopg\npsycopg.connect(host={}, dbname='shop')",
        "from sqlalchemy import URL\nURL.create('postgresql+psycopg', host={})",
        "HERE = {}\nimport asyncpg\nasync def main():\n    return await asyncpg.connect(host=HERE)",
        "class Config:\n    HERE = {}\nimport psycopg2\npsycopg2.connect(host=Config.HERE)",
        "class A:\n  def __init__(self):\n    self.a = {}\n  def b(self):\n    import asyncpg\n    asyncpg.connect(host=self.a)",
        "HERE = {}\nURL = f'postgresql+asyncpg://me:me@{{HERE}}:5432/shop'",
    ],
    ids=itertools.count(),
)
def test_a_host_is_where_one_goes(place: str, read: str, tmp_path: Path) -> None:
    check(place.format(read.format("ALPHA")), HOST, tmp_path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            """
            DATABASES = {
                "default": {
                    "ENGINE": os.environ.get("ZETA", "django.db.backends.sqlite3"),
                    "NAME": os.environ.get("BETA", BASE_DIR / "db.sqlite3"),
                    "USER": os.environ.get("EPSILON", "user"),
                    "PASSWORD": os.environ.get("GAMMA", "password"),
                    "HOST": os.environ.get("ALPHA", "localhost"),
                    "PORT": int(os.environ.get("DELTA", 5432)),
                },
                "legacy": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["OMEGA"]},
            }
            """,
            {**LOGIN, "ZETA": "db_engine"},
        ),
        ("DATABASES = {'default': env.db('ALPHA')}\n", {"ALPHA": "db_url"}),
        ("import dj_database_url\nDATABASES = {'default': dj_database_url.config(env='ALPHA')}\n", {"ALPHA": "db_url"}),
        ("import dj_database_url as url\nDATABASES = {'default': url.parse(config('ALPHA'))}\n", {"ALPHA": "db_url"}),
        (
            """
            from sqlalchemy.engine import URL, create_engine
            URL("postgresql", environ["EPSILON"], environ["GAMMA"], environ["ALPHA"], int(environ["DELTA"]), environ["BETA"])
            """,
            LOGIN,
        ),
        (
            """
            from psycopg_pool import AsyncConnectionPool
            login = {"host": environ["ALPHA"], "dbname": environ["BETA"], "user": environ["EPSILON"], "port": environ["DELTA"]}
            pool = AsyncConnectionPool(kwargs={**login, "password": environ["GAMMA"]})
            """,
            {name: meaning for name, meaning in LOGIN.items() if name != "GAMMA"},
        ),
        (
            """
            A, B, C, D, E = 1, 2, 3, 4, 5
            a, b, c, d, e = environ["ALPHA"], 2, 3, 4, 5
            user = environ["EPSILON"]
            URL = "postgresql://{}:{}@{host}:{port}/{db}".format(
                user, environ["GAMMA"], host=environ["ALPHA"], port=environ["DELTA"], db=environ["BETA"]
            )
            """,
            LOGIN,
        ),
        (
            "URL = 'postgres://%s:%s@db/%s' % (environ['EPSILON'], environ['GAMMA'], environ['BETA'])\n",
            {
                "BETA": "db_name",
                "GAMMA": "db_password",
                "EPSILON": "db_user",
            },
        ),
        (
            "import psycopg\npsycopg.connect(f\"host={environ['ALPHA']} dbname='{environ['BETA']}'\")\n",
            {
                "ALPHA": "db_host",
                "BETA": "db_name",
            },
        ),
        ("import sqlalchemy as sa\nengine = sa.create_engine(environ['ALPHA'])\n", {"ALPHA": "db_url"}),
        (
            "from peewee import *\ndb = PostgresqlDatabase(environ['BETA'], host=environ['ALPHA'])\n",
            {
                "ALPHA": "db_host",
                "BETA": "db_name",
            },
        ),
        ("import redis\nredis.Redis(host=environ['ALPHA'], port=int(environ['DELTA']), password=environ['GAMMA'])\n", REDIS),
        ("from redis.asyncio import Redis\nr = Redis(environ['ALPHA'], environ['DELTA'], password=environ['GAMMA'])\n", REDIS),
        ("from redis import Redis\nr = Redis.from_url(environ['ALPHA'])\n", {"ALPHA": "redis_url"}),
        ("from arq.connections import RedisSettings\nRedisSettings(host=environ['ALPHA'])\n", {"ALPHA": "redis_host"}),
        (
            "from celery import Celery\napp = Celery('shop', broker=environ['ALPHA'], backend=environ['BETA'])\n",
            {
                "ALPHA": "redis_url",
                "BETA": "redis_url",
            },
        ),
        (
            "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.redis.RedisCache', 'LOCATION': environ['ALPHA']}}\n",
            {
                "ALPHA": "redis_url",
            },
        ),
        (
            "CHANNEL_LAYERS = {'default': {'BACKEND': 'c', 'CONFIG': {'hosts': [(environ['ALPHA'], 6379)]}}}\n",
            {
                "ALPHA": "redis_host",
            },
        ),
        (
            "RQ_QUEUES = {'default': {'HOST': environ['ALPHA'], 'DB': environ['BETA']}}\n",
            {
                "ALPHA": "redis_host",
                "BETA": "redis_db",
            },
        ),
        (
            """
            import redis
            from environs import Env
            env = Env()
            with env.prefixed("KIOSK_"):
                cache = redis.Redis(env.str("ALPHA"))
            """,
            {"KIOSK_ALPHA": "redis_host"},
        ),
        # The key says more than the name.
        ("DATABASES = {'default': {'NAME': config('DB_SERVER')}}\n", {"DB_SERVER": "db_name"}),
    ],
    ids=itertools.count(),
)
def test_each_part_is_known_by_where_it_goes(text: str, names: dict[str, str], tmp_path: Path) -> None:
    check(text, names, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        # Of other servers.
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.mysql', 'HOST': environ['ALPHA']}}\n",
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': environ['ALPHA']}}\n",
        "import pymysql\npymysql.connect(host=environ['ALPHA'])\n",
        "from sqlalchemy import URL\nURL.create('mysql+pymysql', host=environ['ALPHA'])\n",
        "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.filebased.Cache', 'LOCATION': environ['ALPHA']}}\n",
        "URL = f'https://{environ[\"ALPHA\"]}/'\n",
        "import sqlite3\nsqlite3.connect(environ['ALPHA'])\n",
        # Made of more than one.
        "import psycopg\npsycopg.connect(host=environ['ALPHA'] + '.example.com')\n",
        "URL = f'postgresql://me@{environ[\"ALPHA\"]}.example.com/shop'\n",
        # Read where a server listens, and the system's own.
        "import psycopg\npsycopg.connect(host=environ['HOST'], user=environ['USER'])\nserve(host=environ['HOST'])\n",
        # What is always set, and what says that it is another one.
        "import psycopg\npsycopg.connect(environ['DATABASE_URL'], host=environ['PGHOST'])\n",
        "import psycopg\npsycopg.connect(host=environ['REPLICA_SERVER'])\n",
        # Two databases.
        "import psycopg\npsycopg.connect(environ['ALPHA'])\npsycopg.connect(environ['BETA'])\n",
        "DATABASES = [1]\nCACHES = 5\nCHANNEL_LAYERS = {'default': {'CONFIG': {'hosts': []}}}\nRQ_QUEUES = {'default': {}}\n",
        "import psycopg\nA = " + " + ".join(["'a'"] * 3000) + "\npsycopg.connect(host=A)\n",
        "import psycopg\nA = B\nB = A\npsycopg.connect(host=A, **C)\n",
    ],
    ids=itertools.count(),
)
def test_what_goes_elsewhere_means_nothing(text: str, tmp_path: Path) -> None:
    check(text, {}, tmp_path)


def test_names_of_other_sources_and_fields_of_settings_are_followed(tmp_path: Path) -> None:
    fields = """
    from pydantic import PostgresDsn
    from pydantic_settings import BaseSettings
    class Settings(BaseSettings, env_prefix="X_"):
        warehouse: str
        keeper: str
    settings = Settings()
    """
    use = """
    import psycopg
    from shop.fields import settings
    from shop.settings import ALPHA_IS as here
    psycopg.connect(host=here, dbname=settings.warehouse, user=settings.keeper)
    """
    names = {"ALPHA": "db_host", "X_WAREHOUSE": "db_name", "X_KEEPER": "db_user"}
    check("ALPHA_IS = os.getenv('ALPHA')\n", names, tmp_path, **{"shop/fields.py": fields, "shop/use.py": use})
