"""Reads of the ledger's database that all see the same state."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from ledger.adapters.sqlite.known import read_replays
from ledger.adapters.sqlite.recorder import as_bytes
from ledger.adapters.sqlite.schema import LOG_ENTRIES
from ledger.application.ports import (
    Idempotency,
    Replay,
    SignedCheckpoint,
    StatusCredential,
    StatusListState,
    StoredPart,
)
from ledger.domain.types import Digest, ListId, Position, Seq, Slot, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, Part, format_time, parse_time
from ledger.verification.evidence import Head, Placed


class SqliteSnapshot:
    """Reads inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known_head: Head | None = None

    def head(self) -> Head:
        """The end of the log."""
        if self._known_head is None:
            size, at = self._connection.execute("SELECT size, at FROM log_head").fetchone()
            self._known_head = Head(size=size, at=parse_time(at))
        return self._known_head

    def entries(self, after: int, limit: int) -> list[Placed]:
        """At most `limit` entries beyond the position `after`, in order."""
        rows = self._connection.execute(
            "SELECT notification_id, state FROM stored_events WHERE notification_id > ? "
            "ORDER BY notification_id LIMIT ?",
            (after, limit),
        )
        return [Placed(position=Position(row[0]), raw=as_bytes(row[1])) for row in rows]

    def states(self, after: int, limit: int = -1) -> Iterator[tuple[Position, bytes]]:
        """Position and bytes of the entries beyond `after`, in order, read from the database as they are taken."""
        cursor = self._connection.cursor()
        cursor.row_factory = None  # plain tuples, which is half of what a row costs
        return cursor.execute(
            "SELECT notification_id, CASE typeof(state) WHEN 'blob' THEN state ELSE x'' END FROM stored_events "
            "WHERE notification_id > ? ORDER BY notification_id LIMIT ?",
            (after, limit),
        )

    def stream(self, stream: StreamId) -> tuple[Placed, ...]:
        """A stream's entries in the order of seq; none where there is no such stream."""
        rows = self._connection.execute(
            "SELECT notification_id, state FROM stored_events WHERE originator_id = ? ORDER BY originator_version",
            (stream.hex,),
        )
        return tuple([Placed(position=Position(row[0]), raw=as_bytes(row[1])) for row in rows])

    def last(self, stream: StreamId) -> Placed | None:
        """The last entry of a stream; None where there is no such stream."""
        row = self._connection.execute(
            "SELECT notification_id, state FROM stored_events WHERE originator_id = ? "
            "ORDER BY originator_version DESC LIMIT 1",
            (stream.hex,),
        ).fetchone()
        return None if row is None else Placed(position=Position(row[0]), raw=as_bytes(row[1]))

    def log_entries(self) -> tuple[Placed, ...]:
        """The entries of the log's own stream but for its statements, in order."""
        rows = self._connection.execute(
            f"SELECT notification_id, state FROM stored_events WHERE {LOG_ENTRIES} ORDER BY notification_id"  # noqa: S608
        )
        return tuple([Placed(position=Position(row[0]), raw=as_bytes(row[1])) for row in rows])

    def published(self) -> bytes | None:
        """The last published note; None where there is none."""
        row = self._connection.execute(
            "SELECT note FROM published_days ORDER BY size DESC, day DESC LIMIT 1"
        ).fetchone()
        return None if row is None else as_bytes(row[0])

    def days(self, after: str = "") -> list[tuple[str, bytes]]:
        """The UTC days later than `after`, in order, each with the last note published on it."""
        rows = self._connection.execute("SELECT day, note FROM published_days WHERE day > ? ORDER BY day", (after,))
        return [(row[0], as_bytes(row[1])) for row in rows]

    def end(self, stream: StreamId) -> Seq | None:
        """The seq of a stream's last entry; None where there is no such stream."""
        row = self._connection.execute(
            "SELECT MAX(originator_version) FROM stored_events WHERE originator_id = ?", (stream.hex,)
        ).fetchone()
        return None if row[0] is None else Seq(row[0])

    def parts(self, positions: Sequence[Position]) -> Mapping[Position, tuple[StoredPart, ...]]:
        """The private parts that stand beside these entries."""
        found: dict[Position, tuple[StoredPart, ...]] = {}
        for position in positions:
            rows = self._connection.execute(
                "SELECT part, key_id, box FROM private_parts WHERE position = ? ORDER BY part", (position,)
            )
            found[position] = tuple(
                StoredPart(part=Part(row[0]), key_id=as_bytes(row[1]), box=as_bytes(row[2]))
                for row in rows
                if row[0] in tuple(Part)
            )
        return found

    def boxes(self, first: int, last: int, wanted: Sequence[Part]) -> list[tuple[Position, Part, bytes, bytes]]:
        """Position, part, key id and box of the wanted parts from one position to another, by position."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        statement = (
            "SELECT position, part, key_id, box FROM private_parts WHERE position BETWEEN ? AND ? "
            "AND part IN ({}) ORDER BY position"
        )
        rows = cursor.execute(statement.format(",".join("?" * len(wanted))), (first, last, *wanted))
        return [(position, Part(part), as_bytes(key_id), as_bytes(box)) for position, part, key_id, box in rows]

    def slots_taken(self, status_list: ListId, slots: Sequence[Slot]) -> frozenset[Slot]:
        """Which of these bits versions of awards hold."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        statement = "SELECT slot FROM status_slots WHERE list = ? AND slot IN ({})"
        rows = cursor.execute(statement.format(",".join("?" * len(slots))), (status_list, *slots))
        return frozenset([Slot(slot) for (slot,) in rows])

    def definition(self, digest: Digest) -> bytes | None:
        """The bytes with this digest."""
        row = self._connection.execute("SELECT content FROM definitions WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else as_bytes(row[0])

    def name(self, scope: str, name: str) -> StreamId | None:
        """What a short name stands for."""
        row = self._connection.execute(
            "SELECT stream FROM names WHERE scope = ? AND name = ?", (scope, name)
        ).fetchone()
        return None if row is None else StreamId(UUID(row[0]))

    def names(self, scope: str) -> list[tuple[str, StreamId]]:
        """Every short name of a scope, in order."""
        rows = self._connection.execute("SELECT name, stream FROM names WHERE scope = ? ORDER BY name", (scope,))
        return [(row[0], StreamId(UUID(row[1]))) for row in rows]

    def short_code(self, mac: bytes) -> StreamId | None:
        """The award with this short code."""
        row = self._connection.execute("SELECT stream FROM short_codes WHERE mac = ?", (mac,)).fetchone()
        return None if row is None else StreamId(UUID(row[0]))

    def stack(self, mac: bytes) -> StreamId | None:
        """The award that was made of these components."""
        row = self._connection.execute("SELECT stream FROM stacks WHERE mac = ?", (mac,)).fetchone()
        return None if row is None else StreamId(UUID(row[0]))

    def replay(self, scope: str, key: bytes) -> Replay | None:
        """What an idempotency key answered before."""
        return self.replays([Idempotency(scope=scope, key=key, request=b"")]).get((scope, key))

    def replays(self, keys: Sequence[Idempotency]) -> Mapping[tuple[str, bytes], Replay]:
        """What these idempotency keys answered before, by scope and key."""
        return read_replays(self._connection, keys)

    def status_list(self, issuer: StreamId) -> ListId | None:
        """A status list of the issuer that is less than half full."""
        row = self._connection.execute(
            "SELECT list FROM status_lists WHERE issuer = ? AND used < ? ORDER BY used DESC LIMIT 1",
            (issuer.hex, STATUS_LIST_SLOTS // 2),
        ).fetchone()
        return None if row is None else ListId(bytes(row[0]))

    def checkpoint(self) -> SignedCheckpoint | None:
        """The last signed checkpoint."""
        row = self._connection.execute(
            "SELECT size, note, compact_range FROM checkpoints ORDER BY size DESC LIMIT 1"
        ).fetchone()
        return (
            None
            if row is None
            else SignedCheckpoint(size=row[0], note=as_bytes(row[1]), compact_range=as_bytes(row[2]))
        )

    def issuer_of_list(self, status_list: ListId) -> StreamId | None:
        """Whose a status list is; None where there is none."""
        row = self._connection.execute("SELECT issuer FROM status_lists WHERE list = ?", (status_list,)).fetchone()
        return None if row is None else StreamId(UUID(row[0]))

    def status_lists(self) -> list[StatusListState]:
        """Every status list, whose it is, and when it was last signed; by name."""
        rows = self._connection.execute(
            "SELECT list, issuer, (SELECT MAX(made_at) FROM status_credentials c WHERE c.list = l.list) "
            "FROM status_lists l ORDER BY list"
        )
        return [
            StatusListState(
                list=ListId(as_bytes(row[0])),
                issuer=StreamId(UUID(row[1])),
                made_at=None if row[2] is None else parse_time(row[2]),
            )
            for row in rows
        ]

    def status_credential(self, status_list: ListId, at: datetime | None = None) -> StatusCredential | None:
        """The last credential that was kept of a status list, or that was made by then; None where there is none."""
        until, by = ("", ()) if at is None else (" AND made_at <= ?", (format_time(at),))
        row = self._connection.execute(
            f"SELECT made_at, size, raw FROM status_credentials WHERE list = ?{until} ORDER BY made_at DESC LIMIT 1",  # noqa: S608
            (status_list, *by),
        ).fetchone()
        if row is None:
            return None
        return StatusCredential(list=status_list, made_at=parse_time(row[0]), size=row[1], raw=as_bytes(row[2]))
