"""Issuers and achievements folded in the order of positions: at each one, what its writer could know.

Few of them stand beside many awards, so they are held in memory. The awards themselves are folded stream by stream, in
`ledger.audit.rules`.
"""

from bisect import bisect_left
from dataclasses import dataclass
from operator import itemgetter

from ledger.audit.report import Check, Findings, Step
from ledger.domain import achievement as achievements
from ledger.domain import issuer as issuers
from ledger.domain import log as logs
from ledger.domain.achievement import Achievement
from ledger.domain.authority import Operator, check_signer
from ledger.domain.events import (
    AchievementDefined,
    AchievementRevised,
    IssuerEvent,
    IssuerProfileChanged,
    IssuerRegistered,
    LogEvent,
    OfferEvent,
    PathwayDefined,
    PathwayRevised,
    Recorded,
)
from ledger.domain.issuer import Issuer
from ledger.domain.log import Log
from ledger.domain.types import Did, Digest, Position, StreamId
from ledger.errors import LedgerError
from ledger.record.sealing import possession_is_proved

_NEVER = 2**63  # beyond any position
_DEFINED = (AchievementDefined, AchievementRevised, PathwayDefined, PathwayRevised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """An entry that names a definition or a profile by its digest."""

    digest: Digest
    recorded: Recorded


class Registry:
    """Who may sign what, and what is on offer: folded to the last position let in, and asked as of any before it."""

    def __init__(self, operator: Operator, found: Findings) -> None:
        self.operator = operator
        self.log: Log | None = None
        self.issuers: dict[Did, Issuer] = {}
        self.achievements: dict[StreamId, Achievement] = {}
        self.wordings: list[Wording] = []  # in the order of positions
        self._found = found
        self._did_of: dict[StreamId, Did] = {operator.stream: operator.did}  # of issuers and of the log
        # Since when, and whose, a stream is that is no award's, in hexadecimal. The log's is so before its first entry.
        self._owned: dict[str, tuple[Position, Did]] = {operator.stream.hex: (Position(0), operator.did)}
        self._states: dict[Did, list[tuple[Position, Issuer]]] = {}  # each with the position that brought it about

    def admit(self, recorded: Recorded) -> bool:
        """Check who signed an entry that is no award's, and what it says; whether it counts from now on."""
        try:
            check_signer(recorded, operator=self.operator, issuers=self.issuers, owner=self._owner(recorded))
        except LedgerError as error:
            self._found.report(Check.SIGNER, recorded.position, str(error), recorded, Step.SIGNER)
            return False
        event = recorded.event
        try:
            if isinstance(event, LogEvent):
                self._log(recorded, event)
            if isinstance(event, IssuerEvent):
                self._issuer(recorded, event)
            if isinstance(event, OfferEvent):
                self._achievement(recorded, event)
        except LedgerError as error:
            self._found.report(Check.ORDER, recorded.position, str(error), recorded, Step.SIGNER)
            return False
        return True

    def known(self, did: Did, position: Position) -> Issuer | None:
        """An issuer as it was known just before a position."""
        states = self._states.get(did, [])
        index = bisect_left(states, position, key=itemgetter(0))
        return states[index - 1][1] if index else None

    def era(self, did: Did, position: Position) -> tuple[int, int]:
        """The longest range around a position, first and last, in all of which `known` is the same."""
        states = self._states.get(did, [])
        index = bisect_left(states, position, key=itemgetter(0))
        first = states[index - 1][0] + 1 if index else 1
        return first, states[index][0] if index < len(states) else _NEVER

    def check_award(self, recorded: Recorded) -> None:
        """Pass if an entry of an award was signed by a key that could sign it, by what was known at its position.

        Raises:
            SignerError.
        """
        known = self.known(recorded.by, recorded.position)
        issuers = {} if known is None else {known.did: known}
        owner = recorded.by if recorded.seq else None  # taken at its word here, and asked for in `ledger.audit.rules`
        since, did = self._owned.get(recorded.stream.hex, (recorded.position, owner))
        if since < recorded.position:
            owner = did
        check_signer(recorded, operator=self.operator, issuers=issuers, owner=owner)

    def is_owned(self, stream: str) -> bool:
        """Whether the stream, in hexadecimal, is an issuer's, an achievement's or the log's."""
        return stream in self._owned

    def offers(self, stream: StreamId, position: int) -> tuple[Digest, ...]:
        """The digests of the versions that an achievement had before a position."""
        achievement = self.achievements.get(stream)
        if achievement is None:
            return ()
        earlier = sum(revised < position for revised in achievement.revised_at)
        return achievement.digests[:earlier]

    def offered(self, stream: StreamId, position: Position) -> int | None:
        """The version that was awarded at a position, by what was known there of stolen keys."""
        achievement = self.achievements[stream]
        issuer = self.issuers.get(achievement.issuer)
        for number in range(len(self.offers(stream, position)), 0, -1):
            kid, stated = achievement.kids[number - 1], achievement.revised_at[number - 1]
            if issuer is None or not issuer.disowns(kid, stated, known_before=position):
                return number
        return None

    def is_retired(self, stream: StreamId, position: int) -> bool:
        """Whether the achievement was retired before a position."""
        retired = self.achievements[stream].retired
        return retired is not None and retired < position

    def _owner(self, recorded: Recorded) -> Did | None:
        """Whose the stream is; a first entry's own, which it is to state."""
        stream = recorded.stream
        if stream in self.achievements:
            return self.achievements[stream].issuer
        word = recorded.by if recorded.seq else None
        return self._did_of.get(stream, word)

    def _own(self, recorded: Recorded, did: Did) -> None:
        self._owned.setdefault(recorded.stream.hex, (recorded.position, did))

    def _log(self, recorded: Recorded, event: LogEvent) -> None:
        logs.permit(self.log, event, at=recorded.position)
        if not possession_is_proved(self.operator.origin, recorded):
            reason = "the key added did not sign for its own admission, to this log"
            self._found.report(Check.POSSESSION, recorded.position, reason, recorded, Step.SIGNER)
        self.log = logs.evolve(self.log, recorded)

    def _issuer(self, recorded: Recorded, event: IssuerEvent) -> None:
        did = self._did_of.get(recorded.stream)
        state = self.issuers.get(did) if did is not None else None
        issuers.permit(state, event, by=recorded.by, at=recorded.position)
        if state is None and recorded.by in self.issuers:
            raise issuers.IssuerAlreadyRegistered(f"{recorded.by} is already registered, in another stream")
        if not possession_is_proved(self.operator.origin, recorded):
            reason = "the key added did not sign for its own admission, to this issuer of this log"
            self._found.report(Check.POSSESSION, recorded.position, reason, recorded, Step.SIGNER)
        state = issuers.evolve(state, recorded)
        self.issuers[state.did] = state
        self._did_of[recorded.stream] = state.did
        self._own(recorded, state.did)
        self._states.setdefault(state.did, []).append((recorded.position, state))
        if isinstance(event, IssuerRegistered):
            self.wordings.append(Wording(digest=event.profile, recorded=recorded))
        if isinstance(event, IssuerProfileChanged):
            self.wordings.append(Wording(digest=event.digest, recorded=recorded))

    def _achievement(self, recorded: Recorded, event: OfferEvent) -> None:
        state = self.achievements.get(recorded.stream)
        achievements.permit(state, event)
        state = achievements.evolve(state, recorded)
        self.achievements[recorded.stream] = state
        self._own(recorded, state.issuer)
        if isinstance(event, _DEFINED):
            self.wordings.append(Wording(digest=event.digest, recorded=recorded))
