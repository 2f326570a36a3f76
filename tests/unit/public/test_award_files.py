"""The credential file of an award and the badges that carry it, as the public pages give them out."""

import io
import json
from dataclasses import dataclass, replace

import pytest
from defusedxml import ElementTree
from fastapi.testclient import TestClient
from PIL import Image

from ledger.domain.award import Change
from ledger.vc.baking import unbake
from ledger.verification.verdict import NOTHING_SHOWN, Finding, Outcome, State, Verdict
from tests.unit.public.samples import AMENDMENTS, CODE_TEXT, FINDINGS, VALID, VERDICTS, FakeScanner

JSON = {"Accept": "application/json"}
PAGE = {"Accept": "text/html"}
FILES = ("credential.json", "badge.png", "badge.svg")
BADGE = json.dumps(
    {
        "id": "urn:uuid:1",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": "did:web:verify.college.example:issuers:lakeshore", "name": "Lakeshore <College>"},
        "credentialSubject": {
            "achievement": {"name": "Soins & “hygiène”", "description": "Se laver", "inLanguage": "fr"}
        },
        "proof": {"proofValue": "z1"},
    },
    ensure_ascii=False,
).encode()


@dataclass(frozen=True, kw_only=True)
class File:
    """What a scanner gives out."""

    document: bytes | None
    badge: bytes


@pytest.fixture
def holding(scanner: FakeScanner) -> FakeScanner:
    """The award has a learner record with a badge inside."""
    scanner.file = File(document=b'{"record":[' + BADGE + b"]}", badge=BADGE)
    return scanner


@pytest.mark.parametrize(("tail", "version"), [("", None), ("/1", 1)])
def test_credential_is_given_out_as_it_was_signed_under_a_name_that_tells_nothing(
    client: TestClient, holding: FakeScanner, tail: str, version: int | None
) -> None:
    for prefix in ("c", "C"):
        answer = client.get(f"/{prefix}/{CODE_TEXT}{tail}/credential.json", headers=PAGE)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vc")
        assert answer.headers["content-disposition"] == 'attachment; filename="award.credential.json"'
        assert holding.file is not None
        assert answer.content == holding.file.document
    assert holding.asked == [(CODE_TEXT, version)] * 2


def test_credential_comes_as_json_to_those_who_read_nothing_else(client: TestClient, holding: FakeScanner) -> None:
    answer = client.get(f"/c/{CODE_TEXT}/credential.json", headers={"Accept": "application/ld+json, application/json"})
    assert holding.file is not None
    assert (answer.headers["content-type"], answer.content) == ("application/ld+json", holding.file.document)
    assert "Accept" in answer.headers["vary"].split(", ")


def test_badges_carry_the_badge_and_not_the_record_around_it(client: TestClient, holding: FakeScanner) -> None:
    png = client.get(f"/c/{CODE_TEXT}/badge.png")
    assert (png.status_code, png.headers["content-type"], unbake(png.content)) == (200, "image/png", BADGE)
    with Image.open(io.BytesIO(png.content)) as image:
        assert image.size == (600, 600)
    svg = client.get(f"/c/{CODE_TEXT}/1/badge.svg")
    assert (svg.status_code, svg.headers["content-type"], unbake(svg.content)) == (200, "image/svg+xml", BADGE)
    root = ElementTree.fromstring(svg.content)
    assert (root.get("role"), root.get("lang")) == ("img", "fr")
    said = {each.tag.rpartition("}")[2]: each.text for each in root if each.tag.endswith(("}title", "}desc"))}
    assert said == {"title": "Soins & “hygiène”", "desc": "Lakeshore <College> — Se laver"}


@pytest.mark.parametrize("file", FILES)
def test_files_have_the_guards_of_every_public_answer_and_let_no_script_run(
    client: TestClient, holding: FakeScanner, file: str
) -> None:
    answer = client.get(f"/c/{CODE_TEXT}/{file}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    head = client.head(f"/c/{CODE_TEXT}/{file}")
    assert (head.status_code, head.headers["content-type"]) == (200, answer.headers["content-type"])


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("state", list(State))
def test_withdrawn_award_has_its_files_and_one_that_is_not_shown_has_none(
    client: TestClient, holding: FakeScanner, state: State, file: str
) -> None:
    holding.verdict = VERDICTS[state]
    answer = client.get(f"/c/{CODE_TEXT}/{file}", headers=JSON)
    if state in NOTHING_SHOWN:
        assert answer.status_code == (503 if state is State.LOG_INCONSISTENT else 404)
        assert (answer.json()["verdict"], answer.json()["award"]) == (state, None)
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("before", ["/c/", "/c/garbage", "/c", f"/c/{CODE_TEXT}/0", f"/c/{CODE_TEXT}/7"])
def test_files_of_no_award_are_not_found(client: TestClient, holding: FakeScanner, before: str, file: str) -> None:
    answer = client.get(f"{before}/{file}", headers=JSON)
    assert (answer.status_code, answer.json()["verdict"]) == (404, "not_found")


def test_what_stands_where_a_credential_file_would_is_read_by_programs(
    client: TestClient, scanner: FakeScanner
) -> None:
    missing = client.get("/c/garbage/credential.json", headers=PAGE)
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/json")


def test_version_without_a_document_says_so_and_not_that_the_award_is_unknown(
    client: TestClient, scanner: FakeScanner
) -> None:
    for file in FILES:
        answer = client.get(f"/c/{CODE_TEXT}/{file}", headers=JSON)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert (answer.json()["title"], answer.json()["status"]) == ("No credential file", 404)
    page = client.get(f"/c/{CODE_TEXT}/badge.png", headers=PAGE)
    assert (page.status_code, "<h1>No credential file</h1>" in page.text) == (404, True)


def test_record_that_is_kept_back_leaves_the_badge(client: TestClient, holding: FakeScanner) -> None:
    holding.file = File(document=None, badge=BADGE)
    answer = client.get(f"/c/{CODE_TEXT}/credential.json", headers=JSON)
    assert (answer.status_code, answer.json()["title"]) == (404, "No credential file")
    assert unbake(client.get(f"/c/{CODE_TEXT}/badge.svg").content) == BADGE


SAME_NAME = tuple(each for each in AMENDMENTS if each.change.field != "full_name")
DOCUMENT_OK = Finding(check="document", outcome=Outcome.PASSED, reason="ok", detail="It is good.")


def test_page_leads_to_the_files_of_a_version_that_has_them(client: TestClient, scanner: FakeScanner) -> None:
    scanner.verdict = replace(VERDICTS[State.REVOKED], amendments=SAME_NAME, findings=(*FINDINGS, DOCUMENT_OK))
    for tail in ("", "/2"):
        page = client.get(f"/c/{CODE_TEXT}{tail}").text
        assert f'<a href="/c/{CODE_TEXT}{tail}/credential.json" rel="nofollow" download>Credential file</a>' in page
        assert f'<a href="/c/{CODE_TEXT}{tail}/badge.png" rel="nofollow" download>Badge</a>' in page


@pytest.mark.parametrize(
    "verdict",
    [
        VALID,
        replace(VALID, findings=(replace(DOCUMENT_OK, reason="none_made"),)),
        replace(VERDICTS[State.AMENDED], findings=(DOCUMENT_OK,)),
        replace(VERDICTS[State.SIGNATURE_INVALID], findings=(DOCUMENT_OK,)),
    ],
    ids=["not said", "from before there were any", "bears a name that was given up", "not shown"],
)
def test_page_leads_to_no_file_that_there_is_not(client: TestClient, scanner: FakeScanner, verdict: Verdict) -> None:
    assert Change(field="full_name", old=None, new=None) in [each.change for each in AMENDMENTS]
    scanner.verdict = verdict
    page = client.get(f"/c/{CODE_TEXT}").text
    assert "credential.json" not in page
    assert "badge.png" not in page
