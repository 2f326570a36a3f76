"""The `eventsourcing` library set up for sealed entries: mapper, SQLite recorder, connections, folded streams.

An entry is stored verbatim as `state`, its wire type as `topic`; topics are looked up in our own table and never
resolved to a Python object. Positions are dense and given inside the append transaction by `SqliteLedger`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.persistence import (
    EventStore,
    JSONTranscoder,
    Mapper,
    Notification,
    StoredEvent,
)
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from ledger.adapters.sqlite_readers import Readers
from ledger.adapters.sqlite_schema import prepare
from ledger.domain.events import Recorded
from ledger.domain.types import Position, StreamId
from ledger.record.entry import parse_entry

_CACHED_STREAMS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryEvent:
    """An entry in the form the library passes around."""

    recorded: Recorded
    raw: bytes
    topic: str

    @property
    def originator_id(self) -> UUID:
        """The stream."""
        return self.recorded.stream

    @property
    def originator_version(self) -> int:
        """The seq."""
        return self.recorded.seq


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedStream:
    """A stream's events and its last entry, as they stood at one moment."""

    recorded: tuple[Recorded, ...]
    last: bytes


class _Growing:
    """A stream in the repository's cache. It grows in place, while other threads read it: whole states are swapped."""

    def __init__(self, stream: StreamId) -> None:
        self.id = stream
        self.state = FoldedStream(recorded=(), last=b"")

    @property
    def version(self) -> int:
        """The seq of the last event."""
        return self.state.recorded[-1].seq


class EntryMapper(Mapper[UUID]):
    """Maps entries to stored events and back, verbatim."""

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())  # required by the base class, used by nothing here

    def to_stored_event(self, domain_event: object) -> StoredEvent:
        """The row of an entry."""
        event = cast("EntryEvent", domain_event)
        return StoredEvent(
            originator_id=event.originator_id,
            originator_version=event.originator_version,
            topic=event.topic,
            state=event.raw,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> EntryEvent:
        """The entry of a row.

        Raises:
            MalformedEntry: the bytes are not an entry.
        """
        entry = parse_entry(stored_event.state)
        position = Position(cast("Notification", stored_event).id)
        return EntryEvent(recorded=entry.recorded(position), raw=entry.raw, topic=entry.type)


class LedgerConnectionPool(SQLiteConnectionPool):
    """Connections that refuse to lose an acknowledged commit."""

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        prepare(cursor.sqlite_cursor.connection)
        return connection


class LedgerDatastore(SQLiteDatastore):
    """The library's datastore over such connections. The ledger's writer and readers have connections of their own."""

    def __init__(self, path: Path) -> None:
        super().__init__(db_name=str(path))
        self.pool.close()
        self.pool = LedgerConnectionPool(db_name=str(path), pool_size=8)

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


class Streams:
    """Folded streams out of the library's repository, which keeps them and reads only what is new."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._repository: Repository[UUID] = Repository(
            EventStore(EntryMapper(), recorder), cache_maxsize=_CACHED_STREAMS, deepcopy_from_cache=False
        )

    def load(self, stream: StreamId, end: int | None = None) -> FoldedStream | None:
        """The stream as it stands; None where there is none.

        Args:
            end: its last seq, if the caller has just read it: what is kept up to there is not read again.
        """
        kept = self._kept(stream) if end is not None else None
        if kept is not None and kept.recorded[-1].seq == end:
            return kept
        try:
            growing = self._repository.get(stream, projector_func=_fold)
        except AggregateNotFoundError:
            return None
        return growing.state

    def _kept(self, stream: StreamId) -> FoldedStream | None:
        cache = self._repository.cache
        try:
            return None if cache is None else cast("_Growing", cache.get(stream)).state
        except KeyError:
            return None


def _fold(growing: _Growing | None, events: Iterable[EntryEvent]) -> _Growing | None:
    new = list(events)
    if new:
        growing = growing or _Growing(new[0].recorded.stream)
        recorded = (*growing.state.recorded, *(event.recorded for event in new))
        growing.state = FoldedStream(recorded=recorded, last=new[-1].raw)
    return growing
