"""Stacks: award a pathway to a learner who holds its parts."""

import asyncio
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response

from ledger.application.ports import Caller
from ledger.application.stacking import DETAILS, StackRequest
from ledger.domain import text
from ledger.domain.achievement import AchievementNotDefined
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import LearnerId, Slug, StreamId
from projections.views import Candidate
from verify_api.issuer import answers, schemas
from verify_api.issuer.auth import MayIssue
from verify_api.issuer.context import Context
from verify_api.issuer.intake import IdempotencyKey
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.register import refused
from verify_api.issuer.routes.achievements import ForIssuer


class StackRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger = context.ledger
        self._register = context.register

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        add(router, Route(method="POST", path="/stacks", scope="issue", status=HTTPStatus.CREATED), self.stack)

    async def stack(
        self,
        caller: MayIssue,
        body: schemas.StackInput,
        key: IdempotencyKey,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.ReceiptModel:
        """Award a pathway to a learner who holds its parts; each is proved on the page of the award."""
        owner = self._register.acting_for(caller, issuer)
        learner = await self._learner(owner, body)
        if body.components is None:
            components = await self._chosen(caller, owner, learner, body.pathway)
        else:
            components = self._named(caller, body.components)
        said = body.model_dump(include=set(DETAILS), exclude_none=True)
        request = StackRequest(
            learner=learner,
            pathway=body.pathway,
            components=components,
            chosen=body.components is None,
            details=said,
        )
        appended = await self._ledger.stacking.stack(caller, owner, request, idempotency_key=key)
        response.headers["Location"] = f"/api/v1/credentials/{appended.stream}"
        return self._context.receipt(caller, appended, response)

    async def _learner(self, owner: StreamId, body: schemas.StackInput) -> LearnerId:
        if (body.learner is None) == (body.student_number is None):
            raise refused("learner", "missing", "give either learner or student_number")
        if body.learner is not None:
            try:
                return LearnerId(UUID(body.learner))
            except ValueError:
                raise refused(
                    "learner", "malformed", f"“{body.learner[:80]}” is not the id of a learner record"
                ) from None
        views = self._context.services.views
        await asyncio.to_thread(views.catch_up)  # who has just issued an award finds it
        number = text.clean(str(body.student_number))
        learner = views.learner(self._register.issuer(owner).did, number)
        if learner is None:
            reason = f"no learner of this issuer has the student number “{number}”"
            raise refused("student_number", "unknown_learner", reason)
        return learner

    def _named(self, caller: Caller, references: tuple[str, ...]) -> tuple[StreamId, ...]:
        """The awards that the caller names; whether they count is decided by the use case."""
        streams, problems = [], []
        for index, reference in enumerate(references):
            found = self._ledger.awards.look_up(reference)
            # Nobody learns from here whether a code is another issuer's.
            if found is None or caller.issuer not in (None, self._ledger.awards.issuer_of(found)):
                reason = f"“{reference[:80]}” is not an award of this issuer"
                problems.append(Problem(column=f"components.{index}", code="unknown_award", reason=reason))
            else:
                streams.append(found)
        if problems:
            raise Refused(tuple(problems))
        return tuple(streams)

    async def _chosen(self, caller: Caller, owner: StreamId, learner: LearnerId, pathway: str) -> tuple[StreamId, ...]:
        """Of each part the learner's last award that is in force."""
        try:
            _, stream = self._register.find_achievement(caller, str(owner), pathway, pathway=True)
        except AchievementNotDefined:
            return ()  # the use case says what is wrong with the name
        offered = self._register.offered(owner, self._register.achievement(stream))
        rule = None if offered is None else offered.rule
        views, today = self._context.services.views, self._ledger.clock.now().date()
        await asyncio.to_thread(views.catch_up)
        best: dict[Slug, Candidate] = {}
        for each in views.candidates(self._register.issuer(owner).did, learner, today):
            slug = Slug(each.achievement_slug or "")
            usable = each.in_force and not each.is_stack and rule is not None and slug in rule.parts
            if usable and (slug not in best or each.awarded_on >= best[slug].awarded_on):
                best[slug] = each
        return tuple(best[slug].credential_id for slug in (rule.parts if rule is not None else ()) if slug in best)
