"""The ledger on SQLite: the append transaction, and snapshots for reading.

One row `log_head(size, at)` is read and moved inside `BEGIN IMMEDIATE`; entries get `size + 1 ...`, and private parts,
names, slots and idempotency rows go with them. So commit order is position order, and leaf index = position - 1.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TypeAlias, cast
from uuid import UUID

from ledger.adapters.event_store import FoldedStream, Streams
from ledger.adapters.fence import Fence
from ledger.adapters.placing import Outcomes, Placing, placed_last
from ledger.adapters.sqlite.append import insert
from ledger.adapters.sqlite.known import read_known
from ledger.adapters.sqlite.readers import Readers
from ledger.adapters.sqlite.recorder import LedgerDatastore, LedgerRecorder
from ledger.adapters.sqlite.scans import ScanStore
from ledger.adapters.sqlite.schema import WrongSchema
from ledger.adapters.sqlite.snapshot import SqliteSnapshot
from ledger.application.api_keys import ApiKey
from ledger.application.ports import (
    OutcomeUnknown,
    Proposal,
    SignedCheckpoint,
    Snapshot,
    StaleDecision,
    StatusCredential,
)
from ledger.domain.types import Position, StreamId
from ledger.domain.values import format_time, parse_time
from ledger.record.sealing import Sealed

_ApiKeyRow: TypeAlias = tuple[str, bytes, str | None, str, str, str, str | None]
_PUBLISHED = (
    "INSERT INTO published_days(size, day, note) VALUES (?,?,?) "
    "ON CONFLICT (day) DO UPDATE SET size = excluded.size, note = excluded.note"
)
_LAST_SIGNED = "SELECT made_at, size FROM status_credentials WHERE list = ? ORDER BY made_at DESC LIMIT 1"
_API_KEYS = "SELECT id, secret, issuer, scopes, label, created_at, revoked_at FROM api_keys"


class SqliteLedger:
    """The store of one process. `append` is for its one committer thread; everything else for any thread."""

    def __init__(self, path: Path, fence: Fence | None = None, *, read_only: bool = False) -> None:
        """Open an existing ledger database.

        Args:
            fence: what is known of it outside; a new one if None.
            read_only: whether nothing is ever written, so that it may be open beside the process that writes.

        Raises:
            WrongSchema, UnsafeDatabase.
        """
        if not path.is_file():  # SQLite would make an empty one
            raise WrongSchema(f"there is no ledger database at {path}")
        self.datastore = LedgerDatastore(path, read_only=read_only)
        self._readers = Readers(path, read_only=read_only)
        self.recorder = LedgerRecorder(self.datastore, self._readers)
        self._streams = Streams(self.recorder)
        try:
            self._writer = self.datastore.connect()
        except sqlite3.DatabaseError as error:
            raise WrongSchema(f"{path} is not a ledger database, or it is damaged: {error}") from error
        self.fence = fence or Fence()
        self._idle = Event()

    def close(self) -> None:
        """Close every connection."""
        self._idle.set()
        self._writer.close()
        self._readers.close()
        self.datastore.close()

    def load(self, stream: StreamId) -> FoldedStream | None:
        """A stream, folded; None where there is no such stream."""
        self.fence.floor()
        row = self._readers.row("SELECT MAX(originator_version) FROM stored_events WHERE originator_id = ?", stream.hex)
        end = None if row is None else cast("int | None", row[0])
        return None if end is None else self._streams.load(stream, end)

    @contextmanager
    def snapshot(self) -> Iterator["SqliteSnapshot"]:
        """One consistent view of everything.

        Raises:
            StoreUnavailable: the database cannot be read.
            LedgerHalted: it lost what this process saw.
        """
        floor = self.fence.floor()
        with self._readers.reading() as connection:
            snapshot = SqliteSnapshot(connection)
            self.fence.check(snapshot.head().size, floor)
            yield snapshot

    def append(self, proposals: Sequence[Proposal]) -> Outcomes:
        """Append what does not conflict, in one transaction; durable when it returns.

        Raises:
            LedgerHalted: the store has lost entries that this process saw.
            OutcomeUnknown: the store failed; whether anything was recorded must be read from it.
        """
        writer, floor = self._writer, self.fence.floor()
        try:
            writer.execute("BEGIN IMMEDIATE")
            known = read_known(writer, proposals)
            first = known.size + 1
            self.fence.check(known.size, floor)
            placing = Placing(known)
            outcomes = placing.place(proposals)
            insert(writer, self.recorder, placing, first=first)
            writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutcomeUnknown(f"the store failed while recording: {error}") from error
        finally:
            if writer.in_transaction:  # also after a failed COMMIT, which leaves the transaction open
                writer.execute("ROLLBACK")
        self.fence.check(placing.size, floor)
        return outcomes

    def append_last(self, make: Callable[[Snapshot], Sealed | None]) -> Position | None:
        """Append the one entry that `make` makes of the log's end, under the write lock; None if it makes none.

        Raises:
            StaleDecision: the entry does not follow; nothing was recorded.
            LedgerHalted, OutcomeUnknown: as `append`.
            LedgerError: whatever `make` raises; nothing was recorded.
        """
        writer, floor = self._writer, self.fence.floor()
        try:
            writer.execute("BEGIN IMMEDIATE")
            snapshot = SqliteSnapshot(writer)
            self.fence.check(snapshot.head().size, floor)
            sealed = make(snapshot)
            if sealed is None:
                return None
            placing, position = placed_last(lambda proposals: read_known(writer, proposals), sealed)
            insert(writer, self.recorder, placing, first=position)
            writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutcomeUnknown(f"the store failed while recording: {error}") from error
        finally:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
        self.fence.check(placing.size, floor)
        return position

    def try_writing(self) -> None:
        """Pass if a transaction becomes durable at this moment; it changes nothing.

        Raises:
            OutcomeUnknown: it does not.
        """
        with self._writing() as connection:
            connection.execute("UPDATE log_head SET size = size")

    def save_checkpoint(self, previous: int, checkpoint: SignedCheckpoint) -> None:
        """Compare-and-swap: keep `checkpoint` if `previous` is still the size of the last; else StaleDecision."""
        with self._writing() as connection:
            last = connection.execute("SELECT COALESCE(MAX(size), 0) FROM checkpoints").fetchone()[0]
            if last != previous:
                raise StaleDecision(f"a checkpoint of size {last} was signed meanwhile")
            row = (checkpoint.size, checkpoint.note, checkpoint.compact_range)
            connection.execute("INSERT INTO checkpoints VALUES (?,?,?)", row)

    def save_published(self, day: str, size: int, note: bytes) -> None:
        """Keep a published note as the last of that day, unless a larger one was published; then StaleDecision."""
        with self._writing() as connection:
            last = connection.execute("SELECT COALESCE(MAX(size), 0) FROM published_days").fetchone()[0]
            if size < last:
                raise StaleDecision(f"a checkpoint of size {last} was published meanwhile")
            connection.execute(_PUBLISHED, (size, day, note))

    def save_status_credential(self, previous: datetime | None, credential: StatusCredential) -> None:
        """Keep a signed status list, if the last one of that list is of `previous`; else StaleDecision."""
        made_at, before = format_time(credential.made_at), None if previous is None else format_time(previous)
        with self._writing() as connection:
            last = connection.execute(_LAST_SIGNED, (credential.list,)).fetchone() or (None, 0)
            if last[0] != before or (before is not None and made_at <= before) or last[1] > credential.size:
                raise StaleDecision("another status list was signed meanwhile")
            row = (credential.list, made_at, credential.size, credential.raw)
            connection.execute("INSERT INTO status_credentials(list, made_at, size, raw) VALUES (?,?,?,?)", row)

    @contextmanager
    def publishing(self) -> Iterator[bool]:
        """True: the one process that holds the home publishes."""
        yield True

    def wait(self, seconds: float) -> None:
        """Nobody else commits: return after so many seconds, or once the store is closed."""
        self._idle.wait(seconds)

    def scans(self) -> ScanStore:
        """A source for scans, with a connection of its own."""
        return ScanStore(self.datastore, self.fence)

    def add_api_key(self, key: ApiKey) -> None:
        """Keep a new API key; durable when it returns."""
        row = (
            key.id,
            key.secret,
            None if key.issuer is None else key.issuer.hex,
            " ".join(key.scopes),
            key.label,
            format_time(key.created_at),
            None,
        )
        with self._writing() as connection:
            connection.execute("INSERT INTO api_keys VALUES (?,?,?,?,?,?,?)", row)

    def api_keys(self) -> Sequence[ApiKey]:
        """Every API key, oldest first."""
        self.fence.floor()
        with self._readers.reading() as connection:
            return [_api_key(row) for row in connection.execute(f"{_API_KEYS} ORDER BY created_at, id")]

    def api_key(self, secret: bytes) -> ApiKey | None:
        """The API key with this digest, revoked or not."""
        self.fence.floor()
        row = self._readers.row(f"{_API_KEYS} WHERE secret = ?", secret)
        return None if row is None else _api_key(cast("_ApiKeyRow", row))

    def revoke_api_key(self, key_id: str, at: datetime) -> bool:
        """Whether there was such a living API key; it is dead now."""
        statement = "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        with self._writing() as connection:
            return connection.execute(statement, (format_time(at), key_id)).rowcount == 1

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        floor = self.fence.floor()
        try:
            with closing(self.datastore.connect()) as connection, _rolled_back(connection):
                connection.execute("BEGIN IMMEDIATE")
                self.fence.check(connection.execute("SELECT size FROM log_head").fetchone()[0], floor)
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutcomeUnknown(f"the store failed while writing: {error}") from error


@contextmanager
def _rolled_back(connection: sqlite3.Connection) -> Iterator[None]:
    """Whatever is not committed in the end is taken back."""
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _api_key(row: _ApiKeyRow) -> ApiKey:
    key_id, secret, issuer, scopes, label, created_at, revoked_at = row
    return ApiKey(
        id=key_id,
        secret=secret,
        issuer=None if issuer is None else StreamId(UUID(issuer)),
        scopes=tuple(scopes.split()),
        label=label,
        created_at=parse_time(created_at),
        revoked_at=None if revoked_at is None else parse_time(revoked_at),
    )
