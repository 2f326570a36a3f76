"""Assembles the web application: the public routes, the issuer's API, their description and their failures."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.adapters.tile_folder import FolderTiles
from ledger.application.issuers import ISSUERS
from ledger.domain.values import slug_of
from verify_api.console.routes import console_router
from verify_api.issuer.description import completed
from verify_api.issuer.docs import docs_page
from verify_api.issuer.faults import Faults
from verify_api.issuer.register import Register
from verify_api.issuer.router import issuer_router
from verify_api.public.log_files import PublishedFiles
from verify_api.public.log_path import LogPath
from verify_api.public.routes import PublicRoutes, public_router
from verify_api.public.scan_path import ScanPath
from verify_api.public.scanner import Site
from verify_api.services import Services, public_scanner

_ABOUT = (
    "A ledger of learning awards. The public routes answer whether an award is genuine and in force, to anybody; the "
    "routes under /api/v1 issue and change awards, and need an API key. A refusal is an RFC 9457 problem document."
)


class TestamurApi(FastAPI):
    """The application; it describes itself completely."""

    _entrance: ASGIApp | None = None

    def enter_by(self, entrance: Callable[[ASGIApp], ASGIApp]) -> None:
        """Let every request pass through what `entrance` makes of the framework's own way in."""
        self._entrance = entrance(super().__call__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await (self._entrance or super().__call__)(scope, receive, send)

    def openapi(self) -> dict[str, object]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def create_app(services: Services) -> FastAPI:
    """The whole application over open services; whoever opened them closes them."""
    app = TestamurApi(
        title="Testamur", version=_version(), description=_ABOUT, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.include_router(issuer_router(services))
    app.include_router(console_router(services))
    _add_docs(app)
    site = _site(services)
    routes = PublicRoutes.of(public_scanner(services), site)
    files = PublishedFiles(FolderTiles(services.ledger.home.checkpoint.parent), services.ledger.clock.now)
    app.include_router(public_router(routes, files))
    faults = Faults(app, services.base_url, routes.answers.fault)
    faults.add()
    app.enter_by(lambda framework: ScanPath(LogPath(framework, files, faults.answer), routes, faults.answer))
    return app


def _add_docs(app: FastAPI) -> None:
    async def docs() -> Response:
        page = docs_page(app.openapi())
        headers = {
            "Content-Security-Policy": page.policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        }
        return Response(page.html, media_type="text/html; charset=utf-8", headers=headers)

    app.add_api_route("/docs", docs, methods=["GET", "HEAD"], include_in_schema=False)


def _site(services: Services) -> Site:
    """What the public pages say about this service, with the names of the registries as they are now."""
    ledger, register = services.ledger, Register(services.ledger.desk)
    names = []
    for did in ledger.home.registries():
        with ledger.store.snapshot() as snapshot:
            stream = snapshot.name(ISSUERS, slug_of(did) or "")
        if stream is not None:
            names.append(ledger.desk.profile(register.issuer(stream).profile).name)
    return Site(base_url=services.base_url, operator=ledger.settings.operator, registries=tuple(names))


def _version() -> str:
    try:
        return version("testamur")
    except PackageNotFoundError:  # run from a tree that was not installed
        return "0"
