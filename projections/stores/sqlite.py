"""The views in SQLite: `views.db`, and the one transaction that writes the rows of a view with its tracking.

Everything here can be folded again from the events, so a commit need not survive a power loss: rows and tracking are
lost together, and the next run goes on from what is there. A view is rebuilt in tables beside its own, which take their
place in one transaction; other views stay as they are.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from eventsourcing.persistence import PersistenceError, Tracking
from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore, SQLiteTrackingRecorder

from ledger.domain.types import Position
from projections.changes import Changes, Fenced
from projections.family import Cell, Row, Table, ValuesRefused, View
from projections.stores.engine import ViewStoreFailed
from projections.stores.spelling import create_sql, index_sql, insert_sql, update_sql
from projections.stores.tables import all_tables, parked_row, parked_table

SCHEMA_VERSION = 3
BUSY_MILLISECONDS = 30_000  # a rebuilt view takes its place in one transaction, which others wait for
_BESIDE = "__beside"  # behind the names of tables, and of the tracking, that are being filled
_CACHE_KIB = 16_384
# What an event's own values can bring about; everything else speaks of the file.
_OF_VALUES = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,  # a number beyond 64 bits
    UnicodeError,
)


def connect(path: Path, views: Sequence[View]) -> sqlite3.Connection:
    """A writing connection to the file, which is made if there is none; anew if it is of another version or none.

    Raises:
        ViewStoreFailed.
    """
    with _reported():
        try:
            return _open(path, views)
        except _Unusable:
            discard(path)
            return _open(path, views)


def in_memory(view: View) -> "SqliteViewStore":
    """Tables that nobody else sees, to hold beside others; what does not fit into memory lies in an unnamed file."""
    with _reported():
        connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        _settle(connection)
        _recorder("")._create_table(SQLiteCursor(connection.cursor()))
        for table in all_tables(view):
            connection.execute(create_sql(table, ""))
            for column in table.asked_by:
                connection.execute(index_sql(table, (column,), "", "a"))
    return SqliteViewStore(connection, view)


class SqliteViewStore:
    """The tables of one view over one connection, for one thread at a time. Readers use connections of their own."""

    batch = 1_000
    far = False

    def __init__(self, connection: sqlite3.Connection, view: View, *, beside: bool = False) -> None:
        """
        Args:
            beside: work on empty tables beside the view's own, which `put_in_place` puts in their place.

        Raises:
            ViewStoreFailed.
        """
        self.view = view
        self.connection = connection
        self._suffix = _BESIDE if beside else ""
        self._tracked_as = view.name + self._suffix
        self._recorder = _recorder("")
        self._insert = {each.name: insert_sql(each, self._suffix) for each in all_tables(view)}
        self._update = {each.name: update_sql(each, self._suffix) for each in view.tables}
        self._find = {
            each.name: f"SELECT * FROM {each.name}{self._suffix} WHERE {each.found_by or each.key} = ?"  # noqa: S608
            for each in view.tables
        }
        parked = parked_table(view).name + self._suffix
        self._any_parked = f"SELECT 1 FROM {parked} WHERE stream IS NOT NULL LIMIT 1"  # noqa: S608 - our own names
        self._first_parked = f"SELECT MIN(position) FROM {parked} WHERE stream = ?"  # noqa: S608 - as above
        if beside:
            with _reported(), self._transaction() as cursor:
                _drop_beside(connection, view)
                for table in all_tables(view):
                    cursor.execute(create_sql(table, self._suffix))
                    self._index(table, ((each,) for each in table.asked_by))

    def close(self) -> None:
        """Close the connection; everything lies in the file alone then, unless somebody else reads it."""
        with _reported():
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.connection.close()

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        with _reported():
            return self._tracked(SQLiteCursor(self.connection.cursor()))

    def find(self, table: Table, value: Cell) -> Row | None:
        """The row that has this value in the column `found_by`."""
        with _reported():
            return cast("Row | None", self.connection.execute(self._find[table.name], (value,)).fetchone())

    def where(self, table: Table, column: str, value: Cell) -> Iterator[Row]:
        """Every row that has this value in a column, by key."""
        statement = f"SELECT * FROM {table.name}{self._suffix} WHERE {column} = ? ORDER BY {table.key}"  # noqa: S608
        with _reported():
            yield from self.connection.execute(statement, (value,))

    def find_all(self, table: Table, values: Collection[Cell]) -> Mapping[Cell, Row]:
        """The rows that have one of these values in the column `found_by`, by it."""
        found = {value: self.find(table, value) for value in values}
        return {value: row for value, row in found.items() if row is not None}

    def parked_among(self, streams: Collection[str]) -> Mapping[str, int]:
        """The positions of the first events that are parked of these streams."""
        found = {stream: self.first_parked(stream) for stream in streams}
        return {stream: position for stream, position in found.items() if position is not None}

    def any_parked(self) -> bool:
        """Whether there is a stream of which an event is parked."""
        with _reported():
            return self.connection.execute(self._any_parked).fetchone() is not None

    def first_parked(self, stream: str) -> int | None:
        """The position of the first event of a stream that is parked."""
        with _reported():
            found: int | None = self.connection.execute(self._first_parked, (stream,)).fetchone()[0]
        return found

    def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
        """Write everything, and move the view from `expected` to `reached`, in one transaction or not at all.

        Raises:
            Fenced: the view is not at `expected`.
        """
        with _reported(), self._transaction() as cursor:
            found = self._tracked(cursor)
            if found != expected:
                raise Fenced(f"the view was expected at position {expected}, and another worker moved it to {found}")
            for table, added in changes.added.items():
                if added:
                    cursor.executemany(self._insert[table], list(added.values()))
            for table, changed in changes.changed.items():
                if changed:
                    cursor.executemany(self._update[table], [(*row[1:], row[0]) for row in changed.values()])
            parked = [parked_row(each) for each in changes.parked]
            cursor.executemany(self._insert[parked_table(self.view).name], parked)
            self._recorder._insert_tracking(cursor, Tracking(self._tracked_as, reached))

    def index(self) -> None:
        """Make the indexes for readers on the tables beside: after their rows, which costs a fraction."""
        for table in self.view.tables:
            with _reported():
                self._index(table, table.indexes)

    def _index(self, table: Table, wanted: Iterable[tuple[str, ...]]) -> None:
        # The names of indexes are the file's, and stay when tables are renamed: those in use end in the other letter.
        asked = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND name LIKE '%~_a' ESCAPE '~'"
        letter = "a" if self.connection.execute(asked, (table.name,)).fetchone() is None else "b"
        for fields in wanted:
            self.connection.execute(index_sql(table, fields, self._suffix, letter))

    def put_in_place(self) -> None:
        """Let the tables beside take the place of the view's own, in one transaction, with their tracking."""
        with _reported(), self._transaction() as cursor:
            for table in all_tables(self.view):
                cursor.execute(f"DROP TABLE {table.name}")
                cursor.execute(f"ALTER TABLE {table.name}{_BESIDE} RENAME TO {table.name}")
            statement = "DELETE FROM tracking WHERE application_name = ?"
            reached = self._tracked(cursor)
            for name in (self.view.name, self._tracked_as):
                cursor.execute(statement, (name,))
            self._recorder._insert_tracking(cursor, Tracking(self.view.name, reached))

    def _tracked(self, cursor: SQLiteCursor) -> Position:
        return Position(self._recorder._max_tracking_id(self._tracked_as, cursor) or 0)

    @contextmanager
    def _transaction(self) -> Iterator[SQLiteCursor]:
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield SQLiteCursor(connection.cursor())
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def discard(path: Path) -> None:
    """Remove the file of the views and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def forget_beside(connection: sqlite3.Connection, views: Sequence[View]) -> None:
    """Drop what a rebuild that was interrupted left."""
    with _reported():
        connection.execute("BEGIN IMMEDIATE")
        for view in views:
            _drop_beside(connection, view)
        connection.execute("COMMIT")


def _drop_beside(connection: sqlite3.Connection, view: View) -> None:
    for table in all_tables(view):
        connection.execute(f"DROP TABLE IF EXISTS {table.name}{_BESIDE}")
    connection.execute("DELETE FROM tracking WHERE application_name = ?", (view.name + _BESIDE,))


def _recorder(name: str) -> SQLiteTrackingRecorder:
    return SQLiteTrackingRecorder(SQLiteDatastore(db_name=name or ":memory:"))


def _open(path: Path, views: Sequence[View]) -> sqlite3.Connection:
    if not path.exists():
        discard(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # names of learners: for the service's user alone
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, views)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            raise _Unusable from error
        raise
    return connection


def _settle(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _prepare(connection: sqlite3.Connection, views: Sequence[View]) -> None:
    _settle(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
        for view in views:
            for table in all_tables(view):
                connection.execute(create_sql(table, ""))
                for fields in (*((each,) for each in table.asked_by), *table.indexes):
                    connection.execute(index_sql(table, fields, "", "a"))
        _recorder("")._create_table(SQLiteCursor(connection.cursor()))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    elif version != SCHEMA_VERSION:
        raise _Unusable
    connection.execute("COMMIT")


class _Unusable(Exception):
    """The file is of another version or no database: it is made anew."""


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except _OF_VALUES as error:
        raise ValuesRefused("the tables cannot hold what it says") from error
    except PersistenceError as error:  # the library's
        raise ViewStoreFailed(f"the views' position cannot be recorded: {error}") from error
    except (sqlite3.Error, OSError) as error:
        raise ViewStoreFailed(f"the views' file cannot be used: {error}") from error
