"""Keeps what streams add up to, so that a decision folds only what has changed since the last one."""

from collections.abc import Callable
from typing import Generic, TypeVar

from ledger.domain.events import Recorded
from ledger.domain.types import StreamId

S = TypeVar("S")

_KEPT = 2_000  # streams


class Folds(Generic[S]):
    """The states of streams of one kind. Any thread may ask; a state is a pure function of the history."""

    def __init__(self, evolve: Callable[[S | None, Recorded], S]) -> None:
        self._evolve = evolve
        self._kept: dict[StreamId, tuple[tuple[Recorded, ...], S]] = {}

    def state(self, stream: StreamId, history: tuple[Recorded, ...]) -> S | None:
        """What `history`, the whole of a stream, adds up to; None where it is empty."""
        kept = self._kept.get(stream)
        if kept is not None and kept[0] is history:  # the store gives the same tuple until the stream grows
            return kept[1]
        state: S | None = None
        for recorded in history:
            state = self._evolve(state, recorded)
        if state is not None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()  # all at once: this is a matter of speed, and asked seldom
            self._kept[stream] = (history, state)
        return state
