"""Put first on PYTHONPATH, this lets SQLite acknowledge commits that are not durable, whatever the program asks for."""

import sqlite3
from functools import partial


class _Careless(sqlite3.Connection):
    def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:
        if sql.startswith("BEGIN IMMEDIATE"):
            super().execute("PRAGMA synchronous = OFF")
        return super().execute(sql, parameters)  # type: ignore[arg-type]


vars(sqlite3)["connect"] = partial(sqlite3.connect, factory=_Careless)
