"""The reading side for scans on PostgreSQL: one round trip for nearly every scan.

The log only grows, so a state of it is named by its size: one statement reads the head together with the award, and
whatever else is asked afterwards is read up to that size, or remembered from another scan of the same size.
"""

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow, tuple_row

from ledger.adapters.fence import Fence
from ledger.adapters.postgres.connections import Connection, gone, lost, said
from ledger.adapters.postgres.schema import connect_to_ledger
from ledger.adapters.postgres.snapshot import PARTS, PostgresSnapshot
from ledger.application.ports import SignedCheckpoint, StoredPart, StoreUnavailable
from ledger.domain.types import Digest, Position, Seq, StreamId
from ledger.domain.values import parse_time
from ledger.verification.evidence import Head, Placed

_MOST = 2_000  # ends, and definitions, that are remembered of one state
_REMEMBERED = 1.0  # seconds: a wording that was taken down is not shown for longer, even if nothing else happens
_AWARD: LiteralString = (
    "SELECT h.size, h.at, (SELECT MAX(c.size) FROM ledger.checkpoints c), "
    "e.notification_id, e.state, p.part, p.key_id, p.box "
    "FROM ledger.log_head h LEFT JOIN ledger.stored_events e ON e.originator_id = %b::uuid "
    "LEFT JOIN ledger.private_parts p ON p.position = e.notification_id ORDER BY e.originator_version, p.part"
)
_COMPONENT: LiteralString = (
    "SELECT e.notification_id, e.state, p.part, p.key_id, p.box FROM ledger.stored_events e "
    "LEFT JOIN ledger.private_parts p ON p.position = e.notification_id "
    "WHERE e.originator_id = %b AND e.notification_id <= %b ORDER BY e.originator_version, p.part"
)
_END: LiteralString = (
    "SELECT MAX(originator_version) FROM ledger.stored_events WHERE originator_id = %b AND notification_id <= %b"
)
_LAST: LiteralString = (
    "SELECT notification_id, state FROM ledger.stored_events WHERE originator_id = %b AND notification_id <= %b "
    "ORDER BY originator_version DESC LIMIT 1"
)
_CHECKPOINT: LiteralString = "SELECT size, note, compact_range FROM ledger.checkpoints WHERE size = %b"


class _ScanSnapshot(PostgresSnapshot):
    """Reads of the log as it was at one size."""

    def __init__(self, url: str, fence: Fence) -> None:
        self._url = url
        self._fence = fence
        self._open: Connection | None = None
        self._state = -1  # the size of the log for which the following is remembered
        self._until = 0.0
        self._ends: dict[StreamId, Seq | None] = {}
        self._definitions: dict[Digest, bytes | None] = {}
        self._checkpoint: SignedCheckpoint | None = None
        self._log: tuple[Placed, ...] = ()  # never empty, once it was read
        self.begin()

    def begin(self) -> None:
        """Fix no state yet: the first read does. What was published is no part of it: that is read when it is asked.

        Raises:
            LedgerHalted.
        """
        self._floor = self._fence.floor()
        self._now: Head | None = None
        self._signed: int | None = None  # the size of the last checkpoint
        self._stored: dict[Position, tuple[StoredPart, ...]] = {}

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()

    def head(self) -> Head:
        """The end of the log."""
        if self._now is None:
            self._settle(None)
        return self._settled

    def entries(self, after: int, limit: int) -> list[Placed]:
        """At most `limit` entries beyond the position `after`, in order."""
        return super().entries(after, max(0, min(limit, self.head().size - after)))

    def states(self, after: int, limit: int = -1) -> Iterator[tuple[Position, bytes]]:
        """Position and bytes of the entries beyond `after`, in order."""
        left = max(0, self.head().size - after)
        return super().states(after, left if limit < 0 else min(limit, left))

    def stream(self, stream: StreamId) -> tuple[Placed, ...]:
        """A stream's entries in the order of seq; their private parts are fetched with them."""
        if self._now is None:
            return self._keep([row[3:] for row in self._settle(stream) if row[3] is not None])
        return self._keep(self._rows(_COMPONENT, stream, self._settled.size))

    def parts(self, positions: Sequence[Position]) -> Mapping[Position, tuple[StoredPart, ...]]:
        """The private parts that stand beside these entries."""
        self.head()
        missing = [position for position in positions if position not in self._stored]
        if missing:
            self._stored.update(super().parts(missing))
        return {position: self._stored[position] for position in positions}

    def end(self, stream: StreamId) -> Seq | None:
        """The seq of a stream's last entry; None where there is no such stream."""
        size = self.head().size
        if stream not in self._ends:
            row = self._rows(_END, stream, size)[0]
            self._ends[stream] = None if row[0] is None else Seq(row[0])
        return self._ends[stream]

    def definition(self, digest: Digest) -> bytes | None:
        """The bytes with this digest."""
        self.head()
        if digest not in self._definitions:
            self._definitions[digest] = super().definition(digest)
        return self._definitions[digest]

    def checkpoint(self) -> SignedCheckpoint | None:
        """The last checkpoint that was signed when the head was read."""
        self.head()
        if self._signed is None:
            return None
        if self._checkpoint is None or self._checkpoint.size != self._signed:
            size, note, compact_range = self._rows(_CHECKPOINT, self._signed)[0]
            self._checkpoint = SignedCheckpoint(size=size, note=note, compact_range=compact_range)
        return self._checkpoint

    def log_entries(self) -> tuple[Placed, ...]:
        """The entries of the log's own stream but for its statements, in order."""
        size = self.head().size
        if not self._log:
            self._log = tuple([each for each in super().log_entries() if each.position <= size])
        return self._log

    def last(self, stream: StreamId) -> Placed | None:
        """The last entry of a stream; None where there is no such stream."""
        rows = self._rows(_LAST, stream, self.head().size)
        return Placed(position=Position(rows[0][0]), raw=rows[0][1]) if rows else None

    @property
    def _settled(self) -> Head:
        if self._now is None:
            raise StoreUnavailable("the store cannot be read: the log has no head")
        return self._now

    def _settle(self, stream: StreamId | None) -> list[TupleRow]:
        """Fix the state that is read from now on; the rows of a stream in it."""
        rows = self._rows(_AWARD, stream)
        if rows:
            size, at, self._signed = rows[0][:3]
            self._fence.check(size, self._floor)
            self._now = Head(size=size, at=parse_time(at))
            full = max(len(self._ends), len(self._definitions)) > _MOST
            if size != self._state or monotonic() > self._until or full:
                self._ends, self._definitions, self._log = {}, {}, ()
                self._state, self._until = size, monotonic() + _REMEMBERED
        return rows

    def _keep(self, rows: Sequence[TupleRow]) -> tuple[Placed, ...]:
        """The entries of a stream; what stands beside them is kept for `parts`."""
        entries: dict[Position, Placed] = {}
        beside: dict[Position, list[StoredPart]] = {}
        for position, state, name, key_id, box in rows:
            if position not in entries:
                entries[position] = Placed(position=position, raw=state)
                beside[position] = []
            if name in PARTS:
                beside[position].append(StoredPart(part=PARTS[name], key_id=key_id, box=box))
        self._stored.update((position, tuple(each)) for position, each in beside.items())
        return tuple(entries.values())

    def _rows(self, statement: LiteralString, *parameters: object) -> list[TupleRow]:
        # One that was lost since the scan before is replaced; one that fails in the middle ends the scan.
        try:
            if self._open is None or gone(self._open):
                if self._now is not None:  # another server, perhaps, that holds less than was seen
                    raise StoreUnavailable("the store cannot be read: the connection to it was lost")
                self._open = connect_to_ledger(self._url, name="testamur scans")
            with self._open.cursor(binary=True, row_factory=tuple_row) as cursor:
                return cursor.execute(statement, parameters, prepare=True).fetchall()
        except psycopg.Error as error:
            if self._open is not None:
                lost(self._open, error)
            raise StoreUnavailable(f"the store cannot be read: {said(error)}") from error


class PostgresScans:
    """Snapshots for scans, one after another: a thread waits for the one before it."""

    def __init__(self, url: str, fence: Fence) -> None:
        """Connect at the first scan."""
        self._lock = Lock()
        self._snapshot = _ScanSnapshot(url, fence)

    def snapshot(self) -> "PostgresScans":
        """One consistent view of everything, while the `with` lasts.

        Raises:
            StoreUnavailable, LedgerHalted: also from its reads.
        """
        return self

    def state(self) -> None:
        """Not told: to ask for it takes the round trip that a scan takes."""

    def __enter__(self) -> PostgresSnapshot:
        """Begin."""
        self._lock.acquire()
        try:
            self._snapshot.begin()
        except BaseException:
            self._lock.release()
            raise
        return self._snapshot

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """End, however it went."""
        self._lock.release()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._snapshot.close()
