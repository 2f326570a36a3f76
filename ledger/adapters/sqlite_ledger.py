"""The ledger on SQLite: the append transaction, and snapshots for reading.

One row `log_head(size, at)` is read and moved inside `BEGIN IMMEDIATE`; entries get `size + 1 ...`, and private parts,
names, slots and idempotency rows go with them. So commit order is position order, and leaf index = position - 1.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from eventsourcing.persistence import PersistenceError
from eventsourcing.sqlite import SQLiteCursor

from ledger.adapters.event_store import FoldedStream, LedgerDatastore, LedgerRecorder, Streams
from ledger.adapters.sqlite_append import AppendTransaction
from ledger.adapters.sqlite_schema import WrongSchema
from ledger.adapters.sqlite_snapshot import SqliteSnapshot
from ledger.application.api_keys import ApiKey
from ledger.application.ports import (
    Appended,
    ConflictError,
    LedgerHalted,
    OutcomeUnknown,
    Proposal,
    SignedCheckpoint,
    StaleDecision,
    StoreUnavailable,
)
from ledger.domain.types import StreamId
from ledger.domain.values import format_time, parse_time


class SqliteLedger:
    """The store of one process. `append` is for its one committer thread; everything else for any thread."""

    def __init__(self, path: Path) -> None:
        """Open an existing ledger database.

        Raises:
            WrongSchema, UnsafeDatabase.
        """
        if not path.is_file():  # SQLite would make an empty one
            raise WrongSchema(f"there is no ledger database at {path}")
        self.datastore = LedgerDatastore(path)
        self.recorder = LedgerRecorder(self.datastore)
        self._streams = Streams(self.recorder)
        try:
            self._writer = self.datastore.connect()
        except sqlite3.DatabaseError as error:
            raise WrongSchema(f"{path} is not a ledger database, or it is damaged: {error}") from error
        with self.snapshot() as snapshot:
            self._seen = snapshot.head().size  # the fence: how many entries this process has seen committed
        self._halted: LedgerHalted | None = None

    def close(self) -> None:
        """Close every connection."""
        self._writer.close()
        self.datastore.close()

    def load(self, stream: StreamId) -> FoldedStream | None:
        """A stream, folded; None where there is no such stream."""
        try:
            return self._streams.load(stream)
        except (sqlite3.Error, PersistenceError) as error:
            raise StoreUnavailable(f"the store cannot be read: {error}") from error

    @contextmanager
    def snapshot(self) -> Iterator["SqliteSnapshot"]:
        """One consistent view of everything.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        with self._reading() as cursor:
            yield SqliteSnapshot(cursor)

    def append(self, proposals: Sequence[Proposal]) -> list[Appended | ConflictError]:
        """Append what does not conflict, in one transaction; durable when it returns.

        Raises:
            LedgerHalted: the store has lost entries that this process saw.
            OutcomeUnknown: the store failed; whether anything was recorded must be read from it.
        """
        if self._halted is not None:
            raise self._halted
        writer = self._writer
        try:
            writer.execute("BEGIN IMMEDIATE")
            transaction = AppendTransaction(writer, self.recorder)
            if transaction.size < self._seen:
                self._halted = LedgerHalted(
                    f"the store holds {transaction.size} entries, but this process has seen {self._seen}: "
                    "its tail was lost. Nothing more is recorded here"
                )
                raise self._halted
            outcomes = [transaction.place(proposal) for proposal in proposals]
            transaction.finish()
            writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutcomeUnknown(f"the store failed while recording: {error}") from error
        finally:
            if writer.in_transaction:  # also after a failed COMMIT, which leaves the transaction open
                writer.execute("ROLLBACK")
        self._seen = transaction.size
        return outcomes

    def save_checkpoint(self, previous: int, checkpoint: SignedCheckpoint) -> None:
        """Compare-and-swap: keep `checkpoint` if `previous` is still the size of the last; else StaleDecision."""
        with self._writing() as connection:
            last = connection.execute("SELECT COALESCE(MAX(size), 0) FROM checkpoints").fetchone()[0]
            if last != previous:
                raise StaleDecision(f"a checkpoint of size {last} was signed meanwhile")
            row = (checkpoint.size, checkpoint.note, checkpoint.compact_range)
            connection.execute("INSERT INTO checkpoints VALUES (?,?,?)", row)

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
        with self._reading() as cursor:
            cursor.execute("SELECT * FROM api_keys ORDER BY created_at, id")
            return [_api_key(row) for row in cursor.fetchall()]

    def api_key(self, secret: bytes) -> ApiKey | None:
        """The API key with this digest, revoked or not."""
        with self._reading() as cursor:
            cursor.execute("SELECT * FROM api_keys WHERE secret = ?", (secret,))
            row = cursor.fetchone()
        return None if row is None else _api_key(row)

    def revoke_api_key(self, key_id: str, at: datetime) -> bool:
        """Whether there was such a living API key; it is dead now."""
        statement = "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        with self._writing() as connection:
            return connection.execute(statement, (format_time(at), key_id)).rowcount == 1

    @contextmanager
    def _reading(self) -> Iterator[SQLiteCursor]:
        try:
            with self.datastore.transaction(commit=False) as cursor:
                yield cursor
        except (sqlite3.Error, PersistenceError) as error:
            raise StoreUnavailable(f"the store cannot be read: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self.datastore.connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutcomeUnknown(f"the store failed while writing: {error}") from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.close()


def _api_key(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        secret=bytes(row["secret"]),
        issuer=None if row["issuer"] is None else StreamId(UUID(row["issuer"])),
        scopes=tuple(row["scopes"].split()),
        label=row["label"],
        created_at=parse_time(row["created_at"]),
        revoked_at=None if row["revoked_at"] is None else parse_time(row["revoked_at"]),
    )
