"""Hashing of a Merkle log: leaves, inner nodes, and the root over all leaves (RFC 6962 §2.1, RFC 9162 §2.1.1).

A log is folded into a `CompactRange`, a few hashes from which it can be grown and its root computed without keeping
its leaves. Proofs are in `ledger.tlog.proofs`, tiles in `ledger.tlog.tiles`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NewType, Self

from ledger.errors import LedgerError

Hash = NewType("Hash", bytes)  # 32 bytes, SHA-256

HASH_BYTES: Final = 32
SIZE_LIMIT: Final = 2**63  # a tree size is below this
_SIZE_BYTES: Final = 8  # a size in `CompactRange.to_bytes`, big endian
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"

# RFC 6962 §2.1: "The hash of an empty list is the hash of an empty string".
EMPTY_ROOT: Final = Hash(sha256(b"").digest())


class MalformedRange(LedgerError):
    """A size and hashes that cannot be the compact range of any log."""


def leaf_hash(entry: bytes) -> Hash:
    """The hash of one entry as a leaf: SHA-256(0x00 || entry). RFC 6962 §2.1."""
    return Hash(sha256(_LEAF + entry).digest())


def node_hash(left: Hash, right: Hash) -> Hash:
    """The hash of an inner node over its two children: SHA-256(0x01 || left || right). RFC 6962 §2.1."""
    return Hash(sha256(_NODE + left + right).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactRange:
    """The roots of the full subtrees that cover the first `size` leaves of a log.

    Enough to append leaves and to compute the root, in at most 63 hashes. Construction checks the shape; that the
    hashes are those of some leaves cannot be checked.

    Raises:
        MalformedRange: the size is out of range, or the hashes are not as many as the size has subtrees, or not
            32 bytes each.
    """

    size: int  # number of leaves, 0 <= size < 2**63
    hashes: tuple[Hash, ...]  # one for each bit set in `size`, largest subtree first

    def __post_init__(self) -> None:
        if not 0 <= self.size < SIZE_LIMIT:
            raise MalformedRange(f"the size of a compact range is from 0 to 2**63 - 1, not {self.size}")
        if len(self.hashes) != self.size.bit_count():
            raise MalformedRange(
                f"a compact range of {self.size} leaves has {self.size.bit_count()} hashes, not {len(self.hashes)}"
            )
        if any(len(subtree) != HASH_BYTES for subtree in self.hashes):
            raise MalformedRange(f"every hash in a compact range has {HASH_BYTES} bytes, and one here has not")

    @classmethod
    def empty(cls) -> Self:
        """The range of a log without leaves."""
        return cls(size=0, hashes=())

    def extended(self, leaves: Iterable[Hash]) -> "CompactRange":
        """The range after `leaves`, in order, are appended to the log; this one stays as it is.

        Args:
            leaves: leaf hashes as `leaf_hash` makes them, 32 bytes each. They are read once and not kept.
        """
        # The body of `node_hash` stands here a second time because a call for each leaf costs a third of the speed.
        hash_of, prefix = sha256, _NODE
        size, subtrees = self.size, list[bytes](self.hashes)
        pop, push = subtrees.pop, subtrees.append
        node: bytes
        for leaf in leaves:
            node, unpaired = leaf, size
            # Each trailing one bit of the size is a full subtree on the right that the new node completes.
            while unpaired & 1:
                node = hash_of(prefix + pop() + node).digest()
                unpaired >>= 1
            push(node)
            size += 1
        return CompactRange(size=size, hashes=tuple(Hash(subtree) for subtree in subtrees))

    def root(self) -> Hash:
        """The root of the whole tree: MTH of RFC 6962 §2.1."""
        if not self.hashes:
            return EMPTY_ROOT
        # The tree splits at the largest power of two below its size, so the subtrees join from the smallest up.
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """The one spelling of this range: size as 8 bytes big endian, then the hashes as they stand."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The range that `raw` spells.

        Raises:
            MalformedRange: `raw` is not what `to_bytes` makes of any range.
        """
        if len(raw) < _SIZE_BYTES:
            raise MalformedRange(f"a compact range begins with {_SIZE_BYTES} bytes of size; here are only {len(raw)}")
        starts = range(_SIZE_BYTES, len(raw), HASH_BYTES)
        return cls(
            size=int.from_bytes(raw[:_SIZE_BYTES], "big"),
            hashes=tuple(Hash(raw[start : start + HASH_BYTES]) for start in starts),
        )
