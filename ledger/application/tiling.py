"""Keeps the tiles and entry bundles of the public log up with what is recorded.

Every entry is read back from the store and hashed again before anything is signed; what was made of it is written only
after the root over it turned out to be the one expected. When to write, and what is served, is decided in
`ledger.application.publishing`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy

from ledger.application.ports import Store
from ledger.application.publishing_ports import TileStore
from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.tiles import (
    FULL_WIDTH,
    TILE_HEIGHT,
    Bundle,
    MalformedTile,
    Tile,
    TileEdge,
    TileMissing,
    edge_tiles,
    encode_bundle,
)

_CHUNK = 20 * FULL_WIDTH  # entries read at a time
_KEPT = 4 * _CHUNK  # entries that are hashed and written without being read twice; some 20 MB of files

_File = tuple[str, bytes]


class LogDiffers(LedgerError):
    """What is recorded is not what was signed, or not what was read a moment before."""


class Tiling:
    """The tiles of one log in one place. Not for several threads at once."""

    def __init__(self, *, store: Store, tiles: TileStore, served: Callable[[], Checkpoint | None]) -> None:
        """
        Args:
            served: the checkpoint whose tiles are there for certain.
        """
        self._store = store
        self._tiles = tiles
        self._served = served
        self._edge: TileEdge | None = None  # of what is written
        self._grown: tuple[TileEdge, Sequence[_File] | None] | None = None  # of what is to be; None: too many files
        self._sizes: set[int] = set()  # whose partial tiles may be there, and none of them went since

    def grow(self, size: int) -> Hash:
        """The root over the first `size` entries, those read back from the store that no full tile holds yet.

        Raises:
            LogDiffers: the store holds fewer, or gives others than were published.
            StoreUnavailable, LedgerHalted, TileStoreUnavailable.
        """
        if self._grown is not None and self._grown[0].size == size:
            return self._grown[0].root()
        edge = deepcopy(self._written(size))
        made = self._made(edge, size)
        if size - edge.size > _KEPT:
            for _ in made:  # not to be kept: it is made once more when it is written
                pass
            self._grown = (edge, None)
        else:
            files = list(made)
            self._grown = (edge, files)
        return edge.root()

    def write(self, checkpoint: Checkpoint) -> None:
        """Write every tile and bundle of the tree of a checkpoint that is not there yet, durably.

        Raises:
            LogDiffers: the store holds something else than it covers; nothing was written.
            TileStoreConflict: something else was published.
            StoreUnavailable, LedgerHalted, TileStoreUnavailable: it can be tried again.
        """
        if checkpoint.size in self._sizes:
            return
        if self.grow(checkpoint.size) != checkpoint.root or self._grown is None:
            self._grown = None
            raise LogDiffers(
                f"the first {checkpoint.size} entries of the store are not those that were signed. Nothing is published"
            )
        (edge, kept), self._grown = self._grown, None
        try:
            if kept is None:
                edge = self._written(checkpoint.size)
            for path, content in self._made(edge, checkpoint.size) if kept is None else kept:
                self._tiles.write(path, content)
            if edge.root() != checkpoint.root:
                raise LogDiffers("the store gave other entries when it was read again. Nothing is published")
        except BaseException:
            self._edge = None  # what is written of this is not known
            raise
        self._edge = edge
        self._sizes.add(checkpoint.size)

    def clean(self, size: int, older: Iterable[int] = ()) -> None:
        """Remove what was the right edge of older trees, as far as the full tile or bundle of it is there by now.

        Args:
            size: of the tree that is served.
            older: sizes of others, served by processes before this one.
        """
        gone = {each for each in (*self._sizes, *older) if each < size}
        for each in sorted(gone):
            for path in _superseded(each, size):
                for partial in self._tiles.list(f"{path}.p"):
                    self._tiles.remove(partial)
        self._sizes -= gone

    def _written(self, size: int) -> TileEdge:
        """The edge of a tree of at most `size` entries all of whose tiles are there."""
        if self._edge is None or self._edge.size > size:
            self._edge = self._loaded(size)
        return self._edge

    def _loaded(self, size: int) -> TileEdge:
        served = self._served()
        if served is not None and served.size <= size:
            try:
                return TileEdge.of(served.size, served.root, self._read)
            except (TileMissing, MalformedTile):
                pass  # the log was published before it had tiles, or some are lost: all are made from the beginning
        return TileEdge.empty()

    def _read(self, tile: Tile) -> bytes:
        found = self._tiles.read(tile.path)
        if found is None:
            raise TileMissing(f"there is no {tile.path}")
        return found

    def _made(self, edge: TileEdge, size: int) -> Iterator[_File]:
        """The files that the tree has with `size` entries and had not before, while `edge` grows to it."""
        partial: dict[int, _File] = {}  # of each level the last, which a later one may supersede
        start = edge.size - edge.size % FULL_WIDTH  # the bundle at the edge is written whole
        while edge.size < size:
            end = min(start + _CHUNK, size)
            entries = self._entries(start, end)
            leaves, known = [leaf_hash(raw) for raw in entries], edge.size - start
            if leaves[:known] != edge.leaves:  # a bundle is never written again: what it repeats is checked, too
                raise LogDiffers(f"the entries from {start + 1} to {edge.size} are not those that were published")
            for tile, content in edge.extend(leaves[known:]):
                if tile.full:
                    partial.pop(tile.level, None)
                    yield tile.path, content
                else:
                    partial[tile.level] = (tile.path, content)
            for first in range(0, len(entries), FULL_WIDTH):
                part = entries[first : first + FULL_WIDTH]
                yield Bundle((start + first) // FULL_WIDTH, len(part)).path, encode_bundle(part)
            start = end
        yield from partial.values()

    def _entries(self, first: int, last: int) -> list[bytes]:
        with self._store.snapshot() as snapshot:
            found = [raw for _, raw in snapshot.states(first, last - first)]
        if len(found) != last - first:
            raise LogDiffers(f"the store holds {first + len(found)} entries, and {last} were signed")
        return found


def _superseded(older: int, size: int) -> Iterator[str]:
    """The paths of the full tiles and the bundle that were partial in an older tree, and are full in one of `size`."""
    for tile in edge_tiles(older):
        if size >> tile.level * TILE_HEIGHT >= (tile.number + 1) * FULL_WIDTH:
            yield tile.whole.path
            if tile.level == 0:
                yield Bundle(tile.number, FULL_WIDTH).path
