"""Answers that were made in this minute, kept until anything changes that an answer is made of.

A verdict follows from what is recorded, the published checkpoint, the operator's policy and the time. A scanner names
the first three and the minute by one value (`ledger.verification.moment.Moment`): while it stays the same, an answer
is still the answer, but for the second at which it was asked for, and that is put in anew. One value for everything:
there is nothing that could be forgotten to be thrown away.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.domain.values import format_time
from ledger.verification.moment import Moment
from verify_api.public.json_verdict import around_time
from verify_api.public.links import ScannedCode

MOST_BYTES: Final = 16 << 20  # of all that is kept; then it is begun anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Everything of a request that its answer depends on, however it is spelled."""

    award: ScannedCode
    language: str | None  # of a page; None: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer without the time at which it was asked for."""

    head: bytes
    tail: bytes | None  # what stands behind that time; None of a page, which shows the minute

    def at(self, now: datetime) -> bytes:
        """The answer at a time."""
        return self.head if self.tail is None else b"".join((self.head, format_time(now).encode("ascii"), self.tail))


class KeptAnswers:
    """The answers of one service. One caller at a time."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        """
        Args:
            most: bytes of all answers that are kept.
        """
        self._most = most
        self._begin(None)

    def find(self, asked: Asked, moment: Moment) -> Kept | None:
        """The answer that was kept, if it is still the answer at this moment; what is not is let go."""
        if moment.state != self._state:
            self._begin(moment.state)
        return self._answers.get(asked)

    def keep(self, asked: Asked, body: bytes, known_at: datetime, moment: Moment) -> None:
        """Keep the answer to what was asked at this moment.

        Args:
            body: of an answer with status 200.
            known_at: when the question was put, as the answer has it.
            moment: from before the verdict was made: had anything changed since, the answer would not be found.
        """
        if moment.state != self._state or self._size + len(body) > self._most:
            self._begin(moment.state)
        head, tail = (body, None) if asked.language is not None else around_time(body, known_at)
        self._answers[asked] = Kept(head=head, tail=tail)
        self._size += len(body)

    def _begin(self, state: Hashable) -> None:
        self._state = state
        self._answers: dict[Asked, Kept] = {}
        self._size = 0
