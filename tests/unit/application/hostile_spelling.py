"""Credentials that somebody signed, spelled anew so that the signature holds and what speaks against them is not read.

Each says, as it was signed, that it is over, was withdrawn or is no badge by the schema.
"""

import json
from collections.abc import Iterator
from typing import Final

from ledger.vc.reading import Document, Json
from ledger.vc.spelling import to_base64url
from tests.unit.vc.proofs import ED25519, document, secured

_CRED: Final = "https://www.w3.org/2018/credentials#"
_DATE: Final = "http://www.w3.org/2001/XMLSchema#dateTime"
_BADGE: Final = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential"
_V2: Final = "https://www.w3.org/ns/credentials/v2"
_V1: Final = "https://www.w3.org/2018/credentials/v1"
_SECURITY: Final = "https://w3id.org/security/data-integrity/v2"
_OVER: Final = "2026-03-01T00:00:00Z"
_STATUS_ID: Final = "https://a.example/list#7"
_STATUS: Final[dict[str, Json]] = {
    "id": _STATUS_ID,
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "7",
    "statusListCredential": "https://a.example/list",
}


def spelled() -> Iterator[tuple[str, bytes]]:
    """Each with a name; all but those in the list are signed by `ED25519` and were spelled anew afterwards."""
    yield from _addressed()
    yield from _elsewhere()
    yield from _typed()
    yield from _empty()
    yield from _in_json()


def _bare(**more: Json) -> dict[str, Json]:
    """A credential of the data model alone, which no schema holds back."""
    return {
        "@context": [_V2],
        "id": "urn:uuid:9c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b10",
        "type": ["VerifiableCredential"],
        "issuer": ED25519.did,
        "credentialSubject": {"id": "did:example:x"},
        **more,
    }


def _signed(unsecured: Document) -> dict[str, Json]:
    return secured("eddsa-rdfc-2022", unsecured=unsecured)


def _without(whole: Document, *names: str) -> dict[str, Json]:
    return {name: value for name, value in whole.items() if name not in names}


def _addressed() -> Iterator[tuple[str, bytes]]:
    over = _signed({**document(), "validUntil": _OVER})
    literal: Json = {"@value": _OVER, "@type": _DATE}
    yield "end under its address", _json({**_without(over, "validUntil"), f"{_CRED}validUntil": literal})
    yield "end under its address, in a list", _json({**_without(over, "validUntil"), f"{_CRED}validUntil": [literal]})
    held = _signed({**document(), "credentialStatus": _STATUS})
    yield "status under its address", _json({**_without(held, "credentialStatus"), f"{_CRED}credentialStatus": _STATUS})
    old = _signed({**_bare(), "@context": [_V1, _SECURITY], "issuanceDate": _OVER, "expirationDate": _OVER})
    yield (
        "end by a prefix of its context",
        _json({**_without(old, "expirationDate"), "cred:expirationDate": {"@value": _OVER, "@type": "xsd:dateTime"}}),
    )
    yield (
        "subject under a keyword",
        _json({**over, "credentialSubject": {"@id": "did:example:learner", "name": "Other"}}),
    )


def _elsewhere() -> Iterator[tuple[str, bytes]]:
    referring = _bare(validUntil=_OVER, evidence=[{"id": _bare()["id"]}])
    whole = _signed(referring)
    hidden: Json = {"id": whole["id"], "type": ["VerifiableCredential"], "validUntil": _OVER}
    yield "end in evidence with the same id", _json({**_without(whole, "validUntil"), "evidence": [hidden]})
    whole = _signed({**referring, "validUntil": "2030-01-01T00:00:00Z", "credentialStatus": _STATUS})
    hidden = {"id": whole["id"], "type": ["VerifiableCredential"], "credentialStatus": _STATUS}
    yield "status in evidence with the same id", _json({**_without(whole, "credentialStatus"), "evidence": [hidden]})
    endorsement: dict[str, Json] = {
        "id": "urn:uuid:1c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b10",
        "type": ["VerifiableCredential", "EndorsementCredential"],
        "issuer": {"id": "did:example:e", "type": ["Profile"], "name": "E"},
        "validFrom": "2026-02-28T00:00:00Z",
        "credentialSubject": {"id": document()["id"], "type": ["EndorsementSubject"]},
    }
    whole = _signed({**document(), "validUntil": _OVER, "credentialStatus": _STATUS, "endorsement": [endorsement]})
    subject: Json = {
        "id": whole["id"],
        "type": ["EndorsementSubject", "VerifiableCredential"],
        "validUntil": _OVER,
        "credentialStatus": _STATUS,
    }
    yield (
        "end and status in an endorsement of the file",
        _json(
            {
                **_without(whole, "validUntil", "credentialStatus"),
                "endorsement": [{**endorsement, "credentialSubject": subject}],
            }
        ),
    )
    whole = _signed(_bare(credentialStatus=_STATUS, evidence=[{"id": _STATUS_ID}]))
    purpose: Json = {"id": _STATUS_ID, "type": _STATUS["type"], "statusPurpose": "revocation"}
    split = {**whole, "credentialStatus": _without(_STATUS, "statusPurpose"), "evidence": [purpose]}
    yield "purpose of the status in evidence", _json(split)


def _typed() -> Iterator[tuple[str, bytes]]:
    """No badge by the schema: its subject has achieved nothing."""
    whole = _signed({**document(), "credentialSubject": {"id": "did:example:l", "type": ["AchievementSubject"]}})
    plain: Json = ["VerifiableCredential"]
    yield "type under a keyword", _json({**whole, "type": plain, "@type": ["OpenBadgeCredential"]})
    yield "type as an address", _json({**whole, "type": ["VerifiableCredential", _BADGE]})
    typed: Json = {"id": whole["id"], "type": ["OpenBadgeCredential", "VerifiableCredential"]}
    referring = _signed({**_without(whole, "proof"), "evidence": [{"id": whole["id"]}]})
    yield "type in evidence with the same id", _json({**referring, "type": plain, "evidence": [typed]})


def _empty() -> Iterator[tuple[str, bytes]]:
    whole = _signed(document())
    yield "unsigned word with an empty list", _json({**whole, "grade": []})
    yield "unsigned word with a list of an empty list", _json({**whole, "grade": [[]]})


def _in_json() -> Iterator[tuple[str, bytes]]:
    """Signed as they stand, so that nothing is hidden; but read by names all the same."""
    unsecured: Document = {**_without(document(), "validUntil"), f"{_CRED}validUntil": _OVER}
    yield "end under its address, signed as JSON", _json(secured("eddsa-jcs-2022", unsecured=unsecured))
    header = to_base64url(json.dumps({"alg": "EdDSA", "typ": "vc+jwt", "kid": ED25519.method}).encode())
    signing = f"{header}.{to_base64url(_json(unsecured))}"
    token = f"{signing}.{to_base64url(ED25519.sign(signing.encode()))}"
    yield "end under its address, in a JWT", token.encode()


def _json(whole: Document) -> bytes:
    return json.dumps(whole).encode()
