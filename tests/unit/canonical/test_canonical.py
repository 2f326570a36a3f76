"""One JSON value has one spelling, that of RFC 8785, and no other spelling is read."""

import dataclasses
import json
from collections import OrderedDict
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

import orjson
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    Json,
    NotCanonical,
    decode,
    encode,
    encode_unchecked,
    parse,
)
from tests.strategies import json_values


class _Word(StrEnum):
    YES = "yes"


class _Number(IntEnum):
    ONE = 1


@dataclasses.dataclass
class _Point:
    x: int


def _nested(levels: int) -> Json:
    value: Json = []
    for _ in range(levels - 1):
        value = [value]
    return value


@given(value=json_values)
@example(value={"b": 1, "a": 2, "B": 3, "\x00": 4, "~": 5, "\x7f": 6, "": 7, "aa": 8})
@example(value="".join(chr(point) for point in range(0x20)) + '"\\/\x7f\x80\u2028\u2029\ufeff\U0001f600\U0010ffff')
@example(value=[MAX_INTEGER, -MAX_INTEGER, 0, True, False, None, "", [], {}])
def test_a_value_of_the_domain_is_spelled_as_rfc_8785_spells_it(value: Json) -> None:
    assert encode(value) == rfc8785.dumps(value)


@given(value=json_values)
def test_what_was_encoded_decodes_to_the_same_value_and_types(value: Json) -> None:
    found = decode(encode(value))
    assert found == value
    assert repr(found) == repr(decode(rfc8785.dumps(found)))


@given(value=json_values)
def test_another_spelling_of_a_value_is_parsed_but_not_decoded(value: Json) -> None:
    spelled = json.dumps(value, indent=1).encode() + b"\n"
    assert parse(spelled) == value
    with pytest.raises(NotCanonical):
        decode(spelled)


@given(raw=st.binary(max_size=40))
def test_bytes_decode_only_if_they_are_the_canonical_spelling_of_what_comes_out(raw: bytes) -> None:
    try:
        value = decode(raw)
    except NotCanonical:
        return
    assert rfc8785.dumps(value) == raw


@given(value=json_values, data=st.data())
def test_a_changed_byte_never_decodes_to_the_same_value(value: Json, data: st.DataObject) -> None:
    raw = bytearray(encode(value))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        found = decode(bytes(raw))
    except NotCanonical:
        return
    assert encode(found) == bytes(raw)
    assert repr(found) != repr(decode(encode(value)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"nul",
        b"{",
        b"[1,]",
        b"[1 ]",
        b" 1",
        b"1\n",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b"'a'",
        b"1.0",
        b"1.5",
        b"1e2",
        b"1E2",
        b"-0",
        b"-0.0",
        b"+1",
        b"01",
        b"0x10",
        b"1_000",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9007199254740992",
        b"-9007199254740992",
        b"18446744073709551616",
        b"1" * 400,
        b'"\\u0061"',
        b'"\\/"',
        b'"\\u000A"',
        b'"\\u001F"',
        b'"\x01"',
        b'"\n"',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\\udc00\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b"\xef\xbb\xbf1",
        b'{"\xc3\xa9":1}',
        b'{"a":{"\xc3\xa9":1}}',
        b'{"\\u00e9":1}',
        b'{"a":"\xc3\xa9","b":{"\\u00e9":1}}',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b"[1]//",
        b"1 1",
        b"[1]\x00",
    ],
)
def test_any_other_spelling_is_refused(raw: bytes) -> None:
    with pytest.raises(NotCanonical):
        decode(raw)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        0.5,
        float("nan"),
        float("inf"),
        [1, [2.5]],
        {"a": {"b": 1.5}},
        2**53,
        -(2**53),
        [2**53],
        2**64,
        10**400,
        {"é": 1},
        {"a": [{"\U0001f600": 1}]},
        {1: 1},
        {None: 1},
        {_Word.YES: 1},
        "\ud800",
        ["a\udfffb"],
        {"a": "\udc00"},
        b"bytes",
        (1, 2),
        {1, 2},
        _Word.YES,
        _Number.ONE,
        _Point(x=1),
        datetime(2026, 11, 21, tzinfo=UTC),
        OrderedDict(a=1),
        pytest.param(object(), id="an object"),
    ],
    ids=repr,
)
def test_a_value_outside_the_domain_is_not_encoded(value: object) -> None:
    with pytest.raises(NotCanonical):
        encode(value)  # type: ignore[arg-type]


def test_the_integers_next_to_the_bound_are_encoded() -> None:
    assert encode([2**53 - 1, 1 - 2**53]) == b"[9007199254740991,-9007199254740991]"


def test_nesting_is_allowed_to_its_bound_and_refused_beyond() -> None:
    assert MAX_DEPTH == 32
    assert decode(encode(_nested(32))) == _nested(32)
    assert decode(b'{"a":' * 32 + b"1" + b"}" * 32)
    for refused in (_nested(33), {"a": _nested(32)}):
        with pytest.raises(NotCanonical):
            encode(refused)
        with pytest.raises(NotCanonical):
            parse(orjson.dumps(refused))


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Json] = []
    value.append(value)
    with pytest.raises(NotCanonical):
        encode(value)


@pytest.mark.parametrize("value", ["\ud800", 2**53, -(2**53), 2**70, {1: 2}, b""], ids=repr)
def test_the_unchecked_encoder_still_refuses_what_it_cannot_spell(value: object) -> None:
    with pytest.raises(NotCanonical):
        encode_unchecked(value)  # type: ignore[arg-type]


def test_parsing_keeps_the_domain_but_not_the_spelling() -> None:
    assert parse(b' {"b" : 1,\n"a":"\\u0041"} ') == {"a": "A", "b": 1}
    for refused in (b"1.5", b"1e2", b"9007199254740992", b"NaN", b'{"\xc3\xa9":1}', b"\xff"):
        with pytest.raises(NotCanonical):
            parse(refused)
