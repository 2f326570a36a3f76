"""Achievements: define, revise, retire, show."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from verify_api.issuer import answers, showing
from verify_api.issuer.auth import MayDefine, MayRead
from verify_api.issuer.context import Context
from verify_api.issuer.definition_schemas import DefinitionWording
from verify_api.issuer.intake import IdempotencyKey, IfRevision
from verify_api.issuer.openapi import Route, add

ForIssuer = Annotated[
    str | None,
    Query(
        alias="issuer",
        description="id, slug or DID of the issuer that the operator's key acts for; absent: the only one",
        examples=["maplewood"],
    ),
]


class AchievementRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._achievements = context.ledger.achievements
        self._register = context.register

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        all_, one, created = "/achievements", "/achievements/{achievement_id}", HTTPStatus.CREATED
        add(router, Route(method="POST", path=all_, scope="define", status=created), self.define)
        add(router, Route(method="GET", path=all_, scope="read"), self.list)
        add(router, Route(method="GET", path=one, scope="read"), self.show)
        add(router, Route(method="POST", path=f"{one}/versions", scope="define", status=created), self.revise)
        add(router, Route(method="POST", path=f"{one}/retire", scope="define", body=False), self.retire)

    async def define(
        self,
        caller: MayDefine,
        body: DefinitionWording,
        key: IdempotencyKey,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.AchievementReceipt:
        """Record a new achievement."""
        owner = self._register.acting_for(caller, issuer)
        definition = body.model_dump(mode="json", exclude_unset=True)
        appended = await self._achievements.define(owner, definition, idempotency_key=key)
        response.headers["Location"] = f"/api/v1/achievements/{appended.stream}"
        return self._context.achievement_receipt(appended, response)

    async def list(self, caller: MayRead, issuer: ForIssuer = None) -> answers.AchievementList:
        """The achievements of an issuer, by slug."""
        owner = self._register.acting_for(caller, issuer)
        desk = self._context.ledger.desk
        found = self._register.achievements(owner)
        return answers.AchievementList(
            achievements=[showing.achievement(state, desk.definition(state.digest)) for state in found]
        )

    async def show(
        self, caller: MayRead, achievement_id: str, response: Response, issuer: ForIssuer = None
    ) -> answers.AchievementRecord:
        """An achievement, by id or slug, as it is worded now."""
        _, stream = self._register.find_achievement(caller, issuer, achievement_id)
        state = self._register.achievement(stream)
        response.headers["ETag"] = f'"{state.head}"'
        return showing.achievement(state, self._context.ledger.desk.definition(state.digest))

    async def revise(
        self,
        caller: MayDefine,
        achievement_id: str,
        body: DefinitionWording,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.AchievementReceipt:
        """Record the next version of an achievement's wording; what was awarded keeps its own."""
        owner, stream = self._register.find_achievement(caller, issuer, achievement_id)
        definition = body.model_dump(mode="json", exclude_unset=True)
        appended = await self._achievements.revise(owner, stream, definition, if_revision=revision, idempotency_key=key)
        return self._context.achievement_receipt(appended, response)

    async def retire(
        self,
        caller: MayDefine,
        achievement_id: str,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.AchievementReceipt:
        """Let nothing more be awarded on an achievement; awards stand."""
        owner, stream = self._register.find_achievement(caller, issuer, achievement_id)
        appended = await self._achievements.retire(owner, stream, if_revision=revision, idempotency_key=key)
        return self._context.achievement_receipt(appended, response)
