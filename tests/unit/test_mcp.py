"""What starts the MCP server of a project that exists, and what that needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.shapes import FASTMCP, FLASK, MAIN, MCP, MCP_1, Files, Shape, check, everything, pyproject, scripts, write

GROUP = "import click\nfrom shop.server import mcp\n@click.group()\ndef cli(): ...\n"
TYPER = "import typer\nfrom shop.server import mcp\napp = typer.Typer()\n@app.command()\ndef run_server(): ...\n"
SHOP: Files = {"shop/__init__.py": "", "shop/server.py": MCP}
HTTP = "mcp.run(**({'transport': t, 'host': '0.0.0.0'} if t == 'streamable-http' else {'transport': 'stdio'}))\n"

MCP_SERVERS = {
    # Whether it is one, and with which SDK
    "a web app is none": Shape({"app.py": FLASK, "requirements.txt": "flask\n"}, {"mcp_framework": "", "mcp_http": False}),
    "a declared sdk": Shape({"requirements.txt": "mcp[cli]\n", "app.py": ""}, {"mcp_framework": "mcp"}),
    "an imported sdk that no file declares": Shape(
        {"server.py": FASTMCP + MAIN}, {"mcp_framework": "fastmcp", "mcp_command": "python server.py", "mcp_extra": ["fastmcp"]}
    ),
    "both declared, one imported": Shape(
        {"server.py": MCP + MAIN, "requirements.txt": "mcp\nfastmcp\n"}, {"mcp_framework": "mcp", "mcp_extra": []}
    ),
    "both imported, one declared": Shape(
        {"server.py": "from mcp import types\n" + FASTMCP + MAIN, "requirements.txt": "fastmcp\n"},
        {"mcp_framework": "fastmcp", "mcp_extra": []},
    ),
    "both imported, the other declared": Shape(
        {"server.py": "try:\n    import fastmcp\nexcept ImportError:\n    pass\n" + MCP + MAIN, "requirements.txt": "mcp\n"},
        {"mcp_framework": "mcp", "mcp_extra": []},
    ),
    "a package of its own that is called mcp": Shape(
        {"mcp/__init__.py": "", "mcp/a.py": "", "app.py": "from mcp.a import b\nimport mcp\n"}, {"mcp_framework": ""}
    ),
    "requirements.txt for development beside a pyproject that declares it": Shape(
        {"requirements.txt": "pytest\n", "server.py": MCP + MAIN, "pyproject.toml": pyproject('"mcp"')},
        {"dependencies": "pyproject.toml", "mcp_extra": []},
    ),
    # Its console scripts
    "a console script": Shape(
        SHOP | scripts('shop = "shop.server:main"'), {"mcp_command": "shop", "mcp_install": True, "mcp_extra": []}
    ),
    "a console script that reaches the server inside a function": Shape(
        SHOP | scripts('sell = "shop:main"') | {"shop/__init__.py": "def main():\n    from . import server\n"},
        {"mcp_command": "sell"},
    ),
    "a console script that says mcp before one that is called like the project": Shape(
        SHOP | scripts('shop = "shop.server:main"\nshop-mcp = "shop.server:main"'), {"mcp_command": "shop-mcp"}
    ),
    "of several that say mcp, the one that is called like the project": Shape(
        SHOP | scripts('a-mcp = "shop.server:main"\n"shop.mcp" = "shop.server:main"', name="shop.mcp"),
        {"mcp_command": "shop.mcp"},
    ),
    "of several that say mcp, one that reaches the server": Shape(
        SHOP | scripts('mcp-a = "shop.other:main"\nmcp-bc = "shop.server:main"') | {"shop/other.py": ""},
        {"mcp_command": "mcp-bc"},
    ),
    "of several that say mcp, one with a function's usual name": Shape(
        SHOP | scripts('mcp-a = "shop.server:check"\nmcp-b = "shop.server:main"'), {"mcp_command": "mcp-b"}
    ),
    "a console script of something else is not taken": Shape(
        SHOP | scripts('shop = "shop.cli:main"') | {"shop/cli.py": "", "shop/server.py": MCP + MAIN},
        {"mcp_command": "python -m shop.server", "mcp_install": False},
    ),
    "a console script of poetry": Shape(
        SHOP
        | {
            "pyproject.toml": '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\nmcp = "^2"\n'
            '[tool.poetry.scripts]\nshop = "shop.server:main"\nold = {reference = "a.sh", type = "file"}\n'
            '[build-system]\nrequires = ["poetry-core"]\n'
        },
        {"mcp_command": "shop", "mcp_install": True, "mcp_extra": []},
    ),
    "a console script of setup.py": Shape(
        SHOP
        | {
            "setup.py": "setup(name='shop', install_requires=['mcp'],\n"
            "entry_points={'console_scripts': ['sell=shop.server:main']})\n"
        },
        {"mcp_command": "sell", "mcp_install": True, "mcp_extra": []},
    ),
    "a console script of setup.cfg": Shape(
        SHOP
        | {
            "setup.py": "import setuptools; setuptools.setup()\n",
            "setup.cfg": "[options]\ninstall_requires =\n    mcp\n"
            "[options.entry_points]\nconsole_scripts =\n    sell = shop.server:main\n",
        },
        {"mcp_command": "sell", "mcp_install": True},
    ),
    "a console script in a namespace package": Shape(
        scripts('"lab.shop" = "lab.shop.server:main"', name="lab.shop") | {"lab/shop/__init__.py": "", "lab/shop/server.py": MCP},
        {"mcp_command": "lab.shop", "package": "lab"},
    ),
    "a console script that nothing installs": Shape(
        SHOP | scripts('shop = "shop.server:main"', build=False),
        {"mcp_command": "python -c 'from shop.server import main; main()'", "mcp_install": False},
    ),
    "a module that runs, before a console script that nothing installs": Shape(
        scripts('shop = "shop.server:main"', build=False) | {"shop/__init__.py": "", "shop/server.py": MCP + MAIN},
        {"mcp_command": "python -m shop.server"},
    ),
    # Their subcommands
    "a command of a click program": Shape(
        SHOP
        | scripts('shop = "shop.cli:cli"')
        | {"shop/cli.py": GROUP + "@cli.command()\ndef run(): ...\n@cli.command()\n@click.option('-p')\ndef serve(p): ...\n"},
        {"mcp_command": "shop serve"},
    ),
    "a command of a click program that a function calls": Shape(
        SHOP
        | scripts('shop = "shop.cli:main"')
        | {
            "shop/cli.py": GROUP
            + "@cli.command('start_mcp')\ndef a(): ...\n@cli.command()\ndef check(): ...\ndef main():\n    cli()\n"
        },
        {"mcp_command": "shop start_mcp"},
    ),
    "a command that is added": Shape(
        SHOP | scripts('shop = "shop.cli:cli"') | {"shop/cli.py": GROUP + "cli.add_command(run)\ncli.add_command(b, 'config')\n"},
        {"mcp_command": "shop run"},
    ),
    "a command of a typer program, in another module": Shape(
        SHOP
        | scripts('shop = "shop.main:app"')
        | {
            "shop/app.py": "import typer\napp = typer.Typer()\n",
            "shop/main.py": "from shop.app import app\nfrom shop import (\n    first,\n    second,\n)\n",
            "shop/first.py": "from shop.app import app\n@app.command()\ndef serve(): ...\n",
            "shop/second.py": "from shop.app import app\nfrom .server import mcp\n@app.command(name='mcp')\ndef tools(): ...\n",
        },
        {"mcp_command": "shop mcp"},
    ),
    "a command that a typer program is called for": Shape(
        SHOP
        | scripts('shop = "shop.cli:app"')
        | {"shop/cli.py": TYPER.split("@")[0] + "app.command('start')(start_command)\napp.command('stop')(stop_command)\n"},
        {"mcp_command": "shop start"},
    ),
    "the only command of a typer program has no word": Shape(
        SHOP | scripts('shop = "shop.cli:app"') | {"shop/cli.py": TYPER}, {"mcp_command": "shop"}
    ),
    "the only command of a typer program with options of its own": Shape(
        SHOP | scripts('shop = "shop.cli:app"') | {"shop/cli.py": TYPER + "@app.callback()\ndef verbose(): ...\n"},
        {"mcp_command": "shop run-server"},
    ),
    "a command of an argparse program": Shape(
        SHOP
        | scripts('shop = "shop.cli:main"')
        | {"shop/cli.py": "from . import server\ndef main():\n    s.add_parser(\n        'stdio')\n"},
        {"mcp_command": "shop stdio"},
    ),
    "a command that is not clear is left out": Shape(
        SHOP
        | scripts('shop = "shop.cli:cli"')
        | {"shop/cli.py": GROUP + "@cli.command()\ndef mcp_config(): ...\n@cli.command()\ndef watch(): ...\n"},
        {"mcp_command": "shop"},
    ),
    "a command of another program is left out": Shape(
        SHOP
        | scripts('shop = "shop.cli:cli"')
        | {
            "shop/cli.py": GROUP
            + "@cli.group()\ndef db(): ...\n@db.command()\ndef start(): ...\n@db.command()\ndef stop(): ...\n"
        },
        {"mcp_command": "shop"},
    ),
    # Modules and files
    "a package that runs": Shape(
        SHOP | {"requirements.txt": "mcp\n", "shop/__main__.py": "from .server import mcp\nmcp.run()\n"},
        {"mcp_command": "python -m shop", "mcp_install": False, "mcp_extra": []},
    ),
    "a package that runs and asks for its metadata": Shape(
        scripts()
        | {
            "src/shop/__init__.py": "",
            "src/shop/server.py": "import importlib.metadata\n" + MCP,
            "src/shop/__main__.py": "from shop.server import mcp\nmcp.run()\n",
        },
        {"mcp_command": "python -m shop", "mcp_install": True, "source_folder": "src"},
    ),
    "a package that runs before one of its modules": Shape(
        {"shop/__init__.py": "", "shop/server.py": MCP + MAIN, "shop/__main__.py": "from .server import main\nmain()\n"},
        {"mcp_command": "python -m shop"},
    ),
    "a module that makes the server before one that imports it": Shape(
        {"shop/__init__.py": "", "shop/app.py": "from . import tools\n" + MAIN, "shop/tools.py": MCP + MAIN},
        {"mcp_command": "python -m shop.tools"},
    ),
    "a module of a package before a file at the top": Shape(
        {"shop/__init__.py": "", "shop/server.py": MCP + MAIN, "app.py": MCP + MAIN}, {"mcp_command": "python -m shop.server"}
    ),
    "a module of a package": Shape(
        {"src/mcp_server/__init__.py": "", "src/mcp_server/weather.py": MCP + MAIN},
        {"mcp_command": "python -m mcp_server.weather", "package": "mcp_server"},
    ),
    "a file at the top": Shape(
        {"weather.py": MCP + MAIN, "notes.py": "if __name__ == '__main__':\n    1\n"}, {"mcp_command": "python weather.py"}
    ),
    "a file at the top of src": Shape({"src/weather.py": MCP + MAIN}, {"mcp_command": "python src/weather.py"}),
    "a file that starts a server of a package": Shape(
        SHOP | {"run_server.py": "from shop.server import mcp\nif __name__ == '__main__':\n    mcp.run()\n"},
        {"mcp_command": "python run_server.py"},
    ),
    "imports that start from src": Shape(
        {"src/app.py": MCP, "src/main.py": "from src.app import mcp\nif __name__ == '__main__':\n    mcp.run()\n"},
        {"mcp_command": "python -m src.main"},
    ),
    "files in a folder that import each other": Shape(
        {"server/main.py": "from tooling import mcp\n" + MAIN, "server/tooling.py": MCP}, {"mcp_command": "python server/main.py"}
    ),
    "a package whose modules import each other like files": Shape(
        {"app/__init__.py": "", "app/main.py": "import tools\n" + MCP + MAIN, "app/tools/a.py": ""},
        {"mcp_command": "python app/main.py"},
    ),
    "a module that only seems to import its neighbours": Shape(
        {
            **{"requirements.txt": "mcp\nredis\n", "app/__init__.py": "", "app/redis.py": "", "app/types.py": ""},
            "app/main.py": "import types\nimport redis\n" + MCP + MAIN,
        },
        {"mcp_command": "python -m app.main"},
    ),
    "a folder that is called mcp": Shape({"mcp/server.py": MCP + MAIN}, {"mcp_command": "python mcp/server.py"}),
    "a folder whose name is no module's": Shape({"my-server/main.py": MCP + MAIN}, {"mcp_command": "python my-server/main.py"}),
    "a client is not taken for the server": Shape(
        {"client.py": "from mcp import ClientSession, StdioServerParameters\n" + MAIN, "tool.py": MCP + MAIN},
        {"mcp_command": "python tool.py"},
    ),
    "the server before its variations": Shape(
        {"demo.py": MCP + MAIN, "server.py": MCP + MAIN, "http_server.py": MCP + MAIN}, {"mcp_command": "python server.py"}
    ),
    "no sign of a start": Shape(
        {"requirements.txt": "mcp\n", "shop/__init__.py": "", "shop/a.py": ""}, {"mcp_command": "python -m shop.server"}
    ),
    # Objects that nothing starts
    "an object of fastmcp": Shape(
        {"tools.py": FASTMCP, "requirements.txt": "fastmcp\n"},
        {
            **{"mcp_command": "fastmcp run tools.py:mcp", "mcp_extra": []},
            "mcp_served": "fastmcp run tools.py:mcp --transport http --host 0.0.0.0 --port 8000",
        },
    ),
    "an object of mcp": Shape(
        {"it's.py": MCP, "requirements.txt": "mcp>=2\n"},
        {"mcp_served": "mcp run 'it'\"'\"'s.py:mcp'", "mcp_command": "mcp run 'it'\"'\"'s.py:mcp'", "mcp_extra": ["mcp[cli]"]},
    ),
    "an object of mcp, and its program declared": Shape(
        {"a.py": MCP, "requirements.txt": "mcp[cli]>=2\n"}, {"mcp_command": "mcp run a.py:mcp", "mcp_extra": []}
    ),
    "an object in a package": Shape(
        {
            "src/shop/__init__.py": "",
            "src/shop/server.py": "from . import tools\nshop: FastMCP = FastMCP()\n" + FASTMCP.splitlines()[0],
        },
        {"mcp_command": "python -c 'from shop.server import shop; shop.run()'"},
    ),
    "an object that a package makes": Shape(
        {"shop/__init__.py": MCP + MAIN}, {"mcp_command": "python -c 'from shop import mcp; mcp.run()'"}
    ),
    "an object beside a program that has nothing to do with it": Shape(
        {"main.py": "from .. import server\n" + MAIN, "tools.py": FASTMCP}, {"mcp_command": "fastmcp run tools.py:mcp"}
    ),
    "an object that is started over HTTP alone": Shape(
        {"server.py": FASTMCP + "if __name__ == '__main__':\n    mcp.run(transport='http', port=8000)\n"},
        {"mcp_command": "fastmcp run server.py:mcp"},
    ),
    "a server that can do both": Shape(
        {"server.py": FASTMCP + "if __name__ == '__main__':\n    mcp.run(transport='http') if web else mcp.run()\n"},
        {"mcp_command": "python server.py"},
    ),
    # Versions
    "version 1 of the sdk, where the declaration allows 2": Shape(
        {"server.py": MCP_1 + MAIN, "requirements.txt": "mcp[cli]>=1.3.0\nhttpx<2\n"}, {"mcp_extra": ["mcp<2"]}
    ),
    "version 1 of the sdk and its program": Shape(
        {"server.py": MCP_1, "requirements.txt": "mcp\n"}, {"mcp_extra": ["mcp[cli]<2"]}
    ),
    "version 1 of the sdk with its low-level server": Shape(
        {"server.py": "from mcp.server import Server\nserver = Server('a')\n@server.list_tools()\nasync def a(): ...\n" + MAIN},
        {"mcp_extra": ["mcp<2"]},
    ),
    "version 1 of the sdk, declared": Shape(
        {"server.py": MCP_1 + MAIN, "pyproject.toml": pyproject('"mcp[cli]>=1.10.1, <2.0.0"')}, {"mcp_extra": []}
    ),
    "version 1 of the sdk, declared with poetry": Shape(
        {"server.py": MCP_1 + MAIN, "pyproject.toml": '[tool.poetry.dependencies]\nmcp = {version = "^1.2", extras = ["cli"]}\n'},
        {"mcp_extra": []},
    ),
    "version 1 of the sdk, declared for an extra": Shape(
        {
            "server.py": MCP_1 + MAIN,
            "pyproject.toml": pyproject('"httpx"', '[project.optional-dependencies]\nserver = ["mcp<2"]\n'),
        },
        {"mcp_extra": ["mcp<2"]},
    ),
    "version 1 of the sdk, locked": Shape(
        {"server.py": MCP_1 + MAIN, "pyproject.toml": pyproject('"mcp"'), "uv.lock": ""}, {"mcp_extra": []}
    ),
    "both versions of the sdk": Shape(
        {
            "requirements.txt": "mcp\n",
            "server.py": f"try:\n    {MCP.splitlines()[0]}\nexcept ImportError:\n    {MCP_1.splitlines()[0]}\n" + MAIN,
        },
        {"mcp_extra": []},
    ),
    "dependencies that only the code tells are trusted": Shape(
        {"server.py": MCP + MAIN, "setup.py": "setup(install_requires=open('a').read())\n"}, {"mcp_extra": []}
    ),
}


@pytest.mark.parametrize("name", MCP_SERVERS)
def test_what_starts_an_mcp_server_is_found(name: str, tmp_path: Path) -> None:
    check(MCP_SERVERS[name], tmp_path)


def test_another_command_than_the_one_found_gets_no_sdk(tmp_path: Path) -> None:
    assert write(tmp_path, {"server.py": MCP + MAIN}).extra_packages("python other.py", "python") == []


SETTINGS = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n"
SWITCHED = {
    "environ": ("t = os.environ.get('MCP_TRANSPORT', 'stdio')\n" + HTTP, True),
    "environ, by its key": ("t = os.environ['MCP_TRANSPORT']\n" + HTTP, True),
    "getenv": ('t = os.getenv("MCP_TRANSPORT")\n' + HTTP, True),
    "a function of its own": ("t = read_env('MCP_TRANSPORT')\n" + HTTP, True),
    "an option": (
        "@option('-t', envvar='MCP_TRANSPORT', type=Choice(['streamable-http']))\n@option('-h', envvar='MCP_HOST')\n",
        True,
    ),
    "settings": (SETTINGS + "    mcp_transport: Literal['stdio', 'streamable-http'] = 'stdio'\n    mcp_host: str = ''\n", True),
    "settings with a prefix": (
        SETTINGS + "    model_config = Config(env_prefix='MCP_')\n    transport: str = 'stdio'\n" + HTTP,
        True,
    ),
    "settings with another prefix": (
        SETTINGS + "    model_config = Config(env_prefix='SHOP_')\n    mcp_transport: str = 'stdio'\n" + HTTP,
        False,
    ),
    "a field of something else": ("class A:\n    mcp_transport: str = 'stdio'\n" + HTTP, False),
    "not read": (HTTP, False),
    "only written": ("os.environ['MCP_TRANSPORT'] = t\n" + HTTP, False),
    "another variable": ("t = os.getenv('SHOP_MCP_TRANSPORT')\n" + HTTP, False),
    "another value": ("t = os.getenv('MCP_TRANSPORT')\n" + HTTP.replace("streamable-http", "http"), False),
    "on the container's own loopback": ("t = os.getenv('MCP_TRANSPORT')\n" + HTTP.replace("0.0.0.0", "127.0.0.1"), False),
}


@pytest.mark.parametrize("name", SWITCHED)
def test_only_a_server_that_evidently_is_switched_to_http_is_taken_for_one(name: str, tmp_path: Path) -> None:
    code, switched = SWITCHED[name]
    main = "from settings import t\n" + MCP + "if __name__ == '__main__':\n    mcp.run(t)\n"
    found = everything(write(tmp_path, {"server.py": main, "settings.py": code}))
    assert (found["mcp_command"], found["mcp_http"]) == ("python server.py", switched)


def test_what_lies_outside_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"server.py": MCP})
    found = write(tmp_path / "project", {"main.py": "from .. import server\n" + MAIN, "requirements.txt": "mcp\n", "a.py": ""})
    assert found.mcp.start is None


def test_what_another_part_reads_does_not_switch_the_server(tmp_path: Path) -> None:
    code = "t = os.environ.get('MCP_TRANSPORT', 'stdio')\n" + HTTP
    assert not write(tmp_path, {"server.py": MCP + MAIN, "agent.py": code}).serving.switched


WEB = {"tool.py": MCP + MAIN, "requirements.txt": "mcp\nuvicorn\n"}
IMAGE = 'FROM python:3.13-slim\nCMD ["uvicorn", "web:app", "--port", "9000"]\n'


@pytest.mark.parametrize(
    ("web", "served"),
    [
        ("from tool import mcp\napp = mcp.streamable_http_app()\n", "uvicorn web:app --port 9000"),
        ("app = page\n", "python tool.py"),
        ("from tool import mcp\napp = page\n", "python tool.py"),
    ],
)
def test_a_web_server_of_its_own_image_is_the_server_over_http_where_it_serves_that(
    web: str, served: str, tmp_path: Path
) -> None:
    found = write(tmp_path, WEB | {"web.py": web, "Dockerfile": IMAGE})
    assert (found.serving.command("tool"), found.serving.over_http("tool", 8000)) == ("python tool.py", served)


SDK = 'import "@modelcontextprotocol/sdk";\n'
OWN_SERVERS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "as the starter is": ({"Dockerfile": 'FROM python:3\nWORKDIR /workspace\nCMD ["python", "server.py"]\n'}, {}),
    "without a command": ({"Dockerfile": "FROM python:3\n", "server.py": ""}, {}),
    "without a Dockerfile": ({"server.py": ""}, {}),
    "in TypeScript": (
        {"Dockerfile": 'FROM node:24\nCMD ["node", "a.ts"]\n', "a.ts": f"{SDK}process.env.MCP_TRANSPORT\n"},
        {"command": ["node", "a.ts"], "python": False},
    ),
    "in TypeScript, over stdio alone": (
        {"Dockerfile": 'FROM node:24\nENTRYPOINT ["node", "a.ts"]\n', "a.ts": "new StdioServerTransport()\n"},
        {"entrypoint": ["node", "a.ts"], "python": False, "speaks": "stdio"},
    ),
    "in TypeScript, over HTTP alone": (
        {"Dockerfile": "FROM node:24\n", "src/a.ts": "new StreamableHTTPServerTransport()\n"},
        {"python": False, "speaks": "http"},
    ),
    "with a folder of its own": (
        {
            "Dockerfile": 'FROM python:3\nWORKDIR /app\nCMD ["python", "server.py"]\n',
            "server.py": "os.environ['MCP_TRANSPORT']\n",
        },
        {"command": ["python", "server.py"], "workdir": "/app"},
    ),
    "installed": (
        {"Dockerfile": 'FROM python:3\nCOPY . .\nRUN pip install .\nENTRYPOINT ["a"]\nCMD ["--http"]\n'},
        {"entrypoint": ["a"], "command": ["--http"], "mount": False},
    ),
    "on Alpine": (
        {"Dockerfile": 'FROM python:3-alpine\nWORKDIR /app\nCMD ["a", "--transport=stdio"]\n'},
        {"command": ["a", "--transport=stdio"], "mount": False},
    ),
}


@pytest.mark.parametrize("name", OWN_SERVERS)
def test_how_a_server_is_started_that_was_there_is_found_when_it_is_added(name: str, tmp_path: Path) -> None:
    files, said = OWN_SERVERS[name]
    found = write(tmp_path, {f"servers/tasks/{path}": text for path, text in files.items()})
    wanted = {"tasks": said} if said else {}
    assert found.servers.own(["tasks", "docs"], None, []) == wanted
    # What is saved stays, and so does a server of before.
    saved = {"tasks": {"command": ["b"]}, "gone": {"command": ["c"]}}
    assert found.servers.own(["tasks"], saved, ["tasks"]) == {"tasks": {"command": ["b"]}}
    assert found.servers.own(["tasks"], saved, None) == {"tasks": {"command": ["b"]}}
    assert found.servers.own(["tasks"], {}, ["tasks"]) == {}
