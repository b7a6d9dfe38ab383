"""The starter app: `/health` says that it is alive, `/ready` that all it needs answers, `/` what it reached. Yours to change."""

import os

import uvicorn
from fastapi import FastAPI, Response

from .services import reached

app = FastAPI(title="my-project")


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/ready")
def ready(response: Response) -> dict[str, bool]:
    """Tell whether requests can be answered: a deployment waits for it. `/health` stays true without the services."""
    complete = reached()[1]
    response.status_code = 200 if complete else 503
    return {"ready": complete}


@app.get("/")
def index(response: Response) -> dict[str, str]:
    services, complete = reached()
    response.status_code = 200 if complete else 503
    return {"app": app.title} | services


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("APP_PORT", "8000")))
