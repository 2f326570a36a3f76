"""Reads of the ledger's database in PostgreSQL that all see the same state."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow, tuple_row

from ledger.adapters.postgres.connections import Connection, lost, unreadable
from ledger.adapters.postgres.known import read_replays
from ledger.adapters.postgres.schema import LOG_ENTRIES
from ledger.adapters.postgres.typed import bigints
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

_STREAMED = 1_000  # entries fetched at a time
_NEVER_KEPT = "\0"  # PostgreSQL has no text with it: nothing is found by one, and the transaction would be aborted
_LOG: LiteralString = (
    f"SELECT notification_id, state FROM ledger.stored_events WHERE {LOG_ENTRIES} "  # noqa: S608 - our own words
    "ORDER BY notification_id"
)
PUBLISHED: LiteralString = "SELECT d.note FROM ledger.published_days d ORDER BY d.size DESC, d.day DESC LIMIT 1"
_LISTS: LiteralString = (
    "SELECT l.list, l.issuer, (SELECT MAX(c.made_at) FROM ledger.status_credentials c WHERE c.list = l.list) "
    "FROM ledger.status_lists l ORDER BY l.list"
)
_SIGNED: LiteralString = "SELECT made_at, size, raw FROM ledger.status_credentials WHERE list = %b"
PARTS: Mapping[str, Part] = {part.value: part for part in Part}


class PostgresSnapshot:
    """Reads inside one transaction at REPEATABLE READ."""

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection = connection
        self._head = head

    def head(self) -> Head:
        """The end of the log."""
        return self._head

    def entries(self, after: int, limit: int) -> list[Placed]:
        """At most `limit` entries beyond the position `after`, in order."""
        statement: LiteralString = (
            "SELECT notification_id, state FROM ledger.stored_events WHERE notification_id > %b "
            "ORDER BY notification_id LIMIT %b"
        )
        return [Placed(position=Position(row[0]), raw=row[1]) for row in self._rows(statement, after, limit)]

    def states(self, after: int, limit: int = -1) -> Iterator[tuple[Position, bytes]]:
        """Position and bytes of the entries beyond `after`, in order, fetched as they are taken."""
        last, left = after, limit
        statement: LiteralString = (
            "SELECT notification_id, state FROM ledger.stored_events WHERE notification_id > %b "
            "ORDER BY notification_id LIMIT %b"
        )
        while left:
            wanted = _STREAMED if left < 0 else min(left, _STREAMED)
            rows = self._rows(statement, last, wanted)
            yield from ((Position(row[0]), row[1]) for row in rows)
            if len(rows) < wanted:
                return
            last = rows[-1][0]
            left -= len(rows) if left > 0 else 0

    def stream(self, stream: StreamId) -> tuple[Placed, ...]:
        """A stream's entries in the order of seq; none where there is no such stream."""
        rows = self._rows(
            "SELECT notification_id, state FROM ledger.stored_events WHERE originator_id = %b "
            "ORDER BY originator_version",
            stream,
        )
        return tuple([Placed(position=Position(row[0]), raw=row[1]) for row in rows])

    def last(self, stream: StreamId) -> Placed | None:
        """The last entry of a stream; None where there is no such stream."""
        rows = self._rows(
            "SELECT notification_id, state FROM ledger.stored_events WHERE originator_id = %b "
            "ORDER BY originator_version DESC LIMIT 1",
            stream,
        )
        return Placed(position=Position(rows[0][0]), raw=rows[0][1]) if rows else None

    def log_entries(self) -> tuple[Placed, ...]:
        """The entries of the log's own stream but for its statements, in order."""
        return tuple([Placed(position=Position(row[0]), raw=row[1]) for row in self._rows(_LOG)])

    def published(self) -> bytes | None:
        """The last published note; None where there is none."""
        return self._one(PUBLISHED)

    def days(self, after: str = "") -> list[tuple[str, bytes]]:
        """The UTC days later than `after`, in order, each with the last note published on it."""
        rows = self._rows("SELECT day, note FROM ledger.published_days WHERE day > %b ORDER BY day", after)
        return [(day, note) for day, note in rows]

    def end(self, stream: StreamId) -> Seq | None:
        """The seq of a stream's last entry; None where there is no such stream."""
        rows = self._rows("SELECT MAX(originator_version) FROM ledger.stored_events WHERE originator_id = %b", stream)
        return None if rows[0][0] is None else Seq(rows[0][0])

    def parts(self, positions: Sequence[Position]) -> Mapping[Position, tuple[StoredPart, ...]]:
        """The private parts that stand beside these entries."""
        found: dict[Position, list[StoredPart]] = {position: [] for position in positions}
        rows = self._rows(
            "SELECT position, part, key_id, box FROM ledger.private_parts WHERE position = ANY(%b::bigint[]) "
            "ORDER BY position, part",
            list(positions),
        )
        for position, name, key_id, box in rows:
            if name in PARTS:
                found[position].append(StoredPart(part=PARTS[name], key_id=key_id, box=box))
        return {position: tuple(each) for position, each in found.items()}

    def boxes(self, first: int, last: int, wanted: Sequence[Part]) -> list[tuple[Position, Part, bytes, bytes]]:
        """Position, part, key id and box of the wanted parts from one position to another, by position."""
        rows = self._rows(
            "SELECT position, part, key_id, box FROM ledger.private_parts WHERE position BETWEEN %b AND %b "
            "AND part = ANY(%b::text[]) ORDER BY position, part",
            first,
            last,
            [part.value for part in wanted],
        )
        return [(Position(position), PARTS[part], key_id, box) for position, part, key_id, box in rows]

    def slots_taken(self, status_list: ListId, slots: Sequence[Slot]) -> frozenset[Slot]:
        """Which of these bits versions of awards hold."""
        statement: LiteralString = "SELECT slot FROM ledger.status_slots WHERE list = %b AND slot = ANY(%b)"
        return frozenset([Slot(slot) for (slot,) in self._rows(statement, status_list, bigints(slots))])

    def definition(self, digest: Digest) -> bytes | None:
        """The bytes with this digest."""
        return self._one("SELECT content FROM ledger.definitions WHERE digest = %b", digest)

    def name(self, scope: str, name: str) -> StreamId | None:
        """What a short name stands for."""
        if _NEVER_KEPT in scope + name:
            return None
        return self._stream("SELECT stream FROM ledger.names WHERE scope = %b AND name = %b", scope, name)

    def names(self, scope: str) -> list[tuple[str, StreamId]]:
        """Every short name of a scope, in order."""
        if _NEVER_KEPT in scope:
            return []
        rows = self._rows("SELECT name, stream FROM ledger.names WHERE scope = %b ORDER BY name", scope)
        return [(name, StreamId(stream)) for name, stream in rows]

    def short_code(self, mac: bytes) -> StreamId | None:
        """The award with this short code."""
        return self._stream("SELECT stream FROM ledger.short_codes WHERE mac = %b", mac)

    def stack(self, mac: bytes) -> StreamId | None:
        """The award that was made of these components."""
        return self._stream("SELECT stream FROM ledger.stacks WHERE mac = %b", mac)

    def replay(self, scope: str, key: bytes) -> Replay | None:
        """What an idempotency key answered before."""
        return self.replays([Idempotency(scope=scope, key=key, request=b"")]).get((scope, key))

    def replays(self, keys: Sequence[Idempotency]) -> Mapping[tuple[str, bytes], Replay]:
        """What these idempotency keys answered before, by scope and key."""
        asked = [each for each in keys if _NEVER_KEPT not in each.scope]
        try:
            return read_replays(self._connection, asked)
        except psycopg.Error as error:
            lost(self._connection, error)
            raise unreadable(error) from error

    def status_list(self, issuer: StreamId) -> ListId | None:
        """A status list of the issuer that is less than half full."""
        statement: LiteralString = (
            "SELECT list FROM ledger.status_lists WHERE issuer = %b AND used < %b ORDER BY used DESC LIMIT 1"
        )
        found = self._one(statement, issuer, STATUS_LIST_SLOTS // 2)
        return None if found is None else ListId(found)

    def checkpoint(self) -> SignedCheckpoint | None:
        """The last signed checkpoint."""
        rows = self._rows("SELECT size, note, compact_range FROM ledger.checkpoints ORDER BY size DESC LIMIT 1")
        return SignedCheckpoint(size=rows[0][0], note=rows[0][1], compact_range=rows[0][2]) if rows else None

    def issuer_of_list(self, status_list: ListId) -> StreamId | None:
        """Whose a status list is; None where there is none."""
        return self._stream("SELECT issuer FROM ledger.status_lists WHERE list = %b", status_list)

    def status_lists(self) -> list[StatusListState]:
        """Every status list, whose it is, and when it was last signed; by name."""
        rows = self._rows(_LISTS)
        return [
            StatusListState(
                list=ListId(name), issuer=StreamId(issuer), made_at=None if made is None else parse_time(made)
            )
            for name, issuer, made in rows
        ]

    def status_credential(self, status_list: ListId, at: datetime | None = None) -> StatusCredential | None:
        """The last credential that was kept of a status list, or that was made by then; None where there is none."""
        if at is None:
            rows = self._rows(f"{_SIGNED} ORDER BY made_at DESC LIMIT 1", status_list)
        else:
            rows = self._rows(
                f"{_SIGNED} AND made_at <= %b ORDER BY made_at DESC LIMIT 1", status_list, format_time(at)
            )
        if not rows:
            return None
        made_at, size, raw = rows[0]
        return StatusCredential(list=status_list, made_at=parse_time(made_at), size=size, raw=raw)

    def _stream(self, statement: LiteralString, *parameters: object) -> StreamId | None:
        rows = self._rows(statement, *parameters)
        return StreamId(rows[0][0]) if rows else None

    def _one(self, statement: LiteralString, *parameters: object) -> bytes | None:
        rows = self._rows(statement, *parameters)
        return rows[0][0] if rows else None

    def _rows(self, statement: LiteralString, *parameters: object) -> list[TupleRow]:
        try:
            with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
                return cursor.execute(statement, parameters, prepare=True).fetchall()
        except psycopg.Error as error:
            lost(self._connection, error)
            raise unreadable(error) from error
