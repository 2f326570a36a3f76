"""A learner record holds whole credentials, says how they belong together, and is signed around them."""

from dataclasses import replace
from uuid import UUID

import orjson
import pytest

from ledger.domain.award import AchievementRef
from ledger.domain.types import Digest, StreamId
from ledger.signing.signer import Ed25519Signer
from ledger.vc.achievement_credential import Source
from ledger.vc.clr import build_record, credentials_inside, is_record, record_id, sign_record
from ledger.vc.data_integrity import check
from ledger.vc.did import read_controller_document, write_document
from ledger.vc.documents import check_own, sign_badge
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Json, MalformedDocument, read_document
from ledger.vc.schema import check_schema
from tests.unit.vc.making import AWARD, CREATED, SOURCE, by_the_oracle, least

_SIGNER = Ed25519Signer(b"\x01" * 32)


def _part(number: int, source: Source = SOURCE) -> Source:
    ref = AchievementRef(stream=StreamId(UUID(int=number + 1000)), version=1, digest=Digest(b"\x08" * 32))
    return replace(source, stream=StreamId(UUID(int=number)), award=replace(source.award, achievement=ref))


def _signed(source: Source) -> bytes:
    return sign_badge(source, _SIGNER, created=CREATED)


_BADGE = _signed(SOURCE)
_PARTS = [_signed(_part(1)), _signed(_part(2, least())), _signed(_part(3))]
_RECORD = sign_record(SOURCE, _BADGE, _PARTS, _SIGNER, CREATED)


def test_a_record_shares_what_its_badge_says_and_has_an_id_of_its_own() -> None:
    record, badge = read_document(_RECORD), read_document(_BADGE)
    shared = ("name", "inLanguage", "issuer", "validFrom", "validUntil", "awardedDate", "credentialStatus")
    assert [record[each] for each in shared] == [badge[each] for each in shared]
    assert record["id"] == record_id(SOURCE.stream) != badge["id"]
    assert UUID(str(record["id"])[9:]).version == 5
    assert is_record(record)
    assert not is_record(badge)


def test_the_credentials_inside_are_whole_and_verify_when_taken_out() -> None:
    held = credentials_inside(read_document(_RECORD))
    assert [orjson.dumps(each) for each in held] == [_BADGE, *_PARTS]
    controller = read_controller_document(write_document(SOURCE.issuer, [_SIGNER.kid]), SOURCE.issuer)
    for each in (read_document(_RECORD), *held):
        assert [one.outcome for one in check(each, lambda _: controller, now=CREATED)] == ["passed"]
    for each in held:
        check_schema(each)


def test_each_part_belongs_to_the_whole() -> None:
    subject = read_document(_RECORD)["credentialSubject"]
    assert isinstance(subject, dict)
    assert subject["association"] == [
        {
            "type": "Association",
            "associationType": "isPartOf",
            "sourceId": f"urn:uuid:{UUID(int=number + 1000)}",
            "targetId": f"urn:uuid:{AWARD.achievement.stream}",
        }
        for number in (1, 2, 3)
    ]


def test_a_record_is_canonicalised_as_others_do() -> None:
    document = read_document(_RECORD)
    del document["proof"]
    assert canonical_nquads(document) == by_the_oracle(document)


def test_of_a_part_that_is_a_record_only_the_badge_inside_counts() -> None:
    larger = replace(_part(9), stream=StreamId(UUID(int=9)))
    outer = sign_record(larger, _signed(larger), [_RECORD], _SIGNER, CREATED)
    assert [orjson.dumps(each) for each in credentials_inside(read_document(outer))] == [_signed(larger), _BADGE]


def test_a_record_of_no_parts_and_without_end_keeps_the_schema() -> None:
    source = least()
    record = sign_record(source, _signed(source), [], _SIGNER, CREATED)
    assert check_own(record, source, _SIGNER.kid) is None
    assert "association" not in str(record)


def test_a_record_is_accepted_as_the_document_of_its_source() -> None:
    assert check_own(_RECORD, SOURCE, _SIGNER.kid) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"isPartOf", b"isPeerOf", "differs"),
        (f'"id":"{record_id(SOURCE.stream)}"'.encode(), f'"id":"urn:uuid:{SOURCE.stream}"'.encode(), "differs"),
        (b'"ClrSubject"', b'"ClrSubjects"', "differs"),
        (b"Ana L\xc3\xad", b"Ana Li", "differs"),
        (b'"verifiableCredential":', b'"verifiableCredentials":', "differs"),
        (b'"verifiableCredential":[', b'"verifiableCredential":[1,', "unreadable"),
        (b"2026-11-22T10:00:00.123Z", b"2026-11-22T10:00:00.124Z", "signature_invalid"),
    ],
)
def test_a_record_that_says_anything_else_is_refused(old: bytes, new: bytes, reason: str) -> None:
    assert old in _RECORD
    assert check_own(_RECORD.replace(old, new), SOURCE, _SIGNER.kid) == reason


def test_a_part_that_was_exchanged_breaks_the_signature_of_the_record() -> None:
    another = _signed(replace(_part(1), award=replace(_part(1).award, name="Bo")))
    assert _PARTS[0] in _RECORD
    assert check_own(_RECORD.replace(_PARTS[0], another), SOURCE, _SIGNER.kid) == "signature_invalid"


@pytest.mark.parametrize(
    "part", [b"{}", b'{"credentialSubject":{"achievement":[]}}', b'{"credentialSubject":{"achievement":{"id":1}}}']
)
def test_what_is_no_document_of_an_award_is_no_part(part: bytes) -> None:
    with pytest.raises(MalformedDocument):
        sign_record(SOURCE, _BADGE, [part], _SIGNER, CREATED)


@pytest.mark.parametrize("part", [{"type": ["ClrCredential"]}, {"type": ["ClrCredential"], "credentialSubject": {}}])
def test_a_record_without_credentials_is_no_part(part: dict[str, object]) -> None:
    with pytest.raises(MalformedDocument):
        sign_record(SOURCE, _BADGE, [orjson.dumps(part)], _SIGNER, CREATED)


@pytest.mark.parametrize("badge", [{}, {"credentialSubject": {"achievement": {"id": "urn:uuid:1"}}}])
def test_something_else_than_a_badge_makes_no_record(badge: dict[str, Json]) -> None:
    with pytest.raises(MalformedDocument):
        build_record(SOURCE, badge, [])
