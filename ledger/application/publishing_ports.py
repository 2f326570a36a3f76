"""What publishing needs of the world, as contracts: tiles, the guard, witnesses. `ledger.adapters` fills them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Hash


class TileStoreConflict(LedgerError):
    """What is public for ever is there already with other bytes: two histories, or a damaged disk."""


class TileStoreUnavailable(LedgerError):
    """The published files cannot be read or written now, or one was asked for that can never be there."""


class TileStore(Protocol):
    """Where the public log lies: a folder, or an object store. Paths are relative, as `tile/0/x001/234`.

    Any thread and any process may call it. When a call returns, what it wrote survives a power loss, and nobody ever
    reads a part of a file.
    """

    def read(self, path: str) -> bytes | None:
        """A file; None where there is none, nor can be.

        Raises:
            TileStoreUnavailable: from this and every other method.
        """
        ...

    def write(self, path: str, content: bytes) -> None:
        """Put a file where none is. Who repeats a call with the same content is not refused.

        Raises:
            TileStoreConflict: there is one with other bytes; it stays.
        """
        ...

    def replace(self, path: str, content: bytes) -> None:
        """Put a file in place of the one that may be there; a crash leaves the old one or the new one, whole."""
        ...

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of all files below a folder such as `tile/0`, sorted; all there are if it is empty."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        ...


class GuardContradicts(LedgerError):
    """Of one size two different checkpoints were signed: the store was put back, and went on differently."""


class CheckpointGuard(Protocol):
    """The last signed checkpoint, kept outside the store: what a store that lost its tail is held against."""

    def note(self) -> bytes | None:
        """It; None where none was ever kept."""
        ...

    def keep(self, note: bytes) -> None:
        """Keep a checkpoint, durably, unless one as large is kept.

        Raises:
            GuardContradicts: the one that is kept says something else of as many entries.
        """
        ...


class Served(Protocol):
    """The checkpoint that everybody is shown, and the last one of every day."""

    def note(self) -> bytes | None:
        """What is served; None where nothing is."""
        ...

    def serve(self, note: bytes, days: Sequence[tuple[str, bytes]] = ()) -> None:
        """Serve the last notes of some days, and a checkpoint from now on, durably; but none where a larger one is."""
        ...

    def last_day(self) -> str:
        """The last UTC day (YYYY-MM-DD) that has a note; empty where none has."""
        ...


class WitnessAhead(LedgerError):
    """A witness shows a checkpoint that this log signed and that what it was asked about does not continue.

    Then the store lost what was published, or two histories exist; or another process has published meanwhile: who
    halts for this holds `shown` against the store.
    """

    def __init__(self, witness: str, shown: bytes, size: int, asked: int, note: bytes = b"") -> None:
        """
        Args:
            note: the note with the cosignatures of all the others.
        """
        super().__init__(
            f"the witness {witness} shows a checkpoint over {size} entries that this log signed, and it was asked "
            f"about one over {asked}"
        )
        self.witness = witness
        self.shown = shown  # a checkpoint of this log
        self.size = size  # entries under it
        self.asked = asked
        self.note = note


KeepsEvidence: TypeAlias = Callable[[bytes], str]  # keeps a signed note for ever, and says where


class Witnessing(Protocol):
    """Others that vouch for having seen one history."""

    @property
    def asked(self) -> bool:
        """Whether there is anybody to ask."""
        ...

    def gather(
        self, note: bytes, prove: Callable[[int], tuple[Hash, ...]], opened: Callable[[bytes], Checkpoint]
    ) -> bytes:
        """The note with the cosignatures that were to be had in time; those that it had are kept or made younger.

        Args:
            prove: the consistency path from a smaller size to that of the note.
            opened: the checkpoint in a note that this log signed; a LedgerError where it did not. What a witness says
                without such a note leaves it out, and no more.

        Raises:
            WitnessAhead: one of them shows one that the note does not continue.
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...

    def due(self, now: datetime) -> bool:
        """Whether an unchanged checkpoint is to be shown to them again."""
        ...

    def reached(self, note: bytes) -> bool:
        """Whether enough of them vouch for it that it may be served."""
        ...

    @property
    def heard(self) -> bool:
        """Whether enough of them have cosigned since this process began, while none claimed to have seen more.

        Until then nothing new is signed: they may have seen more than a store that was put back holds. It stays so.
        """
        ...
