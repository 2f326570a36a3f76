"""Inclusion and consistency proofs against published paths, a slow recursive reference, and tampering."""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.merkle import EMPTY_ROOT, SIZE_LIMIT, CompactRange, Hash, leaf_hash, node_hash
from ledger.tlog.proofs import (
    ConsistencyNotProved,
    InclusionNotProved,
    Node,
    OutsideTree,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    node_reader,
    tree_root,
)

LARGEST_SIZE = 300
LEAVES = [leaf_hash(b"entry %d" % number) for number in range(LARGEST_SIZE)]
READ = node_reader(LEAVES)


@cache
def reference_root(first: int, end: int) -> Hash:
    """MTH(D[first:end]) word for word after RFC 9162 §2.1.1, sharing nothing with the code under test."""
    if first == end:
        return Hash(sha256().digest())
    if end - first == 1:
        return LEAVES[first]
    middle = first + reference_split(end - first)
    return Hash(sha256(b"\x01" + reference_root(first, middle) + reference_root(middle, end)).digest())


def reference_split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def reference_inclusion(index: int, first: int, end: int) -> tuple[Hash, ...]:
    """PATH(m, D[first:end]) word for word after RFC 9162 §2.1.3.1."""
    if end - first == 1:
        return ()
    middle = first + reference_split(end - first)
    if first + index < middle:
        return (*reference_inclusion(index, first, middle), reference_root(middle, end))
    return (*reference_inclusion(index - (middle - first), middle, end), reference_root(first, middle))


def reference_consistency(old: int, first: int, end: int, whole: bool = True) -> tuple[Hash, ...]:
    """SUBPROOF(m, D[first:end], b) word for word after RFC 9162 §2.1.4.1."""
    if old == end - first:
        return () if whole else (reference_root(first, end),)
    middle = first + reference_split(end - first)
    if old <= middle - first:
        return (*reference_consistency(old, first, middle, whole), reference_root(middle, end))
    return (*reference_consistency(old - (middle - first), middle, end, False), reference_root(first, middle))


def root_of(size: int) -> Hash:
    return reference_root(0, size)


# ------------------------------------------------------------------------------------------------------------ published

# The eight entries of Certificate Transparency's reference implementation, and the proofs that its tests and those of
# transparency-dev/merkle (proof/verify_test.go) state for them; leaves are counted from 0 here.
CT_LEAVES = [
    leaf_hash(bytes.fromhex(entry))
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
CT_INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CT_CONSISTENCY = [
    (1, 1, []),
    (1, 8, CT_INCLUSION[1][2]),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


@pytest.mark.parametrize(("index", "size", "published"), CT_INCLUSION)
def test_a_leaf_of_certificate_transparencys_tree_has_its_published_path(
    index: int, size: int, published: list[str]
) -> None:
    path = inclusion_path(index, size, node_reader(CT_LEAVES))
    assert [each.hex() for each in path] == published
    check_inclusion(CT_LEAVES[index], index, size, Hash(bytes.fromhex(CT_ROOTS[size])), path)


@pytest.mark.parametrize(("old", "new", "published"), CT_CONSISTENCY)
def test_two_of_certificate_transparencys_trees_have_their_published_proof(
    old: int, new: int, published: list[str]
) -> None:
    path = consistency_path(old, new, node_reader(CT_LEAVES))
    assert [each.hex() for each in path] == published
    roots = [Hash(bytes.fromhex(CT_ROOTS[size])) for size in (old, new)]
    check_consistency(old, roots[0], new, roots[1], path)


def test_the_proofs_in_the_example_of_the_rfc_are_those_it_names() -> None:
    # RFC 9162 §2.1.5 draws a tree of seven leaves, d0 to d6, and names its nodes as here.
    a, b, c, d, e, f, j = CT_LEAVES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 - the RFC's own name
    root = node_hash(k, l)
    read = node_reader(CT_LEAVES[:7])
    for index, named in ((0, (b, h, l)), (3, (c, g, l)), (4, (f, j, k)), (6, (i, k))):
        assert inclusion_path(index, 7, read) == named
        check_inclusion(CT_LEAVES[index], index, 7, root, named)
    older: dict[int, tuple[Hash, list[Hash]]] = {
        3: (node_hash(g, c), [c, d, g, l]),
        4: (k, [l]),
        6: (node_hash(k, i), [i, j, k]),
    }
    for old, (old_root, proof) in older.items():
        assert list(consistency_path(old, 7, read)) == proof
        check_consistency(old, old_root, 7, root, proof)


# ------------------------------------------------------------------------------------------------------- the reference


def test_every_leaf_of_every_size_has_the_path_of_the_recursive_reference_and_it_proves() -> None:
    for size in range(1, LARGEST_SIZE + 1):
        root = root_of(size)
        for index in range(size):
            path = inclusion_path(index, size, READ)
            assert path == reference_inclusion(index, 0, size)
            check_inclusion(LEAVES[index], index, size, root, path)


def test_every_pair_of_sizes_has_the_path_of_the_recursive_reference_and_it_proves() -> None:
    for new in range(LARGEST_SIZE + 1):
        for old in range(new + 1):
            path = consistency_path(old, new, READ)
            assert path == (reference_consistency(old, 0, new) if old else ())
            check_consistency(old, root_of(old), new, root_of(new), path)


def test_every_size_has_the_root_of_the_compact_range() -> None:
    for size in range(LARGEST_SIZE + 1):
        assert tree_root(size, READ) == root_of(size) == CompactRange.empty().extended(LEAVES[:size]).root()


def test_a_leaf_outside_the_tree_has_no_path() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5), (0, -1), (0, SIZE_LIMIT)):
        with pytest.raises(OutsideTree, match=f"no leaf {index} in a tree of {size}"):
            inclusion_path(index, size, READ)


def test_a_tree_is_not_the_beginning_of_a_smaller_one() -> None:
    for old, new in ((6, 5), (-1, 5), (0, SIZE_LIMIT)):
        with pytest.raises(OutsideTree, match=f"a tree of {old} is not the beginning of one of {new}"):
            consistency_path(old, new, READ)


def test_what_is_no_size_has_no_root() -> None:
    for size in (-1, SIZE_LIMIT):
        with pytest.raises(OutsideTree, match="the size of a tree"):
            tree_root(size, READ)


def test_a_reader_of_leaves_knows_no_subtree_beyond_them() -> None:
    read = node_reader(LEAVES[:5])
    assert read([Node(2, 0), Node(0, 4)]) == [root_of(4), LEAVES[4]]
    for node in (Node(0, 5), Node(0, -1), Node(2, 1), Node(3, 0), Node(-1, 0)):
        with pytest.raises(OutsideTree, match=f"subtree {node.index} of level {node.level} is not inside a tree of 5"):
            read([node])
    assert tree_root(0, node_reader([])) == EMPTY_ROOT


def test_a_reader_of_leaves_does_not_follow_later_changes() -> None:
    leaves = LEAVES[:4]
    read = node_reader(leaves)
    leaves[0] = leaves[1]
    assert read([Node(0, 0), Node(2, 0)]) == [LEAVES[0], root_of(4)]


# ---------------------------------------------------------------------------------------------------------- tampering


def refused_inclusion(leaf: Hash, index: int, size: int, root: Hash, path: Sequence[bytes]) -> None:
    with pytest.raises(InclusionNotProved):
        check_inclusion(leaf, index, size, root, [Hash(each) for each in path])


def refused_consistency(old: int, old_root: Hash, new: int, new_root: Hash, path: Sequence[bytes]) -> None:
    with pytest.raises(ConsistencyNotProved):
        check_consistency(old, old_root, new, new_root, [Hash(each) for each in path])


def changed(path: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The path with each byte changed in turn."""
    for place, each in enumerate(path):
        for byte in range(len(each)):
            wrong = bytearray(each)
            wrong[byte] ^= 1 << byte % 8
            yield [*path[:place], bytes(wrong), *path[place + 1 :]]


def cut_and_stretched(path: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The path without one of its hashes, with one too many, with two exchanged, or with one cut or stretched."""
    for place, each in enumerate(path):
        before, after = list(path[:place]), list(path[place + 1 :])
        yield before + after
        yield [*before, each, each, *after]
        yield [*before, each[:-1], *after]
        yield [*before, each + b"\0", *after]
        yield [*before, b"", each, *after]
        if after and after[0] != each:
            yield [*before, after[0], each, *after[1:]]
    yield [*path, bytes(32)]


def test_an_inclusion_proof_with_any_byte_changed_is_refused() -> None:
    for index, size in ((0, 2), (6, 7), (4, 5), (130, 300), (299, 300)):
        path = inclusion_path(index, size, READ)
        for wrong in (*changed(path), *cut_and_stretched(path)):
            refused_inclusion(LEAVES[index], index, size, root_of(size), wrong)


def test_an_inclusion_proof_of_another_leaf_place_size_or_root_is_refused() -> None:
    for size in range(1, 40):
        for index in range(size):
            path = inclusion_path(index, size, READ)
            refused_inclusion(leaf_hash(b"forged"), index, size, root_of(size), path)
            refused_inclusion(LEAVES[index], index, size, root_of(size + 1), path)
            for other in range(-1, size + 2):
                if other != index:
                    refused_inclusion(LEAVES[index], other, size, root_of(size), path)
    for size in (0, -1, SIZE_LIMIT):
        refused_inclusion(LEAVES[0], 0, size, LEAVES[0], [])


def test_a_consistency_proof_with_any_byte_changed_is_refused() -> None:
    for old, new in ((1, 2), (4, 7), (3, 7), (6, 8), (128, 300), (255, 300), (299, 300)):
        path = consistency_path(old, new, READ)
        for wrong in (*changed(path), *cut_and_stretched(path)):
            refused_consistency(old, root_of(old), new, root_of(new), wrong)


def test_a_consistency_proof_of_other_sizes_or_roots_is_refused() -> None:
    forged = leaf_hash(b"forged")
    for new in range(1, 40):
        for old in range(1, new):
            path = consistency_path(old, new, READ)
            refused_consistency(old, forged, new, root_of(new), path)
            refused_consistency(old, root_of(old), new, forged, path)
            refused_consistency(new, root_of(new), old, root_of(old), path)
            refused_consistency(old, root_of(old), new, root_of(new), [])
            for other in range(-1, new + 1):
                if other != old:
                    refused_consistency(other, root_of(old), new, root_of(new), path)
    refused_consistency(-1, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    refused_consistency(0, EMPTY_ROOT, SIZE_LIMIT, forged, [])


def test_where_nothing_is_to_be_shown_a_proof_is_refused_and_the_roots_are_compared() -> None:
    forged = leaf_hash(b"forged")
    refused_consistency(0, EMPTY_ROOT, 5, root_of(5), [forged])
    refused_consistency(5, root_of(5), 5, root_of(5), [forged])
    refused_consistency(0, forged, 5, root_of(5), [])
    refused_consistency(5, root_of(5), 5, forged, [])
    refused_consistency(0, EMPTY_ROOT, 0, forged, [])
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])


def test_what_is_wrong_with_a_proof_is_told() -> None:
    path = inclusion_path(2, 5, READ)
    for wrong, words in (
        ([*path, LEAVES[0]], "too long"),
        (path[:-1], "too short"),
        ([*path[:-1], LEAVES[0]], "another root"),
        ([*path[:-1], Hash(b"")], "32 bytes"),
    ):
        with pytest.raises(InclusionNotProved, match=words):
            check_inclusion(LEAVES[2], 2, 5, root_of(5), wrong)
    path = consistency_path(3, 5, READ)
    for wrong, words in (
        ([*path, LEAVES[0]], "too long"),
        (path[:-1], "too short"),
        ([*path[:-1], LEAVES[0]], "of the newer tree"),
        ([LEAVES[0], *path[1:]], "of the older tree"),
        ([*path[:-1], Hash(b"")], "32 bytes"),
        ([], "is empty"),
    ):
        with pytest.raises(ConsistencyNotProved, match=words):
            check_consistency(3, root_of(3), 5, root_of(5), wrong)


# --------------------------------------------------------------------------------------------------------- properties


def synthetic(nodes: Sequence[Node]) -> list[Hash]:
    """The nodes of a tree too large to be made, in which all leaves are the same."""
    return [EQUAL[node.level] for node in nodes]


EQUAL = [leaf_hash(b"")]
while len(EQUAL) < 64:
    EQUAL.append(Hash(sha256(b"\x01" + EQUAL[-1] + EQUAL[-1]).digest()))


def test_a_proof_in_a_tree_larger_than_any_is_refused_though_its_hashes_fit() -> None:
    refused_inclusion(EQUAL[0], 0, SIZE_LIMIT, EQUAL[63], EQUAL[:63])
    refused_consistency(SIZE_LIMIT // 2, EQUAL[62], SIZE_LIMIT, EQUAL[63], EQUAL[62:63])


sizes = st.one_of(st.integers(1, LARGEST_SIZE), st.integers(1, SIZE_LIMIT - 1))


@given(size=sizes, data=st.data())
def test_proofs_in_a_tree_of_any_size_hold_and_are_no_longer_than_the_tree_is_high(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1), label="index")
    root, height = tree_root(size, synthetic), (size - 1).bit_length()
    path = inclusion_path(index, size, synthetic)
    check_inclusion(EQUAL[0], index, size, root, path)
    assert len(path) <= height
    path = consistency_path(index, size, synthetic)
    check_consistency(index, tree_root(index, synthetic), size, root, path)
    assert len(path) <= height + 1


@given(
    leaf=st.binary(min_size=32, max_size=32),
    index=st.integers(-1, 2**64),
    size=st.integers(-1, 2**64),
    path=st.lists(st.binary(max_size=40) | st.binary(min_size=32, max_size=32), max_size=70),
)
def test_random_hashes_prove_nothing_and_raise_nothing_else(
    leaf: bytes, index: int, size: int, path: list[bytes]
) -> None:
    root = leaf_hash(b"another")
    refused_inclusion(Hash(leaf), index, size, root, path)
    refused_consistency(index, Hash(leaf), size, root, path)
