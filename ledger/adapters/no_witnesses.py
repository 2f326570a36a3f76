"""Nobody to ask: where no policy of witnesses is configured, every signed checkpoint may be served."""

from collections.abc import Callable
from datetime import datetime

from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Hash


class NoWitnesses:
    """Asks nobody and misses nobody."""

    asked = False
    heard = True

    def gather(
        self,
        note: bytes,
        prove: Callable[[int], tuple[Hash, ...]],  # noqa: ARG002 - as the port
        opened: Callable[[bytes], Checkpoint],  # noqa: ARG002 - as the port
    ) -> bytes:
        """The note as it is."""
        return note

    def reached(self, note: bytes) -> bool:  # noqa: ARG002 - as the port
        """Always."""
        return True

    def due(self, now: datetime) -> bool:  # noqa: ARG002 - as the port
        """Never."""
        return False

    def close(self) -> None:
        """Nothing is open."""
