"""The form for those who cannot scan: the verdict at once, no code in an address, no guessing."""

import re
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from ledger.domain.codes import group, new_short_code
from tests.unit.public.samples import CODE_TEXT, FakeScanner

JSON = {"Accept": "application/json"}
SHORT = new_short_code(bytes(7) + b"\x05") or ""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def typed(client: TestClient, code: str, **headers: str) -> Response:
    response: Response = client.post("/c", content="code=" + quote(code), headers=FORM | headers)
    return response


@pytest.mark.parametrize("path", ["/", "/c", "/c/", "/C", "/C/"])
def test_the_form_is_offered(client: TestClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert '<form method="post" action="/c"' in page.text
    assert re.search(r'<label for="code">Code</label>\s*<input id="code" name="code"', page.text)


@pytest.mark.parametrize("code", [CODE_TEXT, group(CODE_TEXT).lower(), f"https://verify.college.example/c/{CODE_TEXT}"])
def test_a_typed_code_or_link_is_answered_at_once_and_without_the_code(client: TestClient, code: str) -> None:
    page = typed(client, code)
    assert page.status_code == 200
    assert "<h1>Valid</h1>" in page.text
    assert CODE_TEXT not in page.text
    assert typed(client, code, Accept="application/json").json()["verdict"] == "valid"


def test_a_typed_link_of_a_later_version_asks_for_that(client: TestClient, scanner: FakeScanner) -> None:
    typed(client, f"HTTPS://VERIFY.COLLEGE.EXAMPLE/C/{CODE_TEXT}/2")
    assert scanner.asked == [(CODE_TEXT, 2)]


def test_a_typed_short_code_is_looked_up_until_the_limit(client: TestClient, scanner: FakeScanner) -> None:
    assert [typed(client, group(SHORT)).status_code for _ in range(3)] == [200, 200, 429]
    assert scanner.asked == [(SHORT, None)] * 2
    refused = typed(client, SHORT)
    assert refused.headers["retry-after"] == "10"
    assert "Try again in 10 seconds" in refused.text
    problem = typed(client, SHORT, Accept="application/json")
    assert problem.headers["content-type"] == "application/problem+json"
    assert (problem.json()["status"], problem.json()["title"]) == (429, "Too many tries")
    assert typed(client, CODE_TEXT).status_code == 200  # a whole code cannot be guessed, so it is not counted


def test_a_credential_id_opens_nothing_here(client: TestClient, scanner: FakeScanner) -> None:
    assert typed(client, "01a2b3c4-d5e6-8f70-9a1b-2c3d4e5f6071").status_code == 404
    assert scanner.asked == [("", None)]


@pytest.mark.parametrize("body", [b"", b"code=", b"code=%20", b"other=1", b"&".join([b"a=1"] * 40)])
def test_a_form_without_a_code_says_so(client: TestClient, body: bytes) -> None:
    page = client.post("/c", content=body, headers=FORM)
    assert page.status_code == 400
    assert "Type the code from the certificate first." in page.text
    assert 'aria-invalid="true"' in page.text


@pytest.mark.parametrize("code", ["nonsense", "<script>alert(1)</script>", "\x00", "ÿ" * 100])
def test_a_typed_text_that_is_no_code_is_not_found_and_not_repeated(client: TestClient, code: str) -> None:
    page = typed(client, code)
    assert page.status_code == 404
    assert "script" not in page.text
    assert "nonsense" not in page.text


def test_a_form_that_is_too_large_or_no_form_is_refused(client: TestClient) -> None:
    assert client.post("/c", content=b"code=" + b"x" * 1_019, headers=FORM).status_code == 404
    large = client.post("/c", content=b"code=" + b"x" * 1_020, headers=FORM)
    assert (large.status_code, "Too much text" in large.text) == (413, True)
    assert client.post("/c", json={"code": CODE_TEXT}).status_code == 415
    assert client.post("/c", json={}, headers=JSON).json()["title"] == "Not understood"
