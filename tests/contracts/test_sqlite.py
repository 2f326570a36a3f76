"""The SQLite store and vault keep what every store and vault promises."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.schema import create
from ledger.adapters.sqlite.vault import SqliteVault
from ledger.application.ports import Proposal, Vault
from tests.contracts.scribe import LIST
from tests.contracts.store_contract import Backend, Outcomes, StoreContract
from tests.contracts.vault_contract import Reopen, VaultContract


class TestSqliteStore(StoreContract):
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

            yield Backend(store=store, append=append, reopen=opened, fill=fill)


class TestSqliteVault(VaultContract):
    """On a file."""

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Reopen]:
        path, entropy = tmp_path / "vault.db", SystemEntropy()
        SqliteVault.create(path, wrapping_key=b"w" * 32, entropy=entropy)
        with ExitStack() as stack:
            yield lambda: stack.enter_context(
                closing(SqliteVault(path, wrapping_key=b"w" * 32, lookup_key=b"l" * 32, entropy=entropy))
            )

    @pytest.fixture
    def vault(self, reopen: Reopen) -> Vault:
        return reopen()
