"""Use cases on what can be earned: define, revise, retire an achievement or a pathway.

A pathway is an achievement with a rule; both have their slugs in one name space, so that a rule names one thing.
"""

from ledger import canonical
from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.issuers import check_revision, wording
from ledger.application.ports import Appended, Name
from ledger.domain.achievement import Achievement, AchievementNotDefined, DefinitionUnchanged, permit
from ledger.domain.definition import AchievementDefinition, read_definition
from ledger.domain.events import (
    AchievementDefined,
    AchievementRetired,
    AchievementRevised,
    OfferEvent,
    PathwayDefined,
    PathwayRetired,
    PathwayRevised,
)
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import Digest, Seq, Slug, StreamId
from ledger.domain.values import Role


def scope_of(issuer: StreamId) -> str:
    """The scope of an issuer's slugs of achievements and pathways."""
    return f"achievement/{issuer.hex}"


class Achievements:
    """Commands on achievements; `Pathways` has the same on pathways."""

    noun = "achievement"
    is_pathway = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _defined(self, digest: Digest) -> OfferEvent:
        return AchievementDefined(digest=digest, version=1)

    def _revised(self, digest: Digest, version: int) -> OfferEvent:
        return AchievementRevised(digest=digest, version=version)

    def _retired(self, digest: Digest, version: int) -> OfferEvent:
        return AchievementRetired(digest=digest, version=version)

    async def define(self, issuer: StreamId, definition: object, *, idempotency_key: str | None = None) -> Appended:
        """Record a new achievement of an issuer.

        Raises:
            Refused: the definition has problems.
            NameTaken: the issuer has an achievement with this slug.
        """
        read = read_definition(definition)
        digest, content = wording(read)
        fields: canonical.Json = [str(issuer), canonical.parse(content)]
        idempotency = self._desk.idempotency(issuer, idempotency_key, f"{self.noun}.define", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            self._check(draft, issuer, read)
            stream = draft.new_stream()
            draft.definitions.append((digest, content))
            draft.names.append(Name(scope=scope_of(issuer), name=read.slug, stream=stream))
            return self._record(draft, issuer, stream, None, self._defined(digest))

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
        idempotency = self._desk.idempotency(issuer, idempotency_key, f"{self.noun}.revise", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            state = self._owned(draft, issuer, stream)
            check_revision(state.head, if_revision)
            slug = self._desk.definition(state.digest).slug
            if read.slug != slug:
                reason = f"is “{slug}” for ever; define another {self.noun}"
                raise Refused((Problem(column="slug", code="fixed", reason=reason),))
            self._check(draft, issuer, read)
            latest_is_disowned = draft.issuer(issuer).disowns(state.kids[-1], state.revised_at[-1])
            if digest == state.digest and not latest_is_disowned:  # what a thief stated may be stated again
                raise DefinitionUnchanged("the new definition says the same as the present one")
            draft.definitions.append((digest, content))
            event = self._revised(digest, state.version + 1)
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
        idempotency = self._desk.idempotency(issuer, idempotency_key, f"{self.noun}.retire", [str(stream)])

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            state = self._owned(draft, issuer, stream)
            check_revision(state.head, if_revision)
            event = self._retired(state.digest, state.version)
            return self._record(draft, issuer, stream, state, event)

        return await self._desk.commit(decide, idempotency=idempotency)

    def _check(self, draft: Draft, issuer: StreamId, definition: AchievementDefinition) -> None:
        """Refuse a definition of the other kind, and a rule that names what is not there."""
        rule = definition.rule
        if rule is None and self.is_pathway:
            reason = "is needed: which achievements make up the pathway"
            raise Refused((Problem(column="rule", code="missing", reason=reason),))
        if rule is not None and not self.is_pathway:
            reason = "makes a pathway of it: define it with `testamur pathway define`"
            raise Refused((Problem(column="rule", code="not_allowed", reason=reason),))
        if rule is not None:
            problems = tuple(filter(None, (self._part_fault(draft, issuer, part) for part in rule.parts)))
            if problems:
                raise Refused(problems)

    def _part_fault(self, draft: Draft, issuer: StreamId, part: Slug) -> Problem | None:
        with self._desk.store.snapshot() as snapshot:
            stream = snapshot.name(scope_of(issuer), part)
        if stream is None:
            reason = f"names “{part}”, which is not an achievement of this issuer; define it first"
            return Problem(column="rule", code="unknown_achievement", reason=reason)
        if draft.achievement(stream).is_pathway:
            reason = f"names “{part}”, which is a pathway; a pathway is built from achievements"
            return Problem(column="rule", code="is_a_pathway", reason=reason)
        return None

    def _owned(self, draft: Draft, issuer: StreamId, stream: StreamId) -> Achievement:
        state = draft.achievement(stream)
        of_this_kind = state.is_pathway is self.is_pathway
        if state.issuer != draft.issuer(issuer).did or not of_this_kind:
            raise AchievementNotDefined(f"there is no such {self.noun}")
        return state

    def _record(
        self, draft: Draft, issuer: StreamId, stream: StreamId, state: Achievement | None, event: OfferEvent
    ) -> tuple[StreamId, Seq]:
        owner = draft.issuer(issuer)
        permit(state, event)
        signer = self._desk.signer(owner, Role.SIGNING, draft.position)
        known = {owner.did: owner}
        recorded = draft.record(event, stream=stream, by=owner.did, signer=signer, issuers_known=known)
        return stream, recorded.seq


class Pathways(Achievements):
    """Commands on pathways."""

    noun = "pathway"
    is_pathway = True

    def _defined(self, digest: Digest) -> OfferEvent:
        return PathwayDefined(digest=digest, version=1)

    def _revised(self, digest: Digest, version: int) -> OfferEvent:
        return PathwayRevised(digest=digest, version=version)

    def _retired(self, digest: Digest, version: int) -> OfferEvent:
        return PathwayRetired(digest=digest, version=version)
