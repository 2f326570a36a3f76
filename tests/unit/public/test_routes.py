"""The public routes, asked as browsers, programs and strangers ask."""

import base64
import hashlib
import io
import re
from dataclasses import replace
from urllib.parse import quote

import pytest
import zxingcpp
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ledger.domain.codes import group
from ledger.verification.verdict import NOTHING_SHOWN, State
from tests.unit.public.conftest import Service
from tests.unit.public.samples import CODE_TEXT, VERDICTS, FakeScanner

JSON = {"Accept": "application/json"}


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_status_as_page_and_as_json(client: TestClient, scanner: FakeScanner, state: State) -> None:
    scanner.verdict = VERDICTS[state]
    status = {State.NOT_FOUND: 404, State.LOG_INCONSISTENT: 503}.get(state, 200)
    page = client.get(f"/c/{CODE_TEXT}")
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    answer = client.get(f"/c/{CODE_TEXT}", headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json()["verdict"] == state


@pytest.mark.parametrize(
    "path", [f"/C/{CODE_TEXT}", f"/c/{CODE_TEXT.lower()}", f"/c/{group(CODE_TEXT)}", f"/c/{CODE_TEXT}/"]
)
def test_every_spelling_of_the_code_is_answered_without_a_redirect(
    client: TestClient, scanner: FakeScanner, path: str
) -> None:
    assert client.get(path).status_code == 200
    assert scanner.asked == [(CODE_TEXT, None)]


@pytest.mark.parametrize("prefix", ["/c", "/C"])
def test_a_printed_version_is_asked_for(client: TestClient, scanner: FakeScanner, prefix: str) -> None:
    scanner.verdict = replace(scanner.verdict, current_version=2)
    assert client.get(f"{prefix}/{CODE_TEXT}/2").status_code == 200
    assert client.get(f"{prefix}/{CODE_TEXT}/3").status_code == 404
    assert scanner.asked == [(CODE_TEXT, 2), (CODE_TEXT, 3)]


@pytest.mark.parametrize("path", [f"/c/{CODE_TEXT}.json", f"/c/{CODE_TEXT}/1.json", f"/C/{CODE_TEXT}.JSON"])
def test_the_json_suffix_answers_json_whatever_is_accepted(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["verdict"]) == (200, "valid")


def test_a_page_links_to_its_json_and_to_the_current_version(client: TestClient, scanner: FakeScanner) -> None:
    scanner.verdict = VERDICTS[State.AMENDED]
    page = client.get(f"/c/{CODE_TEXT}").text
    assert f'href="/c/{CODE_TEXT}.json"' in page
    assert f'href="/c/{CODE_TEXT}/2"' in page


IMPOSSIBLE_VERSIONS = ("0", "-1", "1e9", "1000000000", "00001", "%EF%BC%91", "1.0", "%0A", "x")
MALFORMED = [
    "garbage",
    "x" * 10_000,
    "%00",
    CODE_TEXT + "%00",
    "%EF%BC%91" + CODE_TEXT[1:],
    "%2e%2e",
    "%2e%2e/%2e%2e/etc/passwd",
    "<script>alert(1)</script>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "%ff%fe",
    "a/b/c/d",
    "qr.svg",
    *(f"{CODE_TEXT}/{version}" for version in IMPOSSIBLE_VERSIONS),
]


@pytest.mark.parametrize("rest", MALFORMED)
@pytest.mark.parametrize("tail", ["", "/qr.png"])
def test_what_is_no_code_is_not_found_and_not_repeated(client: TestClient, rest: str, tail: str) -> None:
    page = client.get(f"/c/{rest}{tail}")
    assert page.status_code == 404
    assert "<h1>No such certificate here</h1>" in page.text
    for echo in ("script", "garbage", "passwd", "xxxx"):
        assert echo not in page.text
    answer = client.get(f"/c/{rest}{tail}", headers=JSON)
    assert (answer.status_code, answer.json()["verdict"], answer.json()["award"]) == (404, "not_found", None)


@settings(max_examples=150)
@given(text=st.text(min_size=1, max_size=60))
def test_any_path_below_c_is_not_found_and_never_worse(client: TestClient, text: str) -> None:
    path = "/c/" + quote(text.encode("utf-8", "replace"), safe="/").replace(".", "%2E")  # the client resolves “.”
    assert client.get(path).status_code == 404 or not text.strip("/")


def test_an_unknown_but_well_formed_code_is_not_found(client: TestClient, scanner: FakeScanner) -> None:
    other = "0" * 36
    assert client.get(f"/c/{other}").status_code == 404
    assert scanner.asked == [(other, None)]


@pytest.mark.parametrize(
    ("tail", "link"),
    [("", f"HTTPS://VERIFY.COLLEGE.EXAMPLE/C/{CODE_TEXT}"), ("/2", f"HTTPS://VERIFY.COLLEGE.EXAMPLE/C/{CODE_TEXT}/2")],
)
def test_the_qr_code_of_a_version_carries_its_printed_link(
    client: TestClient, scanner: FakeScanner, tail: str, link: str
) -> None:
    scanner.verdict = VERDICTS[State.AMENDED]
    png = client.get(f"/c/{CODE_TEXT}{tail}/qr.png")
    assert png.headers["content-type"] == "image/png"
    assert [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(png.content)))] == [link]
    svg = client.get(f"/C/{CODE_TEXT}{tail}/qr.svg")
    assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
    assert svg.content.startswith(b"<?xml")


def test_a_code_that_does_not_resolve_has_no_qr_code(client: TestClient, scanner: FakeScanner) -> None:
    assert client.get(f"/c/{'0' * 36}/qr.svg").status_code == 404
    assert client.get(f"/c/{CODE_TEXT}/2/qr.svg").status_code == 404
    scanner.verdict = VERDICTS[State.LOG_INCONSISTENT]
    assert client.get(f"/c/{CODE_TEXT}/qr.svg").status_code == 503


def test_health_says_what_is_missing(client: TestClient, scanner: FakeScanner) -> None:
    assert (client.get("/health/live").json(), client.get("/health/ready").json()) == (
        {"status": "ok"},
        {"status": "ok"},
    )
    scanner.missing = ["the vault is locked"]
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "missing": ["the vault is locked"]})
    assert client.get("/health/live").status_code == 200


def test_what_scans_do_not_need_is_named_and_the_process_is_ready_all_the_same(
    client: TestClient, scanner: FakeScanner
) -> None:
    scanner.unsigned = ["the status lists of did:web:a"]
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "missing": scanner.unsigned})
    scanner.missing = ["the database"]
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert answer.json()["missing"] == ["the database", "the status lists of did:web:a"]
    assert client.get("/health/live").json() == {"status": "ok"}


ANSWERS = [f"/c/{CODE_TEXT}{tail}" for tail in ("", ".json", "/qr.png", "/qr.svg", "/proof")]


@pytest.mark.parametrize("path", ["/", "/c", "/c/garbage", "/health/live", *ANSWERS])
def test_every_public_answer_has_the_same_guards_and_answers_head(client: TestClient, path: str) -> None:
    answer = client.get(path)
    headers = answer.headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["vary"] == "Accept, Accept-Language"
    assert "set-cookie" not in headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    head = client.head(path)
    assert head.status_code == answer.status_code
    assert head.headers["content-type"] == headers["content-type"]


def test_the_policy_admits_exactly_the_style_of_the_page(client: TestClient) -> None:
    answer = client.get("/")
    styles = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert len(styles) == 1
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in answer.headers["content-security-policy"]


def test_the_page_speaks_the_language_that_is_asked_for(client: TestClient) -> None:
    answer = client.get(f"/c/{CODE_TEXT}", headers={"Accept-Language": "fr-CA, en;q=0.5"})
    assert answer.headers["content-language"] == "fr"
    assert "<h1>Valide</h1>" in answer.text
    assert client.get(f"/c/{CODE_TEXT}").headers["content-language"] == "en"


def test_the_host_header_is_never_believed(client: TestClient) -> None:
    page = client.get(f"/c/{CODE_TEXT}", headers={"Host": "evil.example"})
    assert "evil.example" not in page.text
    assert "<strong>verify.college.example</strong>" in page.text


def test_the_routes_are_described_once_each(service: Service) -> None:
    paths = service.described.openapi()["paths"]
    assert set(paths) == {
        "/", "/c", "/c/{code}", "/c/{code}/{version}", "/c/{code}/qr.svg", "/c/{code}/qr.png",
        "/c/{code}/{version}/qr.svg", "/c/{code}/{version}/qr.png", "/health/live", "/health/ready", "/log/checkpoint",
        "/log/tile/{path}", "/log/days/{date}", "/c/{code}/proof", "/c/{code}/{version}/proof",
        "/c/{code}/credential.json", "/c/{code}/{version}/credential.json", "/c/{code}/badge.svg",
        "/c/{code}/{version}/badge.svg", "/c/{code}/badge.png", "/c/{code}/{version}/badge.png",
    }  # fmt: skip
    answers = paths["/c/{code}"]["get"]["responses"]
    assert set(answers) >= {"200", "404", "503"}
    assert set(answers["200"]["content"]) == {"text/html", "application/json"}


@pytest.mark.parametrize(("tail", "version"), [("", None), ("/1", 1)])
def test_proof_is_a_file_to_be_kept_whose_name_tells_nothing(
    client: TestClient, scanner: FakeScanner, tail: str, version: int | None
) -> None:
    scanner.proofs = b'{"testamur_proof":1}'
    for prefix in ("c", "C"):
        answer = client.get(f"/{prefix}/{CODE_TEXT}{tail}/proof", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.headers["content-disposition"] == 'attachment; filename="award.testamur-proof.json"'
        assert answer.content == scanner.proofs
    assert scanner.asked == [(CODE_TEXT, version)] * 2


@pytest.mark.parametrize("state", list(State))
def test_withdrawn_award_has_a_proof_and_one_that_is_not_shown_has_none(
    client: TestClient, scanner: FakeScanner, state: State
) -> None:
    scanner.verdict = VERDICTS[state]
    answer = client.get(f"/c/{CODE_TEXT}/proof", headers=JSON)
    if state in NOTHING_SHOWN:
        assert answer.status_code == (503 if state is State.LOG_INCONSISTENT else 404)
        assert (answer.json()["verdict"], answer.json()["award"]) == (state, None)
    else:
        assert (answer.status_code, answer.content) == (200, b"{}")


@pytest.mark.parametrize("path", ["/c//proof", "/c/garbage/proof", "/c/proof", f"/c/{CODE_TEXT}/0/proof"])
def test_proof_of_no_award_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=JSON)
    assert (answer.status_code, answer.json()["verdict"]) == (404, "not_found")


def test_proof_that_is_not_published_yet_is_to_be_asked_for_again(client: TestClient, scanner: FakeScanner) -> None:
    scanner.proofs = None
    answer = client.get(f"/c/{CODE_TEXT}/proof", headers=JSON)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.headers["content-type"] == "application/problem+json"
    page = client.get(f"/c/{CODE_TEXT}/proof", headers={"Accept": "text/html"})
    assert (page.status_code, "<h1>No proof yet</h1>" in page.text, "2 seconds" in page.text) == (503, True, True)


def test_page_leads_to_the_proof_of_the_version_that_it_shows(client: TestClient, scanner: FakeScanner) -> None:
    scanner.verdict = VERDICTS[State.REVOKED]
    for tail, proof in (("", "/proof"), ("/2", "/2/proof")):
        assert f'href="/c/{CODE_TEXT}{proof}"' in client.get(f"/c/{CODE_TEXT}{tail}").text
    scanner.verdict = VERDICTS[State.SIGNATURE_INVALID]
    assert "/proof" not in client.get(f"/c/{CODE_TEXT}").text
