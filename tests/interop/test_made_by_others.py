"""Proofs made by `@digitalbazaar/vc` with its cryptosuites, verified by ours."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ledger.vc.data_integrity import check
from ledger.vc.did import resolve_key
from ledger.vc.reading import Json, read_document
from tests.acceptance.desk import Desk, open_desk
from tests.interop.others import NOW, Others

_PATIENCE = 60  # seconds for an answer; nothing is asserted about time
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


# ------------------------------------------------------------------------------------------- as anybody sends them here


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = open_desk(tmp_path_factory.mktemp("made-by-others"), None)
    try:
        yield opened
    finally:
        opened.stop()


def sent(desk: Desk, path: str, body: Mapping[str, Json]) -> httpx.Response:
    """The answer to a file or a question, once it is taken: so many are taken in a minute."""
    headers = {"Accept": "application/json"}
    answer = httpx.post(f"{desk.url}{path}", json=body, headers=headers, timeout=_PATIENCE)
    while answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = httpx.post(f"{desk.url}{path}", json=body, headers=headers, timeout=_PATIENCE)
    return answer


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_service_and_the_command_say_of_such_a_credential_that_it_is_good_and_not_issued_here(
    others: Others, desk: Desk, tmp_path: Path, kind: str, suite: str
) -> None:
    made, file = others.make(KINDS[kind], suite), tmp_path / "made.json"
    file.write_text(json.dumps(made, ensure_ascii=False), "utf-8")
    answer = sent(desk, "/verify", made)
    assert answer.status_code == httpx.codes.OK
    told = json.loads(desk.elsewhere("verify", str(file), code=1))  # its issuer is recognised by nobody
    for found in (answer.json(), told):
        assert (found["verdict"], found["in_force"]) == ("issuer_unrecognised", True)
        assert "not_issued_here" in found["notices"]
    checked = sent(desk, "/vc/credentials/verify", {"verifiableCredential": made})
    assert (checked.status_code, checked.json()["verified"]) == (httpx.codes.OK, True)
    for other in changed(made):
        assert sent(desk, "/verify", other).json()["verdict"] == "signature_invalid"
    file.write_text(json.dumps(other, ensure_ascii=False), "utf-8")
    assert json.loads(desk.elsewhere("verify", str(file), code=1))["verdict"] == "signature_invalid"
    checked = sent(desk, "/vc/credentials/verify", {"verifiableCredential": other})
    assert (checked.status_code, checked.json()["verified"]) == (httpx.codes.BAD_REQUEST, False)


@pytest.mark.parametrize("suite", SUITES)
def test_the_service_says_of_such_a_presentation_that_it_answers_this_challenge_and_no_other(
    others: Others, desk: Desk, suite: str
) -> None:
    presentation: dict[str, Json] = {
        "@context": BADGE["@context"],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [others.make(BADGE, suite)],
    }
    made = others.make(presentation, suite, challenge="d3adb33f", domain="verifier.example")
    for challenge, domain, status in (
        ("d3adb33f", "verifier.example", httpx.codes.OK),
        ("another", "verifier.example", httpx.codes.BAD_REQUEST),
        ("d3adb33f", "another.example", httpx.codes.BAD_REQUEST),
    ):
        options: dict[str, Json] = {"challenge": challenge, "domain": domain}
        asked: dict[str, Json] = {"verifiablePresentation": made, "options": options}
        answer = sent(desk, "/vc/presentations/verify", asked)
        assert (answer.status_code, answer.json()["verified"]) == (status, status == httpx.codes.OK)
