"""The file of the views: rebuilt, made anew, left by others; and the worker that keeps it up to date."""

import sqlite3
from pathlib import Path
from threading import Event, Thread

import pytest

from ledger.adapters.background import Background
from ledger.domain.types import Position
from projections.family import ViewStoreError
from projections.replay_check import compare
from projections.runner import Changes, Fenced
from projections.stores.sqlite import SqliteViewStore
from projections.stores.sqlite_reading import reading
from projections.views import Views
from projections.wallet import VERSIONS
from tests.unit.projections.opened import TODAY, Opened
from tests.unit.projections.world import World, live


def test_rebuilding_takes_back_what_was_parked(opened: Opened) -> None:
    world = opened.world
    stream = world.issue()
    world.feed.hidden.add(world.forge.streams[stream][0])
    assert opened.search() == []
    world.feed.hidden.clear()
    assert opened.views.rebuild() == len(world.forge.log)
    assert [row.credential_id for row in opened.search()] == [stream]
    assert list(opened.views.parked()) == []
    with sqlite3.connect(opened.path) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    connection.close()
    assert [name for name in names if "beside" in name] == []


def test_a_rebuild_that_fails_leaves_the_old_view(opened: Opened) -> None:
    opened.world.issue("Ada")
    assert opened.names() == ["Ada"]
    opened.world.feed.fails = lambda _: True
    with pytest.raises(Exception, match="away"):
        opened.views.rebuild()
    opened.world.feed.fails = lambda _: False
    opened.world.issue("Bea")
    assert opened.names() == ["Bea", "Ada"]


def test_a_reader_sees_the_old_rows_while_a_rebuild_puts_new_ones_in_place(opened: Opened) -> None:
    stream = opened.world.issue("Hidden")
    opened.world.issue("Ada")
    opened.world.feed.hidden.add(opened.world.forge.streams[stream][0])
    assert opened.names() == ["Ada"]
    with reading(opened.path) as reader:
        opened.world.feed.hidden.clear()
        opened.views.rebuild()
        assert len(list(reader.cells(VERSIONS))) == 1
    assert opened.names() == ["Ada", "Hidden"]
    assert compare(opened.world.feed, opened.path) == []


def test_deleting_the_file_and_catching_up_gives_equal_rows(opened: Opened) -> None:
    forge = opened.world.forge
    forge.suspend(opened.world.issue("Ada"))
    opened.world.issue("Bea")
    before = opened.search()
    opened.views.close()
    opened.path.unlink()
    opened.views = Views(opened.path, opened.world.feed, parked=opened.heard.append)
    assert opened.views.position() == 0
    assert opened.search() == before
    assert opened.views.position() == len(forge.log)


@pytest.mark.parametrize("content", [b"", b"this is no database at all, but long enough to look at" * 200])
def test_a_file_that_is_no_view_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "views.db").write_bytes(content)
    (tmp_path / "views.db-wal").write_bytes(b"left behind")
    world = World()
    world.issue("Ada")
    opened = Opened(world, tmp_path / "views.db")
    assert opened.names() == ["Ada"]
    opened.views.close()


def test_a_file_of_another_version_is_made_anew(tmp_path: Path) -> None:
    world = World()
    world.issue("Ada")
    path = live(world, tmp_path / "views.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    opened = Opened(world, path)
    assert opened.views.position() == 0
    assert opened.names() == ["Ada"]
    opened.views.close()


def test_a_file_that_another_process_locks_is_refused_and_kept(tmp_path: Path) -> None:
    world = World()
    path = live(world, tmp_path / "views.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(ViewStoreError):
        Views(tmp_path / "folder.db", world.feed, parked=lambda _: None)
    assert path.exists()


def test_a_view_of_a_log_that_was_cut_back_is_rebuilt(opened: Opened) -> None:
    opened.world.issue("Ada")
    size = opened.world.feed.size()
    opened.world.issue("Lost")
    assert opened.names() == ["Lost", "Ada"]
    opened.world.feed.cut = size
    assert opened.names() == ["Ada"]
    assert opened.views.position() == size


def test_the_file_is_for_its_owner_alone(opened: Opened) -> None:
    assert opened.path.stat().st_mode & 0o777 == 0o600


def test_catching_up_goes_on_where_another_process_got_to(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.world.issue("Ada")
    save = SqliteViewStore.save
    lost: list[SqliteViewStore] = []

    def overtaken(store: SqliteViewStore, changes: Changes, *, expected: Position, reached: Position) -> None:
        if not lost:
            lost.append(store)
            live(opened.world, opened.path)  # the other process was faster
        save(store, changes, expected=expected, reached=reached)

    monkeypatch.setattr(SqliteViewStore, "save", overtaken)
    assert opened.names() == ["Ada"]
    assert opened.views.position() == len(opened.world.forge.log)
    assert len(lost) == 1
    assert issubclass(Fenced, ViewStoreError)


def test_a_view_is_rebuilt_while_others_follow_the_log_and_readers_read(opened: Opened) -> None:
    world = opened.world
    streams = [world.issue(f"Learner {number}") for number in range(60)]
    for stream in streams[::2]:
        world.forge.suspend(stream)
    world.feed.cut = 5
    failures: list[Exception] = []

    def follow() -> None:
        try:
            for size in range(5, len(world.forge.log) + 1):
                world.feed.cut = size
                opened.views.catch_up()
                opened.views.search(
                    issuer=None, query="learner", achievement=None, status=None, after=None, limit=9, today=TODAY
                )
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    thread = Thread(target=follow)
    thread.start()
    rebuilt = 0
    while thread.is_alive() or rebuilt < 2:
        opened.views.rebuild()
        rebuilt += 1
    thread.join()
    assert failures == []
    opened.views.catch_up()
    assert compare(world.feed, opened.path) == []
    assert len(opened.search()) == 60


def test_a_view_far_behind_is_filled_as_a_rebuild_is(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        opened.world.issue(f"Learner {number}")
    placed: list[str] = []
    put_in_place = SqliteViewStore.put_in_place

    def seen(store: SqliteViewStore) -> None:
        placed.append(store.view.name)
        put_in_place(store)

    monkeypatch.setattr(SqliteViewStore, "put_in_place", seen)
    monkeypatch.setattr("projections.views._FAR_BEHIND", 3)
    assert len(opened.search()) == 5
    assert sorted(placed) == ["credential_status", "wallet"]
    opened.world.issue("One more")
    assert len(opened.search()) == 6
    assert len(placed) == 2
    assert compare(opened.world.feed, opened.path) == []


# ---- the worker


class Watched(Views):
    """Views whose catching up can be waited for, and fails when told to."""

    error: Exception | None = None
    caught_up: Event

    def catch_up(self) -> int:
        """As views do."""
        try:
            if self.error is not None:
                raise self.error
            return super().catch_up()
        finally:
            self.caught_up.set()


def test_the_worker_catches_up_at_its_start_at_a_wake_and_before_it_stops(tmp_path: Path) -> None:
    world = World()
    watched = Watched(tmp_path / "views.db", world.feed, parked=lambda _: None)
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
    watched.error = None
    world.issue("Bea")
    worker.close()
    assert watched.position() == len(world.forge.log)
    assert [str(each) for each in failures] == ["the disk is full"]
    watched.close()


def test_a_worker_that_was_never_started_closes(opened: Opened) -> None:
    Background(opened.views.catch_up, name="views", interval=0.0, failed=lambda _: None).close()
