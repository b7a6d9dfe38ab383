"""Migrate the database: each change once, in its order. Yours to change.

A deployment runs it while the version before still answers: a change must leave that one working, so add first and remove later.
"""

from .services import connect

CHANGES = [
    "CREATE TABLE example (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())",
]
"""SQL, one statement or several in each text. What was deployed once is never changed: add another one at the end."""


def main() -> None:
    with connect() as connection:
        # One at a time, and all or nothing.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('migrate'))")
        columns = "number int PRIMARY KEY, made_at timestamptz DEFAULT now()"
        connection.execute(f"CREATE TABLE IF NOT EXISTS migrations ({columns})")
        (done,) = connection.execute("SELECT count(*) FROM migrations").fetchone()
        for number, change in enumerate(CHANGES[done:], done + 1):
            connection.execute(change)
            connection.execute("INSERT INTO migrations (number) VALUES (%s)", [number])
    print(f"{len(CHANGES) - done} of {len(CHANGES)} changes made")


if __name__ == "__main__":
    main()
