"""Tiles are made of what is read back, written once the root is right, and complete after any cut."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from ledger.adapters.tile_folder import FolderTiles
from ledger.application import tiling as tiling_module
from ledger.application.ports import Store
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.application.tiling import LogDiffers, Tiling
from ledger.domain.types import Position
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import CompactRange, leaf_hash
from ledger.tlog.tile_reader import TileReader
from ledger.tlog.tiles import TileMissing, bundles_between, tiles_between

ORIGIN = "localhost:8000/log"


class Log:
    """As much of a store as tiles are made of."""

    def __init__(self, size: int) -> None:
        self.entries = [b"entry %d\n" % number for number in range(size)]
        self.read = 0

    @contextmanager
    def snapshot(self) -> Iterator["Log"]:
        yield self

    def states(self, after: int, limit: int) -> Iterator[tuple[Position, bytes]]:
        self.read += limit
        for number, raw in enumerate(self.entries[after : after + limit], start=after + 1):
            yield Position(number), raw

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        tree = CompactRange.empty().extended(leaf_hash(raw) for raw in self.entries[:size])
        return Checkpoint(origin=ORIGIN, size=tree.size, root=tree.root())


class Failing(FolderTiles):
    """A folder whose disk is full after some files."""

    left = 1_000_000

    def write(self, path: str, content: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            raise TileStoreUnavailable("no space left")
        super().write(path, content)


@pytest.fixture
def tiles(tmp_path: Path) -> Failing:
    return Failing(tmp_path / "log")


def tiling(log: Log, tiles: FolderTiles, served: Checkpoint | None = None) -> Tiling:
    return Tiling(store=cast("Store", log), tiles=tiles, served=lambda: served)


def read_all(tiles: FolderTiles, checkpoint: Checkpoint) -> Sequence[bytes]:
    def fetch(path: str) -> bytes:
        found = tiles.read(path)
        if found is None:
            raise TileMissing(path)
        return found

    reader = TileReader(checkpoint.size, checkpoint.root, fetch)
    for index in {0, checkpoint.size // 2, checkpoint.size - 1} if checkpoint.size else ():
        reader.inclusion(index)
    return list(reader.entries(0, checkpoint.size))


@pytest.mark.parametrize(("kept", "chunk"), [(10_000_000, 5_120), (0, 256)])
def test_tree_can_be_read_at_every_size_it_was_written_at(
    tiles: Failing, monkeypatch: pytest.MonkeyPatch, kept: int, chunk: int
) -> None:
    monkeypatch.setattr(tiling_module, "_KEPT", kept)
    monkeypatch.setattr(tiling_module, "_CHUNK", chunk)
    log = Log(66_000)
    growing = tiling(log, tiles)
    sizes = [0, 1, 2, 255, 256, 257, 300, 511, 513, 5_121, 65_535, 65_537, 66_000]
    for size in sizes:
        checkpoint = log.checkpoint(size)
        growing.write(checkpoint)
        if size < 600 or size == 66_000:
            assert read_all(tiles, checkpoint) == log.entries[:size]
    wanted = {path for old, new in pairwise(sizes) for path in paths_between(old, new)}
    assert set(tiles.list("")) == wanted  # and nothing beside: no right edge of a size that was not written


def paths_between(old: int, new: int) -> list[str]:
    return [tile.path for tile in tiles_between(old, new)] + [bundle.path for bundle in bundles_between(old, new)]


def test_other_process_goes_on_where_the_served_tree_ends_and_reads_only_what_is_new(tiles: Failing) -> None:
    log = Log(2_000)
    tiling(log, tiles).write(log.checkpoint(1_500))
    log.read = 0
    tiling(log, tiles, log.checkpoint(1_500)).write(log.checkpoint())
    assert log.read == 2_000 - 1_280  # from the beginning of the last bundle
    assert read_all(tiles, log.checkpoint()) == log.entries


def test_lost_tiles_are_made_again_from_the_beginning(tiles: Failing) -> None:
    log = Log(700)
    served = log.checkpoint(600)
    tiling(log, tiles).write(served)
    tiles.remove("tile/0/002.p/88")
    tiling(log, tiles, served).write(log.checkpoint())
    assert read_all(tiles, log.checkpoint()) == log.entries
    tiling(log, tiles, served).write(served)
    assert read_all(tiles, served) == log.entries[:600]


def test_smaller_tree_than_the_last_is_written_too(tiles: Failing) -> None:
    log = Log(700)
    growing = tiling(log, tiles, log.checkpoint(0))
    for size in (700, 600):
        growing.write(log.checkpoint(size))
        assert read_all(tiles, log.checkpoint(size)) == log.entries[:size]


def test_store_that_holds_other_entries_than_were_signed_writes_nothing(tiles: Failing) -> None:
    log = Log(300)
    signed = log.checkpoint()
    log.entries[299] = b"another\n"
    growing = tiling(log, tiles)
    assert growing.grow(300) != signed.root
    with pytest.raises(LogDiffers, match="not those that were signed"):
        growing.write(signed)
    assert tiles.list("") == []
    log.entries[299] = b"entry 299\n"
    growing.write(signed)
    assert read_all(tiles, signed) == log.entries


@pytest.mark.parametrize("kept", [10_000_000, 0])
@pytest.mark.parametrize("number", [256, 299])
def test_entry_of_the_bundle_at_the_edge_that_reads_otherwise_later_is_in_no_bundle(
    tiles: Failing, monkeypatch: pytest.MonkeyPatch, kept: int, number: int
) -> None:
    monkeypatch.setattr(tiling_module, "_KEPT", kept)
    log = Log(300)
    growing = tiling(log, tiles)
    growing.write(log.checkpoint())
    before = tiles.list("")
    log.entries += [b"entry %d\n" % each for each in range(300, 700)]
    signed, good = log.checkpoint(), log.entries[number]
    log.entries[number] = b"another\n"
    for each in (growing, tiling(log, tiles, log.checkpoint(0)), tiling(log, tiles)):
        with pytest.raises(LogDiffers):
            each.write(signed)
        assert tiles.list("") == before
    log.entries[number] = good
    growing.write(signed)
    assert read_all(tiles, signed) == log.entries


def test_store_that_holds_fewer_entries_than_were_signed_is_refused(tiles: Failing) -> None:
    with pytest.raises(LogDiffers, match="holds 300 entries, and 301 were signed"):
        tiling(Log(300), tiles).grow(301)


def test_store_that_reads_otherwise_the_second_time_is_noticed(tiles: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling_module, "_KEPT", 0)
    log = Log(300)
    signed = log.checkpoint()
    growing = tiling(log, tiles)
    growing.grow(300)
    log.entries[299] = b"another\n"
    with pytest.raises(LogDiffers, match="read again"):
        growing.write(signed)


@pytest.mark.parametrize("kept", [10_000_000, 0])
def test_disk_that_is_full_at_any_file_leaves_what_the_next_call_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(tiling_module, "_KEPT", kept)
    log = Log(600)
    files = len(paths_between(300, 600))
    for left in range(files):
        tiles = Failing(tmp_path / str(left))
        served = log.checkpoint(300)
        growing = tiling(log, tiles, served)
        growing.write(served)
        tiles.left = left
        with pytest.raises(TileStoreUnavailable):
            growing.write(log.checkpoint())
        assert read_all(tiles, served) == log.entries[:300]
        tiles.left = files
        (growing if left % 2 else tiling(log, tiles, served)).write(log.checkpoint())
        assert read_all(tiles, log.checkpoint()) == log.entries


def test_right_edges_of_older_trees_go_once_they_are_full_and_no_sooner(tiles: Failing) -> None:
    log = Log(66_000)
    growing = tiling(log, tiles)
    for size in (100, 200, 300):
        growing.write(log.checkpoint(size))
    growing.clean(300)
    assert [path for path in tiles.list("") if ".p/" in path] == [
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/001.p/44",
    ]
    growing.write(log.checkpoint(66_000))
    assert "tile/0/001.p/44" in tiles.list("")
    growing.clean(66_000)
    assert [path for path in tiles.list("") if ".p/" in path] == [
        "tile/0/257.p/208",
        "tile/1/001.p/1",
        "tile/2/000.p/1",
        "tile/entries/257.p/208",
    ]
    for size in (100, 200, 300, 66_000):
        assert read_all(tiles, log.checkpoint(size)) == log.entries[:size]


def test_right_edge_that_an_earlier_process_left_goes_with_the_sizes_it_served(tiles: Failing) -> None:
    log = Log(600)
    tiling(log, tiles).write(log.checkpoint(100))
    growing = tiling(log, tiles, log.checkpoint(100))
    growing.write(log.checkpoint())
    growing.clean(600)
    assert "tile/0/000.p/100" in tiles.list("")
    growing.clean(600, [100])
    assert "tile/0/000.p/100" not in tiles.list("")
