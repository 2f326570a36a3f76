"""Files that others made or named are read within bounds, and only where they are files."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.bounded_files import FileUnreadable, open_named, read_below, read_named
from tests.odd_files import ODD, bounded, put


def test_file_is_read_as_far_as_it_is_worth_reading_and_one_byte_more(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(b"12345")
    assert read_below(tmp_path, "below/file", 5) == b"12345"
    assert read_below(tmp_path, "below/file", 3) == b"1234"
    assert read_named(tmp_path / "below" / "file", 3) == b"1234"


@pytest.mark.parametrize(
    "path", ["none", "none/file", "file/below", "folder", "", ".", "../file", "folder/../file", "//file"]
)
def test_what_is_no_file_below_the_folder_is_none(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "folder").mkdir()
    assert read_below(tmp_path / "folder" if path.startswith("../") else tmp_path, path, 5) is None


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_neither_waited_for_nor_read(tmp_path: Path, kind: str) -> None:
    put(kind, tmp_path / "odd")
    with bounded(), pytest.raises(FileUnreadable, match=r"a pipe or a device|a link"):
        read_below(tmp_path, "odd", 5)
    with bounded(), pytest.raises(FileUnreadable, match="a pipe or a device"):
        read_named(tmp_path / "odd", 5)


@pytest.mark.parametrize("path", ["file", "folder/file", "folder/link/file"])
def test_no_link_below_the_folder_is_followed(tmp_path: Path, path: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside / "folder"):
        folder.mkdir(parents=True)
    (outside / "file").write_bytes(b"1")
    (inside / "file").symlink_to(outside / "file")
    (inside / "folder" / "file").symlink_to(outside / "file")
    (inside / "folder" / "link").symlink_to(outside)
    with pytest.raises(FileUnreadable, match="is a link"):
        read_below(inside, path, 5)
    (tmp_path / "named").symlink_to(outside)  # whoever names a folder means where it leads
    assert read_below(tmp_path / "named", "file", 5) == b"1"


@pytest.mark.parametrize("name", ["none", "folder", "n" * 300])
def test_what_a_person_named_and_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileUnreadable, match="cannot be read"):
        read_named(tmp_path / name, 5)


def test_what_the_system_refuses_is_not_taken_for_missing(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="cannot be read"):
        read_below(tmp_path, "n" * 300, 5)


def _write(pipe: int) -> None:
    os.write(pipe, b"123")
    time.sleep(0.05)  # as a command that is still at work
    os.write(pipe, b"45")
    os.close(pipe)


def test_pipe_of_the_shell_is_read_within_bounds() -> None:
    reading, writing = os.pipe()
    try:
        writer = Thread(target=_write, args=(writing,))
        writer.start()
        with bounded():
            assert read_named(Path(f"/dev/fd/{reading}"), 9) == b"12345"
        writer.join()
    finally:
        os.close(reading)


def test_what_was_given_open_and_never_ends_is_read_so_far() -> None:
    endless = os.open("/dev/zero", os.O_RDONLY)
    try:
        with bounded():
            assert read_named(Path(f"/dev/fd/{endless}"), 9) == bytes(10)
    finally:
        os.close(endless)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_file_that_is_read_by_and_by_is_one(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    with open_named(tmp_path / "file") as file:
        assert (file.seek(3), file.read()) == (3, b"45")
    if kind == "folder":
        (tmp_path / "odd").mkdir()
    else:
        put(kind, tmp_path / "odd")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with bounded(), pytest.raises(FileUnreadable, match=r"odd cannot be read: (it is a pipe|Is a directory)"):
        open_named(tmp_path / "odd")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("kind", ODD)
def test_descriptors_are_closed_however_it_ends(tmp_path: Path, kind: str) -> None:
    put(kind, tmp_path / "odd")
    (tmp_path / "below").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    reads: list[Callable[[], bytes | None]] = [
        lambda: read_below(tmp_path, "odd", 5),
        lambda: read_below(tmp_path, "below", 5),
        lambda: read_below(tmp_path, "below/none/file", 5),
        lambda: read_named(tmp_path / "odd", 5),
        lambda: read_named(tmp_path / "below", 5),
    ]
    for read in reads:
        with bounded(), suppress(FileUnreadable):
            read()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
