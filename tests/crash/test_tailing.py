"""A reader that follows the log beside 16 writers, whose commits may be undone, refused or cut, sees each entry once.

The writers append through the store as servers do; some of what they send conflicts, some is rolled back after it was
inserted, and connections of writers and readers are dropped in the middle.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from uuid import UUID

import psycopg

from ledger.adapters.engine import LedgerStore
from ledger.adapters.fence import Fence
from ledger.adapters.placing import Outcomes
from ledger.adapters.postgres.append import call, placed_alone
from ledger.adapters.postgres.connections import connect
from ledger.adapters.postgres.engine import PostgresEngine
from ledger.adapters.postgres.typed import prepare_types
from ledger.application.ports import (
    Appended,
    ConflictError,
    LedgerBusy,
    OutcomeUnknown,
    Proposal,
    StoreUnavailable,
)
from ledger.record.entry import parse_entry
from tests.contracts.scribe import Scribe
from tests.postgres import Cluster

WRITERS = 16
EVENTS = int(os.environ.get("TESTAMUR_TAILED_EVENTS", "5000"))
_MOST = 16  # proposals in one commit
_OWN = 10_000_000  # streams that belong to one writer; those below are fought for
_UNDONE = 5_000_000  # among them, those that are rolled back


@dataclass(slots=True)
class Told:
    """What the writers were told."""

    positions: dict[int, UUID] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)


def test_reader_beside_writers_sees_each_position_once_and_in_order(own_cluster: Cluster, seed: int) -> None:
    engine = PostgresEngine(own_cluster.url("testamur"))
    engine.create()
    told, written, stop = Told(), Event(), Event()
    with ThreadPoolExecutor(WRITERS + 3) as pool:
        followers = [pool.submit(_follow, engine, written) for _ in range(2)]
        dropping = pool.submit(_drop, own_cluster, random.Random(seed), stop, told)
        try:
            writers = [pool.submit(_write, engine, number, seed, told) for number in range(WRITERS)]
            for each in writers:
                each.result(3_600)
        finally:
            stop.set()
            dropping.result(60)
            written.set()
        seen = [each.result(600) for each in followers]
    print(f"seed {seed}, {WRITERS} writers: {len(told.positions)} events; {dict(told.outcomes)}")
    assert len(told.positions) >= EVENTS
    for entries in seen:
        assert [position for position, _ in entries] == list(range(1, len(told.positions) + 1))
        assert dict(entries) == told.positions
    assert told.outcomes["conflict"]
    assert told.outcomes["rolled back"]
    assert told.outcomes["dropped"]


def _follow(engine: PostgresEngine, written: Event) -> list[tuple[int, UUID]]:
    """Every entry as it comes, until nothing more is written."""
    seen: list[tuple[int, UUID]] = []
    with closing(_opened(engine)) as store:
        while True:
            last = written.is_set()
            before = len(seen)
            with suppress(StoreUnavailable):  # the connection was dropped: it goes on behind what it has
                _read_on(store, seen)
                if last and len(seen) == before:
                    return seen
                if not last:
                    store.wait(1.0)


def _opened(engine: PostgresEngine) -> LedgerStore:
    """The ledger; asked for again where the connection was dropped at once."""
    while True:
        with suppress(StoreUnavailable):
            return engine.open(Fence())


def _read_on(store: LedgerStore, seen: list[tuple[int, UUID]]) -> None:
    with store.snapshot() as snapshot:
        for position, raw in snapshot.states(seen[-1][0] if seen else 0, 1_000):
            seen.append((position, parse_entry(raw).stream))


def _write(engine: PostgresEngine, number: int, seed: int, told: Told) -> None:
    """Append a share of the events, in commits of different sizes."""
    chance, scribe = random.Random(f"{seed}/{number}"), Scribe()
    count = 0
    with closing(_opened(engine)) as store:
        while count < -(-EVENTS // WRITERS):
            if chance.random() < 0.3:
                _undo(engine, scribe, (number + 1) * _OWN + _UNDONE + count, told)
            proposals = [_proposal(scribe, number, count + index, chance) for index in range(chance.randint(1, _MOST))]
            outcomes = _insist(store, proposals, told)
            appended = [each for each in outcomes if isinstance(each, Appended)]
            count += len(appended)
            with told.lock:
                told.positions.update((each.position, each.stream) for each in appended)
                told.outcomes["appended"] += len(appended)
                told.outcomes["conflict"] += sum(isinstance(each, ConflictError) for each in outcomes)


def _proposal(scribe: Scribe, number: int, count: int, chance: random.Random) -> Proposal:
    """An entry of a new stream, which one time in ten every writer wants."""
    stream = chance.randrange(EVENTS) if chance.random() < 0.1 else (number + 1) * _OWN + count
    return scribe.keyed(stream, f"{number}/{count}/{chance.getrandbits(64)}".encode())


def _insist(store: LedgerStore, proposals: Sequence[Proposal], told: Told) -> Outcomes:
    """Append the same, under the same keys, until the outcome is known."""
    while True:
        try:
            return store.append(proposals)
        except (StoreUnavailable, LedgerBusy, OutcomeUnknown) as error:
            with told.lock:
                told.outcomes[type(error).__name__] += 1


def _undo(engine: PostgresEngine, scribe: Scribe, stream: int, told: Told) -> None:
    """Insert an entry, and roll it back before it is committed."""
    alone = placed_alone([scribe.proposal(stream)])
    assert alone is not None
    with suppress(psycopg.Error, StoreUnavailable), closing(connect(engine.url)) as connection:
        prepare_types(connection)
        with connection.transaction(force_rollback=True):
            call(connection, alone[0].placed, before=0, seen=0, looked=False)
        with told.lock:
            told.outcomes["rolled back"] += 1


def _drop(cluster: Cluster, chance: random.Random, stop: Event, told: Told) -> None:
    """End a connection to the ledger now and then, whoever holds it."""
    statement = "SELECT pid FROM pg_stat_activity WHERE datname = 'testamur'"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        while not stop.wait(chance.uniform(0.05, 0.3)):
            found = connection.execute(statement).fetchall()
            if found:
                connection.execute("SELECT pg_terminate_backend(%s)", chance.choice(found))
                told.outcomes["dropped"] += 1
