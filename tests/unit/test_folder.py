"""Nothing in a project stops a rendering, however broken, huge or forbidden it is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT
from tests.unit.shapes import FASTAPI, FLASK, Files, everything, pyproject, reading, without_root, write

ODD = '[project]\nname = 5\ndependencies = "flask"\nscripts = 1\nrequires-python = 3\n'
ODDER = 'project = 1\n[tool.poetry]\nname = ["a"]\ndependencies = 3\nscripts = "x"\n[tool.setuptools]\n'
ODD_LIST = '[project]\nname = "a"\ndynamic = 1\ndependencies = [1, {a = 2}, "flask"]\n'
NO_TEXT = b"\xff\xfef\x00"
BROKEN: dict[str, Files] = {
    "pyproject": {"pyproject.toml": "[project\nname =", "main.py": FLASK, "requirements.txt": "flask\n"},
    "pyproject without tables": {"pyproject.toml": "tool = []\n" + ODD, "app.py": ""},
    "pyproject of odd types": {"pyproject.toml": ODDER, "app.py": ""},
    "pyproject with odd dependencies": {"pyproject.toml": ODD_LIST},
    "poetry with a table for python": {"pyproject.toml": '[tool.poetry.dependencies]\npython = {version = "^3.10"}\n'},
    "empty files": dict.fromkeys(["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "app.py", "Dockerfile"], ""),
    "python": {"app.py": "def (:\n", "main.py": FASTAPI},
    "python 2": {"app.py": "print 'hello'\nfrom flask import Flask\n", "main.py": FLASK},
    "bytes that are no text": {
        "app.py": b"\xff\xfe Flask",
        "pyproject.toml": NO_TEXT,
        "requirements.txt": NO_TEXT,
        "setup.cfg": NO_TEXT,
    },
    "null bytes": {"app.py": "app = Flask(\x00)\n", "setup.cfg": "\x00", "setup.py": "\x00"},
    "python that nests deeper than the parser goes": {"app.py": "Flask" + "(" * 3000 + ")" * 3000},
    "setup.cfg": {"setup.cfg": "no section\n[options\n", "setup.py": "x"},
    "a setup.cfg with percent signs": {"setup.cfg": "[options]\ninstall_requires = flask%(x)s\n", "setup.py": ""},
    "requirements": {"requirements.txt": "=== !!\n-r\n-e\n-r /\n-r .\n--\n\\\n"},
    "an mcp server": {
        "server.py": "import fastmcp\nfrom mcp.server import (\nif __name__ == '__main__':\n",
        "requirements.txt": "mcp\n",
    },
    "an mcp server with odd console scripts": {
        "shop/__init__.py": "from .... import a\nfrom shop import *\nfrom mcp.server import Server\n",
        "pyproject.toml": '[project]\nname = 5\ndependencies = ["mcp"]\n[build-system]\n[project.scripts]\n'
        'a-mcp = 1\n"b mcp" = ":"\n'
        'mcp-c = "..:x"\nmcp-d = "/etc/passwd"\nmcp-e = "a\\u0000b:c"\nmcp-f = "shop:main [extra]"\nmcp-g = "'
        + "a" * 5000
        + ':b"\n',
    },
    "a Dockerfile": {"Dockerfile": "WORKDIR\nFROM\nWORKDIR $HOME\nWORKDIR ..\n"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_counts_as_a_missing_one(name: str, tmp_path: Path) -> None:
    found = everything(write(tmp_path, BROKEN[name]))
    if "main.py" in BROKEN[name]:
        assert found["command"].startswith(("uvicorn main:app ", "flask --app main run "))
    if "Dockerfile" in BROKEN[name]:
        assert found["workdir"] == "/workspace"


@given(
    st.dictionaries(
        st.sampled_from(["pyproject.toml", "requirements.txt", "setup.cfg", "setup.py", "app.py", "Dockerfile"]), st.binary()
    )
)
def test_any_bytes_are_read_without_failing(files: Files) -> None:
    with tempfile.TemporaryDirectory() as folder:
        everything(write(Path(folder), files))


def test_nothing_is_printed_about_code_that_python_warns_of(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    found = write(tmp_path, {"app.py": FLASK + "digits = '\\d'\nassert (1, 'always true')\n"})
    assert everything(found)["framework"] == "flask"
    assert [str(warning.message) for warning in recwarn] == []


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    found = everything(reading.Destination(tmp_path / "new" / "project"))
    assert (found["has_app"], found["name"], found["dependencies"]) == (False, "project", "none")


def test_folders_with_the_names_of_files_are_passed_over(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Dockerfile", "app.py", "uv.lock"):
        (tmp_path / name).mkdir()
    found = everything(reading.Destination(tmp_path))
    assert (found["has_app"], found["dependencies"]) == (False, "none")


def test_what_may_not_be_read_counts_as_missing() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, {"app.py": FLASK, "pyproject.toml": pyproject('"flask"'), "main.py": FASTAPI, "secret/web.py": FLASK})
        folder.chmod(0o755)
        for path in ("app.py", "pyproject.toml", "secret"):
            (folder / path).chmod(0)
        with without_root():
            found = everything(reading.Destination(folder))
        (folder / "secret").chmod(0o755)
    assert (found["command"], found["dependencies"]) == ("uvicorn main:app --host 0.0.0.0 --port 8000", "none")


def test_a_pipe_with_the_name_of_a_module_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "app.py")
    write(tmp_path, {"main.py": FASTAPI})
    # In a process of its own: one that waits for the pipe waits for ever.
    code = f"""
from pathlib import Path
from tests.support import ROOT, extension
print(extension("destination").destination(Path({str(tmp_path)!r})).app_command(8000, "app"))
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=20, capture_output=True, text=True, check=True)
    assert said.stdout == "uvicorn main:app --host 0.0.0.0 --port 8000\n"


def test_loops_and_dangling_links_end(tmp_path: Path) -> None:
    write(tmp_path, {"shop/__init__.py": "", "shop/main.py": FASTAPI})
    (tmp_path / "shop" / "again").symlink_to(tmp_path)
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "gone.py").symlink_to("missing.py")
    (tmp_path / "requirements.txt").symlink_to("requirements.txt")
    (tmp_path / "Dockerfile").symlink_to("missing")
    found = everything(reading.Destination(tmp_path))
    assert found["command"] == "uvicorn shop.main:app --host 0.0.0.0 --port 8000"


@pytest.mark.parametrize(
    "files",
    [
        {"myenv/pyvenv.cfg": "", "myenv/lib/python3.13/site-packages/flask/app.py": FLASK, "myenv/bin/activate_this.py": ""},
        {"deep/er/env313/pyvenv.cfg": "", "deep/er/env313/lib/python3.13/site-packages/flask/app.py": FLASK},
        {".venv/lib/python3.13/site-packages/flask/app.py": FLASK},
        {"venv/lib/python3.13/site-packages/flask/app.py": FLASK},
        {"conda/conda-meta/history": "", "conda/lib/python3.13/argparse.py": "", "conda/lib/python3.13/wsgiref/app.py": FLASK},
        {"node_modules/node-gyp/gyp/app.py": FLASK},
        {"shop.egg-info/a.py": FLASK},
        {"build/lib/shop/app.py": FLASK},
    ],
    ids=lambda files: next(iter(files)),
)
def test_an_environment_of_tools_is_no_app(files: Files, tmp_path: Path) -> None:
    assert not write(tmp_path, files).has_app


def test_a_huge_tree_is_searched_from_the_top(tmp_path: Path) -> None:
    write(tmp_path, {"zoo/__init__.py": "", "zoo/main.py": FASTAPI})
    deep = tmp_path / "data" / "a"
    for number in range(reading.folder.MAX_FILES // 500 + 1):
        deep = deep / str(number)
        deep.mkdir(parents=True)
        for file in range(500):
            (deep / f"generated_{file}.py").touch()
    found = reading.Destination(tmp_path)
    assert len(found.folder.sources) <= reading.folder.MAX_FILES
    assert everything(found)["command"] == "uvicorn zoo.main:app --host 0.0.0.0 --port 8000"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    found = write(tmp_path, {"app.py": FLASK + "#" * reading.folder.MAX_BYTES, "main.py": FASTAPI})
    assert everything(found)["command"] == "uvicorn main:app --host 0.0.0.0 --port 8000"


def test_the_repository_is_the_nearest_one_and_never_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitmodules").touch()
    # A submodule has a file in its place.
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/.git").touch()
    for folder, top in (("backend/api", tmp_path), (".", tmp_path), ("lib/new", tmp_path / "lib")):
        found = reading.Destination(tmp_path / folder)
        assert found.folder.repository == top
        assert found.has_submodules is (top == tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reading.Destination(tmp_path / "backend").folder.repository is None
