"""So many bytes have one base64url spelling, and no other is read."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.record.encoding import MalformedEncoding, from_text, to_text

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(raw=st.binary(max_size=70))
def test_bytes_come_back_from_their_spelling(raw: bytes) -> None:
    spelled = to_text(raw)
    assert spelled == urlsafe_b64encode(raw).decode().rstrip("=")
    assert from_text(spelled, len(raw)) == raw


@given(raw=st.binary(min_size=1, max_size=70), other=st.integers(0, 70))
def test_another_length_is_refused(raw: bytes, other: int) -> None:
    if other != len(raw):
        with pytest.raises(MalformedEncoding):
            from_text(to_text(raw), other)


@pytest.mark.parametrize("length", [16, 32, 64])
@given(data=st.data())
def test_every_other_last_character_is_refused_unless_it_spells_other_bytes(length: int, data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=length, max_size=length))
    spelled = to_text(raw)
    accepted = []
    for last in _ALPHABET:
        try:
            accepted.append(from_text(spelled[:-1] + last, length))
        except MalformedEncoding:
            continue
    assert len(accepted) == len(set(accepted)) == (16 if length % 3 == 2 else 4)
    assert raw in accepted


_THIRTY_TWO = to_text(b"\xfb\xef\xff" + bytes(29))


@pytest.mark.parametrize(
    "text",
    [
        "",
        _THIRTY_TWO + "=",
        _THIRTY_TWO[:-1] + "=",
        _THIRTY_TWO[:-1],
        _THIRTY_TWO + "A",
        _THIRTY_TWO.replace("-", "+"),
        _THIRTY_TWO.replace("_", "/"),
        _THIRTY_TWO[:-1] + "B",
        _THIRTY_TWO[:-1] + " ",
        _THIRTY_TWO[:-1] + "\n",
        "!" + _THIRTY_TWO[1:],
        "é" + _THIRTY_TWO[1:],
        "\ud800" + _THIRTY_TWO[1:],
        "====" + _THIRTY_TWO[4:],
        _THIRTY_TWO[:20] + "=" + _THIRTY_TWO[21:],
    ],
    ids=ascii,
)
def test_another_spelling_is_refused(text: str) -> None:
    assert "-" in _THIRTY_TWO
    assert "_" in _THIRTY_TWO
    with pytest.raises(MalformedEncoding):
        from_text(text, 32)


@pytest.mark.parametrize("value", [None, 7, b"AAAA", ["A"] * 4], ids=repr)
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(MalformedEncoding):
        from_text(value, 3)
