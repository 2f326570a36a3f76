"""Awards: issue one, list, search, show, tell the history."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from ledger.application.ports import Caller
from ledger.domain import text
from projections.rows import CredentialRow
from verify_api.issuer import answers, schemas, showing, telling
from verify_api.issuer.auth import MayIssue, MayRead
from verify_api.issuer.context import Context
from verify_api.issuer.intake import IdempotencyKey
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.routes.achievements import ForIssuer
from verify_api.public.json_verdict import verdict_model
from verify_api.public.schemas import VerdictModel

CREDENTIAL = "/credentials/{credential_id}"


class CredentialRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger = context.ledger
        self._register = context.register

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        created = HTTPStatus.CREATED
        add(router, Route(method="POST", path="/credentials", scope="issue", status=created), self.issue)
        add(router, Route(method="GET", path="/credentials", scope="read"), self.list)
        # Asked for in a body: names, student numbers and e-mails are personal, and stand in no URL.
        add(router, Route(method="POST", path="/credentials/search", scope="read"), self.search)
        add(router, Route(method="GET", path=CREDENTIAL, scope="read"), self.show)
        add(router, Route(method="GET", path=f"{CREDENTIAL}/history", scope="read"), self.history)
        add(router, Route(method="GET", path=f"{CREDENTIAL}/verdict", scope="read"), self.verdict)

    async def issue(
        self,
        caller: MayIssue,
        body: schemas.AwardInput,
        key: IdempotencyKey,
        response: Response,
        issuer: ForIssuer = None,
    ) -> answers.ReceiptModel:
        """Award an achievement to a learner."""
        owner = self._register.acting_for(caller, issuer)
        row = body.model_dump(exclude_none=True)
        issued = await self._ledger.issuing.award(caller, owner, row, idempotency_key=key)
        response.headers["Location"] = f"/api/v1/credentials/{issued.appended.stream}"
        return self._context.receipt(caller, issued.appended, response, issued.receipt)

    async def list(
        self,
        caller: MayRead,
        issuer: ForIssuer = None,
        achievement: Annotated[str | None, Query(description="its slug or id", examples=["wound-care"])] = None,
        status: Annotated[str | None, Query(description="as in the answer", examples=["in_force"])] = None,
        after: Annotated[str | None, Query(description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> answers.CredentialList:
        """List awards, the last issued first; without conditions, all that the key may see.

        They are found by words with `POST /api/v1/credentials/search`.
        """
        search = schemas.CredentialSearch(achievement=achievement, status=status, after=after, limit=limit)
        return await self._found(caller, issuer, search)

    async def search(
        self, caller: MayRead, body: schemas.CredentialSearch, _key: IdempotencyKey, issuer: ForIssuer = None
    ) -> answers.CredentialList:
        """Search awards, the last issued first; without conditions, all that the key may see.

        Nothing is recorded, so an `Idempotency-Key` is accepted and has no effect.
        """
        return await self._found(caller, issuer, body)

    async def _found(
        self, caller: Caller, issuer: str | None, search: schemas.CredentialSearch
    ) -> answers.CredentialList:
        """The page of awards that a search asks for."""
        whose = caller.issuer if issuer is None else self._register.acting_for(caller, issuer)
        did, views = self._register.did(whose), self._context.services.views
        today = self._ledger.clock.now().date()
        query, status = search.query, search.status
        achievement = None if search.achievement is None else text.clean(search.achievement)

        def look() -> tuple[Sequence[CredentialRow], int]:
            views.catch_up()  # who has just changed an award finds it changed
            rows = views.search(
                issuer=did,
                query=query,
                achievement=achievement,
                status=status,
                after=search.after,
                limit=search.limit + 1,
                today=today,
            )
            return rows, views.count(issuer=did, query=query, achievement=achievement, status=status, today=today)

        rows, total = await asyncio.to_thread(look)  # it takes the longer the more awards there are
        page = rows[: search.limit]
        return answers.CredentialList(
            credentials=[showing.summary(row, today) for row in page],
            total=total,
            next=page[-1].cursor if len(rows) > search.limit else None,
        )

    async def show(self, caller: MayRead, credential_id: str, response: Response) -> answers.AwardRecord:
        """An award with everything its issuer may see, by id, code or short code."""
        record = self._context.award(caller, credential_id)
        facts, _ = record.version(record.credential.current.seq)
        definition = self._ledger.desk.definition(facts.achievement.digest)
        verdict = self._context.services.scanning.scan_id(record.credential.stream)
        response.headers["ETag"] = f'"{record.credential.head}"'
        return showing.award(record, definition, verdict, self._context.services.base_url)

    async def history(self, caller: MayRead, credential_id: str, response: Response) -> answers.History:
        """Every act on an award in plain words, with position, actor and reason, oldest first."""
        record = self._context.award(caller, credential_id)
        response.headers["ETag"] = f'"{record.credential.head}"'
        return telling.history(record, self._ledger.desk)

    async def verdict(self, caller: MayRead, credential_id: str) -> VerdictModel:
        """What a scan of an award's current version says now, for its issuer."""
        stream = self._context.credential(caller, credential_id)
        services = self._context.services
        return verdict_model(services.scanning.scan_id(stream), services.base_url)
