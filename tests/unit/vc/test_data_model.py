"""The data model's rules: what keeps them passes, and each way to break one is found, at its place."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.vc.data_model import (
    V1,
    V2,
    DataModelViolated,
    check_credential,
    check_enveloped,
    check_presentation,
    identifier,
    is_enveloped,
    is_url,
    listed,
    parse_instant,
    types_of,
    validity_of,
)
from ledger.vc.reading import Json

GOOD: dict[str, Json] = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "issuer": "did:example:issuer",
    "credentialSubject": {"id": "did:example:subject"},
}
OLD: dict[str, Json] = {**GOOD, "@context": [V1], "issuanceDate": "2023-02-26T01:02:58Z"}
SHOWN: dict[str, Json] = {"@context": [V2], "type": ["VerifiablePresentation"]}
ENVELOPE: dict[str, Json] = {
    "@context": V2,
    "type": "EnvelopedVerifiableCredential",
    "id": "data:application/vc+jwt,a.b.c",
}


def places(document: dict[str, Json]) -> set[str]:
    with pytest.raises(DataModelViolated) as refused:
        check_credential(document)
    return {fault.place for fault in refused.value.faults}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"@context": V2},
        {"@context": [V2, "https://www.w3.org/ns/credentials/examples/v2", {"A": "https://example.org/#A"}]},
        {"type": ["https://example.org/#A", "VerifiableCredential"]},
        {"id": "https://example.org/credentials/1"},
        {"issuer": {"id": "did:example:issuer", "name": "A", "description": {"@value": "One", "@language": "en"}}},
        {"credentialSubject": [{"id": "did:example:a"}, {"name": "b"}]},
        {"validFrom": "2023-02-25T19:10:39-06:00", "validUntil": "2023-02-26T01:20:18.477Z"},
        {"validFrom": "4023-02-26T01:02:58.447Z"},
        {"validFrom": "2023-02-26T01:02:58Z", "validUntil": "2023-02-26T01:02:58Z"},
        {"credentialStatus": {"type": "CredentialStatusList2017"}},
        {"credentialSchema": [{"type": "A", "id": "did:example:1"}, {"type": "B", "id": "did:example:2"}]},
        {"termsOfUse": {"type": "A", "id": "did:example:1"}},
        {"evidence": [{"type": "A"}], "refreshService": {"type": "A"}},
        {"name": [{"@value": "A", "@language": "en", "@direction": "ltr"}, "B"]},
        {"relatedResource": [{"id": "https://a.example", "digestSRI": "x"}, {"id": "a:b", "digestMultibase": "x"}]},
    ],
)
def test_document_that_keeps_the_model_passes(more: dict[str, Json]) -> None:
    check_credential({**GOOD, **more})


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"@context": []}, "@context"),
        ({"@context": ["https://www.w3.org/ns/credentials/examples/v2"]}, "@context"),
        ({"@context": ["https://www.w3.org/ns/credentials/examples/v2", V2]}, "@context"),
        ({"@context": [V2, "https ://not-a-url/contexts/example/v1"]}, "@context"),
        ({"@context": [V2, 123192875]}, "@context"),
        ({"type": None}, "type"),
        ({"type": []}, "type"),
        ({"type": [2, "VerifiableCredential"]}, "type"),
        ({"type": ["", "VerifiableCredential"]}, "type"),
        ({"type": ["RelationshipCredential"]}, "type"),
        ({"id": None}, "id"),
        ({"id": ["https://example.org/1", "https://example.net/1"]}, "id"),
        ({"id": "https ://not-a-url/vcs/1"}, "id"),
        ({"id": "a" * 3_000 + ":b"}, "id"),
        ({"issuer": None}, "issuer"),
        ({"issuer": "fake-issuer"}, "issuer"),
        ({"issuer": {"id": None}}, "issuer"),
        ({"issuer": {"id": "fake-issuer"}}, "issuer"),
        ({"issuer": {"id": "did:example:i", "name": {"@value": "A", "url": "did:example:b"}}}, "issuer.name"),
        ({"issuer": {"id": "did:example:i", "description": {"@language": "en"}}}, "issuer.description"),
        ({"credentialSubject": None}, "credentialSubject"),
        ({"credentialSubject": []}, "credentialSubject"),
        ({"credentialSubject": {}}, "credentialSubject"),
        ({"credentialSubject": "did:example:subject"}, "credentialSubject"),
        ({"credentialSubject": [{"id": "did:example:subject"}, {}]}, "credentialSubject"),
        ({"credentialSubject": {"id": ["did:example:one", "did:example:two"]}}, "credentialSubject.id"),
        ({"validFrom": "Sat 25 Feb 2023 07:16:31 PM CST"}, "validFrom"),
        ({"validFrom": "2023-02-30T01:02:58Z"}, "validFrom"),
        ({"validFrom": "2023-02-26T01:02:58"}, "validFrom"),
        ({"validFrom": 7}, "validFrom"),
        ({"validUntil": None}, "validUntil"),
        ({"validFrom": "2027-01-01T00:00:00Z", "validUntil": "2026-01-01T00:00:00Z"}, "validUntil"),
        ({"credentialStatus": {"id": "did:example:status"}}, "credentialStatus.type"),
        ({"credentialStatus": {"id": "did:example:status", "type": 2}}, "credentialStatus.type"),
        ({"credentialStatus": {"type": "A", "id": ["did:example:1", "did:example:2"]}}, "credentialStatus.id"),
        ({"credentialStatus": {"type": "A", "id": "https ://not-a-url"}}, "credentialStatus.id"),
        ({"credentialStatus": "did:example:status"}, "credentialStatus"),
        ({"credentialStatus": []}, "credentialStatus"),
        ({"credentialSchema": {"type": "A"}}, "credentialSchema.id"),
        ({"credentialSchema": {"id": "did:example:1"}}, "credentialSchema.type"),
        ({"termsOfUse": {}}, "termsOfUse.type"),
        ({"evidence": {}}, "evidence.type"),
        ({"refreshService": {"id": "did:example:1"}}, "refreshService.type"),
        ({"name": {"@value": "A", "@language": "en", "url": "did:example:b"}}, "name"),
        ({"name": {"@value": 7}}, "name"),
        ({"description": 7}, "description"),
        ({"relatedResource": ["https://a.example/1"]}, "relatedResource"),
        ({"relatedResource": {"digestSRI": "x"}}, "relatedResource"),
        ({"relatedResource": {"id": "no url", "digestSRI": "x"}}, "relatedResource"),
        ({"relatedResource": {"id": "https://a.example/1"}}, "relatedResource"),
        ({"relatedResource": [{"id": "https://a.example/1", "digestSRI": "x"}] * 2}, "relatedResource"),
    ],
)
def test_each_broken_rule_is_found_at_its_place(more: dict[str, Json], place: str) -> None:
    assert places({**GOOD, **more}) == {place}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_that_is_needed_may_be_missing(name: str) -> None:
    assert places({key: value for key, value in GOOD.items() if key != name}) == {name}


def test_older_model_has_its_own_dates_and_knows_no_rules_for_names() -> None:
    check_credential(
        {**OLD, "name": 7, "relatedResource": 7, "validFrom": 7, "issuer": {"id": "did:example:i", "name": 7}}
    )
    assert places({**OLD, "expirationDate": "2020-01-01T00:00:00Z"}) == {"expirationDate"}
    assert places({**OLD, "issuanceDate": "yesterday"}) == {"issuanceDate"}
    assert places({key: value for key, value in OLD.items() if key != "issuanceDate"}) == {"issuanceDate"}


def test_older_model_is_refused_where_only_the_newer_one_is_taken() -> None:
    with pytest.raises(DataModelViolated, match=V2):
        check_credential(OLD, versions=(V2,))


def test_refusal_tells_every_fault_up_to_a_limit() -> None:
    with pytest.raises(DataModelViolated, match=r"issuer is missing.*; credentialSubject is missing"):
        check_credential({key: GOOD[key] for key in ("@context", "type")})
    with pytest.raises(DataModelViolated) as refused:
        check_credential({**GOOD, "evidence": [{}] * 100})
    assert len(refused.value.faults) == 20


def test_validity_is_read_from_the_dates_of_the_model() -> None:
    newer = validity_of({**GOOD, "validFrom": "2023-02-26T01:02:58Z", "expirationDate": "2024-01-01T00:00:00Z"})
    assert (newer.begins, newer.ends) == (datetime(2023, 2, 26, 1, 2, 58, tzinfo=UTC), None)
    older = validity_of({**OLD, "expirationDate": "2024-01-01T00:00:00Z"})
    assert (older.begins, older.ends) == (newer.begins, datetime(2024, 1, 1, tzinfo=UTC))
    assert validity_of({}).begins is None


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"holder": "did:example:a"},
        {"holder": {"id": "did:example:a"}, "verifiableCredential": [GOOD, GOOD]},
        {"id": "urn:uuid:9c9a36f8-518f-4976-a934-6649502d0008", "verifiableCredential": GOOD},
    ],
)
def test_presentation_that_keeps_the_model_passes(more: dict[str, Json]) -> None:
    check_presentation({**SHOWN, **more})


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"@context": None}, "@context"),
        ({"@context": [{"A": "https://example.org/#A"}, V2]}, "@context"),
        ({"@context": [V1]}, "@context"),
        ({"type": ["CredentialManagerPresentation"]}, "type"),
        ({"id": 7}, "id"),
        ({"holder": "z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj"}, "holder"),
        ({"holder": {"name": "Acme"}}, "holder"),
        ({"termsOfUse": {}}, "termsOfUse.type"),
        ({"verifiableCredential": ["eyJ.eyJ.x"]}, "verifiableCredential"),
    ],
)
def test_presentation_that_breaks_the_model_is_refused(more: dict[str, Json], place: str) -> None:
    with pytest.raises(DataModelViolated) as refused:
        check_presentation({**SHOWN, **more})
    assert {fault.place for fault in refused.value.faults} == {place}


def test_envelope_gives_its_address() -> None:
    assert check_enveloped(ENVELOPE, "EnvelopedVerifiableCredential") == ENVELOPE["id"]
    assert is_enveloped(ENVELOPE)
    assert not is_enveloped(GOOD)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"@context": []}, "@context"),
        ({"@context": "https://www.w3.org/ns/credentials/examples/v2"}, "@context"),
        ({"type": "VerifiableCredential"}, "type"),
        ({"id": "eyJ.eyJ.x"}, "id"),
        ({"id": 7}, "id"),
    ],
)
def test_envelope_of_another_shape_is_refused(more: dict[str, Json], place: str) -> None:
    with pytest.raises(DataModelViolated, match=place):
        check_enveloped({**ENVELOPE, **more}, "EnvelopedVerifiableCredential")


def test_identifier_is_the_url_itself_or_the_id_of_an_object() -> None:
    assert identifier("did:example:a") == identifier({"id": "did:example:a"}) == "did:example:a"
    others: list[Json] = [None, 7, "no url", {}, {"id": 7}, []]
    assert [identifier(value) for value in others] == [None] * 6


def test_one_value_and_several_read_alike() -> None:
    assert (listed(None), listed("a"), listed(["a", 7])) == ([], ["a"], ["a", 7])
    assert types_of({"type": ["A", 7, "B"]}) == ("A", "B")


@pytest.mark.parametrize("text", ["", "a", "a:", ":b", "1a:b", "a: b", "a:b c", "a:<b>", "a:b\n", "a:\x7f", "a:b|c"])
def test_what_has_no_scheme_or_a_character_of_no_url_is_none(text: str) -> None:
    assert not is_url(text)


@given(
    at=st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001  the zone comes below
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_instant_is_read_as_it_was_written(at: datetime, minutes: int) -> None:
    zoned = at.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_instant(zoned.isoformat()) == zoned


@given(st.text() | st.integers() | st.none())
def test_no_other_value_is_an_instant(value: Json) -> None:
    assert parse_instant(value) is None or isinstance(value, str)
