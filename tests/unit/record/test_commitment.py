"""A commitment binds a part, its salt and its bytes, and nothing else opens it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.types import Digest
from ledger.domain.values import Part
from ledger.record.commitment import Opening, commitment, opens

_salts = st.binary(min_size=32, max_size=32)


@given(part=st.sampled_from(Part), salt=_salts, content=st.binary(max_size=100))
def test_a_commitment_is_the_digest_of_prefix_part_salt_and_bytes(part: Part, salt: bytes, content: bytes) -> None:
    opening = Opening(salt=salt, content=content)
    expected = hashlib.sha256(b"testamur/commit/v1\n" + str(part).encode() + b"\n" + salt + content).digest()
    assert commitment(part, opening) == expected
    assert opens(part, opening, Digest(expected))


@given(part=st.sampled_from(Part), salt=_salts, content=st.binary(max_size=40), data=st.data())
def test_a_flipped_bit_of_salt_bytes_or_digest_does_not_open(
    part: Part, salt: bytes, content: bytes, data: st.DataObject
) -> None:
    committed = commitment(part, Opening(salt=salt, content=content))
    whole = bytearray(salt + content + committed)
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    changed = Opening(salt=bytes(whole[:32]), content=bytes(whole[32:-32]))
    assert not opens(part, changed, Digest(bytes(whole[-32:])))


@pytest.mark.parametrize("part", Part)
def test_a_part_does_not_open_as_another_part(part: Part) -> None:
    opening = Opening(salt=bytes(32), content=b"same")
    assert [opens(other, opening, commitment(part, opening)) for other in Part] == [other is part for other in Part]


@pytest.mark.parametrize("cut", [0, 31, 33, 40])
def test_the_border_between_salt_and_bytes_cannot_be_moved(cut: int) -> None:
    """The digest would be the same: only the length of the salt tells where the bytes begin."""
    whole = bytes(range(64))
    committed = commitment(Part.FACTS, Opening(salt=whole[:32], content=whole[32:]))
    moved = Opening(salt=whole[:cut], content=whole[cut:])
    assert commitment(Part.FACTS, moved) == committed
    assert not opens(Part.FACTS, moved, committed)
