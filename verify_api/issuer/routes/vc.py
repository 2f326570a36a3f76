"""The issuing route of the W3C CCG's VC-API: a credential that is no award, signed with the key of an issuer."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.application.credential_signing import CredentialSigning
from ledger.application.ports import Caller
from ledger.domain.issuer import IssuerNotRegistered
from ledger.domain.types import StreamId
from ledger.vc.data_model import identifier
from ledger.vc.reading import Document, MalformedDocument, read_document
from verify_api.issuer.auth import MayIssue
from verify_api.issuer.context import Context
from verify_api.issuer.intake import MOST_JSON, read_body
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.problems import MalformedJson, WrongContentType
from verify_api.issuer.register import refused
from verify_api.issuer.routes.achievements import ForIssuer

PREFIX: Final = "/vc"
_KINDS: Final = ("application/json", "application/ld+json")
_CREDENTIAL: Final = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:subject"},
}


class VcRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._register = context.register
        self._signing = CredentialSigning(context.ledger.desk)

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        route = Route(method="POST", path="/credentials/issue", scope="issue", status=HTTPStatus.CREATED)
        add(router, route, self.issue, extra=_body())

    async def issue(self, caller: MayIssue, request: Request, issuer: ForIssuer = None) -> Response:
        """Sign a credential, and answer with it alone.

        The issuer is filled in where none is named. Badges, learner records and status lists are refused: the ledger
        makes those. `options` are accepted, and none of them has an effect.
        """
        credential = _credential(await _read(request))
        owner = self._owner(caller, issuer, credential)
        signed = await asyncio.to_thread(self._signing.prepare(owner, credential))
        return Response(orjson.dumps(signed), status_code=HTTPStatus.CREATED, media_type="application/json")

    def _owner(self, caller: Caller, asked: str | None, credential: Document) -> StreamId:
        """For whom it is signed; of the operator's key, for the issuer that the credential names."""
        named = identifier(credential.get("issuer"))
        if asked is None and caller.issuer is None and named is not None:
            try:
                return self._register.find_issuer(caller, named)[1]
            except IssuerNotRegistered as error:
                raise refused("credential.issuer", "unknown", "is no issuer of this service") from error
        return self._register.acting_for(caller, asked)


async def _read(request: Request) -> Document:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    raw = await read_body(request, MOST_JSON)
    if kind not in _KINDS:
        raise WrongContentType(f"send “Content-Type: {_KINDS[0]}”; this came as “{kind[:80]}”")
    try:
        return read_document(raw)
    except MalformedDocument as error:
        raise MalformedJson(f"the body cannot be read: {error}") from error


def _credential(body: Document) -> Document:
    credential = body.get("credential")
    if not isinstance(credential, Mapping):
        raise refused("credential", "missing", "is needed: the credential to be signed, as a JSON object")
    return credential


def _body() -> dict[str, object]:
    schema = {
        "type": "object",
        "properties": {"credential": {"type": "object"}, "options": {"type": "object"}},
        "required": ["credential"],
    }
    media = {"schema": schema, "example": {"credential": _CREDENTIAL}}
    return {"requestBody": {"required": True, "content": {"application/json": media}}}
