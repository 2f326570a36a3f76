"""Changes of an award: amend, suspend, reinstate, revoke. The link stays, and shows each at once."""

from fastapi import APIRouter, Response

from verify_api.issuer import answers, schemas
from verify_api.issuer.auth import MayChange
from verify_api.issuer.context import Context
from verify_api.issuer.intake import IdempotencyKey, IfRevision
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.routes.credentials import CREDENTIAL


class ChangeRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._changing = context.ledger.changing

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        endpoints = (
            ("amend", self.amend),
            ("suspend", self.suspend),
            ("reinstate", self.reinstate),
            ("revoke", self.revoke),
        )
        for name, endpoint in endpoints:
            add(router, Route(method="POST", path=f"{CREDENTIAL}/{name}", scope="change"), endpoint)

    async def amend(
        self,
        caller: MayChange,
        credential_id: str,
        body: schemas.Amendment,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
    ) -> answers.ReceiptModel:
        """Record a new version of an award; the link stays, and the old version says that there is a newer one."""
        appended = await self._changing.amend(
            caller,
            self._context.credential(caller, credential_id),
            body.values,
            body.reason,
            public_text=body.public_text,
            notes=body.notes,
            if_revision=revision,
            idempotency_key=key,
        )
        return self._context.receipt(caller, appended, response)

    async def suspend(
        self,
        caller: MayChange,
        credential_id: str,
        body: schemas.Suspension,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
    ) -> answers.ReceiptModel:
        """Put an award on hold."""
        appended = await self._changing.suspend(
            caller,
            self._context.credential(caller, credential_id),
            body.reason,
            effective=body.from_,
            public_text=body.public_text,
            notes=body.notes,
            if_revision=revision,
            idempotency_key=key,
        )
        return self._context.receipt(caller, appended, response)

    async def reinstate(
        self,
        caller: MayChange,
        credential_id: str,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
        body: schemas.Reinstatement | None = None,
    ) -> answers.ReceiptModel:
        """Let an award on hold stand again."""
        appended = await self._changing.reinstate(
            caller,
            self._context.credential(caller, credential_id),
            public_text=None if body is None else body.public_text,
            notes=None if body is None else body.notes,
            if_revision=revision,
            idempotency_key=key,
        )
        return self._context.receipt(caller, appended, response)

    async def revoke(
        self,
        caller: MayChange,
        credential_id: str,
        body: schemas.Revocation,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
    ) -> answers.ReceiptModel:
        """Withdraw an award for good: from a day on, or as one that should never have been issued."""
        appended = await self._changing.revoke(
            caller,
            self._context.credential(caller, credential_id),
            body.reason,
            effective=body.from_,
            retroactive=body.retroactive,
            public_text=body.public_text,
            notes=body.notes,
            if_revision=revision,
            idempotency_key=key,
        )
        return self._context.receipt(caller, appended, response)
