import os

from fastapi import FastAPI

import inventory

api = FastAPI(title="Inventory")


@api.get("/")
def index():
    return {"version": inventory.__version__, "database": os.environ.get("DATABASE_URL"), "redis": os.environ.get("REDIS_URL")}


@api.get("/whoami")
def whoami():
    path = "written-by-the-app.txt"
    with open(path, "w") as file:
        file.write("hello")
    return {"uid": os.getuid(), "gid": os.getgid()}
