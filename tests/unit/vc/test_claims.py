"""What only the ledger may say is found, however a document spells it, and whatever it stands beside."""

import pytest

from ledger.vc.claims import AWARDS, reserved_types
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Json

OB = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
BASE: dict[str, Json] = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json",
    ],
    "type": ["VerifiableCredential"],
    "issuer": "did:example:issuer",
    "credentialSubject": {"id": "did:example:subject"},
}


def found(**more: Json) -> frozenset[str]:
    return reserved_types(canonical_nquads({**BASE, **more}))


@pytest.mark.parametrize(
    ("types", "name"),
    [
        (["VerifiableCredential", "OpenBadgeCredential"], "OpenBadgeCredential"),
        (["VerifiableCredential", "AchievementCredential"], "OpenBadgeCredential"),
        (["VerifiableCredential", f"{OB}OpenBadgeCredential"], "OpenBadgeCredential"),
        (["VerifiableCredential", "ClrCredential"], "ClrCredential"),
        (["BitstringStatusListCredential", "VerifiableCredential"], "BitstringStatusListCredential"),
    ],
)
def test_reserved_type_is_found_in_each_spelling(types: list[Json], name: str) -> None:
    assert found(type=types) == {name}


def test_reserved_type_of_the_subject_is_found() -> None:
    assert found(credentialSubject={"type": "AchievementSubject"}) == {"AchievementSubject"}
    assert found(credentialSubject={"type": f"{OB}AchievementSubject", "id": "did:example:a"}) == {"AchievementSubject"}


def test_status_list_is_reserved_and_no_award() -> None:
    assert "BitstringStatusListCredential" not in AWARDS
    assert "OpenBadgeCredential" in AWARDS


def test_endorsement_and_a_type_that_is_only_spoken_of_are_free() -> None:
    assert found(type=["VerifiableCredential", "EndorsementCredential"]) == frozenset()
    assert found(name=f"<http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{OB}OpenBadgeCredential> .") == frozenset()
