"""The reading side for scans: one connection of their own, and what nearly every scan asks is read once per commit.

A scan is a few hundred microseconds of work on the event loop. What it costs to borrow a connection of the pool, and to
read the head, the checkpoint and the ends of the issuers' streams again where nothing was committed since, is spared.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from threading import Lock
from types import TracebackType

from ledger.adapters.fence import Fence
from ledger.adapters.sqlite.recorder import LedgerDatastore, as_bytes
from ledger.adapters.sqlite.snapshot import SqliteSnapshot
from ledger.application.ports import SignedCheckpoint, StoredPart, StoreUnavailable
from ledger.domain.types import Digest, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.verification.evidence import Placed

_MAPPED = 1 << 30  # bytes of the database that may be read in place
_PARTS: Mapping[object, Part] = {part.value: part for part in Part}
_MOST = 2_000  # ends, and definitions, that are remembered of one state


class _ScanSnapshot(SqliteSnapshot):
    """Reads of one state; what is no part of any one award is remembered until anything at all is committed."""

    def __init__(self, connection: sqlite3.Connection, fence: Fence) -> None:
        super().__init__(connection)
        self._fence = fence
        self.state: int | None = None  # the number that the database gave it for this connection
        self._forget()

    def _forget(self) -> None:
        self._known_head = None
        self._checkpoints: tuple[SignedCheckpoint | None, ...] = ()  # one, where it was read
        self._notes: tuple[bytes | None, ...] = ()  # as well
        self._log: tuple[Placed, ...] = ()  # never empty, once it was read
        self._ends: dict[StreamId, Seq | None] = {}
        self._definitions: dict[Digest, bytes | None] = {}

    def begin(self) -> None:
        """Fix the state that all reads see until `end`.

        Raises:
            LedgerHalted: it lost what this process saw.
        """
        floor = self._fence.floor()
        self._connection.execute("BEGIN")
        state = self._data_version()
        if state != self.state or max(len(self._ends), len(self._definitions)) > _MOST:
            self._forget()
            self.state = state
        self._fence.check(self.head().size, floor)

    def is_current(self) -> bool:
        """Whether `begin` would fix the state that it fixed last.

        Raises:
            LedgerHalted: it lost what this process saw.
        """
        floor = self._fence.floor()
        if self._known_head is None or self._data_version() != self.state:
            return False
        self._fence.check(self._known_head.size, floor)
        return True

    def _data_version(self) -> int:
        # "The integer values returned by two invocations of "PRAGMA data_version" from the same connection will be
        # different if changes were committed to the database by any other connection in the interim" (SQLite manual).
        (state,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(state)

    def finish(self) -> None:
        """Let go of that state."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def checkpoint(self) -> SignedCheckpoint | None:
        """The last signed checkpoint."""
        if not self._checkpoints:
            self._checkpoints = (super().checkpoint(),)
        return self._checkpoints[0]

    def published(self) -> bytes | None:
        """The last published note; None where there is none."""
        if not self._notes:
            self._notes = (super().published(),)
        return self._notes[0]

    def log_entries(self) -> tuple[Placed, ...]:
        """The entries of the log's own stream but for its statements, in order."""
        if not self._log:
            self._log = super().log_entries()
        return self._log

    def end(self, stream: StreamId) -> Seq | None:
        """The seq of a stream's last entry; None where there is no such stream."""
        if stream not in self._ends:
            self._ends[stream] = super().end(stream)
        return self._ends[stream]

    def parts(self, positions: Sequence[Position]) -> Mapping[Position, tuple[StoredPart, ...]]:
        """The private parts that stand beside these entries."""
        return {position: self._parts(position) for position in positions}

    def _parts(self, position: Position) -> tuple[StoredPart, ...]:
        rows = self._connection.execute(
            "SELECT part, key_id, box FROM private_parts WHERE position = ? ORDER BY part", (position,)
        ).fetchall()
        return tuple(
            [
                StoredPart(part=_PARTS[name], key_id=as_bytes(key_id), box=as_bytes(box))
                for name, key_id, box in rows
                if name in _PARTS
            ]
        )

    def definition(self, digest: Digest) -> bytes | None:
        """The bytes with this digest."""
        if digest not in self._definitions:
            self._definitions[digest] = super().definition(digest)
        return self._definitions[digest]


class ScanStore:
    """Snapshots for scans, one after another: a thread waits for the one before it."""

    def __init__(self, datastore: LedgerDatastore, fence: Fence) -> None:
        """Open a connection of its own."""
        self._lock = Lock()
        self._connection = datastore.connect()
        self._connection.row_factory = None  # rows are read by their places
        # Awards lie anywhere: without this each page is copied out of the file, and forgotten at the next commit.
        self._connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
        self._snapshot = _ScanSnapshot(self._connection, fence)

    def snapshot(self) -> "ScanStore":
        """One consistent view of everything, while the `with` lasts.

        Raises:
            StoreUnavailable: the database cannot be read.
            LedgerHalted: it lost what this process saw.
        """
        return self

    def state(self) -> tuple[int, int | None]:
        """How many entries there are, and what stays equal until anything at all is committed.

        Raises:
            StoreUnavailable, LedgerHalted: as `snapshot`.
        """
        with self._lock:
            try:
                if self._snapshot.is_current():
                    return self._snapshot.head().size, self._snapshot.state
            except sqlite3.Error as error:
                raise _unreadable(error) from error
        with self as snapshot:
            return snapshot.head().size, self._snapshot.state

    def __enter__(self) -> SqliteSnapshot:
        """Begin."""
        self._lock.acquire()
        try:
            self._snapshot.begin()
        except BaseException as error:
            self._end(error)
            raise
        return self._snapshot

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        """End, however it went."""
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        try:
            self._snapshot.finish()
        except sqlite3.Error as failed:
            error = error or failed
        finally:
            self._lock.release()
        if isinstance(error, sqlite3.Error):
            raise _unreadable(error) from error

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()


def _unreadable(error: sqlite3.Error) -> StoreUnavailable:
    return StoreUnavailable(f"the store cannot be read: {error}")
