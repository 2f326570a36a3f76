"""The views of one ledger as their readers know them: search, lists, wallets, and what keeps them up to date.

Any thread may call anything here. What is read is what `catch_up` last folded: a caller who must see its own change
calls `catch_up` first.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock

from ledger.application.ports import Boxes, Store
from ledger.domain.types import Did, LearnerId, Position, StreamId
from projections.family import Parked, View
from projections.feed import Feed, StoreFeed
from projections.members import FAMILY, NoSuchView, named
from projections.replay_check import Difference, differences
from projections.rows import BadSearch, CredentialRow, Search, Status, cursor_position
from projections.runner import Fenced, Runner
from projections.stores.sqlite import SqliteViewStore, connect, forget_beside
from projections.stores.sqlite_reading import reading
from projections.wallets import IssuerWallet, wallets_of

__all__ = [
    "FAMILY",
    "BadSearch",
    "Candidate",
    "CredentialRow",
    "NoSuchView",
    "Parked",
    "Status",
    "ViewState",
    "Views",
    "open_views",
]

_FAR_BEHIND = 5_000  # events; a view that begins further back is filled as a rebuild is


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An award that could be a part of a stack."""

    credential_id: StreamId
    achievement_slug: str | None  # None where the wording was taken down
    awarded_on: date
    in_force: bool
    is_stack: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewState:
    """How far a view has come."""

    name: str
    position: Position  # the last one folded
    lag: int  # events not folded yet
    rows: int  # of all its tables, without what is parked
    parked: Sequence[Parked]


class Views:
    """Every view of one ledger, in one file."""

    def __init__(self, path: Path, feed: Feed, *, parked: Callable[[Parked], None]) -> None:
        """As `open_views`, over any feed."""
        self._path = path
        self._feed = feed
        self._report = parked
        self._folding = Lock()  # one thread folds into the tables in use
        self._rebuilding = Lock()  # one thread fills tables beside them
        self._connection = connect(path, FAMILY)
        forget_beside(self._connection, FAMILY)
        self._begin()

    def catch_up(self) -> int:
        """Fold everything recorded and not yet seen; how many events the last of the views has moved on.

        Raises:
            FeedFailed, ViewStoreError: what was folded before stays folded.
        """
        return min(self._catch_up(view) for view in FAMILY)

    def position(self) -> Position:
        """The last position that every view has folded; 0 before the first."""
        with reading(self._path) as reader:
            return min(reader.position(view.name) for view in FAMILY)

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
        with reading(self._path) as reader:
            return reader.search(search, before=before, limit=limit)

    def count(
        self, *, issuer: Did | None, query: str | None, achievement: str | None, status: str | None, today: date
    ) -> int:
        """How many awards `search` would list on all its pages."""
        search = Search.of(issuer=issuer, query=query, achievement=achievement, status=status, today=today)
        with reading(self._path) as reader:
            return reader.count(search)

    def learner(self, issuer: Did, student_number: str) -> LearnerId | None:
        """The learner record of an issuer with exactly this student number; None where it has no award."""
        with reading(self._path) as reader:
            return reader.learner(issuer, student_number)

    def candidates(self, issuer: Did, learner: LearnerId, today: date) -> list[Candidate]:
        """The awards of a learner record of this issuer by their current versions, the first issued first."""
        with reading(self._path) as reader:
            return [
                Candidate(
                    credential_id=row.credential_id,
                    achievement_slug=row.achievement_slug,
                    awarded_on=row.awarded_on,
                    in_force=row.status_on(today) is Status.IN_FORCE and not row.parked,
                    is_stack=row.components > 0,
                )
                for row in reader.of_learner(learner)
                if row.issuer == issuer and row.learner == learner
            ]

    def wallet(self, learner: LearnerId, today: date) -> list[IssuerWallet]:
        """Every award of a learner record by its current version, by issuer; nothing where there is none."""
        with reading(self._path) as reader:
            found = [row for row in reader.of_learner(learner) if row.learner == learner]
            parts = [(row, reader.components(row) if row.components else []) for row in found]
        return wallets_of(parts, learner, today)

    def differences(self, name: str | None = None) -> Iterator[Difference]:
        """Every cell of one view, or of each, that is not what the events give, folded anew beside.

        Raises:
            NoSuchView, FeedFailed, ViewStoreError.
        """
        yield from differences(self._feed, self._path, named(name))

    def parked(self) -> Sequence[Parked]:
        """The events that could not be applied, by position and view."""
        with reading(self._path) as reader:
            found = [each for view in FAMILY for each in reader.parked(view)]
        return sorted(found, key=lambda each: (each.position, each.view))

    def states(self) -> list[ViewState]:
        """How far each view has come, by name."""
        size = self._feed.size()
        with reading(self._path) as reader:
            found = []
            for view in FAMILY:
                position = reader.position(view.name)
                state = ViewState(
                    name=view.name,
                    position=position,
                    lag=max(0, size - position),
                    rows=sum(reader.size(each) for each in view.tables),
                    parked=reader.parked(view),
                )
                found.append(state)
        return sorted(found, key=lambda each: each.name)

    def rebuild(self, name: str | None = None) -> int:
        """Fold the whole history of one view, or of each, into tables beside, which then take the place of its own.

        What was parked is tried again. Readers see the old rows until the new ones are all there, and other views, and
        this one until then, go on following the log. How many events that were.

        Raises:
            NoSuchView.
        """
        return max(self._rebuild(view) for view in named(name))

    def close(self) -> None:
        """Close the file. Nothing else may be called afterwards."""
        with self._folding:
            self._stores[FAMILY[0].name].close()  # all of them write through one connection

    def _begin(self) -> None:
        self._stores = {view.name: SqliteViewStore(self._connection, view) for view in FAMILY}
        self._runners = {view.name: self._runner(self._stores[view.name], view) for view in FAMILY}

    def _runner(self, store: SqliteViewStore, view: View) -> Runner:
        return Runner(store, self._feed, view, parked=self._report)

    def _catch_up(self, view: View) -> int:
        with self._folding:
            before = self._stores[view.name].position()
            if not self._begins_anew(before):
                return self._follow(view, before)
        with self._rebuilding:
            if self._begins_anew(self._stores[view.name].position()):  # unless somebody else has done it meanwhile
                return self._fill_beside(view)
        return self._catch_up(view)

    def _begins_anew(self, position: Position) -> bool:
        """Whether a view is filled beside: far behind, or ahead of a ledger that was restored from a backup."""
        size = self._feed.size()
        return position > size or (position == 0 and size > _FAR_BEHIND)

    def _follow(self, view: View, before: Position) -> int:
        while True:
            try:
                self._runners[view.name].catch_up()
                return self._stores[view.name].position() - before
            except Fenced:  # another process folds too: go on from where it is
                continue

    def _rebuild(self, view: View) -> int:
        with self._rebuilding:
            return self._fill_beside(view)

    def _fill_beside(self, view: View) -> int:
        connection = connect(self._path, FAMILY)
        try:
            fresh = SqliteViewStore(connection, view, beside=True)
            runner = self._runner(fresh, view)
            done = runner.catch_up()
            fresh.index()
            with self._folding:
                done += runner.catch_up()
                fresh.put_in_place()
                self._runners[view.name] = self._runner(self._stores[view.name], view)  # the old one kept rows in mind
            return done
        finally:
            self._forget(connection)

    def _forget(self, connection: sqlite3.Connection) -> None:
        try:
            forget_beside(connection, FAMILY)
        finally:
            connection.close()


def open_views(path: Path, store: Store, boxes: Boxes, *, parked: Callable[[Parked], None] = lambda _: None) -> Views:
    """The views in the file `path`, which is made if there is none; only the process that holds the home opens them.

    A file of another version, or one that is no database, is made anew: everything in it can be folded again.

    Args:
        parked: hears of every event that could not be applied, on the thread that folds.

    Raises:
        ViewStoreError: the file cannot be made or opened.
    """
    return Views(path, StoreFeed(store, boxes), parked=parked)
