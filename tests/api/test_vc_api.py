"""The VC-API, asked as the W3C's test suites ask it: what it signs, what it refuses to sign, what it verifies."""

import json

import httpx
import pytest

from ledger.vc.reading import Json
from tests.api.conftest import Api
from tests.unit.vc.proofs import ED25519, OTHER, document, secured
from tests.unit.vc.test_jwt import claims, compact, header

Document = dict[str, Json]
V2 = "https://www.w3.org/ns/credentials/v2"
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
UNDEFINED = "https://www.w3.org/ns/credentials/undefined-terms/v2"
OB = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
MEDICINE: Document = {
    "type": "AchievementSubject",
    "achievement": {"name": "Master of Medicine"},
    "identifier": [{"identityType": "name", "hashed": False, "identityHash": "Ada Mallory"}],
    "result": [{"value": "Distinction"}],
}
PLAIN: Document = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:subject"},
}
ENDORSEMENT: Document = {
    "@context": [V2, OB],
    "type": ["VerifiableCredential", "EndorsementCredential"],
    "name": "Endorsement of a course",
    "validFrom": "2026-01-01T00:00:00Z",
    "credentialSubject": {
        "id": "urn:uuid:8a5c1b2e-2f0e-4d4f-8b0e-0f6f5a1c9d11",
        "type": ["EndorsementSubject"],
        "endorsementComment": "We hire whoever passed it.",
    },
}
PRESENTATION: Document = {"@context": [V2], "type": ["VerifiablePresentation"], "holder": ED25519.did}
QUESTION: Document = {"challenge": "uABC", "domain": "github.com/w3c/vc-data-model-2.0-test-suite"}
COLLEGE = "did:web:localhost%3A8000:issuers:college"


pytestmark = pytest.mark.usefixtures("unlimited", "closed_in")


def issue(
    api: Api, credential: Json, *, key: str | None = None, query: str = "", kind: str = "application/json"
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or api.college}", "Content-Type": kind}
    content = json.dumps({"credential": credential, "options": {}}).encode()
    answer: httpx.Response = api.client.post(f"/vc/credentials/issue{query}", content=content, headers=headers)
    return answer


def verify(api: Api, credential: Json, options: Json = None) -> httpx.Response:
    body = {"verifiableCredential": credential, "options": options or {"checks": ["proof"]}}
    answer: httpx.Response = api.client.post("/vc/credentials/verify", json=body)
    return answer


def present(api: Api, presentation: Json, options: Json = None) -> httpx.Response:
    body = {"verifiablePresentation": presentation, "options": QUESTION if options is None else options}
    answer: httpx.Response = api.client.post("/vc/presentations/verify", json=body)
    return answer


def shown(credentials: list[Json] | None = None, **members: Json) -> Document:
    """A signed presentation."""
    unsecured = {**PRESENTATION, **({} if credentials is None else {"verifiableCredential": list(credentials)})}
    proof: Document = {"proofPurpose": "authentication", **QUESTION, **members}
    return secured("eddsa-rdfc-2022", members=proof, unsecured=unsecured)


@pytest.mark.parametrize("kind", ["application/json", "application/ld+json"])
@pytest.mark.parametrize(
    "credential",
    [
        PLAIN,
        ENDORSEMENT,
        {**PLAIN, "issuer": COLLEGE},
        {**PLAIN, "issuer": {"name": "College"}},
        {**PLAIN, "issuer": {"id": COLLEGE}},
        {**PLAIN, "@context": [V2, EXAMPLES], "type": ["VerifiableCredential", "RelationshipCredential"]},
        {**PLAIN, "@context": [V2, UNDEFINED], "credentialSubject": {"id": "did:example:a", "degree": "Bachelor"}},
        {**PLAIN, "type": ["https://example.org/#A", "VerifiableCredential"], "validFrom": "2023-02-25T19:10:39-06:00"},
        {**PLAIN, "termsOfUse": {"type": "https://example.org/#Terms", "id": "did:example:terms/1"}},
    ],
)
def test_credential_is_signed_and_verifies(api: Api, credential: Document, kind: str) -> None:
    answer = issue(api, credential, kind=kind)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    signed = answer.json()
    issuer = signed["issuer"]
    assert (issuer["id"] if isinstance(issuer, dict) else issuer) == COLLEGE
    assert {**signed, "issuer": None, "proof": None} == {**credential, "issuer": None, "proof": None}
    assert (signed["proof"]["cryptosuite"], signed["proof"]["proofPurpose"]) == ("eddsa-rdfc-2022", "assertionMethod")
    assert signed["proof"]["verificationMethod"].startswith(f"{COLLEGE}#z6Mk")
    verified = verify(api, signed)
    assert (verified.status_code, verified.json()["verified"]) == (200, True)
    said = verified.json()["verdict"]  # the proof is good; what it proves is no award, whoever recognises the issuer
    assert (said["verdict"], said["notices"]) == ("no_award", ["issuer_unrecognised", "not_issued_here"])
    assert (said["in_force"], said["award"]) == (None, None)
    changed = verify(api, {**signed, "credentialSubject": {"id": "did:example:other"}})
    assert (changed.status_code, changed.json()["verified"]) == (400, False)
    assert "proof" not in json.dumps(answer.json()["credentialSubject"])


@pytest.mark.parametrize(
    "more",
    [
        {"@context": None},
        {"@context": [EXAMPLES]},
        {"@context": [V2, "https ://not-a-url/contexts/example/v1"]},
        {"@context": [V2, 123192875]},
        {"@context": [V2, "https://a.example/unheard-of"]},
        {"@context": [V2, {"A": "https://example.org/#A"}]},  # inline contexts are not signed: a stated deviation
        {"type": None},
        {"type": ["RelationshipCredential"]},
        {"type": ["VerifiableCredential", "ExampleTestCredential"]},  # no context defines it
        {"id": None},
        {"id": "https ://not-a-url/vcs/1"},
        {"id": ["https://example.org/1", "https://example.net/1"]},
        {"issuer": None},
        {"issuer": "fake-issuer"},
        {"issuer": {"id": None}},
        {"issuer": "did:web:localhost%3A8000:issuers:academy"},
        {"issuer": ED25519.did},
        {"credentialSubject": None},
        {"credentialSubject": {}},
        {"credentialSubject": [{"id": "did:example:a"}, {}]},
        {"credentialSubject": {"id": ["did:example:a", "did:example:b"]}},
        {"credentialSubject": {"id": "relative"}},
        {"credentialSubject": {"id": "did:example:a", "unheardOf": 1}},
        {"validFrom": "Sat 25 Feb 2023 07:16:31 PM CST"},
        {"validFrom": "2027-01-01T00:00:00Z", "validUntil": "2026-01-01T00:00:00Z"},
        {"credentialStatus": {"id": "did:example:status"}},
        {"credentialStatus": {"type": "BitstringStatusListEntry", "statusListIndex": "7"}},
        {"credentialSchema": {"type": "https://example.org/#A"}},
        {"termsOfUse": {}},
        {"evidence": {}},
        {"refreshService": {"id": "did:example:refresh/1"}},
        {"name": {"@value": "A", "@language": "en", "url": "did:example:b"}},
        {"relatedResource": ["https://example.org/1"]},
        {"proof": {"type": "DataIntegrityProof"}},
    ],
)
def test_credential_that_breaks_the_model_is_not_signed(api: Api, more: Document) -> None:
    answer = issue(api, {**PLAIN, **more})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "more",
    [
        {"type": ["VerifiableCredential", "OpenBadgeCredential"]},
        {"type": ["VerifiableCredential", "AchievementCredential"]},
        {"type": ["VerifiableCredential", "BitstringStatusListCredential"]},
        {
            "@context": [V2, "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"],
            "type": ["VerifiableCredential", "ClrCredential"],
        },
        {"credentialSubject": {"type": ["AchievementSubject"]}},
        {"@context": [V2, UNDEFINED], "type": ["VerifiableCredential", "OpenBadgeCredential"]},
        {"@context": [V2, EXAMPLES], "type": ["VerifiableCredential", "StatusList2021Credential"]},
        {"@context": [V2, UNDEFINED], "credentialSubject": MEDICINE},
        {"@context": [V2, EXAMPLES], "credentialSubject": MEDICINE},
        {"@context": [V2, UNDEFINED], "credentialSubject": {**MEDICINE, "type": "Person"}},
        {"@context": [V2, UNDEFINED], "credentialSubject": [{"id": "did:example:a"}, {"type": "AchievementSubject"}]},
    ],
)
def test_what_only_the_ledger_says_is_not_signed_for_anybody(api: Api, more: Document) -> None:
    answer = issue(api, {**PLAIN, "@context": [V2, OB], **more})
    assert answer.status_code == 422
    assert "recorded in the ledger" in answer.json()["detail"]


def test_type_that_is_spelled_as_an_address_is_not_signed(api: Api) -> None:
    spelled = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential"
    answer = issue(api, {**PLAIN, "@context": [V2, OB], "type": ["VerifiableCredential", spelled]})
    assert answer.status_code == 422
    assert f"{spelled} is not a plain name" in answer.json()["detail"]


def test_key_is_needed_and_its_scope(api: Api) -> None:
    assert api.client.post("/vc/credentials/issue", json={"credential": PLAIN}).status_code == 401
    assert issue(api, PLAIN, key=api.key("read")[0]).status_code == 403
    missing = api.client.get("/vc/credentials/issue")
    assert (missing.status_code, missing.headers["allow"]) == (405, "POST")


def test_operator_says_for_whom_or_the_credential_does(api: Api) -> None:
    assert issue(api, PLAIN, key=api.operator).status_code == 422  # there are several issuers
    assert issue(api, PLAIN, key=api.operator, query="?issuer=academy").json()["issuer"].endswith(":academy")
    assert issue(api, {**PLAIN, "issuer": COLLEGE}, key=api.operator).json()["issuer"] == COLLEGE
    assert issue(api, {**PLAIN, "issuer": ED25519.did}, key=api.operator).status_code == 422


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"credential":{},"credential":{}}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 422),
        (b'{"credential":7}', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * ((1 << 20) + 1), "application/json", 413),
    ],
)
def test_body_that_asks_for_no_signature_is_refused(api: Api, content: bytes, kind: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {api.college}", "Content-Type": kind}
    answer = api.client.post("/vc/credentials/issue", content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_credential_of_another_issuer_verifies_in_each_form(api: Api) -> None:
    jwt = compact(header(), claims()).decode()
    envelope: Document = {
        "@context": V2,
        "type": "EnvelopedVerifiableCredential",
        "id": f"data:application/vc+jwt,{jwt}",
    }
    forms: list[Json] = [secured("eddsa-rdfc-2022"), secured("eddsa-jcs-2022"), jwt, envelope]
    for form in forms:
        answer = verify(api, form)
        assert (answer.status_code, answer.json()["verified"]) == (200, True), answer.text
        assert [each["title"] for each in answer.json()["problemDetails"]] == ["To be weighed"]


@pytest.mark.parametrize(
    ("credential", "kind"),
    [
        (PLAIN, "MALFORMED_VALUE_ERROR"),
        (document(), "PROOF_VERIFICATION_ERROR"),
        ({**secured("eddsa-rdfc-2022"), "name": "Other"}, "PROOF_VERIFICATION_ERROR"),
        (secured("eddsa-rdfc-2022", OTHER, unsecured=document()), "CRYPTOGRAPHIC_SECURITY_ERROR"),
        (secured("eddsa-rdfc-2022", unsecured={**document(), "validUntil": "2026-03-01T00:00:00Z"}), "RANGE_ERROR"),
        (
            secured(
                "eddsa-rdfc-2022",
                unsecured={
                    **document(),
                    "credentialStatus": {
                        "type": "BitstringStatusListEntry",
                        "statusPurpose": "revocation",
                        "statusListIndex": "7",
                        "statusListCredential": "https://a.example/list",
                    },
                },
            ),
            "STATUS_VERIFICATION_ERROR",
        ),
        ({"type": ["NonconformingDocument"]}, "MALFORMED_VALUE_ERROR"),
        ("no.jwt.atall", "PARSING_ERROR"),
        (7, "PARSING_ERROR"),
    ],
)
def test_credential_that_is_not_good_is_told_why(api: Api, credential: Json, kind: str) -> None:
    answer = verify(api, credential)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    said = answer.json()
    assert (said["verified"], said["status"]) == (False, 400)
    assert kind in said["problemDetails"][0]["type"]


def test_credential_is_held_against_the_challenge_and_the_domain_that_are_asked_for(api: Api) -> None:
    """VC Data Integrity 1.0 §4.4: a proof that says another one, or none, is not the one that was asked for."""
    made = secured("eddsa-rdfc-2022", members=QUESTION)
    assert verify(api, made, QUESTION).status_code == 200
    jwt = compact(header(), claims()).decode()
    for credential in (made, secured("eddsa-rdfc-2022"), issue(api, PLAIN).json(), jwt):
        for name in ("challenge", "domain"):
            answer = verify(api, credential, {name: "another"})
            assert (answer.status_code, answer.json()["verified"]) == (400, False)
            (problem,) = (each for each in answer.json()["problemDetails"] if name.upper() in each["type"])
            assert problem["detail"]


@pytest.mark.parametrize("path", ["credentials", "presentations"])
@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"verifiableCredential":{},"a":1,"a":2}', "application/json", 400),
        (b'{"verifiablePresentation":7}', "application/json", 400),
        (b'{"verifiableCredential":{},"options":7}', "application/json", 400),
        (b'{"verifiableCredential":{},"options":{"domain":["a"]}}', "application/json", 400),
        (b'{"verifiablePresentation":{},"options":7}', "application/json", 400),
        (b'{"verifiablePresentation":{},"options":{"challenge":7}}', "application/json", 400),
        (b"{}", "text/html", 415),
        (b" " * ((1 << 20) + 1), "application/json", 413),
    ],
)
def test_body_that_holds_nothing_to_verify_is_a_problem(
    api: Api, path: str, content: bytes, kind: str, status: int
) -> None:
    answer = api.client.post(f"/vc/{path}/verify", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


def test_presentation_of_its_holder_for_this_question_verifies(api: Api) -> None:
    for credentials in (None, [secured("eddsa-rdfc-2022")], [secured("eddsa-rdfc-2022"), secured("eddsa-jcs-2022")]):
        answer = present(api, shown(None if credentials is None else list(credentials)))
        assert (answer.status_code, answer.json()["verified"]) == (200, True), answer.text
        assert len(answer.json()["credentials"]) == len(credentials or [])


def test_presentation_with_an_award_of_this_ledger_and_an_endorsement_verifies(api: Api) -> None:
    receipt = api.issue()
    own = api.client.get(f"/c/{receipt['code']}/credential.json").json()
    endorsement = issue(api, ENDORSEMENT).json()
    assert present(api, shown([own, endorsement])).status_code == 200
    assert api.post(f"/credentials/{receipt['credential_id']}/revoke", {"reason": "other"}).status_code == 200
    refused = present(api, shown([own, endorsement]))
    assert (refused.status_code, refused.json()["credentials"][0]["verdict"]) == (400, "revoked")


@pytest.mark.parametrize(
    ("presentation", "options"),
    [
        (PRESENTATION, None),  # nobody signed it
        (shown(), {"challenge": "another"}),
        (shown(), {"domain": "another.example"}),
        (shown(proofPurpose="assertionMethod"), None),
        ({**shown(), "holder": OTHER.did}, None),
        ({**shown(), "@context": [EXAMPLES, V2]}, None),
        ({**shown(), "type": ["VerifiableCredential"]}, None),
        (shown([PLAIN]), None),  # nor this
        (shown([document()]), None),
        ({**shown(), "verifiableCredential": ["eyJ.eyJ.x"]}, None),
        (
            {
                **shown(),
                "verifiableCredential": [{"@context": V2, "type": "EnvelopedVerifiableCredential", "id": "x:y"}],
            },
            None,
        ),
        ({"type": ["NonconformingDocument"]}, None),
    ],
)
def test_presentation_that_is_not_good_is_refused(api: Api, presentation: Document, options: Json) -> None:
    answer = present(api, presentation, options)
    assert (answer.status_code, answer.json()["verified"]) == (400, False)
    assert answer.json()["problemDetails"]
