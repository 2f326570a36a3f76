"""Runs the fold over the log: in batches, each with its position in one transaction, around events it cannot apply.

An event that cannot be applied is isolated by bisection and parked; later events of its stream are parked as well, so
that no row skips an act, and the rest goes on. What is parked stays so until the view is rebuilt.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from ledger.domain import issuer as issuers
from ledger.domain.issuer import Issuer
from ledger.domain.types import Did, Digest, Position, StreamId
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from projections.credential_status import IssuerEntry, Kept, NotApplicable, Seen, Title, apply
from projections.feed import Fed, Feed, FeedFailed, Titles
from projections.rows import Parked

BATCH = 1_000  # events


class ViewStoreError(LedgerError):
    """The view's own tables could not be read or written; it says nothing about any event."""


class Fenced(ViewStoreError):
    """Another worker has moved the view on; nothing was written."""


class ViewStore(Protocol):
    """The view's tables, as the runner uses them.

    Raises:
        ViewStoreError: from any call; nothing was changed.
    """

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        ...

    def award(self, stream: StreamId) -> Kept | None:
        """An award."""
        ...

    def awards_since(self, issuer: Did, position: Position) -> Iterator[Kept]:
        """The awards of an issuer whose last act stands at `position` or later."""
        ...

    def issuer_entries(self, did: Did) -> Sequence[tuple[Position, bytes]]:
        """The entries of an issuer's stream, by position."""
        ...

    def issuer_of(self, stream: StreamId) -> Did | None:
        """Whose stream it is, if it is an issuer's."""
        ...

    def parked_streams(self) -> Mapping[StreamId, Position]:
        """The streams of which an event is parked, and the position of the first."""
        ...

    def save(self, changes: "Changes", *, expected: Position, reached: Position) -> None:
        """Write everything, and move the view from `expected` to `reached`, in one transaction or not at all.

        Raises:
            Fenced: the view is not at `expected`.
        """
        ...


class Changes:
    """What a batch changes, over the tables as saved; the `Tables` that the fold works on."""

    def __init__(self, saved: ViewStore) -> None:
        self._saved = saved
        self._issuers: dict[Did, Issuer] = {}
        self._issuer_of: dict[StreamId, Did] = {}
        self.awards: dict[StreamId, Kept] = {}
        self.issuer_entries: list[IssuerEntry] = []
        self.parked: list[Parked] = []
        self._parked_at = dict(saved.parked_streams())

    def award(self, stream: StreamId) -> Kept | None:
        """An award."""
        return self.awards.get(stream) or self._saved.award(stream)

    def put_award(self, kept: Kept) -> None:
        """Replace an award, or add it."""
        self.awards[kept.row.credential_id] = kept

    def awards_since(self, issuer: Did, position: Position) -> Iterable[Kept]:
        """The awards of an issuer whose last act stands at `position` or later."""
        changed = dict(self.awards)
        yield from (kept for kept in changed.values() if kept.row.issuer == issuer and kept.row.position >= position)
        for kept in self._saved.awards_since(issuer, position):
            if kept.row.credential_id not in changed:
                yield kept

    def issuer(self, did: Did) -> Issuer | None:
        """An issuer."""
        if did not in self._issuers:
            state = _folded(self._saved.issuer_entries(did))
            if state is None:
                return None
            self._issuers[did] = state
        return self._issuers[did]

    def issuer_of(self, stream: StreamId) -> Did | None:
        """Whose stream it is, if it is an issuer's."""
        return self._issuer_of.get(stream) or self._saved.issuer_of(stream)

    def put_issuer(self, issuer: Issuer, seen: Seen) -> None:
        """The issuer after `seen`, an event of its stream."""
        self._issuers[issuer.did] = issuer
        self._issuer_of[issuer.stream] = issuer.did
        position = seen.recorded.position
        self.issuer_entries.append(
            IssuerEntry(position=position, issuer=issuer.did, stream=issuer.stream, raw=seen.raw)
        )

    def parked_at(self, stream: StreamId) -> Position | None:
        """The first event of the stream that is parked."""
        return self._parked_at.get(stream)

    def park(self, fed: Fed, reason: str) -> None:
        """Set an event aside."""
        self.parked.append(Parked(position=fed.position, stream=fed.stream, reason=reason))
        if fed.stream is not None:
            self._parked_at.setdefault(fed.stream, fed.position)


def _folded(entries: Iterable[tuple[Position, bytes]]) -> Issuer | None:
    state: Issuer | None = None
    try:
        for position, raw in entries:
            state = issuers.evolve(state, parse_entry(raw).recorded(position))
    except (LedgerError, KeyError) as error:
        raise ViewStoreError("what the view keeps of an issuer cannot be read; rebuild the view") from error
    return state


class Runner:
    """Brings one view up to date. One thread at a time; a second runner on the same tables is fenced."""

    def __init__(
        self, store: ViewStore, feed: Feed, *, batch: int = BATCH, parked: Callable[[Parked], None] = lambda _: None
    ) -> None:
        """
        Args:
            batch: events folded in one transaction at most.
            parked: hears of every event that is set aside, once that is recorded.
        """
        self._store = store
        self._feed = feed
        self._batch = batch
        self._report = parked
        self._titles: Callable[[Digest], Title | None] = Titles(feed)

    def catch_up(self, until: int | None = None) -> int:
        """Fold what the view has not seen; how many events. Safe to repeat, to interrupt and to restart.

        Args:
            until: the last position to fold; None for the head of the log.

        Raises:
            Fenced: another runner folds into the same tables; what it has done stands.
            FeedFailed, ViewStoreError: batches folded before stay folded.
        """
        done, position = 0, self._store.position()
        while until is None or position < until:
            limit = self._batch if until is None else min(self._batch, until - position)
            fed = self._feed.read(position, limit)
            if not fed:
                break
            self._fold(fed, position)
            done, position = done + len(fed), fed[-1].position
        return done

    def _fold(self, batch: Sequence[Fed], expected: Position) -> None:
        changes = Changes(self._store)
        try:
            for fed in batch:
                self._apply(changes, fed)
            self._store.save(changes, expected=expected, reached=batch[-1].position)
        except (FeedFailed, ViewStoreError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever an event brings about must not stop the rest
            if len(batch) > 1:
                half = len(batch) // 2
                self._fold(batch[:half], expected)
                self._fold(batch[half:], batch[half - 1].position)
                return
            changes = Changes(self._store)
            changes.park(batch[0], _reason(error))
            self._store.save(changes, expected=expected, reached=batch[0].position)
        for parked in changes.parked:
            self._report(parked)

    def _apply(self, changes: Changes, fed: Fed) -> None:
        first = None if fed.stream is None else changes.parked_at(fed.stream)
        if first is not None:
            changes.park(fed, f"it follows the event at position {first}, which is parked")
        elif fed.recorded is None:
            raise NotApplicable("the bytes are not an entry that this version can read")
        else:
            apply(changes, Seen(recorded=fed.recorded, raw=fed.raw, openings=fed.openings), self._titles)


def _reason(error: Exception) -> str:
    """A sentence that quotes nothing of the record: other errors may."""
    if isinstance(error, NotApplicable):
        return str(error)
    return f"it could not be applied: {type(error).__name__}"
