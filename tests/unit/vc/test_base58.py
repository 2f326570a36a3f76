"""Base58 of ours is that of the library, both ways."""

from base58 import b58decode, b58encode
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.vc.spelling import from_multibase, to_multibase


@given(raw=st.binary(max_size=100))
@example(raw=b"")
@example(raw=bytes(64))
@example(raw=bytes(3) + b"\x01" + bytes(60))
@example(raw=b"\xff" * 64)
def test_bytes_are_spelled_as_the_library_spells_them(raw: bytes) -> None:
    text = to_multibase(raw)
    assert text == "z" + b58encode(raw).decode()
    if raw:
        assert from_multibase(text, size=len(raw)) == raw == b58decode(text[1:])
