"""What becomes of each proposal of a commit: the one place where conflicts are decided, whatever the engine.

An engine reads, under the lock of its append transaction, what its tables hold of everything that some proposals touch
(`Known`); `Placing` gives each proposal its positions, whole, or says why not; the engine inserts what was placed. So a
conflict fails alone, without savepoints and without trying an append again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from ledger.application.ports import (
    AlreadyStacked,
    Appended,
    ConflictError,
    Guard,
    Idempotency,
    IdempotencyMismatch,
    Name,
    NameTaken,
    Proposal,
    Replay,
    SlotClaim,
    StaleDecision,
    TimeHasPassed,
)
from ledger.domain.events import StatusCommitted
from ledger.domain.types import ListId, Position, StreamId
from ledger.domain.values import STATUS_LIST_SLOTS
from ledger.record.sealing import Sealed

Outcomes: TypeAlias = list[Appended | ConflictError]

# Of several processes one decides a moment before the other and is recorded a moment after it. A recorded time may
# therefore lie before the latest one, by no more than this; within a stream it never goes back. So every entry keeps
# the rule of docs/spec/entry.md: not more than this before the last statement before it, not after the next.
SLACK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Everything that some proposals touch, each once: what an engine has to look up."""

    streams: Sequence[StreamId]
    keys: Sequence[Idempotency]
    names: Sequence[Name]
    claims: Sequence[SlotClaim]
    stacks: Sequence[bytes]
    short_codes: Sequence[bytes]

    @staticmethod
    def by(proposals: Iterable[Proposal]) -> "Touched":
        """What these proposals touch."""
        every = list(proposals)
        streams = {each.recorded.stream: None for proposal in every for each in proposal.events}
        streams |= {guard.stream: None for proposal in every for guard in proposal.guards}
        return Touched(
            streams=list(streams),
            keys=[proposal.idempotency for proposal in every if proposal.idempotency is not None],
            names=[name for proposal in every for name in proposal.names],
            claims=[claim for proposal in every for claim in proposal.slots],
            stacks=[mac for proposal in every for mac, _ in proposal.stacks],
            short_codes=[mac for proposal in every for mac, _ in proposal.short_codes],
        )


@dataclass(slots=True, kw_only=True)
class Known:
    """What the store holds of all that was touched; kept up with what is placed."""

    size: int  # entries in the log
    at: datetime  # the latest recorded time
    ends: dict[StreamId, int]  # last seq of every stream touched; -1 where there is none
    replays: dict[tuple[str, bytes], Replay] = field(default_factory=dict)  # by scope and key
    names: set[tuple[str, str]] = field(default_factory=set)  # taken, as scope and name
    slots: set[tuple[ListId, int]] = field(default_factory=set)  # given
    lists: dict[ListId, tuple[StreamId, int]] = field(default_factory=dict)  # of the issuers touched: issuer, used
    stacks: set[bytes] = field(default_factory=set)
    short_codes: set[bytes] = field(default_factory=set)


class Placed(NamedTuple):
    """A proposal with the position of its first event."""

    first: int
    proposal: Proposal
    appended: Appended


class Placing:
    """Proposals placed one after the other upon what is known; nothing is written here."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self.placed: list[Placed] = []

    @property
    def size(self) -> int:
        """Entries in the log with what was placed."""
        return self._known.size

    @property
    def at(self) -> datetime:
        """The latest recorded time with what was placed."""
        return self._known.at

    @property
    def events(self) -> Iterable[Sealed]:
        """Every event that was placed, in the order of positions."""
        return (each for placed in self.placed for each in placed.proposal.events)

    def place(self, proposals: Sequence[Proposal]) -> Outcomes:
        """One outcome per proposal: each is placed whole, after those before it, or not at all."""
        return [self._place(proposal) for proposal in proposals]

    def _place(self, proposal: Proposal) -> Appended | ConflictError:
        answer = self._replayed(proposal.idempotency) or self._conflict(proposal)
        if answer is not None:
            return answer
        known = self._known
        first = known.size + 1
        stream, revision = proposal.answer
        answering = next(
            index
            for index, each in enumerate(proposal.events)
            if (each.recorded.stream, each.recorded.seq) == proposal.answer
        )
        appended = Appended(stream=stream, revision=revision, position=Position(first + answering), replayed=False)
        known.at = max(known.at, *(each.recorded.at for each in proposal.events))
        known.size += len(proposal.events)
        self._know(proposal, appended)
        self.placed.append(Placed(first, proposal, appended))
        return appended

    def _replayed(self, key: Idempotency | None) -> Appended | ConflictError | None:
        """What the same request was answered before."""
        replay = None if key is None else self._known.replays.get((key.scope, key.key))
        if key is None or replay is None:
            return None
        if replay.request != key.request:
            return IdempotencyMismatch("this idempotency key was used for another request")
        return replay.appended

    def _conflict(self, proposal: Proposal) -> ConflictError | None:
        return (
            self._overtaken(proposal.events)
            or self._moved(proposal.guards)
            or self._taken(proposal)
            or self._slot_conflict(proposal.slots)
        )

    def _overtaken(self, events: Sequence[Sealed]) -> ConflictError | None:
        expected: dict[StreamId, int] = {}
        for sealed in events:
            recorded = sealed.recorded
            before = expected.get(recorded.stream, self._known.ends[recorded.stream])
            if recorded.seq != before + 1:
                return StaleDecision(f"the stream {recorded.stream} has moved on to {before}")
            # What states how everything stands is not older than anything that it speaks of.
            slack = timedelta() if isinstance(recorded.event, StatusCommitted) else SLACK
            if recorded.at < self._known.at - slack:
                return TimeHasPassed("the log has a later time by now")
            expected[recorded.stream] = recorded.seq
        return None

    def _moved(self, guards: Sequence[Guard]) -> ConflictError | None:
        for guard in guards:
            if self._known.ends[guard.stream] != guard.seq:
                return StaleDecision(f"the stream {guard.stream}, which the decision read, has changed")
        return None

    def _taken(self, proposal: Proposal) -> ConflictError | None:
        for name in proposal.names:
            if (name.scope, name.name) in self._known.names:
                return NameTaken(f"the short name “{name.name}” is taken")
        for mac, _ in proposal.stacks:
            if mac in self._known.stacks:
                return AlreadyStacked("the learner has this award for these components already")
        for mac, _ in proposal.short_codes:
            if mac in self._known.short_codes:
                return StaleDecision("the short code was given to another award")
        return None

    def _slot_conflict(self, claims: Sequence[SlotClaim]) -> ConflictError | None:
        for claim in claims:
            if (claim.list, claim.slot) in self._known.slots:
                return StaleDecision("the status slot was given to another award")
            if self._has_list_beside(claim):
                return StaleDecision("another status list was begun for this issuer meanwhile")
        return None

    def _has_list_beside(self, claim: SlotClaim) -> bool:
        """Whether the claim would begin a list although the issuer has one with room."""
        if claim.list in self._known.lists:
            return False
        owned = (used for issuer, used in self._known.lists.values() if issuer == claim.issuer)
        return any(used < STATUS_LIST_SLOTS // 2 for used in owned)

    def _know(self, proposal: Proposal, appended: Appended) -> None:
        """Keep up with what this proposal brings."""
        known = self._known
        for sealed in proposal.events:
            known.ends[sealed.recorded.stream] = sealed.recorded.seq
        known.names.update((name.scope, name.name) for name in proposal.names)
        for claim in proposal.slots:
            known.slots.add((claim.list, claim.slot))
            issuer, used = known.lists.get(claim.list, (claim.issuer, 0))
            known.lists[claim.list] = (issuer, used + 1)
        known.stacks.update(mac for mac, _ in proposal.stacks)
        known.short_codes.update(mac for mac, _ in proposal.short_codes)
        key = proposal.idempotency
        if key is not None:
            again = Appended(
                stream=appended.stream, revision=appended.revision, position=appended.position, replayed=True
            )
            known.replays[key.scope, key.key] = Replay(request=key.request, appended=again)


def placed_last(read: Callable[[Sequence[Proposal]], Known], sealed: Sealed) -> tuple[Placing, Position]:
    """The one entry placed upon what `read` finds, and its position.

    Raises:
        StaleDecision: it does not follow.
    """
    proposal = Proposal(events=(sealed,), answer=(sealed.recorded.stream, sealed.recorded.seq))
    placing = Placing(read([proposal]))
    (outcome,) = placing.place([proposal])
    if isinstance(outcome, ConflictError):
        raise outcome
    return placing, outcome.position


def used_slots(placed: Iterable[Placed]) -> Mapping[tuple[ListId, StreamId], int]:
    """How many slots of which list of which issuer were placed."""
    used: dict[tuple[ListId, StreamId], int] = {}
    for each in placed:
        for claim in each.proposal.slots:
            used[claim.list, claim.issuer] = used.get((claim.list, claim.issuer), 0) + 1
    return used
