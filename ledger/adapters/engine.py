"""What the bootstrap needs of the place where a ledger lies, whatever the engine: files of a folder, or PostgreSQL."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from ledger.adapters.fence import Fence
from ledger.adapters.placing import Outcomes
from ledger.application.api_keys import ApiKeyStore
from ledger.application.ports import Proposal, Snapshot, Store
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.sealing import Sealed

if TYPE_CHECKING:
    from ledger.adapters.copies import Copies
    from ledger.adapters.sqlite.audit_source import SqliteAuditSource
    from ledger.adapters.vault import VaultRows


class WrongSchema(LedgerError):
    """The store was made by another version of Testamur, or is not a ledger."""


class UnsafeDatabase(LedgerError):
    """The database would acknowledge a commit before it is durable, or is too old to be trusted with one."""


class ScanSource(Protocol):
    """Where scans are read from: what nearly every one asks is not read again while nothing was committed."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """One consistent view of everything.

        Raises:
            StoreUnavailable, LedgerHalted.
        """
        ...

    def state(self) -> tuple[int, Hashable] | None:
        """How many entries there are, and what stays equal until anything at all is committed; None: not told.

        Raises:
            StoreUnavailable, LedgerHalted.
        """
        ...

    def close(self) -> None:
        """Close its connection."""
        ...


class LedgerStore(Store, ApiKeyStore, Protocol):
    """An open store. `append` and `append_last` are for one thread, the committer's; everything else for any."""

    def append(self, proposals: Sequence[Proposal]) -> Outcomes:
        """Append what does not conflict, in one transaction; durable when it returns.

        Raises:
            LedgerHalted: the store has lost entries that this process saw.
            LedgerBusy: a lock was not to be had in time; nothing was recorded.
            OutcomeUnknown: the store failed; whether anything was recorded must be read from it.
        """
        ...

    def append_last(self, make: Callable[[Snapshot], Sealed | None]) -> Position | None:
        """Append the one entry that `make` makes of the log's end, under its lock; its position, None if it makes none.

        Raises:
            StaleDecision: the entry does not follow; nothing was recorded.
            LedgerError: as `append`, and whatever `make` raises, upon which nothing was recorded.
        """
        ...

    def try_writing(self) -> None:
        """Pass if a transaction becomes durable at this moment; it changes nothing. For the committer's thread.

        Raises:
            OutcomeUnknown, StoreUnavailable: it does not.
        """
        ...

    def scans(self) -> ScanSource:
        """A source for scans, with a connection of its own."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when another process may have committed something, at the latest after so many seconds.

        Raises:
            StoreUnavailable.
        """
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class Engine(Protocol):
    """A place where one ledger lies, or can be made."""

    @property
    def shared(self) -> bool:
        """Whether several processes may have it open at once."""
        ...

    @property
    def described(self) -> str:
        """The place in words; no password stands in it."""
        ...

    def create(self) -> None:
        """Make an empty ledger.

        Raises:
            WrongSchema: there is something already.
            LedgerError: it cannot be made.
        """
        ...

    def open(self, fence: Fence) -> LedgerStore:
        """Open the ledger.

        Raises:
            WrongSchema: it is of another version, or none.
            LedgerError: it cannot be reached, or would lose what it acknowledges.
        """
        ...

    def create_vault(self, first_epoch: bytes) -> None:
        """Make an empty vault with the wrapped key of its first epoch; durable when it returns."""
        ...

    def open_vault(self) -> "VaultRows":
        """The rows of the vault."""
        ...

    def copies(self) -> "Copies":
        """Backups of both, and both made of backups."""
        ...

    def migrate(self) -> tuple[int, int]:
        """Bring the schema to the version that this program works with; the versions before and after.

        Raises:
            WrongSchema: it is newer, or no ledger.
            StoreUnavailable: it cannot be reached, or changed; it is as it was.
        """
        ...

    def audit_source(self) -> "AbstractContextManager[SqliteAuditSource]":
        """One snapshot of the ledger as an audit reads it: its file, or a copy that takes every row as it lies.

        Raises:
            CannotBeAudited.
        """
        ...
