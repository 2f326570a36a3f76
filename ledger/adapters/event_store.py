"""The `eventsourcing` library set up for sealed entries, whatever they lie in: mapper and folded streams.

An entry is stored verbatim as `state`, its wire type as `topic`; topics are looked up in our own table and never
resolved to a Python object. Recorders are beside the engines, in `ledger.adapters.sqlite` and `.postgres`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.persistence import (
    ApplicationRecorder,
    EventStore,
    JSONTranscoder,
    Mapper,
    Notification,
    StoredEvent,
)

from ledger.domain.events import Recorded
from ledger.domain.types import Position, StreamId
from ledger.record.entry import parse_entry

_CACHED_STREAMS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryEvent:
    """An entry in the form the library passes around."""

    recorded: Recorded
    raw: bytes
    topic: str

    @property
    def originator_id(self) -> UUID:
        """The stream."""
        return self.recorded.stream

    @property
    def originator_version(self) -> int:
        """The seq."""
        return self.recorded.seq


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedStream:
    """A stream's events and its last entry, as they stood at one moment."""

    recorded: tuple[Recorded, ...]
    last: bytes


class _Growing:
    """A stream in the repository's cache. It grows in place, while other threads read it: whole states are swapped."""

    def __init__(self, stream: StreamId) -> None:
        self.id = stream
        self.state = FoldedStream(recorded=(), last=b"")

    @property
    def version(self) -> int:
        """The seq of the last event."""
        return self.state.recorded[-1].seq


class EntryMapper(Mapper[UUID]):
    """Maps entries to stored events and back, verbatim."""

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())  # required by the base class, used by nothing here

    def to_stored_event(self, domain_event: object) -> StoredEvent:
        """The row of an entry."""
        event = cast("EntryEvent", domain_event)
        return StoredEvent(
            originator_id=event.originator_id,
            originator_version=event.originator_version,
            topic=event.topic,
            state=event.raw,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> EntryEvent:
        """The entry of a row.

        Raises:
            MalformedEntry: the bytes are not an entry.
        """
        entry = parse_entry(stored_event.state)
        position = Position(cast("Notification", stored_event).id)
        return EntryEvent(recorded=entry.recorded(position), raw=entry.raw, topic=entry.type)


class Streams:
    """Folded streams out of the library's repository, which keeps them and reads only what is new."""

    def __init__(self, recorder: ApplicationRecorder) -> None:
        self._repository: Repository[UUID] = Repository(
            EventStore(EntryMapper(), recorder), cache_maxsize=_CACHED_STREAMS, deepcopy_from_cache=False
        )

    def load(self, stream: StreamId, end: int | None = None) -> FoldedStream | None:
        """The stream as it stands; None where there is none.

        Args:
            end: its last seq, if the caller has just read it: what is kept up to there is not read again.
        """
        kept = self._kept(stream) if end is not None else None
        if kept is not None and kept.recorded[-1].seq == end:
            return kept
        try:
            growing = self._repository.get(stream, projector_func=_fold)
        except AggregateNotFoundError:
            return None
        return growing.state

    def _kept(self, stream: StreamId) -> FoldedStream | None:
        cache = self._repository.cache
        try:
            return None if cache is None else cast("_Growing", cache.get(stream)).state
        except KeyError:
            return None


def _fold(growing: _Growing | None, events: Iterable[EntryEvent]) -> _Growing | None:
    new = list(events)
    if new:
        growing = growing or _Growing(new[0].recorded.stream)
        recorded = (*growing.state.recorded, *(event.recorded for event in new))
        growing.state = FoldedStream(recorded=recorded, last=new[-1].raw)
    return growing
