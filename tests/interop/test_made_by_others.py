"""Proofs made by `@digitalbazaar/vc` with its cryptosuites, verified by ours."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from ledger.vc.data_integrity import check
from ledger.vc.did import resolve_key
from ledger.vc.reading import Json, read_document
from tests.interop.others import NOW, Others

SUITES = ("eddsa-rdfc-2022", "ecdsa-rdfc-2019", "eddsa-jcs-2022")
V2 = "https://www.w3.org/ns/credentials/v2"
SCHEMA = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
BADGE: Mapping[str, Json] = {
    "@context": [
        V2,
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
    ],
    "id": "urn:uuid:0f0fa1a0-0000-4000-8000-000000000001",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "name": "Ψυχική υγεία · 心の健康",
    "issuer": {"type": ["Profile"], "name": "Escuela Ñandú"},
    "validFrom": "2026-01-01T00:00:00Z",
    "credentialSubject": {
        "type": ["AchievementSubject"],
        "achievement": {
            "id": "urn:uuid:0f0fa1a0-0000-4000-8000-000000000002",
            "type": ["Achievement"],
            "name": "Mental health",
            "description": 'Two\nlines, a "quotation" and a \\.',
            "criteria": {"narrative": "Shown at work."},
            "creditsAvailable": 1.5,
        },
        "result": [{"type": ["Result"], "value": "81"}],
    },
    "credentialSchema": [{"id": SCHEMA, "type": "1EdTechJsonSchemaValidator2019"}],
}
GENERIC: Mapping[str, Json] = {
    "@context": [V2, "https://www.w3.org/ns/credentials/examples/v2"],
    "type": ["VerifiableCredential", "ExampleAlumniCredential"],
    "validFrom": "2026-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": {"id": "did:example:c276", "name": "Universität"}},
}
KINDS = {"badge": BADGE, "generic": GENERIC}


@pytest.fixture(scope="module")
def others() -> Iterator[Others]:
    with Others() as process:
        yield process


def outcome(document: Mapping[str, Json], purpose: str = "assertionMethod") -> str:
    """What our check says of the only proof; the document goes through our reader as bytes."""
    read = read_document(json.dumps(document, ensure_ascii=False).encode())
    (found,) = check(read, resolve_key, purpose=purpose, now=datetime.fromisoformat(NOW).astimezone(UTC))
    return found.reason


def changed(document: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """The document with one member changed, added or gone."""
    yield {**document, "validFrom": "2025-01-01T00:00:00Z"}
    yield {**document, "validUntil": "2099-01-01T00:00:00Z"}
    yield {name: member for name, member in document.items() if name != "validFrom"}
    proof = document["proof"]
    assert isinstance(proof, dict)
    yield {**document, "proof": {**proof, "created": "2025-01-01T00:00:00Z"}}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_signed_by_the_library_is_good_and_any_change_to_it_is_not(
    others: Others, kind: str, suite: str
) -> None:
    made = others.make(KINDS[kind], suite)
    proof = made["proof"]
    assert isinstance(proof, dict)
    assert proof["cryptosuite"] == suite
    assert others.judge("digitalbazaar", made).accepted
    assert outcome(made) == "signature_valid"
    for other in changed(made):
        assert outcome(other) == "signature_invalid"
        assert not others.judge("digitalbazaar", other).accepted


@pytest.mark.parametrize("suite", SUITES)
def test_a_presentation_signed_by_the_library_is_good_for_authentication_alone(others: Others, suite: str) -> None:
    inside = others.make(BADGE, suite)
    presentation: dict[str, Json] = {
        "@context": BADGE["@context"],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [inside],
    }
    made = others.make(presentation, suite, challenge="d3adb33f", domain="verifier.example")
    assert others.judge("digitalbazaarPresentation", made, challenge="d3adb33f").accepted
    assert outcome(made, "authentication") == "signature_valid"
    assert outcome(made) == "wrong_purpose"
    assert outcome({**made, "holder": "did:example:another"}, "authentication") == "signature_invalid"
    assert made["verifiableCredential"] == [inside]
