"""The published checkpoint and the guard never go back, whoever writes them."""

import os
from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.home import Home
from ledger.adapters.published import GuardFile, PublishedFile
from ledger.application.publishing_ports import TileStoreUnavailable


def note(size: int, cosigned: str = "") -> bytes:
    """As far as this file looks into it."""
    return f"localhost:8000/log\n{size}\nroot\n\n— signature\n{cosigned}".encode()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "log" / "checkpoint"


def test_nothing_is_published_at_first(place: Path) -> None:
    published = PublishedFile(place)
    assert (published.note(), published.size()) == (None, 0)


def test_larger_checkpoint_replaces_a_smaller_one_and_never_the_other_way(place: Path) -> None:
    published = PublishedFile(place)
    for size in (3, 5, 4, 5):
        published.serve(note(size))
    assert (published.note(), published.size()) == (note(5), 5)


def test_what_another_process_publishes_is_seen(place: Path) -> None:
    published, other = PublishedFile(place), PublishedFile(place)
    published.serve(note(9))
    assert other.size() == 9
    published.serve(note(10))
    assert other.size() == 10


def test_file_that_says_no_size_keeps_the_last_that_was_known(place: Path) -> None:
    published = PublishedFile(place)
    published.serve(note(9))
    assert published.size() == 9
    place.write_bytes(b"half a no")
    assert published.size() == 9
    assert PublishedFile(place).size() == 0


def test_writers_at_once_leave_the_largest(place: Path) -> None:
    writers = [Thread(target=PublishedFile(place).serve, args=(note(size),)) for size in range(1, 31)]
    for each in reversed(writers):
        each.start()
    for each in writers:
        each.join()
    assert PublishedFile(place).size() == 30
    assert sorted(each.name for each in place.parent.iterdir()) == [".lock", "checkpoint"]


def test_younger_cosignatures_take_the_place_of_older_ones(place: Path) -> None:
    published = PublishedFile(place)
    published.serve(note(5, "— witness at one\n"))
    published.serve(note(5, "— witness at two\n"))
    assert published.note() == note(5, "— witness at two\n")


def test_guard_keeps_the_first_note_of_each_size_and_never_a_smaller_one(place: Path) -> None:
    guard = GuardFile(place)
    assert (guard.note(), guard.size()) == (None, 0)
    for each in (note(3), note(5), note(5, "— witness\n"), note(4)):
        guard.keep(each)
    assert (guard.note(), guard.size()) == (note(5), 5)


def test_empty_log_has_a_checkpoint_that_is_kept_and_served(place: Path) -> None:
    PublishedFile(place).serve(note(0))
    GuardFile(place.with_name("guard")).keep(note(0))
    assert place.read_bytes() == place.with_name("guard").read_bytes() == note(0)


def test_guard_that_cannot_be_read_is_not_taken_for_missing(place: Path) -> None:
    place.mkdir(parents=True)
    with pytest.raises(TileStoreUnavailable, match=r"the guard in .* cannot be read"):
        GuardFile(place).note()
    with pytest.raises(TileStoreUnavailable, match=r"the guard in .* cannot be read"):
        GuardFile(place).keep(note(1))


def test_disk_that_is_full_is_told_and_the_older_note_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    guard = GuardFile(place)
    guard.keep(note(1))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TileStoreUnavailable, match=r"the guard in .* cannot be written: No space left"):
        guard.keep(note(2))
    assert guard.note() == note(1)


def test_guard_lies_in_the_home_unless_another_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Home(tmp_path).guard, Home(tmp_path).guarded_outside) == (tmp_path / "checkpoint.guard", False)
    monkeypatch.setenv("TESTAMUR_GUARD_FILE", str(tmp_path / "elsewhere" / "guard"))
    home = Home(tmp_path)
    assert (home.guard, home.guarded_outside) == (tmp_path / "elsewhere" / "guard", True)


def test_last_note_of_every_day_stays(place: Path) -> None:
    published = PublishedFile(place)
    assert published.last_day() == ""
    published.serve(note(5), [("2026-11-20", note(3)), ("2026-11-21", note(5))])
    published.serve(note(5), [("2026-11-21", note(4))])
    published.serve(note(7), [("2026-11-21", note(7))])
    assert published.last_day() == "2026-11-21"
    days = {each.name: each.read_bytes() for each in (place.parent / "days").iterdir()}
    assert days == {"2026-11-20": note(3), "2026-11-21": note(7)}
    assert place.read_bytes() == note(7)


def test_note_that_is_known_is_read_again_once_it_was_replaced_and_not_before(tmp_path: Path) -> None:
    published = PublishedFile(tmp_path / "log" / "checkpoint")
    assert published.known() is None
    published.serve(note(1))
    assert published.known() == note(1)

    def refuse(path: Path) -> bytes:
        raise AssertionError(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        assert published.known() == note(1)
    published.serve(note(2))
    assert published.known() == note(2)
    (tmp_path / "log" / "checkpoint").unlink()
    assert published.known() is None


def test_guard_that_was_there_and_is_gone_is_missed_and_nothing_is_made_in_its_place(tmp_path: Path) -> None:
    disk, place = tmp_path / "disk", tmp_path / "disk" / "guards" / "guard"
    first = GuardFile(place, stays=True)
    first.keep(note(1))
    second = GuardFile(place, stays=True)
    disk.rename(tmp_path / "unmounted")
    for guard in (first, second):
        with pytest.raises(TileStoreUnavailable, match=r"the guard .* is not there any more: mount the disk"):
            guard.keep(note(2))
    assert not disk.exists()
    (tmp_path / "unmounted").rename(disk)
    second.keep(note(3))
    assert first.note() == note(3)
