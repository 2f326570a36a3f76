"""What other software fetches when it verifies an award: the status list it is in, and the keys of its issuer.

Read from the store; nothing is signed here. Whatever stands in an address makes nothing worse than 400 or 404.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.vc.spelling import MalformedSpelling, from_time
from verify_api.public import openapi
from verify_api.public.adding import add_get
from verify_api.public.cacheable import cacheable, said
from verify_api.public.negotiation import credential_type

_DID = "application/did+json"
_SHORT = "public, max-age=60"  # a revocation or a stolen key is to be seen soon; verifiers keep lists for 5 minutes
_SIZE = "testamur-log-size"
_TIMESTAMP = "timestamp"  # W3C Bitstring Status List 1.0, section 3.2


class SignedList(Protocol):
    """A status list as it was signed."""

    @property
    def size(self) -> int:
        """Of the log whose last statement it follows from."""
        ...

    @property
    def raw(self) -> bytes:
        """The credential."""
        ...


class Documents(Protocol):
    """Where they are found. Any thread may ask; nothing is written or signed."""

    def status_list(self, slug: str, name: str, at: datetime | None = None) -> SignedList | None:
        """The last signed list of an issuer, or the one that held at a time; None where there is none."""
        ...

    def issuer(self, slug: str) -> bytes | None:
        """The DID document of an issuer; None where there is none of that name."""
        ...

    def operator(self) -> bytes:
        """The DID document of whoever runs the log."""
        ...


class DocumentRoutes:
    """The handlers."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def status_list(self, request: Request, slug: str, status_list: str) -> Response:
        """The last signed status list of an issuer, or the one that held at `?timestamp=`."""
        asked = request.query_params.getlist(_TIMESTAMP)
        try:
            at = from_time(asked[0]) if len(asked) == 1 else None
        except MalformedSpelling as error:
            return said(f"The timestamp cannot be read: {error}", HTTPStatus.BAD_REQUEST)
        if len(asked) > 1:
            return said("The timestamp is given more than once", HTTPStatus.BAD_REQUEST)
        kept = await run_in_threadpool(self._documents.status_list, slug, status_list, at)
        if kept is None:
            what = "There is no such status list" if at is None else "No such status list held at that time"
            return said(what, HTTPStatus.NOT_FOUND)
        told = {_SIZE: str(kept.size), "access-control-expose-headers": _SIZE, "vary": "Accept"}
        return cacheable(request, kept.raw, credential_type(request.headers.get("accept")), _SHORT, told)

    async def issuer(self, request: Request, slug: str) -> Response:
        """The DID document of an issuer."""
        document = await run_in_threadpool(self._documents.issuer, slug)
        if document is None:
            return said("There is no such issuer", HTTPStatus.NOT_FOUND)
        return cacheable(request, document, _DID, _SHORT)

    async def operator(self, request: Request) -> Response:
        """The DID document of whoever runs the log."""
        return cacheable(request, self._documents.operator(), _DID, _SHORT)


def documents_router(routes: DocumentRoutes) -> APIRouter:
    """Their addresses."""
    router = APIRouter(tags=["public"])
    for path, endpoint, responses, parameters in (
        ("/status/{slug}/{status_list}", routes.status_list, openapi.status_list(), openapi.timestamp()),
        ("/issuers/{slug}/did.json", routes.issuer, openapi.did_document(), {}),
        ("/.well-known/did.json", routes.operator, openapi.did_document(), {}),
    ):
        add_get(router, path, endpoint, responses, extra=parameters)
    return router
