"""What only the ledger may say is found, however a document spells it, and whatever it stands beside."""

import pytest

from ledger.vc.claims import AWARDS, reserved_in
from ledger.vc.rdf import UndefinedTerm
from ledger.vc.reading import DocumentError, Json

OB = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
CLR = "https://purl.imsglobal.org/spec/vc/clr/vocab.html#"
UNDEFINED = "https://www.w3.org/ns/credentials/undefined-terms/v2"
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
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
    return reserved_in({**BASE, **more})


@pytest.mark.parametrize(
    ("types", "name"),
    [
        (["VerifiableCredential", "OpenBadgeCredential"], "OpenBadgeCredential"),
        (["VerifiableCredential", "AchievementCredential"], "AchievementCredential"),
        (["VerifiableCredential", f"{OB}OpenBadgeCredential"], "OpenBadgeCredential"),
        (["VerifiableCredential", "ClrCredential"], "ClrCredential"),
        (["BitstringStatusListCredential", "VerifiableCredential"], "BitstringStatusListCredential"),
    ],
)
def test_reserved_type_is_found_in_each_spelling(types: list[Json], name: str) -> None:
    assert name in found(type=types)


def test_reserved_type_of_the_subject_is_found() -> None:
    assert found(credentialSubject={"type": "AchievementSubject"}) == {"AchievementSubject"}
    assert found(credentialSubject={"type": f"{OB}AchievementSubject", "id": "did:example:a"}) == {"AchievementSubject"}


def test_status_list_is_reserved_and_no_award() -> None:
    assert "BitstringStatusListCredential" not in AWARDS
    assert "encodedList" not in AWARDS
    assert "OpenBadgeCredential" in AWARDS


def test_endorsement_and_a_type_that_is_only_spoken_of_are_free() -> None:
    assert found(type=["VerifiableCredential", "EndorsementCredential"]) == frozenset()
    assert found(name=f"<http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{OB}OpenBadgeCredential> .") == frozenset()
    assert found(credentialSubject={"id": "did:example:a", "name": "OpenBadgeCredential"}) == frozenset()


def everywhere(**more: Json) -> frozenset[str]:
    """With a context under which every word means something."""
    contexts: list[Json] = ["https://www.w3.org/ns/credentials/v2", UNDEFINED]
    return found(**{"@context": contexts, **more})


@pytest.mark.parametrize("vocabulary", [UNDEFINED, EXAMPLES])
@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"type": ["VerifiableCredential", "OpenBadgeCredential"]}, "OpenBadgeCredential"),
        ({"type": ["VerifiableCredential", "openbadgecredential"]}, "OpenBadgeCredential"),
        ({"type": ["VerifiableCredential", "StatusList2021Credential"]}, "StatusList2021Credential"),
        ({"type": ["VerifiableCredential", "RevocationList2020Credential"]}, "RevocationList2020Credential"),
        ({"type": ["VerifiableCredential", "https://a.example/v#ClrCredential"]}, "ClrCredential"),
        ({"type": ["VerifiableCredential", "urn:a:ClrCredential"]}, "ClrCredential"),
        ({"credentialSubject": {"type": "AchievementSubject"}}, "AchievementSubject"),
        ({"credentialSubject": {"@type": ["Thing", "AchievementSubject"]}}, "AchievementSubject"),
        ({"credentialSubject": {"about": [{"deep": {"type": "ClrSubject"}}]}}, "ClrSubject"),
        ({"credentialSubject": {"achievement": {"name": "Master of Medicine"}}}, "achievement"),
        ({"credentialSubject": {"Achievement": "Master of Medicine"}}, "achievement"),
        ({"credentialSubject": [{"id": "did:example:a"}, {f"{OB}achievement": {"name": "M"}}]}, "achievement"),
        ({"credentialSubject": {"about": {"achievement": []}}}, "achievement"),
        ({"credentialSubject": {"verifiableCredential": {"name": "A"}}}, "verifiableCredential"),
        ({"credentialSubject": {"type": "List", "encodedList": "u"}}, "encodedList"),
    ],
)
def test_words_of_the_ledger_are_reserved_in_every_vocabulary_and_place(
    vocabulary: str, more: dict[str, Json], name: str
) -> None:
    contexts: list[Json] = ["https://www.w3.org/ns/credentials/v2", vocabulary]
    assert name in found(**{"@context": contexts, **more})


def test_words_that_a_context_gives_another_name_to_are_found_in_what_they_mean() -> None:
    assert found(credentialSubject={"id": "did:example:a", "type": f"{CLR}ClrSubject"}) == {"ClrSubject"}


def test_harmless_words_of_a_vocabulary_of_anything_are_free() -> None:
    assert everywhere(credentialSubject={"degree": {"type": "Degree", "name": "Bachelor"}}) == frozenset()
    assert everywhere(type=["VerifiableCredential", "RelationshipCredential"]) == frozenset()


def test_document_that_cannot_be_read_is_refused_unless_its_words_say_enough() -> None:
    with pytest.raises(UndefinedTerm):
        found(credentialSubject={"id": "did:example:a", "unheardOf": 1})
    with pytest.raises(DocumentError):
        found(type=["VerifiableCredential", 7])
    assert found(type=["OpenBadgeCredential"], unheardOf=1) == {"OpenBadgeCredential"}
