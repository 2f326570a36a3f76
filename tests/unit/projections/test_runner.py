"""The runner over forged logs: events that cannot be applied. What concerns the tables is in `tests/contracts`."""

from pathlib import Path

import pytest

from ledger.domain.types import Digest
from ledger.domain.values import Part
from ledger.testing.forge import How
from projections.credential_status import CredentialStatus
from projections.family import Parked, View
from projections.feed import FeedFailed
from projections.runner import Runner
from projections.stores.engine import ViewStoreFailed
from projections.stores.sqlite import connect, in_memory
from projections.stores.sqlite_reading import SqliteRows
from projections.views import FAMILY
from projections.wallet import Wallet
from tests.unit.projections.world import ForgeFeed, World

STATUS, WALLET = CredentialStatus(), Wallet()


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
    found = {str(row[place]) for row in SqliteRows(store.connection).cells(view.tables[0])}
    store.connection.close()
    return found, heard


def test_an_event_of_a_type_from_the_future_parks_its_stream(view: View) -> None:
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


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ViewStoreFailed):
        connect(tmp_path / "no folder" / "views.db", FAMILY)
