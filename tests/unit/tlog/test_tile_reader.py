"""The reader of tiles: what it reads proves, and whatever was changed, cut, exchanged or taken away is refused."""

from collections.abc import Callable, Iterable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.merkle import EMPTY_ROOT, SIZE_LIMIT, CompactRange, Hash, leaf_hash
from ledger.tlog.proofs import Node, OutsideTree, check_consistency, check_inclusion, node_reader, tree_root
from ledger.tlog.tile_reader import TileCache, TileForged, TileReader
from ledger.tlog.tiles import (
    Bundle,
    MalformedTile,
    Tile,
    TileEdge,
    TileMissing,
    bundles_between,
    decode_bundle,
    edge_tiles,
    encode_bundle,
    tiles_between,
)

SIZES = [1, 2, 255, 256, 257, 300, 65_535, 65_536, 65_537, 70_000, 200_000]
LARGE = [300, 70_000, 200_000]  # with full tiles in one, two and two levels, the last with several in the second

Files = dict[str, bytes]


def entry(number: int) -> bytes:
    return b"entry %d" % number


@cache
def leaves(size: int) -> list[Hash]:
    return [leaf_hash(entry(number)) for number in range(size)]


@cache
def root_of(size: int) -> Hash:
    return CompactRange.empty().extended(leaves(size)).root()


@cache
def _published(size: int) -> Files:
    files = {tile.path: raw for tile, raw in TileEdge.empty().extend(leaves(size))}
    for bundle in bundles_between(0, size):
        start = bundle.number * 256
        files[bundle.path] = encode_bundle([entry(number) for number in range(start, start + bundle.width)])
    return files


def published(size: int) -> Files:
    """Every tile and bundle of a log of that size, to be changed at will."""
    return dict(_published(size))


class Folder:
    """Serves files, and keeps account of what was asked for."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.asked: list[str] = []

    def fetch(self, path: str) -> bytes:
        self.asked.append(path)
        if path not in self.files:
            raise TileMissing(f"{path} is not there")
        return self.files[path]


def reader(size: int, files: Files | None = None) -> TileReader:
    return TileReader(size, root_of(size), Folder(published(size) if files is None else files).fetch)


def some_leaves(size: int) -> list[int]:
    """The leaves at which something may go wrong: at both ends of tiles and of levels, and a few between."""
    around = [place + step for place in (0, 256, 65_536, 131_072, size) for step in (-2, -1, 0, 1)]
    return sorted({index for index in (*around, size // 2, size // 3) if 0 <= index < size})


# ---------------------------------------------------------------------------------------------------------- what holds


@pytest.mark.parametrize("size", SIZES)
def test_leaves_have_proofs_and_entries_are_those_that_were_published(size: int) -> None:
    read = reader(size)
    assert (read.size, read.root) == (size, root_of(size))
    for index in some_leaves(size):
        check_inclusion(leaves(size)[index], index, size, root_of(size), read.inclusion(index))
        assert list(read.entries(index, index + 1)) == [entry(index)]


@pytest.mark.parametrize("new", SIZES)
def test_every_older_tree_is_shown_to_be_the_beginning(new: int) -> None:
    read = reader(new)
    for old in [size for size in (0, *SIZES) if size <= new]:
        check_consistency(old, root_of(old), new, root_of(new), read.consistency(old))


def test_every_node_of_every_tree_is_that_of_the_tree_in_memory() -> None:
    in_memory = node_reader(leaves(700))
    for size in (*range(1, 301), 700):
        nodes = [Node(level, index) for level in range(size.bit_length()) for index in range(size >> level)]
        read = reader(size)
        assert read.nodes(nodes) == tuple(in_memory(nodes))
        assert tree_root(size, read.nodes) == root_of(size)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_any_stretch_of_entries_is_read_as_it_was_published(size: int) -> None:
    read = reader(size)
    marks = [mark for mark in (0, 1, 254, 255, 256, 257, 511, 512, 513, 699, 700) if mark <= size]
    for first in marks:
        for last in marks[marks.index(first) :]:
            assert list(read.entries(first, last)) == [entry(number) for number in range(first, last)]


def test_an_empty_log_has_nothing_to_read() -> None:
    read = TileReader(0, EMPTY_ROOT, Folder({}).fetch)
    assert (list(read.entries(0, 0)), read.consistency(0), read.nodes([])) == ([], (), ())
    with pytest.raises(OutsideTree):
        read.inclusion(0)


def test_what_lies_outside_the_tree_is_refused_before_anything_is_read() -> None:
    folder = Folder(published(300))
    read = TileReader(300, root_of(300), folder.fetch)
    refused: list[Callable[[], object]] = [
        lambda: read.inclusion(300),
        lambda: read.inclusion(-1),
        lambda: read.consistency(301),
        lambda: read.entries(0, 301),
        lambda: read.entries(-1, 1),
        lambda: read.entries(2, 1),
        *(lambda node=node: read.nodes([Node(0, 0), node]) for node in OUTSIDE_300),
    ]
    for ask in refused:
        with pytest.raises(OutsideTree):
            ask()
    assert folder.asked == []


OUTSIDE_300 = [
    Node(0, 300),
    Node(0, -1),
    Node(-1, 0),
    Node(8, 1),
    Node(9, 0),
    Node(2, 75),
    Node(64, 0),
    Node(10**9, 0),
]


@pytest.mark.parametrize("size", [-1, SIZE_LIMIT])
def test_what_is_no_size_has_no_reader(size: int) -> None:
    with pytest.raises(OutsideTree):
        TileReader(size, EMPTY_ROOT, Folder({}).fetch)


# -------------------------------------------------------------------------------------------- what is there, what not


def test_partial_files_that_are_gone_are_cut_from_the_full_ones() -> None:
    full = {path: raw for path, raw in published(65_536).items() if ".p/" not in path}
    for size in (1, 200, 300, 65_535):
        read = TileReader(size, root_of(size), Folder(full).fetch)
        check_inclusion(leaves(size)[size - 1], size - 1, size, root_of(size), read.inclusion(size - 1))
        assert list(read.entries(max(0, size - 3), size)) == [entry(number) for number in range(size)[-3:]]


def test_whatever_is_missing_is_told_by_its_path() -> None:
    for path in published(300):
        files = published(300)
        del files[path]
        whole = path.partition(".p/")[0]
        folder = Folder(files)
        with pytest.raises(TileMissing, match=f"^{whole} is not there$"):
            list(TileReader(300, root_of(300), folder.fetch).entries(0, 300))
        assert folder.asked.count(whole) == 1


def test_what_was_read_is_not_read_again_as_long_as_it_is_kept() -> None:
    folder = Folder(published(200_000))
    read = TileReader(200_000, root_of(200_000), folder.fetch, cache=TileCache(2))
    first = read.inclusion(5)
    assert len(folder.asked) == len(set(folder.asked)) == 5  # three at the right edge, one of each level below
    assert read.inclusion(5) == first
    assert read.inclusion(6) != first
    assert len(folder.asked) == 5
    read.inclusion(150_000)  # of other tiles, which takes the place of those
    assert folder.asked[5:] == ["tile/1/002", "tile/0/585"]
    assert read.inclusion(5) == first
    assert folder.asked[7:] == ["tile/1/000", "tile/0/000"]


def test_the_tile_used_last_is_kept_longest() -> None:
    folder, leaf = Folder(published(1_000)), leaves(1_000)
    read = TileReader(1_000, root_of(1_000), folder.fetch, cache=TileCache(2))
    for index in (0, 256, 0, 512, 0):
        assert read.nodes([Node(0, index)]) == (leaf[index],)
    assert folder.asked[2:] == ["tile/0/000", "tile/0/001", "tile/0/002"]


def test_readers_of_one_log_at_two_sizes_share_what_they_read() -> None:
    kept, folder = TileCache(), Folder(published(1_000))
    for size in (700, 1_000):
        folder.files |= published(size)
        read = TileReader(size, root_of(size), folder.fetch, cache=kept)
        check_inclusion(leaves(size)[5], 5, size, root_of(size), read.inclusion(5))
    assert folder.asked.count("tile/0/000") == 1


def test_what_another_log_left_in_the_cache_is_not_believed() -> None:
    kept = TileCache()
    forged, root = other_log(300)
    TileReader(300, root, Folder(forged).fetch, cache=kept).inclusion(5)
    read = TileReader(300, root_of(300), Folder(published(300)).fetch, cache=kept)
    check_inclusion(leaves(300)[5], 5, 300, root_of(300), read.inclusion(5))
    forged_still = TileReader(300, root_of(300), Folder(forged | edge_files(300)).fetch, cache=TileCache())
    with pytest.raises(TileForged):
        forged_still.inclusion(5)


def other_log(size: int) -> tuple[Files, Hash]:
    """A log of other entries."""
    wrong = [b"other %d" % number for number in range(size)]
    edge = TileEdge.empty()
    files = {tile.path: raw for tile, raw in edge.extend(list(map(leaf_hash, wrong)))}
    for bundle in bundles_between(0, size):
        files[bundle.path] = encode_bundle(wrong[bundle.number * 256 : bundle.number * 256 + bundle.width])
    return files, edge.root()


def edge_files(size: int) -> Files:
    """The partial tiles of the honest log."""
    files = published(size)
    return {tile.path: files[tile.path] for tile in edge_tiles(size)}


# ------------------------------------------------------------------------------------------------------------- forging


def forged_entry(index: int, files: Files, levels: int) -> None:
    """Put another entry at `index`, and make as many levels of tiles above it agree.

    0 levels: the bundle alone; 1: the leaf in its tile, too; 2: also the hash of that tile in the one above; and so on
    up to the right edge.
    """
    size = 200_000 if "tile/0/780" in files else 70_000 if "tile/0/272" in files else 300
    bundle = Bundle(index // 256, 256)
    entries = list(decode_bundle(files[bundle.path], 256))
    entries[index % 256] = b"forged"
    files[bundle.path] = encode_bundle(entries)
    forged, place = leaf_hash(b"forged"), index
    for level in range(levels):
        number, inside = divmod(place, 256)
        tile = Tile(level, number, min(256, (size >> 8 * level) - number * 256))
        raw = files[tile.path]
        files[tile.path] = raw[: 32 * inside] + forged + raw[32 * (inside + 1) :]
        if not tile.full:
            break
        hashes = [Hash(files[tile.path][at : at + 32]) for at in range(0, tile.width * 32, 32)]
        forged, place = CompactRange.empty().extended(hashes).root(), number


def asking(read: TileReader, index: int) -> Iterable[Callable[[], object]]:
    """Everything that needs what `forged_entry` changed at `index`."""
    return (
        lambda: read.nodes([Node(0, index)]),
        lambda: read.inclusion(index),
        lambda: read.inclusion(index ^ 1),
        lambda: read.consistency(index + 1),
        lambda: list(read.entries(index, index + 1)),
        lambda: list(read.entries(index ^ 1, (index ^ 1) + 1)),
    )


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_forged_full_tile_is_refused_however_many_tiles_above_agree_with_it(size: int, levels: int) -> None:
    for index in (0, 5, 254):
        files = published(size)
        forged_entry(index, files, levels)
        for ask in asking(reader(size, files), index):
            with pytest.raises(TileForged):
                ask()


@pytest.mark.parametrize(
    ("size", "index"), [(70_000, 65_537), (70_000, 69_000), (200_000, 131_072), (200_000, 199_000)]
)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_forged_full_tile_further_to_the_right_is_refused_too(size: int, index: int, levels: int) -> None:
    files = published(size)
    forged_entry(index, files, levels)
    for ask in asking(reader(size, files), index):
        with pytest.raises(TileForged):
            ask()


@pytest.mark.parametrize("size", LARGE)
def test_a_forged_bundle_is_refused_and_gives_none_of_its_entries(size: int) -> None:
    for index in (0, 5, 255):
        files = published(size)
        forged_entry(index, files, 0)
        given: list[bytes] = []
        with pytest.raises(TileForged, match=rf"entry {index} in tile/entries/000 is not that of the tree"):
            given.extend(reader(size, files).entries(0, 300))
        assert given == []
        assert list(reader(size, files).entries(256, 260)) == [entry(number) for number in range(256, 260)]


def test_a_forged_bundle_at_the_right_edge_is_refused() -> None:
    files = published(300)
    entries = list(decode_bundle(files["tile/entries/001.p/44"], 44))
    files["tile/entries/001.p/44"] = encode_bundle([*entries[:-1], b"forged"])
    with pytest.raises(TileForged, match=r"entry 43 in tile/entries/001\.p/44"):
        list(reader(300, files).entries(256, 257))


def read_all(size: int, files: Files) -> None:
    """Reads whatever a log of that size has."""
    read = reader(size, files)
    read.nodes([Node(0, index) for index in range(size)])
    list(read.entries(0, size))


def test_any_byte_of_any_tile_changed_is_refused() -> None:
    for tile in tiles_between(0, 259):
        files = published(259)
        honest = files[tile.path]
        for place in range(len(honest)):
            wrong = bytearray(honest)
            wrong[place] ^= 1 << place % 8
            files[tile.path] = bytes(wrong)
            with pytest.raises(TileForged):
                reader(259, files).inclusion(258 if tile.level == 0 and tile.number else 0)


def test_any_byte_of_a_bundle_changed_is_refused() -> None:
    files = published(5)
    honest = files["tile/entries/000.p/5"]
    for place in range(len(honest)):
        wrong = bytearray(honest)
        wrong[place] ^= 1 << place % 8
        files["tile/entries/000.p/5"] = bytes(wrong)
        with pytest.raises((TileForged, MalformedTile), match=r"tile/entries/000\.p/5"):
            list(reader(5, files).entries(0, 5))


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:-1],
        lambda raw: raw[:-32],
        lambda raw: raw[32:],
        lambda raw: raw + b"\0",
        lambda raw: raw + raw[:32],
        lambda raw: raw[:0],
    ],
)
def test_a_tile_cut_or_stretched_is_malformed_and_named(change: Callable[[bytes], bytes]) -> None:
    for tile in tiles_between(0, 70_000)[-5:]:
        files = published(70_000)
        files[tile.path] = change(files[tile.path])
        first = 0 if tile.level else tile.number * 256
        with pytest.raises(MalformedTile, match=f"{tile.path} has {tile.width} hashes"):
            list(reader(70_000, files).entries(first, first + 1))


def test_a_full_tile_that_is_too_short_to_cut_a_partial_one_from_is_malformed() -> None:
    files = published(300)
    files["tile/0/001"] = files.pop("tile/0/001.p/44")
    with pytest.raises(MalformedTile, match="tile/0/001 has 256 hashes"):
        reader(300, files).inclusion(0)


def test_a_bundle_cut_or_stretched_is_malformed_and_named() -> None:
    for bundle in bundles_between(0, 300):
        honest = published(300)[bundle.path]
        for wrong in (honest[:-1], honest + b"\0\0", b""):
            files = published(300) | {bundle.path: wrong}
            with pytest.raises(MalformedTile, match=f"^{bundle.path}: the entry bundle "):
                list(reader(300, files).entries(0, 300))


def test_tiles_and_bundles_exchanged_are_refused() -> None:
    pairs = [
        ("tile/0/000", "tile/0/001"),
        ("tile/entries/000", "tile/entries/001"),
        ("tile/1/000", "tile/0/000"),
        ("tile/0/255", "tile/0/000"),
    ]
    for one, other in pairs:
        files = published(70_000)
        files[one], files[other] = files[other], files[one]
        with pytest.raises(TileForged):
            list(reader(70_000, files).entries(0, 1))


def test_a_tile_whose_hashes_changed_places_is_refused() -> None:
    files = published(300)
    raw = files["tile/0/000"]
    files["tile/0/000"] = raw[32:64] + raw[:32] + raw[64:]
    with pytest.raises(TileForged, match="tile/0/000"):
        reader(300, files).inclusion(200)


@pytest.mark.parametrize("path", [*published(300)])
def test_a_tile_or_bundle_of_another_log_is_refused(path: str) -> None:
    with pytest.raises(TileForged):
        read_all(300, published(300) | {path: other_log(300)[0][path]})


def test_all_tiles_of_another_log_are_refused() -> None:
    with pytest.raises(TileForged, match="not the right edge"):
        read_all(300, other_log(300)[0])


def test_the_tiles_of_the_same_log_at_another_size_are_refused() -> None:
    for size in (299, 301):
        full = {path: raw for path, raw in published(65_536).items() if ".p/" not in path}
        with pytest.raises((TileForged, TileMissing)):
            TileReader(size, root_of(300), Folder(full).fetch).inclusion(0)


@given(data=st.data(), size=st.sampled_from([300, 70_000]))
def test_any_bit_of_any_file_changed_is_refused_by_whoever_needs_it(size: int, data: st.DataObject) -> None:
    files = published(size)
    path = data.draw(st.sampled_from(sorted(files)), label="path")
    wrong = bytearray(files[path])
    bit = data.draw(st.integers(0, len(wrong) * 8 - 1), label="bit")
    wrong[bit // 8] ^= 1 << bit % 8
    files[path] = bytes(wrong)
    kind, number = path.split("/")[1], int(path.partition(".p/")[0].rpartition("/")[2])
    first = 0 if kind in "12" else number * 256
    with pytest.raises((TileForged, MalformedTile)):
        list(reader(size, files).entries(first, first + 1))
