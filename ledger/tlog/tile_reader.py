"""Reads a log from its tiles, and believes nothing in them that is not tied to the root it was given.

A full tile is believed because the tile above holds its root, and so on up; the partial tiles at the right edge because
together they have the root of the tree. So a full tile that was forged is refused like any other, wherever it lies, and
whoever serves the tiles can only withhold. Whether the root is to be believed is for the caller, who opened a signed
checkpoint; where the tiles lie is for the caller's `Fetch`.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from struct import Struct
from threading import Lock
from typing import Final, cast

from ledger.errors import LedgerError
from ledger.tlog.merkle import HASH_BYTES, SIZE_LIMIT, CompactRange, Hash, leaf_hash
from ledger.tlog.proofs import Node, OutsideTree, consistency_path, inclusion_path
from ledger.tlog.tiles import (
    FULL_WIDTH,
    TILE_HEIGHT,
    Bundle,
    MalformedTile,
    Tile,
    TileMissing,
    decode_bundle,
    edge_tiles,
    read_tile,
)

__all__ = ["Fetch", "MalformedTile", "TileCache", "TileForged", "TileMissing", "TileReader"]

# The bytes at a path relative to where the log is served, such as "tile/0/x001/234"; raises TileMissing.
Fetch = Callable[[str], bytes]

_NODE: Final = b"\x01"  # RFC 6962 §2.1
_PAIR: Final = Struct(f"{2 * HASH_BYTES}s")  # of hashes
_LEVELS: Final = SIZE_LIMIT.bit_length()  # of the largest tree
_CACHED_TILES: Final = 256  # of 16 KiB each


class TileForged(LedgerError):
    """A tile or an entry bundle of the right form that does not belong to the tree with this root."""


class _Hashed:
    """A tile with all nodes of the tree inside it. Says nothing about whether it belongs to any log."""

    __slots__ = ("levels",)

    def __init__(self, raw: bytes) -> None:
        self.levels = [raw]
        # `node_hash` once more, because a proof in a long log waits for a thousand of them: to copy a hash that has
        # begun takes three quarters of the time of a new one.
        begun = sha256(_NODE)
        while len(raw) >= _PAIR.size:
            above = []
            for (pair,) in _PAIR.iter_unpack(raw[: len(raw) // _PAIR.size * _PAIR.size]):
                node = begun.copy()
                node.update(pair)
                above.append(node.digest())
            raw = b"".join(above)
            self.levels.append(raw)

    def node(self, level: int, index: int) -> Hash:
        """A node inside the tile: `level` 0 to 8 above its hashes, `index` from the tile's left."""
        return Hash(self.levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def subtrees(self) -> tuple[Hash, ...]:
        """The perfect subtrees that the tile consists of, largest first."""
        # A level with an odd number of nodes ends in one that has no parent here.
        odd = (raw[-HASH_BYTES:] for raw in reversed(self.levels) if len(raw) // HASH_BYTES & 1)
        return tuple(map(Hash, odd))


class TileCache:
    """The full tiles read last, at most `limit` of them, for readers of one log at any of its sizes.

    They need not be believed: a reader ties what it finds here to its own root. Several threads may share one.
    """

    def __init__(self, limit: int = _CACHED_TILES) -> None:
        self._limit = limit
        self._lock = Lock()
        self._kept: dict[tuple[int, int], _Hashed] = {}  # the one used last stands last

    def get(self, level: int, number: int) -> _Hashed | None:
        """The tile, if it is kept."""
        with self._lock:
            found = self._kept.pop((level, number), None)
            if found is not None:
                self._kept[level, number] = found
            return found

    def put(self, level: int, number: int, tile: _Hashed) -> None:
        """Keep the tile, if need be instead of the one not used for longest."""
        with self._lock:
            self._kept[level, number] = tile
            if len(self._kept) > self._limit:
                del self._kept[next(iter(self._kept))]


class TileReader:
    """Hashes, proofs and entries of the tree of `size` leaves that has `root`, from tiles that nobody need trust.

    Nothing is read before it is asked for. A tile or bundle whose partial form is gone is cut from the full one. What
    `fetch` raises is passed on, `TileMissing` where neither is there. Several threads may share a reader if they may
    share its `fetch`.

    Args:
        size: number of leaves, 0 <= size < 2**63
        root: taken from a checkpoint that was opened with a trusted key, or otherwise believed.
        cache: of another reader of the same log, so that what it read need not be read again.

    Raises:
        OutsideTree: `size` is no size of a tree.
    """

    def __init__(self, size: int, root: Hash, fetch: Fetch, *, cache: TileCache | None = None) -> None:
        if not 0 <= size < SIZE_LIMIT:
            raise OutsideTree(f"the size of a tree is from 0 to 2**63 - 1, not {size}")
        self._size = size
        self._root = root
        self._fetch = fetch
        self._cache = TileCache() if cache is None else cache
        self._edge: dict[int, _Hashed] | None = None  # the partial tiles by their level, once they are believed

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def root(self) -> Hash:
        """The root to which everything read is tied."""
        return self._root

    def nodes(self, nodes: Sequence[Node]) -> tuple[Hash, ...]:
        """The hashes of perfect subtrees of the tree, in the same order.

        Raises:
            OutsideTree: one does not lie wholly inside the tree. Nothing was read.
            MalformedTile, TileForged: a tile is not the log's.
            TileMissing: a tile is not to be had.
        """
        size = self._size
        for level, index in nodes:
            if not (0 <= level < _LEVELS and index >= 0 and (index + 1) << level <= size):
                raise OutsideTree(f"subtree {index} of level {level} is not inside a tree of {size}")
        believed: dict[tuple[int, int], _Hashed] = {}
        found: list[bytes] = []
        for height, index in nodes:
            inside = height % TILE_HEIGHT
            width = FULL_WIDTH >> inside
            place = (height // TILE_HEIGHT, index // width)
            tile = believed.get(place)
            if tile is None:
                tile = believed[place] = self._tile(*place)
            # The body of `_Hashed.node`: a call for each node costs a fifth of a proof, and a page waits for it.
            start = index % width * HASH_BYTES
            found.append(tile.levels[inside][start : start + HASH_BYTES])
        return cast("tuple[Hash, ...]", tuple(found))

    def inclusion(self, index: int) -> tuple[Hash, ...]:
        """The proof that leaf `index`, from 0, is in the tree: `check_inclusion` accepts it with the leaf's own hash.

        Raises:
            OutsideTree: the tree has no such leaf.
            MalformedTile, TileForged, TileMissing: as `nodes`.
        """
        return inclusion_path(index, self._size, self.nodes)

    def consistency(self, old: int) -> tuple[Hash, ...]:
        """The proof that the tree of `old` leaves is the beginning of this one, for `check_consistency`.

        Raises:
            OutsideTree: `old` is no size from 0 to that of the tree.
            MalformedTile, TileForged, TileMissing: as `nodes`.
        """
        return consistency_path(old, self._size, self.nodes)

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        """The entries of the leaves from `first` to before `last`, each tied to its leaf; bundles are read one by one.

        Raises:
            OutsideTree: the tree has not all these leaves.
            MalformedTile, TileForged: a bundle or tile is not the log's; of its bundle no entry was given.
            TileMissing: a bundle or tile is not to be had.
        """
        if not 0 <= first <= last <= self._size:
            raise OutsideTree(f"the leaves from {first} to before {last} are not all in a tree of {self._size}")
        return self._entries(first, last)

    def _entries(self, first: int, last: int) -> Iterator[bytes]:
        while first < last:
            number, begin = divmod(first, FULL_WIDTH)
            start = first - begin
            end = min(last - start, FULL_WIDTH)
            yield from self._bundle(Bundle(number, min(self._size - start, FULL_WIDTH)))[begin:end]
            first = start + end

    def _bundle(self, bundle: Bundle) -> Sequence[bytes]:
        """The entries of a bundle, each of which hashes to its leaf in the tile of the same number."""
        tile = self._tile(0, bundle.number)
        try:
            found, raw = bundle, self._fetch(bundle.path)
        except TileMissing:
            if bundle.full:
                raise
            found = bundle.whole
            raw = self._fetch(found.path)
        try:
            entries = decode_bundle(raw, found.width)[: bundle.width]
        except MalformedTile as error:
            raise MalformedTile(f"{found.path}: {error}") from error
        for place, entry in enumerate(entries):
            if leaf_hash(entry) != tile.node(0, place):
                raise TileForged(f"entry {place} in {found.path} is not that of the tree of {self._size}")
        return entries

    def _tile(self, level: int, number: int) -> _Hashed:
        """A tile of the tree, tied to its root."""
        count = self._size >> level * TILE_HEIGHT
        if number == count // FULL_WIDTH:
            return self._right_edge()[level]
        # "each hash in a tile is the Merkle Tree Hash of a full tile at the level below"
        above, place = divmod(number, FULL_WIDTH)
        expected = self._tile(level + 1, above).node(0, place)
        kept = self._cache.get(level, number)
        if kept is not None and kept.node(TILE_HEIGHT, 0) == expected:
            return kept
        tile = Tile(level, number, FULL_WIDTH)
        hashed = _Hashed(self._read(tile))
        if hashed.node(TILE_HEIGHT, 0) != expected:
            raise TileForged(f"{tile.path} is not a tile of the tree of {self._size} with the root {self._root.hex()}")
        self._cache.put(level, number, hashed)
        return hashed

    def _right_edge(self) -> dict[int, _Hashed]:
        """The partial tiles, which together have the root of the tree."""
        if self._edge is None:
            tiles = edge_tiles(self._size)
            edge = {tile.level: _Hashed(self._read(tile)) for tile in tiles}
            subtrees = [subtree for tile in reversed(tiles) for subtree in edge[tile.level].subtrees()]
            if CompactRange(size=self._size, hashes=tuple(subtrees)).root() != self._root:
                names = ", ".join(tile.path for tile in tiles)
                raise TileForged(f"{names}: not the right edge of a tree of {self._size} with root {self._root.hex()}")
            self._edge = edge
        return self._edge

    def _read(self, tile: Tile) -> bytes:
        return read_tile(tile, lambda wanted: self._fetch(wanted.path))
