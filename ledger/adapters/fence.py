"""The fence of a process: once the store holds less than the process has seen, nothing goes on.

The tail of a log is lost when an older copy is restored beneath a running service, or when a standby that lagged behind
is promoted. Going on would give positions a second time, and answer scans without the revocations that are gone.
"""

from collections.abc import Callable
from threading import Lock

from ledger.application.ports import LedgerHalted


class Fence:
    """How many entries are known to have been committed. Any thread may ask."""

    def __init__(self, published: Callable[[], int] = lambda: 0) -> None:
        """As `watch`."""
        self._published = published
        self._seen = 0
        self._lock = Lock()
        self._halted: LedgerHalted | None = None

    def watch(self, published: Callable[[], int]) -> None:
        """Heed what lies outside the store, too.

        Args:
            published: how many entries the last checkpoint there covers, as it stands now.
        """
        self._published = published

    @property
    def halted(self) -> LedgerHalted | None:
        """Why this process does nothing more; None while it goes on."""
        return self._halted

    def halt(self, why: str) -> LedgerHalted:
        """Do nothing more, for the reason given; the first one that there was stays."""
        self._halted = self._halted or LedgerHalted(why)
        return self._halted

    def floor(self) -> int:
        """How many entries a state of the store must hold if it is read from now on.

        Raises:
            LedgerHalted: it held fewer before.
        """
        if self._halted is not None:
            raise self._halted
        return max(self._seen, self._published())

    def check(self, size: int, floor: int) -> None:
        """Pass if a state that holds `size` entries, read after `floor` was taken, holds them all.

        Raises:
            LedgerHalted: the tail was lost.
        """
        if size < floor:
            raise self.halt(
                f"the store holds {size} entries, but {floor} are known to have been committed: its tail was lost. "
                "This process records nothing, publishes nothing and answers nothing any more"
            )
        if size > self._seen:
            with self._lock:
                self._seen = max(self._seen, size)
