"""The `eventsourcing` library on SQLite: connections, and a recorder with the position as explicit primary key.

Positions are dense and given inside the append transaction by `ledger.adapters.sqlite.append`.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from ledger.adapters.sqlite.readers import Readers, address
from ledger.adapters.sqlite.schema import prepare


class LedgerConnectionPool(SQLiteConnectionPool):
    """Connections that refuse to lose an acknowledged commit."""

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        prepare(cursor.sqlite_cursor.connection)
        return connection


class LedgerDatastore(SQLiteDatastore):
    """The library's datastore over such connections. The ledger's writer and readers have connections of their own."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        name = address(path, read_only=True) if read_only else str(path)
        super().__init__(db_name=name)
        self.pool.close()
        self.pool = LedgerConnectionPool(db_name=name, pool_size=8)

    def connect(self) -> sqlite3.Connection:
        """A connection outside the pool."""
        cursor = self.pool._create_connection().cursor()
        return cursor.sqlite_cursor.connection


class LedgerRecorder(SQLiteApplicationRecorder):
    """The library's recorder with the position as explicit primary key."""

    def __init__(self, datastore: LedgerDatastore, readers: Readers) -> None:
        super().__init__(datastore)
        self._readers = readers
        self.insert_events_statement = "INSERT INTO stored_events VALUES (?,?,?,?,?)"
        self.select_max_notification_id_statement = "SELECT size FROM log_head"

    def construct_create_table_statements(self) -> list[str]:
        """None: `sqlite_schema.create` makes the tables."""
        return []

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: object
    ) -> Sequence[int] | None:
        """Insert at consecutive positions from `first`, inside the caller's transaction."""
        first = cast("int", kwargs["first"])
        c.executemany(
            self.insert_events_statement,
            [
                (first + index, cast("UUID", each.originator_id).hex, each.originator_version, each.topic, each.state)
                for index, each in enumerate(stored_events)
            ],
        )
        return range(first, first + len(stored_events))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """As the library's, with each event's position."""
        statement = (
            "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events "
            "WHERE originator_id = ? AND originator_version > ? AND originator_version <= ? "
            "ORDER BY originator_version "
        )
        order = "DESC LIMIT ?" if desc else "ASC LIMIT ?"
        key = originator_id.hex if isinstance(originator_id, UUID) else originator_id
        bounds = (-1 if gt is None else gt, 2**62 if lte is None else lte, -1 if limit is None else limit)
        with self._readers.reading() as connection:
            return [_notification(row) for row in connection.execute(statement + order, (key, *bounds))]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """As the library's, over the explicit position."""
        first = 1 if start is None else start if inclusive_of_start else start + 1
        statement = (
            "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events "
            "WHERE notification_id >= ? AND notification_id <= ? "
        )
        if topics:
            statement += f"AND topic IN ({','.join('?' * len(topics))}) "
        parameters = (first, 2**62 if stop is None else stop, *topics, limit)
        with self._readers.reading() as connection:
            rows = connection.execute(statement + "ORDER BY notification_id LIMIT ?", parameters)
            return [_notification(row) for row in rows]


def as_bytes(column: object) -> bytes:
    """The bytes of a column; none where somebody put a text or a number there, which is no entry, box or wording."""
    return column if isinstance(column, bytes) else b""


def _notification(row: tuple[int, str, int, str, object]) -> Notification:
    return Notification(
        id=row[0], originator_id=UUID(row[1]), originator_version=row[2], topic=row[3], state=as_bytes(row[4])
    )
