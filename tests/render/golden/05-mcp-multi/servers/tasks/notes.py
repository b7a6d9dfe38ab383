"""Where the starter MCP server keeps what it is told: in Postgres. Yours to change."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel
from services import TIMEOUT, password

COLUMNS = "number bigserial PRIMARY KEY, text text NOT NULL"


class Note(BaseModel):
    """A note as clients get it: its fields are the schema that a tool declares."""

    number: int
    text: str


class Notes:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self.pool = pool

    async def ask(self, statement: str, *values: str | int) -> list[Note]:
        async with self.pool.connection() as connection:
            # One at a time: Postgres refuses two that make the same table at once.
            await connection.execute("SELECT pg_advisory_xact_lock(1)")
            await connection.execute(f"CREATE TABLE IF NOT EXISTS note ({COLUMNS})")
            rows = connection.cursor(row_factory=class_row(Note))
            await rows.execute(statement, values)
            return await rows.fetchall()

    async def add(self, text: str) -> None:
        await self.ask("INSERT INTO note (text) VALUES (%s) RETURNING *", text)

    async def newest(self) -> list[Note]:
        return await self.ask("SELECT * FROM note ORDER BY number DESC LIMIT 10")

    async def find(self, number: int) -> Note | None:
        found = await self.ask("SELECT * FROM note WHERE number = %s", number)
        return found[0] if found else None


@asynccontextmanager
async def open_notes() -> AsyncIterator[Notes]:
    """Open a pool, which connects when a call needs it and looks if that still works."""
    secret = password("DB_PASSWORD_FILE")
    async with AsyncConnectionPool(
        os.environ["DATABASE_URL"],
        kwargs={"connect_timeout": TIMEOUT, "password": secret},
        min_size=0,
        max_size=4,
        timeout=TIMEOUT,
        check=AsyncConnectionPool.check_connection,
    ) as pool:
        yield Notes(pool)
