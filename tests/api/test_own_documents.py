"""Credential files of this ledger, brought back to it: the record decides, whoever signed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger.application.foreign import Uploads
from ledger.application.own_documents import OwnDocuments
from ledger.application.scanning import Scanning
from ledger.domain.types import Did, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.vc.baking import bake_svg
from ledger.vc.data_integrity import sign
from ledger.vc.upload import read_upload
from ledger.verification.authority_check import Authority
from ledger.verification.evidence import CredentialEvidence, PartEvidence, Policy
from ledger.verification.verdict import Verdict
from tests.api.bringing import Document, bring, recorded, verdict
from tests.api.conftest import DEFINITION, Api
from tests.unit.application.hostile import record
from tests.unit.vc.proofs import document, secured
from tests.unit.vc.test_jwt import compact, header
from tests.unit.vc.test_upload import SVG

pytestmark = pytest.mark.usefixtures("unlimited", "closed_in")


def test_document_of_an_award_is_judged_as_a_scan_is(api: Api) -> None:
    receipt = api.issue()
    (raw,) = recorded(api, receipt)
    with api.still():
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


@pytest.mark.parametrize("vocabulary", ["undefined-terms/v2", "examples/v2"])
@pytest.mark.parametrize("subject", ["Person", "AchievementSubject"])
def test_award_like_document_of_ours_that_is_not_on_record_is_none(api: Api, vocabulary: str, subject: str) -> None:
    """Signed by whoever has the key: the issuing route signs none."""
    (raw,) = recorded(api, api.issue())
    genuine = json.loads(raw)
    method = genuine["proof"]["verificationMethod"]
    signer = api.services.ledger.desk.keys.signer(method.rpartition("#")[2])
    about: Document = {
        "@context": ["https://www.w3.org/ns/credentials/v2", f"https://www.w3.org/ns/credentials/{vocabulary}"],
        "type": ["VerifiableCredential"],
        "issuer": genuine["issuer"]["id"],
        "name": "Master of Medicine",
        "credentialSubject": {"type": subject, "name": "Ada Mallory", "result": [{"value": "Distinction"}]},
    }
    signed = sign(about, signer=signer, method=method, created=datetime(2026, 1, 1, tzinfo=UTC))
    state, reasons = verdict(api, signed)
    if subject == "Person":
        assert (state, reasons) == ("no_award", ["not_recognised", "no_award"])
    else:
        assert (state, reasons) == ("signature_invalid", ["not_on_record"])
    answer = api.client.post("/verify", content=json.dumps(signed), headers={"Content-Type": "application/json"})
    assert "Medicine" not in answer.text
    assert "Mallory" not in answer.text
    assert ("Not an award on record" in answer.text) is (subject == "Person")
    assert bring(api, json.dumps(signed).encode()).json()["in_force"] is None


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


def test_record_of_a_stack_and_the_badge_inside_are_both_of_the_award(api: Api) -> None:
    for slug in ("washing", "bandaging"):
        assert api.post("/achievements", {**DEFINITION, "slug": slug, "name": slug.title()}).status_code == 201
        api.issue(student_number="S-77", full_name="Ada", achievement=slug)
    pathway = {"slug": "carer", "name": "Carer", "description": "Cares.", "competencies": [{"statement": "Cares."}]}
    made = api.post("/pathways", {**pathway, "rule": {"all_of": ["washing", "bandaging"]}})
    assert made.status_code == 201, made.text
    receipt = api.post("/stacks", {"student_number": "S-77", "pathway": "carer"})
    assert receipt.status_code == 201, receipt.text
    (raw,) = recorded(api, receipt.json())
    record = json.loads(raw)
    assert "ClrCredential" in record["type"]
    inside = record["credentialSubject"]["verifiableCredential"]
    for whole in (record, inside[0]):
        answer = bring(api, json.dumps(whole).encode()).json()
        assert (answer["verdict"], answer["award"]["name"], len(answer["components"])) == (
            "issuer_unrecognised",
            "Carer",
            2,
        )
    assert bring(api, json.dumps(inside[1]).encode()).json()["award"]["name"] in ("Washing", "Bandaging")
    fewer = {**record, "credentialSubject": {**record["credentialSubject"], "verifiableCredential": inside[:2]}}
    assert verdict(api, fewer) == ("signature_invalid", ["not_as_recorded"])
    none: Document = {**record, "credentialSubject": {**record["credentialSubject"], "verifiableCredential": [7]}}
    assert verdict(api, none) == ("signature_invalid", ["not_on_record"])


def test_badge_of_ours_in_the_record_of_somebody_else_is_judged_by_the_record(api: Api) -> None:
    receipt = api.issue()
    (raw,) = recorded(api, receipt)
    genuine = json.loads(raw)
    unrecognised = ("issuer_unrecognised", ["not_recognised"])
    assert verdict(api, record(genuine)) == unrecognised
    for forged in ({**genuine, "name": "Other"}, {**genuine, "id": "urn:uuid:9c9a36f8-518f-4976-a934-6649502d0008"}):
        assert verdict(api, record(forged)) == ("signature_invalid", ["not_recognised", "inside_not_genuine"])
        answer = api.client.post("/vc/credentials/verify", json={"verifiableCredential": record(genuine, forged)})
        assert (answer.status_code, answer.json()["verified"]) == (400, False)
        told = {each["detail"]: each["type"] for each in answer.json()["problemDetails"]}
        assert "PROOF_VERIFICATION_ERROR" in told["A credential inside it is not what its issuer signed."]
    assert api.post(f"/credentials/{receipt['credential_id']}/revoke", {"reason": "other"}).status_code == 200
    assert verdict(api, record(genuine)) == ("not_checked", ["not_recognised", "inside_not_in_force"])
    page = api.client.post("/verify", content=json.dumps(record(genuine)), headers={"Content-Type": "application/json"})
    assert "A credential inside this file was withdrawn or corrected, or is out of its dates." in page.text


def test_badge_of_ours_as_a_jwt_is_not_how_we_issue(api: Api) -> None:
    (raw,) = recorded(api, api.issue())
    payload = json.loads(raw)
    token = compact(header(kid=payload["proof"]["verificationMethod"]), payload)
    assert verdict(api, token) == ("signature_invalid", ["not_on_record"])


def test_id_of_an_award_in_a_document_of_somebody_else_lends_it_nothing(api: Api) -> None:
    receipt = api.issue()
    borrowed = secured("eddsa-rdfc-2022", unsecured={**document(), "id": f"urn:uuid:{receipt['credential_id']}"})
    assert verdict(api, borrowed) == ("issuer_unrecognised", ["not_recognised"])


def test_issuer_that_was_never_registered_here_has_awarded_nothing(api: Api) -> None:
    nobody = document("did:web:localhost%3A8000:issuers:nobody")
    assert verdict(api, secured("eddsa-rdfc-2022", unsecured=nobody)) == ("signature_invalid", ["not_on_record"])


@pytest.mark.parametrize("more", ["", ":", ":issuers:", ":issuers:college/", "?x", ":é", ":" + "x" * 900_000])
def test_identifier_that_begins_as_ours_do_and_is_none_lends_nothing(api: Api, more: str) -> None:
    did = f"did:web:localhost%3A8000{more}"
    signed = secured("eddsa-rdfc-2022")
    proof = signed["proof"]
    assert isinstance(proof, dict)
    for changed in ({**signed, "issuer": did}, {**signed, "proof": {**proof, "verificationMethod": f"{did}#key"}}):
        assert verdict(api, changed)[0] in ("signature_invalid", "not_checked")


class Changed(Scanning):
    """What an award has on record, as a store gives it that lost or changed something."""

    def __init__(self, scanning: Scanning, change: Callable[[CredentialEvidence], CredentialEvidence]) -> None:
        self._inner = scanning
        self._change = change

    def standing(self, issuer: Did | None) -> tuple[Authority, Policy]:
        return self._inner.standing(issuer)

    def scan_found(
        self, stream: StreamId, find: Callable[[CredentialEvidence, Authority], int | None]
    ) -> Verdict | None:
        return self._inner.scan_found(stream, lambda evidence, authority: find(self._change(evidence), authority))


def with_document(opening: Opening | None) -> Callable[[CredentialEvidence], CredentialEvidence]:
    """Put something in the place of each document."""

    def change(evidence: CredentialEvidence) -> CredentialEvidence:
        part = PartEvidence(opening=opening, present=True)
        parts = {position: {**opened, Part.DOCUMENT: part} for position, opened in evidence.parts.items()}
        return replace(evidence, parts=parts)

    return change


@pytest.mark.parametrize(
    ("opening", "state", "reason"),
    [
        (None, "not_checked", "not_compared"),  # it cannot be opened: nothing is known
        (Opening(salt=bytes(32), content=b""), "signature_invalid", "not_as_recorded"),  # from before there were any
        (Opening(salt=bytes(32), content=b"{"), "signature_invalid", "not_as_recorded"),
    ],
)
def test_document_that_can_be_compared_with_nothing_is_never_good(
    api: Api, opening: Opening | None, state: str, reason: str
) -> None:
    (raw,) = recorded(api, api.issue())
    clock = api.services.ledger.clock
    registry = OwnDocuments(Changed(api.services.scanning, with_document(opening)), clock)
    found = Uploads(clock=clock, registry=registry).prepare(read_upload(raw))()
    assert (found.state.value, [each.reason for each in found.findings]) == (state, [reason])
    lost = Changed(api.services.scanning, lambda evidence: replace(evidence, stream=(), parts={}))
    found = Uploads(clock=clock, registry=OwnDocuments(lost, clock)).prepare(read_upload(raw))()
    assert [each.reason for each in found.findings] == ["not_on_record"]


def test_award_of_another_issuer_of_this_ledger_cannot_be_borrowed(api: Api) -> None:
    (raw,) = recorded(api, api.issue())
    by_academy = json.loads(raw.replace(b":issuers:college", b":issuers:academy"))
    assert verdict(api, by_academy) == ("signature_invalid", ["not_on_record"])
    assert verdict(api, {**by_academy, "id": "urn:uuid:none"}) == ("signature_invalid", ["not_on_record"])
