"""The views of one ledger as their readers know them: search, lists, and what keeps them up to date.

Any thread may call anything here. What is searched is what `catch_up` last folded: a caller who must see its own
change calls `catch_up` first.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from ledger.application.ports import Boxes, Store
from ledger.domain.types import Did, Position
from projections.rows import BadSearch, CredentialRow, Parked, Status

__all__ = ["BadSearch", "CredentialRow", "Parked", "Status", "Views", "ViewsWorker", "open_views"]


class Views:
    """The credential status view of one ledger, in one file."""

    def catch_up(self) -> int:
        """Fold everything recorded and not yet seen; how many events that were."""
        raise NotImplementedError

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        raise NotImplementedError

    def search(
        self,
        *,
        issuer: Did | None,
        query: str | None,
        achievement: str | None,
        status: str | None,
        after: str | None,
        limit: int,
        today: date,
    ) -> list[CredentialRow]:
        """At most `limit` awards, the last issued first.

        Args:
            issuer: only this issuer's; None: everybody's.
            query: words that must all occur in learner's name, student number, e-mail, or the achievement's name,
                whatever their case, accents or width.
            achievement: its id or its slug.
            status: one of `Status`, on the day `today`.
            after: `cursor` of the last row of the page before.

        Raises:
            BadSearch: there is no such status, or `after` is no cursor.
        """
        raise NotImplementedError

    def count(
        self, *, issuer: Did | None, query: str | None, achievement: str | None, status: str | None, today: date
    ) -> int:
        """How many awards `search` would list on all its pages."""
        raise NotImplementedError

    def parked(self) -> Sequence[Parked]:
        """The events that could not be applied, by position."""
        raise NotImplementedError

    def rebuild(self) -> int:
        """Fold the whole history into a new file and put it in place of the old one; how many events that were."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file. Nothing else may be called afterwards."""
        raise NotImplementedError


class ViewsWorker:
    """The thread that keeps views up to date: catches up at its start and after each `wake`."""

    def __init__(self, views: Views, *, failed: Callable[[Exception], None]) -> None:
        """
        Args:
            failed: hears of every failure; the thread goes on and tries again at the next wake.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Catch up, then wait."""
        raise NotImplementedError

    def wake(self) -> None:
        """Something was committed. Returns at once; any thread may call it."""
        raise NotImplementedError

    def close(self) -> None:
        """Catch up with what was committed and stop."""
        raise NotImplementedError


def open_views(path: Path, store: Store, boxes: Boxes) -> Views:
    """The views in the file `path`, which is made if there is none.

    A file of another version, or one that is no database, is made anew: everything in it can be folded again.
    """
    raise NotImplementedError
