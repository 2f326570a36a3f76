"""One append transaction on SQLite, under the write lock: what conflicts, and what is inserted.

Entries get the positions after the head; private parts, names, slots and idempotency rows go with them. Each proposal
is placed whole or not at all, and one that conflicts leaves no row behind. Who opens and ends the transaction, and what
is then told to whom, is decided in `ledger.adapters.sqlite_ledger`.
"""

import sqlite3

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteCursor

from ledger.adapters.event_store import LedgerRecorder
from ledger.adapters.sqlite_snapshot import read_replay
from ledger.application.ports import (
    Appended,
    ConflictError,
    IdempotencyMismatch,
    NameTaken,
    Proposal,
    SlotClaim,
    StaleDecision,
)
from ledger.domain.types import Position, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS, format_time


class AppendTransaction:
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
