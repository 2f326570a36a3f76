"""The fast reading says what the strict one says of every genuine entry, and raises one error for what is none."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import events as ev
from ledger.domain.values import format_time
from ledger.record.decoding import decode
from ledger.record.encoding import to_text
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.record.schema import SCHEMA_OF
from ledger.record.sealing import seal
from tests.strategies import EVENTS, SIGNER_OF, recorded
from tests.unit.record.sealed import EXAMPLES, PREV, body, sealed, sign, spell

_ISSUED = next(event for event in EXAMPLES if isinstance(event, ev.CredentialIssued))
_GOOD = sealed(_ISSUED)


@pytest.mark.parametrize("wire", EVENTS)
@given(data=st.data())
def test_genuine_entry_is_decoded_as_it_is_parsed(wire: str, data: st.DataObject) -> None:
    given_ = data.draw(recorded(EVENTS[wire]))
    raw = seal(given_, prev=PREV, signer=SIGNER_OF[given_.kid]).entry
    decoded, entry = decode(raw), parse_entry(raw)
    schema = SCHEMA_OF[type(entry.event)]
    assert decoded.type == entry.type == wire
    assert (decoded.stream, decoded.seq) == (str(entry.stream), entry.seq)
    assert (decoded.at, decoded.by, decoded.kid) == (format_time(entry.at), entry.by, entry.kid)
    assert schema.read(decoded.data) == entry.event
    assert decoded.commit == {part.value: to_text(digest) for part, digest in entry.commit.items()}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"x\n",
        b"null\n",
        b"[]\n",
        b"7\n",
        b'"type"\n',
        b"{}\n",
        b"\xff\n",
        b"[" * 4_000,
        _GOOD[:40],
        b"x" + _GOOD,
        b"\n" + _GOOD,
    ],
    ids=lambda raw: repr(raw[:10]),
)
def test_bytes_that_are_no_such_object_raise_one_error(raw: bytes) -> None:
    with pytest.raises(MalformedEntry, match="entry in the store"):
        decode(raw)


@pytest.mark.parametrize("name", ["type", "stream", "seq", "at", "by", "kid", "data", "commit"])
def test_missing_field_raises_it_too(name: str) -> None:
    fields = body(_GOOD)
    del fields[name]
    with pytest.raises(MalformedEntry, match=name):
        decode(sign(spell(fields)))


@pytest.mark.parametrize("name", ["type", "stream", "seq", "at", "by", "kid", "data", "commit"])
@pytest.mark.parametrize("value", [None, True, 7.5, [], [["a", "b"]]], ids=repr)
def test_field_of_another_type_raises_it_too(name: str, value: object) -> None:
    with pytest.raises(MalformedEntry, match="another type"):
        decode(sign(spell(body(_GOOD) | {name: value})))


@given(raw=st.binary(max_size=300) | st.integers(0, len(_GOOD)).map(lambda end: _GOOD[:end]))
def test_whatever_the_bytes_nothing_else_is_raised(raw: bytes) -> None:
    with suppress(MalformedEntry):
        decode(raw)


def test_what_is_not_looked_at_comes_through() -> None:
    """Why verification and audit must not read with it: nothing of this would stand up to `parse_entry`."""
    forged = json.loads(_GOOD.split(b"\n")[0]) | {"seq": -1, "by": "anybody", "prev": 7, "more": []}
    raw = json.dumps(forged).encode() + b"\nno signature"
    assert decode(raw).by == "anybody"
    with pytest.raises(MalformedEntry):
        parse_entry(raw)
