"""What a project declares that it depends on, and the file that it is installed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import Shape, check, pyproject, write

DEPENDENCIES = {
    "nothing": Shape({"a.py": ""}, {"dependencies": "none", "complete": True}),
    "requirements.txt": Shape({"requirements.txt": "flask\n"}, {"dependencies": "requirements.txt", "complete": True}),
    "requirements.txt with hashes": Shape(
        {"requirements.txt": "flask==3.0.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"},
        {"dependencies": "requirements.txt", "complete": True, "framework": "flask"},
    ),
    "requirements.txt with extras, markers and comments": Shape(
        {
            "requirements.txt": '# web\nFastAPI[standard] >=0.110 ; python_version > "3.8"  # the API\n--index-url https://example.com\n'
        },
        {"dependencies": "requirements.txt", "complete": True, "framework": "fastapi"},
    ),
    "requirements.txt that includes another": Shape(
        {"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "Flask\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt that includes itself": Shape(
        {"requirements.txt": "-r requirements.txt\n-r missing.txt\nflask\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt with constraints": Shape(
        {"requirements.txt": "-c constraints.txt\nflask\n", "constraints.txt": "fastapi<1\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt of the project itself": Shape(
        {"requirements.txt": "-e .\n", "setup.py": "from setuptools import setup\nsetup(install_requires=['flask>=3'])\n"},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements.txt with a path": Shape(
        {"requirements.txt": "./libs/a\nflask\n"}, {"dependencies": "requirements.txt", "complete": False}
    ),
    "requirements.txt of a pyproject, extras": Shape(
        {"requirements.txt": ".[web]\n", "pyproject.toml": pyproject('"flask"')},
        {"dependencies": "requirements.txt", "complete": False, "framework": "flask"},
    ),
    "requirements in a folder": Shape(
        {"requirements/base.txt": "flask\n", "requirements/prod.txt": "-r base.txt\ngunicorn\n", "requirements/dev.txt": ""},
        {"dependencies": "requirements/prod.txt", "complete": False, "framework": "flask"},
    ),
    "one file of requirements in a folder": Shape(
        {"requirements/base.txt": "flask\n"}, {"dependencies": "requirements/base.txt", "complete": True}
    ),
    "requirements for pip-compile": Shape({"requirements.in": "flask\n"}, {"dependencies": "requirements.in", "complete": True}),
    "pyproject": Shape({"pyproject.toml": pyproject('"flask>=3"')}, {"dependencies": "pyproject.toml", "complete": True}),
    "pyproject with dynamic dependencies": Shape(
        {"pyproject.toml": '[project]\nname = "shop"\ndynamic = ["version", "dependencies"]\n', "setup.py": ""},
        {"dependencies": "pyproject.toml", "complete": False},
    ),
    "pyproject with a dynamic version only": Shape(
        {"pyproject.toml": '[project]\nname = "shop"\ndynamic = ["version"]\ndependencies = ["flask"]\n'},
        {"dependencies": "pyproject.toml", "complete": True, "framework": "flask"},
    ),
    "pyproject for tools alone": Shape(
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n", "a.py": ""}, {"dependencies": "none"}
    ),
    "pyproject for tools, and requirements.txt": Shape(
        {"pyproject.toml": "[tool.ruff]\n", "requirements.txt": "flask\n"},
        {"dependencies": "requirements.txt", "framework": "flask"},
    ),
    "poetry": Shape(
        {"pyproject.toml": '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "^3.10"\nFlask = "^3.0"\n'},
        {"dependencies": "pyproject.toml", "complete": False, "framework": "flask", "python": "3.13"},
    ),
    "poetry with its lock": Shape(
        {
            "pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.11"\nfastapi = {version = "*", extras = ["standard"]}\n',
            "poetry.lock": "",
        },
        {"dependencies": "poetry.lock", "complete": True, "framework": "fastapi", "python": "3.11"},
    ),
    "uv": Shape(
        {"pyproject.toml": pyproject('"fastapi"'), "uv.lock": "version = 1\n"}, {"dependencies": "uv.lock", "complete": True}
    ),
    "a lock file without its pyproject": Shape(
        {"uv.lock": "version = 1\n", "poetry.lock": "", "requirements.txt": "flask\n"}, {"dependencies": "requirements.txt"}
    ),
    "both locks": Shape({"pyproject.toml": pyproject(), "uv.lock": "", "poetry.lock": ""}, {"dependencies": "uv.lock"}),
    "pdm with its lock": Shape(
        {
            "pyproject.toml": pyproject('"flask"'),
            "pdm.lock": '[metadata]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.0"\n',
        },
        {"dependencies": "pdm.lock", "complete": True},
    ),
    "pdm with a lock that none exports": Shape(
        {
            "pyproject.toml": pyproject('"flask"'),
            "pdm.lock": '[metadata]\nstrategy = ["cross_platform"]\nlock_version = "4.5.0"\n',
        },
        {"dependencies": "pyproject.toml"},
    ),
    "pdm with a lock whose hash is of an older kind": Shape(
        {
            "pyproject.toml": pyproject('"flask"'),
            "pdm.lock": '[metadata]\nstrategy = ["inherit_metadata"]\nlock_version = "4.4.1"\n',
        },
        {"dependencies": "pyproject.toml"},
    ),
    "setup.py": Shape(
        {"setup.py": "setup(name='shop', python_requires='>=3.8,<3.12', install_requires=['flask'])\n"},
        {"dependencies": "setup.py", "complete": False, "framework": "flask", "python": "3.11", "has_app": False},
    ),
    "setup.cfg and setup.py": Shape(
        {
            "setup.cfg": "[options]\ninstall_requires =\n    flask\npython_requires = <3.13\n",
            "setup.py": "import setuptools; setuptools.setup()\n",
        },
        {"dependencies": "setup.py", "complete": False, "framework": "flask", "python": "3.12"},
    ),
    "requirements.txt and a pyproject that both name it": Shape(
        {"requirements.txt": "flask\npytest\n", "pyproject.toml": pyproject('"flask"')}, {"dependencies": "requirements.txt"}
    ),
    "requirements.txt for development beside a pyproject": Shape(
        {"requirements.txt": "pytest\nruff\n", "pyproject.toml": pyproject('"flask"')},
        {"dependencies": "pyproject.toml", "framework": "flask"},
    ),
    "an empty requirements.txt beside a pyproject": Shape(
        {"requirements.txt": "", "pyproject.toml": pyproject('"httpx"')}, {"dependencies": "pyproject.toml"}
    ),
    "an empty requirements.txt": Shape({"requirements.txt": "# none\n"}, {"dependencies": "requirements.txt", "complete": True}),
    "flask-login is not flask": Shape({"requirements.txt": "flask-login\nfastapi-utils\n"}, {"framework": ""}),
    "a byte order mark": Shape({"requirements.txt": "\ufeffflask\n"}, {"framework": "flask"}),
    "line ends of Windows": Shape({"requirements.txt": "flask>=3\r\nhttpx\r\n"}, {"framework": "flask"}),
}


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_dependencies_are_found(name: str, tmp_path: Path) -> None:
    check(DEPENDENCIES[name], tmp_path)


def test_what_a_package_declares_comes_before_an_environment_of_condas(tmp_path: Path) -> None:
    conda = {"environment.yml": "dependencies:\n- pip:\n  - pytest\n"}
    build = "[build-system]\nrequires = ['x']\n"
    assert (
        write(tmp_path / "own", {"pyproject.toml": pyproject('"flask"', build), **conda}).dependencies.source == "pyproject.toml"
    )
    assert write(tmp_path / "none", {"pyproject.toml": pyproject(more=build), **conda}).dependencies.source == "environment.yml"
    setup = {"setup.py": "from setuptools import setup\nsetup(install_requires=['flask'])\n"}
    assert write(tmp_path / "setup", {**setup, **conda}).dependencies.source == "setup.py"


def test_celery_brings_a_client_of_rabbitmq_whatever_its_broker_is(tmp_path: Path) -> None:
    named = {"one": "celery[redis]\nkombu==5.2.4\n", "two": "kombu\n", "three": "celery\npika\n"}
    found = {
        name: [one.name for one in write(tmp_path / name, {"requirements.txt": text}).others] for name, text in named.items()
    }
    assert found == {"one": [], "two": ["rabbitmq"], "three": ["rabbitmq"]}
