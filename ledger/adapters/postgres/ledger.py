"""The ledger on PostgreSQL: one writing connection, a few for reading, and what several processes must agree on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from threading import Lock
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow

from ledger.adapters.event_store import FoldedStream, Streams
from ledger.adapters.fence import Fence
from ledger.adapters.placing import Outcomes
from ledger.adapters.postgres.connections import Connection, Readers, connect, said
from ledger.adapters.postgres.recorder import LedgerRecorder
from ledger.adapters.postgres.scans import PostgresScans
from ledger.adapters.postgres.schema import CHANNEL, PUBLISHING, SAVING, check, prepare
from ledger.adapters.postgres.snapshot import PostgresSnapshot
from ledger.adapters.postgres.writer import Writer
from ledger.application.api_keys import ApiKey
from ledger.application.ports import (
    OutcomeUnknown,
    Proposal,
    SignedCheckpoint,
    Snapshot,
    StaleDecision,
    StatusCredential,
    StoreUnavailable,
)
from ledger.domain.types import Position, StreamId
from ledger.domain.values import format_time, parse_time
from ledger.record.sealing import Sealed
from ledger.verification.evidence import Head

# In one message, so that it costs one round trip; the first read fixes what all others see.
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT size, at FROM ledger.log_head"
# With the size of the log, of the same moment: it tells whether this is the server that was read before.
_END = (
    "SELECT h.size, (SELECT MAX(e.originator_version) FROM ledger.stored_events e WHERE e.originator_id = %b) "
    "FROM ledger.log_head h"
)
_PUBLISHED = (
    "INSERT INTO ledger.published_days(size, day, note) VALUES (%b, %b, %b) "
    "ON CONFLICT (day) DO UPDATE SET size = excluded.size, note = excluded.note"
)
_LAST_SIGNED = "SELECT made_at, size FROM ledger.status_credentials WHERE list = %b ORDER BY made_at DESC LIMIT 1"
_API_KEYS = (
    "SELECT h.size, k.id, k.secret, k.issuer, k.scopes, k.label, k.created_at, k.revoked_at "
    "FROM ledger.log_head h LEFT JOIN ledger.api_keys k ON "
)


class PostgresLedger:
    """The store of one process among several. Whatever appends is for its one committer thread; the rest for any."""

    def __init__(self, url: str, fence: Fence) -> None:
        """Open an existing ledger.

        Raises:
            StoreUnavailable, UnsafeDatabase, WrongSchema.
        """
        self._url = url
        self.fence = fence
        with ExitStack() as stack:
            self._writer = Writer(url, fence)
            stack.callback(self._writer.close)
            self._readers = Readers(url, configure=prepare)
            stack.callback(self._readers.close)
            self._streams = Streams(LedgerRecorder(self._readers))
            self._closing = stack.pop_all()
        self._listening: Connection | None = None
        self._one_listener = Lock()
        self._closed = False

    def close(self) -> None:
        """Close every connection."""
        self._closing.close()
        with self._one_listener:
            self._closed = True
            if self._listening is not None:
                self._listening.close()

    def load(self, stream: StreamId) -> FoldedStream | None:
        """A stream, folded; None where there is no such stream."""
        end = self._read(_END, stream)[0][1]
        return None if end is None else self._streams.load(stream, end)

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSnapshot]:
        """One consistent view of everything.

        Raises:
            StoreUnavailable: the database cannot be read.
            LedgerHalted: it lost what this process saw.
        """
        with ExitStack() as stack:
            floor = self.fence.floor()
            try:
                connection, head = self._begun(stack)
            except StoreUnavailable:  # a connection that was kept open while the server was restarted, say
                self._readers.renew()
                connection, head = self._begun(stack)
            self.fence.check(head.size, floor)
            yield PostgresSnapshot(connection, head)

    def _begun(self, stack: ExitStack) -> tuple[Connection, Head]:
        with ExitStack() as borrowed:
            connection = borrowed.enter_context(self._readers.borrow())
            cursor = connection.execute(_BEGIN)
            cursor.nextset()
            row = cursor.fetchone()
            if row is None:
                raise StoreUnavailable("the store cannot be read: the log has no head")
            stack.push(borrowed.pop_all())
        return connection, Head(size=row[0], at=parse_time(row[1]))

    def append(self, proposals: Sequence[Proposal]) -> Outcomes:
        """Append what does not conflict, in one transaction; durable when it returns.

        Raises:
            LedgerHalted, LedgerBusy, StoreUnavailable, OutcomeUnknown.
        """
        return self._writer.append(proposals)

    def append_last(self, make: Callable[[Snapshot], Sealed | None]) -> Position | None:
        """Append the one entry that `make` makes of the log's end, under the lock of the head; None if it makes none.

        `make` is called again where the connection was lost before anything was recorded.

        Raises:
            StaleDecision: the entry does not follow; nothing was recorded.
            LedgerHalted, LedgerBusy, StoreUnavailable, OutcomeUnknown: as `append`.
            LedgerError: whatever `make` raises; nothing was recorded.
        """
        return self._writer.append_last(make)

    def try_writing(self) -> None:
        """Pass if a transaction becomes durable at this moment; it changes nothing."""
        with self._writing() as connection:
            connection.execute("UPDATE ledger.log_head SET size = size")

    def scans(self) -> PostgresScans:
        """A source for scans, with a connection of its own."""
        return PostgresScans(self._url, self.fence)

    def save_checkpoint(self, previous: int, checkpoint: SignedCheckpoint) -> None:
        """Compare-and-swap: keep `checkpoint` if `previous` is still the size of the last; else StaleDecision."""
        row = (checkpoint.size, checkpoint.note, checkpoint.compact_range)
        with self._writing() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (SAVING,))
            last = connection.execute("SELECT COALESCE(MAX(size), 0) FROM ledger.checkpoints").fetchone()
            if last is None or last[0] != previous:
                raise StaleDecision("another checkpoint was signed meanwhile")
            connection.execute("INSERT INTO ledger.checkpoints VALUES (%b, %b, %b)", row)

    def save_published(self, day: str, size: int, note: bytes) -> None:
        """Keep a published note as the last of that day, unless a larger one was published; then StaleDecision."""
        with self._writing() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (SAVING,))
            last = connection.execute("SELECT COALESCE(MAX(size), 0) FROM ledger.published_days").fetchone()
            if last is None or size < last[0]:
                raise StaleDecision("a larger checkpoint was published meanwhile")
            connection.execute(_PUBLISHED, (size, day, note))

    def save_status_credential(self, previous: datetime | None, credential: StatusCredential) -> None:
        """Keep a signed status list, if the last one of that list is of `previous`; else StaleDecision."""
        made_at, before = format_time(credential.made_at), None if previous is None else format_time(previous)
        with self._writing() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (SAVING,))
            last = connection.execute(_LAST_SIGNED, (credential.list,)).fetchone() or (None, 0)
            if last[0] != before or (before is not None and made_at <= before) or last[1] > credential.size:
                raise StaleDecision("another status list was signed meanwhile")
            row = (credential.list, made_at, credential.size, credential.raw)
            connection.execute("INSERT INTO ledger.status_credentials VALUES (%b, %b, %b, %b)", row)

    @contextmanager
    def publishing(self) -> Iterator[bool]:
        """Whether this process is the one that publishes while the `with` lasts."""
        connection = connect(self._url, name="testamur publisher")
        try:
            yield _is_first(connection, PUBLISHING)
        finally:
            # The lock goes with the connection, but only when the server notices: somebody may ask for it before.
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock_all()")
            connection.close()

    def wait(self, seconds: float) -> None:
        """Return when another process may have committed something, at the latest after so many seconds."""
        with self._one_listener:
            try:
                if self._closed:
                    raise StoreUnavailable("the store is closed")
                if self._listening is None or self._listening.closed:
                    self._listening = _listener(self._url)
                    return  # whatever was committed before this was not told here
                for _ in self._listening.notifies(timeout=seconds, stop_after=1):
                    pass
            except psycopg.Error as error:
                raise StoreUnavailable(f"the store cannot be read: {said(error)}") from error

    def add_api_key(self, key: ApiKey) -> None:
        """Keep a new API key; durable when it returns."""
        row = (key.id, key.secret, key.issuer, " ".join(key.scopes), key.label, format_time(key.created_at), None)
        with self._writing() as connection:
            connection.execute("INSERT INTO ledger.api_keys VALUES (%s,%b,%s,%s,%s,%s,%s)", row)

    def api_keys(self) -> Sequence[ApiKey]:
        """Every API key, oldest first."""
        rows = self._read(f"{_API_KEYS} true ORDER BY k.created_at, k.id")
        return [_api_key(*row[1:]) for row in rows if row[1] is not None]

    def api_key(self, secret: bytes) -> ApiKey | None:
        """The API key with this digest, revoked or not."""
        row = self._read(f"{_API_KEYS} k.secret = %b", secret)[0]
        return None if row[1] is None else _api_key(*row[1:])

    def revoke_api_key(self, key_id: str, at: datetime) -> bool:
        """Whether there was such a living API key; it is dead now."""
        statement = "UPDATE ledger.api_keys SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL"
        with self._writing() as connection:
            return connection.execute(statement, (format_time(at), key_id)).rowcount == 1

    def _read(self, statement: LiteralString, *parameters: object) -> list[TupleRow]:
        """What one statement finds, which tells the size of the log first.

        Raises:
            StoreUnavailable, LedgerHalted.
        """
        floor = self.fence.floor()
        with self._readers.borrow() as connection:
            rows = connection.execute(statement, parameters or None).fetchall()
        if not rows:
            raise StoreUnavailable("the store cannot be read: the log has no head")
        self.fence.check(rows[0][0], floor)
        return rows

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A connection of its own, inside one transaction: what is written so is seldom, and never large."""
        floor = self.fence.floor()
        connection = connect(self._url)
        try:
            check(connection)
            with connection.transaction():
                # It may lead to another server than what was read a moment ago: to a standby that lagged.
                row = connection.execute("SELECT size FROM ledger.log_head").fetchone()
                self.fence.check(0 if row is None else row[0], floor)
                yield connection
        except psycopg.Error as error:
            raise OutcomeUnknown(f"the store failed while writing: {said(error)}") from error
        finally:
            connection.close()


def _listener(url: str) -> Connection:
    """A connection that hears of every commit from now on."""
    connection = connect(url, name="testamur listener")
    try:
        connection.execute(f"LISTEN {CHANNEL}")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_first(connection: Connection, lock: int) -> bool:
    try:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchone()
    except psycopg.Error as error:
        raise StoreUnavailable(f"the store cannot be read: {said(error)}") from error
    return bool(row is not None and row[0])


def _api_key(
    key_id: str,
    secret: bytes,
    issuer: StreamId | None,
    scopes: str,
    label: str,
    created_at: str,
    revoked_at: str | None,
) -> ApiKey:
    return ApiKey(
        id=key_id,
        secret=bytes(secret),
        issuer=None if issuer is None else StreamId(issuer),
        scopes=tuple(scopes.split()),
        label=label,
        created_at=parse_time(created_at),
        revoked_at=None if revoked_at is None else parse_time(revoked_at),
    )
