"""A member and a type have one name in what is read: that which everybody looks for."""

import pytest

from ledger.vc.data_model import DataModelViolated, check_credential, check_presentation
from ledger.vc.plain_names import other_names
from ledger.vc.reading import Document, Json
from tests.unit.vc.proofs import document

V2 = "https://www.w3.org/ns/credentials/v2"
BADGE = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential"


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"https://www.w3.org/2018/credentials#validUntil": "2030-01-01T00:00:00Z"}, ["the address"]),
        ({"cred:validUntil": "2030-01-01T00:00:00Z"}, ["cred:validUntil"]),
        ({"@id": "urn:a:b"}, ["@id"]),
        ({"@type": ["OpenBadgeCredential"]}, ["@type"]),
        ({"@graph": []}, ["@graph"]),
        ({"@reverse": {"issuer": {}}}, ["@reverse"]),
        ({"evidence": [[{"@included": []}]]}, ["@included"]),
        ({"evidence": [{"type": "Evidence", "a": {"b": {"@nest": {}}}}]}, ["@nest"]),
        ({"name": {"@value": "A", "@index": "b"}}, ["@index"]),
        ({"type": ["VerifiableCredential", BADGE]}, [BADGE]),
        ({"type": "obi:OpenBadgeCredential"}, ["obi:OpenBadgeCredential"]),
        ({"credentialSubject": {"type": "cred:VerifiableCredential"}}, ["cred:VerifiableCredential"]),
    ],
)
def test_another_name_of_a_member_or_a_type_is_found(more: dict[str, Json], names: list[str]) -> None:
    expected = ["https://www.w3.org/2018/credentials#validUntil" if each == "the address" else each for each in names]
    assert list(other_names({**document(), **more})) == expected


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"name": {"@value": "A", "@language": "en", "@direction": "ltr"}},
        {"evidence": {"@value": "A", "@type": "https://a.example/kind"}},
        {"evidence": [{"@context": {"a:b": "c:d"}, "type": ["https://a.example/Kind", "tag:a.example,2026:Kind", 7]}]},
        {"credentialSubject": {"type": "JsonSchema", "jsonSchema": {"@id": 1, "a:b": {"type": BADGE}}}},
    ],
)
def test_what_everybody_writes_is_plain(more: dict[str, Json]) -> None:
    assert list(other_names({**document(), **more})) == []


def test_credential_with_another_name_is_none_of_the_model() -> None:
    check_credential(document())
    with pytest.raises(DataModelViolated, match="@type is not a plain name"):
        check_credential({**document(), "@type": "OpenBadgeCredential"})


def test_presentation_with_another_name_in_it_is_none_of_the_model() -> None:
    whole: Document = {
        "@context": [V2],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [document()],
    }
    check_presentation(whole)
    with pytest.raises(DataModelViolated, match="a:b is not a plain name"):
        check_presentation({**whole, "verifiableCredential": [{**document(), "a:b": 1}]})
