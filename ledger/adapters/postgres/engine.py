"""The engine for several processes and machines: the ledger in a PostgreSQL database, its vault in another one."""

from contextlib import AbstractContextManager, closing

from psycopg.conninfo import conninfo_to_dict

from ledger.adapters.fence import Fence
from ledger.adapters.postgres.audit_source import CopiedAuditSource, open_copied_source
from ledger.adapters.postgres.connections import (
    check_url,
    connect,
    create_database,
    described,
    reading_only,
    with_database,
)
from ledger.adapters.postgres.copies import PostgresCopies
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.migrations import migrate
from ledger.adapters.postgres.schema import create
from ledger.adapters.postgres.vault import PostgresVaultRows
from ledger.adapters.postgres.vault import create as create_vault


class PostgresEngine:
    """A ledger in two databases, for any number of processes."""

    shared = True

    def __init__(self, url: str, vault_url: str | None = None, *, read_only: bool = False) -> None:
        """
        Args:
            vault_url: of the vault's database; else that of the same server whose name ends in `_vault`.
            read_only: whether the server is told to let nothing be written in any transaction.

        Raises:
            BadDatabaseUrl.
        """
        self._url = check_url(url)
        named = str(conninfo_to_dict(self._url)["dbname"])
        self._vault_url = check_url(vault_url) if vault_url else with_database(self._url, f"{named}_vault")
        if read_only:
            self._url, self._vault_url = reading_only(self._url), reading_only(self._vault_url)

    @property
    def url(self) -> str:
        """Of the ledger's database, where the views lie, too; it may hold a password."""
        return self._url

    @property
    def described(self) -> str:
        """The place in words; no password stands in it."""
        return described(self._url)

    def create(self) -> None:
        """Make an empty ledger, and its database if there is none."""
        create_database(self._url)
        with closing(connect(self._url)) as connection:
            create(connection)

    def open(self, fence: Fence) -> PostgresLedger:
        """Open the ledger."""
        return PostgresLedger(self._url, fence)

    def create_vault(self, first_epoch: bytes) -> None:
        """Make an empty vault with the wrapped key of its first epoch; durable when it returns."""
        create_vault(self._vault_url, first_epoch)

    def open_vault(self) -> PostgresVaultRows:
        """The rows of the vault."""
        return PostgresVaultRows(self._vault_url)

    def copies(self) -> PostgresCopies:
        """Backups of both databases, and both made of backups."""
        return PostgresCopies(self._url, self._vault_url)

    def migrate(self) -> tuple[int, int]:
        """Bring the schema to the version that this program works with; the versions before and after."""
        return migrate(self._url)

    def audit_source(self) -> AbstractContextManager[CopiedAuditSource]:
        """One snapshot of the database, in a copy, as an audit reads it."""
        return open_copied_source(self._url)
