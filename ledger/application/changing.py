"""Changes an award: amend, suspend, reinstate, revoke."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from ledger import canonical
from ledger.application.awards import AwardRecord, Awards
from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.issuers import check_revision
from ledger.application.issuing import record_award
from ledger.application.ports import Appended, Caller, Idempotency
from ledger.domain import text
from ledger.domain.achievement import WordingIsDisowned
from ledger.domain.award import AchievementRef, Act, ActInternal, Award, AwardInternal, check_act
from ledger.domain.award_request import COLUMNS, FIXED, read_request, request_row
from ledger.domain.credential import check_room, permit
from ledger.domain.events import (
    CredentialAmended,
    CredentialEvent,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
)
from ledger.domain.issuer import Issuer
from ledger.domain.reading import Problem, Refused
from ledger.domain.stacking import check_day
from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Mode, Part, Reason, Role
from ledger.record.private_parts import Facts, write_facts, write_internal
from ledger.verification.former_names import FormerNames

ACHIEVEMENT_VERSION = "achievement_version"  # amends an award to another version of its achievement's wording


class Changing:
    """Commands on an existing award."""

    def __init__(self, desk: Desk, awards: Awards) -> None:
        self._desk = desk
        self._awards = awards

    async def amend(
        self,
        caller: Caller,
        stream: StreamId,
        values: Mapping[str, str],
        reason: Reason,
        *,
        public_text: str | None = None,
        notes: str | None = None,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Record a new version of an award; the link stays, and the old version says so.

        Args:
            values: column -> new text; the empty text takes a value away. They may change nothing where a part of a
                stack was renamed since its current version was made: the new one has a document with the new names.
        """
        fields: canonical.Json = [str(stream), dict(values), reason.value, public_text, notes]
        idempotency = self._desk.idempotency(
            self._awards.issuer_of(stream), idempotency_key, "credential.amend", fields
        )

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            record = self._load(draft, caller, stream, if_revision)
            act = _act(draft, reason, None, None, public_text)
            award, internal = self._amended(draft, record, values)
            internal = replace(internal, actor=caller.actor, notes=_words(notes, "notes"))
            claim = draft.claim_slot(record.issuer.stream, stream, Seq(record.credential.head + 1))
            event = CredentialAmended(list=claim.list, slot=claim.slot)
            permit(record.credential, event)
            check_room(record.credential, event)
            key = self._desk.vault.learner(record.issuer.stream, internal.student_number)
            seq = record_award(self._desk, draft, record.issuer, event, stream, award, act, internal, key)
            return stream, seq

        return await self._desk.commit(decide, idempotency=idempotency)

    async def suspend(
        self,
        caller: Caller,
        stream: StreamId,
        reason: Reason,
        *,
        effective: date | None = None,
        public_text: str | None = None,
        notes: str | None = None,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Put an award on hold."""
        act = (CredentialSuspended(), reason, None, effective, public_text, notes)
        return await self._act(caller, stream, act, if_revision, idempotency_key)

    async def reinstate(
        self,
        caller: Caller,
        stream: StreamId,
        *,
        public_text: str | None = None,
        notes: str | None = None,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Let an award on hold stand again."""
        act = (CredentialReinstated(), None, None, None, public_text, notes)
        return await self._act(caller, stream, act, if_revision, idempotency_key)

    async def revoke(
        self,
        caller: Caller,
        stream: StreamId,
        reason: Reason,
        *,
        effective: date | None = None,
        retroactive: bool = False,
        public_text: str | None = None,
        notes: str | None = None,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Withdraw an award for good, from a day on, or as one that should never have been issued."""
        mode = Mode.RETROACTIVE if retroactive else Mode.PROSPECTIVE
        act = (CredentialRevoked(), reason, mode, effective, public_text, notes)
        return await self._act(caller, stream, act, if_revision, idempotency_key)

    async def _act(
        self,
        caller: Caller,
        stream: StreamId,
        act: tuple[CredentialEvent, Reason | None, Mode | None, date | None, str | None, str | None],
        if_revision: int | None,
        idempotency_key: str | None,
    ) -> Appended:
        event, reason, mode, effective, public_text, notes = act
        day = None if effective is None else effective.isoformat()
        fields: canonical.Json = [
            str(stream),
            None if reason is None else reason.value,
            None if mode is None else mode.value,
            day,
            public_text,
            notes,
        ]
        idempotency = self._desk.idempotency(
            self._awards.issuer_of(stream), idempotency_key, type(event).__name__, fields
        )

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            record = self._load(draft, caller, stream, if_revision)
            permit(record.credential, event)
            check_room(record.credential, event)
            award, internal = record.version(record.credential.current.seq)
            # Where the day begins early an award may be dated on what is still tomorrow in UTC.
            since = effective or max(draft.at.date(), min(award.awarded_on, draft.latest_day))
            stated = _act(draft, reason, mode, since, public_text)
            check_act(stated, award, draft.latest_day)
            parts = {
                Part.FACTS: write_facts(Facts(award=None, act=stated)),
                Part.INTERNAL: write_internal(ActInternal(actor=caller.actor, notes=_words(notes, "notes"))),
            }
            issuer = record.issuer
            recorded = draft.record(
                event,
                stream=stream,
                by=issuer.did,
                signer=self._desk.signer(issuer, Role.SIGNING, draft.position),
                issuers_known={issuer.did: issuer},
                parts=parts,
                key=self._desk.vault.learner(issuer.stream, internal.student_number),
            )
            return stream, recorded.seq

        return await self._desk.commit(decide, idempotency=idempotency)

    def _idempotency(
        self, stream: StreamId, key: str | None, command: str, fields: canonical.Json
    ) -> Idempotency | None:
        return self._desk.idempotency(self._awards.issuer_of(stream), key, command, fields)

    def _load(self, draft: Draft, caller: Caller, stream: StreamId, if_revision: int | None) -> AwardRecord:
        """The award; the draft then depends on it and on its issuer."""
        record = self._awards.read(caller, stream, draft)
        check_revision(record.credential.head, if_revision)
        return record

    def _amended(self, draft: Draft, record: AwardRecord, values: Mapping[str, str]) -> tuple[Award, AwardInternal]:
        current, internal = record.version(record.credential.current.seq)
        problems = [
            Problem(column=column[:80], code="fixed", reason="never changes; revoke the award and issue another")
            if column in FIXED
            else Problem(column=column[:80], code="unknown_field", reason="is not a field of an award")
            for column in values
            if column in FIXED or column not in (*COLUMNS, ACHIEVEMENT_VERSION)
        ]
        if problems:
            raise Refused(tuple(problems))
        ref = self._version(draft, record.issuer, current.achievement, values.get(ACHIEVEMENT_VERSION))
        definition = self._desk.definition(ref.digest)
        row = request_row(current, internal) | {"achievement": definition.slug}
        row |= {column: value for column, value in values.items() if column in COLUMNS}
        request = read_request(row, definition, draft.latest_day)
        award = replace(request.award(ref, definition), components=current.components)
        if award.components and award.awarded_on != current.awarded_on:
            check_day(award.awarded_on, self._last_part(draft, current))
        same = (award, request.email) == (current, internal.email)
        if same and not self._holds_former_names(draft, record):
            raise Refused((Problem(column="values", code="unchanged", reason="nothing would change"),))
        return award, replace(internal, email=request.email)

    def _last_part(self, draft: Draft, stack: Award) -> date:
        """The day on which the last of the parts of a stack was awarded."""
        parts = self._parts(draft, stack)
        return max(part.version(part.credential.current.seq)[0].awarded_on for part in parts)

    def _holds_former_names(self, draft: Draft, record: AwardRecord) -> bool:
        """Whether the document of a stack is given out no more, for parts were renamed: a new version has another."""
        current = record.credential.current
        parts = [part.names() for part in self._parts(draft, record.version(current.seq)[0])]
        return FormerNames(parts, record.issuer.disowns).since(current.position)

    def _parts(self, draft: Draft, stack: Award) -> list[AwardRecord]:
        operator = Caller(actor="stacking", issuer=None)
        return [self._awards.read(operator, each.stream, draft) for each in stack.components]

    def _version(self, draft: Draft, issuer: Issuer, current: AchievementRef, asked: str | None) -> AchievementRef:
        if asked is None:
            return current
        state = draft.achievement(current.stream)
        digests = state.digests
        if asked not in [str(number) for number in range(1, len(digests) + 1)]:
            reason = f"there is no version “{asked[:20]}”; the achievement has versions 1 to {len(digests)}"
            raise Refused((Problem(column=ACHIEVEMENT_VERSION, code="unknown_version", reason=reason),))
        if issuer.disowns(state.kids[int(asked) - 1], state.revised_at[int(asked) - 1]):
            raise WordingIsDisowned(f"version {asked} of this achievement was stated with a stolen key: revise it anew")
        return AchievementRef(stream=current.stream, version=int(asked), digest=digests[int(asked) - 1])


def _act(
    draft: Draft, reason: Reason | None, mode: Mode | None, effective: date | None, public_text: str | None
) -> Act:
    return Act(
        reason=reason,
        mode=mode,
        effective=effective or draft.at.date(),
        text=_words(public_text, "public_text"),
    )


def _words(words: str | None, column: str) -> str | None:
    """Clean words, None for none; refused where they hold what no one should read."""
    cleaned = text.clean(words or "")
    wrong = text.fault(cleaned, 500)
    if wrong:
        raise Refused((Problem(column=column, code=wrong[0], reason=wrong[1]),))
    return cleaned or None
