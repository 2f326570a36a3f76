"""What fails outside /api is told to people as a page, to programs as a problem, and to nobody in detail."""

from http import HTTPStatus

import pytest
from starlette.testclient import TestClient

from ledger.application.ports import LedgerHalted, StoreUnavailable
from ledger.application.published_log import PublishedLog
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.application.scanning import Scanning
from tests.api.conftest import Api

HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}


@pytest.mark.parametrize("path", ["/nope", "/nope/%3Cscript%3E", "/log/nope", "/health/"])
def test_an_unknown_path_is_a_page_with_the_public_headers(api: Api, path: str) -> None:
    answer = api.client.get(path, headers=HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Nothing here</h1>" in answer.text
    assert "script" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    french = api.client.get(path, headers={**HTML, "Accept-Language": "fr"})
    assert "<h1>Rien ici</h1>" in french.text
    told = api.client.get(path, headers=JSON)
    assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")


def test_a_method_that_a_public_path_does_not_know_has_the_public_headers(api: Api) -> None:
    answer = api.client.put("/c", headers=HTML)
    assert (answer.status_code, answer.text) == (405, "Method Not Allowed.\n")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("a secret detail"), HTTPStatus.INTERNAL_SERVER_ERROR),
        (StoreUnavailable("a secret detail"), HTTPStatus.SERVICE_UNAVAILABLE),
        (LedgerHalted("a secret detail"), HTTPStatus.SERVICE_UNAVAILABLE),
        (TileStoreUnavailable("a secret detail"), HTTPStatus.SERVICE_UNAVAILABLE),
    ],
)
def test_a_failure_of_a_scan_is_a_page_or_a_problem_without_details(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: HTTPStatus
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Scanning, "scan", fail)
    client = TestClient(api.client.app, raise_server_exceptions=False)
    page = client.get("/c/CODE", headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "<h1>We could not check this now</h1>" in page.text
    for path, headers in (("/c/CODE", JSON), ("/c/CODE.json", HTML)):
        problem = client.get(path, headers=headers)
        assert (problem.status_code, problem.headers["content-type"]) == (status, "application/problem+json")
        assert problem.json()["title"] == "We could not check this now"
        assert "secret" not in problem.text
    assert "secret" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers.get("retry-after") == ("2" if status == HTTPStatus.SERVICE_UNAVAILABLE else None)


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/000", "days/2026-11-21"])
def test_published_files_that_cannot_be_read_are_503_and_the_service_is_not_ready(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_: object) -> None:
        raise TileStoreUnavailable("a secret detail")

    client = TestClient(api.client.app, raise_server_exceptions=False)
    with api.still(), monkeypatch.context() as patch:
        patch.setattr(PublishedLog, "read", fail)
        patch.setattr(PublishedLog, "tree", fail)
        answer = client.get(f"/log/{path}", headers=JSON)
        ready = client.get("/health/ready")
    assert (answer.status_code, answer.headers["retry-after"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "2")
    assert "secret" not in answer.text
    assert (ready.status_code, ready.json()["missing"]) == (503, ["the files of the published log"])
