"""The starter app: `/health` says that it is alive, `/` what it reached. Yours to change."""

import os

from flask import Flask

NAME = "my-project"
app = Flask(__name__)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/")
def index() -> dict[str, str]:
    return {"app": NAME}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("APP_PORT", "8000")))
