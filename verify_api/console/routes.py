"""The registrar's wallet page: a form that takes an API key, and the wallet that this key may see.

The key comes in the body of a POST, is used for that one answer, and is written nowhere: not into the page, not into an
address, not into a log. There is no session, so there is nothing that another site could make a browser use.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.application.ports import StoreUnavailable
from ledger.domain.issuer import IssuerNotRegistered
from ledger.domain.reading import Refused
from ledger.errors import LedgerError
from projections.family import ViewStoreError
from projections.feed import FeedFailed
from verify_api.console.page import ConsolePages
from verify_api.issuer.auth import authenticate
from verify_api.issuer.context import Context
from verify_api.issuer.problems import LearnerUnknown, NotAuthenticated, ScopeMissing
from verify_api.issuer.wallets import Wallets, wallet_answer
from verify_api.public.forms import form_fields, read_form
from verify_api.public.words import Words, choose
from verify_api.services import Services

PATH = "/console/wallet"
_FORM = "application/x-www-form-urlencoded"
_MOST_FORM_BYTES = 4_096
_REFUSED: dict[type[LedgerError], tuple[HTTPStatus, str]] = {
    NotAuthenticated: (HTTPStatus.UNAUTHORIZED, "refused.key"),
    ScopeMissing: (HTTPStatus.FORBIDDEN, "refused.scope"),
    LearnerUnknown: (HTTPStatus.NOT_FOUND, "refused.learner"),
    IssuerNotRegistered: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused.issuer"),
    Refused: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused.issuer"),
    StoreUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "refused.unavailable"),
    FeedFailed: (HTTPStatus.SERVICE_UNAVAILABLE, "refused.unavailable"),
    ViewStoreError: (HTTPStatus.SERVICE_UNAVAILABLE, "refused.unavailable"),
}


class ConsoleRoutes:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._ledger = services.ledger
        self._wallets = Wallets(Context(services))
        self._pages = ConsolePages(services.base_url)

    async def form(self, request: Request) -> Response:
        """The form."""
        return self._page(request, self._pages.form, HTTPStatus.OK)

    async def show(self, request: Request) -> Response:
        """The wallet that the form asks for, or the form again with what was the matter."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            return self._again(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "refused.unsupported")
        body = await read_form(request, _MOST_FORM_BYTES)
        if body is None:
            return self._again(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "refused.too_large")
        fields = form_fields(body)
        key, learner = fields.get("key", ""), fields.get("learner", "")
        if not key or not learner:
            return self._again(request, HTTPStatus.UNPROCESSABLE_ENTITY, "form.missing")
        try:
            return await asyncio.to_thread(self._wallet, request, key, learner, fields.get("issuer") or None)
        except tuple(_REFUSED) as error:
            status, words = next(_REFUSED[kind] for kind in type(error).__mro__ if kind in _REFUSED)
            return self._again(request, status, words)

    def _wallet(self, request: Request, key: str, learner: str, issuer: str | None) -> Response:
        caller = authenticate([f"Bearer {key}"], self._ledger.api_keys)
        if "read" not in caller.scopes:
            raise ScopeMissing("read")
        today = self._ledger.clock.now().date()
        reference = learner if _is_id(learner) else str(self._wallets.find(caller, issuer, learner))
        shown = wallet_answer(self._wallets.of(caller, reference, today), today)
        return self._page(request, lambda words: self._pages.wallet(words, shown), HTTPStatus.OK)

    def _again(self, request: Request, status: HTTPStatus, key: str) -> Response:
        return self._page(request, lambda words: self._pages.form(words, words.text(key)), status)

    def _page(self, request: Request, render: Callable[[Words], str], status: HTTPStatus) -> Response:
        words = choose(request.headers.get("accept-language"), self._pages.languages)
        headers = {
            "Cache-Control": "no-store",
            "Content-Language": words.language,
            "Content-Security-Policy": self._pages.policy,
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept-Language",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "X-Robots-Tag": "noindex",
        }
        return Response(render(words), status_code=status, media_type="text/html; charset=utf-8", headers=headers)


def console_router(services: Services) -> APIRouter:
    """The pages under /console; they stand in no OpenAPI description, being for people."""
    routes = ConsoleRoutes(services)
    router = APIRouter(include_in_schema=False)
    router.add_api_route(PATH, routes.form, methods=["GET", "HEAD"])
    router.add_api_route(PATH, routes.show, methods=["POST"])
    return router


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
