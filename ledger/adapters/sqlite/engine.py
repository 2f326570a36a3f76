"""The engine that needs nothing but a folder: the ledger and its vault as SQLite files of the home."""

from contextlib import AbstractContextManager
from pathlib import Path

from ledger.adapters.fence import Fence
from ledger.adapters.sqlite.audit_source import SqliteAuditSource, open_audit_source
from ledger.adapters.sqlite.copying import SqliteCopies
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.sqlite.migrations import migrate
from ledger.adapters.sqlite.schema import create
from ledger.adapters.sqlite.vault import SqliteVaultRows
from ledger.adapters.sqlite.vault import create as create_vault


class SqliteEngine:
    """A ledger in two files, for one process at a time."""

    shared = False

    def __init__(self, database: Path, vault: Path, *, read_only: bool = False) -> None:
        """
        Args:
            read_only: whether both are opened for reading alone, beside the process that writes.
        """
        self._database = database
        self._vault = vault
        self._read_only = read_only

    @property
    def described(self) -> str:
        """The place in words."""
        return str(self._database)

    def create(self) -> None:
        """Make an empty ledger."""
        create(self._database)

    def open(self, fence: Fence) -> SqliteLedger:
        """Open the ledger."""
        return SqliteLedger(self._database, fence, read_only=self._read_only)

    def create_vault(self, first_epoch: bytes) -> None:
        """Make an empty vault with the wrapped key of its first epoch; durable when it returns."""
        create_vault(self._vault, first_epoch)

    def open_vault(self) -> SqliteVaultRows:
        """The rows of the vault."""
        return SqliteVaultRows(self._vault, read_only=self._read_only)

    def copies(self) -> SqliteCopies:
        """Backups of both files, and both made of backups."""
        return SqliteCopies(self._database, self._vault)

    def migrate(self) -> tuple[int, int]:
        """Bring the schema to the version that this program works with; the versions before and after."""
        return migrate(self._database)

    def audit_source(self) -> AbstractContextManager[SqliteAuditSource]:
        """One snapshot of the file as an audit reads it."""
        return open_audit_source(self._database)
