"""An image that has the project installed is told from one that runs the code in its working folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import write

ALL = "FROM python\nWORKDIR /app\nCOPY . .\n"
BUILT = "FROM python AS built\nWORKDIR /src\nCOPY . .\n"
LAST = "FROM python\nWORKDIR /app\n"


@pytest.mark.parametrize(
    "dockerfile",
    [
        f"{ALL}RUN pip install --no-cache-dir .\n",
        f"{ALL}RUN python3.13 -m pip install '.[prod,redis]' gunicorn\n",
        f"{ALL}RUN --mount=type=cache,target=/root/.cache uv pip install --system -r requirements.txt .\n",
        f"{ALL}RUN pip install /app/ && rm -rf /root/.cache\n",
        f"{ALL}RUN set -eux; /opt/venv/bin/pip3 install --prefix /opt/shop ./\n",
        f"{ALL}ENV HOME_DIR=/app\nRUN pip install $HOME_DIR\n",
        f"{ALL}RUN <<EOF\nset -e\n# The app\npip install .\nEOF\n",
        f"{ALL}RUN python setup.py install\n",
        f"{ALL}RUN uv tool install .\n",
        f"{LAST}COPY pyproject.toml .\nCOPY shop shop/\nRUN pip install .\n",
        f"{LAST}RUN --mount=type=bind,target=/src,rw cd /src && pip install .\n".replace("/app", "/src"),
        f"{BUILT}RUN pip install --prefix=/install .\n{LAST}COPY --from=built /install /usr/local\n",
        f"{BUILT}RUN pip wheel --wheel-dir /wheels .\n{LAST}COPY --from=built /wheels /wheels\nRUN pip install /wheels/*\n",
        f"{BUILT}RUN poetry build\n{LAST}COPY --from=built /src/dist/*.whl /tmp\nRUN pip install /tmp/*.whl\n",
        f"{BUILT}RUN uv build\n{LAST}RUN --mount=from=built,source=/src/dist,target=/dist pip install /dist/*.whl\n",
        f"{BUILT}RUN python -m build -w\n{LAST}COPY --from=0 /src/dist /d\nRUN pip install --find-links /d shop\n",
        f"{BUILT}ENV UV_PROJECT_ENVIRONMENT=/venv\nRUN uv sync --locked --no-editable\n{LAST}COPY --from=built /venv /venv\n",
        f"{BUILT}RUN pip install .\nFROM built AS checked\n{LAST}COPY --from=checked /usr/local /usr/local\n",
    ],
)
def test_nothing_is_mounted_where_the_image_installs_the_project(dockerfile: str, tmp_path: Path) -> None:
    assert not write(tmp_path, {"Dockerfile": dockerfile, "src/shop/__init__.py": ""}).mount_code()


@pytest.mark.parametrize(
    "dockerfile",
    [
        f"{ALL}RUN pip install -e . && pip install --editable '.[dev]'\n",
        f"{ALL}RUN pip install -r requirements.txt\n",
        f"{ALL}RUN pip install gunicorn ./libs/common\n",
        f"{ALL}RUN echo 'pip install .'\n",
        # The dependencies alone, by a package without code.
        f"{LAST}COPY pyproject.toml README.md ./\nRUN pip install .\nCOPY shop shop/\n",
        f"{LAST}RUN --mount=type=bind,source=pyproject.toml,target=pyproject.toml pip install .\nCOPY . .\n",
        f"{BUILT}RUN pip wheel -r requirements.txt -w /w\n{LAST}COPY --from=built /w /w\nRUN pip install /w/*\nCOPY . .\n",
        f"{BUILT}RUN pip install .\n{LAST}COPY . .\n",
        f"{ALL}ENV UV_PROJECT_ENVIRONMENT=/venv\nRUN uv sync --no-editable --no-install-project\n",
        f"{ALL}RUN poetry config virtualenvs.create false && poetry install\n",
        f"{ALL}COPY <<EOF /hint\nRUN pip install .\nEOF\n",
        f"{ALL}RUN pip install 'unclosed\n",
    ],
)
def test_the_folder_is_mounted_where_the_image_runs_the_code_in_it(dockerfile: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile, "src/shop/__init__.py": ""}).mount_code()
