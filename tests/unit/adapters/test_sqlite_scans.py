"""The connection of scans: one state for each snapshot, nothing remembered beyond a commit, failures in words."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.fence import Fence
from ledger.adapters.sqlite import scans as module
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.scans import ScanStore
from ledger.adapters.sqlite.schema import create
from ledger.application.ports import LedgerHalted, StoreUnavailable
from ledger.domain.types import Digest, Position
from tests.contracts.scribe import stream


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    create(path)
    return path


@pytest.fixture
def scans(path: Path) -> Iterator[ScanStore]:
    with closing(SqliteLedger(path)) as store, closing(store.scans()) as scans:
        yield scans


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_what_was_remembered_is_read_again_after_any_commit(path: Path, scans: ScanStore) -> None:
    digest, first = Digest(bytes(32)), stream(1)
    for _ in range(2):
        with scans.snapshot() as snapshot:
            assert (snapshot.head().size, snapshot.checkpoint(), snapshot.end(first)) == (0, None, None)
            assert snapshot.definition(digest) is None
    change(
        path,
        "INSERT INTO definitions VALUES (zeroblob(32), x'7b7d')",
        "INSERT INTO checkpoints VALUES (1, x'00', x'')",
        f"INSERT INTO stored_events VALUES (1, '{first.hex}', 0, 'log.started/1', x'00')",
        "UPDATE log_head SET size = 1",
    )
    with scans.snapshot() as snapshot:
        found = snapshot.checkpoint()
        assert found is not None
        assert (snapshot.head().size, found.size, snapshot.end(first)) == (1, 1, 0)
        assert snapshot.definition(digest) == b"{}"


def test_commit_in_the_middle_of_a_snapshot_is_seen_by_the_next_one_only(path: Path, scans: ScanStore) -> None:
    with scans.snapshot() as snapshot:
        change(path, "UPDATE log_head SET size = 7", "INSERT INTO checkpoints VALUES (7, x'00', x'')")
        assert (snapshot.head().size, snapshot.checkpoint()) == (0, None)
    with scans.snapshot() as snapshot:
        assert snapshot.head().size == 7


def test_state_is_another_after_any_commit_and_only_then(path: Path, scans: ScanStore) -> None:
    first = scans.state()
    with scans.snapshot():
        pass
    assert scans.state() == first
    change(path, "UPDATE log_head SET size = 7")
    second = scans.state()
    assert (first[0], second[0]) == (0, 7)
    change(path, "INSERT INTO private_parts VALUES (1, 'facts', x'01', x'02')")
    assert len({first, second, scans.state()}) == 3
    assert scans.state() == scans.state()


def test_state_of_a_store_that_lost_what_was_seen_is_not_told(path: Path) -> None:
    fence = Fence()
    with closing(SqliteLedger(path, fence)) as store, closing(store.scans()) as scans:
        scans.state()
        fence.watch(lambda: 5)
        for _ in range(2):
            with pytest.raises(LedgerHalted):
                scans.state()


def test_what_is_remembered_of_one_state_stays_small(scans: ScanStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    for number in range(20):
        with scans.snapshot() as snapshot:
            snapshot.definition(Digest(number.to_bytes(32)))
    assert len(scans._snapshot._definitions) <= 4


def test_part_that_is_none_of_ours_is_left_out(path: Path, scans: ScanStore) -> None:
    change(
        path,
        "INSERT INTO private_parts VALUES (1, 'facts', x'01', x'02')",
        "INSERT INTO private_parts VALUES (1, 'extra', x'01', x'02')",
        "INSERT INTO private_parts VALUES (1, 'internal', 'text', 5)",
    )
    with scans.snapshot() as snapshot:
        found = snapshot.parts([Position(1), Position(2)])
    assert [(part.part, part.key_id, part.box) for part in found[Position(1)]] == [
        ("facts", b"\x01", b"\x02"),
        ("internal", b"", b""),
    ]
    assert found[Position(2)] == ()


def test_database_that_cannot_be_read_is_said_so_and_the_next_scan_is_free_to_try(path: Path, scans: ScanStore) -> None:
    change(path, "DROP TABLE checkpoints")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="the store cannot be read"), scans.snapshot() as snapshot:
            snapshot.checkpoint()
    with pytest.raises(ZeroDivisionError), scans.snapshot():
        raise ZeroDivisionError
    with scans.snapshot() as snapshot:
        assert snapshot.head().size == 0


def test_closed_store_is_unavailable(scans: ScanStore) -> None:
    scans.close()
    for _ in range(2):
        with pytest.raises(StoreUnavailable), scans.snapshot():
            raise AssertionError
        with pytest.raises(StoreUnavailable):
            scans.state()
