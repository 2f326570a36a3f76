"""The status lists of a log as a tree: one bit for each version of an award, and proofs of single bits.

docs/spec/status.md says what is hashed. A list is 131,072 bits in 64 chunks of 256 bytes, slot 0 the left-most bit; its
leaf in the tree of all lists is its id, its number of slots and its root.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.events import StatusCommitted
from ledger.domain.types import ListId, Slot
from ledger.domain.values import STATUS_LIST_SLOTS
from ledger.errors import LedgerError
from ledger.tlog.changing_tree import ChangingTree
from ledger.tlog.merkle import HASH_BYTES, Hash, leaf_hash, node_hash
from ledger.tlog.proofs import InclusionNotProved, check_inclusion

CHUNK: Final = 256  # bytes
CHUNKS: Final = STATUS_LIST_SLOTS // 8 // CHUNK
_HEIGHT: Final = CHUNKS.bit_length() - 1  # of the tree over a list's chunks, which is a perfect one
LIST_ID: Final = 16  # bytes
_SLOTS_OF_A_CHUNK: Final = CHUNK * 8
_NOTHING_SET: Final = leaf_hash(bytes(CHUNK))
_SLOTS: Final = STATUS_LIST_SLOTS.to_bytes(4, "big")


class StatusNotProved(LedgerError):
    """The proof does not show what a status list, or the authority tree, held at the statement."""


class ListUnknown(LedgerError):
    """No award was ever given a slot in this list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotProof:
    """What one slot held at a statement."""

    list: ListId
    slot: Slot
    chunk: bytes  # 256 bytes, among them the one with the slot
    chunk_path: tuple[Hash, ...]  # of the chunk in its list, 6 hashes
    number: int  # of the list, from 0 in the order of first use
    list_path: tuple[Hash, ...]  # of the list among the lists of the statement


def check_slot(proof: SlotProof, statement: StatusCommitted) -> bool:
    """What the slot held by the statement: True for "do not rely on this version".

    Raises:
        StatusNotProved: the proof does not lead to the statement's root.
    """
    if not 0 <= proof.slot < STATUS_LIST_SLOTS or len(proof.chunk) != CHUNK or len(proof.list) != LIST_ID:
        raise StatusNotProved("a list has 131,072 slots in chunks of 256 bytes, and a name of 16 bytes")
    index, within = divmod(proof.slot, _SLOTS_OF_A_CHUNK)
    root = _root_from(leaf_hash(proof.chunk), index, proof.chunk_path)
    leaf = _list_leaf(proof.list, root)
    try:
        check_inclusion(leaf, proof.number, statement.lists, Hash(statement.status), proof.list_path)
    except InclusionNotProved as error:
        raise StatusNotProved(f"the slot does not lie under the status root of the statement: {error}") from error
    return bool(proof.chunk[within >> 3] & _mask(within))


def _root_from(leaf: Hash, index: int, path: Sequence[Hash]) -> Hash:
    """The root of a list to which a path leads. It is believed only once it is found in the tree of all lists."""
    if len(path) != _HEIGHT or any(len(each) != HASH_BYTES for each in path):
        raise StatusNotProved(f"the path of a chunk in its list has {_HEIGHT} hashes of {HASH_BYTES} bytes")
    node = leaf
    for sibling in path:
        node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index >>= 1
    return node


def _list_leaf(name: ListId, root: Hash) -> Hash:
    return leaf_hash(name + _SLOTS + root)


def _mask(slot: int) -> int:
    return 0x80 >> (slot & 7)  # slot 0 is the left-most bit


class _List:
    """One list: the chunks in which a bit was ever set."""

    __slots__ = ("chunks", "number", "stale", "tree")

    def __init__(self, number: int, tree: ChangingTree) -> None:
        self.number = number
        self.tree = tree
        self.chunks: dict[int, bytearray] = {}
        self.stale: set[int] = set()  # chunks whose leaves are not up to date


class StatusLists:
    """All lists of a log. A changed bit costs the hashes above it, whatever the lists hold."""

    def __init__(self) -> None:
        """None yet."""
        self._lists: dict[ListId, _List] = {}
        self._tree = ChangingTree()
        self._stale: set[ListId] = set()
        self._empty = ChangingTree([_NOTHING_SET] * CHUNKS)

    def __len__(self) -> int:
        """How many lists there are."""
        return len(self._lists)

    def begin(self, name: ListId) -> None:
        """A list exists from its first use on; again it does nothing."""
        if name not in self._lists:
            self._lists[name] = _List(len(self._lists), self._empty.copy())
            self._tree.append(_list_leaf(name, self._empty.root()))

    def put(self, name: ListId, slot: Slot, bit: bool) -> None:
        """Set or clear a slot of a list that was begun.

        Raises:
            ListUnknown: it was not.
        """
        held = self._list(name)
        index, within = divmod(slot, _SLOTS_OF_A_CHUNK)
        chunk = held.chunks.get(index)
        if chunk is None:
            if not bit:
                return
            chunk = held.chunks[index] = bytearray(CHUNK)
        if bool(chunk[within >> 3] & _mask(within)) != bit:
            chunk[within >> 3] ^= _mask(within)
            held.stale.add(index)
            self._stale.add(name)

    def is_set(self, name: ListId, slot: Slot) -> bool:
        """What a slot holds.

        Raises:
            ListUnknown: there is no such list.
        """
        index, within = divmod(slot, _SLOTS_OF_A_CHUNK)
        chunk = self._list(name).chunks.get(index)
        return chunk is not None and bool(chunk[within >> 3] & _mask(within))

    def root(self) -> Hash:
        """Over all lists, in the order of their first use."""
        self._settle()
        return self._tree.root()

    def proof(self, name: ListId, slot: Slot) -> SlotProof:
        """What a slot holds, to be checked against the statement of this moment.

        Raises:
            ListUnknown: there is no such list.
        """
        held = self._list(name)
        self._settle()
        index = slot // _SLOTS_OF_A_CHUNK
        return SlotProof(
            list=name,
            slot=slot,
            chunk=bytes(held.chunks.get(index, bytes(CHUNK))),
            chunk_path=held.tree.path(index),
            number=held.number,
            list_path=self._tree.path(held.number),
        )

    def bits(self, name: ListId) -> bytes:
        """All slots of a list, slot 0 the left-most bit of the first byte.

        Raises:
            ListUnknown: there is no such list.
        """
        held = self._list(name).chunks
        return b"".join([bytes(held[index]) if index in held else bytes(CHUNK) for index in range(CHUNKS)])

    def chunks(self) -> Iterator[tuple[ListId, dict[int, bytes]]]:
        """Every list with the chunks in which a bit is set, in the order of first use."""
        for name, held in self._lists.items():
            yield name, {index: bytes(chunk) for index, chunk in sorted(held.chunks.items()) if any(chunk)}

    def load(self, name: ListId, chunks: dict[int, bytes]) -> None:
        """The next list, as `chunks` gave it."""
        self.begin(name)
        held = self._list(name)
        held.chunks = {index: bytearray(chunk) for index, chunk in chunks.items()}
        held.stale = set(chunks)
        self._stale.add(name)

    def _list(self, name: ListId) -> _List:
        held = self._lists.get(name)
        if held is None:
            raise ListUnknown("no award was ever given a slot in this status list")
        return held

    def _settle(self) -> None:
        for name in self._stale:
            held = self._lists[name]
            for index in held.stale:
                held.tree.replace(index, leaf_hash(bytes(held.chunks[index])))
            held.stale.clear()
            self._tree.replace(held.number, _list_leaf(name, held.tree.root()))
        self._stale.clear()
