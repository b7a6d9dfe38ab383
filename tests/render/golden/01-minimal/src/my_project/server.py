"""The starter app: `/health` says that it is alive, `/` what it reached. Yours to change."""

import os

import uvicorn
from fastapi import FastAPI

app = FastAPI(title="my-project")


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/")
def index() -> dict[str, str]:
    return {"app": app.title}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("APP_PORT", "8000")))
