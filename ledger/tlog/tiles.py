"""Tiles and entry bundles: how a Merkle log lies in static files, and how they are made (c2sp.org/tlog-tiles).

A tile holds up to 256 hashes of one level of tiles: those of leaves at level 0, of full tiles of the level below above
it. A bundle holds the entries of a tile of level 0. Nothing here can tell whether bytes belong to a log; only
`ledger.tlog.tile_reader` ties them to its root. Where they are kept, and in which order written, is for the caller.
"""

from collections.abc import Callable, Sequence
from typing import Final, Self

from ledger.errors import LedgerError
from ledger.tlog.merkle import HASH_BYTES, CompactRange, Hash
from ledger.tlog.tile_paths import (
    FULL_WIDTH,
    TILE_HEIGHT,
    Bundle,
    MalformedTilePath,
    Tile,
    bundles_between,
    edge_tiles,
    parse_path,
    tiles_between,
)

# Whoever works with tiles names them too, and finds both here.
__all__ = [
    "FULL_WIDTH",
    "MAX_BUNDLE_BYTES",
    "MAX_ENTRY_BYTES",
    "TILE_HEIGHT",
    "Bundle",
    "MalformedTile",
    "MalformedTilePath",
    "ReadTile",
    "Tile",
    "TileEdge",
    "TileMissing",
    "bundles_between",
    "decode_bundle",
    "edge_tiles",
    "encode_bundle",
    "hashes_in",
    "parse_path",
    "read_tile",
    "tiles_between",
]

MAX_ENTRY_BYTES: Final = 2**16 - 1
MAX_BUNDLE_BYTES: Final = FULL_WIDTH * (2 + MAX_ENTRY_BYTES)  # for whoever reads one from elsewhere


class MalformedTile(LedgerError):
    """Bytes that are not as a tile or a bundle of their width is, or that have not the root they should."""


class TileMissing(LedgerError):
    """A tile or a bundle that is not there."""


ReadTile = Callable[[Tile], bytes]  # raises TileMissing


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of the bundle of `entries`: "sequences of big-endian uint16 length-prefixed log entries".

    Raises:
        MalformedTile: they are not 1 to 256, or one is longer than 65,535 bytes.
    """
    if not 1 <= len(entries) <= FULL_WIDTH:
        raise MalformedTile(f"an entry bundle holds 1 to {FULL_WIDTH} entries, not {len(entries)}")
    longest = max(map(len, entries))
    if longest > MAX_ENTRY_BYTES:
        raise MalformedTile(f"an entry in a bundle has at most {MAX_ENTRY_BYTES} bytes, not {longest}")
    return b"".join(part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry))


def decode_bundle(raw: bytes, width: int) -> tuple[bytes, ...]:
    """The entries in a bundle of `width`. Whether they are those of a log is for `TileReader` to say.

    Raises:
        MalformedTile: `raw` is not `width` entries and nothing else.
    """
    entries: list[bytes] = []
    place = 0
    for _ in range(width):
        start = place + 2
        place = start + int.from_bytes(raw[place:start], "big")
        if place > len(raw):
            raise MalformedTile(f"the entry bundle ends within entry {len(entries) + 1} of {width}")
        entries.append(raw[start:place])
    if place != len(raw):
        raise MalformedTile(f"the entry bundle goes on for {len(raw) - place} bytes after its {width} entries")
    return tuple(entries)


def hashes_in(raw: bytes) -> list[Hash]:
    """The hashes of which `raw`, the bytes of a tile, consists."""
    return [Hash(raw[start : start + HASH_BYTES]) for start in range(0, len(raw), HASH_BYTES)]


def read_tile(tile: Tile, read: ReadTile) -> bytes:
    """The bytes of `tile`, from the full one where the partial one is gone. They are of its width; no more is known.

    "Logs ... MAY delete any partial tile once the corresponding full tile is ... available."

    Raises:
        MalformedTile: what is there is not of its width.
        TileMissing: neither is there.
    """
    try:
        found, raw = tile, read(tile)
    except TileMissing:
        if tile.full:
            raise
        found = tile.whole
        raw = read(found)
    if len(raw) != found.width * HASH_BYTES:
        raise MalformedTile(
            f"{found.path} has {found.width} hashes of {HASH_BYTES} bytes, but here are {len(raw)} bytes"
        )
    return raw[: tile.width * HASH_BYTES]


class TileEdge:
    """The right edge of a tree in all its levels of tiles: from it the tree grows and its new tiles are made.

    Mutable, and not for several threads at once.
    """

    __slots__ = ("_levels", "_size")

    _levels: list["_Level"]  # of tiles, lowest first
    _size: int

    def __init__(self) -> None:
        self._levels = []
        self._size = 0

    @classmethod
    def empty(cls) -> Self:
        """The edge of a tree without leaves."""
        return cls()

    @classmethod
    def of(cls, size: int, root: Hash, read: ReadTile) -> Self:
        """The edge of the tree of `size` leaves that has `root`, from its partial tiles.

        Raises:
            MalformedTile: a tile is not of its width, or together they have another root.
            TileMissing: a tile is not there, neither partial nor full.
            OutsideTree: `size` is no size of a tree.
        """
        partial = {tile.level: tile for tile in edge_tiles(size)}
        edge = cls()
        edge._size = size
        for level, shift in enumerate(range(0, size.bit_length(), TILE_HEIGHT)):
            edge._levels.append(_Level(level, (size >> shift) // FULL_WIDTH))
            if level in partial:
                edge._levels[level].add(hashes_in(read_tile(partial[level], read)))
        if edge.root() != root:
            raise MalformedTile(f"the tiles at the right edge of the tree of {size} have another root than that tree")
        return edge

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    def root(self) -> Hash:
        """The root of the tree: MTH of RFC 6962 §2.1."""
        subtrees = (subtree for level in reversed(self._levels) for subtree in level.subtrees)
        return CompactRange(size=self._size, hashes=tuple(subtrees)).root()

    @property
    def leaves(self) -> list[Hash]:
        """Those that no full tile holds yet, fewer than 256: the last ones."""
        return self._levels[0].hashes if self._levels else []

    def extend(self, leaves: Sequence[Hash]) -> list[tuple[Tile, bytes]]:
        """Append `leaves`, and give every tile that the tree has now and had not before, with its bytes.

        Those are `tiles_between` the sizes. It takes time for the new leaves and, for each level, one partial tile.

        Args:
            leaves: leaf hashes as `leaf_hash` makes them, 32 bytes each.
        """
        made: list[tuple[Tile, bytes]] = []
        rising, level = leaves, 0
        while rising:
            if level == len(self._levels):
                self._levels.append(_Level(level, 0))
            tiles, rising = self._levels[level].add(rising)
            made += tiles
            level += 1
        self._size += len(leaves)
        return made


class _Level:
    """The tile that one level is filling, which may be empty. Mutable, as a part of `TileEdge`."""

    __slots__ = ("_hashes", "_level", "_number", "_range")

    def __init__(self, level: int, number: int) -> None:
        self._level = level
        self._number = number
        self._hashes = bytearray()
        self._range = CompactRange.empty()  # of this tile alone

    @property
    def subtrees(self) -> tuple[Hash, ...]:
        """The perfect subtrees over the hashes of the tile: what this level adds to the compact range of the tree."""
        return self._range.hashes

    @property
    def hashes(self) -> list[Hash]:
        """What the tile holds so far."""
        return hashes_in(bytes(self._hashes))

    def add(self, hashes: Sequence[Hash]) -> tuple[list[tuple[Tile, bytes]], list[Hash]]:
        """Append at least one; gives the tiles that were completed and what is left of the last, and their roots."""
        made, start = [], 0
        roots: list[Hash] = []
        while start < len(hashes):
            part = hashes[start : start + FULL_WIDTH - self._range.size]
            start += len(part)
            self._hashes += b"".join(part)
            self._range = self._range.extended(part)
            made.append((Tile(self._level, self._number, self._range.size), bytes(self._hashes)))
            if self._range.size == FULL_WIDTH:
                roots += self._range.hashes
                self._number += 1
                self._hashes.clear()
                self._range = CompactRange.empty()
        return made, roots
