"""Private parts in their boxes: each opens in its own place with its own key, whole, or not at all."""

import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.private_box import MAX_PART, NONCE, BoxUnreadable, PartTooLarge, VaultBoxes, open_box, seal_box
from ledger.adapters.sqlite.vault import SqliteVaultRows, create
from ledger.adapters.vault import KeyVault, first_epoch
from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from tests.contracts.scribe import stream

KEY, NONCE_BYTES = bytes(range(32)), bytes(range(100, 112))
OPENING = Opening(salt=bytes(range(32)), content=b'{"name":"Zo\xc3\xab"}')
HERE = (stream(1), Seq(3), Part.FACTS)
BOX = seal_box(KEY, OPENING, NONCE_BYTES, stream=HERE[0], seq=HERE[1], part=HERE[2])


def opened(box: bytes, key: bytes = KEY, place: tuple[StreamId, Seq, Part] = HERE) -> Opening:
    return open_box(key, box, stream=place[0], seq=place[1], part=place[2])


@given(content=st.binary(max_size=5_000), salt=st.binary(min_size=32, max_size=32))
def test_box_opens_to_what_was_put_in(content: bytes, salt: bytes) -> None:
    opening = Opening(salt=salt, content=content)
    assert opened(seal_box(KEY, opening, NONCE_BYTES, stream=HERE[0], seq=HERE[1], part=HERE[2])) == opening


def test_box_has_the_bytes_that_the_design_says() -> None:
    """nonce(12) ‖ AES-256-GCM(data key, nonce, salt ‖ compressed bytes, aad of stream, seq and part)."""
    place = f"testamur/private/v1\n{HERE[0]}\n3\nfacts".encode()
    plain = AESGCM(KEY).decrypt(BOX[:NONCE], BOX[NONCE:], place)
    assert BOX[:NONCE] == NONCE_BYTES
    assert (plain[:32], zlib.decompress(plain[32:])) == (OPENING.salt, OPENING.content)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 1_023, 1_024, 70_000])
def test_content_of_any_length_is_zlib_that_any_inflater_reads(length: int) -> None:
    content = (OPENING.content * length)[:length]
    box = seal_box(
        KEY, Opening(salt=OPENING.salt, content=content), NONCE_BYTES, stream=HERE[0], seq=HERE[1], part=HERE[2]
    )
    place = f"testamur/private/v1\n{HERE[0]}\n3\nfacts".encode()
    packed = AESGCM(KEY).decrypt(box[:NONCE], box[NONCE:], place)[32:]
    assert zlib.decompress(packed) == content
    assert len(packed) < max(length, 12) if length >= 1_024 else len(packed) == length + 11


def test_box_shows_neither_salt_nor_content() -> None:
    assert OPENING.salt not in BOX
    assert b"name" not in BOX


@pytest.mark.parametrize(
    "place",
    [
        (stream(2), Seq(3), Part.FACTS),
        (stream(1), Seq(2), Part.FACTS),
        (stream(1), Seq(33), Part.FACTS),
        (stream(1), Seq(3), Part.INTERNAL),
        (stream(1), Seq(3), Part.DOCUMENT),
    ],
)
def test_box_moved_to_another_place_does_not_open(place: tuple[StreamId, Seq, Part]) -> None:
    with pytest.raises(BoxUnreadable):
        opened(BOX, place=place)


@pytest.mark.parametrize("key", [bytes(32), KEY[::-1], KEY[:16], b""])
def test_other_key_does_not_open(key: bytes) -> None:
    with pytest.raises(BoxUnreadable):
        opened(BOX, key)


@given(index=st.integers(0, len(BOX) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_refused(index: int, bit: int) -> None:
    changed = bytearray(BOX)
    changed[index] ^= 1 << bit
    with pytest.raises(BoxUnreadable):
        opened(bytes(changed))


@given(length=st.integers(0, len(BOX) - 1))
def test_cut_box_is_refused(length: int) -> None:
    with pytest.raises(BoxUnreadable):
        opened(BOX[:length])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_sentence(box: bytes) -> None:
    with pytest.raises(BoxUnreadable, match="private part"):
        opened(box)


def _sealed_by_hand(plain: bytes) -> bytes:
    place = f"testamur/private/v1\n{HERE[0]}\n3\nfacts".encode()
    return NONCE_BYTES + AESGCM(KEY).encrypt(NONCE_BYTES, plain, place)


@pytest.mark.parametrize(
    "packed",
    [
        zlib.compress(bytes(64 * MAX_PART), 9),  # a bomb: 64 MiB in 64 KiB
        zlib.compress(bytes(MAX_PART + 1)),
        zlib.compress(b"whole") + b"more",
        zlib.compress(b"cut off")[:-3],
        zlib.compress(b"stored, and more", 0) + b"x",
        zlib.compress(b"stored, not whole", 0)[:-1],
        zlib.compress(b"stored, with another sum", 0)[:-1] + b"x",
        zlib.compress(b"stored, of another length", 0).replace(b"\x19\x00\xe6", b"\x18\x00\xe7"),
        b"not compressed at all",
        b"",
    ],
)
def test_contents_that_are_too_large_or_not_whole_are_refused(packed: bytes) -> None:
    with pytest.raises(BoxUnreadable):
        opened(_sealed_by_hand(OPENING.salt + packed))


@pytest.mark.parametrize("window", range(9, 16))
def test_box_compressed_otherwise_opens_too(window: int) -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, window)
    content = OPENING.content * 3_000
    packed = deflater.compress(content) + deflater.flush()
    assert opened(_sealed_by_hand(OPENING.salt + packed)) == Opening(salt=OPENING.salt, content=content)


def test_box_without_room_for_a_salt_is_refused() -> None:
    with pytest.raises(BoxUnreadable):
        opened(_sealed_by_hand(b"short"))


def test_largest_part_opens_and_a_larger_one_is_not_sealed() -> None:
    def sealed(size: int) -> bytes:
        opening = Opening(salt=bytes(32), content=bytes(size))
        return seal_box(KEY, opening, NONCE_BYTES, stream=HERE[0], seq=HERE[1], part=HERE[2])

    assert opened(sealed(MAX_PART)).content == bytes(MAX_PART)
    with pytest.raises(PartTooLarge, match="1,048,577 bytes"):
        sealed(MAX_PART + 1)


def test_boxes_of_a_vault_open_for_their_key_in_their_place_or_not_at_all(tmp_path: Path) -> None:
    entropy = SystemEntropy()
    create(tmp_path / "vault.db", first_epoch(b"w" * 32, entropy))
    rows = SqliteVaultRows(tmp_path / "vault.db")
    vault = KeyVault(rows, wrapping_key=b"w" * 32, lookup_key=b"l" * 32, entropy=entropy)
    boxes = VaultBoxes(vault, entropy)
    one, two = vault.learner(stream(7), "S1"), vault.learner(stream(7), "S2")
    box = boxes.seal(one, OPENING, stream=HERE[0], seq=HERE[1], part=HERE[2])
    again = boxes.seal(one, OPENING, stream=HERE[0], seq=HERE[1], part=HERE[2])
    assert box[:NONCE] != again[:NONCE]  # a nonce is used once
    assert boxes.open(one.key_id, box, stream=HERE[0], seq=HERE[1], part=HERE[2]) == OPENING
    assert boxes.open(two.key_id, box, stream=HERE[0], seq=HERE[1], part=HERE[2]) is None
    assert boxes.open(bytes(16), box, stream=HERE[0], seq=HERE[1], part=HERE[2]) is None
    assert boxes.open(one.key_id, box, stream=HERE[0], seq=Seq(4), part=HERE[2]) is None
    assert boxes.open(one.key_id, box[:-1], stream=HERE[0], seq=HERE[1], part=HERE[2]) is None
    vault.close()
