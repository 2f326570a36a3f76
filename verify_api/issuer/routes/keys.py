"""The keys of an issuer: add, list, retire, report."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from ledger.domain.types import Kid, Position
from verify_api.issuer import answers, schemas, showing
from verify_api.issuer.auth import MayAdmin, MayChange, MayRead
from verify_api.issuer.context import Context
from verify_api.issuer.intake import IdempotencyKey, IfRevision
from verify_api.issuer.openapi import Route, add


class KeyRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._issuers = context.ledger.issuers
        self._resigning = context.ledger.resigning
        self._register = context.register

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        keys = "/issuers/{issuer_id}/keys"
        add(router, Route(method="POST", path=keys, scope="admin", status=HTTPStatus.CREATED), self.add_key)
        add(router, Route(method="GET", path=keys, scope="read"), self.list)
        add(router, Route(method="POST", path=keys + "/{kid}/retire", scope="admin"), self.retire)
        add(router, Route(method="POST", path=keys + "/{kid}/compromised", scope="admin"), self.compromised)
        again = "/issuers/{issuer_id}/signing-again"
        add(router, Route(method="GET", path=again, scope="read"), self.affected)
        add(router, Route(method="POST", path=again, scope="change"), self.sign_again)

    async def add_key(
        self,
        caller: MayAdmin,
        issuer_id: str,
        body: schemas.NewKey,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
    ) -> answers.KeyReceipt:
        """Make a key, held here, that signs from the next position on."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        added = await self._issuers.add_key(
            caller, stream, body.role, recovery=body.recovery, if_revision=revision, idempotency_key=key
        )
        return self._context.key_receipt(added.appended, added.kid, response)

    async def list(self, caller: MayRead, issuer_id: str, response: Response) -> answers.KeyList:
        """Every key that an issuer ever had."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        state = self._register.issuer(stream)
        response.headers["ETag"] = f'"{state.head}"'
        return showing.keys(state, self._context.ledger.desk.keys)

    async def retire(
        self,
        caller: MayAdmin,
        issuer_id: str,
        kid: str,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
        body: schemas.KeyRetirement | None = None,
    ) -> answers.KeyReceipt:
        """Let a key sign nothing more; what it signed stands."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        recovery = body is not None and body.recovery
        appended = await self._issuers.retire_key(
            caller, stream, Kid(kid), recovery=recovery, if_revision=revision, idempotency_key=key
        )
        return self._context.key_receipt(appended, Kid(kid), response)

    async def compromised(
        self,
        caller: MayAdmin,
        issuer_id: str,
        kid: str,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
        body: schemas.KeyCompromise | None = None,
    ) -> answers.KeyReceipt:
        """Disown what a key signed from a position on; without one, from when it was added."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        start = None if body is None or body.from_position is None else Position(body.from_position)
        appended = await self._issuers.report_compromised(
            caller,
            stream,
            Kid(kid),
            start,
            recovery=body is not None and body.recovery,
            if_revision=revision,
            idempotency_key=key,
        )
        return self._context.key_receipt(appended, Kid(kid), response)

    async def affected(self, caller: MayRead, issuer_id: str) -> answers.Affected:
        """Which awards bear the signature of a key that was reported as stolen, so that other verifiers refuse them."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        found = await self._resigning.preview(caller, stream)
        return answers.Affected(keys=list(found.keys), awards=found.awards)

    async def sign_again(
        self,
        caller: MayChange,
        issuer_id: str,
        _key: IdempotencyKey,
        after: Annotated[int, Query(ge=0, le=2**53 - 1, description="`next` of the answer before; 0 to begin")] = 0,
    ) -> answers.SignedAgain:
        """Sign some of those awards again with a good key, as versions that say the same; call until `next` is null.

        Sent again it does nothing twice: an award that was signed again is passed over.
        """
        _, stream = self._register.find_issuer(caller, issuer_id)
        done = await self._resigning.run(caller, stream, Position(after))
        return answers.SignedAgain(signed=done.signed, next=done.next)
