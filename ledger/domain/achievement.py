"""What can be earned: the versions of one achievement or pathway, folded from its stream.

A pathway is an achievement that is earned by holding others; its stream has event types of its own. The wording of each
version is a definition (`ledger.domain.definition`), bound here by its digest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_type

from ledger.domain.events import (
    AchievementDefined,
    AchievementRetired,
    AchievementRevised,
    OfferEvent,
    PathwayDefined,
    PathwayEvent,
    PathwayRetired,
    PathwayRevised,
    Recorded,
)
from ledger.domain.types import Did, Digest, Kid, Position, Seq, StreamId
from ledger.errors import LedgerError


class AchievementError(LedgerError):
    """A command on an achievement is refused; nothing changed."""


class AchievementNotDefined(AchievementError):
    """The stream has no achievement yet."""


class AchievementAlreadyDefined(AchievementError):
    """The stream already has its achievement."""


class AchievementIsRetired(AchievementError):
    """Nothing more happens to a retired achievement."""


class WordingIsDisowned(AchievementError):
    """The wording was stated with a stolen key: define or revise the achievement anew."""


class DefinitionUnchanged(AchievementError):
    """A revision must carry the next version, and differ from what it replaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Achievement:
    """What the stream of an achievement or of a pathway adds up to."""

    stream: StreamId
    issuer: Did
    head: Seq
    digests: tuple[Digest, ...]  # of version 1, 2, 3 ...
    revised_at: tuple[Position, ...]  # position of each version
    kids: tuple[Kid, ...]  # which key stated each version
    is_pathway: bool = False
    retired: Position | None = None

    @property
    def version(self) -> int:
        """The present version, from 1."""
        return len(self.digests)

    def offered(self, disowns: Callable[[Kid, Position], bool]) -> int | None:
        """The version that is awarded now: the last that no thief stated; None where a thief stated all."""
        for number in range(self.version, 0, -1):
            if not disowns(self.kids[number - 1], self.revised_at[number - 1]):
                return number
        return None

    @property
    def noun(self) -> str:
        """What a sentence calls it."""
        return "pathway" if self.is_pathway else "achievement"

    @property
    def digest(self) -> Digest:
        """Of the present version's definition."""
        return self.digests[-1]


def permit(state: Achievement | None, event: OfferEvent) -> None:
    """Raise AchievementError if `event` may not follow `state`. The writer and the audit share this one place."""
    if isinstance(event, AchievementDefined | PathwayDefined):
        if state is not None:
            raise AchievementAlreadyDefined("this is already defined: revise it instead")
        if event.version != 1:
            raise DefinitionUnchanged("the first version of a definition is 1")
        return
    if state is None:
        raise AchievementNotDefined("this stream begins with something other than a definition")
    if state.is_pathway is not isinstance(event, PathwayEvent):
        raise AchievementNotDefined("an achievement does not become a pathway, nor a pathway an achievement")
    if state.retired is not None:
        raise AchievementIsRetired(f"this {state.noun} was retired at position {state.retired}")
    match event:
        case AchievementRevised() | PathwayRevised():
            if event.version != state.version + 1:
                raise DefinitionUnchanged(f"the next version of this definition is {state.version + 1}")
        case _:
            assert_type(event, AchievementRetired | PathwayRetired)
            if event.version != state.version or event.digest != state.digest:
                raise DefinitionUnchanged("a retirement names the last version of the definition")


def evolve(state: Achievement | None, recorded: Recorded) -> Achievement:
    """`state` after an event that `permit` let pass. Never refuses such an event."""
    event = recorded.event
    if isinstance(event, AchievementDefined | PathwayDefined):
        return Achievement(
            stream=recorded.stream,
            issuer=recorded.by,
            head=recorded.seq,
            digests=(event.digest,),
            revised_at=(recorded.position,),
            kids=(recorded.kid,),
            is_pathway=isinstance(event, PathwayDefined),
        )
    if state is None:
        raise AchievementNotDefined("this stream begins with something other than a definition")
    if isinstance(event, AchievementRevised | PathwayRevised):
        return replace(
            state,
            head=recorded.seq,
            digests=(*state.digests, event.digest),
            revised_at=(*state.revised_at, recorded.position),
            kids=(*state.kids, recorded.kid),
        )
    if isinstance(event, AchievementRetired | PathwayRetired):
        return replace(state, head=recorded.seq, retired=recorded.position)
    raise AchievementError(f"a {type(event).__name__} does not belong in the stream of an achievement")
