"""The credential status view in SQLite: `views.db`, its tables, and the one transaction that writes rows and tracking.

Everything here can be folded again from the events, so a commit need not survive a power loss: rows and tracking are
lost together, and the next run goes on from what is there.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from uuid import UUID

from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore, SQLiteTrackingRecorder

from ledger.domain.types import Did, Position, StreamId
from projections.cells import COLUMNS, Cell, DamagedCells, issuer_cells, kept_of, parked_cells, to_cells
from projections.credential_status import NAME, Kept
from projections.runner import Changes, Fenced, ViewStoreError

SCHEMA_VERSION = 1
BUSY_MILLISECONDS = 5_000
_TABLES = (
    """CREATE TABLE credentials(
        issued_position INTEGER PRIMARY KEY, credential_id TEXT NOT NULL UNIQUE, issuer TEXT NOT NULL,
        achievement TEXT NOT NULL, achievement_version INTEGER NOT NULL, achievement_slug TEXT, achievement_name TEXT,
        learner TEXT NOT NULL, learner_name TEXT NOT NULL, student_number TEXT NOT NULL, email TEXT,
        status TEXT NOT NULL, version INTEGER NOT NULL,
        awarded_on TEXT NOT NULL, valid_from TEXT NOT NULL, valid_until TEXT,
        revision INTEGER NOT NULL, issued_at TEXT NOT NULL, position INTEGER NOT NULL,
        search TEXT NOT NULL, acts TEXT NOT NULL)""",
    "CREATE INDEX credentials_by_issuer ON credentials(issuer, issued_position)",
    "CREATE INDEX credentials_by_last_act ON credentials(issuer, position)",
    """CREATE TABLE issuer_entries(
        position INTEGER PRIMARY KEY, issuer TEXT NOT NULL, stream TEXT NOT NULL, entry BLOB NOT NULL)""",
    "CREATE INDEX issuer_entries_by_issuer ON issuer_entries(issuer)",
    "CREATE INDEX issuer_entries_by_stream ON issuer_entries(stream)",
    "CREATE TABLE parked(position INTEGER PRIMARY KEY, stream TEXT, reason TEXT NOT NULL)",
)
_PUT_AWARD = (
    f"INSERT INTO credentials({','.join(COLUMNS)}) VALUES ({','.join('?' * len(COLUMNS))}) "  # noqa: S608 - our own names
    f"ON CONFLICT(issued_position) DO UPDATE SET {','.join(f'{each}=excluded.{each}' for each in COLUMNS[1:])}"
)
# What an event's own values can bring about; everything else speaks of the file.
_OF_VALUES = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class ViewStoreFailed(ViewStoreError):
    """The file cannot be read or written, or holds what no fold puts there."""


class SqliteViewStore:
    """The tables in one file, for one thread at a time. Readers use connections of their own."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. A file of another version, or that is no database, is made anew.

        Raises:
            ViewStoreFailed.
        """
        self.path = path
        self._recorder = SQLiteTrackingRecorder(SQLiteDatastore(db_name=path.absolute().as_uri()))
        with _reported():
            try:
                self._connection = self._open()
            except _Unusable:
                discard(path)
                self._connection = self._open()

    def close(self) -> None:
        """Close the file; everything lies in it alone then, unless somebody else reads it."""
        with _reported():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._connection.close()

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        with _reported():
            return self._tracked(SQLiteCursor(self._connection.cursor()))

    def award(self, stream: StreamId) -> Kept | None:
        """An award."""
        found = list(self._awards("credential_id = ?", str(stream)))
        return found[0] if found else None

    def awards_since(self, issuer: Did, position: Position) -> Iterator[Kept]:
        """The awards of an issuer whose last act stands at `position` or later."""
        return self._awards("issuer = ? AND position >= ?", issuer, position)

    def issuer_entries(self, did: Did) -> Sequence[tuple[Position, bytes]]:
        """The entries of an issuer's stream, by position."""
        statement = "SELECT position, entry FROM issuer_entries WHERE issuer = ? ORDER BY position"
        with _reported():
            return [(Position(row[0]), bytes(row[1])) for row in self._connection.execute(statement, (did,))]

    def issuer_of(self, stream: StreamId) -> Did | None:
        """Whose stream it is, if it is an issuer's."""
        statement = "SELECT issuer FROM issuer_entries WHERE stream = ? LIMIT 1"
        with _reported():
            row = self._connection.execute(statement, (str(stream),)).fetchone()
        return None if row is None else Did(row[0])

    def parked_streams(self) -> Mapping[StreamId, Position]:
        """The streams of which an event is parked, and the position of the first."""
        statement = "SELECT stream, MIN(position) FROM parked WHERE stream IS NOT NULL GROUP BY stream"
        with _reported():
            return {StreamId(UUID(row[0])): Position(row[1]) for row in self._connection.execute(statement)}

    def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
        """Write everything, and move the view from `expected` to `reached`, in one transaction or not at all.

        Raises:
            Fenced: the view is not at `expected`.
        """
        with _reported(), self._transaction() as cursor:
            found = self._tracked(cursor)
            if found != expected:
                raise Fenced(f"the view was expected at position {expected}, and another worker moved it to {found}")
            cursor.executemany(_PUT_AWARD, [to_cells(kept) for kept in changes.awards.values()])
            entries = [issuer_cells(each) for each in changes.issuer_entries]
            cursor.executemany("INSERT INTO issuer_entries VALUES (?,?,?,?)", entries)
            parked = [parked_cells(each) for each in changes.parked]
            cursor.executemany("INSERT INTO parked VALUES (?,?,?)", parked)
            self._recorder._insert_tracking(cursor, Tracking(NAME, reached))

    def _awards(self, condition: str, *parameters: str | int) -> Iterator[Kept]:
        with _reported():
            statement = f"SELECT * FROM credentials WHERE {condition} ORDER BY issued_position"  # noqa: S608 - our own
            for row in self._connection.execute(statement, parameters):
                yield kept_of(cells_of(row))

    def _tracked(self, cursor: SQLiteCursor) -> Position:
        return Position(self._recorder._max_tracking_id(NAME, cursor) or 0)

    @contextmanager
    def _transaction(self) -> Iterator[SQLiteCursor]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield SQLiteCursor(connection.cursor())
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            discard(self.path)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # names of learners: for the service's user alone
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                raise _Unusable from error
            raise
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            for statement in _TABLES:
                connection.execute(statement)
            self._recorder._create_table(SQLiteCursor(connection.cursor()))
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise _Unusable
        connection.execute("COMMIT")


class _Unusable(Exception):
    """The file is of another version or no database: it is made anew."""


def cells_of(row: sqlite3.Row) -> dict[str, Cell]:
    """A row's cells by the names of their columns."""
    return {column: cast("Cell", row[column]) for column in COLUMNS}


def discard(path: Path) -> None:
    """Remove a view's file and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def put_in_place(beside: Path, path: Path) -> None:
    """Let a finished, closed file take the place of another, which nobody of this process has open any more."""
    # The old file goes first: a log left beside would be read into the new one, and no file at all is made anew.
    discard(path)
    beside.replace(path)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except _OF_VALUES:
        raise
    except (sqlite3.Error, OSError, DamagedCells) as error:
        raise ViewStoreFailed(f"the view's file cannot be used: {error}") from error
