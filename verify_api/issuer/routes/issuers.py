"""Issuers: register, describe, recognise."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from ledger.domain.values import slug
from verify_api.issuer import answers, schemas, showing
from verify_api.issuer.auth import MayAdmin, MayDefine, MayRead
from verify_api.issuer.context import Context
from verify_api.issuer.definition_schemas import ProfileWording
from verify_api.issuer.intake import IdempotencyKey, IfRevision
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.register import field, nested


class IssuerRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._issuers = context.ledger.issuers
        self._register = context.register

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        one, created = "/issuers/{issuer_id}", HTTPStatus.CREATED
        add(router, Route(method="POST", path="/issuers", scope="admin", status=created), self.register)
        add(router, Route(method="GET", path="/issuers", scope="read"), self.list)
        add(router, Route(method="GET", path=one, scope="read"), self.show)
        add(router, Route(method="POST", path=f"{one}/profile", scope="define"), self.change_profile)
        recognitions = f"{one}/recognitions"
        add(router, Route(method="POST", path=recognitions, scope="admin", status=created), self.recognise)
        add(router, Route(method="POST", path=f"{recognitions}/end", scope="admin"), self.end_recognition)

    async def register(
        self, caller: MayAdmin, body: schemas.IssuerRegistration, key: IdempotencyKey, response: Response
    ) -> answers.IssuerReceipt:
        """Admit an issuer or a recognising body, with a root key and a first signing key held here."""
        name = field("slug", slug, body.slug)
        profile = body.profile.model_dump(mode="json", exclude_unset=True)
        with nested("profile"):
            appended = await self._issuers.register(caller, name, profile, idempotency_key=key)
        response.headers["Location"] = f"/api/v1/issuers/{appended.stream}"
        return self._context.issuer_receipt(appended, response)

    async def list(self, caller: MayRead) -> answers.IssuerList:
        """The issuers that the key may see: its own, or every one for the operator."""
        desk = self._context.ledger.desk
        found = [
            showing.issuer(name, each, desk.profile(each.profile)) for name, each in self._register.issuers(caller)
        ]
        return answers.IssuerList(issuers=found)

    async def show(self, caller: MayRead, issuer_id: str, response: Response) -> answers.IssuerRecord:
        """An issuer, by id, slug or DID."""
        name, stream = self._register.find_issuer(caller, issuer_id)
        state = self._register.issuer(stream)
        response.headers["ETag"] = f'"{state.head}"'
        return showing.issuer(name, state, self._context.ledger.desk.profile(state.profile))

    async def change_profile(
        self,
        caller: MayDefine,
        issuer_id: str,
        body: ProfileWording,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
    ) -> answers.IssuerReceipt:
        """Describe an issuer anew; the profile is replaced as a whole."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        profile = body.model_dump(mode="json", exclude_unset=True)
        appended = await self._issuers.change_profile(
            caller, stream, profile, if_revision=revision, idempotency_key=key
        )
        return self._context.issuer_receipt(appended, response)

    async def recognise(
        self,
        caller: MayAdmin,
        issuer_id: str,
        body: schemas.RecognitionStatement,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
    ) -> answers.IssuerReceipt:
        """State, in the name of a recognising body, that it recognises an issuer under a scheme."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        appended = await self._issuers.recognise(
            caller,
            stream,
            self._register.named_issuer(caller, "by", body.by),
            field("scheme", slug, body.scheme),
            body.since,
            body.until,
            if_revision=revision,
            idempotency_key=key,
        )
        return self._context.issuer_receipt(appended, response)

    async def end_recognition(
        self,
        caller: MayAdmin,
        issuer_id: str,
        body: schemas.RecognitionEnd,
        key: IdempotencyKey,
        revision: IfRevision,
        response: Response,
    ) -> answers.IssuerReceipt:
        """State, in the name of a recognising body, the last day on which it recognises an issuer."""
        _, stream = self._register.find_issuer(caller, issuer_id)
        appended = await self._issuers.end_recognition(
            caller,
            stream,
            self._register.named_issuer(caller, "by", body.by),
            field("scheme", slug, body.scheme),
            body.until,
            if_revision=revision,
            idempotency_key=key,
        )
        return self._context.issuer_receipt(appended, response)
