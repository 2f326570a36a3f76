"""The `eventsourcing` library on PostgreSQL: a recorder that reads through the ledger's own connections.

Entries are appended by `ledger.append` alone, which gives positions under the lock of the head; the library would lock
the whole table and take positions from a sequence.
"""

from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.rows import tuple_row

from ledger.adapters.postgres.connections import Readers

_MOST = 2**62
_ROWS = "SELECT notification_id, originator_id, originator_version, topic, state FROM ledger.stored_events "


class LedgerDatastore(PostgresDatastore):
    """The library's datastore, which opens nothing of its own."""

    def __init__(self) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", schema="ledger")

    def register_type_adapters(self) -> None:
        """None: no row is written through the library."""


class LedgerRecorder(PostgresApplicationRecorder):
    """The library's recorder over the tables of a ledger."""

    def __init__(self, readers: Readers) -> None:
        super().__init__(LedgerDatastore())
        self._readers = readers

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: object) -> NoReturn:
        """Refused.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("entries are appended by the function ledger.append alone")

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
            f"{_ROWS} WHERE originator_id = %b::uuid AND originator_version > %b AND originator_version <= %b "
            f"ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT %b"
        )
        stream = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
        bounds = (-1 if gt is None else gt, _MOST if lte is None else lte, limit)
        return self._read(statement, (stream, *bounds))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """As the library's, over dense positions."""
        first = 1 if start is None else start if inclusive_of_start else start + 1
        statement = (
            f"{_ROWS} WHERE notification_id >= %b AND notification_id <= %b "
            "AND (cardinality(%b::text[]) = 0 OR topic = ANY(%b::text[])) ORDER BY notification_id LIMIT %b"
        )
        wanted = list(topics)
        return self._read(statement, (first, _MOST if stop is None else stop, wanted, wanted, limit))

    def max_notification_id(self) -> int | None:
        """The last position; None where there is none."""
        with self._readers.borrow() as connection:
            row = connection.execute("SELECT NULLIF(size, 0) FROM ledger.log_head").fetchone()
        return None if row is None else row[0]

    def _read(self, statement: str, parameters: Sequence[object]) -> list[Notification]:
        with self._readers.borrow() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(statement.encode(), parameters, prepare=True)
            return [
                Notification(id=row[0], originator_id=row[1], originator_version=row[2], topic=row[3], state=row[4])
                for row in rows
            ]
