"""By which variables an app finds its services, and which driver its database's URL names."""

from __future__ import annotations

import itertools
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from tests.support import extension, render
from tests.unit.shapes import reading, write

checks = extension("checks")
variables = reading.variables


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "import os\nHOST = os.environ['DB_HOST']\nPORT = os.getenv(\"DB_PORT\", 5432)\n",
            {"DB_HOST": "db_host", "DB_PORT": "db_port"},
        ),
        ("from decouple import config\nNAME = config('POSTGRES_NAME')\n", {"POSTGRES_NAME": "db_name"}),
        ("BROKER = env('CELERY_BROKER_URL', default=None)\n", {"CELERY_BROKER_URL": "redis_url"}),
        (
            "class Settings(BaseSettings):\n    postgres_server: str\n    REDIS_HOST: str = 'x'\n",
            {"POSTGRES_SERVER": "db_host", "REDIS_HOST": "redis_host"},
        ),
        ("URL = os.environ['DATABASE_URL']\n", {}),
        ("HOST = os.environ['PGHOST']\n", {}),
        ("db_host: str = 'no settings'\n", {}),
        ("import environ\nenv = environ.Env()\nDATABASES = {'default': env.db('SHOP_DB_URL')}\n", {"SHOP_DB_URL": "db_url"}),
        ("HOST = config('db_host')\n", {"db_host": "db_host"}),
        ("database_url = os.environ['KIOSK_DB_URL']\n", {"KIOSK_DB_URL": "db_url"}),
        ("URLS = os.environ['DATABASE_URL'], os.environ['KIOSK_DB_URL']\n", {}),
        (
            """
            from environs import Env
            env = Env()
            with env.prefixed("SHOP_"):
                DEBUG = env.bool("DEBUG")
                with env.prefixed("DB_"):
                    HOST = env.str("HOST")
            """,
            {"SHOP_DB_HOST": "db_host"},
        ),
        (
            "from starlette.config import Config\nconfig = Config(env_prefix='STORE_')\nHOST = config('DB_HOST')\n",
            {"DB_HOST": "db_host", "STORE_DB_HOST": "db_host"},
        ),
        (
            "HOST = os.getenv('REDISHOST')\nDB = os.getenv('REDIS_DB', '1')\n",
            {"REDISHOST": "redis_host", "REDIS_DB": "redis_db"},
        ),
        # As Azure's examples have them.
        (
            "".join(f"{part} = os.environ['DB{part}']\n" for part in ("HOST", "NAME", "USER", "PASS", "PORT")),
            {"DBHOST": "db_host", "DBNAME": "db_name", "DBPASS": "db_password", "DBPORT": "db_port", "DBUSER": "db_user"},
        ),
        ("A = os.environ['SQLSERVER'], os.environ['MONGODBHOST'], os.environ['PGHOST'], os.environ['TESTDBHOST']\n", {}),
        # Those of other databases, and of other programs.
        (
            "A = getenv('TEST_DATABASE_URL'), getenv('MYSQL_DB_HOST'), getenv('REPLICA_DB_HOST'), getenv('HOST')\n",
            {},
        ),
        ("app.config['SQLALCHEMY_DATABASE_URI'] = url\n", {}),
        ("URL = os.environ['ASYNC_DATABASE_URL']\n", {"ASYNC_DATABASE_URL": "db_async_url"}),
        ("BROKER = os.getenv('CELERY_BROKER_URL', 'amqp://guest@rabbit')\n", {}),
        ("ENGINE = os.environ.get('SQL_ENGINE', 'django.db.backends.sqlite3')\n", {}),
    ],
    ids=itertools.count(),
)
def test_the_names_that_the_code_reads_are_found(text: str, names: dict[str, str], tmp_path: Path) -> None:
    assert write(tmp_path, {"settings.py": text}).setting_names() == names


PYDANTIC = "from pydantic import *\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            """
            class Settings(BaseSettings):
                model_config = SettingsConfigDict(env_prefix="SHOP_")
                db_host: str
                redis_url: RedisDsn
                debug: bool = False
            """,
            {"SHOP_DB_HOST": "db_host", "SHOP_REDIS_URL": "redis_url"},
        ),
        (
            """
            class Database(BaseModel):
                host: str
                port: int = 5432
            class Settings(BaseSettings, env_prefix="SHOP_", env_nested_delimiter="__"):
                db: Database
                cache: "RedisDsn | None" = None
            """,
            {"SHOP_DB__HOST": "db_host", "SHOP_DB__PORT": "db_port"},
        ),
        (
            """
            class Base(BaseSettings):
                class Config:
                    env_prefix = "STORE_"
            class PostgresSettings(Base):
                host: str
                database: str
            """,
            {"STORE_HOST": "db_host", "STORE_DATABASE": "db_name"},
        ),
        (
            """
            class Settings(BaseSettings):
                host: str = Field(validation_alias="db_host")
                password: str = Field(alias=AliasChoices("DB_PASS", "DB_PASSWORD"))
                main: PostgresDsn = Field(validation_alias="PRIMARY")
                copy_of: PostgresDsn = Field(validation_alias="REPLICA_URL")
                warehouse_dsn: PostgresDsn
            """,
            {
                **{"DB_HOST": "db_host", "DB_PASS": "db_password", "DB_PASSWORD": "db_password"},
                "WAREHOUSE_DSN": "db_url",
            },
        ),
        ("class S(BaseSettings):\n    db_host: str\n    db_url: str = f'postgresql://{db_host}'\n", {"DB_HOST": "db_host"}),
        ("class DbSettings(BaseSettings):\n    host: str\n    port: int\n    user: str\n", {}),
        (
            "class Settings(BaseSettings):\n    model_config = {'case_sensitive': True}\n    Db_Host: str\n",
            {"Db_Host": "db_host"},
        ),
        ("class Settings(BaseSettings):\n    database_url: PostgresDsn\n    postgres_user: str\n", {}),
    ],
    ids=itertools.count(),
)
def test_the_variables_of_settings_by_pydantic_are_found(text: str, names: dict[str, str], tmp_path: Path) -> None:
    assert write(tmp_path, {"settings.py": PYDANTIC + textwrap.dedent(text)}).setting_names() == names


def test_what_packages_read_by_themselves_is_found(tmp_path: Path) -> None:
    found = write(tmp_path, {"requirements.txt": "celery[redis]\ndjango\n", "app.py": "os.environ['DB_ENGINE']\n"})
    assert found.setting_names() == {"DB_ENGINE": "db_engine", "CELERY_BROKER_URL": "redis_url"}


def test_every_meaning_can_be_answered() -> None:
    meanings = [*variables.PATTERNS, variables.QUEUES_MEAN]
    assert checks.setting_names_error({f"N{number}": meaning for number, meaning in enumerate(meanings)}) == ""


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ("class S(BaseSettings):\n    model_config = SettingsConfigDict(env_file='.env')\n", True),
        ("class S(BaseSettings):\n    model_config = {'env_file': BASE / '.env', 'extra': 'forbid'}\n", True),
        ("FILE = '/app/.env'\nclass S(BaseSettings):\n    model_config = SettingsConfigDict(env_file=FILE)\n", True),
        ("class S(BaseSettings, env_file='.env'):\n    a: int\n", True),
        ("class S(BaseSettings):\n    class Config:\n        env_file = '.env'\n", True),
        ("class S(BaseSettings):\n    class Config:\n        env_file = '.env'\n        extra = Extra.ignore\n", False),
        ("class S(BaseSettings):\n    model_config = SettingsConfigDict(env_file='.env', extra='allow')\n", False),
        ("class S(BaseSettings):\n    model_config = SettingsConfigDict(env_file='prod.env')\n", False),
        (
            "class B(BaseSettings, extra='ignore'):\n    pass\nclass S(B):\n    model_config = {'env_file': '.env'}\n",
            False,
        ),
        ("class S:\n    model_config = SettingsConfigDict(env_file='.env')\n", False),
    ],
)
def test_settings_that_refuse_unknown_names_in_env_are_found(text: str, strict: bool, tmp_path: Path) -> None:
    found = write(tmp_path, {"shop/settings.py": PYDANTIC + text})
    assert found.settings.strict == (["shop/settings.py"] if strict else [])


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("import psycopg\npsycopg.connect('host=localhost')\n", False),
        ("import psycopg\npsycopg.connect()\n", True),
        ("import psycopg2\npsycopg2.connect(dbname='shop')\n", True),
        ("import psycopg2\npsycopg2.connect(dbname='shop', host='localhost')\n", False),
        ("import asyncpg\npool = await asyncpg.create_pool('')\n", True),
        ("import sqlite3\nsqlite3.connect('a.db')\n", False),
        ("DATABASES = {'default': dj_database_url.config()}\n", True),
        ("class S(BaseSettings):\n    database_url: str\n", True),
        ("HOST = config('DB_HOST')\n", True),
    ],
)
def test_an_app_that_does_not_ask_where_its_database_is_is_told_from_others(text: str, reads: bool, tmp_path: Path) -> None:
    assert write(tmp_path, {"app.py": text}).settings.reads("postgres") == reads


@pytest.mark.parametrize(
    ("declared", "code", "scheme"),
    [
        ("sqlalchemy\npsycopg2-binary\n", "", "postgresql+psycopg2"),
        ("flask-sqlalchemy\npsycopg2\n", "URL = URL.replace('postgres://', 'postgresql://', 1)\n", "postgresql+psycopg2"),
        ("sqlalchemy\npsycopg2\npsycopg\n", "", "postgresql"),
        ("django\npsycopg2\n", "", "postgresql"),
        ("sqlalchemy\npsycopg2\n", "psycopg2.connect(URL)\ncreate_engine(URL)\n", "postgresql"),
        ("databases[postgresql]\npsycopg2\n", "", "postgresql"),
        ("sqlalchemy\npsycopg[binary]\n", "", "postgresql+psycopg"),
        ("sqlalchemy\nasyncpg\n", "from sqlalchemy.ext.asyncio import create_async_engine\n", "postgresql+asyncpg"),
        ("sqlalchemy\nasyncpg\n", "URL = URL.replace('postgresql://', 'postgresql+asyncpg://')\nasyncpg\n", "postgresql"),
        ("sqlmodel\npsycopg2-binary\nasyncpg\n", "", "postgresql"),
        ("asyncpg\n", "import asyncpg\n", "postgresql"),
        ("alembic\nasyncpg\npsycopg2\n", "pool = await asyncpg.create_pool(URL)\ncreate_engine(URL)\n", "postgresql"),
        (
            "sqlalchemy\npsycopg\nasyncpg\n",
            "URL = getenv('DATABASE_URL', 'postgresql+psycopg://localhost')\n",
            "postgresql+psycopg",
        ),
        ("psycopg\n", "", "postgresql"),
        ("flask-sqlalchemy\npg8000\n", "", "postgresql+pg8000"),
        ("sqlalchemy\npsycopg\n", "URL = URL.replace('postgres://', 'postgresql://', 1)\n", "postgresql+psycopg"),
        ("sqlalchemy\nasyncpg\n", "URL = url.set(drivername='postgresql+asyncpg')\ncreate_async_engine(URL)\n", "postgresql"),
        ("sqlalchemy\nasyncpg\npsycopg2\n", "os.environ['ASYNC_DATABASE_URL'], create_async_engine\n", "postgresql"),
        ("asyncpg\n", "from sqlalchemy.ext.asyncio import create_async_engine\n", "postgresql+asyncpg"),
        ("tortoise-orm\nasyncpg\n", "", "postgres"),
        ("sqlalchemy[postgresql_asyncpg]\n", "create_async_engine(URL)\n", "postgresql+asyncpg"),
        ("sqlalchemy[postgresql-psycopgbinary]\n", "", "postgresql+psycopg"),
        ("sqlalchemy[postgresql]\n", "", "postgresql"),
    ],
)
def test_the_url_names_the_driver_that_sqlalchemy_needs(declared: str, code: str, scheme: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"requirements.txt": declared, "app.py": code}).database_scheme() == scheme


APP = """
import os
from flask import Flask

app = Flask(__name__)
READ = [os.environ[name] for name in ("DB_HOST", "DB_USER", "DB_PASS", "DB_NAME", "SQL_URL")]
READ += [os.environ[name] for name in ("REDIS_HOST", "REDIS_PASSWORD", "CACHE_URL")]
"""


def test_production_has_the_same_names_but_no_password(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-shop"
    write(folder, {"app.py": APP, "requirements.txt": "flask\ngunicorn\nsqlalchemy\npsycopg\nredis\n"})
    render(template, folder, {"production": True})
    for name in ("docker-compose.prod.yml", "docker-stack.yml"):
        services = yaml.safe_load(re.sub(r"!reset|!override", "", (folder / name).read_text()))["services"]
        said = services["app"]["environment"]
        assert {one: value for one, value in said.items() if one.startswith(("DB_", "SQL_", "PG", "REDIS_", "CACHE_"))} == {
            **{"PGHOST": "db", "PGPORT": "5432", "PGUSER": "app", "PGDATABASE": "my_shop"},
            **{"DB_HOST": "db", "DB_USER": "app", "DB_NAME": "my_shop", "DB_PASSWORD_FILE": "/run/secrets/db_password"},
            **{"SQL_URL": "postgresql+psycopg://app@db:5432/my_shop", "REDIS_HOST": "redis"},
            **{"REDIS_URL": "redis://redis:6379/0", "CACHE_URL": "redis://redis:6379/0"},
            "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
        }
