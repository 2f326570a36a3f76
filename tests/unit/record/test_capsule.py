"""Capsules: only the code opens them, whole, and nothing of another shape is taken for one."""

import zlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.codes import format_link_code, new_link_code, stream_of
from ledger.domain.types import LinkCode, Position
from ledger.domain.values import Part
from ledger.record.capsule import MAX_CAPSULE, Capsule, CapsuleUnreadable, open_capsule, seal_capsule
from ledger.record.commitment import Opening

CODE = new_link_code(1_700_000_000_000, bytes(range(16)))
OTHER = new_link_code(1_700_000_000_001, bytes(range(16)))
NONCE = bytes(range(12))
FACTS = Opening(salt=b"s" * 32, content='{"name":"Zoë"}'.encode())
SMALL = Capsule(parts={Position(7): {Part.DOCUMENT: Opening(salt=b"d" * 32, content=b""), Part.FACTS: FACTS}})
PLAIN: dict[str, Json] = {
    "components": [],
    "entries": [{"parts": {"facts": {"bytes": "e30", "salt": "A" * 43}}, "position": 7}],
    "v": 1,
}


def sealed(plain: bytes, code: LinkCode = CODE, *, packed: bytes | None = None) -> bytes:
    """A capsule made by hand, as the format's page says."""
    stream = stream_of(code)
    key = HKDF(algorithm=SHA256(), length=32, salt=stream.bytes, info=b"testamur/capsule/v1").derive(bytes(code)[6:])
    place = f"testamur/capsule/v1\n{stream}".encode()
    return NONCE + AESGCM(key).encrypt(NONCE, zlib.compress(plain) if packed is None else packed, place)


openings = st.builds(Opening, salt=st.binary(min_size=32, max_size=32), content=st.binary(max_size=300))
capsules = st.builds(
    Capsule,
    parts=st.dictionaries(
        st.integers(1, 2**40).map(Position), st.dictionaries(st.sampled_from([Part.DOCUMENT, Part.FACTS]), openings)
    ),
    components=st.lists(st.binary(min_size=22, max_size=22).map(LinkCode), max_size=4).map(tuple),
)


@given(capsules)
def test_what_was_sealed_is_what_its_code_opens(capsule: Capsule) -> None:
    assert open_capsule(seal_capsule(capsule, CODE, NONCE), CODE) == capsule


def test_capsule_is_spelled_as_its_page_says() -> None:
    assert open_capsule(sealed(canonical.encode(PLAIN)), CODE).parts[Position(7)][Part.FACTS].content == b"{}"


def test_capsule_of_another_code_does_not_open() -> None:
    with pytest.raises(CapsuleUnreadable, match="not that of this code"):
        open_capsule(seal_capsule(SMALL, CODE, NONCE), OTHER)


def test_every_changed_byte_of_a_capsule_is_noticed() -> None:
    raw = seal_capsule(SMALL, CODE, NONCE)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(CapsuleUnreadable):
            open_capsule(bytes(changed), CODE)
        with pytest.raises(CapsuleUnreadable):
            open_capsule(raw[:place], CODE)


def test_capsule_that_inflates_without_end_is_refused() -> None:
    with pytest.raises(CapsuleUnreadable, match="not whole, or too large"):
        open_capsule(sealed(bytes(MAX_CAPSULE + 1)), CODE)
    with pytest.raises(CapsuleUnreadable, match="not whole, or too large"):
        open_capsule(sealed(b"", packed=zlib.compress(canonical.encode(PLAIN)) + b"more"), CODE)
    with pytest.raises(CapsuleUnreadable, match="not that of this code, or it was damaged"):
        open_capsule(sealed(b"", packed=b"not deflated"), CODE)


def test_capsule_too_large_to_be_opened_is_not_sealed() -> None:
    large = Capsule(parts={Position(1): {Part.FACTS: Opening(salt=b"s" * 32, content=bytes(MAX_CAPSULE))}})
    with pytest.raises(CapsuleUnreadable, match="a capsule holds"):
        seal_capsule(large, CODE, NONCE)


def entry(change: Callable[[dict[str, Json]], object]) -> Json:
    """What the format asks for, with one change of its entry."""
    made: dict[str, Json] = {"parts": {"facts": {"bytes": "e30", "salt": "A" * 43}}, "position": 7}
    change(made)
    return {**PLAIN, "entries": [made]}


@pytest.mark.parametrize(
    "plain",
    [
        b"{}",
        b'{"v":1}',
        b"[]",
        canonical.encode(PLAIN) + b" ",
        canonical.encode({**PLAIN, "v": 2}),
        canonical.encode({**PLAIN, "more": 1}),
        canonical.encode({**PLAIN, "entries": {}}),
        canonical.encode({**PLAIN, "entries": [7]}),
        canonical.encode({**PLAIN, "entries": [{"parts": {}, "position": 2}, {"parts": {}, "position": 2}]}),
        canonical.encode({**PLAIN, "components": 0}),
        canonical.encode({**PLAIN, "components": [0]}),
        canonical.encode({**PLAIN, "components": ["U"]}),
        canonical.encode({**PLAIN, "components": ["o" * 36]}),
        canonical.encode({**PLAIN, "components": [format_link_code(OTHER).lower()]}),
        canonical.encode(entry(lambda made: made.pop("position"))),
        canonical.encode(entry(lambda made: made.update(position=0))),
        canonical.encode(entry(lambda made: made.update(position=True))),
        canonical.encode(entry(lambda made: made.update(parts=[]))),
        canonical.encode(entry(lambda made: made.update(parts={"internal": {"bytes": "", "salt": "A" * 43}}))),
        canonical.encode(entry(lambda made: made.update(parts={"facts": {"bytes": ""}}))),
        canonical.encode(entry(lambda made: made.update(parts={"facts": []}))),
        canonical.encode(entry(lambda made: made.update(parts={"facts": {"bytes": 0, "salt": "A" * 43}}))),
        canonical.encode(entry(lambda made: made.update(parts={"facts": {"bytes": "", "salt": "A" * 42}}))),
        canonical.encode(entry(lambda made: made.update(parts={"facts": {"bytes": "e31", "salt": "A" * 43}}))),
    ],
)
def test_content_of_another_shape_is_refused(plain: bytes) -> None:
    with pytest.raises(CapsuleUnreadable):
        open_capsule(sealed(plain), CODE)
