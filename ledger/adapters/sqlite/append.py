"""One append transaction on SQLite, under the write lock: what is known is read, what was placed is inserted.

What conflicts is decided in `ledger.adapters.placing`; who opens and ends the transaction, and what is then told to
whom, in `ledger.adapters.sqlite.ledger`.
"""

import sqlite3
from collections.abc import Sequence

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteCursor

from ledger.adapters.placing import Placing, used_slots
from ledger.adapters.sqlite.recorder import LedgerRecorder
from ledger.application.ports import Proposal
from ledger.domain.values import format_time


def insert(connection: sqlite3.Connection, recorder: LedgerRecorder, placing: Placing, *, first: int) -> None:
    """Insert everything that was placed from the position `first` on, and move the head."""
    if not placing.placed:
        return
    events = [StoredEvent(each.recorded.stream, each.recorded.seq, each.type, each.entry) for each in placing.events]
    recorder._insert_events(SQLiteCursor(connection.cursor()), events, first=first)
    _insert_beside(connection, placing)
    _insert_keys(connection, placing)
    connection.execute("UPDATE log_head SET size = ?, at = ?", (placing.size, format_time(placing.at)))


def _insert_beside(connection: sqlite3.Connection, placing: Placing) -> None:
    """The private parts, definitions, names, slots, stacks and short codes of everything that was placed."""
    run = connection.executemany
    proposals: Sequence[Proposal] = [each.proposal for each in placing.placed]
    parts = [
        (placed.first + each.event, each.part.value, each.key_id, each.box)
        for placed in placing.placed
        for each in placed.proposal.parts
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
    run(
        "INSERT INTO status_lists VALUES (?,?,?) ON CONFLICT(list) DO UPDATE SET used = used + excluded.used",
        [(status_list, issuer.hex, count) for (status_list, issuer), count in used_slots(placing.placed).items()],
    )
    stacks = [(mac, stream.hex) for proposal in proposals for mac, stream in proposal.stacks]
    run("INSERT INTO stacks VALUES (?,?)", stacks)
    codes = [(mac, stream.hex) for proposal in proposals for mac, stream in proposal.short_codes]
    run("INSERT INTO short_codes VALUES (?,?)", codes)


def _insert_keys(connection: sqlite3.Connection, placing: Placing) -> None:
    """What each idempotency key answers from now on."""
    rows = [
        (key.scope, key.key, key.request, appended.stream.hex, appended.revision, appended.position)
        for key, appended in ((placed.proposal.idempotency, placed.appended) for placed in placing.placed)
        if key is not None
    ]
    connection.executemany("INSERT INTO idempotency VALUES (?,?,?,?,?,?)", rows)
