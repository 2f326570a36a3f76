"""Bitstring Status Lists: every bit in its place, one spelling, limits that no list gets around, whose list it is."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.types import Did, ListId, Slug
from ledger.signing.signer import Ed25519Signer
from ledger.vc import status_list
from ledger.vc.data_integrity import sign
from ledger.vc.jcs import canonical_json
from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Json, read_document
from ledger.vc.spelling import to_base64url
from ledger.vc.status_list import (
    LEAST_BITS,
    MOST_BYTES,
    MalformedStatusList,
    address_of,
    build,
    check_entry,
    check_own,
    decode,
    encode,
    is_set,
    method_of,
)

_BYTES: Final = LEAST_BITS // 8
_EMPTY: Final = bytes(_BYTES)
_MADE: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
_NAME: Final = ListId(bytes(range(16)))
_DID: Final = Did("did:web:college.example%3A8443:issuers:nursing")
_BASE: Final = "https://college.example:8443"
_ADDRESS: Final = address_of(_BASE, Slug("nursing"), _NAME)
_SIGNER: Final = Ed25519Signer(bytes(range(32)))
_OTHER: Final = Ed25519Signer(bytes(range(1, 33)))
# W3C Bitstring Status List 1.0, example 2: 131,072 bits of which none is set.
_W3C: Final = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"


def _set(*indexes: int) -> bytes:
    bits = bytearray(_BYTES)
    for index in indexes:
        bits[index // 8] |= 1 << (7 - index % 8)
    return bytes(bits)


def _gzipped(content: bytes) -> str:
    return "u" + to_base64url(gzip.compress(content, mtime=0))


def _reason(text: str) -> str:
    with pytest.raises(MalformedStatusList) as refused:
        decode(text)
    assert str(refused.value)
    return refused.value.reason


# -------------------------------------------------------------------------------------------------------------- bits


def test_published_example_is_a_list_without_a_set_bit() -> None:
    assert decode(_W3C) == _EMPTY


@settings(max_examples=40)
@given(indexes=st.sets(st.integers(0, LEAST_BITS - 1), max_size=50), probed=st.integers(0, LEAST_BITS - 1))
def test_every_bit_is_found_where_it_was_set_and_nowhere_else(indexes: set[int], probed: int) -> None:
    bits = decode(encode(_set(*indexes)))
    assert all(is_set(bits, index) for index in indexes)
    assert is_set(bits, probed) is (probed in indexes)
    assert sum(each.bit_count() for each in bits) == len(indexes)


def test_first_bit_is_the_left_most_of_the_first_byte() -> None:
    assert _set(0)[0] == 0x80
    assert is_set(b"\x80", 0)
    assert not any(is_set(b"\x80", index) for index in (*range(1, 8), -1, 8, 10**9))


@settings(max_examples=20)
@given(bits=st.binary(min_size=0, max_size=4_000))
def test_list_of_any_bits_is_read_as_it_was_written(bits: bytes) -> None:
    whole = bits + _EMPTY
    assert decode(encode(whole)) == whole


def test_same_bits_are_spelled_the_same_at_any_time() -> None:
    assert encode(_set(5)) == encode(_set(5))
    assert decode(encode(_set(5))) == _set(5)


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "u",
        _W3C[1:],
        "U" + _W3C[1:],
        "z" + _W3C[1:],
        "m" + _W3C[1:],
        _W3C + "=",
        _W3C[:-1],
        _W3C[:-4],
        _W3C[:-8],
        _W3C + "AAAA",
        _W3C.replace("-", "+", 1),
        _W3C + "\n",
        " " + _W3C,
        "u" + to_base64url(zlib.compress(_EMPTY)),
        "u" + to_base64url(_EMPTY),
        "u" + to_base64url(gzip.compress(_EMPTY, mtime=0) + gzip.compress(_EMPTY, mtime=0)),
        "u" + to_base64url(gzip.compress(_EMPTY, mtime=0)[:-8]),
        "u" + to_base64url(gzip.compress(_EMPTY, mtime=0)[:-8] + bytes(8)),
    ],
)
def test_text_that_is_not_one_list_in_its_one_spelling_is_refused(text: str) -> None:
    assert _reason(text) == "status_list_malformed"


@pytest.mark.parametrize("length", [0, 1, _BYTES - 1])
def test_list_of_too_few_bits_is_refused(length: int) -> None:
    assert _reason(_gzipped(bytes(length))) == "status_list_too_short"


def test_list_of_the_most_bytes_is_read_and_one_byte_more_is_not() -> None:
    assert len(decode(_gzipped(bytes(MOST_BYTES)))) == MOST_BYTES
    assert _reason(_gzipped(bytes(MOST_BYTES + 1))) == "status_list_too_large"


def _bomb() -> str:
    """A gibibyte of zeros."""
    packing = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    piece = bytes(2**20)
    packed = b"".join([*(packing.compress(piece) for _ in range(1024)), packing.flush()])
    return "u" + to_base64url(packed)


def test_gibibyte_in_a_megabyte_of_gzip_is_refused_in_little_memory() -> None:
    text = _bomb()
    assert len(text) < 2**21
    tracemalloc.start()
    try:
        assert _reason(text) == "status_list_too_large"
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_text_that_is_longer_than_any_list_is_not_even_decoded() -> None:
    assert _reason("u" * (2**25 + 1)) == "status_list_too_large"


@settings(max_examples=300)
@given(text=st.text(max_size=60) | st.binary(max_size=80).map(lambda raw: "u" + to_base64url(raw)))
def test_no_text_is_raised_over(text: str) -> None:
    assert _reason(text).startswith("status_list_")


@settings(max_examples=200)
@given(place=st.integers(1, len(_W3C) - 1), letter=st.sampled_from("ABCXYZabcxyz019-_"))
def test_changed_letter_never_makes_another_list(place: int, letter: str) -> None:
    changed = _W3C[:place] + letter + _W3C[place + 1 :]
    with suppress(MalformedStatusList):
        assert decode(changed) == _EMPTY  # of the header of gzip, some bytes say nothing of the content


# ------------------------------------------------------------------------------------------------- our own credential


def _document(bits: bytes = _EMPTY) -> dict[str, Json]:
    return build(address=_ADDRESS, issuer=_DID, bits=bits, made=_MADE)


def _signed(bits: bytes = _EMPTY, signer: Ed25519Signer = _SIGNER, **changed: Json) -> dict[str, Json]:
    return sign({**_document(bits), **changed}, signer=signer, method=f"{_DID}#{signer.kid}", created=_MADE)


def test_credential_says_what_the_standard_asks_for() -> None:
    assert _document(_set(9)) == {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "https://college.example:8443/status/nursing/AAECAwQFBgcICQoLDA0ODw",
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": _DID,
        "validFrom": "2026-11-22T12:00:00.000Z",
        "validUntil": "2026-11-23T12:00:00.000Z",
        "credentialSubject": {
            "id": "https://college.example:8443/status/nursing/AAECAwQFBgcICQoLDA0ODw#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encode(_set(9)),
            "ttl": 300_000,
        },
    }
    assert canonical_nquads(_document()).count(b"\n") == 10  # nothing in it is left unsigned


def _check(raw: bytes, **changed: object) -> str | None:
    given: dict[str, object] = {
        "issuer": _DID,
        "status_list": _NAME,
        "bits": _EMPTY,
        "made": _MADE,
        "keys": (_OTHER.kid, _SIGNER.kid),
    }
    return check_own(raw, **{**given, **changed})  # type: ignore[arg-type]


def test_list_of_ours_is_recognised_over_https_and_http() -> None:
    assert _check(canonical_json(_signed())) is None
    assert method_of(_signed()) == f"{_DID}#{_SIGNER.kid}"
    plain = _ADDRESS.replace("https:", "http:")
    document = sign(
        build(address=plain, issuer=_DID, bits=_EMPTY, made=_MADE),
        signer=_SIGNER,
        method=f"{_DID}#{_SIGNER.kid}",
        created=_MADE,
    )
    assert _check(canonical_json(document)) is None


@pytest.mark.parametrize("document", [{}, {"proof": 1}, {"proof": {}}, {"proof": {"verificationMethod": 1}}])
def test_credential_without_a_proof_names_no_key(document: dict[str, Json]) -> None:
    assert method_of(document) == ""


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"bits": _set(7)}, "bits_differ"),
        ({"made": _MADE + timedelta(seconds=1)}, "document_differs"),
        ({"made": datetime(9999, 12, 31, 23, tzinfo=UTC)}, "document_differs"),  # the calendar ends before it does
        ({"issuer": Did("did:web:college.example%3A8443:issuers:other")}, "document_differs"),
        ({"issuer": Did("did:web:college.example:issuers:nursing")}, "document_differs"),
        ({"issuer": Did("did:web:college.example%3A8443")}, "document_differs"),
        ({"status_list": ListId(bytes(16))}, "document_differs"),
        ({"keys": (_OTHER.kid,)}, "key_not_found"),
        ({"keys": ()}, "key_not_found"),
    ],
)
def test_list_of_ours_is_not_taken_for_another(changed: dict[str, object], reason: str) -> None:
    assert _check(canonical_json(_signed()), **changed) == reason


def test_list_of_an_issuer_with_very_many_keys_is_checked_with_the_one_that_signed() -> None:
    keys = [Ed25519Signer(number.to_bytes(32)).kid for number in range(300)]
    assert _check(canonical_json(_signed()), keys=(*keys, _SIGNER.kid)) is None
    assert _check(canonical_json(_signed()), keys=keys) == "key_not_found"


@pytest.mark.parametrize(
    "changed",
    [
        {"validUntil": "2027-11-23T12:00:00.000Z"},
        {"validFrom": "2026-11-22T11:00:00.000Z"},
        {"type": ["VerifiableCredential"]},
        {"name": "A list"},
        {"id": f"{_ADDRESS}x"},
        {"credentialStatus": {"type": "BitstringStatusListEntry"}},
    ],
)
def test_list_that_says_anything_else_is_not_ours_although_its_key_is(changed: dict[str, Json]) -> None:
    assert _check(canonical_json({**_signed(), **changed})) == "document_differs"


def test_subject_that_says_anything_else_is_not_ours() -> None:
    subject = _document()["credentialSubject"]
    assert isinstance(subject, dict)
    for changed in ({"statusPurpose": "suspension"}, {"ttl": 1}, {"id": _ADDRESS}, {"ttl": 300_000.5}):
        document = {**_signed(), "credentialSubject": {**subject, **changed}}
        assert _check(canonical_json(document)) == "document_differs"


def test_signature_and_proof_are_checked() -> None:
    signed = _signed()
    proof = signed["proof"]
    assert isinstance(proof, dict)
    assert _check(canonical_json({name: value for name, value in signed.items() if name != "proof"})) == "proof_missing"
    assert _check(canonical_json({**signed, "proof": [proof, proof]})) == "proof_missing"
    forged = {**proof, "verificationMethod": f"{_DID}#{_OTHER.kid}"}
    assert _check(canonical_json({**signed, "proof": forged})) == "signature_invalid"
    assert (
        _check(canonical_json({**signed, "proof": {**proof, "created": "2026-11-22T12:00:01Z"}})) == "signature_invalid"
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "document_malformed"),
        (b"[]", "document_malformed"),
        (b'{"id":1,"id":1}', "document_malformed"),
        (b"{}", "status_list_malformed"),
        (b'{"credentialSubject":[]}', "status_list_malformed"),
        (b'{"credentialSubject":{"encodedList":7}}', "status_list_malformed"),
        (b'{"credentialSubject":{"encodedList":"uAAAA"}}', "status_list_malformed"),
    ],
)
def test_bytes_that_are_no_list_are_refused(raw: bytes, reason: str) -> None:
    assert _check(raw) == reason


# ------------------------------------------------------------------------------------------ an entry of anybody's award

_ENTRY: Final[dict[str, Json]] = {
    "id": f"{_ADDRESS}#94567",
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "94567",
    "statusListCredential": _ADDRESS,
}


def _found(
    entry: Json = _ENTRY, published: dict[str, Json] | None = None, *, issuer: str = _DID, now: datetime = _MADE
) -> bool | str:
    document = _document(_set(94567)) if published is None else published
    return check_entry(entry, read_document(canonical_json(document)), issuer=issuer, now=now)


def test_entry_finds_its_bit() -> None:
    assert _found() is True
    assert _found({**_ENTRY, "statusListIndex": "94566"}) is False
    assert _found({**_ENTRY, "statusListIndex": "0"}) is False
    assert _found({**_ENTRY, "statusListIndex": "131071", "statusSize": 1}) is False
    assert _found({**_ENTRY, "type": ["BitstringStatusListEntry", "Other"]}) is True


def test_issuer_may_be_an_object_and_a_list_may_have_several_purposes() -> None:
    subject = _document(_set(94567))["credentialSubject"]
    assert isinstance(subject, dict)
    purposes: Json = ["suspension", "revocation"]
    published: dict[str, Json] = {
        **_document(),
        "issuer": {"id": _DID, "type": "Profile"},
        "credentialSubject": {**subject, "statusPurpose": purposes},
    }
    assert _found(published=published) is True
    assert _found({**_ENTRY, "statusPurpose": "message"}, published) == "status_purpose_differs"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type": "StatusList2021Entry"}, "status_type_unknown"),
        ({"type": None}, "status_type_unknown"),
        *(
            ({"statusListIndex": index}, "status_index_malformed")
            for index in (
                94567,
                "",
                "-1",
                "+1",
                "007",
                "1.0",
                "1e3",
                " 1",
                "1\n",
                "1_000",
                "\u0661",
                "9" * 13,
                None,
                ["1"],
            )
        ),
        *(({"statusListIndex": index}, "status_index_out_of_range") for index in ("131072", "999999999999")),
        *(({"statusSize": size}, "status_size_unsupported") for size in (2, 0, -1, True, "1", None, 1.5)),
        *(({"statusPurpose": each}, "status_purpose_differs") for each in ("suspension", "", None, ["revocation"])),
        *(
            ({"statusListCredential": each}, "status_list_of_another_address")
            for each in (f"{_ADDRESS}/", "", None, [_ADDRESS], "https://other.example/status/1")
        ),
    ],
)
def test_entry_that_does_not_fit_its_list_says_nothing(changed: dict[str, Json], reason: str) -> None:
    assert _found({**_ENTRY, **changed}) == reason


@pytest.mark.parametrize("entry", [None, "text", 7, [_ENTRY], {}])
def test_what_is_no_entry_says_nothing(entry: Json) -> None:
    assert _found(entry) == "status_type_unknown"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"issuer": "did:web:other.example"}, "status_list_of_another_issuer"),
        ({"issuer": {"name": "College"}}, "status_list_of_another_issuer"),
        ({"issuer": None}, "status_list_of_another_issuer"),
        ({"type": ["VerifiableCredential"]}, "status_list_wrong_type"),
        ({"type": "BitstringStatusList"}, "status_list_wrong_type"),
        ({"credentialSubject": {"type": "AchievementSubject"}}, "status_list_wrong_type"),
        ({"credentialSubject": []}, "status_list_wrong_type"),
        ({"id": "https://other.example/1"}, "status_list_of_another_address"),
        ({"id": None}, "status_list_of_another_address"),
        ({"validFrom": "yesterday"}, "status_list_dates_malformed"),
        ({"validUntil": 7}, "status_list_dates_malformed"),
        ({"validUntil": "2026-11-22T11:59:59Z"}, "status_list_expired"),
        ({"validFrom": "2026-11-22T12:00:00.001Z"}, "status_list_not_yet_valid"),
    ],
)
def test_list_that_is_not_the_one_for_this_credential_says_nothing(changed: dict[str, Json], reason: str) -> None:
    assert _found(published={**_document(), **changed}) == reason


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (_gzipped(bytes(16)), "status_list_too_short"),
        (_gzipped(bytes(MOST_BYTES + 1)), "status_list_too_large"),
        ("uAAAA", "status_list_malformed"),
        (None, "status_list_malformed"),
    ],
)
def test_list_whose_bits_cannot_be_read_says_nothing(encoded: Json, reason: str) -> None:
    subject = _document()["credentialSubject"]
    assert isinstance(subject, dict)
    published: dict[str, Json] = {**_document(), "credentialSubject": {**subject, "encodedList": encoded}}
    assert _found(published=published) == reason


def test_list_holds_from_its_beginning_to_its_end() -> None:
    until = _MADE + status_list.VALID
    assert _found(now=until) is True
    assert _found(now=until + timedelta(microseconds=1)) == "status_list_expired"
    assert _found(now=_MADE - timedelta(microseconds=1)) == "status_list_not_yet_valid"


def test_list_without_dates_holds_at_any_time() -> None:
    published = {name: value for name, value in _document(_set(94567)).items() if not name.startswith("valid")}
    assert _found(published=published, now=datetime(1900, 1, 1, tzinfo=UTC)) is True
