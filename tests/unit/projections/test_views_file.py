"""The file of the views: made anew, left by others; and the worker that keeps views up to date."""

import sqlite3
from pathlib import Path
from threading import Event

import pytest

from ledger.adapters.background import Background
from projections.family import ViewStoreError
from projections.views import SqliteViews, Views
from tests.unit.projections.opened import Opened
from tests.unit.projections.world import World, live


def test_deleting_the_file_and_catching_up_gives_equal_rows(opened: Opened, tmp_path: Path) -> None:
    forge = opened.world.forge
    forge.suspend(opened.world.issue("Ada"))
    opened.world.issue("Bea")
    before = opened.search()
    opened.views.close()
    (tmp_path / "views.db").unlink()
    opened.views = Views(opened.place, opened.world.feed, parked=opened.heard.append)
    assert opened.views.position() == 0
    assert opened.search() == before
    assert opened.views.position() == len(forge.log)


@pytest.mark.parametrize("content", [b"", b"this is no database at all, but long enough to look at" * 200])
def test_a_file_that_is_no_view_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "views.db").write_bytes(content)
    (tmp_path / "views.db-wal").write_bytes(b"left behind")
    world = World()
    world.issue("Ada")
    opened = Opened(world, SqliteViews(tmp_path / "views.db"))
    assert opened.names() == ["Ada"]
    opened.views.close()


def test_a_file_of_another_version_is_made_anew(tmp_path: Path) -> None:
    world = World()
    world.issue("Ada")
    place = live(world, tmp_path / "views.db")
    connection = sqlite3.connect(place.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    opened = Opened(world, place)
    assert opened.views.position() == 0
    assert opened.names() == ["Ada"]
    opened.views.close()


def test_a_file_that_another_process_locks_is_refused_and_kept(tmp_path: Path) -> None:
    world = World()
    place = live(world, tmp_path / "views.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(ViewStoreError):
        Views(SqliteViews(tmp_path / "folder.db"), world.feed, parked=lambda _: None)
    assert place.path.exists()


def test_the_file_is_for_its_owner_alone(opened: Opened, tmp_path: Path) -> None:
    assert opened.views.position() == 0
    assert (tmp_path / "views.db").stat().st_mode & 0o777 == 0o600


# ---- the worker


class Watched(Views):
    """Views whose catching up can be waited for, and fails once when told to."""

    error: Exception | None = None
    caught_up: Event

    def catch_up(self) -> int:
        """As views do."""
        try:
            error, self.error = self.error, None
            if error is not None:
                raise error
            return super().catch_up()
        finally:
            self.caught_up.set()


def test_the_worker_catches_up_at_its_start_at_a_wake_and_before_it_stops(tmp_path: Path) -> None:
    world = World()
    watched = Watched(SqliteViews(tmp_path / "views.db"), world.feed, parked=lambda _: None)
    watched.caught_up = Event()
    failures: list[Exception] = []
    worker = Background(watched.catch_up, name="views", interval=0.0, failed=failures.append)
    worker.start()
    assert watched.caught_up.wait(30)
    world.issue("Ada")
    watched.caught_up.clear()
    worker.wake()
    assert watched.caught_up.wait(30)
    assert watched.position() == len(world.forge.log)
    watched.error = ViewStoreError("the disk is full")
    watched.caught_up.clear()
    worker.wake()
    assert watched.caught_up.wait(30)
    world.issue("Bea")
    worker.close()
    assert watched.position() == len(world.forge.log)
    assert [str(each) for each in failures] == ["the disk is full"]
    watched.close()


def test_a_worker_that_was_never_started_closes(opened: Opened) -> None:
    Background(opened.views.catch_up, name="views", interval=0.0, failed=lambda _: None).close()
