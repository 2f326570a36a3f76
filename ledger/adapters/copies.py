"""What taking and restoring backups needs of the place where a ledger and its vault lie, whatever the engine."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from ledger.adapters.backup_manifest import Holds


class Copies(Protocol):
    """Where a ledger and its vault lie, as far as copying them goes."""

    def check_free(self, holds: Holds) -> None:
        """Pass if a ledger, or a vault, can be put there: there is none, and nothing of a lost one.

        Raises:
            WrongSchema: something is there.
        """
        ...

    def holds(self, holds: Holds) -> bool:
        """Whether there is a ledger, or a vault.

        Raises:
            StoreUnavailable, UnsafeDatabase: that is not to be known.
        """
        ...

    def key_ids(self, holds: Holds) -> AbstractContextManager[Iterator[bytes]]:
        """The ids of data keys, each once, ascending: those that private parts of the ledger need, or the vault has.

        Raises:
            LedgerError: they cannot be read.
        """
        ...

    def discard(self, holds: Holds) -> None:
        """Remove a ledger, or a vault, for ever; for who has just made it, and made nothing of it.

        Raises:
            StoreUnavailable: it is still there.
        """
        ...

    def copy_to(self, path: Path) -> int:
        """Write everything, as of one moment, into a new SQLite ledger at `path`; how many entries. Others go on."""
        ...

    def fill_from(self, path: Path) -> int:
        """Make the ledger out of a SQLite ledger of any version; how many entries. Whole or not at all."""
        ...

    def copy_vault_to(self, path: Path) -> int:
        """Write the vault, as of one moment, into a new SQLite vault at `path`; how many keys."""
        ...

    def fill_vault_from(self, path: Path) -> int:
        """Make the vault out of a SQLite vault; how many keys. Whole or not at all."""
        ...


def lacking(needed: Iterable[bytes], held: Iterable[bytes]) -> int:
    """How many of the ids that are needed are not held; both ascend, and each id stands in one of them once."""
    others = iter(held)
    other = next(others, None)
    count = 0
    for each in needed:
        while other is not None and other < each:
            other = next(others, None)
        count += other != each
    return count
