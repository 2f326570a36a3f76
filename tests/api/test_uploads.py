"""Credential files, brought to a real service: its own are judged by the record, all others by themselves."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from ledger.domain.types import StreamId
from ledger.domain.values import Part
from ledger.vc.baking import bake_svg
from ledger.vc.data_integrity import sign
from ledger.vc.reading import Json
from ledger.verification.authority_check import Authority
from ledger.verification.evidence import CredentialEvidence
from tests.api.conftest import DEFINITION, Api
from tests.api.outward import Outward
from tests.unit.vc.proofs import ED25519, document, secured
from tests.unit.vc.test_upload import SVG

Document = dict[str, Json]
WANTS_JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def unlimited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test comes from the same client, and brings more than one may."""
    monkeypatch.setattr("verify_api.public.rate_limit.RateLimit.retry_after", lambda *_: None)


@pytest.fixture(autouse=True)
def closed_in() -> Iterator[None]:
    """Nothing may connect anywhere, whatever is brought."""
    with Outward() as outward:
        yield
        assert outward.tried == []


def recorded(api: Api, receipt: dict[str, str]) -> list[bytes]:
    """The documents of an award's versions."""
    found: list[bytes] = []

    def find(evidence: CredentialEvidence, _: Authority) -> None:
        for placed in evidence.stream:
            part = evidence.parts.get(placed.position, {}).get(Part.DOCUMENT)
            if part is not None and part.opening is not None:
                found.append(part.opening.content)

    assert api.services.scanning.scan_found(StreamId(UUID(receipt["credential_id"])), find) is None
    return found


def bring(api: Api, content: bytes, kind: str = "application/json") -> httpx.Response:
    answer: httpx.Response = api.client.post("/verify", content=content, headers={"Content-Type": kind, **WANTS_JSON})
    return answer


def verdict(api: Api, content: bytes | Document) -> tuple[str, list[str]]:
    """The state, and the reasons of what did not pass."""
    answer = bring(api, content if isinstance(content, bytes) else json.dumps(content).encode())
    assert answer.status_code == 200, answer.text
    said = answer.json()
    if said["verdict"] in ("signature_invalid", "not_checked"):
        assert said["award"] is None
    return said["verdict"], [each["reason"] for each in said["findings"] if each["outcome"] != "passed"]


def test_document_of_an_award_is_judged_as_a_scan_is(api: Api) -> None:
    receipt = api.issue()
    (raw,) = recorded(api, receipt)
    answer = bring(api, raw).json()
    scanned = api.client.get(f"/c/{receipt['code']}.json").json()
    for said in (answer, scanned):
        del said["known_at"], said["as_of"], said["findings"][0]
    assert answer == scanned
    assert "not_issued_here" not in answer["notices"]


def test_same_document_in_other_blanks_order_or_an_image_is_the_same(api: Api) -> None:
    (raw,) = recorded(api, api.issue())
    shuffled = json.dumps(dict(reversed(json.loads(raw).items())), indent=3).encode()
    wrapped = json.dumps({"credential": json.loads(raw)}).encode()
    for content, kind in (
        (shuffled, "application/ld+json"),
        (wrapped, "application/json"),
        (bake_svg(SVG, raw), "image/svg+xml"),
        (bake_svg(SVG, raw), "application/octet-stream"),
    ):
        answer = bring(api, content, kind).json()
        assert (answer["verdict"], answer["scanned_version"]) == ("issuer_unrecognised", 1)


def test_document_of_an_older_version_is_amended_and_of_a_revoked_award_revoked(api: Api) -> None:
    receipt = api.issue()
    amended = api.post(f"/credentials/{receipt['credential_id']}/amend", {"values": {"score": "83"}, "reason": "other"})
    assert amended.status_code == 200, amended.text
    old, new = recorded(api, receipt)
    found = [bring(api, raw).json() for raw in (old, new)]
    assert [each["scanned_version"] for each in found] == [1, 2]
    assert ["amended" in each["notices"] for each in found] == [True, False]
    answers = [
        api.client.post("/vc/credentials/verify", json={"verifiableCredential": json.loads(raw)}) for raw in (old, new)
    ]
    assert [answer.status_code for answer in answers] == [400, 200]  # the old one is not to be relied on
    assert api.post(f"/credentials/{receipt['credential_id']}/revoke", {"reason": "other"}).status_code == 200
    assert [verdict(api, raw)[0] for raw in (old, new)] == ["revoked", "revoked"]


def test_document_that_was_changed_is_refused(api: Api) -> None:
    (raw,) = recorded(api, api.issue())
    changed = {**json.loads(raw), "name": "Something else"}
    assert verdict(api, changed) == ("signature_invalid", ["not_as_recorded"])


def test_document_of_a_stolen_key_is_refused_although_its_proof_is_good(api: Api) -> None:
    """Who has the key can sign anything; only what is on record counts. And nobody has reported the key yet."""
    receipt = api.issue()
    (raw,) = recorded(api, receipt)
    genuine = json.loads(raw)
    method = genuine["proof"]["verificationMethod"]
    signer = api.services.ledger.desk.keys.signer(method.rpartition("#")[2])
    forged: Document = {name: value for name, value in genuine.items() if name != "proof"}
    forged |= {"validFrom": "2020-01-01T00:00:00Z", "name": "Forged"}
    forged = sign(forged, signer=signer, method=method, created=datetime(2020, 1, 1, tzinfo=UTC))
    assert verdict(api, forged) == ("signature_invalid", ["not_as_recorded"])
    unheard: Document = {name: value for name, value in forged.items() if name != "proof"}
    spellings: list[Document] = [
        {"id": "urn:uuid:018f8e6e-7d2a-8000-8000-000000000000"},
        {"id": "urn:uuid:9c9a36f8-518f-4976-a934-6649502d0008"},
        {"id": "https://a.example/1", "type": ["VerifiableCredential"]},  # its subject is that of a badge
    ]
    for spelled in spellings:
        other = sign({**unheard, **spelled}, signer=signer, method=method, created=datetime(2020, 1, 1, tzinfo=UTC))
        assert verdict(api, other) == ("signature_invalid", ["not_on_record"])


def test_version_that_was_recorded_with_a_stolen_key_is_refused(api: Api) -> None:
    """The thief had the key and the API, and the theft was reported afterwards."""
    owner = api.post("/issuers", {"slug": "robbed", "profile": {"name": "Robbed"}}, key=api.operator)
    assert owner.status_code == 201
    key = api.key("define", "issue", "change", "read", issuer="robbed")[0]
    assert api.post("/achievements", DEFINITION, key=key).status_code == 201
    receipt = api.post("/credentials", api.row(), key=key).json()
    change = {"values": {"result": "", "score": "100"}, "reason": "other"}
    amended = api.post(f"/credentials/{receipt['credential_id']}/amend", change, key=key)
    assert amended.status_code == 200, amended.text
    good, stolen = recorded(api, receipt)
    kid = json.loads(good)["proof"]["verificationMethod"].rpartition("#")[2]
    assert api.post("/issuers/robbed/keys", {"role": "signing"}, key=api.operator).status_code == 201
    report = {"from_position": amended.json()["position"]}
    assert api.post(f"/issuers/robbed/keys/{kid}/compromised", report, key=api.operator).status_code == 200
    assert verdict(api, good)[0] == "issuer_unrecognised"
    assert verdict(api, stolen) == ("signature_invalid", ["key_compromised"])


def test_id_of_an_award_in_a_document_of_somebody_else_lends_it_nothing(api: Api) -> None:
    receipt = api.issue()
    borrowed = secured("eddsa-rdfc-2022", unsecured={**document(), "id": f"urn:uuid:{receipt['credential_id']}"})
    assert verdict(api, borrowed) == ("issuer_unrecognised", ["not_recognised"])


def test_issuer_that_was_never_registered_here_has_awarded_nothing(api: Api) -> None:
    nobody = document("did:web:localhost%3A8000:issuers:nobody")
    assert verdict(api, secured("eddsa-rdfc-2022", unsecured=nobody)) == ("signature_invalid", ["not_on_record"])


def test_badge_of_another_issuer_is_judged_by_itself_and_says_so(api: Api) -> None:
    answer = bring(api, json.dumps(secured("eddsa-rdfc-2022")).encode()).json()
    assert (answer["verdict"], answer["in_force"], answer["notices"]) == (
        "issuer_unrecognised",
        True,
        ["not_issued_here"],
    )
    award = answer["award"]
    assert (award["name"], award["learner"], award["issuer"]["id"]) == ("First Aid", None, ED25519.did)
    assert (award["issuer"]["name"], award["issuer"]["domain"], award["issuer"]["custody"]) == (
        "North College",
        None,
        None,
    )
    assert answer["log"] == {
        "origin": "",
        "size": 0,
        "root": None,
        "leaf_index": None,
        "witnesses": 0,
        "witnessed_at": None,
        "witnessed_as_of": None,
    }


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_says_that_it_is_not_of_this_log_in_each_language(api: Api, language: str) -> None:
    headers = {"Content-Type": "application/json", "Accept-Language": language}
    page = api.client.post("/verify", content=json.dumps(secured("eddsa-rdfc-2022")).encode(), headers=headers)
    words = {"en": "There is no record of this in the log", "fr": "Le registre de ce service n’en a aucune trace"}
    assert words[language] in page.text
    assert "First Aid" in page.text
    assert "/log/checkpoint" not in page.text
    assert (page.status_code, page.headers["content-language"]) == (200, language)
    assert "script" not in page.headers["content-security-policy"]


def form(name: str, content: bytes, boundary: str = "abc") -> tuple[bytes, str]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="a.json"\r\n'
    body = head.encode() + b"Content-Type: application/json\r\n\r\n" + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


@pytest.mark.parametrize("name", ["file", "text"])
def test_form_takes_a_file_or_its_text(api: Api, name: str) -> None:
    answer = bring(api, *form(name, json.dumps(secured("eddsa-rdfc-2022")).encode()))
    assert (answer.status_code, answer.json()["verdict"]) == (200, "issuer_unrecognised")


def test_form_is_a_page_without_script(api: Api) -> None:
    for method in ("GET", "HEAD"):
        answer = api.client.request(method, "/verify")
        assert answer.status_code == 200
    page = api.client.get("/verify")
    assert 'enctype="multipart/form-data"' in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"hello", "text/plain", 400),
        (b"<svg/>", "image/svg+xml", 400),
        (b"\x89PNG\r\n\x1a\n", "image/png", 400),
        (b"a.b.c", "application/jwt", 400),
        (b"{}", "text/html", 415),
        (b"{}", "", 415),
        (b" " * ((1 << 20) + 1), "application/json", 413),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=abc", 400),
        (*form("file", b""), 400),
        (*form("other", b"{}"), 400),
        (*form("file", b"{"), 400),
    ],
)
def test_what_is_no_file_is_refused_as_a_problem_and_as_a_page(
    api: Api, content: bytes, kind: str, status: int
) -> None:
    answer = bring(api, content, kind)
    assert answer.status_code == status
    empty = kind.startswith("multipart") and answer.headers["content-type"].startswith("text/html")
    assert empty or answer.json()["status"] == status
    page = api.client.post("/verify", content=content, headers={"Content-Type": kind, "Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")


def test_too_many_files_are_delayed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify_api.public.rate_limit.RateLimit.retry_after", lambda *_: 7)
    answer = bring(api, b"{}")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["status"]) == (429, "7", 429)


def test_any_document_gets_an_answer_and_never_a_fault(api: Api) -> None:
    signed = secured("eddsa-rdfc-2022")
    values: list[Json] = [None, 7, [], {}, "x", [[]], [None], {"id": 7}]
    for value in values:
        for name in (*signed, "credentialStatus", "awardedDate"):
            answer = bring(api, json.dumps({**signed, name: value}).encode())
            assert answer.status_code == 200, (name, value, answer.text)
            assert answer.json()["verdict"] != "valid"
            assert answer.json()["award"] is None or name == "credentialStatus"


def test_watch_over_connections_sees_one() -> None:
    with Outward() as outward, pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", 1), timeout=1)
    assert any("127.0.0.1" in tried for tried in outward.tried)
