"""Documents that can be read in two ways are read in none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.vc.reading import MAX_DOCUMENT, MAX_INTEGER, MAX_LEVELS, MalformedDocument, read_document

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.booleans())
def test_any_json_object_is_read_as_it_was_written(value: dict[str, object], escaped: bool) -> None:
    assert read_document(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0dn1e- ', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read = read_document(raw)
    except MalformedDocument:
        return
    assert read == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"{}"', "not a JSON object"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b'{"a":1}x', "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":+1}', "not JSON"),
        (b'{"a":1_000}', "not JSON"),
        (b'{"a":"\t"}', "not JSON"),
        (b'{"a":"\\x"}', "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a":1,"a":1}', "the name 'a' twice"),
        (b'{"a":1,"\\u0061":2}', "the name 'a' twice"),
        (b'{"b":[{"c":{"a":1,"x":2,"a":3}}]}', "the name 'a' twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":Infinity}', "Infinity"),
        (b'{"a":[-Infinity]}', "-Infinity"),
        (b'{"a":1e309}', "double precision"),
        (b'{"a":-1e400}', "double precision"),
        (b'{"a":9007199254740992}', "2\\^53"),
        (b'{"a":-9007199254740992}', "2\\^53"),
        (b'{"a":' + b"9" * 10_000 + b"}", "2\\^53"),
        (b'{"a":"\\ud800"}', "half a surrogate"),
        (b'{"a":"\\udc00\\ud800"}', "half a surrogate"),
        (b'{"\\ud83d":1}', "half a surrogate"),
        (b'{"a":"' + b"x" * MAX_DOCUMENT + b'"}', "longer than"),
    ],
)
def test_what_two_readers_could_take_for_two_things_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedDocument, match=reason):
        read_document(raw)


def test_the_largest_integers_and_a_whole_surrogate_pair_are_read() -> None:
    raw = b' {"a":[9007199254740991,-9007199254740991],"b":"\\ud83d\\ude00"}\n'
    assert read_document(raw) == {"a": [MAX_INTEGER, -MAX_INTEGER], "b": "\U0001f600"}


def nested(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


def test_the_deepest_document_is_read_and_one_level_more_is_refused() -> None:
    assert read_document(nested(MAX_LEVELS))
    for levels in (MAX_LEVELS + 1, 1_000, 150_000):
        with pytest.raises(MalformedDocument, match="nested deeper"):
            read_document(nested(levels))
    with pytest.raises(MalformedDocument, match="nested deeper"):
        read_document(b"[" * MAX_DOCUMENT)


def test_brackets_within_strings_are_no_levels() -> None:
    assert read_document(b'{"a":"' + rb"[[\"[" * 100 + b'"}')


def test_strings_without_an_end_are_refused_without_trying_each_quote_in_them() -> None:
    for raw in (b'{"' + rb"\"" * 500_000, b'{"' + rb"\"" * 500_000 + b"\\"):
        with pytest.raises(MalformedDocument, match="not JSON"):
            read_document(raw)
