"""Reads `views.db`, also where nothing can be written beside it."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.adapters.scratch import scratch_folder
from ledger.adapters.sqlite.readers import connect_to_read
from projections.family import Row, Table
from projections.stores.engine import ViewStoreFailed
from projections.stores.reading import Found, Parameters, ViewReader
from projections.stores.sqlite import BUSY_MILLISECONDS, SCHEMA_VERSION


class _Names(dict[str, str]):
    """Tables are called as the views call them; one holds the positions of all."""

    def __missing__(self, name: str) -> str:
        return "tracking" if name.endswith("_tracking") else name


class SqliteRows:
    """What one connection to the file shows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Parameters) -> Sequence[Found]:
        """What a statement finds."""
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        return [dict(row) for row in cursor.execute(statement.format_map(_Names()), parameters)]

    def cells(self, table: Table) -> Iterator[Row]:
        """Every row of a table exactly as it stands, by its key."""
        names = ", ".join(each.name for each in table.columns)
        yield from self._connection.execute(f"SELECT {names} FROM {table.name} ORDER BY {table.key}")  # noqa: S608 - our own words


@contextmanager
def reading(path: Path) -> Iterator[ViewReader]:
    """A reader of the file, its write-ahead log included; nothing is changed and nothing is made.

    Raises:
        ViewStoreFailed: there is no such file, it is of another version, or it cannot be read.
    """
    try:
        with ExitStack() as stack:
            try:
                connection = connect_to_read(path, busy_milliseconds=BUSY_MILLISECONDS)
            except sqlite3.OperationalError:
                # SQLite wants to make the index of the write-ahead log beside it, and this folder does not let it.
                folder = stack.enter_context(scratch_folder("testamur-views-"))
                connection = connect_to_read(_copied(path, folder), busy_milliseconds=BUSY_MILLISECONDS)
            stack.callback(connection.close)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA_VERSION:
                raise ViewStoreFailed(f"{path.name} is of version {version}, this program reads {SCHEMA_VERSION}")
            yield ViewReader(SqliteRows(connection))
    except (sqlite3.Error, OSError, ValueError) as error:
        raise ViewStoreFailed(f"{path.name} cannot be read: {error}") from error


def _copied(path: Path, folder: Path) -> Path:
    """A copy of the file and its write-ahead log; nobody writes them where the folder lets nobody write."""
    for name in (path.name, f"{path.name}-wal"):
        if name == path.name or path.with_name(name).is_file():
            shutil.copyfile(path.with_name(name), folder / name)
    return folder / path.name
