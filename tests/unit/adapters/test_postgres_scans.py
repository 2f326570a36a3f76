"""Scans on PostgreSQL: one state for each, though others commit between its reads; failures in words."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from ledger.adapters.fence import Fence
from ledger.adapters.postgres import scans as module
from ledger.adapters.postgres.connections import Connection, connect
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.scans import PostgresScans
from ledger.adapters.postgres.schema import create
from ledger.application.ports import LedgerHalted, SignedCheckpoint, StoreUnavailable
from ledger.domain.types import Digest, Position
from ledger.domain.values import Part
from tests.contracts.scribe import Scribe, name, stream
from tests.postgres import Cluster


@pytest.fixture
def admin(database_url: str) -> Iterator[Connection]:
    with closing(connect(database_url)) as connection:
        create(connection)
        yield connection


@pytest.fixture
def store(admin: Connection, database_url: str) -> Iterator[PostgresLedger]:
    with closing(PostgresLedger(database_url, Fence())) as store:
        yield store


@pytest.fixture
def scans(store: PostgresLedger) -> Iterator[PostgresScans]:
    with closing(store.scans()) as scans:
        yield scans


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


def checkpoint(size: int) -> SignedCheckpoint:
    return SignedCheckpoint(size=size, note=bytes([size]), compact_range=b"range")


@pytest.mark.parametrize("first", ["head", "stream", "end", "parts", "checkpoint", "definition", "entries", "states"])
def test_scan_sees_one_state_though_others_commit_between_its_reads(
    store: PostgresLedger, scans: PostgresScans, scribe: Scribe, first: str
) -> None:
    award = scribe.private(1)
    store.append([award, scribe.proposal(2)])
    store.save_checkpoint(0, checkpoint(1))
    with scans.snapshot() as snapshot:
        reads: dict[str, Callable[[], object]] = {
            "head": lambda: snapshot.head().size,
            "stream": lambda: [each.position for each in snapshot.stream(stream(1))],
            "end": lambda: [snapshot.end(stream(number)) for number in (1, 2, 3)],
            "parts": lambda: [each.part for each in snapshot.parts([Position(1)])[Position(1)]],
            "checkpoint": snapshot.checkpoint,
            "definition": lambda: snapshot.definition(Digest(bytes(32))),
            "component": lambda: [len(snapshot.stream(stream(number))) for number in (1, 2, 3)],
            "entries": lambda: len(snapshot.entries(0, 100)),
            "states": lambda: [len(list(snapshot.states(0, limit))) for limit in (-1, 2, 9)],
        }
        fixed = reads[first]()
        for number, sent in enumerate(([scribe.proposal(1, 1), scribe.proposal(3)], [scribe.proposal(2, 1)])):
            store.append(sent)
            store.save_checkpoint(1 + 2 * number, checkpoint(3 + 2 * number))
            assert {each: read() for each, read in reads.items()} == {
                "head": 2,
                "stream": [1],
                "end": [0, 0, None],
                "parts": [Part.FACTS, Part.INTERNAL],
                "checkpoint": checkpoint(1),
                "definition": None,
                "component": [1, 1, 0],
                "entries": 2,
                "states": [2, 2, 2],
            }
            assert reads[first]() == fixed
    with scans.snapshot() as snapshot:
        assert (snapshot.head().size, snapshot.end(stream(1)), snapshot.end(stream(3))) == (5, 1, 0)
        assert [each.position for each in snapshot.stream(stream(1))] == [1, 3]
        assert snapshot.checkpoint() == checkpoint(5)


def test_names_and_bytes_are_those_of_any_snapshot(
    store: PostgresLedger, scans: PostgresScans, admin: Connection, scribe: Scribe
) -> None:
    named = replace(scribe.private(1), names=(name("wound-care", 1),), short_codes=((b"mac", stream(1)),))
    store.append([named])
    admin.execute("INSERT INTO ledger.private_parts VALUES (1, 'extra', '\\x01', '\\x02')")  # none of ours
    with scans.snapshot() as snapshot, store.snapshot() as other:
        assert snapshot.name("issuer", "wound-care") == other.name("issuer", "wound-care") == stream(1)
        assert snapshot.short_code(b"mac") == stream(1)
        assert snapshot.stream(stream(1)) == other.stream(stream(1))
        assert snapshot.parts([Position(1), Position(2)]) == other.parts([Position(1), Position(2)])
        assert snapshot.head() == other.head()


def test_wording_that_was_taken_down_is_forgotten_without_a_commit(
    scans: PostgresScans, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    digest = Digest(bytes(32))
    admin.execute("INSERT INTO ledger.definitions VALUES (%b, '{}')", (bytes(32),))

    def found() -> bytes | None:
        with scans.snapshot() as snapshot:
            return snapshot.definition(digest)

    assert found() == b"{}"
    admin.execute("DELETE FROM ledger.definitions")
    assert found() == b"{}"  # still remembered
    clock[0] += 1.1
    assert found() is None


def test_what_is_remembered_of_one_state_stays_small(scans: PostgresScans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    for number in range(20):
        with scans.snapshot() as snapshot:
            snapshot.definition(Digest(number.to_bytes(32)))
    assert len(scans._snapshot._definitions) <= 4


def test_connection_that_ended_between_two_scans_is_replaced(
    store: PostgresLedger, scans: PostgresScans, admin: Connection, scribe: Scribe
) -> None:
    store.append([scribe.proposal(1)])
    for _ in range(2):
        with scans.snapshot() as snapshot:
            assert snapshot.head().size == 1
        end(admin)


def test_connection_that_ends_in_the_middle_ends_that_scan_alone(
    scans: PostgresScans, admin: Connection, scribe: Scribe, store: PostgresLedger
) -> None:
    store.append([scribe.proposal(1)])
    with scans.snapshot() as snapshot:
        assert snapshot.head().size == 1
        end(admin)
        with pytest.raises(StoreUnavailable, match="was lost"):  # a new one might lead to a server that holds less
            snapshot.end(stream(1))
    with scans.snapshot() as snapshot:
        assert snapshot.end(stream(1)) == 0


def end(admin: Connection) -> None:
    """End the connection of the scans; it is gone when this returns."""
    admin.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'testamur scans'"
    )


def test_scans_go_on_after_the_server_was_restarted(own_cluster: Cluster) -> None:
    with closing(connect(own_cluster.url())) as connection:
        create(connection)
    with closing(PostgresLedger(own_cluster.url(), Fence())) as store, closing(store.scans()) as scans:
        store.append([Scribe().proposal(1)])
        with scans.snapshot() as snapshot:
            assert snapshot.head().size == 1
        own_cluster.stop("immediate")
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="cannot be reached"), scans.snapshot() as snapshot:
                snapshot.head()
        own_cluster.start()
        with scans.snapshot() as snapshot:
            assert [each.position for each in snapshot.stream(stream(1))] == [1]


def test_database_that_cannot_be_read_is_said_so_and_the_next_scan_is_free_to_try(
    scans: PostgresScans, admin: Connection
) -> None:
    admin.execute("ALTER TABLE ledger.log_head RENAME TO lost")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="the store cannot be read"), scans.snapshot() as snapshot:
            snapshot.head()
    with pytest.raises(ZeroDivisionError), scans.snapshot():
        raise ZeroDivisionError
    admin.execute("ALTER TABLE ledger.lost RENAME TO log_head")
    with scans.snapshot() as snapshot:
        assert snapshot.checkpoint() is None


def test_log_without_a_head_cannot_be_read(scans: PostgresScans, admin: Connection) -> None:
    with admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("DELETE FROM ledger.log_head")
    for ask in ("head", "checkpoint"):
        with pytest.raises(StoreUnavailable, match="no head"), scans.snapshot() as snapshot:
            getattr(snapshot, ask)()


def test_lost_tail_halts_scans(store: PostgresLedger, scans: PostgresScans, admin: Connection, scribe: Scribe) -> None:
    store.append([scribe.proposal(1), scribe.proposal(2)])
    with admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("DELETE FROM ledger.stored_events WHERE notification_id > 1")
        admin.execute("UPDATE ledger.log_head SET size = 1")
    with pytest.raises(LedgerHalted), scans.snapshot() as snapshot:
        snapshot.stream(stream(1))
    with pytest.raises(LedgerHalted), scans.snapshot():  # from now on before anything is read
        raise AssertionError
    admin.execute("UPDATE ledger.log_head SET size = 9")
    with pytest.raises(LedgerHalted), scans.snapshot():
        raise AssertionError
