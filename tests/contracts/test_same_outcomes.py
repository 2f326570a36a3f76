"""Both stores say the same of the same commits and then hold the same: what PostgreSQL decides in one call included."""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.fence import Fence
from ledger.adapters.placing import Outcomes, Placed, Placing
from ledger.adapters.postgres import append, writer
from ledger.adapters.postgres.connections import Connection, connect
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.schema import create as create_postgres
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.schema import create as create_sqlite
from ledger.application.ports import Guard, Proposal, Snapshot
from ledger.domain.types import Digest, ListId, Seq
from ledger.domain.values import STATUS_LIST_SLOTS
from tests.contracts.scribe import LIST, OTHER_LIST, Scribe, claim, idempotency, later, name, stream

_TABLES = (
    *("stored_events", "log_head", "private_parts", "idempotency", "definitions", "names"),
    *("status_lists", "status_slots", "short_codes", "stacks"),
)
_STREAMS = range(5)
_LISTS = (LIST, OTHER_LIST, ListId(b"status-list-0003"), ListId(b"status-list-0004"))
_SOMETIMES = (False, False, False, True)
_OFF = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 1)  # from the right seq
_SECONDS = (0, 0, 1, 30, 59, 61, 90, -30)  # from the time of the commit before


class Draws:
    """Proposals about a few streams, most of which can be appended."""

    def __init__(self, chance: Random, scribe: Scribe, snapshot: Snapshot, after: int) -> None:
        self._draw = chance.choice
        self._scribe = scribe
        self._after = after
        ends = {number: snapshot.end(stream(number)) for number in _STREAMS}
        self._ends = {number: -1 if end is None else end for number, end in ends.items()}

    def batch(self) -> list[Proposal]:
        """What is sent in one commit."""
        sent: list[Proposal] = []
        for _ in range(self._draw((1, 1, 1, 2, 3, 4))):
            again = self._draw([False] * 9 + [True])
            sent.append(sent[0] if sent and again else self._proposal())
        return sent

    def _proposal(self) -> Proposal:
        numbers = [self._draw(_STREAMS) for _ in range(self._draw((1, 2)))]
        at = later(self._after + self._draw(_SECONDS))
        events = tuple(self._scribe.entry(number, self._next(number), at=at) for number in numbers)
        first = events[0].recorded
        proposal = Proposal(events=events, answer=(first.stream, first.seq))
        if self._draw(_SOMETIMES):
            private = self._scribe.private(numbers[0], first.seq)
            proposal = replace(proposal, events=(*private.events, *events[1:]), parts=private.parts)
        return self._beside(proposal, numbers[0], first.seq)

    def _next(self, number: int) -> int:
        seq = max(0, self._ends[number] + 1 + self._draw(_OFF))
        self._ends[number] = seq
        return seq

    def _beside(self, proposal: Proposal, number: int, seq: int) -> Proposal:
        draw = self._draw
        if draw(_SOMETIMES):
            guarded = draw(_STREAMS)
            guard = Guard(stream=stream(guarded), seq=Seq(max(0, self._ends[guarded] + draw(_OFF))))
            proposal = replace(proposal, guards=(guard,))
        if draw(_SOMETIMES):
            key, request = draw((b"k", b"l")), draw((b"r", b"r", b"s"))
            scope = draw(("college", "college", "board"))
            proposal = replace(proposal, idempotency=idempotency(key, request, scope))
        if draw(_SOMETIMES):
            proposal = replace(proposal, names=(name(draw("abc"), number),))
        if draw((False, True, True)):
            claimed = claim(
                draw(range(41)),
                number,
                status_list=draw(_LISTS),
                issuer=draw((900, 900, 900, 901)),
                seq=seq,
            )
            proposal = replace(proposal, slots=(claimed,))
        if draw(_SOMETIMES):
            proposal = replace(proposal, short_codes=((draw((b"1", b"2", b"3", b"")), stream(number)),))
        if draw(_SOMETIMES):
            proposal = replace(proposal, stacks=((draw((b"1", b"2")), stream(number)),))
        if draw(_SOMETIMES):
            digest = Digest(bytes([draw(range(3))]) * 32)
            proposal = replace(proposal, definitions=((digest, b"{}"),))
        return proposal


class Ways:
    """Which way each commit on PostgreSQL took."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: Counter[str] = Counter()
        alone, call = append.placed_alone, append.call

        def placed_alone(proposals: Sequence[Proposal]) -> tuple[Placing, Outcomes] | None:
            found = alone(proposals)
            self.taken["conflicts with itself" if found is None else "alone"] += 1
            return found

        def called(connection: Connection, placed: Sequence[Placed], *, before: int, seen: int, looked: bool) -> int:
            try:
                base = call(connection, placed, before=before, seen=seen, looked=looked)
            except append.Differs as differs:
                self.taken[f"differs: {differs.what}"] += 1
                raise
            self.taken["locked, recorded" if looked else "one call"] += 1
            return base

        monkeypatch.setattr(writer, "placed_alone", placed_alone)
        monkeypatch.setattr(writer, "call", called)


def _empty(connection: Connection) -> None:
    connection.execute("SET session_replication_role = replica")
    connection.execute("TRUNCATE " + ", ".join(f"ledger.{table}" for table in _TABLES if table != "log_head"))
    connection.execute("UPDATE ledger.log_head SET size = 0, at = '1970-01-01T00:00:00.000Z'")


def _plain(row: Sequence[object]) -> tuple[object, ...]:
    return tuple([each.hex if isinstance(each, UUID) else each for each in row])


def test_random_commits_have_the_same_outcomes_and_leave_the_same_rows(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = Ways(monkeypatch)
    kinds: Counter[str] = Counter()

    @settings(max_examples=120)
    # Of a seed alone follows what is drawn, so that some hundred of them draw a little of everything.
    @given(seed=st.integers(0, 2**64 - 1))
    def check(seed: int) -> None:
        chance = Random(seed)
        _empty(there)
        scribe = Scribe()
        with ExitStack() as stack:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "ledger.db"
            create_sqlite(path)
            here = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
            sqlite = stack.enter_context(closing(SqliteLedger(path, Fence())))
            postgres = stack.enter_context(closing(PostgresLedger(database_url, Fence())))
            for number in range(chance.randint(2, 6)):
                with sqlite.snapshot() as snapshot:
                    batch = Draws(chance, scribe, snapshot, 30 * number).batch()
                outcomes = sqlite.append(batch), postgres.append(batch)
                kinds.update(type(each).__name__ for each in outcomes[0])
                assert list(map(_told, outcomes[0])) == list(map(_told, outcomes[1]))
                for table in _TABLES:
                    rows = here.execute(f"SELECT * FROM {table}"), there.execute(f"SELECT * FROM ledger.{table}")
                    assert sorted(map(_plain, rows[0]), key=repr) == sorted(map(_plain, rows[1]), key=repr), table
                if chance.choice(_SOMETIMES):  # a list that is about to be half full, or is
                    used = STATUS_LIST_SLOTS // 2 - chance.randint(0, 2)
                    here.execute("UPDATE status_lists SET used = ?", (used,))
                    there.execute("UPDATE ledger.status_lists SET used = %s", (used,))

    with closing(connect(database_url)) as there:
        create_postgres(there)
        check()
    expected = {"one call", "locked, recorded", "conflicts with itself"}
    expected |= {"differs: stream", "differs: time", "differs: list"}
    assert all(ways.taken[each] >= 5 for each in expected), ways.taken
    names = ("Appended", "StaleDecision", "TimeHasPassed", "NameTaken", "AlreadyStacked", "IdempotencyMismatch")
    assert all(kinds[each] for each in names), kinds


def _told(outcome: object) -> str:
    """What a caller hears."""
    return f"{type(outcome).__name__}: {outcome}"
