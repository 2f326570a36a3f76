"""The SQLite store and vault keep what every store and vault promises."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.schema import create
from ledger.adapters.sqlite.vault import SqliteVaultRows
from ledger.adapters.sqlite.vault import create as create_vault
from ledger.application.ports import Proposal
from tests.contracts.last_contract import LastContract
from tests.contracts.scribe import LIST
from tests.contracts.status_contract import StatusContract
from tests.contracts.store_contract import Backend, Outcomes, StoreContract
from tests.contracts.vault_contract import FIRST_EPOCH, OpenRows, SetVersion, VaultContract


class TestSqliteStore(StoreContract, LastContract, StatusContract):
    """On a file."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        path = tmp_path / "ledger.db"
        create(path)
        with ExitStack() as stack:

            def opened() -> SqliteLedger:
                return stack.enter_context(closing(SqliteLedger(path)))

            store = opened()

            def append(proposals: Sequence[Proposal]) -> Outcomes:
                return store.append(proposals)

            def fill(used: int) -> None:
                with closing(store.datastore.connect()) as connection:
                    connection.execute("UPDATE status_lists SET used = ? WHERE list = ?", (used, LIST))

            yield Backend(store=store, fence=store.fence, append=append, reopen=opened, fill=fill)


class TestSqliteVault(VaultContract):
    """On a file."""

    @pytest.fixture
    def open_rows(self, tmp_path: Path) -> Iterator[OpenRows]:
        create_vault(tmp_path / "vault.db", FIRST_EPOCH)
        with ExitStack() as stack:

            def opened() -> SqliteVaultRows:
                rows = stack.enter_context(closing(SqliteVaultRows(tmp_path / "vault.db")))
                rows._writing.execute("PRAGMA busy_timeout = 60000")  # who holds the lock may be stalled
                return rows

            yield opened

    @pytest.fixture
    def set_version(self, tmp_path: Path) -> SetVersion:
        def change(version: int) -> None:
            with closing(sqlite3.connect(tmp_path / "vault.db")) as connection:
                connection.execute(f"PRAGMA user_version = {version}")

        return change
