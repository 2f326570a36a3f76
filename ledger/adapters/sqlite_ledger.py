"""The ledger on SQLite: the append transaction, and snapshots for reading.

One row `log_head(size, at)` is read and moved inside `BEGIN IMMEDIATE`; entries get `size + 1 ...`, and private parts,
names, slots and idempotency rows go with them. So commit order is position order, and leaf index = position - 1.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteCursor

from ledger.adapters.event_store import FoldedStream, LedgerDatastore, LedgerRecorder, Streams, as_bytes
from ledger.adapters.sqlite_schema import WrongSchema
from ledger.application.api_keys import ApiKey
from ledger.application.ports import (
    Appended,
    ConflictError,
    IdempotencyMismatch,
    LedgerHalted,
    NameTaken,
    OutcomeUnknown,
    Proposal,
    Replay,
    SignedCheckpoint,
    SlotClaim,
    StaleDecision,
    StoredPart,
)
from ledger.domain.types import Digest, ListId, Position, Seq, Slot, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, Part, format_time, parse_time
from ledger.verification.evidence import Head, Placed


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
        self._seen = 0  # the fence: how many entries this process has seen committed
        self._halted: LedgerHalted | None = None

    def close(self) -> None:
        """Close every connection."""
        self._writer.close()
        self.datastore.close()

    def load(self, stream: StreamId) -> FoldedStream | None:
        """A stream, folded; None where there is no such stream."""
        return self._streams.load(stream)

    @contextmanager
    def snapshot(self) -> Iterator["SqliteSnapshot"]:
        """One consistent view of everything."""
        with self.datastore.transaction(commit=False) as cursor:
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
            transaction = _Append(writer, self.recorder)
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
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT * FROM api_keys ORDER BY created_at, id")
            return [_api_key(row) for row in cursor.fetchall()]

    def api_key(self, secret: bytes) -> ApiKey | None:
        """The API key with this digest, revoked or not."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT * FROM api_keys WHERE secret = ?", (secret,))
            row = cursor.fetchone()
        return None if row is None else _api_key(row)

    def revoke_api_key(self, key_id: str, at: datetime) -> bool:
        """Whether there was such a living API key; it is dead now."""
        statement = "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        with self._writing() as connection:
            return connection.execute(statement, (format_time(at), key_id)).rowcount == 1

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


class _Append:
    """One append transaction, under the lock: what is checked, then what is inserted."""

    def __init__(self, connection: sqlite3.Connection, recorder: LedgerRecorder) -> None:
        self._connection = connection
        self._cursor = SQLiteCursor(connection.cursor())
        self._recorder = recorder
        self.size, at = connection.execute("SELECT size, at FROM log_head").fetchone()
        self._at: str = at
        self._ends: dict[StreamId, int] = {}  # last seq of streams touched, -1 where there is none
        self._events: list[StoredEvent] = []

    def place(self, proposal: Proposal) -> Appended | ConflictError:
        """Insert everything of `proposal`, or nothing of it and say why."""
        replayed = self._replayed(proposal)
        if replayed is not None:
            return replayed
        conflict = self._conflict(proposal)
        if conflict is not None:
            return conflict
        first = self.size + 1
        for sealed in proposal.events:
            recorded = sealed.recorded
            self._ends[recorded.stream] = recorded.seq
            self._at = max(self._at, format_time(recorded.at))
        rows = [StoredEvent(each.recorded.stream, each.recorded.seq, each.type, each.entry) for each in proposal.events]
        self._recorder._insert_events(self._cursor, rows, first=first)
        self.size += len(rows)
        self._insert_beside(proposal, first)
        stream, revision = proposal.answer
        answering = next(
            index
            for index, each in enumerate(proposal.events)
            if (each.recorded.stream, each.recorded.seq) == proposal.answer
        )
        appended = Appended(stream=stream, revision=revision, position=Position(first + answering), replayed=False)
        self._remember(proposal, appended)
        return appended

    def finish(self) -> None:
        """Move the head."""
        self._connection.execute("UPDATE log_head SET size = ?, at = ?", (self.size, self._at))

    def _replayed(self, proposal: Proposal) -> Appended | ConflictError | None:
        if proposal.idempotency is None:
            return None
        replay = read_replay(self._connection, proposal.idempotency.scope, proposal.idempotency.key)
        if replay is None:
            return None
        if replay.request != proposal.idempotency.request:
            return IdempotencyMismatch("this idempotency key was used for another request")
        return replay.appended

    def _conflict(self, proposal: Proposal) -> ConflictError | None:
        expected: dict[StreamId, int] = {}
        for sealed in proposal.events:
            recorded = sealed.recorded
            before = expected.get(recorded.stream, self._end(recorded.stream))
            if recorded.seq != before + 1:
                return StaleDecision(f"the stream {recorded.stream} has moved on to {before}")
            if format_time(recorded.at) < self._at:
                return StaleDecision("the log has a later time by now")
            expected[recorded.stream] = recorded.seq
        for guard in proposal.guards:
            if self._end(guard.stream) != guard.seq:
                return StaleDecision(f"the stream {guard.stream}, which the decision read, has changed")
        for name in proposal.names:
            if self._exists("SELECT 1 FROM names WHERE scope = ? AND name = ?", name.scope, name.name):
                return NameTaken(f"the short name “{name.name}” is taken")
        for claim in proposal.slots:
            if self._exists("SELECT 1 FROM status_slots WHERE list = ? AND slot = ?", claim.list, claim.slot):
                return StaleDecision("the status slot was given to another award")
            if self._list_beside(claim):
                return StaleDecision("another status list was begun for this issuer meanwhile")
        for mac, _ in proposal.short_codes:
            if self._exists("SELECT 1 FROM short_codes WHERE mac = ?", mac):
                return StaleDecision("the short code was given to another award")
        return None

    def _list_beside(self, claim: SlotClaim) -> bool:
        """Whether the claim would begin a list although the issuer has one with room."""
        if self._exists("SELECT 1 FROM status_lists WHERE list = ?", claim.list):
            return False
        room = "SELECT 1 FROM status_lists WHERE issuer = ? AND used < ?"
        return self._exists(room, claim.issuer.hex, STATUS_LIST_SLOTS // 2)

    def _end(self, stream: StreamId) -> int:
        if stream not in self._ends:
            row = self._connection.execute(
                "SELECT MAX(originator_version) FROM stored_events WHERE originator_id = ?", (stream.hex,)
            ).fetchone()
            self._ends[stream] = -1 if row[0] is None else row[0]
        return self._ends[stream]

    def _exists(self, statement: str, *parameters: object) -> bool:
        return self._connection.execute(statement, parameters).fetchone() is not None

    def _insert_beside(self, proposal: Proposal, first: int) -> None:
        run = self._connection.executemany
        parts = [(first + each.event, each.part.value, each.key_id, each.box) for each in proposal.parts]
        run("INSERT INTO private_parts VALUES (?,?,?,?)", parts)
        run("INSERT OR IGNORE INTO definitions VALUES (?,?)", proposal.definitions)
        run("INSERT INTO names VALUES (?,?,?)", [(each.scope, each.name, each.stream.hex) for each in proposal.names])
        slots = [(each.list, each.slot, each.stream.hex, each.seq) for each in proposal.slots]
        run("INSERT INTO status_slots VALUES (?,?,?,?)", slots)
        run(
            "INSERT INTO status_lists VALUES (?,?,1) ON CONFLICT(list) DO UPDATE SET used = used + 1",
            [(each.list, each.issuer.hex) for each in proposal.slots],
        )
        run("INSERT INTO short_codes VALUES (?,?)", [(mac, stream.hex) for mac, stream in proposal.short_codes])

    def _remember(self, proposal: Proposal, appended: Appended) -> None:
        if proposal.idempotency is not None:
            key = proposal.idempotency
            self._connection.execute(
                "INSERT INTO idempotency VALUES (?,?,?,?,?,?)",
                (key.scope, key.key, key.request, appended.stream.hex, appended.revision, appended.position),
            )


class SqliteSnapshot:
    """Reads inside one transaction."""

    def __init__(self, cursor: SQLiteCursor) -> None:
        self._connection: sqlite3.Connection = cursor.sqlite_cursor.connection

    def head(self) -> Head:
        """The end of the log."""
        size, at = self._connection.execute("SELECT size, at FROM log_head").fetchone()
        return Head(size=size, at=parse_time(at))

    def entries(self, after: int, limit: int) -> list[Placed]:
        """At most `limit` entries beyond the position `after`, in order."""
        rows = self._connection.execute(
            "SELECT notification_id, state FROM stored_events WHERE notification_id > ? "
            "ORDER BY notification_id LIMIT ?",
            (after, limit),
        )
        return [Placed(position=Position(row[0]), raw=as_bytes(row[1])) for row in rows]

    def stream(self, stream: StreamId) -> tuple[Placed, ...]:
        """A stream's entries in the order of seq; none where there is no such stream."""
        rows = self._connection.execute(
            "SELECT notification_id, state FROM stored_events WHERE originator_id = ? ORDER BY originator_version",
            (stream.hex,),
        )
        return tuple(Placed(position=Position(row[0]), raw=as_bytes(row[1])) for row in rows)

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

    def slot_taken(self, status_list: ListId, slot: Slot) -> bool:
        """Whether a version of an award holds this bit."""
        statement = "SELECT 1 FROM status_slots WHERE list = ? AND slot = ?"
        return self._connection.execute(statement, (status_list, slot)).fetchone() is not None

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

    def replay(self, scope: str, key: bytes) -> Replay | None:
        """What an idempotency key answered before."""
        return read_replay(self._connection, scope, key)

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


def read_replay(connection: sqlite3.Connection, scope: str, key: bytes) -> Replay | None:
    """What an idempotency key answered before."""
    row = connection.execute(
        "SELECT request, stream, revision, position FROM idempotency WHERE scope = ? AND key = ?", (scope, key)
    ).fetchone()
    if row is None:
        return None
    appended = Appended(stream=StreamId(UUID(row[1])), revision=Seq(row[2]), position=Position(row[3]), replayed=True)
    return Replay(request=bytes(row[0]), appended=appended)
