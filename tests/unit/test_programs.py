"""What starts an app of a framework with a server, or a command, of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import FASTAPI, Shape, check, pyproject, write

GRADIO_BLOCKS = (
    "import gradio as gr\nwith gr.Blocks() as demo:\n    gr.Button()\n"
    "if __name__ == '__main__':\n    demo.launch(server_port=7000)\n"
)
BOTTLE = "from bottle import route, run\n@route('/')\ndef index():\n    return 'x'\nif __name__ == '__main__':\n    run(port=9)\n"
TORNADO = "import tornado.web\napp = tornado.web.Application([])\napp.listen(8888)\n"

PROGRAMS = {
    "streamlit": Shape(
        {"app.py": "import streamlit as st\nst.write('hi')\n", "requirements.txt": "streamlit\n"},
        {"command": "streamlit run app.py --server.address 0.0.0.0 --server.port 8000 --server.headless true", "port": 8000},
    ),
    "streamlit with pages and helpers": Shape(
        {
            "Home.py": "import streamlit as st\nst.write('hi')\n",
            "pages/1_More.py": "import streamlit as st\n",
            "lib/parts.py": "import streamlit as st\n",
            "requirements.txt": "streamlit\n",
        },
        {"command": "streamlit run Home.py --server.address 0.0.0.0 --server.port 8000 --server.headless true"},
    ),
    "gradio": Shape(
        {
            "app.py": "import gradio as gr\ndemo = gr.Interface(str, 'text', 'text')\ndemo.launch()\n",
            "requirements.txt": "gradio\n",
        },
        {"command": "env GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=8000 python app.py", "extra": []},
    ),
    "gradio in blocks, with a port of its own": Shape(
        {
            "ui/main.py": GRADIO_BLOCKS,
        },
        {"command": "env GRADIO_SERVER_NAME=0.0.0.0 python -m ui.main", "port": 7000, "extra": ["gradio"]},
    ),
    "gradio that listens everywhere": Shape(
        {"app.py": "import gradio as gr\ngr.Interface(str, 'text', 'text').launch(server_name='0.0.0.0', server_port=7860)\n"},
        {"command": "python app.py", "port": 7860},
    ),
    "nicegui": Shape(
        {"main.py": "from nicegui import ui\nui.label('hi')\nui.run()\n", "requirements.txt": "nicegui\n"},
        {"command": "python main.py", "port": 8080},
    ),
    "nicegui with a port": Shape(
        {"main.py": "from nicegui import ui\nui.run(port=9001, title='x')\n", "requirements.txt": "nicegui\n"},
        {"command": "python main.py", "port": 9001},
    ),
    "dash": Shape(
        {
            "app.py": "from dash import Dash\napp = Dash(__name__)\nif __name__ == '__main__':\n    app.run(debug=True)\n",
            "requirements.txt": "dash\n",
        },
        {"command": "env HOST=0.0.0.0 PORT=8000 python app.py", "framework": "", "extra": []},
    ),
    "dash with its WSGI object": Shape(
        {
            "shop/__init__.py": "",
            "shop/board.py": "import dash\napp = dash.Dash()\nserver = app.server\n",
            "requirements.txt": "dash\nflask\n",
        },
        {"command": "gunicorn --bind 0.0.0.0:8000 shop.board:server", "extra": ["gunicorn"], "framework": ""},
    ),
    "sanic": Shape(
        {"server.py": "from sanic import Sanic\napp = Sanic('shop')\n", "requirements.txt": "sanic\n"},
        {"command": "sanic server:app --host 0.0.0.0 --port 8000 --single-process", "extra": []},
    ),
    "aiohttp": Shape(
        {
            "main.py": "from aiohttp import web\napp = web.Application()\nif __name__ == '__main__':\n    web.run_app(app)\n",
            "requirements.txt": "aiohttp\n",
        },
        {"command": "python main.py", "port": 8080},
    ),
    "aiohttp in a package, with a port": Shape(
        {
            "shop/__init__.py": "",
            "shop/web.py": "import aiohttp.web\ndef main():\n    aiohttp.web.run_app(make(), port=5001)\nmain()\n",
        },
        {"command": "python -m shop.web", "port": 5001},
    ),
    "falcon": Shape(
        {"app.py": "import falcon\napp = falcon.App()\n", "requirements.txt": "falcon\ngunicorn\n"},
        {"command": "gunicorn --bind 0.0.0.0:8000 app:app", "extra": [], "framework": ""},
    ),
    "falcon with no server": Shape(
        {
            "src/api/__init__.py": "",
            "src/api/main.py": "from falcon import App\napi = App()\n",
            "pyproject.toml": pyproject('"falcon"'),
        },
        {"command": "gunicorn --bind 0.0.0.0:8000 api.main:api", "extra": ["gunicorn"]},
    ),
    "falcon for ASGI": Shape(
        {"app.py": "import falcon.asgi\napp = falcon.asgi.App()\n", "requirements.txt": "falcon\n"},
        {"command": "uvicorn app:app --host 0.0.0.0 --port 8000", "extra": ["uvicorn"]},
    ),
    "bottle": Shape(
        {
            "app.py": BOTTLE,
            "requirements.txt": "bottle\n",
        },
        {"command": "python -m bottle --bind 0.0.0.0:8000 app", "extra": []},
    ),
    "bottle with waitress": Shape(
        {"app.py": "import bottle\napp = bottle.Bottle()\n", "requirements.txt": "bottle\nwaitress\n"},
        {"command": "waitress-serve --host 0.0.0.0 --port 8000 app:app"},
    ),
    "tornado": Shape(
        {
            "main.py": TORNADO,
            "requirements.txt": "tornado\n",
        },
        {"command": "python main.py", "port": 8888},
    ),
    "a script that calls waitress": Shape(
        {
            "run.py": "from waitress import serve\nfrom shop import thing\nserve(thing, port=8081)\n",
            "shop.py": "thing = object()\n",
        },
        {"command": "python run.py", "port": 8081},
    ),
    "what is surely an application comes first": Shape(
        {"api.py": FASTAPI, "ui.py": "import streamlit as st\n", "requirements.txt": "fastapi\nuvicorn\nstreamlit\n"},
        {"command": "uvicorn api:app --host 0.0.0.0 --port 8000", "port": 8000},
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_started_where_others_reach_it(name: str, tmp_path: Path) -> None:
    check(PROGRAMS[name], tmp_path)


def test_a_server_that_nothing_runs_is_no_app(tmp_path: Path) -> None:
    library = "import tornado.web\n\n\ndef serve(port):\n    tornado.web.Application([]).listen(8888)\n"
    found = write(tmp_path, {"pyproject.toml": pyproject('"tornado"'), "hooks/__init__.py": "", "hooks/handler.py": library})
    assert found.web.program is None
    started = write(tmp_path, {"run.py": "from hooks.handler import serve\n\nserve(8888)\n"})
    assert started.web.program is None or started.web.program.path != "hooks/handler.py"
