"""The vault in PostgreSQL keeps what every vault promises."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from ledger.adapters.postgres.vault import PostgresVaultRows, create
from tests.contracts.vault_contract import FIRST_EPOCH, OpenRows, SetVersion, VaultContract


class TestPostgresVault(VaultContract):
    """In a database."""

    @pytest.fixture
    def open_rows(self, database_url: str) -> Iterator[OpenRows]:
        create(database_url, FIRST_EPOCH)
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(PostgresVaultRows(database_url)))

    @pytest.fixture
    def set_version(self, database_url: str) -> SetVersion:
        def change(version: int) -> None:
            with psycopg.connect(database_url) as connection:
                connection.execute("UPDATE vault.version SET version = %s", (version,))

        return change
