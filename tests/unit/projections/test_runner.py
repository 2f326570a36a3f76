"""The runner over forged logs: batches, crashes, a second worker, and events that cannot be applied."""

import sqlite3
from pathlib import Path

import pytest

from ledger.domain.events import CredentialIssued, CredentialSuspended
from ledger.domain.types import Did, Digest, ListId, Position, Slot
from ledger.domain.values import Part
from ledger.testing.forge import How
from projections.credential_status import AWARDS, CredentialStatus
from projections.family import Parked, Table, View, ViewStoreError
from projections.feed import FeedFailed
from projections.replay_check import compare
from projections.runner import Changes, Fenced, Runner
from projections.stores.sqlite import SqliteViewStore, ViewStoreFailed, connect, in_memory
from projections.stores.sqlite_reading import ViewReader, reading
from projections.views import FAMILY
from projections.wallet import VERSIONS, Wallet
from tests.unit.projections.world import ForgeFeed, World, live, opened_store

OF_AN_ACT = {Part.FACTS: b"", Part.INTERNAL: b""}


STATUS, WALLET = CredentialStatus(), Wallet()


class DyingStore(SqliteViewStore):
    """Dies inside the transaction of a later batch, after the rows were written."""

    saves_left = 1

    def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
        if self.saves_left == 0:
            self.connection.execute(
                "CREATE TEMP TRIGGER die BEFORE UPDATE ON main.tracking "
                "BEGIN SELECT RAISE(ROLLBACK, 'the power is gone'); END"
            )
        self.saves_left -= 1
        super().save(changes, expected=expected, reached=reached)


def parked_in(path: Path, view: View = STATUS) -> list[Parked]:
    with reading(path) as reader:
        return list(reader.parked(view))


def streams_in(path: Path, table: Table = AWARDS) -> set[str]:
    place = table.place("credential_id")
    with reading(path) as reader:
        return {str(row[place]) for row in reader.cells(table)}


@pytest.fixture(params=[STATUS, WALLET], ids=lambda view: view.name)
def view(request: pytest.FixtureRequest) -> View:
    view: View = request.param
    return view


def aside(world: World, view: View) -> tuple[set[str], list[Parked]]:
    """The awards of a view folded from the first event to the last, and what it parked."""
    heard: list[Parked] = []
    store = in_memory(view)
    Runner(store, world.feed, view, parked=heard.append).catch_up()
    place = view.tables[0].place("credential_id")
    found = {str(row[place]) for row in ViewReader(store.connection).cells(view.tables[0])}
    store.connection.close()
    return found, heard


def test_a_crash_between_batches_is_made_good_by_running_again(tmp_path: Path, view: View) -> None:
    world = World()
    for number in range(12):
        world.issue(f"Learner {number}")
    path = tmp_path / "views.db"
    with opened_store(path, view) as store:
        world.feed.fails = lambda after: after >= 8
        with pytest.raises(FeedFailed):
            Runner(store, world.feed, view, batch=4).catch_up()
        assert store.position() == 8
        world.feed.fails = lambda _: False
    live(world, path, batch=4)
    assert len(streams_in(path, view.tables[0])) == 12
    assert compare(world.feed, path) == []


def test_a_crash_inside_a_transaction_leaves_neither_rows_nor_tracking(tmp_path: Path, view: View) -> None:
    world = World()
    for number in range(6):
        world.issue(f"Learner {number}")
    path = tmp_path / "views.db"
    store = DyingStore(connect(path, FAMILY), view)
    with pytest.raises(sqlite3.IntegrityError):  # so does a RAISE look; the batch, then its parking, both fail
        Runner(store, world.feed, view, batch=5).catch_up()
    assert store.position() == 5
    store.close()
    assert compare(world.feed, path, [view]) == []
    live(world, path)
    assert len(streams_in(path, view.tables[0])) == 6
    assert compare(world.feed, path) == []


def test_running_again_without_news_changes_nothing(tmp_path: Path, view: View) -> None:
    world = World()
    world.issue()
    with opened_store(tmp_path / "views.db", view) as store:
        runner = Runner(store, world.feed, view)
        assert runner.catch_up() == len(world.forge.log)
        assert runner.catch_up() == 0


def test_a_second_worker_is_fenced_and_writes_nothing(tmp_path: Path, view: View) -> None:
    world = World()
    stream = world.issue("Ada First")
    path = live(world, tmp_path / "views.db")
    with opened_store(path, view) as slow:
        expected = slow.position()
        world.forge.amend(stream, world.forge.award(world.welding, "Ada Second"))
        late = Changes(slow, view)
        table = view.tables[0]
        [row] = slow.where(table, "credential_id", str(stream))
        late.change(table, (*row[:1], "stale", *row[2:]))
        world.forge.amend(stream, world.forge.award(world.welding, "Ada Third"))
        live(world, path)  # the other worker is faster, and went further
        for reached in (expected + 1, expected + 2, expected + 9):
            with pytest.raises(Fenced):
                slow.save(late, expected=expected, reached=Position(reached))
    assert compare(world.feed, path) == []


def test_the_libraries_tracking_refuses_to_go_back(tmp_path: Path, view: View) -> None:
    world = World()
    path = live(world, tmp_path / "views.db")
    with opened_store(path, view) as store:
        with pytest.raises(Exception, match="Failed to record tracking"):
            store.save(Changes(store, view), expected=store.position(), reached=Position(1))
        assert store.position() == len(world.forge.log)


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_a_poison_event_parks_its_stream_alone(tmp_path: Path, batch: int) -> None:
    world = World()
    good = [world.issue(f"Before {number}") for number in range(3)]
    bad = world.issue("Parked later")
    poisoned = world.forge.suspend(bad)
    good += [world.issue(f"After {number}") for number in range(3)]
    follows = world.forge.reinstate(bad)
    world.forge.suspend(good[0])
    world.feed.bytes[poisoned] = world.forge.log[poisoned - 1].entry[1:]
    heard: list[Parked] = []
    path = live(world, tmp_path / "views.db", batch=batch, parked=heard.append)
    of_status = [each for each in heard if each.view == STATUS.name]
    assert [(each.position, each.stream) for each in of_status] == [(poisoned, bad), (follows, bad)]
    assert parked_in(path) == of_status
    assert str(poisoned) in of_status[1].reason
    # What an act is cannot be read, so the wallet cannot know that it has nothing to fold there.
    assert [(each.position, each.stream) for each in parked_in(path, WALLET)] == [(poisoned, bad)]
    assert streams_in(path) == streams_in(path, VERSIONS) == {str(stream) for stream in (*good, bad)}
    with reading(path) as reader:
        status = {row[1]: row[3] for row in reader.cells(AWARDS)}
    assert (status[str(good[0])], status[str(bad)]) == ("suspended", "in_force")
    assert compare(world.feed, path) == []


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_what_one_view_parks_another_applies(tmp_path: Path, batch: int) -> None:
    world = World()
    stream, good = world.issue("Bea"), world.issue("Cem")
    hidden = world.forge.amend(stream, world.forge.award(world.welding, "Bee"))
    world.forge.amend(stream, world.forge.award(world.welding, "Bree"))
    world.feed.hidden.add(hidden)
    path = live(world, tmp_path / "views.db", batch=batch)
    assert parked_in(path) == []
    assert [each.position for each in parked_in(path, WALLET)] == [hidden, hidden + 1]
    rows = world.rows()
    assert (rows[stream].version, rows[stream].learner_name, rows[stream].parked) == (3, "Bea", True)
    assert (rows[good].learner_name, rows[good].parked) == ("Cem", False)


def test_bytes_that_name_no_stream_park_the_rest_of_it_by_its_gap(tmp_path: Path) -> None:
    world = World()
    stream = world.issue()
    poisoned = world.forge.suspend(stream)
    follows = world.forge.revoke(stream)
    world.feed.bytes[poisoned] = b"\xff nothing"
    path = live(world, tmp_path / "views.db")
    assert [(each.position, each.stream) for each in parked_in(path)] == [(poisoned, None), (follows, stream)]
    assert "missing" in parked_in(path)[1].reason


def test_an_event_of_a_type_from_the_future_parks_its_stream(tmp_path: Path, view: View) -> None:
    world = World()
    stream, good = world.issue(), world.issue()
    position = world.forge.suspend(stream)
    raw = world.forge.log[position - 1].entry
    world.feed.bytes[position] = raw.replace(b"credential.suspended/1", b"credential.suspended/2")
    found, parked = aside(world, view)
    assert found == {str(stream), str(good)}
    assert [(each.position, each.stream, each.reason) for each in parked] == [
        (position, stream, "this version knows no such event")
    ]


@pytest.mark.parametrize(
    "parts",
    [
        {Part.FACTS: b"{}"},
        {Part.FACTS: b"[]"},
        {Part.FACTS: b"no JSON"},
        {Part.FACTS: b'{"award":7,"v":1}'},
        {Part.INTERNAL: b'{"actor":"x","notes":null,"v":1}'},
        {Part.FACTS: b'{"act":{"effective":"2026-01-01","mode":null,"reason":null,"text":null},"v":1}'},
    ],
)
def test_private_parts_of_another_shape_are_parked(parts: dict[Part, bytes]) -> None:
    world = World()
    bad, good = world.issue("Bad", How(parts=parts)), world.issue("Good")
    found, parked = aside(world, WALLET)
    assert found == {str(good)}
    assert [each.stream for each in parked] == [bad]
    assert aside(world, STATUS) == ({str(bad), str(good)}, [])


@pytest.mark.parametrize(
    ("part", "written", "instead"),
    [
        (Part.FACTS, b'"name":"Ada Example"', b'"name":7'),
        (Part.FACTS, b'"awarded_on":"2026-11-21"', b'"awarded_on":"20261121"'),
        (Part.FACTS, b'"awarded_on":"2026-11-21"', b'"awarded_on":"Friday"'),
        (Part.FACTS, b'"version":1', b'"version":"1"'),
        (Part.FACTS, b'"components":[]', b'"components":[{}]'),
        (Part.INTERNAL, b"00000000-0000-0000-0000-000000000007", b"seven"),
        (Part.INTERNAL, b'"email":"ada@example.org"', b'"email":7'),
        (Part.INTERNAL, b'"v":1', b'"v":2'),
    ],
)
def test_a_field_of_another_kind_is_parked(part: Part, written: bytes, instead: bytes) -> None:
    world = World()
    sound = world.forge.openings[world.forge.streams[world.issue()][0]][part].content
    assert written in sound
    bad = world.issue("Bad", How(parts={part: sound.replace(written, instead)}))
    _, parked = aside(world, WALLET)
    assert [each.stream for each in parked] == [bad]


def test_missing_and_exchanged_private_parts_are_parked() -> None:
    world = World()
    hidden, exchanged, good = world.issue(), world.issue(), world.issue()
    places = world.forge.streams
    world.feed.hidden.add(places[hidden][0])
    world.forge.openings[places[exchanged][0]][Part.FACTS] = world.forge.openings[places[good][0]][Part.FACTS]
    found, parked = aside(world, WALLET)
    assert found == {str(good)}
    assert [each.stream for each in parked] == [hidden, exchanged]
    assert [each.reason.rsplit(" ", 1)[-1] for each in parked] == ["opened", "to"]
    assert set(world.rows()) == {good}


def test_a_reason_quotes_nothing_of_the_record() -> None:
    world = World()
    facts = world.forge.openings[world.forge.streams[world.issue("Secret Name")][0]][Part.FACTS].content
    world.issue("Secret Name", How(parts={Part.FACTS: facts.replace(b"2026-11-21", b"Secret Day")}))
    _, parked = aside(world, WALLET)
    assert [each.reason for each in parked] == ["the private parts are those of another kind of act"]


def test_what_the_tables_cannot_hold_is_poison_too(tmp_path: Path) -> None:
    world = World()
    first = world.issue()

    class Picky(SqliteViewStore):
        def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
            if str(first) in changes.added[AWARDS.name]:
                raise sqlite3.DataError("string or blob too big")
            super().save(changes, expected=expected, reached=reached)

    second = world.issue()
    store = Picky(connect(tmp_path / "views.db", FAMILY), STATUS)
    Runner(store, world.feed, STATUS).catch_up()
    assert store.any_parked()
    assert store.first_parked(str(first)) is not None
    assert store.first_parked(str(second)) is None
    assert store.find(AWARDS, str(second)) is not None
    store.close()
    assert [each.reason for each in parked_in(tmp_path / "views.db")] == ["it could not be applied: DataError"]


@pytest.mark.parametrize("batch", [1, 1_000])
def test_events_that_do_not_begin_or_own_an_award_are_parked(tmp_path: Path, batch: int) -> None:
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
    path = live(world, tmp_path / "views.db", batch=batch)
    assert [each.stream for each in parked_in(path)] == [stream, nobody, again, orphan]


@pytest.mark.parametrize("batch", [1, 2, 3, 1_000])
def test_a_second_beginning_of_an_award_is_parked_for_one_reason_in_all_batches(tmp_path: Path, batch: int) -> None:
    world = World()
    stream, good = world.issue(), world.issue()
    first = world.forge.streams[stream][0]
    last = world.forge.suspend(good)
    world.feed.bytes[last] = world.forge.log[first - 1].entry  # the same bytes again, seq 0
    path = live(world, tmp_path / "views.db", batch=batch)
    assert streams_in(path) == {str(stream), str(good)}
    [parked] = parked_in(path)
    assert (parked.position, parked.stream, parked.reason) == (last, stream, "there is such a row already")
    assert compare(world.feed, path) == []


@pytest.mark.parametrize(("written", "instead"), [(b'"at":"2026', b'"at":"2O26'), (b'"stream":"0', b'"stream":"X')])
def test_what_a_reader_could_not_read_again_is_parked(written: bytes, instead: bytes) -> None:
    world = World()
    bad, good = world.issue(), world.issue()
    position = world.forge.streams[bad][0]
    world.feed.bytes[position] = world.forge.log[position - 1].entry.replace(written, instead)
    found, parked = aside(world, STATUS)
    assert found == {str(good)}
    assert [each.position for each in parked] == [position]


def test_an_issuer_registered_twice_keeps_its_first_stream() -> None:
    world = World()
    world.forge.register("college")
    _, parked = aside(world, STATUS)
    assert {each.stream for each in parked} == {world.forge.issuers[world.college]}


def test_a_wording_that_is_not_the_one_named_parks_the_award() -> None:
    world = World()
    stream = world.issue()
    digest = world.welding.digest
    world.forge.definitions[digest] = world.forge.definitions[digest].replace(b"Welding", b"Surgery")
    _, parked = aside(world, WALLET)
    assert [each.stream for each in parked] == [stream]


def test_a_failing_ledger_parks_nothing() -> None:
    world = World()
    world.issue()

    class Away(ForgeFeed):
        def definition(self, digest: Digest) -> bytes | None:
            raise FeedFailed("the store is away")

    store = in_memory(WALLET)
    with pytest.raises(FeedFailed):
        Runner(store, Away(world.forge), WALLET).catch_up()
    assert (store.position(), store.any_parked()) == (0, False)
    store.connection.close()


@pytest.mark.parametrize(
    "damage", ["credential_status SET acts = '[7]'", "credential_status_issuers SET entry = x'00'"]
)
def test_a_damaged_row_or_issuer_is_not_blamed_on_the_event(tmp_path: Path, damage: str) -> None:
    world = World()
    stream = world.issue()
    path = live(world, tmp_path / "views.db")
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {damage}")
    connection.close()
    world.forge.compromise(world.college, "college/signing", world.forge.streams[stream][0])
    with opened_store(path, STATUS) as store:
        before = store.position()
        with pytest.raises(ViewStoreError):
            Runner(store, world.feed, STATUS).catch_up()
        assert store.position() == before
        assert not store.any_parked()


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ViewStoreFailed):
        connect(tmp_path / "no folder" / "views.db", FAMILY)
