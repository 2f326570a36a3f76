"""Which tiles and entry bundles a tree has, and the one path of each (c2sp.org/tlog-tiles)."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ledger.errors import LedgerError
from ledger.tlog.merkle import SIZE_LIMIT
from ledger.tlog.proofs import OutsideTree

TILE_HEIGHT: Final = 8  # levels of the tree in one level of tiles
FULL_WIDTH: Final = 1 << TILE_HEIGHT  # hashes or entries

# "<N> ... MUST be a non-negative integer encoded into zero-padded 3-digit path elements. All but the last path element
# MUST begin with an x." No tree has a tile whose number needs more than six of them.
_PATH: Final = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


class MalformedTilePath(LedgerError):
    """A path that names no tile and no bundle of any tree, or not in its one spelling."""


class Tile(NamedTuple):
    """A tile of a tree. A named tuple and no dataclass: reading a proof makes and compares many."""

    level: int  # of tiles: one for eight of the tree; 0 holds leaves
    number: int  # in its level, from 0
    width: int  # hashes in it, 1 to 256

    @property
    def full(self) -> bool:
        """Whether it can change no more."""
        return self.width == FULL_WIDTH

    @property
    def whole(self) -> "Tile":
        """The full tile that it is a part of, or becomes."""
        return self._replace(width=FULL_WIDTH)

    @property
    def path(self) -> str:
        """Its one path, relative to where the log is served."""
        return f"tile/{self.level}/{_numbered(self.number, self.width)}"


class Bundle(NamedTuple):
    """The entries whose leaf hashes are the tile of level 0 with the same number and width."""

    number: int  # from 0
    width: int  # entries in it, 1 to 256

    @property
    def full(self) -> bool:
        """Whether it can change no more."""
        return self.width == FULL_WIDTH

    @property
    def whole(self) -> "Bundle":
        """The full bundle that it is a part of, or becomes."""
        return self._replace(width=FULL_WIDTH)

    @property
    def path(self) -> str:
        """Its one path, relative to where the log is served."""
        return f"tile/entries/{_numbered(self.number, self.width)}"


def parse_path(path: str) -> Tile | Bundle:
    """The tile or bundle of which `path` is the one path.

    Raises:
        MalformedTilePath: `path` is not that of a tile or bundle that some tree has.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise MalformedTilePath(f"{path[:80]!a} is not the path of a tile or of an entry bundle")
    level, number, width = found.groups(default=str(FULL_WIDTH))
    place = int(number.replace("x", "").replace("/", "")), int(width)
    named = Bundle(*place) if level == "entries" else Tile(int(level), *place)
    if named.path != path or not 1 <= named.width <= FULL_WIDTH:
        raise MalformedTilePath(f"{path!a} is not how the path of a tile or of an entry bundle is spelled")
    bottom = TILE_HEIGHT * named.level if isinstance(named, Tile) else 0
    if named.number * FULL_WIDTH + named.width << bottom >= SIZE_LIMIT:
        raise MalformedTilePath(f"no tree is so large that it has {path!a}")
    return named


def edge_tiles(size: int) -> tuple[Tile, ...]:
    """The partial tiles of a tree of `size` leaves, lowest first; there is at most one in each level.

    Raises:
        OutsideTree: `size` is no size of a tree.
    """
    _refuse_sizes(0, size)
    counts = [size >> shift for shift in range(0, size.bit_length(), TILE_HEIGHT)]
    edge = (Tile(level, count // FULL_WIDTH, count % FULL_WIDTH) for level, count in enumerate(counts))
    return tuple(tile for tile in edge if tile.width)


def tiles_between(old: int, new: int) -> list[Tile]:
    """Every tile that a tree of `new` leaves has and one of `old` has not, partial ones included, lowest first.

    Raises:
        OutsideTree: `old` is larger than `new`, or one of them is no size of a tree.
    """
    _refuse_sizes(old, new)
    return [
        Tile(level, number, width)
        for level, shift in enumerate(range(0, new.bit_length(), TILE_HEIGHT))
        for number, width in _places_between(old >> shift, new >> shift)
    ]


def bundles_between(old: int, new: int) -> Iterator[Bundle]:
    """Every bundle that a tree of `new` leaves has and one of `old` has not, the partial one included.

    Each is made when it is asked for: who claims a size need not have so many entries.

    Raises:
        OutsideTree: `old` is larger than `new`, or one of them is no size of a tree.
    """
    _refuse_sizes(old, new)
    return (Bundle(number, width) for number, width in _places_between(old, new))


def _numbered(number: int, width: int) -> str:
    text = f"{number % 1000:03}"
    while number := number // 1000:
        text = f"x{number % 1000:03}/{text}"
    return text if width == FULL_WIDTH else f"{text}.p/{width}"


def _places_between(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Number and width of each tile of a level that has `new` hashes and had `old`, which is changed or new."""
    end = old // FULL_WIDTH if old == new else -(-new // FULL_WIDTH)
    for number in range(old // FULL_WIDTH, end):
        yield number, min(FULL_WIDTH, new - number * FULL_WIDTH)


def _refuse_sizes(old: int, new: int) -> None:
    if not 0 <= old <= new < SIZE_LIMIT:
        raise OutsideTree(f"there are no tiles from a tree of {old} to one of {new}")
