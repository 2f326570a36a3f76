"""What views promise those who keep them up to date: following the log, rebuilding beside readers and other workers.

An engine's test class inherits `UpkeepContract` and provides the fixture `tables`.
"""

from threading import Thread

import pytest

from ledger.domain.types import Position
from projections.changes import Changes, Fenced, ViewStore
from projections.family import ViewStoreError
from projections.stores.postgres import PostgresViewStore
from projections.stores.sqlite import SqliteViewStore
from projections.stores.tables import all_tables
from projections.views import FAMILY
from projections.wallet import VERSIONS
from tests.contracts.view_search_contract import OpenedContract
from tests.contracts.view_tables import ViewTables
from tests.unit.projections.opened import TODAY, Opened


class UpkeepContract(OpenedContract):
    """Rebuilt, left by others, and caught up."""

    def test_rebuilding_takes_back_what_was_parked(self, opened: Opened, tables: ViewTables) -> None:
        world = opened.world
        stream = world.issue()
        world.feed.hidden.add(world.forge.streams[stream][0])
        assert opened.search() == []
        world.feed.hidden.clear()
        assert opened.views.rebuild() == len(world.forge.log)
        assert [row.credential_id for row in opened.search()] == [stream]
        assert list(opened.views.parked()) == []
        assert tables.left() == {each.name for view in FAMILY for each in all_tables(view)}

    def test_a_rebuild_that_fails_leaves_the_old_view(self, opened: Opened) -> None:
        opened.world.issue("Ada")
        assert opened.names() == ["Ada"]
        opened.world.feed.fails = lambda _: True
        with pytest.raises(Exception, match="away"):
            opened.views.rebuild()
        opened.world.feed.fails = lambda _: False
        opened.world.issue("Bea")
        assert opened.names() == ["Bea", "Ada"]

    def test_a_reader_sees_the_old_rows_while_a_rebuild_puts_new_ones_in_place(
        self, opened: Opened, tables: ViewTables
    ) -> None:
        stream = opened.world.issue("Hidden")
        opened.world.issue("Ada")
        opened.world.feed.hidden.add(opened.world.forge.streams[stream][0])
        assert opened.names() == ["Ada"]
        with tables.reading() as reader:
            opened.world.feed.hidden.clear()
            opened.views.rebuild()
            assert len(list(reader.cells(VERSIONS))) == 1
        assert opened.names() == ["Ada", "Hidden"]
        assert tables.compared(opened.world) == []

    def test_a_view_of_a_log_that_was_cut_back_is_rebuilt(self, opened: Opened) -> None:
        opened.world.issue("Ada")
        size = opened.world.feed.size()
        opened.world.issue("Lost")
        assert opened.names() == ["Lost", "Ada"]
        opened.world.feed.cut = size
        assert opened.names() == ["Ada"]
        assert opened.views.position() == size

    def test_catching_up_goes_on_where_another_process_got_to(
        self, opened: Opened, tables: ViewTables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened.world.issue("Ada")
        save = vars(tables.store_type)["save"]
        lost: list[ViewStore] = []

        def overtaken(store: ViewStore, changes: Changes, *, expected: Position, reached: Position) -> None:
            if not lost:
                lost.append(store)
                tables.fold(opened.world)  # the other process was faster
            save(store, changes, expected=expected, reached=reached)

        monkeypatch.setattr(tables.store_type, "save", overtaken)
        assert opened.names() == ["Ada"]
        assert opened.views.position() == len(opened.world.forge.log)
        assert len(lost) == 1
        assert issubclass(Fenced, ViewStoreError)

    def test_a_view_is_rebuilt_while_others_follow_the_log_and_readers_read(
        self, opened: Opened, tables: ViewTables
    ) -> None:
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
        assert tables.compared(world) == []
        assert len(opened.search()) == 60

    def test_a_view_far_behind_is_filled_as_a_rebuild_is(
        self, opened: Opened, tables: ViewTables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(5):
            opened.world.issue(f"Learner {number}")
        placed: list[str] = []
        put_in_place = vars(tables.store_type)["put_in_place"]

        def seen(store: SqliteViewStore | PostgresViewStore) -> None:
            placed.append(store.view.name)
            put_in_place(store)

        monkeypatch.setattr(tables.store_type, "put_in_place", seen)
        monkeypatch.setattr("projections.views._FAR_BEHIND", 3)
        assert len(opened.search()) == 5
        assert sorted(placed) == ["credential_status", "wallet"]
        opened.world.issue("One more")
        assert len(opened.search()) == 6
        assert len(placed) == 2
        assert tables.compared(opened.world) == []
