"""Published files: there whole or not at all, written once, durable in the right order, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread

import pytest

from ledger.adapters.tile_folder import FolderTiles
from ledger.application.publishing_ports import TileStoreConflict, TileStoreUnavailable

TILE = "tile/0/x001/234"
PARTIAL, OTHER = "tile/0/007.p/9", "tile/0/007.p/12"
OUTSIDE = [
    "../secret",
    "tile/../../secret",
    "/etc/passwd",
    "tile//0",
    "tile/",
    "",
    ".",
    "..",
    ".lock",
    "tile/.new-x",
    "tile\\..\\x",
    "tile/0\0",
    "tile/0\n",
    "tile/٠",
    "a" * 65,
    "/".join("a" * 20),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "log"


@pytest.fixture
def tiles(folder: Path) -> FolderTiles:
    folder.parent.mkdir()
    return FolderTiles(folder)


def test_what_is_not_there_is_none(tiles: FolderTiles) -> None:
    assert tiles.read(TILE) is None
    assert tiles.list("tile") == []
    tiles.remove(TILE)


def test_file_is_read_as_written_and_may_be_written_again(tiles: FolderTiles) -> None:
    tiles.write(TILE, b"hashes")
    tiles.write(TILE, b"hashes")
    assert tiles.read(TILE) == b"hashes"
    assert FolderTiles(tiles._folder).read(TILE) == b"hashes"


def test_other_bytes_are_refused_and_the_first_stay(tiles: FolderTiles) -> None:
    tiles.write(TILE, b"hashes")
    with pytest.raises(TileStoreConflict, match=f"{TILE} is there already, with other bytes"):
        tiles.write(TILE, b"others")
    assert tiles.read(TILE) == b"hashes"


def test_of_writers_at_once_with_different_bytes_one_wins_and_all_others_are_told(tiles: FolderTiles) -> None:
    barrier, told = Barrier(8), list[str]()

    def write(number: int) -> None:
        barrier.wait()
        try:
            FolderTiles(tiles._folder).write(TILE, bytes([number]))
        except TileStoreConflict:
            told.append("refused")

    threads = [Thread(target=write, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert told == ["refused"] * 7
    assert tiles.read(TILE) in {bytes([number]) for number in range(8)}


def test_replacing_leaves_the_new_file_and_nothing_beside_it(tiles: FolderTiles, folder: Path) -> None:
    tiles.replace("checkpoint", b"one")
    tiles.replace("checkpoint", b"two")
    assert tiles.read("checkpoint") == b"two"
    assert [each.name for each in folder.iterdir()] == ["checkpoint"]


def test_listing_is_sorted_and_of_one_folder_alone(tiles: FolderTiles, folder: Path) -> None:
    for path in ("tile/0/001", "tile/0/000", "tile/1/000", "tile/0/002.p/7", "days/2026-11-21", "tile/00"):
        tiles.write(path, b"x")
    (folder / "tile" / "0" / ".new-left").write_bytes(b"half")
    assert tiles.list("tile/0") == ["tile/0/000", "tile/0/001", "tile/0/002.p/7"]
    assert tiles.list("days") == ["days/2026-11-21"]
    assert tiles.list("days/2026-11-21") == []
    assert tiles.list("../home") == ()
    (folder / ".lock").write_bytes(b"")
    assert tiles.list("")[0] == "days/2026-11-21"
    assert len(tiles.list("")) == 6


def test_removing_takes_the_last_files_folder_along_and_no_other(tiles: FolderTiles, folder: Path) -> None:
    for path in ("tile/0/000.p/7", "tile/0/000.p/9", "tile/0/000", "checkpoint"):
        tiles.write(path, b"x")
    tiles.remove("tile/0/000.p/7")
    assert (folder / "tile/0/000.p").is_dir()
    tiles.remove("tile/0/000.p/9")
    tiles.remove("tile/0/000.p/9")
    assert not (folder / "tile/0/000.p").exists()
    tiles.remove("checkpoint")
    assert folder.is_dir()
    assert tiles.read("tile/0/000") == b"x"


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_the_folder(tiles: FolderTiles, folder: Path, path: str) -> None:
    (folder.parent / "secret").write_bytes(b"secret")
    folder.mkdir()
    (folder / ".lock").write_bytes(b"secret")
    assert tiles.read(path) is None
    assert not path or tiles.list(path) == ()
    for change in (tiles.write, tiles.replace):
        with pytest.raises(TileStoreUnavailable, match="cannot be the path"):
            change(path, b"mine")
    with pytest.raises(TileStoreUnavailable, match="cannot be the path"):
        tiles.remove(path)
    assert (folder.parent / "secret").read_bytes() == b"secret"


def test_folder_is_no_file_and_a_file_no_folder(tiles: FolderTiles) -> None:
    tiles.write(TILE, b"x")
    assert tiles.read("tile/0") is None
    assert tiles.read(f"{TILE}/1") is None
    with pytest.raises(TileStoreUnavailable, match="cannot be written"):
        tiles.write(f"{TILE}/1", b"x")


def test_what_the_disk_refuses_is_told_and_leaves_nothing(
    tiles: FolderTiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles.write("days/2026-11-21", b"x")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for change in (tiles.write, tiles.replace):
        with pytest.raises(TileStoreUnavailable, match="days/2026-11-22 cannot be written: No space left"):
            change("days/2026-11-22", b"x")
    assert tiles.list("days") == ["days/2026-11-21"]
    assert [each.name for each in folder.iterdir()] == ["days"]


def test_what_cannot_be_read_is_not_taken_for_missing(tiles: FolderTiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise OSError(5, "Input/output error")

    tiles.write(TILE, b"x")
    monkeypatch.setattr(Path, "read_bytes", broken)
    with pytest.raises(TileStoreUnavailable, match="cannot be read: Input/output error"):
        tiles.read(TILE)
    monkeypatch.setattr(os, "scandir", broken)
    with pytest.raises(TileStoreUnavailable, match="cannot be read: Input/output error"):
        tiles.list("tile")


@pytest.mark.parametrize("change", ["write", "replace"])
def test_content_is_durable_before_its_name_and_the_name_before_it_returns(
    tiles: FolderTiles, folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    done: list[str] = []
    fsync, link, rename = os.fsync, os.link, os.rename

    def synced(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").resolve()
        done.append("folder" if place.is_dir() else f"content of {place.stat().st_size}")
        fsync(descriptor)

    def linked(source: Path, target: Path) -> None:
        done.append("named")
        link(source, target)

    def replaced(self: Path, target: Path) -> Path:
        done.append("named")
        rename(self, target)
        return target

    folder.mkdir()
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    monkeypatch.setattr(Path, "replace", replaced)
    getattr(tiles, change)("checkpoint", b"12345")
    assert done == ["content of 5", "named", "folder"]
    done.clear()
    tiles.write("days/2026-11-21", b"123456")
    assert done == ["folder", "content of 6", "named", "folder"]  # the first is that in which `days` was made


def test_file_that_is_there_already_is_durable_too_when_it_was_written_again(
    tiles: FolderTiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles.write("days/2026-11-21", b"x")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    tiles.write("days/2026-11-21", b"x")
    assert len(synced) == 1


def test_file_that_a_killed_process_was_writing_goes_with_the_next_write(tiles: FolderTiles, folder: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from ledger.adapters.tile_folder import FolderTiles\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "FolderTiles(Path(sys.argv[1])).write('checkpoint', b'half')"
    )
    folder.mkdir()
    ended = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=Path(__file__).parents[3])
    assert ended.returncode == -9
    (left,) = folder.iterdir()
    assert left.name.startswith(".new-")
    tiles.write("days/2026-11-21", b"x")
    assert [each.name for each in folder.iterdir()] == ["days"]
    assert tiles.read("checkpoint") is None


def test_cache_waits_for_no_disk_and_is_whole_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def synced(_: int) -> None:
        raise AssertionError("a cache need not survive a power loss")

    monkeypatch.setattr(os, "fsync", synced)
    cache = FolderTiles(folder, durable=False)
    cache.replace("11", b"one")
    cache.replace("11", b"two")
    cache.write("below/12", b"three")
    assert (cache.read("11"), cache.list("")) == (b"two", ["11", "below/12"])


def test_folder_that_another_process_takes_away_first_is_gone_for_both(
    tiles: FolderTiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = os.rmdir

    def beaten(path: Path) -> None:
        remove(path)
        remove(path)

    tiles.write(PARTIAL, b"hashes")
    monkeypatch.setattr(os, "rmdir", beaten)
    tiles.remove(PARTIAL)
    assert not (folder / PARTIAL).parent.exists()


def test_folder_in_which_something_lies_stays_with_it(tiles: FolderTiles, folder: Path) -> None:
    tiles.write(PARTIAL, b"hashes")
    tiles.write(OTHER, b"more hashes")
    tiles.remove(PARTIAL)
    assert tiles.read(OTHER) == b"more hashes"
    tiles.remove(OTHER)
    assert not (folder / OTHER).parent.exists()


def test_file_is_put_although_another_process_takes_its_empty_folder_away(
    tiles: FolderTiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles.write(PARTIAL, b"hashes")
    link = os.link
    beaten: list[Path] = []

    def late(made: Path, place: Path) -> None:
        if not beaten:
            beaten.append(place)
            FolderTiles(folder).remove(PARTIAL)
        link(made, place)

    monkeypatch.setattr(os, "link", late)
    tiles.write(OTHER, b"more hashes")
    assert (tiles.read(OTHER), tiles.read(PARTIAL), len(beaten)) == (b"more hashes", None, 1)
