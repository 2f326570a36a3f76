"""The published checkpoint in a home is replaced by larger ones only, whoever writes it."""

from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.published import PublishedFile


def note(size: int) -> bytes:
    """As far as this file looks into it."""
    return f"localhost:8000/log\n{size}\nroot\n\n— signature\n".encode()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "log" / "checkpoint"


def test_nothing_is_published_at_first(place: Path) -> None:
    published = PublishedFile(place)
    assert (published.note(), published.size()) == (None, 0)


def test_larger_checkpoint_replaces_a_smaller_one_and_never_the_other_way(place: Path) -> None:
    published = PublishedFile(place)
    for size in (3, 5, 4, 5):
        published.replace(note(size))
    assert (published.note(), published.size()) == (note(5), 5)


def test_what_another_process_publishes_is_seen(place: Path) -> None:
    published, other = PublishedFile(place), PublishedFile(place)
    published.replace(note(9))
    assert other.size() == 9
    published.replace(note(10))
    assert other.size() == 10


def test_file_that_says_no_size_keeps_the_last_that_was_known(place: Path) -> None:
    published = PublishedFile(place)
    published.replace(note(9))
    assert published.size() == 9
    place.write_bytes(b"half a no")
    assert published.size() == 9
    assert PublishedFile(place).size() == 0


def test_writers_at_once_leave_the_largest(place: Path) -> None:
    writers = [Thread(target=PublishedFile(place).replace, args=(note(size),)) for size in range(1, 31)]
    for each in reversed(writers):
        each.start()
    for each in writers:
        each.join()
    assert PublishedFile(place).size() == 30
    assert sorted(each.name for each in place.parent.iterdir()) == [".lock", "checkpoint"]
