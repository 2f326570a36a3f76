"""One public service for every test of its routes."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.responses import Response
from starlette.types import ASGIApp

from tests.unit.public.samples import NOW, SITE, FakeLog, FakeScanner
from verify_api.public.log_files import PublishedFiles
from verify_api.public.log_path import LogPath
from verify_api.public.rate_limit import Limits
from verify_api.public.routes import PublicRoutes, public_router
from verify_api.public.scan_path import ScanPath


class Service:
    """One service for all tests: building it takes longer than asking it."""

    def __init__(self, *, short: bool) -> None:
        self.scanner = FakeScanner()
        self.log = FakeLog()
        self.seconds = 0.0
        limits = Limits(client_burst=2, client_per_minute=6)
        routes = PublicRoutes.of(self.scanner, SITE, limits=limits, monotonic=lambda: self.seconds)
        files = PublishedFiles(self.log, lambda: NOW)
        app = FastAPI(redirect_slashes=False)
        app.include_router(public_router(routes, files))
        entrance: ASGIApp = app
        if short:
            entrance = ScanPath(LogPath(app, files, _failed), routes, _failed)
        self.client = TestClient(entrance, follow_redirects=False)
        self.described = app


def _failed(_: object, error: Exception) -> Response:
    return Response(str(error), 500)


@pytest.fixture(scope="session", params=[True, False], ids=["short way", "by the framework"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """Each test is made on both ways to an answer, which must not differ."""
    service = Service(short=request.param)
    with service.client:
        yield service


@pytest.fixture
def scanner(service: Service) -> FakeScanner:
    """Answers *valid*, was asked nothing yet, and every try of a short code is forgotten."""
    service.seconds += 3_600
    service.scanner.forget()
    return service.scanner


@pytest.fixture
def log(service: Service) -> FakeLog:
    """Nothing is published yet."""
    service.log.__init__()  # type: ignore[misc]
    return service.log


@pytest.fixture
def client(service: Service, scanner: FakeScanner) -> TestClient:
    return service.client
