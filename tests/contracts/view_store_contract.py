"""What every store of views promises, whatever it is built on: batches, crashes, a second worker, and poison.

A store's test class inherits `ViewStoreContract` and provides the fixture `tables`.
"""

from collections.abc import Mapping
from datetime import date
from typing import NoReturn

import pytest
from eventsourcing.persistence import PersistenceError

from ledger.domain.events import CredentialIssued, CredentialSuspended
from ledger.domain.types import Did, Digest, ListId, Position, Slot
from ledger.domain.values import Part
from ledger.record.commitment import Opening
from ledger.testing.forge import How
from projections.changes import Changes, Fenced
from projections.credential_status import AWARDS, CredentialStatus, StatusFold
from projections.family import Cell, Fed, Parked, Tables, Titles, View, ViewStoreError
from projections.feed import FeedFailed
from projections.rows import Search
from projections.runner import Runner
from projections.wallet import VERSIONS, Wallet
from tests.contracts.view_tables import ViewTables
from tests.unit.projections.world import World

OF_AN_ACT = {Part.FACTS: b"", Part.INTERNAL: b""}
STATUS, WALLET = CredentialStatus(), Wallet()


class Overfilled(CredentialStatus):
    """The view `credential_status`, with rows of some awards that no table holds."""

    def __init__(self, column: str, cell: Cell, awards: set[str]) -> None:
        self.place = AWARDS.place(column)
        self.cell = cell
        self.awards = awards

    def fold(self, titles: Titles) -> "OverfilledFold":
        """A fold that has seen nothing yet."""
        del titles
        return OverfilledFold(self)


class OverfilledFold(StatusFold):
    """The fold of that view."""

    def __init__(self, view: Overfilled) -> None:
        super().__init__()
        self.view = view

    def apply(self, tables: Tables, fed: Fed, openings: Mapping[Part, Opening]) -> None:
        """Change the rows by one event."""
        super().apply(tables, fed, openings)
        row = tables.find(AWARDS, fed.entry.stream)
        if row is not None and fed.entry.stream in self.view.awards:
            tables.change(AWARDS, (*row[: self.view.place], self.view.cell, *row[self.view.place + 1 :]))


class ViewStoreContract:
    """The promises."""

    @pytest.fixture(params=[STATUS, WALLET], ids=lambda view: view.name)
    def view(self, request: pytest.FixtureRequest) -> View:
        view: View = request.param
        return view

    def test_a_crash_between_batches_is_made_good_by_running_again(self, tables: ViewTables, view: View) -> None:
        world = World()
        for number in range(12):
            world.issue(f"Learner {number}")
        with tables.store(view) as store:
            world.feed.fails = lambda after: after >= 8
            with pytest.raises(FeedFailed):
                Runner(store, world.feed, view, batch=4).catch_up()
            assert store.position() == 8
            world.feed.fails = lambda _: False
        tables.fold(world, batch=4)
        assert len(tables.streams(view.tables[0])) == 12
        assert tables.compared(world) == []

    def test_a_crash_inside_a_transaction_leaves_neither_rows_nor_tracking(
        self, tables: ViewTables, view: View
    ) -> None:
        world = World()
        for number in range(6):
            world.issue(f"Learner {number}")
        with tables.store(view) as store, pytest.MonkeyPatch.context() as patch:
            Runner(store, world.feed, view, batch=5).catch_up(until=5)

            def die(*_: object) -> NoReturn:
                raise PersistenceError("the power is gone")

            patch.setattr(tables.tracker, "_insert_tracking", die)  # rows are written
            with pytest.raises(ViewStoreError, match="the power is gone"):
                Runner(store, world.feed, view, batch=5).catch_up()
            assert store.position() == 5
        assert tables.compared(world, [view]) == []
        tables.fold(world)
        assert len(tables.streams(view.tables[0])) == 6
        assert tables.compared(world) == []

    def test_running_again_without_news_changes_nothing(self, tables: ViewTables, view: View) -> None:
        world = World()
        world.issue()
        with tables.store(view) as store:
            runner = Runner(store, world.feed, view)
            assert runner.catch_up() == len(world.forge.log)
            assert runner.catch_up() == 0

    def test_a_second_worker_is_fenced_and_writes_nothing(self, tables: ViewTables, view: View) -> None:
        world = World()
        stream = world.issue("Ada First")
        tables.fold(world)
        with tables.store(view) as slow:
            expected = slow.position()
            world.forge.amend(stream, world.forge.award(world.welding, "Ada Second"))
            late = Changes(slow, view)
            table = view.tables[0]
            [row] = slow.where(table, "credential_id", str(stream))
            late.change(table, (*row[:1], "stale", *row[2:]))
            world.forge.amend(stream, world.forge.award(world.welding, "Ada Third"))
            tables.fold(world)  # the other worker is faster, and went further
            for reached in (expected + 1, expected + 2, expected + 9):
                with pytest.raises(Fenced):
                    slow.save(late, expected=expected, reached=Position(reached))
        assert tables.compared(world) == []

    def test_the_libraries_tracking_refuses_to_go_back(self, tables: ViewTables, view: View) -> None:
        world = World()
        tables.fold(world)
        with tables.store(view) as store:
            with pytest.raises(ViewStoreError, match="Failed to record tracking"):
                store.save(Changes(store, view), expected=store.position(), reached=Position(1))
            assert store.position() == len(world.forge.log)

    @pytest.mark.parametrize("batch", [1, 3, 1_000])
    def test_a_poison_event_parks_its_stream_alone(self, tables: ViewTables, batch: int) -> None:
        world = World()
        good = [world.issue(f"Before {number}") for number in range(3)]
        bad = world.issue("Parked later")
        poisoned = world.forge.suspend(bad)
        good += [world.issue(f"After {number}") for number in range(3)]
        follows = world.forge.reinstate(bad)
        world.forge.suspend(good[0])
        world.feed.bytes[poisoned] = world.forge.log[poisoned - 1].entry[1:]
        heard: list[Parked] = []
        tables.fold(world, batch=batch, parked=heard.append)
        of_status = [each for each in heard if each.view == STATUS.name]
        assert [(each.position, each.stream) for each in of_status] == [(poisoned, bad), (follows, bad)]
        assert tables.parked(STATUS) == of_status
        assert str(poisoned) in of_status[1].reason
        # What an act is cannot be read, so the wallet cannot know that it has nothing to fold there.
        assert [(each.position, each.stream) for each in tables.parked(WALLET)] == [(poisoned, bad)]
        assert tables.streams(AWARDS) == tables.streams(VERSIONS) == {str(stream) for stream in (*good, bad)}
        with tables.reading() as reader:
            status = {row[1]: row[3] for row in reader.cells(AWARDS)}
        assert (status[str(good[0])], status[str(bad)]) == ("suspended", "in_force")
        assert tables.compared(world) == []

    @pytest.mark.parametrize("batch", [1, 3, 1_000])
    def test_what_one_view_parks_another_applies(self, tables: ViewTables, batch: int) -> None:
        world = World()
        stream, good = world.issue("Bea"), world.issue("Cem")
        hidden = world.forge.amend(stream, world.forge.award(world.welding, "Bee"))
        world.forge.amend(stream, world.forge.award(world.welding, "Bree"))
        world.feed.hidden.add(hidden)
        tables.fold(world, batch=batch)
        assert tables.parked(STATUS) == []
        assert [each.position for each in tables.parked(WALLET)] == [hidden, hidden + 1]
        rows = tables.rows()
        assert (rows[stream].version, rows[stream].learner_name, rows[stream].parked) == (3, "Bea", True)
        assert (rows[good].learner_name, rows[good].parked) == ("Cem", False)

    def test_bytes_that_name_no_stream_park_the_rest_of_it_by_its_gap(self, tables: ViewTables) -> None:
        world = World()
        stream = world.issue()
        poisoned = world.forge.suspend(stream)
        follows = world.forge.revoke(stream)
        world.feed.bytes[poisoned] = b"\xff nothing"
        tables.fold(world)
        assert [(each.position, each.stream) for each in tables.parked(STATUS)] == [(poisoned, None), (follows, stream)]
        assert "missing" in tables.parked(STATUS)[1].reason

    @pytest.mark.parametrize(("column", "cell"), [("issued_at", None), ("version", 2**63)])
    def test_what_the_tables_cannot_hold_is_poison_too(self, tables: ViewTables, column: str, cell: Cell) -> None:
        world = World()
        streams = [world.issue() for _ in range(9)]
        first, second, third = streams[2], streams[3], streams[7]
        view = Overfilled(column, cell, {str(first), str(third)})
        with tables.store(view) as store:
            Runner(store, world.feed, view).catch_up()
            assert store.any_parked()
            assert store.first_parked(str(third)) is not None
            assert store.first_parked(str(second)) is None
            found = store.parked_among([str(second), str(third), "none"])
            assert found == {str(third): store.first_parked(str(third))}
            assert store.find_all(AWARDS, {str(second), str(third), "none"}).keys() == {str(second)}
        assert {(each.stream, each.reason) for each in tables.parked(STATUS)} == {
            (first, "the tables cannot hold what it says"),
            (third, "the tables cannot hold what it says"),
        }
        assert tables.streams(AWARDS) == {str(stream) for stream in streams} - {str(first), str(third)}

    @pytest.mark.parametrize(
        ("place", "instead"), [(b'"stream":"', b'"stream":"\\u0000'), (b'"kid":"', b'"kid":"\\u0000')]
    )
    def test_text_that_postgresql_keeps_not_is_parked_on_every_engine(
        self, tables: ViewTables, view: View, place: bytes, instead: bytes
    ) -> None:
        world = World()
        bad, good = world.issue(), world.issue()
        position = world.forge.streams[bad][0]
        raw = world.forge.log[position - 1].entry
        assert place in raw
        world.feed.bytes[position] = raw.replace(place, instead)
        world.forge.suspend(bad)
        tables.fold(world)
        kept = {str(bad), str(good)} if (view, place) == (WALLET, b'"kid":"') else {str(good)}
        assert tables.streams(view.tables[0]) == kept
        assert tables.compared(world) == []

    def test_a_name_that_postgresql_keeps_not_is_parked_on_every_engine(self, tables: ViewTables) -> None:
        world = World()
        sound = world.forge.openings[world.forge.streams[world.issue()][0]][Part.FACTS].content
        bad = world.issue("Bad", How(parts={Part.FACTS: sound.replace(b"Ada Example", b"Ada\\u0000Example")}))
        tables.fold(world)
        [parked] = tables.parked(WALLET)
        assert (parked.stream, parked.reason) == (bad, "the private parts are those of another kind of act")
        assert tables.compared(world) == []
        with tables.reading() as reader:
            search = Search.of(issuer=None, query="ada\0", achievement=None, status=None, today=date(2027, 6, 1))
            assert (reader.search(search, before=None, limit=9), reader.count(search)) == ([], 0)
            assert reader.learner(world.college, "\0") is None
        with tables.store(STATUS) as store:
            assert store.find(AWARDS, "\0") is None
            assert list(store.where(AWARDS, "credential_id", "\0")) == []
            assert store.first_parked("\0") is None

    @pytest.mark.parametrize("batch", [1, 1_000])
    def test_events_that_do_not_begin_or_own_an_award_are_parked(self, tables: ViewTables, batch: int) -> None:
        world = World()
        forge = world.forge
        stranger = forge.register("stranger")
        stream, orphan = world.issue(), forge.new_stream()
        forge.suspend(stream, How(by=stranger, key="stranger/signing"))
        again = world.issue()
        nobody = forge.issue(Did("did:web:localhost%3A8000:issuers:nobody"), forge.award(world.welding))
        issued = CredentialIssued(link=Digest(bytes(32)), list=ListId(bytes(16)), slot=Slot(0))
        parts = {part: opening.content for part, opening in forge.openings[forge.streams[stream][0]].items()}
        forge.append(issued, stream=again, by=world.college, key="college/signing", parts=parts)
        forge.append(CredentialSuspended(), stream=orphan, by=world.college, key="college/signing", parts=OF_AN_ACT)
        tables.fold(world, batch=batch)
        assert [each.stream for each in tables.parked(STATUS)] == [stream, nobody, again, orphan]

    @pytest.mark.parametrize("batch", [1, 2, 3, 1_000])
    def test_a_second_beginning_of_an_award_is_parked_for_one_reason_in_all_batches(
        self, tables: ViewTables, batch: int
    ) -> None:
        world = World()
        stream, good = world.issue(), world.issue()
        first = world.forge.streams[stream][0]
        last = world.forge.suspend(good)
        world.feed.bytes[last] = world.forge.log[first - 1].entry  # the same bytes again, seq 0
        tables.fold(world, batch=batch)
        assert tables.streams(AWARDS) == {str(stream), str(good)}
        [parked] = tables.parked(STATUS)
        assert (parked.position, parked.stream, parked.reason) == (last, stream, "there is such a row already")
        assert tables.compared(world) == []

    @pytest.mark.parametrize(
        "damage", ["{credential_status} SET acts = '[7]'", "{credential_status_issuers} SET entry = ''"]
    )
    def test_a_damaged_row_or_issuer_is_not_blamed_on_the_event(self, tables: ViewTables, damage: str) -> None:
        world = World()
        stream = world.issue()
        tables.fold(world)
        tables.run(f"UPDATE {damage}")
        world.forge.compromise(world.college, "college/signing", world.forge.streams[stream][0])
        with tables.store(STATUS) as store:
            before = store.position()
            with pytest.raises(ViewStoreError):
                Runner(store, world.feed, STATUS).catch_up()
            assert store.position() == before
            assert not store.any_parked()
