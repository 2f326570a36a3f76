"""The views of one ledger as their readers know them: search, lists, wallets, and what keeps them up to date.

Any thread may call anything here. What is read is what `catch_up` last folded: a caller who must see its own change
calls `catch_up` first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.application.ports import Boxes, Store
from ledger.domain.types import Did, LearnerId, Position, StreamId
from projections.changes import Fenced, ViewStore
from projections.family import Parked, View
from projections.feed import Feed, StoreFeed
from projections.members import FAMILY, NoSuchView, named
from projections.replay_check import Difference, differences
from projections.rows import BadSearch, CredentialRow, Search, Status, cursor_position
from projections.runner import Runner
from projections.stores.engine import Beside, Place
from projections.stores.sqlite_engine import SqliteViews
from projections.wallets import IssuerWallet, wallets_of

__all__ = [
    "FAMILY",
    "BadSearch",
    "Candidate",
    "CredentialRow",
    "NoSuchView",
    "Parked",
    "SqliteViews",
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
    """Every view of one ledger, in one place."""

    def __init__(self, place: Place, feed: Feed, *, parked: Callable[[Parked], None]) -> None:
        """As `open_views`, over any feed."""
        self._place = place
        self._feed = feed
        self._report = parked
        self._engine = place.open(FAMILY)
        self._runners: dict[str, tuple[ViewStore, Runner]] = {}  # of the tables in use

    def catch_up(self) -> int:
        """Fold everything recorded and not yet seen; how many events the last of the views has moved on.

        Raises:
            FeedFailed, ViewStoreError: what was folded before stays folded.
        """
        return min(self._catch_up(view) for view in FAMILY)

    def position(self) -> Position:
        """The last position that every view has folded; 0 before the first."""
        with self._engine.reading() as reader:
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
        with self._engine.reading() as reader:
            return reader.search(search, before=before, limit=limit)

    def count(
        self, *, issuer: Did | None, query: str | None, achievement: str | None, status: str | None, today: date
    ) -> int:
        """How many awards `search` would list on all its pages."""
        search = Search.of(issuer=issuer, query=query, achievement=achievement, status=status, today=today)
        with self._engine.reading() as reader:
            return reader.count(search)

    def learner(self, issuer: Did, student_number: str) -> LearnerId | None:
        """The learner record of an issuer with exactly this student number; None where it has no award."""
        with self._engine.reading() as reader:
            return reader.learner(issuer, student_number)

    def candidates(self, issuer: Did, learner: LearnerId, today: date) -> list[Candidate]:
        """The awards of a learner record of this issuer by their current versions, the first issued first."""
        with self._engine.reading() as reader:
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
        with self._engine.reading() as reader:
            found = [row for row in reader.of_learner(learner) if row.learner == learner]
            parts = [(row, reader.components(row) if row.components else []) for row in found]
        return wallets_of(parts, learner, today)

    def differences(self, name: str | None = None) -> Iterator[Difference]:
        """Every cell of one view, or of each, that is not what the events give, folded anew beside.

        Raises:
            NoSuchView, FeedFailed, ViewStoreError.
        """
        yield from differences(self._feed, self._place, named(name))

    def parked(self) -> Sequence[Parked]:
        """The events that could not be applied, by position and view."""
        with self._engine.reading() as reader:
            found = [each for view in FAMILY for each in reader.parked(view)]
        return sorted(found, key=lambda each: (each.position, each.view))

    def states(self) -> list[ViewState]:
        """How far each view has come, by name."""
        size = self._feed.size()
        with self._engine.reading() as reader:
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
        """Close every connection. Nothing else may be called afterwards."""
        self._engine.close()

    def _catch_up(self, view: View) -> int:
        while True:
            with self._engine.folding(view) as store:
                before = store.position()
                if not self._begins_anew(before):
                    try:
                        self._runner(view, store).catch_up()
                        return store.position() - before
                    except Fenced:  # somebody else folds too, or has rebuilt the view: go on from where it is
                        continue
            with self._engine.rebuilding(view) as beside:
                with self._engine.reading() as reader:
                    position = reader.position(view.name)
                if self._begins_anew(position):  # unless somebody else has done it meanwhile
                    return self._fill(view, beside)

    def _begins_anew(self, position: Position) -> bool:
        """Whether a view is filled beside: far behind, or ahead of a ledger that was restored from a backup."""
        size = self._feed.size()
        return position > size or (position == 0 and size > _FAR_BEHIND)

    def _runner(self, view: View, store: ViewStore) -> Runner:
        """The runner that has folded into these tables before, if there is one: it kept rows in mind."""
        kept = self._runners.get(view.name)
        if kept is None or kept[0] is not store:
            kept = self._runners[view.name] = (store, self._new_runner(view, store))
        return kept[1]

    def _new_runner(self, view: View, store: ViewStore) -> Runner:
        return Runner(store, self._feed, view, parked=self._report)

    def _rebuild(self, view: View) -> int:
        with self._engine.rebuilding(view) as beside:
            return self._fill(view, beside)

    def _fill(self, view: View, beside: Beside) -> int:
        runner = self._new_runner(view, beside.begin())
        done = runner.catch_up()
        beside.index()
        with beside.alone():
            done += runner.catch_up()
            beside.put_in_place()
            self._runners.pop(view.name, None)
        return done


def open_views(place: Place, store: Store, boxes: Boxes, *, parked: Callable[[Parked], None] = lambda _: None) -> Views:
    """The views of a ledger in `place`, where tables are made if there are none.

    Those of another version, or a file that is no database, are made anew: everything in them can be folded again.

    Args:
        place: a file, which only the process that holds the home opens; or a database, for any number of processes.
        parked: hears of every event that could not be applied, on the thread that folds.

    Raises:
        ViewStoreError: the tables cannot be made or opened.
    """
    return Views(place, StoreFeed(store, boxes), parked=parked)
