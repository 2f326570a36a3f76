"""Pathways: define, revise, retire, show."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from verify_api.issuer import answers, showing
from verify_api.issuer.auth import MayDefine, MayRead
from verify_api.issuer.context import Context
from verify_api.issuer.definition_schemas import PathwayWording
from verify_api.issuer.intake import IdempotencyKey, IfRevision
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.routes.achievements import ForIssuer


class PathwayRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pathways = context.ledger.pathways
        self._register = context.register

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        all_, one, created = "/pathways", "/pathways/{pathway_id}", HTTPStatus.CREATED
        add(router, Route(method="POST", path=all_, scope="define", status=created), self.define)
        add(router, Route(method="GET", path=all_, scope="read"), self.list)
        add(router, Route(method="GET", path=one, scope="read"), self.show)
        add(router, Route(method="POST", path=f"{one}/versions", scope="define", status=created), self.revise)
        add(router, Route(method="POST", path=f"{one}/retire", scope="define", body=False), self.retire)

    async def define(
        self,
        caller: MayDefine,
        body: PathwayWording,
        key: IdempotencyKey,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.AchievementReceipt:
        """Record a new pathway."""
        owner = self._register.acting_for(caller, issuer)
        definition = body.model_dump(mode="json", exclude_unset=True)
        appended = await self._pathways.define(owner, definition, idempotency_key=key)
        response.headers["Location"] = f"/api/v1/pathways/{appended.stream}"
        return self._context.achievement_receipt(appended, response)

    async def list(self, caller: MayRead, issuer: ForIssuer = None) -> answers.PathwayList:
        """The pathways of an issuer, by slug."""
        owner = self._register.acting_for(caller, issuer)
        desk = self._context.ledger.desk
        found = self._register.achievements(owner, pathways=True)
        return answers.PathwayList(pathways=[showing.pathway(state, desk.definition(state.digest)) for state in found])

    async def show(
        self, caller: MayRead, pathway_id: str, response: Response, issuer: ForIssuer = None
    ) -> answers.PathwayRecord:
        """A pathway, by id or slug, as it is worded now."""
        _, stream = self._register.find_achievement(caller, issuer, pathway_id, pathway=True)
        state = self._register.achievement(stream)
        response.headers["ETag"] = f'"{state.head}"'
        return showing.pathway(state, self._context.ledger.desk.definition(state.digest))

    async def revise(
        self,
        caller: MayDefine,
        pathway_id: str,
        body: PathwayWording,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.AchievementReceipt:
        """Record the next version of a pathway's wording; what was awarded keeps its own."""
        owner, stream = self._register.find_achievement(caller, issuer, pathway_id, pathway=True)
        definition = body.model_dump(mode="json", exclude_unset=True)
        appended = await self._pathways.revise(owner, stream, definition, if_revision=revision, idempotency_key=key)
        return self._context.achievement_receipt(appended, response)

    async def retire(
        self,
        caller: MayDefine,
        pathway_id: str,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.AchievementReceipt:
        """Let nothing more be awarded on a pathway; awards stand."""
        owner, stream = self._register.find_achievement(caller, issuer, pathway_id, pathway=True)
        appended = await self._pathways.retire(owner, stream, if_revision=revision, idempotency_key=key)
        return self._context.achievement_receipt(appended, response)
