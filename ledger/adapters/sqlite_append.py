"""One append transaction on SQLite, under the write lock: what conflicts, and what is inserted.

Entries get the positions after the head; private parts, names, slots and idempotency rows go with them. Each proposal
is placed whole or not at all, and one that conflicts leaves no row behind. Who opens and ends the transaction, and what
is then told to whom, is decided in `ledger.adapters.sqlite_ledger`.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteCursor

from ledger.adapters.event_store import LedgerRecorder
from ledger.adapters.sqlite_known import Known
from ledger.application.ports import (
    AlreadyStacked,
    Appended,
    ConflictError,
    IdempotencyMismatch,
    NameTaken,
    Proposal,
    StaleDecision,
    TimeHasPassed,
)
from ledger.domain.types import Position, StreamId
from ledger.domain.values import format_time, parse_time


class AppendTransaction:
    """One append transaction, under the lock: each proposal is placed or refused, then everything is inserted."""

    def __init__(self, connection: sqlite3.Connection, recorder: LedgerRecorder) -> None:
        self._connection = connection
        self._recorder = recorder
        self._first, at = connection.execute("SELECT size, at FROM log_head").fetchone()
        self._at = parse_time(at)
        self._placed: list[tuple[int, Proposal, Appended]] = []  # with the position of each one's first event
        self.size: int = self._first

    def place(self, proposals: Sequence[Proposal]) -> list[Appended | ConflictError]:
        """One outcome per proposal: each is placed whole, after those before it, or not at all."""
        known = Known(self._connection, proposals)
        return [self._place(proposal, known) for proposal in proposals]

    def _place(self, proposal: Proposal, known: Known) -> Appended | ConflictError:
        answer = _replayed(proposal, known) or self._conflict(proposal, known)
        if answer is not None:
            return answer
        first = self.size + 1
        stream, revision = proposal.answer
        answering = next(
            index
            for index, each in enumerate(proposal.events)
            if (each.recorded.stream, each.recorded.seq) == proposal.answer
        )
        appended = Appended(stream=stream, revision=revision, position=Position(first + answering), replayed=False)
        self._at = max(self._at, *(each.recorded.at for each in proposal.events))
        self.size += len(proposal.events)
        known.place(proposal, appended)
        self._placed.append((first, proposal, appended))
        return appended

    def finish(self) -> None:
        """Insert everything that was placed, and move the head."""
        if not self._placed:
            return
        events = [
            StoredEvent(each.recorded.stream, each.recorded.seq, each.type, each.entry)
            for _, proposal, _ in self._placed
            for each in proposal.events
        ]
        self._recorder._insert_events(SQLiteCursor(self._connection.cursor()), events, first=self._first + 1)
        self._insert_beside()
        self._insert_keys()
        head = (self.size, format_time(self._at))
        self._connection.execute("UPDATE log_head SET size = ?, at = ?", head)

    def _conflict(self, proposal: Proposal, known: Known) -> ConflictError | None:
        expected: dict[StreamId, int] = {}
        for sealed in proposal.events:
            recorded = sealed.recorded
            before = expected.get(recorded.stream, known.ends[recorded.stream])
            if recorded.seq != before + 1:
                return StaleDecision(f"the stream {recorded.stream} has moved on to {before}")
            if recorded.at < self._at:
                return TimeHasPassed("the log has a later time by now")
            expected[recorded.stream] = recorded.seq
        for guard in proposal.guards:
            if known.ends[guard.stream] != guard.seq:
                return StaleDecision(f"the stream {guard.stream}, which the decision read, has changed")
        for name in proposal.names:
            if known.has_name(name):
                return NameTaken(f"the short name “{name.name}” is taken")
        for claim in proposal.slots:
            if known.has_slot(claim):
                return StaleDecision("the status slot was given to another award")
            if known.has_list_beside(claim):
                return StaleDecision("another status list was begun for this issuer meanwhile")
        for mac, _ in proposal.stacks:
            if known.has_stack(mac):
                return AlreadyStacked("the learner has this award for these components already")
        for mac, _ in proposal.short_codes:
            if known.has_short_code(mac):
                return StaleDecision("the short code was given to another award")
        return None

    def _insert_beside(self) -> None:
        """The private parts, definitions, names, slots, stacks and short codes of everything that was placed."""
        run = self._connection.executemany
        proposals = [proposal for _, proposal, _ in self._placed]
        parts = [
            (first + each.event, each.part.value, each.key_id, each.box)
            for first, proposal, _ in self._placed
            for each in proposal.parts
        ]
        run("INSERT INTO private_parts VALUES (?,?,?,?)", parts)
        definitions = [each for proposal in proposals for each in proposal.definitions]
        run("INSERT OR IGNORE INTO definitions VALUES (?,?)", definitions)
        names = [(each.scope, each.name, each.stream.hex) for proposal in proposals for each in proposal.names]
        run("INSERT INTO names VALUES (?,?,?)", names)
        claims = [each for proposal in proposals for each in proposal.slots]
        run(
            "INSERT INTO status_slots VALUES (?,?,?,?)",
            [(each.list, each.slot, each.stream.hex, each.seq) for each in claims],
        )
        used = Counter((each.list, each.issuer.hex) for each in claims)
        run(
            "INSERT INTO status_lists VALUES (?,?,?) ON CONFLICT(list) DO UPDATE SET used = used + excluded.used",
            [(*key, count) for key, count in used.items()],
        )
        stacks = [(mac, stream.hex) for proposal in proposals for mac, stream in proposal.stacks]
        run("INSERT INTO stacks VALUES (?,?)", stacks)
        codes = [(mac, stream.hex) for proposal in proposals for mac, stream in proposal.short_codes]
        run("INSERT INTO short_codes VALUES (?,?)", codes)

    def _insert_keys(self) -> None:
        """What each idempotency key answers from now on."""
        rows = [
            (key.scope, key.key, key.request, appended.stream.hex, appended.revision, appended.position)
            for key, appended in ((proposal.idempotency, appended) for _, proposal, appended in self._placed)
            if key is not None
        ]
        self._connection.executemany("INSERT INTO idempotency VALUES (?,?,?,?,?,?)", rows)


def _replayed(proposal: Proposal, known: Known) -> Appended | ConflictError | None:
    """What the same request was answered before."""
    key = proposal.idempotency
    replay = None if key is None else known.replays.get((key.scope, key.key))
    if key is None or replay is None:
        return None
    if replay.request != key.request:
        return IdempotencyMismatch("this idempotency key was used for another request")
    return replay.appended
