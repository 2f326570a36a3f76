"""Use cases on achievements: define, revise, retire."""

from ledger import canonical
from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.issuers import check_revision, wording
from ledger.application.ports import Appended, Name
from ledger.domain.achievement import Achievement, AchievementNotDefined, DefinitionUnchanged, permit
from ledger.domain.definition import read_definition
from ledger.domain.events import AchievementDefined, AchievementEvent, AchievementRetired, AchievementRevised
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Role


def scope_of(issuer: StreamId) -> str:
    """The scope of an issuer's achievement slugs."""
    return f"achievement/{issuer.hex}"


class Achievements:
    """Commands on achievements."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def define(self, issuer: StreamId, definition: object, *, idempotency_key: str | None = None) -> Appended:
        """Record a new achievement of an issuer.

        Raises:
            Refused: the definition has problems.
            NameTaken: the issuer has an achievement with this slug.
        """
        read = read_definition(definition)
        digest, content = wording(read)
        fields: canonical.Json = [str(issuer), canonical.parse(content)]
        idempotency = self._desk.idempotency(issuer, idempotency_key, "achievement.define", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            stream = draft.new_stream()
            draft.definitions.append((digest, content))
            draft.names.append(Name(scope=scope_of(issuer), name=read.slug, stream=stream))
            return self._record(draft, issuer, stream, None, AchievementDefined(digest=digest, version=1))

        return await self._desk.commit(decide, idempotency=idempotency)

    async def revise(
        self,
        issuer: StreamId,
        stream: StreamId,
        definition: object,
        *,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Record the next version of an achievement; its slug never changes."""
        read = read_definition(definition)
        digest, content = wording(read)
        fields: canonical.Json = [str(stream), canonical.parse(content)]
        idempotency = self._desk.idempotency(issuer, idempotency_key, "achievement.revise", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            state = self._owned(draft, issuer, stream)
            check_revision(state.head, if_revision)
            slug = self._desk.definition(state.digest).slug
            if read.slug != slug:
                reason = f"is “{slug}” for ever; define another achievement"
                raise Refused((Problem(column="slug", code="fixed", reason=reason),))
            latest_is_disowned = draft.issuer(issuer).disowns(state.kids[-1], state.revised_at[-1])
            if digest == state.digest and not latest_is_disowned:  # what a thief stated may be stated again
                raise DefinitionUnchanged("the new definition says the same as the present one")
            draft.definitions.append((digest, content))
            event = AchievementRevised(digest=digest, version=state.version + 1)
            return self._record(draft, issuer, stream, state, event)

        return await self._desk.commit(decide, idempotency=idempotency)

    async def retire(
        self,
        issuer: StreamId,
        stream: StreamId,
        *,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Let nothing more be awarded on an achievement; awards stand."""
        idempotency = self._desk.idempotency(issuer, idempotency_key, "achievement.retire", [str(stream)])

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            state = self._owned(draft, issuer, stream)
            check_revision(state.head, if_revision)
            event = AchievementRetired(digest=state.digest, version=state.version)
            return self._record(draft, issuer, stream, state, event)

        return await self._desk.commit(decide, idempotency=idempotency)

    def _owned(self, draft: Draft, issuer: StreamId, stream: StreamId) -> Achievement:
        state = draft.achievement(stream)
        if state.issuer != draft.issuer(issuer).did:
            raise AchievementNotDefined("there is no such achievement")
        return state

    def _record(
        self, draft: Draft, issuer: StreamId, stream: StreamId, state: Achievement | None, event: AchievementEvent
    ) -> tuple[StreamId, Seq]:
        owner = draft.issuer(issuer)
        permit(state, event)
        signer = self._desk.signer(owner, Role.SIGNING, draft.position)
        known = {owner.did: owner}
        recorded = draft.record(event, stream=stream, by=owner.did, signer=signer, issuers_known=known)
        return stream, recorded.seq
