"""Faults at the writes of publishing: one of them is lost, or its reply is, or the process ends there.

The classes that write are changed while a block runs, so that no production code knows of it; a launcher of a server
that shall be killed at a step does the same for as long as it lives.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, ParamSpec, TypeVar

from ledger.adapters.committer import Committer
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.published import GuardFile, PublishedFile
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.tile_folder import FolderTiles

P = ParamSpec("P")
T = TypeVar("T")

# Everything that publishing writes, in the order of its first time.
WRITES: Final[tuple[tuple[type[object], str], ...]] = (
    (Committer, "append_last"),
    (FolderTiles, "replace"),
    (SqliteLedger, "save_checkpoint"),
    (PostgresLedger, "save_checkpoint"),
    (GuardFile, "keep"),
    (FolderTiles, "write"),
    (SqliteLedger, "save_published"),
    (PostgresLedger, "save_published"),
    (PublishedFile, "serve"),
    (FolderTiles, "remove"),
)


class WriteFailed(Exception):
    """What a fault raises; no error of the ledger, so that nothing is prepared for it."""


class Fault:
    """Something that happens once, at one write: before it, so that it is lost, or after it, so that its reply is."""

    def __init__(self, number: int, *, after: bool, do: Callable[[str], None] | None = None) -> None:
        """
        Args:
            number: of the write, from 0 in the order in which they are made.
            do: is told the name of the write; if it returns, or is None, the write fails with WriteFailed.
        """
        self._number = number
        self._after = after
        self._do = do
        self.seen: list[str] = []  # every write so far, by name
        self.struck: str | None = None  # the write at which it happened

    def around(self, name: str, write: Callable[[], T]) -> T:
        """Make a write, or fail at it."""
        self.seen.append(name)
        if len(self.seen) - 1 != self._number:
            return write()
        self.struck = name
        if self._after:
            write()
        if self._do is not None:
            self._do(name)
        raise WriteFailed(f"{name}: {'its reply' if self._after else 'it'} was lost (made by a test)")


@contextmanager
def striking(fault: Fault) -> Iterator[Fault]:
    """Every write of publishing passes through the fault while the block runs."""
    with ExitStack() as stack:
        for kind, name in WRITES:
            stack.callback(setattr, kind, name, getattr(kind, name))
            setattr(kind, name, _through(fault, f"{kind.__name__}.{name}", getattr(kind, name)))
        yield fault


def _through(fault: Fault, name: str, write: Callable[P, T]) -> Callable[P, T]:
    def written(*arguments: P.args, **named: P.kwargs) -> T:
        return fault.around(name, lambda: write(*arguments, **named))

    return written
