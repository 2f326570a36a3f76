"""A real app on a real home, with two issuers, a recognising body and one achievement."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import cast

import httpx
import pytest
from starlette.testclient import TestClient

from ledger.adapters.background import Background
from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home
from ledger.founding import init
from tests.api.outward import Outward
from tests.postgres import Server, temporary_database
from verify_api.app import create_app
from verify_api.services import Services, open_services

DEFINITION = {
    "slug": "wound-care",
    "name": "Wound care, level 1",
    "description": "Assess, clean and dress simple wounds.",
    "competencies": [{"statement": "Dresses a simple wound."}],
    "assessments": [{"type": "examination"}],
    "grading": {"results": ["Pass"], "score_from": "0", "score_to": "100"},
}
_ON_BOTH = {
    "test_achievements",
    "test_batch",
    "test_credentials",
    "test_issuers",
    "test_keys_and_scopes",
    "test_log_keys",
    "test_nul",
    "test_pathways_and_stacks",
    "test_problems",
    "test_thief_of_pathways",
    "test_wallets",
}
_background = Lock()  # held by whoever works beside the requests
_make = Background.__init__
HEADER = "student_number,full_name,achievement,awarded_on,result\n"


@dataclass(frozen=True)
class Api:
    """The app and keys to it."""

    client: TestClient
    services: Services
    operator: str
    college: str
    academy: str
    students: Iterator[int] = field(default_factory=lambda: count(1))

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Call with the college's key, or another."""
        sent = {"Authorization": f"Bearer {key or self.college}", **(headers or {})}
        answer: httpx.Response = self.client.request(method, f"/api/v1{path}", json=body, headers=sent)
        return answer

    def post(self, path: str, body: object = None, **options: object) -> httpx.Response:
        """POST JSON."""
        return self.call("POST", path, body, **options)  # type: ignore[arg-type]

    def get(self, path: str, **options: object) -> httpx.Response:
        """GET."""
        return self.call("GET", path, **options)  # type: ignore[arg-type]

    def raw(self, path: str, content: bytes, kind: str = "application/json", **headers: str) -> httpx.Response:
        """POST bytes as they are."""
        sent = {"Authorization": f"Bearer {self.college}", "Content-Type": kind, **headers}
        answer: httpx.Response = self.client.post(f"/api/v1{path}", content=content, headers=sent)
        return answer

    def row(self, **changed: str) -> dict[str, str]:
        """A good award of a new student."""
        number = f"S-{next(self.students):04d}"
        row = {"student_number": number, "full_name": f"Zoé {number} Okafor", "achievement": "wound-care"}
        return {**row, "awarded_on": "2026-06-12", "result": "Pass", **changed}

    def issue(self, **changed: str) -> dict[str, str]:
        """The receipt of a new award."""
        answer = self.post("/credentials", self.row(**changed))
        assert answer.status_code == 201, answer.text
        receipt: dict[str, str] = answer.json()
        return receipt

    def size(self) -> int:
        """How much is recorded."""
        with self.services.ledger.store.snapshot() as snapshot:
            return snapshot.head().size

    @contextmanager
    def still(self) -> Iterator[None]:
        """While it is entered, everything is published and nothing is done but what requests ask for."""
        with _background:
            self.services.ledger.publishing.publish()
            yield

    def key(self, *scopes: str, issuer: str | None = "college") -> tuple[str, str]:
        """A new API key and its id."""
        body = {"issuer": issuer, "scopes": list(scopes), "label": "test"}
        made = self.post("/api-keys", body, key=self.operator)
        assert made.status_code == 201, made.text
        return made.json()["key"], made.json()["id"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask for each engine where what is tested depends on the store, and not on how one of them fails."""
    if "engine" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in _ON_BOTH:
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> str:
    """Where the ledger lies: in files, where a module asks for nothing else."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="module")
def database_of_module(engine: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The URL of an empty database; None for a ledger in files."""
    if engine == "sqlite":
        yield None
    else:
        with temporary_database(cast("Server", request.getfixturevalue("postgres_server"))) as url:
            yield url


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, database_of_module: str | None) -> Iterator[Api]:
    folder, url = tmp_path_factory.mktemp("api") / "home", database_of_module
    operator = init(folder, "http://localhost:8000", "Test operator", clock=SystemClock(), database_url=url)
    home = Home(folder, url)
    failures: list[Exception] = []
    with home.hold(shared=url is not None), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Background, "__init__", _alone)
        patch.setattr("ledger.adapters.sqlite.schema.BUSY_MILLISECONDS", 60_000)  # a slow disk is no failure
        services = open_services(home, clock=SystemClock(), failed=failures.append)
        try:
            with TestClient(create_app(services), raise_server_exceptions=False) as client:
                yield _furnished(Api(client, services, operator, operator, operator))
        finally:
            services.close()
    assert failures == []


def _alone(
    background: Background,
    work: Callable[[], object],
    *,
    name: str,
    interval: float,
    failed: Callable[[Exception], None],
    idle: float | None = None,
) -> None:
    def alone() -> None:
        with _background:
            work()

    _make(background, alone, name=name, interval=interval, failed=failed, idle=idle)


def _furnished(api: Api) -> Api:
    names = {"college": False, "academy": False, "board": True}
    for slug, recognising in names.items():
        profile = {"name": slug.title(), "recognising_body": recognising}
        made = api.post("/issuers", {"slug": slug, "profile": profile})
        assert made.status_code == 201, made.text
    scopes = ("define", "issue", "change", "read")
    college, academy = (api.key(*scopes, issuer=issuer)[0] for issuer in ("college", "academy"))
    ready = Api(api.client, api.services, api.operator, college, academy)
    for key in (college, academy):
        assert ready.post("/achievements", DEFINITION, key=key).status_code == 201
    return ready


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test comes from the same client, and brings more than one may."""
    monkeypatch.setattr("verify_api.public.rate_limit.RateLimit.retry_after", lambda *_: None)


@pytest.fixture
def closed_in(api: Api) -> Iterator[None]:
    """Nothing may connect anywhere, whatever is brought."""
    with Outward() as outward:
        yield
        assert outward.tried == []
