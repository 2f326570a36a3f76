"""An entry is two lines in one spelling, and nothing else is read as one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import events as ev
from ledger.domain.types import Position
from ledger.domain.values import Part
from ledger.record.encoding import to_text
from ledger.record.entry import MAX_ENTRY, Entry, MalformedEntry, parse_entry
from ledger.record.schema import SCHEMAS
from ledger.record.sealing import seal, signature_is_good
from tests.strategies import EVENTS, SIGNER_OF, digests, recorded
from tests.unit.record.sealed import DIGEST, EXAMPLES, ISSUER, PREV, STREAM, body, example, forged, sealed, sign, spell

_ISSUED = example(ev.CredentialIssued)
_REVOKED = example(ev.CredentialRevoked)
_FIELDS = ("v", "type", "stream", "seq", "prev", "at", "by", "kid", "data", "commit")


@pytest.mark.parametrize("wire", EVENTS)
@given(data=st.data())
def test_what_was_sealed_is_read_back_from_its_bytes(wire: str, data: st.DataObject) -> None:
    given_ = data.draw(recorded(EVENTS[wire]))
    prev = data.draw(digests)
    made = seal(given_, prev=prev, signer=SIGNER_OF[given_.kid])
    entry = parse_entry(made.entry)
    assert made.type == entry.type == wire
    assert made.recorded is given_
    assert entry.recorded(given_.position) == given_
    assert (entry.prev, entry.raw) == (prev, made.entry)
    assert entry.body + b"\n" + to_text(entry.signature).encode() + b"\n" == made.entry
    assert spell(json.loads(entry.body)) == entry.body
    assert signature_is_good(entry)


def test_every_type_has_a_strategy_and_an_example() -> None:
    assert list(EVENTS) == list(SCHEMAS)
    assert [type(event) for event in EXAMPLES] == [schema.event for schema in SCHEMAS.values()]


@given(given_=recorded(), data=st.data())
def test_every_flipped_bit_is_refused_by_shape_or_signature(given_: ev.Recorded, data: st.DataObject) -> None:
    raw = bytearray(seal(given_, prev=PREV, signer=SIGNER_OF[given_.kid]).entry)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert _refused(bytes(raw))


def _refused(raw: bytes) -> bool:
    try:
        return not signature_is_good(parse_entry(raw))
    except MalformedEntry:
        return True


@pytest.mark.parametrize(
    "event", [example(ev.IssuerKeyAdded), _ISSUED, _REVOKED], ids=lambda event: type(event).__name__
)
def test_each_single_bit_of_an_entry_counts(event: ev.Event) -> None:
    raw = sealed(event)
    assert not _refused(raw)
    for place in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[place] ^= 1 << bit
            assert _refused(bytes(changed)), (place, bit)


@given(raw=st.binary(max_size=200))
def test_bytes_of_no_shape_are_refused_without_another_error(raw: bytes) -> None:
    with pytest.raises(MalformedEntry):
        parse_entry(raw)
    with pytest.raises(MalformedEntry):
        parse_entry(b"x" + raw.replace(b"\n", b"") + sealed(_REVOKED))
    with pytest.raises(MalformedEntry):
        parse_entry(sealed(_REVOKED).split(b"\n")[0] + b"\n" + raw.replace(b"\n", b"")[:80] + b"\n")


_GOOD = sealed(_ISSUED)
_BODY, _SIGNATURE, _ = _GOOD.split(b"\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\n\n",
        _BODY,
        _BODY + b"\n",
        _BODY + b"\n\n",
        _BODY + b"\n" + _SIGNATURE,
        _GOOD + b"\n",
        _GOOD + _GOOD,
        b"\n" + _GOOD,
        _GOOD + b" ",
        _GOOD.replace(b"\n", b"\r\n"),
        _BODY + b"\r\n" + _SIGNATURE + b"\n",
        _BODY + b"\n" + _SIGNATURE + b"\r\n",
        _BODY + b"\n" + _SIGNATURE + b"=\n",
        _BODY + b"\n" + _SIGNATURE + b"==\n",
        _BODY + b"\n" + _SIGNATURE[:-1] + b"\n",
        _BODY + b"\n " + _SIGNATURE + b"\n",
        _BODY + b"\n" + b"A" * 87 + b"\n",
        _BODY + b"\n" + _SIGNATURE[:-2] + "é".encode() + b"\n",
        _SIGNATURE + b"\n" + _BODY + b"\n",
        b"\xef\xbb\xbf" + _GOOD,
        _BODY + b"\x00\n" + _SIGNATURE + b"\n",
        sign(b""),
        sign(b"null"),
        sign(b"[]"),
        sign(b"{}"),
        sign(b"1"),
        sign(b"\xff"),
        sign(b"[" * 4_000),
        sign(b" " + _BODY),
        sign(_BODY + b" "),
        sign(_BODY.replace(b":3,", b": 3,")),
        sign(_BODY.replace(b'"seq":3', b'"seq":3,"seq":3')),
        sign(_BODY.replace(b'"seq":3', b'"seq":2,"seq":3')),
        sign(_BODY.replace(b'"seq":3', b'"seq":3e0')),
        sign(_BODY.replace(b'"seq":3', b'"seq":3.0')),
        sign(_BODY.replace(b'"seq":3', b'"seq":-0')),
        sign(_BODY.replace(b'"seq":3', b'"seq":03')),
        sign(_BODY.replace(b'"seq"', b'"\\u0073eq"')),
        sign(_BODY.replace(b'"v":1', b'"v":1.0')),
        sign(_BODY.replace(b'"slot":131071', b'"slot":131071.0')),
        sign(json.dumps(json.loads(_BODY)).encode()),
        sign(json.dumps(dict(reversed(json.loads(_BODY).items())), separators=(",", ":")).encode()),
    ],
)
def test_bytes_that_are_not_two_lines_in_the_one_spelling_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedEntry):
        parse_entry(raw)


@pytest.mark.parametrize("name", _FIELDS)
def test_a_missing_field_is_refused(name: str) -> None:
    fields = body(_GOOD)
    del fields[name]
    with pytest.raises(MalformedEntry):
        parse_entry(sign(spell(fields)))


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(MalformedEntry, match="exactly the fields"):
        parse_entry(forged(_ISSUED, note="x"))


@pytest.mark.parametrize("name", _FIELDS)
@pytest.mark.parametrize("value", [None, True, False, 7.5, 1e300, "", "x", [], {}, [1], {"a": 1}, -1, 2**53], ids=repr)
def test_a_field_of_another_type_or_meaning_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedEntry):
        parse_entry(forged(_ISSUED, **{name: value}))


_UUID = str(STREAM)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", 0),
        ("v", 2),
        ("v", "1"),
        ("type", "credential.issued"),
        ("type", "credential.issued/2"),
        ("type", "Credential.issued/1"),
        ("type", "credential.issued/1 "),
        ("type", "ledger.domain.events:CredentialIssued"),
        ("type", "os:system"),
        ("type", "credential.erased/1"),
        ("type", "credential.revoked/1"),
        ("stream", _UUID.upper()),
        ("stream", _UUID.replace("-", "")),
        ("stream", "{" + _UUID + "}"),
        ("stream", "urn:uuid:" + _UUID),
        ("stream", _UUID[:14] + "4" + _UUID[15:]),
        ("stream", _UUID[:14] + "7" + _UUID[15:]),
        ("stream", _UUID[:19] + "c" + _UUID[20:]),
        ("stream", _UUID[:19] + "7" + _UUID[20:]),
        ("stream", _UUID + "\n"),
        ("stream", _UUID[:-1] + "٣"),
        ("seq", -1),
        ("seq", "3"),
        ("seq", 3.0),
        ("seq", 2**53),
        ("prev", "A" * 42),
        ("prev", "A" * 44),
        ("prev", "A" * 42 + "B"),
        ("prev", "A" * 42 + "="),
        ("prev", "+" + "A" * 42),
        ("prev", "00" * 32),
        ("at", "2026-11-21T14:03:00Z"),
        ("at", "2026-11-21T14:03:00.25Z"),
        ("at", "2026-11-21T14:03:00.250000Z"),
        ("at", "2026-11-21T14:03:00,250Z"),
        ("at", "2026-11-21T14:03:00.250+00:00"),
        ("at", "2026-11-21T14:03:00.250+01:00"),
        ("at", "2026-11-21t14:03:00.250z"),
        ("at", "2026-11-21 14:03:00.250Z"),
        ("at", "2026-02-30T14:03:00.250Z"),
        ("at", "2026-11-21T24:00:00.000Z"),
        ("at", "2026-11-21T23:59:60.000Z"),
        ("at", "2026-11-21T14:03:0٣.250Z"),
        ("at", 1_795_269_780_250),
        ("by", "did:key:z6Mk"),
        ("by", "did:web:Localhost"),
        ("by", "did:web:localhost:8000"),
        ("by", "did:web:localhost%3a8000"),
        ("by", "did:web:localhost%3A8000:issuers:"),
        ("by", "did:web:localhost%3A8000:issuers:North"),
        ("by", "did:web:localhost%3A8000:issuers:-a"),
        ("by", "did:web:localhost%3A8000:other:a"),
        ("by", "did:web:localhost%3A8000:issuers:a:b"),
        ("by", ISSUER + "\n"),
        ("by", "did:web:"),
        ("kid", "z6Mk"),
        ("kid", "z" * 48),
        ("kid", "y" + "6" * 47),
        ("kid", "z6Mk" + "0" * 44),
        ("data", []),
        ("commit", []),
    ],
)
def test_a_value_out_of_bounds_or_in_another_spelling_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedEntry):
        parse_entry(forged(_ISSUED, **{name: value}))


@pytest.mark.parametrize(
    ("event", "commit"),
    [
        (_ISSUED, {}),
        (_ISSUED, {"facts": to_text(DIGEST), "internal": to_text(DIGEST)}),
        (_ISSUED, dict.fromkeys(("document", "facts", "internal", "more"), to_text(DIGEST))),
        (_ISSUED, dict.fromkeys(("document", "facts", "Internal"), to_text(DIGEST))),
        (_ISSUED, dict.fromkeys(("document", "facts", "internal"), None)),
        (_ISSUED, dict.fromkeys(("document", "facts", "internal"), to_text(DIGEST) + "=")),
        (_ISSUED, [to_text(DIGEST)] * 3),
        (_REVOKED, dict.fromkeys(("document", "facts", "internal"), to_text(DIGEST))),
        (_REVOKED, {}),
        (EXAMPLES[0], {"facts": to_text(DIGEST)}),
        (EXAMPLES[0], None),
    ],
)
def test_an_entry_commits_to_exactly_the_parts_of_its_type(event: ev.Event, commit: object) -> None:
    with pytest.raises(MalformedEntry):
        parse_entry(forged(event, commit=commit))


def test_the_parts_of_each_type_are_those_of_the_specification() -> None:
    found = {type(event): tuple(parse_entry(sealed(event)).commit) for event in EXAMPLES}
    whole = (Part.DOCUMENT, Part.FACTS, Part.INTERNAL)
    assert {kind: parts for kind, parts in found.items() if parts} == {
        ev.CredentialIssued: whole,
        ev.CredentialStacked: whole,
        ev.CredentialAmended: whole,
        ev.CredentialSuspended: whole[1:],
        ev.CredentialReinstated: whole[1:],
        ev.CredentialRevoked: whole[1:],
    }


def test_an_entry_at_the_limit_is_measured_before_it_is_read() -> None:
    assert MAX_ENTRY == 4096
    long = forged(_REVOKED, by="x" * 5_000)
    with pytest.raises(MalformedEntry, match="at most 4096"):
        parse_entry(long)
    with pytest.raises(MalformedEntry, match="at most 4096"):
        parse_entry(bytes(4097))
    with pytest.raises(MalformedEntry, match="two lines"):
        parse_entry(bytes(4096))


def test_a_refusal_repeats_little_of_what_it_read() -> None:
    with pytest.raises(MalformedEntry) as caught:
        parse_entry(forged(_REVOKED, type="x" * 3_000))
    assert len(str(caught.value)) < 200


def test_an_entry_knows_its_fields() -> None:
    entry: Entry = parse_entry(_GOOD)
    assert (entry.stream, entry.seq, entry.prev, entry.by) == (STREAM, 3, PREV, ISSUER)
    assert entry.recorded(Position(12)).position == 12
