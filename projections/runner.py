"""Runs the fold of any view over the log: in batches, each with its position in one transaction, around what is poison.

An event that cannot be applied is parked; later events of its stream are parked as well, so that no row skips an act,
and the rest goes on. A batch that the tables refuse is bisected until the event that they refuse stands alone. What is
parked stays so until the view is rebuilt; other views may well have applied it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ledger.domain.types import Position
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.record.decoding import decode
from ledger.record.entry import MalformedEntry
from projections.changes import THERE, Changes, ViewStore
from projections.family import Fed, Fold, NotApplicable, Parked, View, ViewStoreError
from projections.feed import Feed, FeedFailed, Openings, Wordings, named_stream

SMALLEST = 50  # events folded in one transaction while they trickle in; more when far behind
_NONE: Mapping[Part, Opening] = {}
_TYPES = 1_000  # wire types remembered


class _Unread(NamedTuple):
    """Bytes that are no entry, and where they stand."""

    position: int
    raw: bytes


class Runner:
    """Brings one view up to date. One thread at a time; a second runner on the same tables is fenced."""

    def __init__(
        self,
        store: ViewStore,
        feed: Feed,
        view: View,
        *,
        batch: int | None = None,
        parked: Callable[[Parked], None] = lambda _: None,
    ) -> None:
        """
        Args:
            batch: events folded in one transaction at most; None: as many as suits the store.
            parked: hears of every event that is set aside, once that is recorded.
        """
        self._store = store
        self._feed = feed
        self._view = view
        self._batch = store.batch if batch is None else batch
        self._report = parked
        self._titles = Wordings(feed)
        self._wanted: dict[str, bool] = {}  # what the view said of wire types
        self._fold: tuple[Position, Fold] | None = None  # what was kept of the rows, and the position it is good for

    def catch_up(self, until: int | None = None) -> int:
        """Fold what the view has not seen; how many events. Safe to repeat, to interrupt and to restart.

        Args:
            until: the last position to fold; None for the head of the log.

        Raises:
            Fenced: another runner folds into the same tables; what it has done stands.
            FeedFailed, ViewStoreError: batches folded before stay folded.
        """
        done, position, limit = 0, self._store.position(), min(SMALLEST, self._batch)
        while until is None or position < until:
            batch = self._feed.read(position, limit if until is None else min(limit, until - position))
            if not batch:
                break
            self._run(batch, position)
            done, position = done + len(batch), Position(batch[-1][0])
            limit = min(2 * limit, self._batch) if len(batch) == limit else limit
        return done

    def _run(self, batch: Sequence[tuple[int, bytes]], expected: Position) -> None:
        reached = Position(batch[-1][0])
        fold = self._folding(expected)
        self._fold = None  # until what it folds is saved
        changes = Changes(self._store, self._view)
        self._apply(fold, changes, batch)
        try:
            self._store.save(changes, expected=expected, reached=reached)
        except (FeedFailed, ViewStoreError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever an event brings about must not stop the rest
            if len(batch) > 1:
                half = len(batch) // 2
                self._run(batch[:half], expected)
                self._run(batch[half:], Position(batch[half - 1][0]))
                return
            position, raw = batch[0]
            # In one batch with the row that is there, `add` would have refused it: the same event, the same reason.
            reason = THERE if changes.adds_what_is_there() else _reason(error)
            changes = Changes(self._store, self._view)
            changes.park(position, named_stream(raw), reason)
            self._store.save(changes, expected=expected, reached=reached)
        else:
            self._fold = (reached, fold)
        for parked in changes.parked:
            self._report(parked)

    def _folding(self, expected: Position) -> Fold:
        """The fold of the batch before, if nobody else has written since."""
        if self._fold is not None and self._fold[0] == expected:
            return self._fold[1]
        return self._view.fold(self._titles)

    def _apply(self, fold: Fold, changes: Changes, batch: Sequence[tuple[int, bytes]]) -> None:
        opens, far = self._view.opens, self._store.far
        if not opens and not far:
            self._fold_all(fold, changes, self._decoded(batch), {})  # one entry at a time is held
            return
        read = list(self._decoded(batch))
        if far:
            streams: set[str] = set()
            if changes.any_parked:
                streams.update(fed.entry.stream if isinstance(fed, Fed) else named_stream(fed.raw) for fed in read)
            changes.look_ahead((fed for fed in read if isinstance(fed, Fed)), streams)
        closed = [fed for fed in read if isinstance(fed, Fed) and fed.entry.type in opens]
        self._fold_all(fold, changes, read, self._feed.openings(closed) if closed else {})

    def _decoded(self, batch: Sequence[tuple[int, bytes]]) -> Iterator[Fed | _Unread]:
        wanted = self._wanted
        for position, raw in batch:
            try:
                entry = decode(raw)
            except MalformedEntry:
                yield _Unread(position, raw)
            else:
                wire = entry[0]
                if wanted[wire] if wire in wanted else self._takes(wire):
                    yield Fed(position, raw, entry)

    def _fold_all(self, fold: Fold, changes: Changes, read: Iterable[Fed | _Unread], openings: Openings) -> None:
        apply = fold.apply
        for fed in read:
            if isinstance(fed, _Unread):
                stream = named_stream(fed.raw)
                reason = _follows(changes, stream) or "the bytes are not an entry that this version can read"
                changes.park(fed.position, stream, reason)
                continue
            if changes.any_parked:
                follows = _follows(changes, fed.entry.stream)
                if follows is not None:
                    changes.park(fed.position, fed.entry.stream, follows)
                    continue
            try:
                apply(changes, fed, openings[fed.position] if openings and fed.position in openings else _NONE)
            except (FeedFailed, ViewStoreError):
                raise
            except Exception as error:  # noqa: BLE001 - as above; a fold that raises has changed nothing
                changes.park(fed.position, fed.entry.stream, _reason(error))

    def _takes(self, wire: str) -> bool:
        wanted = self._view.takes(wire)
        if len(self._wanted) < _TYPES:
            self._wanted[wire] = wanted
        return wanted


def _follows(changes: Changes, stream: str) -> str | None:
    first = changes.parked_at(stream)
    return None if first is None else f"it follows the event at position {first}, which is parked"


def _reason(error: Exception) -> str:
    """A sentence that quotes nothing of the record: other errors may."""
    if isinstance(error, NotApplicable):
        return str(error)
    return f"it could not be applied: {type(error).__name__}"
