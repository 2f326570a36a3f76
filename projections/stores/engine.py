"""Where the views lie: what every engine promises to those who fold, rebuild, read and compare.

One process or many may hold an engine over the same tables. A view is folded by one of them at a time, and rebuilt by
one at a time; a store's compare-and-set of the position keeps that right even where a lock was lost.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from projections.changes import ViewStore
from projections.family import View, ViewStoreError
from projections.stores.reading import ViewReader


class ViewStoreFailed(ViewStoreError):
    """The tables cannot be read or written, or hold what no fold puts there."""


class BeingFolded(ViewStoreError):
    """Another process works on the view, and has not come to an end within the time that one waits."""


class Beside(Protocol):
    """Tables beside those of a view that are in use; whoever has it is the only one who rebuilds the view.

    Raises:
        ViewStoreError: from any call; the tables in use are as they were.
    """

    def begin(self) -> ViewStore:
        """Empty tables, which nobody reads yet."""
        ...

    def index(self) -> None:
        """Make the indexes for readers: after the rows, which costs a fraction."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """While it lasts, nobody folds into the tables in use.

        Raises:
            BeingFolded.
        """
        ...

    def put_in_place(self) -> None:
        """Let these tables take the place of those in use, in one transaction, with their position."""
        ...


class ViewEngine(Protocol):
    """The tables of every view of one ledger. Any thread may call anything here.

    Raises:
        ViewStoreError: from any call.
    """

    def folding(self, view: View) -> AbstractContextManager[ViewStore]:
        """The tables in use; while it lasts, nobody else folds into them. The same store until they are others.

        Raises:
            BeingFolded.
        """
        ...

    def rebuilding(self, view: View) -> AbstractContextManager[Beside]:
        """Tables beside those in use. What is not put in place is gone afterwards.

        Raises:
            BeingFolded: it is being rebuilt.
        """
        ...

    def reading(self) -> AbstractContextManager[ViewReader]:
        """The tables as they stand now, all of one moment, whatever becomes of them while it lasts."""
        ...

    def close(self) -> None:
        """Close every connection. Nothing else may be called afterwards."""
        ...


class Place(Protocol):
    """Where views lie, as told on the way in."""

    def open(self, views: Sequence[View]) -> ViewEngine:
        """The engine; tables that are not there, or of another version, are made anew.

        Raises:
            ViewStoreFailed.
        """
        ...

    def reading(self, views: Sequence[View]) -> AbstractContextManager[ViewReader]:
        """The tables as they stand now; nothing is changed and nothing is made. May last as long as it takes.

        Raises:
            ViewStoreFailed: there are none, they are of another version, or cannot be read.
        """
        ...
