"""A tree whose leaves change has the root of the leaves it has, and its paths prove them."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.changing_tree import ChangingTree
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.proofs import OutsideTree, check_inclusion


def _root(leaves: list[Hash]) -> bytes:
    """MTH of RFC 6962 §2.1, as it stands there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _leaf(number: int) -> Hash:
    return leaf_hash(b"%d" % number)


@pytest.mark.parametrize("size", [*range(66), 127, 128, 129, 300])
def test_a_tree_grown_leaf_by_leaf_or_at_once_has_the_root_of_the_definition(size: int) -> None:
    leaves = [_leaf(number) for number in range(size)]
    grown = ChangingTree()
    for number, leaf in enumerate(leaves):
        grown.append(leaf)
        assert len(grown) == number + 1
        if number % 7 == 0:
            assert grown.root() == _root(leaves[: number + 1])
    assert grown.root() == ChangingTree(leaves).root() == _root(leaves)


@given(
    size=st.integers(0, 40),
    changes=st.lists(
        st.tuples(st.sampled_from(("append", "replace", "replace_from", "root", "copy")), st.integers(0, 60)),
        max_size=30,
    ),
)
def test_whatever_changes_root_and_paths_are_those_of_the_leaves(size: int, changes: list[tuple[str, int]]) -> None:
    leaves = [_leaf(number) for number in range(size)]
    tree = ChangingTree(leaves)
    for number, (change, where) in enumerate(changes):
        new = _leaf(1000 + number)
        if change == "append":
            leaves.append(new)
            tree.append(new)
        if change == "replace" and where < len(leaves):
            leaves[where] = new
            tree.replace(where, new)
        if change == "replace_from" and where <= len(leaves):
            more = [_leaf(2000 + number * 100 + each) for each in range(number % 9)]
            leaves[where:] = more
            tree.replace_from(where, more)
        if change == "root":
            assert tree.root() == _root(leaves)
        if change == "copy":
            kept, tree = tree, tree.copy()
            kept.append(new)
            kept.replace(0, new)
    root = tree.root()
    assert (len(tree), root) == (len(leaves), _root(leaves))
    for index, leaf in enumerate(leaves):
        check_inclusion(leaf, index, len(leaves), root, tree.path(index))


def test_there_is_no_path_of_a_leaf_that_is_not_there() -> None:
    tree = ChangingTree([_leaf(1), _leaf(2)])
    for index in (-1, 2, 3):
        with pytest.raises(OutsideTree):
            tree.path(index)
