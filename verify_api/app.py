"""Assembles the web application: the public routes, the issuer's API, their description and their failures."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.adapters.home import Settings
from ledger.application.public_documents import PublicDocuments
from ledger.application.scanning import Scanning
from ledger.public_side import PublicSide
from verify_api.console.routes import console_router
from verify_api.issuer.description import completed
from verify_api.issuer.docs import docs_page
from verify_api.issuer.faults import Faults
from verify_api.issuer.router import issuer_router
from verify_api.public.documents import DocumentRoutes, documents_router
from verify_api.public.log_files import PublishedFiles
from verify_api.public.log_path import LogPath
from verify_api.public.routes import PublicRoutes, public_router
from verify_api.public.scan_path import ScanPath
from verify_api.public.scanner import Examiner, Scanner, Site
from verify_api.public.upload import UploadRoutes, upload_router
from verify_api.public.vc_api import VerificationRoutes, verification_router
from verify_api.public.workbench import Workbench
from verify_api.services import Services, public_scanner, scanner_alone, uploads_of

_ABOUT = (
    "A ledger of learning awards. The public routes answer whether an award is genuine and in force, to anybody; the "
    "routes under /api/v1 issue and change awards, and need an API key. A refusal is an RFC 9457 problem document."
)
_ABOUT_PUBLIC = (
    "A ledger of learning awards: whether an award is genuine and in force, and the log that anybody can check. "
    "Nothing is recorded and nothing signed here."
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
    app = _app(_ABOUT)
    app.include_router(issuer_router(services))
    app.include_router(console_router(services))
    site = _site(services.ledger.settings, services.scanning)
    files = PublishedFiles(services.ledger.published, services.ledger.clock.now)
    settings, clock = services.ledger.settings, services.ledger.clock
    _add_public(app, public_scanner(services), site, files, uploads_of(services.scanning, clock, settings))
    _add_documents(app, services.documents)
    return app


def create_public_app(side: PublicSide) -> FastAPI:
    """The public routes alone, over what can sign and record nothing; whoever opened it closes it."""
    app = _app(_ABOUT_PUBLIC)
    files = PublishedFiles(side.published, side.clock.now)
    uploads = uploads_of(side.scanning, side.clock, side.settings)
    _add_public(app, scanner_alone(side), _site(side.settings, side.scanning), files, uploads)
    _add_documents(app, side.documents)
    return app


def _app(about: str) -> TestamurApi:
    app = TestamurApi(
        title="Testamur", version=_version(), description=about, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    _add_docs(app)
    return app


def _add_public(app: TestamurApi, scanner: Scanner, site: Site, files: PublishedFiles, examiner: Examiner) -> None:
    routes, workbench = PublicRoutes.of(scanner, site), Workbench()
    app.include_router(public_router(routes, files))
    app.include_router(upload_router(UploadRoutes(examiner, routes.answers, workbench)))
    app.include_router(verification_router(VerificationRoutes(examiner, routes.answers, workbench, site.base_url)))
    faults = Faults(app, site.base_url, routes.answers.fault)
    faults.add()
    app.enter_by(lambda framework: ScanPath(LogPath(framework, files, faults.answer), routes, faults.answer))


def _add_documents(app: FastAPI, documents: PublicDocuments) -> None:
    app.include_router(documents_router(DocumentRoutes(documents)))


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


def _site(settings: Settings, scanning: Scanning) -> Site:
    """What the public pages say about this service, with the names of the registries as they are now."""
    return Site(base_url=settings.base_url, operator=settings.operator, registries=scanning.registries())


def _version() -> str:
    try:
        return version("testamur")
    except PackageNotFoundError:  # run from a tree that was not installed
        return "0"
