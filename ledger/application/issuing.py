"""Issues one award: the request is checked against its achievement, then sealed with its private parts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ledger import canonical
from ledger.application.achievements import scope_of
from ledger.application.ahead import Learner
from ledger.application.awards import Receipt, fresh_receipt
from ledger.application.desk import Desk
from ledger.application.draft import Codes, Draft, milliseconds
from ledger.application.ports import Appended, Caller, LearnerKey, Snapshot
from ledger.domain import text
from ledger.domain.achievement import Achievement, AchievementIsRetired, WordingIsDisowned
from ledger.domain.award import AchievementRef, Act, Award, AwardInternal, Component
from ledger.domain.award_request import AwardRequest, read_request, student_number_of
from ledger.domain.codes import link_digest, new_link_code, new_short_code, stream_of
from ledger.domain.credential import permit
from ledger.domain.definition import AchievementDefinition
from ledger.domain.events import CredentialAmended, CredentialAwarded, CredentialIssued, CredentialStacked
from ledger.domain.issuer import Issuer
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Part
from ledger.record.private_parts import Facts, write_facts, write_internal


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An achievement that may be awarded now, as a draft read it."""

    achievement: Achievement
    version: int  # the one that is awarded now
    definition: AchievementDefinition

    @property
    def ref(self) -> AchievementRef:
        """What an award of it pins."""
        state = self.achievement
        return AchievementRef(stream=state.stream, version=self.version, digest=state.digests[self.version - 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """An award and, if this very command made it, its codes."""

    appended: Appended
    codes: Codes | None

    @property
    def receipt(self) -> Receipt | None:
        """The receipt of an award that this command made; that of an earlier one is read back."""
        return None if self.codes is None else fresh_receipt(self.appended, self.codes)


class Issuing:
    """The command that issues one award."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def issue(
        self, caller: Caller, issuer: StreamId, row: Mapping[str, str], *, idempotency_key: str | None = None
    ) -> Appended:
        """As `award`, for who needs no receipt."""
        return (await self.award(caller, issuer, row, idempotency_key=idempotency_key)).appended

    async def award(
        self, caller: Caller, issuer: StreamId, row: Mapping[str, str], *, idempotency_key: str | None = None
    ) -> Issued:
        """Award an achievement to a learner.

        Args:
            row: the columns of a CSV file, `domain.award_request.COLUMNS`.

        Raises:
            Refused: with every problem of the row.
            AchievementIsRetired, NoUsableKey, ConflictError, OutcomeUnknown.
        """
        fields: dict[str, canonical.Json] = {str(column): str(value) for column, value in row.items()}
        idempotency = self._desk.idempotency(issuer, idempotency_key, "credential.issue", [str(issuer), fields])

        codes: dict[StreamId, Codes] = {}  # of every try; the one that was appended is among them

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            offer = self.offer(draft, issuer, row.get("achievement", ""))
            request = read_request(row, offer.definition, draft.latest_day)
            answer = self.draft_award(draft, draft.issuer(issuer), offer, request, caller)
            codes.update(draft.codes)
            return answer

        number = student_number_of(row)
        learner = None if number is None else Learner(issuer=issuer, student_number=number)
        appended = await self._desk.commit(decide, idempotency=idempotency, learner=learner)
        return Issued(appended=appended, codes=None if appended.replayed else codes.get(appended.stream))

    def offer(self, draft: Draft, issuer: StreamId, name: str) -> Offer:
        """The achievement that a row names by slug or id.

        Raises:
            Refused: there is none of this issuer, or it is a pathway, which is awarded by stacking.
            AchievementIsRetired, WordingIsDisowned.
        """
        found = self.look_up(draft, issuer, name)
        if found.achievement.is_pathway:
            reason = f"“{name}” is a pathway, which is earned by holding its parts: award it with `testamur stack`"
            raise Refused((Problem(column="achievement", code="is_a_pathway", reason=reason),))
        return found

    def look_up(self, draft: Draft, issuer: StreamId, name: str) -> Offer:
        """The achievement or pathway with this slug or id.

        Raises:
            Refused: there is none of this issuer.
            AchievementIsRetired, WordingIsDisowned.
        """
        name = text.clean(name)  # as the cells of a CSV file are read
        if (issuer, name) not in draft.named:
            with draft.look() as snapshot:
                draft.named[issuer, name] = resolve_achievement(snapshot, issuer, name)
        stream = draft.named[issuer, name]
        state, owner = None if stream is None else draft.achievement(stream), draft.issuer(issuer)
        if state is None or state.issuer != owner.did:
            raise Refused((unknown_achievement(name),))
        if state.retired is not None:
            raise AchievementIsRetired(f"“{name}” is retired: nothing is awarded on it any more")
        version = state.offered(owner.disowns)
        if version is None:
            reason = f"was worded with a stolen key: state it again with `testamur {state.noun} revise`"
            raise WordingIsDisowned(f"“{name}” {reason}")
        definition = self._desk.definition(state.digests[version - 1])
        return Offer(achievement=state, version=version, definition=definition)

    def draft_award(
        self,
        draft: Draft,
        issuer: Issuer,
        offer: Offer,
        request: AwardRequest,
        caller: Caller,
        components: tuple[Component, ...] = (),
    ) -> tuple[StreamId, Seq]:
        """Put one award into the draft; its stream and seq.

        Args:
            components: of the award of a pathway, already checked.
        """
        desk = self._desk
        code = new_link_code(milliseconds(draft.at), desk.entropy.bytes(16))
        stream = stream_of(code)
        key = desk.vault.learner(issuer.stream, request.student_number)
        short_code = self._short_code()
        claim = draft.claim_slot(issuer.stream, stream, Seq(0))
        awarded = CredentialStacked if components else CredentialIssued
        event = awarded(link=link_digest(code), list=claim.list, slot=claim.slot)
        permit(None, event)
        internal = AwardInternal(
            actor=caller.actor,
            learner=key.learner,
            student_number=request.student_number,
            email=request.email,
            code=code,
            short_code=short_code,
            notes=None,
        )
        award = request.award(offer.ref, offer.definition)
        if components:
            award = replace(award, components=components)
        record_award(desk, draft, issuer, event, stream, award, None, internal, key)
        draft.codes[stream] = Codes(code=code, short_code=short_code)
        draft.short_codes.append((desk.macs.short_code(short_code), stream))
        return stream, Seq(0)

    def _short_code(self) -> str:
        while True:
            code = new_short_code(self._desk.entropy.bytes(8))
            if code is not None:
                return code


def resolve_achievement(snapshot: Snapshot, issuer: StreamId, name: str) -> StreamId | None:
    """The achievement's stream, by slug or by id."""
    found = snapshot.name(scope_of(issuer), name)
    if found is not None:
        return found
    return next((stream for _, stream in snapshot.names(scope_of(issuer)) if str(stream) == name), None)


def unknown_achievement(name: str) -> Problem:
    """What is wrong with a name that no achievement of the issuer has."""
    if not name:
        return Problem(column="achievement", code="missing", reason="is empty; it is needed")
    wrong = text.fault(name, 200)
    if wrong is not None:
        return Problem(column="achievement", code=wrong[0], reason=wrong[1])
    reason = f"“{name[:80]}” is not an achievement of this issuer; define it, or correct the name"
    return Problem(column="achievement", code="unknown_achievement", reason=reason)


def record_award(
    desk: Desk,
    draft: Draft,
    issuer: Issuer,
    event: CredentialAwarded | CredentialAmended,
    stream: StreamId,
    award: Award,
    act: Act | None,
    internal: AwardInternal,
    key: LearnerKey,
) -> Seq:
    """Seal one version of an award with its three private parts."""
    signer = desk.signing(draft, issuer)
    document = desk.documents.make(
        event, award, stream=stream, issuer=issuer, at=draft.at, signer=signer, look=draft.look
    )
    parts = {
        Part.DOCUMENT: document,
        Part.FACTS: write_facts(Facts(award=award, act=act)),
        Part.INTERNAL: write_internal(internal),
    }
    known = {issuer.did: issuer}
    recorded = draft.record(
        event, stream=stream, by=issuer.did, signer=signer, issuers_known=known, parts=parts, key=key
    )
    return recorded.seq
