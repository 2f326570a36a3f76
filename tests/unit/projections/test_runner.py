"""The runner over forged logs: batches, crashes, a second worker, and events that cannot be applied."""

import sqlite3
from pathlib import Path

import pytest

from ledger.domain.events import CredentialIssued, CredentialSuspended
from ledger.domain.types import Did, Digest, ListId, Position, Slot
from ledger.domain.values import Part
from ledger.testing.forge import How
from projections.feed import FeedFailed
from projections.replay_check import compare
from projections.rows import Parked
from projections.runner import Changes, Fenced, Runner, ViewStoreError
from projections.stores.memory import MemoryViewStore
from projections.stores.sqlite import SqliteViewStore, ViewStoreFailed
from projections.stores.sqlite_reading import reading
from tests.unit.projections.world import ForgeFeed, World, live

OF_AN_ACT = {Part.FACTS: b"", Part.INTERNAL: b""}


class DyingStore(SqliteViewStore):
    """Dies inside the transaction of a later batch, after the rows were written."""

    saves_left = 1

    def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
        if self.saves_left == 0:
            self._connection.execute(
                "CREATE TEMP TRIGGER die BEFORE UPDATE ON main.tracking "
                "BEGIN SELECT RAISE(ROLLBACK, 'the power is gone'); END"
            )
        self.saves_left -= 1
        super().save(changes, expected=expected, reached=reached)


def parked_in(path: Path) -> list[Parked]:
    with reading(path) as reader:
        return list(reader.parked())


def streams_in(path: Path) -> set[str]:
    with reading(path) as reader:
        return {str(cells["credential_id"]) for cells in reader.cells("credentials")}


def test_a_crash_between_batches_is_made_good_by_running_again(tmp_path: Path) -> None:
    world = World()
    for number in range(12):
        world.issue(f"Learner {number}")
    path = tmp_path / "views.db"
    store = SqliteViewStore(path)
    world.feed.fails = lambda after: after >= 8
    with pytest.raises(FeedFailed):
        Runner(store, world.feed, batch=4).catch_up()
    assert store.position() == 8
    world.feed.fails = lambda _: False
    store.close()
    live(world, path, batch=4)
    assert len(streams_in(path)) == 12
    assert compare(world.feed, path) == []


def test_a_crash_inside_a_transaction_leaves_neither_rows_nor_tracking(tmp_path: Path) -> None:
    world = World()
    for number in range(6):
        world.issue(f"Learner {number}")
    path = tmp_path / "views.db"
    store = DyingStore(path)
    with pytest.raises(sqlite3.IntegrityError):  # so does a RAISE look; the batch, then its parking, both fail
        Runner(store, world.feed, batch=5).catch_up()
    assert store.position() == 5
    store.close()
    assert compare(world.feed, path) == []
    live(world, path)
    assert len(streams_in(path)) == 6
    assert compare(world.feed, path) == []


def test_running_again_without_news_changes_nothing(tmp_path: Path) -> None:
    world = World()
    world.issue()
    store = SqliteViewStore(tmp_path / "views.db")
    runner = Runner(store, world.feed)
    assert runner.catch_up() == len(world.forge.log)
    assert runner.catch_up() == 0
    store.close()


def test_a_second_worker_is_fenced_and_writes_nothing(tmp_path: Path) -> None:
    world = World()
    stream = world.issue("Ada First")
    path = live(world, tmp_path / "views.db")
    slow = SqliteViewStore(path)
    expected = slow.position()
    world.forge.amend(stream, world.forge.award(world.welding, "Ada Second"))
    late = Changes(slow)
    stale = slow.award(stream)
    assert stale is not None
    late.put_award(stale)
    world.forge.amend(stream, world.forge.award(world.welding, "Ada Third"))
    live(world, path)  # the other worker is faster, and went further
    for reached in (expected + 1, expected + 2, expected + 9):
        with pytest.raises(Fenced):
            slow.save(late, expected=expected, reached=Position(reached))
    slow.close()
    assert compare(world.feed, path) == []


def test_the_libraries_tracking_refuses_to_go_back(tmp_path: Path) -> None:
    world = World()
    path = live(world, tmp_path / "views.db")
    store = SqliteViewStore(path)
    with pytest.raises(Exception, match="Failed to record tracking"):
        store.save(Changes(store), expected=store.position(), reached=Position(1))
    assert store.position() == len(world.forge.log)
    store.close()


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_a_poison_event_parks_its_stream_alone(tmp_path: Path, batch: int) -> None:
    world = World()
    good = [world.issue(f"Before {number}") for number in range(3)]
    bad = world.issue("Parked later")
    poisoned = world.forge.suspend(bad)
    good += [world.issue(f"After {number}") for number in range(3)]
    follows = world.forge.reinstate(bad)
    world.forge.suspend(good[0])
    raw = world.forge.log[poisoned - 1].entry
    world.feed.bytes[poisoned] = raw.replace(b'"v":1', b'"v":7')
    heard: list[Parked] = []
    path = tmp_path / "views.db"
    store = SqliteViewStore(path)
    Runner(store, world.feed, batch=batch, parked=heard.append).catch_up()
    store.close()
    assert [(each.position, each.stream) for each in heard] == [(poisoned, bad), (follows, bad)]
    assert parked_in(path) == heard
    assert str(poisoned) in heard[1].reason
    assert streams_in(path) == {str(stream) for stream in (*good, bad)}
    with reading(path) as reader:
        status = {cells["credential_id"]: cells["status"] for cells in reader.cells("credentials")}
    assert (status[str(good[0])], status[str(bad)]) == ("suspended", "in_force")
    assert compare(world.feed, path) == []


def test_bytes_that_name_no_stream_park_the_rest_of_it_by_its_gap(tmp_path: Path) -> None:
    world = World()
    stream = world.issue()
    poisoned = world.forge.suspend(stream)
    follows = world.forge.revoke(stream)
    world.feed.bytes[poisoned] = b"\xff nothing"
    path = live(world, tmp_path / "views.db")
    assert [(each.position, each.stream) for each in parked_in(path)] == [(poisoned, None), (follows, stream)]
    assert "missing" in parked_in(path)[1].reason


@pytest.mark.parametrize(
    "parts",
    [
        {Part.FACTS: b"{}"},
        {Part.INTERNAL: b'{"actor":"x","notes":null,"v":1}'},
        {Part.FACTS: b'{"act":{"effective":"2026-01-01","mode":null,"reason":null,"text":null},"v":1}'},
    ],
)
def test_private_parts_of_another_shape_are_parked(parts: dict[Part, bytes]) -> None:
    world = World()
    world.issue("Bad", How(parts=parts))
    good = world.issue("Good")
    assert set(world.rows()) == {good}


def test_missing_and_exchanged_private_parts_are_parked() -> None:
    world = World()
    hidden, exchanged, good = world.issue(), world.issue(), world.issue()
    places = world.forge.streams
    world.feed.hidden.add(places[hidden][0])
    world.forge.openings[places[exchanged][0]][Part.FACTS] = world.forge.openings[places[good][0]][Part.FACTS]
    store = MemoryViewStore()
    Runner(store, world.feed).catch_up()
    assert set(store.awards) == {good}
    assert [each.stream for each in store.parked] == [hidden, exchanged]
    assert [each.reason.rsplit(" ", 1)[-1] for each in store.parked] == ["opened", "to"]


def test_a_reason_quotes_nothing_of_the_record() -> None:
    world = World()
    facts = world.forge.openings[world.forge.streams[world.issue("Secret Name")][0]][Part.FACTS].content
    world.issue("Secret Name", How(parts={Part.FACTS: facts.replace(b"2026-11-21", b"Secret Day")}))
    store = MemoryViewStore()
    Runner(store, world.feed).catch_up()
    assert [each.reason for each in store.parked] == ["it could not be applied: MalformedPart"]


def test_what_the_tables_cannot_hold_is_poison_too(tmp_path: Path) -> None:
    world = World()
    first = world.issue()

    class Picky(SqliteViewStore):
        def save(self, changes: Changes, *, expected: Position, reached: Position) -> None:
            if first in changes.awards:
                raise sqlite3.DataError("string or blob too big")
            super().save(changes, expected=expected, reached=reached)

    second = world.issue()
    store = Picky(tmp_path / "views.db")
    Runner(store, world.feed).catch_up()
    assert list(store.parked_streams()) == [first]
    assert store.award(second) is not None
    store.close()


def test_events_that_do_not_begin_or_own_an_award_are_parked() -> None:
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
    store = MemoryViewStore()
    Runner(store, world.feed).catch_up()
    assert [each.stream for each in store.parked] == [stream, nobody, again, orphan]


def test_an_issuer_registered_twice_keeps_its_first_stream() -> None:
    world = World()
    first = world.forge.issuers[world.college]
    world.forge.register("college")
    store = MemoryViewStore()
    Runner(store, world.feed).catch_up()
    assert {each.stream for each in store.issuers} == {first}
    assert {each.stream for each in store.parked} == {world.forge.issuers[world.college]}


def test_a_wording_that_is_not_the_one_named_parks_the_award() -> None:
    world = World()
    stream = world.issue()
    digest = world.welding.digest
    world.forge.definitions[digest] = world.forge.definitions[digest].replace(b"Welding", b"Surgery")
    store = MemoryViewStore()
    Runner(store, world.feed).catch_up()
    assert [each.stream for each in store.parked] == [stream]


def test_a_failing_ledger_parks_nothing() -> None:
    world = World()
    world.issue()

    class Away(ForgeFeed):
        def definition(self, digest: Digest) -> bytes | None:
            raise FeedFailed("the store is away")

    store = MemoryViewStore()
    with pytest.raises(FeedFailed):
        Runner(store, Away(world.forge)).catch_up()
    assert store.parked == []


def test_a_damaged_row_or_issuer_is_not_blamed_on_the_event(tmp_path: Path) -> None:
    world = World()
    stream = world.issue()
    for number, damage in enumerate(
        ["credentials SET acts = '[7]'", "credentials SET issued_at = 3", "issuer_entries SET entry = x'00'"]
    ):
        path = live(world, tmp_path / f"views-{number}.db")
        world.forge.suspend(stream)
        with sqlite3.connect(path) as connection:
            connection.execute(f"UPDATE {damage}")
        connection.close()
        store = SqliteViewStore(path)
        before = store.position()
        with pytest.raises(ViewStoreError):
            Runner(store, world.feed).catch_up()
        assert store.position() == before
        assert store.parked_streams() == {}
        store.close()


def test_memory_tables_are_fenced_too() -> None:
    store = MemoryViewStore()
    with pytest.raises(Fenced):
        store.save(Changes(store), expected=Position(1), reached=Position(2))


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ViewStoreFailed):
        SqliteViewStore(tmp_path / "no folder" / "views.db")
