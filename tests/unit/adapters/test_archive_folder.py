"""One export at a time works on an archive; whoever was killed leaves it to the next."""

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.adapters.archive_folder import ArchiveBusy, ArchiveFolder
from ledger.application.publishing_ports import TileStoreUnavailable


def test_second_export_into_a_folder_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "archive"
    with ArchiveFolder(folder).held():
        with pytest.raises(ArchiveBusy, match="another export"), ArchiveFolder(folder).held():
            pass
        ArchiveFolder(folder).replace("archive.json", b"{}")
        assert ArchiveFolder(folder).list("") == ["archive.json"]
    with ArchiveFolder(folder).held():
        pass
    assert [path.name for path in folder.iterdir()] == ["archive.json"]


def test_lock_of_a_process_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    with ArchiveFolder(tmp_path).held():
        pass


def test_lock_that_was_taken_away_while_it_was_waited_for_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = fcntl.flock
    asked: list[int] = []

    def too_late(descriptor: int, how: int) -> None:
        if not asked:
            (tmp_path / ".lock").unlink()  # by the one that was done just now
        asked.append(descriptor)
        locked(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", too_late)
    with ArchiveFolder(tmp_path).held(), pytest.raises(ArchiveBusy), ArchiveFolder(tmp_path).held():
        pass
    assert len(asked) == 3


def test_of_many_one_at_a_time_holds_it(tmp_path: Path) -> None:
    inside: list[int] = []

    def export(number: int) -> int:
        done = 0
        for _ in range(200):
            try:
                with ArchiveFolder(tmp_path).held():
                    inside.append(number)
                    assert inside == [number]
                    inside.remove(number)
                    done += 1
            except ArchiveBusy:
                os.sched_yield()
        return done

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(export, range(4))) > 0
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_locked_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TileStoreUnavailable, match="cannot be locked"), ArchiveFolder(tmp_path / "file").held():
        pass
    (tmp_path / ".lock").symlink_to(tmp_path / "file")
    with pytest.raises(TileStoreUnavailable, match="cannot be locked"), ArchiveFolder(tmp_path).held():
        pass
