"""Awards a pathway to a learner who holds its parts.

Every component is read into the draft, so the append transaction guards its stream: one that is revoked, suspended or
amended at the same moment stops the award, which is then decided again. Which awards a learner could stack is looked up
in the wallet view by the caller; what is decided here rests on the ledger alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from ledger import canonical
from ledger.application.awards import AwardRecord, Awards
from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.issuing import Issuing, Offer
from ledger.application.ports import AlreadyStacked, Appended, Caller
from ledger.domain.award import Award, AwardInternal, Component
from ledger.domain.award_request import AwardRequest, read_request
from ledger.domain.credential import CredentialNotIssued
from ledger.domain.reading import Problem, Refused
from ledger.domain.stacking import Held, check_components, check_day, standing_fault
from ledger.domain.stacking_rule import StackingRule
from ledger.domain.types import Digest, LearnerId, Seq, StreamId

DETAILS = ("awarded_on", "result", "score", "assessor", "language", "evidence_url", "valid_from", "valid_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRequest:
    """The award of a pathway as a registrar asks for it."""

    learner: LearnerId
    pathway: str  # its slug or id
    components: tuple[StreamId, ...]  # awards of the learner
    chosen: bool = False  # by the service: then they are no part of what makes two requests the same
    details: Mapping[str, str] = field(default_factory=dict)  # of `DETAILS`, as in a CSV row


class Stacking:
    """The command that awards a pathway."""

    def __init__(self, desk: Desk, issuing: Issuing, awards: Awards) -> None:
        self._desk = desk
        self._issuing = issuing
        self._awards = awards

    async def stack(
        self, caller: Caller, issuer: StreamId, request: StackRequest, *, idempotency_key: str | None = None
    ) -> Appended:
        """Award a pathway, built from these components.

        Raises:
            Refused: with every problem of the components, of the details, or of the pathway's name.
            AlreadyStacked: the learner has this award.
            AchievementIsRetired, WordingIsDisowned, NoUsableKey, ConflictError, OutcomeUnknown.
        """
        fields: canonical.Json = [
            str(issuer),
            str(request.learner),
            request.pathway,
            None if request.chosen else [str(stream) for stream in request.components],
            dict(request.details),
        ]
        idempotency = self._desk.idempotency(issuer, idempotency_key, "credential.stack", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            offer, rule = self._pathway(draft, issuer, request.pathway)
            awards = self._components(draft, caller, issuer, rule, request)
            row = self._row(draft, offer, request, awards)
            pins = tuple(self._pin(draft, stream) for stream in request.components)
            answer = self._issuing.draft_award(draft, draft.issuer(issuer), offer, row, caller, pins)
            draft.stacks.append((self._mac(draft, caller, offer, request), answer[0]))
            return answer

        return await self._desk.commit(decide, idempotency=idempotency)

    def _pathway(self, draft: Draft, issuer: StreamId, name: str) -> tuple[Offer, StackingRule]:
        try:
            offer = self._issuing.look_up(draft, issuer, name)
        except Refused:
            reason = f"“{name[:80]}” is not a pathway of this issuer; define it, or correct the name"
            raise Refused((Problem(column="pathway", code="unknown_pathway", reason=reason),)) from None
        if offer.definition.rule is None:
            reason = f"“{name[:80]}” is an achievement, which is earned by itself: award it with `testamur issue`"
            raise Refused((Problem(column="pathway", code="not_a_pathway", reason=reason),))
        return offer, offer.definition.rule

    def _components(
        self, draft: Draft, caller: Caller, issuer: StreamId, rule: StackingRule, request: StackRequest
    ) -> list[tuple[Award, AwardInternal]]:
        """The current version of each component, after every check that the audit makes too."""
        records = self._records(draft, caller, request.components)
        held = [self._held(record, draft.at.date()) for record in records]
        problems = check_components(rule, held, issuer=draft.issuer(issuer).did, learner=request.learner)
        if problems:
            raise Refused(problems)
        return [_current(record) for record in records]

    def _records(self, draft: Draft, caller: Caller, streams: Sequence[StreamId]) -> list[AwardRecord]:
        records, problems = [], []
        for index, stream in enumerate(streams):
            try:
                records.append(self._awards.read(caller, stream, draft))
            except CredentialNotIssued:
                reason = "is not an award of this issuer"
                problems.append(Problem(column=f"components.{index}", code="unknown_award", reason=reason))
        if problems:
            raise Refused(tuple(problems))
        return records

    def _held(self, record: AwardRecord, today: date) -> Held:
        award, internal = _current(record)
        return Held(
            stream=record.credential.stream,
            issuer=record.credential.issuer,
            learner=internal.learner,
            slug=self._desk.definition(award.achievement.digest).slug,
            is_stack=bool(award.components),
            fault=standing_fault(record.credential, award, today),
        )

    def _row(
        self, draft: Draft, offer: Offer, request: StackRequest, awards: Sequence[tuple[Award, AwardInternal]]
    ) -> AwardRequest:
        """The award as a CSV row would ask for it; who the learner is comes from the newest component."""
        newest, internal = max(awards, key=lambda each: each[0].awarded_on)
        row = {
            "awarded_on": draft.at.date().isoformat(),
            **request.details,
            "student_number": internal.student_number,
            "full_name": newest.name,
            "achievement": offer.definition.slug,
            "email": internal.email or "",
        }
        read = read_request(row, offer.definition, draft.latest_day)
        check_day(read.awarded_on, newest.awarded_on)
        return read

    def _pin(self, draft: Draft, stream: StreamId) -> Component:
        seq, entry = draft.end(stream)
        digest = Digest(sha256(entry).digest())
        return Component(origin=self._desk.operator.origin, stream=stream, seq=seq, entry=digest)

    def _mac(self, draft: Draft, caller: Caller, offer: Offer, request: StackRequest) -> bytes:
        """What is stored once: learner, version of the pathway, set of components; a thief's award does not count."""
        fields: list[canonical.Json] = [
            str(request.learner),
            str(offer.achievement.stream),
            offer.version,
            [str(stream) for stream in sorted(request.components)],
        ]
        mac = self._desk.macs.stack(canonical.encode(fields))
        while (earlier := self._made(draft, mac)) is not None:
            if not self._awards.read(caller, earlier, draft).credential.disowned:
                reason = f"the learner has this award for these components already: {earlier}, in whatever state it is"
                raise AlreadyStacked(f"{reason}; other components, or a new version of the pathway, make another one")
            mac = self._desk.macs.stack(canonical.encode([*fields, str(earlier)]))
        return mac

    def _made(self, draft: Draft, mac: bytes) -> StreamId | None:
        with draft.look() as snapshot:
            return snapshot.stack(mac)


def _current(record: AwardRecord) -> tuple[Award, AwardInternal]:
    return record.version(record.credential.current.seq)
