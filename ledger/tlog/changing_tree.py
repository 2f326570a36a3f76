"""A Merkle tree in memory whose leaves may change: for small trees that are stated anew again and again.

A log only grows, and has `CompactRange` and tiles. This one keeps every node, so that a changed leaf costs the hashes
above it and nothing else.
"""

from collections.abc import Iterable, Sequence

from ledger.tlog.merkle import EMPTY_ROOT, Hash, node_hash
from ledger.tlog.proofs import Node, inclusion_path


class ChangingTree:
    """The nodes over some leaves (RFC 6962 §2.1). Hashes are brought up to date when they are asked for."""

    def __init__(self, leaves: Iterable[Hash] = ()) -> None:
        """Over these leaves, which `leaf_hash` made."""
        self._levels: list[list[Hash]] = [list(leaves)]
        self._changed = set(range(len(self._levels[0])))  # leaves whose parents are not up to date

    def __len__(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def copy(self) -> "ChangingTree":
        """The same leaves, to be changed apart."""
        self._settle()
        other = ChangingTree()
        other._levels = [level.copy() for level in self._levels]
        return other

    def append(self, leaf: Hash) -> None:
        """One more leaf, the last."""
        self._changed.add(len(self))
        self._levels[0].append(leaf)

    def replace(self, index: int, leaf: Hash) -> None:
        """Another leaf at an index from 0 that has one."""
        self._levels[0][index] = leaf
        self._changed.add(index)

    def replace_from(self, index: int, leaves: Iterable[Hash]) -> None:
        """Other leaves, however many, in place of all from an index on."""
        self._settle()
        for height, level in enumerate(self._levels):
            del level[index >> height :]  # a node goes with the first of its leaves that goes
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> Hash:
        """The root over all leaves."""
        self._settle()
        size = len(self)
        root: Hash | None = None
        for height, level in enumerate(self._levels):
            if size >> height & 1:  # a perfect subtree that ends the tree, or joins the smaller ones to its right
                last = level[(size >> height) - 1]
                root = last if root is None else node_hash(last, root)
        return EMPTY_ROOT if root is None else root

    def path(self, index: int) -> tuple[Hash, ...]:
        """The proof that the leaf at `index` is in the tree.

        Raises:
            OutsideTree: there is no such leaf.
        """
        self._settle()
        return inclusion_path(index, len(self), self._read)

    def _read(self, nodes: Sequence[Node]) -> Sequence[Hash]:
        return [self._levels[level][index] for level, index in nodes]

    def _settle(self) -> None:
        changed, height = sorted(self._changed), 0
        self._changed.clear()
        while changed:
            below = self._levels[height]
            height += 1
            if height == len(self._levels):
                self._levels.append([])
            above = self._levels[height]
            parents = sorted({index >> 1 for index in changed if index | 1 < len(below)})
            for parent in parents:
                node = node_hash(below[2 * parent], below[2 * parent + 1])
                if parent < len(above):
                    above[parent] = node
                else:
                    above.append(node)
            changed = parents
