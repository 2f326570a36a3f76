"""An engine for reading alone: it sees what others commit, and no call of it can write anything."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import cast

import pytest

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.engine import Engine, LedgerStore
from ledger.adapters.fence import Fence
from ledger.adapters.postgres.connections import reading_only
from ledger.adapters.postgres.engine import PostgresEngine
from ledger.adapters.sqlite.engine import SqliteEngine
from ledger.adapters.vault import KeyVault, first_epoch
from ledger.application.ports import OutcomeUnknown, SignedCheckpoint, StoreUnavailable
from ledger.errors import LedgerError
from tests.contracts.scribe import Scribe, stream
from tests.postgres import Server, temporary_database

_KEY = b"w" * 32


class Both:
    """One ledger and its vault, opened by who writes and by who reads alone."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        writing.create()
        writing.create_vault(first_epoch(_KEY, SystemEntropy()))
        self.writer = writing.open(Fence())
        self.reader = reading.open(Fence())
        self.keys = KeyVault(writing.open_vault(), wrapping_key=_KEY, lookup_key=_KEY, entropy=SystemEntropy())
        self.read_keys = KeyVault(reading.open_vault(), wrapping_key=_KEY, lookup_key=_KEY, entropy=SystemEntropy())

    def close(self) -> None:
        """Close everything."""
        for each in (self.reader, self.writer, self.keys):
            each.close()
        with suppress(LedgerError):  # it may hold what could not be written
            self.read_keys.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Both]:
    if request.param == "sqlite":
        files = (tmp_path / "ledger.db", tmp_path / "vault.db")
        with closing(Both(SqliteEngine(*files), SqliteEngine(*files, read_only=True))) as both:
            yield both
        return
    server = cast("Server", request.getfixturevalue("postgres_server"))
    with (
        temporary_database(server) as url,
        temporary_database(server) as vault,
        closing(Both(PostgresEngine(url, vault), PostgresEngine(url, vault, read_only=True))) as both,
    ):
        yield both


def size(store: LedgerStore) -> int:
    with store.snapshot() as snapshot:
        return snapshot.head().size


def test_who_reads_alone_sees_what_is_committed_beside_it(both: Both) -> None:
    scribe = Scribe()
    with closing(both.reader.scans()) as scans:
        for number in range(3):
            both.writer.append([scribe.proposal(number)])
            with scans.snapshot() as snapshot:
                assert snapshot.head().size == number + 1
                assert len(snapshot.stream(stream(number))) == 1
    assert size(both.reader) == 3
    key = both.keys.learner(stream(1), "S1")
    both.keys.flush()
    assert both.read_keys.data_key(key.key_id) == key.data_key


def test_who_reads_alone_can_record_nothing(both: Both) -> None:
    both.writer.append([Scribe().proposal(1)])
    with pytest.raises((OutcomeUnknown, StoreUnavailable)):
        both.reader.append([Scribe().proposal(2)])
    with pytest.raises(OutcomeUnknown):
        both.reader.try_writing()
    with pytest.raises(OutcomeUnknown):
        both.reader.save_checkpoint(0, SignedCheckpoint(size=1, note=b"note", compact_range=bytes(40)))
    with pytest.raises(OutcomeUnknown):
        both.reader.save_published("2026-11-21", 1, b"note")
    with both.writer.snapshot() as snapshot:
        assert (snapshot.head().size, snapshot.checkpoint(), snapshot.published()) == (1, None, None)


def test_who_reads_alone_registers_nobody(both: Both) -> None:
    key = both.read_keys.learner(stream(1), "S1")
    with pytest.raises(StoreUnavailable):
        both.read_keys.flush()
    assert both.keys.data_key(key.key_id) is None


def test_address_for_reading_alone_keeps_the_options_that_it_has() -> None:
    given = "postgresql://user@host:5433/ledger?sslmode=require&options=-c%20work_mem%3D8MB"
    assert reading_only(given) == (
        "postgresql://user@host:5433/ledger?sslmode=require"
        "&options=-c%20work_mem%3D8MB%20-c%20default_transaction_read_only%3Don"
    )
    assert reading_only("postgresql://host/ledger").endswith("/ledger?options=-c%20default_transaction_read_only%3Don")
