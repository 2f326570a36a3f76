"""Proofs that a leaf lies in a tree, and that one tree is the beginning of another: made and checked (RFC 9162 §2.1).

Making needs hashes of perfect subtrees, which a `ReadNodes` gives: from leaves in memory (`node_reader`) or from tiles
(`ledger.tlog.tile_reader`). Checking needs the proof alone. Whether a root is to be believed is for the caller.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.errors import LedgerError
from ledger.tlog.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_LIMIT, Hash, node_hash


class OutsideTree(LedgerError):
    """A leaf, a subtree or a size of which the tree at hand knows nothing."""


class InclusionNotProved(LedgerError):
    """The path does not show that the leaf lies at its place in the tree with the root."""


class ConsistencyNotProved(LedgerError):
    """The path does not show that the smaller tree is the beginning of the larger one."""


class Node(NamedTuple):
    """A perfect subtree: the leaves from ``index << level`` on, ``1 << level`` of them.

    A named tuple and no dataclass: a proof in a large log makes dozens, and the page waits for them.
    """

    level: int  # 0 is a leaf
    index: int  # type: ignore[assignment]  # among the perfect subtrees of that level, from 0; not tuple.index


class _Span(NamedTuple):
    """The leaves below one node of a tree, perfect or not."""

    first: int
    end: int  # exclusive


# The hashes of the nodes given, in the same order. Whoever reads them from elsewhere ties them to a root before.
ReadNodes = Callable[[Sequence[Node]], Sequence[Hash]]


def inclusion_path(index: int, size: int, read: ReadNodes) -> tuple[Hash, ...]:
    """The proof that leaf `index` is in the tree of the first `size` leaves: PATH(m, D_n) of RFC 9162 §2.1.3.1.

    Args:
        index: from 0.
        read: is asked once for all nodes.

    Raises:
        OutsideTree: the tree has no such leaf.
    """
    if not 0 <= index < size < SIZE_LIMIT:
        raise OutsideTree(f"there is no leaf {index} in a tree of {size}")
    wanted: list[Node] = []
    edge: tuple[int, int] | None = None  # where the subtrees of a sibling begin that is no perfect one, and end
    node, last, level = index, size - 1, 0
    while last > 0:
        sibling = node ^ 1
        if (sibling + 1) << level <= size:
            wanted.append(Node(level, sibling))
        # A node that stands last at an even place has no sibling here; the tree hands it up unchanged.
        elif sibling <= last:
            # It ends with the tree. From here on the leaf lies below the last node, so there is no other such sibling.
            begin = len(wanted)
            wanted += _perfect_subtrees(_Span(sibling << level, size))
            edge = begin, len(wanted)
        node, last, level = node >> 1, last >> 1, level + 1
    found = read(wanted)
    if edge is None:
        return tuple(found)
    begin, end = edge
    return (*found[:begin], _joined(found[begin:end]), *found[end:])


def check_inclusion(leaf: Hash, index: int, size: int, root: Hash, path: Sequence[Hash]) -> None:
    """Return if `path` proves that `leaf` is leaf `index` of the tree of `size` leaves that has `root`.

    Raises:
        InclusionNotProved: it does not, for whatever reason; an index outside the tree is one.
    """
    # RFC 9162 §2.1.3.2. Step 1: "If leaf_index is greater than or equal to tree_size, then fail".
    if not 0 <= index < size < SIZE_LIMIT:
        raise InclusionNotProved(f"there is no leaf {index} in a tree of {size}")
    if any(len(each) != HASH_BYTES for each in path):
        raise InclusionNotProved(f"every hash of an inclusion proof has {HASH_BYTES} bytes, and one here has not")
    fn, sn, r = index, size - 1, leaf  # Steps 2 and 3; the RFC's own names
    for p in path:  # Step 4
        if sn == 0:
            raise InclusionNotProved(f"the proof for leaf {index} in a tree of {size} is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:  # Step 5
        raise InclusionNotProved(f"the proof for leaf {index} in a tree of {size} is too short")
    if r != root:
        raise InclusionNotProved(f"the proof for leaf {index} leads to another root than that of the tree of {size}")


def consistency_path(old: int, new: int, read: ReadNodes) -> tuple[Hash, ...]:
    """The proof that the tree of `old` leaves is the beginning of that of `new`: PROOF(m, D_n) of RFC 9162 §2.1.4.1.

    It is empty if `old` is 0 or equals `new`: then nothing is left to show.

    Args:
        read: is asked once for all nodes.

    Raises:
        OutsideTree: `old` is larger than `new`, or one of them is no size.
    """
    if not 0 <= old <= new < SIZE_LIMIT:
        raise OutsideTree(f"a tree of {old} is not the beginning of one of {new}")
    if old == 0:
        return ()
    spans = []
    first, end, whole = 0, new, True
    while old < end:  # SUBPROOF: `old` lies in the subtree [first, end), and the rest of the tree is in `spans`
        split = first + _largest_power_below(end - first)
        if old <= split:
            spans.append(_Span(split, end))
            end = split
        else:
            spans.append(_Span(first, split))
            first, whole = split, False
    # What is common ends here. If it begins at leaf 0 it is the old tree, whose root the verifier has.
    if not whole:
        spans.append(_Span(first, end))
    return _hashes_of(spans[::-1], read)


def check_consistency(old: int, old_root: Hash, new: int, new_root: Hash, path: Sequence[Hash]) -> None:
    """Return if `path` proves that the tree of `old` leaves with `old_root` begins that of `new` with `new_root`.

    Raises:
        ConsistencyNotProved: it does not, for whatever reason; a `new` smaller than `old` is one.
    """
    if not 0 <= old <= new < SIZE_LIMIT:
        raise ConsistencyNotProved(f"a tree of {old} is not the beginning of one of {new}")
    if any(len(each) != HASH_BYTES for each in path):
        raise ConsistencyNotProved(f"every hash of a consistency proof has {HASH_BYTES} bytes, and one here has not")
    if old in (0, new):
        _check_nothing_to_show(old, old_root, new, new_root, path)
        return
    if not path:  # RFC 9162 §2.1.4.2, step 1
        raise ConsistencyNotProved(f"the proof from a tree of {old} to one of {new} is empty")
    hashes = list(path)
    if old & (old - 1) == 0:  # Step 2: "If first is an exact power of 2, then prepend first_hash"
        hashes.insert(0, old_root)
    fn, sn = old - 1, new - 1  # Step 3; the RFC's own names
    while fn & 1:  # Step 4
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]  # Step 5
    for c in hashes[1:]:  # Step 6
        if sn == 0:
            raise ConsistencyNotProved(f"the proof from a tree of {old} to one of {new} is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:  # Step 7
        raise ConsistencyNotProved(f"the proof from a tree of {old} to one of {new} is too short")
    if fr != old_root:
        raise ConsistencyNotProved(f"the proof leads to another root than that of the older tree, of {old}")
    if sr != new_root:
        raise ConsistencyNotProved(f"the proof leads to another root than that of the newer tree, of {new}")


def tree_root(size: int, read: ReadNodes) -> Hash:
    """The root of the tree of the first `size` leaves: MTH(D_n) of RFC 9162 §2.1.1.

    Raises:
        OutsideTree: `size` is no size of a tree.
    """
    if not 0 <= size < SIZE_LIMIT:
        raise OutsideTree(f"the size of a tree is from 0 to 2**63 - 1, not {size}")
    if size == 0:
        return EMPTY_ROOT
    return _hashes_of([_Span(0, size)], read)[0]


def node_reader(leaves: Sequence[Hash]) -> ReadNodes:
    """Reads the nodes of a small tree from memory; it is hashed once, here. Later changes of `leaves` do nothing.

    The reader raises OutsideTree for a node that does not lie wholly inside the tree.
    """
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(left, right) for left, right in zip(below[::2], below[1::2], strict=False)])

    def read(nodes: Sequence[Node]) -> Sequence[Hash]:
        for level, index in nodes:
            if not (0 <= level < len(levels) and 0 <= index < len(levels[level])):
                raise OutsideTree(f"subtree {index} of level {level} is not inside a tree of {len(leaves)}")
        return [levels[level][index] for level, index in nodes]

    return read


def _largest_power_below(number: int) -> int:
    """The k of RFC 9162 §2.1.1: the largest power of two smaller than `number`, which is at least 2."""
    return 1 << (number - 1).bit_length() - 1


def _hashes_of(spans: Sequence[_Span], read: ReadNodes) -> tuple[Hash, ...]:
    """The hash of each span, from the perfect subtrees that it consists of."""
    parts = [_perfect_subtrees(span) for span in spans]
    found = iter(read([node for part in parts for node in part]))
    return tuple(_joined([next(found) for _ in part]) for part in parts)


def _perfect_subtrees(span: _Span) -> list[Node]:
    # A node of the tree begins at a multiple of its width, so its leaves split like the bits of their number.
    nodes, first = [], span.first
    while first < span.end:
        level = (span.end - first).bit_length() - 1
        nodes.append(Node(level, first >> level))
        first += 1 << level
    return nodes


def _joined(subtrees: Sequence[Hash]) -> Hash:
    # The tree splits at the largest power of two below its size, so the subtrees join from the smallest up.
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def _check_nothing_to_show(old: int, old_root: Hash, new: int, new_root: Hash, path: Sequence[Hash]) -> None:
    if path:
        raise ConsistencyNotProved(f"from a tree of {old} to one of {new} nothing is to be shown, yet here is a proof")
    if old == 0 and old_root != EMPTY_ROOT:
        raise ConsistencyNotProved("the older tree is empty and has not the root of an empty tree")
    if old == new and old_root != new_root:
        raise ConsistencyNotProved(f"two trees of {old} have different roots")
