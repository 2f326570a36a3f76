"""Tiles, bundles and the edge: paths in one spelling, bytes in one form, and every tile of every size as specified."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.merkle import EMPTY_ROOT, SIZE_LIMIT, CompactRange, Hash, leaf_hash
from ledger.tlog.proofs import OutsideTree
from ledger.tlog.tiles import (
    MAX_ENTRY_BYTES,
    Bundle,
    MalformedTile,
    MalformedTilePath,
    Tile,
    TileEdge,
    TileMissing,
    bundles_between,
    decode_bundle,
    edge_tiles,
    encode_bundle,
    parse_path,
    tiles_between,
)

# Sizes at which levels fill, and the one that the specification takes as its example.
SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537, 70_000]
LEAVES = [leaf_hash(b"%d" % number) for number in range(70_000)]


def reference_tile(tile: Tile) -> bytes:
    """A tile after the words of the specification: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])."""
    n, span = tile.number, 256**tile.level
    return b"".join(reference_root((n * 256 + i) * span, (n * 256 + i + 1) * span) for i in range(tile.width))


def reference_root(first: int, end: int) -> Hash:
    """The root of a perfect subtree, the slow obvious way."""
    level: list[Hash] = LEAVES[first:end]
    while len(level) > 1:
        level = [Hash(sha256(b"\x01" + level[at] + level[at + 1]).digest()) for at in range(0, len(level), 2)]
    return level[0]


def reference_tiles(size: int) -> dict[Tile, bytes]:
    """Every tile of a tree of `size`: full ones, and "floor(s / 256**l) mod 256" in the partial one of level l."""
    tiles = []
    for level in range(3):
        count = size // 256**level
        tiles += [Tile(level, number, 256) for number in range(count // 256)]
        tiles += [Tile(level, count // 256, count % 256)] if count % 256 else []
    return {tile: reference_tile(tile) for tile in tiles}


def reader(tiles: dict[Tile, bytes]) -> Callable[[Tile], bytes]:
    def read(tile: Tile) -> bytes:
        if tile not in tiles:
            raise TileMissing(f"{tile.path} is not there")
        return tiles[tile]

    return read


def root_of(size: int) -> Hash:
    return CompactRange.empty().extended(LEAVES[:size]).root()


# --------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("named", "path"),
    [
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),  # the example of the specification
        (Tile(0, 1_000, 5), "tile/0/x001/000.p/5"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Bundle(0, 256), "tile/entries/000"),
        (Bundle(0, 7), "tile/entries/000.p/7"),
        (Bundle(273, 112), "tile/entries/273.p/112"),
        (Bundle(123_456_789, 256), "tile/entries/x123/x456/789"),
    ],
)
def test_a_tile_has_the_path_of_the_specification(named: Tile | Bundle, path: str) -> None:
    assert named.path == path
    assert parse_path(path) == named
    assert type(parse_path(path)) is type(named)
    assert named.full == (named.width == 256)
    assert named.whole.full
    assert named.whole.path == path.partition(".p/")[0]


LAST = SIZE_LIMIT - 1
tiles = st.integers(0, 7).flatmap(
    lambda level: st.integers(1, LAST >> 8 * level).map(
        lambda count: Tile(level, (count - 1) // 256, (count - 1) % 256 + 1)
    )
)


@given(named=tiles | tiles.map(lambda tile: Bundle(tile.number, tile.width)))
def test_every_tile_is_found_again_from_its_path(named: Tile | Bundle) -> None:
    assert parse_path(named.path) == named


@pytest.mark.parametrize(
    "path",
    """
    / tile tile/ tile/0 tile/0/ tile/0/0 tile/0/00 tile/0/0000 tile/0/x000/000 tile/0/x000/001 tile/0/x001
    tile/0/001/000 tile/0/x1/000 tile/0/X001/000 tile/00/000 tile/01/000 tile/-1/000 tile/+1/000 tile/8/000
    tile/63/000.p/1 tile/100/000 tile/0/000.p/0 tile/0/000.p/00 tile/0/000.p/01 tile/0/000.p/256 tile/0/000.p/257
    tile/0/000.p/999 tile/0/000.p/1000 tile/0/000.p tile/0/000.p/ tile/0/000.p/-1 tile/0/000/p/1 tile/0/000p/1
    tile/0/000.P/1 tile/0/000.p/1/ tile/0/000/ /tile/0/000 tile//0/000 tile/0//000 ./tile/0/000 tile/../tile/0/000
    tile/0/000?a tile/0/000#a tile/0/%30%30%30 tile/entries tile/entries/0 tile/entry/000 tile/Entries/000
    tile/entries/0/000 tile/entries/x000/000 tile/7/000.p/128 tile/7/127.p/128 tile/7/x001/000
    tile/0/x999/x999/x999/x999/x999/999 tile/0/x001/x000/x000/x000/x000/x000/000 tile/0/٠٠٠ tile/٠/000 tile/0/０００
    tile/0/1_0 checkpoint days/2026-11-21
    """.split(),  # noqa: SIM905 - so many names in quotation marks would say no more
)
def test_what_is_not_the_one_path_of_a_tile_is_refused(path: str) -> None:
    with pytest.raises(MalformedTilePath):
        parse_path(path)


@pytest.mark.parametrize("path", ["", "tile/0/000\n", " tile/0/000", "tile/0/000 ", "tile/0/0 0", "tile/0/000\0"])
def test_spaces_in_a_path_are_refused(path: str) -> None:
    with pytest.raises(MalformedTilePath):
        parse_path(path)


@given(path=st.text(alphabet="tile/nrs0123x.p", max_size=30) | st.text(max_size=30))
def test_whatever_a_path_is_it_is_one_or_refused(path: str) -> None:
    try:
        named = parse_path(path)
    except MalformedTilePath:
        return
    assert named.path == path


# --------------------------------------------------------------------------------------------------- what a tree has


def test_a_tree_of_the_specifications_example_has_its_tiles() -> None:
    tiles = tiles_between(0, 70_000)
    assert tiles == [
        *(Tile(0, number, 256) for number in range(273)),
        Tile(0, 273, 112),
        Tile(1, 0, 256),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert edge_tiles(70_000) == (Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1))
    assert edge_tiles(256) == (Tile(1, 0, 1),)
    assert edge_tiles(0) == ()


@pytest.mark.parametrize("old", SIZES)
def test_between_two_sizes_are_the_tiles_that_only_the_larger_has(old: int) -> None:
    for new in SIZES:
        if new < old:
            with pytest.raises(OutsideTree):
                tiles_between(old, new)
            with pytest.raises(OutsideTree):
                bundles_between(old, new)
            continue
        had = set(tiles_between(0, old))
        assert tiles_between(old, new) == [tile for tile in tiles_between(0, new) if tile not in had]
        level_0 = [tile for tile in tiles_between(old, new) if tile.level == 0]
        assert list(bundles_between(old, new)) == [Bundle(tile.number, tile.width) for tile in level_0]


@given(size=st.integers(0, LAST))
def test_the_widths_at_the_edge_are_those_of_the_specification(size: int) -> None:
    widths = {tile.level: tile.width for tile in edge_tiles(size)}
    assert widths == {level: size // 256**level % 256 for level in range(9) if size // 256**level % 256}


@pytest.mark.parametrize("size", [-1, SIZE_LIMIT])
def test_what_is_no_size_has_no_tiles(size: int) -> None:
    with pytest.raises(OutsideTree):
        edge_tiles(size)
    with pytest.raises(OutsideTree):
        TileEdge.of(size, EMPTY_ROOT, reader({}))


# ------------------------------------------------------------------------------------------------------------- bundles

entries = st.lists(st.binary(max_size=30), min_size=1, max_size=256)


@given(entries=entries)
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == tuple(entries)


def test_a_bundle_is_as_the_specification_says() -> None:
    assert encode_bundle([b"", b"a", b"b" * 258]) == b"\0\0" + b"\0\1a" + b"\1\2" + b"b" * 258
    longest = bytes(MAX_ENTRY_BYTES)
    assert decode_bundle(encode_bundle([longest]), 1) == (longest,)


def test_what_makes_no_bundle_is_refused() -> None:
    for wrong in ([], [b""] * 257, [bytes(MAX_ENTRY_BYTES + 1)]):
        with pytest.raises(MalformedTile):
            encode_bundle(wrong)


def test_a_bundle_cut_anywhere_or_with_more_behind_it_is_refused() -> None:
    raw = encode_bundle([b"one", b"", b"three"])
    for end in range(len(raw)):
        with pytest.raises(MalformedTile, match="ends within entry"):
            decode_bundle(raw[:end], 3)
    for more in (b"\0", b"\0\0", b"\0\1a"):
        with pytest.raises(MalformedTile, match="goes on"):
            decode_bundle(raw + more, 3)
    with pytest.raises(MalformedTile):
        decode_bundle(raw, 2)
    with pytest.raises(MalformedTile):
        decode_bundle(raw, 4)


@given(raw=st.binary(max_size=600), width=st.integers(1, 256))
def test_whatever_a_bundle_is_its_entries_are_spelled_by_it_or_it_is_refused(raw: bytes, width: int) -> None:
    try:
        found = decode_bundle(raw, width)
    except MalformedTile:
        return
    assert encode_bundle(found) == raw


# ---------------------------------------------------------------------------------------------------------------- edge


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_grown_at_once_has_exactly_the_tiles_of_the_reference(size: int) -> None:
    edge = TileEdge.empty()
    made = edge.extend(LEAVES[:size])
    assert dict(made) == reference_tiles(size)
    assert [tile for tile, _ in made] == tiles_between(0, size)
    assert (edge.size, edge.root()) == (size, root_of(size))
    assert edge.leaves == LEAVES[size - size % 256 : size]


def test_a_tree_grown_leaf_by_leaf_has_the_tiles_of_every_size_on_its_way() -> None:
    edge, kept = TileEdge.empty(), dict[Tile, bytes]()
    for size in range(1, 600):
        made = dict(edge.extend(LEAVES[size - 1 : size]))
        assert list(made) == tiles_between(size - 1, size)
        assert edge.root() == root_of(size)
        kept |= made
        assert {tile: kept[tile] for tile in tiles_between(0, size)} == reference_tiles(size)


@given(steps=st.lists(st.integers(0, 700) | st.sampled_from([1, 255, 256, 257]), max_size=8), cut=st.integers(0, 8))
def test_a_tree_grown_in_steps_and_taken_up_again_from_its_tiles_is_that_grown_at_once(
    steps: list[int], cut: int
) -> None:
    edge, kept, size = TileEdge.empty(), dict[Tile, bytes](), 0
    for number, step in enumerate(steps):
        if number == cut:
            edge = TileEdge.of(size, root_of(size), reader(kept))
        made = edge.extend(LEAVES[size : size + step])
        assert [tile for tile, _ in made] == tiles_between(size, size + step)
        kept |= dict(made)
        size += step
    assert (edge.size, edge.root()) == (size, root_of(size))
    assert {tile: kept[tile] for tile in tiles_between(0, size)} == dict(TileEdge.empty().extend(LEAVES[:size]))


@pytest.mark.parametrize("size", SIZES)
def test_an_edge_taken_up_from_tiles_goes_on_as_if_it_had_never_been_away(size: int) -> None:
    tiles = dict(TileEdge.empty().extend(LEAVES[:size]))
    edge = TileEdge.of(size, root_of(size), reader(tiles))
    assert edge.size == size
    more = LEAVES[: 65_536 - size % 65_536 + 1]
    assert dict(edge.extend(more)).keys() == set(tiles_between(size, size + len(more)))
    assert edge.root() == CompactRange.empty().extended([*LEAVES[:size], *more]).root()


def test_an_edge_is_taken_up_from_full_tiles_where_the_partial_ones_are_gone() -> None:
    tiles = {tile: raw for tile, raw in TileEdge.empty().extend(LEAVES[:65_536]) if tile.full}
    for size in (1, 300, 65_535):
        assert TileEdge.of(size, root_of(size), reader(tiles)).root() == root_of(size)
    with pytest.raises(TileMissing, match="tile/2/000 is not there"):
        TileEdge.of(65_536, root_of(65_536), reader(tiles))


def edge_of_changed(change: Callable[[bytes], bytes], size: int, changed: Tile) -> None:
    tiles = dict(TileEdge.empty().extend(LEAVES[:size]))
    tiles[changed] = change(tiles[changed])
    TileEdge.of(size, root_of(size), reader(tiles))


def test_an_edge_from_tiles_of_the_wrong_length_is_refused() -> None:
    changes: Sequence[Callable[[bytes], bytes]] = (
        lambda raw: raw[:-1],
        lambda raw: raw[:-32],
        lambda raw: raw + b"\0",
        lambda raw: raw + bytes(32),
        lambda raw: raw[:0],
    )
    for change in changes:
        for tile in edge_tiles(300):
            with pytest.raises(MalformedTile, match=rf"{tile.path} has {tile.width} hashes"):
                edge_of_changed(change, 300, tile)


def test_an_edge_from_tiles_with_any_byte_changed_is_refused() -> None:
    for tile in edge_tiles(259):
        for place in range(tile.width * 32):
            with pytest.raises(MalformedTile, match="have another root than that tree"):
                edge_of_changed(
                    lambda raw, place=place: raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :],  # type: ignore[misc]
                    259,
                    tile,
                )


def test_an_edge_with_another_root_is_refused() -> None:
    with pytest.raises(MalformedTile):
        TileEdge.of(0, root_of(1), reader({}))
    with pytest.raises(MalformedTile):
        TileEdge.of(300, root_of(299), reader(dict(TileEdge.empty().extend(LEAVES[:300]))))
