"""The Merkle tree against published roots, a slow recursive reference, and bytes that spell no compact range."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.merkle import EMPTY_ROOT, CompactRange, Hash, MalformedRange, leaf_hash, node_hash

# The eight entries and the roots of their prefixes in the test suite of Certificate Transparency's reference
# implementation (google/certificate-transparency, merkle_tree_test.cc).
CT_ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LARGEST_SIZE = 300


def reference_root(entries: Sequence[bytes]) -> bytes:
    """MTH(D[n]) word for word after RFC 6962 §2.1, sharing nothing with the code under test."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1  # the largest power of two smaller than n
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + reference_root(entries[:k]) + reference_root(entries[k:])).digest()


def range_over(entries: Sequence[bytes]) -> CompactRange:
    return CompactRange.empty().extended(map(leaf_hash, entries))


def some_hashes(count: int) -> tuple[Hash, ...]:
    return tuple(leaf_hash(bytes([number])) for number in range(count))


@pytest.mark.parametrize("size", range(len(CT_ROOTS)))
def test_the_entries_of_certificate_transparency_have_their_published_roots(size: int) -> None:
    assert range_over(CT_ENTRIES[:size]).root().hex() == CT_ROOTS[size]


def test_the_empty_log_has_the_published_empty_root() -> None:
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]
    assert CompactRange.empty().root() == EMPTY_ROOT


def test_leaf_and_node_of_the_same_bytes_hash_apart() -> None:
    left, right = some_hashes(2)
    assert leaf_hash(left + right) != node_hash(left, right)
    assert node_hash(left, right).hex() == sha256(b"\x01" + left + right).hexdigest()


def test_every_size_grown_leaf_by_leaf_has_the_root_of_the_recursive_reference() -> None:
    entries = [b"entry %d" % number for number in range(LARGEST_SIZE)]
    grown = CompactRange.empty()
    for size in range(LARGEST_SIZE + 1):
        assert grown.size == size
        assert grown.root() == reference_root(entries[:size])
        if size < LARGEST_SIZE:
            grown = grown.extended([leaf_hash(entries[size])])


@given(entries=st.lists(st.binary(max_size=20), max_size=70), cut=st.integers(0, 70))
def test_appending_in_two_steps_gives_the_same_range_as_in_one(entries: list[bytes], cut: int) -> None:
    first = range_over(entries[:cut])
    before = (first.size, first.hashes)
    assert first.extended(map(leaf_hash, entries[cut:])) == range_over(entries)
    assert (first.size, first.hashes) == before


@given(entries=st.lists(st.binary(max_size=20), max_size=70))
def test_the_hashes_of_a_range_are_the_roots_of_its_full_subtrees_largest_first(entries: list[bytes]) -> None:
    expected, start = [], 0
    for bit in (64, 32, 16, 8, 4, 2, 1):
        if len(entries) & bit:
            expected.append(reference_root(entries[start : start + bit]))
            start += bit
    assert list(range_over(entries).hashes) == expected


@given(entries=st.lists(st.binary(max_size=20), min_size=1, max_size=70), data=st.data())
def test_any_flipped_bit_of_any_entry_changes_the_root(entries: list[bytes], data: st.DataObject) -> None:
    entries = [b"x" + entry for entry in entries]
    place = data.draw(st.integers(0, len(entries) - 1), label="entry")
    bit = data.draw(st.integers(0, len(entries[place]) * 8 - 1), label="bit")
    changed = bytearray(entries[place])
    changed[bit // 8] ^= 1 << (bit % 8)
    tampered = [*entries[:place], bytes(changed), *entries[place + 1 :]]
    assert range_over(tampered).root() != range_over(entries).root()


@given(entries=st.lists(st.binary(max_size=20), min_size=2, max_size=70, unique=True), data=st.data())
def test_two_exchanged_entries_or_a_missing_one_change_the_root(entries: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 2), label="entry")
    swapped = [*entries[:place], entries[place + 1], entries[place], *entries[place + 2 :]]
    shortened = entries[:place] + entries[place + 1 :]
    root = range_over(entries).root()
    assert range_over(swapped).root() != root
    assert range_over(shortened).root() != root


@given(entries=st.lists(st.binary(max_size=20), max_size=70))
def test_a_range_survives_its_bytes_and_goes_on_growing(entries: list[bytes]) -> None:
    kept = range_over(entries)
    read = CompactRange.from_bytes(kept.to_bytes())
    assert read == kept
    assert read.extended([leaf_hash(b"next")]).root() == reference_root([*entries, b"next"])


def test_the_bytes_of_a_range_are_its_size_big_endian_and_its_hashes() -> None:
    kept = range_over(CT_ENTRIES[:3])
    assert kept.to_bytes() == bytes.fromhex("0000000000000003" + CT_ROOTS[2]) + leaf_hash(CT_ENTRIES[2])
    assert CompactRange.empty().to_bytes() == bytes(8)


@given(raw=st.one_of(st.binary(max_size=80), st.binary(max_size=72).map(lambda tail: bytes(7) + b"\x03" + tail)))
def test_bytes_are_either_the_one_spelling_of_a_range_or_refused(raw: bytes) -> None:
    try:
        read = CompactRange.from_bytes(raw)
    except MalformedRange:
        return
    assert read.to_bytes() == raw


@pytest.mark.parametrize("length", range(8))
def test_bytes_too_few_for_a_size_are_refused(length: int) -> None:
    with pytest.raises(MalformedRange, match="begins with 8 bytes of size"):
        CompactRange.from_bytes(bytes(length))


@pytest.mark.parametrize("change", [-33, -32, -31, -1, 1, 31, 32])
def test_bytes_cut_short_or_continued_are_refused(change: int) -> None:
    raw = range_over(CT_ENTRIES[:7]).to_bytes()
    with pytest.raises(MalformedRange):
        CompactRange.from_bytes(raw[:change] if change < 0 else raw + bytes(change))


@pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 0), (1, 2), (6, 3), (7, 2), (8, 3)])
def test_a_range_with_too_many_or_too_few_hashes_is_refused(size: int, count: int) -> None:
    with pytest.raises(MalformedRange, match=f"not {count}"):
        CompactRange(size=size, hashes=some_hashes(count))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_range_with_a_hash_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedRange, match="every hash in a compact range has 32 bytes"):
        CompactRange(size=3, hashes=(*some_hashes(1), Hash(bytes(length))))


def test_a_range_of_the_largest_size_is_accepted_and_one_leaf_more_refused() -> None:
    largest = CompactRange(size=2**63 - 1, hashes=some_hashes(63))
    assert CompactRange.from_bytes(largest.to_bytes()) == largest
    with pytest.raises(MalformedRange, match=r"from 0 to 2\*\*63 - 1"):
        largest.extended(some_hashes(1))


def test_a_range_of_negative_size_is_refused() -> None:
    with pytest.raises(MalformedRange, match=r"from 0 to 2\*\*63 - 1"):
        CompactRange(size=-1, hashes=some_hashes(1))
