"""The views of one ledger as their readers know them: search, lists, and what keeps them up to date.

Any thread may call anything here. What is searched is what `catch_up` last folded: a caller who must see its own
change calls `catch_up` first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from threading import Lock

from ledger.application.ports import Boxes, Store
from ledger.domain.types import Did, Position
from projections.feed import Feed, StoreFeed
from projections.rows import BadSearch, CredentialRow, Parked, Search, Status, cursor_position
from projections.runner import Fenced, Runner
from projections.stores.sqlite import SqliteViewStore, discard, put_in_place
from projections.stores.sqlite_reading import ViewReader, reading

__all__ = ["BadSearch", "CredentialRow", "Parked", "Status", "Views", "open_views"]


class Views:
    """The credential status view of one ledger, in one file."""

    def __init__(self, path: Path, feed: Feed, *, parked: Callable[[Parked], None]) -> None:
        """As `open_views`, over any feed."""
        self._path = path
        self._feed = feed
        self._report = parked
        self._writing = Lock()  # one thread folds
        self._placing = Lock()  # nobody opens the file while another takes its place
        discard(self._beside)  # of a rebuild that was interrupted
        self._tables = SqliteViewStore(path)
        self._runner = Runner(self._tables, feed, parked=parked)

    def catch_up(self) -> int:
        """Fold everything recorded and not yet seen; how many events the view has moved on.

        Raises:
            FeedFailed, ViewStoreError: what was folded before stays folded.
        """
        with self._writing:
            before = self._tables.position()
            if before > self._feed.size():
                # The ledger was restored from a backup: what the view shows of its lost end is no longer so.
                return self._rebuild()
            while True:
                try:
                    self._runner.catch_up()
                    return self._tables.position() - before
                except Fenced:  # another process folds too: go on from where it is
                    continue

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        with self._reading() as reader:
            return reader.position()

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
        search = Search.of(issuer=issuer, query=query, achievement=achievement, status=status, today=today)
        before = cursor_position(after)
        with self._reading() as reader:
            return reader.search(search, before=before, limit=limit)

    def count(
        self, *, issuer: Did | None, query: str | None, achievement: str | None, status: str | None, today: date
    ) -> int:
        """How many awards `search` would list on all its pages."""
        search = Search.of(issuer=issuer, query=query, achievement=achievement, status=status, today=today)
        with self._reading() as reader:
            return reader.count(search)

    def parked(self) -> Sequence[Parked]:
        """The events that could not be applied, by position."""
        with self._reading() as reader:
            return reader.parked()

    def rebuild(self) -> int:
        """Fold the whole history into a new file and put it in place of the old one; how many events that were.

        What was parked is tried again. Readers see the old rows until the new ones are all there.
        """
        with self._writing:
            return self._rebuild()

    def close(self) -> None:
        """Close the file. Nothing else may be called afterwards."""
        with self._writing:
            self._tables.close()

    @property
    def _beside(self) -> Path:
        return self._path.with_name(f".{self._path.name}.new")

    def _rebuild(self) -> int:
        discard(self._beside)
        fresh = SqliteViewStore(self._beside)
        try:
            done = Runner(fresh, self._feed, parked=self._report).catch_up()
        finally:
            fresh.close()
        with self._placing:
            self._tables.close()
            put_in_place(self._beside, self._path)
            self._tables = SqliteViewStore(self._path)
        self._runner = Runner(self._tables, self._feed, parked=self._report)
        return done

    @contextmanager
    def _reading(self) -> Iterator[ViewReader]:
        with ExitStack() as stack:
            with self._placing:
                reader = stack.enter_context(reading(self._path))
            yield reader


def open_views(path: Path, store: Store, boxes: Boxes, *, parked: Callable[[Parked], None] = lambda _: None) -> Views:
    """The views in the file `path`, which is made if there is none; only the process that holds the home opens them.

    A file of another version, or one that is no database, is made anew: everything in it can be folded again.

    Args:
        parked: hears of every event that could not be applied, on the thread that folds.

    Raises:
        ViewStoreError: the file cannot be made or opened.
    """
    return Views(path, StoreFeed(store, boxes), parked=parked)
