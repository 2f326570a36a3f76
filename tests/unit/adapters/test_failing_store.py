"""A store that fails for a while: the committer says so, and finds out by itself when it is well again."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.committer import Committer
from ledger.adapters.home import replace_file
from ledger.adapters.placing import Outcomes
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.schema import create
from ledger.application.ports import Appended, OutcomeUnknown, Proposal
from tests.contracts.scribe import Scribe
from tests.unit.adapters.test_committer import NoVault


class Full(SqliteLedger):
    """A ledger on a disk that is full until a test frees it."""

    full = True
    tried = 0

    def append(self, proposals: Sequence[Proposal]) -> Outcomes:
        """As the ledger's, or OutcomeUnknown."""
        if self.full:
            raise OutcomeUnknown("the store failed while recording: database or disk is full")
        return super().append(proposals)

    def try_writing(self) -> None:
        """As the ledger's, or OutcomeUnknown."""
        self.tried += 1
        if self.full:
            raise OutcomeUnknown("the store failed while writing: database or disk is full")
        super().try_writing()


def test_failing_store_is_tried_until_it_is_well_though_nobody_sends_anything(tmp_path: Path) -> None:
    create(tmp_path / "ledger.db")
    with closing(Full(tmp_path / "ledger.db")) as store, closing(Committer(store, NoVault())) as committer:
        proposal = Scribe().proposal(1)
        with pytest.raises(OutcomeUnknown):
            asyncio.run(committer.append([proposal]))
        assert committer.failing
        _wait_until(store, tried=2)
        assert committer.failing
        store.full = False
        _wait_until_well(committer)
        (outcome,) = asyncio.run(committer.append([proposal]))
        assert isinstance(outcome, Appended)


def test_vault_that_cannot_be_written_is_a_failing_store_until_it_can(tmp_path: Path) -> None:
    create(tmp_path / "ledger.db")
    vault = NoVault()
    vault.failures = [sqlite3.OperationalError("database or disk is full")] * 1_000
    with closing(SqliteLedger(tmp_path / "ledger.db")) as store, closing(Committer(store, vault)) as committer:
        proposal = Scribe().proposal(1)
        with pytest.raises(OutcomeUnknown):
            asyncio.run(committer.append([proposal]))
        assert committer.failing
        vault.failures.clear()
        (outcome,) = asyncio.run(committer.append([proposal]))
        assert isinstance(outcome, Appended)
        _wait_until_well(committer)


def test_trying_to_write_changes_nothing(tmp_path: Path) -> None:
    create(tmp_path / "ledger.db")
    with closing(SqliteLedger(tmp_path / "ledger.db")) as store:
        store.append([Scribe().proposal(1)])
        with store.snapshot() as snapshot:
            before = snapshot.head()
        store.try_writing()
        with store.snapshot() as snapshot:
            assert snapshot.head() == before


def test_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint"
    replace_file(path, b"old", mode=0o644)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ledger.adapters.home.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new", mode=0o644)
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint"]
    assert path.read_bytes() == b"old"


def _wait_until(store: Full, *, tried: int) -> None:
    deadline = time.monotonic() + 30
    while store.tried < tried:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _wait_until_well(committer: Committer) -> None:
    deadline = time.monotonic() + 30
    while committer.failing:
        assert time.monotonic() < deadline
        time.sleep(0.01)
