"""One public service for every test of its routes."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.unit.public.samples import SITE, FakeScanner
from verify_api.public.rate_limit import Limits
from verify_api.public.routes import public_router


class Service:
    """One service for all tests: building it takes longer than asking it."""

    def __init__(self) -> None:
        self.scanner = FakeScanner()
        self.seconds = 0.0
        app = FastAPI()
        limits = Limits(client_burst=2, client_per_minute=6)
        app.include_router(public_router(self.scanner, SITE, limits=limits, monotonic=lambda: self.seconds))
        self.client = TestClient(app, follow_redirects=False)


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    service = Service()
    with service.client:
        yield service


@pytest.fixture
def scanner(service: Service) -> FakeScanner:
    """Answers *valid*, was asked nothing yet, and every try of a short code is forgotten."""
    service.seconds += 3_600
    service.scanner.forget()
    return service.scanner


@pytest.fixture
def client(service: Service, scanner: FakeScanner) -> TestClient:
    return service.client
